//! `scaffold pack lint`: every problem of a pack.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

use crate::commands::session::{Entry, Session, Words};
use crate::lint::proof::prove;
use crate::lint::validate;
use crate::terminal::output::{SCHEMA, print, print_json, say};
use crate::text::error::{Error, Problem};

/// Works on packs: `lint` reports every problem of one.
pub const ENTRY: Entry = Entry {
    schemas: &[("lint", |_| schema_for!(Lint).to_value())],
    ..Entry::new("pack", arguments, run)
};

fn arguments(command: Command, _: &Words) -> Command {
    command.about("Work on packs").subcommand_required(true).subcommand(
        Command::new("lint").about("Report every problem of a pack").arg(
            Arg::new("dir")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::DirPath)
                .help("Folder with `pack.toml`"),
        ),
    )
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    let (_, matches) = matches.subcommand().expect("clap requires a command");
    lint(session, matches.get_one::<PathBuf>("dir").expect("clap requires it"))
}

/// Its exit code where it finds a problem.
const PACK_INVALID: u8 = 7;

fn lint(session: &Session, dir: &Path) -> Result<u8, Error> {
    let (pack, mut problems) = validate::load_as_far_as_possible(dir)?;
    let mut rendered = 0;
    if let Some(pack) = pack.as_ref().filter(|pack| validate::can_be_rendered(pack)) {
        // What is wrong with a file is said once: rendering trips over it again.
        let told: BTreeSet<String> =
            problems.iter().map(|problem| problem.place.path.clone()).collect();
        let proof = prove(pack, &problems);
        rendered = proof.selections;
        let new = |problem: &Problem| !told.contains(&problem.place.path);
        problems.extend(proof.problems.into_iter().filter(new));
        problems.sort();
        problems.dedup();
    }
    let name = pack.map_or_else(|| dir.display().to_string(), |pack| pack.manifest.name);
    if session.json {
        let listed = problems.iter().map(LintProblem::from).collect();
        print_json(
            &Lint { schema: SCHEMA, pack: name, selections: rendered, problems: listed },
            false,
        )?;
        return Ok(if problems.is_empty() { 0 } else { PACK_INVALID });
    }
    if problems.is_empty() {
        let plural = if rendered == 1 { "selection" } else { "selections" };
        print(&format!("{name}: no problems, {rendered} {plural} rendered\n"))?;
        return Ok(0);
    }
    // The hint of such an error is this command.
    say(&format!("error: {}\n", Error::Pack(problems)));
    Ok(PACK_INVALID)
}

/// Answer of `scaffold pack lint`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Lint {
    /// Version of this form.
    pub schema: u32,
    /// Name of the pack.
    pub pack: String,
    /// Number of selections that were rendered.
    pub selections: usize,
    /// Everything that is wrong.
    pub problems: Vec<LintProblem>,
}

/// Something that is wrong with a pack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LintProblem {
    /// The file of the pack.
    pub path: String,
    /// Line, from 1; 0 where only the file is known.
    pub line: usize,
    /// Column in characters, from 1; 0 where only the file is known.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl From<&Problem> for LintProblem {
    fn from(problem: &Problem) -> Self {
        Self {
            path: problem.place.path.clone(),
            line: problem.place.line,
            column: problem.place.column,
            message: problem.message.clone(),
        }
    }
}
