//! Life after `new`, as people see it: each test runs the program on a project of its own.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::place::{Place, project_files};
use common::{SMALL_PACK, files_in, put, scaffold, scaffold_ok, small_pack, stderr, stdout};
use serde_json::Value;

/// The second version of the small pack: a renamed file, a deleted one, a changed default, a
/// new component, and a changed line.
const SECOND: [(&str, &str); 6] = [
    ("pack.toml", "version = \"2.0.0\"\n"),
    ("components/base/files/guide.md", "# Guide\n\none\ntwo\nthree, anew\n"),
    ("components/base/files/fixed.txt", "fixed\n"),
    (
        "components/newcomer/component.toml",
        "summary = \"new here\"\nflag = \"newcomer\"\ndefault = true\n",
    ),
    ("components/newcomer/files/newcomer.txt", "hello\n"),
    ("components/base/component.toml", "renamed = { \"guide.md\" = \"manual.md\" }\n"),
];

/// The first version, with files that the second one renames, deletes and changes.
fn first_version() -> tempfile::TempDir {
    small_pack(&[
        ("components/base/files/manual.md", "# Guide\n\none\ntwo\nthree\n"),
        ("components/base/files/old.txt", "will go\n"),
        ("components/base/files/fixed.txt", "broken\n"),
    ])
}

/// Turns the pack of a place into its second version.
fn publish_second(place: &Place) {
    let pack = place.pack.path();
    for (path, text) in SECOND {
        let text = match path {
            "pack.toml" => SMALL_PACK[0].1.replace("version = \"1.2.3\"\n", text),
            "components/base/component.toml" => {
                let manifest =
                    SMALL_PACK[2].1.replace("default = \"onwards\"", "default = \"upwards\"");
                manifest.replace("always = true\n", &format!("always = true\n{text}"))
            }
            _ => text.to_owned(),
        };
        put(pack, path, text.as_bytes());
    }
    for gone in ["manual.md", "old.txt"] {
        fs::remove_file(pack.join("components/base/files").join(gone)).expect("it was there");
    }
}

#[test]
fn adding_and_removing_equals_new() {
    let place = Place::new(&[]);
    let small = place.files();
    let text = place.ok(&["add", "extra"]);
    assert_eq!(
        text,
        "+ 1 file   ~ 2 changed (README.md, scaffold.toml)   ! 0 conflicts\nUndo with: scaffold undo\n"
    );
    assert_eq!(place.files(), Place::new(&["--extra"]).files(), "add equals new");
    place.ok(&["set", "colour=blue", "count=5", "motto=two words"]);
    let both = Place::new(&["--extra", "--colour", "blue", "--count", "5", "--motto", "two words"]);
    assert_eq!(place.files(), both.files(), "set equals new");
    place.ok(&["set", "count=3", "motto=onwards"]);
    place.ok(&["remove", "extra"]);
    assert_eq!(place.files(), small, "remove is the inverse of add");
}

#[test]
fn an_edited_scaffold_toml_is_applied() {
    let place = Place::new(&[]);
    let text = place.read("scaffold.toml");
    place.write("scaffold.toml", &text.replace("extra = false", "extra = true # we need it"));
    let check = place.run(&["check", "drifted"]);
    assert_eq!(check.0, 3, "a choice that is not applied is drift");
    place.ok(&["apply"]);
    assert!(place.has("services/worker/name.txt"));
    let text = place.read("scaffold.toml");
    assert!(text.contains("extra = true # we need it"), "comments stay: {text}");
    assert!(text.ends_with("[[service]]\nname = \"worker\"\nkind = \"worker\"\n"), "{text}");
    place.ok(&["check"]);
    assert_eq!(place.ok(&["apply"]), "nothing to change\n");
}

#[test]
fn plan_dry_run_and_diff_of_an_operation_write_nothing() {
    let place = Place::new(&[]);
    let before = files_in(&place.root());
    let answer = place.json(&["plan", "add", "extra"]);
    assert_eq!(answer["added"], serde_json::json!(["services/worker/name.txt"]));
    assert_eq!(answer["written"], false);
    assert_eq!(place.json(&["add", "extra", "--dry-run"]), answer);
    let patch = stdout(&place.output(&["add", "extra", "--diff"]));
    assert!(
        patch.contains("diff --git a/README.md b/README.md\n--- a/README.md\n+++ b/README.md\n"),
        "{patch}"
    );
    assert!(patch.contains("+service worker\n"), "{patch}");
    assert!(!place.has(".scaffold/local"), "not even the place for the journal");
    assert_eq!(files_in(&place.root()), before);
    // The patch is one: git takes it, and the result is what the operation writes.
    put(place.work.path(), "patch", patch.as_bytes());
    assert!(place.git(&["apply", "../patch"]));
    let patched = place.read("README.md");
    assert!(place.git(&["checkout", "--quiet", "."]) && place.git(&["clean", "-qfd"]));
    place.ok(&["add", "extra"]);
    assert_eq!(place.read("README.md"), patched);
}

#[test]
fn services_come_and_go_and_others_are_untouched() {
    let place = Place::new(&["--extra"]);
    place.ok(&["add", "service", "second", "--kind", "worker"]);
    assert_eq!(place.read("services/second/name.txt"), "second\n");
    assert_eq!(place.files(), Place::new(&["--extra", "--service", "second=worker"]).files());
    place.write("services/worker/name.txt", "worker, edited\n");
    place.ok(&["remove", "service", "second"]);
    assert!(!place.has("services/second"));
    assert_eq!(place.read("services/worker/name.txt"), "worker, edited\n");
    let cases: [(&[&str], &str); 5] = [
        (
            &["add", "servce"],
            "error: the pack has no component `servce`\n\nhint: did you mean `service`? components: blue, red, extra\n",
        ),
        (
            &["remove", "service", "worker"],
            "error: `worker` is the only service of kind `worker`\n\nhint: to have none: scaffold remove extra\n",
        ),
        (
            &["remove", "service", "wroker"],
            "error: there is no service `wroker`\n\nhint: did you mean `worker`? services: worker\n",
        ),
        (
            &["add", "service", "worker", "--kind", "worker"],
            "error: there is a service `worker` already, of kind `worker`\n\nhint: scaffold add service worker-2 --kind worker\n",
        ),
        (
            &["add", "service", "one", "--kind", "wroker"],
            "error: `wroker` is not a choice of `--kind`\n\nhint: did you mean `worker`? choices: worker\n",
        ),
    ];
    for (arguments, text) in cases {
        assert_eq!(place.run(arguments), (2, text.to_owned()));
    }
}

