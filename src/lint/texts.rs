//! The short texts of a manifest that are templates, each with its place: what a component
//! contributes is evaluated text by text, and the structs that serde fills do not know where a text
//! stood.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::pack::manifest::EVERY_WORKLOAD;
use crate::render::plan::origin;

/// A text of `component.toml` that is evaluated when a project is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The table that it stands in, as [`origin`] names it.
    pub origin: String,
    /// The kinds of service and, behind a `+`, the components without which that table is not evaluated.
    pub needs: Vec<String>,
    /// The text, without quotes.
    pub text: String,
    /// Where it stands, quotes included.
    pub place: Range<usize>,
}

/// The texts of `manifest`, the `component.toml` of `component`; none where it cannot be read.
#[must_use]
pub fn texts(component: &str, manifest: &str) -> Vec<Text> {
    let mut found = Found { component, texts: Vec::new() };
    let Ok(table) = DeTable::parse(manifest) else {
        return Vec::new();
    };
    for (key, value) in table.get_ref() {
        match key.get_ref().as_ref() {
            "contribute" => found.entries(value, "contribute", &[], |_| true),
            "with" => {
                for (other, own) in tables(value) {
                    let name = format!("with.{other}");
                    found.entries(own, &name, &[&format!("+{other}")], |_| true);
                }
            }
            "each" => {
                for (kind, own) in tables(value) {
                    let name = format!("each.{kind}");
                    found.entries(own, &name, &[kind], |key| key != "each");
                    let pairs = tables(own).find(|(key, _)| *key == "each");
                    for (other, value) in pairs.into_iter().flat_map(|(_, value)| tables(value)) {
                        let name = format!("{name}.each.{other}");
                        found.entries(value, &name, &[kind, other], |_| true);
                    }
                }
            }
            "to" => {
                for (kind, own) in tables(value).filter(|(kind, _)| *kind != EVERY_WORKLOAD) {
                    let is_docking = |key: &str| ["need", "set"].contains(&key);
                    found.entries(own, &format!("to.{kind}"), &[kind], |key| !is_docking(key));
                }
            }
            _ => {}
        }
    }
    found.texts
}

/// The entries of a table.
fn tables<'a>(
    value: &'a Spanned<DeValue<'a>>,
) -> impl Iterator<Item = (&'a str, &'a Spanned<DeValue<'a>>)> {
    let table = value.get_ref().as_table();
    table.into_iter().flatten().map(|(key, value)| (key.get_ref().as_ref(), value))
}

struct Found<'a> {
    component: &'a str,
    texts: Vec<Text>,
}

impl Found<'_> {
    /// Those of the entries of the table `name` that are `wanted`.
    fn entries(
        &mut self,
        value: &Spanned<DeValue>,
        name: &str,
        needs: &[&str],
        wanted: impl Fn(&str) -> bool,
    ) {
        let pattern = Text {
            origin: origin(self.component, name),
            needs: needs.iter().map(|name| (*name).to_owned()).collect(),
            text: String::new(),
            place: 0..0,
        };
        for (key, value) in value.get_ref().as_table().into_iter().flatten() {
            if wanted(key.get_ref()) {
                self.add(&pattern, key.get_ref(), key.span());
                self.within(&pattern, value);
            }
        }
    }

    fn within(&mut self, pattern: &Text, value: &Spanned<DeValue>) {
        match value.get_ref() {
            DeValue::String(text) => self.add(pattern, text, value.span()),
            DeValue::Array(items) => items.iter().for_each(|item| self.within(pattern, item)),
            DeValue::Table(table) => {
                for (key, value) in table {
                    self.add(pattern, key.get_ref(), key.span());
                    self.within(pattern, value);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, pattern: &Text, text: &str, place: Range<usize>) {
        self.texts.push(Text { text: text.to_owned(), place, ..pattern.clone() });
    }
}
