//! Reads JSON and TOML into pieces that together are the whole text, comments and white space
//! included, and writes them again. What stands in no piece cannot be merged, and would be lost.

use std::collections::{BTreeMap, BTreeSet};

/// A deeper nesting is left alone, as the parsers of both languages do.
const DEEPEST: usize = 100;

/// Languages that are read into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// JSON; comments and trailing commas are understood.
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

    /// Whether a program that reads each of `others` can read `text` as well: JSON has comments
    /// and trailing commas only where one of the others has them, and no key twice.
    #[must_use]
    pub fn reads(self, text: &str, others: &[&str]) -> bool {
        let is_plain = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
        let needs_plain =
            self == Self::Json && others.iter().all(|text| text.is_empty() || is_plain(text));
        Document::read(self, text).is_some() && (!needs_plain || is_plain(text))
    }
}

/// A comment and the white space before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment<'a> {
    /// White space before it.
    pub space: &'a str,
    /// The comment with its marks.
    pub text: &'a str,
}

impl Comment<'_> {
    /// Whether it ends with its line.
    #[must_use]
    pub fn is_line(&self) -> bool {
        !self.text.starts_with("/*")
    }
}

/// What stands between two tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trivia<'a> {
    /// The comments, in order.
    pub comments: Vec<Comment<'a>>,
    /// White space behind the last one.
    pub space: &'a str,
}

impl<'a> Trivia<'a> {
    /// White space before the first comment, or all of it where there is none.
    #[must_use]
    pub fn first_space(&self) -> &'a str {
        self.comments.first().map_or(self.space, |comment| comment.space)
    }
}

/// A value without its format, to compare by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(String),
    /// Any other scalar, as it is written.
    Word(String),
    /// A list.
    List(Vec<Value>),
    /// An object or a table.
    Table(BTreeMap<String, Value>),
}

impl Value {
    /// The value as text of a language, on one line.
    #[must_use]
    pub fn shown(&self, language: Language) -> String {
        let quoted = |text: &str| match language {
            Language::Json => serde_json::Value::from(text).to_string(),
            Language::Toml => toml::Value::from(text).to_string(),
        };
        match self {
            Self::Text(text) => quoted(text),
            Self::Word(word) => word.clone(),
            Self::List(values) => {
                let values: Vec<String> =
                    values.iter().map(|value| value.shown(language)).collect();
                format!("[{}]", values.join(", "))
            }
            Self::Table(members) => {
                let sign = if language == Language::Json { ": " } else { " = " };
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| format!("{}{sign}{}", quoted(key), value.shown(language)))
                    .collect();
                format!("{{ {} }}", members.join(", "))
            }
        }
    }

    /// The value at a path of keys and, in lists, numbers.
    #[must_use]
    pub fn at(&self, path: &[String]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        match self {
            Self::Table(members) => members.get(first)?.at(rest),
            Self::List(values) => values.get(first.parse::<usize>().ok()?)?.at(rest),
            Self::Text(_) | Self::Word(_) => None,
        }
    }

    fn insert(&mut self, path: &[String], value: Self, as_element: bool) {
        match (self, path) {
            (Self::Table(members), [key]) => match (members.get_mut(key), value) {
                (Some(Self::List(values)), value) => values.push(value),
                (Some(Self::Table(there)), Self::Table(more)) => there.extend(more),
                (_, value) => {
                    let value = if as_element { Self::List(vec![value]) } else { value };
                    members.insert(key.clone(), value);
                }
            },
            (Self::Table(members), [key, rest @ ..]) => members
                .entry(key.clone())
                .or_insert_with(|| Self::Table(BTreeMap::new()))
                .insert(rest, value, as_element),
            _ => {}
        }
    }
}

/// A member of an object, an element of a list, a line `key = value`, or a table with a header.
#[derive(Debug, Clone)]
pub struct Piece<'a> {
    /// What stands before it.
    pub lead: Trivia<'a>,
    /// The key with the sign behind it, or the header of a table; nothing for an element.
    pub head: &'a str,
    /// What stands between that and the value.
    pub aside: Trivia<'a>,
    /// The keys of the key or header, from the table that it stands in.
    pub path: Vec<String>,
    /// Whether it is a table of an array of tables.
    pub in_array: bool,
    /// The value.
    pub body: Body<'a>,
    /// What stands between the value and the comma.
    pub gap: Trivia<'a>,
    /// What stands behind it on its line.
    pub tail: Trivia<'a>,
    /// The end of its line, where that ends it.
    pub line_end: &'a str,
}

