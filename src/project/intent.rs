//! Life after `new`: what an operation would do to the project around the current folder, and
//! doing it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::choose::file::{self, adapted_selection};
use crate::choose::migrated::{Migrated, migrated};
use crate::choose::operation::Operation;
use crate::choose::selection::Selection;
use crate::disk::git;
use crate::disk::transaction::Change;
use crate::merge::decide::{
    Conflict, ConflictKind, Content, Merge, Ours, Rules, has_markers, is_open, versions,
};
use crate::merge::keyed;
use crate::merge::moves::merge;
use crate::merge::syntax::Language;
use crate::pack::layout::{kind_folder, service_folder};
use crate::pack::load::{Lies, Pack};
use crate::pack::manifest::LockfileManifest;
use crate::pack::migration::Migration;
use crate::pack::versions::is_newer;
use crate::project::repair::{Repaired, migrated_paths, repaired};
use crate::project::state::{
    self, LockedPack, Project, Reading, Records, edited_selection, ours, parse_selection,
};
use crate::render::files::{rendered_files, targets};
use crate::render::plan::Plan;
use crate::render::tree::Tree;
use crate::text::error::{Error, shell_words};
use crate::text::path::{BASE_FILE, LOCK_FILE, SELECTION_FILE};

/// The nearest folder, from the current one upwards, that is a generated project.
#[must_use]
pub fn project_root() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().find(|folder| folder.join(SELECTION_FILE).is_file()).map(Path::to_owned)
}

/// What an operation would do.
#[derive(Debug, Default)]
pub struct Intent {
    /// What to write, in this order.
    pub changes: Vec<Change>,
    /// What was merged and how.
    pub merge: Merge,
    /// The version of the pack that rendered the project so far.
    pub from: String,
    /// The version of the pack in use.
    pub to: String,
    /// Paths that are rendered for the first time.
    pub added: Vec<String>,
    /// Paths that change.
    pub changed: Vec<String>,
    /// Paths that go.
    pub removed: Vec<String>,
    /// The services that go.
    pub leaving: Vec<Leaving>,
    /// What else people should know.
    pub notes: Vec<String>,
}

/// A service that goes with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// Its name.
    pub service: String,
    /// The files that were rendered for it and are there.
    pub files: usize,
    /// Those of them that the user edited, which stay.
    pub edited: usize,
    /// Whether the command says that it shall go.
    pub named: bool,
}