/// The small pack, whose service is only something to begin with.
fn with_an_example() -> tempfile::TempDir {
    let (path, text) = SMALL_PACK[5];
    let text = text.replace("kind = \"worker\"\n", "kind = \"worker\"\nexample = true\n");
    small_pack(&[(path, &text)])
}

#[test]
fn an_example_is_there_until_somebody_names_a_service() {
    let place = Place::of(with_an_example(), &["--extra"]);
    assert!(place.has("services/worker"));
    // It is theirs then: another one beside it takes nothing away.
    place.write("services/worker/name.txt", "worker, edited\n");
    place.ok(&["add", "service", "second", "--kind", "worker"]);
    assert!(place.has("services/worker") && place.has("services/second"));
    place.commit("second");
    place.ok(&["apply"]);
    assert_eq!(place.read("services/worker/name.txt"), "worker, edited\n");
    place.ok(&["remove", "service", "second"]);
    assert!(place.has("services/worker"));

    let named = Place::of(with_an_example(), &["--extra", "--service", "second=worker"]);
    assert!(named.has("services/second") && !named.has("services/worker"));
    named.ok(&["apply"]);
    assert!(!named.has("services/worker"));
}

#[test]
fn who_names_a_service_gets_what_it_is_made_of() {
    let asked = Place::of(with_an_example(), &["--extra", "--service", "second=worker"]);
    let named = Place::of(with_an_example(), &["--service", "second=worker"]);
    assert_eq!(named.files(), asked.files());
    let added = Place::of(with_an_example(), &[]);
    added.ok(&["add", "service", "second", "--kind", "worker"]);
    assert_eq!(added.files(), asked.files());
    added.ok(&["remove", "extra", "--yes"]);
    assert_eq!(added.files(), Place::of(with_an_example(), &[]).files());
}

/// Copier deletes the file and exits 0.
#[test]
fn switching_an_option_off_keeps_an_edited_file_and_says_so() {
    let place = Place::new(&["--extra"]);
    place.write("services/worker/name.txt", "worker\nmy own line\n");
    place.commit("edit");
    let (code, text) = place.run(&["remove", "extra"]);
    assert_eq!(code, 4, "{text}");
    assert_eq!(
        text,
        "removes the service `worker` (1 file, 1 of them edited)\n~ 2 changed (README.md, scaffold.toml)   ! 1 conflict\n  ! services/worker/name.txt   it is no longer part of the project, but you edited it\nResolve each in the file, or delete the file, then: scaffold resolve services/worker/name.txt\nUndo with: scaffold undo\n"
    );
    assert_eq!(place.read("services/worker/name.txt"), "worker\nmy own line\n");
    assert_eq!(place.run(&["check", "unresolved"]).0, 4);
    place.ok(&["resolve", "services/worker/name.txt"]);
    place.ok(&["check", "unresolved"]);
}

/// cruft and Copier lose the edits, or leave the file at its old path.
#[test]
fn a_renamed_template_takes_the_edits_along() {
    let place = Place::of(first_version(), &[]);
    place.write("manual.md", "# Guide, ours\n\none\ntwo\nthree\n");
    place.commit("edit");
    publish_second(&place);
    let text = place.ok(&["update"]);
    assert!(text.contains("1.2.3 -> 2.0.0") && text.contains("> 1 renamed"), "{text}");
    assert!(!place.has("manual.md"));
    assert_eq!(place.read("guide.md"), "# Guide, ours\n\none\ntwo\nthree, anew\n");
}

#[test]
fn an_update_across_versions_adds_removes_and_reports() {
    let place = Place::of(first_version(), &[]);
    publish_second(&place);
    assert_eq!(place.run(&["check"]), (5, String::new()));
    let (code, text) = place.run(&["add", "extra"]);
    assert_eq!(code, 5, "an operation is no hidden update");
    assert_eq!(
        text,
        "error: the project was rendered by small 1.2.3, this program has 2.0.0\n\nhint: first: scaffold update; then: scaffold add extra\n"
    );
    let text = place.ok(&["update"]);
    assert!(
        text.contains("new, and off: `newcomer` (new here); scaffold add newcomer\n"),
        "{text}"
    );
    assert!(text.contains("the default of `motto` is now \"upwards\", it was \"onwards\"; this project has \"onwards\"\n"), "{text}");
    assert!(!place.has("newcomer.txt") && !place.has("old.txt"));
    assert_eq!(place.read("fixed.txt"), "fixed\n");
    assert!(place.read("scaffold.toml").contains("newcomer = false"));
    place.ok(&["check"]);
    assert_eq!(place.ok(&["update"]), "nothing to change\n", "to the same version");
    // Undo goes back to the former version, and the next update forward again.
    place.ok(&["undo"]);
    assert_eq!(place.read("fixed.txt"), "broken\n");
    assert_eq!(place.run(&["check", "behind"]).0, 5);
}

/// An unedited project updated is what `new` would render with the same choices.
#[test]
fn an_update_of_an_unedited_project_equals_new() {
    let place = Place::of(first_version(), &["--extra", "--colour", "blue"]);
    publish_second(&place);
    place.ok(&["update"]);
    let other = tempfile::tempdir().expect("a temporary folder");
    let templates = place.templates();
    scaffold_ok(
        other.path(),
        &[
            "new",
            "x",
            "--extra",
            "--colour",
            "blue",
            "--motto",
            "onwards",
            "--no-newcomer",
            "--templates",
            &templates,
        ],
    );
    assert_eq!(place.files(), project_files(&other.path().join("x")));
}

/// Copier exits 0 with markers in the tree, and cruft's check says SUCCESS over them.
#[test]
fn markers_that_are_left_keep_check_red_and_stop_the_next_operation() {
    let place = Place::of(first_version(), &[]);
    place.write("fixed.txt", "mended by us\n");
    place.commit("edit");
    publish_second(&place);
    let (code, text) = place.run(&["update"]);
    assert_eq!(code, 4, "{text}");
    assert!(
        text.contains("  ! fixed.txt   your edit and the new version overlap, between markers\n"),
        "{text}"
    );
    let marked = "<<<<<<< yours\nmended by us\n=======\nfixed\n>>>>>>> rendered now\n";
    assert_eq!(place.read("fixed.txt"), marked);
    assert_eq!(place.run(&["check"]).0, 4);
    assert_eq!(
        place.run(&["add", "extra"]),
        (4, "error: conflicts of the last operation are left: fixed.txt\n\nhint: resolve the conflicts in the files, then: scaffold resolve fixed.txt\n".to_owned())
    );
    assert_eq!(
        place.run(&["resolve", "fixed.txt"]),
        (4, "error: fixed.txt:1: there are markers left\n\nhint: keep what is right of both versions, and remove the lines of markers\n".to_owned())
    );
    let sarif: Value =
        serde_json::from_str(&stdout(&place.output(&["check", "--sarif"]))).expect("SARIF is JSON");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "unresolved");
    assert_eq!(place.read("fixed.txt"), marked, "nothing was touched meanwhile");
    // Once the markers are gone the conflict is, with or without `resolve`.
    place.write("fixed.txt", "mended by both\n");
    place.ok(&["check", "unresolved"]);
    place.commit("resolved");
    place.ok(&["add", "extra"]);
    assert_eq!(place.read("fixed.txt"), "mended by both\n");
}

