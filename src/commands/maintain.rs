//! Carries out the commands on a project that is there: operations, `check`, `undo`, `resolve`,
//! `adopt`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::choose::file::{adapted_selection, say_the_same};
use crate::choose::operation::Operation;
use crate::commands::run::{Session, is_terminal, path_in};
use crate::disk::transaction::{Change, Recovered, Transaction, Undone};
use crate::disk::writer::{Disk as _, LocalDisk};
use crate::merge::decide::{BESIDE, Conflict, ConflictKind, Content, Ours, marker_line};
use crate::merge::patch::patch;
use crate::pack::versions::is_newer;
use crate::project::adoption::{Difference, nearest};
use crate::project::intent::{
    Intent, Leaving, adapted, intend, lost_base, open_conflicts, project_root, read_state,
    read_whole_state, refuse_foreign, selection_file,
};
use crate::project::state::{self, Reading, Records, ours, parse_selection};
use crate::render::files::rendered_files;
use crate::render::plan::Plan;
use crate::terminal::answer;
use crate::terminal::arguments::{Chosen, OperationFlags, VERDICTS};
use crate::terminal::output::{print, print_json, say};
use crate::terminal::prompt::confirm;
use crate::text::error::{Error, shell_words};
use crate::text::path::{self, BASE_FILE, LOCK_FILE, SELECTION_FILE, STATE_FILES};

/// Exit codes of what is not well with a project.
const UNRESOLVED: u8 = 4;
const DRIFTED: u8 = 3;
const BEHIND: u8 = 5;
const UNKNOWN: u8 = 8;

