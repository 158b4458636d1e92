//! `scaffold update`: goes to the version of the pack in this program.

use clap::Command;

use crate::choose::operation::Operation;
use crate::commands::operate::{changing, with_flags};
use crate::commands::session::{Entry, Words};

/// Goes to the version of the pack in this program.
pub const ENTRY: Entry = changing("update", arguments, |_| Ok(Operation::Update));

fn arguments(command: Command, _: &Words) -> Command {
    with_flags(command.about("Go to the version of the pack in this program"))
}
