//! What an operation decides for one path, case by case, and which conflicts stay open.

use std::borrow::Cow;
use std::collections::BTreeMap;

use scaffold::merge::decide::{
    Conflict, ConflictKind, Content, Merge, Ours, Rules, has_markers, is_open, marker_line,
    versions,
};
use scaffold::merge::moves::merge;
use scaffold::render::tree::{File, Tree};
use scaffold::text::digest::of as digest;

fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (path, text) in files {
        tree.insert((*path).to_owned(), file(text, false));
    }
    tree
}

fn file(text: &str, executable: bool) -> File {
    File {
        bytes: Cow::Owned(text.as_bytes().to_vec()),
        executable,
        component: String::new(),
        source: String::new(),
    }
}

fn content(text: &str) -> Content {
    Content { bytes: Cow::Owned(text.as_bytes().to_vec()), executable: false }
}

fn with(base: &Tree, ours: &[(&str, Ours)], theirs: &Tree, rules: &Rules) -> Merge {
    let ours: BTreeMap<&str, Ours> = ours.iter().cloned().collect();
    merge(base, &mut |path| ours.get(path).cloned().unwrap_or(Ours::Absent), theirs, rules)
}

/// Merges one path of which each side may have something.
fn single(path: &str, base: Option<&str>, ours: Option<&str>, theirs: Option<&str>) -> Merge {
    let side = |text: Option<&str>| text.map_or_else(Tree::default, |text| tree(&[(path, text)]));
    let own = ours.map_or(Ours::Absent, |text| Ours::File(content(text)));
    with(&side(base), &[(path, own)], &side(theirs), &Rules::default())
}

fn kinds(merge: &Merge) -> Vec<(&str, ConflictKind)> {
    merge.conflicts.iter().map(|conflict| (conflict.path.as_str(), conflict.kind)).collect()
}

/// What stands at a path afterwards, where that changed.
#[allow(clippy::option_option, reason = "unchanged, removed, or written")]
fn written<'m>(merge: &'m Merge, path: &str) -> Option<Option<&'m str>> {
    let change = merge.changes.get(path)?.as_ref();
    Some(change.map(|content| std::str::from_utf8(&content.bytes).expect("it is text")))
}

fn conflict(kind: ConflictKind) -> Conflict {
    Conflict {
        path: "f".to_owned(),
        kind,
        pointer: None,
        ours: None,
        theirs: None,
        renew: None,
        digest: None,
        underlines: None,
    }
}

#[test]
fn one_path_is_decided_by_who_changed_it() {
    let path = "a.txt";
    let quiet = |base, ours, theirs| {
        let merge = single(path, base, ours, theirs);
        assert_eq!(merge.conflicts, []);
        assert!(merge.stay_deleted.is_empty() || ours.is_none());
        written(&merge, path).map(|text| text.map(str::to_owned))
    };
    let some = |text: &str| Some(Some(text.to_owned()));
    assert_eq!(quiet(None, None, Some("new\n")), some("new\n"), "a new file is written");
    assert_eq!(quiet(Some("a\n"), Some("a\n"), Some("b\n")), some("b\n"), "only they changed it");
    assert_eq!(quiet(Some("a\n"), Some("b\n"), Some("a\n")), None, "only the user changed it");
    assert_eq!(quiet(Some("a\n"), Some("b\n"), Some("b\n")), None, "both changed it alike");
    assert_eq!(quiet(Some("a\n"), Some("a\n"), None), Some(None), "it goes");
    assert_eq!(quiet(Some("a\n"), None, None), None, "both removed it");
    assert_eq!(quiet(Some("a\n"), None, Some("a\n")), None, "the user removed it");
    assert_eq!(
        quiet(Some("1\n2\n3\n"), Some("one\n2\n3\n"), Some("1\n2\nthree\n")),
        some("one\n2\nthree\n"),
        "both changed other lines"
    );
    let merge = single(path, Some("a\n"), None, Some("b\n"));
    assert_eq!((merge.stay_deleted, merge.changes.len()), (vec![path.to_owned()], 0));
    let merge = single(path, Some("a\n"), None, Some("a\n"));
    assert_eq!(merge.stay_deleted, [""; 0]);
    let merge = single(path, Some("a\n"), Some("mine\n"), None);
    assert_eq!((kinds(&merge), merge.changes.len()), (vec![(path, ConflictKind::Kept)], 0));
    let merge = single(path, None, Some("a\n"), Some("a\n"));
    assert_eq!((merge.own.len(), merge.changes.len(), merge.conflicts.len()), (1, 0, 0));
    let merge = single(path, Some("a\n"), Some("b\n"), Some("b\n"));
    assert_eq!(merge.own.len(), 0, "it was rendered before, so it is not only theirs");
}

