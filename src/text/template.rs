//! The only file that knows Tera: parsing, rendering, and finding names that nobody declares.
//!
//! Tera 2 takes an unknown name in `if` as false and gives unknown names no position, so names
//! are checked here, tag by tag, before anything is rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use tera::{Context, ErrorKind, Kwargs, State, Tera};

use crate::text::diagram::Diagram;
use crate::text::error::{Place, Problem, suggestion};
use crate::text::tag::{Branch, Delimiters};

/// The function that a marked template calls at the head of each branch.
const MARK: &str = "scaffold_branch";
/// Names that Tera itself brings into scope.
const BUILT_IN: [&str; 2] = ["loop", "__tera_context"];
/// Words of the expression language, which are not names.
const WORDS: [&str; 16] = [
    "and", "or", "not", "in", "is", "true", "false", "none", "if", "else", "for", "set", "elif",
    "include", "filter", "endfor",
];

/// The names that a template may read: each with its fields, or `None` where they are free.
pub type Declared = BTreeMap<String, Option<BTreeSet<String>>>;

/// What templates see, in the form in which they read it. A copy shares its values.
#[derive(Clone)]
pub struct Fields(Context);

impl Fields {
    /// The fields of `context`.
    ///
    /// # Errors
    /// The reason, where a value cannot be one of a template.
    pub fn new(context: &Map<String, Value>) -> Result<Self, String> {
        Context::from_serialize(context).map(Self).map_err(|error| error.to_string())
    }

    /// These fields, and `value` as `name`.
    #[must_use]
    pub fn with(&self, name: &'static str, value: &Map<String, Value>) -> Self {
        let mut context = self.0.clone();
        context.insert(name, value);
        Self(context)
    }
}

/// Parsed templates, and the functions that they may call.
pub struct Templates {
    tera: Tera,
    delimiters: Delimiters,
    /// Only where somebody asks for it: rendering a project takes no notes.
    record: Option<Record>,
}

/// Which branches were rendered.
struct Record {
    /// The number of the first branch of each template.
    first: BTreeMap<String, usize>,
    rendered: Arc<[AtomicBool]>,
}

impl Templates {
    /// No templates yet; `versions` are the tables that `pin` and `pins` read.
    ///
    /// # Errors
    /// The reason, where the delimiters are not six different strings of two bytes.
    pub fn new(delimiters: &Delimiters, versions: &toml::Table) -> Result<Self, String> {
        let mut tera = Tera::default();
        tera.autoescape_on(Vec::<&str>::new());
        let [block_start, block_end] = delimiters.block.clone();
        let [variable_start, variable_end] = delimiters.variable.clone();
        let [comment_start, comment_end] = delimiters.comment.clone();
        tera.set_delimiters(tera::Delimiters {
            block_start: block_start.into(),
            block_end: block_end.into(),
            variable_start: variable_start.into(),
            variable_end: variable_end.into(),
            comment_start: comment_start.into(),
            comment_end: comment_end.into(),
        })
        .map_err(|error| error.to_string())?;
        register(&mut tera, versions);
        Ok(Self { tera, delimiters: delimiters.clone(), record: None })
    }

    /// Templates of `sources`, pairs of name and text, that take notes of which of their branches are
    /// rendered; [`Templates::unreached`] reads them. They render the same, but a mistake may be told
    /// some columns further to the right.
    ///
    /// Short texts of manifests are among the sources as [`Templates::name_of_text`] names them.
    /// What cannot be parsed is left out.
    ///
    /// # Errors
    /// The reason, where the delimiters are not six different strings of two bytes.
    pub fn recording(
        delimiters: &Delimiters,
        versions: &toml::Table,
        sources: &BTreeMap<String, &str>,
    ) -> Result<Self, String> {
        let mut templates = Self::new(delimiters, versions)?;
        let mut first = BTreeMap::new();
        let mut marked = Vec::new();
        let mut count = 0;
        for (name, source) in sources {
            marked.push((name.as_str(), delimiters.marked(source, MARK, count)));
            first.insert(name.clone(), count);
            count += delimiters.branches(source).len();
        }
        let rendered: Arc<[AtomicBool]> = (0..count).map(|_| AtomicBool::new(false)).collect();
        let notes = Arc::clone(&rendered);
        templates.tera.register_function(MARK, move |arguments: Kwargs, _: &State| {
            let number = arguments.must_get::<usize>("number")?;
            if let Some(note) = notes.get(number) {
                note.store(true, Ordering::Relaxed);
            }
            Ok::<_, tera::Error>("")
        });
        let marked: Vec<(&str, &str)> =
            marked.iter().map(|(name, text)| (*name, text.as_str())).collect();
        for name in templates.add(&marked).into_keys() {
            first.remove(name);
        }
        templates.record = Some(Record { first, rendered });
        Ok(templates)
    }

