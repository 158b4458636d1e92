//! What `scaffold.toml` may say, what is refused with its place, and how a project follows a pack
//! that dropped something, or stands in front of a program with another pack.

mod common;

use std::fs;

use common::place::Place;
use common::{SMALL_PACK, files_in, put, scaffold, small_pack, stderr, stdout};
use serde_json::Value;

/// A line of the project's `scaffold.toml` that is changed, and the whole refusal.
const SLIPS: &[(&str, &str, &str)] = &[
    (
        "[[service]]",
        "[[services]]",
        "error: scaffold.toml:21:3: `services` is not something that `scaffold.toml` says\n\nhint: did you mean `service`? it says: schema, name, [components], [slots], [options], [[service]]\n",
    ),
    (
        "[components]",
        "[component]",
        "error: scaffold.toml:5:2: `component` is not something that `scaffold.toml` says\n\nhint: did you mean `components`? it says: schema, name, [components], [slots], [options], [[service]]\n",
    ),
    (
        "[options]",
        "[option]",
        "error: scaffold.toml:13:2: `option` is not something that `scaffold.toml` says\n\nhint: did you mean `options`? it says: schema, name, [components], [slots], [options], [[service]]\n",
    ),
    (
        "[components]\n# something more\nextra = true",
        "components = 1",
        "error: scaffold.toml:5:14: `components` is a table: `[components]` and a line for each choice\n\nhint: mend `scaffold.toml`; git has its former text\n",
    ),
    (
        "[[service]]",
        "[service]",
        "error: scaffold.toml:21:2: `service` is a list of tables: `[[service]]`, with `name` and `kind` below\n\nhint: mend `scaffold.toml`; git has its former text\n",
    ),
    (
        "extra = true",
        "extras = true",
        "error: scaffold.toml:7:1: `extras` is not something to choose under `[components]`\n\nhint: did you mean `extra`? there are: extra\n",
    ),
    (
        "extra = true",
        "extra = \"yes\"",
        "error: scaffold.toml:7:9: `extra` takes `true` or `false`, not `yes`\n\nhint: `scaffold schema answers` prints what each choice takes\n",
    ),
    (
        "extra = true",
        "extra = true\nextra = false",
        "error: scaffold.toml:8:1: duplicate key\n\nhint: mend `scaffold.toml`; git has its former text\n",
    ),
    (
        "extra = true",
        "extra = true\ncolour = \"red\"",
        "error: scaffold.toml:8:1: `colour` is not something to choose under `[components]`\n\nhint: it stands under `[slots]`\n",
    ),
    (
        "colour = \"red\"",
        "colour = \"bleu\"",
        "error: scaffold.toml:11:10: `bleu` is not a choice of `--colour`\n\nhint: did you mean `blue`? choices: blue, red\n",
    ),
    (
        "count = 3",
        "count = 30",
        "error: scaffold.toml:17:9: `30` is out of range for `--count`\n\nhint: --count takes 1 to 9\n",
    ),
    (
        "count = 3",
        "cuont = 3",
        "error: scaffold.toml:17:1: `cuont` is not something to choose under `[options]`\n\nhint: did you mean `count`? there are: motto, count, loud\n",
    ),
    (
        "name = \"worker\"",
        "nmae = \"worker\"",
        "error: scaffold.toml:22:1: `nmae` is not something that `[[service]]` says\n\nhint: did you mean `name`? it says: name, kind\n",
    ),
    (
        "kind = \"worker\"",
        "kind = \"wroker\"",
        "error: scaffold.toml:23:8: `wroker` is not a kind of service\n\nhint: did you mean `worker`? kinds: worker\n",
    ),
    (
        "kind = \"worker\"",
        "kind = 3",
        "error: scaffold.toml:23:8: `kind` takes text, not `3`\n\nhint: a kind of service: worker\n",
    ),
    (
        "kind = \"worker\"\n",
        "",
        "error: scaffold.toml:21:1: this service has no `kind`\n\nhint: a kind of service: worker\n",
    ),
    (
        "kind = \"worker\"\n",
        "kind = \"worker\"\n\n[[service]]\nname = \"worker\"\nkind = \"worker\"\n",
        "error: scaffold.toml:26:8: two services are called `worker`\n\nhint: call one of them `worker-2`\n",
    ),
    (
        "name = \"x\"",
        "name = \"X\"",
        "error: scaffold.toml:3:8: `X` cannot name a project: npm, DNS and Docker names have no capitals\n\nhint: a name such as `x` works\n",
    ),
    (
        "name = \"x\"",
        "name = 7",
        "error: scaffold.toml:3:8: `name` takes text, not `7`\n\nhint: a name such as `my-app` works\n",
    ),
    (
        "name = \"x\"\n",
        "",
        "error: scaffold.toml: the project has no `name`\n\nhint: mend `scaffold.toml`; git has its former text\n",
    ),
];

