//! `scaffold update`: goes to the version of the pack in this program.

use clap::{ArgMatches, Command};

use crate::choose::operation::Operation;
use crate::commands::operate::{changing, flags, operate, with_flags};
use crate::commands::session::{Entry, Session, Words};
use crate::text::error::Error;

/// Go to the version of the pack in this program.
pub const ENTRY: Entry = changing("update", arguments, run, |_| Ok(Operation::Update));

fn arguments(command: Command, _: &Words) -> Command {
    with_flags(command.about("Go to the version of the pack in this program"))
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    operate(session, &Operation::Update, flags(matches))
}
