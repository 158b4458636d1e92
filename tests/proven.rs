//! Proof that is recorded: what a digest is taken over, which records are believed, what runs again,
//! and how long a false record lasts.

mod common;
#[path = "prove/decide.rs"]
mod decide;
#[path = "prove/digest.rs"]
mod digest;
#[path = "prove/report.rs"]
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::proof::{
    Decision, Ended, Plan, Planned, Running, uses_file, uses_generator, uses_project,
};
use common::repository;
use common::subjects::{SUBJECTS, Subject, Tool, matches};
use decide::{BOUND, Candidate, PATIENCE, ROOM_S, SHARE, decide};
use digest::{Inputs, OneFile, World, command, is_slow};
use proptest::prelude::*;
use report::{Machine, Report, State};
use scaffold::choose::selection::Choices;
use scaffold::commands::proven::{Proven, proven};
use scaffold::pack::load::Pack;
use scaffold::proof::history::History;
use scaffold::proof::record::{Entry, LARGEST, Outcome, Project, Record, Unproven, rendered};
use scaffold::text::digest::of;

// Subjects and their tests

/// The slow tests of a file: the name, and what its first statement is.
fn slow_tests(path: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).expect("a test can be read");
    let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let slow = file.items.into_iter().filter_map(|item| match item {
        syn::Item::Fn(item) if is_slow(&item) => Some(item),
        _ => None,
    });
    slow.map(|function| {
        let first = function.block.stmts.first().map(|statement| {
            quote::ToTokens::to_token_stream(statement).to_string().replace(' ', "")
        });
        (function.sig.ident.to_string(), first.unwrap_or_default())
    })
    .collect()
}

#[test]
fn every_slow_test_is_a_subject_and_begins_with_its_name() {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(repository().join("tests")).expect("there are tests") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let file = path.file_stem().expect("a name").to_str().expect("UTF-8").to_owned();
        for (function, first) in slow_tests(&path) {
            let name = format!("{file}::{function}");
            let guard = format!("letSome(_proof)=prove(\"{name}\")else{{return}};");
            let guard = [guard.clone(), guard.replace("return}", "return;}")];
            assert!(guard.contains(&first), "{name} does not begin with `prove`: {first}");
            found.insert(name);
        }
    }
    let rows: Vec<String> = SUBJECTS.iter().map(|subject| subject.name.to_owned()).collect();
    assert_eq!(found, rows.iter().cloned().collect::<BTreeSet<String>>());
    assert_eq!(found.len(), rows.len(), "a row is there twice");
}

#[test]
fn rows_say_what_records_can_hold_and_files_that_are_there() {
    for subject in SUBJECTS {
        assert!(
            !subject.projects.is_empty()
                || !subject.every.is_empty()
                || subject.files.contains(&"templates"),
            "{} depends on nothing that is rendered",
            subject.name
        );
        for path in subject.files {
            assert!(repository().join(path).exists(), "{}: {path}", subject.name);
        }
        let entry = entry(subject.name, &digest_of("x"), Outcome::Passed);
        let projects = subject
            .projects
            .iter()
            .map(|choices| Project { command: command(choices), rendered: digest_of("rendering") });
        let projects = projects.collect();
        let entry = Entry { what: subject.what.to_owned(), projects, ..entry };
        let record = Record { entries: vec![entry], ..record(1) };
        assert_eq!(read(&record), Ok(record));
    }
}

#[test]
fn a_pattern_stands_for_any_text() {
    for (pattern, path, is) in [
        ("*compose.yaml", "compose.yaml", true),
        ("*compose.yaml", "services/gateway/compose.yaml", true),
        ("deploy/*", "deploy/a/b.yaml", true),
        ("deploy/*", "infra/deploy/a", false),
        ("ab*bc", "abc", false),
        ("Makefile", "Makefile", true),
    ] {
        assert_eq!(matches(&[pattern], path), is, "{pattern} {path}");
    }
}

#[test]
#[should_panic(expected = "which its row does not name")]
fn a_subject_may_not_use_a_project_that_its_row_does_not_name() {
    let _running = Running::begin("system::ml_runs");
    uses_project(&["--realtime"]);
}

#[test]
#[should_panic(expected = "which its row does not name")]
fn a_subject_may_not_look_at_a_file_that_its_row_does_not_name() {
    let _running = Running::begin("compose::every_dockerfile_is_linted");
    uses_file("compose.yaml");
}

#[test]
#[should_panic(expected = "its row does not say so")]
fn a_subject_may_not_operate_on_projects_where_its_row_does_not_say_so() {
    let _running = Running::begin("system::ml_runs");
    uses_generator(&["add", "realtime"]);
}

// Digests

/// A repository and a machine that are made up.
#[derive(Clone)]
struct Made {
    files: BTreeMap<&'static str, (&'static str, bool)>,
    rendered: BTreeMap<&'static str, (&'static str, bool)>,
    every: BTreeMap<&'static str, &'static str>,
    versions: BTreeMap<&'static str, &'static str>,
    images: BTreeMap<&'static str, &'static str>,
}

impl World for Made {
    fn files(&self, path: &str) -> Vec<OneFile> {
        let below = format!("{path}/");
        let found =
            self.files.iter().filter(|(name, _)| **name == path || name.starts_with(&below));
        found
            .map(|(path, (text, mode))| ((*path).to_owned(), text.as_bytes().into(), *mode))
            .collect()
    }