    /// What a short text is called, so that texts that are the same at several places are told apart.
    /// `origin` says where it stands.
    #[must_use]
    pub fn name_of_text(origin: &str, text: &str) -> String {
        format!("{origin}: {text}")
    }

    /// The branches of the template `name`, whose text is `source`, that were not rendered so far.
    /// None of templates that take no notes.
    #[must_use]
    pub fn unreached(&self, name: &str, source: &str) -> Vec<Branch> {
        let first = self.record.as_ref().and_then(|record| record.first.get(name));
        let (Some(record), Some(first)) = (&self.record, first) else {
            return Vec::new();
        };
        let branches = self.delimiters.branches(source).into_iter().enumerate();
        let missing =
            branches.filter(|(number, _)| !record.rendered[first + number].load(Ordering::Relaxed));
        missing.map(|(_, branch)| branch).collect()
    }

    /// Parses `sources`, pairs of name and text, and keeps those with which nothing is wrong; gives
    /// what is wrong with the others, by name.
    pub fn add<'a>(&mut self, sources: &[(&'a str, &str)]) -> BTreeMap<&'a str, Problem> {
        // Tera looks at all its templates whenever some are added: one by one, many take long.
        if self.tera.add_raw_templates(sources.iter().copied()).is_ok() {
            return BTreeMap::new();
        }
        let wrong = sources.iter().filter_map(|(name, source)| {
            let error = self.tera.add_raw_template(name, source).err()?;
            Some((*name, problem(name, &error)))
        });
        wrong.collect()
    }

    /// Renders the template `name` with `fields`.
    ///
    /// # Errors
    /// A [`Problem`] at the place of the mistake.
    pub fn render(&self, name: &str, fields: &Fields) -> Result<String, Problem> {
        self.tera.render(name, &fields.0).map_err(|error| problem(name, &error))
    }

    /// Renders a short text of a manifest, such as `services/[= service.name =]`, which stands at
    /// `origin`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn evaluate(&self, origin: &str, text: &str, fields: &Fields) -> Result<String, String> {
        if !self.delimiters.has_tag(text) {
            return Ok(text.to_owned());
        }
        let recorded = self.record.as_ref().map(|record| {
            let name = Self::name_of_text(origin, text);
            record.first.contains_key(&name).then_some(name)
        });
        let rendered = match recorded.flatten() {
            Some(name) => self.tera.render(&name, &fields.0),
            None => self.tera.render_str(text, &fields.0, false),
        };
        rendered.map_err(|error| match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                report.message().to_owned()
            }
            _ => error.to_string(),
        })
    }

    /// Every read of a name, or of a field of a name, that `declared` does not have.
    ///
    /// `name` must have been added with the same `source`.
    #[must_use]
    pub fn undeclared(&self, name: &str, source: &str, declared: &Declared) -> Vec<Problem> {
        let free: BTreeSet<&str> = match self.tera.get_template_variables(name) {
            Ok(names) => names.into_iter().collect(),
            Err(error) => return vec![problem(name, &error)],
        };
        let mut problems = Vec::new();
        for path in self.paths(source) {
            let root = path.names[0];
            match declared.get(root) {
                None if free.contains(root) && !BUILT_IN.contains(&root) => {
                    let near = suggestion(root, declared.keys().map(String::as_str));
                    problems.push(Problem::new(
                        Place::at(name, source, path.offset),
                        with_suggestion(format!("`{root}` is declared nowhere"), &near),
                    ));
                }
                Some(Some(fields)) => {
                    let Some(field) = path.names.get(1) else {
                        continue;
                    };
                    if !fields.contains(*field) {
                        let near = suggestion(field, fields.iter().map(String::as_str));
                        problems.push(Problem::new(
                            Place::at(name, source, path.offset),
                            with_suggestion(format!("`{root}` has no `{field}`"), &near),
                        ));
                    }
                }
                _ => {}
            }
        }
        problems
    }

    /// The names that the tags of `source` read, without their fields.
    #[must_use]
    pub fn names<'a>(&self, source: &'a str) -> BTreeSet<&'a str> {
        self.paths(source).iter().map(|path| path.names[0]).collect()
    }

    /// The dotted names inside the tags of `source`, in order.
    fn paths<'a>(&self, source: &'a str) -> Vec<DottedName<'a>> {
        let tags = self.delimiters.tags(source);
        tags.iter().flat_map(|tag| dotted_names(source, tag.inner.start, tag.inner.end)).collect()
    }
}

