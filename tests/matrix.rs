//! Every valid selection, rendered in memory: each YAML, JSON and TOML file parses, no file has
//! debris of templates, and every selection has what it promises.

mod common;

use std::collections::BTreeSet;

use common::matrix::{embedded, every_distinct_file, every_rendering};

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
        if text.is_empty() || path == "package-lock.json" {
            continue;
        }
        let place = format!("{command}: {path}");
        let ending = path.rsplit('.').next().unwrap_or_default();
        let is_code = ["py", "ts", "js", "lua"].contains(&ending);
        assert!(text.ends_with('\n'), "{place} does not end with a newline");
        assert!(!text.ends_with("\n\n"), "{place} ends with blank lines");
        assert!(!text.starts_with('\n'), "{place} begins with a blank line");
        assert!(!text.contains("\n\n\n") || is_code, "{place} has several blank lines in a row");
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
        ("state", "REDIS_URL"),
        ("ml", "INFERENCE_URL"),
        ("realtime", "REALTIME_URL"),
        ("kubernetes", "kubectl"),
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
