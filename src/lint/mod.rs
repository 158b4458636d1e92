//! Everything that can be wrong with a pack.

pub mod constraints;
pub mod cover;
pub mod validate;
