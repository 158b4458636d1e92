//! Whatever a clone brings, nothing panics, and nothing is written outside of the project or below
//! `.git`: any `scaffold.toml`, lock, base and journal, valid ones with changes and made-up ones.
//! `BROUGHT_CASES=1000000 cargo test --test brought` tries that many cases, half of each.

mod common;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{SMALL_PACK, put, small_pack};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scaffold::choose::operation::Operation;
use scaffold::disk::seal::Seals;
use scaffold::disk::transaction::Transaction;
use scaffold::disk::writer::LocalDisk;
use scaffold::lint::validate;
use scaffold::merge::decide::{Conflict, ConflictKind};
use scaffold::pack::load::Pack;
use scaffold::project::intent::{
    intend, open_conflicts, read_state, read_whole_state, selection_file,
};
use scaffold::project::state::{Records, lock_text};
use scaffold::render::tree::{File, Tree};
use scaffold::text::error::Error;
use serde_json::{Value, json};

const CASES: u32 = 1500;
/// The program runs in a process of its own, whose home folder is a part of what is compared.
const WORK: &str = "BROUGHT_WORK";

/// Words that lead somewhere, in a path or instead of a value.
const WORDS: [&str; 26] = [
    "README.md",
    "run.sh",
    "services/worker/name.txt",
    "own/folder/file.txt",
    "scaffold.toml",
    "scaffold.lock",
    ".scaffold/base.tar.zst",
    ".scaffold/local/journal/plan.json",
    ".git/hooks/post-commit",
    ".GIT/config",
    "sub/.git/hooks/x",
    ".g\u{200c}it/config",
    "git~1/x",
    "../victim.txt",
    "../../home/.profile",
    "own/../../victim.txt",
    "/absolute",
    "./README.md",
    "readme.MD",
    "con",
    "aux.txt",
    "a\\..\\..\\x",
    "linked/file.txt",
    "a:b",
    "..",
    "",
];
/// The first of them stay in the project.
const HARMLESS: usize = 4;
const FOLDERS: [&str; 8] =
    ["journal", "rollback", "undo", "undoing", "undone", "redoing", "next", "one"];
const KINDS: [ConflictKind; 6] = [
    ConflictKind::Markers,
    ConflictKind::Key,
    ConflictKind::Beside,
    ConflictKind::Kept,
    ConflictKind::Stale,
    ConflictKind::Blocked,
];
/// Where a link can stand, and what it leads to: a folder or a file outside.
const LINKS: [(&str, &str); 10] = [
    (".scaffold", "../outside"),
    (".scaffold/local", "../../outside"),
    (".scaffold/local/lock", "../../../new.txt"),
    (".scaffold/local/journal", "../../../outside"),
    (".scaffold/local/next", "../../../outside"),
    ("scaffold.lock", "../victim.txt"),
    (".scaffold/base.tar.zst", "../../victim.txt"),
    ("README.md", "../victim.txt"),
    ("services", "../outside"),
    ("linked", "../outside"),
];

/// A change to bytes; numbers choose among what is there.
#[derive(Debug, Clone)]
enum Bytes {
    Flip(usize, u8),
    Cut(usize),
    Remove(usize, usize),
    Double(usize, usize),
    Insert(usize, usize),
    Number(usize, u64),
    Lines(usize, usize),
    Nest(usize, u16),
}

/// A file that a clone brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Selection,
    Lock,
    Base,
    /// The base before compression, so that what reads it is reached.
    Archive,
    Plan,
}

/// An entry of a made-up base: its path, its kind as the header has it, and how it is listed.
#[derive(Debug, Clone)]
struct Brought {
    path: usize,
    kind: u8,
    size: u64,
    listed: bool,
    twice: bool,
}

#[derive(Debug, Clone)]
struct Step {
    folder: usize,
    paths: Vec<(usize, bool, bool)>,
    sealed: bool,
}

#[derive(Debug, Clone)]
enum Contents {
    /// A valid project, and these changes.
    Changed { bytes: Vec<(What, Bytes)>, folder: usize, sealed: bool, resealed: bool },
    /// Made of pieces that fit together, whatever they say.
    Made { entries: Vec<Brought>, conflicts: Vec<(usize, usize, usize)>, journal: Option<Step> },
}

