//! Slots that each service fills for itself: the same choices by flags, answers, files and operations,
//! and what comes with each.

mod common;

use common::place::Place;
use common::place::project_files;
use common::{folder, put, scaffold, scaffold_ok, stderr, stdout};
use scaffold::lint::constraints::Constraints;
use scaffold::lint::cover::cover;
use scaffold::lint::validate;
use serde_json::{Value, json};

/// Workers with a choice of two engines, one of which leans on a store.
const PACK: [(&str, &str); 13] = [
    (
        "pack.toml",
        r#"name = "slots"
version = "1.0.0"
summary = "services that choose"

[slots.engine]
summary = "What the worker runs"
of = "worker"

[contributions.lines]
type = "list"
summary = "lines of the README"

[contributions.parts]
type = "list"
scope = "service"
summary = "parts of a service"
"#,
    ),
    (
        "parts/base/component.toml",
        "summary = \"always there\"\nalways = true\n\n[target.here]\nhost = \"127.0.0.1\"\nport = \"{port}\"\n",
    ),
    (
        "parts/base/files/README.md.tera",
        "{{ on | join(sep=\" \") }}\n{% for line in lines %}{{ line.text }}\n{% endfor %}",
    ),
    (
        "parts/work/component.toml",
        r#"summary = "works"
flag = "work"

[kind.worker]
summary = "works"

[kind.worker.workload.server]
command = ["serve"]

[[service]]
name = "worker"
kind = "worker"
"#,
    ),
    (
        "parts/work/files@worker/about.txt.tera",
        "{{ service.name }} runs {{ service.slots.engine }}: {{ service.parts | join(sep=\", \") }}\n{% for workload in service.workloads %}{% for one in workload.env.here %}{{ one.name }}={{ one.value }}\n{% endfor %}{% endfor %}",
    ),
    (
        "parts/slow/component.toml",
        "summary = \"slow\"\nslot = \"engine\"\ndefault = true\n\n[to.worker]\nparts = [\"slow\"]\n",
    ),
    ("parts/slow/files@worker/engine.txt", "slow\n"),
    (
        "parts/fast/component.toml",
        r#"summary = "fast"
slot = "engine"
requires = ["store"]

[[each.worker.lines]]
text = "{{ service.name }} is fast"

[to.worker]
parts = ["fast", "cache"]

[to.worker.need.store]
text = "keep"

[to.worker.set.SPEED]
value = "fast for {service}"
"#,
    ),
    ("parts/fast/files@worker/engine.txt", "fast\n"),
    ("parts/fast/files@worker/cache.txt", "cache\n"),
    (
        "parts/store/component.toml",
        "summary = \"keeps\"\nderived = true\n\n[provider]\nport = 7\n\n[offer.store.env.STORE]\nvalue = \"{host}:{port}\"\n",
    ),
    ("parts/store/files/store.conf", "store\n"),
    ("parts/fast/files+store/both.txt", "both\n"),
];

fn place(choices: &[&str]) -> Place {
    Place::of(folder(&PACK), choices)
}

/// What `new` renders, by path.
fn made(choices: &[&str]) -> Vec<(String, Vec<u8>, bool)> {
    let (pack, work) = (folder(&PACK), tempfile::tempdir().expect("a temporary folder"));
    let templates = pack.path().to_str().expect("UTF-8").to_owned();
    let mut arguments = vec!["new", "x", "--templates", &templates];
    arguments.extend(choices);
    scaffold_ok(work.path(), &arguments);
    project_files(&work.path().join("x"))
}

const MIXED: [&str; 3] = ["--work", "--service", "second=worker:engine=fast"];

