//! Generated projects under their own tools: locks that install, types, lint, format, unit tests.
//! Slow, and in need of the package registries: `make test` runs them.
#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;

use common::project::{node_24, node_26, project, run};
use common::proof::prove;
use common::subjects::EVERY_ORM;

/// Sets a project up and runs all its checks.
fn check(name: &str, choices: &[&str], node: &Path, major: &str) {
    let folder = project(name, choices);
    let node_version = run(&folder, Some(node), &["node", "--version"]);
    assert!(node_version.starts_with(&format!("v{major}.")), "{node_version}");
    run(&folder, Some(node), &["make", "setup"]);
    let report = run(&folder, Some(node), &["make", "test"]);
    print!("{report}");
    locks_are_taken_as_they_are(&folder, node);
}

/// npm finds nothing to add to or to take from the lock that was rendered.
fn locks_are_taken_as_they_are(folder: &Path, node: &Path) {
    let lock = folder.join("package-lock.json");
    let before = fs::read_to_string(&lock).expect("the lock is there");
    let npm = [
        "npm",
        "install",
        "--package-lock-only",
        "--no-audit",
        "--no-fund",
        "--omit-lockfile-registry-resolved=true",
    ];
    run(folder, Some(node), &npm);
    assert_eq!(
        fs::read_to_string(&lock).expect("the lock is there"),
        before,
        "npm changed the lock"
    );
}

#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn minimal_passes_its_own_checks() {
    let Some(_proof) = prove("toolchain::minimal_passes_its_own_checks") else { return };
    check("minimal", &[], &node_26(), "26");
    check("minimal-node24", &[], &node_24(), "24");
}

/// One without the other: the types; the tests are those that both together run.
#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn ml_and_realtime_alone_pass_their_type_checks() {
    let Some(_proof) = prove("toolchain::ml_and_realtime_alone_pass_their_type_checks") else {
        return;
    };
    for (name, choices) in [("ml", &["--ml"][..]), ("realtime", &["--realtime", "--bench"])] {
        let folder = project(name, choices);
        let node = node_26();
        run(&folder, Some(&node), &["make", "setup"]);
        print!("{}", run(&folder, Some(&node), &["make", "test", "ONLY=check"]));
        if name == "ml" {
            print!("{}", run(&folder, Some(&node), &["make", "test", "ONLY=mypy"]));
        }
        locks_are_taken_as_they_are(&folder, &node);
    }
}

#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn ml_with_realtime_passes_its_own_checks() {
    let Some(_proof) = prove("toolchain::ml_with_realtime_passes_its_own_checks") else { return };
    check("full-node24", &["--preset", "full"], &node_24(), "24");
}

/// With a real `RabbitMQ` of this machine; Debian's is the oldest that is promised to work.
#[test]
#[ignore = "needs the package registries and rabbitmq-server; `make test` runs it"]
fn ml_on_rabbitmq_passes_its_own_checks() {
    let Some(_proof) = prove("toolchain::ml_on_rabbitmq_passes_its_own_checks") else { return };
    check("rabbitmq", &["--ml", "--queue", "rabbitmq"], &node_26(), "26");
}

/// Two services of each kind: each installs, type-checks and passes its tests.
#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn two_services_of_a_kind_pass_their_own_checks() {
    let Some(_proof) = prove("toolchain::two_services_of_a_kind_pass_their_own_checks") else {
        return;
    };
    let choices =
        ["--ml", "--realtime", "--service", "scorer=inference", "--service", "edge=gateway"];
    check("two-of-a-kind", &choices, &node_26(), "26");
}

#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn identity_passes_its_own_checks() {
    let Some(_proof) = prove("toolchain::identity_passes_its_own_checks") else { return };
    check("identity", common::subjects::PEOPLE, &node_26(), "26");
}

/// Own services in both languages; without realtime nothing tells of changes, and their types show
/// that nothing is missing.
#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn own_services_pass_their_own_checks() {
    let Some(_proof) = prove("toolchain::own_services_pass_their_own_checks") else { return };
    check("own", EVERY_ORM, &node_26(), "26");
    let (folder, node) = (project("own-alone", &["--fastapi", "--fastify"]), node_24());
    run(&folder, Some(&node), &["make", "setup"]);
    for only in ["check", "mypy", "ruff", "format"] {
        let only = format!("ONLY={only}");
        print!("{}", run(&folder, Some(&node), &["make", "test", &only]));
    }
    locks_are_taken_as_they_are(&folder, &node);
}

/// Replaces a text that is in a file once.
fn replace(folder: &Path, path: &str, old: &str, new: &str) {
    let file = folder.join(path);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(text.matches(old).count(), 1, "{path} has once: {old}");
    fs::write(&file, text.replace(old, new)).expect("the file is written");
}

