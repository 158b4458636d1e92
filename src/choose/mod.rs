//! What was chosen, and whether it can be combined.

pub mod file;
pub mod migrated;
pub mod operation;
pub mod selection;