/// Whoever takes `<<<<<<<` away first and is called off leaves a file that nothing can read.
#[test]
fn any_part_of_the_markers_is_unresolved() {
    // With CRLF, and with a heading that is underlined as the versions are parted.
    for (heading, end) in [("", "\n"), ("Title\n=======\n", "\n"), ("Title\n=======\n", "\r\n")] {
        let fixed = |line: &str| format!("{heading}{line}\n").replace('\n', end);
        let place = Place::of(first_version(), &[]);
        put(
            place.pack.path(),
            "components/base/files/fixed.txt",
            fixed("broken").replace("\r\n", "\n").as_bytes(),
        );
        place.ok(&["update"]);
        place.write("fixed.txt", &fixed("mended by us"));
        place.commit("edit");
        publish_second(&place);
        put(
            place.pack.path(),
            "components/base/files/fixed.txt",
            fixed("fixed").replace("\r\n", "\n").as_bytes(),
        );
        assert_eq!(place.run(&["update"]).0, 4);
        let marked = place.read("fixed.txt");
        let (begin, between, finish) = ("<<<<<<< yours", "=======", ">>>>>>> rendered now");
        assert_eq!(marked, fixed(&format!("{begin}\nmended by us\n{between}\nfixed\n{finish}")),);
        for left in (0..8).rev() {
            let mut text = heading.replace('\n', end);
            let lines = [begin, "mended by us", between, "fixed", finish];
            for (number, line) in lines.into_iter().enumerate() {
                if number % 2 == 1 || left >> (number / 2) & 1 == 1 {
                    text.push_str(line);
                    text.push_str(end);
                }
            }
            place.write("fixed.txt", &text);
            let is_clean = left == 0;
            let code = if is_clean { 0 } else { 4 };
            assert_eq!(place.run(&["check", "unresolved"]).0, code, "{text}");
            assert_eq!(place.run(&["plan", "add", "extra"]).0, code, "{text}");
            if !is_clean {
                let (code, message) = place.run(&["resolve", "fixed.txt"]);
                assert_eq!(code, 4, "{text}");
                assert!(message.contains(": there are markers left\n"), "{message}");
            }
        }
        place.ok(&["resolve", "fixed.txt"]);
    }
    // Where there never was a conflict, a heading is a heading.
    let place = Place::of(first_version(), &[]);
    place.write("fixed.txt", "Title\n=======\n");
    place.write("README.md", &format!("More\n=======\n\n{}", place.read("README.md")));
    place.commit("edit");
    place.ok(&["add", "extra"]);
    place.ok(&["check", "unresolved"]);
}

#[test]
fn a_second_update_after_a_conflict_starts_from_the_truth() {
    let place = Place::of(first_version(), &[]);
    place.write("fixed.txt", "mended by us\n");
    place.commit("edit");
    publish_second(&place);
    assert_eq!(place.run(&["update"]).0, 4);
    place.write("fixed.txt", "mended by both\n");
    place.commit("resolved");
    // The third version changes another file: what was settled is not asked again.
    put(place.pack.path(), "components/base/files/third.txt", b"third\n");
    place.ok(&["update"]);
    assert_eq!(place.read("fixed.txt"), "mended by both\n");
    assert_eq!(place.read("third.txt"), "third\n");
}

/// A step in the middle that fails: the last file's folder cannot be made.
#[test]
fn a_failing_step_in_the_middle_changes_nothing() {
    let place = Place::new(&[]);
    // A folder in the way of a file is a conflict that is told, and nothing else is lost.
    fs::create_dir_all(place.root().join("services/worker/name.txt/inner")).expect("a folder");
    let (code, text) = place.run(&["add", "extra"]);
    assert_eq!(code, 4, "{text}");
    assert!(
        text.contains("  ! services/worker/name.txt   something else is in its place\n"),
        "{text}"
    );
    place.ok(&["undo"]);
    assert!(place.has("services/worker/name.txt/inner"));
    // A broken template fails before anything is written.
    put(place.pack.path(), "components/extra/files/bad.txt.tera", b"{{ nothing }}\n");
    let before = place.files();
    assert_eq!(place.run(&["update"]).0, 7);
    assert_eq!(place.files(), before);
}

#[test]
fn uncommitted_edits_are_not_touched_unless_asked() {
    let place = Place::of(first_version(), &[]);
    place.write("README.md", "# X, ours\n\nbase\n");
    let (code, text) = place.run(&["add", "extra"]);
    assert_eq!(
        (code, text.as_str()),
        (
            6,
            "error: these files have changes that are not committed: README.md\n\nhint: commit them first, or go on with --allow-dirty\n"
        )
    );
    place.ok(&["add", "extra", "--allow-dirty"]);
    let text = place.read("README.md");
    assert!(text.starts_with("# X, ours\n") && text.contains("service worker"), "{text}");
}

#[test]
fn what_the_user_deleted_stays_deleted_and_what_they_had_stays_theirs() {
    let place = Place::of(first_version(), &[]);
    fs::remove_file(place.root().join("fixed.txt")).expect("it was there");
    place.write("services/worker/name.txt", "worker\n");
    place.commit("edits");
    let text = place.ok(&["add", "extra"]);
    assert!(
        text.contains("  services/worker/name.txt: you had it already; it stays yours\n"),
        "{text}"
    );
    publish_second(&place);
    let text = place.ok(&["update"]);
    assert!(
        text.contains("  fixed.txt: you deleted it; it changed, and stays deleted\n"),
        "{text}"
    );
    assert!(!place.has("fixed.txt"));
    place.ok(&["remove", "extra"]);
    assert_eq!(place.read("services/worker/name.txt"), "worker\n", "it was the user's before");
}

#[test]
fn a_working_tree_with_crlf_stays_so() {
    let place = Place::of(first_version(), &[]);
    for path in ["README.md", "manual.md", "fixed.txt"] {
        let text = place.read(path).replace('\n', "\r\n");
        place.write(path, &text);
    }
    place.write("manual.md", "# Guide, ours\r\n\r\none\r\ntwo\r\nthree\r\n");
    place.commit("crlf");
    publish_second(&place);
    place.ok(&["update"]);
    assert_eq!(place.read("fixed.txt"), "fixed\r\n");
    assert_eq!(place.read("guide.md"), "# Guide, ours\r\n\r\none\r\ntwo\r\nthree, anew\r\n");
}

