//! Parts dock: three folders, written from docs/packs.md alone, are dropped into a copy of the pack and
//! are everywhere, and no other file of the pack is touched. They are a kind of service in Go with its
//! runtime, something that it leans on, and a fourth kind of queue.
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::pods::assert_restricted;
use common::project::{checker, run};
use common::proof::{place_for, prove};
use common::{files_in, put, repository, scaffold_ok, stdout, tree_of};
use scaffold::choose::selection::Choices;
use scaffold::lint::{proof, validate};
use scaffold::pack::load::Pack;
use serde::Deserialize as _;
use serde_yaml_ng::Value;

const FOLDERS: [&str; 3] = ["services/archive", "providers/objects", "providers/nats"];
/// Both of them, and two services of the new kind.
const CHOICES: [&str; 7] =
    ["--archive", "--realtime", "--faults", "--queue", "nats", "--service", "cold=archive"];

/// A copy of the pack with the three folders in it.
fn pack() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, bytes, _) in files_in(&repository().join("templates")) {
        put(folder.path(), &path, &bytes);
    }
    let dropped = files_in(&repository().join("tests/packs/docking"));
    assert!(dropped.len() > 20);
    for (path, bytes, _) in dropped {
        let own = FOLDERS.iter().any(|own| path.starts_with(&format!("{own}/")));
        assert!(own, "{path} lies in none of the three folders");
        assert!(!folder.path().join(&path).exists(), "{path} is a file of the pack");
        put(folder.path(), &path, &bytes);
    }
    folder
}

/// The project of [`CHOICES`], in `folder`.
fn rendered(pack: &Path, folder: &Path) {
    let (pack, into) = (pack.to_str().expect("UTF-8"), folder.to_str().expect("UTF-8"));
    let arguments = ["new", "my-app", "--templates", pack, "--into", into];
    scaffold_ok(&repository(), &[&arguments[..], &CHOICES].concat());
}

