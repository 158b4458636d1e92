//! Every valid selection, rendered in memory: each YAML, JSON and TOML file parses, no file has
//! debris of templates, and every selection has what it promises.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::tree_of;
use scaffold::pack::Pack;
use scaffold::selection::{Selection, every_selection};
use scaffold::tree::Tree;

fn trees() -> Vec<(String, Tree)> {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let selections: Vec<Selection> = every_selection(&pack, "my-app");
    assert!(selections.len() >= 4, "minimal, ml, realtime, both");
    selections
        .into_iter()
        .map(|selection| (selection.choices(&pack).command(&pack), tree_of(&pack, selection)))
        .collect()
}

fn text_files(tree: &Tree) -> BTreeMap<&str, &str> {
    tree.iter()
        .filter_map(|(path, file)| Some((path, std::str::from_utf8(&file.bytes).ok()?)))
        .collect()
}

#[test]
fn every_data_file_of_every_selection_parses() {
    let mut parsed = 0;
    for (command, tree) in trees() {
        for (path, text) in text_files(&tree) {
            let result = match path.rsplit('.').next() {
                Some("json") => serde_json::from_str::<serde_json::Value>(text)
                    .map(drop)
                    .map_err(|error| error.to_string()),
                Some("toml" | "lock") => {
                    toml::from_str::<toml::Table>(text).map(drop).map_err(|error| error.to_string())
                }
                Some("yaml" | "yml") => {
                    let mut documents = serde_yaml_ng::Deserializer::from_str(text);
                    documents
                        .try_for_each(|document| {
                            <serde_yaml_ng::Value as serde::Deserialize>::deserialize(document)
                                .map(drop)
                        })
                        .map_err(|error| error.to_string())
                }
                _ => continue,
            };
            assert_eq!(result, Ok(()), "{command}: {path}\n{text}");
            parsed += 1;
        }
    }
    assert!(parsed > 50, "{parsed} files were parsed");
}

#[test]
fn no_rendered_text_has_debris() {
    for (command, tree) in trees() {
        for (path, file) in tree.iter().filter(|(path, _)| *path != "package-lock.json") {
            let Ok(text) = std::str::from_utf8(&file.bytes) else {
                continue;
            };
            if text.is_empty() {
                continue;
            }
            let place = format!("{command}: {path}");
            let ending = path.rsplit('.').next().unwrap_or_default();
            let is_code = ["py", "ts", "js", "lua"].contains(&ending);
            assert!(text.ends_with('\n'), "{place} does not end with a newline");
            assert!(!text.ends_with("\n\n"), "{place} ends with blank lines");
            assert!(
                !text.contains("\n\n\n") || is_code,
                "{place} has several blank lines in a row"
            );
            assert!(!text.contains('\r'), "{place} has carriage returns");
            for (number, line) in text.lines().enumerate() {
                let kept = ending == "md" && line.ends_with("  ");
                assert!(line == line.trim_end() || kept, "{place}:{} ends with spaces", number + 1);
            }
            for mark in ["[=", "=]", "[%", "%]"] {
                assert!(is_code || !text.contains(mark), "{place} has `{mark}` left");
            }
        }
    }
}

#[test]
fn no_output_names_a_registry_or_this_machine() {
    let here = env!("CARGO_MANIFEST_DIR");
    for (command, tree) in trees() {
        for (path, text) in text_files(&tree) {
            assert!(!text.contains(here), "{command}: {path} names the folder of the generator");
            assert!(!text.contains("\"resolved\": \"http"), "{command}: {path} names a registry");
            assert!(!text.contains("--index-url"), "{command}: {path} names a registry");
        }
    }
}

/// What a selection leaves out is not mentioned.
#[test]
fn a_selection_speaks_only_of_what_it_has() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    for selection in every_selection(&pack, "my-app") {
        let on = selection.all_components(&pack);
        let tree = tree_of(&pack, selection);
        let absent: Vec<&str> = [
            ("state", "REDIS_URL"),
            ("ml", "INFERENCE_URL"),
            ("realtime", "REALTIME_URL"),
            ("rabbitmq", "AMQP_URL"),
        ]
        .into_iter()
        .filter(|(component, _)| !on.contains(*component))
        .map(|(_, word)| word)
        .collect();
        for (path, text) in text_files(&tree) {
            for word in &absent {
                assert!(!text.contains(word), "{on:?}: {path} mentions {word}");
            }
        }
    }
}

/// Everything else takes jobs through the broker port, so that another broker is another adapter.
#[test]
fn switching_the_broker_changes_no_file_outside_its_adapter_and_the_lists() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let tree = |queue: &str| {
        let selection = every_selection(&pack, "my-app")
            .into_iter()
            .find(|selection| {
                let on = selection.all_components(&pack);
                ["ml", "realtime", queue].iter().all(|component| on.contains(*component))
            })
            .unwrap_or_else(|| panic!("a selection with {queue}"));
        tree_of(&pack, selection)
    };
    let (one, other) = (tree("redis"), tree("rabbitmq"));
    let names: BTreeSet<&str> = one.iter().chain(other.iter()).map(|(path, _)| path).collect();
    let changed: Vec<&str> = names
        .into_iter()
        .filter(|path| {
            one.get(path).map(|file| &file.bytes) != other.get(path).map(|file| &file.bytes)
        })
        .collect();
    // The adapter in each language, with its tests and what it needs of the state.
    let adapter = [
        "contracts/lua/",
        "packages/queue/",
        "services/gateway/test/environment/queue.ts",
        "services/inference/app/queue.py",
        "services/inference/requirements/rabbitmq.",
        "services/inference/tests/broker.py",
        "services/inference/tests/test_rabbitmq.py",
        "services/inference/tests/test_streams.py",
    ];
    let infra = ["infra/rabbitmq/"];
    let lists = [
        ".env.example",
        "README.md",
        "docs/architecture.md",
        "package-lock.json",
        "scaffold.lock",
        "scaffold.toml",
        "tools/dev.toml",
    ];
    let outside: Vec<&&str> = changed
        .iter()
        .filter(|path| {
            !adapter.iter().chain(&infra).any(|place| path.starts_with(place))
                && !lists.contains(path)
        })
        .collect();
    assert!(outside.is_empty(), "changed outside the adapter: {outside:?}");
    // Of the scripts, whole ones come and go: what both brokers share is the same.
    for path in changed.iter().filter(|path| path.starts_with("contracts/lua/")) {
        let shared = one.get(path).is_some() && other.get(path).is_some();
        assert!(!shared || path.ends_with("/relay.lua"), "{path} differs");
    }
    assert!(changed.contains(&"services/inference/app/queue.py"));
}

#[test]
fn every_pinned_version_is_used() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let manifests: String = every_selection(&pack, "my-app")
        .into_iter()
        .flat_map(|selection| {
            let tree = tree_of(&pack, selection);
            let texts: Vec<String> = tree
                .iter()
                .filter(|(path, _)| path.ends_with("package.json"))
                .map(|(_, file)| String::from_utf8_lossy(&file.bytes).into_owned())
                .collect();
            texts
        })
        .collect();
    for name in pack.versions["npm"].as_table().expect("a table").keys() {
        assert!(
            manifests.contains(&format!("\"{name}\": ")),
            "`{name}` is pinned and used nowhere"
        );
    }
}
