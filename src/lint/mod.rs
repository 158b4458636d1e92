//! Everything that can be wrong with a pack.

pub mod migrations;
pub mod validate;
