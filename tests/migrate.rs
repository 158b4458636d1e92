//! Projects follow a pack whose names and places change: what was chosen, what was rendered and what the
//! user wrote is carried over before the newer version reads it.

mod common;

use std::fs;

use common::place::{Place, project_files};
use common::{folder, put, scaffold_ok, stdout};

/// The version that the projects are made with.
const FIRST: [(&str, &str); 16] = [
    (
        "pack.toml",
        "name = \"small\"\nversion = \"0.1.0\"\nsummary = \"a pack for tests\"\n[slots.queue]\nsummary = \"What carries jobs\"\n",
    ),
    (
        "components/base/component.toml",
        "summary = \"always there\"\nalways = true\n[[option]]\nid = \"speed\"\ntype = \"enum\"\nvalues = [\"slow\", \"fast\"]\ndefault = \"slow\"\nhelp = \"How fast\"\n",
    ),
    (
        "components/base/files/README.md.tera",
        "# {{ project.title }}\n{% for id in on %}\n{{ id }}{% endfor %}\n",
    ),
    ("components/base/files/lost/a.txt", "a\none\ntwo\nthree\n"),
    ("components/base/files/lost/b.txt", "b\none\ntwo\nthree\n"),
    ("components/base/files/lost/c.txt", "c\none\ntwo\nthree\n"),
    ("components/state/component.toml", "summary = \"keeps state\"\nderived = true\n"),
    ("components/state/files/infra/state.conf", "state\none\ntwo\nthree\n"),
    (
        "components/redis/component.toml",
        "summary = \"Redis\"\nslot = \"queue\"\ndefault = true\nrequires = [\"state\"]\n",
    ),
    ("components/redis/files/queue/redis.conf", "redis\none\ntwo\nthree\n"),
    ("components/rabbit/component.toml", "summary = \"Rabbit\"\nslot = \"queue\"\n"),
    ("components/rabbit/files/queue/rabbit.conf", "rabbit\none\ntwo\nthree\n"),
    (
        "components/extra/component.toml",
        "summary = \"more\"\nflag = \"extra\"\nrequires = [\"queue\"]\n[kind.worker]\nsummary = \"works\"\n[[service]]\nname = \"worker\"\nkind = \"worker\"\n",
    ),
    (
        "components/extra/files@worker/lib/deep/main.txt.tera",
        "{{ service.name }}\none\ntwo\nthree\n",
    ),
    ("components/extra/files@worker/lib/name.txt.tera", "{{ service.name }}\n"),
    ("components/extra/each@worker/infra/_service_.conf", "each\none\ntwo\nthree\n"),
];

const MIGRATE: &str = r#"
[[migrate]]
before = "0.3.0"
slots.queue = { redis = "redis-streams" }
components = { state = "redis", extra = "jobs" }
options.speed = "pace"
kinds = { worker = "runner" }
paths = { "services/*/lib/**" = "services/*/app/**", "infra/state.conf" = "infra/redis/redis.conf", "lost/**" = "found/**", "queue/redis.conf" = "queue/streams.conf" }

[[migrate]]
before = "0.3.0"
options.pace = { fast = "quick" }
"#;

/// The version that has other names and places for all of it.
fn second() -> Vec<(&'static str, String)> {
    let text = |path: &'static str, text: &str| (path, text.to_owned());
    vec![
        ("pack.toml", FIRST[0].1.replace("0.1.0", "0.3.0") + MIGRATE),
        (
            "components/base/component.toml",
            FIRST[1].1.replace("\"speed\"", "\"pace\"").replace("\"fast\"", "\"quick\""),
        ),
        text("components/base/files/README.md.tera", FIRST[2].1),
        text("components/base/files/found/a.txt", "a\none\ntwo\nthree, anew\n"),
        text("components/base/files/found/b.txt", FIRST[4].1),
        text("components/redis/component.toml", FIRST[6].1),
        text("components/redis/files/infra/redis/redis.conf", "state\none\ntwo\nthree, anew\n"),
        (
            "components/redis-streams/component.toml",
            FIRST[8].1.replace("\"state\"", "\"redis\""),
        ),
        text("components/redis-streams/files/queue/streams.conf", FIRST[9].1),
        text("components/rabbit/component.toml", FIRST[10].1),
        text("components/rabbit/files/queue/rabbit.conf", FIRST[11].1),
        (
            "components/workers/component.toml",
            FIRST[12].1.replace("flag = \"extra\"", "flag = \"jobs\"\nrenamed = { \"infra/each/_service_.conf\" = \"infra/_service_.conf\" }")
                .replace("worker", "runner")
                .replace("name = \"runner\"", "name = \"worker\""),
        ),
        text("components/workers/files@runner/app/deep/main.txt.tera", "{{ service.name }}\none\ntwo\nthree, anew\n"),
        text("components/workers/files@runner/app/name.txt.tera", FIRST[14].1),
        text("components/workers/each@runner/infra/each/_service_.conf", "each\none\ntwo\nthree, anew\n"),
    ]
}

