//! `scaffold remove`: switches components off, or removes services.

use clap::{ArgMatches, Command};

use crate::choose::operation::Operation;
use crate::commands::operate::{changing, with_flags};
use crate::commands::session::{Entry, Words};
use crate::terminal::arguments::{components, many, no_component, texts};
use crate::text::error::Error;

/// Removes components from the project, or services.
pub const ENTRY: Entry = changing("remove", arguments, operation);

fn arguments(command: Command, words: &Words) -> Command {
    let command = with_flags(command.about("Remove components from the project"))
        .arg(components(words.pack))
        .arg_required_else_help(true);
    if words.pack.is_none_or(|pack| pack.kinds().next().is_none()) {
        return command;
    }
    let service = with_flags(Command::new("service").about("Remove service instances"));
    command.subcommand(service.arg(many("NAME", "Names of services")))
}

fn operation(matches: &ArgMatches) -> Result<Operation, Error> {
    if let Some((_, service)) = matches.subcommand() {
        return Ok(Operation::RemoveService(texts(service, "name")));
    }
    let ids = texts(matches, "component");
    if ids.is_empty() { Err(no_component("remove")) } else { Ok(Operation::Remove(ids)) }
}
