//! `scaffold set`: changes flags, slots, options or the name; `SERVICE.SLOT` is a slot of one service.

use clap::Command;

use crate::choose::operation::Operation;
use crate::commands::operate::{changing, with_flags};
use crate::commands::session::{Entry, Words};
use crate::terminal::arguments::{many, texts};

/// Changes flags, slots, options or the name.
pub const ENTRY: Entry =
    changing("set", arguments, |matches| Ok(Operation::Set(texts(matches, "key=value"))));

fn arguments(command: Command, _: &Words) -> Command {
    with_flags(
        command.about("Change flags, slots (SERVICE.SLOT: of one service), options or the name"),
    )
    .arg(many("KEY=VALUE", "What to change"))
}
