//! What a generated project says of itself is true on its owner's machine: no figure that was
//! measured elsewhere stands in it.

mod common;

use common::matrix::{every_distinct_file, every_rendering};

/// Units of what is measured on a machine. Seconds are left out: limits are given in them.
const UNITS: [&str; 8] = ["µs", "us", "ms", "KiB", "MiB", "GiB", "MB", "GB"];

/// The lines of a document that give a measured figure, with what gives it away.
fn measurements(document: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    for line in document.lines() {
        let words: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || "|()`,;:".contains(c))
            .filter(|word| !word.is_empty())
            .collect();
        let is_number = |word: &str| word.parse::<f64>().is_ok();
        for pair in words.windows(2) {
            if is_number(pair[0]) && UNITS.contains(&pair[1]) {
                found.push((line, pair.join(" ")));
            }
        }
        // A ratio with its smallest and its largest, or one before and after a change.
        for three in words.windows(3) {
            let spread = is_number(three[0]) && three[1] == "to" && is_number(three[2]);
            if spread && three[0].contains('.') {
                found.push((line, three.join(" ")));
            }
        }
        for word in ["measured", "cores", "before", "after"] {
            let beside = words.windows(2).any(|pair| {
                pair[1] == word && is_number(pair[0]) || pair[0] == word && is_number(pair[1])
            });
            let heading = line.starts_with('|') && line.contains(&format!("| {word} |"));
            if beside || heading {
                found.push((line, word.to_owned()));
            }
        }
    }
    found
}

#[test]
fn a_measured_figure_is_recognised() {
    for line in [
        "processor time: 124 µs before and 52 after for an accepted job",
        "beside the bare route 0.49 before, 0.75 (0.69 to 0.96) after",
        "| fault | what follows | measured | test |",
        "| memory flat | 202 to 219 MiB |",
    ] {
        assert!(!measurements(line).is_empty(), "{line}");
    }
    for line in ["It has 5 s to drain.", "`make bench` measures, before and after.", "1 to 100"] {
        assert_eq!(measurements(line), [], "{line}");
    }
}

#[test]
fn no_document_gives_a_figure_that_was_measured_elsewhere() {
    let mut documents = 0;
    for (command, path, file) in every_distinct_file() {
        if path.rsplit('.').next() != Some("md") {
            continue;
        }
        documents += 1;
        let text = std::str::from_utf8(&file.bytes).expect("a document is text");
        let found = measurements(text);
        assert!(found.is_empty(), "{command}: {path}: {found:#?}");
    }
    assert!(documents > 8, "{documents} documents");
}

/// `make bench FLAGS=--record` writes it, on the owner's machine.
#[test]
fn no_project_comes_with_recorded_ratios() {
    let mut benches = 0;
    for rendering in every_rendering() {
        benches += usize::from(rendering.tree.get("bench/run.ts").is_some());
        assert!(rendering.tree.get("bench/recorded.json").is_none(), "{}", rendering.command);
    }
    assert!(benches > 8, "{benches} projects with benchmarks");
}