impl Session<'_> {
    /// Carries out an operation on the project around the current folder.
    pub(crate) fn operate(
        &self,
        operation: &Operation,
        flags: OperationFlags,
    ) -> Result<u8, Error> {
        let root = root()?;
        refuse_foreign(self.pack, &root)?;
        let writes = !flags.dry_run && !flags.diff;
        let transaction = if writes { Some(begin(&root)?) } else { None };
        let intent = intend(self.pack, &root, operation, flags.allow_dirty || !writes);
        if let (Err(Error::Conflicts { .. }), Some(transaction)) = (&intent, &transaction)
            && let Some(base) = lost_base(self.pack, &root)
        {
            // Conflicts that are left stop the operation, and not what brings back the base.
            transaction.replace(BASE_FILE, &base)?;
            say(&format!("rendered `{BASE_FILE}` again\n"));
        }
        let intent = intent?;
        let diff = flags.diff.then(|| as_patch(&root, &intent.changes)).transpose()?;
        if let Some(diff) = diff.as_ref().filter(|_| !self.json) {
            print(diff)?;
            return Ok(code(&intent));
        }
        if writes && !flags.yes && intent.leaving.iter().any(|leaving| !leaving.named) {
            self.ask(operation, &intent)?;
        }
        if let Some(transaction) = &transaction
            && !intent.changes.is_empty()
        {
            transaction.commit(&operation.words(), &intent.changes)?;
        }
        let written = writes && !intent.changes.is_empty();
        if self.json {
            print_json(&answered(operation, &intent, written, diff), false)?;
        } else {
            say(&summary(&intent, writes));
        }
        Ok(code(&intent))
    }

    /// Asks whether services shall go that the command does not name.
    fn ask(&self, operation: &Operation, intent: &Intent) -> Result<(), Error> {
        let message = format!(
            "this would remove {}: {} go, {} come; what you edited stays",
            leaving_services(&intent.leaving),
            counted(intent.removed.len()),
            intent.added.len()
        );
        if !self.json && is_terminal() {
            return confirm(&message);
        }
        let words = operation.words();
        Err(Error::Destination {
            message,
            hint: format!(
                "if that is meant: scaffold {words} --yes; to see it: scaffold {words} --diff"
            ),
        })
    }

    /// Says whether the project is unresolved, drifted or behind.
    pub(crate) fn check(&self, verdicts: &[String], sarif: bool) -> Result<u8, Error> {
        let root = root()?;
        if Transaction::is_interrupted(&root) {
            begin(&root)?;
        }
        let counts = |verdict: &str| verdicts.is_empty() || verdicts.iter().any(|v| v == verdict);
        let text = selection_file(&root)?;
        let state = read_whole_state(self.pack, &root, &text)?;
        let [unresolved, drifted, behind] = VERDICTS;
        let unresolved =
            if counts(unresolved) { open_conflicts(&root, &state) } else { Vec::new() };
        let drifted = if counts(drifted) { self.drift(&root, &state, &text)? } else { Vec::new() };
        let locked = &state.lock.pack;
        let is_foreign = locked.name != self.pack.manifest.name;
        let is_other = counts(behind) && locked.digest != self.pack.digest();
        let pack_needed = (is_other && is_foreign).then(|| locked.name.clone());
        let behind = (is_other && !is_foreign).then(|| answer::Behind {
            project: locked.version.clone(),
            pack: self.pack.manifest.version.clone(),
        });
        let exit_code = match (unresolved.is_empty(), drifted.is_empty(), &behind, &pack_needed) {
            (false, ..) => UNRESOLVED,
            (_, false, ..) => DRIFTED,
            (_, _, Some(_), _) => BEHIND,
            // What cannot be told must not look as if it were well.
            (_, _, _, Some(_)) => UNKNOWN,
            _ => 0,
        };
        let answer = answer::Check {
            schema: answer::SCHEMA,
            ok: exit_code == 0,
            unresolved,
            drifted,
            behind,
            pack_needed,
            exit_code,
        };
        if sarif {
            print_json(&as_sarif(&answer), true)?;
        } else if self.json {
            print_json(&answer, false)?;
        } else {
            print(&verdict_text(&answer, &self.pack.manifest.name, counts))?;
        }
        Ok(exit_code)
    }

    /// Which files differ from what was rendered.
    fn drift(
        &self,
        root: &Path,
        state: &state::Project,
        text: &str,
    ) -> Result<Vec<answer::Drift>, Error> {
        let mut drifted = Vec::new();
        for (path, file) in state.base.iter().filter(|(path, _)| *path != SELECTION_FILE) {
            let how = match ours(root, path)? {
                Ours::Absent => "deleted",
                Ours::Other(_) => "edited",
                Ours::File(content) if !is_rendered(&content, file) => "edited",
                Ours::File(content) if content.executable != file.executable => "mode",
                Ours::File(_) => continue,
            };
            drifted.push(answer::Drift { path: path.to_owned(), how: how.to_owned() });
        }
        let rendered = state.base.get(SELECTION_FILE).map(|file| &*file.bytes);
        if rendered != Some(text.as_bytes()) {
            let former = String::from_utf8_lossy(rendered.unwrap_or_default()).into_owned();
            if !self.chooses_the_same(state, text, &former)? {
                let how = "pending".to_owned();
                drifted.push(answer::Drift { path: SELECTION_FILE.to_owned(), how });
            }
        }
        Ok(drifted)
    }

    /// Whether `scaffold.toml` chooses what the project was rendered from, the text `former`.
    fn chooses_the_same(
        &self,
        state: &state::Project,
        text: &str,
        former: &str,
    ) -> Result<bool, Error> {
        let (pack, locked) = (self.pack, &state.lock.pack);
        if locked.name != pack.manifest.name {
            return say_the_same(text, former);
        }
        if locked.digest == pack.digest() {
            let rendered = parse_selection(pack, former, Reading::Former)?;
            return Ok(parse_selection(pack, text, Reading::Strict)? == rendered);
        }
        Ok(adapted(pack, state, text)? == adapted(pack, state, former)?)
    }

    /// Takes the last operation back.
    pub(crate) fn undo(&self, dry_run: bool, keep_edits: bool) -> Result<(), Error> {
        let root = root()?;
        let transaction = begin(&root)?;
        let Undone { operation, paths, kept } = transaction.undo(dry_run, keep_edits)?;
        if self.json {
            return print_json(
                &answer::Undo { schema: answer::SCHEMA, operation, written: !dry_run, paths, kept },
                false,
            );
        }
        let done = if dry_run { "would take back" } else { "took back" };
        let mut text = format!("{done} `scaffold {operation}`: {}\n", counted(paths.len()));
        for path in kept {
            let _ = writeln!(text, "  {path}: it was changed since, and stays as it is");
        }
        say(&text);
        Ok(())
    }

    /// Records that conflicts are seen to.
    pub(crate) fn resolve(&self, paths: &[String]) -> Result<u8, Error> {
        let root = root()?;
        let transaction = begin(&root)?;
        let text = selection_file(&root)?;
        let state = read_state(self.pack, &root, &text, &mut Vec::new())?;
        let is_known = |path: &str| state.lock.conflicts.iter().any(|other| other.path == path);
        let paths: Vec<String> = paths.iter().map(|path| path_in(&root, path, is_known)).collect();
        for path in &paths {
            let recorded = state.lock.conflicts.iter().find(|conflict| conflict.path == *path);
            let Some(conflict) = recorded else {
                let known: Vec<&str> =
                    state.lock.conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
                let hint = if known.is_empty() {
                    "there are no conflicts".to_owned()
                } else {
                    format!("conflicts: {}", known.join(", "))
                };
                return Err(Error::usage(format!("`{path}` has no conflict"), hint));
            };
            if conflict.kind == ConflictKind::Markers
                && let Ours::File(content) = ours(&root, path)?
                && let Some(line) = marker_line(conflict, &content.bytes)
            {
                return Err(Error::Conflicts {
                    message: format!("{path}:{line}: there are markers left"),
                    hint: "keep what is right of both versions, and remove the lines of markers"
                        .to_owned(),
                });
            }
        }
        let left: Vec<Conflict> = open_conflicts(&root, &state)
            .into_iter()
            .filter(|conflict| !paths.contains(&conflict.path))
            .collect();
        let lock = state.lock.with_conflicts(&left);
        transaction.replace(LOCK_FILE, lock.as_bytes())?;
        let kept = remove_beside(&root, &state, &paths)?;
        let exit_code = if left.is_empty() { 0 } else { UNRESOLVED };
        if self.json {
            print_json(
                &answer::Resolve {
                    schema: answer::SCHEMA,
                    resolved: paths,
                    conflicts: left,
                    exit_code,
                },
                false,
            )?;
        } else {
            let mut text = format!("resolved: {}\n", paths.join(", "));
            for path in kept {
                let _ = writeln!(text, "  {path} stays: you changed it");
            }
            text.push_str(&conflict_lines(&left));
            say(&text);
        }
        Ok(exit_code)
    }

    /// Takes a project without state into management.
    pub(crate) fn adopt(&self, chosen: &Chosen, into: &Path, dry_run: bool) -> Result<(), Error> {
        let pack = self.pack;
        let into = if into.as_os_str().is_empty() { Path::new(".") } else { into };
        let shown = into.display();
        let has_selection = into.join(SELECTION_FILE).exists();
        if into.join(LOCK_FILE).exists() {
            let hint = if has_selection {
                "it is managed: scaffold check".to_owned()
            } else {
                format!(
                    "put `{SELECTION_FILE}` back: git checkout HEAD -- {SELECTION_FILE}; or begin anew: rm {LOCK_FILE} && scaffold adopt"
                )
            };
            return Err(Error::Project {
                message: format!("`{shown}` has a `{LOCK_FILE}` already"),
                hint,
            });
        }
        if !into.is_dir() {
            return Err(Error::usage(
                format!("`{shown}` is not a folder"),
                "scaffold adopt --into DIR",
            ));
        }
        let name = chosen.choices.name.clone().unwrap_or_else(|| name_of(into));
        let selection = if has_selection {
            // Its lock is lost; what was chosen is not.
            let text = selection_file(into)?;
            adapted_selection(pack, &text, &text)?.0
        } else if chosen.any {
            let mut choices = chosen.choices.clone();
            choices.name = Some(name);
            choices.complete(pack)?
        } else {
            nearest(pack, into, &name)?
        };
        let command = selection.choices(pack).command(pack);
        let plan = Plan::new(pack, selection)?;
        let mut tree = rendered_files(&plan)?;
        let difference = Difference::between(into, &tree)?;
        if difference.equal == 0 && !has_selection {
            return Err(Error::Project {
                message: format!("nothing in `{shown}` is as `{}` renders it", pack.manifest.name),
                hint: "for a new project in a folder of yours: scaffold new NAME --into DIR"
                    .to_owned(),
            });
        }
        state::add_state(pack, &mut tree, &Records::default());
        if !dry_run {
            let written = if has_selection { &STATE_FILES[1..] } else { &STATE_FILES[..] };
            let changes: Vec<Change> = written
                .iter()
                .rev()
                .filter_map(|path| {
                    let after = tree.get(path).map(Content::from);
                    Some(Change { path: (*path).to_owned(), after: Some(after?), like: None })
                })
                .collect();
            begin(into)?.commit("adopt", &changes)?;
        }
        if self.json {
            return print_json(
                &answer::Adopt {
                    schema: answer::SCHEMA,
                    command,
                    written: !dry_run,
                    equal: difference.equal,
                    different: difference.different,
                    missing: difference.missing,
                },
                false,
            );
        }
        let mut text = format!("nearest: {command}\n\n");
        let _ = writeln!(text, "= {} as rendered", counted(difference.equal));
        for path in &difference.different {
            let _ = writeln!(text, "~ {path}");
        }
        for path in &difference.missing {
            let _ = writeln!(text, "- {path}");
        }
        text.push_str(match (dry_run, has_selection) {
            (true, _) => "\nNothing was written.\n",
            (_, true) => "\nWrote scaffold.lock and .scaffold/; what differs counts as yours.\n",
            (_, false) => {
                "\nWrote scaffold.toml, scaffold.lock and .scaffold/; what differs counts as yours.\n"
            }
        });
        say(&text);
        Ok(())
    }
}

