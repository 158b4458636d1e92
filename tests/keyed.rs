//! The merge by key: nothing that one side wrote is lost, comments, keys and their order included.
//! `KEYED_CASES=10000 cargo test --test keyed` tries that many cases of each language.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use scaffold::merge::keyed::{Overlap, merge, settle, still_says};
use scaffold::merge::syntax::{self, Body, Document, Language};
use serde_json::Value;

const CASES: u32 = 400;

/// A document with comments in every place that can have one.
#[derive(Debug, Clone, Default)]
struct Model {
    header: Vec<String>,
    root: Vec<Member>,
    end: Vec<String>,
}

#[derive(Debug, Clone)]
struct Member {
    /// Empty for an element of a list.
    key: String,
    node: Node,
    lead: Vec<String>,
    tail: Vec<String>,
}

#[derive(Debug, Clone)]
enum Node {
    Leaf(String),
    List { elements: Vec<Member>, start: Vec<String>, end: Vec<String> },
    Table { members: Vec<Member>, end: Vec<String>, form: Form },
    Rows { rows: Vec<Member>, are_named: bool },
}

/// How TOML writes a table.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Section,
    Inline,
    Dotted,
}

/// One edit; the numbers choose what it does, where, and how.
type Edit = (u8, usize, usize);

/// Who edits: only they use these words.
struct Editor {
    name: char,
    count: usize,
    language: Language,
    has_comments: bool,
}

impl Editor {
    fn word(&mut self) -> String {
        self.count += 1;
        format!("<{}{}>", self.name, self.count)
    }

    fn key(&mut self, choice: usize) -> String {
        self.count += 1;
        match choice % 7 {
            // Both sides may add the same key.
            0 => format!("both-{}", choice / 7 % 4),
            _ => format!("{}{}", self.name, self.count),
        }
    }

    /// A value that says who wrote it, with what looks like marks of either language in it.
    fn leaf(&mut self, choice: usize) -> Node {
        self.count += 1;
        let word = format!("{}{}", self.name, self.count);
        Node::Leaf(match (choice % 5, self.language) {
            (0, _) => format!("\"{word} # // /* , ] }} \\\" \""),
            (1, _) => format!("\"{}\"", choice % 3),
            (2, Language::Toml) => format!("'''{word}\n# no comment, ] }}\n'''"),
            (3, Language::Toml) => format!("'{word} \\'"),
            (4, Language::Toml) => format!("1979-05-27 07:32:{:02}", self.count % 60),
            _ => format!("{}{}", if self.name == 'o' { 1 } else { 2 }, self.count),
        })
    }

    fn member(&mut self, key: String, node: Node, choice: usize) -> Member {
        let mut comment = |is_there: bool| {
            if is_there && self.has_comments { vec![self.word()] } else { Vec::new() }
        };
        let (lead, tail) = (comment(choice.is_multiple_of(3)), comment(choice.is_multiple_of(4)));
        Member { key, node, lead, tail }
    }

    fn row(&mut self, are_named: bool, choice: usize) -> Member {
        let (key, node) = (self.key(1), self.leaf(choice));
        let mut members = vec![self.member(key, node, choice / 2)];
        if are_named {
            let name =
                if choice.is_multiple_of(5) { format!("both-{choice}") } else { self.word() };
            members.insert(0, self.member("name".to_owned(), Node::Leaf(format!("\"{name}\"")), 1));
        }
        let node = Node::Table { members, end: Vec::new(), form: Form::Section };
        self.member(String::new(), node, choice)
    }

    fn edit(&mut self, model: &mut Model, (kind, place, choice): Edit) {
        match kind % 16 {
            0..=2 if self.has_comments => {
                let word = self.word();
                let mut places = comments(model);
                let count = places.len();
                let (comments, most) = &mut places[place % count];
                if comments.len() < *most {
                    comments.insert(choice % (comments.len() + 1), word);
                }
            }
            3 => with(&mut comments(model), place, |(comments, _)| {
                comments.pop();
            }),
            4 => {
                let word = self.word();
                with(&mut comments(model), place, |(comments, _)| {
                    if let Some(last) = comments.last_mut() {
                        *last = word;
                    }
                });
            }
            5 => {
                let leaf = self.leaf(choice);
                with(&mut leaves(&mut model.root), place, |node| **node = leaf);
            }
            kind => {
                let mut holders = Vec::new();
                collect(&mut model.root, Holder::Table(None), &mut holders);
                let position = place % holders.len();
                let (members, holder) = &mut holders[position];
                self.edit_members(members, *holder, kind, choice);
            }
        }
    }

    fn edit_members(&mut self, members: &mut Vec<Member>, holder: Holder, kind: u8, choice: usize) {
        let at = |length: usize| choice / 3 % length.max(1);
        let fixed = members.iter().position(|member| member.key == "name");
        match kind {
            // Take away, and move.
            12 | 13 => {
                let position = at(members.len());
                if position < members.len() && fixed != Some(position) {
                    members.remove(position);
                }
            }
            14 => {
                let (from, to) = (at(members.len()), choice / 11 % members.len().max(1));
                if from < members.len() && fixed.is_none() {
                    let member = members.remove(from);
                    members.insert(to, member);
                }
            }
            _ => {
                let member = match holder {
                    Holder::List => {
                        let node = self.leaf(choice);
                        self.member(String::new(), node, choice)
                    }
                    Holder::Rows(are_named) => self.row(are_named, choice),
                    Holder::Table(form) => {
                        let key = self.key(choice);
                        let node = match kind {
                            // Below a table on one line is no header.
                            9 if form != Some(Form::Dotted) => {
                                // All but the first are equal, and told apart by comments.
                                let elements = (0..choice % 4)
                                    .map(|more| {
                                        let node = self.leaf(if more == 0 { choice } else { 1 });
                                        self.member(String::new(), node, choice + more)
                                    })
                                    .collect();
                                Node::List { elements, start: Vec::new(), end: Vec::new() }
                            }
                            10 if form != Some(Form::Dotted) => {
                                let own = [Form::Section, Form::Inline, Form::Dotted][choice % 3];
                                let form = match form {
                                    Some(Form::Inline) => Form::Inline,
                                    _ => own,
                                };
                                let (inner, leaf) = (self.key(1), self.leaf(choice));
                                let members = vec![self.member(inner, leaf, choice)];
                                Node::Table { members, end: Vec::new(), form }
                            }
                            11 if form.is_none() => {
                                let are_named = !choice.is_multiple_of(3);
                                let rows = vec![self.row(are_named, choice)];
                                Node::Rows { rows, are_named }
                            }
                            _ => self.leaf(choice),
                        };
                        self.member(key, node, choice)
                    }
                };
                let name = |member: &Member| match &member.node {
                    Node::Table { members, .. } => {
                        members.first().and_then(|first| match &first.node {
                            Node::Leaf(text) if first.key == "name" => Some(text.clone()),
                            _ => None,
                        })
                    }
                    _ => None,
                };
                let is_taken = members.iter().any(|other| {
                    (!member.key.is_empty() && other.key == member.key)
                        || (member.key.is_empty()
                            && name(&member).is_some()
                            && name(other) == name(&member))
                });
                if !is_taken {
                    let position = (fixed.map_or(0, |fixed| fixed + 1)).max(at(members.len() + 1));
                    members.insert(position, member);
                }
            }
        }
    }
}

fn with<T>(places: &mut [T], place: usize, change: impl FnOnce(&mut T)) {
    let count = places.len();
    if let Some(place) = places.get_mut(place % count.max(1)) {
        change(place);
    }
}

#[derive(Debug, Clone, Copy)]
enum Holder {
    Table(Option<Form>),
    List,
    Rows(bool),
}

/// Everything that members can be added to.
fn collect<'m>(
    members: &'m mut Vec<Member>,
    holder: Holder,
    found: &mut Vec<(&'m mut Vec<Member>, Holder)>,
) {
    // A list of members cannot be given out beside what is within them, so every second is.
    let within = members.iter().position(|member| !matches!(member.node, Node::Leaf(_)));
    match within {
        Some(_) if found.len().is_multiple_of(2) => {
            for member in members {
                match &mut member.node {
                    Node::Leaf(_) => {}
                    Node::List { elements, .. } => collect(elements, Holder::List, found),
                    Node::Table { members, form, .. } => {
                        collect(members, Holder::Table(Some(*form)), found);
                    }
                    Node::Rows { rows, are_named } => {
                        collect(rows, Holder::Rows(*are_named), found);
                    }
                }
            }
        }
        _ => found.push((members, holder)),
    }
}

