//! `scaffold list`: everything that can be chosen.

use std::fmt::Write as _;

use clap::{ArgMatches, Command};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::Value;

use crate::commands::proven::{Proven, show};
use crate::commands::session::{Entry, Session, Words};
use crate::pack::load::{Component, OptionOf, Pack};
use crate::project::intent::{project_root, refuse_foreign};
use crate::terminal::arguments::flag;
use crate::terminal::output::{SCHEMA, print, print_json};
use crate::text::error::Error;

/// Lists components, options, kinds of service and presets.
pub const ENTRY: Entry = Entry {
    schemas: &[
        ("list", |_| schema_for!(List).to_value()),
        ("proven", |_| schema_for!(Proven).to_value()),
    ],
    ..Entry::new("list", arguments, run)
};

fn arguments(command: Command, _: &Words) -> Command {
    command
        .about("List components, options, kinds of service and presets")
        .arg(flag("proven", "List instead what was set up, started and driven, and on which day"))
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    if matches.get_flag("proven") {
        return show(session);
    }
    // Inside a project people ask what that can have.
    if let Some(root) = project_root() {
        refuse_foreign(session.pack, &root)?;
    }
    let listed = listed(session.pack);
    if session.json {
        print_json(&listed, false)?;
        return Ok(0);
    }
    let mut text =
        format!("{} {}: {}\n", listed.pack, listed.version, session.pack.manifest.summary);
    let mut section = |title: &str, rows: Vec<[String; 3]>| {
        if rows.is_empty() {
            return;
        }
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (first, second) = (width(0), width(1));
        let _ = writeln!(text, "\n{title}");
        for [name, how, summary] in rows {
            let _ = writeln!(text, "  {name:<first$}  {how:<second$}  {summary}");
        }
    };
    let components = listed.components.into_iter();
    section("components", components.map(|one| [one.id, one.chosen_by, one.summary]).collect());
    let options = listed.options.into_iter();
    let rows = options.map(|one| [format!("--{}", one.id), one.default.to_string(), one.help]);
    section("options", rows.collect());
    let described = |all: Vec<Described>, prefix: &str| -> Vec<[String; 3]> {
        let row = |one: Described| [one.name.clone(), format!("{prefix}{}", one.name), one.summary];
        all.into_iter().map(row).collect()
    };
    section("kinds of service", described(listed.kinds, "--service NAME="));
    section("presets", described(listed.presets, "--preset "));
    print(&text)?;
    Ok(0)
}

/// Everything that can be chosen from a pack.
fn listed(pack: &Pack) -> List {
    let component = |component: &Component| ListedComponent {
        id: component.id.clone(),
        summary: component.manifest.summary.clone(),
        chosen_by: chosen_by(component),
        default: component.manifest.default || component.manifest.always,
        requires: component.manifest.requires.clone(),
        applies: component.manifest.applies.clone(),
        conflicts: component.manifest.conflicts.clone(),
    };
    let option = |option: OptionOf| ListedOption {
        id: option.manifest.id.clone(),
        component: option.component.id.clone(),
        help: option.manifest.help.clone(),
        default: serde_json::to_value(&option.manifest.default).unwrap_or_default(),
        values: option.manifest.values.clone(),
    };
    let described = |name: &String, summary: &String| Described {
        name: name.clone(),
        summary: summary.clone(),
    };
    let kinds = pack.components.iter().flat_map(|component| &component.manifest.kind);
    let presets = pack.manifest.presets.iter();
    List {
        schema: SCHEMA,
        pack: pack.manifest.name.clone(),
        version: pack.manifest.version.clone(),
        digest: pack.digest(),
        components: pack.components.iter().map(component).collect(),
        options: pack.options().map(option).collect(),
        kinds: kinds.map(|(name, kind)| described(name, &kind.summary)).collect(),
        presets: presets.map(|(name, preset)| described(name, &preset.summary)).collect(),
    }
}

fn chosen_by(component: &Component) -> String {
    let manifest = &component.manifest;
    if let Some(slot) = component.service_slot() {
        return format!("--set SERVICE.{slot}={}", component.id);
    }
    match (&manifest.flag, &manifest.slot) {
        (Some(flag), _) if manifest.default => format!("--no-{flag}"),
        (Some(flag), _) => format!("--{flag}"),
        (None, Some(slot)) => format!("--{slot} {}", component.id),
        _ if manifest.always => "always".to_owned(),
        _ => "derived".to_owned(),
    }
}

/// Answer of `scaffold list`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct List {
    /// Version of this form.
    pub schema: u32,
    /// Name of the pack.
    pub pack: String,
    /// Version of the pack.
    pub version: String,
    /// `sha256:` over the pack.
    pub digest: String,
    /// The components, in pack order.
    pub components: Vec<ListedComponent>,
    /// The options, in pack order.
    pub options: Vec<ListedOption>,
    /// The kinds of service that `--service NAME=KIND` takes.
    pub kinds: Vec<Described>,
    /// The names that `--preset` takes.
    pub presets: Vec<Described>,
}

/// A component of a pack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedComponent {
    /// Its id.
    pub id: String,
    /// One line about it.
    pub summary: String,
    /// How it gets into a project: `always`, `derived`, `--<flag>` or `--<slot> <id>`.
    pub chosen_by: String,
    /// Whether it is on without being chosen, or the default of its slot.
    pub default: bool,
    /// Components or slots that it needs.
    pub requires: Vec<String>,
    /// Components of which one must be there; any selection will do where there are none.
    pub applies: Vec<String>,
    /// Components that it excludes.
    pub conflicts: Vec<String>,
}

/// An option of a component.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedOption {
    /// Its name.
    pub id: String,
    /// The component that declares it.
    pub component: String,
    /// One line about it.
    pub help: String,
    /// Its value where none is given.
    pub default: Value,
    /// The choices of an enum, else empty.
    pub values: Vec<String>,
}

/// A name with one line about it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Described {
    /// The name.
    pub name: String,
    /// One line about it.
    pub summary: String,
}
