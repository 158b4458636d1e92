//! `scaffold new`: renders a new project.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::{ArgMatches, Command};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::choose::schema::answers_schema;
use crate::commands::session::{Entry, Session, Words, is_terminal};
use crate::disk::writer;
use crate::merge::decide::Content;
use crate::merge::patch::patch;
use crate::project::state::{self, Records};
use crate::render::files::rendered_files;
use crate::render::plan::Plan;
use crate::render::tree::Tree;
use crate::terminal::arguments::{chosen, flag, into};
use crate::terminal::output::{SCHEMA, print, print_json, say};
use crate::terminal::prompt;
use crate::text::error::{Error, shell_word};
use crate::text::path::{BASE_FILE, SELECTION_FILE};

/// Renders a new project.
pub const ENTRY: Entry = Entry {
    schemas: &[("answers", answers_schema), ("new", |_| schema_for!(New).to_value())],
    ..Entry::new("new", arguments, run)
};

fn arguments(command: Command, words: &Words) -> Command {
    words
        .choosing(command.about("Render a new project"), false)
        .arg(into("Write to this folder instead of one named after the project"))
        .arg(flag("dry-run", "Write nothing, only say what would be written"))
        .arg(flag("diff", "Write nothing, show the content of every file"))
        .arg(flag("yes", "Ask nothing, take the defaults"))
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    let pack = session.pack;
    let chosen = chosen(pack, matches)?;
    let (dry_run, diff) = (matches.get_flag("dry-run"), matches.get_flag("diff"));
    let asks = !chosen.any && !matches.get_flag("yes") && !session.json && is_terminal();
    let choices = if asks { prompt::ask(pack, chosen.choices)? } else { chosen.choices };
    let started = Instant::now();
    let selection = choices.complete(pack)?;
    let name = selection.name.as_str().to_owned();
    let destination =
        matches.get_one::<PathBuf>("into").cloned().unwrap_or_else(|| PathBuf::from(&name));
    let writes = !dry_run && !diff;
    if writes {
        refuse_inside(&destination)?;
        writer::check_destination(&destination).map_err(Error::elsewhere)?;
    }
    let command = selection.choices(pack).command(pack);
    let plan = Plan::new(pack, selection)?;
    let mut tree = rendered_files(&plan)?;
    let state = || state::state(pack, &tree, &Records::default());
    let state = if writes {
        writer::write(&tree, state, &destination, &on_interrupt()).map_err(Error::elsewhere)?
    } else {
        state()
    };
    tree.extend(state);
    let diff = diff.then(|| as_diff(&tree));
    if let Some(diff) = diff.as_ref().filter(|_| !session.json) {
        print(diff)?;
        return Ok(0);
    }
    let milliseconds = started.elapsed().as_millis();
    let path = destination.display().to_string();
    let next = next_commands(&plan, &path);
    if session.json {
        let answer = New {
            schema: SCHEMA,
            project: name,
            path,
            written: writes,
            files: tree.len(),
            bytes: tree.bytes(),
            digest: tree.digest(),
            command,
            next,
            diff,
        };
        print_json(&answer, false)?;
        return Ok(0);
    }
    let how = if dry_run {
        format!("would be {}", size(&tree))
    } else {
        format!("{}, {milliseconds} ms", size(&tree))
    };
    let mut text = format!("{name}: {how}\n\n{}", folders(&plan, &tree));
    if !dry_run {
        let needs = &pack.manifest.after.needs;
        let note = if needs.is_empty() { String::new() } else { format!("   ({needs})") };
        let _ = writeln!(text, "\nNext:  {}{note}", next.join(" && "));
    }
    // The project is there, whether or not somebody reads about it.
    say(&text);
    Ok(0)
}

/// What people type next, after a project was rendered to `path`.
fn next_commands(plan: &Plan, path: &str) -> Vec<String> {
    let mut next = Vec::new();
    if path != "." {
        // To `cd`, what begins with `-` is a flag.
        let prefix = if path.starts_with('-') { "./" } else { "" };
        next.push(format!("cd {}", shell_word(&format!("{prefix}{path}"))));
    }
    next.extend(plan.pack.manifest.after.next.iter().cloned());
    next
}

