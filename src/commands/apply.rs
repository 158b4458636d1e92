//! `scaffold apply`: does what `scaffold.toml` says.

use clap::Command;

use crate::choose::operation::Operation;
use crate::commands::operate::{changing, with_flags};
use crate::commands::session::{Entry, Words};

/// Does what `scaffold.toml` says, after an edit or a merge.
pub const ENTRY: Entry = changing("apply", arguments, |_| Ok(Operation::Apply));

fn arguments(command: Command, _: &Words) -> Command {
    with_flags(command.about("Do what `scaffold.toml` says, after an edit or a merge"))
}