#[derive(Debug, Clone)]
struct Case {
    contents: Contents,
    in_git: bool,
    link: Option<usize>,
    operations: Vec<u8>,
}

/// One of [`WORDS`], mostly one with which the case goes on.
fn any_word() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0..HARMLESS, 1 => HARMLESS..WORDS.len()]
}

fn any_bytes() -> impl Strategy<Value = Bytes> {
    let at = any::<usize>();
    prop_oneof![
        3 => (at, any::<u8>()).prop_map(|(at, bit)| Bytes::Flip(at, bit)),
        1 => at.prop_map(Bytes::Cut),
        2 => (at, 1..40_usize).prop_map(|(at, length)| Bytes::Remove(at, length)),
        2 => (at, 1..200_usize).prop_map(|(at, length)| Bytes::Double(at, length)),
        4 => (at, any::<usize>()).prop_map(|(at, word)| Bytes::Insert(at, word)),
        2 => (at, any::<u64>()).prop_map(|(at, number)| Bytes::Number(at, number)),
        2 => (at, any::<usize>()).prop_map(|(from, to)| Bytes::Lines(from, to)),
        1 => (at, 1..2000_u16).prop_map(|(at, depth)| Bytes::Nest(at, depth)),
    ]
}

fn any_case() -> impl Strategy<Value = Case> {
    let what = prop_oneof![
        3 => Just(What::Selection), 3 => Just(What::Lock), 1 => Just(What::Base),
        3 => Just(What::Archive), 3 => Just(What::Plan),
    ];
    let changed = (
        prop::collection::vec((what, any_bytes()), 1..4),
        0..FOLDERS.len(),
        any::<bool>(),
        any::<bool>(),
    );
    let changed = changed.prop_map(|(bytes, folder, sealed, resealed)| Contents::Changed {
        bytes,
        folder,
        sealed,
        resealed,
    });
    let size = prop_oneof![18 => Just(6_u64), 1 => any::<u64>(), 1 => 0..2000_u64];
    let kind =
        prop_oneof![18 => Just(b'0'), 2 => prop::sample::select(b"12345678gxLKSV\0".to_vec())];
    let entry = (any_word(), kind, size, prop::bool::weighted(0.9), prop::bool::weighted(0.1));
    let entry = entry.prop_map(|(path, kind, size, listed, twice)| Brought {
        path,
        kind,
        size,
        listed,
        twice,
    });
    let path = (any_word(), any::<bool>(), any::<bool>());
    let journal = (0..FOLDERS.len(), prop::collection::vec(path, 1..4), any::<bool>());
    let journal = journal.prop_map(|(folder, paths, sealed)| Step { folder, paths, sealed });
    let conflict = (any_word(), 0..KINDS.len(), any_word());
    let made = (
        prop::collection::vec(entry, 0..3),
        prop::collection::vec(conflict, 0..2),
        prop::option::of(journal),
    );
    let made = made.prop_map(|(entries, conflicts, journal)| Contents::Made {
        entries,
        conflicts,
        journal,
    });
    let contents = prop_oneof![changed, made];
    let link = prop::option::weighted(0.2, 0..LINKS.len());
    let operations = prop::collection::vec(0..10_u8, 1..3);
    (contents, any::<bool>(), link, operations).prop_map(|(contents, in_git, link, operations)| {
        Case { contents, in_git, link, operations }
    })
}