/// Works out what `operation` does to the project in `root`, without writing anything.
///
/// # Errors
/// Everything that stands in its way.
///
/// # Panics
/// Where a state that was just added is not there.
pub fn intend(
    pack: &Pack,
    root: &Path,
    operation: &Operation,
    allow_dirty: bool,
) -> Result<Intent, Error> {
    let mut notes = Vec::new();
    let Start { state, chosen, repair, text, migration } =
        starting_point(pack, root, operation, &mut notes)?;
    let rendered = match &repair {
        // Both parents' services stand in the merged file.
        Some(_) => chosen.clone(),
        None => parse_selection(pack, &text_of(&state.base, SELECTION_FILE), Reading::Former)?,
    };
    let (plan, theirs) = planned(pack, operation, &rendered, &chosen)
        .map_err(|error| in_project(operation, error))?;
    let records = state.records();
    let rules =
        Rules { migrated: migrated_paths(&migration, &state.base), ..rules(&plan, &records) };
    let mut failure = None;
    let mut look = |path: &str| {
        let there = ours(root, path).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            Ours::Other("unreadable")
        });
        match (there, &text) {
            (Ours::File(content), Some(text)) if path == SELECTION_FILE => {
                Ours::File(Content { bytes: text.clone().into_bytes().into(), ..content })
            }
            (there, _) => there,
        }
    };
    let still_stale = still_stale(&records, &mut look);
    let mut merged = match &repair {
        Some(repair) => repair.merge(pack, &mut look, &theirs, &rules),
        None => merge(&state.base, &mut look, &theirs, &rules),
    };
    for mut conflict in still_stale {
        if let Some(new) = merged.moved.get(&conflict.path) {
            conflict.path.clone_from(new);
            conflict.renew = rules.locks.get(new).cloned().or(conflict.renew);
        }
        if !merged.conflicts.iter().any(|other| other.path == conflict.path) {
            merged.conflicts.push(conflict);
        }
    }
    settle_selection(&mut merged, &mut look, &text_of(&state.base, SELECTION_FILE), &plan)?;
    if let (Some(_), Ours::File(content)) = (&text, look(SELECTION_FILE)) {
        // What was merged is not yet in the file.
        merged.changes.entry(SELECTION_FILE.to_owned()).or_insert(Some(content));
    }
    merged.conflicts.sort();
    if operation == &Operation::Update {
        notes.extend(news(&state, &plan));
    }
    let change = |(path, after): (&String, &Option<Content>)| Change {
        path: path.clone(),
        after: after.clone(),
        like: None,
    };
    let mut changes: Vec<Change> = merged.changes.iter().map(change).collect();
    let mut intent = Intent {
        from: state.lock.pack.version.clone(),
        to: pack.manifest.version.clone(),
        notes,
        ..Intent::default()
    };
    let edited = tell_paths(&merged, &state.base, &mut look, &mut intent);
    intent.notes.extend(left_behind(root, &merged.moved, &state.base));
    let gone: Vec<&String> = gone_services(&rendered, &plan.selection).collect();
    for name in gone {
        let mut folders = vec![service_folder(name)];
        // Code that services share goes with the last of them.
        let kind = &rendered.services[name];
        if !plan.selection.services.values().any(|other| other == kind)
            && !intent.leaving.iter().any(|other| rendered.services[&other.service] == *kind)
        {
            folders.push(kind_folder(kind));
        }
        let named = operation.names(pack, name);
        intent.leaving.push(leaving(name, &folders, &state.base, &mut look, named));
    }
    if !allow_dirty && repair.is_none() {
        refuse_dirty(root, &edited)?;
    }
    let new_records = Records {
        conflicts: merged.conflicts.clone(),
        own: merged_own(&records, &merged, &theirs),
    };
    let mut complete = theirs.clone();
    state::add_state(pack, &mut complete, &new_records);
    for path in [BASE_FILE, LOCK_FILE] {
        let bytes = &complete.get(path).expect("the state was just added").bytes;
        if !matches!(look(path), Ours::File(content) if content.bytes == *bytes) {
            let content = Content { bytes: bytes.clone(), executable: false };
            changes.push(Change { path: path.to_owned(), after: Some(content), like: None });
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    intent.changes = changes;
    intent.merge = merged;
    Ok(intent)
}

/// Says in `intent` what becomes of which path; gives those that change and that the user edited.
fn tell_paths<'a>(
    merged: &'a Merge,
    base: &Tree,
    look: &mut dyn FnMut(&str) -> Ours,
    intent: &mut Intent,
) -> Vec<&'a str> {
    let moved_to: BTreeSet<&String> = merged.moved.values().collect();
    let mut edited: Vec<&'a str> = Vec::new();
    for (path, after) in &merged.changes {
        let there = look(path);
        match (&there, after) {
            (Ours::Absent, Some(_)) if !moved_to.contains(path) => intent.added.push(path.clone()),
            (_, Some(_)) if !moved_to.contains(path) => intent.changed.push(path.clone()),
            (_, None) if !merged.moved.contains_key(path) => intent.removed.push(path.clone()),
            _ => {}
        }
        let is_rendered = match &there {
            Ours::File(content) => base.get(path).is_some_and(|file| file.bytes == content.bytes),
            _ => true,
        };
        if !is_rendered && *path != SELECTION_FILE {
            edited.push(path);
        }
    }
    edited
}

/// What the operation leads to, and its rendering.
fn planned<'a>(
    pack: &'a Pack,
    operation: &Operation,
    rendered: &Selection,
    chosen: &Selection,
) -> Result<(Plan<'a>, Tree), Error> {
    let plan = Plan::new(pack, operation.selection(pack, rendered, chosen)?)?;
    let tree = rendered_files(&plan)?;
    Ok((plan, tree))
}

