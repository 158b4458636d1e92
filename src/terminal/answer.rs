//! What `--json` prints: one type per command, whose JSON Schema `scaffold schema` publishes.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde_json::Value;

use crate::choose::selection::answers_schema;
use crate::merge::decide::Conflict;
use crate::pack::load::Pack;
use crate::text::error::{Error, Problem};

/// Version of the form of all answers.
pub const SCHEMA: u32 = 1;

/// The names that `scaffold schema` takes.
pub const NAMES: [&str; 13] = [
    "answers", "new", "plan", "list", "explain", "doctor", "lint", "change", "check", "undo",
    "resolve", "adopt", "error",
];

/// Answer of `scaffold new`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct New {
    /// Version of this form.
    pub schema: u32,
    /// Name of the project.
    pub project: String,
    /// Where it was written, as it was asked for.
    pub path: String,
    /// Whether something was written, that is, no `--dry-run`.
    pub written: bool,
    /// Number of files.
    pub files: usize,
    /// Size of all files, in bytes.
    pub bytes: usize,
    /// `sha256:` over paths, contents and executable bits.
    pub digest: String,
    /// The command line that chooses the same.
    pub command: String,
    /// The commands to run next.
    pub next: Vec<String>,
    /// Every file as a patch that adds it, where `--diff` asks for it.
    pub diff: Option<String>,
}

/// Answer of `scaffold plan`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Plan {
    /// Version of this form.
    pub schema: u32,
    /// Name of the project.
    pub project: String,
    /// Ids of all components, those that follow from others included, in pack order.
    pub components: Vec<String>,
    /// The service instances, by name.
    pub services: Vec<Service>,
    /// Every file, by path.
    pub files: Vec<PlannedFile>,
    /// Size of all files, in bytes.
    pub bytes: usize,
    /// `sha256:` over paths, contents and executable bits.
    pub digest: String,
    /// The command line that chooses the same.
    pub command: String,
    /// The diagram, where `--diagram` asks for it.
    pub diagram: Option<String>,
}

/// A service instance.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its folder.
    pub path: String,
}

/// A file that would be written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlannedFile {
    /// Its path in the project.
    pub path: String,
    /// The component that it belongs to; empty for the two files of the program itself.
    pub component: String,
    /// Its size, in bytes.
    pub bytes: usize,
    /// Whether it gets the executable bit.
    pub executable: bool,
}

/// Answer of `scaffold list`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct List {
    /// Version of this form.
    pub schema: u32,
    /// Name of the pack.
    pub pack: String,
    /// Version of the pack.
    pub version: String,
    /// `sha256:` over the pack.
    pub digest: String,
    /// The components, in pack order.
    pub components: Vec<ListedComponent>,
    /// The options, in pack order.
    pub options: Vec<ListedOption>,
    /// The kinds of service that `--service NAME=KIND` takes.
    pub kinds: Vec<Described>,
    /// The names that `--preset` takes.
    pub presets: Vec<Described>,
}

/// A component of a pack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedComponent {
    /// Its id.
    pub id: String,
    /// One line about it.
    pub summary: String,
    /// How it gets into a project: `always`, `derived`, `--<flag>` or `--<slot> <id>`.
    pub chosen_by: String,
    /// Whether it is on without being chosen, or the default of its slot.
    pub default: bool,
    /// Components or slots that it needs.
    pub requires: Vec<String>,
    /// Components of which one must be there; any selection will do where there are none.
    pub applies: Vec<String>,
    /// Components that it excludes.
    pub conflicts: Vec<String>,
}

/// An option of a component.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedOption {
    /// Its name.
    pub id: String,
    /// The component that declares it.
    pub component: String,
    /// One line about it.
    pub help: String,
    /// Its value where none is given.
    pub default: Value,
    /// The choices of an enum, else empty.
    pub values: Vec<String>,
}

/// A name with one line about it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Described {
    /// The name.
    pub name: String,
    /// One line about it.
    pub summary: String,
}

/// Answer of `scaffold explain`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Explain {
    /// Version of this form.
    pub schema: u32,
    /// The path in the project.
    pub path: String,
    /// The component that adds it.
    pub component: String,
    /// One line about the component.
    pub summary: String,
    /// How the component got into the project.
    pub because: String,
    /// The file of the pack that it is made from.
    pub source: String,
    /// Whether it is rendered, not copied.
    pub template: bool,
    /// The service instance whose folder it is in.
    pub service: Option<String>,
    /// Components that have to be on as well.
    pub conditions: Vec<String>,
    /// Names that the template reads.
    pub reads: Vec<String>,
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

