//! What a pack says, and reading it.

pub mod load;
pub mod manifest;
pub mod versions;