    fn rendered(&self, choices: &[&str]) -> Vec<OneFile> {
        let all = self.rendered.iter();
        let mut files: Vec<OneFile> = all
            .map(|(path, (text, mode))| ((*path).to_owned(), text.as_bytes().into(), *mode))
            .collect();
        files.push(("choices".to_owned(), choices.join(" ").into(), false));
        files
    }

    fn every(&self) -> Vec<OneFile> {
        let all = self.every.iter();
        all.map(|(path, text)| ((*path).to_owned(), text.as_bytes().into(), false)).collect()
    }

    fn version(&self, program: &str) -> Option<String> {
        self.versions.get(program).map(|version| (*version).to_owned())
    }

    fn image(&self, name: &str) -> Option<String> {
        self.images.get(name).map(|id| (*id).to_owned())
    }
}

const CODE: &str = "fn helper() { folder(\"edge/test.py\"); }
#[test] #[ignore = \"slow\"] fn it_runs() { helper(); }
#[test] #[ignore = \"slow\"] fn other_runs() { other(); }
#[test] fn fast() {}";

fn made() -> Made {
    Made {
        files: BTreeMap::from([
            ("tests/some.rs", (CODE, false)),
            ("tests/common/mod.rs", ("helpers", false)),
            ("tests/common/subjects.rs", ("rows", false)),
            ("tests/edge/test.py", ("edge", false)),
            ("tests/page/test.py", ("page", false)),
            ("tests/proven/README.md", ("records", false)),
            ("scripts/demo.py", ("demo", false)),
            ("src/lib.rs", ("lib", false)),
            ("build.rs", ("build", false)),
            ("Cargo.toml", ("toml", false)),
            ("Cargo.lock", ("lock", false)),
            ("docs/packs.md", ("docs", false)),
        ]),
        rendered: BTreeMap::from([
            ("Makefile", ("make", false)),
            ("services/gateway/Dockerfile", ("FROM node:26-slim AS install\n", false)),
            ("infra/redis/compose.yaml", ("  image: redis:8\n", false)),
            ("scaffold.toml", ("choices", false)),
            ("scaffold.lock", ("the pack's digest", false)),
            (".scaffold/base.tar.zst", ("base", false)),
        ]),
        every: BTreeMap::from([("a.yaml", "yaml"), ("a.json", "json")]),
        versions: BTreeMap::from([
            ("rustc", "1.90"),
            ("cc", "12"),
            ("python3", "3.11"),
            ("node", "24"),
            ("npm", "11"),
            ("valkey-server", "8"),
            ("redis-server", "8"),
            ("nginx", "1.22"),
        ]),
        images: BTreeMap::from([("node:26-slim", "sha256:1"), ("redis:8", "sha256:2")]),
    }
}

const SUBJECT: Subject = Subject {
    name: "some::it_runs",
    what: "runs",
    projects: &[&["--ml"]],
    every: &["*.yaml"],
    files: &["scripts"],
    operates: true,
    images: true,
    tools: &[Tool::Nginx],
    seldom: false,
};

fn digest_in(world: &Made) -> String {
    Inputs::of(&SUBJECT, world).unwrap_or_else(|missing| panic!("{missing}")).digest()
}

