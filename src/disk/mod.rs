//! The only rooms that write: whole or not at all.

pub mod git;
pub mod seal;
pub mod transaction;
pub mod writer;