/// A hint that names a flag of `new`, as it is done in a project.
fn in_project(operation: &Operation, error: Error) -> Error {
    let Error::Usage { message, hint } = error else {
        return error;
    };
    let service = hint.strip_prefix("--service ").and_then(|named| named.split_once('='));
    let is_from_file = matches!(operation, Operation::Apply | Operation::Update);
    let text = hint.strip_prefix("--").and_then(|flag| flag.strip_suffix(" \"...\""));
    let hint = match (service, operation) {
        (None, Operation::Set(_)) => {
            text.map_or(hint.clone(), |id| format!("scaffold set {id}=\"...\""))
        }
        (Some((name, kind)), Operation::AddService { .. }) => {
            format!("scaffold add service {name} --kind {kind}")
        }
        (Some((name, _)), _) => format!("call it `{name}` in `scaffold.toml`"),
        (None, _) if is_from_file && hint.starts_with("another name") => {
            format!("{hint}; say it in `scaffold.toml`, and repeat this")
        }
        _ => hint,
    };
    Error::Usage { message, hint }
}

/// A sentence for each folder from which files move to another, and in which the user has files of
/// their own: those stay.
fn left_behind(root: &Path, moved: &BTreeMap<String, String>, base: &Tree) -> Vec<String> {
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    for (old, new) in moved {
        if let (Some(old), Some(new)) = (folder(old), folder(new))
            && old != new
        {
            folders.entry(old).or_insert(new);
        }
    }
    let mut notes = Vec::new();
    for (old, new) in folders {
        let entries = std::fs::read_dir(root.join(&old)).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let mut own: Vec<String> = files
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| base.get(&format!("{old}/{name}")).is_none())
            .map(|name| format!("`{name}`"))
            .collect();
        own.sort();
        if !own.is_empty() {
            let stay = if own.len() == 1 { "is yours and stays" } else { "are yours and stay" };
            let own = own.join(", ");
            notes.push(format!(
                "{own} in `{old}/` {stay}; what was rendered there lies in `{new}/` now"
            ));
        }
    }
    notes
}

/// The services that were rendered and are not chosen any more.
fn gone_services<'a>(
    rendered: &'a Selection,
    chosen: &'a Selection,
) -> impl Iterator<Item = &'a String> {
    rendered.services.keys().filter(|name| !chosen.services.contains_key(*name))
}

/// What becomes of the files of a service that goes, which lie in `folders`.
fn leaving(
    service: &str,
    folders: &[String],
    base: &Tree,
    look: &mut dyn FnMut(&str) -> Ours,
    named: bool,
) -> Leaving {
    let is_own = |path: &str| {
        let below =
            |folder: &String| path.strip_prefix(folder).is_some_and(|it| it.starts_with('/'));
        folders.iter().any(below)
    };
    let mut leaving = Leaving { service: service.to_owned(), files: 0, edited: 0, named };
    for (path, file) in base.iter().filter(|(path, _)| is_own(path)) {
        match look(path) {
            Ours::Absent => {}
            Ours::File(content) if content.bytes == file.bytes => leaving.files += 1,
            _ => {
                leaving.files += 1;
                leaving.edited += 1;
            }
        }
    }
    leaving
}

/// Lock files that nobody has renewed since an earlier operation.
fn still_stale(records: &Records, look: &mut dyn FnMut(&str) -> Ours) -> Vec<Conflict> {
    let mut is_stale = |conflict: &&Conflict| {
        conflict.kind == ConflictKind::Stale && is_open(conflict, &mut *look)
    };
    records.conflicts.iter().filter(|conflict| is_stale(conflict)).cloned().collect()
}

/// What an operation starts from.
struct Start {
    state: Project,
    chosen: Selection,
    repair: Option<Repaired>,
    /// `scaffold.toml` where it is not what the file says: git left markers in it that could be
    /// merged by key, or an older version wrote it.
    text: Option<String>,
    /// What leads from the version that rendered the project to the pack in use.
    migration: Migration,
}

