//! Three-way merge of JSON and TOML by key, for where a merge by lines conflicts or no longer
//! parses. What the user wrote keeps its format and order; a key that both changed keeps the
//! user's value and is reported, since markers would break every tool that reads the file.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;
use similar::TextMerge;
use toml_edit::{DocumentMut, Item, Table, TableLike};

/// A key that both sides changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// The user's value, `None` where they removed the key.
    pub ours: Option<String>,
    /// The newly rendered value, `None` where it is gone.
    pub theirs: Option<String>,
}

/// Languages that merge by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// JSON without comments.
    Json,
    /// TOML.
    Toml,
}

impl Language {
    /// The language of a path, by its ending.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1 {
            "json" => Some(Self::Json),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }

    /// Whether `text` is valid, with no key twice.
    #[must_use]
    pub fn parses(self, text: &str) -> bool {
        match self {
            Self::Json => Node::parse(text).is_some(),
            Self::Toml => text.parse::<DocumentMut>().is_ok(),
        }
    }

    /// Whether the key at `pointer` of `text` still has the value `wanted`, given as text of this
    /// language; `None` is no such key.
    #[must_use]
    pub fn still_says(self, text: &str, pointer: &str, wanted: Option<&str>) -> bool {
        let read = |text: &str| -> Option<Value> {
            match self {
                Self::Json => serde_json::from_str(text).ok(),
                Self::Toml => toml::from_str(text).ok(),
            }
        };
        let Some(document) = read(text) else {
            return true;
        };
        let wanted = wanted.and_then(|wanted| match self {
            Self::Json => read(wanted),
            Self::Toml => read(&format!("value = {wanted}"))?.get("value").cloned(),
        });
        document.pointer(pointer) == wanted.as_ref()
    }

    /// The user's text with what changed from `base` to `theirs`, and what overlaps; `None` where
    /// one of them does not parse.
    #[must_use]
    pub fn merge(self, base: &str, ours: &str, theirs: &str) -> Option<(String, Vec<Overlap>)> {
        let (text, overlaps) = match self {
            Self::Json => merge_json(base, ours, theirs)?,
            Self::Toml => merge_toml(base, ours, theirs)?,
        };
        self.parses(&text).then_some((text, overlaps))
    }
}

/// A JSON value with its place in the text.
#[derive(Debug)]
struct Node<'a> {
    text: &'a str,
    value: Value,
    span: Range<usize>,
    members: Vec<Member<'a>>,
    elements: Vec<Range<usize>>,
}

/// A member of a JSON object.
#[derive(Debug)]
struct Member<'a> {
    /// White space before the key.
    lead: Range<usize>,
    /// The key, the colon and the space around it.
    head: Range<usize>,
    key: String,
    node: Node<'a>,
}

impl<'a> Node<'a> {
    /// Reads a document; `None` where it is not JSON, or an object has a key twice.
    fn parse(text: &'a str) -> Option<Self> {
        // The real parser decides what is valid; this one then only finds the places.
        serde_json::from_str::<Value>(text).ok()?;
        let (node, end) = Self::read(text, skip(text, 0))?;
        (skip(text, end) == text.len()).then_some(node)
    }

    fn read(text: &'a str, start: usize) -> Option<(Self, usize)> {
        let bytes = text.as_bytes();
        let mut members = Vec::new();
        let mut elements = Vec::new();
        let end = match bytes.get(start)? {
            b'{' => {
                let mut keys = BTreeSet::new();
                let mut at = start + 1;
                loop {
                    let key_start = skip(text, at);
                    if bytes.get(key_start)? == &b'}' {
                        break key_start + 1;
                    }
                    let key_end = scalar_end(text, key_start)?;
                    let key: String = serde_json::from_str(&text[key_start..key_end]).ok()?;
                    if !keys.insert(key.clone()) {
                        return None;
                    }
                    let value_start = skip(text, skip(text, key_end) + 1);
                    let (node, value_end) = Self::read(text, value_start)?;
                    let (lead, head) = (at..key_start, key_start..value_start);
                    members.push(Member { lead, head, key, node });
                    at = skip(text, value_end);
                    match bytes.get(at)? {
                        b',' => at += 1,
                        _ => break at + 1,
                    }
                }
            }
            b'[' => {
                let mut at = start + 1;
                loop {
                    at = skip(text, at);
                    if bytes.get(at)? == &b']' {
                        break at + 1;
                    }
                    let (node, value_end) = Self::read(text, at)?;
                    elements.push(node.span);
                    at = skip(text, value_end);
                    match bytes.get(at)? {
                        b',' => at += 1,
                        _ => break at + 1,
                    }
                }
            }
            _ => scalar_end(text, start)?,
        };
        let value = serde_json::from_str(&text[start..end]).ok()?;
        Some((Self { text, value, span: start..end, members, elements }, end))
    }

