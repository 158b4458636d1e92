//! What a pack says, and reading it.

pub mod docking;
pub mod embedded;
pub mod layout;
pub mod load;
pub mod manifest;
pub mod migration;
pub mod pattern;
pub mod versions;
