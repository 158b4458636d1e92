//! Reads and writes `scaffold.toml`, which people edit. Whatever it says must be something that there is: a
//! table whose name is a slip of the finger would switch off what stands below it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::choose::selection::{Choices, Selection};
use crate::pack::load::{Component, Pack};
use crate::pack::manifest::SlotManifest;
use crate::pack::migration::Migration;
use crate::text::error::{Error, Place, suggestion};
use crate::text::name::Name;
use crate::text::path::SELECTION_FILE;

/// Version of the form of `scaffold.toml` and `scaffold.lock`.
pub const SCHEMA: i64 = 1;

/// What to do about a newer form.
pub const USE_NEWER: &str = "use a newer scaffold";

const SECTIONS: [&str; 3] = ["components", "slots", "options"];
const MEND: &str = "mend `scaffold.toml`; git has its former text";

/// How to read a `scaffold.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// What is not there is an error; what is not said has its default.
    Strict,
    /// The text may be of another version of the pack: what this one does not have is left out, and
    /// what is not said is off. For what was rendered, which nobody can mend.
    Former,
}

/// Reads the text of `scaffold.toml`.
///
/// # Errors
/// [`Error::Project`] with every mistake and its place.
pub fn parse_selection(pack: &Pack, text: &str, reading: Reading) -> Result<Selection, Error> {
    let mut reader = Reader::new(pack, text)?;
    match reading {
        Reading::Strict => {
            reader.read();
            reader.selection().map_err(|error| combination(error, true))
        }
        Reading::Former => {
            reader.former = Some(values(text)?);
            reader.read();
            // Kinds that are gone are those whose services go.
            let rendered = services(&reader.values).into_iter();
            reader.choices.services = rendered
                .map(|(name, said)| (name, said["kind"].as_str().unwrap_or_default().to_owned()))
                .collect();
            let name = reader.choices.name.clone().unwrap_or_default();
            Ok(reader.choices.as_they_are(pack, Name::project(&name)?))
        }
    }
}

/// Reads a `scaffold.toml` that may be of another version of the pack: what it shares with the
/// text `former`, of which the project was rendered, and this version does not have, gets its default
/// or goes; gives what became of it, a sentence each. All else is read strictly; components that
/// are not said are off.
///
/// # Errors
/// [`Error::Project`] with every mistake and its place, [`Error::Usage`] where this version cannot
/// combine what it says.
pub fn adapted_selection(
    pack: &Pack,
    text: &str,
    former: &str,
) -> Result<(Selection, Vec<String>), Error> {
    let mut reader = Reader::new(pack, text)?;
    reader.former = Some(values(former)?);
    reader.read();
    let notes = std::mem::take(&mut reader.notes);
    let selection = reader.selection().map_err(|error| combination(error, false))?;
    Ok((selection, notes))
}

/// Whether two texts of `scaffold.toml` say the same, whatever the pack makes of it.
///
/// # Errors
/// [`Error::Project`] where one of them is not TOML.
pub fn say_the_same(one: &str, other: &str) -> Result<bool, Error> {
    let meaning = |text: &str| -> Result<_, Error> {
        let mut said = values(text)?;
        let services = services(&said);
        said.remove("service");
        let said: BTreeMap<String, Value> = said.into_iter().collect();
        Ok((said, services))
    };
    Ok(meaning(one)? == meaning(other)?)
}

/// The text of a `scaffold.toml`.
///
/// # Errors
/// [`Error::Project`] at the first byte that is no text.
pub fn text_of(bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let place = Place::at(SELECTION_FILE, &before, before.len());
        unusable(format!("{place}: this is not UTF-8"))
    })
}

fn unusable(message: String) -> Error {
    Error::Project { message, hint: MEND.to_owned() }
}

/// What is wrong with a combination is said with the command that would choose one that works.
fn combination(error: Error, is_state: bool) -> Error {
    match error {
        Error::Usage { message, hint } => {
            let message = format!("scaffold.toml: {message}");
            let hint = format!("say in `scaffold.toml` what this would: {hint}");
            if is_state { Error::Project { message, hint } } else { Error::Usage { message, hint } }
        }
        other => other,
    }
}