fn with_suggestion(message: String, near: &str) -> String {
    if near.is_empty() { message } else { format!("{message}; {}", near.trim_end()) }
}

/// `service.name` at a byte offset of its source.
struct DottedName<'a> {
    names: Vec<&'a str>,
    offset: usize,
}

/// The names in one tag: identifiers that are not words of the language, filters, tests,
/// arguments' names or inside strings.
fn dotted_names(source: &str, begin: usize, end: usize) -> Vec<DottedName<'_>> {
    let bytes = source.as_bytes();
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut found = Vec::new();
    let mut at = begin;
    let mut previous = b' ';
    while at < end {
        let byte = bytes[at];
        if matches!(byte, b'"' | b'\'' | b'`') {
            at += 1;
            while at < end && bytes[at] != byte {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            at += 1;
            previous = b'"';
        } else if is_start(byte) {
            let offset = at;
            let mut names = Vec::new();
            loop {
                let from = at;
                while at < end && is_part(bytes[at]) {
                    at += 1;
                }
                names.push(&source[from..at]);
                if at + 1 < end && bytes[at] == b'.' && is_start(bytes[at + 1]) {
                    at += 1;
                } else {
                    break;
                }
            }
            let mut after = at;
            while after < end && bytes[after] == b' ' {
                after += 1;
            }
            let next = bytes.get(after).copied().unwrap_or(b' ');
            let is_argument =
                next == b'=' && bytes.get(after + 1) != Some(&b'=') && after + 1 < end;
            let is_call = next == b'(';
            if !(matches!(previous, b'|' | b'.')
                || is_argument
                || is_call
                || WORDS.contains(&names[0]))
            {
                found.push(DottedName { names, offset });
            }
            previous = b'a';
        } else {
            if !byte.is_ascii_whitespace() {
                previous = byte;
            }
            at += 1;
        }
    }
    found
}

fn problem(name: &str, error: &tera::Error) -> Problem {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            let span = report.span();
            let path = if report.filename().is_empty() { name } else { report.filename() };
            let place =
                Place { path: path.to_owned(), line: span.start_line, column: span.start_col + 1 };
            let message = report.message();
            let mut chars = message.chars();
            let lowered = chars.next().map_or_else(String::new, |first| {
                first.to_lowercase().collect::<String>() + chars.as_str()
            });
            Problem::new(place, lowered)
        }
        _ => Problem::new(Place::file(name), error.to_string()),
    }
}

