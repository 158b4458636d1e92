//! `scaffold resolve`: says that conflicts are resolved.

use std::fmt::Write as _;
use std::path::Path;

use clap::{ArgMatches, Command, ValueHint};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

use crate::commands::operate::{UNRESOLVED, conflict_lines};
use crate::commands::session::{Entry, Session, Words, begin, path_in, root};
use crate::disk::writer::{Disk as _, LocalDisk};
use crate::merge::decide::{BESIDE, Conflict, ConflictKind, Ours, marker_line};
use crate::project::intent::{open_conflicts, read_state, selection_file};
use crate::project::state::{self, ours};
use crate::terminal::arguments::{flag, many, texts};
use crate::terminal::output::{SCHEMA, print_json, say};
use crate::text::error::Error;
use crate::text::path::{self, LOCK_FILE};

/// Says that conflicts are resolved.
pub const ENTRY: Entry = Entry {
    schemas: &[("resolve", |_| schema_for!(Resolve).to_value())],
    ..Entry::new("resolve", arguments, run)
};

fn arguments(command: Command, _: &Words) -> Command {
    let paths = many("PATH", "Paths, from the current folder or from the project's");
    command
        .about("Say that conflicts are resolved")
        .arg(paths.value_hint(ValueHint::FilePath))
        .arg(flag("yes", "Ask nothing; this command never does"))
}

/// Records that conflicts are resolved.
fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    let paths = texts(matches, "path");
    let root = root()?;
    let transaction = begin(&root)?;
    let text = selection_file(&root)?;
    let state = read_state(session.pack, &root, &text, &mut Vec::new())?;
    let is_known = |path: &str| state.lock.conflicts.iter().any(|other| other.path == path);
    let paths: Vec<String> = paths.iter().map(|path| path_in(&root, path, is_known)).collect();
    for path in &paths {
        let recorded = state.lock.conflicts.iter().find(|conflict| conflict.path == *path);
        let Some(conflict) = recorded else {
            let known: Vec<&str> =
                state.lock.conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
            let hint = if known.is_empty() {
                "there are no conflicts".to_owned()
            } else {
                format!("conflicts: {}", known.join(", "))
            };
            return Err(Error::usage(format!("`{path}` has no conflict"), hint));
        };
        if conflict.kind == ConflictKind::Markers
            && let Ours::File(content) = ours(&root, path)?
            && let Some(line) = marker_line(conflict, &content.bytes)
        {
            return Err(Error::Conflicts {
                message: format!("{path}:{line}: there are markers left"),
                hint: "keep what is right of both versions, and remove the lines of markers"
                    .to_owned(),
            });
        }
    }
    let left: Vec<Conflict> = open_conflicts(&root, &state)
        .into_iter()
        .filter(|conflict| !paths.contains(&conflict.path))
        .collect();
    let lock = state.lock.with_conflicts(&left);
    transaction.replace(LOCK_FILE, lock.as_bytes())?;
    let kept = remove_beside(&root, &state, &paths)?;
    let exit_code = if left.is_empty() { 0 } else { UNRESOLVED };
    if session.json {
        print_json(
            &Resolve { schema: SCHEMA, resolved: paths, conflicts: left, exit_code },
            false,
        )?;
    } else {
        let mut text = format!("resolved: {}\n", paths.join(", "));
        for path in kept {
            let _ = writeln!(text, "  {path} stays: you changed it");
        }
        text.push_str(&conflict_lines(&left));
        say(&text);
    }
    Ok(exit_code)
}

/// Removes the new versions that stand beside files of `paths`; gives those that the user changed,
/// which stay.
fn remove_beside(
    root: &Path,
    state: &state::Project,
    paths: &[String],
) -> Result<Vec<String>, Error> {
    let mut kept = Vec::new();
    for conflict in &state.lock.conflicts {
        let is_ours = |beside: &&String| {
            beside.starts_with(&format!("{}{BESIDE}", conflict.path))
                && path::unsafe_in(root, beside).is_none()
        };
        let meant = conflict.kind == ConflictKind::Beside && paths.contains(&conflict.path);
        let Some(beside) = conflict.theirs.as_ref().filter(|beside| meant && is_ours(beside))
        else {
            continue;
        };
        let rendered = state.base.get(&conflict.path).map(|file| &file.bytes);
        match ours(root, beside)? {
            Ours::File(content) if Some(&content.bytes) == rendered => {
                let path = root.join(beside);
                LocalDisk
                    .remove_file(&path)
                    .map_err(|error| Error::io("cannot change", &path, error))?;
            }
            Ours::Absent => {}
            _ => kept.push(beside.clone()),
        }
    }
    Ok(kept)
}

/// Answer of `scaffold resolve`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Resolve {
    /// Version of this form.
    pub schema: u32,
    /// What was resolved.
    pub resolved: Vec<String>,
    /// What is left.
    pub conflicts: Vec<Conflict>,
    /// The exit code of the process.
    pub exit_code: u8,
}
