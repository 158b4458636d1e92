//! `scaffold man`: the manual page.

use std::path::Path;

use clap::ArgMatches;

use crate::commands::session::{Entry, Session, program};
use crate::terminal::output::print;
use crate::text::error::Error;

/// Prints the manual page.
pub const ENTRY: Entry =
    Entry::new("man", |command, _| command.about("Print the manual page"), run);

fn run(session: &Session, _: &ArgMatches) -> Result<u8, Error> {
    let mut text = Vec::new();
    let failed = |error| Error::io("cannot write", Path::new("manual page"), error);
    let mut command = program(&session.words());
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut text).map_err(failed)?;
    for subcommand in command.get_subcommands() {
        let name = format!("scaffold-{}", subcommand.get_name());
        clap_mangen::Man::new(subcommand.clone().name(name)).render(&mut text).map_err(failed)?;
    }
    print(&String::from_utf8_lossy(&text))?;
    Ok(0)
}
