//! What a generated project holds of ours: `scaffold.toml`, what was chosen, which people read
//! and edit, and `scaffold.lock`, what was rendered, which they do not.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Place};
use crate::pack::{Pack, STATE_FILES};
use crate::plan::Plan;
use crate::selection::{Choices, Selection};
use crate::tree::{File, Tree};

/// Version of the form of both files.
const SCHEMA: i64 = 1;

/// Adds `scaffold.toml` and `scaffold.lock`, which describe the rest of `tree`.
pub fn add_state(plan: &Plan, tree: &mut Tree) {
    let [selection_path, lock_path] = STATE_FILES;
    let file = |text: String| File {
        bytes: Cow::Owned(text.into_bytes()),
        executable: false,
        component: String::new(),
        source: String::new(),
    };
    tree.insert(selection_path.to_owned(), file(selection_text(plan.pack, &plan.selection)));
    let lock = lock_text(plan, tree);
    tree.insert(lock_path.to_owned(), file(lock));
}

/// `scaffold.toml`: every component, slot and option that can be chosen, a line each below its
/// help, so that a change is a changed line and two branches merge.
#[must_use]
pub fn selection_text(pack: &Pack, selection: &Selection) -> String {
    let mut text = String::from("# What this project consists of.\n");
    let _ = writeln!(text, "schema = {SCHEMA}\nname = {}", quoted(selection.name.as_str()));
    text.push_str("\n[components]\n");
    for (flag, component) in pack.flagged() {
        let on = selection.components.contains(&component.id);
        let _ = writeln!(text, "# {}\n{flag} = {on}", component.manifest.summary);
    }
    if !selection.slots.is_empty() {
        text.push_str("\n[slots]\n");
    }
    for (slot, manifest) in &pack.manifest.slots {
        let fillers: Vec<&str> =
            pack.fillers(slot).map(|component| component.id.as_str()).collect();
        let choice = quoted(&selection.slots[slot]);
        let _ = writeln!(text, "# {}: {}\n{slot} = {choice}", manifest.summary, fillers.join(", "));
    }
    if !selection.options.is_empty() {
        text.push_str("\n[options]\n");
    }
    for option in pack.options() {
        let value = &selection.options[&option.manifest.id];
        let shown = value.as_str().map_or_else(|| value.to_string(), quoted);
        let _ = writeln!(text, "# {}\n{} = {shown}", option.manifest.help, option.manifest.id);
    }
    for (name, kind) in &selection.services {
        let _ = writeln!(text, "\n[[service]]\nname = {}\nkind = {}", quoted(name), quoted(kind));
    }
    text
}

/// `scaffold.lock`: the versions that rendered the project, and for each file its component and
/// the digest of what was rendered.
fn lock_text(plan: &Plan, tree: &Tree) -> String {
    let manifest = &plan.pack.manifest;
    let mut text = String::from("# Written by scaffold; not edited by hand.\n");
    let _ = writeln!(text, "schema = {SCHEMA}\ngenerator = {}", quoted(env!("CARGO_PKG_VERSION")));
    let _ = writeln!(
        text,
        "\n[pack]\nname = {}\nversion = {}\ndigest = {}",
        quoted(&manifest.name),
        quoted(&manifest.version),
        quoted(&plan.pack.digest()),
    );
    text.push_str("\n[files]\n");
    for (path, file) in tree.iter().filter(|(path, _)| !STATE_FILES.contains(path)) {
        let executable = if file.executable { ", executable = true" } else { "" };
        let _ = writeln!(
            text,
            "{} = {{ component = {}, digest = {}{executable} }}",
            quoted(path),
            quoted(&file.component),
            quoted(&file.digest()),
        );
    }
    text
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Reads the selection of the project in `root`.
///
/// # Errors
/// [`Error::Project`] where it is no generated project, its state is of a newer form, or it
/// names what the pack does not have.
pub fn read_selection(pack: &Pack, root: &Path) -> Result<Selection, Error> {
    let path = root.join(STATE_FILES[0]);
    let text = fs::read_to_string(&path).map_err(|_| Error::Project {
        message: format!(
            "`{}` is not a generated project: it has no `scaffold.toml`",
            root.display()
        ),
        hint: "run this inside a generated project, or say what to plan: `--ml`, `--realtime`, ..."
            .to_owned(),
    })?;
    let unusable = |message: String| Error::Project {
        message,
        hint: "mend `scaffold.toml`; git has its former text".to_owned(),
    };
    let state: Map<String, Value> = toml::from_str(&text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        unusable(format!("{}: {}", Place::at("scaffold.toml", &text, offset), error.message()))
    })?;
    match state.get("schema").and_then(Value::as_i64) {
        Some(SCHEMA) => {}
        Some(newer) if newer > SCHEMA => {
            return Err(Error::Project {
                message: format!(
                    "`scaffold.toml` is of schema {newer}, this program knows {SCHEMA}"
                ),
                hint: "use a newer scaffold".to_owned(),
            });
        }
        _ => return Err(unusable("`scaffold.toml` says no `schema`".to_owned())),
    }
    let mut answers = Map::new();
    answers.extend(state.get("name").map(|name| ("name".to_owned(), name.clone())));
    for section in ["components", "slots", "options"] {
        answers.extend(state.get(section).and_then(Value::as_object).cloned().unwrap_or_default());
    }
    let services: Map<String, Value> = state
        .get("service")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|service| Some((service["name"].as_str()?.to_owned(), service["kind"].clone())))
        .collect();
    // Slots are written even where nothing uses them, and services are listed in full.
    let chosen = Choices::from_map(pack, &answers).map_err(|(_, error)| error);
    chosen
        .and_then(|mut choices| {
            let slots = std::mem::take(&mut choices.slots);
            let mut selection = choices.complete(pack)?;
            selection.slots.extend(slots);
            selection.services.clear();
            for (name, kind) in &services {
                choices.add_service(pack, name, kind.as_str().unwrap_or_default())?;
            }
            selection.services = choices.services;
            Ok(selection)
        })
        .map_err(|error| match error {
            Error::Usage { message, hint } => {
                Error::Project { message: format!("scaffold.toml: {message}"), hint }
            }
            other => other,
        })
}