/// A slip of the finger is an error with its place, for every command that reads the file; nothing
/// is removed because of it.
#[test]
fn a_slip_in_scaffold_toml_is_refused_at_its_place_and_nothing_is_touched() {
    let place = Place::new(&["--extra"]);
    let sound = place.read("scaffold.toml");
    for (right, wrong, text) in SLIPS {
        assert!(sound.contains(right), "{right}");
        place.write("scaffold.toml", &sound.replacen(right, wrong, 1));
        let before = place.files();
        for arguments in [&["apply", "--yes"][..], &["check"], &["update", "--yes"], &["plan"]] {
            assert_eq!(place.run(arguments), (8, (*text).to_owned()), "{arguments:?}: {wrong}");
        }
        assert_eq!(place.files(), before, "{wrong}");
    }
}

#[test]
fn every_slip_is_told_at_once() {
    let place = Place::new(&["--extra"]);
    let text = place.read("scaffold.toml").replace("extra = true", "extras = true");
    place.write("scaffold.toml", &text.replace("[[service]]", "[[services]]"));
    assert_eq!(
        place.run(&["apply"]),
        (
            8,
            "error: `scaffold.toml` has 2 mistakes:\n  scaffold.toml:7:1: `extras` is not something to choose under `[components]`\n  scaffold.toml:21:3: `services` is not something that `scaffold.toml` says\n\nhint: did you mean `extra`? there are: extra\n"
                .to_owned()
        )
    );
}