fn not_toml(text: &str, error: &toml::de::Error) -> Error {
    let offset = error.span().map_or(0, |span| span.start);
    unusable(format!("{}: {}", Place::at(SELECTION_FILE, text, offset), error.message()))
}

/// The content as plain values.
fn values(text: &str) -> Result<Map<String, Value>, Error> {
    toml::from_str(text).map_err(|error| not_toml(text, &error))
}

/// What is said of each service that is listed.
fn services(values: &Map<String, Value>) -> BTreeMap<String, Value> {
    let listed = values.get("service").and_then(Value::as_array);
    listed
        .into_iter()
        .flatten()
        .filter_map(|service| Some((service["name"].as_str()?.to_owned(), service.clone())))
        .collect()
}

/// A mistake in the text.
struct Mistake {
    offset: usize,
    message: String,
    hint: String,
}

struct Reader<'a> {
    pack: &'a Pack,
    text: &'a str,
    table: Spanned<DeTable<'a>>,
    values: Map<String, Value>,
    /// What the project was rendered from, where that is another version's.
    former: Option<Map<String, Value>>,
    choices: Choices,
    mistakes: Vec<Mistake>,
    notes: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(pack: &'a Pack, text: &'a str) -> Result<Self, Error> {
        let table = DeTable::parse(text).map_err(|error| not_toml(text, &error))?;
        let values = values(text)?;
        check_schema(SELECTION_FILE, values.get("schema").and_then(Value::as_i64))?;
        Ok(Self {
            pack,
            text,
            table,
            values,
            former: None,
            choices: Choices::default(),
            mistakes: Vec::new(),
            notes: Vec::new(),
        })
    }

    fn mistake(&mut self, offset: usize, message: impl Into<String>, hint: impl Into<String>) {
        self.mistakes.push(Mistake { offset, message: message.into(), hint: hint.into() });
    }

    /// Notes what an error says of the value at `offset`.
    fn refuse(&mut self, offset: usize, error: &Error) {
        self.mistake(offset, error.to_string(), error.hint().unwrap_or_else(|| MEND.to_owned()));
    }

    fn read(&mut self) {
        let table = self.table.clone().into_inner();
        for (key, value) in &table {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            match name {
                "schema" => {}
                "name" => self.read_name(value.span().start),
                "service" => self.read_services(at, value),
                section if SECTIONS.contains(&section) => self.read_section(section, value),
                other => {
                    let known = ["schema", "name", "components", "slots", "options", "service"];
                    let near = suggestion(other, known);
                    self.mistake(
                        at,
                        format!("`{other}` is not something that `scaffold.toml` says"),
                        format!("{near}it says: schema, name, [components], [slots], [options], [[service]]"),
                    );
                }
            }
        }
        if self.former.is_some() {
            for (flag, _) in self.pack.flagged() {
                self.choices.components.entry(flag.to_owned()).or_insert(false);
            }
        }
    }

    fn read_name(&mut self, offset: usize) {
        let value = &self.values["name"];
        let Some(name) = value.as_str() else {
            let message = format!("`name` takes text, not `{value}`");
            return self.mistake(offset, message, "a name such as `my-app` works");
        };
        self.choices.name = Some(name.to_owned());
        if let Err(error) = Name::project(name) {
            let hint = error.hint().unwrap_or_default();
            let hint = match hint.strip_prefix("scaffold new ") {
                Some(nearest) => format!("a name such as `{nearest}` works"),
                None => hint,
            };
            self.mistake(offset, error.to_string(), hint);
        }
    }

    fn read_section(&mut self, section: &str, value: &Spanned<DeValue>) {
        let Some(table) = value.get_ref().as_table() else {
            let message =
                format!("`{section}` is a table: `[{section}]` and a line for each choice");
            return self.mistake(value.span().start, message, MEND);
        };
        for (key, entry) in table {
            let name = key.get_ref().as_ref();
            let said = self.values[section][name].clone();
            if !self.has(section, name) {
                if self.was_former(section, name).is_some() {
                    self.note_gone(section, name, &said);
                } else {
                    self.refuse_key(section, name, key.span().start);
                }
            } else if let Err(error) = self.choices.set(self.pack, name, &said) {
                if self.was_former(section, name) == Some(&said) {
                    self.note_default(section, name, &said);
                } else {
                    self.refuse(entry.span().start, &error);
                }
            }
        }
    }

    /// Whether the pack has the choice `key` under `[section]`.
    fn has(&self, section: &str, key: &str) -> bool {
        match section {
            "components" => self.pack.by_flag(key).is_some(),
            "slots" => self.pack.slots().any(|(slot, _)| slot == key),
            _ => self.pack.options().any(|option| option.manifest.id == key),
        }
    }

    /// What the text that the project was rendered from says under `[section]`.
    fn was_former(&self, section: &str, key: &str) -> Option<&Value> {
        self.former.as_ref()?.get(section)?.get(key)
    }

    fn refuse_key(&mut self, section: &str, key: &str, offset: usize) {
        let pack = self.pack;
        let known: Vec<&str> = match section {
            "components" => pack.flagged().map(|(flag, _)| flag).collect(),
            "slots" => pack.slots().map(|(slot, _)| slot.as_str()).collect(),
            _ => pack.options().map(|option| option.manifest.id.as_str()).collect(),
        };
        let elsewhere = SECTIONS.into_iter().find(|other| self.has(other, key));
        let now = self.called_now(section, key);
        let hint = match (now, elsewhere) {
            (Some(now), _) => format!("it is called `{now}` now"),
            (None, Some(other)) => format!("it stands under `[{other}]`"),
            (None, None) => {
                format!("{}there are: {}", suggestion(key, known.iter().copied()), known.join(", "))
            }
        };
        let message = format!("`{key}` is not something to choose under `[{section}]`");
        self.mistake(offset, message, hint);
    }

    /// The name that a choice of an older version has under `[section]` now.
    fn called_now(&self, section: &str, key: &str) -> Option<String> {
        let migration = Migration::of(&self.pack.manifest.migrate);
        let now = match section {
            "components" => flag_of(self.pack, &migration.component(key)).to_owned(),
            "slots" => {
                let [slot, _] = migration.slot(key, "");
                slot
            }
            _ => migration.option(key, &Value::Null).0,
        };
        self.has(section, &now).then_some(now)
    }

    fn note_gone(&mut self, section: &str, key: &str, said: &Value) {
        match section {
            "components" if *said != Value::Bool(true) => {}
            "components" => self
                .notes
                .push(format!("the pack no longer has `{key}`, which was on: its files go")),
            "slots" => self
                .notes
                .push(format!("the pack no longer has a choice of `{key}`, which was {said}")),
            _ => self
                .notes
                .push(format!("the pack no longer has the option `{key}`, which was {said}")),
        }
    }

    fn note_default(&mut self, section: &str, key: &str, said: &Value) {
        if section == "slots" {
            let fillers = self.pack.filler_ids(key, None);
            self.notes.push(format!(
                "`{key}` was `{}`, which the pack no longer has; now it is `{}`; there are: {}",
                said.as_str().unwrap_or_default(),
                self.pack.default_filler(key, None).id,
                fillers.join(", ")
            ));
        } else if let Some(option) = self.pack.options().find(|option| option.manifest.id == key) {
            let default = serde_json::to_value(&option.manifest.default).unwrap_or_default();
            self.notes.push(format!(
                "`{key}` was {said}, which the pack no longer takes; now it is {default}"
            ));
        }
    }

    fn read_services(&mut self, at: usize, value: &Spanned<DeValue>) {
        let listed = value.get_ref().as_array();
        let tables: Option<Vec<_>> = listed.and_then(|listed| {
            listed
                .iter()
                .map(|service| Some((service.span().start, service.get_ref().as_table()?)))
                .collect()
        });
        let Some(tables) = tables else {
            let message =
                "`service` is a list of tables: `[[service]]`, with `name` and `kind` below";
            return self.mistake(at, message, MEND);
        };
        for (offset, table) in tables {
            self.read_service(offset, table);
        }
    }

    fn read_service(&mut self, offset: usize, table: &DeTable) {
        let kinds: Vec<String> = self.pack.kinds().map(str::to_owned).collect();
        let kinds = format!("a kind of service: {}", kinds.join(", "));
        let mut said: BTreeMap<&str, (usize, String)> = BTreeMap::new();
        let mut more: Vec<(&str, usize, usize, Value)> = Vec::new();
        let before = self.mistakes.len();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let hint = if name == "kind" { &kinds } else { "a name such as `my-service` works" };
            match (name, value.get_ref().as_str()) {
                ("name" | "kind", Some(text)) => {
                    said.insert(name, (value.span().start, text.to_owned()));
                }
                ("name" | "kind", None) => {
                    let shown = &self.text[value.span()];
                    self.mistake(
                        value.span().start,
                        format!("`{name}` takes text, not `{shown}`"),
                        hint,
                    );
                }
                (_, text) => {
                    let shown = text.unwrap_or(&self.text[value.span()]);
                    more.push((name, key.span().start, value.span().start, Value::from(shown)));
                }
            }
        }
        let kind = said.get("kind").map_or("", |(_, kind)| kind.as_str());
        let service = said.get("name").map_or("", |(_, name)| name.as_str());
        for (slot, at, value_at, filler) in more {
            self.read_fill((service, kind), (slot, at), (value_at, &filler));
        }
        let (Some((name_at, name)), Some((kind_at, kind))) = (said.get("name"), said.get("kind"))
        else {
            if self.mistakes.len() == before {
                let missing = if said.contains_key("name") { "kind" } else { "name" };
                let hint = if missing == "kind" { kinds } else { MEND.to_owned() };
                self.mistake(offset, format!("this service has no `{missing}`"), hint);
            }
            return;
        };
        let is_former = self.formerly(name, "kind") == Some(Value::from(kind.as_str()));
        if self.pack.component_of_kind(kind).is_none() && is_former {
            self.notes.push(format!(
                "the pack no longer has the kind `{kind}`: the service `{name}` goes"
            ));
            return;
        }
        if self.choices.services.contains_key(name) {
            let message = format!("two services are called `{name}`");
            return self.mistake(*name_at, message, format!("call one of them `{name}-2`"));
        }
        if let Err(error) = self.choices.add_service(self.pack, name, kind) {
            let is_kind = self.pack.component_of_kind(kind).is_none();
            self.refuse(if is_kind { *kind_at } else { *name_at }, &error);
        }
    }

    /// Reads what fills a slot of a service.
    fn read_fill(
        &mut self,
        (service, kind): (&str, &str),
        (slot, at): (&str, usize),
        (value_at, filler): (usize, &Value),
    ) {
        let pack = self.pack;
        let known: Vec<&str> = pack.slots_of(kind).map(|(known, _)| known.as_str()).collect();
        let was = self.formerly(service, slot);
        if !known.contains(&slot) {
            if was.is_some() {
                let said = filler.as_str().unwrap_or_default();
                self.notes.push(format!(
                    "the pack no longer has a choice of `{slot}` for `{service}`, which was `{said}`"
                ));
                return;
            }
            let words: Vec<&str> = ["name", "kind"].into_iter().chain(known).collect();
            let near = suggestion(slot, words.iter().copied());
            self.mistake(
                at,
                format!("`{slot}` is not something that `[[service]]` says"),
                format!("{near}it says: {}", words.join(", ")),
            );
        } else if let Err(error) = self.choices.fill(pack, (service, Some(kind)), slot, filler) {
            if was.as_ref() == Some(filler) {
                self.notes.push(format!(
                    "`{slot}` of `{service}` was `{}`, which the pack no longer has; now it is `{}`",
                    filler.as_str().unwrap_or_default(),
                    pack.default_filler(slot, Some(kind)).id
                ));
            } else {
                self.refuse(value_at, &error);
            }
        }
    }

    /// What the text that the project was rendered from says of a service.
    fn formerly(&self, service: &str, key: &str) -> Option<Value> {
        services(self.former.as_ref()?).get(service)?.get(key).cloned()
    }

    /// What was read, made complete.
    ///
    /// # Errors
    /// [`Error::Project`] with the mistakes; [`Error::Usage`] where it cannot be combined.
    fn selection(mut self) -> Result<Selection, Error> {
        self.mistakes.sort_by_key(|mistake| mistake.offset);
        let lines: Vec<String> = self
            .mistakes
            .iter()
            .map(|mistake| {
                let place = Place::at(SELECTION_FILE, self.text, mistake.offset);
                format!("{place}: {}", mistake.message)
            })
            .collect();
        match (self.mistakes.first(), lines.as_slice()) {
            (None, _) => {}
            (Some(first), [only]) => {
                return Err(Error::Project { message: only.clone(), hint: first.hint.clone() });
            }
            (Some(first), all) => {
                let message =
                    format!("`scaffold.toml` has {} mistakes:\n  {}", all.len(), all.join("\n  "));
                return Err(Error::Project { message, hint: first.hint.clone() });
            }
        }
        if self.choices.name.is_none() {
            return Err(unusable("scaffold.toml: the project has no `name`".to_owned()));
        }
        // Slots are written even where nothing uses them, and services are listed in full.
        let slots = std::mem::take(&mut self.choices.slots);
        let services = std::mem::take(&mut self.choices.services);
        let fills = std::mem::take(&mut self.choices.fills);
        let mut selection = self.choices.complete(self.pack)?;
        selection.slots.extend(slots);
        selection.services = services;
        selection.fills = fills;
        selection.fill_up(self.pack);
        Ok(selection)
    }
}

