//! Everything that can be wrong with a pack.

pub mod clash;
pub mod constraints;
pub mod cover;
pub mod docking;
pub mod migrations;
pub mod proof;
pub mod texts;
pub mod validate;