/// Reads the project's state and choices, refuses what an operation cannot start from, and
/// gets over a merge of branches.
fn starting_point(
    pack: &Pack,
    root: &Path,
    operation: &Operation,
    notes: &mut Vec<String>,
) -> Result<Start, Error> {
    let there = selection_file(root)?;
    let is_apply = operation == &Operation::Apply;
    let repair = if is_apply { repaired(pack, root) } else { None };
    let merged =
        if is_apply { merged_selection(pack, root, &there, repair.as_ref()) } else { None };
    let text = merged.as_ref().unwrap_or(&there);
    if repair.is_some() && has_markers(text.as_bytes()) {
        return Err(Error::Conflicts {
            message: format!("`{SELECTION_FILE}` is not merged"),
            hint: "settle that file alone, then: scaffold apply".to_owned(),
        });
    }
    let state = match &repair {
        Some(repair) => {
            notes.push("merged the state of both branches".to_owned());
            repair.state().clone()
        }
        None => read_state(pack, root, text, notes)?,
    };
    check_pack(pack, &state.lock.pack, operation, repair.is_some())?;
    refuse_conflicts(root, &state)?;
    let migration = Migration::since(pack, &state.lock.pack.version);
    let (state, now) = match &repair {
        // What was merged by key is in the words of this version, as is the state of both branches.
        Some(repair) if repair.migrates() && merged.is_some() => {
            (state, Migrated { text: text.clone(), notes: Vec::new() })
        }
        Some(repair) => (state, migrated(pack, repair.migration(), text)),
        None => (state.migrated(pack, &migration), migrated(pack, &migration, text)),
    };
    let text = now.text;
    notes.extend(now.notes);
    let chosen = if operation == &Operation::Update {
        let former = text_of(&state.base, SELECTION_FILE);
        let (chosen, became) = adapted_selection(pack, &text, &former)?;
        notes.extend(became);
        chosen
    } else {
        parse_selection(pack, &text, Reading::Strict)?
    };
    if merged.is_some() {
        notes.push(format!("merged `{SELECTION_FILE}` by key"));
    }
    let text = (text != there).then_some(text);
    Ok(Start { state, chosen, repair, text, migration })
}

/// `scaffold.toml` in which git left markers, or which it put together from two versions of the pack,
/// merged by key; `None` where there is nothing to merge, or both sides changed the same choice.
fn merged_selection(
    pack: &Pack,
    root: &Path,
    text: &str,
    repair: Option<&Repaired>,
) -> Option<String> {
    if let Some(repair) = repair.filter(|repair| repair.migrates()) {
        let [base, ours, theirs] = repair.selections(pack, text)?;
        return merged_by_key(&base, &ours, &theirs);
    }
    if !has_markers(text.as_bytes()) {
        return None;
    }
    let [ours, theirs] = versions(text)?;
    // While the file is unmerged git has what both come from; afterwards only commits do.
    let base = git::content(root, ":1", SELECTION_FILE)
        .or_else(|| git::content(root, &git::parents(root)?.base, SELECTION_FILE))?;
    merged_by_key(&String::from_utf8(base).ok()?, &ours, &theirs)
}

/// Three texts of `scaffold.toml`, merged; `None` where both sides changed the same choice.
fn merged_by_key(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let (text, overlaps) = keyed::merge(Language::Toml, base, ours, theirs)?;
    overlaps.is_empty().then_some(text)
}

/// The text of `scaffold.toml`.
///
/// # Errors
/// [`Error::Project`] where this is no generated project, or the file is not text.
pub fn selection_file(root: &Path) -> Result<String, Error> {
    let bytes = state::read_state_file(root, SELECTION_FILE)?.ok_or_else(|| Error::Project {
        message: format!("the project has no `{SELECTION_FILE}`"),
        hint: format!("put it back: git checkout HEAD -- {SELECTION_FILE}"),
    })?;
    file::text_of(bytes)
}

/// Refuses a project that another pack rendered: what this one has to say is about another.
///
/// # Errors
/// [`Error::Project`] where the lock of the project in `root` names another pack.
pub fn refuse_foreign(pack: &Pack, root: &Path) -> Result<(), Error> {
    // A lock that cannot be read is for those to report who need it.
    let lock = state::read_state_file(root, LOCK_FILE).ok().flatten().unwrap_or_default();
    match state::parse_lock(&String::from_utf8_lossy(&lock)) {
        Ok(lock) if lock.pack.name != pack.manifest.name => {
            Err(foreign(&lock.pack.name, &pack.manifest.name))
        }
        _ => Ok(()),
    }
}