impl<'a> Piece<'a> {
    /// Every comment that stands in it, around it and behind it.
    #[must_use]
    pub fn comments(&self) -> Vec<&'a str> {
        let around = [&self.lead, &self.aside, &self.gap, &self.tail];
        let around = around.into_iter().flat_map(|trivia| &trivia.comments);
        around.map(|comment| comment.text).chain(self.body.comments()).collect()
    }
}

/// The value of a piece.
#[derive(Debug, Clone)]
pub enum Body<'a> {
    /// A string, a number, a word or a date.
    Scalar {
        /// As it is written.
        text: &'a str,
        /// What it says.
        value: Value,
    },
    /// Something between brackets.
    List(Group<'a>),
    /// Something between braces.
    Table(Group<'a>),
    /// What follows a header, or a whole document of TOML.
    Section {
        /// Its lines.
        entries: Vec<Piece<'a>>,
        /// The tables below it: of a document all of them, of an element of an array those that
        /// belong to that element.
        sections: Vec<Piece<'a>>,
    },
}

/// Pieces with commas between them.
#[derive(Debug, Clone)]
pub struct Group<'a> {
    /// The comment behind the opening bracket.
    pub start: Trivia<'a>,
    /// The pieces.
    pub pieces: Vec<Piece<'a>>,
    /// What stands before the closing bracket.
    pub end: Trivia<'a>,
    /// Whether there is a comma behind the last one.
    pub is_comma_last: bool,
    /// As it is written, brackets included.
    pub text: &'a str,
}

impl<'a> Body<'a> {
    /// What it says.
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Self::Scalar { value, .. } => value.clone(),
            Self::List(group) => {
                Value::List(group.pieces.iter().map(|piece| piece.body.value()).collect())
            }
            Self::Table(group) => table(group.pieces.iter()),
            Self::Section { entries, sections } => table(entries.iter().chain(sections)),
        }
    }

    /// The comments within it.
    #[must_use]
    pub fn comments(&self) -> Vec<&'a str> {
        match self {
            Self::Scalar { .. } => Vec::new(),
            Self::List(group) | Self::Table(group) => {
                let around = group.start.comments.iter().chain(&group.end.comments);
                let around = around.map(|comment| comment.text);
                around.chain(group.pieces.iter().flat_map(Piece::comments)).collect()
            }
            Self::Section { entries, sections } => {
                entries.iter().chain(sections).flat_map(Piece::comments).collect()
            }
        }
    }

    /// It as text, comments included where that fits between key and end of line.
    #[must_use]
    pub fn shown(&self, language: Language) -> String {
        match self {
            Self::Scalar { text, .. } => (*text).to_owned(),
            Self::List(group) | Self::Table(group) => group.text.to_owned(),
            Self::Section { .. } => self.value().shown(language),
        }
    }
}

fn table<'p>(pieces: impl Iterator<Item = &'p Piece<'p>>) -> Value {
    let mut value = Value::Table(BTreeMap::new());
    for piece in pieces {
        value.insert(&piece.path, piece.body.value(), piece.in_array);
    }
    value
}

/// A whole text.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// What stands before everything: in TOML the comments that an empty line parts from the rest.
    pub header: Trivia<'a>,
    /// What it says.
    pub body: Body<'a>,
    /// What stands behind everything.
    pub end: Trivia<'a>,
}

impl<'a> Document<'a> {
    /// Reads a text; `None` where it is not of that language, or an object has a key twice.
    #[must_use]
    pub fn read(language: Language, text: &'a str) -> Option<Self> {
        let mut scanner = Scanner { text, at: 0, language };
        match language {
            Language::Json => {
                let header = scanner.trivia();
                let body = scanner.value(0)?;
                let end = scanner.trivia();
                (scanner.at == text.len()).then_some(Self { header, body, end })
            }
            Language::Toml => {
                // The real parser decides what is valid; the scanner then only finds the places.
                toml::from_str::<toml::Table>(text).ok()?;
                scanner.toml()
            }
        }
    }

