//! Every valid selection, rendered in memory: each YAML, JSON and TOML file parses, no file has
//! debris of templates, and every selection has what it promises.

mod common;

use std::collections::BTreeSet;

use common::matrix::{Rendering, embedded, every_distinct_file, every_rendering};
use common::tree_of;

fn distinct_text_files() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    every_distinct_file().into_iter().filter_map(|(command, path, file)| {
        Some((command, path, std::str::from_utf8(&file.bytes).ok()?))
    })
}

#[test]
fn every_data_file_of_every_selection_parses() {
    let mut parsed = 0;
    for (command, path, text) in distinct_text_files() {
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
    assert!(parsed > 50, "{parsed} files were parsed");
}

#[test]
fn no_rendered_text_has_debris() {
    for (command, path, text) in distinct_text_files() {
        // What other programs write has a form of theirs.
        let is_generated = path == "package-lock.json" || path.contains("/generated/");
        if text.is_empty() || is_generated {
            continue;
        }
        let place = format!("{command}: {path}");
        let ending = path.rsplit('.').next().unwrap_or_default();
        let is_code = ["py", "mako", "ts", "js", "lua"].contains(&ending);
        assert!(text.ends_with('\n'), "{place} does not end with a newline");
        assert!(!text.ends_with("\n\n"), "{place} ends with blank lines");
        assert!(!text.starts_with('\n'), "{place} begins with a blank line");
        // Python in a document has them too.
        let prose = text.split("```").step_by(2).collect::<Vec<_>>().join("```");
        let is_spaced = if ending == "md" { &prose } else { text }.contains("\n\n\n");
        assert!(!is_spaced || is_code, "{place} has several blank lines in a row");
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

/// npm writes an empty map into the lock as well, and the pruned lock has none.
#[test]
fn no_manifest_of_npm_has_an_empty_map() {
    for (command, path, text) in distinct_text_files() {
        let is_empty = path.ends_with("package.json") && text.contains("{}");
        assert!(!is_empty, "{command}: {path} has an empty map");
    }
}

#[test]
fn no_output_names_a_registry_or_this_machine() {
    let here = env!("CARGO_MANIFEST_DIR");
    for (command, path, text) in distinct_text_files() {
        assert!(!text.contains(here), "{command}: {path} names the folder of the generator");
        assert!(!text.contains("\"resolved\": \"http"), "{command}: {path} names a registry");
        assert!(!text.contains("--index-url"), "{command}: {path} names a registry");
    }
}

/// What a selection leaves out is not mentioned.
#[test]
fn a_selection_speaks_only_of_what_it_has() {
    let words = [
        ("redis", "REDIS_URL"),
        ("ml", "INFERENCE_URL"),
        ("realtime", "REALTIME_URL"),
        ("kubernetes", "kubectl"),
        ("rabbitmq", "AMQP_URL"),
    ];
    for (component, word) in words {
        let mentioning: BTreeSet<(&str, &str)> = distinct_text_files()
            .filter(|(_, _, text)| text.contains(word))
            .map(|(_, path, text)| (path, text))
            .collect();
        assert!(!mentioning.is_empty(), "no file mentions {word}");
        for rendering in every_rendering().iter().filter(|one| !one.on.contains(component)) {
            for (path, file) in rendering.tree.iter() {
                let text = std::str::from_utf8(&file.bytes).unwrap_or_default();
                let command = &rendering.command;
                assert!(!mentioning.contains(&(path, text)), "{command}: {path} mentions {word}");
            }
        }
    }
}

/// Everything else takes jobs through the broker port, so that another broker is another adapter.
#[test]
fn switching_the_broker_changes_no_file_outside_its_adapter_and_the_lists() {
    let flags = embedded().flagged().count();
    let whole = |rendering: &&Rendering| rendering.selection.components.len() == flags;
    let whole = every_rendering().iter().find(whole).expect("all that can be switched on");
    let full = |queue: &str| {
        let mut selection = whole.selection.clone();
        selection.slots.insert("queue".to_owned(), queue.to_owned());
        tree_of(embedded(), selection)
    };
    let (one, other) = (&full("redis-streams"), &full("rabbitmq"));
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
        "services/gateway/src/queue.ts",
        "services/gateway/test/environment.ts",
        "services/gateway/test/rabbitmq",
        "kinds/inference/app/worker/queue.py",
        "kinds/inference/requirements/rabbitmq.",
        "kinds/inference/tests/broker.py",
        "kinds/inference/tests/test_rabbitmq.py",
        "kinds/inference/tests/test_streams.py",
    ];
    let infra = [
        "infra/rabbitmq/",
        "deploy/kubernetes/components/keda/queue.yaml",
        "deploy/kubernetes/overlays/dev/rabbitmq.yaml",
    ];
    // What is printed from contributions: variables, edges, parts.
    let lists = [
        ".devcontainer/Dockerfile",
        ".devcontainer/devcontainer.json",
        ".env.example",
        "AGENTS.md",
        ".scaffold/base.tar.zst",
        "README.md",
        "compose.yaml",
        "deploy/kubernetes/README.md",
        "deploy/kubernetes/base/gateway.yaml",
        "deploy/kubernetes/base/inference-worker.yaml",
        "deploy/kubernetes/overlays/dev/kustomization.yaml",
        "deploy/kubernetes/overlays/dev/network.yaml",
        "deploy/kubernetes/overlays/prod/network.yaml",
        "docs/architecture.md",
        "package-lock.json",
        "scaffold.lock",
        "scaffold.toml",
        "services/gateway/compose.yaml",
        "services/gateway/package.json",
        "kinds/inference/compose.yaml",
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
    assert!(changed.contains(&"kinds/inference/app/worker/queue.py"));
}

#[test]
fn every_pinned_version_is_used() {
    let files: Vec<(&str, &str)> = distinct_text_files()
        .filter(|(_, path, _)| *path != "package-lock.json")
        .map(|(_, path, text)| (path, text))
        .collect();
    for (table, names) in &embedded().versions {
        for (name, version) in names.as_table().expect("a table of versions") {
            let version = version.as_str().expect("a version is text");
            let used = files.iter().any(|(path, text)| match table.as_str() {
                "npm" => path.ends_with("package.json") && text.contains(&format!("\"{name}\": ")),
                _ => text.contains(version),
            });
            assert!(used, "`{name}` is pinned in `[{table}]` and used nowhere");
        }
    }
}

/// An image is built from the root of the project: what it copies from there is there.
#[test]
fn every_dockerfile_copies_what_there_is() {
    let mut copied = 0;
    for rendering in every_rendering() {
        for (path, file) in rendering.tree.iter().filter(|(path, _)| path.ends_with("/Dockerfile"))
        {
            let text = String::from_utf8_lossy(&file.bytes).replace("\\\n", " ");
            for line in text.lines().filter(|line| line.starts_with("COPY ")) {
                let words: Vec<&str> = line.split_whitespace().skip(1).collect();
                if words.iter().any(|word| word.starts_with("--from")) {
                    continue;
                }
                let (_, sources) = words.split_last().expect("COPY has a destination");
                for source in sources.iter().filter(|source| !source.starts_with("--")) {
                    // Up to a wildcard; a folder is there where something in it is.
                    let place = source.split('*').next().unwrap_or_default();
                    let is_there = rendering.tree.iter().any(|(path, _)| path.starts_with(place));
                    assert!(is_there, "{}: {path}: there is no `{source}`", rendering.command);
                    copied += 1;
                }
            }
        }
    }
    assert!(copied > 50, "{copied} sources");
}