/// The project around the current folder.
fn root() -> Result<PathBuf, Error> {
    project_root().ok_or_else(|| Error::Project {
        message: "this is not a generated project: there is no `scaffold.toml` here or above"
            .to_owned(),
        hint: "run this inside a generated project; to make this one: scaffold adopt".to_owned(),
    })
}

/// Waits for others, and says what became of an operation that was interrupted.
fn begin(root: &Path) -> Result<Transaction<'static>, Error> {
    let (transaction, recovered) = Transaction::begin(root, &LocalDisk)?;
    if let Some(Recovered { operation, finished, kept }) = recovered {
        let outcome = if finished { "finished" } else { "taken back" };
        say(&format!("`scaffold {operation}` was interrupted; it is {outcome} now\n"));
        for path in kept {
            say(&format!(
                "  {path} was changed since, and stays as it is; a new version that was to replace it stands beside it\n"
            ));
        }
    }
    Ok(transaction)
}

fn code(intent: &Intent) -> u8 {
    if intent.merge.conflicts.is_empty() { 0 } else { UNRESOLVED }
}

fn answered(
    operation: &Operation,
    intent: &Intent,
    written: bool,
    diff: Option<String>,
) -> answer::Change {
    answer::Change {
        schema: answer::SCHEMA,
        operation: operation.words(),
        written,
        from: intent.from.clone(),
        to: intent.to.clone(),
        added: intent.added.clone(),
        changed: intent.changed.clone(),
        removed: intent.removed.clone(),
        removed_services: intent.leaving.iter().map(|leaving| leaving.service.clone()).collect(),
        renamed: intent.merge.moved.clone(),
        stay_deleted: intent.merge.stay_deleted.clone(),
        conflicts: intent.merge.conflicts.clone(),
        notes: intent.notes.clone(),
        diff,
        exit_code: code(intent),
    }
}

