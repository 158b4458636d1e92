//! The command line: what it prints, and how it refuses.

mod common;

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{entries, files_in, repository, scaffold, scaffold_ok, small_pack, stderr, stdout};
use serde_json::Value;

/// What was asked for, the exit code, and the whole of standard error.
struct Refusal {
    arguments: &'static [&'static str],
    code: i32,
    text: &'static str,
}

const REFUSALS: &[Refusal] = &[
    Refusal {
        arguments: &["new", "myapp", "--relatime"],
        code: 2,
        text: "error: there is no flag `--relatime`\n\nhint: did you mean `--realtime`? `scaffold new --help` shows what there is\n",
    },
    Refusal {
        arguments: &["plan", "add", "--relatime"],
        code: 2,
        text: "error: there is no flag `--relatime`\n\nhint: did you mean `scaffold plan add realtime`? `scaffold plan add --help` shows what there is\n",
    },
    Refusal {
        arguments: &["nwe", "myapp"],
        code: 2,
        text: "error: there is no command `nwe`\n\nhint: did you mean `new`? commands: new, plan, add, remove, set, update, apply, check, undo, resolve, adopt, explain, list, schema, doctor, pack, completions, man\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--ml", "--queue", "rediss"],
        code: 2,
        text: "error: `rediss` is not a choice of `--queue`\n\nhint: did you mean `redis-streams`? choices: rabbitmq, redis-streams\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--queue"],
        code: 2,
        text: "error: `--queue` needs a value\n\nhint: choices: rabbitmq, redis-streams\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--set", "realtme=true"],
        code: 2,
        text: "error: `realtme` is not something to choose\n\nhint: did you mean `realtime`? there are: docker, github, kubernetes, nginx, page, fastify, fastapi, identity, realtime, ml, bench, faults, runbook, vscode, state, queue, database, identity-provider, description, name, services\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--set", "ml=maybe"],
        code: 2,
        text: "error: `ml` takes `true` or `false`, not `maybe`\n\nhint: `scaffold schema answers` prints what each choice takes\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--set", "ml"],
        code: 2,
        text: "error: `--set ml` has no `=`\n\nhint: --set ml=VALUE\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--preset", "ful"],
        code: 2,
        text: "error: `ful` is not a choice of `--preset`\n\nhint: did you mean `full`? choices: minimal, full\n",
    },
    Refusal {
        arguments: &["new", "My App"],
        code: 2,
        text: "error: `My App` cannot name a project: npm and DNS names have no spaces; npm, DNS and Docker names have no capitals\n\nhint: scaffold new my-app\n",
    },
    Refusal {
        arguments: &["new", "--yes"],
        code: 2,
        text: "error: the project has no name\n\nhint: scaffold new NAME\n",
    },
    Refusal {
        arguments: &["new", "one", "two"],
        code: 2,
        text: "error: `two` is one word too many\n\nhint: `scaffold new --help` shows what there is\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--queue", "redis-streams"],
        code: 2,
        text: "error: `queue` has nothing to carry: it needs `ml`\n\nhint: scaffold new myapp --ml --queue redis-streams\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--no-ml", "--service", "scorer=inference"],
        code: 2,
        text: "error: the service `scorer` is of kind `inference`, which needs `ml`\n\nhint: scaffold new myapp --ml --service scorer=inference\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--ml", "--no-docker"],
        code: 2,
        text: "error: `kubernetes` needs `docker`, which `--no-docker` switches off\n\nhint: scaffold new myapp --no-docker --no-kubernetes --ml\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--kubernetes", "--no-docker"],
        code: 2,
        text: "error: `kubernetes` needs `docker`, which `--no-docker` switches off\n\nhint: scaffold new myapp --docker --kubernetes\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--ml", "--service", "scorer=inferense"],
        code: 2,
        text: "error: `inferense` is not a kind of service\n\nhint: did you mean `inference`? kinds: gateway, fastify, fastapi, realtime, inference\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--ml", "--service", "scorer"],
        code: 2,
        text: "error: `--service scorer` says no kind\n\nhint: --service scorer=KIND with one of: gateway, fastify, fastapi, realtime, inference\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--ml", "--service", "Score_r=inference"],
        code: 2,
        text: "error: `Score_r` cannot name a service: npm, DNS and Docker names have no capitals; DNS names are made of a-z, 0-9 and `-`, not `_`\n\nhint: --service score-r=inference\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--ml", "--service", "gateway=inference"],
        code: 2,
        text: "error: two services are called `gateway`: one of kind `gateway`, one of kind `inference`\n\nhint: scaffold new myapp --ml --service gateway-2=inference\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--service", "predictions=fastify"],
        code: 2,
        text: "error: a service cannot be called `predictions`: the path of the gateway `predictions` is not free\n\nhint: --service predictions-2=fastify\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--answers", "nowhere.json"],
        code: 2,
        text: "error: the answers `nowhere.json` cannot be read: No such file or directory (os error 2)\n\nhint: --answers takes a JSON or TOML file, or `-` for standard input\n",
    },
    Refusal {
        arguments: &["new", "myapp", "--templates", "nowhere"],
        code: 2,
        text: "error: `nowhere` is not a pack: it has no `pack.toml`\n\nhint: give the folder that holds `pack.toml`\n",
    },
    Refusal {
        arguments: &["explain", "src/main.rs", "--ml"],
        code: 2,
        text: "error: the project has no file `src/main.rs`\n\nhint: `scaffold plan` lists all files\n",
    },
    Refusal {
        arguments: &["completions", "bahs"],
        code: 2,
        text: "error: `bahs` is not a choice of `<SHELL>`\n\nhint: did you mean `bash`? choices: bash, elvish, fish, powershell, zsh\n",
    },
];

