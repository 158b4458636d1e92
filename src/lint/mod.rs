//! Everything that can be wrong with a pack.

pub mod docking;
pub mod validate;
