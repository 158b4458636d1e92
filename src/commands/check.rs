//! `scaffold check`: whether the project is unresolved, drifted or behind.

use std::fmt::Write as _;
use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::{Value, json};

use crate::choose::file::{Reading, parse_selection, say_the_same};
use crate::commands::operate::{UNRESOLVED, conflict_lines, counted};
use crate::commands::session::{Entry, Session, Words, begin, root};
use crate::disk::transaction::Transaction;
use crate::merge::decide::{Conflict, Content, Ours};
use crate::pack::versions::is_newer;
use crate::project::intent::{adapted, open_conflicts, read_whole_state, selection_file};
use crate::project::state::{self, ours};
use crate::render::tree::File;
use crate::terminal::arguments::{flag, texts};
use crate::terminal::output::{SCHEMA, print, print_json};
use crate::text::error::Error;
use crate::text::path::{LOCK_FILE, SELECTION_FILE};

/// Says whether the project is unresolved, drifted or behind.
pub const ENTRY: Entry = Entry {
    schemas: &[("check", |_| schema_for!(Check).to_value())],
    ..Entry::new("check", arguments, run)
};

fn arguments(command: Command, _: &Words) -> Command {
    command
        .about("Say whether the project is unresolved, drifted or behind")
        .arg(
            Arg::new("verdict")
                .value_name("VERDICT")
                .action(ArgAction::Append)
                .num_args(0..)
                .value_parser(PossibleValuesParser::new(VERDICTS))
                .help("What counts [default: all of them]"),
        )
        .arg(flag("sarif", "Answer as SARIF 2.1.0"))
}

const DRIFTED: u8 = 3;

const BEHIND: u8 = 5;

const UNKNOWN: u8 = 8;

/// The verdicts of `scaffold check`.
const VERDICTS: [&str; 3] = ["unresolved", "drifted", "behind"];

/// Says whether the project is unresolved, drifted or behind.
fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    let verdicts = texts(matches, "verdict");
    let root = root()?;
    if Transaction::is_interrupted(&root) {
        begin(&root)?;
    }
    let counts = |verdict: &str| verdicts.is_empty() || verdicts.iter().any(|v| v == verdict);
    let text = selection_file(&root)?;
    let state = read_whole_state(session.pack, &root, &text)?;
    let [unresolved, drifted, behind] = VERDICTS;
    let unresolved = if counts(unresolved) { open_conflicts(&root, &state) } else { Vec::new() };
    let drifted = if counts(drifted) { drift(session, &root, &state, &text)? } else { Vec::new() };
    let locked = &state.lock.pack;
    let is_foreign = locked.name != session.pack.manifest.name;
    let is_other = counts(behind) && locked.digest != session.pack.digest();
    let pack_needed = (is_other && is_foreign).then(|| locked.name.clone());
    let behind = (is_other && !is_foreign).then(|| Behind {
        project: locked.version.clone(),
        pack: session.pack.manifest.version.clone(),
    });
    let exit_code = match (unresolved.is_empty(), drifted.is_empty(), &behind, &pack_needed) {
        (false, ..) => UNRESOLVED,
        (_, false, ..) => DRIFTED,
        (_, _, Some(_), _) => BEHIND,
        // What cannot be told must not look as if it were well.
        (_, _, _, Some(_)) => UNKNOWN,
        _ => 0,
    };
    let answer = Check {
        schema: SCHEMA,
        ok: exit_code == 0,
        unresolved,
        drifted,
        behind,
        pack_needed,
        exit_code,
    };
    if matches.get_flag("sarif") {
        print_json(&as_sarif(&answer), true)?;
    } else if session.json {
        print_json(&answer, false)?;
    } else {
        print(&verdict_text(&answer, &session.pack.manifest.name, counts))?;
    }
    Ok(exit_code)
}

/// Which files differ from what was rendered.
fn drift(
    session: &Session,
    root: &Path,
    state: &state::Project,
    text: &str,
) -> Result<Vec<Drift>, Error> {
    let mut drifted = Vec::new();
    for (path, file) in state.base.iter().filter(|(path, _)| *path != SELECTION_FILE) {
        let how = match ours(root, path)? {
            Ours::Absent => "deleted",
            Ours::Other(_) => "edited",
            Ours::File(content) if !is_rendered(&content, file) => "edited",
            Ours::File(content) if content.executable != file.executable => "mode",
            Ours::File(_) => continue,
        };
        drifted.push(Drift { path: path.to_owned(), how: how.to_owned() });
    }
    let rendered = state.base.get(SELECTION_FILE).map(|file| &*file.bytes);
    if rendered != Some(text.as_bytes()) {
        let former = String::from_utf8_lossy(rendered.unwrap_or_default()).into_owned();
        if !chooses_the_same(session, state, text, &former)? {
            let how = "pending".to_owned();
            drifted.push(Drift { path: SELECTION_FILE.to_owned(), how });
        }
    }
    Ok(drifted)
}