/// Refuses a file of a form that this program does not know.
///
/// # Errors
/// [`Error::Project`] for a newer form, or none.
pub fn check_schema(path: &str, schema: Option<i64>) -> Result<(), Error> {
    match schema {
        Some(SCHEMA) => Ok(()),
        Some(newer) if newer > SCHEMA => Err(Error::Project {
            message: format!("`{path}` is of schema {newer}, this program knows {SCHEMA}"),
            hint: USE_NEWER.to_owned(),
        }),
        _ => Err(Error::Project {
            message: format!("`{path}` says no `schema`"),
            hint: format!("mend `{path}`; git has its former text"),
        }),
    }
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
    let line = |(slot, manifest): (&String, &SlotManifest), kind: Option<&str>, choice: &str| {
        let fillers = pack.filler_ids(slot, kind).join(", ");
        format!("# {}: {fillers}\n{slot} = {}\n", manifest.summary, quoted(choice))
    };
    for slot in pack.slots() {
        text.push_str(&line(slot, None, &selection.slots[slot.0]));
    }
    if !selection.options.is_empty() {
        text.push_str("\n[options]\n");
    }
    for option in pack.options() {
        let value = &selection.options[&option.manifest.id];
        let _ =
            writeln!(text, "# {}\n{} = {}", option.manifest.help, option.manifest.id, shown(value));
    }
    for (name, kind) in &selection.services {
        let _ = writeln!(text, "\n[[service]]\nname = {}\nkind = {}", quoted(name), quoted(kind));
        for slot in pack.slots_of(kind) {
            text.push_str(&line(slot, Some(kind), &selection.fills[name][slot.0]));
        }
    }
    text
}

/// The flag of what is called `word`: a component's id or flag.
#[must_use]
pub fn flag_of<'a>(pack: &'a Pack, word: &'a str) -> &'a str {
    if pack.by_flag(word).is_some() {
        return word;
    }
    pack.component(word).and_then(Component::flag).unwrap_or(word)
}

/// A text as TOML writes it.
#[must_use]
pub fn quoted(text: &str) -> String {
    // Locks hold a thousand such texts, and hardly another.
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\');
    if text.bytes().all(is_plain) {
        return ["\"", text, "\""].concat();
    }
    toml::Value::String(text.to_owned()).to_string()
}

/// A value of an option as TOML writes it.
#[must_use]
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), quoted)
}