/// A change of the made-up world, and what it is a change of.
type Change = (&'static str, fn(&mut Made));

/// What the outcome depends on.
const MATTERS: &[Change] = &[
    ("its own code", |world| {
        let code = CODE.replace("{ helper(); }", "{ helper(); helper(); }").leak();
        world.files.insert("tests/some.rs", (code, false));
    }),
    ("a helper beside it", |world| {
        let code = CODE.replace("fn fast", "fn quick").leak();
        world.files.insert("tests/some.rs", (code, false));
    }),
    ("tests/common", |world| {
        world.files.insert("tests/common/mod.rs", ("other", false));
    }),
    ("a mode", |world| {
        world.files.insert("tests/common/mod.rs", ("helpers", true));
    }),
    ("a new helper", |world| {
        world.files.insert("tests/common/new.rs", ("", false));
    }),
    ("a folder it names", |world| {
        world.files.insert("tests/edge/test.py", ("x", false));
    }),
    ("a file in it", |world| {
        world.files.insert("tests/edge/more.py", ("", false));
    }),
    ("a file of its row", |world| {
        world.files.insert("scripts/demo.py", ("x", false));
    }),
    ("the generator", |world| {
        world.files.insert("src/lib.rs", ("x", false));
    }),
    ("its build", |world| {
        world.files.insert("build.rs", ("x", false));
    }),
    ("its manifest", |world| {
        world.files.insert("Cargo.toml", ("x", false));
    }),
    ("its lock", |world| {
        world.files.insert("Cargo.lock", ("x", false));
    }),
    ("rendered bytes", |world| {
        world.rendered.insert("Makefile", ("x", false));
    }),
    ("a rendered mode", |world| {
        world.rendered.insert("Makefile", ("make", true));
    }),
    ("a rendered path", |world| {
        world.rendered.insert("more", ("", false));
    }),
    ("a path less", |world| {
        world.rendered.remove("Makefile");
    }),
    ("a selection's file", |world| {
        world.every.insert("a.yaml", "x");
    }),
    ("a file of another", |world| {
        world.every.insert("b/c.yaml", "yaml");
    }),
    ("Rust", |world| {
        world.versions.insert("rustc", "1.91");
    }),
    ("the C compiler", |world| {
        world.versions.insert("cc", "13");
    }),
    ("Python", |world| {
        world.versions.insert("python3", "3.12");
    }),
    ("Node", |world| {
        world.versions.insert("node", "26");
    }),
    ("Node gone", |world| {
        world.versions.remove("node");
    }),
    ("npm", |world| {
        world.versions.insert("npm", "12");
    }),
    ("Valkey", |world| {
        world.versions.insert("valkey-server", "9");
    }),
    ("Redis", |world| {
        world.versions.insert("redis-server", "9");
    }),
    ("a tool", |world| {
        world.versions.insert("nginx", "1.30");
    }),
    ("a base image", |world| {
        world.images.insert("node:26-slim", "sha256:3");
    }),
    ("an image that runs", |world| {
        world.images.insert("redis:8", "sha256:3");
    }),
    ("an image gone", |world| {
        world.images.remove("redis:8");
    }),
];

#[test]
fn a_digest_changes_with_everything_that_the_outcome_depends_on() {
    let mut seen = BTreeMap::from([(digest_in(&made()), "nothing")]);
    for (what, change) in MATTERS {
        let mut world = made();
        change(&mut world);
        if let Some(other) = seen.insert(digest_in(&world), what) {
            panic!("{what} gives the digest of {other}");
        }
    }
    for row in [
        Subject { projects: &[&["--ml", "--realtime"]], ..SUBJECT },
        Subject { every: &["*.json"], ..SUBJECT },
        Subject { files: &[], ..SUBJECT },
        Subject { what: "runs otherwise", ..SUBJECT },
    ] {
        let digest = Inputs::of(&row, &made()).expect("nothing is missing").digest();
        assert_eq!(seen.insert(digest, "a row"), None, "{row:?}");
    }
}

/// What has nothing to do with the outcome.
const MATTERS_NOT: &[Change] = &[
    ("another slow test", |world| {
        let code = CODE.replace("other();", "something_else();").leak();
        world.files.insert("tests/some.rs", (code, false));
    }),
    ("one slow test less", |world| {
        let kept: Vec<&str> = CODE.lines().filter(|line| !line.contains("other_runs")).collect();
        world.files.insert("tests/some.rs", (kept.join("\n").leak(), false));
    }),
    ("a comment", |world| {
        let code = CODE.replace("fn fast", "// Why.\nfn fast").leak();
        world.files.insert("tests/some.rs", (code, false));
    }),
    ("a folder of others", |world| {
        world.files.insert("tests/page/test.py", ("x", false));
    }),
    ("rows of others", |world| {
        world.files.insert("tests/common/subjects.rs", ("more rows", false));
    }),
    ("records", |world| {
        world.files.insert("tests/proven/x.toml", ("x", false));
    }),
    ("documents", |world| {
        world.files.insert("docs/packs.md", ("x", false));
    }),
    ("a choice that another pack has", |world| {
        world.rendered.insert("scaffold.toml", ("more = false", false));
    }),
    ("the lock of the project", |world| {
        world.rendered.insert("scaffold.lock", ("another digest", false));
    }),
    ("its base", |world| {
        world.rendered.remove(".scaffold/base.tar.zst");
    }),
    ("other files of selections", |world| {
        world.every.insert("a.json", "x");
    }),
    ("tools that it does not use", |world| {
        world.versions.insert("kubectl", "1.40");
    }),
    ("images that it does not use", |world| {
        world.images.insert("kafka:4", "sha256:9");
    }),
];

#[test]
fn a_digest_stays_with_what_has_nothing_to_do_with_the_outcome() {
    for (what, change) in MATTERS_NOT {
        let mut world = made();
        change(&mut world);
        assert_eq!(digest_in(&world), digest_in(&made()), "{what}");
    }
}

#[test]
fn a_tool_that_is_missing_leaves_no_digest() {
    let mut world = made();
    world.versions.remove("nginx");
    assert_eq!(Inputs::of(&SUBJECT, &world).err(), Some("there is no nginx".to_owned()));
}

/// `scaffold list --proven` compares the tree in memory, a check what was written.
#[test]
fn what_is_written_has_the_digest_of_the_tree_in_memory() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    common::scaffold_ok(folder.path(), &["new", "my-app", "--ml"]);
    let files = common::files_in(&folder.path().join("my-app"));
    let written = files.iter().map(|(path, bytes, mode)| (path.as_str(), &bytes[..], *mode));
    let mut choices = Choices { name: Some("my-app".to_owned()), ..Choices::default() };
    choices.components.insert("ml".to_owned(), true);
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let tree = common::tree_of(&pack, choices.complete(&pack).expect("a valid selection"));
    let in_memory = tree.iter().map(|(path, file)| (path, &*file.bytes, file.executable));
    assert_eq!(rendered(written), rendered(in_memory));
}

// Records

fn digest_of(text: &str) -> String {
    of(text.as_bytes())
}

fn commit_of(text: &str) -> String {
    digest_of(text)["sha256:".len()..][..40].to_owned()
}

fn record(landing: u32) -> Record {
    Record {
        landing,
        commit: commit_of(&landing.to_string()),
        day: "2026-11-26".to_owned(),
        cores: 2,
        memory_mib: 8000,
        kernel: "Linux 6.1.0".to_owned(),
        entries: Vec::new(),
        unproven: Vec::new(),
    }
}

