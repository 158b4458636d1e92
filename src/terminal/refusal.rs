//! What clap finds wrong with a command line, in this program's voice.

use std::ffi::OsString;

use clap::builder::PossibleValue;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use crate::text::error::{Error, did_you_mean, suggestion};

/// Says what clap found wrong, in one voice; help and version are no errors.
///
/// # Errors
/// [`Error::Usage`] for everything but help and version, whose text it gives.
pub fn refused(
    command: &Command,
    arguments: &[OsString],
    error: &clap::Error,
) -> Result<String, Error> {
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
        return Ok(error.render().to_string());
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
                .map(str::to_owned)
                .or_else(|| word(&used, &flag))
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

/// The command with the word that was meant where a flag was given, as in `scaffold add --realtime`.
fn word(used: &Command, flag: &str) -> Option<String> {
    let values: Vec<_> = used.get_positionals().flat_map(Arg::get_possible_values).collect();
    let near = did_you_mean(flag, values.iter().map(PossibleValue::get_name))?;
    Some(format!("{} {near}", used.get_bin_name()?))
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
