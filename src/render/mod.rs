//! From a selection to the project in memory.

pub mod files;
pub mod lockfile;
pub mod names;
pub mod plan;
pub mod tree;
