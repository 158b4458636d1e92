//! Nothing that only the user wrote disappears: any selection, any edits, any operation, merged in
//! memory. `EDIT_CASES=100000 cargo test --test edits` tries that many cases.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scaffold::lint::cover::cover;
use scaffold::merge::decide::{Content, Merge, Ours, Rules, has_markers};
use scaffold::merge::moves::merge;
use scaffold::pack::load::Pack;
use scaffold::render::files::rendered_files;
use scaffold::render::plan::Plan;
use scaffold::render::tree::Tree;

const CASES: u32 = 2000;
/// More than so many selections are sampled.
const SELECTIONS: usize = 16;

/// Renderings of the embedded pack, with one and with several services of each kind.
fn trees() -> &'static [Tree] {
    static TREES: OnceLock<Vec<Tree>> = OnceLock::new();
    TREES.get_or_init(|| {
        let pack = Pack::embedded().expect("the embedded pack can be read");
        let all = cover(&pack, "my-app");
        let step = all.len().div_ceil(SELECTIONS / 2);
        let mut trees = Vec::new();
        for (number, selection) in all.iter().enumerate() {
            if number % step != 0 && number + 1 != all.len() {
                continue;
            }
            let mut more = selection.clone();
            let kinds: BTreeSet<String> = selection.services.values().cloned().collect();
            more.services.extend(kinds.into_iter().map(|kind| (format!("second-{kind}"), kind)));
            for selection in [selection.clone(), more] {
                let plan = Plan::new(&pack, selection).expect("the selection is valid");
                trees.push(rendered_files(&plan).expect("it renders"));
            }
        }
        trees
    })
}

/// What a user does to a file; the numbers choose among what is there.
#[derive(Debug, Clone)]
enum Edit {
    Insert {
        file: usize,
        line: usize,
    },
    Replace {
        file: usize,
        line: usize,
    },
    DeleteLine {
        file: usize,
        line: usize,
    },
    Append {
        file: usize,
    },
    Key {
        file: usize,
    },
    /// The very line that the new rendering inserts as well, and one of their own beside it.
    SameLine {
        file: usize,
    },
    Delete {
        file: usize,
    },
    Rename {
        file: usize,
    },
    Mode {
        file: usize,
    },
    Binary {
        file: usize,
    },
    Crlf {
        file: usize,
    },
    Link {
        file: usize,
    },
    /// A file where the new rendering has one and the old one had none.
    Occupy {
        file: usize,
    },
    OwnFile,
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let place = (any::<usize>(), any::<usize>());
    prop_oneof![
        4 => place.prop_map(|(file, line)| Edit::Insert { file, line }),
        4 => place.prop_map(|(file, line)| Edit::Replace { file, line }),
        3 => place.prop_map(|(file, line)| Edit::DeleteLine { file, line }),
        2 => any::<usize>().prop_map(|file| Edit::Append { file }),
        3 => any::<usize>().prop_map(|file| Edit::Key { file }),
        3 => any::<usize>().prop_map(|file| Edit::SameLine { file }),
        2 => any::<usize>().prop_map(|file| Edit::Delete { file }),
        2 => any::<usize>().prop_map(|file| Edit::Rename { file }),
        2 => any::<usize>().prop_map(|file| Edit::Mode { file }),
        2 => any::<usize>().prop_map(|file| Edit::Binary { file }),
        2 => any::<usize>().prop_map(|file| Edit::Crlf { file }),
        1 => any::<usize>().prop_map(|file| Edit::Link { file }),
        2 => any::<usize>().prop_map(|file| Edit::Occupy { file }),
        1 => Just(Edit::OwnFile),
    ]
}

/// A project with edits: what differs from the base, and what of it is only the user's.
#[derive(Debug, Default)]
struct User {
    files: BTreeMap<String, Ours>,
    /// Words that stand in the user's files and nowhere else.
    words: Vec<String>,
    /// Lines that the user removed, where the base had them once.
    removed: Vec<(String, String)>,
}

impl User {
    fn look(&self, base: &Tree, path: &str) -> Ours {
        self.files.get(path).cloned().unwrap_or_else(|| at(base, path))
    }