/// A project of the first version.
fn place(choices: &[&str]) -> Place {
    Place::of(folder(&FIRST), choices)
}

/// Puts another version of the pack in the place of the one that is there.
fn publish(place: &Place, files: &[(&str, String)]) {
    fs::remove_dir_all(place.pack.path().join("components")).expect("it was there");
    for (path, text) in files {
        put(place.pack.path(), path, text.as_bytes());
    }
}

/// What `new` renders with the pack that a place has now.
fn rendered(place: &Place, choices: &[&str]) -> Vec<(String, Vec<u8>, bool)> {
    let other = tempfile::tempdir().expect("a temporary folder");
    let templates = place.templates();
    let mut arguments = vec!["new", "x", "--templates", &templates];
    arguments.extend(choices);
    scaffold_ok(other.path(), &arguments);
    project_files(&other.path().join("x"))
}

#[test]
fn an_unedited_project_of_other_names_and_places_becomes_what_new_renders() {
    let cases: [(&[&str], &[&str]); 4] = [
        (&[], &[]),
        (&["--extra"], &["--jobs"]),
        (
            &["--extra", "--speed", "fast", "--service", "second=worker"],
            &["--jobs", "--pace", "quick", "--service", "second=runner"],
        ),
        (&["--extra", "--queue", "rabbit"], &["--jobs", "--queue", "rabbit"]),
    ];
    for (before, after) in cases {
        let place = place(before);
        let old = place.files();
        publish(&place, &second());
        place.ok(&["update"]);
        assert_eq!(place.files(), rendered(&place, after), "{before:?}");
        place.ok(&["check"]);
        assert_eq!(place.ok(&["update"]), "nothing to change\n", "once is enough: {before:?}");
        place.ok(&["undo"]);
        assert_eq!(place.files(), old, "{before:?}");
    }
}

#[test]
fn the_users_edits_move_along_and_are_merged_there() {
    let place = place(&["--extra", "--service", "second=worker"]);
    let moved = [
        ("services/worker/lib/deep/main.txt", "services/worker/app/deep/main.txt"),
        ("services/second/lib/deep/main.txt", "services/second/app/deep/main.txt"),
        ("infra/state.conf", "infra/redis/redis.conf"),
        ("lost/a.txt", "found/a.txt"),
        ("infra/worker.conf", "infra/each/worker.conf"),
        ("infra/second.conf", "infra/each/second.conf"),
    ];
    for (old, _) in moved {
        place.write(old, &place.read(old).replace("one\n", "mine\n"));
    }
    place.write("services/worker/lib/mine.txt", "mine\n");
    place.commit("edits");
    let before = place.files();
    publish(&place, &second());
    place.ok(&["update"]);
    for (old, new) in moved {
        assert!(!place.has(old), "{old}");
        let text = place.read(new);
        assert!(text.contains("\nmine\ntwo\nthree, anew\n"), "{new}: {text}");
    }
    assert_eq!(
        place.read("services/worker/lib/mine.txt"),
        "mine\n",
        "the pack knows nothing of it"
    );
    place.ok(&["check", "unresolved", "behind"]);
    place.ok(&["undo"]);
    assert_eq!(place.files(), before);
}

