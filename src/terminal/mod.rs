//! What people type, read and are asked.

pub mod arguments;
pub mod output;
pub mod prompt;
pub mod refusal;