    #[allow(clippy::too_many_lines, reason = "an arm for each kind of edit")]
    fn edit(&mut self, edit: &Edit, base: &Tree, theirs: &Tree, number: usize) {
        // Half of the edits go where the operation changes something, else few would meet.
        let changing: Vec<&str> = base
            .iter()
            .filter(|(path, file)| theirs.get(path) != Some(*file))
            .map(|(path, _)| path)
            .collect();
        let all: Vec<&str> = base.iter().map(|(path, _)| path).collect();
        let pick = |file: usize| -> String {
            let from =
                if !file.is_multiple_of(4) && !changing.is_empty() { &changing } else { &all };
            from[(file / 4) % from.len()].to_owned()
        };
        let word = format!("only-the-user-{number}");
        match *edit {
            Edit::Insert { file, line } => self.lines(base, &pick(file), |lines| {
                let at = line % (lines.len() + 1);
                lines.insert(at, word.clone());
            }),
            Edit::Replace { file, line } => self.lines(base, &pick(file), |lines| {
                if !lines.is_empty() {
                    let at = line % lines.len();
                    lines[at].clone_from(&word);
                }
            }),
            Edit::Append { file } => {
                self.lines(base, &pick(file), |lines| lines.push(word.clone()));
            }
            Edit::DeleteLine { file, line } => {
                let path = pick(file);
                let mut gone = None;
                self.lines(base, &path, |lines| {
                    if !lines.is_empty() {
                        gone = Some(lines.remove(line % lines.len()));
                    }
                });
                self.removed.extend(gone.map(|line| (path, line)));
            }
            Edit::Key { file } => {
                let path = pick(file);
                let member = match path.rsplit('.').next() {
                    Some("json") => format!("  \"{word}\": true,"),
                    Some("toml") => format!("{word} = true"),
                    _ => return,
                };
                self.lines(base, &path, |lines| {
                    // Below the first brace or table: within, and often beside what changes.
                    let at =
                        lines.iter().position(|line| line.ends_with('{') || line.starts_with('['));
                    lines.insert(at.map_or(0, |at| at + 1), member.clone());
                });
            }
            Edit::SameLine { file } => {
                let path = pick(file);
                let (Some(was), Some(new)) = (base.get(&path), theirs.get(&path)) else { return };
                let old = String::from_utf8_lossy(&was.bytes).into_owned();
                let old: BTreeSet<&str> = old.lines().collect();
                let new = String::from_utf8_lossy(&new.bytes).into_owned();
                let inserted = new.lines().enumerate().find(|(_, line)| !old.contains(line));
                let Some((at, line)) = inserted else { return };
                self.lines(base, &path, |lines| {
                    let at = at.min(lines.len());
                    lines.insert(at, word.clone());
                    lines.insert(at, line.to_owned());
                });
            }
            Edit::Delete { file } => {
                let path = pick(file);
                self.files.insert(path, Ours::Absent);
            }
            Edit::Rename { file } => {
                let path = pick(file);
                let there = self.look(base, &path);
                self.files.insert(format!("{path}.mine"), there);
                self.files.insert(path, Ours::Absent);
            }
            Edit::Mode { file } => {
                let path = pick(file);
                if let Ours::File(mut content) = self.look(base, &path) {
                    content.executable = !content.executable;
                    self.files.insert(path, Ours::File(content));
                }
            }
            Edit::Binary { file } => {
                let bytes = [b"\0\xff", word.as_bytes(), b"\0"].concat();
                let content = Content { bytes: bytes.into(), executable: false };
                self.files.insert(pick(file), Ours::File(content));
            }
            Edit::Crlf { file } => {
                let path = pick(file);
                if let Ours::File(mut content) = self.look(base, &path)
                    && let Ok(text) = std::str::from_utf8(&content.bytes)
                {
                    content.bytes =
                        text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes().into();
                    self.files.insert(path, Ours::File(content));
                }
            }
            Edit::Link { file } => {
                self.files.insert(pick(file), Ours::Other("a symbolic link"));
            }
            Edit::Occupy { file } => {
                let new: Vec<&str> = theirs
                    .iter()
                    .map(|(path, _)| path)
                    .filter(|path| base.get(path).is_none())
                    .collect();
                if let Some(path) = new.get(file % new.len().max(1)) {
                    let bytes = format!("{word}\n").into_bytes().into();
                    self.files.insert(
                        (*path).to_owned(),
                        Ours::File(Content { bytes, executable: false }),
                    );
                }
            }
            Edit::OwnFile => {
                let bytes = format!("{word}\n").into_bytes().into();
                let path = format!("services/gateway/src/mine-{number}.ts");
                self.files.insert(path, Ours::File(Content { bytes, executable: false }));
            }
        }
        self.words.push(word);
    }

