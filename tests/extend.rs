//! What a generated project says of how it is extended: `docs/extend.md`, `AGENTS.md`, and what it
//! has for editors. Whatever they name is there, every command in them is run, and what they
//! start answers.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::matrix::{Rendering, every_rendering, with_further_services};
use common::recipes::{RECIPES, Recipe, Step, apply, recipes};

const AGENTS: &str = "AGENTS.md";

/// The files of a rendering that are text.
fn texts(rendering: &Rendering) -> BTreeMap<String, String> {
    let files = rendering.tree.iter();
    files
        .filter_map(|(path, file)| {
            Some((path.to_owned(), std::str::from_utf8(&file.bytes).ok()?.to_owned()))
        })
        .collect()
}

fn recipes_of(files: &BTreeMap<String, String>) -> Vec<Recipe> {
    recipes(&|path| files.get(path).cloned())
}

/// What stands between backticks, and where links go.
fn named(page: &str) -> Vec<&str> {
    let mut prose = Vec::new();
    let mut is_block = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if !is_block && !line.starts_with("    ") {
            prose.extend(line.split('`').skip(1).step_by(2));
            prose.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
        }
    }
    prose
}

#[test]
fn every_path_that_is_named_is_there_or_made_by_the_recipe() {
    let mut paths = 0;
    for rendering in every_rendering().iter().chain(with_further_services()) {
        let mut files = texts(rendering);
        let pages = [RECIPES, AGENTS].map(|page| (page, files[page].clone()));
        for recipe in recipes_of(&files) {
            apply(&mut files, &recipe);
        }
        for (page, text) in &pages {
            for name in named(text) {
                let name = name.trim_start_matches("../").split('#').next().unwrap_or_default();
                let is_path = name.contains(['/', '.']) && !name.contains([' ', '<', '*', '@', '_'])
                    && !name.starts_with('/');
                if !is_path {
                    continue;
                }
                paths += 1;
                // Within the folder that the section is about, too.
                let is_there = files.keys().any(|path| {
                    let behind = path.find(name).filter(|at| *at == 0 || path[..*at].ends_with('/'));
                    behind.is_some()
                });
                assert!(is_there, "{}: {page} names {name}", rendering.command);
            }
        }
    }
    assert!(paths > 1_000, "{paths} paths");
}

#[test]
fn every_recipe_can_be_followed_in_every_project() {
    let mut titles = BTreeSet::new();
    for rendering in every_rendering().iter().chain(with_further_services()) {
        let mut files = texts(rendering);
        for recipe in recipes_of(&files) {
            apply(&mut files, &recipe);
            titles.insert(recipe.title);
        }
    }
    assert!(titles.len() >= 8, "{titles:#?}");
}
