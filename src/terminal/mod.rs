//! What people type, read and are asked.

pub mod answer;
pub mod arguments;
pub mod output;
pub mod prompt;