#[test]
fn overlapping_lines_stand_between_markers() {
    let merge = single(
        "a.md",
        Some("Title\n=======\n1\n"),
        Some("Title\n=======\nmine\n"),
        Some("Title\n=======\nnew\n"),
    );
    assert_eq!(kinds(&merge), [("a.md", ConflictKind::Markers)]);
    assert_eq!(merge.conflicts[0].underlines, Some(1));
    let text = "Title\n=======\n<<<<<<< yours\nmine\n=======\nnew\n>>>>>>> rendered now\n";
    assert_eq!(written(&merge, "a.md"), Some(Some(text)));
    // Markers within markers cannot be read by anybody.
    let marked = "<<<<<<< HEAD\nmine\n=======\nother\n>>>>>>> branch\n";
    let merge = single("a.md", Some("1\n"), Some(marked), Some("2\n"));
    assert_eq!(kinds(&merge), [("a.md", ConflictKind::Beside)]);
    assert_eq!(written(&merge, "a.md.theirs"), Some(Some("2\n")));
    assert_eq!(written(&merge, "a.md"), None);
    let merge = single("a.txt", Some("1\n"), Some("mine\n"), Some("2\n"));
    assert_eq!(merge.conflicts[0].underlines, None);
}

#[test]
fn keys_are_merged_where_lines_overlap_or_break_the_file() {
    let merge = single(
        "a.json",
        Some("{\"a\": 1, \"b\": 1}\n"),
        Some("{\"a\": 2, \"b\": 1}\n"),
        Some("{\"a\": 1, \"b\": 2}\n"),
    );
    assert_eq!(merge.conflicts, []);
    assert_eq!(written(&merge, "a.json"), Some(Some("{\"a\": 2, \"b\": 2}\n")));
    // By lines this would be the key twice.
    let merge = single(
        "a.toml",
        Some("a = 1\n\n\nb = 1\n"),
        Some("new = 1\na = 1\n\n\nb = 1\n"),
        Some("a = 1\n\n\nb = 1\nnew = 1\n"),
    );
    assert_eq!(merge.conflicts, []);
    assert_eq!(written(&merge, "a.toml"), None);
    let merge = single("a.toml", Some("a = 1\n"), Some("a = 2\n"), Some("a = 3\n"));
    assert_eq!(kinds(&merge), [("a.toml", ConflictKind::Key)]);
    assert_eq!(
        (
            merge.conflicts[0].pointer.as_deref(),
            merge.conflicts[0].ours.as_deref(),
            merge.conflicts[0].theirs.as_deref()
        ),
        (Some("/a"), Some("2"), Some("3"))
    );
    // What was there before it was rendered is put together, and somebody has to look at it.
    let merge = single("a.json", None, Some("{\"a\": 1}\n"), Some("{\"b\": 1}\n"));
    assert_eq!(kinds(&merge), [("a.json", ConflictKind::Key)]);
    assert_eq!(merge.conflicts[0].pointer.as_deref(), Some(""));
    assert_eq!(written(&merge, "a.json"), Some(Some("{\"a\": 1, \"b\": 1}\n")));
    let merge = single("a.json", None, Some("{\"a\": 1}\n"), Some("{\"a\": 2}\n"));
    assert_eq!(merge.conflicts.len(), 1, "one conflict is enough: {:?}", merge.conflicts);
    assert_eq!(merge.conflicts[0].pointer.as_deref(), Some("/a"));
    // Lines that merge are left to lines, and keep what the user wrote as they wrote it.
    let merge = single(
        "a.json",
        Some("{\n\"a\": 1,\n\n\n\"b\": 1\n}\n"),
        Some("{\n\"a\":   2,\n\n\n\"b\": 1\n}\n"),
        Some("{\n\"a\": 1,\n\n\n\"b\": 2\n}\n"),
    );
    assert_eq!(written(&merge, "a.json"), Some(Some("{\n\"a\":   2,\n\n\n\"b\": 2\n}\n")));
    // What cannot be read by key gets markers.
    let merge = single("a.json", Some("{\n"), Some("{ mine\n"), Some("{ new\n"));
    assert_eq!(kinds(&merge), [("a.json", ConflictKind::Markers)]);
}

