//! What was run slowly and when: records of it, and what follows from them.

pub mod built_in;
pub mod history;
pub mod record;