#[test]
fn what_moves_is_told_before_and_after() {
    let place = place(&[]);
    place.write("lost/a.txt", "a\nmine\ntwo\nthree\n");
    place.commit("edit");
    let before = place.files();
    publish(&place, &second());
    let planned = place.json(&["update", "--dry-run"]);
    let renamed = serde_json::json!({"lost/a.txt": "found/a.txt", "lost/b.txt": "found/b.txt"});
    assert_eq!(planned["renamed"], renamed, "{planned}");
    assert_eq!(planned["removed"], serde_json::json!(["lost/c.txt"]));
    assert_eq!(planned["added"], serde_json::json!([]));
    let notes = planned["notes"].to_string();
    assert!(notes.contains("`extra` is called `jobs` now"), "{notes}");
    assert!(notes.contains("`queue`: `redis` is called `redis-streams` now"), "{notes}");
    let patch = stdout(&place.output(&["update", "--diff"]));
    assert!(patch.contains("--- a/lost/a.txt\n+++ /dev/null\n"), "{patch}");
    assert!(patch.contains("--- /dev/null\n+++ b/found/a.txt\n"), "{patch}");
    assert_eq!(place.files(), before, "nothing was written");
    put(place.work.path(), "patch", patch.as_bytes());
    let mut done = place.json(&["update"]);
    for key in ["written", "diff"] {
        done[key] = planned[key].clone();
    }
    assert_eq!(done, planned);
    let after = place.files();
    place.ok(&["undo"]);
    assert!(place.git(&["apply", "--exclude=.scaffold/*", "../patch"]));
    let without_base = |files: Vec<(String, Vec<u8>, bool)>| -> Vec<_> {
        files.into_iter().filter(|(path, _, _)| !path.ends_with(".zst")).collect()
    };
    assert_eq!(without_base(place.files()), without_base(after), "the patch does the same");
}

#[test]
fn what_has_no_successor_goes_or_stays_with_its_edits() {
    let place = place(&[]);
    place.write("lost/c.txt", "c\nmine\ntwo\nthree\n");
    place.commit("edit");
    publish(&place, &second());
    let told = place.json(&["update"]);
    assert_eq!(
        told["conflicts"],
        serde_json::json!([{"path": "lost/c.txt", "kind": "kept"}]),
        "{told}"
    );
    assert_eq!(place.read("lost/c.txt"), "c\nmine\ntwo\nthree\n");
    assert!(!place.has("lost/a.txt") && place.has("found/a.txt"));
}

#[test]
fn what_the_user_deleted_stays_deleted_where_it_would_lie_now() {
    let place = place(&["--extra"]);
    for path in ["lost/a.txt", "lost/b.txt", "services/worker/lib/deep/main.txt"] {
        fs::remove_file(place.root().join(path)).expect("it was there");
    }
    place.commit("deleted");
    publish(&place, &second());
    let told = place.json(&["update"]);
    assert_eq!(
        told["stay_deleted"],
        serde_json::json!(["found/a.txt", "services/worker/app/deep/main.txt"]),
        "those that changed"
    );
    for path in ["found/a.txt", "found/b.txt", "services/worker/app/deep/main.txt"] {
        assert!(!place.has(path), "{path}");
    }
    place.ok(&["check", "unresolved", "behind"]);
}

#[test]
fn what_the_user_has_at_the_new_place_is_a_conflict_and_nothing_is_lost() {
    for edited in [false, true] {
        let place = place(&[]);
        place.write("found/a.txt", "something of mine\n");
        if edited {
            place.write("lost/a.txt", "a\nmine\ntwo\nthree\n");
        }
        place.commit("edit");
        publish(&place, &second());
        let told = place.json(&["update"]);
        let conflicts: Vec<&str> = told["conflicts"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|conflict| conflict["path"].as_str().expect("a path"))
            .collect();
        let expected = if edited { vec!["found/a.txt", "lost/a.txt"] } else { vec!["found/a.txt"] };
        assert_eq!(conflicts, expected, "{told}");
        let text = place.read("found/a.txt");
        assert!(text.contains("something of mine\n") && text.contains("three, anew\n"), "{text}");
        assert_eq!(place.has("lost/a.txt"), edited);
        if edited {
            assert_eq!(place.read("lost/a.txt"), "a\nmine\ntwo\nthree\n");
        }
    }
}

