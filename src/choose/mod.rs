//! What was chosen, and whether it can be combined.

pub mod file;
pub mod migrated;
pub mod operation;
pub mod rules;
pub mod schema;
pub mod selection;