    /// Changes the lines of a text, in its own line endings.
    fn lines(&mut self, base: &Tree, path: &str, change: impl FnOnce(&mut Vec<String>)) {
        let Ours::File(content) = self.look(base, path) else { return };
        let Ok(text) = std::str::from_utf8(&content.bytes) else { return };
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        change(&mut lines);
        let text: String = lines.into_iter().map(|line| line + end).collect();
        let content = Content { bytes: text.into_bytes().into(), executable: content.executable };
        self.files.insert(path.to_owned(), Ours::File(content));
    }
}

fn at(tree: &Tree, path: &str) -> Ours {
    tree.get(path).map_or(Ours::Absent, |file| Ours::File(Content::from(file)))
}

/// What is at a path after the merge.
fn after(user: &User, base: &Tree, merge: &Merge, path: &str) -> Ours {
    match merge.changes.get(path) {
        Some(Some(content)) => Ours::File(content.clone()),
        Some(None) => Ours::Absent,
        None => user.look(base, path),
    }
}

fn contains(ours: &Ours, word: &str) -> bool {
    match ours {
        Ours::File(content) => {
            // Behind a word comes no digit of a longer one.
            let text = String::from_utf8_lossy(&content.bytes).into_owned();
            text.match_indices(word).any(|(start, _)| {
                !text[start + word.len()..].starts_with(|next: char| next.is_ascii_digit())
            })
        }
        _ => false,
    }
}

/// The new rendering with one file under another path, as a pack that renames one would have it.
fn with_rename(base: &Tree, theirs: &Tree, choice: usize) -> (Tree, Rules) {
    let mut rules = Rules::default();
    rules.locks.insert("package-lock.json".to_owned(), "npm install".to_owned());
    let both: Vec<&str> =
        base.iter().map(|(path, _)| path).filter(|path| theirs.get(path).is_some()).collect();
    if choice.is_multiple_of(2) || both.is_empty() {
        return (theirs.clone(), rules);
    }
    let old = both[(choice / 2) % both.len()];
    let new = format!("{old}.renamed");
    let mut renamed = Tree::default();
    for (path, file) in theirs.iter() {
        let path = if path == old { &new } else { path };
        renamed.insert(path.to_owned(), file.clone());
    }
    rules.renamed.insert(new, old.to_owned());
    (renamed, rules)
}