fn entry(name: &str, digest: &str, result: Outcome) -> Entry {
    Entry {
        name: name.to_owned(),
        digest: digest.to_owned(),
        result,
        seconds: 93,
        what: "make e2e".to_owned(),
        projects: Vec::new(),
    }
}

/// Reads a record as its file.
fn read(record: &Record) -> Result<Record, String> {
    let text = record.text();
    Record::parse(&record.file_name(&text), &text).map_err(|fault| fault.to_string())
}

fn full_record() -> Record {
    let project = Project {
        command: "scaffold new my-app --ml".to_owned(),
        rendered: digest_of("rendering"),
    };
    let first = Entry {
        projects: vec![project],
        ..entry("system::ml_runs", &digest_of("ml"), Outcome::Passed)
    };
    let second = entry("system::realtime_runs", &digest_of("realtime"), Outcome::Failed);
    let missing = Unproven {
        name: "compose::minimal_runs_in_containers".to_owned(),
        reason: "there is no Docker engine".to_owned(),
    };
    Record { entries: vec![first, second], unproven: vec![missing], ..record(1) }
}

/// What was written and is true stays readable: the form is fixed.
#[test]
fn a_record_is_written_like_this() {
    let text = full_record().text();
    let expected = format!(
        r#"# What one landing proved. Written by `.ci/run` or `make prove`, never changed: its name holds its digest.

landing = 1
commit = "{}"
day = "2026-11-26"
cores = 2
memory_mib = 8000
kernel = "Linux 6.1.0"

[[subject]]
name = "system::ml_runs"
digest = "{}"
result = "passed"
seconds = 93
what = "make e2e"

[[subject.project]]
command = "scaffold new my-app --ml"
rendered = "{}"

[[subject]]
name = "system::realtime_runs"
digest = "{}"
result = "failed"
seconds = 93
what = "make e2e"

[[unproven]]
name = "compose::minimal_runs_in_containers"
reason = "there is no Docker engine"
"#,
        commit_of("1"),
        digest_of("ml"),
        digest_of("rendering"),
        digest_of("realtime")
    );
    assert_eq!(text, expected);
    assert_eq!(read(&full_record()), Ok(full_record()));
}

#[test]
fn a_record_that_is_not_right_is_refused_with_its_line() {
    let text = full_record().text();
    let long = format!("kernel = \"{}\"", "x".repeat(201));
    let (commit, digest) = (commit_of("1"), digest_of("ml"));
    let upper = commit.to_uppercase();
    let (long, commit, upper, digest) = (&*long, &*commit, &*upper, &*digest);
    for (old, new, line, message) in [
        ("landing = 1", "landing = 0", 3, "the first landing is 1"),
        ("landing = 1", "landing = -1", 3, "expected u32"),
        ("landing = 1", "landing = 5000000000", 3, "expected u32"),
        ("landing = 1\n", "", 1, "missing field `landing`"),
        ("landing = 1", "landing = 1\nhost = \"x\"", 4, "unknown field `host`"),
        ("landing = 1", "landing = 1\nlanding = 1", 4, "duplicate key"),
        ("landing = 1", "<<<<<<< HEAD", 3, "key"),
        (commit, "HEAD", 4, "a commit is 40 hexadecimal digits"),
        (commit, upper, 4, "a commit is 40 hexadecimal digits"),
        (commit, "../../../../../../../../etc/passwd.......", 4, "a commit is 40"),
        ("2026-11-26", "2026-13-26", 5, "a day is written as"),
        ("2026-11-26", "2026-11-26T08:00", 5, "a day is written as"),
        ("2026-11-26", "+026-11-26", 5, "a day is written as"),
        ("cores = 2", "cores = \"2\"", 6, "invalid type"),
        ("kernel = \"Linux 6.1.0\"", long, 8, "one line of 1 to 200 plain characters"),
        ("Linux 6.1.0", "\\u001b[31m", 8, "one line of 1 to 200 plain characters"),
        ("Linux 6.1.0", "two\\nlines", 8, "one line of 1 to 200 plain characters"),
        ("Linux 6.1.0", "", 8, "one line of 1 to 200 plain characters"),
        ("\"system::ml_runs\"", "\"system\"", 11, "a subject is called `file::function`"),
        ("\"system::ml_runs\"", "\"system::../x\"", 11, "a subject is called `file::function`"),
        (digest, "sha256:0", 12, "a digest is `sha256:` and 64"),
        ("\"passed\"", "\"skipped\"", 13, "unknown variant `skipped`"),
        ("seconds = 93", "seconds = 0.5", 14, "invalid type"),
        ("scaffold new my-app --ml", "rm -rf /", 18, "a command begins with `scaffold new `"),
        ("system::realtime_runs", "system::ml_runs", 22, "`system::ml_runs` is there twice"),
        (
            "compose::minimal_runs_in_containers",
            "system::ml_runs",
            29,
            "`system::ml_runs` is there twice",
        ),
    ] {
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text, "{old} is not in the record");
        let fault = Record::parse("x.toml", &changed).expect_err(new);
        assert_eq!(fault.line, line, "{new}: {fault}");
        assert!(fault.message.contains(message), "{new}: {fault}");
        assert!(!fault.message.contains('\n'), "{fault}");
    }
    let large = format!("#{}\n{text}", " ".repeat(LARGEST));
    let fault = Record::parse("x.toml", &large).expect_err("too large");
    assert_eq!(fault.message, format!("a record has at most {LARGEST} bytes"));
}