/// What the project in `root` consists of; where another version of the pack rendered it, what an
/// update would lead to.
///
/// # Errors
/// [`Error::Project`] where it is none of this pack, or its state cannot be read.
pub fn chosen_selection(pack: &Pack, root: &Path) -> Result<Selection, Error> {
    refuse_foreign(pack, root)?;
    let version = state::read_state_file(root, LOCK_FILE)
        .ok()
        .flatten()
        .and_then(|lock| state::parse_lock(&String::from_utf8_lossy(&lock)).ok())
        .map(|lock| lock.pack.version);
    let migration = version.map(|version| Migration::since(pack, &version)).unwrap_or_default();
    let text = selection_file(root)?;
    let now = migrated(pack, &migration, &text).text;
    parse_selection(pack, &now, Reading::Strict).or_else(|error| {
        match read_state(pack, root, &text, &mut Vec::new()) {
            Ok(state) if state.lock.pack.digest != pack.digest() => {
                Ok(adapted(pack, &state, &text)?.0)
            }
            _ => Err(error),
        }
    })
}

/// What the `scaffold.toml` of a project says that another version of the pack may have rendered, in
/// the words of the pack in use, with what became of it; see [`adapted_selection`].
///
/// # Errors
/// As [`adapted_selection`].
pub fn adapted(
    pack: &Pack,
    state: &Project,
    text: &str,
) -> Result<(Selection, Vec<String>), Error> {
    let migration = Migration::since(pack, &state.lock.pack.version);
    let now = |text: &str| migrated(pack, &migration, text).text;
    adapted_selection(pack, &now(text), &now(&text_of(&state.base, SELECTION_FILE)))
}

fn foreign(locked: &str, used: &str) -> Error {
    Error::Project {
        message: format!("the project was rendered by the pack `{locked}`, this is `{used}`"),
        hint: "give the folder of its pack: --templates DIR".to_owned(),
    }
}

/// Reads lock and base. A base that is lost is rendered again where this program can.
///
/// # Errors
/// [`Error::Project`] where the state is damaged, with a way out.
pub fn read_state(
    pack: &Pack,
    root: &Path,
    selection: &str,
    notes: &mut Vec<String>,
) -> Result<Project, Error> {
    let (state, loss) = state_and_loss(pack, root, selection)?;
    if loss.is_some() {
        notes.push(format!("rendered `{BASE_FILE}` again"));
    }
    Ok(state)
}

/// Reads lock and base, which have to be there and whole.
///
/// # Errors
/// [`Error::Project`] where one is lost or damaged, with a way out.
pub fn read_whole_state(pack: &Pack, root: &Path, selection: &str) -> Result<Project, Error> {
    match state_and_loss(pack, root, selection)? {
        (state, None) => Ok(state),
        (_, Some(message)) => {
            Err(Error::Project { message, hint: "render it again: scaffold apply".to_owned() })
        }
    }
}

/// A base that is lost or damaged, rendered again where this program can; nothing where it is whole.
#[must_use]
pub fn lost_base(pack: &Pack, root: &Path) -> Option<Vec<u8>> {
    let selection = selection_file(root).ok()?;
    let (state, loss) = state_and_loss(pack, root, &selection).ok()?;
    loss.map(|_| crate::project::base::packed(&state.base, |_| ()).0.bytes)
}

/// Lock and base, and what was wrong with a base that was rendered again.
fn state_and_loss(
    pack: &Pack,
    root: &Path,
    selection: &str,
) -> Result<(Project, Option<String>), Error> {
    let lost = |message: String| Error::Project { message, hint: way_out(pack, root) };
    let with_way_out = |error: Error| match error {
        Error::Project { message, hint } if hint != state::USE_NEWER => lost(message),
        other => other,
    };
    let lock = state::read_state_file(root, LOCK_FILE)?
        .ok_or_else(|| lost(format!("the project has no `{LOCK_FILE}`")))?;
    let lock =
        String::from_utf8(lock).map_err(|_| lost(format!("`{LOCK_FILE}` is not UTF-8 text")))?;
    let parsed = state::parse_lock(&lock).map_err(with_way_out)?;
    let read = match state::read_state_file(root, BASE_FILE)? {
        Some(base) => Project::read(&lock, &base),
        None => Err(Error::Project {
            message: format!("the project has no `{BASE_FILE}`"),
            hint: String::new(),
        }),
    };
    let error = match read {
        Ok(state) => return Ok((state, None)),
        Err(error) => error,
    };
    if parsed.pack.digest != pack.digest() {
        return Err(with_way_out(error));
    }
    let committed = git::content(root, "HEAD", SELECTION_FILE);
    let committed = committed.map(|text| String::from_utf8_lossy(&text).into_owned());
    for text in [Some(selection.to_owned()), committed].into_iter().flatten() {
        let tree = parse_selection(pack, &text, Reading::Strict)
            .and_then(|selection| Plan::new(pack, selection))
            .and_then(|plan| rendered_files(&plan));
        if let Ok(tree) = tree
            && crate::project::base::packed(&tree, |_| ()).0.digest == parsed.base
            && parsed.describes(&tree)
        {
            return Ok((Project { lock: parsed, base: tree }, Some(error.to_string())));
        }
    }
    Err(with_way_out(error))
}

