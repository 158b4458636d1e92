//! The command line, built from the pack: a component's flag, a slot and an option are arguments
//! because a manifest says so.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use serde_json::Value;

use crate::choose::operation::Operation;
use crate::choose::selection::Choices;
use crate::pack::load::Pack;
use crate::pack::manifest::{OptionShape, PackManifest};
use crate::terminal::answer;
use crate::text::diagram;
use crate::text::error::{Error, did_you_mean, suggestion};

/// What is to be done.
#[derive(Debug)]
pub enum Request {
    /// `scaffold new`
    New(New),
    /// `scaffold plan`
    Plan {
        /// What was chosen.
        chosen: Chosen,
        /// Draw the diagram in this form instead.
        diagram: Option<String>,
    },
    /// `scaffold explain`
    Explain {
        /// The path to explain.
        path: String,
        /// What was chosen.
        chosen: Chosen,
    },
    /// `scaffold add`, `remove`, `set`, `update`, `apply`
    Operate {
        /// What is asked for.
        operation: Operation,
        /// How to go about it.
        flags: OperationFlags,
    },
    /// `scaffold check`
    Check {
        /// What counts: names of verdicts, all of them where none is given.
        verdicts: Vec<String>,
        /// Whether to answer as SARIF.
        sarif: bool,
    },
    /// `scaffold undo`
    Undo {
        /// Write nothing.
        dry_run: bool,
        /// Leave files as they are that were changed since, and take the rest back.
        keep_edits: bool,
    },
    /// `scaffold resolve`
    Resolve(Vec<String>),
    /// `scaffold adopt`
    Adopt {
        /// What was chosen; where nothing was, the nearest is proposed.
        chosen: Chosen,
        /// The folder of the project.
        into: PathBuf,
        /// Write nothing.
        dry_run: bool,
    },
    /// `scaffold list`
    List,
    /// `scaffold schema`
    Schema(String),
    /// `scaffold doctor`
    Doctor,
    /// `scaffold pack lint`
    PackLint(PathBuf),
    /// `scaffold completions`
    Completions(clap_complete::Shell),
    /// `scaffold man`
    Man,
    /// Help or version: text for standard output.
    Print(String),
}

/// `scaffold new`
#[derive(Debug)]
pub struct New {
    /// What was chosen.
    pub chosen: Chosen,
    /// Where to write, `None` for a folder named after the project.
    pub into: Option<PathBuf>,
    /// Write nothing.
    pub dry_run: bool,
    /// Write nothing, and show what would be written.
    pub diff: bool,
    /// Ask nothing.
    pub yes: bool,
}

/// How an operation goes about its work.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag of the command line")]
pub struct OperationFlags {
    /// Write nothing, only say what would change.
    pub dry_run: bool,
    /// Write nothing, and show what would change, line by line.
    pub diff: bool,
    /// Touch files with changes that are not committed.
    pub allow_dirty: bool,
    /// Ask nothing, whatever goes.
    pub yes: bool,
}

/// The verdicts of `scaffold check`.
pub const VERDICTS: [&str; 3] = ["unresolved", "drifted", "behind"];

/// What was chosen, by all ways but questions.
#[derive(Debug)]
pub struct Chosen {
    /// Everything that was said, put together.
    pub choices: Choices,
    /// Whether anything was chosen at all, a name aside.
    pub any: bool,
}

/// The value of `--templates`, which has to be known before the command line can be built.
#[must_use]
pub fn templates_argument(arguments: &[OsString]) -> Option<PathBuf> {
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--" {
            return None;
        }
        if text == "--templates" {
            return rest.next().map(PathBuf::from);
        }
        if let Some(value) = text.strip_prefix("--templates=") {
            return Some(PathBuf::from(value));
        }
    }
    None
}

/// The whole command line for `pack`.
#[must_use]
pub fn command(pack: &Pack) -> Command {
    let kinds: Vec<&str> = pack.kinds().collect();
    let components = ComponentNames::of(pack);
    command_with(&pack.manifest, &kinds, &components, |command, name_is_flag| {
        chosen_arguments(pack, command, name_is_flag)
    })
}

