//! What several test programs need.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod disk;
pub mod enumeration;
pub mod matrix;
pub mod packs;
pub mod place;
pub mod pods;
pub mod project;
pub mod proof;
pub mod recipes;
pub mod subjects;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use scaffold::choose::selection::Selection;
use scaffold::pack::load::Pack;
use scaffold::project::state::render;
use scaffold::render::plan::Plan;
use scaffold::render::tree::Tree;

/// The folder of this repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The program, run in `folder`.
pub fn scaffold(folder: &Path, arguments: &[&str]) -> Output {
    proof::uses_generator(arguments);
    Command::new(env!("CARGO_BIN_EXE_scaffold"))
        .args(arguments)
        .current_dir(folder)
        .env("XDG_STATE_HOME", state_folder())
        .output()
        .expect("the program starts")
}

/// Where the program keeps what it knows of this machine: not in the home folder of who tests.
pub fn state_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("state")
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("output is UTF-8")
}

/// Runs the program and panics with its messages where it fails.
pub fn scaffold_ok(folder: &Path, arguments: &[&str]) -> Output {
    let output = scaffold(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    output
}

/// Renders a selection.
pub fn tree_of(pack: &Pack, selection: Selection) -> Tree {
    let plan = Plan::new(pack, selection).unwrap_or_else(|error| panic!("{error}"));
    render(&plan).unwrap_or_else(|error| panic!("{error}"))
}

/// A folder with these files.
pub fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        put(folder.path(), path, text.as_bytes());
    }
    folder
}

/// Writes a file and the folders above it.
pub fn put(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders are made");
    fs::write(path, bytes).expect("the file is written");
}

/// Every file below `folder` with its content and executable bit, by path.
pub fn files_in(folder: &Path) -> Vec<(String, Vec<u8>, bool)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.expect("the folder can be read");
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry
            .path()
            .strip_prefix(folder)
            .expect("below the folder")
            .to_string_lossy()
            .into_owned();
        found.push((
            path,
            fs::read(entry.path()).expect("the file can be read"),
            is_executable(entry.path()),
        ));
    }
    found
}

/// Every entry of a folder, for comparing before and after.
pub fn entries(folder: &Path) -> Vec<String> {
    walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("the folder can be read").path().display().to_string())
        .collect()
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).expect("the file is there").permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    false
}

/// A small pack: a component `base` always, a flag `extra`, and a slot with two fillers.
pub const SMALL_PACK: [(&str, &str); 10] = [
    (
        "pack.toml",
        r#"name = "small"
version = "1.2.3"
summary = "a pack for tests"
versions = "versions.toml"

[slots.colour]
summary = "Which colour"

[contributions.lines]
type = "list"
summary = "lines of the README"

[contributions.facts]
type = "map"
summary = "facts by name"
"#,
    ),
    ("versions.toml", "[npm]\nzod = \"4.6.7\"\n"),
    (
        "components/base/component.toml",
        r#"summary = "what is always there"
always = true
executable = ["run.sh"]

[[option]]
id = "motto"
type = "string"
default = "onwards"
max_length = 20
help = "A few words"

[[option]]
id = "count"
type = "int"
default = 3
minimum = 1
maximum = 9
help = "How many"

[[option]]
id = "loud"
type = "bool"
default = false
help = "In capitals"

[contribute]
lines = ["base"]
"#,
    ),
    (
        "components/base/files/README.md.tera",
        "# {{ project.title }}\n{% for line in lines %}\n{{ line }}{% endfor %}\n",
    ),
    ("components/base/files/run.sh", "#!/bin/sh\n"),
    (
        "components/extra/component.toml",
        r#"summary = "something more"
flag = "extra"
requires = ["colour"]

[kind.worker]
summary = "does work"

[[service]]
name = "worker"
kind = "worker"

[contribute]
lines = ["extra"]

[each.worker]
lines = ["service {{ service.name }}"]
"#,
    ),
    ("components/extra/files@worker/name.txt.tera", "{{ service.name }}\n"),
    ("components/red/component.toml", "summary = \"red\"\nslot = \"colour\"\ndefault = true\n"),
    ("components/blue/component.toml", "summary = \"blue\"\nslot = \"colour\"\n"),
    ("components/blue/files+extra/blue.txt", "blue\n"),
];

/// [`SMALL_PACK`] in a folder, with some files replaced or added.
pub fn small_pack(changes: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = folder(&SMALL_PACK);
    for (path, text) in changes {
        put(folder.path(), path, text.as_bytes());
    }
    folder
}
