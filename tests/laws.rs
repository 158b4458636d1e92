//! Laws over all selections: rendering is a function of the choices alone.

mod common;

use std::collections::BTreeMap;
use std::ffi::OsString;

use common::{files_in, put, repository, scaffold_ok, tree_of};
use proptest::prelude::*;
use scaffold::choose::file::selection_text;
use scaffold::choose::operation::Operation;
use scaffold::choose::selection::{Choices, Selection};
use scaffold::cli;
use scaffold::disk::transaction::Transaction;
use scaffold::disk::writer::LocalDisk;
use scaffold::lint::cover::cover;
use scaffold::pack::load::Pack;
use scaffold::project::intent::intend;
use scaffold::project::state::read_selection;
use scaffold::render::tree::Tree;
use scaffold::terminal::arguments::chosen;
use scaffold::text::path::STATE_FILES;

/// Any selection of the embedded pack, with further services and any option values.
fn any_selection(pack: &'static Pack) -> impl Strategy<Value = Selection> {
    let names = prop::sample::select(vec!["a", "my-app", "x1", "some-longer-name"]);
    let base = prop::sample::select(cover(pack, "x"));
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
        let matches = cli::command(embedded()).try_get_matches_from(&words).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let (_, new) = matches.subcommand().expect("it is `new`");
        let chosen = chosen(embedded(), new).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let again = chosen.choices.complete(embedded()).map_err(|error| TestCaseError::fail(error.to_string()))?;
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

/// What applies with others comes and goes with them, whenever they are chosen.
#[test]
fn a_component_switched_on_later_brings_what_it_would_have_brought_at_first() {
    let pack = embedded();
    let chosen = |flags: &[&str]| {
        let choices = Choices {
            name: Some("x".to_owned()),
            components: flags.iter().map(|flag| ((*flag).to_owned(), true)).collect(),
            ..Choices::default()
        };
        choices.complete(pack).expect("a valid selection")
    };
    let without = chosen(&[]);
    for flag in ["ml", "realtime"] {
        let with = chosen(&[flag]);
        let mut later = without.clone();
        later.components.insert(flag.to_owned());
        later.follow(pack, &without);
        assert_eq!(later.components, with.components);
        assert!(later.components.contains("page"));
        later.components.remove(flag);
        later.follow(pack, &with);
        assert_eq!(later.components, without.components);
    }
    let mut both = chosen(&["ml", "realtime"]);
    both.components.remove("page");
    let mut one = both.clone();
    one.components.remove("ml");
    one.follow(pack, &both);
    assert!(!one.components.contains("page"), "what was switched off stays off");
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

/// At most so many pairs of selections are tried; more are sampled evenly.
const PAIRS: usize = 400;

/// The operations that lead from one selection to another, as somebody would type them.
fn steps(pack: &Pack, from: &Selection, to: &Selection) -> Vec<Operation> {
    let flag = |id: &String| {
        pack.component(id).and_then(|component| component.flag()).unwrap_or(id).to_owned()
    };
    let remove: Vec<String> = from.components.difference(&to.components).map(flag).collect();
    let add: Vec<String> = to.components.difference(&from.components).map(flag).collect();
    let mut steps = vec![Operation::Remove(remove), Operation::Add(add)];
    steps.retain(
        |step| !matches!(step, Operation::Add(ids) | Operation::Remove(ids) if ids.is_empty()),
    );
    let reached = |steps: &[Operation]| {
        steps.iter().fold(from.clone(), |now, step| {
            let next = step.selection(pack, &now, &now);
            next.unwrap_or_else(|error| panic!("{}: {error}", step.words()))
        })
    };
    // What came along with an added component, and is not wanted.
    let now = reached(&steps);
    let added = to.services.iter().filter(|(name, _)| !now.services.contains_key(*name));
    steps.extend(added.map(|(name, kind)| Operation::AddService {
        name: name.clone(),
        kind: kind.clone(),
        with: to.fills.get(name).into_iter().flatten().map(|(k, v)| format!("{k}={v}")).collect(),
    }));
    let mut gone = now.services.keys().cloned().collect::<Vec<_>>();
    gone.retain(|name| !to.services.contains_key(name));
    if !gone.is_empty() {
        steps.push(Operation::RemoveService(gone));
    }
    let reached = reached(&steps);
    let unwanted = reached.components.difference(&to.components);
    let mut set: Vec<String> = unwanted.map(|id| format!("{}=false", flag(id))).collect();
    // And what went along with a removed one, and stays wanted.
    let missing = to.components.difference(&reached.components);
    set.extend(missing.map(|id| format!("{}=true", flag(id))));
    let used = to.choices(pack).slots;
    let slots = to.slots.iter().filter(|(slot, choice)| {
        used.contains_key(*slot)
            || (from.slots.get(*slot) != Some(*choice) && is_used(pack, to, slot))
    });
    set.extend(slots.map(|(slot, choice)| format!("{slot}={choice}")));
    for (service, fills) in &to.fills {
        let other = fills.iter().filter(|(slot, id)| reached.fills[service][*slot] != **id);
        set.extend(other.map(|(slot, id)| format!("{service}.{slot}={id}")));
    }
    if !set.is_empty() {
        steps.push(Operation::Set(set));
    }
    steps
}

fn is_used(pack: &Pack, selection: &Selection, slot: &str) -> bool {
    let on = selection.all_components(pack);
    pack.components.iter().any(|component| {
        on.contains(&component.id) && component.manifest.requires.iter().any(|id| id == slot)
    })
}

/// Every pair, or a sample of them where the square is too large.
fn pairs(pack: &Pack, most: usize) -> Vec<(Selection, Selection)> {
    let all = cover(pack, "x");
    let count = all.len() * all.len();
    // A step that shares no factor with the number of columns visits all of them.
    let columns = all.len();
    let shares =
        |step: usize| (2..=step).any(|by| [step, columns].iter().all(|it| it.is_multiple_of(by)));
    let step =
        (count.div_ceil(most)..=count).find(|step| !shares(*step)).expect("there are primes");
    (0..count)
        .step_by(step)
        .map(|number| (all[number / all.len()].clone(), all[number % all.len()].clone()))
        .collect()
}

/// A -> B by add, remove and set is B: the selection, and with it, rendering being a function of
/// the selection, every byte.
#[test]
fn any_selection_leads_to_any_other_by_operations() {
    let pack = embedded();
    let pairs = pairs(pack, PAIRS);
    for (from, to) in &pairs {
        let mut now = from.clone();
        for step in steps(pack, from, to) {
            now = step
                .selection(pack, &now, &now)
                .unwrap_or_else(|error| panic!("{}: {error}", step.words()));
        }
        assert_eq!(&now, to, "from {}", from.choices(pack).command(pack));
    }
    println!("{} pairs", pairs.len());
    assert!(pairs.len() >= 9);
}

/// The same on disk, through the journal, byte for byte and bit for bit; and undone again.
#[test]
fn operations_on_disk_end_where_new_begins() {
    let pack = embedded();
    let memory = std::path::Path::new("/dev/shm");
    for (from, to) in pairs(pack, 8) {
        let work = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let work = work.expect("a temporary folder");
        let root = work.path().join("x");
        let never = std::sync::atomic::AtomicBool::new(false);
        let former = tree_of(pack, from.clone());
        scaffold::disk::writer::write(&former, Tree::default, &root, &never)
            .expect("it is written");
        let shown = |root: &std::path::Path| -> Vec<(String, Vec<u8>, bool)> {
            let files = files_in(root).into_iter();
            let is_own =
                |path: &str| path.starts_with(".scaffold/local/") || path.starts_with(".git/");
            files.filter(|(path, _, _)| !is_own(path)).collect()
        };
        put(&root, ".git/HEAD", b"ref: refs/heads/main\n");
        let before = shown(&root);
        let (transaction, _) = Transaction::begin(&root, &LocalDisk).expect("it begins");
        let steps = steps(pack, &from, &to);
        for step in &steps {
            let intent = intend(pack, &root, step, false).expect("nothing stands in its way");
            assert_eq!(intent.merge.conflicts, Vec::new());
            transaction.commit(&step.words(), &intent.changes).expect("it is written");
        }
        let expected = work.path().join("y");
        scaffold::disk::writer::write(&tree_of(pack, to.clone()), Tree::default, &expected, &never)
            .expect("it is written");
        assert_eq!(shown(&root), shown(&expected), "{steps:?}");
        if let [_] = steps[..] {
            transaction.undo(false, false).expect("there is something to undo");
            assert_eq!(shown(&root), before, "undo of {steps:?}");
        }
    }
}

/// Adds commute, and a service that comes and goes leaves nothing.
#[test]
fn adds_commute_and_a_service_that_goes_leaves_nothing() {
    let pack = embedded();
    let all = cover(pack, "x");
    let flags: Vec<String> = pack.flagged().map(|(flag, _)| flag.to_owned()).collect();
    for selection in all.iter().take(64) {
        for (first, second) in
            flags.iter().flat_map(|first| flags.iter().map(move |second| (first, second)))
        {
            let add = |selection: &Selection, flag: &String| {
                Operation::Add(vec![flag.clone()]).selection(pack, selection, selection).ok()
            };
            // What has nothing to work with yet cannot come first.
            let (Some(one), Some(other)) = (add(selection, first), add(selection, second)) else {
                continue;
            };
            let (one, other) = (add(&one, second), add(&other, first));
            assert_eq!(one, other, "{first}, {second}");
        }
        for kind in selection.services.values() {
            let add = Operation::AddService {
                name: "passing".to_owned(),
                kind: kind.clone(),
                with: Vec::new(),
            };
            let with = add.selection(pack, selection, selection).expect("the kind is there");
            let remove = Operation::RemoveService(vec!["passing".to_owned()]);
            let without = remove.selection(pack, &with, &with).expect("it is not the only one");
            assert_eq!(&without, selection);
        }
    }
}
