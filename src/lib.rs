//! `scaffold` renders working polyglot systems from packs of components.
//!
//! Data flows one way, and everything before the writer is pure:
//!
//! ```text
//! argv / answers / prompts -> Selection -> Plan -> Tree -> Writer
//! ```
//!
//! The engine knows nothing of any framework: what can be chosen, and what it renders, is the
//! pack's. Modules import from those above them in this list only.

pub mod answer;
pub mod cli;
pub mod diagram;
pub mod digest;
pub mod error;
pub mod lockfile;
pub mod manifest;
pub mod name;
pub mod pack;
pub mod plan;
pub mod project;
pub mod prompt;
pub mod render;
pub mod run;
pub mod selection;
pub mod template;
pub mod tree;
pub mod validation;
pub mod writer;