#[test]
fn a_record_that_was_changed_is_known_by_its_name() {
    let text = full_record().text();
    let name = full_record().file_name(&text);
    let fault =
        Record::parse(&name, &text.replace("\"failed\"", "\"passed\"")).expect_err("changed");
    assert!(fault.message.ends_with("a record is never changed"), "{fault}");
    assert!(Record::parse("other.toml", &text).is_err());
}

#[test]
fn a_folder_of_records_holds_nothing_else() {
    let text = full_record().text();
    let name = full_record().file_name(&text);
    let folder = common::folder(&[("README.md", "a page"), (&name, &text)]);
    let history = History::in_folder(folder.path()).expect("it can be read");
    assert_eq!(history.entries().count(), 2);
    common::put(folder.path(), "notes.txt", b"");
    let faults = History::in_folder(folder.path()).expect_err("no record");
    assert_eq!(
        faults[0].to_string(),
        "tests/proven/notes.txt:1: only records are kept here, as plain files"
    );
    fs::remove_file(folder.path().join("notes.txt")).expect("it goes");
    common::put(folder.path(), "bytes.toml", b"\xff");
    assert!(History::in_folder(folder.path()).is_err());
    fs::remove_file(folder.path().join("bytes.toml")).expect("it goes");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&name, folder.path().join("link.toml")).expect("a link");
        assert!(History::in_folder(folder.path()).is_err());
    }
    assert_eq!(History::in_folder(&folder.path().join("none")), Ok(History::default()));
}

fn as_files(records: &[Record]) -> Vec<(String, String)> {
    let file = |record: &Record| {
        let text = record.text();
        (record.file_name(&text), text)
    };
    records.iter().map(file).collect()
}

#[test]
fn a_landing_beyond_the_number_of_records_is_refused() {
    let faults = History::read(as_files(&[record(1), record(3)])).expect_err("2 is missing");
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].line, 3);
    assert!(faults[0].message.contains("landing 3 of 2 records"), "{}", faults[0]);
    // Two branches that both began from 1.
    let other = Record { cores: 4, ..record(2) };
    let both = History::read(as_files(&[record(2), other, record(1)])).expect("both are there");
    assert_eq!(both.next_landing(), 3);
}

#[test]
fn every_faulty_record_is_told() {
    let mut files = as_files(&[record(1), record(2)]);
    for (_, text) in &mut files {
        text.push_str("more = 1\n");
    }
    assert_eq!(History::read(files).expect_err("both are wrong").len(), 2);
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        landing in 1u32..,
        words in prop::collection::vec("[ -~]{1,60}", 1..5),
        seconds: u32,
        passed: bool,
    ) {
        let result = if passed { Outcome::Passed } else { Outcome::Failed };
        let entries = words.iter().enumerate().map(|(number, what)| Entry {
            what: what.clone(),
            seconds,
            ..entry(&format!("file::test_{number}"), &digest_of(what), result)
        });
        let record = Record { entries: entries.collect(), ..record(landing) };
        prop_assert_eq!(read(&record), Ok(record));
    }

    /// Whatever is thrown at it, it says what is wrong.
    #[test]
    fn no_change_of_a_byte_goes_unnoticed(position: prop::sample::Index, byte: u8) {
        let text = full_record().text();
        let name = full_record().file_name(&text);
        let mut bytes = text.clone().into_bytes();
        let position = position.index(bytes.len());
        bytes[position] = byte;
        if let Ok(changed) = String::from_utf8(bytes)
            && changed != text
        {
            prop_assert!(Record::parse(&name, &changed).is_err());
        }
    }
}

#[test]
fn the_records_of_this_repository_are_inside_the_program() {
    let history = History::in_folder(&repository().join("tests/proven"))
        .unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(&history.latest(), scaffold::proof::built_in::built_in());
}

/// The last entry of a subject is kept, with its record; what is older goes.
#[test]
fn the_program_holds_the_last_entry_of_each_subject() {
    let (old, new) = (digest_of("old"), digest_of("new"));
    let mut history = History::default();
    history.push(Record {
        entries: vec![entry("a::a", &old, Outcome::Passed), entry("a::b", &old, Outcome::Passed)],
        ..record(1)
    });
    history.push(Record { entries: vec![entry("a::b", &old, Outcome::Failed)], ..record(2) });
    history.push(Record { entries: vec![entry("a::b", &new, Outcome::Passed)], ..record(3) });
    let latest = history.latest();
    let kept: Vec<(u32, &str, &str)> = latest
        .entries()
        .map(|seen| (seen.record.landing, &*seen.entry.name, &*seen.entry.digest))
        .collect();
    assert_eq!(kept, [(3, "a::b", &*new), (1, "a::a", &*old)]);
    assert_eq!(History::embedded(&latest.text()), latest);
}

// Decisions

fn candidate(name: &str, digest: &str) -> Candidate {
    Candidate { name: name.to_owned(), digest: Ok(digest.to_owned()), seldom: false }
}

/// The room of an ordinary check.
const ROOM: Option<u32> = Some(ROOM_S);

fn runs(decision: &Decision) -> bool {
    matches!(decision, Decision::Run(_))
}