impl Bytes {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let within = |at: usize| at % (bytes.len() + 1);
        match *self {
            Self::Flip(at, bit) => {
                if !bytes.is_empty() {
                    let at = at % bytes.len();
                    bytes[at] ^= bit.max(1);
                }
            }
            Self::Cut(at) => bytes.truncate(within(at)),
            Self::Remove(at, length) => {
                let at = within(at);
                let end = (at + length).min(bytes.len());
                bytes.drain(at..end);
            }
            Self::Double(at, length) => {
                let at = within(at);
                let end = (at + length).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            Self::Insert(at, word) => {
                // Often in the place of a value between quotes, or of a whole path.
                let word = WORDS[word % WORDS.len()].as_bytes();
                let quotes: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'"').collect();
                let from =
                    if quotes.len() < 2 { within(at) } else { quotes[at % (quotes.len() - 1)] + 1 };
                let to = quotes.iter().copied().find(|to| *to >= from).unwrap_or(from);
                bytes.splice(from..to, word.iter().copied());
            }
            Self::Number(at, number) => {
                let digits: Vec<usize> =
                    (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
                if !digits.is_empty() {
                    let at = digits[at % digits.len()];
                    bytes.splice(at..=at, number.to_string().into_bytes());
                }
            }
            Self::Lines(from, to) => {
                let mut lines: Vec<Vec<u8>> =
                    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                if !lines.is_empty() {
                    let line = lines.remove(from % lines.len());
                    let at = to % (lines.len() + 1);
                    lines.insert(at, line);
                    *bytes = lines.concat();
                }
            }
            Self::Nest(at, depth) => {
                let at = within(at);
                bytes.splice(at..at, "[{\"a\":".repeat(usize::from(depth)).into_bytes());
            }
        }
    }
}

/// What every case begins with.
struct Model {
    first: Pack,
    second: Pack,
    rendered: Tree,
    project: Vec<(String, Vec<u8>)>,
    archive: Vec<u8>,
}

impl Model {
    fn new() -> Self {
        let (first, second) = (small_pack(&[]), small_pack(&[]));
        let manifest = SMALL_PACK[0].1.replace("1.2.3", "2.0.0");
        put(second.path(), "pack.toml", manifest.as_bytes());
        put(second.path(), "components/base/files/second.txt", b"second\n");
        let first = validate::load(first.path()).expect("the pack is valid");
        let second = validate::load(second.path()).expect("the pack is valid");
        let choices = scaffold::choose::selection::Choices {
            name: Some("x".to_owned()),
            ..scaffold::choose::selection::Choices::default()
        };
        let selection = choices.complete(&first).expect("it is valid");
        let plan = scaffold::render::plan::Plan::new(&first, selection).expect("it is valid");
        let rendered = scaffold::render::files::rendered_files(&plan).expect("it renders");
        let whole = scaffold::project::state::render(&plan).expect("it renders");
        let project: Vec<(String, Vec<u8>)> =
            whole.iter().map(|(path, file)| (path.to_owned(), file.bytes.to_vec())).collect();
        let base = whole.get(".scaffold/base.tar.zst").expect("the base is there");
        let archive = zstd::decode_all(base.bytes.as_ref()).expect("it is an archive");
        Self { first, second, rendered, project, archive }
    }
}

