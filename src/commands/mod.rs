//! What each command does.

pub mod maintain;
pub mod run;
