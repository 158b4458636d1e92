//! `scaffold` renders working polyglot systems from packs of components.
//!
//! Data flows one way, and everything before the writer is pure:
//!
//! ```text
//! argv / answers / prompts -> Selection -> Plan -> Tree -> (merge with Base and the user's) -> Writer
//! ```
//!
//! The engine knows nothing of any framework: what can be chosen, and what it renders, is the
//! pack's. Modules import from those above them in this list only.

pub mod choose;
pub mod cli;
pub mod commands;
pub mod disk;
pub mod lint;
pub mod merge;
pub mod pack;
pub mod project;
pub mod proof;
pub mod render;
pub mod terminal;
pub mod text;