/// A header and its content, as no library would write them.
fn archived(archive: &mut Vec<u8>, path: &str, kind: u8, mode: u32, size: u64, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    let name = &path.as_bytes()[..path.len().min(100)];
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_mode(mode);
    header.set_size(size);
    header.as_mut_bytes()[156] = kind;
    header.set_cksum();
    archive.extend_from_slice(header.as_bytes());
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

fn sha(bytes: &[u8]) -> String {
    scaffold::text::digest::of(bytes)
}

/// A plan of an operation that writes and removes these paths.
fn plan(paths: &[(usize, bool, bool)]) -> Value {
    let file = |is_there: bool, text: &str| {
        is_there.then(|| json!({"digest": sha(text.as_bytes()), "permissions": 0o644}))
    };
    let changes: Vec<Value> = paths
        .iter()
        .map(|(path, before, after)| {
            json!({
                "path": WORDS[*path],
                "before": file(*before, "before\n"),
                "after": file(*after || !*before, "after\n"),
            })
        })
        .collect();
    let above =
        |path: usize| WORDS[path].match_indices('/').map(move |(end, _)| &WORDS[path][..end]);
    let folders: Vec<&str> = paths.iter().flat_map(|(path, _, _)| above(*path)).collect();
    let emptied: Vec<&str> = folders.iter().rev().copied().collect();
    json!({"operation": "add ml", "changes": changes, "folders": folders, "emptied": emptied})
}

fn put_journal(root: &Path, name: &str, plan: &[u8], count: usize, sealed: bool) {
    let folder = root.join(".scaffold/local").join(name);
    for inner in ["before", "after", "made", "gone"] {
        let _ = fs::create_dir_all(folder.join(inner));
    }
    let _ = fs::write(folder.join("plan.json"), plan);
    // What waits there depends on the way that it goes: forward, or back.
    let waiting: &[&str] = match name {
        "undo" | "undoing" => &["before"],
        "undone" | "redoing" | "journal" => &["after"],
        _ => &["before", "after"],
    };
    for number in 0..count {
        for inner in waiting {
            let _ = fs::write(folder.join(format!("{inner}/{number}")), format!("{inner}\n"));
        }
    }
    if sealed {
        // As if this working copy had made it: the paths alone must keep it harmless.
        let _ = Seals::of(root).add(&LocalDisk, plan);
    }
}

type Files<'a> = BTreeMap<&'a str, Vec<u8>>;

/// A journal: its folder, its plan, how many paths it has, and whether it counts as ours.
type Journal = (&'static str, Vec<u8>, usize, bool);

/// A valid project with changes.
fn changed(
    model: &Model,
    files: &mut Files,
    bytes: &[(What, Bytes)],
    (folder, sealed, resealed): (usize, bool, bool),
) -> Option<Journal> {
    let mut archive = model.archive.clone();
    let mut text =
        plan(&[(0, true, true), (3, false, true), (1, true, false)]).to_string().into_bytes();
    let mut has_plan = false;
    for (what, change) in bytes {
        match what {
            What::Selection => change.apply(files.get_mut("scaffold.toml").expect("there")),
            What::Lock => change.apply(files.get_mut("scaffold.lock").expect("there")),
            What::Base => {
                change.apply(files.get_mut(".scaffold/base.tar.zst").expect("there"));
            }
            What::Archive => {
                let before = sha(&archive);
                change.apply(&mut archive);
                let packed = zstd::bulk::compress(&archive, 1).expect("in memory");
                files.insert(".scaffold/base.tar.zst", packed);
                let lock = files.get_mut("scaffold.lock").expect("there");
                let text = String::from_utf8_lossy(lock).replace(&before, &sha(&archive));
                *lock = text.into_bytes();
            }
            What::Plan => {
                has_plan = true;
                change.apply(&mut text);
            }
        }
    }
    if resealed {
        // An older lock says nothing of its entries: what is behind that is reached.
        let lock = files.get_mut("scaffold.lock").expect("there");
        let text = String::from_utf8_lossy(lock).into_owned();
        let lines = text.lines().filter(|line| !line.starts_with("entries = "));
        *lock = lines.collect::<Vec<&str>>().join("\n").into_bytes();
    }
    has_plan.then(|| (FOLDERS[folder], text, 3, sealed))
}

/// A project of pieces that fit together.
fn made(
    model: &Model,
    files: &mut Files,
    entries: &[Brought],
    conflicts: &[(usize, usize, usize)],
    step: Option<&Step>,
) -> Option<Journal> {
    let mut tree = Tree::default();
    let mut archive = Vec::new();
    let content = b"made \n";
    for (path, file) in model.rendered.iter() {
        let mode = if file.executable { 0o755 } else { 0o644 };
        archived(&mut archive, path, b'0', mode, file.bytes.len() as u64, &file.bytes);
        tree.insert(path.to_owned(), file.clone());
    }
    for entry in entries {
        // Those that are rendered are there already.
        let path = match WORDS[entry.path] {
            "README.md" => "more/README.md",
            "run.sh" => "more/run.sh",
            path => path,
        };
        for _ in 0..=usize::from(entry.twice) {
            archived(&mut archive, path, entry.kind, 0o755, entry.size, content);
        }
        if entry.listed {
            let file = File {
                bytes: content.to_vec().into(),
                executable: true,
                component: "base".to_owned(),
                source: String::new(),
            };
            tree.insert(path.to_owned(), file);
        }
    }
    archive.resize(archive.len() + 1024, 0);
    let conflicts = conflicts.iter().map(|(path, kind, theirs)| Conflict {
        path: WORDS[*path].to_owned(),
        kind: KINDS[*kind],
        pointer: Some("/name".to_owned()),
        ours: Some("1".to_owned()),
        theirs: Some(WORDS[*theirs].to_owned()),
        renew: None,
        digest: Some(sha(b"")),
        underlines: None,
    });
    let records = Records { conflicts: conflicts.collect(), own: BTreeSet::new() };
    let lock = lock_text(&model.first, &tree, &sha(&archive), &records);
    files.insert("scaffold.lock", lock.into_bytes());
    let packed = zstd::bulk::compress(&archive, 1).expect("in memory");
    files.insert(".scaffold/base.tar.zst", packed);
    step.map(|step| {
        let text = plan(&step.paths).to_string().into_bytes();
        (FOLDERS[step.folder], text, step.paths.len(), step.sealed)
    })
}

/// Puts the project of a case on the disk.
fn lay_out(model: &Model, case: &Case, root: &Path) {
    let mut files: Files =
        model.project.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    let journal = match &case.contents {
        Contents::Changed { bytes, folder, sealed, resealed } => {
            changed(model, &mut files, bytes, (*folder, *sealed, *resealed))
        }
        Contents::Made { entries, conflicts, journal } => {
            made(model, &mut files, entries, conflicts, journal.as_ref())
        }
    };
    for (path, bytes) in files {
        put(root, path, &bytes);
    }
    if let Some((folder, text, count, sealed)) = journal {
        put_journal(root, folder, &text, count, sealed);
    }
    if let Some(link) = case.link {
        let (at, to) = LINKS[link];
        let at = root.join(at);
        let _ = if at.is_dir() { fs::remove_dir_all(&at) } else { fs::remove_file(&at) };
        if let Some(above) = at.parent() {
            let _ = fs::create_dir_all(above);
        }
        #[cfg(unix)]
        let _ = std::os::unix::fs::symlink(to, &at);
        #[cfg(not(unix))]
        let _ = to;
    }
}

/// Runs one operation as the commands do; gives what came of it.
fn operate(model: &Model, root: &Path, operation: u8) -> Result<(), Error> {
    let state = |pack: &Pack| {
        let text = selection_file(root)?;
        read_state(pack, root, &text, &mut Vec::new())
    };
    let change = |pack: &Pack, operation: &Operation| {
        let (transaction, _) = Transaction::begin(root, &LocalDisk)?;
        let intent = intend(pack, root, operation, true)?;
        transaction.commit(&operation.words(), &intent.changes)
    };
    match operation {
        0 | 1 => {
            if Transaction::is_interrupted(root) {
                Transaction::begin(root, &LocalDisk)?;
            }
            let text = selection_file(root)?;
            let state = read_whole_state(&model.first, root, &text)?;
            let _ = open_conflicts(root, &state);
            for (path, _) in state.base.iter() {
                scaffold::project::state::ours(root, path)?;
            }
            Ok(())
        }
        2 => change(&model.first, &Operation::Apply),
        3 => change(&model.second, &Operation::Update),
        4 => change(&model.first, &Operation::Add(vec!["extra".to_owned()])),
        5 => change(&model.first, &Operation::Remove(vec!["extra".to_owned()])),
        6 => Transaction::begin(root, &LocalDisk)?.0.undo(false, false).map(drop),
        7 => Transaction::begin(root, &LocalDisk)?.0.undo(false, true).map(drop),
        8 => {
            let (transaction, _) = Transaction::begin(root, &LocalDisk)?;
            let state = state(&model.first)?;
            let lock = state.lock.with_conflicts(&open_conflicts(root, &state));
            transaction.replace("scaffold.lock", lock.as_bytes())
        }
        _ => intend(&model.second, root, &Operation::Apply, true).map(drop),
    }
}

/// Everything around the project, and git's files in it: paths, contents or where links lead, and
/// permissions.
fn surroundings(work: &Path) -> Vec<(PathBuf, Option<Vec<u8>>, u32)> {
    let own = [work.join("parent/x/.git/scaffold"), work.join("home/state/scaffold")];
    let root = work.join("parent/x");
    let mut found = Vec::new();
    let entries =
        walkdir::WalkDir::new(work).sort_by_file_name().into_iter().filter_entry(|entry| {
            let path = entry.path();
            let is_project =
                path.starts_with(&root) && path != root && !path.starts_with(root.join(".git"));
            !is_project && !own.iter().any(|own| path == own)
        });
    for entry in entries {
        let entry = entry.expect("it can be read");
        let kind = entry.file_type();
        let content = if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("readable");
            Some(target.into_os_string().into_encoded_bytes())
        } else {
            kind.is_file().then(|| fs::read(entry.path()).expect("readable"))
        };
        found.push((entry.path().to_owned(), content, mode(&entry.metadata().expect("readable"))));
    }
    found
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions())
}

