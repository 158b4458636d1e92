//! The only file that knows Tera: parsing, rendering, and finding names that nobody declares.
//!
//! Tera 2 takes an unknown name in `if` as false and gives unknown names no position, so names
//! are checked here, tag by tag, before anything is rendered.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};
use tera::{Context, ErrorKind, Kwargs, State, Tera};

use crate::text::diagram::Diagram;
use crate::text::error::{Place, Problem, suggestion};

/// The strings that set Tera's tags apart from the text around them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delimiters {
    /// Begin and end of a block, such as `{%` and `%}`.
    pub block: [String; 2],
    /// Begin and end of a variable, such as `{{` and `}}`.
    pub variable: [String; 2],
    /// Begin and end of a comment, such as `{#` and `#}`.
    pub comment: [String; 2],
}

impl Default for Delimiters {
    fn default() -> Self {
        let pair = |begin: &str, end: &str| [begin.to_owned(), end.to_owned()];
        Self { block: pair("{%", "%}"), variable: pair("{{", "}}"), comment: pair("{#", "#}") }
    }
}

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
        Ok(Self { tera, delimiters: delimiters.clone() })
    }

    /// Parses `source` and keeps it as `name`.
    ///
    /// # Errors
    /// A [`Problem`] at the place of the mistake.
    pub fn add(&mut self, name: &str, source: &str) -> Result<(), Problem> {
        self.tera.add_raw_template(name, source).map_err(|error| problem(name, &error))
    }

    /// Parses all `sources`, pairs of name and text, and keeps them; whether that went well. If
    /// not, none is kept, and [`Templates::add`] tells of each what is wrong with it.
    ///
    /// Tera looks at all its templates whenever some are added: one by one, many take long.
    pub fn add_together<'a>(&mut self, sources: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        self.tera.add_raw_templates(sources).is_ok()
    }

    /// Renders the template `name` with `fields`.
    ///
    /// # Errors
    /// A [`Problem`] at the place of the mistake.
    pub fn render(&self, name: &str, fields: &Fields) -> Result<String, Problem> {
        self.tera.render(name, &fields.0).map_err(|error| problem(name, &error))
    }

    /// Renders a short text of a manifest, such as `services/[= service.name =]`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn evaluate(&self, text: &str, fields: &Fields) -> Result<String, String> {
        if !self.has_tag(text) {
            return Ok(text.to_owned());
        }
        self.tera.render_str(text, &fields.0, false).map_err(|error| match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                report.message().to_owned()
            }
            _ => error.to_string(),
        })
    }

    /// Whether `text` holds a variable or a block.
    #[must_use]
    pub fn has_tag(&self, text: &str) -> bool {
        text.contains(&self.delimiters.variable[0]) || text.contains(&self.delimiters.block[0])
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
        let mut found = Vec::new();
        let mut at = 0;
        while let Some((start, end_mark)) = self.next_tag(source, at) {
            let body = start + 2;
            let end = source[body..].find(end_mark).map_or(source.len(), |found| body + found);
            if end_mark != self.delimiters.comment[1] {
                found.extend(dotted_names(source, body, end));
            }
            at = (end + 2).min(source.len());
        }
        found
    }

    /// Where the next tag begins, and the mark that ends it.
    fn next_tag(&self, source: &str, from: usize) -> Option<(usize, &str)> {
        [&self.delimiters.block, &self.delimiters.variable, &self.delimiters.comment]
            .into_iter()
            .filter_map(|[begin, end]| {
                source[from..].find(begin.as_str()).map(|found| (from + found, end.as_str()))
            })
            .min_by_key(|(start, _)| *start)
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
        let form = arguments.must_get::<&str>("form")?;
        let diagram = Diagram {
            nodes: deserialized(&arguments.must_get::<tera::Value>("nodes")?)?,
            edges: deserialized(&arguments.must_get::<tera::Value>("edges")?)?,
        };
        diagram.draw(form).map_err(tera::Error::message)
    });
    tera.register_filter("toml", |value: tera::Value, _: Kwargs, _: &State| {
        let value = toml::Value::try_from(&value)
            .map_err(|error| tera::Error::message(error.to_string()))?;
        Ok::<_, tera::Error>(value.to_string())
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
