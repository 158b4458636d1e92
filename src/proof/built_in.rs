//! The records inside the program.

use std::sync::OnceLock;

use crate::proof::history::History;

/// Of each subject the last entry that there was when the program was built.
#[must_use]
pub fn built_in() -> &'static History {
    static HISTORY: OnceLock<History> = OnceLock::new();
    HISTORY
        .get_or_init(|| History::embedded(include_str!(concat!(env!("OUT_DIR"), "/proven.toml"))))
}
