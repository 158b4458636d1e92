//! The page of generated projects in a real browser, Debian's Chromium: tests/page/*.py, against
//! the project's own `make dev`. `make servers` runs them.
//!
//! `UPDATE=1 cargo test --test page -- --ignored` renews docs/screenshots/ (with the fonts Inter
//! and `JetBrains` Mono on the machine).
#![cfg(unix)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::project::{node_24, project, run};
use common::proof::prove;
use common::repository;

const AXE: &str = "axe-core@4.14.1";

/// A Python with what the tests need, and the script of axe-core.
fn tools() -> (PathBuf, PathBuf) {
    let tools = repository().join("target/tools/page");
    let (python, axe) = (tools.join("venv/bin/python"), tools.join("node_modules/axe-core/axe.js"));
    if !axe.exists() {
        fs::create_dir_all(&tools).expect("a folder for tools");
        run(&tools, None, &["python3", "-m", "venv", "--clear", "venv"]);
        let needed = repository().join("tests/page/requirements.txt");
        let (pip, needed) = (tools.join("venv/bin/pip"), needed.to_str().expect("UTF-8"));
        let pip = pip.to_str().expect("UTF-8");
        run(&tools, None, &[pip, "install", "--quiet", "-r", needed]);
        let npm =
            ["npm", "install", "--prefix", ".", "--no-audit", "--no-fund", "--ignore-scripts", AXE];
        run(&tools, Some(&node_24()), &npm);
    }
    (python, axe)
}

/// Sets a project up and looks at its page.
fn look_at(name: &str, choices: &[&str], tests: &[&str]) {
    let folder = project(name, choices);
    run(&folder, None, &["make", "setup"]);
    let (python, axe) = tools();
    let project = format!("PROJECT={}", folder.display());
    let axe = format!("AXE={}", axe.display());
    let python = python.to_str().expect("the path is UTF-8");
    let mut command = vec!["env", &project, &axe, "PYTHONPATH=../common", python, "-m", "pytest"];
    command.extend(["--quiet", "-p", "no:cacheprovider"]);
    command.extend(tests);
    print!("{}", run(&repository().join("tests/page"), None, &command));
}

#[test]
#[ignore = "starts servers and a browser; `make servers` runs it"]
fn ml_with_realtime_draws_watches_chats_and_resumes() {
    let Some(_proof) = prove("page::ml_with_realtime_draws_watches_chats_and_resumes") else {
        return;
    };
    let tests =
        ["test_page.py", "test_digits.py", "test_channel.py", "test_key.py", "test_resume.py"];
    look_at("page-full", &["--ml", "--realtime"], &tests);
}

#[test]
#[ignore = "starts servers and a browser; `make servers` runs it"]
fn ml_alone_draws_and_watches_by_asking() {
    let Some(_proof) = prove("page::ml_alone_draws_and_watches_by_asking") else { return };
    look_at("page-ml", &["--ml"], &["test_page.py", "test_digits.py", "test_key.py"]);
}

#[test]
#[ignore = "starts servers and a browser; `make servers` runs it"]
fn a_project_without_choices_says_hello() {
    let Some(_proof) = prove("page::a_project_without_choices_says_hello") else { return };
    look_at("page-minimal", &[], &["test_page.py", "test_hello.py", "test_key.py"]);
}

#[test]
#[ignore = "starts servers and a browser; `make servers` runs it"]
fn realtime_alone_chats() {
    let Some(_proof) = prove("page::realtime_alone_chats") else { return };
    look_at("page-realtime", &["--realtime"], &["test_page.py", "test_channel.py"]);
}

#[test]
#[ignore = "starts servers and a browser; `make servers` runs it"]
fn people_sign_in_and_out() {
    let Some(_proof) = prove("page::people_sign_in_and_out") else { return };
    look_at("page-people", common::subjects::PEOPLE_WITH_A_PAGE, &["test_people.py"]);
}