/// The functions and filters that templates have beside Tera's own.
fn register(tera: &mut Tera, versions: &toml::Table) {
    let tables = versions.clone();
    tera.register_function("pin", move |arguments: Kwargs, _: &State| {
        let table = arguments.must_get::<&str>("table")?;
        let name = arguments.must_get::<&str>("name")?;
        pin(&tables, table, name)
    });
    let tables = versions.clone();
    tera.register_function("pins", move |arguments: Kwargs, _: &State| {
        let table = arguments.must_get::<&str>("table")?;
        let names = arguments.must_get::<Vec<String>>("names")?;
        let mut pinned: BTreeMap<String, String> = BTreeMap::new();
        for name in names {
            let version = pin(&tables, table, &name)?;
            pinned.insert(name, version);
        }
        let sorted: Map<String, Value> =
            pinned.into_iter().map(|(name, version)| (name, Value::String(version))).collect();
        Ok::<_, tera::Error>(tera::Value::from_serializable(&sorted))
    });
    tera.register_function("diagram", |arguments: Kwargs, _: &State| {
        let diagram = Diagram {
            nodes: deserialized(&arguments.must_get::<tera::Value>("nodes")?)?,
            edges: deserialized(&arguments.must_get::<tera::Value>("edges")?)?,
        };
        diagram.mermaid().map_err(tera::Error::message)
    });
    tera.register_filter("toml", |value: tera::Value, _: Kwargs, _: &State| {
        let value = toml::Value::try_from(&value)
            .map_err(|error| tera::Error::message(error.to_string()))?;
        Ok::<_, tera::Error>(value.to_string())
    });
    tera.register_filter("quoted", |text: &str, _: Kwargs, _: &State| quoted(text));
    tera.register_filter("folded", |text: &str, arguments: Kwargs, _: &State| {
        let key = arguments.get::<String>("key")?.unwrap_or_default();
        arguments.must_get::<usize>("indent").map(|indent| folded(text, indent, &key))
    });
    tera.register_filter("json", |value: tera::Value, arguments: Kwargs, _: &State| {
        let indent = arguments.get::<usize>("indent")?.unwrap_or(2);
        let level = arguments.get::<usize>("level")?.unwrap_or(0);
        pretty_json(&value, indent, level)
    });
}

fn deserialized<T: serde::de::DeserializeOwned>(value: &tera::Value) -> Result<T, tera::Error> {
    serde_json::to_value(value)
        .and_then(serde_json::from_value)
        .map_err(|error| tera::Error::message(error.to_string()))
}

fn pin(versions: &toml::Table, table: &str, name: &str) -> Result<String, tera::Error> {
    let found = versions.get(table).and_then(|names| names.get(name)).and_then(toml::Value::as_str);
    found.map(str::to_owned).ok_or_else(|| {
        tera::Error::message(format!("no version is pinned for `{name}` in `[{table}]`"))
    })
}

/// `text` as a scalar of YAML on one line, in the quotes that need fewer escapes.
fn quoted(text: &str) -> String {
    if text.contains('\'') && !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// `text` as a scalar of YAML: in quotes where it fits into the line behind `indent`, which a dash or
/// a colon is part of, and a `key`; else folded over several lines that are indented so far.
fn folded(text: &str, indent: usize, key: &str) -> String {
    const WIDTH: usize = 100;
    let alone = quoted(text);
    // A line break takes the place of a single space between two words, and of nothing else.
    let words: Vec<&str> = text.split(' ').collect();
    let can_be_folded = !text.contains('\n') && words.iter().all(|word| !word.is_empty());
    if indent + key.len() + alone.len() <= WIDTH || !can_be_folded {
        return alone;
    }
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if indent + line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let padding = format!("\n{}", " ".repeat(indent));
    format!(">-{padding}{}", lines.join(&padding))
}

/// JSON over several lines; every line but the first is indented by `level` steps more.
fn pretty_json(value: &tera::Value, indent: usize, level: usize) -> Result<String, tera::Error> {
    let step = " ".repeat(indent);
    let formatter = serde_json::ser::PrettyFormatter::with_indent(step.as_bytes());
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    serde::Serialize::serialize(value, &mut serializer)
        .map_err(|error| tera::Error::message(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| tera::Error::message(error.to_string()))?;
    Ok(text.replace('\n', &format!("\n{}", step.repeat(level))))
}