fn leaves(members: &mut [Member]) -> Vec<&mut Node> {
    let mut found = Vec::new();
    for member in members.iter_mut().filter(|member| member.key != "name") {
        match &mut member.node {
            Node::List { elements: inner, .. }
            | Node::Table { members: inner, .. }
            | Node::Rows { rows: inner, .. } => found.extend(leaves(inner)),
            leaf @ Node::Leaf(_) => found.push(leaf),
        }
    }
    found
}

/// Every place for comments, and how many it takes.
fn comments(model: &mut Model) -> Vec<(&mut Vec<String>, usize)> {
    fn within<'m>(members: &'m mut [Member], found: &mut Vec<(&'m mut Vec<String>, usize)>) {
        for member in members {
            found.push((&mut member.lead, 3));
            match &mut member.node {
                Node::Leaf(_) => found.push((&mut member.tail, 1)),
                Node::List { elements, start, end } => {
                    found.push((&mut member.tail, 1));
                    found.push((start, 1));
                    found.push((end, 2));
                    within(elements, found);
                }
                Node::Table { members, end, form } => {
                    if *form == Form::Inline {
                        found.push((&mut member.tail, 1));
                        found.push((end, 2));
                    }
                    within(members, found);
                }
                Node::Rows { rows, .. } => within(rows, found),
            }
        }
    }
    let mut found = vec![(&mut model.header, 3), (&mut model.end, 3)];
    within(&mut model.root, &mut found);
    found
}

impl Model {
    fn text(&self, language: Language, has_comments: bool) -> String {
        match language {
            Language::Json => self.json(has_comments),
            Language::Toml => {
                let mut text = String::new();
                for comment in &self.header {
                    let _ = writeln!(text, "# {comment}");
                }
                if !self.header.is_empty() {
                    text.push('\n');
                }
                toml_lines(&self.root, "", &mut text);
                for comment in &self.end {
                    let _ = writeln!(text, "# {comment}");
                }
                text
            }
        }
    }

    fn json(&self, has_comments: bool) -> String {
        let lines = |comments: &[String]| -> String {
            comments.iter().flat_map(|comment| ["// ", comment, "\n"]).collect()
        };
        if !has_comments {
            return json_members(&self.root, true, [&[], &[]], 0) + "\n";
        }
        let body = json_members(&self.root, true, [&[], &[]], 0);
        format!("{}{body}\n{}", lines(&self.header), lines(&self.end))
    }
}

fn json_members(
    members: &[Member],
    are_keyed: bool,
    [start, end]: [&[String]; 2],
    depth: usize,
) -> String {
    let (open, close) = if are_keyed { ("{", "}") } else { ("[", "]") };
    let indent = "\n".to_owned() + &"  ".repeat(depth + 1);
    let shown = |comment: &String| {
        if comment.len().is_multiple_of(3) {
            format!("/* {comment} */")
        } else {
            format!("// {comment}")
        }
    };
    let mut text = open.to_owned();
    for comment in start {
        let _ = write!(text, " {}", shown(comment));
    }
    for (number, member) in members.iter().enumerate() {
        for comment in &member.lead {
            let _ = write!(text, "{indent}{}", shown(comment));
        }
        text += &indent;
        if are_keyed {
            let _ = write!(text, "\"{}\": ", member.key);
        }
        text += &match &member.node {
            Node::Leaf(leaf) => leaf.clone(),
            Node::List { elements, start, end } => {
                json_members(elements, false, [start, end], depth + 1)
            }
            Node::Table { members, end, .. } => json_members(members, true, [&[], end], depth + 1),
            Node::Rows { rows, .. } => json_members(rows, false, [&[], &[]], depth + 1),
        };
        if number + 1 < members.len() {
            text.push(',');
        }
        for comment in &member.tail {
            let _ = write!(text, " {}", shown(comment));
        }
    }
    for comment in end {
        let _ = write!(text, "{indent}{}", shown(comment));
    }
    text + "\n" + &"  ".repeat(depth) + close
}

fn toml_value(node: &Node, depth: usize) -> String {
    let nothing = Vec::new();
    let (members, start, end, [open, close]) = match node {
        Node::Leaf(leaf) => return leaf.clone(),
        Node::List { elements, start, end } => (elements, start, end, ["[", "]"]),
        Node::Table { members, end, .. } => (members, &nothing, end, ["{", "}"]),
        Node::Rows { .. } => unreachable!("rows have headers"),
    };
    let indent = "\n".to_owned() + &"    ".repeat(depth + 1);
    let mut text = open.to_owned();
    for comment in start {
        let _ = write!(text, " # {comment}");
    }
    for member in members {
        for comment in &member.lead {
            let _ = write!(text, "{indent}# {comment}");
        }
        let value = toml_value(&member.node, depth + 1);
        let sign = if member.key.is_empty() { "" } else { " = " };
        let _ = write!(text, "{indent}{}{sign}{value},", member.key);
        for comment in &member.tail {
            let _ = write!(text, " # {comment}");
        }
    }
    for comment in end {
        let _ = write!(text, "{indent}# {comment}");
    }
    text + "\n" + close
}

/// The lines of a table, then the tables below it.
fn toml_lines(members: &[Member], prefix: &str, text: &mut String) {
    let has_header = |member: &&Member| {
        matches!(member.node, Node::Rows { .. } | Node::Table { form: Form::Section, .. })
    };
    let commented = |comments: &[String]| -> String {
        comments.iter().flat_map(|comment| ["# ", comment, "\n"]).collect()
    };
    let tailed = |comments: &[String]| -> String {
        comments.iter().flat_map(|comment| [" # ", comment]).collect()
    };
    for member in members.iter().filter(|member| !has_header(member)) {
        *text += &commented(&member.lead);
        match &member.node {
            Node::Table { members, form: Form::Dotted, .. } => {
                for inner in members {
                    *text += &commented(&inner.lead);
                    let value = toml_value(&inner.node, 0);
                    let tail = tailed(&inner.tail);
                    let _ = writeln!(text, "{} . \"{}\" = {value}{tail}", member.key, inner.key);
                }
            }
            node => {
                let value = toml_value(node, 0);
                let _ = writeln!(text, "{} = {value}{}", member.key, tailed(&member.tail));
            }
        }
    }
    for member in members.iter().filter(has_header) {
        let path = format!("{prefix}{}", member.key);
        let rows = match &member.node {
            Node::Rows { rows, .. } => rows.as_slice(),
            _ => std::slice::from_ref(member),
        };
        for row in rows {
            let _ = write!(text, "\n{}", commented(&row.lead));
            let is_row = row.key.is_empty();
            let (open, close) = if is_row { ("[[", "]]") } else { ("[", "]") };
            let _ = writeln!(text, "{open}{path}{close}{}", tailed(&row.tail));
            if let Node::Table { members, .. } = &row.node {
                toml_lines(members, &format!("{path}."), text);
            }
        }
    }
}

/// JSON without comments and trailing commas.
fn without_comments(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if c == '"' {
            let mut end = 1;
            while !rest[end..].starts_with('"') {
                end += if rest[end..].starts_with('\\') { 2 } else { 1 };
            }
            end + 1
        } else if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        } else if rest.starts_with("/*") {
            rest = &rest[rest.find("*/").expect("it ends") + 2..];
            continue;
        } else {
            c.len_utf8()
        };
        plain.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    plain
}

fn parsed(language: Language, text: &str) -> Value {
    match language {
        Language::Json => serde_json::from_str(&without_comments(text)),
        Language::Toml => {
            Ok(toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}")))
        }
    }
    .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The names of elements that all have one.
fn names(value: &Value) -> Option<Vec<String>> {
    let list = value.as_array().filter(|list| !list.is_empty())?;
    list.iter().map(|element| Some(element.get("name")?.as_str()?.to_owned())).collect()
}

/// The parts of a value with their keys or names.
fn parts(value: &Value) -> Option<Vec<(String, &Value)>> {
    if let Some(object) = value.as_object() {
        // How a date of TOML is held: one value.
        if object.contains_key("$__toml_private_datetime") {
            return None;
        }
        return Some(object.iter().map(|(key, value)| (key.clone(), value)).collect());
    }
    Some(names(value)?.into_iter().zip(value.as_array()?).collect())
}

fn flat(value: &Value, path: &[String], found: &mut BTreeMap<Vec<String>, Value>) {
    match parts(value) {
        Some(parts) => {
            for (key, inner) in parts {
                flat(inner, &[path, &[key]].concat(), found);
            }
        }
        None if value.as_array().is_some_and(Vec::is_empty) => {}
        None => {
            found.insert(path.to_vec(), value.clone());
        }
    }
}

/// The path of a pointer with names instead of numbers; `-` stands for any.
fn path_of(pointer: &str, result: &Value) -> Vec<String> {
    let mut here = Some(result);
    pointer
        .split('/')
        .skip(1)
        .map(|part| {
            let part = part.replace("~1", "/").replace("~0", "~");
            let name =
                here.and_then(|value| names(value)?.get(part.parse::<usize>().ok()?).cloned());
            let is_list = here.is_some_and(Value::is_array);
            here = here.and_then(|value| match value {
                Value::Array(list) => list.get(part.parse::<usize>().ok()?),
                other => other.get(&part),
            });
            match name {
                Some(name) => name,
                None if is_list && part != "-" => "?".to_owned(),
                None => part,
            }
        })
        .collect()
}

fn words(text: &str) -> BTreeSet<&str> {
    text.match_indices('<')
        .filter_map(|(start, _)| Some(&text[start..=start + text[start..].find('>')?]))
        .collect()
}

fn at<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    let Some((first, rest)) = path.split_first() else { return Some(value) };
    let (_, inner) = parts(value)?.into_iter().find(|(key, _)| key == first)?;
    at(inner, rest)
}

