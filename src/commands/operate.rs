//! What the commands have in common that change a project.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::{ArgMatches, Command};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

use crate::choose::operation::Operation;
use crate::commands::session::{
    Does, Entry, ReadOperation, Session, Words, begin, is_terminal, root,
};
use crate::disk::transaction;
use crate::merge::decide::{Conflict, ConflictKind, Ours};
use crate::merge::patch::patch;
use crate::pack::load::Pack;
use crate::project::intent::{Intent, Leaving, intend, lost_base, refuse_foreign};
use crate::project::state::ours;
use crate::terminal::arguments::flag;
use crate::terminal::output::{SCHEMA, print, print_json, say};
use crate::terminal::prompt::confirm;
use crate::text::error::{Error, shell_words};
use crate::text::path::BASE_FILE;

/// A command that changes what a project consists of; `operation` reads it from its arguments.
#[must_use]
pub const fn changing(
    name: &'static str,
    arguments: fn(Command, &Words) -> Command,
    operation: ReadOperation,
) -> Entry {
    let does = Does::Change(operation);
    Entry { name, arguments, does, schemas: &[], is_about_a_project: true }
}

/// The JSON Schema of what such a command prints with `--json`.
#[must_use]
pub fn schema(_: &Pack) -> serde_json::Value {
    schema_for!(Change).to_value()
}

/// How an operation goes about its work.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag of the command line")]
pub struct Flags {
    /// Write nothing, only say what would change.
    pub dry_run: bool,
    /// Write nothing, and show what would change, line by line.
    pub diff: bool,
    /// Touch files with changes that are not committed.
    pub allow_dirty: bool,
    /// Ask nothing, whatever goes.
    pub yes: bool,
}

/// Adds the arguments of [`Flags`].
#[must_use]
pub fn with_flags(command: Command) -> Command {
    command
        .arg(flag("dry-run", "Write nothing, only say what would change"))
        .arg(flag("diff", "Write nothing, show the changes line by line"))
        .arg(flag("allow-dirty", "Touch files with changes that are not committed"))
        .arg(flag("yes", "Ask nothing, also where services go"))
}

/// Reads the arguments of [`Flags`], which may stand behind the command or behind its `service`.
#[must_use]
pub fn flags(matches: &ArgMatches) -> Flags {
    let inner = matches.subcommand().map(|(_, inner)| inner);
    let flag = |id: &str| matches.get_flag(id) || inner.is_some_and(|inner| inner.get_flag(id));
    Flags {
        dry_run: flag("dry-run"),
        diff: flag("diff"),
        allow_dirty: flag("allow-dirty"),
        yes: flag("yes"),
    }
}

/// The exit code where conflicts are left.
pub const UNRESOLVED: u8 = 4;

/// Carries out an operation on the project around the current folder.
pub fn operate(session: &Session, operation: &Operation, flags: Flags) -> Result<u8, Error> {
    let root = root()?;
    refuse_foreign(session.pack, &root)?;
    let writes = !flags.dry_run && !flags.diff;
    let transaction = if writes { Some(begin(&root)?) } else { None };
    let intent = intend(session.pack, &root, operation, flags.allow_dirty || !writes);
    if let (Err(Error::Conflicts { .. }), Some(transaction)) = (&intent, &transaction)
        && let Some(base) = lost_base(session.pack, &root)
    {
        // Conflicts that are left stop the operation, and not what brings back the base.
        transaction.replace(BASE_FILE, &base)?;
        say(&format!("rendered `{BASE_FILE}` again\n"));
    }
    let intent = intent?;
    let diff = flags.diff.then(|| as_patch(&root, &intent.changes)).transpose()?;
    if let Some(diff) = diff.as_ref().filter(|_| !session.json) {
        print(diff)?;
        return Ok(code(&intent));
    }
    if writes && !flags.yes && intent.leaving.iter().any(|leaving| !leaving.named) {
        ask(session, operation, &intent)?;
    }
    if let Some(transaction) = &transaction
        && !intent.changes.is_empty()
    {
        transaction.commit(&operation.words(), &intent.changes)?;
    }
    let written = writes && !intent.changes.is_empty();
    if session.json {
        print_json(&answered(operation, &intent, written, diff), false)?;
    } else {
        say(&summary(&intent, writes));
    }
    Ok(code(&intent))
}

