//! From a selection to the project in memory.

pub mod docking;
pub mod files;
pub mod lockfile;
pub mod names;
pub mod plan;
pub mod tree;
