//! ARCHITECTURE.md says the truth: its table lists the files in the order in which they may
//! import each other.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::repository;

fn modules_in_order() -> Vec<String> {
    let page = fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("the page is there");
    page.lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split('|').nth(1))
        .flat_map(|cell| cell.split(','))
        .filter_map(|name| name.trim().trim_matches('`').strip_suffix(".rs").map(str::to_owned))
        .collect()
}

#[test]
fn the_page_lists_every_file_once() {
    let listed = modules_in_order();
    let there: BTreeSet<String> = fs::read_dir(repository().join("src"))
        .expect("src/ is there")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().replace(".rs", ""))
        .filter(|name| name != "lib")
        .collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<String>>(), there);
    assert_eq!(listed.len(), there.len());
}

#[test]
fn modules_import_downward_only() {
    let order = modules_in_order();
    for (position, module) in order.iter().enumerate() {
        let text = fs::read_to_string(repository().join(format!("src/{module}.rs")))
            .expect("the file is there");
        for later in &order[position..] {
            assert!(!text.contains(&format!("crate::{later}::")), "{module}.rs imports {later}.rs");
        }
    }
}

#[test]
fn only_the_named_files_know_a_library() {
    let only = [
        ("tera::", vec!["template"]),
        ("clap", vec!["cli", "run"]),
        ("cliclack", vec!["prompt"]),
        ("fs::write", vec![]),
        ("fs::rename", vec!["writer"]),
        ("OpenOptions", vec!["writer"]),
    ];
    for module in modules_in_order() {
        let text = fs::read_to_string(repository().join(format!("src/{module}.rs")))
            .expect("the file is there");
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for (library, allowed) in &only {
            let uses = code.contains(library);
            assert!(!uses || allowed.contains(&module.as_str()), "{module}.rs uses {library}");
        }
    }
}
