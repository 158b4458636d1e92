//! What can be wrong with a pack, each with its place; and what a pack may bring without Rust.

mod common;

use std::path::Path;

use common::enumeration::every_selection;
use common::{put, scaffold, scaffold_ok, small_pack, stderr, stdout, tree_of};
use scaffold::choose::selection::{Choices, Selection};
use scaffold::lint::cover::cover;
use scaffold::lint::validate;
use scaffold::pack::load::Pack;
use scaffold::render::files::rendered_files;
use scaffold::render::plan::Plan;
use scaffold::text::error::Error;

/// The problems of the small pack with `changes`.
fn problems(changes: &[(&str, &str)]) -> Vec<String> {
    let folder = small_pack(changes);
    match validate::load(folder.path()) {
        Ok(_) => Vec::new(),
        Err(Error::Pack(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(other) => vec![other.to_string()],
    }
}

#[test]
fn a_sound_pack_has_no_problems() {
    assert_eq!(problems(&[]), Vec::<String>::new());
}

#[test]
fn the_embedded_pack_has_no_problems() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let problems: Vec<String> = validate::validate(&pack).iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn the_embedded_pack_is_the_folder_templates() {
    let embedded = Pack::embedded().expect("the embedded pack can be read");
    let directory =
        validate::load(&common::repository().join("templates")).expect("the folder can be read");
    assert_eq!(embedded.digest(), directory.digest());
}

/// Each mistake, and the whole text that names it.
#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn reports_each_mistake_at_its_place() {
    let base = |extra: &str| format!("summary = \"s\"\nalways = true\n{extra}");
    let cases: Vec<(&str, String, Vec<&str>)> = vec![
        (
            "pack.toml",
            "name = \"small\"\nversion = 1\n".to_owned(),
            vec!["pack.toml:2:11: invalid type: integer `1`, expected a string"],
        ),
        (
            "components/base/component.toml",
            base("colour = \"red\""),
            vec![
                "components/base/component.toml:3:1: unknown field `colour`, expected one of `summary`, `flag`, `slot`, `of`, `always`, `derived`, `default`, `requires`, `applies`, `conflicts`, `executable`, `renamed`, `versions`, `locks`, `option`, `kind`, `service`, `contributions`, `contribute`, `with`, `each`, `to`, `provider`, `offer`, `workload`, `runtime`, `target`",
            ],
        ),
        (
            "components/base/component.toml",
            base("flag = \"base\""),
            vec!["components/base/component.toml: say one of `flag`, `slot`, `always` and `derived`"],
        ),
        (
            "components/base/component.toml",
            base("requires = [\"extrra\"]"),
            vec!["components/base/component.toml:3:14: `extrra` is neither a component nor a slot; did you mean `extra`?"],
        ),
        (
            "components/base/component.toml",
            base("conflicts = [\"nothing\"]"),
            vec!["components/base/component.toml:3:15: `nothing` is not a component"],
        ),
        (
            "components/base/component.toml",
            base("applies = [\"extra\"]"),
            vec!["components/base/component.toml:3:1: `applies` is about a flag, and there is none"],
        ),
        (
            "components/more/component.toml",
            "summary = \"s\"\nflag = \"more\"\napplies = [\"bse\"]\n".to_owned(),
            vec!["components/more/component.toml:3:13: `bse` is not a component; did you mean `base`?"],
        ),
        (
            "components/base/component.toml",
            base("executable = [\"run\"]"),
            vec!["components/base/component.toml:3:16: the component adds no file `run`; did you mean `run.sh`?"],
        ),
        (
            "components/base/component.toml",
            base("executable = [\"../../bin/sh\"]"),
            vec!["components/base/component.toml:3:16: the component adds no file `../../bin/sh`"],
        ),
        (
            "components/base/component.toml",
            base("[contribute]\nline = [\"x\"]"),
            vec!["components/base/component.toml:4:1: no contribution `line` is declared here; did you mean `lines`?"],
        ),
        (
            "components/base/component.toml",
            base("[contribute]\nlines = \"x\""),
            vec!["components/base/component.toml:4:1: the contribution `lines` is a list"],
        ),
        (
            "components/base/component.toml",
            base("[each.worcker]\nlines = [\"x\"]"),
            vec!["components/base/component.toml:3:7: `worcker` is not a kind of service; did you mean `worker`?"],
        ),
        (
            "components/base/component.toml",
            base("[with.extrra]\nlines = [\"x\"]"),
            vec!["components/base/component.toml:3:7: `extrra` is not a component; did you mean `extra`?"],
        ),
        (
            "components/base/component.toml",
            base("[with.extra]\nline = [\"x\"]"),
            vec!["components/base/component.toml:4:1: no contribution `line` is declared here; did you mean `lines`?"],
        ),
        (
            "components/base/component.toml",
            base("[[option]]\nid = \"json\"\ntype = \"bool\"\ndefault = true\nhelp = \"h\""),
            vec!["components/base/component.toml:4:7: `--json` belongs to the program, no pack may take it"],
        ),
        (
            "components/base/component.toml",
            base("[[option]]\nid = \"size\"\ntype = \"enum\"\nvalues = [\"s\", \"m\"]\ndefault = \"l\"\nhelp = \"h\""),
            vec!["components/base/component.toml:4:7: the default of `size` is not one of its values"],
        ),
        (
            "components/red/component.toml",
            "summary = \"red\"\nslot = \"colour\"\n".to_owned(),
            vec!["pack.toml:6:8: the slot `colour` has 0 defaults; exactly one component says `default = true`"],
        ),
        (
            "components/extra/component.toml",
            "summary = \"s\"\nflag = \"extra\"\nrequires = [\"red\"]\n[kind.worker]\nsummary = \"w\"\n".to_owned(),
            vec![],
        ),
        (
            "components/red/component.toml",
            "summary = \"red\"\nslot = \"colour\"\ndefault = true\nrequires = [\"extra\"]\n".to_owned(),
            vec!["components/extra/component.toml: these components require each other in a circle: `extra`, `red`"],
        ),
        (
            "components/base/files/broken.txt.tera",
            "first\n{% if project.name %}\n".to_owned(),
            vec!["components/base/files/broken.txt.tera:3:1: unexpected end of input"],
        ),
        (
            "components/base/files/typo.txt.tera",
            "one\n  {{ projct.name }}\n".to_owned(),
            vec!["components/base/files/typo.txt.tera:2:6: `projct` is declared nowhere; did you mean `project`?"],
        ),
        (
            "components/base/files/typo.txt.tera",
            "{% if project.nam %}x{% endif %}\n".to_owned(),
            vec!["components/base/files/typo.txt.tera:1:7: `project` has no `nam`; did you mean `name`?"],
        ),
        (
            "components/base/files/typo.txt.tera",
            "{% if missing %}x{% endif %}\n".to_owned(),
            vec!["components/base/files/typo.txt.tera:1:7: `missing` is declared nowhere"],
        ),
        (
            "components/base/files/service.txt.tera",
            "{{ service.name }}\n".to_owned(),
            vec!["components/base/files/service.txt.tera:1:4: `service` is declared nowhere; did you mean `services`?"],
        ),
        (
            "components/extra/files/run.sh",
            "#!/bin/sh\n".to_owned(),
            vec!["components/extra/files/run.sh: `run.sh` is written by `base` as well, from `components/base/files/run.sh`"],
        ),
        (
            "components/extra/files/RUN.sh",
            "#!/bin/sh\n".to_owned(),
            vec!["components/extra/files/RUN.sh: `RUN.sh` is written by `base` as well, from `components/base/files/run.sh`"],
        ),
        (
            "components/extra/files/docs/con.md",
            "x\n".to_owned(),
            vec!["components/extra/files/docs/con.md: `docs/con.md` has the name of a Windows device in it"],
        ),
        (
            "components/extra/files/..\\evil",
            "x\n".to_owned(),
            vec!["components/extra/files/..\\evil: `..\\evil` has `\\\\` in it, which not every file system takes"],
        ),
        (
            "components/extra/files/scaffold.toml",
            "x\n".to_owned(),
            vec!["components/extra/files/scaffold.toml: `scaffold.toml` is written by the program itself"],
        ),
        (
            "components/extra/file/x.txt",
            "x\n".to_owned(),
            vec!["components/extra/file/x.txt: files lie in `files/`, `files+<component>/`, `files@<kind>/`, `code@<kind>/`, `for@<binding>.<runtime>/` or `each@<kind>/`"],
        ),
        (
            "components/extra/each@worker/infra/x.txt",
            "x\n".to_owned(),
            vec!["components/extra/each@worker/infra/x.txt: every service would write this path; put `_service_` into it"],
        ),
        (
            "components/base/component.toml",
            base("[each.worker.each.worcker]\nlines = [\"x\"]"),
            vec!["components/base/component.toml:3:19: `worcker` is not a kind of service; did you mean `worker`?"],
        ),
        (
            "components/base/component.toml",
            base("[each.worker.each.worker]\nline = [\"x\"]"),
            vec!["components/base/component.toml:4:1: no contribution `line` is declared here; did you mean `lines`?"],
        ),
        (
            "pack.toml",
            format!("{}[diagram]\nnodes = \"lines\"\nedges = \"facts\"\n", common::SMALL_PACK[0].1),
            vec!["pack.toml:18:10: `facts` is not a list contribution of the project"],
        ),
        (
            "components/extra/files+nothing/x.txt",
            "x\n".to_owned(),
            vec!["components/extra/files+nothing/x.txt: `nothing` is not a component"],
        ),
        (
            "components/extra/files@nothing/x.txt",
            "x\n".to_owned(),
            vec!["components/extra/files@nothing/x.txt: `nothing` is not a kind of service"],
        ),
        (
            "components/lonely/files/x.txt",
            "x\n".to_owned(),
            vec!["components/lonely: the component has no `component.toml`"],
        ),
    ];
    for (path, text, expected) in cases {
        assert_eq!(problems(&[(path, &text)]), expected, "{path}:\n{text}");
    }
}

#[test]
fn reports_all_problems_at_once() {
    let found = problems(&[
        ("components/base/files/a.txt.tera", "{{ nothing }}"),
        ("components/base/files/b.txt.tera", "{% for %}"),
        ("components/extra/files/run.sh", ""),
    ]);
    assert_eq!(found.len(), 3, "{found:#?}");
}

#[test]
fn refuses_a_template_that_is_not_utf8_and_copies_a_file_that_is_not() {
    let folder = small_pack(&[]);
    put(folder.path(), "components/base/files/picture.bin", &[0xff, 0xfe, 0x00]);
    let pack = validate::load(folder.path()).expect("a file that is copied may hold anything");
    let tree = tree_of(&pack, cover(&pack, "x").remove(0));
    assert_eq!(
        tree.get("picture.bin").map(|file| file.bytes.to_vec()),
        Some(vec![0xff, 0xfe, 0x00])
    );

    put(folder.path(), "components/base/files/text.txt.tera", b"fine\nnot \xff\n");
    let error = validate::load(folder.path()).expect_err("a template is text");
    assert_eq!(
        error.to_string(),
        "the pack cannot be used: components/base/files/text.txt.tera:2:5: a template must be UTF-8; without the suffix `.tera` the file is copied as it is"
    );
    assert_eq!(error.exit_code(), 7);
}

#[cfg(unix)]
#[test]
fn refuses_symbolic_links_in_a_pack() {
    let folder = small_pack(&[]);
    std::os::unix::fs::symlink("/etc", folder.path().join("components/base/files/etc"))
        .expect("a link is made");
    let error = validate::load(folder.path()).expect_err("links are refused");
    assert_eq!(
        error.to_string(),
        "the pack cannot be used: components/base/files/etc: a pack holds no symbolic links: they can leave the destination"
    );
}

#[test]
fn refuses_one_contributed_key_with_two_values() {
    let folder = small_pack(&[
        (
            "components/red/component.toml",
            "summary = \"red\"\nslot = \"colour\"\ndefault = true\n[contribute.facts]\nsky = \"red\"\n",
        ),
        (
            "components/extra/component.toml",
            "summary = \"s\"\nflag = \"extra\"\nrequires = [\"colour\"]\n[kind.worker]\nsummary = \"w\"\n[contribute.facts]\nsky = \"grey\"\n",
        ),
    ]);
    let output = scaffold(folder.path(), &["pack", "lint", "."]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(
        stderr(&output),
        "error: the pack cannot be used: components/extra/component.toml:7:1: `facts.sky` has another value in `components/red/component.toml`\n"
    );
}

/// One file and one line per service, one line per pair of services of two kinds.
#[test]
fn a_component_adds_to_the_project_once_per_service_and_once_per_pair() {
    let folder = small_pack(&[
        (
            "components/extra/component.toml",
            r#"summary = "s"
flag = "extra"
requires = ["colour"]

[kind.worker]
summary = "does work"

[kind.boss]
summary = "has work"

[[service]]
name = "worker"
kind = "worker"

[each.worker]
lines = ["{{ service.name }} of {% for one in services %}{{ one.name }} {% endfor %}"]

[each.worker.each.boss]
lines = ["{{ other.name }} asks {{ service.name }}"]
"#,
        ),
        ("components/extra/each@worker/desks/_service_-desk.txt.tera", "{{ service.name }}\n"),
    ]);
    let work = tempfile::tempdir().expect("a temporary folder");
    let templates = folder.path().to_str().expect("the path is UTF-8");
    let services = ["--service", "ann=worker", "--service", "bob=boss"];
    let arguments =
        [&["new", "x", "--extra", "--templates", templates][..], &services[..]].concat();
    scaffold_ok(work.path(), &arguments);
    let read = |path: &str| {
        std::fs::read_to_string(work.path().join("x").join(path)).expect("the file is rendered")
    };
    assert_eq!(
        read("README.md"),
        "# X\n\nbase\nann of ann bob worker \nbob asks ann\nworker of ann bob worker \nbob asks worker\n"
    );
    assert_eq!(read("desks/ann-desk.txt"), "ann\n");
    assert_eq!(read("desks/worker-desk.txt"), "worker\n");
}

#[test]
fn a_component_adds_to_the_project_where_another_one_is_on_as_well() {
    let manifest = "summary = \"b\"\nflag = \"both\"\n[with.extra]\nlines = [\"both of {{ project.name }}\"]\n";
    let folder = small_pack(&[("components/both/component.toml", manifest)]);
    let templates = folder.path().to_str().expect("the path is UTF-8");
    let readme = |flags: &[&str]| {
        let work = tempfile::tempdir().expect("a temporary folder");
        let arguments = [&["new", "x", "--templates", templates][..], flags].concat();
        scaffold_ok(work.path(), &arguments);
        std::fs::read_to_string(work.path().join("x/README.md")).expect("the file is rendered")
    };
    assert!(readme(&["--both", "--extra"]).contains("\nboth of x\n"));
    assert!(!readme(&["--both"]).contains("both of x"));
    assert!(!readme(&["--extra"]).contains("both of x"));
}

#[test]
fn refuses_a_lock_file_that_leaves_the_destination() {
    for path in ["../escaped.json", "/tmp/escaped.json"] {
        let lockfile = format!(
            "{}\n[[lockfile]]\nformat = \"npm\"\nsource = \"lock.json\"\npath = \"{path}\"\ncomponent = \"base\"\n",
            common::SMALL_PACK[0].1
        );
        let found = problems(&[("pack.toml", &lockfile), ("lock.json", "{}")]);
        assert_eq!(found, [format!("pack.toml:20:9: `{path}` leaves the destination")]);
    }
}

#[test]
fn refuses_a_project_that_outgrows_the_limits_of_the_pack() {
    let text = format!("{}\n[limits]\nfiles = 2\n", common::SMALL_PACK[0].1);
    let folder = small_pack(&[("pack.toml", &text)]);
    let output = scaffold(folder.path(), &["pack", "lint", "."]);
    assert!(stderr(&output).contains("files, the pack allows 2"), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(7));
}

/// A component is a folder: a second queue and a new service, with no change to the program.
#[test]
fn a_component_dropped_into_a_copy_of_the_pack_appears_everywhere() {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for (path, bytes, _) in common::files_in(&common::repository().join("templates")) {
        put(copy.path(), &path, &bytes);
    }
    let before = cover(&validate::load(copy.path()).expect("the copy is sound"), "x").len();
    let queue = "components/carrier";
    put(
        copy.path(),
        &format!("{queue}/component.toml"),
        b"summary = \"Pigeons as the queue\"\nslot = \"queue\"\nrequires = [\"state\"]\n[offer.queue]\nvia = \"state\"\n",
    );
    put(copy.path(), &format!("{queue}/files/infra/carrier/loft.toml"), b"pigeons = 2\n");
    let service = "components/billing";
    put(
        copy.path(),
        &format!("{service}/component.toml"),
        b"summary = \"Invoices\"\nflag = \"billing\"\n[kind.billing]\nsummary = \"writes invoices\"\n[[service]]\nname = \"billing\"\nkind = \"billing\"\n[[option]]\nid = \"currency\"\ntype = \"enum\"\nvalues = [\"eur\", \"usd\"]\ndefault = \"eur\"\nhelp = \"Currency of the invoices\"\n",
    );
    put(
        copy.path(),
        &format!("{service}/files@billing/price.txt.tera"),
        b"[= service.name =] in [= options.currency =]\n",
    );
    let work = tempfile::tempdir().expect("a temporary folder");
    let templates = copy.path().to_str().expect("the path is UTF-8");
    let run = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--templates", templates]);
        stdout(&scaffold_ok(work.path(), &all))
    };

    let help = run(&["new", "--help"]);
    for text in [
        "--billing",
        "Invoices",
        "--currency",
        "possible values: carrier, rabbitmq, redis-streams",
        "kinds: billing",
    ] {
        assert!(help.contains(text), "`{text}` is missing in:\n{help}");
    }
    let schema: serde_json::Value =
        serde_json::from_str(&run(&["schema"])).expect("the schema is JSON");
    assert_eq!(
        schema["properties"]["queue"]["enum"],
        serde_json::json!(["carrier", "rabbitmq", "redis-streams"])
    );
    assert_eq!(schema["properties"]["currency"]["enum"], serde_json::json!(["eur", "usd"]));
    assert!(run(&["list"]).contains("--queue carrier"));
    assert!(run(&["completions", "bash"]).contains("--billing"));
    let pack = validate::load(Path::new(templates)).expect("the pack is sound");
    let rows = cover(&pack, "x");
    let has_both = |row: &Selection| {
        row.slots["queue"] == "carrier"
            && row.components.contains("billing")
            && row.components.contains("ml")
    };
    assert!(rows.len() > before && rows.iter().any(has_both), "the matrix has the new choices");
    run(&[
        "new",
        "shop",
        "--ml",
        "--queue",
        "carrier",
        "--billing",
        "--currency",
        "usd",
        "--service",
        "refunds=billing",
    ]);
    let project = work.path().join("shop");
    let read =
        |path: &str| std::fs::read_to_string(project.join(path)).expect("the file is rendered");
    assert_eq!(read("infra/carrier/loft.toml"), "pigeons = 2\n");
    assert_eq!(read("services/billing/price.txt"), "billing in usd\n");
    assert_eq!(read("services/refunds/price.txt"), "refunds in usd\n");
    assert!(
        !project.join("services/gateway/src/queue.ts").exists(),
        "the other queue is not there"
    );
}

#[test]
fn the_foreign_pack_renders_a_library_that_passes_its_own_tests() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let pack = common::repository().join("examples/packs/rust-library");
    let pack = pack.to_str().expect("the path is UTF-8");
    scaffold_ok(
        work.path(),
        &[
            "new",
            "my-lib",
            "--templates",
            pack,
            "--cli",
            "--c-api",
            "--license",
            "apache",
            "--description",
            "Greets \"people\"",
        ],
    );
    let output = std::process::Command::new(env!("CARGO"))
        .args(["test", "--offline", "--quiet"])
        .current_dir(work.path().join("my-lib"))
        .env("CARGO_TARGET_DIR", work.path().join("target"))
        .output()
        .expect("cargo starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
    scaffold_ok(work.path(), &["pack", "lint", pack]);
}

/// A default that applies with others follows them; what was said of it holds.
#[test]
fn a_default_that_applies_with_others_is_on_only_beside_them() {
    let folder = small_pack(&[(
        "components/polish/component.toml",
        "summary = \"on top\"\nflag = \"polish\"\ndefault = true\napplies = [\"extra\"]\n",
    )]);
    let pack = validate::load(folder.path()).expect("the pack is sound");
    let polished = |said: &[(&str, bool)]| {
        let choices = Choices {
            name: Some("x".to_owned()),
            components: said.iter().map(|(flag, on)| ((*flag).to_owned(), *on)).collect(),
            ..Choices::default()
        };
        let selection = choices.complete(&pack).expect("a valid selection");
        let again = selection.choices(&pack).complete(&pack).expect("a valid selection");
        assert_eq!(again, selection, "{said:?}: what differs from the defaults says it all");
        selection.components.contains("polish")
    };
    assert!(!polished(&[]));
    assert!(polished(&[("extra", true)]));
    assert!(polished(&[("extra", true), ("polish", true)]));
    assert!(!polished(&[("extra", true), ("polish", false)]));
    assert!(!polished(&[("polish", false)]));
    assert_eq!(every_selection(&pack, "x").len(), 5, "without, and with it two times two colours");
}

/// What `scaffold pack lint` says of the small pack with changes: a line for each problem.
fn linted(changes: &[(&str, &str)], prepare: impl Fn(&Path)) -> Vec<String> {
    let folder = small_pack(changes);
    prepare(folder.path());
    let output = scaffold(folder.path(), &["pack", "lint", ".", "--json"]);
    let answer: serde_json::Value =
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let problems = answer["problems"].as_array().expect("a list");
    assert_eq!(output.status.code(), Some(if problems.is_empty() { 0 } else { 7 }));
    problems
        .iter()
        .map(|problem| {
            format!(
                "{}:{}: {}",
                problem["path"].as_str().expect("text"),
                problem["line"],
                problem["message"].as_str().expect("text")
            )
        })
        .collect()
}

/// An option with two values beside its default, of which a template takes one only.
#[test]
fn lint_renders_every_value_of_an_option() {
    let with =
        |option: &str| format!("{}\n[[option]]\n{option}\nhelp = \"h\"\n", common::SMALL_PACK[5].1);
    let cases = [
        (
            "id = \"style\"\ntype = \"enum\"\nvalues = [\"plain\", \"fancy\", \"odd\"]\ndefault = \"plain\"",
            "{% if options.style == \"odd\" %}{{ pin(table=\"npm\", name=\"no\") }}{% endif %}",
        ),
        (
            "id = \"fast\"\ntype = \"bool\"\ndefault = false",
            "{% if options.fast %}{{ pin(table=\"npm\", name=\"no\") }}{% endif %}",
        ),
        (
            "id = \"size\"\ntype = \"int\"\ndefault = 3\nminimum = 0\nmaximum = 9",
            "{% if options.size == 9 %}{{ pin(table=\"npm\", name=\"no\") }}{% endif %}",
        ),
        (
            "id = \"size\"\ntype = \"int\"\ndefault = 3\nminimum = 0\nmaximum = 9",
            "{% if options.size == 0 %}{{ pin(table=\"npm\", name=\"no\") }}{% endif %}",
        ),
        (
            "id = \"words\"\ntype = \"string\"\ndefault = \"some\"",
            "{% if options.words == \"\" %}{{ pin(table=\"npm\", name=\"no\") }}{% endif %}",
        ),
    ];
    for (option, template) in cases {
        // Only together with `blue`: neither the first selection nor the defaults show it.
        let found = linted(
            &[
                ("components/extra/component.toml", &with(option)),
                ("components/blue/files+extra/style.txt.tera", template),
            ],
            |_| {},
        );
        assert_eq!(
            found,
            [
                "components/blue/files+extra/style.txt.tera:1: no version is pinned for `no` in `[npm]`"
            ],
            "{option}"
        );
    }
}

#[test]
fn a_component_pins_versions_of_its_own() {
    let own = |versions: &str| {
        let extra =
            common::SMALL_PACK.iter().find(|(path, _)| path.ends_with("extra/component.toml"));
        format!("{}\n{versions}\n", extra.expect("the component is there").1)
    };
    let with = |versions: &str| {
        linted(
            &[
                ("components/extra/component.toml", &own(versions)),
                (
                    "components/extra/files/pins.txt.tera",
                    "{{ pin(table=\"npm\", name=\"zod\") }} {{ pin(table=\"images\", name=\"go\") }}\n",
                ),
            ],
            |_| {},
        )
    };
    let go = "[versions.images]\ngo = \"golang:1\"";
    assert_eq!(with(go), [""; 0]);
    assert_eq!(with(&format!("{go}\n[versions.npm]\nzod = \"4.6.7\"")), [""; 0]);
    assert_eq!(
        with(&format!("{go}\n[versions.npm]\nzod = \"5\"")),
        [
            "components/extra/component.toml:21: `versions.npm` pins `zod` to another version already"
        ]
    );
    assert_eq!(
        with(&format!("[versions]\nnpm = \"5\"\n{go}")),
        [
            "components/extra/component.toml:19: `versions.npm` is no table of versions",
            "components/extra/files/pins.txt.tera:1: no version is pinned for `go` in `[images]`",
        ]
    );
}

#[test]
fn lint_finds_what_can_never_be_used() {
    let pack = |more: &str| format!("{}{more}", common::SMALL_PACK[0].1);
    let cases: [(&str, String, &[&str]); 14] = [
        (
            "pack.toml",
            pack("\n[[names]]\nwhat = \"label\"\nfiles = \"*.yaml\"\nline = \"name:\"\n"),
            &["pack.toml:20: `name:` needs one `*`, which stands for the name"],
        ),
        (
            "pack.toml",
            pack("\n[[names]]\nwhat = \"label\"\nfiles = \"*/*.yaml\"\nline = \"name: *\"\n"),
            &["pack.toml:19: `*/*.yaml` has more than one `*`"],
        ),
        (
            "pack.toml",
            pack("\n[presets.all]\nsummary = \"s\"\nanswers = { extra = true, extro = true }\n"),
            &[
                "pack.toml:19: the preset `all`: `extro` is not something to choose; did you mean `extra`?",
            ],
        ),
        (
            "pack.toml",
            pack("\n[presets.all]\nsummary = \"s\"\nanswers = { colour = \"bleu\" }\n"),
            &[
                "pack.toml:19: the preset `all`: `bleu` is not a choice of `--colour`; did you mean `blue`?",
            ],
        ),
        (
            "pack.toml",
            pack("\n[presets.all]\nsummary = \"s\"\nanswers = { colour = \"blue\" }\n"),
            &["pack.toml:17: the preset `all`: `colour` has nothing to carry: it needs `extra`"],
        ),
        (
            "pack.toml",
            pack("").replace("version = \"1.2.3\"", "version = \"\""),
            &[
                "pack.toml:2: `` is not a version: three numbers with dots between them, such as `1.0.0`",
            ],
        ),
        (
            "pack.toml",
            pack("").replace("version = \"1.2.3\"", "version = \"1.2\""),
            &[
                "pack.toml:2: `1.2` is not a version: three numbers with dots between them, such as `1.0.0`",
            ],
        ),
        (
            "pack.toml",
            pack("").replace("name = \"small\"", "name = \"\""),
            &["pack.toml:1: `` cannot name a pack: names are made of a-z, 0-9 and `-`"],
        ),
        (
            "components/more/component.toml",
            "summary = \"s\"\nflag = \"more\"\nconflicts = [\"base\"]\n".to_owned(),
            &[
                "components/more/component.toml:3: `more` can never be chosen: `base` is in every project",
            ],
        ),
        (
            "components/more/component.toml",
            "summary = \"s\"\nflag = \"more\"\nrequires = [\"extra\"]\nconflicts = [\"extra\"]\n"
                .to_owned(),
            &["components/more/component.toml:4: `more` can never be chosen: it needs `extra`"],
        ),
        (
            "components/blue/component.toml",
            "summary = \"blue\"\nslot = \"colour\"\nconflicts = [\"base\"]\n".to_owned(),
            &[
                "components/blue/component.toml:3: `blue` can never be chosen: `base` is in every project",
            ],
        ),
        (
            "components/base/component.toml",
            common::SMALL_PACK[2].1.replace(
                "always = true",
                "always = true\nrenamed = { \"run.sh\" = \"../run.sh\" }",
            ),
            &["components/base/component.toml:3: `../run.sh` leaves the destination"],
        ),
        (
            "components/base/component.toml",
            common::SMALL_PACK[2].1.replace(
                "always = true",
                "always = true\nrenamed = { \"run.sh\" = \"/etc/run.sh\" }",
            ),
            &["components/base/component.toml:3: `/etc/run.sh` leaves the destination"],
        ),
        (
            "components/readme.txt",
            "a file".to_owned(),
            &[
                "components/readme.txt:0: `components/` holds a folder for each component, and nothing else",
            ],
        ),
    ];
    for (path, text, expected) in cases {
        assert_eq!(linted(&[(path, &text)], |_| {}), expected, "{path}:\n{text}");
    }
}

#[test]
fn lint_finds_a_folder_without_a_manifest() {
    let missing = "components/lonely:0: the component has no `component.toml`";
    let folders: [&[&str]; 3] =
        [&["components/lonely"], &["components/lonely/files"], &["components/lonely/files/deep"]];
    for folders in folders {
        let found = linted(&[], |pack| {
            for folder in folders {
                std::fs::create_dir_all(pack.join(folder)).expect("a folder");
            }
        });
        assert_eq!(found, [missing], "{folders:?}");
    }
}

#[test]
fn components_lie_in_folders_as_their_pack_likes_it() {
    let sorted = |folder: &str| format!("{folder}/component.toml");
    let manifest = "summary = \"s\"\nflag = \"FLAG\"\n";
    let (deep, twin) = (sorted("parts/large/motor"), sorted("spare/extra"));
    let with_flag = |flag: &str| manifest.replace("FLAG", flag);
    assert_eq!(linted(&[(&deep, &with_flag("motor"))], |_| {}), [] as [&str; 0]);
    let folder = small_pack(&[(&deep, &with_flag("motor"))]);
    let pack = validate::load(folder.path()).expect("the pack is sound");
    assert_eq!(pack.by_flag("motor").expect("it is there").folder, "parts/large/motor");
    assert_eq!(
        linted(&[(&twin, &with_flag("second"))], |_| {}),
        ["spare/extra/component.toml:0: `extra` is the id of `components/extra` as well"]
    );
    let beside = ("parts/notes.txt", "a file");
    assert_eq!(
        linted(&[(&deep, &with_flag("motor")), beside], |_| {}),
        ["parts/notes.txt:0: `parts/` holds a folder for each component, and nothing else"]
    );
    // What a component renders may have the name of a manifest.
    let inner = ("components/base/files/inner/component.toml", "not = \"ours\"\n");
    assert_eq!(linted(&[inner], |_| {}), [] as [&str; 0]);
}

/// Many templates are rendered in two threads, which nobody notices: one includes another as always,
/// and what fails is told as always.
#[test]
fn many_templates_render_as_few_do() {
    let last = "components/base/files/99.txt.tera";
    let include = format!("{{% include \"{last}\" %}}");
    let many: Vec<String> =
        (10..60).map(|at| format!("components/base/files/{at}.txt.tera")).collect();
    let mut files: Vec<(&str, &str)> = many.iter().map(|path| (path.as_str(), "plain\n")).collect();
    files.extend([
        ("components/base/files/00.txt.tera", include.as_str()),
        (last, "{{ project.name }}\n"),
    ]);
    let pack = validate::load(small_pack(&files).path()).expect("the pack is sound");
    let tree = tree_of(&pack, cover(&pack, "x").remove(0));
    let text =
        |path: &str| tree.get(path).map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
    assert_eq!(text("00.txt"), text("99.txt"));
    assert_eq!(text("99.txt").as_deref(), Some("x\n"));
    assert_eq!(text("42.txt").as_deref(), Some("plain\n"));

    let fails = "{{ pin(table=\"npm\", name=\"no\") }}\n";
    files.extend([("components/base/files/00.txt.tera", fails), (last, fails)]);
    let pack =
        Pack::read_from(small_pack(&files).path()).expect("it can be read").0.expect("a pack");
    let selection = Choices { name: Some("x".to_owned()), ..Choices::default() };
    let selection = selection.complete(&pack).expect("a valid selection");
    let plan = Plan::new(&pack, selection).expect("a valid plan");
    let Err(Error::Pack(problems)) = rendered_files(&plan) else { panic!("it fails") };
    let places: Vec<&str> = problems.iter().map(|problem| problem.place.path.as_str()).collect();
    assert_eq!(places, ["components/base/files/00.txt.tera", last]);
}

/// A pipe that nobody writes to would be waited for without end.
#[cfg(unix)]
#[test]
fn refuses_what_is_no_plain_file_in_a_pack() {
    for path in ["components/base/files/pipe", "components/base/pipe", "versions.toml"] {
        let found = linted(&[], |pack| {
            let _ = std::fs::remove_file(pack.join(path));
            let made = std::process::Command::new("mkfifo").arg(pack.join(path)).status();
            assert!(made.expect("`mkfifo` starts").success());
        });
        let expected = format!("{path}:0: a pack holds plain files only");
        assert!(found.contains(&expected), "{found:?}");
    }
}

/// One problem of each stage: reading the folder, reading manifests, checking, rendering.
#[test]
fn lint_reports_the_problems_of_all_stages_at_once() {
    let later: [(&str, &str); 2] = [
        ("components/extra/files+blue/fails.txt.tera", "{{ pin(table=\"npm\", name=\"no\") }}\n"),
        ("components/base/files/typo.txt.tera", "{{ projct.name }}\n"),
    ];
    let checked = [
        "components/base/files/typo.txt.tera:1: `projct` is declared nowhere; did you mean `project`?",
        "components/extra/files+blue/fails.txt.tera:1: no version is pinned for `no` in `[npm]`",
    ];
    assert_eq!(linted(&later, |_| {}), checked);
    // A manifest that cannot be read hides what depends on it, and nothing else.
    let mut all = later.to_vec();
    all.push(("components/other/component.toml", "summary = 1\nflag = \"other\"\n"));
    all.push(("components/base/files/con.md", "x\n"));
    let found = linted(&all, |pack| {
        std::fs::create_dir_all(pack.join("components/lonely")).expect("a folder");
    });
    assert_eq!(
        found,
        [
            "components/base/files/con.md:0: `con.md` has the name of a Windows device in it",
            checked[0],
            "components/lonely:0: the component has no `component.toml`",
            "components/other/component.toml:1: invalid type: integer `1`, expected a string",
        ]
    );
}