fn keys(value: Option<&Value>) -> Vec<String> {
    value.and_then(parts).into_iter().flatten().map(|(key, _)| key).collect()
}

fn common(one: &[String], other: &[String]) -> Vec<String> {
    one.iter().filter(|key| other.contains(key)).cloned().collect()
}

/// Whether a side has keys in another order than the base, anywhere.
fn is_moved(base: &Value, side: &Value) -> bool {
    let (before, now) = (keys(Some(base)), keys(Some(side)));
    common(&before, &now) != common(&now, &before)
        || parts(base).into_iter().flatten().any(|(key, inner)| {
            at(side, std::slice::from_ref(&key)).is_some_and(|side| is_moved(inner, side))
        })
}

fn scalars(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|inner| scalars(inner, found)),
        Value::Object(object) => object.values().for_each(|inner| scalars(inner, found)),
        other => found.push(other.to_string()),
    }
}

/// What must hold after any merge.
fn check(
    language: Language,
    texts: [&str; 3],
    merged: &str,
    overlaps: &[Overlap],
) -> Result<(), String> {
    let values = texts.map(|text| parsed(language, text));
    let result = parsed(language, merged);
    let flats = [&values[0], &values[1], &values[2], &result].map(|value| {
        let mut found = BTreeMap::new();
        flat(value, &[], &mut found);
        found
    });
    let covering: Vec<Vec<String>> =
        overlaps.iter().map(|overlap| path_of(&overlap.pointer, &result)).collect();
    let is_covered = |path: &[String]| {
        covering.iter().any(|other| {
            let mut pairs = path.iter().zip(other);
            pairs.all(|(one, other)| one == other || other == "-")
        })
    };
    let paths: BTreeSet<&Vec<String>> = flats.iter().flat_map(BTreeMap::keys).collect();
    for path in paths {
        let [base, ours, theirs, now] = flats.each_ref().map(|flat| flat.get(path));
        let is_right = if ours == theirs || theirs == base {
            now == ours
        } else if ours == base {
            now == theirs || (is_covered(path) && (now == ours || now.is_some_and(Value::is_array)))
        } else if ours.or(theirs).is_some_and(Value::is_array) {
            let all = [base, ours, theirs, now].map(|side| {
                let mut found = Vec::new();
                if let Some(side) = side {
                    scalars(side, &mut found);
                }
                found
            });
            let has = |side: usize| {
                all[side].iter().all(|word| all[0].contains(word) || all[3].contains(word))
            };
            has(1) && (has(2) || is_covered(path))
        } else {
            now == ours && is_covered(path)
        };
        if !is_right {
            return Err(format!("{path:?}: {base:?}, {ours:?}, {theirs:?} became {now:?}"));
        }
    }

    let [base, ours, theirs] = texts.map(words);
    let now = words(merged);
    let recorded: String =
        overlaps.iter().filter_map(|overlap| overlap.theirs.as_deref()).collect();
    let recorded = words(&recorded);
    let paths = texts.map(|text| places(language, text));
    let pieces =
        |side: usize, path: &[String]| paths[side].1.get(path).copied().unwrap_or_default();
    // Whoever put a comment on something else wrote it anew there, also on one more of the same;
    // of equal elements, in whatever the list is, it cannot be told which one a side removed.
    let has_moved = |word: &str, side: usize| {
        let path = &paths[side].0[word];
        let count = |side: usize| pieces(side, path).iter().sum::<usize>();
        let is_element = (1..path.len())
            .any(|length| flats[0].get(&path[..length]).is_some_and(Value::is_array));
        *path != paths[0].0[word] || count(side) > count(0) || (is_element && count(0) > 1)
    };
    for word in &ours {
        let is_kept = now.contains(word);
        if (!base.contains(word) || theirs.contains(word)) && !is_kept {
            return Err(format!("{word} of ours is lost"));
        }
        let is_gone = base.contains(word) && !theirs.contains(word) && !has_moved(word, 1);
        if is_gone && is_kept && overlaps.is_empty() {
            return Err(format!("{word}, which they removed, is still there"));
        }
    }
    for word in &theirs {
        let is_gone = base.contains(word) && !ours.contains(word) && !has_moved(word, 2);
        if is_gone && now.contains(word) {
            return Err(format!("{word}, which the user removed, came back"));
        }
        if !base.contains(word) && !now.contains(word) && !recorded.contains(word) {
            // It may go only with what the user removed, or what is told.
            let path = &paths[2].0[*word];
            let is_removed = (1..=path.len()).any(|length| {
                let counts = [0, 1].map(|side| pieces(side, &path[..length]));
                // A value that the user made a table of is gone as well.
                (0..2).any(|kind| counts[1][kind] < counts[0][kind])
            });
            if !is_removed && !is_covered(path) {
                return Err(format!("{word} of theirs at {path:?} is lost"));
            }
        }
    }

    check_order(&values, &result, is_covered)
}

/// What stays is in an order that one of the sides has.
fn check_order(
    values: &[Value; 3],
    result: &Value,
    is_covered: impl Fn(&[String]) -> bool,
) -> Result<(), String> {
    let mut waiting = vec![Vec::new()];
    while let Some(path) = waiting.pop() {
        // A value that one side made a table of, or an array of tables, is another thing, which has no
        // place on the other side.
        let has_parts = |value: &Value| parts(value).is_some();
        let is_table = |value: &Value, key: &String| {
            at(value, &[&path[..], std::slice::from_ref(key)].concat())
                .map(|inner| [Some(inner), inner.get(0)].into_iter().flatten().any(has_parts))
        };
        let is_one = |key: &String| {
            let kinds = values.each_ref().map(|value| is_table(value, key));
            let mut kinds = kinds.iter().flatten();
            let first = kinds.next();
            kinds.all(|kind| Some(kind) == first)
        };
        let placed = |value: &Value| -> Vec<String> {
            keys(at(value, &path)).into_iter().filter(is_one).collect()
        };
        let [base, ours, theirs] = values.each_ref().map(&placed);
        let now = placed(result);
        let is_ours = common(&now, &ours) == common(&ours, &now);
        let is_theirs = common(&now, &theirs) == common(&theirs, &now);
        let moved = |side: &[String]| common(&base, side) != common(side, &base);
        let is_right = if moved(&theirs) && !is_moved(&values[0], &values[1]) {
            is_theirs || is_covered(&path)
        } else {
            is_ours || (is_theirs && !moved(&ours))
        };
        if !is_right {
            return Err(format!("order at {path:?}: {base:?} {ours:?} {theirs:?} became {now:?}"));
        }
        let now = keys(at(result, &path));
        waiting.extend(now.into_iter().map(|key| [path.clone(), vec![key]].concat()));
    }
    Ok(())
}

/// Of all pieces with the same keys, how many hold others and how many are one value.
type Pieces = BTreeMap<Vec<String>, [usize; 2]>;

/// The keys that each comment belongs to, and how many pieces there are of the same keys.
fn places(language: Language, text: &str) -> (BTreeMap<String, Vec<String>>, Pieces) {
    let document = Document::read(language, text).expect("it can be read");
    let mut found = BTreeMap::new();
    let mut all = BTreeMap::new();
    let mut waiting = vec![(Vec::new(), &document.body)];
    while let Some((path, body)) = waiting.pop() {
        let pieces: Vec<_> = match body {
            Body::Scalar { .. } => continue,
            Body::List(group) | Body::Table(group) => {
                for comment in group.start.comments.iter().chain(&group.end.comments) {
                    found.extend(
                        words(comment.text).into_iter().map(|word| (word.to_owned(), path.clone())),
                    );
                }
                group.pieces.iter().collect()
            }
            Body::Section { entries, sections } => entries.iter().chain(sections).collect(),
        };
        for piece in pieces {
            let mut inner = [path.clone(), piece.path.clone()].concat();
            if piece.path.is_empty() || piece.in_array {
                let name = match piece.body.value().at(&["name".to_owned()]) {
                    Some(syntax::Value::Text(name)) => name.clone(),
                    _ => match piece.body.value() {
                        syntax::Value::Table(_) => "?".to_owned(),
                        value => format!("{value:?}"),
                    },
                };
                inner.push(name);
            }
            for trivia in [&piece.lead, &piece.aside, &piece.gap, &piece.tail] {
                for comment in &trivia.comments {
                    found.extend(
                        words(comment.text)
                            .into_iter()
                            .map(|word| (word.to_owned(), inner.clone())),
                    );
                }
            }
            let kind = usize::from(matches!(piece.body, Body::Scalar { .. }));
            all.entry(inner.clone()).or_insert([0; 2])[kind] += 1;
            waiting.push((inner, &piece.body));
        }
    }
    for comment in document.header.comments.iter().chain(&document.end.comments) {
        found.extend(words(comment.text).into_iter().map(|word| (word.to_owned(), Vec::new())));
    }
    (found, all)
}

