//! `scaffold add`: switches components on, or adds a service.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::choose::operation::Operation;
use crate::commands::operate::{changing, schema, with_flags};
use crate::commands::session::{Entry, Words};
use crate::terminal::arguments::{components, no_component, texts};
use crate::text::error::Error;

/// Adds components to the project, or a service.
pub const ENTRY: Entry =
    Entry { schemas: &[("change", schema)], ..changing("add", arguments, operation) };

fn arguments(command: Command, words: &Words) -> Command {
    let command = with_flags(command.about("Add components to the project"))
        .arg(components(words.pack))
        .arg_required_else_help(true);
    let kinds: Vec<String> =
        words.pack.iter().flat_map(|pack| pack.kinds()).map(str::to_owned).collect();
    if kinds.is_empty() {
        return command;
    }
    let name = Arg::new("name").value_name("NAME").required(true).help("Its name");
    let kind = Arg::new("kind")
        .long("kind")
        .value_name("KIND")
        .required(true)
        .value_parser(PossibleValuesParser::new(kinds))
        .help("Kind of the service");
    let service = with_flags(Command::new("service").about("Add a service instance"));
    let service = service.arg(name).arg(kind).args(with(words));
    command.subcommand_negates_reqs(true).subcommand(service)
}

/// The argument for what fills the slots of a service, where some have slots.
fn with(words: &Words) -> Option<Arg> {
    let pack = words.pack?;
    let slots: Vec<String> = pack
        .slots_of_services()
        .map(|(slot, _)| format!("{slot} ({})", pack.filler_ids(slot, None).join(", ")))
        .collect();
    (!slots.is_empty()).then(|| {
        Arg::new("with")
            .long("with")
            .value_name("SLOT=COMPONENT")
            .action(ArgAction::Append)
            .help(format!("What fills a slot of it: {}", slots.join("; ")))
    })
}

fn operation(matches: &ArgMatches) -> Result<Operation, Error> {
    if let Some((_, service)) = matches.subcommand() {
        let text = |id: &str| service.get_one::<String>(id).cloned().expect("clap requires it");
        let with = service.try_get_many::<String>("with").ok().flatten();
        let with = with.into_iter().flatten().cloned().collect();
        return Ok(Operation::AddService { name: text("name"), kind: text("kind"), with });
    }
    let ids = texts(matches, "component");
    if ids.is_empty() { Err(no_component("add")) } else { Ok(Operation::Add(ids)) }
}