#[test]
fn each_service_has_what_it_chose_and_no_other() {
    let place = place(&MIXED);
    assert_eq!(place.read("services/worker/engine.txt"), "slow\n");
    assert_eq!(place.read("services/worker/about.txt"), "worker runs slow: slow\n");
    assert!(!place.has("services/worker/cache.txt"));
    assert_eq!(place.read("services/second/engine.txt"), "fast\n");
    assert_eq!(
        place.read("services/second/about.txt"),
        "second runs fast: fast, cache\nSTORE=127.0.0.1:7\nSPEED=fast for second\n"
    );
    assert_eq!(place.read("README.md"), "base slow store fast work\nsecond is fast\n");
    assert!(place.has("store.conf") && place.has("both.txt"));
    let text = place.read("scaffold.toml");
    for (name, engine) in [("worker", "slow"), ("second", "fast")] {
        let lines = format!(
            "[[service]]\nname = \"{name}\"\nkind = \"worker\"\n# What the worker runs: slow, fast\nengine = \"{engine}\"\n"
        );
        assert!(text.contains(&lines), "{text}");
    }
    let explained = stdout(&place.output(&["explain", "services/second/cache.txt"]));
    assert!(explained.contains("chosen for `second` as `engine`"), "{explained}");
    let plain = self::place(&["--work"]);
    assert!(!plain.has("store.conf"), "nobody chose what needs it");
}