#[test]
fn keys_merge_where_lines_do_not_and_overlapping_keys_stay_the_users() {
    let first = small_pack(&[(
        "components/base/files/package.json",
        "{\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"a\": \"1\"\n  },\n  \"port\": 1\n}\n",
    )]);
    let place = Place::of(first, &[]);
    place.write(
        "package.json",
        "{\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"a\": \"1\",\n    \"mine\": \"7\"\n  },\n  \"port\": 2\n}\n",
    );
    place.commit("edit");
    put(
        place.pack.path(),
        "components/base/files/package.json",
        b"{\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"a\": \"1\",\n    \"b\": \"2\"\n  },\n  \"port\": 3\n}\n",
    );
    let (code, text) = place.run(&["update"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("  ! package.json   /port is yours; the new version has 3\n"), "{text}");
    assert_eq!(
        place.read("package.json"),
        "{\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"a\": \"1\",\n    \"b\": \"2\",\n    \"mine\": \"7\"\n  },\n  \"port\": 2\n}\n"
    );
    place.ok(&["resolve", "package.json"]);
    place.ok(&["check", "unresolved", "behind"]);
}

#[test]
fn a_binary_file_gets_the_new_version_beside_it() {
    let place = Place::of(small_pack(&[("components/base/files/logo.bin", "\0one")]), &[]);
    place.write("logo.bin", "\0ours");
    place.commit("edit");
    put(place.pack.path(), "components/base/files/logo.bin", b"\0two");
    assert_eq!(place.run(&["update"]).0, 4);
    assert_eq!(
        (place.read("logo.bin"), place.read("logo.bin.theirs")),
        ("\0ours".into(), "\0two".into())
    );
    fs::remove_file(place.root().join("logo.bin.theirs")).expect("it is there");
    place.ok(&["check", "unresolved"]);
}

/// Two branches that each added something: git merges what people wrote, `apply` the rest.
#[test]
fn a_merge_of_two_branches_is_finished_by_apply() {
    let first = small_pack(&[
        (
            "components/other/component.toml",
            "summary = \"another\"\nflag = \"other\"\n[contribute]\nlines = [\"other\"]\n",
        ),
        ("components/other/files/other.txt", "other\n"),
    ]);
    let place = Place::of(first, &[]);
    assert!(place.git(&["checkout", "--quiet", "-b", "left"]));
    place.ok(&["add", "extra"]);
    place.write("run.sh", "#!/bin/sh\necho left\n");
    place.commit("left");
    assert!(place.git(&["checkout", "--quiet", "-b", "right", "main"]));
    place.ok(&["add", "other"]);
    place.write("README.md", &place.read("README.md").replace("# X", "# X, ours"));
    place.commit("right");
    assert!(!place.git(&["merge", "left"]), "lock and base cannot be merged by git");
    let (code, text) = place.run(&["apply"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("merged the state of both branches\n"), "{text}");
    place.commit("merge");
    place.ok(&["check", "unresolved", "behind"]);
    assert_eq!(place.ok(&["apply"]), "nothing to change\n");
    let readme = place.read("README.md");
    assert!(
        readme.starts_with("# X, ours\n")
            && readme.contains("other")
            && readme.contains("service worker"),
        "{readme}"
    );
    assert_eq!(place.read("run.sh"), "#!/bin/sh\necho left\n");
    // Without the edits it is exactly what `new` renders with both.
    let templates = place.templates();
    let both = tempfile::tempdir().expect("a temporary folder");
    scaffold_ok(both.path(), &["new", "x", "--extra", "--other", "--templates", &templates]);
    for (path, bytes, _) in project_files(&both.path().join("x")) {
        if !["README.md", "run.sh"].contains(&path.as_str()) {
            assert_eq!(fs::read(place.root().join(&path)).expect(&path), bytes, "{path}");
        }
    }
}

/// What else git puts together like a merge. Each ends in a conflict of lock and base.
#[test]
fn squash_stash_revert_pick_and_rebase_are_finished_by_apply() {
    let pack = || {
        small_pack(&[
            (
                "components/other/component.toml",
                "summary = \"another\"\nflag = \"other\"\n[contribute]\nlines = [\"other\"]\n",
            ),
            ("components/other/files/other.txt", "other\n"),
            (
                "components/base/files/run.sh",
                "#!/bin/sh\none\ntwo\nthree\nfour\nfive\nsix\nseven\n",
            ),
        ])
    };
    let edit = |place: &Place, from: &str, to: &str| {
        place.write("run.sh", &place.read("run.sh").replace(from, to));
    };
    let left = |place: &Place| {
        place.ok(&["add", "extra"]);
        edit(place, "one\n", "echo left\n");
    };
    let right = |place: &Place| {
        place.ok(&["add", "other"]);
        edit(place, "seven\n", "echo right\n");
        place.write("README.md", &place.read("README.md").replace("# X", "# X, ours"));
        place.commit("right");
    };
    let branches = |place: &Place| {
        assert!(place.git(&["checkout", "--quiet", "-b", "left"]));
        left(place);
        place.commit("left");
        assert!(place.git(&["checkout", "--quiet", "-b", "right", "main"]));
        right(place);
    };
    for way in ["squash", "cherry-pick", "rebase", "stash", "revert"] {
        let place = Place::of(pack(), &[]);
        match way {
            "stash" => {
                left(&place);
                assert!(place.git(&["add", "--all"]) && place.git(&["stash"]));
                right(&place);
                assert!(!place.git(&["stash", "pop"]), "{way}");
            }
            "revert" => {
                left(&place);
                place.commit("left");
                right(&place);
                assert!(!place.git(&["revert", "--no-edit", "HEAD^"]), "{way}");
            }
            _ => {
                branches(&place);
                let done = match way {
                    "squash" => place.git(&["merge", "--squash", "left"]),
                    "rebase" => place.git(&["rebase", "left"]),
                    _ => place.git(&["cherry-pick", "left"]),
                };
                assert!(!done, "{way}");
            }
        }
        let (code, text) = place.run(&["check"]);
        assert_eq!((code, text.contains("scaffold apply")), (8, true), "{way}: {text}");
        let (code, text) = place.run(&["apply"]);
        assert_eq!(code, 0, "{way}: {text}");
        place.ok(&["check", "unresolved", "behind"]);
        let readme = place.read("README.md");
        assert!(readme.starts_with("# X, ours\n") && readme.contains("other"), "{way}: {readme}");
        let with_left = way != "revert";
        assert_eq!(readme.contains("service worker"), with_left, "{way}: {readme}");
        assert_eq!(place.has("services/worker/name.txt"), with_left, "{way}");
        // An edit that is reverted along with the operation is gone, and one beside it is not.
        let script = place.read("run.sh");
        assert_eq!(script.contains("echo left"), with_left, "{way}: {script}");
        assert!(script.contains("echo right"), "{way}: {script}");
        if way == "rebase" {
            let goes_on = ["-c", "core.editor=true", "rebase", "--continue"];
            assert!(place.git(&["add", "--all"]) && place.git(&goes_on));
        } else {
            place.commit(way);
        }
        place.ok(&["check", "unresolved", "behind"]);
        assert_eq!(place.ok(&["apply"]), "nothing to change\n", "{way}");
        if with_left {
            place.ok(&["remove", "extra"]);
            assert!(!place.has("services/worker/name.txt"), "{way}: it came from the pack");
        }
    }
}

/// Both branches put a `[[service]]` at the end of `scaffold.toml`, which git cannot merge: `apply`
/// merges it by name, whichever branch came first.
#[test]
fn two_branches_that_each_add_a_service_are_merged_by_apply() {
    for (first, second) in [("ml", "realtime"), ("realtime", "ml")] {
        let work = tempfile::tempdir().expect("a temporary folder");
        scaffold_ok(work.path(), &["new", "x"]);
        let root = work.path().join("x");
        let git = |arguments: &[&str]| {
            let output = Command::new("git")
                .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
                .args(arguments)
                .current_dir(&root)
                .output()
                .expect("git starts");
            output.status.success()
        };
        let commit = |message: &str| {
            assert!(git(&["add", "--all"]) && git(&["commit", "--quiet", "-m", message]));
        };
        assert!(git(&["init", "--quiet", "--initial-branch=main"]));
        commit("new");
        for component in [first, second] {
            assert!(git(&["checkout", "--quiet", "-b", component, "main"]));
            scaffold_ok(&root, &["add", component]);
            let path = root.join("scaffold.toml");
            let text = fs::read_to_string(&path).expect("it is there");
            let (before, service) = text.rsplit_once("[[service]]").expect("it has services");
            fs::write(&path, format!("{before}# Ours is {component}.\n[[service]]{service}"))
                .expect("it is written");
            commit(component);
        }
        assert!(!git(&["merge", first]));
        let text = fs::read_to_string(root.join("scaffold.toml")).expect("it is there");
        assert!(text.contains("\n=======\n"), "git merged it, and this test shows nothing: {text}");
        scaffold_ok(&root, &["apply"]);
        let text = fs::read_to_string(root.join("scaffold.toml")).expect("it is there");
        for component in [first, second] {
            assert!(text.contains(&format!("# Ours is {component}.\n[[service]]\n")), "{text}");
        }
        commit("merge");
        scaffold_ok(&root, &["check"]);
        let both = tempfile::tempdir().expect("a temporary folder");
        scaffold_ok(both.path(), &["new", "x", "--ml", "--realtime"]);
        let expected = project_files(&both.path().join("x"));
        let paths: Vec<&String> = expected.iter().map(|(path, _, _)| path).collect();
        let files = project_files(&root);
        assert_eq!(files.iter().map(|(path, _, _)| path).collect::<Vec<_>>(), paths);
        for (file, expected) in files.iter().zip(&expected) {
            assert!(file == expected || file.0 == "scaffold.toml", "{}", file.0);
        }
        let plain: Vec<&str> = text.lines().filter(|line| !line.starts_with("# Ours")).collect();
        let expected =
            fs::read_to_string(both.path().join("x/scaffold.toml")).expect("it is there");
        assert_eq!(plain.join("\n") + "\n", expected);
    }
}

#[test]
fn comments_in_scaffold_toml_outlive_every_operation() {
    let place = Place::new(&["--extra"]);
    let text = place
        .read("scaffold.toml")
        .replace("schema = 1", "# head\n\nschema = 1 # form")
        .replace("extra = true", "# why\nextra = true # because")
        .replace("[[service]]\n", "# the first worker\n[[service]] # here\n# called so\n")
        .replace("kind = \"worker\"", "kind = \"worker\" # of course")
        + "# the end\n";
    place.write("scaffold.toml", &text);
    place.commit("comments");
    let comments: Vec<&str> = ["# head", "# form", "# why", "# because", "# the first worker"]
        .into_iter()
        .chain(["# here", "# called so", "# of course", "# the end"])
        .collect();
    let operations: [&[&str]; 6] = [
        &["add", "service", "another", "--kind", "worker"],
        &["set", "count=5"],
        &["remove", "service", "worker"],
        &["add", "service", "third", "--kind", "worker"],
        &["remove", "extra", "--yes"],
        &["add", "extra"],
    ];
    for operation in operations {
        place.ok(operation);
        place.commit("operation");
        let text = place.read("scaffold.toml");
        for comment in &comments {
            assert!(text.contains(comment), "{operation:?}: {comment} is lost:\n{text}");
        }
        place.ok(&["check", "unresolved", "behind"]);
        assert_eq!(place.ok(&["apply"]), "nothing to change\n", "{text}");
    }
}

#[test]
fn a_scaffold_toml_that_is_not_merged_is_asked_for_alone() {
    let place = Place::new(&["--extra"]);
    assert!(place.git(&["checkout", "--quiet", "-b", "left"]));
    place.ok(&["set", "count=4"]);
    place.commit("left");
    assert!(place.git(&["checkout", "--quiet", "-b", "right", "main"]));
    place.ok(&["set", "count=5"]);
    place.commit("right");
    assert!(!place.git(&["merge", "left"]));
    assert_eq!(
        place.run(&["apply"]),
        (4, "error: `scaffold.toml` is not merged\n\nhint: settle that file alone, then: scaffold apply\n".to_owned())
    );
    let settled = place.read("scaffold.toml");
    let marks = ["<<<<<<<", "=======", ">>>>>>>", "count = 4"];
    let kept: Vec<&str> =
        settled.lines().filter(|line| !marks.iter().any(|mark| line.starts_with(mark))).collect();
    let settled = kept.join("\n") + "\n";
    place.write("scaffold.toml", &settled);
    place.ok(&["apply"]);
    place.ok(&["check"]);
    assert_eq!(place.files(), Place::new(&["--extra", "--count", "5"]).files());
}

#[test]
fn a_project_without_state_is_adopted() {
    let place = Place::new(&["--extra", "--colour", "blue", "--service", "second=worker"]);
    let rendered = place.files();
    for path in ["scaffold.toml", "scaffold.lock", ".scaffold/base.tar.zst"] {
        fs::remove_file(place.root().join(path)).expect("it was there");
    }
    place.write("README.md", "by hand\n");
    let dry = place.json(&["adopt", "--dry-run"]);
    assert!(!place.has("scaffold.toml"));
    let adopted = place.json(&["adopt"]);
    let command = adopted["command"].as_str().expect("a command");
    assert!(
        command.starts_with("scaffold new x --extra --colour blue --service second=worker"),
        "{command}"
    );
    assert_eq!(
        (&dry["different"], &adopted["different"]),
        (&serde_json::json!(["README.md"]), &serde_json::json!(["README.md"]))
    );
    assert_eq!(place.read("README.md"), "by hand\n", "state only");
    place.write(
        "README.md",
        std::str::from_utf8(
            &rendered.iter().find(|(path, _, _)| path == "README.md").expect("there").1,
        )
        .expect("text"),
    );
    assert_eq!(place.files(), rendered, "the state is that of `new`");
    assert_eq!(place.run(&["adopt"]).0, 8, "once is enough");
}

#[test]
fn state_that_cannot_be_used_is_refused_with_a_way_out() {
    let place = Place::new(&[]);
    let (lock, base) = ("scaffold.lock", ".scaffold/base.tar.zst");
    let damage: [(&str, &dyn Fn(), i32, &str); 6] = [
        (
            "a newer schema",
            &|| place.write(lock, &place.read(lock).replace("schema = 1", "schema = 2")),
            8,
            "error: `scaffold.lock` is of schema 2, this program knows 1\n\nhint: use a newer scaffold\n",
        ),
        (
            "a lock edited by hand",
            &|| {
                place.write(
                    lock,
                    &place.read(lock).replacen("digest = \"sha256:", "digest = \"sha256:0", 2),
                );
            },
            8,
            "error: `scaffold.lock` is not as it was written: it was cut short, or changed by hand or by a merge\n\nhint: put both back, then apply what was chosen: git checkout HEAD -- scaffold.lock .scaffold/base.tar.zst && scaffold apply\n",
        ),
        (
            "no lock",
            &|| fs::remove_file(place.root().join(lock)).expect("it was there"),
            8,
            "error: the project has no `scaffold.lock`\n\nhint: put both back, then apply what was chosen: git checkout HEAD -- scaffold.lock .scaffold/base.tar.zst && scaffold apply\n",
        ),
        (
            "a component that the pack does not have",
            &|| {
                place.write(
                    "scaffold.toml",
                    &place.read("scaffold.toml").replace("extra =", "extras ="),
                );
            },
            8,
            "error: scaffold.toml:7:1: `extras` is not something to choose under `[components]`\n\nhint: did you mean `extra`? there are: extra\n",
        ),
        (
            "a damaged base",
            &|| put(&place.root(), base, b"not an archive"),
            0,
            "rendered `.scaffold/base.tar.zst` again\n+ 1 file   ~ 2 changed (README.md, scaffold.toml)   ! 0 conflicts\nUndo with: scaffold undo\n",
        ),
        (
            "no base",
            &|| fs::remove_file(place.root().join(base)).expect("it was there"),
            0,
            "rendered `.scaffold/base.tar.zst` again\n+ 1 file   ~ 2 changed (README.md, scaffold.toml)   ! 0 conflicts\nUndo with: scaffold undo\n",
        ),
    ];
    for (what, harm, code, text) in damage {
        harm();
        assert_eq!(place.run(&["add", "extra"]), (code, text.to_owned()), "{what}");
        assert!(place.git(&["checkout", "--quiet", "."]) && place.git(&["clean", "-qfd"]));
    }
    // A base that cannot be rendered again: the pack is another one by now.
    fs::remove_file(place.root().join(base)).expect("it was there");
    put(place.pack.path(), "components/base/files/more.txt", b"more\n");
    let (code, text) = place.run(&["update"]);
    assert_eq!(code, 8);
    assert!(
        text.starts_with(
            "error: the project has no `.scaffold/base.tar.zst`\n\nhint: put both back, then apply what was chosen: git checkout"
        ),
        "{text}"
    );
}

/// A check that is green over half a state forgets conflicts, and the next operation fails.
#[test]
fn check_is_red_where_the_state_is_lost_or_cut_short_and_its_hint_works() {
    let (lock, base) = ("scaffold.lock", ".scaffold/base.tar.zst");
    let cut = |path: &'static str, parts: usize| -> (&'static str, Harm) {
        let harm = move |root: &Path| {
            let bytes = fs::read(root.join(path)).expect("it is there");
            put(root, path, &bytes[..bytes.len() * parts / 8]);
        };
        (path, Box::new(harm))
    };
    let remove = |path: &'static str| -> (&'static str, Harm) {
        (path, Box::new(move |root: &Path| fs::remove_file(root.join(path)).expect("it is there")))
    };
    let mut damages = vec![remove(lock), remove(base)];
    for parts in 0..8 {
        damages.extend([cut(lock, parts), cut(base, parts)]);
    }
    damages.push((lock, Box::new(|root| put(root, lock, b"\xff\xfe"))));
    // What is left of the lock is one that could have been written, without the conflict.
    damages.push((
        lock,
        Box::new(|root| {
            let text = fs::read_to_string(root.join(lock)).expect("it is there");
            let end = text.find("\n[[conflict]]").expect("there is a conflict");
            put(root, lock, &text.as_bytes()[..end]);
        }),
    ));
    let place = Place::new(&["--extra"]);
    place.write("services/worker/name.txt", "edited\n");
    place.commit("edit");
    assert_eq!(place.run(&["remove", "extra"]).0, 4);
    place.commit("a conflict");
    for in_git in [true, false] {
        if !in_git {
            fs::remove_dir_all(place.root().join(".git")).expect("it is there");
        }
        let whole: Vec<Vec<u8>> = [lock, base]
            .iter()
            .map(|path| fs::read(place.root().join(path)).expect("it is there"))
            .collect();
        for (number, (path, harm)) in damages.iter().enumerate() {
            harm(&place.root());
            let (code, text) = place.run(&["check"]);
            assert_eq!(code, 8, "{number}, {path}: {text}");
            let (_, command) = text.trim_end().rsplit_once(": ").expect("a command");
            let program =
                format!("{} --templates {} ", env!("CARGO_BIN_EXE_scaffold"), place.templates());
            let command = command.replace("scaffold apply", &format!("{program} apply"));
            let command = command.replace("scaffold adopt", &format!("{program} adopt"));
            let output =
                Command::new("sh").args(["-c", &command]).current_dir(place.root()).output();
            let output = output.expect("sh starts");
            let (code, text) = place.run(&["check"]);
            // Without a lock the conflict is forgotten; whoever adopts is told what differs.
            let expected = if in_git || path == &base { 4 } else { 0 };
            assert_eq!(code, expected, "{number}, {path}, {command}: {text}{}", stderr(&output));
            put(&place.root(), lock, &whole[0]);
            put(&place.root(), base, &whole[1]);
        }
    }
}

