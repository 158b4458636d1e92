//! Everything that can go wrong, each with the exit code and the hint that people see.
//!
//! Texts follow one voice: lower case, `values` in backticks, a place where there is one,
//! and a hint that names what to change.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A place in a text file, as editors count it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path of the file, as the user would name it.
    pub path: String,
    /// Line, from 1; 0 where only the file is known.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// The place of a whole file.
    #[must_use]
    pub fn file(path: impl Into<String>) -> Self {
        Self { path: path.into(), line: 0, column: 0 }
    }

    /// The place of the byte `offset` of `text`, the content of `path`.
    #[must_use]
    pub fn at(path: impl Into<String>, text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            path: path.into(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            formatter.write_str(&self.path)
        } else {
            write!(formatter, "{}:{}:{}", self.path, self.line, self.column)
        }
    }
}

/// One thing that is wrong with a pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong there.
    pub message: String,
}

impl Problem {
    /// A problem at `place`.
    #[must_use]
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}

/// What ends a command early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line or the answers ask for something that does not exist or cannot be combined.
    #[error("{message}")]
    Usage {
        /// What is wrong, with its place where there is one.
        message: String,
        /// What to change.
        hint: String,
    },
    /// The destination exists and is not ours to fill.
    #[error("{message}")]
    Destination {
        /// What stands in the way.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// The pack cannot be used.
    #[error("{}", problem_list(.0))]
    Pack(Vec<Problem>),
    /// The folder is not a generated project, or its state cannot be read.
    #[error("{message}")]
    Project {
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// The project was rendered by another version of the pack, or the program is older.
    #[error("{message}")]
    Behind {
        /// Which versions.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// Conflicts of an earlier operation are left.
    #[error("{message}")]
    Conflicts {
        /// Which.
        message: String,
        /// What to do about them.
        hint: String,
    },
    /// The operating system refused.
    #[error("{action} `{}`: {source}", path.display())]
    Io {
        /// What was being done, such as `cannot write`.
        action: &'static str,
        /// To which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
        /// Whether the same would work at another place of the user's choice, with `--into DIR`.
        elsewhere: bool,
    },
    /// Ctrl-C; nothing was left behind.
    #[error("interrupted, nothing was written")]
    Interrupted,
    /// The reader of our output went away, as `head` does: not worth a word.
    #[error("the output was closed")]
    OutputClosed,
}

impl Error {
    /// An I/O failure of `action` on `path`.
    #[must_use]
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source, elsewhere: false }
    }

    /// The same failure of something that `--into DIR` can put elsewhere.
    #[must_use]
    pub fn elsewhere(mut self) -> Self {
        if let Self::Io { elsewhere, .. } = &mut self {
            *elsewhere = true;
        }
        self
    }

    /// A mistake in what was asked for.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// The process exit code of this error: 1 I/O, 2 usage, 4 conflicts left, 5 behind,
    /// 6 destination refused, 7 pack invalid, 8 project unusable, 130 interrupted.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Io { .. } => 1,
            Self::Usage { .. } => 2,
            Self::Destination { .. } => 6,
            Self::Pack(_) => 7,
            Self::Project { .. } => 8,
            Self::Behind { .. } => 5,
            Self::Conflicts { .. } => 4,
            Self::Interrupted => 130,
            Self::OutputClosed => 0,
        }
    }

    /// What to do next, if there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. }
            | Self::Destination { hint, .. }
            | Self::Project { hint, .. }
            | Self::Behind { hint, .. }
            | Self::Conflicts { hint, .. } => (!hint.is_empty()).then(|| hint.clone()),
            Self::Pack(_) => {
                Some("`scaffold pack lint DIR` lists every problem of a pack".to_owned())
            }
            Self::Io { action, path, source, elsewhere } => {
                io_hint(action, path, source.kind(), *elsewhere)
            }
            Self::Interrupted | Self::OutputClosed => None,
        }
    }
}

/// What helps where the operating system refused `action` on `path`.
fn io_hint(action: &str, path: &Path, kind: io::ErrorKind, elsewhere: bool) -> Option<String> {
    let shown = shell_word(&path.display().to_string());
    let is_full = matches!(
        kind,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    );
    let is_denied = kind == io::ErrorKind::PermissionDenied;
    let hint = match action {
        _ if is_full && elsewhere => {
            "free some space, or choose another disk with `--into DIR`".to_owned()
        }
        _ if is_denied && elsewhere => {
            "choose a folder that you may write to with `--into DIR`".to_owned()
        }
        _ if is_full && action == "cannot write to" => {
            "free some space where the output goes".to_owned()
        }
        _ if is_full => "free some space, then repeat it".to_owned(),
        "cannot change" if kind == io::ErrorKind::ReadOnlyFilesystem => {
            "`--dry-run` shows what would change, without writing".to_owned()
        }
        "cannot read" | "cannot look at" if is_denied => {
            format!("you need the right to read it: ls -l {shown}")
        }
        _ if is_denied => format!("you need the right to write there: ls -ld {shown}"),
        _ => return None,
    };
    Some(hint)
}

/// The text as one word of a shell.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The texts as words of a shell.
#[must_use]
pub fn shell_words(texts: &[impl AsRef<str>]) -> String {
    texts.iter().map(|text| shell_word(text.as_ref())).collect::<Vec<String>>().join(" ")
}

fn problem_list(problems: &[Problem]) -> String {
    match problems {
        [only] => format!("the pack cannot be used: {only}"),
        all => {
            let lines: Vec<String> = all.iter().map(|problem| format!("\n  {problem}")).collect();
            format!("the pack has {} problems:{}", all.len(), lines.concat())
        }
    }
}

/// The member of `candidates` that `wrong` was probably meant to be: within one slip of the
/// finger (two in long words), or alike by Jaro-Winkler above 0.85.
///
/// The most alike wins, the first in the order given where several are.
#[must_use]
pub fn did_you_mean<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const ALIKE: f64 = 0.85;
    const LONG_WORD: usize = 6;
    let slips = if wrong.chars().count() < LONG_WORD { 1 } else { 2 };
    let mut best: Option<(&str, f64)> = None;
    for candidate in candidates {
        let likeness = strsim::jaro_winkler(wrong, candidate);
        let is_near = likeness > ALIKE || strsim::osa_distance(wrong, candidate) <= slips;
        if is_near && best.is_none_or(|(_, top)| likeness > top) {
            best = Some((candidate, likeness));
        }
    }
    best.map(|(candidate, _)| candidate)
}

/// "did you mean `x`? " or nothing, to stand before a list of choices.
#[must_use]
pub fn suggestion<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    did_you_mean(wrong, candidates)
        .map_or_else(String::new, |best| format!("did you mean `{best}`? "))
}
