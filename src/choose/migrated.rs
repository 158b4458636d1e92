//! What the `scaffold.toml` of an older version says, in the words of this one. Names are replaced where they
//! stand, so that people's comments, order and format stay.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::choose::file::{flag_of, quoted};
use crate::pack::load::{Component, Pack};
use crate::pack::migration::Migration;

/// A `scaffold.toml` in the words of this version of the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Its text.
    pub text: String,
    /// What is called otherwise now, a sentence each.
    pub notes: Vec<String>,
}

/// The text of a `scaffold.toml` after `migration`. What is not TOML stays as it is, for whoever
/// reads it to refuse; so does an old name whose new one is there already.
#[must_use]
pub fn migrated(pack: &Pack, migration: &Migration, text: &str) -> Migrated {
    let mut words = Words { pack, migration, text, edits: Vec::new(), notes: Vec::new() };
    if !migration.is_empty()
        && let Ok(table) = DeTable::parse(text)
    {
        words.read(table.get_ref());
    }
    let Words { mut edits, mut notes, .. } = words;
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut text = text.to_owned();
    for (range, new) in edits.into_iter().rev() {
        text.replace_range(range, &new);
    }
    notes.dedup();
    Migrated { text, notes }
}

struct Words<'a> {
    pack: &'a Pack,
    migration: &'a Migration,
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
    notes: Vec<String>,
}

impl<'a> Words<'a> {
    fn read(&mut self, table: &DeTable) {
        let section = |name: &str| table.get(name).and_then(|section| section.get_ref().as_table());
        if let Some(components) = section("components") {
            self.rename_keys(components, |words, key, _| {
                flag_of(words.pack, &words.migration.component(key)).to_owned()
            });
        }
        self.keep(section("components"));
        if let Some(slots) = section("slots") {
            self.rename_keys(slots, |words, slot, filler| {
                let filler = filler.as_str().unwrap_or_default();
                let [slot, _] = words.migration.slot(slot, filler);
                slot
            });
            for (slot, value) in slots {
                if let Some(filler) = value.get_ref().as_str() {
                    let [_, now] = self.migration.slot(slot.get_ref(), filler);
                    self.rename_value(slot.get_ref(), value, &now);
                }
            }
        }
        if let Some(options) = section("options") {
            let now = |words: &Self, id: &str, value: &DeValue| {
                let value = value.as_str().map_or(Value::Null, Value::from);
                words.migration.option(id, &value)
            };
            self.rename_keys(options, |words, id, value| now(words, id, value).0);
            for (id, value) in options {
                if let Some(text) = now(self, id.get_ref(), value.get_ref()).1.as_str() {
                    self.rename_value(id.get_ref(), value, text);
                }
            }
        }
        let services = table.get("service").and_then(|services| services.get_ref().as_array());
        for service in services.into_iter().flatten() {
            let kind = service.get_ref().as_table().and_then(|service| service.get("kind"));
            if let Some((value, kind)) =
                kind.and_then(|kind| Some((kind, kind.get_ref().as_str()?)))
            {
                self.rename_value("kind", value, &self.migration.kind(kind));
            }
            let Some(service) = service.get_ref().as_table() else { continue };
            for (slot, value) in service.iter().filter(|(key, _)| !is_of_all(key.get_ref())) {
                let Some(filler) = value.get_ref().as_str() else { continue };
                let [name, now] = self.migration.slot(slot.get_ref(), filler);
                self.rename_value(slot.get_ref(), value, &now);
                if name != slot.get_ref().as_ref() {
                    self.notes.push(format!("`{}` is called `{name}` now", slot.get_ref()));
                    self.edits.push((slot.span(), as_key(&name)));
                }
            }
        }
    }

    /// Gives the keys of a section their new names.
    fn rename_keys(&mut self, section: &DeTable, now: impl Fn(&Self, &str, &DeValue) -> String) {
        let names: Vec<_> = section
            .iter()
            .map(|(key, value)| (key, now(self, key.get_ref(), value.get_ref())))
            .collect();
        let stays = |(key, name): &(&Spanned<_>, String)| key.get_ref() == name;
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        let (staying, renamed): (Vec<_>, Vec<_>) = names.iter().partition(|name| stays(name));
        taken.extend(staying.iter().map(|(_, name)| name.as_str()));
        for (key, name) in renamed {
            if taken.insert(name) {
                self.notes.push(format!("`{}` is called `{name}` now", key.get_ref()));
                self.edits.push((key.span(), as_key(name)));
            }
        }
    }

    /// Writes down what every project had and can be chosen now, before the first of the components.
    fn keep(&mut self, components: Option<&DeTable>) {
        let component = |word: &str| {
            let word = self.migration.component(word);
            self.pack.component(&word).or_else(|| self.pack.by_flag(&word))
        };
        let named = || {
            let all = components.into_iter().flatten();
            all.filter_map(|(key, value)| Some((component(key.get_ref())?, value)))
        };
        let on = named().filter(|(_, value)| value.get_ref().as_bool() == Some(true));
        let on: BTreeSet<String> = on.map(|(component, _)| component.id.clone()).collect();
        let kept: Vec<&Component> = self
            .migration
            .kept()
            .filter_map(|id| self.pack.component(&id))
            .filter(|kept| kept.applies(&on) && !named().any(|(other, _)| other.id == kept.id))
            .collect();
        let Some((at, header, before, behind)) = self.place(components) else { return };
        for (number, component) in kept.into_iter().enumerate() {
            let header = if number == 0 { header } else { "" };
            let flag = component.flag().unwrap_or(&component.id);
            self.edits.push((at..at, format!("{header}{before}{} = true{behind}", as_key(flag))));
            self.notes.push(format!("`{flag}` can be chosen now, and stays on"));
        }
    }

    /// Where further components are written, what comes before all of them, and before and behind each;
    /// `None` for an empty table on one line.
    fn place(
        &self,
        components: Option<&DeTable>,
    ) -> Option<(usize, &'static str, &'a str, &'static str)> {
        let first = components.and_then(|all| all.keys().map(|key| key.span().start).min());
        let Some(first) = first else {
            if components.is_none() {
                return Some((self.text.len(), "\n[components]\n", "", "\n"));
            }
            let mut lines = self.text.split_inclusive('\n');
            let mut end = 0;
            lines.find(|line| {
                end += line.len();
                line.trim() == "[components]"
            })?;
            return Some((end, "", "", "\n"));
        };
        // As lines of the section before the comment on the first one, unless the section is written
        // on one line or in dotted keys.
        let begin = self.text[..first].rfind('\n').map_or(0, |end| end + 1);
        Some(match self.text[begin..first].trim() {
            "" => {
                let lines = self.text[..begin].split_inclusive('\n').rev();
                let comments = lines.take_while(|line| line.trim_start().starts_with('#'));
                (begin - comments.map(str::len).sum::<usize>(), "", "", "\n")
            }
            start if start.ends_with('{') => (first, "", "", ", "),
            start => (begin, "", start, "\n"),
        })
    }

    fn rename_value(&mut self, of: &str, value: &Spanned<DeValue>, now: &str) {
        let before = value.get_ref().as_str().unwrap_or_default();
        if before != now {
            self.notes.push(format!("`{of}`: `{before}` is called `{now}` now"));
            self.edits.push((value.span(), quoted(now)));
        }
    }
}

/// Whether every service says this of itself; all else are its slots.
fn is_of_all(key: &str) -> bool {
    ["name", "kind"].contains(&key)
}

/// A name as a key of TOML.
fn as_key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}
