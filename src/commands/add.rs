//! `scaffold add`: switches components on, or adds a service.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};

use crate::choose::operation::Operation;
use crate::commands::operate::{changing, schema, with_flags};
use crate::commands::session::{Entry, Words};
use crate::terminal::arguments::{components, no_component, texts};
use crate::text::error::Error;

/// Adds components to the project, or a service.
pub const ENTRY: Entry =
    Entry { schemas: &[("change", schema)], ..changing("add", arguments, operation) };

fn arguments(command: Command, words: &Words) -> Command {
    let command = with_flags(command.about("Add components to the project"))
        .arg(components(words.pack))
        .arg_required_else_help(true);
    let kinds: Vec<String> =
        words.pack.iter().flat_map(|pack| pack.kinds()).map(str::to_owned).collect();
    if kinds.is_empty() {
        return command;
    }
    let name = Arg::new("name").value_name("NAME").required(true).help("Its name");
    let kind = Arg::new("kind")
        .long("kind")
        .value_name("KIND")
        .required(true)
        .value_parser(PossibleValuesParser::new(kinds))
        .help("Kind of the service");
    let service = with_flags(Command::new("service").about("Add a service instance"));
    command.subcommand_negates_reqs(true).subcommand(service.arg(name).arg(kind))
}

fn operation(matches: &ArgMatches) -> Result<Operation, Error> {
    if let Some((_, service)) = matches.subcommand() {
        let text = |id: &str| service.get_one::<String>(id).cloned().expect("clap requires it");
        return Ok(Operation::AddService { name: text("name"), kind: text("kind") });
    }
    let ids = texts(matches, "component");
    if ids.is_empty() { Err(no_component("add")) } else { Ok(Operation::Add(ids)) }
}