/// What brings back a lock or a base that is lost or damaged: what works in this project.
fn way_out(pack: &Pack, root: &Path) -> String {
    if repaired(pack, root).is_some() {
        return "put both sides of the merge together: scaffold apply".to_owned();
    }
    let committed = |path: &str| git::content(root, "HEAD", path);
    let is_committed =
        committed(LOCK_FILE).zip(committed(BASE_FILE)).is_some_and(|(lock, base)| {
            String::from_utf8(lock).is_ok_and(|lock| Project::read(&lock, &base).is_ok())
        });
    if is_committed {
        return format!(
            "put both back, then apply what was chosen: git checkout HEAD -- {LOCK_FILE} {BASE_FILE} && scaffold apply"
        );
    }
    let remove = if root.join(LOCK_FILE).exists() { "rm scaffold.lock && " } else { "" };
    format!("make both anew from `{SELECTION_FILE}`, where your edits stay: {remove}scaffold adopt")
}

/// Refuses a project of another pack, and operations that would be a hidden update.
fn check_pack(
    pack: &Pack,
    locked: &LockedPack,
    operation: &Operation,
    merging: bool,
) -> Result<(), Error> {
    let manifest = &pack.manifest;
    if manifest.name != locked.name {
        return Err(foreign(&locked.name, &manifest.name));
    }
    if is_newer(&locked.version, &manifest.version) {
        return Err(Error::Behind {
            message: format!(
                "the project was rendered by {} {}, this program has {}",
                locked.name, locked.version, manifest.version
            ),
            hint: state::USE_NEWER.to_owned(),
        });
    }
    if operation == &Operation::Update || merging || locked.digest == pack.digest() {
        return Ok(());
    }
    let message = if locked.version == manifest.version {
        format!(
            "the pack {} {} has changed since it rendered the project",
            locked.name, locked.version
        )
    } else {
        format!(
            "the project was rendered by {} {}, this program has {}",
            locked.name, locked.version, manifest.version
        )
    };
    Err(Error::Behind {
        message,
        hint: format!("first: scaffold update; then: scaffold {}", operation.words()),
    })
}

/// The conflicts of earlier operations that are not resolved.
#[must_use]
pub fn open_conflicts(root: &Path, state: &Project) -> Vec<Conflict> {
    let mut look = |path: &str| ours(root, path).unwrap_or(Ours::Other("unreadable"));
    state.lock.conflicts.iter().filter(|conflict| is_open(conflict, &mut look)).cloned().collect()
}

fn refuse_conflicts(root: &Path, state: &Project) -> Result<(), Error> {
    let open = open_conflicts(root, state);
    // A stale lock file is no reason to wait: it is renewed once, at the end.
    let paths: BTreeSet<&str> = open
        .iter()
        .filter(|conflict| conflict.kind != ConflictKind::Stale)
        .map(|conflict| conflict.path.as_str())
        .collect();
    if paths.is_empty() {
        return Ok(());
    }
    let paths: Vec<&str> = paths.into_iter().collect();
    Err(Error::Conflicts {
        message: format!("conflicts of the last operation are left: {}", paths.join(", ")),
        hint: format!(
            "resolve the conflicts in the files, then: scaffold resolve {}",
            shell_words(&paths)
        ),
    })
}

