//! Clients that others wrote, against a generated project that runs: `tritonclient` and `kserve`,
//! which speak the Open Inference Protocol, and Schemathesis, which holds services to their `OpenAPI`
//! documents: tests/clients/*.py. `make servers` runs them.
#![cfg(unix)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::project::{project, run};
use common::proof::prove;
use common::repository;

/// A Python with the clients. They are large: it is made anew only where their list has changed.
fn python() -> PathBuf {
    let tools = repository().join("target/tools/clients");
    let python = tools.join("venv/bin/python");
    let list = repository().join("tests/clients/requirements.txt");
    let wanted = fs::read_to_string(&list).expect("the list of clients");
    let installed = tools.join("installed.txt");
    if fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
        fs::create_dir_all(&tools).expect("a folder for tools");
        run(&tools, None, &["python3", "-m", "venv", "--clear", "venv"]);
        let (pip, list) = (tools.join("venv/bin/pip"), list.to_str().expect("UTF-8"));
        run(&tools, None, &[pip.to_str().expect("UTF-8"), "install", "--quiet", "-r", list]);
        fs::write(&installed, wanted).expect("what is installed is noted");
    }
    python
}

/// Sets a project up and lets the clients of these test files at it.
fn ask(name: &str, choices: &[&str], tests: &[&str]) {
    let folder = project(name, choices);
    run(&folder, None, &["make", "setup"]);
    let python = python();
    let project = format!("PROJECT={}", folder.display());
    let mut command = vec!["env", &project, "PYTHONPATH=../common"];
    command.push(python.to_str().expect("the path is UTF-8"));
    command.extend(["-m", "pytest", "--quiet", "-rP", "-p", "no:cacheprovider"]);
    command.extend(tests);
    print!("{}", run(&repository().join("tests/clients"), None, &command));
}

#[test]
#[ignore = "installs clients and starts servers; `make servers` runs it"]
fn triton_and_kserve_infer() {
    let Some(_proof) = prove("clients::triton_and_kserve_infer") else { return };
    ask("clients-ml", &["--ml"], &["test_triton.py", "test_kserve.py"]);
}

#[test]
#[ignore = "installs clients and starts servers; `make servers` runs it"]
fn services_do_as_their_documents_say() {
    let Some(_proof) = prove("clients::services_do_as_their_documents_say") else { return };
    ask("clients-full", &["--ml", "--realtime"], &["test_openapi.py"]);
}
