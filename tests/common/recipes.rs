//! The recipes of a generated project's `docs/extend.md`, and those sections of the services'
//! READMEs that it refers to: which files they change and which commands they run.

use std::collections::BTreeMap;

/// Where recipes begin.
pub const RECIPES: &str = "docs/extend.md";

/// One recipe, with what those sections say that it refers to.
#[derive(Debug)]
pub struct Recipe {
    /// Its title.
    pub title: String,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// What a reader does.
#[derive(Debug)]
pub enum Step {
    /// Makes a file.
    Write { path: String, text: String },
    /// Changes a file: of each pair the first text becomes the second.
    Change { path: String, changes: Vec<(String, String)> },
    /// Runs a command in the project's root, while `make dev` runs where `beside_dev`.
    Run { command: String, beside_dev: bool },
}

/// The recipes of a project, whose files `read` gives.
pub fn recipes(read: &dyn Fn(&str) -> Option<String>) -> Vec<Recipe> {
    let page = read(RECIPES).expect("the page is there");
    sections(&page)
        .map(|(title, text)| {
            let mut steps = steps("", text);
            for (path, anchor) in links(text) {
                let page = read(path).unwrap_or_else(|| panic!("{RECIPES}: {path} is not there"));
                let mut found = sections(&page).filter(|(title, _)| anchor_of(title) == anchor);
                let (_, text) = found.next().unwrap_or_else(|| panic!("{path} has no #{anchor}"));
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                if !folder.is_empty() {
                    steps.extend(self::steps(folder, text));
                }
            }
            Recipe { title: title.to_owned(), steps }
        })
        .collect()
}

/// Carries out a change of the file at `path`; every text that it replaces is there once.
pub fn changed(path: &str, text: &str, changes: &[(String, String)]) -> String {
    // So that every line begins behind the end of another.
    let mut text = format!("\n{text}");
    for (old, new) in changes {
        let (old, new) = (format!("\n{old}"), format!("\n{new}"));
        assert_eq!(text.matches(&old).count(), 1, "{path} has once:{old}");
        text = text.replacen(&old, &new, 1);
    }
    text.split_off(1)
}

/// Carries out what a recipe does to files, in a project in memory.
pub fn apply(files: &mut BTreeMap<String, String>, recipe: &Recipe) {
    for step in &recipe.steps {
        match step {
            Step::Write { path, text } => {
                let before = files.insert(path.clone(), text.clone());
                assert!(before.is_none(), "{}: {path} is there already", recipe.title);
            }
            Step::Change { path, changes } => {
                let text = files.get_mut(path);
                let text = text.unwrap_or_else(|| panic!("{}: there is no {path}", recipe.title));
                *text = changed(path, text, changes);
            }
            Step::Run { .. } => {}
        }
    }
}

/// Title and text of each section.
fn sections(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap_or((section, "")))
}

/// What the page's host makes of a title.
fn anchor_of(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == ' ')
        .collect::<String>()
        .replace(' ', "-")
}

/// Paths from the project's root, and anchors, of what a section of [`RECIPES`] refers to.
fn links(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("](../").skip(1).filter_map(|rest| rest.split(')').next()?.split_once('#'))
}

/// What the text of a section has people do; its paths are those from `folder`.
fn steps(folder: &str, text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut path = None;
    let mut beside_dev = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let path = path.take().unwrap_or_else(|| panic!("no path is above:\n{block:#?}"));
            steps.push(match language {
                "diff" => Step::Change { path, changes: changes(&block) },
                _ => Step::Write { path, text: block.join("\n") + "\n" },
            });
        } else if let Some(command) = line.strip_prefix("    ") {
            steps.push(Step::Run { command: command.trim().to_owned(), beside_dev });
        } else if line.starts_with("With `make dev` running") {
            beside_dev = true;
        } else if let Some(rest) = line.strip_prefix('`') {
            let named = rest.split('`').next().filter(|name| !name.contains(' '));
            path = named.map(|name| [folder, name].join("/").trim_start_matches('/').to_owned());
        }
    }
    steps
}

/// What a block of `diff` replaces, and by what; `@@` stands between places.
fn changes(block: &[&str]) -> Vec<(String, String)> {
    let side = |place: &[&str], other: char| {
        let lines = place.iter().filter(|line| !line.starts_with(other));
        lines.flat_map(|line| [line.get(1..).unwrap_or_default(), "\n"]).collect::<String>()
    };
    block.split(|line| *line == "@@").map(|place| (side(place, '+'), side(place, '-'))).collect()
}