type Harm = Box<dyn Fn(&Path)>;

/// Locks of older versions do not say whether they are whole; the files that they list do.
#[test]
fn an_older_lock_that_was_cut_short_does_not_pass_with_a_base_that_is_lost() {
    let place = Place::new(&["--extra"]);
    let lock = place.read("scaffold.lock");
    let lines = lock.lines().filter(|line| !line.starts_with("entries = "));
    let older: Vec<&str> = lines.collect();
    place.write("scaffold.lock", &(older.join("\n") + "\n"));
    place.ok(&["check"]);
    place.write("scaffold.lock", &(older[..older.len() - 1].join("\n") + "\n"));
    assert_eq!(place.run(&["check"]).0, 8);
    fs::remove_file(place.root().join(".scaffold/base.tar.zst")).expect("it is there");
    let (code, text) = place.run(&["check"]);
    assert_eq!((code, text.contains("git checkout HEAD")), (8, true), "{text}");
}

/// Links are not read through: what they lead to is not the project's, and can have no end.
#[cfg(unix)]
#[test]
fn state_behind_a_link_is_refused() {
    for path in ["scaffold.toml", "scaffold.lock", ".scaffold/base.tar.zst"] {
        let place = Place::new(&[]);
        let elsewhere = place.work.path().join("elsewhere");
        fs::rename(place.root().join(path), &elsewhere).expect("it is there");
        std::os::unix::fs::symlink(&elsewhere, place.root().join(path)).expect("a link");
        let (code, text) = place.run(&["check"]);
        assert_eq!(
            (code, text.contains(&format!("`{path}` is not a plain file"))),
            (8, true),
            "{text}"
        );
    }
}

