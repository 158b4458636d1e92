//! `scaffold schema`: the form of answers, and of what commands print with `--json`.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};
use schemars::schema_for;

use crate::commands::session::{Entry, Session, Words};
use crate::terminal::output::{Failure, print_json};
use crate::text::error::Error;

/// Prints the JSON Schema of answers, or of what a command prints with `--json`.
pub const ENTRY: Entry = Entry {
    schemas: &[("error", |_| schema_for!(Failure).to_value())],
    ..Entry::new("schema", arguments, run)
};

fn arguments(command: Command, words: &Words) -> Command {
    let names = words.commands.iter().flat_map(|entry| entry.schemas).map(|(name, _)| *name);
    command.about("Print the JSON Schema of answers, or of what a command prints with --json").arg(
        Arg::new("name")
            .value_name("NAME")
            .default_value("answers")
            .value_parser(PossibleValuesParser::new(names))
            .help("What to describe"),
    )
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    let wanted = matches.get_one::<String>("name").expect("it has a default");
    let mut schemas = session.commands.iter().flat_map(|entry| entry.schemas);
    let (_, schema) = schemas.find(|(name, _)| name == wanted).expect("clap takes no others");
    print_json(&schema(session.pack), true)?;
    Ok(0)
}
