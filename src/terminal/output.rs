//! What people and programs read: data on standard output, prose on standard error.

use std::io::{self, Write as _};
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::text::error::{Error, Place, Problem};

/// Version of the form of all answers.
pub const SCHEMA: u32 = 1;

/// Answer of any command that fails.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// Version of this form.
    pub schema: u32,
    /// What went wrong.
    pub error: FailureDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FailureDetail {
    /// The message.
    pub message: String,
    /// What to do about it, where there is something.
    pub hint: Option<String>,
    /// The exit code of the process.
    pub exit_code: u8,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let detail = FailureDetail {
            message: error.to_string(),
            hint: error.hint(),
            exit_code: error.exit_code(),
        };
        Self { schema: SCHEMA, error: detail }
    }
}

/// Writes to standard output; a reader that has gone away ends the program quietly.
///
/// # Errors
/// [`Error::OutputClosed`] where nobody reads any more, [`Error::Io`] otherwise.
pub fn print(text: &str) -> Result<(), Error> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(|error| {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Error::OutputClosed,
            _ => Error::io("cannot write to", Path::new("standard output"), error),
        }
    })
}

/// Writes an answer as JSON.
///
/// # Errors
/// As [`fn@print`].
pub fn print_json(value: &impl Serialize, pretty: bool) -> Result<(), Error> {
    let text =
        if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    let text = text.map_err(|error| {
        Error::Pack(vec![Problem::new(Place::file("answer"), error.to_string())])
    })?;
    print(&(text + "\n"))
}

/// Says on standard error what went wrong and what to do, and as JSON where that was asked for.
pub fn report(error: &Error, json: bool) {
    if matches!(error, Error::OutputClosed) {
        return;
    }
    if json {
        // Standard output may be gone; the exit code still tells.
        let _ = print_json(&Failure::from(error), false);
    }
    let hint = error.hint().map(|hint| format!("\nhint: {hint}\n")).unwrap_or_default();
    say(&format!("error: {error}\n{hint}"));
}

/// Says something on standard error; that nobody reads it changes nothing.
pub fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
