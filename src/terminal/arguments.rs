//! Arguments that commands share, built from the pack: a component's flag, a slot and an option are
//! arguments because a manifest says so.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use serde_json::Value;

use crate::choose::selection::Choices;
use crate::pack::load::Pack;
use crate::pack::manifest::OptionShape;
use crate::text::error::Error;

/// What was chosen, by all ways but questions.
#[derive(Debug)]
pub struct Chosen {
    /// Everything that was said, put together.
    pub choices: Choices,
    /// Whether anything was chosen at all, a name aside.
    pub any: bool,
}

/// The names that `add` and `remove` take: proposed on Tab, and checked by the operation, which
/// knows more of them.
#[derive(Debug, Clone, Default)]
pub struct ComponentNames(pub Vec<PossibleValue>);

impl ComponentNames {
    /// Those of a pack.
    #[must_use]
    pub fn of(pack: &Pack) -> Self {
        let chosen = pack.components.iter().filter_map(|component| {
            let help = component.manifest.summary.clone();
            Some(PossibleValue::new(component.choice()?.to_owned()).help(help))
        });
        Self(chosen.collect())
    }
}

impl TypedValueParser for ComponentNames {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        (!self.0.is_empty()).then(|| Box::new(self.0.iter().cloned()) as Box<_>)
    }
}

/// The arguments that choose what a project consists of.
#[must_use]
pub fn choosing(pack: &Pack, command: Command, name_is_flag: bool) -> Command {
    let name = Arg::new("name").value_name("NAME").help("Name of the project, such as `my-app`");
    let mut command = command.arg(if name_is_flag { name.long("name") } else { name });
    for (flag, component) in pack.flagged() {
        let manifest = &component.manifest;
        command = switch(command, flag, &manifest.summary, manifest.default, "Components");
    }
    for (slot, manifest) in pack.slots() {
        let fillers: Vec<String> =
            pack.fillers(slot).map(|component| component.id.clone()).collect();
        let default = &pack.default_filler(slot, None).id;
        command = command.arg(
            Arg::new(slot.clone())
                .long(slot.clone())
                .value_name(slot.to_uppercase())
                .value_parser(PossibleValuesParser::new(fillers))
                .help(format!("{} [default: {default}]", manifest.summary))
                .help_heading("Components"),
        );
    }
    command = option_arguments(pack, command);
    let kinds: Vec<&str> = pack.kinds().collect();
    let has_slots = kinds.iter().any(|kind| pack.slots_of(kind).next().is_some());
    let presets: Vec<String> = pack.manifest.presets.keys().cloned().collect();
    command = command.arg(
        Arg::new("set").long("set").value_name("KEY=VALUE").action(ArgAction::Append).help(
            if has_slots {
                "Choose by name: a flag, a slot, an option, or SERVICE.SLOT"
            } else {
                "Choose by name: a flag, a slot or an option"
            },
        ),
    );
    if !kinds.is_empty() {
        command = command.arg(
            Arg::new("service")
                .long("service")
                .value_name(if has_slots { "NAME=KIND[:SLOT=COMPONENT,...]" } else { "NAME=KIND" })
                .action(ArgAction::Append)
                .help(format!("Add a service instance; kinds: {}", kinds.join(", "))),
        );
    }
    if !presets.is_empty() {
        let listed: Vec<String> = pack
            .manifest
            .presets
            .iter()
            .map(|(name, preset)| format!("{name}: {}", preset.summary))
            .collect();
        command = command.arg(
            Arg::new("preset")
                .long("preset")
                .value_name("PRESET")
                .value_parser(PossibleValuesParser::new(presets))
                .hide_possible_values(true)
                .help(format!("Start from a named set of choices ({})", listed.join("; "))),
        );
    }
    command.arg(
        Arg::new("answers")
            .long("answers")
            .value_name("FILE")
            .value_hint(ValueHint::FilePath)
            .help("Read choices from a JSON or TOML file, `-` for standard input"),
    )
}

/// An argument for each option of the components.
fn option_arguments(pack: &Pack, mut command: Command) -> Command {
    for option in pack.options() {
        let manifest = option.manifest;
        let default =
            manifest.default.as_str().map_or_else(|| manifest.default.to_string(), str::to_owned);
        let help = if default.is_empty() {
            manifest.help.clone()
        } else {
            format!("{} [default: {default}]", manifest.help)
        };
        let argument = Arg::new(manifest.id.clone())
            .long(manifest.id.clone())
            .value_name("VALUE")
            .help(help)
            .help_heading("Options of components");
        command = match manifest.shape {
            OptionShape::Bool => switch(
                command,
                &manifest.id,
                &manifest.help,
                manifest.default.as_bool() == Some(true),
                "Options of components",
            ),
            OptionShape::Enum => command
                .arg(argument.value_parser(PossibleValuesParser::new(manifest.values.clone()))),
            OptionShape::Int => {
                command.arg(argument.value_parser(value_parser!(i64)).allow_negative_numbers(true))
            }
            OptionShape::String => command.arg(argument),
        };
    }
    command
}

