//! What becomes of a path, from what was rendered, what the user has and what is rendered now.

pub mod decide;
pub mod keyed;
pub mod moves;
pub mod patch;
pub mod syntax;
