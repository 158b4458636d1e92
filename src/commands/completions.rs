//! `scaffold completions`: the script that completes the command line in a shell.

use std::fmt::Write as _;

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use crate::commands::session::{Entry, Session, Words, program};
use crate::terminal::arguments::ComponentNames;
use crate::terminal::output::print;
use crate::text::error::Error;

/// Prints completions for a shell.
pub const ENTRY: Entry = Entry::new("completions", arguments, run);

fn arguments(command: Command, _: &Words) -> Command {
    command.about("Print completions for a shell").arg(
        Arg::new("shell")
            .value_name("SHELL")
            .required(true)
            .value_parser(value_parser!(Shell))
            .help("Which shell"),
    )
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    let shell = *matches.get_one::<Shell>("shell").expect("clap requires it");
    print(&completions(session, shell))?;
    Ok(0)
}

/// The script that completes the command line in `shell`.
fn completions(session: &Session, shell: Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut program(&session.words()), "scaffold", &mut bytes);
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if shell == Shell::Fish {
        // clap's script for fish leaves words that are no flags out.
        let quoted = |help: &str| {
            let help = help.replace('\\', "");
            help.replace('\'', r"\'").replace('"', "\\\"").replace('$', r"\$")
        };
        let proposed: Vec<String> = ComponentNames::of(session.pack)
            .0
            .iter()
            .map(|value| {
                let help = value.get_help().map(ToString::to_string).unwrap_or_default();
                format!("{}\\t'{}'", value.get_name(), quoted(&help))
            })
            .collect();
        for command in ["add", "remove"] {
            let _ = writeln!(
                text,
                "complete -c scaffold -n \"__fish_scaffold_using_subcommand {command}; and not __fish_seen_subcommand_from service\" -f -a \"{}\"",
                proposed.join("\n")
            );
        }
    }
    text
}