#[test]
fn only_the_last_entry_at_the_digest_of_now_is_a_proof() {
    let (old, now) = (digest_of("old"), digest_of("now"));
    let entries = |history: &mut History, landing, digest: &str, result| {
        // Enough others that none of these is drawn is not needed: what is proven says so.
        history.push(Record { entries: vec![entry("a::a", digest, result)], ..record(landing) });
    };
    let reason =
        |history: &History| match &decide(&[candidate("a::a", &now)], history, "x", ROOM)[0] {
            Decision::Run(reason) => reason.clone(),
            other => panic!("{other:?}"),
        };
    let mut history = History::default();
    assert_eq!(reason(&history), "not proven as it is now");
    entries(&mut history, 1, &old, Outcome::Passed);
    assert_eq!(reason(&history), "not proven as it is now");
    entries(&mut history, 2, &now, Outcome::Passed);
    // The only one that is proven is the tenth of all, rounded up.
    assert_eq!(reason(&history), "proven, and drawn to run again");
    entries(&mut history, 3, &now, Outcome::Failed);
    assert_eq!(reason(&history), "failed the last time");
    assert!(history.passed("a::a", &now).is_some());
}

#[test]
fn a_missing_tool_is_never_a_proof() {
    let missing =
        Candidate { digest: Err("there is no Docker engine".to_owned()), ..candidate("a::a", "") };
    for room in [ROOM, None] {
        let decisions = decide(std::slice::from_ref(&missing), &History::default(), "x", room);
        assert_eq!(decisions, [Decision::Unproven("there is no Docker engine".to_owned())]);
    }
}

#[test]
fn what_runs_seldom_waits_until_patience_is_over() {
    let seldom = Candidate { seldom: true, ..candidate("a::a", &digest_of("now")) };
    let mut history = History::default();
    for landing in (1..).take(PATIENCE - 1) {
        let decision = &decide(std::slice::from_ref(&seldom), &history, "x", ROOM)[0];
        assert_eq!(decision, &Decision::Unproven("`make prove` runs it".to_owned()), "{landing}");
        let unproven = vec![Unproven { name: "a::a".to_owned(), reason: "seldom".to_owned() }];
        history.push(Record { unproven, ..record(landing) });
    }
    assert!(runs(&decide(std::slice::from_ref(&seldom), &history, "x", ROOM)[0]));
    assert!(runs(&decide(&[seldom], &History::default(), "x", None)[0]));
}

/// Four subjects that have all changed.
#[test]
fn what_there_is_no_room_for_waits_and_comes_first_the_next_time() {
    let took =
        |name: &str, seconds| Entry { seconds, ..entry(name, &digest_of("old"), Outcome::Passed) };
    let mut history = History::default();
    let entries =
        vec![took("a::long", 90), took("a::short", 20), took("a::late", 50), took("a::later", 60)];
    let candidates: Vec<Candidate> =
        entries.iter().map(|entry| candidate(&entry.name, &digest_of("now"))).collect();
    history.push(Record { entries, ..record(1) });
    let running = |history: &History, room| -> Vec<&str> {
        let decisions = decide(&candidates, history, "x", Some(room));
        let both = candidates.iter().zip(&decisions);
        both.filter(|(_, decision)| runs(decision)).map(|(one, _)| one.name.as_str()).collect()
    };
    assert_eq!(running(&history, 130), ["a::short", "a::late", "a::later"]);
    assert_eq!(running(&history, 129), ["a::short", "a::late"]);
    assert_eq!(running(&history, 19), [""; 0]);
    let why = "there is no room for its 90 s; `make prove` runs it".to_owned();
    assert_eq!(decide(&candidates, &history, "x", Some(0))[0], Decision::Unproven(why));
    let waiting = || vec![Unproven { name: "a::long".to_owned(), reason: "room".to_owned() }];
    assert_eq!(running(&history, 100), ["a::short", "a::late"]);
    history.push(Record { unproven: waiting(), ..record(2) });
    assert_eq!(running(&history, 100), ["a::long"]);
    // None waits for ever, nor does what failed.
    for landing in (3..).take(PATIENCE - 3) {
        history.push(Record { unproven: waiting(), ..record(landing) });
    }
    assert_eq!(running(&history, 0), [""; 0]);
    let failed = entry("a::short", &digest_of("now"), Outcome::Failed);
    history.push(Record { entries: vec![failed], unproven: waiting(), ..record(10) });
    assert_eq!(running(&history, 0), ["a::long", "a::short"]);
}

/// As many subjects as this repository has, all proven at landing 1.
fn all_proven() -> (Vec<Candidate>, History) {
    let candidates: Vec<Candidate> =
        SUBJECTS.iter().map(|subject| candidate(subject.name, &digest_of(subject.name))).collect();
    let mut history = History::default();
    let entries = candidates
        .iter()
        .map(|one| entry(&one.name, one.digest.as_ref().expect("a digest"), Outcome::Passed));
    history.push(Record { entries: entries.collect(), ..record(1) });
    (candidates, history)
}

#[test]
fn a_tenth_of_what_is_proven_is_drawn_by_the_commit() {
    let (candidates, history) = all_proven();
    let drawn = |seed: &str| -> Vec<bool> {
        decide(&candidates, &history, seed, ROOM).iter().map(runs).collect()
    };
    let share = candidates.len().div_ceil(SHARE);
    let mut different = BTreeSet::new();
    for number in 0..100 {
        let commit = commit_of(&format!("seed {number}"));
        assert_eq!(drawn(&commit), drawn(&commit), "the same commit draws the same");
        assert_eq!(drawn(&commit).iter().filter(|runs| **runs).count(), share);
        different.insert(drawn(&commit));
    }
    assert!(different.len() > 90, "{} different draws", different.len());
    assert!(decide(&candidates, &history, "x", None).iter().all(runs));
}

