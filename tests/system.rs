//! Generated projects started with `make dev` and driven from outside, on what the machine has:
//! Rust and Python, and for RabbitMQ its server. `make test` runs them.
#![cfg(unix)]

mod common;

use common::project::{project, run};
use common::repository;

/// Sets a project up and runs its end-to-end tests, which start it.
fn drive(name: &str, choices: &[&str]) {
    let folder = project(name, choices);
    run(&folder, None, &["make", "setup"]);
    let report = run(&folder, None, &["make", "e2e"]);
    print!("{report}");
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn minimal_runs() {
    drive("run-minimal", &[]);
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn ml_runs() {
    drive("run-ml", &["--ml"]);
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn realtime_runs() {
    drive("run-realtime", &["--realtime"]);
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn ml_with_realtime_runs() {
    drive("run-full", &["--ml", "--realtime"]);
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn ml_on_rabbitmq_runs() {
    drive("run-rabbitmq", &["--ml", "--queue", "rabbitmq"]);
}

/// Sets a project up and lets everything in it die: `make faults`.
fn torment(name: &str, choices: &[&str]) {
    let folder = project(name, choices);
    run(&folder, None, &["make", "setup"]);
    let report = run(&folder, None, &["make", "faults"]);
    print!("{report}");
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn redis_survives_its_faults() {
    torment("faults-redis", &["--ml", "--realtime"]);
}

#[test]
#[ignore = "starts servers, needs rabbitmq-server; `make test` runs it"]
fn rabbitmq_survives_its_faults() {
    torment("faults-rabbitmq", &["--ml", "--queue", "rabbitmq"]);
}

/// The README's first command, as written.
#[test]
#[ignore = "starts servers; `make test` runs it"]
fn the_demonstration_predicts_a_digit() {
    let report = run(&repository(), None, &["make", "demo"]);
    print!("{report}");
    for step in ["render", "setup", "start", "predict", "succeeded", "stop"] {
        assert!(report.contains(step), "`{step}` is missing in:\n{report}");
    }
}
