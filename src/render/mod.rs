//! From a selection to the project in memory.

pub mod docked;
pub mod docking;
pub mod files;
pub mod lockfile;
pub mod names;
pub mod parts;
pub mod plan;
pub mod tree;