#[test]
fn flags_names_answers_and_operations_choose_the_same() {
    let expected = made(&MIXED);
    assert_eq!(
        made(&["--work", "--service", "second=worker", "--set", "second.engine=fast"]),
        expected
    );
    let answers = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in [
        (
            "a.json",
            r#"{"work": true, "services": {"second": {"kind": "worker", "engine": "fast"}}}"#,
        ),
        ("b.json", r#"{"work": true, "services": {"second": "worker"}, "second.engine": "fast"}"#),
    ] {
        put(answers.path(), name, text.as_bytes());
        let path = answers.path().join(name).to_str().expect("UTF-8").to_owned();
        assert_eq!(made(&["--answers", &path]), expected, "{name}");
    }
    let place = place(&["--work"]);
    place.ok(&["add", "service", "second", "--kind", "worker", "--with", "engine=fast"]);
    assert_eq!(place.files(), expected);
    place.ok(&["set", "second.engine=slow"]);
    assert_eq!(place.files(), made(&["--work", "--service", "second=worker"]));
    place.ok(&["set", "second.engine=fast"]);
    assert_eq!(place.files(), expected);
    place.ok(&["set", "worker.engine=fast"]);
    assert_eq!(place.files(), made(&[&MIXED[..], &["--set", "worker.engine=fast"]].concat()));
    place.ok(&["undo"]);
    assert_eq!(place.files(), expected);
    place.ok(&["remove", "service", "second"]);
    assert_eq!(place.files(), made(&["--work"]));
    let text = place.read("scaffold.toml").replace("engine = \"slow\"", "engine = \"fast\"");
    place.write("scaffold.toml", &text);
    place.commit("choose");
    place.ok(&["apply"]);
    assert_eq!(place.files(), made(&["--work", "--set", "worker.engine=fast"]));
    place.ok(&["check"]);
}

#[test]
fn the_command_that_is_shown_chooses_the_same_engines() {
    let (pack, work) = (folder(&PACK), tempfile::tempdir().expect("a temporary folder"));
    let templates = pack.path().to_str().expect("UTF-8").to_owned();
    let choices = [&MIXED[..], &["--set", "worker.engine=fast"]].concat();
    let arguments = [&["new", "x", "--templates", &templates, "--dry-run", "--json"], &choices[..]];
    let answer = stdout(&scaffold_ok(work.path(), &arguments.concat()));
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(
        answer["command"],
        json!(format!(
            "scaffold new x --work --service second=worker:engine=fast --set worker.engine=fast --templates {templates}"
        ))
    );
}

#[test]
fn what_is_no_choice_is_refused_with_what_there_is() {
    let pack = folder(&PACK);
    let templates = pack.path().to_str().expect("UTF-8").to_owned();
    let work = tempfile::tempdir().expect("a temporary folder");
    let cases: [(&[&str], &str); 7] = [
        (
            &["--work", "--set", "worker.engin=fast"],
            "error: `engin` is no slot of a service\n\nhint: did you mean `engine`? there are: engine\n",
        ),
        (
            &["--work", "--set", "worker.engine=fsat"],
            "error: `fsat` is not a choice of `worker.engine`\n\nhint: did you mean `fast`? choices: slow, fast\n",
        ),
        (
            &["--work", "--set", "wroker.engine=fast"],
            "error: there is no service `wroker`\n\nhint: did you mean `worker`? services: worker\n",
        ),
        (
            &["--work", "--service", "second=worker:engine"],
            "error: `--service second=worker:engine`: `engine` has no `=`\n\nhint: --service second=worker:SLOT=COMPONENT\n",
        ),
        (
            &["--work", "--service", "second=worker:speed=fast"],
            "error: `speed` is no slot of a service\n\nhint: there are: engine\n",
        ),
        (
            &["--set", "engine=fast"],
            "error: `engine` is not something to choose\n\nhint: there are: work, name, services\n",
        ),
        (
            &["--set", "worker.engine=fast"],
            "error: there is no service `worker`\n\nhint: services: \n",
        ),
    ];
    for (choices, text) in cases {
        let arguments = [&["new", "x", "--templates", &templates], choices].concat();
        let output = scaffold(work.path(), &arguments);
        assert_eq!(
            (output.status.code(), stderr(&output).as_str()),
            (Some(2), text),
            "{choices:?}"
        );
    }
    let place = place(&["--work"]);
    for (arguments, text) in [
        (
            &["add", "fast"][..],
            "error: `fast` is chosen for each service, as its `engine`\n\nhint: scaffold set worker.engine=fast\n",
        ),
        (
            &["set", "second.engine=fast"],
            "error: there is no service `second`\n\nhint: services: worker\n",
        ),
        (
            &["add", "service", "second", "--kind", "worker", "--with", "speed=fast"],
            "error: the service `second` has no slot `speed`\n\nhint: it has: engine\n",
        ),
    ] {
        assert_eq!(place.run(arguments), (2, text.to_owned()), "{arguments:?}");
    }
}

#[test]
fn slips_in_scaffold_toml_are_told_at_their_place() {
    let place = place(&["--work"]);
    let sound = place.read("scaffold.toml");
    for (from, to, message, hint) in [
        (
            "engine = ",
            "engin = ",
            "`engin` is not something that `[[service]]` says",
            "did you mean `engine`? it says: name, kind, engine",
        ),
        (
            "\"slow\"",
            "\"slwo\"",
            "`slwo` is not a choice of `worker.engine`",
            "did you mean `slow`? choices: slow, fast",
        ),
        (
            "engine = \"slow\"",
            "engine = 3",
            "`3` is not a choice of `worker.engine`",
            "choices: slow, fast",
        ),
    ] {
        place.write("scaffold.toml", &sound.replace(from, to));
        place.commit("slip");
        let (code, text) = place.run(&["apply"]);
        assert_eq!(code, 8, "{text}");
        let (before, after) = text.split_once("\n\nhint: ").expect("there is a hint");
        assert!(before.starts_with("error: scaffold.toml:") && before.ends_with(message), "{text}");
        assert_eq!(after.trim_end(), hint);
    }
    // What is not said has its default.
    place.write("scaffold.toml", &sound.replace("engine = \"slow\"\n", ""));
    place.commit("unsaid");
    place.ok(&["apply"]);
    assert_eq!(place.read("services/worker/engine.txt"), "slow\n");
}

#[test]
fn an_update_to_a_pack_without_the_engine_takes_the_default_and_says_so() {
    let place = place(&MIXED);
    for name in ["component.toml", "files@worker", "files+store"] {
        let path = place.pack.path().join("parts/fast").join(name);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
            .expect("it was there");
    }
    std::fs::remove_dir(place.pack.path().join("parts/fast")).expect("it is empty");
    let text = place.ok(&["update"]);
    assert!(
        text.contains(
            "`engine` of `second` was `fast`, which the pack no longer has; now it is `slow`"
        ),
        "{text}"
    );
    assert_eq!(place.read("services/second/engine.txt"), "slow\n");
    assert!(place.read("scaffold.toml").matches("engine = \"slow\"").count() == 2);
    place.ok(&["check"]);
}

#[test]
fn an_engine_that_is_called_otherwise_is_followed_into_each_service() {
    let place = place(&MIXED);
    let pack = place.pack.path();
    std::fs::rename(pack.join("parts/fast"), pack.join("parts/swift")).expect("it moves");
    let text = PACK[0].1.replace("1.0.0", "1.1.0").replace("[slots.engine]", "[slots.motor]")
        + "\n[[migrate]]\nbefore = \"1.1.0\"\nslots.engine = \"motor\"\ncomponents = { fast = \"swift\" }\n";
    put(pack, "pack.toml", text.as_bytes());
    for (path, text) in PACK.iter().filter(|(path, _)| path.ends_with("component.toml")) {
        let path = path.replace("/fast/", "/swift/");
        put(pack, &path, text.replace("slot = \"engine\"", "slot = \"motor\"").as_bytes());
    }
    put(pack, PACK[4].0, PACK[4].1.replace("slots.engine", "slots.motor").as_bytes());
    place.ok(&["update"]);
    assert_eq!(place.read("services/second/engine.txt"), "fast\n");
    assert!(
        place.read("scaffold.toml").contains("motor = \"swift\""),
        "{}",
        place.read("scaffold.toml")
    );
    place.ok(&["check"]);
}

#[test]
fn the_schema_takes_what_new_takes() {
    let pack = folder(&PACK);
    let templates = pack.path().to_str().expect("UTF-8").to_owned();
    let work = tempfile::tempdir().expect("a temporary folder");
    let schema = stdout(&scaffold_ok(work.path(), &["schema", "--templates", &templates]));
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    for (answers, good) in [
        (json!({"work": true, "services": {"second": "worker"}}), true),
        (json!({"work": true, "services": {"second": {"kind": "worker", "engine": "fast"}}}), true),
        (json!({"work": true, "worker.engine": "fast"}), true),
        (json!({"work": true, "worker.engine": "fsat"}), false),
        (json!({"work": true, "services": {"second": {"kind": "worker", "engin": "fast"}}}), false),
        (json!({"work": true, "services": {"second": {"engine": "fast"}}}), false),
        (json!({"engine": "fast"}), false),
    ] {
        assert_eq!(validator.is_valid(&answers), good, "{answers}");
        put(work.path(), "a.json", answers.to_string().as_bytes());
        let arguments = ["new", "x", "--answers", "a.json", "--templates", &templates, "--dry-run"];
        let output = scaffold(work.path(), &arguments);
        assert_eq!(output.status.success(), good, "{answers}: {}", stderr(&output));
    }
}

#[test]
fn the_cover_has_every_engine_alone_and_all_of_them_together() {
    let pack = validate::load(folder(&PACK).path()).expect("the pack is sound");
    let rows = cover(&pack, "x");
    let engines: std::collections::BTreeSet<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut engines: Vec<String> =
                row.fills.values().flat_map(|fills| fills.values().cloned()).collect();
            engines.sort();
            engines.dedup();
            engines
        })
        .collect();
    for wanted in [&["slow"][..], &["fast"], &["fast", "slow"], &[]] {
        assert!(engines.iter().any(|there| there == wanted), "{wanted:?} is not in {engines:?}");
    }
    let constraints = Constraints::of(&pack);
    let there = |id: &str| constraints.component(id).expect("it is a component");
    assert!(!constraints.is_possible(&[there("fast"), !there("store")]));
    assert!(!constraints.is_possible(&[there("work"), !there("fast"), !there("slow")]));
    assert!(!constraints.is_possible(&[!there("work"), there("slow")]));
}