#[allow(clippy::too_many_lines, reason = "one list of what must hold after any merge")]
fn check(from: usize, to: usize, rename: usize, edits: &[Edit]) -> Result<(), TestCaseError> {
    let base = &trees()[from % trees().len()];
    let (theirs, rules) = with_rename(base, &trees()[to % trees().len()], rename);
    let mut user = User::default();
    for (number, edit) in edits.iter().enumerate() {
        user.edit(edit, base, &theirs, number);
    }
    let merged = merge(base, &mut |path| user.look(base, path), &theirs, &rules);
    let conflicted: BTreeSet<&str> =
        merged.conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
    let to_new = |path: &str| merged.moved.get(path).cloned().unwrap_or_else(|| path.to_owned());

    // Every word of the user's stands where it stood, or where the pack moved the file to.
    for (path, ours) in &user.files {
        for word in user.words.iter().filter(|word| contains(ours, word)) {
            let then = after(&user, base, &merged, &to_new(path));
            prop_assert!(
                contains(&then, word),
                "`{word}` is lost from `{path}`: {:?}",
                merged.conflicts
            );
        }
        match ours {
            // What was deleted stays deleted.
            Ours::Absent => {
                prop_assert_eq!(
                    after(&user, base, &merged, path),
                    Ours::Absent,
                    "{} came back",
                    path
                );
            }
            // What is not ours to touch is not touched.
            Ours::Other(_) => {
                prop_assert!(!merged.changes.contains_key(path), "{path} was touched");
            }
            Ours::File(own) => {
                let then = after(&user, base, &merged, &to_new(path));
                let Ours::File(then) = then else {
                    let was = at(base, path);
                    let is_edited = match &was {
                        Ours::File(was) => {
                            let text =
                                |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", "\n");
                            text(&own.bytes) != text(&was.bytes) || own.executable != was.executable
                        }
                        _ => true,
                    };
                    prop_assert!(!is_edited, "`{path}` was edited and is gone");
                    continue;
                };
                // A bit that the user changed stays as they want it.
                if base.get(path).is_some_and(|was| was.executable != own.executable) {
                    prop_assert_eq!(then.executable, own.executable, "the mode of {}", path);
                }
                let own_text = String::from_utf8_lossy(&own.bytes);
                let is_crlf = own_text.contains("\r\n")
                    && !own_text.replace("\r\n", "").contains(['\r', '\n']);
                let then_text = String::from_utf8_lossy(&then.bytes);
                if is_crlf {
                    let mixed = then_text.replace("\r\n", "").contains('\n');
                    prop_assert!(!mixed, "{path} was CRLF and is mixed now");
                }
            }
        }
    }
    // A removed line does not come back unnoticed.
    for (path, line) in &user.removed {
        let once = |ours: &Ours| match ours {
            Ours::File(content) => String::from_utf8_lossy(&content.bytes)
                .lines()
                .filter(|other| other == line)
                .count(),
            _ => 0,
        };
        let was_once = once(&at(base, path)) == 1 && once(&at(&theirs, &to_new(path))) == 1;
        let is_gone = once(&user.look(base, path)) == 0;
        if was_once
            && is_gone
            && !conflicted.contains(to_new(path).as_str())
            && line.trim().len() > 3
        {
            let then = after(&user, base, &merged, &to_new(path));
            prop_assert_eq!(once(&then), 0, "`{}` came back in {}", line, path);
        }
    }
    // What the user did not touch is exactly what is rendered.
    for (path, file) in theirs.iter() {
        let is_as_before = base.get(path).is_some_and(|was| was == file);
        if is_as_before && !merged.changes.contains_key(path) {
            continue;
        }
        let former = rules.renamed.get(path).map_or(path, String::as_str);
        if !user.files.contains_key(path) && !user.files.contains_key(former) {
            prop_assert_eq!(
                after(&user, base, &merged, path),
                Ours::File(Content::from(file)),
                "{}",
                path
            );
        }
    }
    for (path, _) in base.iter().filter(|(path, _)| theirs.get(path).is_none()) {
        if !user.files.contains_key(path) {
            prop_assert_eq!(after(&user, base, &merged, path), Ours::Absent, "{}", path);
        }
    }
    // Markers are a conflict that is told.
    for (path, content) in
        merged.changes.iter().filter_map(|(path, after)| Some((path, after.as_ref()?)))
    {
        if has_markers(&content.bytes) {
            prop_assert!(
                conflicted.contains(path.as_str()),
                "{path} has markers and nobody is told"
            );
        }
    }
    // The same operation again changes nothing.
    let own = Rules { own: merged.own.clone(), ..Rules::default() };
    let again = merge(&theirs, &mut |path| after(&user, base, &merged, path), &theirs, &own);
    prop_assert!(again.changes.is_empty() && again.conflicts.is_empty(), "{:?}", again);
    Ok(())
}

#[test]
fn nothing_that_only_the_user_wrote_disappears() {
    let cases =
        std::env::var("EDIT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let edits = prop::collection::vec(any_edit(), 0..8);
    let case = (any::<usize>(), any::<usize>(), any::<usize>(), edits);
    TestRunner::new(config)
        .run(&case, |(from, to, rename, edits)| check(from, to, rename, &edits))
        .unwrap_or_else(|error| panic!("{error}"));
    println!("{cases} cases over {} renderings", trees().len());
}

/// The words by which losses are found can be told from each other.
#[test]
fn a_lost_word_is_found() {
    let file = |text: &str| {
        Ours::File(Content { bytes: text.as_bytes().to_vec().into(), executable: false })
    };
    assert!(contains(&file("x only-the-user-1 y"), "only-the-user-1"));
    assert!(!contains(&file("x only-the-user-12 y"), "only-the-user-1"));
}
