//! A file of `tests/proven/`: what one landing proved by running it. Records are only ever added,
//! and come from other people's branches, so every word of them is checked. The build script uses
//! this file as well: a record that is wrong ends the build.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::text::digest;

/// No record is larger, in bytes.
pub const LARGEST: usize = 1 << 20;

const HEAD: &str = "# What one landing proved. Written by `.ci/run` or `make prove`, never changed: its name holds its digest.\n\n";

/// What one landing proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Which landing: the first is 1, each is one more than the greatest that was there.
    #[serde(deserialize_with = "landing")]
    pub landing: u32,
    /// The commit whose files were proven, 40 hexadecimal digits.
    #[serde(deserialize_with = "commit")]
    pub commit: String,
    /// The day, `YYYY-MM-DD`, in UTC.
    #[serde(deserialize_with = "day")]
    pub day: String,
    /// Processors of the machine.
    pub cores: u32,
    /// Memory of the machine, in MiB.
    pub memory_mib: u32,
    /// Kernel of the machine, with its version.
    #[serde(deserialize_with = "line")]
    pub kernel: String,
    /// What was run.
    #[serde(default, rename = "subject", skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    /// What could not be run and had no proof.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<Unproven>,
}

/// A subject that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The test, `file::function`.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// `sha256:` over everything that the outcome depends on.
    #[serde(deserialize_with = "sha256")]
    pub digest: String,
    /// How it ended.
    pub result: Outcome,
    /// How long it took, in seconds.
    pub seconds: u32,
    /// What it does, for people.
    #[serde(deserialize_with = "line")]
    pub what: String,
    /// The projects that it set up, started or looked at.
    #[serde(default, rename = "project", skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<Project>,
}

/// How a subject ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should.
    Passed,
    /// Not as it should: of use only beside an earlier or later `Passed` at the same digest.
    Failed,
}

/// A project as it was rendered for a subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// The command that renders it.
    #[serde(deserialize_with = "command")]
    pub command: String,
    /// `sha256:` over what it renders, by [`rendered`].
    #[serde(deserialize_with = "sha256")]
    pub rendered: String,
}

/// A subject that could not be run, and that had no proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unproven {
    /// The test, `file::function`.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// Why not.
    #[serde(deserialize_with = "line")]
    pub reason: String,
}

/// What is wrong with a record, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tests/proven/{}:{}: {}", self.file, self.line, self.message)
    }
}

impl Record {
    /// Reads the record `text` of the file called `file`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Fault> {
        let fault = |offset: usize, message: String| Fault {
            file: file.to_owned(),
            line: text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1,
            message,
        };
        if text.len() > LARGEST {
            return Err(fault(0, format!("a record has at most {LARGEST} bytes")));
        }
        let record: Self = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            fault(offset, error.message().trim().replace('\n', " "))
        })?;
        let named = record.entries.iter().map(|entry| &entry.name);
        let mut seen = BTreeSet::new();
        for name in named.chain(record.unproven.iter().map(|unproven| &unproven.name)) {
            if !seen.insert(name) {
                let offset = text.rfind(name.as_str()).unwrap_or(0);
                return Err(fault(offset, format!("`{name}` is there twice")));
            }
        }
        if file != record.file_name(text) {
            let expected = record.file_name(text);
            return Err(fault(
                0,
                format!("by its content it is `{expected}`: a record is never changed"),
            ));
        }
        Ok(record)
    }

    /// The text of the record's file.
    ///
    /// # Panics
    /// Where texts, numbers and lists of them could not be written as TOML.
    #[must_use]
    pub fn text(&self) -> String {
        let body = toml::to_string(self).expect("it can be written");
        HEAD.to_owned() + &body
    }

    /// The name of the file that holds the record as `text`: the commit, and a digest by which a
    /// later change is noticed.
    #[must_use]
    pub fn file_name(&self, text: &str) -> String {
        let digest = digest::of(text.as_bytes());
        let digest = digest.trim_start_matches("sha256:");
        format!("{}-{}.toml", &self.commit[..12], &digest[..8])
    }
}

/// `sha256:` over the files of a project, given as path, content and executable bit in any order: all
/// but the program's own: what was chosen, in which every choice of a newer pack has its line, and what
/// holds the pack's digest. Nothing in a project reads them.
#[must_use]
pub fn rendered<'a>(files: impl Iterator<Item = (&'a str, &'a [u8], bool)>) -> String {
    let files = files.filter(|(path, _, _)| {
        !matches!(*path, "scaffold.toml" | "scaffold.lock")
            && !path.starts_with(".scaffold/")
            && !path.starts_with(".git/")
    });
    let mut marked: Vec<(String, &[u8])> = files
        .map(|(path, bytes, executable)| (format!("{path}\0{}", u8::from(executable)), bytes))
        .collect();
    marked.sort();
    digest::of_files(marked.iter().map(|(path, bytes)| (path.as_str(), *bytes)))
}

fn checked<'de, D: Deserializer<'de>>(
    deserializer: D,
    must: &str,
    is_right: impl Fn(&str) -> bool,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_right(&text) { Ok(text) } else { Err(D::Error::custom(must)) }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A text of one line without anything that a terminal obeys.
fn is_line(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn landing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("the first landing is 1")),
        landing => Ok(landing),
    }
}

fn commit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, "a commit is 40 hexadecimal digits", |text| is_hex(text, 40))
}

fn sha256<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, "a digest is `sha256:` and 64 hexadecimal digits", |text| {
        text.strip_prefix("sha256:").is_some_and(|digits| is_hex(digits, 64))
    })
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let is_word = |word: &str| {
        (1..=100).contains(&word.len())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    checked(deserializer, "a subject is called `file::function`", |text| {
        text.split_once("::").is_some_and(|(file, function)| is_word(file) && is_word(function))
    })
}

fn line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let must = "one line of 1 to 200 plain characters is needed";
    checked(deserializer, must, |text| is_line(text, 200))
}

fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let must =
        "a command begins with `scaffold new ` and is one line of at most 1,000 plain characters";
    checked(deserializer, must, |text| {
        is_line(text, 1000) && text.starts_with("scaffold new ") && !text.contains("--answers")
    })
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, "a day is written as 2026-11-26", |text| {
        let parts: Vec<&str> = text.split('-').collect();
        let number = |text: &str, length: usize| {
            let plain = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse::<u32>().ok()).flatten()
        };
        let [year, month, day] = parts[..] else {
            return false;
        };
        number(year, 4).is_some_and(|year| year >= 2000)
            && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
            && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
    })
}