#[cfg(not(unix))]
fn mode(metadata: &fs::Metadata) -> u32 {
    metadata.permissions().readonly().into()
}

fn begin_case(model: &Model, work: &Path, case: &Case) {
    let root = work.join("parent/x");
    if root.exists() {
        fs::remove_dir_all(&root).expect("the former case goes");
    }
    fs::create_dir_all(&root).expect("a folder");
    if case.in_git {
        put(&root, ".git/HEAD", b"ref: refs/heads/main\n");
        put(&root, ".git/config", b"[core]\n");
        put(&root, ".git/hooks/README", b"hooks\n");
    }
    lay_out(model, case, &root);
}

/// The cases, where [`WORK`] is set.
#[test]
fn cases() {
    let Some(work) = std::env::var_os(WORK).map(PathBuf::from) else {
        return;
    };
    let cases = std::env::var("BROUGHT_CASES").ok().and_then(|text| text.parse().ok());
    let model = Model::new();
    for path in ["parent/victim.txt", "parent/outside/kept.txt", "home/.profile", "home/state/kept"]
    {
        put(&work, path, b"somebody else's\n");
    }
    let outcomes: RefCell<BTreeMap<String, usize>> = RefCell::default();
    let config =
        Config { cases: cases.unwrap_or(CASES), failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&any_case(), |case| {
        begin_case(&model, &work, &case);
        let before = surroundings(&work);
        for operation in &case.operations {
            let outcome = match operate(&model, &work.join("parent/x"), *operation) {
                Ok(()) => "done".to_owned(),
                Err(error) => told(&error),
            };
            let half =
                if matches!(case.contents, Contents::Made { .. }) { "made" } else { "changed" };
            *outcomes.borrow_mut().entry(format!("{half:<8} {outcome}")).or_default() += 1;
            prop_assert_eq!(&surroundings(&work), &before, "after operation {}", operation);
        }
        Ok(())
    });
    for (outcome, count) in outcomes.borrow().iter() {
        println!("{count:>9}  {outcome}");
    }
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// An error without what differs from case to case.
fn told(error: &Error) -> String {
    let text = error.to_string();
    let mut kind = String::new();
    for (number, part) in text.lines().next().unwrap_or_default().split('`').enumerate() {
        kind.push_str(if number % 2 == 0 { part } else { "_" });
    }
    let kind: String = kind.chars().filter(|c| !c.is_ascii_digit()).take(70).collect();
    format!("{} {kind}", error.exit_code())
}

#[test]
fn whatever_a_clone_brings_nothing_is_written_outside() {
    let memory = Path::new("/dev/shm");
    let work = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let work = work.expect("a temporary folder");
    let program = std::env::current_exe().expect("it has a path");
    let output = Command::new(program)
        .args(["--exact", "cases", "--nocapture"])
        .env(WORK, work.path())
        .env("HOME", work.path().join("home"))
        .env("XDG_STATE_HOME", work.path().join("home/state"))
        // Without git: each question to it would cost more than the rest of a case.
        .env("PATH", work.path().join("nothing"))
        .output()
        .expect("it starts");
    let text = common::stdout(&output);
    println!("{text}");
    assert!(output.status.success(), "{text}\n{}", common::stderr(&output));
    // The cases get beyond the first checks: operations are done, plans refused for their paths.
    for outcome in ["changed  done", "made     done", "leaves the destination", "git's own"] {
        assert!(text.contains(outcome), "no case ends with `{outcome}`");
    }
}
