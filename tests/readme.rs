//! Every command of the README works as written. `make demo` is run by `tests/system.rs`, and
//! `make test` runs these tests.

mod common;

use std::fs;
use std::process::Command;

use scaffold::choose::selection::Choices;
use scaffold::pack::load::Pack;

use common::{repository, stdout, tree_of};

fn commands() -> Vec<String> {
    let text = fs::read_to_string(repository().join("README.md")).expect("the README is there");
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            found.push(line.to_owned());
        }
    }
    found
}

#[test]
fn commands_of_the_readme_work() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let programs = tempfile::tempdir().expect("a temporary folder");
    fs::copy(env!("CARGO_BIN_EXE_scaffold"), programs.path().join("scaffold"))
        .expect("the program is copied");
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").expect("a path"));
    std::os::unix::fs::symlink(repository().join("examples"), work.path().join("examples"))
        .expect("a link");
    let mut run = 0;
    for command in commands().iter().filter(|command| command.starts_with("scaffold ")) {
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(work.path())
            .env("PATH", &path)
            .output()
            .expect("a shell starts");
        assert!(output.status.success(), "{command}: {}", common::stderr(&output));
        run += 1;
    }
    assert!(run >= 8, "{run} commands were found");
}

#[test]
fn make_knows_the_targets_that_documents_name() {
    let named: Vec<String> = ["README.md", "ARCHITECTURE.md"]
        .iter()
        .flat_map(|page| {
            let text = fs::read_to_string(repository().join(page)).expect("the page is there");
            text.split("make ")
                .skip(1)
                .filter_map(|rest| {
                    rest.split(|c: char| !c.is_ascii_lowercase()).next().map(str::to_owned)
                })
                .collect::<Vec<String>>()
        })
        .collect();
    let help =
        Command::new("make").arg("help").current_dir(repository()).output().expect("make starts");
    let help = stdout(&help);
    for target in ["demo", "test", "build", "lock", "examples"] {
        assert!(named.iter().any(|name| name == target), "`make {target}` is documented nowhere");
        assert!(help.contains(&format!("make {target} ")), "`make {target}` is not in:\n{help}");
    }
    // Those who change the generator are told of no other.
    for page in ["CONTRIBUTING.md", "AGENTS.md"] {
        let text = fs::read_to_string(repository().join(page)).expect("the page is there");
        for rest in
            text.split("`make ").skip(1).chain(text.split("PROOF=skip-proven make ").skip(1))
        {
            let target = rest.split(['`', ' ']).next().unwrap_or_default();
            let is_known = help.contains(&format!("make {target} "))
                || fs::read_to_string(repository().join("Makefile"))
                    .is_ok_and(|makefile| makefile.contains(&format!("\n{target}:")));
            assert!(is_known, "{page}: there is no `make {target}`");
        }
    }
}

/// `make breaks` replaces text of a rendered project, which may lie or read otherwise one day.
#[test]
fn what_is_broken_on_purpose_is_where_a_project_has_it() {
    let script = fs::read_to_string(repository().join("scripts/breaks.py")).expect("it is there");
    let paths: Vec<&str> = script
        .lines()
        .filter_map(|line| line.strip_prefix("        \"")?.strip_suffix("\","))
        .filter(|text| text.contains('/') && !text.contains([' ', ':']))
        .collect();
    assert!(paths.len() >= 5, "{paths:?}");
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let mut choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
    choices.components = ["ml", "realtime", "faults"].map(|flag| (flag.to_owned(), true)).into();
    for (name, kind) in [("orders", "fastapi"), ("stock", "fastify")] {
        choices.add_service(&pack, name, kind).expect("a kind of the pack");
    }
    let tree = tree_of(&pack, choices.complete(&pack).expect("a valid selection"));
    for path in paths {
        assert!(tree.get(path).is_some(), "{path} is not there");
    }
}
