//! The tags of a template: where they are, and which branches they begin. This knows the form of the
//! tags and not the library that renders them.

use std::fmt::Write as _;
use std::ops::Range;

use serde::Deserialize;

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

/// What a tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagKind {
    /// `{% if ... %}`
    Block,
    /// `{{ ... }}`
    Variable,
}

/// A tag in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// What it is.
    pub kind: TagKind,
    /// All of it.
    pub whole: Range<usize>,
    /// What is between its marks.
    pub inner: Range<usize>,
}

/// What is rendered under a condition, or again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The tag that begins it, an `if`, `elif`, `else` or `for`.
    pub tag: Range<usize>,
    /// What is between the marks of the tags that decide whether it is rendered, its own last.
    pub conditions: Vec<Range<usize>>,
}

impl Delimiters {
    /// Whether `text` holds a variable or a block.
    #[must_use]
    pub fn has_tag(&self, text: &str) -> bool {
        text.contains(&self.variable[0]) || text.contains(&self.block[0])
    }

    /// The tags of `source`, in order; comments and what is within `raw` are none.
    #[must_use]
    pub fn tags(&self, source: &str) -> Vec<Tag> {
        let mut tags = Vec::new();
        let mut at = 0;
        while let Some((start, kind)) = self.next_tag(source, at) {
            let body = start + 2;
            let Some(kind) = kind else {
                let end = source[body..].find(&self.comment[1]);
                at = end.map_or(source.len(), |found| body + found + 2);
                continue;
            };
            let end_mark = if kind == TagKind::Block { &self.block[1] } else { &self.variable[1] };
            let end = end_of_tag(source, body, end_mark);
            at = (end + 2).min(source.len());
            let tag = Tag { kind, whole: start..at, inner: body..end };
            if tag.keyword(source) == Some("raw") {
                at = self.end_of_raw(source, at);
            } else {
                tags.push(tag);
            }
        }
        tags
    }

    /// The branches of `source`, in order of their tags.
    #[must_use]
    pub fn branches(&self, source: &str) -> Vec<Branch> {
        let mut branches = Vec::new();
        let mut open: Vec<Vec<Range<usize>>> = Vec::new();
        for tag in self.tags(source) {
            match tag.keyword(source) {
                Some("if" | "for") => open.push(vec![tag.inner]),
                Some("elif" | "else") => {
                    if let Some(innermost) = open.last_mut() {
                        innermost.push(tag.inner);
                    }
                }
                Some("endif" | "endfor") => {
                    open.pop();
                    continue;
                }
                _ => continue,
            }
            branches.push(Branch { tag: tag.whole, conditions: open.concat() });
        }
        branches
    }

    /// `source` with a call of the function `name` at the head of each branch. It gets the number of
    /// the branch as `number`, from `first` on, and renders nothing.
    #[must_use]
    pub fn marked(&self, source: &str, name: &str, first: usize) -> String {
        let [begin, end] = &self.variable;
        let mut marked = String::with_capacity(source.len());
        let mut at = 0;
        for (number, branch) in self.branches(source).into_iter().enumerate() {
            marked.push_str(&source[at..branch.tag.end]);
            at = branch.tag.end;
            // White space that the tag takes away behind it is behind the mark now.
            let trims = source[..at.saturating_sub(2)].ends_with('-');
            let dash = if trims { "-" } else { "" };
            let _ = write!(marked, "{begin} {name}(number={}) {dash}{end}", first + number);
        }
        marked.push_str(&source[at..]);
        marked
    }

    /// Where the next tag begins; a comment is of no kind.
    fn next_tag(&self, source: &str, from: usize) -> Option<(usize, Option<TagKind>)> {
        let kinds = [
            (&self.block, Some(TagKind::Block)),
            (&self.variable, Some(TagKind::Variable)),
            (&self.comment, None),
        ];
        let found = kinds.into_iter().filter_map(|([begin, _], kind)| {
            source[from..].find(begin.as_str()).map(|found| (from + found, kind))
        });
        found.min_by_key(|(start, _)| *start)
    }

    /// Behind the tag that ends what is raw.
    fn end_of_raw(&self, source: &str, from: usize) -> usize {
        let [begin, end] = &self.block;
        let starts = source[from..].match_indices(begin.as_str());
        let end_tag = starts.map(|(found, _)| from + found).find(|start| {
            let inner = source[start + 2..].trim_start_matches('-').trim_start();
            inner.starts_with("endraw")
        });
        let behind =
            end_tag.and_then(|start| Some(start + source[start..].find(end.as_str())? + 2));
        behind.unwrap_or(source.len())
    }
}

impl Tag {
    /// The word that a block begins with.
    #[must_use]
    pub fn keyword<'a>(&self, source: &'a str) -> Option<&'a str> {
        let inner = source[self.inner.clone()].trim_start_matches('-').trim_start();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = inner.find(|c| !is_part(c)).unwrap_or(inner.len());
        (self.kind == TagKind::Block && end > 0).then(|| &inner[..end])
    }
}

/// The texts in quotes within a tag.
pub fn quoted(inner: &str) -> impl Iterator<Item = &str> {
    let mut rest = inner;
    std::iter::from_fn(move || {
        let begin = rest.find(['"', '\'', '`'])?;
        let mark = char::from(rest.as_bytes()[begin]);
        let text = &rest[begin + 1..];
        let end = text.find(mark)?;
        rest = &text[end + 1..];
        Some(&text[..end])
    })
}

/// Where the mark that ends a tag is, which is in none of its strings.
fn end_of_tag(source: &str, body: usize, mark: &str) -> usize {
    let bytes = source.as_bytes();
    let mut at = body;
    while at < bytes.len() {
        if bytes[at..].starts_with(mark.as_bytes()) {
            return at;
        }
        if matches!(bytes[at], b'"' | b'\'' | b'`') {
            let quote = bytes[at];
            at += 1;
            while at < bytes.len() && bytes[at] != quote {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
        }
        at += 1;
    }
    source.len()
}