/// Asks whether services shall go that the command does not name.
fn ask(session: &Session, operation: &Operation, intent: &Intent) -> Result<(), Error> {
    let (removed, added) = (intent.removed.len(), intent.added.len());
    let message = format!(
        "this would remove {}: {} {}, {added} {}; what you edited stays",
        leaving_services(&intent.leaving),
        counted(removed),
        if removed == 1 { "goes" } else { "go" },
        if added == 1 { "comes" } else { "come" },
    );
    if !session.json && is_terminal() {
        return confirm(&message);
    }
    let words = operation.words();
    Err(Error::Destination {
        message,
        hint: format!(
            "if that is meant: scaffold {words} --yes; to see it: scaffold {words} --diff"
        ),
    })
}

fn code(intent: &Intent) -> u8 {
    if intent.merge.conflicts.is_empty() { 0 } else { UNRESOLVED }
}

fn answered(operation: &Operation, intent: &Intent, written: bool, diff: Option<String>) -> Change {
    Change {
        schema: SCHEMA,
        operation: operation.words(),
        written,
        from: intent.from.clone(),
        to: intent.to.clone(),
        added: intent.added.clone(),
        changed: intent.changed.clone(),
        removed: intent.removed.clone(),
        removed_services: intent.leaving.iter().map(|leaving| leaving.service.clone()).collect(),
        renamed: intent.merge.moved.clone(),
        stay_deleted: intent.merge.stay_deleted.clone(),
        conflicts: intent.merge.conflicts.clone(),
        notes: intent.notes.clone(),
        diff,
        exit_code: code(intent),
    }
}

/// What was done, or would be, for people.
fn summary(intent: &Intent, writes: bool) -> String {
    let mut text = String::new();
    for note in &intent.notes {
        let _ = writeln!(text, "{note}");
    }
    if !intent.leaving.is_empty() {
        let _ = writeln!(text, "removes {}", leaving_services(&intent.leaving));
    }
    let merge = &intent.merge;
    if intent.changes.is_empty() && merge.conflicts.is_empty() {
        text.push_str("nothing to change\n");
        return text;
    }
    let mut parts = Vec::new();
    if intent.from != intent.to {
        parts.push(format!("{} -> {}", intent.from, intent.to));
    }
    if !intent.added.is_empty() {
        parts.push(format!("+ {}", counted(intent.added.len())));
    }
    if !intent.changed.is_empty() {
        parts.push(format!("~ {} changed ({})", intent.changed.len(), some(&intent.changed)));
    }
    if !merge.moved.is_empty() {
        parts.push(format!("> {} renamed", merge.moved.len()));
    }
    if !intent.removed.is_empty() {
        parts.push(format!("- {}", counted(intent.removed.len())));
    }
    let plural = if merge.conflicts.len() == 1 { "" } else { "s" };
    parts.push(format!("! {} conflict{plural}", merge.conflicts.len()));
    let _ = writeln!(text, "{}", parts.join("   "));
    for path in &merge.stay_deleted {
        let _ = writeln!(text, "  {path}: you deleted it; it changed, and stays deleted");
    }
    for path in &merge.own {
        let _ = writeln!(text, "  {path}: you had it already; it stays yours");
    }
    text.push_str(&conflict_lines(&merge.conflicts));
    if !writes {
        text.push_str("Nothing was written.\n");
    } else if !intent.changes.is_empty() {
        text.push_str("Undo with: scaffold undo\n");
    }
    text
}

