//! Projects follow a pack whose names and places change: what was chosen, what was rendered and what the
//! user wrote is carried over before the newer version reads it.

mod common;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::disk::{FAULTS, FaultyDisk};
use common::place::{Place, project_files};
use common::{folder, put, scaffold_ok, stdout};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scaffold::choose::migrated::migrated;
use scaffold::choose::operation::Operation;
use scaffold::choose::selection::Choices;
use scaffold::disk::transaction::Transaction;
use scaffold::disk::writer::{Disk, LocalDisk};
use scaffold::lint::validate;
use scaffold::merge::decide::ConflictKind;
use scaffold::pack::load::Pack;
use scaffold::pack::migration::Migration;
use scaffold::project::intent::intend;
use scaffold::project::state::Project;
use scaffold::render::tree::Tree;
use scaffold::text::error::Error;
use scaffold::text::path::{BASE_FILE, STATE_FILES};
use similar::TextMerge;

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
        "{{ service.name }}\nzero\none\ntwo\nthree\n",
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
        text("components/workers/files@runner/app/deep/main.txt.tera", "{{ service.name }}\nzero\none\ntwo\nthree, anew\n"),
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

/// What each service had a copy of is there once, in a version whose services share it.
#[test]
fn what_services_share_now_keeps_the_edits_of_each() {
    let place = place(&["--extra", "--service", "second=worker", "--service", "third=worker"]);
    let mark = |name: &str| format!("{name}\nzero\none, {name}\ntwo\nthree\n");
    for name in ["third", "worker"] {
        place.write(&format!("services/{name}/lib/deep/main.txt"), &mark(name));
    }
    place.write("services/third/lib/mine.txt", "mine\n");
    std::fs::remove_file(place.root().join("services/second/lib/name.txt")).expect("it was there");
    place.commit("edit");
    let mut files = second();
    files.retain(|(path, _)| !path.contains("workers/files@runner/"));
    files[0].1 = files[0].1.replace("services/*/app/**", "kinds/runner/app/**");
    let kind = files.iter_mut().find(|(path, _)| path.ends_with("workers/component.toml"));
    let (_, text) = kind.expect("it is there");
    *text = text.replace("summary = \"works\"", "summary = \"works\"\nshared = true");
    let main = "worker\nzero\none\ntwo\nthree, anew\n".to_owned();
    files.push(("components/workers/code@runner/app/deep/main.txt", main));
    files.push(("components/workers/code@runner/app/name.txt", "all\n".to_owned()));
    publish(&place, &files);
    let answer = place.json(&["update"]);
    assert_eq!(answer["exit_code"], 4, "{answer}");
    let conflicts = answer["conflicts"].as_array().expect("a list").iter();
    let conflicts: Vec<(&str, &str)> = conflicts
        .map(|it| (it["path"].as_str().unwrap_or(""), it["kind"].as_str().unwrap_or("")))
        .collect();
    // The first with edits moves, the next one stays where it is, and what nobody edited goes.
    assert_eq!(conflicts, [("services/worker/lib/deep/main.txt", "kept")]);
    assert_eq!(
        place.read("kinds/runner/app/deep/main.txt"),
        "worker\nzero\none, third\ntwo\nthree, anew\n"
    );
    assert_eq!(place.read("services/worker/lib/deep/main.txt"), mark("worker"));
    assert!(!place.has("services/second/lib"));
    // What one of them deleted is there, as the others have it.
    assert_eq!(place.read("kinds/runner/app/name.txt"), "all\n");
    assert_eq!(place.read("services/third/lib/mine.txt"), "mine\n");
    assert_eq!(
        answer["notes"].as_array().map(Vec::as_slice).unwrap_or_default().last(),
        Some(&"`mine.txt` in `services/third/lib/` is yours and stays; what was rendered there lies in `kinds/runner/app/` now".into())
    );
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
        files.into_iter().filter(|(path, _, _)| path != BASE_FILE).collect()
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
    for path in ["a.txt", "b.txt", "c.txt"] {
        put(elsewhere.path(), path, place.read(&format!("lost/{path}")).as_bytes());
    }
    fs::remove_dir_all(place.root().join("lost")).expect("it was there");
    std::os::unix::fs::symlink(elsewhere.path(), place.root().join("lost")).expect("a link");
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
            "lost/b.txt blocked",
            "queue/streams.conf blocked",
            "services/worker/app/deep/main.txt blocked",
            "services/worker/app/name.txt blocked",
            "services/worker/lib/deep/main.txt kept",
        ]
    );
    assert!(fs::symlink_metadata(place.root().join("lost")).expect("there").is_symlink());
    assert_eq!(common::files_in(elsewhere.path()).len(), 3);
    assert_eq!(place.read("found/a.txt"), "a\none\ntwo\nthree, anew\n");
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