    /// Writes it again.
    #[must_use]
    pub fn text(&self) -> String {
        let mut writer = Writer::default();
        writer.trivia(&self.header);
        writer.body(&self.body);
        writer.trivia(&self.end);
        writer.text
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    language: Language,
}

impl<'a> Scanner<'a> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then(|| self.at += 1)
    }

    fn skip_while(&mut self, is_skipped: impl Fn(u8) -> bool) {
        while self.next().is_some_and(&is_skipped) {
            self.at += 1;
        }
    }

    /// A comment that begins here.
    fn comment(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let line = rest.find('\n').map_or(rest, |end| &rest[..end]).trim_end_matches('\r');
        let length = match self.language {
            Language::Toml if rest.starts_with('#') => line.len(),
            Language::Json if rest.starts_with("//") => line.len(),
            Language::Json if rest.starts_with("/*") => 2 + rest[2..].find("*/")? + 2,
            _ => return None,
        };
        self.at += length;
        Some(&rest[..length])
    }

    /// White space and comments, over as many lines as there are.
    fn trivia(&mut self) -> Trivia<'a> {
        let mut trivia = Trivia::default();
        loop {
            let start = self.at;
            self.skip_while(|byte| byte.is_ascii_whitespace());
            let space = &self.text[start..self.at];
            let Some(text) = self.comment() else {
                trivia.space = space;
                return trivia;
            };
            trivia.comments.push(Comment { space, text });
        }
    }

    /// White space and comments up to the end of the line, without it; nothing where something
    /// else follows on the line.
    fn tail(&mut self) -> Trivia<'a> {
        let start = self.at;
        let mut trivia = Trivia::default();
        loop {
            let before = self.at;
            self.skip_while(|byte| byte == b' ' || byte == b'\t');
            let space = &self.text[before..self.at];
            if let Some(text) = self.comment() {
                trivia.comments.push(Comment { space, text });
                continue;
            }
            trivia.space = space;
            if self.next().is_none_or(|byte| byte == b'\n' || byte == b'\r') {
                return trivia;
            }
            self.at = start;
            return Trivia::default();
        }
    }

    /// The tail, where a comment is in it.
    fn comment_tail(&mut self) -> Trivia<'a> {
        let start = self.at;
        let tail = self.tail();
        if tail.comments.is_empty() {
            self.at = start;
            return Trivia::default();
        }
        tail
    }

    fn line_end(&mut self) -> &'a str {
        let start = self.at;
        self.skip_while(|byte| byte == b'\r');
        let _ = self.take(b'\n');
        &self.text[start..self.at]
    }

    fn scalar(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at = scalar_end(self.text, start, self.language)?;
        Some(&self.text[start..self.at])
    }

    fn value(&mut self, depth: usize) -> Option<Body<'a>> {
        if depth > DEEPEST {
            return None;
        }
        match self.next()? {
            b'{' => Some(Body::Table(self.group(b'}', depth)?)),
            b'[' => Some(Body::List(self.group(b']', depth)?)),
            _ => {
                let text = self.scalar()?;
                Some(Body::Scalar { text, value: scalar_value(text, self.language)? })
            }
        }
    }

    /// The pieces between two brackets.
    fn group(&mut self, close: u8, depth: usize) -> Option<Group<'a>> {
        let start = self.at;
        self.at += 1;
        let opening = self.comment_tail();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut keys = BTreeSet::new();
        let mut is_comma_last = false;
        loop {
            let lead = self.trivia();
            if self.next()? == close {
                self.at += 1;
                let text = &self.text[start..self.at];
                return Some(Group { start: opening, pieces, end: lead, is_comma_last, text });
            }
            if !pieces.is_empty() && !is_comma_last {
                return None;
            }
            let begin = self.at;
            let path = if close == b'}' { self.key()? } else { Vec::new() };
            let head = &self.text[begin..self.at];
            let aside = if head.is_empty() { Trivia::default() } else { self.trivia() };
            if self.language == Language::Json && close == b'}' && !keys.insert(path.clone()) {
                return None;
            }
            let body = self.value(depth + 1)?;
            // A comment behind the value is before the comma only where there is one.
            let behind = self.at;
            let mut gap = self.trivia();
            is_comma_last = self.take(b',').is_some();
            if !is_comma_last {
                gap = Trivia::default();
                self.at = behind;
            }
            let tail = self.comment_tail();
            let (in_array, line_end) = (false, "");
            pieces.push(Piece { lead, head, aside, path, in_array, body, gap, tail, line_end });
        }
    }

    /// A key with the sign behind it.
    fn key(&mut self) -> Option<Vec<String>> {
        match self.language {
            Language::Json => {
                let key = serde_json::from_str(self.scalar()?).ok()?;
                self.skip_while(|byte| byte.is_ascii_whitespace());
                self.take(b':')?;
                Some(vec![key])
            }
            Language::Toml => {
                let path = self.dotted()?;
                self.take(b'=')?;
                Some(path)
            }
        }
    }

    /// Keys with dots between them, and the space behind.
    fn dotted(&mut self) -> Option<Vec<String>> {
        let mut path = Vec::new();
        loop {
            self.skip_while(|byte| byte == b' ' || byte == b'\t');
            let start = self.at;
            if matches!(self.next()?, b'"' | b'\'') {
                self.scalar()?;
            } else {
                self.skip_while(|byte| !b" \t.=]\r\n".contains(&byte));
            }
            let text = &self.text[start..self.at];
            match scalar_value(text, Language::Toml) {
                Some(Value::Text(key)) => path.push(key),
                _ => path.push(text.to_owned()),
            }
            self.skip_while(|byte| byte == b' ' || byte == b'\t');
            if self.take(b'.').is_none() {
                return Some(path);
            }
        }
    }

    fn toml(mut self) -> Option<Document<'a>> {
        let mut header = None;
        let mut entries = Vec::new();
        let mut sections: Vec<Piece> = Vec::new();
        loop {
            let start = self.at;
            let mut lead = self.trivia();
            if header.is_none() {
                let (before, rest) = parted(&self.text[start..self.at]);
                header = Some(before);
                lead = rest;
            }
            let Some(next) = self.next() else {
                let sections = nested(sections)?;
                let body = Body::Section { entries, sections };
                return Some(Document { header: header?, body, end: lead });
            };
            let begin = self.at;
            let mut piece = Piece {
                lead,
                head: "",
                aside: Trivia::default(),
                path: Vec::new(),
                in_array: false,
                body: Body::Section { entries: Vec::new(), sections: Vec::new() },
                gap: Trivia::default(),
                tail: Trivia::default(),
                line_end: "",
            };
            if next == b'[' {
                self.at += 1;
                piece.in_array = self.take(b'[').is_some();
                piece.path = self.dotted()?;
                self.take(b']')?;
                if piece.in_array {
                    self.take(b']')?;
                }
                piece.head = &self.text[begin..self.at];
            } else {
                piece.path = self.key()?;
                piece.head = &self.text[begin..self.at];
                piece.aside = self.trivia();
                piece.body = self.value(0)?;
            }
            piece.tail = self.tail();
            piece.line_end = self.line_end();
            match (next, sections.last_mut()) {
                (b'[', _) => sections.push(piece),
                (_, Some(Piece { body: Body::Section { entries, .. }, .. })) => entries.push(piece),
                _ => entries.push(piece),
            }
        }
    }
}