#[test]
fn a_binary_file_stands_beside_under_a_free_name() {
    let base = tree(&[("a.bin", "\0one")]);
    let theirs = tree(&[("a.bin", "\0two")]);
    let mut there = vec![("a.bin", Ours::File(content("\0mine")))];
    let expect = |there: &[(&str, Ours)], name: &str| {
        let merge = with(&base, there, &theirs, &Rules::default());
        assert_eq!(kinds(&merge), [("a.bin", ConflictKind::Beside)]);
        assert_eq!(merge.conflicts[0].theirs.as_deref(), Some(name));
        assert_eq!(written(&merge, name), Some(Some("\0two")));
        assert_eq!(merge.changes.len(), 1);
    };
    expect(&there, "a.bin.theirs");
    // The very same file may stand there already.
    there.push(("a.bin.theirs", Ours::File(content("\0two"))));
    expect(&there, "a.bin.theirs");
    there[1] = ("a.bin.theirs", Ours::File(content("something else")));
    expect(&there, "a.bin.theirs-2");
    there.push(("a.bin.theirs-2", Ours::Other("a folder")));
    expect(&there, "a.bin.theirs-3");
    // Bytes that are no text are binary as well.
    let mut base = Tree::default();
    base.insert("a".to_owned(), File { bytes: Cow::Owned(vec![0xff]), ..file("", false) });
    let there = [("a", Ours::File(content("mine")))];
    let merge = with(&base, &there, &tree(&[("a", "two")]), &Rules::default());
    assert_eq!(kinds(&merge), [("a", ConflictKind::Beside)]);
    // Several are told apart.
    let base = tree(&[("a.bin", "\0one"), ("b.bin", "\0one")]);
    let theirs = tree(&[("a.bin", "\0two"), ("b.bin", "\0two")]);
    let there =
        [("a.bin", Ours::File(content("\0mine"))), ("b.bin", Ours::File(content("\0mine")))];
    let merge = with(&base, &there, &theirs, &Rules::default());
    let beside: Vec<_> = merge.conflicts.iter().map(|one| one.theirs.as_deref()).collect();
    assert_eq!(beside, [Some("a.bin.theirs"), Some("b.bin.theirs")]);
}