#[test]
fn a_scaffold_toml_that_is_not_utf8_is_state_that_cannot_be_read() {
    let place = Place::new(&[]);
    put(&place.root(), "scaffold.toml", b"schema = 1\nname = \"\xff\"\n");
    for arguments in [&["apply"][..], &["check"], &["plan"]] {
        let (code, text) = place.run(arguments);
        assert_eq!(
            (code, text.as_str()),
            (
                8,
                "error: scaffold.toml:2:9: this is not UTF-8\n\nhint: mend `scaffold.toml`; git has its former text\n"
            ),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_lock_that_is_not_utf8_is_state_that_cannot_be_read() {
    let place = Place::new(&[]);
    put(&place.root(), "scaffold.lock", b"schema = 1\nname = \"\xff\"\n");
    for arguments in [&["apply"][..], &["check"]] {
        assert_eq!(
            place.run(arguments),
            (
                8,
                "error: `scaffold.lock` is not UTF-8 text\n\nhint: put both back, then apply what was chosen: git checkout HEAD -- scaffold.lock .scaffold/base.tar.zst && scaffold apply\n"
                    .to_owned()
            )
        );
    }
}

#[test]
fn choices_of_scaffold_toml_that_cannot_be_combined_name_ones_that_can() {
    let place = Place::of(
        small_pack(&[(
            "components/loner/component.toml",
            "summary = \"alone\"\nflag = \"loner\"\nconflicts = [\"extra\"]\n",
        )]),
        &["--extra"],
    );
    let text = place.read("scaffold.toml").replace("loner = false", "loner = true");
    place.write("scaffold.toml", &text);
    let (code, text) = place.run(&["apply"]);
    assert_eq!(code, 8, "{text}");
    assert!(text.starts_with("error: scaffold.toml: `loner` and `extra` exclude each other\n\nhint: say in `scaffold.toml` what this would: scaffold new x --loner"), "{text}");
}

// ---- What would be removed.

/// A project with services of its own, one file of them edited.
fn with_services() -> Place {
    let pack = small_pack(&[("components/extra/files@worker/more.txt", "more\n")]);
    let place = Place::of(pack, &["--extra", "--service", "second=worker"]);
    place.write("services/second/more.txt", "more, and mine\n");
    place.commit("edit");
    place
}

#[test]
fn an_operation_that_removes_services_nobody_named_says_so_and_wants_a_yes() {
    let place = with_services();
    let sound = place.read("scaffold.toml");
    let one = sound.find("\n[[service]]").expect("services stand at the end");
    place.write("scaffold.toml", &sound[..one].replace("extra = true", "extra = false"));
    place.commit("choose");
    let before = place.files();
    let (code, text) = place.run(&["apply"]);
    assert_eq!(
        (code, text.as_str()),
        (
            6,
            "error: this would remove the services `second` (2 files, 1 of them edited) and `worker` (2 files): 3 files go, 0 come; what you edited stays\n\nhint: if that is meant: scaffold apply --yes; to see it: scaffold apply --diff\n"
        )
    );
    assert_eq!(place.files(), before, "nothing is touched");
    let (code, text) = place.run(&["plan", "apply"]);
    assert_eq!(code, 4, "{text}");
    assert!(
        text.contains(
            "removes the services `second` (2 files, 1 of them edited) and `worker` (2 files)\n"
        ),
        "{text}"
    );
    let answer = place.json(&["apply", "--dry-run"]);
    assert_eq!(answer["removed_services"], serde_json::json!(["second", "worker"]));
    let (code, text) = place.run(&["apply", "--yes"]);
    assert_eq!(code, 4, "what was edited stays, as a conflict: {text}");
    assert!(!place.has("services/worker") && place.has("services/second/more.txt"));
    place.ok(&["resolve", "services/second/more.txt"]);
}

#[test]
fn a_service_that_gives_way_to_another_is_told_and_asked_about() {
    let place = with_services();
    let sound = place.read("scaffold.toml");
    place.write("scaffold.toml", &sound.replace("name = \"second\"", "name = \"other\""));
    place.commit("rename");
    let (code, text) = place.run(&["apply"]);
    assert_eq!(code, 6, "{text}");
    assert!(
        text.starts_with("error: this would remove the service `second` (2 files, 1 of them edited): 1 file goes, 2 come;"),
        "{text}"
    );
    assert!(place.has("services/second") && !place.has("services/other"));
}

#[test]
fn what_the_command_names_needs_no_yes() {
    let place = with_services();
    place.ok(&["add", "service", "third", "--kind", "worker"]);
    let text = place.ok(&["remove", "service", "third"]);
    assert!(text.starts_with("removes the service `third` (2 files)\n"), "{text}");
    let (code, text) = place.run(&["remove", "extra"]);
    assert_eq!(code, 6, "`extra` brings `worker`, but `second` is the user's: {text}");
    assert!(text.contains("hint: if that is meant: scaffold remove extra --yes;"), "{text}");
    assert_eq!(place.run(&["remove", "extra", "--yes"]).0, 4);
    let simple = Place::new(&["--extra"]);
    simple.ok(&["remove", "extra"]);
    assert!(!simple.has("services/worker"));
}

/// The question, answered at a real terminal.
#[cfg(target_os = "linux")]
#[test]
fn asks_on_a_terminal_before_services_go() {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    for (key, removed) in [("n", false), ("y", true)] {
        let place = with_services();
        let program = format!(
            "{} remove extra --templates {}",
            env!("CARGO_BIN_EXE_scaffold"),
            place.templates()
        );
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &program, "/dev/null"])
            .current_dir(place.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`script` of util-linux starts");
        let mut keys = child.stdin.take().expect("a pipe");
        let mut screen = child.stdout.take().expect("a pipe");
        let mut seen = String::new();
        let mut buffer = [0; 4096];
        while !seen.contains("Go on?") {
            let count = screen.read(&mut buffer).expect("the screen can be read");
            assert!(count > 0, "nothing was asked: {seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        keys.write_all(format!("{key}\r").as_bytes()).expect("the answer is typed");
        keys.flush().expect("the answer is typed");
        screen.read_to_string(&mut seen).expect("the screen can be read");
        drop(keys);
        let code = child.wait().expect("the program ends").code();
        assert_eq!(code, Some(if removed { 4 } else { 130 }), "{seen}");
        assert_eq!(place.has("services/worker"), !removed, "{seen}");
    }
}

// ---- What a pack dropped.

fn rewrite(place: &Place, path: &str, from: &str, to: &str) {
    let path = place.pack.path().join(path);
    let text = fs::read_to_string(&path).expect("the pack has it");
    assert!(text.contains(from), "{from}");
    fs::write(&path, text.replace(from, to)).expect("written");
}

fn publish(place: &Place) {
    rewrite(place, "pack.toml", "version = \"1.2.3\"", "version = \"2.0.0\"");
}

/// After the update the project is what `new` renders, and the next commands work.
fn is_sound(place: &Place, choices: &[&str]) {
    place.ok(&["check"]);
    let templates = place.templates();
    let fresh = tempfile::tempdir().expect("a temporary folder");
    let arguments = [&["new", "x", "--templates", &templates], choices].concat();
    common::scaffold_ok(fresh.path(), &arguments);
    assert_eq!(place.files(), files_in(&fresh.path().join("x")));
}

#[test]
fn an_update_to_a_pack_without_the_filler_of_a_slot_takes_the_default_and_says_so() {
    let place = Place::new(&["--extra", "--colour", "blue"]);
    publish(&place);
    fs::remove_dir_all(place.pack.path().join("components/blue")).expect("it was there");
    // Until then, what looks at the project sees what the update would make of it.
    place.ok(&["plan"]);
    place.ok(&["explain", "README.md"]);
    assert_eq!(place.run(&["check"]).0, 5);
    assert_eq!(place.run(&["add", "extra"]).0, 5);
    let text = place.ok(&["update"]);
    assert!(
        text.starts_with(
            "`colour` was `blue`, which the pack no longer has; now it is `red`; there are: red\n1.2.3 -> 2.0.0   "
        ),
        "{text}"
    );
    is_sound(&place, &["--extra"]);
}

#[test]
fn another_choice_than_the_default_is_made_in_scaffold_toml_before_the_update() {
    let place = Place::new(&["--extra", "--colour", "blue"]);
    publish(&place);
    rewrite(&place, "components/blue/component.toml", "blue", "green");
    let pack = place.pack.path().join("components");
    fs::rename(pack.join("blue"), pack.join("green")).expect("it is renamed");
    let text = place.read("scaffold.toml").replace("colour = \"blue\"", "colour = \"green\"");
    place.write("scaffold.toml", &text);
    place.commit("choose");
    let text = place.ok(&["update"]);
    assert!(text.starts_with("1.2.3 -> 2.0.0   "), "{text}");
    place.ok(&["check"]);
    // A slip is none the less a slip.
    let text = place.read("scaffold.toml").replace("colour = \"green\"", "colour = \"gren\"");
    place.write("scaffold.toml", &text);
    assert_eq!(place.run(&["update"]).0, 8);
}

#[test]
fn an_update_to_a_pack_without_a_component_lets_it_go_and_says_so() {
    let place = Place::of(
        small_pack(&[
            ("components/gone/component.toml", "summary = \"goes\"\nflag = \"gone\"\n"),
            ("components/gone/files/gone.txt", "gone\n"),
            ("components/gone/files/mine.txt", "theirs\n"),
        ]),
        &["--extra", "--gone"],
    );
    place.write("mine.txt", "mine\n");
    place.commit("edit");
    publish(&place);
    fs::remove_dir_all(place.pack.path().join("components/gone")).expect("it was there");
    let (code, text) = place.run(&["update"]);
    assert_eq!(code, 4, "{text}");
    assert!(
        text.starts_with("the pack no longer has `gone`, which was on: its files go\n"),
        "{text}"
    );
    assert!(!place.has("gone.txt"));
    assert_eq!(place.read("mine.txt"), "mine\n", "an edited file is never removed");
    place.ok(&["resolve", "mine.txt"]);
    fs::remove_file(place.root().join("mine.txt")).expect("it is there");
    is_sound(&place, &["--extra"]);
}

#[test]
fn an_update_to_a_pack_without_an_option_or_a_value_takes_the_default_and_says_so() {
    let style = |values: &str| {
        SMALL_PACK[2].1.replace(
            "[contribute]",
            &format!("[[option]]\nid = \"style\"\ntype = \"enum\"\nvalues = [{values}]\ndefault = \"plain\"\nhelp = \"Style\"\n\n[contribute]"),
        )
    };
    let manifest = "components/base/component.toml";
    let place = Place::of(
        small_pack(&[(manifest, &style("\"plain\", \"fancy\""))]),
        &["--style", "fancy", "--motto", "hello", "--count", "8"],
    );
    publish(&place);
    let next = style("\"plain\"")
        .replace("[[option]]\nid = \"motto\"\ntype = \"string\"\ndefault = \"onwards\"\nmax_length = 20\nhelp = \"A few words\"\n\n", "")
        .replace("maximum = 9", "maximum = 5");
    put(place.pack.path(), manifest, next.as_bytes());
    let text = place.ok(&["update"]);
    assert!(
        text.starts_with(
            "the pack no longer has the option `motto`, which was \"hello\"\n`count` was 8, which the pack no longer takes; now it is 3\n`style` was \"fancy\", which the pack no longer takes; now it is \"plain\"\n"
        ),
        "{text}"
    );
    is_sound(&place, &[]);
}

#[test]
fn an_update_to_a_pack_without_a_kind_of_service_lets_it_go_and_says_so() {
    let place = Place::new(&["--extra"]);
    publish(&place);
    put(
        place.pack.path(),
        "components/extra/component.toml",
        b"summary = \"something more\"\nflag = \"extra\"\nrequires = [\"colour\"]\n",
    );
    fs::remove_dir_all(place.pack.path().join("components/extra/files@worker"))
        .expect("it was there");
    let (code, text) = place.run(&["update"]);
    assert_eq!(code, 6, "{text}");
    assert!(text.contains("this would remove the service `worker` (1 file)"), "{text}");
    let text = place.ok(&["update", "--yes"]);
    assert!(
        text.starts_with("the pack no longer has the kind `worker`: the service `worker` goes\n"),
        "{text}"
    );
    is_sound(&place, &["--extra"]);
}

#[test]
fn an_update_that_the_new_pack_cannot_combine_has_a_way_out() {
    let place = Place::of(
        small_pack(&[("components/loner/component.toml", "summary = \"a\"\nflag = \"loner\"\n")]),
        &["--extra", "--loner"],
    );
    publish(&place);
    put(
        place.pack.path(),
        "components/loner/component.toml",
        b"summary = \"a\"\nflag = \"loner\"\nconflicts = [\"extra\"]\n",
    );
    let (code, text) = place.run(&["update"]);
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("hint: say in `scaffold.toml` what this would: scaffold new x --loner"),
        "{text}"
    );
    let text = place.read("scaffold.toml").replace("loner = true", "loner = false");
    place.write("scaffold.toml", &text);
    place.commit("choose");
    place.ok(&["update"]);
    is_sound(&place, &["--extra"]);
}

// ---- A project of another pack.

#[test]
fn a_project_of_another_pack_is_not_compared_with_the_pack_of_the_program() {
    let place = Place::new(&["--extra"]);
    let root = place.root();
    let refusal = "error: the project was rendered by the pack `small`, this is `polyglot`\n\nhint: give the folder of its pack: --templates DIR\n";
    let before = place.files();
    for arguments in [
        &["add", "extra"][..],
        &["add", "service", "s", "--kind", "worker"],
        &["remove", "extra", "--yes"],
        &["remove", "service", "worker"],
        &["set", "colour=blue"],
        &["apply"],
        &["update"],
        &["plan"],
        &["plan", "add", "extra"],
        &["explain", "README.md"],
        &["list"],
    ] {
        let output = scaffold(&root, arguments);
        assert_eq!(stderr(&output), refusal, "{arguments:?}");
        assert_eq!(output.status.code(), Some(8), "{arguments:?}");
    }
    let output = scaffold(&root, &["check"]);
    assert_eq!(
        stdout(&output),
        "unresolved  no\ndrifted     no\nbehind      unknown: the project is of the pack `small`, this is `polyglot`; --templates DIR\n"
    );
    assert_eq!(output.status.code(), Some(8), "what cannot be told is not green");
    let output = scaffold(&root, &["check", "--json"]);
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(answer["behind"], Value::Null);
    assert_eq!(answer["pack_needed"], "small");
    assert_eq!((&answer["ok"], &answer["exit_code"]), (&Value::Bool(false), &8.into()));
    // What needs no pack works without it.
    let output = scaffold(&root, &["check", "unresolved", "drifted"]);
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(0), "unresolved  no\ndrifted     no\n")
    );
    put(&root, "README.md", b"mine\n");
    assert_eq!(scaffold(&root, &["check"]).status.code(), Some(3));
    put(&root, "README.md", &before.iter().find(|(path, ..)| path == "README.md").expect("it").1);
    let text = place.read("scaffold.toml").replace("count = 3", "count = 4");
    place.write("scaffold.toml", &text);
    let output = scaffold(&root, &["check", "drifted"]);
    assert_eq!(stdout(&output), "drifted     yes, 1 file\n  pending  scaffold.toml\n");
    assert_eq!(place.run(&["check"]).0, 3, "and with the pack");
}

#[test]
fn a_project_of_a_newer_pack_is_not_told_to_update() {
    let place = Place::new(&[]);
    rewrite(&place, "pack.toml", "version = \"1.2.3\"", "version = \"1.0.0\"");
    let output = place.output(&["check"]);
    assert_eq!(
        stdout(&output),
        "unresolved  no\ndrifted     no\nbehind      yes, 1.2.3 -> 1.0.0: use a newer scaffold\n"
    );
    assert_eq!(output.status.code(), Some(5));
}

/// A name that does not work is told with what is done in a project, which is not what `new` takes.
#[test]
fn hints_about_names_are_those_of_the_command() {
    let work = tempfile::tempdir().expect("a temporary folder");
    common::scaffold_ok(work.path(), &["new", "x"]);
    let root = work.path().join("x");
    let refused = |arguments: &[&str]| {
        let output = scaffold(&root, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        stderr(&output)
    };
    let taken = "error: a service cannot be called `contracts`: the npm workspace `@app/contracts` is in `packages/contracts/package.json` already\n\nhint: ";
    assert_eq!(
        refused(&["add", "service", "contracts", "--kind", "gateway"]),
        format!("{taken}scaffold add service contracts-2 --kind gateway\n")
    );
    assert!(
        refused(&["add", "service", "Edge", "--kind", "gateway"])
            .ends_with("\n\nhint: scaffold add service edge --kind gateway\n")
    );
    let reserved = "error: a project cannot be called `default`: the Kubernetes namespace `default` is not free\n\nhint: another name works, such as `my-default`";
    assert_eq!(refused(&["set", "name=default"]), format!("{reserved}\n"));
    let sound = fs::read_to_string(root.join("scaffold.toml")).expect("it is rendered");
    put(&root, "scaffold.toml", sound.replace("name = \"x\"", "name = \"default\"").as_bytes());
    for command in ["apply", "update"] {
        assert_eq!(
            refused(&[command]),
            format!("{reserved}; say it in `scaffold.toml`, and repeat this\n")
        );
    }
    let more = format!("{sound}\n[[service]]\nname = \"contracts\"\nkind = \"gateway\"\n");
    put(&root, "scaffold.toml", more.as_bytes());
    assert_eq!(refused(&["apply"]), format!("{taken}call it `contracts-2` in `scaffold.toml`\n"));
    put(&root, "scaffold.toml", more.replace("contracts", "contracts-2").as_bytes());
    common::scaffold_ok(&root, &["apply"]);
}

// ---- Flags and paths.

#[test]
fn every_command_that_writes_takes_yes() {
    let place = Place::new(&[]);
    for arguments in [
        &["add", "extra", "--yes"][..],
        &["set", "count=4", "--yes"],
        &["add", "service", "b", "--kind", "worker", "--yes"],
        &["remove", "service", "b", "--yes"],
        &["apply", "--yes"],
        &["update", "--yes"],
        &["undo", "--yes"],
        &["remove", "extra", "--yes"],
        &["plan", "add", "extra", "--yes"],
    ] {
        place.ok(arguments);
    }
    fs::remove_file(place.root().join("scaffold.lock")).expect("it is there");
    fs::remove_file(place.root().join("scaffold.toml")).expect("it is there");
    place.ok(&["adopt", "--yes"]);
}

/// A conflict for each form of a path; what was edited is in a folder.
#[test]
fn resolve_takes_paths_as_people_type_them() {
    let place = with_services();
    let conflict = || {
        assert_eq!(place.run(&["remove", "service", "second"]).0, 4);
        place.commit("conflict");
    };
    let templates = place.templates();
    let absolute = place.root().join("services/second/more.txt");
    let absolute = absolute.to_str().expect("UTF-8");
    let cases = [
        (".", "services/second/more.txt"),
        (".", "./services/second/more.txt"),
        (".", "services/../services/second/more.txt"),
        (".", absolute),
        ("services/second", "more.txt"),
        ("services/second", "./more.txt"),
        ("services", "../services/second/more.txt"),
        ("services", "services/second/more.txt"),
    ];
    for (folder, path) in cases {
        conflict();
        let output =
            scaffold(&place.root().join(folder), &["resolve", path, "--templates", &templates]);
        assert_eq!(stderr(&output), "resolved: services/second/more.txt\n", "{folder}: {path}");
        place.ok(&["check", "unresolved"]);
        place.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    }
}

#[test]
fn resolve_removes_the_version_that_stands_beside() {
    for edited in [false, true] {
        let pack = small_pack(&[]);
        put(pack.path(), "components/base/files/blob.bin", &[0xff, 0x00, 0x01]);
        let place = Place::of(pack, &[]);
        put(&place.root(), "blob.bin", &[0xff, 0x00, 0x02]);
        place.commit("edit");
        put(place.pack.path(), "components/base/files/blob.bin", &[0xff, 0x00, 0x03]);
        assert_eq!(place.run(&["update"]).0, 4);
        assert!(place.has("blob.bin.theirs"));
        if edited {
            place.write("blob.bin.theirs", "mine\n");
        }
        let text = place.ok(&["resolve", "./blob.bin"]);
        assert_eq!(place.has("blob.bin.theirs"), edited, "{text}");
        let expected = if edited {
            "resolved: blob.bin\n  blob.bin.theirs stays: you changed it\n"
        } else {
            "resolved: blob.bin\n"
        };
        assert_eq!(text, expected);
    }
}

#[test]
fn resolve_removes_the_version_that_stands_beside_under_another_name() {
    let pack = small_pack(&[]);
    put(pack.path(), "components/base/files/blob.bin", &[0xff, 0x00, 0x01]);
    let place = Place::of(pack, &[]);
    put(&place.root(), "blob.bin", &[0xff, 0x00, 0x02]);
    place.write("blob.bin.theirs", "mine\n");
    place.commit("edit");
    put(place.pack.path(), "components/base/files/blob.bin", &[0xff, 0x00, 0x03]);
    assert_eq!(place.run(&["update"]).0, 4);
    assert!(place.has("blob.bin.theirs-2"));
    assert_eq!(place.ok(&["resolve", "blob.bin"]), "resolved: blob.bin\n");
    assert!(place.has("blob.bin.theirs") && !place.has("blob.bin.theirs-2"));
}
