//! Laws over all selections: rendering is a function of the choices alone.

mod common;

use std::collections::BTreeMap;
use std::ffi::OsString;

use common::{files_in, repository, scaffold_ok, tree_of};
use proptest::prelude::*;
use scaffold::cli::{Request, parse};
use scaffold::pack::{Pack, STATE_FILES};
use scaffold::project::{read_selection, selection_text};
use scaffold::selection::{Choices, Selection, every_selection};

/// Any selection of the embedded pack, with further services and any option values.
fn any_selection(pack: &'static Pack) -> impl Strategy<Value = Selection> {
    let names = prop::sample::select(vec!["a", "my-app", "x1", "some-longer-name"]);
    let base = prop::sample::select(every_selection(pack, "x"));
    let extra = prop::collection::btree_map(
        "[a-z][a-z0-9]{0,6}",
        prop::sample::select(pack.kinds().collect::<Vec<_>>()),
        0..3,
    );
    let description = "[ -~]{0,60}";
    (names, base, extra, description).prop_filter_map(
        "a combination that is refused",
        move |(name, base, extra, description)| {
            let mut choices = base.choices(pack);
            choices.name = Some(name.to_owned());
            for (name, kind) in extra {
                choices.add_service(pack, &name, kind).ok()?;
            }
            choices.options.insert("description".to_owned(), description.into());
            choices.complete(pack).ok()
        },
    )
}

fn embedded() -> &'static Pack {
    use std::sync::OnceLock;
    static PACK: OnceLock<Pack> = OnceLock::new();
    PACK.get_or_init(|| Pack::embedded().expect("the embedded pack can be read"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rendering_twice_gives_the_same_bytes(selection in any_selection(embedded())) {
        prop_assert_eq!(tree_of(embedded(), selection.clone()), tree_of(embedded(), selection));
    }

    #[test]
    fn the_command_that_is_shown_chooses_the_same(selection in any_selection(embedded())) {
        let command = selection.choices(embedded()).command(embedded());
        // The shell's words, unquoted as a shell would.
        let words = shell_words(&command);
        let Request::New(new) = parse(embedded(), &words).map_err(|error| TestCaseError::fail(error.to_string()))? else {
            return Err(TestCaseError::fail("not `new`"));
        };
        let again = new.chosen.choices.complete(embedded()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(again, selection);
    }

    #[test]
    fn scaffold_toml_says_the_whole_selection(selection in any_selection(embedded())) {
        let folder = common::folder(&[("scaffold.toml", &selection_text(embedded(), &selection))]);
        let read = read_selection(embedded(), folder.path()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(read, selection);
    }

    #[test]
    fn the_lock_names_every_other_file_with_its_digest(selection in any_selection(embedded())) {
        let tree = tree_of(embedded(), selection);
        let lock = tree.get("scaffold.lock").expect("there is a lock");
        let lock: toml::Table = toml::from_str(std::str::from_utf8(&lock.bytes).expect("text")).expect("TOML");
        let listed: BTreeMap<String, String> = lock["files"]
            .as_table()
            .expect("files")
            .iter()
            .map(|(path, entry)| (path.clone(), entry["digest"].as_str().expect("a digest").to_owned()))
            .collect();
        let expected: BTreeMap<String, String> = tree
            .iter()
            .filter(|(path, _)| !STATE_FILES.contains(path))
            .map(|(path, file)| (path.to_owned(), file.digest()))
            .collect();
        prop_assert_eq!(listed, expected);
    }
}

#[test]
fn the_folder_templates_and_the_embedded_pack_write_identical_trees() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let templates = repository().join("templates");
    let templates = templates.to_str().expect("the path is UTF-8");
    let choices =
        ["--ml", "--realtime", "--service", "scorer=inference", "--service", "edge=gateway"];
    let mut trees = Vec::new();
    for (folder, more) in
        [("one", &[][..]), ("two", &[][..]), ("three", &["--templates", templates][..])]
    {
        let mut arguments = vec!["new", "x", "--into", folder];
        arguments.extend(choices);
        arguments.extend(more);
        scaffold_ok(work.path(), &arguments);
        trees.push(files_in(&work.path().join(folder)));
    }
    assert!(trees[0].len() > 100);
    assert_eq!(trees[0], trees[1], "two runs");
    assert_eq!(trees[0], trees[2], "--templates templates");
}

#[test]
fn choices_keep_only_what_differs_from_the_defaults() {
    let choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
    let selection = choices.complete(embedded()).expect("the default selection");
    assert_eq!(selection.choices(embedded()).command(embedded()), "scaffold new x");
}

/// Splits as a shell does, single quotes only.
fn shell_words(command: &str) -> Vec<OsString> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => quoted = !quoted,
            '\\' if !quoted => words.last_mut().expect("a word").extend(characters.next()),
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("a word").push(other),
        }
    }
    words.into_iter().map(OsString::from).collect()
}