#[test]
fn a_lock_file_is_never_merged() {
    let mut rules = Rules::default();
    rules.locks.insert("l.json".to_owned(), "renew".to_owned());
    let side = |text: &str| tree(&[("l.json", text)]);
    let there = [("l.json", Ours::File(content("{\"mine\": 1}\n")))];
    let merge = with(&side("{}\n"), &there, &side("{\"new\": 1}\n"), &rules);
    assert_eq!(kinds(&merge), [("l.json", ConflictKind::Stale)]);
    assert_eq!(merge.conflicts[0].renew.as_deref(), Some("renew"));
    assert_eq!(merge.conflicts[0].digest, Some(digest(b"{\"mine\": 1}\n")));
    assert_eq!(merge.changes.len(), 0);
    assert_eq!(
        digest(b""),
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn what_is_no_file_is_not_touched() {
    let there = [("a", Ours::Other("a folder"))];
    let blocked = |base: &Tree, theirs: &Tree| {
        let merge = with(base, &there, theirs, &Rules::default());
        assert_eq!(merge.changes.len(), 0);
        !merge.conflicts.is_empty()
    };
    let [none, one, two] = [tree(&[]), tree(&[("a", "1")]), tree(&[("a", "2")])];
    assert!(blocked(&none, &one));
    assert!(blocked(&one, &two));
    assert!(!blocked(&one, &one));
    assert!(!blocked(&one, &none));
    let mut executable = Tree::default();
    executable.insert("a".to_owned(), file("1", true));
    assert!(!blocked(&one, &executable), "only the bit changed");
}

#[test]
fn files_that_were_the_users_stay_theirs() {
    let rules = Rules { own: ["a".to_owned()].into(), ..Rules::default() };
    let side = |text: &str| tree(&[("a", text)]);
    let there = [("a", Ours::File(content("1\n")))];
    let merge = with(&side("1\n"), &there, &tree(&[]), &rules);
    assert_eq!((merge.changes.len(), merge.conflicts.len()), (0, 0), "it is not removed");
    let merge = with(&side("1\n"), &there, &side("1\n"), &rules);
    assert_eq!(merge.own.len(), 1, "it is theirs as long as it is rendered");
    let merge = with(&side("1\n"), &there, &side("2\n"), &rules);
    assert_eq!((merge.own.len(), written(&merge, "a")), (1, Some(Some("2\n"))));
    let merge = with(&side("1\n"), &there, &side("1\n"), &Rules::default());
    assert_eq!(merge.own.len(), 0);
    // Deleted, it is told of only where it would have changed.
    assert_eq!(with(&side("1\n"), &[], &side("1\n"), &rules).stay_deleted, [""; 0]);
    assert_eq!(with(&side("1\n"), &[], &side("2\n"), &rules).stay_deleted, ["a"]);
}

#[test]
fn the_executable_bit_is_merged_as_well() {
    let side = |executable: bool| {
        let mut tree = Tree::default();
        tree.insert("a".to_owned(), file("1\n", executable));
        tree
    };
    let after = |base: &Tree, ours: bool, theirs: &Tree| {
        let there = [("a", Ours::File(Content { executable: ours, ..content("1\n") }))];
        let merge = with(base, &there, theirs, &Rules::default());
        merge.changes.get("a").and_then(Option::as_ref).map(|content| content.executable)
    };
    assert_eq!(after(&side(false), false, &side(true)), Some(true));
    assert_eq!(after(&side(true), true, &side(false)), Some(false));
    assert_eq!(after(&side(false), true, &side(true)), None);
    assert_eq!(after(&tree(&[]), true, &side(false)), None, "the user had it already");
    let there = [("a", Ours::File(Content { executable: true, ..content("1\n") }))];
    let merge = with(&side(false), &there, &tree(&[("a", "2\n")]), &Rules::default());
    let after = merge.changes["a"].as_ref().expect("it is there");
    assert!(after.executable && *after.bytes == *b"2\n", "the user set the bit");
    // A file of which only the bit was edited is edited, too.
    let there = [("a", Ours::File(Content { executable: true, ..content("1\n") }))];
    let merge = with(&side(false), &there, &tree(&[]), &Rules::default());
    assert_eq!(kinds(&merge), [("a", ConflictKind::Kept)]);
    // Deleted by the user, and only the bit is new: that is a change.
    let merge = with(&side(false), &[], &side(true), &Rules::default());
    assert_eq!(merge.stay_deleted, ["a"]);
}

#[test]
fn line_endings_are_the_users() {
    let some = |text: &'static str| Some(Some(text));
    let crlf = |base, ours, theirs| single("a.txt", Some(base), Some(ours), Some(theirs));
    let merge = crlf("1\n2\n3\n", "1\r\n2\r\n3\r\n", "1\n2\nthree\n");
    assert_eq!((written(&merge, "a.txt"), merge.conflicts.len()), (some("1\r\n2\r\nthree\r\n"), 0));
    let merge = crlf("1\n2\n3\n", "one\r\n2\r\n3\r\n", "1\n2\nthree\n");
    assert_eq!(written(&merge, "a.txt"), some("one\r\n2\r\nthree\r\n"));
    let merge = crlf("1\n", "1\r\n", "1\n");
    assert_eq!(written(&merge, "a.txt"), None);
    // Where only some lines end so, nothing is taken for granted.
    let merge = crlf("1\n2\n3\n", "1\r\n2\n3\n", "1\n2\nthree\n");
    assert_eq!(written(&merge, "a.txt"), some("1\r\n2\nthree\n"));
    // What is rendered with CR is rendered with CR.
    let merge = crlf("1\r\n2\n", "1\r\n2\r\n", "1\r\n3\n");
    assert_eq!(kinds(&merge), [("a.txt", ConflictKind::Markers)]);
    let merge = single("a.txt", Some("1\n"), Some("1\r\n"), None);
    assert_eq!((written(&merge, "a.txt"), merge.conflicts.len()), (Some(None), 0));
    // A CR that ends no line is the user's.
    let merge = crlf("1\n2\n3\n", "1\r1\r\n2\r\n3\r\n", "1\n2\nthree\n");
    assert_eq!(
        written(&merge, "a.txt").map(|text| text.is_some_and(|text| text.contains("1\r1"))),
        Some(true)
    );
    let merge = crlf("1\n", "1", "2\n");
    assert_eq!(kinds(&merge), [("a.txt", ConflictKind::Markers)]);
    // A text of one line without an end has none of these.
    let merge = single("a.toml", Some("a = 1"), Some("a = 2"), Some("a = 1\nb = 1"));
    assert_eq!(written(&merge, "a.toml"), some("a = 2\nb = 1"));
}

#[test]
fn a_renamed_file_takes_its_edits_along() {
    let rules =
        Rules { renamed: [("new".to_owned(), "old".to_owned())].into(), ..Rules::default() };
    let (base, theirs) = (tree(&[("old", "1\n2\n3\n")]), tree(&[("new", "1\n2\nthree\n")]));
    let there = [("old", Ours::File(content("one\n2\n3\n")))];
    let merge = with(&base, &there, &theirs, &rules);
    assert_eq!(written(&merge, "new"), Some(Some("one\n2\nthree\n")));
    assert_eq!(written(&merge, "old"), Some(None));
    assert_eq!(merge.moved, [("old".to_owned(), "new".to_owned())].into());
    // Unchanged, it moves all the same.
    let merge = with(
        &tree(&[("old", "1\n")]),
        &[("old", Ours::File(content("1\n")))],
        &tree(&[("new", "1\n")]),
        &rules,
    );
    assert_eq!((written(&merge, "new"), written(&merge, "old")), (Some(Some("1\n")), Some(None)));
    // Deleted by the user, it stays so.
    let merge = with(&base, &[], &theirs, &rules);
    assert_eq!(
        (merge.changes.len(), merge.moved.len(), merge.stay_deleted),
        (0, 0, vec!["new".to_owned()])
    );
    // Each of these is no rename: something is at the new path, or the old one is not ours or stays.
    let mine = ("new", Ours::File(content("mine\n")));
    let folder = ("old", Ours::Other("a folder"));
    let old = there[0].clone();
    let both = tree(&[("old", "1\n2\n3\n"), ("new", "x\n")]);
    for (base, ours, theirs) in [
        (&base, vec![old.clone(), mine], &theirs),
        (&base, vec![folder], &theirs),
        (&both, vec![old.clone()], &theirs),
        (&base, vec![old.clone()], &both),
        (&tree(&[]), vec![old.clone()], &theirs),
        (&base, vec![old.clone()], &tree(&[])),
    ] {
        assert_eq!(with(base, &ours, theirs, &rules).moved.len(), 0);
    }
    // One file cannot become two.
    let rules = Rules {
        renamed: [("new".to_owned(), "old".to_owned()), ("newer".to_owned(), "old".to_owned())]
            .into(),
        ..Rules::default()
    };
    let merge = with(&base, &there, &tree(&[("new", "1\n"), ("newer", "1\n")]), &rules);
    assert_eq!(merge.moved.len(), 1);
    assert_eq!(written(&merge, "newer"), Some(Some("1\n")));
}

#[test]
fn conflicts_are_open_until_somebody_saw_to_them() {
    let open = |conflict: &Conflict, there: Ours| {
        is_open(conflict, &mut |path| if path == "f" { there.clone() } else { Ours::Absent })
    };
    let text = |text: &str| Ours::File(content(text));
    let blocked = conflict(ConflictKind::Blocked);
    assert!(open(&blocked, Ours::Other("a folder")));
    assert!(!open(&blocked, Ours::Absent) && !open(&blocked, text("x")));
    let kept = conflict(ConflictKind::Kept);
    assert!(open(&kept, text("x")) && open(&kept, Ours::Other("x")) && !open(&kept, Ours::Absent));
    let stale = Conflict { digest: Some(digest(b"x")), ..conflict(ConflictKind::Stale) };
    assert!(open(&stale, text("x")) && !open(&stale, text("y")) && !open(&stale, Ours::Absent));
    let beside = Conflict { theirs: Some("f.theirs".to_owned()), ..conflict(ConflictKind::Beside) };
    let with_beside = |there: Ours| {
        is_open(&beside, &mut |path| if path == "f" { text("x") } else { there.clone() })
    };
    assert!(with_beside(text("y")) && with_beside(Ours::Other("y")) && !with_beside(Ours::Absent));
    assert!(open(&conflict(ConflictKind::Beside), text("x")));
    let key = |path: &str, pointer: &str, ours: Option<&str>| Conflict {
        path: path.to_owned(),
        pointer: Some(pointer.to_owned()),
        ours: ours.map(str::to_owned),
        ..conflict(ConflictKind::Key)
    };
    let open = |conflict: &Conflict, there: &str| is_open(conflict, &mut |_| text(there));
    assert!(open(&key("f.json", "/a", Some(" 1 ")), "{\"a\": 1}"));
    assert!(!open(&key("f.json", "/a", Some("1")), "{\"a\": 2}"));
    assert!(
        open(&key("f.json", "/a", None), "{}") && !open(&key("f.json", "/a", None), "{\"a\": 1}")
    );
    assert!(open(&key("f.json", "", None), "{\"a\": 1}"), "somebody has to say so");
    assert!(open(&key("f.json", "/a", Some("1")), "{\"a\": 1"), "it cannot be read");
    assert!(open(&key("f.txt", "/a", Some("1")), "{}"), "it has no keys");
    assert!(open(&key("f.json", "/a", Some("1")), "\0"));
    assert!(open(&Conflict { pointer: None, ..key("f.json", "", None) }, "{}"));
    let markers = conflict(ConflictKind::Markers);
    assert!(open(&markers, "=======\n") && !open(&markers, "x\n"));
    assert!(is_open(&markers, &mut |_| Ours::Other("a folder")));
}

#[test]
fn every_marker_counts_alone() {
    let line = |underlines, text: &str| {
        let conflict = Conflict { underlines, ..conflict(ConflictKind::Markers) };
        marker_line(&conflict, text.as_bytes())
    };
    assert_eq!(line(None, "a\n<<<<<<< yours\nb\n=======\nc\n>>>>>>> rendered now\n"), Some(2));
    assert_eq!(line(None, "a\nb\n=======\nc\n>>>>>>> rendered now\n"), Some(3));
    assert_eq!(line(None, "a\nb\nc\n>>>>>>> rendered now\n"), Some(4));
    assert_eq!(line(None, "<<<<<<< yours\r\n"), Some(1));
    assert_eq!(line(None, "a\n=======\n"), Some(2));
    assert_eq!(line(Some(1), "a\n=======\n"), None);
    assert_eq!(line(Some(1), "a\n=======\n=======\n"), Some(2));
    assert_eq!(line(None, "a\n<<<<<<< HEAD\n>>>>>>> branch\n"), Some(2), "git's");
    assert_eq!(
        line(None, "<<<<<<< HEAD\n====== =\n> >>>>>> x\n========\n"),
        None,
        "no marker of ours"
    );
    assert_eq!(line(None, ""), None);
    assert!(
        has_markers(b"<<<<<<< a\n>>>>>>> b")
            && !has_markers(b"<<<<<<< a")
            && !has_markers(b">>>>>>> b")
    );
}

#[test]
fn markers_part_a_text_into_two_versions() {
    let parted = |text: &str| versions(text).map(|[ours, theirs]| (ours, theirs));
    let pair = |ours: &str, theirs: &str| Some((ours.to_owned(), theirs.to_owned()));
    assert_eq!(parted("a\n"), pair("a\n", "a\n"));
    let text =
        "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\nd\n<<<<<<< HEAD\n=======\ne\n>>>>>>> x\n";
    assert_eq!(parted(text), pair("a\nb\nd\n", "a\nc\nd\ne\n"));
    let text = "<<<<<<< HEAD\r\nb\r\n||||||| base\r\no\r\n=======\r\nc\r\n>>>>>>> x";
    assert_eq!(parted(text), pair("b\r\n", "c\r\n"));
    for half in [
        "<<<<<<< HEAD\nb\n=======\nc\n",
        "b\n=======\nc\n>>>>>>> x\n",
        "<<<<<<< HEAD\nb\nc\n>>>>>>> x\n",
        "<<<<<<< HEAD\n<<<<<<< HEAD\n=======\n>>>>>>> x\n",
        "||||||| base\n",
        ">>>>>>> x\n",
        "<<<<<<< HEAD\n",
    ] {
        assert_eq!(parted(half), None, "{half}");
    }
    assert_eq!(
        parted("<<<<<<<<\n========\n"),
        pair("<<<<<<<<\n========\n", "<<<<<<<<\n========\n")
    );
}
