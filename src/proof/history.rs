//! All records in their order, and what they say of a subject. The build script uses this file as
//! well, and puts the last entry of each subject into the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::proof::record::{Entry, Fault, Outcome, Record};

/// All records, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    #[serde(default, rename = "record")]
    records: Vec<Record>,
}

/// An entry and the record that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// When, where and on what machine.
    pub record: &'a Record,
    /// What was run and how it ended.
    pub entry: &'a Entry,
}

impl History {
    /// Reads all records, given by file name and text.
    ///
    /// # Errors
    /// What is wrong with each of them; and a landing that has a higher number than there are
    /// records, which is what a made-up or a removed record leads to.
    pub fn read(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, Vec<Fault>> {
        let (mut read, mut faults) = (Vec::new(), Vec::new());
        for (file, text) in files {
            match Record::parse(&file, &text) {
                Ok(record) => read.push((file, text, record)),
                Err(fault) => faults.push(fault),
            }
        }
        let count = read.len() + faults.len();
        for (file, text, record) in &read {
            if record.landing as usize > count {
                let before = text.split("landing = ").next().unwrap_or_default();
                faults.push(Fault {
                    file: file.clone(),
                    line: before.matches('\n').count() + 1,
                    message: format!(
                        "landing {} of {count} records: a record was removed, or this one was made up",
                        record.landing
                    ),
                });
            }
        }
        if !faults.is_empty() {
            faults.sort();
            return Err(faults);
        }
        read.sort_by(|(left_file, _, left), (right_file, _, right)| {
            let key = |record: &Record| (record.landing, record.day.clone());
            key(left).cmp(&key(right)).then_with(|| left_file.cmp(right_file))
        });
        Ok(Self { records: read.into_iter().map(|(_, _, record)| record).collect() })
    }

    /// Reads all records of a folder, which may be missing; a page about them may lie there as well.
    ///
    /// # Errors
    /// As [`History::read`]; and what is no record, or cannot be read.
    pub fn in_folder(folder: &Path) -> Result<Self, Vec<Fault>> {
        let fault = |file: &str, message: &str| {
            vec![Fault { file: file.to_owned(), line: 1, message: message.to_owned() }]
        };
        if !folder.exists() {
            return Ok(Self::default());
        }
        let mut files = Vec::new();
        let entries = fs::read_dir(folder).map_err(|error| fault("", &error.to_string()))?;
        for entry in entries {
            let entry = entry.map_err(|error| fault("", &error.to_string()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "README.md" {
                continue;
            }
            let is_record = entry.file_type().is_ok_and(|kind| kind.is_file())
                && Path::new(&name).extension().is_some_and(|ending| ending == "toml");
            if !is_record {
                return Err(fault(&name, "only records are kept here, as plain files"));
            }
            let text = fs::read_to_string(entry.path())
                .map_err(|error| fault(&name, &error.to_string()))?;
            files.push((name, text));
        }
        Self::read(files)
    }

    /// Reads what [`History::text`] wrote.
    ///
    /// # Panics
    /// Where it is something else.
    #[must_use]
    pub fn embedded(text: &str) -> Self {
        toml::from_str(text).expect("the build script wrote what it had checked")
    }

    /// The text of these records as [`History::embedded`] reads it.
    ///
    /// # Panics
    /// Never: texts, numbers and lists of them can be written.
    #[must_use]
    pub fn text(&self) -> String {
        toml::to_string(self).expect("texts, numbers and lists of them can be written")
    }

    /// Adds the newest record.
    pub fn push(&mut self, record: Record) {
        self.records.push(record);
    }

    /// The number of the landing that comes next.
    #[must_use]
    pub fn next_landing(&self) -> u32 {
        self.records.iter().map(|record| record.landing).max().unwrap_or(0).saturating_add(1)
    }

    /// All entries, newest first.
    pub fn entries(&self) -> impl Iterator<Item = Seen<'_>> {
        self.records
            .iter()
            .rev()
            .flat_map(|record| record.entries.iter().map(move |entry| Seen { record, entry }))
    }

    /// The last entry of a subject at a digest, however it ended.
    #[must_use]
    pub fn last(&self, name: &str, digest: &str) -> Option<Seen<'_>> {
        self.entries().find(|seen| seen.entry.name == name && seen.entry.digest == digest)
    }

    /// The proof of a subject at a digest: its last entry there, where that passed.
    #[must_use]
    pub fn proof(&self, name: &str, digest: &str) -> Option<Seen<'_>> {
        self.last(name, digest).filter(|seen| seen.entry.result == Outcome::Passed)
    }

    /// The last time that a subject passed at a digest, whatever came after it.
    #[must_use]
    pub fn passed(&self, name: &str, digest: &str) -> Option<Seen<'_>> {
        self.entries().find(|seen| {
            let entry = seen.entry;
            entry.name == name && entry.digest == digest && entry.result == Outcome::Passed
        })
    }

    /// In how many records a subject failed, or could not be run, since it passed last.
    #[must_use]
    pub fn unproven_for(&self, name: &str) -> usize {
        let mut count = 0;
        for record in self.records.iter().rev() {
            match record.entries.iter().find(|entry| entry.name == name) {
                Some(entry) if entry.result == Outcome::Passed => break,
                Some(_) => count += 1,
                None => {
                    count += usize::from(record.unproven.iter().any(|one| one.name == name));
                }
            }
        }
        count
    }

    /// Only the last entry of each subject.
    #[must_use]
    pub fn latest(&self) -> Self {
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for (position, record) in self.records.iter().enumerate() {
            for entry in &record.entries {
                last.insert(&entry.name, position);
            }
        }
        let kept = self.records.iter().enumerate().map(|(position, record)| {
            let is_last = |entry: &&Entry| last.get(entry.name.as_str()) == Some(&position);
            let entries = record.entries.iter().filter(is_last).cloned().collect();
            Record { entries, unproven: Vec::new(), ..record.clone() }
        });
        Self { records: kept.filter(|record| !record.entries.is_empty()).collect() }
    }
}