/// What an owner does first: the contract, the script and the gateway learn of a field, and no
/// test has to, since none is about it.
#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn one_more_field_of_the_job_breaks_no_test() {
    let Some(_proof) = prove("toolchain::one_more_field_of_the_job_breaks_no_test") else { return };
    let folder = project("field", &["--ml", "--realtime"]);
    let schema = "    \"trace_id\": {\n";
    let field = format!("    \"priority\": {{\n      \"type\": \"integer\"\n    }},\n{schema}");
    let after = [
        ("contracts/job.schema.json", schema, field.as_str()),
        (
            "contracts/job.schema.json",
            "    \"trace_id\",\n",
            "    \"trace_id\",\n    \"priority\",\n",
        ),
        (
            "contracts/lua/accept.lua",
            "  'progress', '0',\n",
            "  'progress', '0',\n  'priority', '0',\n",
        ),
        ("contracts/lua/start.lua", "  now = now,\n", "  now = now,\n  priority = 0,\n"),
        (
            "services/gateway/src/jobs.ts",
            "  'redriven_from',\n]",
            "  'redriven_from',\n  'priority',\n]",
        ),
        (
            "services/gateway/src/jobs.ts",
            "      redriven_from: null,\n",
            "      redriven_from: null,\n      priority: 0,\n",
        ),
        (
            "services/gateway/src/jobs.ts",
            "      redriven_from: fields['redriven_from'] || null,\n",
            "      redriven_from: fields['redriven_from'] || null,\n      priority: Number(fields['priority']),\n",
        ),
    ];
    for (path, old, new) in after {
        replace(&folder, path, old, new);
    }
    let node = node_26();
    run(&folder, Some(&node), &["make", "setup"]);
    run(&folder, Some(&node), &["node", "packages/contracts/generate.ts"]);
    for only in ["packages types", "services/gateway", "kinds/inference pytest"] {
        print!("{}", run(&folder, Some(&node), &["make", "test", &format!("ONLY={only}")]));
    }
    let about = ["-k", "about_itself or key or events"];
    let pytest = [".venv/bin/python", "-m", "pytest", "--quiet", "tests/test_predictions.py"];
    print!("{}", run(&folder, Some(&node), &[&pytest[..], &about].concat()));
}

/// Who changes a route is told, sees it in git and finds the callers that it breaks.
#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn a_changed_route_is_seen_and_breaks_its_callers() {
    let Some(_proof) = prove("toolchain::a_changed_route_is_seen_and_breaks_its_callers") else {
        return;
    };
    let (folder, node) = (project("contracts", &["--fastapi"]), node_26());
    let script = |text: &str| run(&folder, Some(&node), &["sh", "-c", text]);
    script("make setup");
    let call = "import { createClient } from '@app/api';\n\n\
        const api = createClient({ baseUrl: '' });\n\
        const query = { name: 'Ann' };\n\
        export const hello = await api.GET('/v1/hello', { params: { query } });\n\
        export const all = await api.GET('/v1/fastapi/items');\n";
    fs::write(folder.join("services/gateway/test/caller.ts"), call).expect("the file is written");
    // The settings of a machine are no part of an interface.
    fs::write(folder.join(".env"), "PAGE_MAX=7\n").expect("the file is written");
    script("make test ONLY=contracts");
    script("make test ONLY='services/gateway check'");

    let route = "services/gateway/src/routes/v1/hello.ts";
    replace(&folder, route, "object({ name:", "object({ who:");
    replace(&folder, route, "request.query.name", "request.query.who");
    let items = "services/fastapi/app/routes/items.py";
    replace(&folder, items, "\"\"\"List items, ", "\"\"\"Give items, ");
    fs::write(folder.join("contracts/openapi/gone.json"), "{}\n").expect("the file is written");
    let told = script("! make test ONLY=contracts");
    for line in [
        "contracts/openapi/fastapi.json is not what it would be now",
        "contracts/openapi/gateway.json is not what it would be now",
        "contracts/openapi/gone.json belongs to no service",
        "hint: make contracts",
    ] {
        assert!(told.contains(line), "{line}:\n{told}");
    }
    script("make contracts");
    script("make test ONLY=contracts");
    let broken = script("! make test ONLY='services/gateway check'");
    assert!(broken.contains("test/caller.ts(5,"), "{broken}");

    let page = fs::read_to_string(folder.join("README.md")).expect("there is a README");
    let command = page.lines().find(|line| line.contains("openapi-python-client@"));
    script(command.expect("the README says how to make a client in Python").trim());
    script(".venv/bin/python -m compileall -q clients/gateway/models clients/gateway/api/example");
    locks_are_taken_as_they_are(&folder, &node);
}

/// The project's own programs, and this repository's scripts and tests, in the form of the services' code.
#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn python_outside_of_services_is_formatted_and_linted() {
    let Some(_proof) = prove("toolchain::python_outside_of_services_is_formatted_and_linted")
    else {
        return;
    };
    let folder = project("lint", &["--preset", "full", "--service", "orders=fastapi"]);
    run(&folder, Some(&node_26()), &["make", "setup"]);
    let ruff = folder.join(".venv/bin/ruff");
    let ruff = ruff.to_str().expect("the path is UTF-8");
    let own = ["scripts", "tests"].map(|folder| common::repository().join(folder));
    let own = own.each_ref().map(|folder| folder.to_str().expect("the path is UTF-8"));
    // What is in packs is code of services, which have settings of their own.
    let form = [
        "--isolated",
        "--line-length",
        "100",
        "--target-version",
        "py311",
        "--quiet",
        "--exclude",
        "packs",
    ];
    // E402, UP036: setup.py refuses an old Python before it imports what that one lacks.
    let lint = ["check", "--select", "E,F,I,B,UP,SIM,RUF", "--ignore", "E402,UP036"];
    for command in [&["format", "--check"][..], &lint] {
        let arguments = [&[ruff], command, &form, &["tools", "tests", "infra"], &own].concat();
        run(&folder, None, &arguments);
    }
}