/// The services that go, with their files.
fn leaving_services(leaving: &[Leaving]) -> String {
    let shown: Vec<String> = leaving
        .iter()
        .map(|one| {
            let edited = if one.edited == 0 {
                String::new()
            } else {
                format!(", {} of them edited", one.edited)
            };
            format!("`{}` ({}{edited})", one.service, counted(one.files))
        })
        .collect();
    match shown.as_slice() {
        [only] => format!("the service {only}"),
        [first @ .., last] => format!("the services {} and {last}", first.join(", ")),
        [] => String::new(),
    }
}

/// A line for each conflict, and what to do about them.
#[must_use]
pub fn conflict_lines(conflicts: &[Conflict]) -> String {
    let mut text = String::new();
    for conflict in conflicts {
        let beside = conflict.theirs.as_deref().unwrap_or("nothing");
        let reason = match conflict.kind {
            ConflictKind::Markers => {
                "your edit and the new version overlap, between markers".to_owned()
            }
            ConflictKind::Key => match conflict.pointer.as_deref() {
                Some("") | None => "it was there already; both are put together".to_owned(),
                Some(pointer) => format!("{pointer} is yours; the new version has {beside}"),
            },
            ConflictKind::Beside => format!("it cannot be merged; the new version is {beside}"),
            ConflictKind::Kept => {
                "it is no longer part of the project, but you edited it".to_owned()
            }
            ConflictKind::Stale => format!(
                "it is yours and does not fit any more; renew it: {}",
                conflict.renew.as_deref().unwrap_or_default()
            ),
            ConflictKind::Blocked => "something else is in its place".to_owned(),
        };
        let _ = writeln!(text, "  ! {}   {reason}", conflict.path);
    }
    if !conflicts.is_empty() {
        let mut paths: Vec<&str> =
            conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
        paths.dedup();
        let _ = writeln!(
            text,
            "Resolve each in the file, or delete the file, then: scaffold resolve {}",
            shell_words(&paths)
        );
    }
    text
}

/// The changes as a patch against what the user has.
fn as_patch(root: &Path, changes: &[transaction::Change]) -> Result<String, Error> {
    let mut text = String::new();
    for transaction::Change { path, after, .. } in
        changes.iter().filter(|change| change.path != BASE_FILE)
    {
        let before = match ours(root, path)? {
            Ours::File(content) => Some(content),
            _ => None,
        };
        text.push_str(&patch(path, before.as_ref(), after.as_ref()));
    }
    Ok(text)
}

/// How many files, in words.
#[must_use]
pub fn counted(number: usize) -> String {
    if number == 1 { "1 file".to_owned() } else { format!("{number} files") }
}

fn some(paths: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<&str> = paths.iter().take(SHOWN).map(String::as_str).collect();
    if paths.len() > SHOWN {
        shown.push("...");
    }
    shown.join(", ")
}

/// Answer of `scaffold add`, `remove`, `set`, `update` and `apply`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Change {
    /// Version of this form.
    pub schema: u32,
    /// The operation, as people type it.
    pub operation: String,
    /// Whether something was written.
    pub written: bool,
    /// Version of the pack that rendered the project before.
    pub from: String,
    /// Version of the pack that renders it now.
    pub to: String,
    /// Paths that come.
    pub added: Vec<String>,
    /// Paths that change.
    pub changed: Vec<String>,
    /// Paths that go.
    pub removed: Vec<String>,
    /// Services that go.
    pub removed_services: Vec<String>,
    /// Paths that move, from old to new.
    pub renamed: BTreeMap<String, String>,
    /// Paths that the user deleted and that would have changed; they stay deleted.
    pub stay_deleted: Vec<String>,
    /// Conflicts that a person has to resolve.
    pub conflicts: Vec<Conflict>,
    /// What else people should know.
    pub notes: Vec<String>,
    /// The changes as a patch, where `--diff` asks for it.
    pub diff: Option<String>,
    /// The exit code of the process.
    pub exit_code: u8,
}
