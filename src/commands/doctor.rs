//! `scaffold doctor`: looks for the programs that a generated project needs.

use std::fmt::Write as _;
use std::process;

use clap::{ArgMatches, Command};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

use crate::commands::session::{Entry, Session, Words};
use crate::pack::manifest::DoctorManifest;
use crate::pack::versions;
use crate::terminal::output::{SCHEMA, print, print_json};
use crate::text::error::Error;

/// Looks for the programs that a generated project needs.
pub const ENTRY: Entry = Entry {
    schemas: &[("doctor", |_| schema_for!(Doctor).to_value())],
    ..Entry::new("doctor", arguments, run)
};

fn arguments(command: Command, _: &Words) -> Command {
    command.about("Look for the programs that a generated project needs")
}

fn run(session: &Session, _: &ArgMatches) -> Result<u8, Error> {
    let programs: Vec<Program> = session.pack.manifest.doctor.iter().map(examine).collect();
    let ok = programs.iter().all(|program| program.ok || !program.required);
    let code = u8::from(!ok);
    if session.json {
        print_json(&Doctor { schema: SCHEMA, ok, programs }, false)?;
        return Ok(code);
    }
    let mut text = String::new();
    for program in programs {
        let state = match (program.ok, program.required) {
            (true, _) => "ok",
            (false, true) => "missing",
            (false, false) => "optional",
        };
        let version = program.version.as_deref().unwrap_or("not found");
        let wanted = program
            .minimum
            .map_or_else(String::new, |minimum| format!(" (wanted: {minimum} or newer)"));
        let note = if program.ok { String::new() } else { wanted };
        let _ =
            writeln!(text, "{state:<9} {:<9} {version}{note}: {}", program.name, program.summary);
    }
    print(&text)?;
    Ok(code)
}

/// Looks for a program and compares its version.
fn examine(wanted: &DoctorManifest) -> Program {
    let mut version = None;
    if let Some((program, arguments)) = wanted.command.split_first() {
        let output = process::Command::new(program).args(arguments).output();
        if let Ok(output) = output
            && output.status.success()
        {
            let text = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            version = versions::first_in(&text);
        }
    }
    let ok = match (&version, &wanted.minimum) {
        (Some(found), Some(minimum)) => versions::is_at_least(found, minimum),
        (Some(_), None) => true,
        (None, _) => false,
    };
    Program {
        name: wanted.name.clone(),
        version,
        minimum: wanted.minimum.clone(),
        required: wanted.required,
        ok,
        summary: wanted.summary.clone(),
    }
}

/// Answer of `scaffold doctor`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Doctor {
    /// Version of this form.
    pub schema: u32,
    /// Whether everything that is required is there.
    pub ok: bool,
    /// The programs, as the pack lists them.
    pub programs: Vec<Program>,
}

/// A program that the generated project needs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its version, where it was found.
    pub version: Option<String>,
    /// The least version that works.
    pub minimum: Option<String>,
    /// Whether the project does not run without it.
    pub required: bool,
    /// Whether it is there and new enough.
    pub ok: bool,
    /// What it is for.
    pub summary: String,
}