    fn shown(&self) -> &'a str {
        &self.text[self.span.clone()]
    }

    fn member(&self, key: &str) -> Option<&Member<'a>> {
        self.members.iter().find(|member| member.key == key)
    }
}

fn skip(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The end of a string, number or word that begins at `start`.
fn scalar_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(start)? != &b'"' {
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b",]}:".contains(byte);
        let length = bytes[start..].iter().position(is_end).unwrap_or(bytes.len() - start);
        return (length > 0).then_some(start + length);
    }
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn merge_json(base: &str, ours: &str, theirs: &str) -> Option<(String, Vec<Overlap>)> {
    let base = if base.trim().is_empty() { "{}" } else { base };
    let nodes = (Node::parse(base)?, Node::parse(ours)?, Node::parse(theirs)?);
    let mut overlaps = Vec::new();
    let merged = json_value(Some(&nodes.0), &nodes.1, &nodes.2, "", &mut overlaps);
    let span = nodes.1.span;
    Some((format!("{}{merged}{}", &ours[..span.start], &ours[span.end..]), overlaps))
}

/// The text of a value that both sides have.
fn json_value(
    base: Option<&Node>,
    ours: &Node,
    theirs: &Node,
    pointer: &str,
    overlaps: &mut Vec<Overlap>,
) -> String {
    if ours.value == theirs.value || base.is_some_and(|base| base.value == theirs.value) {
        return ours.shown().to_owned();
    }
    if ours.value.is_object() && theirs.value.is_object() {
        return json_object(base, ours, theirs, pointer, overlaps);
    }
    if base.is_some_and(|base| base.value == ours.value) {
        return theirs.shown().to_owned();
    }
    if let Some(text) = base.and_then(|base| json_list(base, ours, theirs)) {
        return text;
    }
    overlaps.push(Overlap {
        pointer: pointer.to_owned(),
        ours: Some(ours.shown().to_owned()),
        theirs: Some(theirs.shown().to_owned()),
    });
    ours.shown().to_owned()
}

fn json_object(
    base: Option<&Node>,
    ours: &Node,
    theirs: &Node,
    pointer: &str,
    overlaps: &mut Vec<Overlap>,
) -> String {
    // Lead, key with colon, and value of each member of the result.
    let mut members: Vec<(&str, &str, &str, String)> = Vec::new();
    for member in &ours.members {
        let key = member.key.as_str();
        let inner = format!("{pointer}/{}", escaped(key));
        let was = base.and_then(|base| base.member(key)).map(|member| &member.node);
        let value = match theirs.member(key) {
            Some(other) => json_value(was, &member.node, &other.node, &inner, overlaps),
            None => match was {
                Some(was) if was.value == member.node.value => continue,
                None => member.node.shown().to_owned(),
                Some(_) => {
                    let text = member.node.shown().to_owned();
                    overlaps.push(Overlap {
                        pointer: inner,
                        ours: Some(text.clone()),
                        theirs: None,
                    });
                    text
                }
            },
        };
        members.push((
            &ours.text[member.lead.clone()],
            &ours.text[member.head.clone()],
            key,
            value,
        ));
    }
    let mut before: Option<&str> = None;
    for member in &theirs.members {
        let key = member.key.as_str();
        if ours.member(key).is_none() {
            let was = base.and_then(|base| base.member(key));
            if let Some(was) = was {
                if was.node.value != member.node.value {
                    overlaps.push(Overlap {
                        pointer: format!("{pointer}/{}", escaped(key)),
                        ours: None,
                        theirs: Some(member.node.shown().to_owned()),
                    });
                }
                continue;
            }
            let position = before
                .and_then(|before| members.iter().position(|(_, _, key, _)| *key == before))
                .map_or(0, |position| position + 1);
            let lead = ours
                .members
                .first()
                .map_or(&theirs.text[member.lead.clone()], |first| &ours.text[first.lead.clone()]);
            let head = &theirs.text[member.head.clone()];
            members.insert(position, (lead, head, key, member.node.shown().to_owned()));
        }
        before = Some(key);
    }
    if members.is_empty() {
        return "{}".to_owned();
    }
    // White space before the closing brace, of the side that has a last member.
    let shaped = if ours.members.is_empty() { theirs } else { ours };
    let inside = &shaped.shown()[..shaped.shown().len() - 1];
    let tail = &inside[inside.trim_end().len()..];
    let listed: Vec<String> =
        members.iter().map(|(lead, head, _, value)| format!("{lead}{head}{value}")).collect();
    format!("{{{}{tail}}}", listed.join(","))
}

/// A list merged element by element, as lines are; `None` where the changes overlap.
fn json_list(base: &Node, ours: &Node, theirs: &Node) -> Option<String> {
    let lines = |node: &Node| -> Option<String> {
        node.value
            .as_array()?
            .iter()
            .map(|element| Some(serde_json::to_string(element).ok()? + "\n"))
            .collect()
    };
    let (base, theirs) = (lines(base)?, lines(theirs)?);
    let own = lines(ours)?;
    let merge = TextMerge::from_lines(base.as_str(), own.as_str(), theirs.as_str());
    if merge.is_conflicted() {
        return None;
    }
    let merged = merge.to_string();
    // Between the elements goes what the user has between theirs.
    let (first, last) = (ours.elements.first(), ours.elements.last());
    let (Some(first), Some(last)) = (first, last) else {
        return Some(format!("[{}]", merged.lines().collect::<Vec<&str>>().join(", ")));
    };
    let lead = &ours.text[ours.span.start + 1..first.start];
    let tail = &ours.text[last.end..ours.span.end - 1];
    let gap = if lead.is_empty() { " " } else { lead };
    let separator = format!(",{gap}");
    let listed: Vec<&str> = merged.lines().collect();
    Some(format!("[{lead}{}{tail}]", listed.join(&separator)))
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn merge_toml(base: &str, ours: &str, theirs: &str) -> Option<(String, Vec<Overlap>)> {
    let base: DocumentMut = base.parse().ok()?;
    let mut merged: DocumentMut = ours.parse().ok()?;
    let theirs: DocumentMut = theirs.parse().ok()?;
    let mut overlaps = Vec::new();
    toml_table(base.as_table(), merged.as_table_mut(), theirs.as_table(), "", &mut overlaps);
    Some((merged.to_string(), overlaps))
}

fn toml_table(
    base: &dyn TableLike,
    ours: &mut dyn TableLike,
    theirs: &dyn TableLike,
    pointer: &str,
    overlaps: &mut Vec<Overlap>,
) {
    let mut keys: Vec<String> = theirs.iter().map(|(key, _)| key.to_owned()).collect();
    keys.extend(base.iter().map(|(key, _)| key.to_owned()).filter(|key| !theirs.contains_key(key)));
    for key in keys {
        let inner = format!("{pointer}/{}", escaped(&key));
        let was = base.get(&key);
        let (shown, new) = (toml_value(ours.get(&key)), toml_value(theirs.get(&key)));
        let old = toml_value(was);
        if old == new || shown == new {
            continue;
        }
        let same_comment = leaf_comment(base, &key) == leaf_comment(ours, &key);
        match (ours.get_mut(&key), theirs.get(&key)) {
            (Some(own), Some(other)) if own.is_table_like() && other.is_table_like() => {
                let nothing = Table::new();
                let was = was.and_then(Item::as_table_like).unwrap_or(&nothing);
                if let (Some(own), Some(other)) = (own.as_table_like_mut(), other.as_table_like()) {
                    toml_table(was, own, other, &inner, overlaps);
                }
            }
            (Some(own), Some(other)) if shown == old => replace(own, other),
            (None, Some(other)) if old.is_none() => insert(ours, theirs, &key, other),
            (Some(_), None) if shown == old && same_comment => {
                ours.remove(&key);
            }
            _ => overlaps.push(Overlap {
                pointer: inner,
                ours: shown.map(|value| value.to_string()),
                theirs: new.map(|value| value.to_string()),
            }),
        }
    }
}

/// The value of an item without its format, to compare by.
fn toml_value(item: Option<&Item>) -> Option<toml::Value> {
    let item = item.filter(|item| !item.is_none())?;
    let mut document = DocumentMut::new();
    document.insert("value", item.clone());
    toml::from_str::<toml::Table>(&document.to_string()).ok()?.remove("value")
}

fn leaf_comment(table: &dyn TableLike, key: &str) -> String {
    let key = table.key(key).and_then(|key| key.leaf_decor().prefix()?.as_str());
    key.unwrap_or_default().trim().to_owned()
}

/// Changes a value in place: the comment behind it stays.
fn replace(own: &mut Item, other: &Item) {
    match (own.as_value_mut(), other.as_value()) {
        (Some(value), Some(other)) => {
            let decor = value.decor().clone();
            *value = other.clone();
            *value.decor_mut() = decor;
        }
        _ => *own = other.clone(),
    }
}

/// Adds a key with the comment above it.
fn insert(ours: &mut dyn TableLike, theirs: &dyn TableLike, key: &str, item: &Item) {
    ours.insert(key, item.clone());
    if let (Some(mut own), Some(other)) = (ours.key_mut(key), theirs.key(key)) {
        *own.leaf_decor_mut() = other.leaf_decor().clone();
    }
}