/// Lands again and again, each time with a new commit, until a subject runs whose proof is false.
fn landings_until_found(trial: usize, forged: &str) -> u32 {
    let (candidates, mut history) = all_proven();
    for landing in 2.. {
        let seed = commit_of(&format!("trial {trial}, landing {landing}"));
        let decisions = decide(&candidates, &history, &seed, ROOM);
        let ran = candidates.iter().zip(&decisions).filter(|(_, decision)| runs(decision));
        let entries: Vec<Entry> = ran
            .map(|(one, _)| entry(&one.name, one.digest.as_ref().expect("one"), Outcome::Passed))
            .collect();
        if entries.iter().any(|entry| entry.name == forged) {
            return landing - 1;
        }
        history.push(Record { entries, ..record(landing) });
    }
    unreachable!("a landing comes after each");
}

/// A tenth is drawn at each landing, rounded up, so that a false proof lasts less than 10 landings, and
/// 20 at most: of 38 subjects 4 are drawn, (1 - (34/38)^20) / (4/38) = 8.5 on average.
#[test]
fn a_forged_proof_is_found_within_twenty_landings_and_nine_on_average() {
    let trials = 300;
    let mut sum = 0;
    let mut latest = 0;
    for trial in 0..trials {
        let forged = SUBJECTS[trial % SUBJECTS.len()].name;
        let landings = landings_until_found(trial, forged);
        sum += landings;
        latest = latest.max(landings);
    }
    assert!(latest <= BOUND, "one lasted {latest} landings");
    let mean = f64::from(sum) / 300.0;
    println!("found after {mean:.1} landings on average, {latest} at most");
    assert!((6.5..=10.0).contains(&mean), "{mean} landings on average");
}

// Reports

fn planned(name: &str, decision: Decision) -> Planned {
    Planned { name: name.to_owned(), digest: digest_of(name), projects: Vec::new(), decision }
}

fn plan(subjects: Vec<Planned>) -> Plan {
    Plan { commit: commit_of("plan"), clean: true, subjects }
}

fn machine() -> Machine {
    Machine { cores: 2, memory_mib: 8000, kernel: "Linux 6.1.0".to_owned() }
}

fn run(reason: &str) -> Decision {
    Decision::Run(reason.to_owned())
}

const ML: &str = "system::ml_runs";
const REALTIME: &str = "system::realtime_runs";
const BOXED: &str = "compose::minimal_runs_in_containers";
const MINIMAL: &str = "system::minimal_runs";

#[test]
fn a_report_says_of_every_subject_what_is_known() {
    let mut history = History::default();
    history.push(Record {
        entries: vec![entry(REALTIME, &digest_of(REALTIME), Outcome::Passed)],
        ..record(1)
    });
    let proven = Decision::Proven { commit: commit_of("1"), day: String::new(), seconds: 93 };
    let plan = plan(vec![
        planned(ML, run("not proven as it is now")),
        planned(REALTIME, proven),
        planned(BOXED, Decision::Unproven("there is no Docker engine".to_owned())),
        planned(MINIMAL, run("not proven as it is now")),
    ]);
    let passed = || Ended { passed: true, why: String::new(), seconds: 7 };
    let ended = |name: &str| (name == ML).then(passed);
    let report = Report::new(&history, &plan, ended);
    let states: Vec<&State> = report.states.iter().map(|(_, state)| state).collect();
    let not_come_to = State::Unproven("the check did not come to it".to_owned());
    assert_eq!(
        states,
        [
            &State::Ran(passed()),
            &State::Proven,
            &State::Unproven("there is no Docker engine".to_owned()),
            &not_come_to
        ]
    );
    let columns = |line: &str| line.split_whitespace().collect::<Vec<&str>>().join(" ");
    let table: Vec<String> = report.table().lines().map(columns).collect();
    assert_eq!(
        table,
        [
            format!("run now 7 s {ML} not proven as it is now"),
            format!("proven 93 s {REALTIME} at {} on 2026-11-26", &commit_of("1")[..12]),
            format!("NOT proven - {BOXED} there is no Docker engine"),
            format!("NOT proven - {MINIMAL} the check did not come to it"),
            "1 run now in 7 s, 1 proven before, 2 not proven".to_owned(),
        ]
    );
    assert_eq!(report.failures(), Vec::<String>::new());
    let record = report.record("2026-11-27".to_owned(), machine(), true);
    assert_eq!(record.landing, 2);
    let names = |record: &Record| -> Vec<String> {
        let entries = record.entries.iter().map(|entry| entry.name.clone());
        entries.chain(record.unproven.iter().map(|one| format!("not {}", one.name))).collect()
    };
    assert_eq!(names(&record), [ML.to_owned(), format!("not {BOXED}"), format!("not {MINIMAL}")]);
    assert_eq!(read(&record), Ok(record));
    // A check that was stopped says nothing of what it did not come to.
    let stopped = report.record("2026-11-27".to_owned(), machine(), false);
    assert_eq!(names(&stopped), [ML]);
}

