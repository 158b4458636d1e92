//! The program: its commands, and carrying out the one that was asked for.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Command};

use crate::commands::operate::{flags, operate};
use crate::commands::session::{Does, Entry, Session, Words, program};
use crate::commands::{
    add, adopt, apply, check, completions, doctor, explain, list, man, new, pack, plan, remove,
    resolve, schema, set, undo, update,
};
use crate::lint::validate;
use crate::pack::load::Pack;
use crate::project::intent::{project_root, refuse_foreign};
use crate::terminal::output::print;
use crate::terminal::refusal::refused;
use crate::text::error::Error;

/// All commands, in the order of `--help`.
pub static COMMANDS: &[&Entry] = &[
    &new::ENTRY,
    &plan::ENTRY,
    &add::ENTRY,
    &remove::ENTRY,
    &set::ENTRY,
    &update::ENTRY,
    &apply::ENTRY,
    &check::ENTRY,
    &undo::ENTRY,
    &resolve::ENTRY,
    &adopt::ENTRY,
    &explain::ENTRY,
    &list::ENTRY,
    &schema::ENTRY,
    &doctor::ENTRY,
    &pack::ENTRY,
    &completions::ENTRY,
    &man::ENTRY,
];

/// The command line for `pack`.
#[must_use]
pub fn command(pack: &Pack) -> Command {
    program(&Words { manifest: &pack.manifest, pack: Some(pack), commands: COMMANDS })
}

/// Carries out a command line, and gives the exit code; `json` where answers are JSON.
///
/// # Errors
/// What ended it; nothing is half-written then.
///
/// # Panics
/// Where clap lets through what the command line does not have.
pub fn run(arguments: &[OsString], json: bool) -> Result<u8, Error> {
    let templates = templates_argument(arguments);
    if templates.is_none() && is_overview(arguments) {
        let manifest = Pack::embedded_manifest()?;
        let command = program(&Words { manifest: &manifest, pack: None, commands: COMMANDS });
        if let Err(help) = command.try_get_matches_from(arguments) {
            print(&help.render().to_string())?;
            return Ok(0);
        }
    }
    let pack = match templates {
        Some(folder) => validate::load(&folder)?,
        None => Pack::embedded()?,
    };
    let mut command = command(&pack);
    let outcome = match command.try_get_matches_from_mut(arguments) {
        Ok(matches) => carry_out(&Session { pack: &pack, json, commands: COMMANDS }, &matches),
        Err(error) => {
            refused(&command, arguments, &error).and_then(|text| print(&text).map(|()| 0))
        }
    };
    outcome.map_err(|error| match error {
        // Whether a word is wrong is for the project's own pack to say.
        Error::Usage { .. } if is_about_a_project(arguments) => {
            project_root().and_then(|root| refuse_foreign(&pack, &root).err()).unwrap_or(error)
        }
        other => other,
    })
}

fn carry_out(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    let (name, inner) = matches.subcommand().expect("clap requires a command");
    let entry = COMMANDS.iter().find(|entry| entry.name == name).expect("clap takes no others");
    match entry.does {
        Does::Run(run) => run(session, inner),
        Does::Change(operation) => operate(session, &operation(inner)?, flags(inner)),
    }
}

/// The value of `--templates`, which has to be known before the command line can be built.
fn templates_argument(arguments: &[OsString]) -> Option<PathBuf> {
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--" {
            return None;
        }
        if text == "--templates" {
            return rest.next().map(PathBuf::from);
        }
        if let Some(value) = text.strip_prefix("--templates=") {
            return Some(PathBuf::from(value));
        }
    }
    None
}

/// Whether help or the version of the program itself is asked for, for which the components need not
/// be read.
fn is_overview(arguments: &[OsString]) -> bool {
    match arguments {
        [_] => true,
        [_, flag] => ["-h", "--help", "-V", "--version"].iter().any(|known| flag == known),
        _ => false,
    }
}

/// Whether the command is about the project around the current folder, and so about its pack.
fn is_about_a_project(arguments: &[OsString]) -> bool {
    let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    let name = words.find(|word| !word.starts_with('-'));
    COMMANDS.iter().any(|entry| entry.is_about_a_project && Some(entry.name) == name)
}