/// `--name` and `--no-name`, of which help shows the one that changes something.
fn switch(
    command: Command,
    name: &str,
    help: &str,
    default: bool,
    heading: &'static str,
) -> Command {
    let off = format!("no-{name}");
    command
        .arg(
            Arg::new(name.to_owned())
                .long(name.to_owned())
                .action(ArgAction::SetTrue)
                .overrides_with(off.clone())
                .hide(default)
                .help(help.to_owned())
                .help_heading(heading),
        )
        .arg(
            Arg::new(off.clone())
                .long(off)
                .action(ArgAction::SetTrue)
                .overrides_with(name.to_owned())
                .hide(!default)
                .help(format!("Leave out: {help}"))
                .help_heading(heading),
        )
}

/// Puts together preset, answers, `--set` and flags, each stronger than those before it.
///
/// # Errors
/// [`Error::Usage`] where something was said that there is not.
pub fn chosen(pack: &Pack, matches: &ArgMatches) -> Result<Chosen, Error> {
    let mut choices = Choices::default();
    let mut any = false;
    let text = |id: &str| matches.try_get_one::<String>(id).ok().flatten();
    if let Some(preset) = text("preset") {
        any = true;
        let answers =
            serde_json::to_value(&pack.manifest.presets[preset].answers).unwrap_or_default();
        let answers = answers.as_object().cloned().unwrap_or_default();
        choices.override_with(Choices::from_map(pack, &answers).map_err(|(_, error)| error)?);
    }
    if let Some(path) = text("answers") {
        any = true;
        let (shown, content) = read_answers(path)?;
        choices.override_with(Choices::from_answers(pack, &shown, &content)?);
    }
    for assignment in matches.get_many::<String>("set").into_iter().flatten() {
        choices.set_text(pack, assignment)?;
    }
    let mut flags = Choices { name: text("name").cloned(), ..Choices::default() };
    for (id, _) in pack.flagged() {
        if let Some(on) = switched(matches, id) {
            flags.components.insert(id.to_owned(), on);
        }
    }
    for (slot, _) in pack.slots() {
        flags.slots.extend(text(slot).map(|choice| (slot.clone(), choice.clone())));
    }
    for option in pack.options() {
        let id = &option.manifest.id;
        let value = match option.manifest.shape {
            OptionShape::Bool => switched(matches, id).map(Value::Bool),
            OptionShape::Int => matches.get_one::<i64>(id).map(|number| Value::from(*number)),
            OptionShape::String | OptionShape::Enum => text(id).cloned().map(Value::String),
        };
        if let Some(value) = value {
            flags.set(pack, id, &value)?;
        }
    }
    for service in matches.try_get_many::<String>("service").ok().flatten().into_iter().flatten() {
        let Some((name, kind)) = service.split_once('=') else {
            let kinds: Vec<&str> = pack.kinds().collect();
            return Err(Error::usage(
                format!("`--service {service}` says no kind"),
                format!("--service {service}=KIND with one of: {}", kinds.join(", ")),
            ));
        };
        flags.add_service_as(pack, name, kind)?;
    }
    choices.override_with(flags);
    any = any || !choices.is_empty();
    Ok(Chosen { choices, any })
}

/// All values of an argument that takes text.
#[must_use]
pub fn texts(matches: &ArgMatches, id: &str) -> Vec<String> {
    matches.get_many::<String>(id).into_iter().flatten().cloned().collect()
}

fn switched(matches: &ArgMatches, name: &str) -> Option<bool> {
    let off = format!("no-{name}");
    if matches.get_flag(name) {
        Some(true)
    } else if matches.get_flag(&off) {
        Some(false)
    } else {
        None
    }
}

fn read_answers(path: &str) -> Result<(String, String), Error> {
    let (shown, read) = if path == "-" {
        ("<stdin>", std::io::read_to_string(std::io::stdin()))
    } else {
        (path, std::fs::read_to_string(path))
    };
    let content = read.map_err(|error| {
        Error::usage(
            format!("the answers `{shown}` cannot be read: {error}"),
            "--answers takes a JSON or TOML file, or `-` for standard input",
        )
    })?;
    Ok((shown.to_owned(), content))
}

/// An argument that is there or not.
#[must_use]
pub fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// `--into DIR`.
#[must_use]
pub fn into(help: &'static str) -> Arg {
    Arg::new("into")
        .long("into")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::DirPath)
        .help(help)
}

/// An argument that is given once or more.
#[must_use]
pub fn many(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name.to_lowercase())
        .value_name(name)
        .action(ArgAction::Append)
        .num_args(1..)
        .required(true)
        .help(help)
}

/// The argument of commands that take components of a pack.
#[must_use]
pub fn components(pack: Option<&Pack>) -> Arg {
    many("COMPONENT", "Flags or ids of components")
        .required(false)
        .value_parser(pack.map(ComponentNames::of).unwrap_or_default())
        .hide_possible_values(true)
}

/// What is said where such a command names none.
#[must_use]
pub fn no_component(command: &str) -> Error {
    Error::usage(
        format!("`{command}` needs a component"),
        "`scaffold list` shows what there is".to_owned(),
    )
}