#[test]
fn a_failure_where_a_proof_was_is_called_flaky() {
    let plan = plan(vec![planned(ML, run("drawn")), planned(REALTIME, run("new"))]);
    let mut history = History::default();
    history.push(Record { entries: vec![entry(ML, &digest_of(ML), Outcome::Passed)], ..record(1) });
    let why = "a port was taken".to_owned();
    let failed = |_: &str| Some(Ended { passed: false, why: why.clone(), seconds: 7 });
    let report = Report::new(&history, &plan, failed);
    let failures = report.failures();
    assert_eq!(failures.len(), 2);
    assert!(failures[0].contains("flaky, or that entry is false"), "{failures:?}");
    assert!(failures[0].ends_with("\na port was taken"), "{failures:?}");
    assert_eq!(failures[1], format!("{REALTIME} failed\n{why}"));
    let record = report.record("2026-11-27".to_owned(), machine(), false);
    assert!(record.entries.iter().all(|entry| entry.result == Outcome::Failed));
    // It runs at the next landing, whatever is drawn.
    history.push(record);
    let next = decide(&[candidate(ML, &digest_of(ML))], &history, "x", ROOM);
    assert_eq!(next, [run("failed the last time")]);
}

#[test]
fn what_is_unproven_for_ten_landings_is_a_failure() {
    let plan =
        plan(vec![planned(BOXED, Decision::Unproven("there is no Docker engine".to_owned()))]);
    let mut history = History::default();
    history.push(Record {
        entries: vec![entry(BOXED, &digest_of("old"), Outcome::Passed)],
        ..record(1)
    });
    // Landings at which it was proven do not count.
    (2..9).for_each(|landing| history.push(record(landing)));
    for number in 1..PATIENCE {
        let report = Report::new(&history, &plan, |_| None);
        assert_eq!(report.failures(), Vec::<String>::new(), "landing {number}");
        let next = report.record("2026-11-27".to_owned(), machine(), true);
        assert_eq!(history.unproven_for(BOXED), number - 1);
        history.push(next);
    }
    let failures = Report::new(&history, &plan, |_| None).failures();
    assert_eq!(failures.len(), 1);
    assert!(failures[0].contains("is unproven for 10 landings (there is no Docker engine)"));
    // A pass ends the count.
    history.push(Record {
        entries: vec![entry(BOXED, &digest_of("new"), Outcome::Passed)],
        ..record(history.next_landing())
    });
    assert_eq!(history.unproven_for(BOXED), 0);
}

// What people see

/// One history: driven as it is rendered now, driven as it was, failed, and over every selection.
fn listed() -> Proven {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let tree = |flag: &str| {
        let mut choices = Choices { name: Some("my-app".to_owned()), ..Choices::default() };
        choices.components.insert(flag.to_owned(), true);
        common::tree_of(&pack, choices.complete(&pack).expect("a valid selection"))
    };
    let project =
        |command: &str, rendered: String| Project { command: command.to_owned(), rendered };
    let tree = tree("ml");
    let files = tree.iter().map(|(path, file)| (path, &*file.bytes, file.executable));
    let now = project("scaffold new my-app --ml", rendered(files));
    let then = project("scaffold new my-app --realtime", digest_of("as it was"));
    let gone = project("scaffold new my-app --fortran", digest_of("no such choice"));
    let of =
        |name: &str, result, projects| Entry { projects, ..entry(name, &digest_of(name), result) };
    let mut history = History::default();
    history.push(Record {
        entries: vec![
            of("system::a", Outcome::Passed, vec![now.clone(), then]),
            of("system::b", Outcome::Passed, vec![gone]),
            of("system::c", Outcome::Failed, vec![now]),
            of("manifests::d", Outcome::Passed, Vec::new()),
        ],
        ..record(1)
    });
    proven(&pack, &history)
}

#[test]
fn what_is_listed_is_compared_with_what_is_rendered_now() {
    let commit = &commit_of("1")[..12];
    let row = |state: &str, name: &str| {
        format!("  2026-11-26  {state:<15}  make e2e ({name} at {commit}, 93 s)\n")
    };
    let text = listed().text();
    let (_, rows) = text.split_once('\n').expect("a heading");
    assert_eq!(
        rows,
        [
            "\nevery selection\n".to_owned(),
            row("passed", "manifests::d"),
            "\nscaffold new my-app --fortran\n".to_owned(),
            row("changed since", "system::b"),
            "\nscaffold new my-app --ml\n".to_owned(),
            row("as rendered now", "system::a"),
            row("failed", "system::c"),
            "\nscaffold new my-app --realtime\n".to_owned(),
            row("changed since", "system::a"),
        ]
        .concat()
    );
}

#[test]
fn the_listed_answer_meets_its_schema() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let schema = common::stdout(&common::scaffold_ok(folder.path(), &["schema", "proven"]));
    let schema = serde_json::from_str(&schema).expect("JSON");
    let answer = serde_json::to_value(listed()).expect("it can be written");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(validator.is_valid(&answer), "{answer}");
    assert_eq!(answer["subjects"].as_array().map(Vec::len), Some(4));
    assert_eq!(answer["subjects"][1]["projects"][0]["current"], true);
}

#[test]
fn what_is_proven_is_of_the_built_in_pack() {
    let pack = common::small_pack(&[]);
    let templates = pack.path().to_str().expect("UTF-8");
    let output = common::scaffold(pack.path(), &["list", "--proven", "--templates", templates]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        common::stderr(&output),
        "error: what was proven is recorded of the built-in pack only\n\nhint: leave out `--templates`, or `--proven`\n"
    );
}
