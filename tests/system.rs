//! Generated projects started with `make dev` and driven from outside, on what the machine has:
//! Rust and Python, nothing else; those on `RabbitMQ` need its server. `make test` and `make servers`
//! run them.
#![cfg(unix)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::project::{project, run};
use common::proof::prove;
use common::subjects::EVERY_ORM;
use common::{files_in, repository, scaffold_ok};

/// Sets a project up and runs its end-to-end tests, which start it.
fn drive(name: &str, choices: &[&str]) -> PathBuf {
    let folder = project(name, choices);
    run(&folder, None, &["make", "setup"]);
    let report = run(&folder, None, &["make", "e2e"]);
    print!("{report}");
    folder
}

/// Runs a test of this repository inside a project that is set up.
fn test_inside(folder: &Path, test: &str) {
    let test = repository().join("tests").join(test);
    let name = test.file_name().expect("a file").to_str().expect("UTF-8");
    let inside = format!("tests/{name}");
    fs::copy(&test, folder.join(&inside)).expect("the test is copied");
    print!("{}", run(folder, None, &[".venv/bin/python", "-m", "pytest", "-q", &inside]));
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn minimal_runs() {
    let Some(_proof) = prove("system::minimal_runs") else { return };
    let folder = drive("run-minimal", &[]);
    test_inside(&folder, "first_day/test_first_day.py");
    // Without a page something else is there to open.
    scaffold_ok(&folder, &["remove", "page"]);
    assert!(!folder.join("web").exists());
    run(&folder, None, &["make", "setup"]);
    let open = [".venv/bin/python", "-m", "pytest", "-q", "tests/test_gateway.py", "-k", "open"];
    print!("{}", run(&folder, None, &open));
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn ml_runs() {
    let Some(_proof) = prove("system::ml_runs") else { return };
    drive("run-ml", &["--ml"]);
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn realtime_runs() {
    let Some(_proof) = prove("system::realtime_runs") else { return };
    drive("run-realtime", &["--realtime"]);
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn ml_with_realtime_runs() {
    let Some(_proof) = prove("system::ml_with_realtime_runs") else { return };
    let folder = drive("run-full", &["--ml", "--realtime"]);
    test_inside(&folder, "first_day/test_first_day.py");
}

/// Both kinds and every ORM, held to one contract by one suite.
#[test]
#[ignore = "starts servers; `make test` runs it"]
fn own_services_run() {
    let Some(_proof) = prove("system::own_services_run") else { return };
    drive("run-own", EVERY_ORM);
}

/// People sign in at the issuer that comes along.
#[test]
#[ignore = "starts servers; `make test` runs it"]
fn identity_runs() {
    let Some(_proof) = prove("system::identity_runs") else { return };
    drive("run-identity", common::subjects::PEOPLE);
}

#[test]
#[ignore = "starts servers, needs rabbitmq-server; `make servers` runs it"]
fn ml_on_rabbitmq_runs() {
    let Some(_proof) = prove("system::ml_on_rabbitmq_runs") else { return };
    drive("run-rabbitmq", &["--ml", "--queue", "rabbitmq"]);
}

/// Services added to a project that is set up: two models behind two gateways, each driven by its
/// route; and taken away again, without a trace in the others.
#[test]
#[ignore = "starts servers; `make test` runs it"]
fn services_added_to_a_project_are_reached_by_their_routes() {
    let Some(_proof) = prove("system::services_added_to_a_project_are_reached_by_their_routes")
    else {
        return;
    };
    let folder = project("run-services", &["--ml"]);
    run(&folder, None, &["make", "setup"]);
    let before = files_of_services(&folder);
    scaffold_ok(&folder, &["add", "service", "scorer", "--kind", "inference"]);
    scaffold_ok(&folder, &["add", "service", "edge", "--kind", "gateway"]);
    let models = folder.join("services/scorer/models");
    fs::rename(models.join("digits"), models.join("letters")).expect("the model gets another name");
    run(&folder, None, &["make", "setup"]);
    test_inside(&folder, "services/test_services.py");
    fs::rename(models.join("letters"), models.join("digits"))
        .expect("the model gets its name back");
    scaffold_ok(&folder, &["remove", "service", "scorer", "edge"]);
    assert_eq!(files_of_services(&folder), before);
    scaffold_ok(&folder, &["check"]);
}

/// The files of the services that a project has from the start, without what tools leave there.
fn files_of_services(folder: &Path) -> Vec<(String, Vec<u8>, bool)> {
    let made = [
        "node_modules/",
        "__pycache__/",
        ".mypy_cache/",
        ".ruff_cache/",
        ".pytest_cache/",
        ".venv/",
    ];
    let mut files = Vec::new();
    for place in ["services/gateway", "services/inference", "kinds"] {
        let own = files_in(&folder.join(place)).into_iter();
        files.extend(own.filter(|(path, ..)| !made.iter().any(|made| path.contains(made))));
    }
    files
}

/// Sets a project up and lets everything in it die: `make faults`.
fn torment(name: &str, choices: &[&str]) {
    let folder = project(name, choices);
    run(&folder, None, &["make", "setup"]);
    let report = run(&folder, None, &["make", "faults"]);
    print!("{report}");
}

#[test]
#[ignore = "starts servers; `make faults` runs it"]
fn own_services_survive_their_faults() {
    let Some(_proof) = prove("system::own_services_survive_their_faults") else { return };
    let own =
        ["--realtime", "--faults", "--service", "orders=fastapi", "--service", "stock=fastify"];
    torment("faults-own", &own);
}

#[test]
#[ignore = "starts servers; `make faults` runs it"]
fn redis_survives_its_faults() {
    let Some(_proof) = prove("system::redis_survives_its_faults") else { return };
    torment("faults-redis", &["--ml", "--realtime", "--faults"]);
}

#[test]
#[ignore = "starts servers, needs rabbitmq-server; `make faults` runs it"]
fn rabbitmq_survives_its_faults() {
    let Some(_proof) = prove("system::rabbitmq_survives_its_faults") else { return };
    torment("faults-rabbitmq", &["--ml", "--queue", "rabbitmq", "--faults"]);
}

/// The README's first command, as written.
#[test]
#[ignore = "starts servers; `make test` runs it"]
fn the_demonstration_predicts_a_digit_and_keeps_an_item() {
    let Some(_proof) = prove("system::the_demonstration_predicts_a_digit_and_keeps_an_item") else {
        return;
    };
    let report = run(&repository(), None, &["make", "demo"]);
    print!("{report}");
    for step in ["render", "setup", "start", "predict", "succeeded", "keep", "created", "stop"] {
        assert!(report.contains(step), "`{step}` is missing in:\n{report}");
    }
}