fn refuse_dirty(root: &Path, edited: &[&str]) -> Result<(), Error> {
    let uncommitted = git::uncommitted(root, edited);
    if uncommitted.is_empty() {
        return Ok(());
    }
    Err(Error::Destination {
        message: format!(
            "these files have changes that are not committed: {}",
            uncommitted.join(", ")
        ),
        hint: "commit them first, or go on with --allow-dirty".to_owned(),
    })
}

/// What the pack says about merging, for the paths of this plan.
fn rules(plan: &Plan, records: &Records) -> Rules {
    let mut rules = Rules { own: records.own.clone(), ..Rules::default() };
    for LockfileManifest { path, renew, .. } in &plan.pack.manifest.lockfile {
        rules.locks.insert(path.clone(), renew.clone());
    }
    for target in targets(plan) {
        let manifest = &target.component.manifest;
        if let Some(former) = manifest.renamed.get(&target.file.path) {
            rules.renamed.insert(target.path.clone(), target.beside(former));
        }
        if let Some(renew) = manifest.locks.get(&target.file.path) {
            // What it says of paths is said in the folder of what the file is rendered for.
            let renew = match target.holder {
                Some(holder) if target.file.lies != Lies::ByName => {
                    format!("cd {} && {renew}", holder.folder)
                }
                _ => renew.clone(),
            };
            rules.locks.insert(target.path.clone(), renew);
        }
    }
    rules
}

/// Holds that `scaffold.toml` says what was rendered, whatever the user did to its lines.
fn settle_selection(
    merged: &mut Merge,
    look: &mut dyn FnMut(&str) -> Ours,
    base: &str,
    plan: &Plan,
) -> Result<(), Error> {
    let path = SELECTION_FILE;
    let there = look(path);
    let content = match merged.changes.get(path) {
        Some(Some(content)) => content.clone(),
        _ => match &there {
            Ours::File(content) => content.clone(),
            _ => return Ok(()),
        },
    };
    let text = String::from_utf8_lossy(&content.bytes).into_owned();
    let says = parse_selection(plan.pack, &text, Reading::Strict);
    let conflicts = merged.conflicts.len();
    merged.conflicts.retain(|conflict| conflict.path != path);
    if conflicts == merged.conflicts.len() && says.is_ok_and(|says| says == plan.selection) {
        return Ok(());
    }
    let Ours::File(own) = there else {
        return Ok(());
    };
    let own_text = String::from_utf8_lossy(&own.bytes).into_owned();
    let text = edited_selection(plan.pack, base, &own_text, &plan.selection)?;
    merged.changes.insert(
        path.to_owned(),
        Some(Content { bytes: text.into_bytes().into(), executable: own.executable }),
    );
    Ok(())
}

/// Files that were the user's own stay so as long as they are rendered.
fn merged_own(records: &Records, merged: &Merge, theirs: &Tree) -> BTreeSet<String> {
    let recorded = records.own.iter().map(|path| merged.moved.get(path).unwrap_or(path));
    let own = recorded.chain(&merged.own);
    own.filter(|path| theirs.get(path).is_some()).cloned().collect()
}

/// What an update brings that nobody asked for and nothing switches on.
fn news(state: &Project, plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    let before: toml::Table =
        toml::from_str(&text_of(&state.base, SELECTION_FILE)).unwrap_or_default();
    let known = before.get("components").and_then(toml::Value::as_table);
    for (flag, component) in plan.pack.flagged() {
        if known.is_some_and(|known| !known.contains_key(flag)) {
            notes.push(format!(
                "new, and off: `{flag}` ({}); scaffold add {flag}",
                component.manifest.summary
            ));
        }
    }
    let defaults: BTreeMap<&str, serde_json::Value> = plan
        .pack
        .options()
        .map(|option| {
            let default = serde_json::to_value(&option.manifest.default).unwrap_or_default();
            (option.manifest.id.as_str(), default)
        })
        .collect();
    for (id, default) in defaults {
        match state.lock.defaults.get(id) {
            Some(former) if *former != default => notes.push(format!(
                "the default of `{id}` is now {default}, it was {former}; this project has {}",
                plan.selection.options[id]
            )),
            _ => {}
        }
    }
    notes
}

fn text_of(tree: &Tree, path: &str) -> String {
    tree.get(path).map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default()
}