/// Each bad input with its whole text. None of them leaves anything behind.
#[test]
fn refuses_bad_input_with_a_hint_and_leaves_nothing_behind() {
    let work = tempfile::tempdir().expect("a temporary folder");
    for &Refusal { arguments, code, text } in REFUSALS {
        let output = scaffold(work.path(), arguments);
        assert_eq!(stderr(&output), text, "{arguments:?}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    assert_eq!(entries(work.path()).len(), 1, "nothing was left behind");
}

#[test]
fn refuses_malformed_answers_with_path_line_and_column() {
    let cases = [
        (
            "a.json",
            "{\"ml\": true,\n  \"realtime\" true}",
            "error: a.json:2:14: the answers cannot be read: expected `:`\n\nhint: answers are a JSON or TOML map; `scaffold schema answers` prints its schema\n",
        ),
        (
            "a.toml",
            "ml = true\nrealtime = yes\n",
            "error: a.toml:2:12: the answers cannot be read: string values must be quoted, expected literal string\n\nhint: answers are a JSON or TOML map; `scaffold schema answers` prints its schema\n",
        ),
        (
            "a.json",
            "{\"ml\": true,\n  \"relatime\": true}",
            "error: a.json:2:3: `relatime` is not something to choose\n\nhint: did you mean `realtime`? there are: docker, github, kubernetes, nginx, page, fastify, fastapi, identity, realtime, ml, bench, faults, runbook, vscode, state, queue, database, identity-provider, description, name, services\n",
        ),
        (
            "a.json",
            "{\"ml\": \"yes\"}",
            "error: a.json:1:2: `ml` takes `true` or `false`, not `yes`\n\nhint: `scaffold schema answers` prints what each choice takes\n",
        ),
        (
            "a.json",
            "{\"ml\": true, \"queue\": \"rabit\"}",
            "error: a.json:1:14: `rabit` is not a choice of `--queue`\n\nhint: did you mean `rabbitmq`? choices: rabbitmq, redis-streams\n",
        ),
        (
            "a.json",
            "{\"services\": [\"scorer\"]}",
            "error: a.json:1:2: `services` takes a map of service name to kind, not `[\"scorer\"]`\n\nhint: `scaffold schema answers` prints what each choice takes\n",
        ),
    ];
    for (file, text, expected) in cases {
        let work = common::folder(&[(file, text)]);
        let output = scaffold(work.path(), &["new", "myapp", "--answers", file]);
        assert_eq!(stderr(&output), expected, "{text}");
        assert_eq!(output.status.code(), Some(2), "{text}");
    }
}

#[test]
fn refuses_values_that_an_option_does_not_take() {
    let pack = small_pack(&[]);
    let work = tempfile::tempdir().expect("a temporary folder");
    let templates = pack.path().to_str().expect("the path is UTF-8");
    let cases: [(&[&str], &str); 5] = [
        (
            &["--count", "10"],
            "error: `10` is out of range for `--count`\n\nhint: --count takes 1 to 9\n",
        ),
        (
            &["--count", "few"],
            "error: `few` is not a value for `--count`\n\nhint: `scaffold new --help` shows what there is\n",
        ),
        (
            &["--motto", "one\ntwo"],
            "error: `--motto` is one line of text, without control characters\n\nhint: --motto \"...\"\n",
        ),
        (
            &["--motto", "a motto that goes on and on"],
            "error: `--motto` has 27 characters\n\nhint: --motto takes 20 characters at most\n",
        ),
        (
            &["--set", "loud=1"],
            "error: `loud` takes `true` or `false`, not `1`\n\nhint: `scaffold schema answers` prints what each choice takes\n",
        ),
    ];
    for (arguments, expected) in cases {
        let mut all = vec!["new", "x", "--templates", templates];
        all.extend(arguments);
        let output = scaffold(work.path(), &all);
        assert_eq!(stderr(&output), expected);
        assert_eq!(output.status.code(), Some(2));
    }
}

/// The smallest conflict, and the nearest command that works; which does work.
#[test]
fn an_impossible_combination_names_a_command_that_works() {
    let pack = small_pack(&[
        (
            "components/loner/component.toml",
            "summary = \"alone\"\nflag = \"loner\"\nconflicts = [\"extra\"]\n",
        ),
        (
            "components/needy/component.toml",
            "summary = \"needs more\"\nflag = \"needy\"\nrequires = [\"extra\"]\n",
        ),
        (
            "components/polish/component.toml",
            "summary = \"on top\"\nflag = \"polish\"\ndefault = true\napplies = [\"extra\", \"needy\"]\n",
        ),
    ]);
    let work = tempfile::tempdir().expect("a temporary folder");
    let templates = pack.path().to_str().expect("the path is UTF-8");
    let cases: [(&[&str], String, String); 4] = [
        (
            &["--loner", "--extra"],
            "error: `loner` and `extra` exclude each other".to_owned(),
            format!("scaffold new x --loner --templates {templates}"),
        ),
        (
            &["--needy", "--no-extra"],
            "error: `needy` needs `extra`, which `--no-extra` switches off".to_owned(),
            format!("scaffold new x --extra --needy --templates {templates}"),
        ),
        (
            &["--colour", "blue"],
            "error: `colour` has nothing to carry: it needs `extra`".to_owned(),
            format!("scaffold new x --extra --colour blue --templates {templates}"),
        ),
        (
            &["--polish"],
            "error: `polish` has nothing to work with: it needs `extra` or `needy`".to_owned(),
            format!("scaffold new x --extra --polish --templates {templates}"),
        ),
    ];
    for (arguments, message, command) in cases {
        let mut all = vec!["new", "x", "--templates", templates];
        all.extend(arguments);
        let output = scaffold(work.path(), &all);
        assert_eq!(stderr(&output), format!("{message}\n\nhint: {command}\n"));
        assert_eq!(output.status.code(), Some(2));
        let mut proposed: Vec<&str> = command.split(' ').skip(1).collect();
        proposed.push("--dry-run");
        scaffold_ok(work.path(), &proposed);
    }
}

#[test]
fn a_component_that_another_needs_comes_by_itself() {
    let pack = small_pack(&[(
        "components/needy/component.toml",
        "summary = \"needs more\"\nflag = \"needy\"\nrequires = [\"extra\"]\n",
    )]);
    let work = tempfile::tempdir().expect("a temporary folder");
    let templates = pack.path().to_str().expect("the path is UTF-8");
    scaffold_ok(work.path(), &["new", "x", "--needy", "--templates", templates]);
    assert!(work.path().join("x/services/worker/name.txt").is_file());
    let state =
        std::fs::read_to_string(work.path().join("x/scaffold.toml")).expect("the state is there");
    assert!(
        state.contains("extra = false") && state.contains("needy = true"),
        "derived components are not stored: {state}"
    );
}

#[test]
fn a_bad_pack_is_refused_before_anything_is_written() {
    let pack = small_pack(&[("components/base/files/bad.txt.tera", "{{ project.nam }}\n")]);
    let work = tempfile::tempdir().expect("a temporary folder");
    let templates = pack.path().to_str().expect("the path is UTF-8");
    let output = scaffold(work.path(), &["new", "x", "--templates", templates]);
    assert_eq!(
        stderr(&output),
        "error: the pack cannot be used: components/base/files/bad.txt.tera:1:4: `project` has no `nam`; did you mean `name`?\n\nhint: `scaffold pack lint DIR` lists every problem of a pack\n"
    );
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(entries(work.path()).len(), 1);
}

#[test]
fn later_choices_override_earlier_ones_and_flags_override_all() {
    let pack = small_pack(&[]);
    let templates = pack.path().to_str().expect("the path is UTF-8");
    let work = common::folder(&[(
        "a.toml",
        "extra = true\ncolour = \"red\"\nmotto = \"from answers\"\nname = \"from-answers\"\n",
    )]);
    let output = scaffold_ok(
        work.path(),
        &[
            "new",
            "--answers",
            "a.toml",
            "--set",
            "motto=from set",
            "--set",
            "count=5",
            "--colour",
            "blue",
            "--count",
            "7",
            "--json",
            "--templates",
            templates,
        ],
    );
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("the answer is JSON");
    assert_eq!(
        answer["command"],
        format!(
            "scaffold new from-answers --extra --colour blue --count 7 --motto 'from set' --templates {templates}"
        )
    );
    assert!(work.path().join("from-answers/blue.txt").is_file());
}

#[test]
fn answers_come_from_standard_input() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_scaffold"))
        .args(["new", "orders", "--answers", "-", "--json"])
        .current_dir(work.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("a pipe").write_all(b"{\"ml\": true}").expect("the answers are read");
    let output = child.wait_with_output().expect("the program ends");
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("the answer is JSON");
    assert_eq!(answer["command"], "scaffold new orders --ml");
    assert_eq!(answer["next"], serde_json::json!(["cd orders", "make dev"]));
    assert_eq!(answer["files"], files_in(&work.path().join("orders")).len());
}

/// Every command's JSON meets the schema that `scaffold schema` prints for it.
#[test]
fn answers_in_json_meet_their_published_schema() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let lint = repository().join("examples/packs/rust-library");
    let lint = lint.to_str().expect("the path is UTF-8");
    let cases: [(&str, &[&str]); 8] = [
        ("new", &["new", "one", "--ml"]),
        ("plan", &["plan", "--realtime"]),
        ("list", &["list"]),
        ("proven", &["list", "--proven"]),
        ("explain", &["explain", "README.md", "--ml"]),
        ("doctor", &["doctor"]),
        ("lint", &["pack", "lint", lint]),
        ("error", &["new", "No Name"]),
    ];
    for (name, arguments) in cases {
        let schema: Value =
            serde_json::from_str(&stdout(&scaffold_ok(work.path(), &["schema", name])))
                .expect("the schema is JSON");
        let mut all = arguments.to_vec();
        all.push("--json");
        let output = scaffold(work.path(), &all);
        let answer: Value = serde_json::from_str(&stdout(&output)).expect("the answer is JSON");
        let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
        let errors: Vec<String> =
            validator.iter_errors(&answer).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}: {answer}");
    }
}