/// What was done, or would be, for people.
fn summary(intent: &Intent, writes: bool) -> String {
    let mut text = String::new();
    for note in &intent.notes {
        let _ = writeln!(text, "{note}");
    }
    if !intent.leaving.is_empty() {
        let _ = writeln!(text, "removes {}", leaving_services(&intent.leaving));
    }
    let merge = &intent.merge;
    if intent.changes.is_empty() && merge.conflicts.is_empty() {
        text.push_str("nothing to change\n");
        return text;
    }
    let mut parts = Vec::new();
    if intent.from != intent.to {
        parts.push(format!("{} -> {}", intent.from, intent.to));
    }
    if !intent.added.is_empty() {
        parts.push(format!("+ {}", counted(intent.added.len())));
    }
    if !intent.changed.is_empty() {
        parts.push(format!("~ {} changed ({})", intent.changed.len(), some(&intent.changed)));
    }
    if !merge.moved.is_empty() {
        parts.push(format!("> {} renamed", merge.moved.len()));
    }
    if !intent.removed.is_empty() {
        parts.push(format!("- {}", counted(intent.removed.len())));
    }
    let plural = if merge.conflicts.len() == 1 { "" } else { "s" };
    parts.push(format!("! {} conflict{plural}", merge.conflicts.len()));
    let _ = writeln!(text, "{}", parts.join("   "));
    for path in &merge.stay_deleted {
        let _ = writeln!(text, "  {path}: you deleted it; it changed, and stays deleted");
    }
    for path in &merge.own {
        let _ = writeln!(text, "  {path}: you had it already; it stays yours");
    }
    text.push_str(&conflict_lines(&merge.conflicts));
    if !writes {
        text.push_str("Nothing was written.\n");
    } else if !intent.changes.is_empty() {
        text.push_str("Undo with: scaffold undo\n");
    }
    text
}

