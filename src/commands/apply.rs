//! `scaffold apply`: does what `scaffold.toml` says.

use clap::{ArgMatches, Command};

use crate::choose::operation::Operation;
use crate::commands::operate::{changing, flags, operate, with_flags};
use crate::commands::session::{Entry, Session, Words};
use crate::text::error::Error;

/// Do what `scaffold.toml` says, after an edit or a merge.
pub const ENTRY: Entry = changing("apply", arguments, run, |_| Ok(Operation::Apply));

fn arguments(command: Command, _: &Words) -> Command {
    with_flags(command.about("Do what `scaffold.toml` says, after an edit or a merge"))
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    operate(session, &Operation::Apply, flags(matches))
}