#[test]
fn the_schema_of_answers_takes_what_new_takes() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let schema: Value =
        serde_json::from_str(&stdout(&scaffold_ok(work.path(), &["schema"]))).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    for (answers, good) in [
        (
            "{\"ml\": true, \"queue\": \"redis-streams\", \"services\": {\"scorer\": \"inference\"}}",
            true,
        ),
        ("{\"ml\": \"yes\"}", false),
        ("{\"ml\": true, \"queue\": \"rabit\"}", false),
        ("{\"mll\": true}", false),
        ("{\"ml\": true, \"services\": {\"scorer\": \"inferense\"}}", false),
    ] {
        let value: Value = serde_json::from_str(answers).expect("JSON");
        assert_eq!(validator.is_valid(&value), good, "schema: {answers}");
        std::fs::write(work.path().join("a.json"), answers).expect("written");
        let output = scaffold(work.path(), &["new", "x", "--answers", "a.json", "--dry-run"]);
        assert_eq!(output.status.success(), good, "new: {answers}");
    }
}

#[test]
fn dry_run_and_diff_write_nothing() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let dry = scaffold_ok(work.path(), &["new", "x", "--dry-run"]);
    assert!(stderr(&dry).starts_with("x: would be "), "{}", stderr(&dry));
    let diff = stdout(&scaffold_ok(work.path(), &["new", "x", "--ml", "--diff"]));
    assert_eq!(entries(work.path()).len(), 1);
    scaffold_ok(work.path(), &["new", "x", "--ml"]);
    let other = work.path().join("other");
    std::fs::create_dir(&other).expect("a folder");
    let git = |arguments: &[&str]| {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(&other)
            .stdin(Stdio::piped())
            .spawn()
            .expect("git starts");
        child.stdin.take().expect("a pipe").write_all(diff.as_bytes()).expect("git reads");
        assert!(child.wait().expect("git ends").success());
    };
    git(&["apply", "--exclude=*.onnx", "-"]);
    let text_only = |folder: &Path| -> Vec<(String, Vec<u8>, bool)> {
        files_in(folder)
            .into_iter()
            .filter(|(_, bytes, _)| std::str::from_utf8(bytes).is_ok())
            .collect()
    };
    assert_eq!(
        text_only(&other),
        text_only(&work.path().join("x")),
        "the diff, applied, is the project"
    );
}