/// Parts the comments at the beginning of a file from those of its first key, at the last empty
/// line between them.
fn parted(text: &str) -> (Trivia<'_>, Trivia<'_>) {
    let read = |text| Scanner { text, at: 0, language: Language::Toml }.trivia();
    let empty = text.rfind("\n\n").map(|at| at + 2);
    let empty = empty.max(text.rfind("\n\r\n").map(|at| at + 3));
    match empty {
        Some(at) if text[..at].contains('#') => (read(&text[..at]), read(&text[at..])),
        _ => (Trivia::default(), read(text)),
    }
}

/// Puts the tables that belong to an element of an array of tables below that element. `None`
/// where they do not follow it: moving the element would then take them away from it. The parser
/// has refused headers of more keys than the stack bears.
fn nested(sections: Vec<Piece>) -> Option<Vec<Piece>> {
    let mut found: Vec<Piece> = Vec::new();
    let mut arrays: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut waiting = sections.into_iter().peekable();
    while let Some(mut piece) = waiting.next() {
        let is_below =
            |path: &[String], above: &[String]| path.len() > above.len() && path.starts_with(above);
        if arrays.iter().any(|above| is_below(&piece.path, above)) {
            return None;
        }
        if piece.in_array {
            arrays.insert(piece.path.clone());
            let mut below = Vec::new();
            while let Some(mut inner) = waiting.next_if(|next| is_below(&next.path, &piece.path)) {
                inner.path.drain(..piece.path.len());
                below.push(inner);
            }
            if let Body::Section { sections, .. } = &mut piece.body {
                *sections = nested(below)?;
            }
        }
        found.push(piece);
    }
    Some(found)
}

