//! `scaffold set`: changes flags, slots, options or the name.

use clap::{ArgMatches, Command};

use crate::choose::operation::Operation;
use crate::commands::operate::{changing, flags, operate, with_flags};
use crate::commands::session::{Entry, Session, Words};
use crate::terminal::arguments::{many, texts};
use crate::text::error::Error;

/// Changes flags, slots, options or the name.
pub const ENTRY: Entry = changing("set", arguments, run, |matches| Ok(operation(matches)));

fn arguments(command: Command, _: &Words) -> Command {
    with_flags(command.about("Change flags, slots, options or the name"))
        .arg(many("KEY=VALUE", "What to change"))
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    operate(session, &operation(matches), flags(matches))
}

fn operation(matches: &ArgMatches) -> Operation {
    Operation::Set(texts(matches, "key=value"))
}
