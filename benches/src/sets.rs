//! One set of files, written as a template of each generator: the rendered output is the same.
//!
//! Five files to a folder, about 2 KiB each; every fifth is a template that names the project,
//! the others are copied. Each template is written as its generator's users write it: what is
//! not a template is declared so where that is possible.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The name that every generator renders.
pub const PROJECT: &str = "sample-project";

const FILES_PER_FOLDER: usize = 5;
const LINES: usize = 36;

/// The path of file `index`, and whether it is a template.
pub fn path(index: usize) -> (String, bool) {
    let folder = index / FILES_PER_FOLDER;
    let is_template = index.is_multiple_of(FILES_PER_FOLDER);
    let name = if is_template { "README.md".to_owned() } else { format!("part-{index}.ts") };
    (format!("packages/area-{}/folder-{folder}/{name}", folder % 10), is_template)
}

/// The text of file `index`, with `name` where the project is named.
pub fn text(index: usize, name: &str) -> String {
    let (_, is_template) = path(index);
    let mut text = String::new();
    for line in 0..LINES {
        let _ = if is_template && line.is_multiple_of(6) {
            writeln!(text, "## Part {line} of {name}, in folder {index}\n")
        } else {
            writeln!(text, "export const value{line} = compute({index}, {line}); // step {line}")
        };
    }
    text
}

/// Writes the set below `root`, with `suffix` behind the names of templates.
pub fn write(root: &Path, count: usize, name: &str, suffix: &str) {
    for index in 0..count {
        let (path, is_template) = path(index);
        let path = if is_template { format!("{path}{suffix}") } else { path };
        put(&root.join(path), &text(index, name));
    }
}

/// Writes a file and the folders above it.
pub fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders are made");
    fs::write(path, text).expect("the file is written");
}

/// Writes a pack of ours with `count` files.
pub fn write_pack(root: &Path, count: usize) {
    put(
        &root.join("pack.toml"),
        &format!("name = \"benchmark\"\nversion = \"1.0.0\"\nsummary = \"{count} files\"\n"),
    );
    put(&root.join("components/all/component.toml"), "summary = \"everything\"\nalways = true\n");
    write(&root.join("components/all/files"), count, "{{ project.name }}", ".tera");
}

/// Panics where the set below `root` is not rendered whole and right.
pub fn check(root: &Path, count: usize, generator: &str) {
    for index in 0..count {
        let (path, _) = path(index);
        let rendered = fs::read_to_string(root.join(&path))
            .unwrap_or_else(|error| panic!("{generator}: {path}: {error}"));
        assert_eq!(rendered, text(index, PROJECT), "{generator} renders {path} otherwise");
    }
}