/// The end of a scalar that begins at `start`.
fn scalar_end(text: &str, start: usize, language: Language) -> Option<usize> {
    let rest = &text[start..];
    let is_toml = language == Language::Toml;
    for quotes in ["\"\"\"", "'''"] {
        if is_toml && rest.starts_with(quotes) {
            let quote = quotes.as_bytes()[0];
            let close = closing(rest, 3, quotes)?;
            // Up to two quotes may stand before the closing three.
            let more = rest.as_bytes()[close..].iter().take_while(|byte| **byte == quote).count();
            return Some(start + close + more);
        }
    }
    for quote in if is_toml { &["\"", "'"][..] } else { &["\""] } {
        if rest.starts_with(quote) {
            return Some(start + closing(rest, 1, quote)?);
        }
    }
    let ends: &[char] =
        if is_toml { &[',', ']', '}', '#', '\n'] } else { &[',', ']', '}', ':', '/'] };
    let is_end = |c: char| ends.contains(&c) || (!is_toml && c.is_ascii_whitespace());
    let length = rest.find(is_end).unwrap_or(rest.len());
    Some(start + rest[..length].trim_end().len())
}

/// Behind the first `quotes` from `from` on that no backslash escapes.
fn closing(text: &str, from: usize, quotes: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        if bytes[at..].starts_with(quotes.as_bytes()) {
            return Some(at + quotes.len());
        }
        at += if bytes[at] == b'\\' && quotes.starts_with('"') { 2 } else { 1 };
    }
    None
}

/// What a scalar says: strings without their quotes and escapes, other TOML in its usual form.
fn scalar_value(text: &str, language: Language) -> Option<Value> {
    match language {
        Language::Json => match serde_json::from_str(text).ok()? {
            serde_json::Value::String(text) => Some(Value::Text(text)),
            _ => Some(Value::Word(text.to_owned())),
        },
        Language::Toml => {
            let mut table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
            match table.remove("value")? {
                toml::Value::String(text) => Some(Value::Text(text)),
                other => Some(Value::Word(other.to_string())),
            }
        }
    }
}

/// Writes pieces, and keeps what follows a line comment, or a line, off that line.
#[derive(Default)]
struct Writer {
    text: String,
    /// A line comment has begun.
    is_in_comment: bool,
    /// A line of TOML was the last of its text, and had no end.
    owes_line_end: bool,
}

impl Writer {
    fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let ends_line = text.trim_start_matches([' ', '\t', '\r']).starts_with('\n');
        if self.owes_line_end || (self.is_in_comment && !ends_line) {
            self.text.push('\n');
        }
        (self.owes_line_end, self.is_in_comment) = (false, false);
        self.text.push_str(text);
    }

    fn trivia(&mut self, trivia: &Trivia) {
        for comment in &trivia.comments {
            self.push(comment.space);
            self.push(comment.text);
            self.is_in_comment = comment.is_line();
        }
        self.push(trivia.space);
    }

    fn body(&mut self, body: &Body) {
        match body {
            Body::Scalar { text, .. } => self.push(text),
            Body::List(group) => self.group(group, ["[", "]"]),
            Body::Table(group) => self.group(group, ["{", "}"]),
            Body::Section { entries, sections } => {
                for piece in entries.iter().chain(sections) {
                    self.line(piece);
                }
            }
        }
    }

    fn line(&mut self, piece: &Piece) {
        let is_section = matches!(piece.body, Body::Section { .. });
        self.trivia(&piece.lead);
        self.push(piece.head);
        self.trivia(&piece.aside);
        if !is_section {
            self.body(&piece.body);
        }
        self.trivia(&piece.tail);
        self.push(piece.line_end);
        self.owes_line_end = piece.line_end.is_empty();
        if is_section {
            self.body(&piece.body);
        }
    }

    fn group(&mut self, group: &Group, brackets: [&str; 2]) {
        self.push(brackets[0]);
        self.trivia(&group.start);
        for (number, piece) in group.pieces.iter().enumerate() {
            self.trivia(&piece.lead);
            self.push(piece.head);
            self.trivia(&piece.aside);
            self.body(&piece.body);
            self.trivia(&piece.gap);
            if number + 1 < group.pieces.len() || group.is_comma_last {
                self.push(",");
            }
            self.trivia(&piece.tail);
        }
        self.trivia(&group.end);
        self.push(brackets[1]);
    }
}
