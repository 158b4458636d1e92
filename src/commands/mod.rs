//! What each command does: its arguments, carrying it out, and what it prints with `--json`.

pub mod add;
pub mod adopt;
pub mod apply;
pub mod check;
pub mod completions;
pub mod doctor;
pub mod explain;
pub mod list;
pub mod man;
pub mod new;
pub mod operate;
pub mod pack;
pub mod plan;
pub mod proven;
pub mod remove;
pub mod resolve;
pub mod schema;
pub mod session;
pub mod set;
pub mod undo;
pub mod update;