fn read(folder: &Path, path: &str) -> String {
    fs::read_to_string(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn a_pack_with_three_folders_more_has_no_problem() {
    let folder = pack();
    let pack = validate::load(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let proof = proof::prove(&pack, &[]);
    let problems: Vec<String> = proof.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, [""; 0], "{} selections", proof.selections);
}

#[test]
fn what_is_dropped_in_and_not_chosen_leaves_no_trace() {
    let folder = pack();
    let more = validate::load(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let embedded = Pack::embedded().expect("the embedded pack can be read");
    for (flags, queue) in [
        (&[][..], None),
        (&["ml", "realtime"][..], None),
        (&["ml", "realtime"][..], Some("rabbitmq")),
    ] {
        let files = |pack: &Pack| -> BTreeMap<String, Vec<u8>> {
            let choices = Choices {
                name: Some("my-app".to_owned()),
                components: flags.iter().map(|flag| ((*flag).to_owned(), true)).collect(),
                slots: queue
                    .map(|queue| ("queue".to_owned(), queue.to_owned()))
                    .into_iter()
                    .collect(),
                ..Choices::default()
            };
            let tree = tree_of(pack, choices.complete(pack).expect("a valid selection"));
            let files = tree.iter().map(|(path, file)| (path.to_owned(), file.bytes.to_vec()));
            // These list what can be chosen, and say which pack it was.
            let own = ["scaffold.toml", "scaffold.lock", ".scaffold/base.tar.zst"];
            files.filter(|(path, _)| !own.contains(&path.as_str())).collect()
        };
        let (before, after) = (files(&embedded), files(&more));
        let differ = before.iter().filter(|(path, bytes)| after.get(*path) != Some(bytes));
        let differ: Vec<&String> = differ.map(|(path, _)| path).collect();
        assert!(differ.is_empty() && before.len() == after.len(), "{flags:?}: {differ:?}");
    }
}

/// Each of the three is where people choose, read, run, deploy and check.
#[test]
fn what_is_dropped_in_is_everywhere() {
    let (pack, place) = (pack(), tempfile::tempdir().expect("a temporary folder"));
    let folder = place.path().join("project");
    rendered(pack.path(), &folder);
    let templates = pack.path().to_str().expect("UTF-8");
    let asked = |arguments: &[&str]| {
        stdout(&scaffold_ok(place.path(), &[arguments, &["--templates", templates][..]].concat()))
    };
    let help = asked(&["new", "--help"]);
    let schema = asked(&["schema"]);
    for choice in ["--archive", "nats"] {
        assert!(help.contains(choice), "{choice}: {help}");
        assert!(schema.contains(choice.trim_start_matches('-')), "{choice}: {schema}");
    }
    let expected: [(&str, &[&str]); 25] = [
        ("scaffold.toml", &["archive = true", "queue = \"nats\"", "name = \"cold\""]),
        ("README.md", &["## Archives", "`services/archive`", "`infra/objects`", "`infra/nats`"]),
        (
            "docs/architecture.md",
            &[
                "  objects[(",
                "archive -- \"files\" --> objects",
                "cold -- \"files\" --> objects",
                "gateway -- \"files\" --> cold",
                "inference-worker -- \"take jobs\" --> nats",
            ],
        ),
        (".env.example", &["#ARCHIVE_URLS=", "#OBJECTS_URL=", "#NATS_URL="]),
        ("contracts/limits.json", &["archive_max_bytes"]),
        (".editorconfig", &["[*.go]\nindent_style = tab\n"]),
        (".dockerignore", &["**/*_test.go"]),
        (
            ".github/workflows/ci.yaml",
            &[
                "- 'services/archive'",
                "- 'services/cold'",
                "actions/setup-go@",
                "go-version: '1.26'",
            ],
        ),
        ("renovate.json", &["\"matchManagers\": [\"gomod\"]"]),
        (
            "tools/dev.toml",
            &[
                "name = \"archive\"",
                "name = \"cold\"",
                "name = \"objects\"",
                "name = \"objects-bucket\"",
                "once = true",
                "name = \"nats\"",
                "needs = [\"objects\", \"redis\"]",
                "ARCHIVE_URLS = \"archive=http://127.0.0.1:{archive.port},cold=http://127.0.0.1:{cold.port}\"",
                "setup = [\"go\", \"build\", \"-o\", \"/dev/null\", \"./...\"]",
            ],
        ),
        (
            "compose.yaml",
            &[
                "services/archive/compose.yaml",
                "services/cold/compose.yaml",
                "infra/objects/compose.yaml",
                "infra/nats/compose.yaml",
            ],
        ),
        (
            "services/cold/compose.yaml",
            &[
                "objects-bucket:\n        condition: service_completed_successfully",
                "OBJECTS_SECRET_KEY: '${OBJECTS_SECRET_KEY:?",
                "- '-check'",
            ],
        ),
        ("services/cold/Dockerfile", &["FROM golang:", "COPY services/cold ./"]),
        (
            "infra/objects/compose.yaml",
            &["  objects-bucket:", "- objects:/data", "MINIO_ROOT_USER: '${OBJECTS_ACCESS_KEY:?"],
        ),
        ("infra/nats/compose.yaml", &["image: nats:", "- ./nats.conf:/etc/nats/nats.conf:ro"]),
        (
            "deploy/kubernetes/base/cold.yaml",
            &[
                "kind: 'Deployment'",
                "kind: 'Service'",
                "kind: 'HorizontalPodAutoscaler'",
                "initContainers:",
                "key: 'mc-host'",
                "name: 'OBJECTS_SECRET_KEY'",
            ],
        ),
        (
            "deploy/kubernetes/base/network.yaml",
            &[
                "gateway-to-archive",
                "archive-from-gateway",
                "cold-to-inference",
                "inference-from-cold",
            ],
        ),
        ("deploy/kubernetes/base/kustomization.yaml", &["archive.yaml", "cold.yaml"]),
        (
            "deploy/kubernetes/overlays/dev/network.yaml",
            &[
                "archive-to-objects",
                "objects-from-archive",
                "cold-to-objects",
                "inference-worker-to-nats",
                "nats-from-inference-worker",
            ],
        ),
        (
            "deploy/kubernetes/overlays/dev/objects.yaml",
            &[
                "kind: 'StatefulSet'",
                "containerPort: 9001",
                "storage: '10Gi'",
                "key: 'access_key'",
                "key: 'secret_key'",
            ],
        ),
        (
            "deploy/kubernetes/overlays/dev/nats.yaml",
            &["kind: 'StatefulSet'", "subPath: 'nats.conf'"],
        ),
        (
            "deploy/kubernetes/overlays/prod/network.yaml",
            &["archive-to-objects", "inference-worker-to-nats"],
        ),
        (
            "deploy/kubernetes/components/keda/queue.yaml",
            &["nats-jetstream", "'nats:8222'", "stream: 'jobs-inference'", "port: 8222"],
        ),
        (
            "deploy/kubernetes/README.md",
            &[
                "create secret generic objects",
                "--from-literal=access_key=$ACCESS_KEY",
                "mc-host=",
                "create secret generic nats",
                "has to have the bucket",
            ],
        ),
        ("services/gateway/src/config.ts", &["...archives,"]),
    ];
    for (path, texts) in expected {
        let content = read(&folder, path);
        for text in texts {
            assert!(content.contains(text), "{path} does not say `{text}`:\n{content}");
        }
    }
}

#[test]
fn the_pods_of_what_is_dropped_in_meet_the_restricted_standard() {
    let (pack, place) = (pack(), tempfile::tempdir().expect("a temporary folder"));
    let folder = place.path().join("project");
    rendered(pack.path(), &folder);
    let mut pods = Vec::new();
    for (path, bytes, _) in files_in(&folder.join("deploy")) {
        if path.rsplit('.').next() != Some("yaml") {
            continue;
        }
        let text = String::from_utf8(bytes).expect("manifests are text");
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            let document = Value::deserialize(document).expect("manifests are YAML");
            let pod = &document["spec"]["template"]["spec"];
            if !pod.is_null() {
                assert_restricted(&path, pod);
                pods.push(document["metadata"]["name"].as_str().unwrap_or_default().to_owned());
            }
        }
    }
    for name in ["archive", "cold", "objects", "nats"] {
        assert!(pods.iter().any(|pod| pod == name), "{name}: {pods:?}");
    }
}

/// A project with all of it under target/, with a fresh copy of the pack.
fn project(name: &str) -> PathBuf {
    let pack = pack();
    let folder = place_for(name);
    rendered(pack.path(), &folder);
    folder
}

#[test]
#[ignore = "needs kubectl and Docker Compose; `make servers` runs it"]
fn every_target_takes_what_is_dropped_in() {
    let Some(_proof) = prove("dropin::every_target_takes_what_is_dropped_in") else {
        return;
    };
    let folder = project("dropin-manifests");
    for overlay in ["dev", "prod"] {
        let path = format!("deploy/kubernetes/overlays/{overlay}");
        let built = run(&folder, None, &["kubectl", "kustomize", &path]);
        assert!(built.contains("name: cold"), "{overlay}");
        put(&folder, "built.yaml", built.as_bytes());
        let validate = [&checker("kubernetes-validate"), "--strict", "--quiet", "-k", "1.37"];
        run(&folder, None, &[&validate[..], &["built.yaml"]].concat());
        fs::remove_file(folder.join("built.yaml")).expect("the file is removed");
    }
    for (schema, paths) in [
        (
            "compose-spec",
            &[
                "compose.yaml",
                "infra/objects/compose.yaml",
                "infra/nats/compose.yaml",
                "services/cold/compose.yaml",
            ][..],
        ),
        ("github-workflows", &[".github/workflows/ci.yaml"]),
        ("renovate", &["renovate.json"]),
    ] {
        let schema = format!("vendor.{schema}");
        let check = [&checker("check-jsonschema"), "--builtin-schema", &schema];
        run(&folder, None, &[&check[..], paths].concat());
    }
    run(
        &folder,
        None,
        &[&checker("yamllint"), "--strict", "deploy", ".github", "infra", "services"],
    );
    put(
        &folder,
        ".env",
        b"REDIS_PASSWORD=x\nNATS_PASSWORD=x\nOBJECTS_ACCESS_KEY=x\nOBJECTS_SECRET_KEY=x\n",
    );
    let config = run(&folder, None, &["docker", "compose", "config", "--quiet"]);
    assert!(!config.contains("warn"), "{config}");
}

/// A folder with a server of NATS, which the compiler of Go makes from its sources.
fn nats_server() -> PathBuf {
    let programs = repository().join("target/tools/nats");
    if !programs.join("nats-server").exists() {
        fs::create_dir_all(&programs).expect("a folder for programs");
        let place = format!("GOBIN={}", programs.display());
        let source = "github.com/nats-io/nats-server/v2@v2.15.3";
        run(&programs, None, &["env", &place, "go", "install", source]);
    }
    programs
}

/// Runs a test of tests/dropin inside a project that is set up.
fn test_inside(folder: &Path, programs: &Path, test: &str) {
    let source = repository().join("tests/dropin").join(test);
    fs::copy(source, folder.join("tests").join(test)).expect("the test is copied");
    let inside = format!("tests/{test}");
    let pytest = [".venv/bin/python", "-m", "pytest", "-q", "-rP", &inside];
    print!("{}", run(folder, Some(programs), &pytest));
}

#[test]
#[ignore = "needs Go, starts servers; `make servers` runs it"]
fn a_service_in_go_is_built_started_and_reached_through_the_gateway() {
    let Some(_proof) =
        prove("dropin::a_service_in_go_is_built_started_and_reached_through_the_gateway")
    else {
        return;
    };
    let (folder, programs) = (project("dropin-go"), nats_server());
    run(&folder, None, &["make", "setup"]);
    for only in ["services/archive", "services/cold", "services/gateway"] {
        print!("{}", run(&folder, None, &["make", "test", &format!("ONLY={only}")]));
    }
    test_inside(&folder, &programs, "test_archives.py");
}

#[test]
#[ignore = "needs Go, starts servers; `make servers` runs it"]
fn a_fourth_queue_keeps_what_every_queue_promises() {
    let Some(_proof) = prove("dropin::a_fourth_queue_keeps_what_every_queue_promises") else {
        return;
    };
    let (folder, programs) = (project("dropin-queue"), nats_server());
    run(&folder, None, &["make", "setup"]);
    let service = folder.join("kinds/inference");
    let pytest = ["../../.venv/bin/python", "-m", "pytest", "-q", "tests/test_queue.py"];
    print!("{}", run(&service, Some(&programs), &pytest));
    for fault in [
        "tests/faults/test_brokers.py::test_what_was_accepted_outlives_a_kill_under_load[nats]",
        "tests/faults/test_brokers.py::test_it_starts_without_and_heals_by_itself[nats]",
        "tests/faults/test_workers.py::test_a_job_whose_worker_is_killed_is_run_by_another",
        "tests/faults/test_workers.py::test_a_worker_that_was_frozen_changes_nothing_afterwards",
    ] {
        let pytest = [".venv/bin/python", "-m", "pytest", "-q", "-rP", fault];
        print!("{}", run(&folder, Some(&programs), &pytest));
    }
}