fn sides(language: Language, has_comments: bool, edits: &[Vec<Edit>; 3]) -> [String; 3] {
    let editor = |name| Editor { name, count: 0, language, has_comments };
    let mut base = Model::default();
    let mut author = editor('b');
    for edit in &edits[0] {
        author.edit(&mut base, *edit);
    }
    let [ours, theirs] = [('o', &edits[1]), ('t', &edits[2])].map(|(name, edits)| {
        let (mut model, mut editor) = (base.clone(), editor(name));
        for edit in edits {
            editor.edit(&mut model, *edit);
        }
        model
    });
    [&base, &ours, &theirs].map(|model| model.text(language, has_comments))
}

fn any_edits() -> impl Strategy<Value = [Vec<Edit>; 3]> {
    let edit = || (any::<u8>(), any::<usize>(), any::<usize>());
    (
        prop::collection::vec(edit(), 4..40),
        prop::collection::vec(edit(), 0..9),
        prop::collection::vec(edit(), 0..9),
    )
        .prop_map(|(base, ours, theirs)| [base, ours, theirs])
}

fn fuzz(language: Language) {
    let asked = std::env::var("KEYED_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let counts = std::cell::Cell::new([0_usize; 3]);
    // Other cases each time where many are asked for; the same ones in every other run.
    let mut runner = match asked {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    runner
        .run(&(any_edits(), any::<u8>()), |(edits, choice)| {
            let has_comments = language == Language::Toml || choice % 4 != 0;
            let texts = sides(language, has_comments, &edits);
            let [base, ours, theirs] = texts.each_ref().map(String::as_str);
            let Some((merged, overlaps)) = merge(language, base, ours, theirs) else {
                return Err(TestCaseError::fail(format!("not merged:\n{base}\n----\n{ours}\n----\n{theirs}")));
            };
            let mut now = counts.get();
            now[0] += 1;
            now[1] += usize::from(!overlaps.is_empty());
            now[2] += words(&merged).len();
            counts.set(now);
            let again = merge(language, theirs, &merged, theirs);
            prop_assert_eq!(again, Some((merged.clone(), Vec::new())), "the same again");
            check(language, [base, ours, theirs], &merged, &overlaps).map_err(|reason| {
                TestCaseError::fail(format!(
                    "{reason}\n{overlaps:?}\n---- base\n{base}\n---- ours\n{ours}\n---- theirs\n{theirs}\n---- merged\n{merged}"
                ))
            })
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let [cases, overlapping, words] = counts.get();
    println!("{cases} cases of {language:?}, {overlapping} with an overlap, {words} words");
}

#[test]
fn nothing_is_lost_from_toml() {
    fuzz(Language::Toml);
}

#[test]
fn nothing_is_lost_from_json() {
    fuzz(Language::Json);
}

const TOML: Language = Language::Toml;
const JSON: Language = Language::Json;

fn merged(language: Language, base: &str, ours: &str, theirs: &str) -> (String, Vec<Overlap>) {
    merge(language, base, ours, theirs).expect("it is merged")
}

/// A merge in which nothing overlaps.
fn clean(language: Language, base: &str, ours: &str, theirs: &str) -> String {
    let (text, overlaps) = merged(language, base, ours, theirs);
    assert_eq!(overlaps, [], "{text}");
    text
}

fn overlap(pointer: &str, ours: Option<&str>, theirs: Option<&str>) -> Overlap {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Overlap { pointer: pointer.to_owned(), ours: owned(ours), theirs: owned(theirs) }
}

/// Every place that a comment of TOML can have, in one file whose values change on both sides.
#[test]
fn a_comment_stays_wherever_it_stands() {
    let base = "a = 1\nlist = [\n  1,\n  2,\n]\ninline = { x = 1 }\nd.e = 1\n\n[t]\nk = 1\n\n[[s]]\nname = \"one\"\nport = 1\n";
    let ours = "# head\n\n# on a\na = 2 # behind a\nlist = [ # open\n  # on one\n  1, # behind one\n  2,\n  # end of list\n] # behind list\ninline = { x = 1 } # behind inline\n# on d.e\nd.e = 1 # behind d.e\n\n# on t\n[t] # behind t\n# on k\nk = 1\n\n# on s\n[[s]] # behind s\nname = \"one\" # behind name\nport = 1\n# the end\n";
    let theirs = "a = 1\nlist = [\n  0,\n  1,\n  2,\n  3,\n]\ninline = { x = 2 }\nd.e = 2\n\n[t]\nk = 2\n\n[[s]]\nname = \"one\"\nport = 2\n";
    assert_eq!(
        clean(TOML, base, ours, theirs),
        "# head\n\n# on a\na = 2 # behind a\nlist = [ # open\n  0,\n  # on one\n  1, # behind one\n  2,\n  3,\n  # end of list\n] # behind list\ninline = { x = 2 } # behind inline\n# on d.e\nd.e = 2 # behind d.e\n\n# on t\n[t] # behind t\n# on k\nk = 2\n\n# on s\n[[s]] # behind s\nname = \"one\" # behind name\nport = 2\n# the end\n"
    );
}

/// As that of TOML, in JSON as editors keep their settings: what both sides changed between the
/// comments is merged, and the text stays one that such editors read.
#[test]
fn comments_of_json_stay_as_well() {
    let base = "{\n  \"a\": 1,\n  \"list\": [1, 2],\n  \"o\": {\n    \"x\": 1\n  }\n}\n";
    let ours = "// head\n{ // open\n  // on a\n  \"a\": /* aside */ 2, // behind a\n  \"list\": [1 /* one */, 2 /* two */], /* behind list */\n  \"o\": {\n    \"x\": 1, // behind x\n    // end of o\n  }, // behind o\n  /* end */\n}\n// the end";
    let theirs =
        "{\n  \"a\": 1,\n  \"list\": [1, 2, 3],\n  \"o\": {\n    \"x\": 2\n  },\n  \"new\": 1\n}\n";
    let text = clean(JSON, base, ours, theirs);
    assert_eq!(
        text,
        "// head\n{ // open\n  // on a\n  \"a\": /* aside */ 2, // behind a\n  \"list\": [1 /* one */, 2, 3 /* two */], /* behind list */\n  \"o\": {\n    \"x\": 2, // behind x\n    // end of o\n  }, // behind o\n  \"new\": 1,\n  /* end */\n}\n// the end"
    );
    assert!(JSON.reads(&text, &[base, ours, theirs]));
    assert!(!JSON.reads(&text, &[base, theirs]), "nobody else has comments");
}

/// Between a key, its value and the comma as well, and behind them.
#[test]
fn a_comment_that_they_add_within_a_line_is_taken() {
    assert_eq!(
        clean(
            JSON,
            "{\"a\": 1, \"b\": 1}",
            "{\"a\": 1, \"b\": 2}",
            "{\"a\": /* on */ 1 /* off */, \"b\": 1}"
        ),
        "{\"a\": /* on */ 1 /* off */, \"b\": 2}"
    );
    assert_eq!(
        clean(TOML, "a = 1\nb = 1\n", "a = 2\nb = 1\n", "a = 1 # behind\nb = 1\n"),
        "a = 2 # behind\nb = 1\n"
    );
}

#[test]
fn a_comment_that_both_sides_changed_stays_twice() {
    assert_eq!(
        clean(TOML, "# old\na = 1 # old\n", "# mine\na = 1 # mine\n", "# new\na = 1 # new\n"),
        "# mine\n# new\n# new\na = 1 # mine\n"
    );
    // Changed by one side, it is as that side wrote it; the indentation does not matter.
    assert_eq!(
        clean(TOML, "# old\na = 1\n", "#  old\na = 2\n", "# new\na = 1\n"),
        "# new\na = 2\n"
    );
    assert_eq!(clean(TOML, "# old\na = 1\n", "a = 1\n", "# old\na = 2\n"), "a = 2\n");
    assert_eq!(clean(TOML, "# old\na = 1\n", "# old\na = 2\n", "a = 1\n"), "a = 2\n");
    assert_eq!(
        clean(JSON, "{\n  \"a\": 1\n}", "{\n  \"a\": 2\n}", "{\n  // one\n  // two\n  \"a\": 1\n}"),
        "{\n  // one\n  // two\n  \"a\": 2\n}"
    );
    assert_eq!(
        clean(JSON, "{\n  // old\n  \"a\": 1\n}", "{\n  // old\n  \"a\": 2\n}", "{\n  \"a\": 1\n}"),
        "{\n  \"a\": 2\n}"
    );
    // Equal comments are counted.
    assert_eq!(
        clean(TOML, "# x\na = 1\n", "# x\n# x\na = 1\n", "# x\na = 2\n"),
        "# x\n# x\na = 2\n"
    );
    assert_eq!(
        clean(TOML, "# x y\n# x\na = 1\n", "# x\na = 1\n", "# x y\n# x\na = 2\n"),
        "# x\na = 2\n"
    );
}

#[test]
fn a_key_that_the_user_commented_does_not_go_unnoticed() {
    let gone = |ours: &str, pointer: &str| {
        let base = "a = 1\n\n[t]\nb = [1]\n";
        let (text, overlaps) = merged(TOML, base, ours, "");
        assert_eq!(text, ours);
        let pointers: Vec<&str> = overlaps.iter().map(|one| one.pointer.as_str()).collect();
        assert!(pointers.contains(&pointer), "{pointers:?}");
        assert!(overlaps.iter().all(|one| one.ours.is_some() && one.theirs.is_none()));
    };
    gone("# mine\na = 1\n", "/a");
    gone("a = 1 # mine\n", "/a");
    gone("[t]\nb = [ # mine\n  1]\n", "/t");
    gone("[t] # mine\nb = [1]\n", "/t");
    gone("# mine\n[t]\nb = [1]\n", "/t");
    gone("[t]\nb = [1 # mine\n]\n", "/t");
    // What is as it was goes with what was rendered on it.
    assert_eq!(
        clean(TOML, "# on a\na = 1 # behind\nb = 1\n", "# on a\na = 1\nb = 2\n", "b = 1\n"),
        "b = 2\n"
    );
}

#[test]
fn a_comment_that_moved_to_what_the_user_removed_stays() {
    assert_eq!(
        clean(TOML, "# on\na = 1\nb = 1\nc = 1\n", "# on\na = 1\nc = 1\n", "# on\nb = 1\nc = 1\n"),
        "# on\nc = 1\n"
    );
    assert_eq!(clean(TOML, "# on\na = 1\nb = 1\n", "# on\na = 1\n", "# on\nb = 1\n"), "# on\n");
    // Where what it stood on is kept, it stays there: once, also where they have it on both.
    let (base, ours) = ("# on\na = 1\nb = 1\n", "# on\na = 2\n");
    assert_eq!(clean(TOML, base, ours, "a = 1\n# on\nb = 1\n"), ours);
    assert_eq!(clean(TOML, base, ours, "# on\na = 1\n# on\nb = 1\n"), ours);
    // One that stood behind it or within it stands before it.
    let moved = |own: &str| {
        let (base, theirs) = (format!("{own}b = 1\n"), own.replace(" # on", "") + "b = 1 # on\n");
        clean(TOML, &base, own, &theirs)
    };
    assert_eq!(moved("a = 1 # on\n"), "# on\na = 1\n");
    assert_eq!(moved("a = [ # on\n  1,\n]\n"), "# on\na = [\n  1,\n]\n");
}

#[test]
fn comments_of_equal_elements_stay_where_one_side_changes_their_order() {
    let list = |lines: &str| format!("l = [\n{lines}]\n");
    let (a, b) = ("  # a\n  1, # A\n", "  # b\n  1, # B\n");
    let (base, theirs) = (list(&[a, b].concat()), list(&[b, a].concat()));
    for ours in [a, b, &[a, "  2,\n", &b.replace('1', "3")].concat()] {
        let ours = list(ours);
        let now = clean(TOML, &base, &ours, &theirs);
        for comment in ["# a", "# A", "# b", "# B"].iter().filter(|text| ours.contains(**text)) {
            assert!(now.contains(comment), "{comment} of\n{ours}is lost:\n{now}");
        }
    }
}

#[test]
fn keys_overlap_only_where_both_sides_say_something_else() {
    let both = |base: &str, ours: &str, theirs: &str| merged(JSON, base, ours, theirs);
    assert_eq!(
        both(r#"{"a":1,"b":1,"c":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":3,"c":2}"#),
        (
            r#"{"a":2}"#.to_owned(),
            vec![overlap("/c", None, Some("2")), overlap("/a", Some("2"), Some("3"))]
        )
    );
    assert_eq!(
        both(r#"{"a":1,"b":1}"#, r#"{"a":2,"b":1}"#, "{}"),
        (r#"{"a":2}"#.to_owned(), vec![overlap("/a", Some("2"), None)])
    );
    assert_eq!(
        both("{}", r#"{"a/b~":"1"}"#, r#"{"a/b~":"2"}"#).1,
        [overlap("/a~1b~0", Some("\"1\""), Some("\"2\""))]
    );
    assert_eq!(both(r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":2}"#).1, []);
    assert_eq!(both(r#"{"a":1}"#, "{}", r#"{"a":1}"#), ("{}".to_owned(), vec![]));
    assert_eq!(both(r#"{"a":{"x":1}}"#, r#"{"a":[1]}"#, r#"{"a":{"x":1}}"#).0, r#"{"a":[1]}"#);
    assert_eq!(both(r#"{"a":{"x":1}}"#, r#"{"a":{"x":1}}"#, r#"{"a":[1]}"#).0, r#"{"a":[1]}"#);
    assert_eq!(both("1", "1", "2"), ("2".to_owned(), vec![]));
    assert_eq!(both("", r#"{"a":1}"#, r#"{"b":1}"#).0, r#"{"a":1, "b":1}"#);
    assert_eq!(both("1", "2", "3").1, [overlap("", Some("2"), Some("3"))]);
    // A scalar in place of a list that the user commented in is told.
    let (text, overlaps) = merged(TOML, "a = [1]\n", "a = [ # mine\n 1]\n", "a = 1\n");
    assert_eq!(text, "a = [ # mine\n 1]\n");
    assert_eq!(overlaps, [overlap("/a", Some("[ # mine\n 1]"), Some("1"))]);
    // Numbers are compared as they are written: these two are one float.
    let (ours, theirs) = ("{\"a\": 9007199254740993.0}", "{\"a\": 9007199254740992.0}");
    assert_eq!(both("{\"a\": 0}", ours, theirs).1.len(), 1);
    // In TOML by what they say.
    assert_eq!(clean(TOML, "a = 1000\n", "a = 1_000\n", "a = 2\n"), "a = 2\n");
}

#[test]
fn lists_merge_by_element() {
    let list = |base: &str, ours: &str, theirs: &str| {
        let (text, overlaps) = merged(JSON, base, ours, theirs);
        (text, overlaps.len())
    };
    let text = |text: &str, overlaps| (text.to_owned(), overlaps);
    assert_eq!(list("[1, 2]", "[0, 1, 2]", "[1, 2, 3]"), text("[0, 1, 2, 3]", 0));
    assert_eq!(list("[1, 2, 3]", "[1, 3]", "[1, 2, 3, 4]"), text("[1, 3, 4]", 0));
    assert_eq!(list("[1, 2, 3]", "[1, 2, 9]", "[2, 3]"), text("[2, 9]", 0));
    assert_eq!(list("[1, 2]", "[1, 2, 3]", "[1, 2, 3]"), text("[1, 2, 3]", 0));
    assert_eq!(list("[1, 2]", "[1, 2, 3]", "[1, 2, 4]"), text("[1, 2, 3]", 1));
    assert_eq!(list("[1, 2]", "[1, 3]", "[1, 4]"), text("[1, 3]", 1));
    assert_eq!(list("[1, 2]", "[1, 3]", "[1, 3]"), text("[1, 3]", 0));
    assert_eq!(list("[1, 2]", "[1]", "[1, 4]"), text("[1]", 1));
    assert_eq!(list("[1, 2]", "[1, 4]", "[1]"), text("[1, 4]", 1));
    assert_eq!(list("[1, 2]", "[1]", "[1]"), text("[1]", 0));
    // Of two equal elements each side removed one, whichever it was.
    for (ours, theirs) in [("[\n  // c\n  1\n]", "[\n  1\n]"), ("[\n  1\n]", "[\n  // c\n  1\n]")] {
        let now = list("[\n  1,\n  // c\n  1\n]", ours, theirs);
        assert!(now.0.contains('1') && now.1 == 0, "{now:?}");
    }
    // What is told is the whole list: places in it are not those of the next text.
    assert_eq!(
        merged(JSON, "{\"l\": [0, 1]}", "{\"l\": [0, 2]}", "{\"l\": [9, 0, 3]}"),
        ("{\"l\": [0, 2]}".to_owned(), vec![overlap("/l", Some("[0, 2]"), Some("[9, 0, 3]"))])
    );
    for (ours, theirs) in [("[0, 2]", "[0]"), ("[0]", "[0, 2]")] {
        let [base, own, new] = ["[0, 1]", ours, theirs].map(|list| format!("{{\"l\": {list}}}"));
        let told = vec![overlap("/l", Some(ours), Some(theirs))];
        assert_eq!(merged(JSON, &base, &own, &new), (own, told));
    }
    // What was put in place of an element is not that element, and gets no comment on it.
    let (base, own) = ("[\n  // c\n  2\n]", "[\n  4,\n  5\n]");
    assert_eq!(list(base, own, "[\n  // d\n  2\n]"), text(own, 0));
    let (base, own) = ("[\n  // c\n  1,\n  // x\n  2\n]", "[\n  // y\n  2,\n  // c\n  3\n]");
    assert_eq!(list(base, own, &base.replace("// c", "// d")), text(own, 0));
    // Two for one, while the other side changed the one.
    assert_eq!(list("[1, 2, 3]", "[1, 9, 3]", "[1, 4, 5, 3]"), text("[1, 9, 3]", 1));
    assert_eq!(list("[1, 2, 3]", "[1, 4, 5, 3]", "[1, 9, 3]"), text("[1, 4, 5, 3]", 1));
    assert_eq!(list("[1, 2, 3]", "[1, 4, 5, 3]", "[1, 2, 8]"), text("[1, 4, 5, 8]", 0));
    assert_eq!(list("[1, 2]", "[1, 2, 3]", "[0, 0, 1, 2, 3]"), text("[0, 0, 1, 2, 3]", 0));
    // Moved and taken away, or moved by one side alone.
    assert_eq!(list("[1, 2, 3]", "[3, 1, 2]", "[1, 2]"), text("[1, 2]", 0));
    assert_eq!(list("[1, 2, 3]", "[3, 1, 2]", "[1, 2, 3]"), text("[3, 1, 2]", 0));
    assert_eq!(list("[1, 2, 3]", "[1, 2, 3, 4]", "[3, 1, 2]"), text("[3, 4, 1, 2]", 0));
    assert_eq!(list("[1, 1, 1]", "[1, 1, 1, 2]", "[1, 1]"), text("[1, 1, 2]", 0));
    // Objects in a list are merged where they stand.
    assert_eq!(
        list("[{\"x\": 1, \"y\": 1}, 2]", "[{\"x\": 2, \"y\": 1}, 2]", "[{\"x\": 1, \"y\": 2}, 2]"),
        text("[{\"x\": 2, \"y\": 2}, 2]", 0)
    );
    // White space is the user's.
    assert_eq!(list("[]", "[]", "[\n  1\n]"), text("[\n  1\n]", 0));
    assert_eq!(list("[1]", "[0, 1]", "[1,\n  2]"), text("[0, 1, 2]", 0));
    assert_eq!(
        list("[1]", "[\n    1,\n    0\n]", "[2, 1]"),
        text("[\n    2,\n    1,\n    0\n]", 0)
    );
    assert_eq!(list("[1]", "[\n    1\n]", "[1, 2]"), text("[\n    1,\n    2\n]", 0));
    assert_eq!(list("[1, 2]", "[2]", "[0, 1, 2]"), text("[0, 2]", 0));
    assert_eq!(list("[1]", "[1, /* mine */ 2]", "[]").0, "[ /* mine */ 2]");
    assert_eq!(list("[1]", "[\n]", "[1]"), text("[\n]", 0));
    assert_eq!(list("{\"a\": 1}", "{\"a\": 1 }", "{}"), text("{}", 0));
    assert_eq!(list("{}", "{ }", "{\n  \"a\": 1\n}"), text("{\n  \"a\": 1\n}", 0));
}

#[test]
fn elements_with_a_name_are_merged_by_it() {
    let row = |name: &str, port: u8| format!("[[s]]\nname = \"{name}\"\nport = {port}\n");
    let rows = |rows: &[(&str, u8)]| -> String {
        let rows: Vec<String> = rows.iter().map(|(name, port)| row(name, *port)).collect();
        rows.join("\n")
    };
    assert_eq!(
        clean(TOML, &rows(&[("a", 1)]), &rows(&[("a", 2), ("c", 1)]), &rows(&[("a", 1), ("b", 1)])),
        rows(&[("a", 2), ("b", 1), ("c", 1)])
    );
    assert_eq!(
        clean(TOML, &rows(&[("a", 1)]), &rows(&[("a", 1), ("b", 1)]), &rows(&[("a", 2), ("c", 1)])),
        rows(&[("a", 2), ("b", 1), ("c", 1)])
    );
    let three = rows(&[("a", 1), ("b", 1), ("c", 1)]);
    assert_eq!(
        merged(TOML, &three, &rows(&[("a", 1), ("c", 2)]), &rows(&[("b", 2), ("c", 3)])),
        (
            format!("\n{}", rows(&[("c", 2)])),
            vec![
                overlap("/s/-", None, Some("{ \"name\" = \"b\", \"port\" = 2 }")),
                overlap("/s/0/port", Some("2"), Some("3")),
            ]
        )
    );
    assert_eq!(
        merged(TOML, &three, &rows(&[("b", 1), ("c", 2)]), &rows(&[("a", 1), ("b", 1)])).1,
        [overlap("/s/1", Some("{ \"name\" = \"c\", \"port\" = 2 }"), None)]
    );
    // Without names, or with one name twice, the place counts.
    let twice = rows(&[("a", 1), ("a", 2)]);
    let (text, overlaps) = merged(
        TOML,
        &twice,
        &rows(&[("a", 1), ("a", 2), ("x", 1)]),
        &rows(&[("a", 1), ("a", 2), ("y", 1)]),
    );
    assert_eq!(text, rows(&[("a", 1), ("a", 2), ("x", 1)]));
    assert_eq!(overlaps.len(), 1);
    assert_eq!(overlaps[0].pointer, "/s");
    assert_eq!(
        clean(TOML, &twice, &rows(&[("a", 1), ("a", 3)]), &rows(&[("a", 4), ("a", 2)])),
        rows(&[("a", 4), ("a", 3)])
    );
    // What else is in the file is merged all the same.
    let text = |x: &str, y: u8| format!("[[s]]\nx = 1\n\n[[s]]\nx = {x}\n\n[t]\ny = {y}\n");
    let base = "[[s]]\nx = 1\n\n[t]\ny = 1\n";
    let (now, overlaps) = merged(TOML, base, &text("2", 1), &text("3", 2));
    assert_eq!(now, text("2", 2));
    let told = |x: u8| format!("[{{ \"x\" = 1 }}, {{ \"x\" = {x} }}]");
    assert_eq!(overlaps, [overlap("/s", Some(&told(2)), Some(&told(3)))]);
    // Of two arrays each is counted by itself.
    let other = |port| rows(&[("a", 1), ("b", 1)]) + &row("a", port).replace("[[s]]", "[[o]]");
    assert_eq!(
        merged(TOML, &other(1), &other(2), &other(3)),
        (other(2), vec![overlap("/o/0/port", Some("2"), Some("3"))])
    );
    // `id` is a name as well, and tables below an element go with it.
    let base = "[[s]]\nid = \"a\"\n[s.t]\nx = 1\n\n[[s]]\nid = \"b\"\n[s.t]\nx = 1\n";
    let ours = base.replace("[[s]]\nid = \"b\"", "[[s]]\nid = \"n\"\n\n[[s]]\nid = \"b\"");
    let theirs = base.replace("id = \"b\"\n[s.t]\nx = 1", "id = \"b\"\n[s.t]\nx = 2");
    assert_eq!(
        clean(TOML, base, &ours, &theirs),
        "[[s]]\nid = \"a\"\n[s.t]\nx = 1\n\n[[s]]\nid = \"n\"\n\n[[s]]\nid = \"b\"\n[s.t]\nx = 2\n"
    );
}

/// A table is no obstacle for an array of tables within it, nor the other way round.
#[test]
fn arrays_of_tables_are_added_below_tables() {
    let (table, one) = ("[a]\nx = 1\n", "\n[[a.b]]\nname = \"one\"\n");
    let (mine, two) = ("[a]\nx = 2\n", "\n[[a.b]]\nname = \"two\"\n");
    let all = |parts: &[&str]| parts.concat();
    assert_eq!(
        clean(TOML, &all(&[table, one]), &all(&[mine, one]), &all(&[table, one, two])),
        all(&[mine, one, two])
    );
    assert_eq!(clean(TOML, table, mine, &all(&[table, one])), all(&[mine, one]));
    assert_eq!(clean(TOML, "", one, &all(&[table, one])), all(&[table, one]));
    // A table of the same name, or below the array, is one.
    for theirs in ["[[a]]\ny = 1\n", "[[a.b]]\ny = 1\n"] {
        let ours = "[a.b.c]\nx = 1\n";
        let (text, overlaps) = merged(TOML, "", ours, theirs);
        assert_eq!((text.as_str(), overlaps.len()), (ours, 1), "{theirs}");
    }
    let (text, overlaps) = merged(TOML, "", "[[a]]\nx = 1\n", "[[a.b]]\ny = 1\n");
    assert_eq!((text.as_str(), overlaps.len()), ("[[a]]\nx = 1\n", 1));
}

/// What the user left as it was is not in the way of what theirs write in another form.
#[test]
fn another_form_of_theirs_is_taken_where_the_user_changed_nothing() {
    let forms = [
        "a = 1\n",
        "a.x = 1\n",
        "a = { x = 1 }\n",
        "a = [{ x = 1 }]\n",
        "[a]\nx = 1\n",
        "[[a]]\nx = 1\n",
        "[a]\ny = 1\nb = 1\n",
        "[a]\ny = 1\nb.x = 1\n",
        "[a]\ny = 1\nb = { x = 1 }\n",
        "[a]\ny = 1\n[a.b]\nx = 1\n",
        "[a]\ny = 1\n[[a.b]]\nx = 1\n",
    ];
    for base in forms {
        for form in forms {
            for theirs in [form, &form.replace("x = 1", "x = 2")] {
                assert_eq!(clean(TOML, base, base, theirs), theirs, "{base}");
            }
        }
    }
}

/// What the user wrote in another form is not written a second time.
#[test]
fn one_thing_in_two_forms_is_told_and_not_doubled() {
    let kept = |base: &str, ours: &str, theirs: &str, expected: &[Overlap]| {
        let found = merge(TOML, base, ours, theirs);
        assert_eq!(found, Some((ours.to_owned(), expected.to_vec())), "{theirs}");
    };
    let one =
        |pointer: &str, ours: &str, theirs: &str| [overlap(pointer, Some(ours), Some(theirs))];
    kept("", "a = 1\n", "[a]\nx = 1\n", &one("/a", "1", "{ \"x\" = 1 }"));
    kept("", "a = 1\n", "a.b = 1\n", &one("/a", "1", "1"));
    kept("", "a.b = 1\n", "a = 1\n", &one("/a", "{ \"b\" = 1 }", "1"));
    kept("", "a.b = 1\n", "[a]\nc = 1\n", &one("/a", "{ \"b\" = 1 }", "{ \"c\" = 1 }"));
    kept("", "[a]\nb = 1\n", "a.c = 1\n", &one("/a", "{ \"b\" = 1 }", "1"));
    kept("", "[a]\nb = 1\n", "[[a]]\nb = 1\n", &one("/a", "{ \"b\" = 1 }", "{ \"b\" = 1 }"));
    kept("", "[[a]]\nb = 1\n", "[a.c]\nd = 1\n", &one("/a", "[{ \"b\" = 1 }]", "{ \"d\" = 1 }"));
    kept("", "a = { b = 1 }\n", "[a.c]\nd = 1\n", &one("/a", "{ \"b\" = 1 }", "{ \"d\" = 1 }"));
    // Below one header, and with a header of its own.
    let headed = "[a]\n[a.b]\nx = 1\n";
    kept("[a]\n", headed, "[a]\nb = 1\n", &one("/a/b", "{ \"x\" = 1 }", "1"));
    kept("[a]\n", headed, "[a]\nb.y = 1\n", &one("/a/b", "{ \"x\" = 1 }", "1"));
    kept("[a]\n", "[a]\nb = 1\n", headed, &one("/a/b", "1", "{ \"x\" = 1 }"));
    kept("[a]\n", "[a]\nb.y = 1\n", headed, &one("/a/b", "{ \"y\" = 1 }", "{ \"x\" = 1 }"));
    let (theirs, ours) = ("[[s]]\n[s.a]\nb = 1\n", "[[s]]\n[s.a]\n[s.a.b]\nx = 1\n");
    kept("[[s]]\n[s.a]\n", ours, theirs, &one("/s/0/a/b", "{ \"x\" = 1 }", "1"));
    // The same in another form is the same.
    kept("[a]\n", headed, "[a]\nb = { x = 1 }\n", &[]);
    kept("[a]\n", "[a]\nb = { x = 1 }\n", headed, &[]);
    kept("", "a = [{ b = 1 }]\n", "[[a]]\nb = 1\n", &[]);
    kept("", "[[a]]\nb = 1\n", "a = [{ b = 1 }]\n", &[]);
    kept("", "a = { b = 1 }\n", "[a]\nb = 1\n", &[]);
    kept("[a]\nb = 1\n", "a.b = 1\n", "[a]\nb = 1\n", &[]);
    // Their comment has no place there.
    kept("", "a = {}\n", "# new\n[a]\n", &one("/a", "{  }", "{  }"));
    kept("[a]\nb = 1\n", "a.b = 1\n", "[a]\nb = 2\n", &one("/a", "{ \"b\" = 1 }", "{ \"b\" = 2 }"));
    // These two do not meet.
    assert_eq!(clean(TOML, "", "[a.b]\nx = 1\n", "[a]\ny = 1\n"), "[a]\ny = 1\n[a.b]\nx = 1\n");
    assert_eq!(clean(TOML, "", "a.b = 1\n", "a.c = 1\n"), "a.b = 1\na.c = 1\n");
    // The tables of one element that stand apart cannot be moved together: lines merge them.
    let apart = "[[a]]\nx = 1\n[b]\ny = 1\n[a.c]\nz = 1\n";
    assert_eq!(merge(TOML, apart, apart, apart), None);
    assert_eq!(merge(TOML, "a = 1\n", "a = ", "a = 2\n"), None);
    assert_eq!(merge(JSON, "{}", "{\"a\": 1, \"a\": 2}", "{}"), None);
}

#[test]
fn the_new_order_is_taken_where_the_user_has_none_of_their_own() {
    let base = "a = 1\nb = 1\nc = 1\n";
    let theirs = "c = 1\na = 1\nb = 2\n";
    assert_eq!(
        clean(TOML, base, "a = 1\nmine = 1\nb = 1\nc = 1\n", theirs),
        "c = 1\na = 1\nmine = 1\nb = 2\n"
    );
    assert_eq!(clean(TOML, base, "b = 1\na = 1\nc = 1\n", theirs), "b = 2\na = 1\nc = 1\n");
    assert_eq!(
        clean(TOML, "a = 1\n", "a = 1\nx = 1\nz = 1\n", "a = 1\ny = 1\n"),
        "a = 1\nx = 1\ny = 1\nz = 1\n"
    );
    assert_eq!(clean(TOML, "a = 1\n", "x = 1\na = 1\n", "b = 1\na = 1\n"), "b = 1\nx = 1\na = 1\n");
}

#[test]
fn texts_without_a_last_end_of_line_and_with_crlf_are_merged() {
    assert_eq!(clean(TOML, "a = 1", "a = 2", "a = 1\nb = 1"), "a = 2\nb = 1");
    assert_eq!(
        clean(TOML, "a = 1", "a = 1 # mine", "a = 1\n\n[t]\nx = 1\n"),
        "a = 1 # mine\n\n[t]\nx = 1\n"
    );
    assert_eq!(clean(TOML, "a = 1", "a = 1\n# mine", "a = 1\n# new\n"), "a = 1\n# mine\n# new");
    assert_eq!(
        clean(TOML, "a = 1\nb = 1\n", "a = 1\r\nb = 1 # mine\r\n", "a = 2\nb = 1\n"),
        "a = 2\r\nb = 1 # mine\r\n"
    );
    assert_eq!(
        clean(TOML, "x = 1\n", "# h\r\n\r\n# on\r\nx = 1\r\n", "new = 1\nx = 1\n"),
        "# h\r\n\r\nnew = 1\n# on\r\nx = 1\r\n"
    );
    // Above the first empty line is the file's comment, and a new first key comes below it.
    assert_eq!(
        clean(TOML, "x = 1\n", "# h\n\n# on\nx = 1\n", "new = 1\nx = 1\n"),
        "# h\n\nnew = 1\n# on\nx = 1\n"
    );
    assert_eq!(clean(TOML, "x = 1\n", "\n\nx = 1\n", "new = 1\nx = 1\n"), "new = 1\n\n\nx = 1\n");
    // A comment behind which something follows gets its line.
    assert_eq!(clean(JSON, "[1]", "[1, 2 // mine\n]", "[0, 1]"), "[0, 1, 2 // mine\n]");
    assert_eq!(
        clean(JSON, "[1, 2]", "[1, 2]\n// mine", "[1, // new\n 2]"),
        "[1, // new\n 2]\n// mine"
    );
}

#[test]
fn settled_says_what_theirs_says_with_the_comments_of_both() {
    let settled = |base: &str, ours: &str, theirs: &str| {
        settle(TOML, base, ours, theirs).expect("it is settled")
    };
    assert_eq!(
        settled(
            "a = 1\nb = 1\n",
            "# mine\nb = 2 # yes\n# gone\nx = 1 # too\na = 3\n# end\n",
            "# new\na = 1\nb = 1\nc = 1\n"
        ),
        "# mine\nb = 1 # yes\nc = 1\n# gone\n# too\n# new\na = 1\n# end\n"
    );
    let row = |name: &str| format!("\n[[s]]\nname = \"{name}\"\n");
    let (one, two) = (row("one"), row("two"));
    let base = format!("a = 1\n{one}{two}");
    let ours =
        base.replace("\n[[s]]\nname = \"one\"", "\n# mine\n[[s]] # here\nname = \"one\" # so");
    assert_eq!(
        settled(&base, &ours, &format!("a = 1\n{two}")),
        "a = 1\n\n# mine\n# here\n# so\n\n[[s]]\nname = \"two\"\n"
    );
    let ours = ours.replace(&two, "");
    assert_eq!(
        settled(&format!("a = 1\n{one}"), &ours, "a = 1\n"),
        "a = 1\n\n# mine\n# here\n# so\n"
    );
    // In another form, too.
    assert_eq!(settled("[t]\nx = 1\n", "t.x = 1 # mine\n", "[t]\nx = 2\n"), "# mine\n[t]\nx = 2\n");
    assert_eq!(settled("l = [1]\n", "l = [ # mine\n  1]\n", "l = 1\n"), "# mine\nl = 1\n");
    assert_eq!(settled("l = [1]\n", "l = [2, 3]\n", "l = [1]\n"), "l = [1]\n");
    assert_eq!(settled("l = [1]\n", "l = [1]\n", "l = [2, 3]\n"), "l = [2, 3]\n");
    assert_eq!(settle(TOML, "", "a = ", ""), None);
}

#[test]
fn a_conflict_is_settled_when_the_value_is_another() {
    assert!(still_says(
        JSON,
        "{\"a\": {\"b/c\": [1, {\"d\": \"x\"}]}}",
        "/a/b~1c/1/d",
        Some("\"x\"")
    ));
    assert!(!still_says(
        JSON,
        "{\"a\": {\"b/c\": [1, {\"d\": \"y\"}]}}",
        "/a/b~1c/1/d",
        Some("\"x\"")
    ));
    assert!(still_says(JSON, "// with comments\n{\"~\": 1,}", "/~0", Some("1")));
    assert!(still_says(JSON, "{}", "/a", None) && !still_says(JSON, "{\"a\": 1}", "/a", None));
    assert!(still_says(JSON, "[1]", "/-", None) && still_says(JSON, "1", "/a", None));
    assert!(still_says(JSON, "{", "/a", Some("1")), "it cannot be read");
    assert!(still_says(TOML, "[a]\nb = 0x10\n", "/a/b", Some("16")));
    assert!(still_says(TOML, "[[a]]\nb.c = 'x'\n", "/a/0/b", Some("{ c = \"x\" }")));
    assert!(!still_says(TOML, "a = 2\n", "/a", Some("1")));
    assert!(still_says(TOML, "a = [ # x\n  1,\n]\n", "/a", Some("[1]")));
}

/// Whatever is read is written again, byte for byte.
#[test]
fn what_is_read_is_written_again() {
    let toml = [
        "",
        "\n",
        "# only a comment",
        "a = 1",
        "a=1#x\r\n\r\n[ b . \"c d\" ] # y\r\n 'e' . f\t= [ ]\r\n",
        "a = '''\n''''' # x\nb = \"\"\"\\\"\"\"\"\"\" # y\nc = \"\\\\\" # z\nd = '\\' # w\n",
        "a = 1979-05-27 07:32:00 # x\nb = [1979-05-27 07:32:00, 1.5e3]\nc = { x.y = 1, z = [{ }] } # y\n",
        "[[a]]\n[[a.b]]\nx = 1\n[a.b.c]\n[a.d]\n[[a]]\n[e]\n",
        "a = [\n  1, # x\n  # y\n  2\n  # z\n  ,\n] # w\n\n# end\n",
        "a = {\n  x = 1, # x\n  y = 2,\n}\n",
        "true = 1\n1979-05-27 = 1\n\"\" = 1\n",
    ];
    for text in toml {
        assert_eq!(Document::read(TOML, text).expect(text).text(), text);
    }
    let json = [
        "1",
        " null ",
        "\"\\\\\\\"\"\n",
        "{ \"a\" : [ ] , \"b\":{}}",
        "// x\n[ /* y */ 1 /* z */ , // w\n 2 /* v */ ]\n// u",
        "{\"a\": /* x */ 1, /* y */ \"b\": 1, }",
        "[1,\n// x\n]",
    ];
    for text in json {
        assert_eq!(Document::read(JSON, text).expect(text).text(), text);
    }
}

#[test]
fn what_is_not_of_the_language_is_not_read() {
    let json = [
        "",
        "{",
        "[1",
        "[1 2]",
        "{\"a\" 1}",
        "{a: 1}",
        "{\"a\": 1 \"b\": 1}",
        "[,]",
        "1 2",
        "/* x",
        "// x",
        "\"x",
        "{\"a\": 1, \"a\": 1}",
        "[1}",
        "nul",
        "{1: 1}",
        "'x'",
        "# x\n1",
        "[1,,2]",
        "{\"a\": }",
    ];
    for text in json {
        assert!(Document::read(JSON, text).is_none(), "{text}");
        assert!(!JSON.reads(text, &[text]), "{text}");
    }
    for text in ["a", "a = ", "a = 1\na = 2\n", "[a", "a = 1 b = 2", "// x\n", "[a]\n[a]\n"] {
        assert!(Document::read(TOML, text).is_none(), "{text}");
    }
    // Nesting without end must not take the program down.
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::read(JSON, &deep(101)).is_some());
    assert!(Document::read(JSON, &deep(102)).is_none());
    assert!(Document::read(JSON, &deep(100_000)).is_none());
    let deep = |depth: usize| -> String {
        (0..depth).map(|above| ["[[", &"a.".repeat(above), "a]]\n"].concat()).collect()
    };
    assert!(Document::read(TOML, &deep(50)).is_some());
    assert!(Document::read(TOML, &deep(1_000)).is_none());
    let array = |depth: usize| format!("[[{}]]\n", vec!["a"; depth].join("."));
    assert!(Document::read(TOML, &array(50)).is_some());
    assert_eq!(Language::of("a/b.toml"), Some(TOML));
    assert_eq!(Language::of("a/b.json"), Some(JSON));
    assert_eq!((Language::of("a/b.yaml"), Language::of("json")), (None, None));
    assert!(JSON.reads("{}", &[""]) && !JSON.reads("{,}", &[""]) && !JSON.reads("// x\n{}", &[""]));
    assert!(JSON.reads("// x\n{}", &["{}", "{} // y"]));
    assert!(TOML.reads("# x\n", &[]) && !TOML.reads("x", &[]));
}

#[test]
fn values_are_shown_on_one_line() {
    let shown = |language: Language, text: &str| {
        Document::read(language, text).expect(text).body.value().shown(language)
    };
    assert_eq!(
        shown(TOML, "a = 'x\"'\nb = [1, 0x10]\n[c]\nd.e = true\n[[f]]\n[f.g]\nh = 1\n[[f]]\n"),
        "{ \"a\" = 'x\"', \"b\" = [1, 16], \"c\" = { \"d\" = { \"e\" = true } }, \"f\" = [{ \"g\" = { \"h\" = 1 } }, {  }] }"
    );
    assert_eq!(shown(JSON, "{\"a\":[\"x\\\"\",1.0]}"), "{ \"a\": [\"x\\\"\", 1.0] }");
    assert_eq!(
        shown(TOML, "[a.b]\nx = 1\n[a]\ny = 1\n[a.c]\nz = 1\n"),
        "{ \"a\" = { \"b\" = { \"x\" = 1 }, \"c\" = { \"z\" = 1 }, \"y\" = 1 } }"
    );
}
