//! What a command is, and what carrying one out needs.

use std::io::{self, IsTerminal as _};
use std::path::{Component, Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use serde_json::Value;

use crate::choose::operation::Operation;
use crate::choose::selection::Selection;
use crate::disk::transaction::{Recovered, Transaction};
use crate::disk::writer::LocalDisk;
use crate::pack::load::Pack;
use crate::pack::manifest::PackManifest;
use crate::project::intent::{chosen_selection, project_root};
use crate::terminal::arguments::{self, Chosen};
use crate::terminal::output::say;
use crate::text::error::Error;

/// What `scaffold schema` calls a JSON Schema, and what makes it.
pub type NamedSchema = (&'static str, fn(&Pack) -> Value);
/// Reads what a command asks of a project from its arguments.
pub type ReadOperation = fn(&ArgMatches) -> Result<Operation, Error>;

/// A command of the program.
pub struct Entry {
    /// What people type.
    pub name: &'static str,
    /// Adds what it says of itself, and its arguments.
    pub arguments: fn(Command, &Words) -> Command,
    /// What it does.
    pub does: Does,
    /// The JSON Schemas that `scaffold schema` has of it, by name.
    pub schemas: &'static [NamedSchema],
    /// Whether its words are those of the pack of the project around the current folder.
    pub is_about_a_project: bool,
}

/// What a command does.
#[derive(Clone, Copy)]
pub enum Does {
    /// Is carried out, and gives the exit code.
    Run(fn(&Session, &ArgMatches) -> Result<u8, Error>),
    /// Changes what a project consists of; `plan` shows what that would do.
    Change(ReadOperation),
}

impl Entry {
    /// A command with no schema, that is about no project.
    #[must_use]
    pub const fn new(
        name: &'static str,
        arguments: fn(Command, &Words) -> Command,
        run: fn(&Session, &ArgMatches) -> Result<u8, Error>,
    ) -> Self {
        let does = Does::Run(run);
        Self { name, arguments, does, schemas: &[], is_about_a_project: false }
    }
}

/// What a command line is made of.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// What the pack says of itself.
    pub manifest: &'a PackManifest,
    /// The pack with its components, which help on the program itself does not need.
    pub pack: Option<&'a Pack>,
    /// All commands.
    pub commands: &'static [&'static Entry],
}

impl Words<'_> {
    /// Adds the arguments that choose what a project consists of.
    #[must_use]
    pub fn choosing(&self, command: Command, name_is_flag: bool) -> Command {
        match self.pack {
            Some(pack) => arguments::choosing(pack, command, name_is_flag),
            None => command,
        }
    }
}

/// What carrying out a command needs beside its arguments.
pub struct Session<'a> {
    /// The pack in use.
    pub pack: &'a Pack,
    /// Whether answers are JSON.
    pub json: bool,
    /// All commands.
    pub commands: &'static [&'static Entry],
}

impl Session<'_> {
    /// What the whole command line is made of.
    #[must_use]
    pub fn words(&self) -> Words<'_> {
        Words { manifest: &self.pack.manifest, pack: Some(self.pack), commands: self.commands }
    }
}

/// The whole command line.
#[must_use]
pub fn program(words: &Words) -> Command {
    let manifest = words.manifest;
    let json = Arg::new("json").long("json").global(true).action(ArgAction::SetTrue);
    let templates = Arg::new("templates").long("templates").global(true).value_name("DIR");
    Command::new("scaffold")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Generates polyglot systems that work, the first time and two years later")
        .after_help(format!("Pack: {} {} ({})", manifest.name, manifest.version, manifest.summary))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .arg(json.help("Print a machine-readable answer; `scaffold schema` prints its form"))
        .arg(
            templates
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::DirPath)
                .help("Use the pack in this folder instead of the built-in one"),
        )
        .subcommands(
            words.commands.iter().map(|entry| (entry.arguments)(Command::new(entry.name), words)),
        )
}

/// The project around the current folder.
///
/// # Errors
/// [`Error::Project`] where there is none.
pub fn root() -> Result<PathBuf, Error> {
    project_root().ok_or_else(|| Error::Project {
        message: "this is not a generated project: there is no `scaffold.toml` here or above"
            .to_owned(),
        hint: "run this inside a generated project; to make this one: scaffold adopt".to_owned(),
    })
}

/// Waits for others, and says what became of an operation that was interrupted.
///
/// # Errors
/// What stands in the way of recovering.
pub fn begin(root: &Path) -> Result<Transaction<'static>, Error> {
    let (transaction, recovered) = Transaction::begin(root, &LocalDisk)?;
    if let Some(Recovered { operation, finished, kept }) = recovered {
        let outcome = if finished { "finished" } else { "taken back" };
        say(&format!("`scaffold {operation}` was interrupted; it is {outcome} now\n"));
        for path in kept {
            say(&format!(
                "  {path} was changed since, and stays as it is; a new version that was to replace it stands beside it\n"
            ));
        }
    }
    Ok(transaction)
}

/// The path in the project `root` that people mean by `given`: from the current folder, or else from
/// the project's, whichever `is_known`.
#[must_use]
pub fn path_in(root: &Path, given: &str, is_known: impl Fn(&str) -> bool) -> String {
    let from = |folder: &Path| -> Option<String> {
        let mut whole = PathBuf::new();
        for part in folder.join(given).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    whole.pop();
                }
                other => whole.push(other),
            }
        }
        let inside = whole.strip_prefix(root).ok()?;
        let parts: Option<Vec<&str>> = inside.iter().map(|part| part.to_str()).collect();
        Some(parts?.join("/"))
    };
    let here = std::env::current_dir().unwrap_or_else(|_| root.to_owned());
    let meant = [from(&here), from(root)];
    let known = meant.iter().flatten().find(|path| is_known(path)).cloned();
    known.or_else(|| meant.into_iter().flatten().next_back()).unwrap_or_else(|| given.to_owned())
}

/// What was said, or else the project around the current folder.
///
/// # Errors
/// [`Error::Usage`] where the choices cannot be combined, [`Error::Project`] where the project's cannot
/// be read.
pub fn selection(session: &Session, chosen: &Chosen) -> Result<Selection, Error> {
    if !chosen.any
        && let Some(root) = project_root()
    {
        return chosen_selection(session.pack, &root);
    }
    let mut choices = chosen.choices.clone();
    choices.name.get_or_insert_with(|| "my-app".to_owned());
    choices.complete(session.pack)
}

/// Whether somebody is there to answer a question.
#[must_use]
pub fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}