/// The names that `add` and `remove` take: proposed on Tab, and checked by the operation, which
/// knows more of them.
#[derive(Debug, Clone, Default)]
struct ComponentNames(Vec<PossibleValue>);

impl ComponentNames {
    fn of(pack: &Pack) -> Self {
        let chosen = pack.components.iter().filter_map(|component| {
            let manifest = &component.manifest;
            let id = component.flag().or(manifest.slot.as_ref().map(|_| component.id.as_str()))?;
            Some(PossibleValue::new(id.to_owned()).help(manifest.summary.clone()))
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

/// The script that completes the command line in `shell`.
#[must_use]
pub fn completions(pack: &Pack, shell: clap_complete::Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut command(pack), "scaffold", &mut bytes);
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if shell == clap_complete::Shell::Fish {
        // clap's script for fish leaves words that are no flags out.
        let quoted = |help: &str| {
            let help = help.replace('\\', "");
            help.replace('\'', r"\'").replace('"', "\\\"").replace('$', r"\$")
        };
        let proposed: Vec<String> = ComponentNames::of(pack)
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

/// Whether the command is about the project around the current folder, and so about its pack.
#[must_use]
pub fn is_about_a_project(arguments: &[OsString]) -> bool {
    const COMMANDS: [&str; 7] = ["add", "remove", "set", "update", "apply", "plan", "explain"];
    let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    words.find(|word| !word.starts_with('-')).is_some_and(|word| COMMANDS.contains(&word))
}

/// Help or version of the program itself, for which the components need not be read; `None`
/// where something else is asked for.
#[must_use]
pub fn overview(manifest: &PackManifest, arguments: &[OsString]) -> Option<Request> {
    let asked = match arguments {
        [_] => true,
        [_, flag] => ["-h", "--help", "-V", "--version"].iter().any(|known| flag == known),
        _ => false,
    };
    if !asked {
        return None;
    }
    let command = command_with(manifest, &[], &ComponentNames::default(), |command, _| command);
    let result = command.try_get_matches_from(arguments);
    result.err().map(|help| Request::Print(help.render().to_string()))
}

/// The command line; `choosing` adds to a command the arguments that the components bring, `kinds`
/// are the kinds of service, `components` what can be added and removed.
fn command_with(
    manifest: &PackManifest,
    kinds: &[&str],
    components: &ComponentNames,
    choosing: impl Fn(Command, bool) -> Command,
) -> Command {
    let json = Arg::new("json").long("json").global(true).action(ArgAction::SetTrue);
    let templates = Arg::new("templates").long("templates").global(true).value_name("DIR");
    Command::new("scaffold")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Generates polyglot systems that work, the first time and two years later")
        .after_help(format!("Pack: {} {} ({})", manifest.name, manifest.version, manifest.summary))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .arg(json.help("Print a machine-readable answer; `scaffold schema` prints its form"))
        .arg(
            templates
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::DirPath)
                .help("Use the pack in this folder instead of the built-in one"),
        )
        .subcommand(new_command(&choosing))
        .subcommand(plan_command(&choosing, kinds, components))
        .subcommands(operations(kinds, components))
        .subcommands(project_commands(&choosing))
        .subcommand(choosing(
            Command::new("explain")
                .about("Say which component and template made a file, and why it is there")
                .arg(
                    Arg::new("path").value_name("PATH").required(true).help("Path in the project"),
                ),
            true,
        ))
        .subcommand(
            Command::new("list").about("List components, options, kinds of service and presets"),
        )
        .subcommand(
            Command::new("schema")
                .about("Print the JSON Schema of answers, or of what a command prints with --json")
                .arg(
                    Arg::new("name")
                        .value_name("NAME")
                        .default_value("answers")
                        .value_parser(PossibleValuesParser::new(answer::NAMES))
                        .help("What to describe"),
                ),
        )
        .subcommand(
            Command::new("doctor").about("Look for the programs that a generated project needs"),
        )
        .subcommand(
            Command::new("pack").about("Work on packs").subcommand_required(true).subcommand(
                Command::new("lint").about("Report every problem of a pack").arg(
                    Arg::new("dir")
                        .value_name("DIR")
                        .required(true)
                        .value_parser(value_parser!(PathBuf))
                        .value_hint(ValueHint::DirPath)
                        .help("Folder with `pack.toml`"),
                ),
            ),
        )
        .subcommand(
            Command::new("completions").about("Print completions for a shell").arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .required(true)
                    .value_parser(value_parser!(clap_complete::Shell))
                    .help("Which shell"),
            ),
        )
        .subcommand(Command::new("man").about("Print the manual page"))
}

fn new_command(choosing: impl Fn(Command, bool) -> Command) -> Command {
    let command = Command::new("new").about("Render a new project");
    let flag = |id: &'static str, help: &'static str| {
        Arg::new(id).long(id).action(ArgAction::SetTrue).help(help)
    };
    choosing(command, false)
        .arg(
            Arg::new("into")
                .long("into")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::DirPath)
                .help("Write to this folder instead of one named after the project"),
        )
        .arg(flag("dry-run", "Write nothing, only say what would be written"))
        .arg(flag("diff", "Write nothing, show the content of every file"))
        .arg(flag("yes", "Ask nothing, take the defaults"))
}

/// What `new` would write, or what an operation would change.
fn plan_command(
    choosing: impl Fn(Command, bool) -> Command,
    kinds: &[&str],
    components: &ComponentNames,
) -> Command {
    let command = Command::new("plan")
        .about("Show what `new` would write, or what an operation would change")
        .args_conflicts_with_subcommands(true)
        .subcommand_help_heading("Operations")
        .arg(
            Arg::new("diagram")
                .long("diagram")
                .value_name("FORM")
                .num_args(0..=1)
                .default_missing_value(diagram::FORMS[0])
                .value_parser(PossibleValuesParser::new(diagram::FORMS))
                .help(format!(
                    "Print which part talks to which instead, as a diagram [default: {}]",
                    diagram::FORMS[0]
                )),
        );
    choosing(command, false).subcommands(operations(kinds, components))
}

/// The commands that change a project.
fn operations(kinds: &[&str], components: &ComponentNames) -> Vec<Command> {
    let flag = |id: &'static str, help: &'static str| {
        Arg::new(id).long(id).action(ArgAction::SetTrue).help(help)
    };
    let operation = |name: &'static str, about: &'static str| {
        Command::new(name)
            .about(about)
            .arg(flag("dry-run", "Write nothing, only say what would change"))
            .arg(flag("diff", "Write nothing, show the changes line by line"))
            .arg(flag("allow-dirty", "Touch files with changes that are not committed"))
            .arg(flag("yes", "Ask nothing, also where services go"))
    };
    let many = |name: &'static str, help: &'static str| {
        Arg::new(name.to_lowercase())
            .value_name(name)
            .action(ArgAction::Append)
            .num_args(1..)
            .required(true)
            .help(help)
    };
    let services = !kinds.is_empty();
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let kind = Arg::new("kind")
        .long("kind")
        .value_name("KIND")
        .required(true)
        .value_parser(PossibleValuesParser::new(kinds))
        .help("Kind of the service");
    let service_name = Arg::new("name").value_name("NAME").required(true).help("Its name");
    let component = many("COMPONENT", "Flags or ids of components")
        .required(false)
        .value_parser(components.clone())
        .hide_possible_values(true);
    let mut add = operation("add", "Add components to the project").arg(component.clone());
    let mut remove = operation("remove", "Remove components from the project").arg(component);
    if services {
        add = add
            .subcommand_negates_reqs(true)
            .subcommand(operation("service", "Add a service instance").arg(service_name).arg(kind));
        remove = remove.subcommand(
            operation("service", "Remove service instances").arg(many("NAME", "Names of services")),
        );
    }
    vec![
        add.arg_required_else_help(true),
        remove.arg_required_else_help(true),
        operation("set", "Change flags, slots, options or the name")
            .arg(many("KEY=VALUE", "What to change")),
        operation("update", "Go to the version of the pack in this program"),
        operation("apply", "Do what `scaffold.toml` says, after an edit or a merge"),
    ]
}

/// The commands that examine a project, or see to its state.
fn project_commands(choosing: impl Fn(Command, bool) -> Command) -> Vec<Command> {
    let flag = |id: &'static str, help: &'static str| {
        Arg::new(id).long(id).action(ArgAction::SetTrue).help(help)
    };
    let dry_run = || flag("dry-run", "Write nothing");
    let yes = || flag("yes", "Ask nothing; this command never does");
    vec![
        Command::new("check")
            .about("Say whether the project is unresolved, drifted or behind")
            .arg(
                Arg::new("verdict")
                    .value_name("VERDICT")
                    .action(ArgAction::Append)
                    .num_args(0..)
                    .value_parser(PossibleValuesParser::new(VERDICTS))
                    .help("What counts [default: all of them]"),
            )
            .arg(
                Arg::new("sarif")
                    .long("sarif")
                    .action(ArgAction::SetTrue)
                    .help("Answer as SARIF 2.1.0"),
            ),
        Command::new("undo")
            .about("Take the last operation back")
            .arg(dry_run())
            .arg(
                Arg::new("keep-edits")
                    .long("keep-edits")
                    .action(ArgAction::SetTrue)
                    .help("Leave files as they are that were changed since"),
            )
            .arg(yes()),
        Command::new("resolve")
            .about("Say that conflicts are seen to")
            .arg(
                Arg::new("path")
                    .value_name("PATH")
                    .action(ArgAction::Append)
                    .num_args(1..)
                    .required(true)
                    .value_hint(ValueHint::FilePath)
                    .help("Paths, from the current folder or from the project's"),
            )
            .arg(yes()),
        choosing(
            Command::new("adopt")
                .about("Take a project without state into management: writes the state only"),
            true,
        )
        .arg(
            Arg::new("into")
                .long("into")
                .value_name("DIR")
                .default_value(".")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::DirPath)
                .help("Folder of the project"),
        )
        .arg(dry_run())
        .arg(yes()),
    ]
}

/// The operation that a command and its arguments ask for.
fn operation(name: &str, matches: &ArgMatches) -> Result<(Operation, OperationFlags), Error> {
    let (service, inner) = match matches.subcommand() {
        Some(("service", inner)) => (true, inner),
        _ => (false, matches),
    };
    let listed = |id: &str| -> Vec<String> {
        inner.try_get_many::<String>(id).ok().flatten().into_iter().flatten().cloned().collect()
    };
    let text = |id: &str| inner.get_one::<String>(id).cloned().unwrap_or_default();
    let operation = match (name, service) {
        ("add", true) => Operation::AddService { name: text("name"), kind: text("kind") },
        ("add", false) => Operation::Add(listed("component")),
        ("remove", true) => Operation::RemoveService(listed("name")),
        ("remove", false) => Operation::Remove(listed("component")),
        ("set", _) => Operation::Set(listed("key=value")),
        ("update", _) => Operation::Update,
        _ => Operation::Apply,
    };
    if matches!(&operation, Operation::Add(ids) | Operation::Remove(ids) if ids.is_empty()) {
        return Err(Error::usage(
            format!("`{name}` needs a component"),
            "`scaffold list` shows what there is".to_owned(),
        ));
    }
    let flag = |id: &str| matches.get_flag(id) || (service && inner.get_flag(id));
    let flags = OperationFlags {
        dry_run: flag("dry-run"),
        diff: flag("diff"),
        allow_dirty: flag("allow-dirty"),
        yes: flag("yes"),
    };
    Ok((operation, flags))
}

/// The arguments that choose what a project consists of.
fn chosen_arguments(pack: &Pack, command: Command, name_is_flag: bool) -> Command {
    let name = Arg::new("name").value_name("NAME").help("Name of the project, such as `my-app`");
    let mut command = command.arg(if name_is_flag { name.long("name") } else { name });
    for (flag, component) in pack.flagged() {
        let manifest = &component.manifest;
        command = switch(command, flag, &manifest.summary, manifest.default, "Components");
    }
    for (slot, manifest) in &pack.manifest.slots {
        let fillers: Vec<String> =
            pack.fillers(slot).map(|component| component.id.clone()).collect();
        let default = &pack.default_filler(slot).id;
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
    let presets: Vec<String> = pack.manifest.presets.keys().cloned().collect();
    command = command.arg(
        Arg::new("set")
            .long("set")
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .help("Choose by name: a flag, a slot or an option"),
    );
    if !kinds.is_empty() {
        command = command.arg(
            Arg::new("service")
                .long("service")
                .value_name("NAME=KIND")
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

/// Reads the command line.
///
/// # Errors
/// [`Error::Usage`] in this program's voice, whatever clap would have said.
///
/// # Panics
/// Where clap lets through what the command line declared here requires.
pub fn parse(pack: &Pack, arguments: &[OsString]) -> Result<Request, Error> {
    let mut command = command(pack);
    let matches = match command.try_get_matches_from_mut(arguments) {
        Ok(matches) => matches,
        Err(error) => return refused(&command, arguments, &error),
    };
    let (name, inner) = matches.subcommand().expect("clap requires a command");
    let request = match name {
        "new" => Request::New(New {
            chosen: chosen(pack, inner)?,
            into: inner.get_one::<PathBuf>("into").cloned(),
            dry_run: inner.get_flag("dry-run"),
            diff: inner.get_flag("diff"),
            yes: inner.get_flag("yes"),
        }),
        "plan" => match inner.subcommand() {
            Some((name, inner)) => {
                let (operation, flags) = operation(name, inner)?;
                Request::Operate { operation, flags: OperationFlags { dry_run: true, ..flags } }
            }
            None => Request::Plan {
                chosen: chosen(pack, inner)?,
                diagram: inner.get_one::<String>("diagram").cloned(),
            },
        },
        "add" | "remove" | "set" | "update" | "apply" => {
            let (operation, flags) = operation(name, inner)?;
            Request::Operate { operation, flags }
        }
        "check" => {
            Request::Check { verdicts: texts(inner, "verdict"), sarif: inner.get_flag("sarif") }
        }
        "undo" => Request::Undo {
            dry_run: inner.get_flag("dry-run"),
            keep_edits: inner.get_flag("keep-edits"),
        },
        "resolve" => Request::Resolve(texts(inner, "path")),
        "adopt" => Request::Adopt {
            chosen: chosen(pack, inner)?,
            into: inner.get_one::<PathBuf>("into").cloned().unwrap_or_default(),
            dry_run: inner.get_flag("dry-run"),
        },
        "explain" => Request::Explain {
            path: inner.get_one::<String>("path").cloned().unwrap_or_default(),
            chosen: chosen(pack, inner)?,
        },
        "list" => Request::List,
        "schema" => Request::Schema(inner.get_one::<String>("name").cloned().unwrap_or_default()),
        "doctor" => Request::Doctor,
        "pack" => {
            let (_, lint) = inner.subcommand().expect("clap requires a command");
            Request::PackLint(lint.get_one::<PathBuf>("dir").cloned().unwrap_or_default())
        }
        "completions" => Request::Completions(
            *inner.get_one::<clap_complete::Shell>("shell").expect("clap requires it"),
        ),
        "man" => Request::Man,
        other => unreachable!("`{other}` is a command without an arm"),
    };
    Ok(request)
}

/// Puts together preset, answers, `--set` and flags, each stronger than those before it.
fn chosen(pack: &Pack, matches: &ArgMatches) -> Result<Chosen, Error> {
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
    for slot in pack.manifest.slots.keys() {
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
        flags.add_service(pack, name, kind)?;
    }
    choices.override_with(flags);
    any = any || !choices.is_empty();
    Ok(Chosen { choices, any })
}

fn texts(matches: &ArgMatches, id: &str) -> Vec<String> {
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

/// Says what clap found wrong, in one voice; help and version are no errors.
fn refused(
    command: &Command,
    arguments: &[OsString],
    error: &clap::Error,
) -> Result<Request, Error> {
    let context = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let argument = context(ContextKind::InvalidArg);
    let flag =
        argument.split([' ', '=']).next().unwrap_or_default().trim_start_matches("--").to_owned();
    if let ErrorKind::DisplayHelp
    | ErrorKind::DisplayVersion
    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand = error.kind()
    {
        return Ok(Request::Print(error.render().to_string()));
    }
    let used = used_command(command, arguments);
    let help =
        format!("`{} --help` shows what there is", used.get_bin_name().unwrap_or("scaffold"));
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let known: Vec<String> = used
                .get_arguments()
                .chain(command.get_arguments())
                .filter_map(|known| known.get_long().map(|long| format!("--{long}")))
                .collect();
            // Behind `--` there are no flags.
            let mut behind = arguments.iter().skip_while(|word| *word != "--");
            let is_flag = argument.starts_with('-') && !behind.any(|word| *word == *argument);
            let near = did_you_mean(&argument, known.iter().map(String::as_str))
                .filter(|_| is_flag)
                .map(|near| format!("did you mean `{near}`? "))
                .unwrap_or_default();
            let message = if is_flag {
                format!("there is no flag `{argument}`")
            } else {
                format!("`{argument}` is one word too many")
            };
            Err(Error::usage(message, format!("{near}{help}")))
        }
        ErrorKind::InvalidSubcommand => {
            let wrong = context(ContextKind::InvalidSubcommand);
            let names: Vec<&str> = used.get_subcommands().map(Command::get_name).collect();
            let near = suggestion(&wrong, names.iter().copied());
            Err(Error::usage(
                format!("there is no command `{wrong}`"),
                format!("{near}commands: {}", names.join(", ")),
            ))
        }
        ErrorKind::InvalidValue => {
            let value = context(ContextKind::InvalidValue);
            let choices = context(ContextKind::ValidValue);
            Err(invalid_value(&argument, &flag, &value, &choices, help))
        }
        ErrorKind::ValueValidation => Err(Error::usage(
            format!("`{}` is not a value for `--{flag}`", context(ContextKind::InvalidValue)),
            help,
        )),
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => {
            let missing =
                if argument.is_empty() { context(ContextKind::ValidSubcommand) } else { argument };
            Err(Error::usage(format!("missing: {missing}"), help))
        }
        ErrorKind::ArgumentConflict => Err(Error::usage(
            format!(
                "`{argument}` is given twice, or does not go with `{}`",
                context(ContextKind::PriorArg)
            ),
            help,
        )),
        _ => {
            let text = error.to_string();
            let line =
                text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(Error::usage(line, help))
        }
    }
}

/// A value that is missing, or not one of the choices.
fn invalid_value(argument: &str, flag: &str, value: &str, choices: &str, help: String) -> Error {
    if value.is_empty() {
        let hint = if choices.is_empty() { help } else { format!("choices: {choices}") };
        return Error::usage(format!("`--{flag}` needs a value"), hint);
    }
    let near = suggestion(value, choices.split(", "));
    let name = if argument.starts_with('-') { format!("--{flag}") } else { argument.to_owned() };
    Error::usage(
        format!("`{value}` is not a choice of `{name}`"),
        format!("{near}choices: {choices}"),
    )
}

/// The command that the arguments name, as deep as they go.
fn used_command(command: &Command, arguments: &[OsString]) -> Command {
    let mut used = command.clone();
    used.build();
    for argument in arguments.iter().skip(1) {
        let next = argument.to_str().and_then(|name| used.find_subcommand(name)).cloned();
        if let Some(next) = next {
            used = next;
        }
    }
    used
}