#[test]
fn lint_finds_slots_of_kinds_that_are_not_there_and_clashes_in_shared_code_alone() {
    let lint = |changes: &[(&str, String)]| -> Vec<String> {
        let folder = folder(&PACK);
        for (path, text) in changes {
            put(folder.path(), path, text.as_bytes());
        }
        let output = scaffold(folder.path(), &["pack", "lint", ".", "--json"]);
        let answer: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        let problems = answer["problems"].as_array().expect("a list").iter();
        problems.map(|it| it["message"].as_str().expect("text").to_owned()).collect()
    };
    // Both engines write `engine.txt`, each in services of its own.
    assert_eq!(lint(&[]), [""; 0]);
    let shared = PACK[3].1.replace(
        "summary = \"works\"\n\n[kind.worker.w",
        "summary = \"works\"\nshared = true\n\n[kind.worker.w",
    );
    assert!(shared != PACK[3].1);
    let changes = [
        (PACK[3].0, shared),
        ("parts/slow/code@worker/run.txt", "slow\n".to_owned()),
        ("parts/fast/code@worker/run.txt", "fast\n".to_owned()),
    ];
    assert_eq!(
        lint(&changes),
        [
            "`kinds/worker/run.txt` is written by `slow` as well, from `parts/slow/code@worker/run.txt`"
        ]
    );
    let unknown = PACK[0].1.replace("of = \"worker\"", "of = \"wroker\"");
    assert_eq!(
        lint(&[(PACK[0].0, unknown)])[0],
        "`wroker` is not a kind of service; did you mean `worker`?"
    );
}

