//! `examples/<name>/` holds whole rendered projects, so that what a change of templates does to
//! the output is a readable diff. `UPDATE=1 cargo test --test golden` renews them.

mod common;

use std::fs;

use common::{files_in, put, repository, scaffold_ok, stdout, tree_of};
use scaffold::choose::selection::Choices;
use scaffold::pack::load::Pack;

const EXAMPLES: [(&str, &[&str]); 5] = [
    ("minimal", &[]),
    ("ml", &["ml"]),
    ("realtime", &["realtime"]),
    ("full", &["ml", "realtime"]),
    ("own", &["fastapi", "fastify"]),
];

#[test]
fn examples_equal_their_renderings() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    for (name, flags) in EXAMPLES {
        let choices = Choices {
            name: Some(name.to_owned()),
            components: flags.iter().map(|flag| ((*flag).to_owned(), true)).collect(),
            ..Choices::default()
        };
        let tree = tree_of(&pack, choices.complete(&pack).expect("a valid selection"));
        let folder = repository().join("examples").join(name);
        if std::env::var_os("UPDATE").is_some() {
            if folder.exists() {
                fs::remove_dir_all(&folder).expect("the old example is removed");
            }
            for (path, file) in tree.iter() {
                put(&folder, path, &file.bytes);
                if file.executable {
                    make_executable(&folder.join(path));
                }
            }
        }
        let mut there = files_in(&folder);
        there.retain(|(path, _, _)| !path.contains("node_modules/") && !path.starts_with(".venv/"));
        there.sort();
        let rendered: Vec<(String, Vec<u8>, bool)> = tree
            .iter()
            .map(|(path, file)| (path.to_owned(), file.bytes.to_vec(), file.executable))
            .collect();
        let different: Vec<&String> = rendered
            .iter()
            .filter(|file| !there.contains(file))
            .chain(there.iter().filter(|file| !rendered.contains(file)))
            .map(|(path, _, _)| path)
            .collect();
        assert!(
            different.is_empty(),
            "examples/{name} is not what is rendered (UPDATE=1 renews it): {different:#?}"
        );
    }
}

/// The documentation's table of choices is what the manifests say.
#[test]
fn the_page_of_choices_equals_the_list() {
    let listed = stdout(&scaffold_ok(&repository(), &["list"]));
    let page = format!(
        "# What can be chosen\n\nWritten from the manifests by `make examples`; `scaffold list` prints the same.\n\n```text\n{listed}```\n"
    );
    let path = repository().join("docs/choices.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).expect("the page is written");
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), page, "UPDATE=1 renews it");
}

/// The diagram of the README is that of the example `full`.
#[test]
fn the_diagram_of_the_readme_is_drawn_by_the_program() {
    let drawn =
        stdout(&scaffold_ok(&repository(), &["plan", "full", "--preset", "full", "--diagram"]));
    let path = repository().join("README.md");
    let page = fs::read_to_string(&path).expect("there is a README");
    let (before, rest) = page.split_once("```mermaid\n").expect("there is a diagram");
    let (_, after) = rest.split_once("```\n").expect("the diagram ends");
    let renewed = format!("{before}```mermaid\n{drawn}```\n{after}");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &renewed).expect("the page is written");
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), renewed, "UPDATE=1 renews it");
}

#[cfg(unix)]
fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the mode is set");
}

#[cfg(not(unix))]
fn make_executable(_: &std::path::Path) {}