/// Answer of `scaffold add`, `remove`, `set`, `update` and `apply`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Change {
    /// Version of this form.
    pub schema: u32,
    /// The operation, as people type it.
    pub operation: String,
    /// Whether something was written.
    pub written: bool,
    /// Version of the pack that rendered the project before.
    pub from: String,
    /// Version of the pack that renders it now.
    pub to: String,
    /// Paths that come.
    pub added: Vec<String>,
    /// Paths that change.
    pub changed: Vec<String>,
    /// Paths that go.
    pub removed: Vec<String>,
    /// Services that go, where more files go than come.
    pub removed_services: Vec<String>,
    /// Paths that move, from old to new.
    pub renamed: BTreeMap<String, String>,
    /// Paths that the user deleted and that would have changed; they stay deleted.
    pub stay_deleted: Vec<String>,
    /// What a person has to see to.
    pub conflicts: Vec<Conflict>,
    /// What else people should know.
    pub notes: Vec<String>,
    /// The changes as a patch, where `--diff` asks for it.
    pub diff: Option<String>,
    /// The exit code of the process.
    pub exit_code: u8,
}

/// Answer of `scaffold check`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Check {
    /// Version of this form.
    pub schema: u32,
    /// Whether all verdicts that were asked for are good.
    pub ok: bool,
    /// Conflicts that nobody has seen to.
    pub unresolved: Vec<Conflict>,
    /// Files that differ from what was rendered.
    pub drifted: Vec<Drift>,
    /// The versions, where the project is behind.
    pub behind: Option<Behind>,
    /// The pack of the project, where it is another than the one in use: whether the project is
    /// behind it cannot be told then.
    pub pack_needed: Option<String>,
    /// The exit code of the process.
    pub exit_code: u8,
}

/// A file that differs from what was rendered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Drift {
    /// Its path.
    pub path: String,
    /// How: `edited`, `deleted`, `mode`, or `pending` for a `scaffold.toml` that was not applied.
    pub how: String,
}

/// Which version rendered a project, and which there is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Behind {
    /// Version of the pack that rendered the project.
    pub project: String,
    /// Version of the pack in use.
    pub pack: String,
}

/// Answer of `scaffold undo`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Undo {
    /// Version of this form.
    pub schema: u32,
    /// The operation that was taken back.
    pub operation: String,
    /// Whether something was written.
    pub written: bool,
    /// The paths that changed.
    pub paths: Vec<String>,
    /// The paths that were changed since, and stay as they are with `--keep-edits`.
    pub kept: Vec<String>,
}

/// Answer of `scaffold resolve`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Resolve {
    /// Version of this form.
    pub schema: u32,
    /// What was seen to.
    pub resolved: Vec<String>,
    /// What is left.
    pub conflicts: Vec<Conflict>,
    /// The exit code of the process.
    pub exit_code: u8,
}

/// Answer of `scaffold adopt`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Adopt {
    /// Version of this form.
    pub schema: u32,
    /// The command line that chooses what is nearest to the project.
    pub command: String,
    /// Whether the state was written.
    pub written: bool,
    /// Files that are as they are rendered.
    pub equal: usize,
    /// Files that differ from what is rendered.
    pub different: Vec<String>,
    /// Files that would be rendered and are not there.
    pub missing: Vec<String>,
}

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

/// The JSON Schema called `name`, if there is one.
#[must_use]
pub fn schema(pack: &Pack, name: &str) -> Option<Value> {
    let schema: Schema = match name {
        "answers" => return Some(answers_schema(pack)),
        "new" => schema_for!(New),
        "plan" => schema_for!(Plan),
        "list" => schema_for!(List),
        "explain" => schema_for!(Explain),
        "doctor" => schema_for!(Doctor),
        "lint" => schema_for!(Lint),
        "change" => schema_for!(Change),
        "check" => schema_for!(Check),
        "undo" => schema_for!(Undo),
        "resolve" => schema_for!(Resolve),
        "adopt" => schema_for!(Adopt),
        "error" => schema_for!(Failure),
        _ => return None,
    };
    Some(schema.to_value())
}