#[test]
fn explain_names_component_template_and_reason() {
    let work = tempfile::tempdir().expect("a temporary folder");
    scaffold_ok(work.path(), &["new", "x", "--ml"]);
    let project = work.path().join("x");
    let inside = project.join("kinds/inference");
    let text = stdout(&scaffold_ok(&inside, &["explain", "kinds/inference/app/worker/queue.py"]));
    assert_eq!(
        text,
        "kinds/inference/app/worker/queue.py\n  copied from    providers/redis-streams/for@queue.python/app/worker/queue.py\n  component      redis-streams (Redis Streams as the queue)\n  because        needed by `ml` as its `queue`\n  only with      queue\n"
    );
    let text = stdout(&scaffold_ok(&inside, &["explain", "services/inference/README.md"]));
    assert!(text.ends_with("  service        inference\n  reads          service\n"), "{text}");
    let output = scaffold(&inside, &["explain", "kinds/inference/app/worker/queu.py"]);
    assert_eq!(
        stderr(&output),
        "error: the project has no file `kinds/inference/app/worker/queu.py`\n\nhint: did you mean `kinds/inference/app/worker/queue.py`? `scaffold plan` lists all files\n"
    );
}

#[test]
fn a_project_whose_state_cannot_be_read_is_an_error_of_its_own() {
    for (state, expected) in [
        ("schema = 1\nname = ", "error: scaffold.toml:2:8: "),
        (
            "schema = 2\nname = \"x\"\n",
            "error: `scaffold.toml` is of schema 2, this program knows 1",
        ),
        ("name = \"x\"\n", "error: `scaffold.toml` says no `schema`"),
        (
            "schema = 1\nname = \"x\"\n[components]\nmll = true\n",
            "error: scaffold.toml:4:1: `mll` is not something to choose under `[components]`",
        ),
    ] {
        let work = common::folder(&[("scaffold.toml", state)]);
        let output = scaffold(work.path(), &["plan"]);
        assert!(stderr(&output).starts_with(expected), "{}", stderr(&output));
        assert_eq!(output.status.code(), Some(8));
    }
}

