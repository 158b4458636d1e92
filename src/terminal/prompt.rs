//! The questions of `scaffold new` on a terminal: one per choice that the pack declares.

use std::io;

use crate::choose::rules;
use crate::choose::selection::Choices;
use crate::pack::load::{Component, Pack};
use crate::text::error::Error;
use crate::text::name::Name;

/// Asks for what `choices` leave open, and gives back everything.
///
/// # Errors
/// [`Error::Interrupted`] on Ctrl-C or Escape.
pub fn ask(pack: &Pack, mut choices: Choices) -> Result<Choices, Error> {
    let name: String = match &choices.name {
        Some(name) => name.clone(),
        None => cliclack::input("Name")
            .placeholder("my-app")
            .validate(|text: &String| match Name::project(text) {
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            })
            .interact()
            .map_err(|error| stopped(&error))?,
    };
    Name::project(&name)?;
    choices.name = Some(name);

    for (text, default) in [("What does it do?", false), ("What comes with it?", true)] {
        let on = choices.complete(pack)?.all_components(pack);
        let flags: Vec<(&str, &Component)> = pack
            .flagged()
            .filter(|(_, component)| {
                component.manifest.default == default && component.applies(&on)
            })
            .collect();
        if flags.is_empty() {
            continue;
        }
        let mut question = cliclack::multiselect(text).required(false);
        for (flag, component) in &flags {
            question = question.item(*flag, *flag, &component.manifest.summary);
        }
        if default {
            question = question.initial_values(flags.iter().map(|(flag, _)| *flag).collect());
        }
        let picked: Vec<&str> = question.interact().map_err(|error| stopped(&error))?;
        for (flag, _) in flags {
            let on = picked.contains(&flag);
            if on != default {
                choices.components.insert(flag.to_owned(), on);
            }
        }
    }

    let on = choices.complete(pack)?.all_components(pack);
    for (slot, manifest) in pack.slots().filter(|(slot, _)| rules::uses(pack, &on, slot)) {
        if let Some(picked) = other_filler(pack, (slot, None), &manifest.summary)? {
            choices.slots.insert(slot.clone(), picked);
        }
    }
    for (service, kind) in choices.complete(pack)?.services {
        for (slot, manifest) in pack.slots_of(&kind) {
            let question = format!("{} ({service})", manifest.summary);
            if let Some(picked) = other_filler(pack, (slot, Some(&kind)), &question)? {
                choices.fills.entry(service.clone()).or_default().insert(slot.clone(), picked);
            }
        }
    }
    cliclack::log::info(format!("Same as: {}", choices.command(pack)))
        .map_err(|error| stopped(&error))?;
    Ok(choices)
}

/// Asks what fills a slot, of services of a kind where it is theirs, where there is something to
/// choose; gives what is not the default.
fn other_filler(
    pack: &Pack,
    (slot, kind): (&str, Option<&str>),
    question: &str,
) -> Result<Option<String>, Error> {
    let fillers: Vec<&Component> = pack.fillers_for(slot, kind).collect();
    if fillers.len() < 2 {
        return Ok(None);
    }
    let default = pack.default_filler(slot, kind).id.as_str();
    let mut question = cliclack::select(question).initial_value(default);
    for component in fillers {
        question = question.item(component.id.as_str(), &component.id, &component.manifest.summary);
    }
    let picked = question.interact().map_err(|error| stopped(&error))?;
    Ok((picked != default).then(|| picked.to_owned()))
}

/// Asks whether to go on; Enter alone is a no.
///
/// # Errors
/// [`Error::Interrupted`] for a no, on Ctrl-C or Escape.
pub fn confirm(text: &str) -> Result<(), Error> {
    let question = format!("{text}\nGo on?");
    match cliclack::confirm(question).initial_value(false).interact() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Interrupted),
        Err(error) => Err(stopped(&error)),
    }
}

fn stopped(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::Interrupted => Error::Interrupted,
        _ => Error::usage(
            format!("the questions cannot be asked: {error}"),
            "give the choices as flags, or take the defaults with `--yes`",
        ),
    }
}