/// Whether `scaffold.toml` chooses what the project was rendered from, the text `former`.
fn chooses_the_same(
    session: &Session,
    state: &state::Project,
    text: &str,
    former: &str,
) -> Result<bool, Error> {
    let (pack, locked) = (session.pack, &state.lock.pack);
    if locked.name != pack.manifest.name {
        return say_the_same(text, former);
    }
    if locked.digest == pack.digest() {
        let rendered = parse_selection(pack, former, Reading::Former)?;
        return Ok(parse_selection(pack, text, Reading::Strict)? == rendered);
    }
    Ok(adapted(pack, state, text)? == adapted(pack, state, former)?)
}

fn is_rendered(content: &Content, file: &File) -> bool {
    *content.bytes == *file.bytes || {
        // A working tree with CRLF is git's doing, not the user's.
        let text = String::from_utf8_lossy(&content.bytes);
        text.replace("\r\n", "\n").as_bytes() == &*file.bytes
    }
}

fn verdict_text(answer: &Check, pack: &str, counts: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let [unresolved, drifted, behind] = VERDICTS;
    if counts(unresolved) {
        let count = answer.unresolved.len();
        let verdict = if count == 0 { "no".to_owned() } else { format!("yes, {count}") };
        let _ = writeln!(text, "{unresolved:<11} {verdict}");
        text.push_str(&conflict_lines(&answer.unresolved));
    }
    if counts(drifted) {
        let count = answer.drifted.len();
        let verdict = if count == 0 { "no".to_owned() } else { format!("yes, {}", counted(count)) };
        let _ = writeln!(text, "{drifted:<11} {verdict}");
        for drift in &answer.drifted {
            let _ = writeln!(text, "  {:<8} {}", drift.how, drift.path);
        }
    }
    if counts(behind) {
        let verdict = match (&answer.behind, &answer.pack_needed) {
            (None, Some(needed)) => format!(
                "unknown: the project is of the pack `{needed}`, this is `{pack}`; --templates DIR"
            ),
            (None, None) => "no".to_owned(),
            (Some(behind), _) if behind.project == behind.pack => {
                format!("yes, {} has changed: scaffold update", behind.pack)
            }
            (Some(behind), _) => {
                let newer = is_newer(&behind.project, &behind.pack);
                let then = if newer { "use a newer scaffold" } else { "scaffold update" };
                format!("yes, {} -> {}: {then}", behind.project, behind.pack)
            }
        };
        let _ = writeln!(text, "{behind:<11} {verdict}");
    }
    text
}

/// The verdicts in the form that code scanning reads (SARIF 2.1.0).
fn as_sarif(answer: &Check) -> Value {
    let result = |rule: &str, level: &str, text: String, path: &str| {
        json!({
            "ruleId": rule,
            "level": level,
            "message": {"text": text},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": as_uri(path)}}}],
        })
    };
    let mut results = Vec::new();
    for conflict in &answer.unresolved {
        let text = conflict_lines(std::slice::from_ref(conflict));
        let text = text.lines().next().unwrap_or_default().trim().to_owned();
        results.push(result("unresolved", "error", text, &conflict.path));
    }
    for drift in &answer.drifted {
        let text = format!("differs from what was rendered: {}", drift.how);
        results.push(result("drifted", "warning", text, &drift.path));
    }
    if let Some(needed) = &answer.pack_needed {
        let text = format!("of the pack `{needed}`: --templates DIR is needed to compare");
        results.push(result("behind", "note", text, LOCK_FILE));
    }
    if let Some(behind) = &answer.behind {
        let text = format!("rendered by {}, there is {}", behind.project, behind.pack);
        results.push(result("behind", "note", text, LOCK_FILE));
    }
    let rules: Vec<Value> = [
        ("unresolved", "A conflict of an operation is not resolved"),
        ("drifted", "A file differs from what was rendered"),
        ("behind", "The project was rendered by another version"),
    ]
    .into_iter()
    .map(|(id, text)| json!({"id": id, "shortDescription": {"text": text}}))
    .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "scaffold", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    })
}

/// A path as a reference of RFC 3986: what is not unreserved is encoded, `/` aside.
fn as_uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// Answer of `scaffold check`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Check {
    /// Version of this form.
    pub schema: u32,
    /// Whether all verdicts that were asked for are good.
    pub ok: bool,
    /// Conflicts that are not resolved.
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
