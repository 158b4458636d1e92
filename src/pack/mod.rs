//! What a pack says, and reading it.

pub mod embedded;
pub mod layout;
pub mod load;
pub mod manifest;
pub mod versions;