#[test]
fn output_that_nobody_reads_ends_quietly() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_scaffold"))
        .args(["new", "x", "--preset", "full", "--diff"])
        .current_dir(work.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(stderr(&output), "");
}

/// What went wrong is in the exit code as well, for those who do not read on.
#[test]
fn errors_that_nobody_reads_keep_their_exit_code() {
    let work = tempfile::tempdir().expect("a temporary folder");
    for (arguments, expected) in
        [(&["nonsense"][..], 2), (&["check"], 8), (&["check", "--json"], 8)]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let status = Command::new(env!("CARGO_BIN_EXE_scaffold"))
            .args(arguments)
            .current_dir(work.path())
            .stdout(Stdio::null())
            .stderr(writer)
            .status()
            .expect("the program starts");
        assert_eq!(status.code(), Some(expected), "{arguments:?}");
    }
}

#[test]
fn completions_and_the_manual_know_the_pack() {
    let work = tempfile::tempdir().expect("a temporary folder");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = stdout(&scaffold_ok(work.path(), &["completions", shell]));
        assert!(text.contains("realtime") && text.contains("queue"), "{shell}");
    }
    let manual = stdout(&scaffold_ok(work.path(), &["man"]));
    assert!(manual.contains(".TH") && manual.contains("realtime"));
}