/// However people write it, words change where they stand and nothing else does.
#[test]
fn words_change_in_every_form_of_toml() {
    let (_folder, pack) = read(&second());
    let migration = Migration::since(&pack, "0.1.0");
    let cases = [
        (
            "components.extra = true\nslots.queue='redis'\n[options]\n",
            "components.jobs = true\nslots.queue=\"redis-streams\"\n[options]\n",
        ),
        (
            "components = { \"extra\" = true }\noptions = { speed = \"fast\" } # x\n",
            "components = { jobs = true }\noptions = { pace = \"quick\" } # x\n",
        ),
        (
            "[components]\r\n# extra\r\nextra = false\r\n[slots]\r\nqueue = \"\"\"\r\nredis\"\"\"\r\n",
            "[components]\r\n# extra\r\njobs = false\r\n[slots]\r\nqueue = \"redis-streams\"\r\n",
        ),
        (
            "service = [{ name = \"worker\", kind = \"worker\" }]\n",
            "service = [{ name = \"worker\", kind = \"runner\" }]\n",
        ),
        // Words of now, and what is none of these, stay.
        (
            "[components]\njobs = true\nextra = false\n[options]\nspeed = 3\npace = \"quick\"\n",
            "[components]\njobs = true\nextra = false\n[options]\nspeed = 3\npace = \"quick\"\n",
        ),
        ("[components\nextra = true\n", "[components\nextra = true\n"),
        (
            "components = 3\nslots = []\nservice = [3]\n",
            "components = 3\nslots = []\nservice = [3]\n",
        ),
    ];
    for (before, after) in cases {
        assert_eq!(migrated(&pack, &migration, before).text, after);
    }
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
    // So is one that the project was not rendered with, in a word that is another one now.
    let other = Place::of(folder(&FIRST), &["--extra", "--queue", "rabbit"]);
    publish(&other, &second());
    other.write("scaffold.toml", &other.read("scaffold.toml").replace("\"rabbit\"", "\"redis\""));
    let told = other.json(&["check"]);
    assert_eq!(told["drifted"], serde_json::json!([{"path": "scaffold.toml", "how": "pending"}]));
    other.ok(&["update"]);
    assert!(other.has("queue/streams.conf") && !other.has("queue/rabbit.conf"));
    // The choice is taken over by the update.
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
    for left_out in 0..4 {
        let place = plain_place(&[(paths[0], text), ("a/stays.md", "s\n")]);
        place.write(paths[0], edited);
        place.commit("edit");
        for (number, version) in versions.iter().enumerate() {
            if left_out >> number & 1 == 1 {
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

/// What every project had, and a newer version asks for.
#[test]
fn what_every_project_had_stays_on_where_it_applies() {
    let publish_kept = |place: &Place| {
        let mut next = second();
        next[0].1 =
            next[0].1.replacen("[[migrate]]\n", "[[migrate]]\nkept = [\"lamp\", \"torch\"]\n", 1);
        let lamp = "summary = \"light\"\nflag = \"lamp\"\n";
        next.push(("components/lamp/component.toml", lamp.to_owned()));
        next.push(("components/lamp/files/lost/c.txt", FIRST[5].1.to_owned()));
        let torch = "summary = \"fire\"\nflag = \"torch\"\napplies = [\"workers\"]\n";
        next.push(("components/torch/component.toml", torch.to_owned()));
        publish(place, &next);
    };
    for (before, after) in
        [(&[][..], &["--lamp"][..]), (&["--extra"], &["--jobs", "--lamp", "--torch"])]
    {
        let place = place(before);
        let old = place.files();
        publish_kept(&place);
        place.ok(&["update"]);
        assert_eq!(place.files(), rendered(&place, after), "{before:?}");
        place.ok(&["undo"]);
        assert_eq!(place.files(), old, "{before:?}");
    }
    // Whichever way the section is written, and whatever stands above its first line.
    let texts = [
        (
            "[components]\n# mine\nextra = true\n",
            "[components]\nlamp = true\ntorch = true\n# mine\njobs = true\n",
        ),
        (
            "components = { extra = true }\n",
            "components = { lamp = true, torch = true, jobs = true }\n",
        ),
        (
            "components.extra = true\n",
            "components.lamp = true\ncomponents.torch = true\ncomponents.jobs = true\n",
        ),
        (
            "[components]\nextra = false\nlamp = false\n",
            "[components]\njobs = false\nlamp = false\n",
        ),
        ("name = \"x\"\n", "name = \"x\"\n\n[components]\nlamp = true\n"),
        ("[components]\n\n[slots]\n", "[components]\nlamp = true\n\n[slots]\n"),
    ];
    let place = place(&[]);
    publish_kept(&place);
    let pack = validate::load(place.pack.path()).unwrap_or_else(|error| panic!("{error}"));
    let migration = Migration::since(&pack, "0.1.0");
    for (before, after) in texts {
        let now = migrated(&pack, &migration, before);
        assert_eq!(now.text, after);
        assert_eq!(migrated(&pack, &Migration::since(&pack, "0.3.0"), &now.text).text, after);
    }
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

/// A lock is not believed: whatever version it says, nothing of an updated project changes.
#[test]
fn what_a_lock_says_of_its_version_leads_nowhere_else() {
    let place = place(&["--extra"]);
    publish(&place, &second());
    place.ok(&["update"]);
    place.commit("update");
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
}

/// One branch was updated, the other was not, and people worked on both.
#[test]
fn a_merge_of_a_branch_that_was_updated_and_one_that_was_not_is_finished_by_apply() {
    for into_updated in [false, true] {
        let place = place(&["--extra"]);
        assert!(place.git(&["checkout", "--quiet", "-b", "behind"]));
        place.ok(&["set", "speed=fast"]);
        place.ok(&["add", "service", "second", "--kind", "worker"]);
        place.write("lost/a.txt", &place.read("lost/a.txt").replace("one\n", "behind\n"));
        let worker = "services/worker/lib/deep/main.txt";
        place.write(worker, &place.read(worker).replace("one\n", "behind\n"));
        let second_file = "services/second/lib/deep/main.txt";
        place.write(second_file, &place.read(second_file).replace("one\n", "behind\n"));
        place.write("lost/b.txt", "b\nbehind\n");
        place.commit("behind");
        assert!(place.git(&["checkout", "--quiet", "-b", "updated", "main"]));
        place.write(
            "infra/state.conf",
            &place.read("infra/state.conf").replace("one\n", "updated\n"),
        );
        place.write(worker, &place.read(worker).replace("worker\n", "updated\n"));
        place.commit("edits");
        publish(&place, &second());
        place.ok(&["update"]);
        place.commit("update");
        let (from, to) = if into_updated { ("behind", "updated") } else { ("updated", "behind") };
        assert!(place.git(&["checkout", "--quiet", to]));
        assert!(!place.git(&["merge", from]), "lock and base cannot be merged by git");
        let (code, text) = place.run(&["apply"]);
        assert_eq!(code, 0, "{into_updated}: {text}");
        place.commit("merge");
        place.ok(&["check", "unresolved", "behind"]);
        assert_eq!(place.ok(&["apply"]), "nothing to change\n", "{into_updated}");
        assert_eq!(place.ok(&["update"]), "nothing to change\n", "{into_updated}");
        assert_eq!(place.read("found/a.txt"), "a\nbehind\ntwo\nthree, anew\n");
        assert_eq!(place.read("found/b.txt"), "b\nbehind\n");
        assert_eq!(place.read("infra/redis/redis.conf"), "state\nupdated\ntwo\nthree, anew\n");
        assert_eq!(
            place.read("services/worker/app/deep/main.txt"),
            "updated\nzero\nbehind\ntwo\nthree, anew\n"
        );
        assert_eq!(
            place.read("services/second/app/deep/main.txt"),
            "second\nzero\nbehind\ntwo\nthree, anew\n"
        );
        // Otherwise it is what `new` renders with both.
        let edited = ["a.txt", "b.txt", "redis.conf", "main.txt"];
        let rendered =
            rendered(&place, &["--jobs", "--pace", "quick", "--service", "second=runner"]);
        let plain = |files: Vec<(String, Vec<u8>, bool)>| -> Vec<_> {
            let is_plain = |path: &str| !edited.iter().any(|name| path.ends_with(name));
            files.into_iter().filter(|(path, _, _)| is_plain(path)).collect()
        };
        assert_eq!(plain(place.files()), plain(rendered), "{into_updated}");
    }
}

/// Both sides are of the older version, and whoever merges has the newer one.
#[test]
fn a_merge_of_branches_that_were_not_updated_is_carried_over_by_apply() {
    let place = place(&[]);
    assert!(place.git(&["checkout", "--quiet", "-b", "left"]));
    place.ok(&["add", "extra"]);
    place.write("lost/a.txt", &place.read("lost/a.txt").replace("one\n", "left\n"));
    place.commit("left");
    assert!(place.git(&["checkout", "--quiet", "-b", "right", "main"]));
    place.ok(&["set", "speed=fast"]);
    place.write("lost/b.txt", &place.read("lost/b.txt").replace("one\n", "right\n"));
    place.write("lost/c.txt", &place.read("lost/c.txt").replace("one\n", "right\n"));
    place.commit("right");
    assert!(!place.git(&["merge", "left"]));
    publish(&place, &second());
    let (code, text) = place.run(&["apply"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("  ! lost/c.txt   it is no longer part of the project"), "{text}");
    place.commit("merge");
    place.ok(&["resolve", "lost/c.txt"]);
    place.ok(&["check", "unresolved", "behind"]);
    assert_eq!(place.read("found/a.txt"), "a\nleft\ntwo\nthree, anew\n");
    assert_eq!(place.read("found/b.txt"), "b\nright\ntwo\nthree\n");
    assert_eq!(place.read("lost/c.txt"), "c\nright\ntwo\nthree\n");
    assert!(!place.has("lost/a.txt") && !place.has("lost/b.txt"));
    let text = place.read("scaffold.toml");
    assert!(text.contains("jobs = true\n") && text.contains("pace = \"quick\"\n"), "{text}");
}

/// Whoever settles `scaffold.toml` by hand in the words of the older version is told the new ones.
#[test]
fn an_old_word_in_a_text_that_was_settled_by_hand_is_refused_with_the_new_one() {
    let place = place(&["--extra"]);
    assert!(place.git(&["checkout", "--quiet", "-b", "behind"]));
    place.ok(&["set", "speed=fast"]);
    place.commit("behind");
    let settled = place.read("scaffold.toml");
    assert!(place.git(&["checkout", "--quiet", "-b", "updated", "main"]));
    publish(&place, &second());
    place.ok(&["update"]);
    place.commit("update");
    assert!(!place.git(&["merge", "behind"]));
    // In a comment the file is already somebody's own.
    place.write("scaffold.toml", &format!("# settled\n{settled}"));
    let before = place.files();
    let (code, text) = place.run(&["apply"]);
    assert_eq!(code, 8, "{text}");
    assert!(text.contains("scaffold.toml:8:1: `extra` is not something to choose"), "{text}");
    assert!(text.contains("hint: it is called `jobs` now\n"), "{text}");
    assert_eq!(place.files(), before);
}

/// Who wrote at the new place while merging may not have seen what git left at the former one.
#[test]
fn what_somebody_wrote_while_merging_takes_nothing_with_it() {
    let place = place(&[]);
    assert!(place.git(&["checkout", "--quiet", "-b", "behind"]));
    place.write("lost/a.txt", "a\nbehind\ntwo\nthree\n");
    place.ok(&["set", "speed=fast"]);
    place.commit("behind");
    assert!(place.git(&["checkout", "--quiet", "-b", "updated", "main"]));
    publish(&place, &second());
    place.ok(&["update"]);
    place.commit("update");
    assert!(!place.git(&["merge", "behind"]));
    place.write("lost/a.txt", "a\nbehind\ntwo\nthree\n");
    place.write("found/a.txt", "written while merging\n");
    let told = place.json(&["apply"]);
    assert_eq!(
        told["conflicts"],
        serde_json::json!([{"path": "lost/a.txt", "kind": "kept"}]),
        "{told}"
    );
    assert_eq!(place.read("lost/a.txt"), "a\nbehind\ntwo\nthree\n");
    assert_eq!(place.read("found/a.txt"), "written while merging\n");
}

#[test]
fn files_take_each_others_places_in_a_merge_of_branches_that_were_not_updated() {
    let text = |first: &str| format!("{first}\na\nb\nc\nd\n");
    let anew = |first: &str| text(first).replace("d\n", "d, anew\n");
    let option = "[[option]]\nid = \"speed\"\ntype = \"int\"\ndefault = 1\nhelp = \"h\"\n[[option]]\nid = \"size\"\ntype = \"int\"\ndefault = 1\nhelp = \"h\"\n";
    let migrate = "[[migrate]]\nbefore = \"0.2.0\"\npaths = { one = \"two\", two = \"one\", three = \"four\" }\n";
    let with_options = |mut pack: Vec<(&'static str, String)>| {
        pack[1].1.push_str(option);
        pack
    };
    let first =
        plain("0.1.0", "", &[("one", &text("1")), ("two", &text("2")), ("three", &text("3"))]);
    let first = with_options(first);
    let files: Vec<(&str, &str)> =
        first.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let place = Place::of(folder(&files), &[]);
    assert!(place.git(&["checkout", "--quiet", "-b", "left"]));
    place.ok(&["set", "speed=2"]);
    place.write("one", &text("1").replace("b\n", "left\n"));
    place.write("three", &text("3").replace("b\n", "left\n"));
    place.commit("left");
    assert!(place.git(&["checkout", "--quiet", "-b", "right", "main"]));
    place.ok(&["set", "size=2"]);
    place.write("two", &text("2").replace("b\n", "right\n"));
    place.commit("right");
    assert!(!place.git(&["merge", "left"]));
    // What nobody committed stands in the way.
    place.write("four", "untracked\n");
    let second = plain(
        "0.2.0",
        migrate,
        &[("two", &anew("1")), ("one", &text("2")), ("four", &text("3")), ("three", "new\n")],
    );
    publish(&place, &with_options(second));
    let told = place.json(&["apply"]);
    assert_eq!(place.read("two"), anew("1").replace("b\n", "left\n"), "{told}");
    assert_eq!(place.read("one"), text("2").replace("b\n", "right\n"), "{told}");
    // As with any file that somebody wrote while merging.
    assert_eq!(place.read("four"), "untracked\n", "{told}");
    let three = place.read("three");
    assert!(three.contains("left\n") && three.contains("new\n"), "{told}");
    let conflicts = told["conflicts"].as_array().expect("a list").iter();
    let paths: Vec<_> = conflicts.map(|conflict| conflict["path"].as_str()).collect();
    assert_eq!(paths, [Some("three")], "{told}");
}

/// Another file has come where the one lay, and git merges the edit of the one into the other.
#[test]
fn an_edit_of_a_file_whose_place_another_one_took_is_found_in_a_merge() {
    let migrate = "[[migrate]]\nbefore = \"0.2.0\"\npaths = { \"app.txt\" = \"old/app.txt\" }\n";
    let place = plain_place(&[("app.txt", "one\ntwo\nthree\nfour\n")]);
    assert!(place.git(&["checkout", "--quiet", "-b", "behind"]));
    place.write("app.txt", "one\nmine\nthree\nfour\n");
    place.write(
        "scaffold.toml",
        &place.read("scaffold.toml").replace("name = \"x\"", "name = \"y\""),
    );
    place.ok(&["apply"]);
    place.commit("behind");
    assert!(place.git(&["checkout", "--quiet", "-b", "updated", "main"]));
    publish(
        &place,
        &plain(
            "0.2.0",
            migrate,
            &[("old/app.txt", "one\ntwo\nthree\nfour\n"), ("app.txt", "new\n")],
        ),
    );
    place.ok(&["update"]);
    place.commit("update");
    assert!(!place.git(&["merge", "behind"]));
    let (code, text) = place.run(&["apply"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(place.read("old/app.txt"), "one\nmine\nthree\nfour\n");
    assert_eq!(place.read("app.txt"), "new\n");
    place.commit("merge");
    assert_eq!(place.ok(&["apply"]), "nothing to change\n");
}

/// Each mistake in a `[[migrate]]`, and the whole text that names it.
#[test]
fn migrations_that_cannot_work_are_refused_at_their_place() {
    let cases: [(&str, &[&str]); 30] = [
        ("before = \"0.3.0\"", &[]),
        (
            "before = \"3\"",
            &[
                "pack.toml:7:11: `3` is not a version: three numbers with dots between them, such as `1.0.0`",
            ],
        ),
        (
            "before = \"0.4.0\"",
            &["pack.toml:7:11: the pack is of version 0.3.0: nothing is carried over before 0.4.0"],
        ),
        (
            "before = \"0.3.0\"\n[[migrate]]\nbefore = \"0.2.0\"",
            &[
                "pack.toml:9:11: migrations are carried out from the oldest to the newest, and this one stands behind that of 0.3.0",
            ],
        ),
        (
            "components = { a = \"rediss\" }",
            &["pack.toml:8:21: `rediss` is not a component; did you mean `redis`?"],
        ),
        ("components = { a = \"jobs\", b = \"workers\" }", &[]),
        (
            "components = { a = \"b\" }\n[[migrate]]\nbefore = \"0.3.0\"\ncomponents = { b = \"redis\" }",
            &[],
        ),
        (
            "kinds = { a = \"runer\" }",
            &["pack.toml:8:16: `runer` is not a kind of service; did you mean `runner`?"],
        ),
        ("kept = [\"redis\"]", &["pack.toml:8:10: `redis` is not a component with a flag"]),
        ("kept = [\"workers\"]", &[]),
        (
            "slots.queue = { a = \"redis\" }",
            &[
                "pack.toml:8:22: `redis` is not a component that fills `queue`; did you mean `redis-streams`?",
            ],
        ),
        (
            "slots.queu = { a = \"rabbit\" }",
            &["pack.toml:8:7: `queu` is not a slot; did you mean `queue`?"],
        ),
        ("slots.a = \"queue\"", &[]),
        (
            "slots.a = \"queue\"\nslots.b = \"queue\"",
            &["pack.toml:8:12: two slots would both be called `queue`"],
        ),
        (
            "slots.a = 3",
            &["pack.toml:8:11: a new name, or a table of old values and what each is called now"],
        ),
        (
            "options.a = \"pase\"",
            &["pack.toml:8:14: `pase` is not an option; did you mean `pace`?"],
        ),
        (
            "options.pace = { a = \"quik\" }",
            &["pack.toml:8:23: `quik` is not a value of `pace`; did you mean `quick`?"],
        ),
        (
            "paths = { \"a/*/b\" = \"found/**\" }",
            &[
                "pack.toml:8:22: `found/**` needs the wildcards of `a/*/b`, in the same order, or the last of them: what each stands for is carried over",
            ],
        ),
        (
            "paths = { \"a/**\" = \"found/a.txt\" }",
            &[
                "pack.toml:8:21: `found/a.txt` needs the wildcards of `a/**`, in the same order, or the last of them: what each stands for is carried over",
            ],
        ),
        ("paths = { \"a/*/**\" = \"found/**\" }", &[]),
        (
            "paths = { \"a\" = \"found/*\" }",
            &[
                "pack.toml:8:18: `found/*` needs the wildcards of `a`, in the same order, or the last of them: what each stands for is carried over",
            ],
        ),
        (
            "paths = { \"a/b*\" = \"found/b*\" }",
            &[
                "pack.toml:8:12: `a/b*`: `*` stands for one whole part of a path, `**` for all that follow",
                "pack.toml:8:21: `found/b*`: `*` stands for one whole part of a path, `**` for all that follow",
            ],
        ),
        (
            "paths = { \"a/**/b\" = \"found/b\" }",
            &["pack.toml:8:12: `a/**/b`: `**` stands for all parts that follow, so it is last"],
        ),
        (
            "paths = { \"../a\" = \".git/hooks/a\" }",
            &[
                "pack.toml:8:12: `../a` leaves the destination",
                "pack.toml:8:21: `.git/hooks/a` is git's own: what is there can run as a program",
            ],
        ),
        (
            "paths = { \"a\" = \"nowhere/a.txt\" }",
            &["pack.toml:8:18: no component writes a file that fits `nowhere/a.txt`"],
        ),
        ("paths = { \"a/*/**\" = \"services/*/app/**\", \"b/*\" = \"infra/each/*\" }", &[]),
        (
            "paths = { \"Found/a.txt\" = \"found/a.txt\" }",
            &[
                "pack.toml:8:28: `Found/a.txt` and `found/a.txt` differ in case alone, which not every file system tells apart",
            ],
        ),
        (
            "paths = { \"found\" = \"found/a.txt\" }",
            &[
                "pack.toml:8:22: `found` cannot move to `found/a.txt`: one would be a file where the other needs a folder",
            ],
        ),
        (
            "paths = { \"a/**\" = \"found/**\", \"b/a.txt\" = \"found/a.txt\" }",
            &[
                "pack.toml:8:45: `b/a.txt` and `a/**` send different files to one path: `found/a.txt` and `found/**`",
            ],
        ),
        (
            "paths = { \"a/**\" = \"found/**\", \"a/b/a.txt\" = \"found/b.txt\" }",
            &[
                "pack.toml:8:33: nothing is left for `a/b/a.txt`: the first that fits counts, and `a/**` stands before it",
            ],
        ),
    ];
    let mut pack = second();
    pack[0].1 = FIRST[0].1.replace("0.1.0", "0.3.0");
    for (entry, expected) in cases {
        let before = if entry.starts_with("before") { "" } else { "before = \"0.3.0\"\n" };
        let text = format!("{}[[migrate]]\n{before}{entry}\n", pack[0].1);
        let files: Vec<(&str, &str)> =
            pack.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let folder = folder(&files);
        put(folder.path(), "pack.toml", text.as_bytes());
        let problems: Vec<String> = match validate::load(folder.path()) {
            Ok(_) => Vec::new(),
            Err(Error::Pack(problems)) => problems.iter().map(ToString::to_string).collect(),
            Err(other) => vec![other.to_string()],
        };
        assert_eq!(problems, expected, "{entry}");
    }
}

/// What a user does to a file that moves, changes, stays or goes.
#[derive(Debug, Clone)]
enum Edit {
    /// A line of their own, behind the line with this number.
    Insert(usize, usize),
    /// A line of their own in place of that one.
    Replace(usize, usize),
    Delete(usize),
}

fn any_edits() -> impl Strategy<Value = Vec<Edit>> {
    let place = || (any::<usize>(), any::<usize>());
    let edit = prop_oneof![
        5 => place().prop_map(|(file, line)| Edit::Insert(file, line)),
        5 => place().prop_map(|(file, line)| Edit::Replace(file, line)),
        1 => any::<usize>().prop_map(Edit::Delete),
    ];
    proptest::collection::vec(edit, 0..12)
}

/// The files of a project, by path.
type Files = BTreeMap<String, String>;

fn texts(tree: &Tree) -> Files {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    tree.iter().map(|(path, file)| (path.to_owned(), text(&file.bytes))).collect()
}

/// A pack in a folder, read.
fn read(files: &[(&str, String)]) -> (tempfile::TempDir, Pack) {
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let folder = folder(&files);
    let pack = validate::load(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    (folder, pack)
}

/// Renders a project with two services, and its state.
fn tree(pack: &Pack, flag: &str, kind: &str) -> Tree {
    let mut choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
    choices.components.insert(flag.to_owned(), true);
    choices.services.insert("second".to_owned(), kind.to_owned());
    let selection = choices.complete(pack).unwrap_or_else(|error| panic!("{error}"));
    common::tree_of(pack, selection)
}

/// Where each file lies afterwards; this table is written by hand, and knows no patterns.
fn successor(path: &str) -> Option<String> {
    let found = match path {
        "lost/c.txt" => return None,
        "lost/a.txt" => "found/a.txt",
        "lost/b.txt" => "found/b.txt",
        "infra/state.conf" => "infra/redis/redis.conf",
        "queue/redis.conf" => "queue/streams.conf",
        "infra/worker.conf" => "infra/each/worker.conf",
        "infra/second.conf" => "infra/each/second.conf",
        path => return Some(path.replacen("/lib/", "/app/", 1)),
    };
    Some(found.to_owned())
}

/// The files after these edits; each line of the user's own is another one.
fn edited(was: &Files, paths: &[String], edits: &[Edit]) -> Files {
    let mut mine = was.clone();
    for (number, edit) in edits.iter().enumerate() {
        let (Edit::Insert(file, _) | Edit::Replace(file, _) | Edit::Delete(file)) = edit;
        let path = &paths[file % paths.len()];
        let Some(text) = mine.get(path) else {
            continue;
        };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let (own, count) = (format!("mine {number}"), lines.len());
        match edit {
            Edit::Insert(_, line) => lines.insert(line % count + 1, own),
            Edit::Replace(_, line) => lines[line % count] = own,
            Edit::Delete(_) => {
                mine.remove(path);
                continue;
            }
        }
        mine.insert(path.clone(), lines.join("\n") + "\n");
    }
    mine
}

/// No edit is lost, what moved is clean wherever lines do
/// not overlap, and what has no successor is a listed conflict, and nothing else is.
#[test]
fn no_edit_is_lost_whatever_moves() {
    let cases = std::env::var("MIGRATE_CASES").ok().and_then(|cases| cases.parse().ok());
    let first: Vec<(&str, String)> =
        FIRST.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
    let ((_first, old_pack), (_second, new_pack)) = (read(&first), read(&second()));
    let (old, new) = (tree(&old_pack, "extra", "worker"), tree(&new_pack, "jobs", "runner"));
    let rendered = texts(&new);
    let mut runner = TestRunner::new(Config {
        cases: cases.unwrap_or(64),
        failure_persistence: None,
        ..Config::default()
    });
    let moved = Cell::new(0);
    let mut was = texts(&old);
    was.retain(|path, _| !STATE_FILES.contains(&path.as_str()));
    let editable: Vec<String> = was.keys().cloned().collect();
    let outcome = runner.run(&any_edits(), |edits| {
        let work = on_memory();
        let root = work.path();
        put(root, ".git/HEAD", b"ref: refs/heads/main\n");
        let mine = edited(&was, &editable, &edits);
        for (path, text) in &mine {
            put(root, path, text.as_bytes());
        }
        for path in STATE_FILES {
            put(root, path, &old.get(path).expect("it is rendered").bytes);
        }
        let before = common::place::project_files(root);
        let intent = intend(&new_pack, root, &Operation::Update, true)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        let (transaction, _) =
            Transaction::begin(root, &LocalDisk).expect("nothing stands in its way");
        transaction.commit("update", &intent.changes).expect("it can be written");
        let after: Files = common::place::project_files(root)
            .into_iter()
            .map(|(path, bytes, _)| (path, String::from_utf8_lossy(&bytes).into_owned()))
            .collect();
        let own = mine.values().flat_map(|text| text.lines());
        for word in own.filter(|line| line.starts_with("mine ")) {
            let is_there = after.values().any(|text| text.lines().any(|line| line == word));
            prop_assert!(is_there, "{word} is lost");
        }
        let mut expected: BTreeMap<String, ConflictKind> = BTreeMap::new();
        for path in &editable {
            let (was, own) = (&was[path], mine.get(path));
            match (successor(path), own) {
                (None, Some(own)) if own != was => {
                    expected.insert(path.clone(), ConflictKind::Kept);
                    prop_assert_eq!(after.get(path), Some(own));
                }
                (None, _) => prop_assert!(!after.contains_key(path), "{} goes", path),
                (Some(new), None) => {
                    prop_assert!(!after.contains_key(&new), "{} was deleted", path);
                }
                (Some(new), Some(own)) => {
                    let is_moved = new != *path;
                    prop_assert_eq!(intent.merge.moved.get(path), is_moved.then_some(&new));
                    prop_assert!(!is_moved || !after.contains_key(path), "{} moved", path);
                    moved.set(moved.get() + usize::from(is_moved && own != was));
                    let merged = TextMerge::from_lines(was, own, &rendered[&new]);
                    if merged.is_conflicted() {
                        expected.insert(new, ConflictKind::Markers);
                    } else {
                        let merged = merged.to_string();
                        prop_assert_eq!(after.get(&new), Some(&merged), "{}", new);
                    }
                }
            }
        }
        let listed = &intent.merge.conflicts;
        let conflicts: BTreeMap<String, ConflictKind> =
            listed.iter().map(|conflict| (conflict.path.clone(), conflict.kind)).collect();
        prop_assert_eq!(conflicts, expected);
        if listed.is_empty() {
            let again = intend(&new_pack, root, &Operation::Update, true);
            let again = again.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(again.changes.is_empty(), "a second update changes {:?}", again.changes);
        }
        transaction.undo(false, false).expect("it can be taken back");
        prop_assert_eq!(common::place::project_files(root), before);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(moved.get() > 20, "{} edited files moved", moved.get());
}

/// A temporary folder in memory where there is such a disk: many projects are made, each step synced.
fn on_memory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a temporary folder")
}

/// Files that take each other's places, stopped at every step.
#[test]
fn stopped_at_any_step_an_update_that_moves_files_is_done_or_not_begun() {
    let paths = "paths = { one = \"two\", two = \"one\", \"a/*\" = \"b/c/*\" }\n";
    let migrate = format!("[[migrate]]\nbefore = \"0.2.0\"\n{paths}");
    let first = plain("0.1.0", "", &[("one", "1\n"), ("two", "2\n"), ("a/x", "x\ny\nz\n")]);
    let (_folder, old_pack) = read(&first);
    let files = [("two", "1, anew\n"), ("one", "2\n"), ("b/c/x", "x\ny\nz, anew\n")];
    let (_folder, new_pack) = read(&plain("0.2.0", &migrate, &files));
    let choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
    let tree = common::tree_of(&old_pack, choices.complete(&old_pack).expect("it is complete"));
    let make = || {
        let folder = on_memory();
        put(folder.path(), ".git/HEAD", b"ref: refs/heads/main\n");
        for (path, file) in tree.iter() {
            put(folder.path(), path, &file.bytes);
        }
        put(folder.path(), "two", b"mine\n");
        put(folder.path(), "a/x", b"mine\ny\nz\n");
        folder
    };
    let snapshot = |root: &Path| common::place::project_files(root);
    let model = make();
    let intent = intend(&new_pack, model.path(), &Operation::Update, true).expect("it can be");
    let commit = |root: &Path, disk: &dyn Disk| {
        let (transaction, _) = Transaction::begin(root, disk)?;
        transaction.commit("update", &intent.changes)
    };
    let old = snapshot(model.path());
    commit(model.path(), &LocalDisk).expect("nothing fails");
    let new = snapshot(model.path());
    let text = |path: &str| fs::read_to_string(model.path().join(path)).expect("it is there");
    assert_eq!(
        [text("one"), text("two"), text("b/c/x")],
        ["mine\n", "1, anew\n", "mine\ny\nz, anew\n"]
    );
    let mut stopped = 0;
    for fault in FAULTS {
        for at in 0.. {
            let folder = make();
            let disk = FaultyDisk::new(fault, at);
            let result = commit(folder.path(), &disk);
            if !disk.was_reached() {
                result.expect("without a fault nothing fails");
                break;
            }
            stopped += 1;
            let (next, _) = Transaction::begin(folder.path(), &LocalDisk).expect("it recovers");
            let then = snapshot(folder.path());
            assert!(then == old || then == new, "{fault:?} at step {at}: {then:?}");
            if then == new {
                next.undo(false, false).expect("it can be taken back");
                assert_eq!(snapshot(folder.path()), old, "{fault:?} at step {at}");
            }
        }
    }
    assert!(stopped > 50, "{stopped} stops");
}

#[test]
fn what_the_lock_records_is_read_in_the_words_of_now() {
    let place = place(&["--extra"]);
    let base = fs::read(place.root().join(BASE_FILE)).expect("it is there");
    let state = Project::read(&place.read("scaffold.lock"), &base).expect("it is whole");
    let (_folder, pack) = read(&second());
    let migration = Migration::since(&pack, &state.lock.pack.version);
    let state = state.migrated(&pack, &migration);
    let component = |path: &str| state.lock.files[path].component.as_str();
    assert_eq!(component("infra/state.conf"), "redis");
    assert_eq!(component("queue/redis.conf"), "redis-streams");
    assert_eq!(component("infra/worker.conf"), "workers", "its flag is `jobs`");
    assert_eq!(state.base.get("infra/worker.conf").map(|file| &*file.component), Some("workers"));
    assert_eq!(state.lock.defaults.keys().collect::<Vec<_>>(), ["pace"]);
    // An update that changes a default says so under the name of now.
    let mut pack = second();
    let component = pack.iter_mut().find(|(path, _)| path.starts_with("components/base/comp"));
    let (_, text) = component.expect("it is there");
    *text = text.replace("default = \"slow\"", "default = \"quick\"");
    publish(&place, &pack);
    let told = place.ok(&["update"]);
    assert!(told.contains("the default of `pace` is now \"quick\", it was \"slow\""), "{told}");
}
