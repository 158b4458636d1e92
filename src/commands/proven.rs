//! `scaffold list --proven`: which selections were set up, started and driven, and on which day.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Command;
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::session::Session;
use crate::pack::load::Pack;
use crate::proof::built_in::built_in;
use crate::proof::history::{History, Seen};
use crate::proof::record::{Outcome, rendered};
use crate::render::files::rendered_files;
use crate::render::plan::Plan;
use crate::terminal::arguments::{choosing, chosen};
use crate::terminal::output::{SCHEMA, print, print_json};
use crate::text::error::Error;

/// Shows the last run of each slow test, by the selections that it set up.
///
/// # Errors
/// [`Error::Usage`] where another pack than the built-in one is in use, of which nothing is recorded.
pub fn show(session: &Session) -> Result<u8, Error> {
    if session.pack.origin.is_some() {
        return Err(Error::usage(
            "what was proven is recorded of the built-in pack only",
            "leave out `--templates`, or `--proven`",
        ));
    }
    let proven = proven(session.pack, built_in());
    if session.json {
        print_json(&proven, false)?;
    } else {
        print(&proven.text())?;
    }
    Ok(0)
}

/// Answer of `scaffold list --proven`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Proven {
    /// Version of this form.
    pub schema: u32,
    /// Name of the pack.
    pub pack: String,
    /// Version of the pack.
    pub version: String,
    /// The slow tests that were run, each as it ended the last time before this program was built.
    pub subjects: Vec<ProvenSubject>,
}

/// A slow test that was run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProvenSubject {
    /// The test, `file::function`.
    pub name: String,
    /// What it does.
    pub what: String,
    /// Whether it passed.
    pub passed: bool,
    /// The commit whose files were tested.
    pub commit: String,
    /// The day, in UTC.
    pub day: String,
    /// How long it took, in seconds.
    pub seconds: u32,
    /// Processors of the machine.
    pub cores: u32,
    /// Memory of the machine, in MiB.
    pub memory_mib: u32,
    /// The projects that it set up; none where it looked at files of every selection.
    pub projects: Vec<ProvenProject>,
}

/// A project that a slow test set up.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProvenProject {
    /// The command that renders it.
    pub command: String,
    /// Whether this program renders the same files as were tested.
    pub current: bool,
}

impl Proven {
    /// What people read: by command, what was done with what it renders.
    #[must_use]
    pub fn text(&self) -> String {
        if self.subjects.is_empty() {
            return "nothing is recorded yet: `make prove` in the program's repository runs and records everything\n".to_owned();
        }
        let mut commands: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for subject in &self.subjects {
            let row = |state: &str| {
                let (day, what, name, seconds) =
                    (&subject.day, &subject.what, &subject.name, subject.seconds);
                let state = if subject.passed { state } else { "failed" };
                let commit = &subject.commit[..12];
                format!("  {day}  {state:<15}  {what} ({name} at {commit}, {seconds} s)")
            };
            for project in &subject.projects {
                let state = if project.current { "as rendered now" } else { "changed since" };
                commands.entry(&project.command).or_default().push(row(state));
            }
            if subject.projects.is_empty() {
                commands.entry("every selection").or_default().push(row("passed"));
            }
        }
        let mut text = format!("{} {}: what was run, and when\n", self.pack, self.version);
        for (command, rows) in commands {
            let _ = writeln!(text, "\n{command}\n{}", rows.join("\n"));
        }
        text
    }
}

/// What `history` says of the pack.
#[must_use]
pub fn proven(pack: &Pack, history: &History) -> Proven {
    let mut now = BTreeMap::new();
    let mut subject = |Seen { record, entry }: Seen| ProvenSubject {
        name: entry.name.clone(),
        what: entry.what.clone(),
        passed: entry.result == Outcome::Passed,
        commit: record.commit.clone(),
        day: record.day.clone(),
        seconds: entry.seconds,
        cores: record.cores,
        memory_mib: record.memory_mib,
        projects: entry
            .projects
            .iter()
            .map(|project| {
                let command = &project.command;
                let now = now.entry(command.clone()).or_insert_with(|| digest_now(pack, command));
                let current = now.as_ref().is_ok_and(|now| *now == project.rendered);
                ProvenProject { command: command.clone(), current }
            })
            .collect(),
    };
    let mut subjects: Vec<ProvenSubject> = history.entries().map(&mut subject).collect();
    subjects.sort_by(|left, right| left.name.cmp(&right.name));
    Proven {
        schema: SCHEMA,
        pack: pack.manifest.name.clone(),
        version: pack.manifest.version.clone(),
        subjects,
    }
}

/// The digest of what a recorded command renders now; an error where there is no such choice any more.
fn digest_now(pack: &Pack, command: &str) -> Result<String, String> {
    let words = command.split(' ').skip("scaffold new".split(' ').count());
    let parser = choosing(pack, Command::new("new"), false).no_binary_name(true);
    let matches = parser.try_get_matches_from(words).map_err(|error| error.to_string())?;
    let render = || {
        let selection = chosen(pack, &matches)?.choices.complete(pack)?;
        rendered_files(&Plan::new(pack, selection)?)
    };
    let tree = render().map_err(|error: Error| error.to_string())?;
    Ok(rendered(tree.iter().map(|(path, file)| (path, &*file.bytes, file.executable))))
}