/// The questions, answered at a real terminal.
#[cfg(target_os = "linux")]
#[test]
fn asks_on_a_terminal_and_shows_the_equivalent_command() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let program = env!("CARGO_BIN_EXE_scaffold");
    // `script` gives the program a terminal; the answers are keys: a name, space to pick the
    // first component, Enter; and Enter for what comes with it. A question that nobody answers
    // must not keep the test waiting for ever.
    let mut child = Command::new("timeout")
        .args([
            "60",
            "script",
            "--quiet",
            "--return",
            "--command",
            &format!("{program} new"),
            "/dev/null",
        ])
        .current_dir(work.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`script` of util-linux starts");
    let mut keys = child.stdin.take().expect("a pipe");
    let mut screen = child.stdout.take().expect("a pipe");
    let mut seen = String::new();
    for (question, answer) in [
        ("Name", "asked\r"),
        ("What does it do?", "\u{1b}[B\u{1b}[B\u{1b}[B \r"),
        ("What comes with it?", "\r"),
    ] {
        read_until(&mut screen, &mut seen, question);
        keys.write_all(answer.as_bytes()).expect("the answer is typed");
        keys.flush().expect("the answer is typed");
    }
    read_until(&mut screen, &mut seen, "Next:");
    drop(keys);
    child.wait().expect("the program ends");
    assert!(seen.contains("Same as: scaffold new asked --realtime\r\n"), "{seen:?}");
    assert!(work.path().join("asked/services/realtime").is_dir());
}