/// The services that go, with their files.
fn leaving_services(leaving: &[Leaving]) -> String {
    let shown: Vec<String> = leaving
        .iter()
        .map(|one| {
            let edited = if one.edited == 0 {
                String::new()
            } else {
                format!(", {} of them edited", one.edited)
            };
            format!("`{}` ({}{edited})", one.service, counted(one.files))
        })
        .collect();
    match shown.as_slice() {
        [only] => format!("the service {only}"),
        [first @ .., last] => format!("the services {} and {last}", first.join(", ")),
        [] => String::new(),
    }
}

/// Removes the new versions that stand beside files of `paths`; gives those that the user changed,
/// which stay.
fn remove_beside(
    root: &Path,
    state: &state::Project,
    paths: &[String],
) -> Result<Vec<String>, Error> {
    let mut kept = Vec::new();
    for conflict in &state.lock.conflicts {
        let beside = format!("{}{BESIDE}", conflict.path);
        let is_ours = conflict.kind == ConflictKind::Beside
            && conflict.theirs.as_ref() == Some(&beside)
            && path::unsafe_in(root, &beside).is_none()
            && paths.contains(&conflict.path);
        if !is_ours {
            continue;
        }
        let rendered = state.base.get(&conflict.path).map(|file| &file.bytes);
        match ours(root, &beside)? {
            Ours::File(content) if Some(&content.bytes) == rendered => {
                let path = root.join(&beside);
                LocalDisk
                    .remove_file(&path)
                    .map_err(|error| Error::io("cannot change", &path, error))?;
            }
            Ours::Absent => {}
            _ => kept.push(beside),
        }
    }
    Ok(kept)
}

/// A line for each conflict, and what to do about them.
fn conflict_lines(conflicts: &[Conflict]) -> String {
    let mut text = String::new();
    for conflict in conflicts {
        let beside = conflict.theirs.as_deref().unwrap_or("nothing");
        let reason = match conflict.kind {
            ConflictKind::Markers => {
                "your edit and the new version overlap, between markers".to_owned()
            }
            ConflictKind::Key => match conflict.pointer.as_deref() {
                Some("") | None => "it was there already; both are put together".to_owned(),
                Some(pointer) => format!("{pointer} is yours; the new version has {beside}"),
            },
            ConflictKind::Beside => format!("it cannot be merged; the new version is {beside}"),
            ConflictKind::Kept => {
                "it is no longer part of the project, but you edited it".to_owned()
            }
            ConflictKind::Stale => format!(
                "it is yours and does not fit any more; renew it: {}",
                conflict.renew.as_deref().unwrap_or_default()
            ),
            ConflictKind::Blocked => "something else is in its place".to_owned(),
        };
        let _ = writeln!(text, "  ! {}   {reason}", conflict.path);
    }
    if !conflicts.is_empty() {
        let mut paths: Vec<&str> =
            conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
        paths.dedup();
        let _ = writeln!(text, "See to them, then: scaffold resolve {}", shell_words(&paths));
    }
    text
}

/// The changes as a patch against what the user has.
fn as_patch(root: &Path, changes: &[Change]) -> Result<String, Error> {
    let mut text = String::new();
    for Change { path, after, .. } in changes.iter().filter(|change| change.path != BASE_FILE) {
        let before = match ours(root, path)? {
            Ours::File(content) => Some(content),
            _ => None,
        };
        text.push_str(&patch(path, before.as_ref(), after.as_ref()));
    }
    Ok(text)
}

fn is_rendered(content: &Content, file: &crate::render::tree::File) -> bool {
    *content.bytes == *file.bytes || {
        // A working tree with CRLF is git's doing, not the user's.
        let text = String::from_utf8_lossy(&content.bytes);
        text.replace("\r\n", "\n").as_bytes() == &*file.bytes
    }
}

fn verdict_text(answer: &answer::Check, pack: &str, counts: impl Fn(&str) -> bool) -> String {
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
fn as_sarif(answer: &answer::Check) -> Value {
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
        ("unresolved", "A conflict of an operation was not seen to"),
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

/// The name of a project that never said one: that of its folder, where it can be one.
fn name_of(folder: &Path) -> String {
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if crate::text::name::Name::project(&name).is_ok() { name } else { "my-app".to_owned() }
}

fn counted(number: usize) -> String {
    if number == 1 { "1 file".to_owned() } else { format!("{number} files") }
}

fn some(paths: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<&str> = paths.iter().take(SHOWN).map(String::as_str).collect();
    if paths.len() > SHOWN {
        shown.push("...");
    }
    shown.join(", ")
}
