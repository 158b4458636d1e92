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

pub mod adoption;
pub mod answer;
pub mod base;
pub mod cli;
pub mod diagram;
pub mod digest;
pub mod error;
pub mod git;
pub mod keyed;
pub mod lifecycle;
pub mod lockfile;
pub mod maintain;
pub mod manifest;
pub mod merge;
pub mod name;
pub mod operation;
pub mod output;
pub mod pack;
pub mod path;
pub mod plan;
pub mod project;
pub mod prompt;
pub mod render;
pub mod repair;
pub mod run;
pub mod seal;
pub mod selection;
pub mod syntax;
pub mod template;
pub mod transaction;
pub mod tree;
pub mod validation;
pub mod writer;
