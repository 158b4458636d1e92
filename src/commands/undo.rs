//! `scaffold undo`: takes the last operation back.

use std::fmt::Write as _;

use clap::{ArgMatches, Command};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

use crate::commands::operate::counted;
use crate::commands::session::{Entry, Session, Words, begin, root};
use crate::disk::transaction::Undone;
use crate::terminal::arguments::flag;
use crate::terminal::output::{SCHEMA, print_json, say};
use crate::text::error::Error;

/// Takes the last operation back.
pub const ENTRY: Entry = Entry {
    schemas: &[("undo", |_| schema_for!(Undo).to_value())],
    ..Entry::new("undo", arguments, run)
};

fn arguments(command: Command, _: &Words) -> Command {
    command
        .about("Take the last operation back")
        .arg(flag("dry-run", "Write nothing"))
        .arg(flag("keep-edits", "Leave files as they are that were changed since"))
        .arg(flag("yes", "Ask nothing; this command never does"))
}

/// Takes the last operation back.
fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    let dry_run = matches.get_flag("dry-run");
    let root = root()?;
    let transaction = begin(&root)?;
    let Undone { operation, paths, kept } =
        transaction.undo(dry_run, matches.get_flag("keep-edits"))?;
    if session.json {
        print_json(&Undo { schema: SCHEMA, operation, written: !dry_run, paths, kept }, false)?;
        return Ok(0);
    }
    let done = if dry_run { "would take back" } else { "took back" };
    let mut text = format!("{done} `scaffold {operation}`: {}\n", counted(paths.len()));
    for path in kept {
        let _ = writeln!(text, "  {path}: it was changed since, and stays as it is");
    }
    say(&text);
    Ok(0)
}

/// Answer of `scaffold undo`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Undo {
    /// Version of this form.
    pub schema: u32,
    /// The operation that was taken back.
    pub operation: String,
    /// Whether something was written.
    pub written: bool,
    /// The paths that changed.
    pub paths: Vec<String>,
    /// The paths that were changed since, and stay as they are with `--keep-edits`.
    pub kept: Vec<String>,
}