/// `resolve` writes the lock, which is no edit of the user's.
#[test]
fn an_operation_with_a_conflict_is_undone_after_it_was_resolved() {
    let place = Place::new(&["--extra"]);
    place.write("services/worker/name.txt", "edited\n");
    place.commit("edit");
    let before = place.files();
    assert_eq!(place.run(&["remove", "extra"]).0, 4);
    place.ok(&["resolve", "services/worker/name.txt"]);
    let after = place.files();
    place.ok(&["undo"]);
    assert_eq!(place.files(), before);
    place.ok(&["undo"]);
    assert_eq!(place.files(), after, "the resolved lock came back as well");
}

/// What a hint or a message repeats can be pasted into a shell.
#[test]
fn an_operation_is_told_as_a_shell_takes_it() {
    let place = Place::new(&["--extra"]);
    let told = place.json(&["set", "motto=two words", "colour=blue"]);
    assert_eq!(told["operation"], "set 'motto=two words' colour=blue");
    let refused = place.run(&["set", "motto=two\nlines"]).1;
    assert!(refused.ends_with("hint: scaffold set motto=\"...\"\n"), "{refused}");
    place.commit("set");
    let manifest = place.pack.path().join("pack.toml");
    let text = fs::read_to_string(&manifest).expect("it is there");
    fs::write(&manifest, text.replace("1.2.3", "1.3.0")).expect("it can be written");
    let (code, text) = place.run(&["set", "motto=it's mine"]);
    assert_eq!(code, 5);
    assert!(
        text.ends_with("hint: first: scaffold update; then: scaffold set 'motto=it'\\''s mine'\n"),
        "{text}"
    );
}

