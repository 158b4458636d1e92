//! A generated project: its state, and what an operation would do to it.

pub mod adoption;
pub mod base;
pub mod intent;
pub mod repair;
pub mod state;