/// The tree by folder, with what the pack says of each.
fn folders(plan: &Plan, tree: &Tree) -> String {
    let services = plan.services.iter().map(|service| &service.path);
    let own: Vec<String> = services
        .chain(plan.codes.iter().map(|code| &code.path))
        .map(|folder| format!("{folder}/"))
        .collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, _) in tree.iter() {
        let folder = match own.iter().find(|folder| path.starts_with(*folder)) {
            Some(folder) => folder,
            None => path.split_inclusive('/').next().filter(|first| *first != path).unwrap_or("./"),
        };
        *counts.entry(folder).or_default() += 1;
    }
    let notes = plan.pack.manifest.after.folders.as_ref().and_then(|name| plan.context.get(name));
    let note = |folder: &str| -> &str {
        let entries = notes.and_then(|notes| notes.as_array());
        let found = entries.into_iter().flatten().find(|entry| {
            entry["path"]
                .as_str()
                .is_some_and(|path| path.trim_end_matches('/') == folder.trim_end_matches('/'))
        });
        found.and_then(|entry| entry["text"].as_str()).unwrap_or_default()
    };
    let width = counts.keys().map(|folder| folder.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (folder, count) in &counts {
        let line = format!("  {folder:<width$} {count:>4}   {}", note(folder));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// How many files a project has, and how large they are.
#[must_use]
pub fn size(tree: &Tree) -> String {
    format!("{} files, {}", tree.len(), bytes(tree.bytes()))
}

/// A size as people read it.
#[must_use]
pub fn bytes(count: usize) -> String {
    if count < 1024 { format!("{count} B") } else { format!("{} KiB", count.div_ceil(1024)) }
}

/// Every file as a patch that adds it.
fn as_diff(tree: &Tree) -> String {
    // The base is this very tree, compressed: nothing to read.
    let read = tree.iter().filter(|(path, _)| *path != BASE_FILE);
    read.map(|(path, file)| patch(path, None, Some(&Content::from(file)))).collect()
}

/// Refuses a place inside another project: its operations would take the new one for their own.
fn refuse_inside(destination: &Path) -> Result<(), Error> {
    let full = resolved(destination);
    let outer = full.ancestors().skip(1).find(|folder| folder.join(SELECTION_FILE).is_file());
    match outer {
        Some(outer) => Err(Error::Destination {
            message: format!(
                "`{}` is inside the generated project `{}`",
                destination.display(),
                outer.display()
            ),
            hint: "choose a place outside with `--into DIR`; for a further service: scaffold add service NAME --kind KIND".to_owned(),
        }),
        None => Ok(()),
    }
}

/// Where a path leads to, as far as it exists: `..` and links followed as the system does it.
fn resolved(path: &Path) -> PathBuf {
    let mut full = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        if part == std::path::Component::ParentDir {
            full.pop();
        } else {
            full.push(part);
            full = full.canonicalize().unwrap_or(full);
        }
    }
    full
}

/// A mark that Ctrl-C and a termination request set from here on, instead of ending the process.
fn on_interrupt() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // Without a handler the process just ends: correct as well, only less tidy.
        let _ = signal_hook::flag::register(signal, Arc::clone(&interrupted));
    }
    interrupted
}

/// Answer of `scaffold new`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct New {
    /// Version of this form.
    pub schema: u32,
    /// Name of the project.
    pub project: String,
    /// Where it was written, as it was asked for.
    pub path: String,
    /// Whether something was written, that is, no `--dry-run`.
    pub written: bool,
    /// Number of files.
    pub files: usize,
    /// Size of all files, in bytes.
    pub bytes: usize,
    /// `sha256:` over paths, contents and executable bits.
    pub digest: String,
    /// The command line that chooses the same.
    pub command: String,
    /// The commands to run next.
    pub next: Vec<String>,
    /// Every file as a patch that adds it, where `--diff` asks for it.
    pub diff: Option<String>,
}
