//! What everything else speaks in: errors, archives, digests, names, paths, patterns, templates and
//! diagrams.

pub mod archive;
pub mod diagram;
pub mod digest;
pub mod error;
pub mod name;
pub mod path;
pub mod pattern;
pub mod tag;
pub mod template;