#[cfg(target_os = "linux")]
fn read_until(screen: &mut impl std::io::Read, seen: &mut String, text: &str) {
    let mut buffer = [0; 4096];
    while !seen.contains(text) {
        let count = screen.read(&mut buffer).expect("the screen can be read");
        assert!(count > 0, "`{text}` was not shown:\n{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
}

/// What the shell proposes, asked in the shell itself: its script is loaded, and its function is
/// called as the shell would on Tab.
#[test]
fn bash_completes_the_components_of_the_pack() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let script = stdout(&scaffold_ok(work.path(), &["completions", "bash"]));
    std::fs::write(work.path().join("scaffold.bash"), script).expect("written");
    let proposed = |words: &str| -> Vec<String> {
        let ask = format!(
            "source scaffold.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _scaffold scaffold \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &ask])
            .current_dir(work.path())
            .output()
            .expect("bash starts");
        assert_eq!(stderr(&output), "");
        stdout(&output).lines().map(str::to_owned).collect()
    };
    assert_eq!(proposed("scaffold add real"), ["realtime"]);
    assert_eq!(proposed("scaffold add ml ra"), ["rabbitmq"]);
    assert_eq!(proposed("scaffold remove ng"), ["nginx"]);
    assert_eq!(proposed("scaffold plan add m"), ["ml"]);
    assert_eq!(proposed("scaffold add service s --kind inf"), ["inference"]);
    assert!(proposed("scaffold remove --y").contains(&"--yes".to_owned()));
}

#[test]
fn zsh_and_fish_complete_the_components_of_the_pack() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let zsh = stdout(&scaffold_ok(work.path(), &["completions", "zsh"]));
    let at = zsh.find("(add)").expect("zsh knows `add`");
    assert!(
        zsh[at..].contains("component -- Flags or ids of components:((docker\\:"),
        "{}",
        &zsh[at..at + 2000]
    );
    let fish = stdout(&scaffold_ok(work.path(), &["completions", "fish"]));
    for command in ["add", "remove"] {
        let line = format!(
            "complete -c scaffold -n \"__fish_scaffold_using_subcommand {command}; and not __fish_seen_subcommand_from service\" -f -a \""
        );
        let at = fish.find(&line).unwrap_or_else(|| panic!("fish completes `{command}`"));
        let proposed = &fish[at + line.len()..];
        let proposed = &proposed[..proposed.find("'\"\n").expect("the list ends")];
        assert!(
            proposed.starts_with("docker\\t'") && proposed.contains("\nrabbitmq\\t'"),
            "{proposed}"
        );
    }
}

/// What the operating system refuses gets a hint that helps with just that.
#[cfg(target_os = "linux")]
#[test]
fn hints_fit_what_was_refused() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let full = |arguments: &[&str]| {
        let device =
            std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
        let output = Command::new(env!("CARGO_BIN_EXE_scaffold"))
            .args(arguments)
            .current_dir(work.path())
            .stdout(device)
            .output()
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(1));
        stderr(&output)
    };
    assert_eq!(
        full(&["list"]),
        "error: cannot write to `standard output`: No space left on device (os error 28)\n\nhint: free some space where the output goes\n"
    );
    let refused = |source: ErrorKind, action| {
        scaffold::text::error::Error::io(action, Path::new("some/file"), source.into())
    };
    let hint = |error: scaffold::text::error::Error| error.hint().unwrap_or_default();
    assert_eq!(
        hint(refused(ErrorKind::PermissionDenied, "cannot read")),
        "you need the right to read it: ls -l some/file"
    );
    assert_eq!(
        hint(refused(ErrorKind::PermissionDenied, "cannot change")),
        "you need the right to write there: ls -ld some/file",
        "not every command that changes has `--dry-run`"
    );
    assert_eq!(
        hint(refused(ErrorKind::StorageFull, "cannot change")),
        "free some space, then repeat it"
    );
    assert_eq!(
        hint(refused(ErrorKind::PermissionDenied, "cannot create").elsewhere()),
        "choose a folder that you may write to with `--into DIR`"
    );
    assert_eq!(
        hint(refused(ErrorKind::StorageFull, "cannot write").elsewhere()),
        "free some space, or choose another disk with `--into DIR`"
    );
}