/// Git can bring another state than the last operation left: half of it cannot be taken back.
#[test]
fn undo_after_git_brought_another_state_is_refused_whole() {
    let place = Place::new(&["--extra"]);
    assert!(place.git(&["checkout", "--quiet", "-b", "other"]));
    place.ok(&["set", "colour=blue"]);
    place.commit("blue");
    assert!(place.git(&["checkout", "--quiet", "main"]));
    place.ok(&["set", "count=5"]);
    place.commit("five");
    assert!(place.git(&["checkout", "--quiet", "other"]));
    let before = place.files();
    for arguments in
        [&["undo"][..], &["undo", "--keep-edits"], &["undo", "--keep-edits", "--dry-run"]]
    {
        assert_eq!(
            place.run(arguments),
            (
                8,
                "error: the project is not in the state that `scaffold set count=5` left: another operation or git changed `.scaffold/base.tar.zst`\n\nhint: git has what was committed: git log\n"
                    .to_owned()
            )
        );
        assert_eq!(place.files(), before);
        place.ok(&["check"]);
    }
    assert!(place.git(&["checkout", "--quiet", "main"]));
    // Git does not bring every permission back.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let base = place.root().join(".scaffold/base.tar.zst");
        fs::set_permissions(base, fs::Permissions::from_mode(0o600)).expect("chmod");
    }
    place.ok(&["undo"]);
    place.ok(&["check"]);
}

#[test]
fn adopting_and_checking_do_not_send_people_to_each_other() {
    let place = Place::new(&["--extra", "--colour", "blue"]);
    fs::remove_dir_all(place.root().join(".git")).expect("it is there");
    let rendered = place.files();
    fs::remove_file(place.root().join("scaffold.lock")).expect("it was there");
    assert!(place.run(&["check"]).1.ends_with("scaffold adopt\n"));
    let told = place.ok(&["adopt"]);
    assert!(told.ends_with("\nWrote scaffold.lock and .scaffold/; your edits are kept.\n"));
    assert_eq!(place.files(), rendered, "what was chosen stands in `scaffold.toml`");
    fs::remove_file(place.root().join("scaffold.toml")).expect("it was there");
    assert!(place.run(&["check"]).1.ends_with("scaffold adopt\n"));
    let (code, text) = place.run(&["adopt"]);
    assert_eq!((code, text.contains("rm scaffold.lock && scaffold adopt")), (8, true), "{text}");
    fs::remove_file(place.root().join("scaffold.lock")).expect("it was there");
    place.ok(&["adopt"]);
    assert_eq!(place.files(), rendered);
}

#[test]
fn a_folder_that_has_nothing_of_the_pack_is_not_adopted() {
    let place = Place::new(&[]);
    let other = common::folder(&[("README.md", "# Something else\n")]);
    let output = scaffold(other.path(), &["adopt", "--templates", &place.templates()]);
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (
            Some(8),
            "error: nothing in `.` is as `small` renders it\n\nhint: for a new project in a folder of yours: scaffold new NAME --into DIR\n"
                .to_owned()
        )
    );
    assert_eq!(files_in(other.path()).len(), 1);
}