/// A link may lead anywhere, and a folder may hold anything: neither moves, and both are told.
#[cfg(unix)]
#[test]
fn links_and_folders_are_neither_moved_nor_written_through() {
    let place = place(&["--extra"]);
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    put(elsewhere.path(), "a.txt", b"not of the project\n");
    fs::remove_file(place.root().join("lost/a.txt")).expect("it was there");
    std::os::unix::fs::symlink(elsewhere.path().join("a.txt"), place.root().join("lost/a.txt"))
        .expect("a link");
    std::os::unix::fs::symlink(elsewhere.path(), place.root().join("services/worker/app"))
        .expect("a link");
    fs::create_dir_all(place.root().join("queue/streams.conf/inner")).expect("a folder");
    place.write("services/worker/lib/deep/main.txt", "mine\n");
    place.commit("edit");
    publish(&place, &second());
    let told = place.json(&["update"]);
    let listed: Vec<String> = told["conflicts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|conflict| format!("{} {}", conflict["path"], conflict["kind"]).replace('"', ""))
        .collect();
    assert_eq!(
        listed,
        [
            "lost/a.txt blocked",
            "queue/streams.conf blocked",
            "services/worker/app/deep/main.txt blocked",
            "services/worker/app/name.txt blocked",
            "services/worker/lib/deep/main.txt kept",
        ]
    );
    assert!(fs::symlink_metadata(place.root().join("lost/a.txt")).expect("there").is_symlink());
    assert_eq!(common::files_in(elsewhere.path()).len(), 1);
    assert_eq!(place.read("services/worker/lib/deep/main.txt"), "mine\n");
}

#[test]
fn comments_and_order_of_scaffold_toml_stay_where_words_change() {
    let place = place(&["--extra"]);
    let text = "# ours\nschema = 1\nname = \"x\"\n\n[options]\n# why\nspeed = 'fast' # because\n\n[slots]\nqueue = \"redis\" # it is there\n\n[components]\n# all\nextra = true # we need it\n\n[[service]]\nkind = \"worker\" # of course\nname = \"worker\"\n";
    place.write("scaffold.toml", text);
    place.ok(&["apply"]);
    place.commit("ours");
    let text = place.read("scaffold.toml");
    publish(&place, &second());
    place.ok(&["update"]);
    let expected = text
        .replace("speed = 'fast' # because", "pace = \"quick\" # because")
        .replace("queue = \"redis\" #", "queue = \"redis-streams\" #")
        .replace("extra = true #", "jobs = true #")
        .replace("kind = \"worker\" #", "kind = \"runner\" #")
        .replace(
            "queue = \"redis-streams\"",
            "# What carries jobs: rabbit, redis-streams\nqueue = \"redis-streams\"",
        );
    assert_eq!(place.read("scaffold.toml"), expected);
    assert_eq!(place.ok(&["apply"]), "nothing to change\n");
}

#[test]
fn a_project_that_was_not_updated_is_behind_and_nothing_else() {
    let place = place(&["--extra", "--speed", "fast"]);
    let text = place.read("scaffold.toml");
    publish(&place, &second());
    assert_eq!(place.run(&["check"]), (5, String::new()));
    let told = place.json(&["check"]);
    assert_eq!(told["drifted"], serde_json::json!([]));
    assert_eq!(told["behind"], serde_json::json!({"project": "0.1.0", "pack": "0.3.0"}));
    // What a person chose and did not apply is told apart from what is called otherwise now.
    place.write("scaffold.toml", &text.replace("speed = \"fast\"", "speed = \"slow\""));
    let told = place.json(&["check"]);
    assert_eq!(told["drifted"], serde_json::json!([{"path": "scaffold.toml", "how": "pending"}]));
    place.write("scaffold.toml", &text);
    let plan = place.json(&["plan"]);
    assert_eq!(plan["services"][0]["kind"], "runner");
    let command = plan["command"].as_str().expect("a command");
    assert!(command.contains("--jobs") && command.contains("--pace quick"), "{command}");
    assert_eq!(place.json(&["explain", "queue/streams.conf"])["component"], "redis-streams");
    for operation in [&["add", "jobs"][..], &["apply"], &["set", "pace=slow"]] {
        let (code, text) = place.run(operation);
        assert_eq!((code, text.contains("scaffold update")), (5, true), "{operation:?}: {text}");
    }
    // The choice is taken over by the update, in the words of before or of now.
    place.write("scaffold.toml", &text.replace("\"redis\"", "\"rabbit\""));
    place.ok(&["update"]);
    assert!(place.has("queue/rabbit.conf") && !place.has("queue/streams.conf"));
}

/// A pack of one component that is always there, with these files, and this in `pack.toml`.
fn plain(version: &str, migrate: &str, files: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    let manifest = format!("name = \"plain\"\nversion = \"{version}\"\nsummary = \"s\"\n{migrate}");
    let mut pack = vec![
        ("pack.toml", manifest),
        ("components/base/component.toml", "summary = \"s\"\nalways = true\n".to_owned()),
    ];
    for (path, text) in files {
        let path = format!("components/base/files/{path}");
        pack.push((String::leak(path), (*text).to_owned()));
    }
    pack
}

/// A project of a plain pack.
fn plain_place(files: &[(&str, &str)]) -> Place {
    let pack = plain("0.1.0", "", files);
    let pack: Vec<(&str, &str)> = pack.iter().map(|(path, text)| (*path, text.as_str())).collect();
    Place::of(folder(&pack), &[])
}

#[test]
fn several_migrations_are_carried_out_in_order() {
    let steps = [
        "[[migrate]]\nbefore = \"0.2.0\"\npaths = { \"a/**\" = \"b/**\" }\n",
        "[[migrate]]\nbefore = \"0.3.0\"\npaths = { \"b/*\" = \"c/d/*\" }\n",
        "[[migrate]]\nbefore = \"0.4.0\"\npaths = { \"c/*/x.txt\" = \"e/*/y.txt\" }\n",
    ];
    let versions = ["0.2.0", "0.3.0", "0.4.0"];
    let paths = ["a/x.txt", "b/x.txt", "c/d/x.txt", "e/d/y.txt"];
    let (text, edited) = ("one\ntwo\nthree\n", "mine\ntwo\nthree\n");
    // However many versions an update leaves out.
    for left_out in 0..8 {
        let place = plain_place(&[(paths[0], text), ("a/stays.md", "s\n")]);
        place.write(paths[0], edited);
        place.commit("edit");
        for (number, version) in versions.iter().enumerate() {
            if left_out >> number & 1 == 1 && number < 2 {
                continue;
            }
            let migrate = steps[..=number].concat();
            let stays = ["b/stays.md", "c/d/stays.md", "c/d/stays.md"][number];
            publish(
                &place,
                &plain(version, &migrate, &[(paths[number + 1], text), (stays, "s\n")]),
            );
            assert_eq!(place.json(&["update"])["conflicts"], serde_json::json!([]));
            place.commit("update");
        }
        assert_eq!(place.read("e/d/y.txt"), edited, "{left_out}");
        assert!(place.has("c/d/stays.md") && !place.has("a") && !place.has("b"), "{left_out}");
        assert_eq!(place.ok(&["update"]), "nothing to change\n");
        place.ok(&["check", "unresolved", "behind"]);
    }
}

#[test]
fn what_a_later_migration_calls_otherwise_again_is_followed() {
    let place = place(&["--extra", "--speed", "fast"]);
    let mut third = second();
    for (path, text) in &mut third {
        if *path == "pack.toml" {
            *text = text.replace("version = \"0.3.0\"", "version = \"0.4.0\"")
                + "[[migrate]]\nbefore = \"0.4.0\"\noptions.pace = \"rate\"\nslots.queue = \"broker\"\ncomponents = { jobs = \"tasks\" }\n"
                + "[[migrate]]\nbefore = \"0.4.0\"\noptions.rate = { quick = \"high\" }\nslots.broker = { redis-streams = \"streams\" }\n";
            *text = text.replace("[slots.queue]", "[slots.broker]");
        }
        *text = text
            .replace("id = \"pace\"", "id = \"rate\"")
            .replace("\"slow\", \"quick\"", "\"slow\", \"high\"")
            .replace("\"queue\"", "\"broker\"")
            .replace("flag = \"jobs\"", "flag = \"tasks\"");
        *path = String::leak(path.replace("components/redis-streams", "components/streams"));
    }
    publish(&place, &third);
    place.ok(&["update"]);
    assert_eq!(place.files(), rendered(&place, &["--tasks", "--rate", "high"]));
}

#[test]
fn files_take_each_others_places() {
    let (one, two, three) = ("1\na\nb\nc\nd\n", "2\na\nb\nc\nd\n", "3\na\nb\nc\nd\n");
    let migrate = "[[migrate]]\nbefore = \"0.2.0\"\npaths = { one = \"two\", two = \"three\", three = \"one\" }\n";
    let edited = |text: &str| text.replace("d\n", "mine\n");
    for deleted in [None, Some("one"), Some("two"), Some("three")] {
        let place = plain_place(&[("one", one), ("two", two), ("three", three)]);
        for (path, text) in [("one", one), ("two", two), ("three", three)] {
            place.write(path, &edited(text));
        }
        if let Some(path) = deleted {
            fs::remove_file(place.root().join(path)).expect("it was there");
        }
        place.commit("edits");
        let before = place.files();
        publish(&place, &plain("0.2.0", migrate, &[("two", one), ("three", two), ("one", three)]));
        place.ok(&["update"]);
        for (old, new, text) in
            [("one", "two", one), ("two", "three", two), ("three", "one", three)]
        {
            if deleted == Some(old) {
                assert!(!place.has(new), "{old} was deleted");
            } else {
                assert_eq!(place.read(new), edited(text), "{old} -> {new}");
            }
        }
        assert_eq!(place.ok(&["update"]), "nothing to change\n");
        place.ok(&["undo"]);
        assert_eq!(place.files(), before, "{deleted:?}");
    }
}

#[test]
fn another_file_comes_where_one_moved_away() {
    let migrate = "[[migrate]]\nbefore = \"0.2.0\"\npaths = { \"app.txt\" = \"old/app.txt\" }\n";
    for edited in [false, true] {
        let place = plain_place(&[("app.txt", "one\ntwo\n")]);
        if edited {
            place.write("app.txt", "one\nmine\n");
            place.commit("edit");
        }
        publish(
            &place,
            &plain("0.2.0", migrate, &[("old/app.txt", "one\ntwo\n"), ("app.txt", "new\n")]),
        );
        place.ok(&["update"]);
        assert_eq!(place.read("app.txt"), "new\n");
        let expected = if edited { "one\nmine\n" } else { "one\ntwo\n" };
        assert_eq!(place.read("old/app.txt"), expected);
        place.ok(&["check", "unresolved", "behind"]);
    }
}

/// `renamed` of a component and the migrations of the pack find each other.
#[test]
fn a_file_that_was_renamed_after_it_moved_is_found() {
    let place = plain_place(&[("a/x.txt", "one\ntwo\n")]);
    place.write("a/x.txt", "one\nmine\n");
    place.commit("edit");
    let migrate = "[[migrate]]\nbefore = \"0.2.0\"\npaths = { \"a/**\" = \"b/**\" }\n";
    let mut pack = plain("0.3.0", migrate, &[("b/y.txt", "one\ntwo\n")]);
    pack[1].1.push_str("renamed = { \"b/y.txt\" = \"b/x.txt\" }\n");
    publish(&place, &pack);
    place.ok(&["update"]);
    assert_eq!(place.read("b/y.txt"), "one\nmine\n");
    assert!(!place.has("a/x.txt") && !place.has("b/x.txt"));
}

/// A version below that of the pack within one word of it says nothing new.
#[test]
fn what_a_lock_says_of_its_version_leads_nowhere_else() {
    let place = place(&["--extra"]);
    publish(&place, &second());
    place.ok(&["update"]);
    place.commit("update");
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    for version in ["0.1.0", "0.0.0-x", "none", "", "9.9.9", "../../x"] {
        let text = place.read("scaffold.lock");
        let state = scaffold::project::state::parse_lock(&text).expect("it can be read");
        let mut lock = state;
        lock.pack.version = version.to_owned();
        place.write("scaffold.lock", &lock.with_conflicts(&[]));
        for command in [&["update"][..], &["apply"], &["check"], &["plan"], &["add", "jobs"]] {
            let before: Vec<_> =
                place.files().into_iter().filter(|(path, _, _)| path != "scaffold.lock").collect();
            let (code, text) = place.run(command);
            assert!([0, 5, 8].contains(&code), "{version}, {command:?}: {code}, {text}");
            let after: Vec<_> =
                place.files().into_iter().filter(|(path, _, _)| path != "scaffold.lock").collect();
            assert_eq!(after, before, "{version}, {command:?}");
        }
        assert!(place.git(&["checkout", "--quiet", "."]));
    }
    assert_eq!(common::files_in(elsewhere.path()), []);
}