#[test]
fn the_next_command_is_one_that_a_shell_takes() {
    let work = tempfile::tempdir().expect("a temporary folder");
    for (into, cd) in [("my dir", "cd 'my dir'"), ("it's", r"cd 'it'\''s'"), ("-x", "cd ./-x")] {
        let into = format!("--into={into}");
        let output = scaffold_ok(work.path(), &["new", "z", &into]);
        assert!(
            stderr(&output).contains(&format!("\nNext:  {cd} && make dev")),
            "{}",
            stderr(&output)
        );
        let output = scaffold_ok(work.path(), &["new", "z", &into, "--dry-run", "--json"]);
        let answer: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        assert_eq!(answer["next"][0], cd);
    }
}

#[test]
fn what_stands_behind_two_dashes_is_no_flag() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let output = scaffold(work.path(), &["new", "z", "--", "-x", "--dry-run"]);
    assert_eq!(
        stderr(&output),
        "error: `-x` is one word too many\n\nhint: `scaffold new --help` shows what there is\n"
    );
    let output = scaffold(work.path(), &["new", "--", "-x", "--json"]);
    assert_eq!(stdout(&output), "", "`--json` is not asked for");
    let output = scaffold(work.path(), &["new", "z", "-x"]);
    assert!(stderr(&output).starts_with("error: there is no flag `-x`\n"), "{}", stderr(&output));
    assert_eq!(entries(work.path()).len(), 1);
}

#[test]
fn of_many_that_make_one_project_at_once_one_does_and_the_others_are_refused() {
    let work = tempfile::tempdir().expect("a temporary folder");
    for into in ["one", "deep/down/one"] {
        let children: Vec<_> = (0..100)
            .map(|_| {
                Command::new(env!("CARGO_BIN_EXE_scaffold"))
                    .args(["new", "z", "--into", into])
                    .current_dir(work.path())
                    .stderr(Stdio::piped())
                    .spawn()
                    .expect("the program starts")
            })
            .collect();
        let mut made = 0;
        for child in children {
            let output = child.wait_with_output().expect("the program ends");
            match output.status.code() {
                Some(0) => made += 1,
                Some(6) => {}
                other => panic!("{other:?}: {}", stderr(&output)),
            }
        }
        assert_eq!(made, 1, "{into}");
    }
}

#[test]
fn a_diff_in_json_is_json() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let diff = stdout(&scaffold_ok(work.path(), &["new", "x", "--diff"]));
    let output = scaffold_ok(work.path(), &["new", "x", "--diff", "--json"]);
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("the answer is JSON");
    assert_eq!((&answer["written"], &answer["diff"]), (&Value::Bool(false), &diff.into()));
    scaffold_ok(work.path(), &["new", "x"]);
    let project = work.path().join("x");
    let diff = stdout(&scaffold_ok(&project, &["add", "realtime", "--diff"]));
    let output = scaffold_ok(&project, &["add", "realtime", "--diff", "--json"]);
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("the answer is JSON");
    assert_eq!((&answer["written"], &answer["diff"]), (&Value::Bool(false), &diff.into()));
}

#[test]
fn uris_in_sarif_are_encoded() {
    let pack = small_pack(&[("components/base/files/a dir/50% ü#1.txt", "text\n")]);
    let work = tempfile::tempdir().expect("a temporary folder");
    let templates = pack.path().to_str().expect("the path is UTF-8");
    scaffold_ok(work.path(), &["new", "x", "--templates", templates]);
    let project = work.path().join("x");
    std::fs::write(project.join("a dir/50% ü#1.txt"), "mine\n").expect("written");
    let output = scaffold(&project, &["check", "--sarif", "--templates", templates]);
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let result = &answer["runs"][0]["results"][0];
    assert_eq!(
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "a%20dir/50%25%20%C3%BC%231.txt"
    );
}