#[test]
fn a_project_beside_a_project_is_not_inside_it() {
    let place = Place::new(&[]);
    place.ok(&["new", "sibling", "--into", "../sibling"]);
    assert!(place.work.path().join("sibling/scaffold.lock").is_file());
    place.ok(&["new", "another", "--into", "./../another"]);
    for inside in ["y", "../x/y", "../sibling/../x/y", "missing/../y"] {
        assert_eq!(place.run(&["new", "y", "--into", inside]).0, 6, "{inside}");
    }
    #[cfg(unix)]
    {
        // A link is where it leads to.
        std::os::unix::fs::symlink(place.root(), place.work.path().join("link")).expect("a link");
        let output = scaffold(
            place.work.path(),
            &["new", "y", "--into", "link/y", "--templates", &place.templates()],
        );
        assert_eq!(output.status.code(), Some(6));
        fs::create_dir(place.root().join("sub")).expect("a folder");
        std::os::unix::fs::symlink("x/sub", place.work.path().join("deep")).expect("a link");
        let output = scaffold(
            place.work.path(),
            &["new", "y", "--into", "deep/../y", "--templates", &place.templates()],
        );
        assert_eq!(output.status.code(), Some(6), "above where the link leads to");
    }
}

/// The built-in pack as it was first committed, kept as an archive: its projects can be updated
/// to the pack of today, edits included, and then are what `new` renders.
#[test]
fn a_project_of_the_first_version_of_the_pack_is_updated_to_this_one() {
    let archive = common::repository().join("tests/packs/polyglot-0.1.0.tar.zst");
    let archive = fs::read(archive).expect("the older pack is there");
    let (pack, _) = scaffold::project::base::unpacked(&archive).expect("it is an archive");
    let work = tempfile::tempdir().expect("a temporary folder");
    for (path, file) in pack.iter() {
        put(&work.path().join("pack"), path, &file.bytes);
    }
    scaffold_ok(work.path(), &["new", "x", "--ml", "--realtime", "--templates", "pack"]);
    let root = work.path().join("x");
    put(&root, "services/gateway/src/mine.ts", b"export const mine = 1;\n");
    let editor = fs::read_to_string(root.join(".editorconfig")).expect("it is rendered");
    put(&root, ".editorconfig", format!("# ours\n{editor}").as_bytes());
    scaffold_ok(&root, &["update"]);
    scaffold_ok(&root, &["check", "unresolved", "behind"]);
    let toml = fs::read_to_string(root.join("scaffold.toml")).expect("it is rendered");
    put(work.path(), "y/scaffold.toml", toml.as_bytes());
    // What it says now, rendered anew: `plan` reads it from a folder that has nothing else.
    let plan = stdout(&scaffold_ok(&work.path().join("y"), &["plan", "--json"]));
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    let planned: Vec<&str> = plan["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| file["path"].as_str().expect("a path"))
        .collect();
    let mut there: Vec<String> = project_files(&root)
        .into_iter()
        .map(|(path, _, _)| path)
        .filter(|path| path != "services/gateway/src/mine.ts")
        .collect();
    there.sort();
    assert_eq!(there, planned);
    let editor = fs::read_to_string(root.join(".editorconfig")).expect("it is there");
    assert!(editor.starts_with("# ours\n"), "{editor}");
}

#[test]
fn what_is_no_project_or_of_another_pack_is_refused() {
    let empty = tempfile::tempdir().expect("a temporary folder");
    for arguments in [&["add", "ml"][..], &["check"], &["undo"], &["resolve", "x"], &["update"]] {
        let output = scaffold(empty.path(), arguments);
        assert_eq!(output.status.code(), Some(8), "{arguments:?}");
        assert_eq!(
            stderr(&output),
            "error: this is not a generated project: there is no `scaffold.toml` here or above\n\nhint: run this inside a generated project; to make this one: scaffold adopt\n"
        );
    }
    let place = Place::new(&[]);
    let output = scaffold(&place.root(), &["update"]);
    assert_eq!(output.status.code(), Some(8));
    assert_eq!(
        stderr(&output),
        "error: the project was rendered by the pack `small`, this is `polyglot`\n\nhint: give the folder of its pack: --templates DIR\n"
    );
    let inside = place.output(&["new", "y"]);
    assert_eq!(inside.status.code(), Some(6), "a project inside a project");
}

/// What fits on a disk can be taken back on it, however full it is; and where git keeps its own on
/// another disk, nothing is renamed across.
#[cfg(target_os = "linux")]
#[test]
fn an_operation_is_undone_on_a_full_disk_and_with_git_on_another() {
    let place = Place::new(&[]);
    let script = r#"
set -e
mount -t tmpfs -o size=400k tmpfs "$WORK/disk"
cp -r "$WORK/x" "$WORK/disk/x"
cd "$WORK/disk/x"
mkdir .git/scaffold
mount -t tmpfs -o size=64k tmpfs .git/scaffold
find . -path ./.git -prune -o -path ./.scaffold/local -prune -o -type f -exec sha256sum {} + | sort > "$WORK/before"
"$PROGRAM" add extra --templates "$PACK"
cat /dev/zero > fill 2>/dev/null || true
"$PROGRAM" undo --templates "$PACK"
rm fill
find . -path ./.git -prune -o -path ./.scaffold/local -prune -o -type f -exec sha256sum {} + | sort > "$WORK/after"
cmp "$WORK/before" "$WORK/after"
"$PROGRAM" undo --templates "$PACK"
test -f services/worker/name.txt
"#;
    fs::create_dir(place.work.path().join("disk")).expect("a folder");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .env("WORK", place.work.path())
        .env("PROGRAM", env!("CARGO_BIN_EXE_scaffold"))
        .env("PACK", place.templates())
        .env("XDG_STATE_HOME", common::state_folder())
        .output()
        .expect("`unshare` of util-linux starts");
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

/// The kernel refuses writes to a tree that is mounted read-only, even to root.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_tree_can_be_checked_and_planned_but_not_changed() {
    let place = Place::new(&[]);
    let script = format!(
        "mount --bind {root} {root} && mount -o remount,ro,bind {root} && cd {root} && {program} check --templates {pack} >/dev/null; echo $?; {program} plan add extra --templates {pack} 2>/dev/null; echo $?; {program} add extra --templates {pack}; echo $?",
        root = place.root().display(),
        program = env!("CARGO_BIN_EXE_scaffold"),
        pack = place.templates(),
    );
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .env("XDG_STATE_HOME", common::state_folder())
        .output()
        .expect("`unshare` of util-linux starts");
    assert_eq!(stdout(&output), "0\n0\n1\n", "{}", stderr(&output));
    let text = stderr(&output);
    assert!(
        text.starts_with("error: cannot change `") && text.contains("Read-only file system"),
        "{text}"
    );
    assert!(
        text.ends_with("hint: `--dry-run` shows what would change, without writing\n"),
        "{text}"
    );
}