/// The same, and writers that have the slot as well, with an engine of their own.
fn with_writers() -> tempfile::TempDir {
    let folder = folder(&PACK);
    for (path, old, new) in [
        (PACK[0].0, "of = \"worker\"", "of = [\"worker\", \"writer\"]"),
        ("parts/slow/component.toml", "default = true", "default = true\nof = \"worker\""),
        ("parts/fast/component.toml", "slot = \"engine\"", "slot = \"engine\"\nof = \"worker\""),
    ] {
        let text = std::fs::read_to_string(folder.path().join(path)).expect("readable");
        assert!(text.contains(old), "{path}");
        put(folder.path(), path, text.replace(old, new).as_bytes());
    }
    let writing = "summary = \"writes\"\nflag = \"write\"\n\n[kind.writer]\nsummary = \"writes\"\n\n[kind.writer.workload.server]\ncommand = [\"write\"]\n\n[[service]]\nname = \"writer\"\nkind = \"writer\"\nexample = true\n";
    put(folder.path(), "parts/write/component.toml", writing.as_bytes());
    for (id, default) in [("pen", true), ("brush", false)] {
        let text = format!(
            "summary = \"{id}\"\nslot = \"engine\"\nof = \"writer\"\ndefault = {default}\n\n[to.writer]\nparts = [\"{id}\"]\n"
        );
        put(folder.path(), &format!("parts/{id}/component.toml"), text.as_bytes());
        let path = format!("parts/{id}/files@writer/engine.txt");
        put(folder.path(), &path, format!("{id}\n").as_bytes());
    }
    folder
}

#[test]
fn kinds_share_a_slot_and_each_has_its_own_choices() {
    let place = Place::of(with_writers(), &["--work", "--write"]);
    assert_eq!(place.read("services/worker/engine.txt"), "slow\n");
    assert_eq!(place.read("services/writer/engine.txt"), "pen\n");
    let text = place.read("scaffold.toml");
    assert!(text.contains("# What the worker runs: brush, pen\nengine = \"pen\""), "{text}");
    for arguments in [
        &["set", "writer.engine=fast"][..],
        &["add", "service", "w2", "--kind", "writer", "--with", "engine=fast"],
        &["new", "y", "--write", "--service", "w2=writer:engine=fast"],
        &["new", "y", "--write", "--set", "writer.engine=fast"],
    ] {
        let output = place.output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = stderr(&output);
        assert!(said.contains("`fast` is not a choice of `w"), "{said}");
        assert!(said.contains("choices: brush, pen"), "{said}");
    }
    place.ok(&["set", "writer.engine=brush"]);
    assert_eq!(place.read("services/writer/engine.txt"), "brush\n");
    place.ok(&["check"]);
}

#[test]
fn the_cover_of_a_shared_slot_has_every_choice_of_each_kind() {
    let pack = validate::load(with_writers().path()).expect("the pack is sound");
    let rows = cover(&pack, "x");
    for wanted in [&["pen"][..], &["brush"], &["brush", "pen"]] {
        let of_writers = |row: &scaffold::choose::selection::Selection| {
            let writers = row.services.iter().filter(|(_, kind)| *kind == "writer");
            let fills = writers.flat_map(|(name, _)| row.fills[name].values());
            fills.cloned().collect::<std::collections::BTreeSet<String>>()
        };
        assert!(rows.iter().any(|row| of_writers(row).iter().eq(wanted)), "{wanted:?}");
    }
}

#[test]
fn lint_wants_a_default_of_a_shared_slot_for_each_kind() {
    let folder = with_writers();
    for (id, old, new) in
        [("pen", "default = true", ""), ("brush", "of = \"writer\"", "of = \"x\"")]
    {
        let path = format!("parts/{id}/component.toml");
        let text = std::fs::read_to_string(folder.path().join(&path)).expect("readable");
        put(folder.path(), &path, text.replace(old, new).as_bytes());
    }
    let output = scaffold(folder.path(), &["pack", "lint", "."]);
    let said = stderr(&output);
    assert!(said.contains("the slot `engine` of `writer` has 0 defaults"), "{said}");
    assert!(said.contains("`x` is neither a kind nor a runtime"), "{said}");
}
