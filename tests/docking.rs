//! What docks to what, on small packs: a need that is declared once is in every target's variables, in
//! the order of start and in the diagram.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use common::{folder, tree_of};
use proptest::prelude::*;
use scaffold::choose::selection::Choices;
use scaffold::lint::validate;
use scaffold::render::plan::Plan;
use scaffold::text::error::Error;
use serde_json::{Value, json};

/// A service that answers and one that people add, one that asks them, a store, and two targets.
const PACK: [(&str, &str); 5] = [
    (
        "pack.toml",
        r#"name = "docked"
version = "1.0.0"
summary = "parts that dock"

[slots.carrier]
summary = "What carries"

[contributions.boxes]
type = "list"
summary = "boxes"

[contributions.arrows]
type = "list"
summary = "arrows"

[diagram]
nodes = "boxes"
edges = "arrows"
"#,
    ),
    (
        "parts/base/component.toml",
        r#"summary = "where it runs"
always = true

[target.here]
host = "127.0.0.1"
port = "{{name}.{which}}"

[target.there]
host = "{name}.example"
port = "{port}"
secret = "${SECRET}"
refers = true

[runtime.plain]
user = 7
ports = { metrics = 99 }
check = ["ask", "{url}"]

[[contribute.boxes]]
id = "people"
shape = "actor"
"#,
    ),
    (
        "parts/store/component.toml",
        r#"summary = "keeps"
derived = true

[provider]
port = 20
ports = { peer = 21 }
secrets = ["word"]

[offer.store]
keys = { address = "{host}:{port}" }
env.STORE = { value = "s://{secret.word}@{host}:{port}", at.here = "s://{host}:{port}/{port.peer}" }
"#,
    ),
    (
        "parts/answers/component.toml",
        r#"summary = "answers"
flag = "ask"
requires = ["store", "carrier"]

[kind.answer]
summary = "answers"
runtime = "plain"

[kind.answer.workload.server]
port = 10
health = { ready = "/ready" }
public = { by = "people", text = "words" }
offer.answer.url = "a://{host}:{port}"

[kind.answer.workload.helper]
health = { port = "metrics", ready = "/metrics" }
need.answer = { from = "self", text = "help", env.MASTER = "{url}" }
need.store = { text = "keep" }
need.carrier = { text = "carry" }
scale = { on = "carrier", at = 2, between = [1, 5] }

[[service]]
name = "answer"
kind = "answer"

[workload.door]
folder = "door"
port = 30
public = { by = "people" }

[workload.door.need.answer]
text = "words"
from = "all"
front = true
start = false
env.ALL = { value = "{name}={url}", join = "," }

[to.answer.set.SAYS]
at.there = "{name} at {port}"
"#,
    ),
    (
        "parts/slow/component.toml",
        "summary = \"s\"\nslot = \"carrier\"\ndefault = true\n\n[offer.carrier]\nvia = \"store\"\nenv.CARRIES = \"{name}\"\nload = { type = \"length\", port = \"peer\", metadata = { of = \"jobs:{service} at {host}:{port.peer}\" }, at = \"least\" }\n",
    ),
];

/// The context of everything at once with a further service, or the problems of the pack.
fn docked(changes: &[(&str, &str)]) -> Result<serde_json::Map<String, Value>, Vec<String>> {
    let place = folder(&PACK);
    for (path, text) in changes {
        common::put(place.path(), path, text.as_bytes());
    }
    let listed = |error: Error| match error {
        Error::Pack(problems) => problems.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    };
    let pack = validate::load(place.path()).map_err(listed)?;
    let mut choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
    choices.components.insert("ask".to_owned(), true);
    choices.add_service(&pack, "again", "answer").expect("a service can be added");
    let selection = choices.complete(&pack).expect("a valid selection");
    Plan::new(&pack, selection).map(|plan| plan.context).map_err(listed)
}

fn with(path: &str, from: &str, to: &str) -> (String, String) {
    let (path, text) = PACK.iter().find(|(known, _)| *known == path).expect("a file of the pack");
    assert!(text.contains(from), "{path} says {from}");
    ((*path).to_owned(), text.replacen(from, to, 1))
}

fn problems(path: &str, from: &str, to: &str) -> Vec<String> {
    let (path, text) = with(path, from, to);
    docked(&[(&path, &text)]).expect_err("the pack is refused")
}

fn named<'a>(context: &'a serde_json::Map<String, Value>, name: &str) -> &'a Value {
    let workloads = context["workloads"].as_array().expect("a list");
    workloads.iter().find(|workload| workload["name"] == name).expect("a workload of this name")
}

fn variable(workload: &Value, target: &str, name: &str) -> Value {
    let variables = workload["env"][target].as_array().expect("a list");
    variables.iter().find(|it| it["name"] == name).cloned().unwrap_or_default()
}

#[test]
fn a_need_is_a_variable_in_every_target() {
    let context = docked(&[]).expect("the pack is sound");
    let helper = named(&context, "again-helper");
    assert_eq!(variable(helper, "here", "MASTER")["value"], "a://127.0.0.1:{again.port}");
    assert_eq!(variable(helper, "there", "MASTER")["value"], "a://again.example:10");
    let store = variable(helper, "here", "STORE");
    assert_eq!(store["value"], "s://127.0.0.1:{store.port}/{store.port.peer}");
    // What is secret is referred to where the target says so.
    let store = variable(helper, "there", "STORE");
    assert_eq!(
        (&store["value"], &store["secret"], &store["key"]),
        (&json!(""), &json!("store"), &json!("url"))
    );
    assert_eq!(
        context["providers"][0]["keys"]["there"],
        json!([
            {"key": "url", "value": "s://$WORD@store.example:20"},
            {"key": "address", "value": "store.example:20"},
        ])
    );
}

#[test]
fn a_secret_alone_is_kept_under_the_key_that_it_is_read_by() {
    let own = "env.STORE = { value = \"{secret.word}\", key = \"pass\", at.here = \"none\" }";
    let (path, text) = with("parts/store/component.toml", "env.STORE = {", "env.FORMER = {");
    let changed = text.replace("[offer.store]\n", &format!("[offer.store]\n{own}\n"));
    let context = docked(&[(&path, &changed)]).expect("the pack is sound");
    let read = variable(named(&context, "again-helper"), "there", "STORE");
    assert_eq!((&read["secret"], &read["key"]), (&json!("store"), &json!("pass")));
    let kept = context["providers"][0]["keys"]["there"].as_array().expect("a list");
    assert!(kept.contains(&json!({"key": "pass", "value": "$WORD"})), "{kept:?}");
}

#[test]
fn a_binding_may_be_carried_by_another() {
    let context = docked(&[]).expect("the pack is sound");
    let helper = named(&context, "answer-helper");
    assert_eq!(variable(helper, "here", "CARRIES")["value"], "store");
    assert_eq!(context["providers"][0]["bindings"], json!(["store", "carrier"]));
}

#[test]
fn a_need_may_be_met_by_all_that_offer_it() {
    let context = docked(&[]).expect("the pack is sound");
    let all = variable(named(&context, "door"), "there", "ALL");
    assert_eq!(all["value"], "answer=a://answer.example:10,again=a://again.example:10");
}

#[test]
fn a_need_is_met_by_what_comes_with_a_component_before_what_people_add() {
    let first = with("parts/answers/component.toml", "from = \"all\"\n", "");
    let context = docked(&[(&first.0, &first.1)]).expect("the pack is sound");
    let door = named(&context, "door");
    assert_eq!(variable(door, "there", "ALL")["value"], "answer=a://answer.example:10");
    assert_eq!(door["needs"][0]["ends"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_follows_a_need_knows_whom_to_ask_how_much_waits() {
    let context = docked(&[]).expect("the pack is sound");
    let scale = &named(&context, "again-helper")["scale"];
    assert_eq!((&scale["provider"], &scale["at"]), (&json!("store"), &json!(2)));
    assert_eq!(
        scale["load"],
        json!({
            "type": "length", "at": "least", "auth": {}, "port": "peer", "number": 21,
            "metadata": {
                "here": {"of": "jobs:again at 127.0.0.1:{store.port.peer}"},
                "there": {"of": "jobs:again at store.example:21"},
            },
        })
    );
}

/// A store that runs from an image where targets run images, and what is done with it first.
fn that_runs() -> (String, String) {
    let (path, text) = with(
        "parts/store/component.toml",
        "secrets = [\"word\"]\n",
        r#"secrets = ["word"]

[provider.run]
pin = "store"
user = 5
env = { WORD = "{secret.word}", PLACE = "{host}" }
ready = ["ask"]
memory = "1Gi"

[provider.task.fill]
doc = "Fills it."
command = ["fill"]
env = { WITH = { value = "{secret.word}@{host}", key = "with" } }
"#,
    );
    (path, text)
}

fn with_images() -> (String, String) {
    with("parts/base/component.toml", "refers = true", "refers = true\nimages = true")
}

#[test]
fn what_runs_from_an_image_knows_its_own_secrets() {
    let (store, base) = (that_runs(), with_images());
    let context = docked(&[(&store.0, &store.1), (&base.0, &base.1)]).expect("the pack is sound");
    let provider = &context["providers"][0];
    let run = &provider["run"];
    assert_eq!(
        (&run["pin"], &run["start_s"], &run["user"]),
        (&json!("store"), &json!(60), &json!(5))
    );
    assert_eq!(
        run["env"],
        json!({"there": [
            {"name": "WORD", "value": "", "secret": "store", "key": "word", "doc": ""},
            {"name": "PLACE", "value": "store.example", "secret": "", "key": "", "doc": ""},
        ]}),
        "`here` runs no images"
    );
    // A secret alone is there already; what it is part of is a key of its own.
    let keys = provider["keys"]["there"].as_array().expect("a list").iter();
    let keys: Vec<&str> = keys.filter_map(|it| it["key"].as_str()).collect();
    assert_eq!(keys, ["url", "address", "with"]);
}

#[test]
fn who_waits_for_a_provider_waits_for_what_is_done_with_it_first() {
    let (store, base) = (that_runs(), with_images());
    let context = docked(&[(&store.0, &store.1), (&base.0, &base.1)]).expect("the pack is sound");
    let tasks = |name: &str| -> Vec<String> {
        let tasks = named(&context, name)["tasks"].as_array().expect("a list").iter();
        tasks.map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(tasks("answer-helper"), ["store-fill"]);
    assert_eq!(tasks("answer"), [""; 0]);
    let task = &context["providers"][0]["tasks"][0];
    assert_eq!((&task["pin"], &task["user"]), (&json!("store"), &json!(5)));
    assert_eq!(task["env"]["there"][0]["key"], "with");
}

#[test]
fn what_a_service_does_before_it_starts_is_waited_for_by_all_that_it_runs() {
    let own = "[kind.answer.task.fill]\ndoc = \"Fills.\"\ncommand = [\"fill\"]\n";
    let (path, text) = with("parts/answers/component.toml", "[[service]]\n", "[[service]]\n");
    let answers = text.replace("[[service]]\n", &format!("{own}\n[[service]]\n"));
    let (store, base) = (that_runs(), with_images());
    let changes = [(&*path, &*answers), (&store.0, &store.1), (&base.0, &base.1)];
    let context = docked(&changes).expect("the pack is sound");
    let helper = named(&context, "again-helper");
    assert_eq!(helper["before"][0]["name"], "again-fill");
    assert_eq!(helper["before"][0]["command"], json!(["fill"]));
    // What is done with the store comes before what is done in it.
    assert_eq!(helper["before"][0]["after"], json!(["again", "store", "store-fill"]));
    assert_eq!(helper["waits"], json!(["again", "store", "again-fill"]));
    assert_eq!(named(&context, "answer")["waits"], json!(["answer-fill"]));
    assert_eq!(named(&context, "door")["before"], json!([]));

    let taken = answers.replace("task.fill", "task.helper");
    let found = docked(&[(&path, &taken)]).expect_err("one name is for two parts");
    assert!(found[0].contains("`helper` is a workload of `answer` as well"), "{found:?}");
}

#[test]
fn each_service_may_have_a_secret_of_its_own() {
    let (path, text) = with(
        "parts/store/component.toml",
        "env.STORE = { value = \"s://{secret.word}@{host}:{port}\"",
        "env.STORE = { key = \"{service}-url\", value = \"s://{secret.word}@{host}:{port}/{service}\"",
    );
    let context = docked(&[(&path, &text)]).expect("the pack is sound");
    let read = variable(named(&context, "again-helper"), "there", "STORE");
    assert_eq!((&read["secret"], &read["key"]), (&json!("store"), &json!("again-url")));
    let kept = context["providers"][0]["keys"]["there"].as_array().expect("a list");
    for service in ["again", "answer"] {
        let key = json!({
            "key": format!("{service}-url"),
            "value": format!("s://$WORD@store.example:20/{service}"),
        });
        assert!(kept.contains(&key), "{kept:?}");
    }
    // Nobody else has one.
    assert_eq!(kept.len(), 3, "{kept:?}");
}

#[test]
fn refuses_two_things_under_one_key_of_a_secret() {
    let (store, base) = (that_runs(), with_images());
    let message = |key: &str| {
        format!(
            "parts/store/component.toml: the secret of `store` holds two things as `{key}`: say another `key`"
        )
    };
    for key in ["address", "word"] {
        let twice = store.1.replace("key = \"with\"", &format!("key = \"{key}\""));
        let found = docked(&[(&store.0, &twice), (&base.0, &base.1)]).expect_err("it is refused");
        assert_eq!(found, [message(key)]);
    }
}

#[test]
fn a_variable_of_single_targets_is_in_those_alone() {
    let context = docked(&[]).expect("the pack is sound");
    let answer = named(&context, "answer");
    assert_eq!(variable(answer, "there", "SAYS")["value"], "answer at 10");
    assert_eq!(variable(answer, "here", "SAYS"), Value::Null);
}

#[test]
fn hard_needs_alone_are_waited_for() {
    let context = docked(&[]).expect("the pack is sound");
    assert_eq!(named(&context, "again-helper")["after"], json!(["again", "store"]));
    assert_eq!(named(&context, "door")["after"], json!([]));
}

#[test]
fn who_stands_in_front_is_met_instead_of_what_is_behind() {
    let context = docked(&[]).expect("the pack is sound");
    assert_eq!(
        named(&context, "door")["public"],
        json!({
            "by": "people", "text": "words", "first": true,
            "serves": [{"name": "answer", "own": true}, {"name": "again", "own": false}],
        })
    );
    assert_eq!(named(&context, "answer")["public"], Value::Null);
    let behind = with("parts/answers/component.toml", "front = true\n", "");
    let context = docked(&[(&behind.0, &behind.1)]).expect("the pack is sound");
    assert_eq!(
        named(&context, "answer")["public"],
        json!({
            "by": "people", "text": "words", "first": true,
            "serves": [{"name": "answer", "own": true}],
        })
    );
}

#[test]
fn needs_are_the_arrows_of_the_diagram() {
    let context = docked(&[]).expect("the pack is sound");
    let arrows = context["arrows"].as_array().expect("a list").iter();
    let arrows: Vec<String> = arrows
        .map(|it| format!("{} {} {} {}", it["from"], it["to"], it["port"], it["text"]))
        .map(|text| text.replace('"', ""))
        .collect();
    assert_eq!(
        arrows,
        [
            "answer-helper answer 10 help",
            "answer-helper store 20 keep, carry",
            "again-helper again 10 help",
            "again-helper store 20 keep, carry",
            "people door 30 words",
            "door answer 10 words",
            "door again 10 words",
        ]
    );
    let boxes = context["boxes"].as_array().expect("a list").iter();
    let boxes: Vec<&str> = boxes.filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(
        boxes,
        ["people", "store", "answer", "answer-helper", "again", "again-helper", "door"]
    );
}

#[test]
fn a_workload_has_what_its_runtime_gives() {
    let context = docked(&[]).expect("the pack is sound");
    let helper = named(&context, "answer-helper");
    assert_eq!((&helper["user"], &helper["ports"]["metrics"]), (&json!(7), &json!(99)));
    assert_eq!(helper["health"]["command"], json!(["ask", "http://127.0.0.1:99/metrics"]));
    assert_eq!((&helper["image"], &helper["main"]), (&json!("answer"), &json!(false)));
}

#[test]
fn refuses_what_cannot_dock() {
    let (store, answers) = ("parts/store/component.toml", "parts/answers/component.toml");
    let parts = "there are `{name}`, `{service}`, `{host}`, `{port}`, `{url}`, `{port.<name>}` and `{secret.<name>}`";
    let cases: [(&str, &str, &str, String); 11] = [
        (
            answers,
            "need.store = ",
            "need.stor = ",
            "parts/answers/component.toml:18:1: nothing offers `stor`; did you mean `store`?".to_owned(),
        ),
        (
            store,
            "{host}:{port}\" }",
            "{hst}:{port}\" }",
            format!("parts/store/component.toml:10:21: `{{hst}}` is no part of a pattern: {parts}"),
        ),
        (
            store,
            "{secret.word}",
            "{secret.wrd}",
            format!("parts/store/component.toml:11:24: `{{secret.wrd}}` is no part of a pattern: {parts}"),
        ),
        (
            store,
            "{port.peer}",
            "{port.per}",
            "parts/answers/component.toml: `s://{host}:{port}/{port.per}`: `store` has no `{port.per}` in `here`"
                .to_owned(),
        ),
        (
            store,
            ", at.here = \"s://{host}:{port}/{port.peer}\"",
            "",
            "parts/answers/component.toml: `s://{secret.word}@{host}:{port}`: `store` has no `{secret.word}` in `here`"
                .to_owned(),
        ),
        (
            store,
            "peer = 21",
            "peer = 20",
            "parts/store/component.toml:6:11: `peer` is the port of `port` as well".to_owned(),
        ),
        (
            answers,
            "\nport = 10",
            "\nport = 10\nneed.store = { text = \"s\", env.STORE = \"other\" }",
            "parts/answers/component.toml: the variable `STORE` of `answer` has another value in `parts/answers/component.toml`"
                .to_owned(),
        ),
        (
            answers,
            "runtime = \"plain\"",
            "runtime = \"plan\"",
            "parts/answers/component.toml:7:12: `plan` is not a runtime; did you mean `plain`?".to_owned(),
        ),
        (
            answers,
            "port = \"metrics\"",
            "port = \"metric\"",
            "parts/answers/component.toml: `answer-helper` is asked for its health at a port that it has not"
                .to_owned(),
        ),
        (
            answers,
            "folder = \"door\"",
            "folder = \"door\"\nat.her = {}",
            "parts/answers/component.toml:28:4: `her` is not a target; did you mean `here`?".to_owned(),
        ),
        (
            answers,
            "[workload.door]",
            "[workload.store]\n[workload.door]",
            "parts/store/component.toml: `store` is a part of `parts/answers/component.toml` as well".to_owned(),
        ),
    ];
    for (path, from, to, expected) in cases {
        assert_eq!(problems(path, from, to), [expected], "{from} -> {to}");
    }
}

#[test]
fn refuses_parts_that_wait_for_each_other_in_a_circle() {
    let (path, text) = with("parts/answers/component.toml", "start = false\n", "");
    let text = text
        .replace("\nport = 30", "\nport = 30\noffer.door.url = \"\"")
        .replace("\nport = 10", "\nport = 10\nneed.door = { text = \"knock\" }");
    let found = docked(&[(&path, &text)]).expect_err("nobody could start");
    assert_eq!(
        found,
        ["parts/answers/component.toml: when they start, these wait for each other in a circle: \
             `door`, `answer`; `start = false` in a need means that the workload does not wait"]
    );
    // One that does not wait is enough.
    let soft = text.replace("text = \"knock\"", "text = \"knock\", start = false");
    docked(&[(&path, &soft)]).expect("somebody can begin");
}

#[test]
fn files_are_rendered_for_what_docking_finds() {
    let place = folder(&PACK);
    let files = [
        ("files@image/built.txt.tera", "{{ image.name }}: {{ image.workloads | length }}\n"),
        ("files@provider/kept.txt.tera", "{{ provider.name }}\n"),
        ("files@plain/spoken.txt.tera", "{{ service.name }}\n"),
        ("files+carrier/carried.txt", ""),
        ("each@workload/all/_workload_.txt.tera", "{{ workload.name }}\n"),
    ];
    for (path, text) in files {
        common::put(place.path(), &format!("parts/answers/{path}"), text.as_bytes());
    }
    let store = PACK[2].1.replace("port = 20", "port = 20\nfolder = \"store\"");
    common::put(place.path(), PACK[2].0, store.as_bytes());
    let pack = validate::load(place.path()).expect("the pack is sound");
    let mut choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
    choices.components.insert("ask".to_owned(), true);
    let tree = tree_of(&pack, choices.complete(&pack).expect("a valid selection"));
    let texts = tree.iter().filter(|(path, _)| path.rsplit('.').next() == Some("txt"));
    let texts: Vec<(&str, &str)> = texts
        .map(|(path, file)| (path, std::str::from_utf8(&file.bytes).expect("text").trim()))
        .collect();
    assert_eq!(
        texts,
        [
            ("all/answer-helper.txt", "answer-helper"),
            ("all/answer.txt", "answer"),
            ("all/door.txt", "door"),
            ("carried.txt", ""),
            ("door/built.txt", "door: 1"),
            ("services/answer/built.txt", "answer: 2"),
            ("services/answer/spoken.txt", "answer"),
            ("store/kept.txt", "store"),
        ]
    );
}

#[test]
fn long_texts_are_folded_to_what_yaml_reads_as_one_line() {
    let long = "fetch('http://127.0.0.1:3000/readyz').then( (answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))";
    let texts = ["it's", "\\r \"and\" 'so'", "a  b", long, &long.replace("() =>", "()  =>")];
    let items: String =
        texts.map(|text| format!("  - {{{{ {text:?} | folded(indent=4) }}}}\n")).concat();
    let place = folder(&PACK);
    let template = format!("items:\n{}", items.replace("{text:?}", ""));
    common::put(place.path(), "parts/base/files/list.yaml.tera", template.as_bytes());
    let pack = validate::load(place.path()).expect("the pack is sound");
    let choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
    let tree = tree_of(&pack, choices.complete(&pack).expect("a valid selection"));
    let file = tree.get("list.yaml").expect("the list is rendered");
    let text = std::str::from_utf8(&file.bytes).expect("text");
    let read: serde_json::Value = serde_yaml_ng::from_str(text).expect("it is YAML");
    assert_eq!(read["items"], json!(texts), "{text}");
    let longest = text.lines().filter(|line| !line.contains("  =>")).map(str::len).max();
    assert!(longest.is_some_and(|longest| longest <= 100), "{text}");
}

/// Which of `count` parts needs which other one, and whether it waits for it.
fn any_needs() -> impl Strategy<Value = (usize, BTreeMap<(usize, usize), bool>)> {
    (2..6_usize).prop_flat_map(|count| {
        let needs = prop::collection::btree_map((0..count, 0..count), any::<bool>(), 0..8);
        (
            Just(count),
            needs.prop_map(|needs| needs.into_iter().filter(|((a, b), _)| a != b).collect()),
        )
    })
}

/// Whether all can start, one after the other.
fn can_start(count: usize, needs: &BTreeMap<(usize, usize), bool>) -> bool {
    let mut waiting: BTreeSet<usize> = (0..count).collect();
    while let Some(next) = waiting.iter().copied().find(|part| {
        !needs.iter().any(|((from, to), hard)| *hard && from == part && waiting.contains(to))
    }) {
        waiting.remove(&next);
    }
    waiting.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each need is one arrow and one variable; each hard one is waited for, and all can start unless
    /// that is refused.
    #[test]
    fn every_need_docks((count, needs) in any_needs()) {
        let mut manifest = "summary = \"s\"\nalways = true\n[target.here]\nhost = \"{name}\"\nport = \"{port}\"\n".to_owned();
        for part in 0..count {
            let _ = writeln!(manifest, "[workload.part{part}]\nport = {}\noffer.binding{part}.url = \"{{host}}:{{port}}\"", part + 1);
            for ((_, to), hard) in needs.iter().filter(|((from, _), _)| *from == part) {
                let _ = writeln!(manifest, "need.binding{to} = {{ text = \"t\", start = {hard}, env.TO_{to} = \"{{url}}\" }}");
            }
        }
        let place = folder(&[PACK[0], ("parts/slow/component.toml", "summary = \"s\"\nslot = \"carrier\"\ndefault = true\n")]);
        common::put(place.path(), "parts/all/component.toml", manifest.as_bytes());
        let pack = validate::load(place.path()).expect("the pack is sound");
        let choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
        let plan = Plan::new(&pack, choices.complete(&pack).expect("a valid selection"));
        prop_assert_eq!(plan.is_ok(), can_start(count, &needs));
        if let Ok(plan) = plan {
            let docking = &plan.docking;
            prop_assert_eq!(docking.edges.len(), needs.len());
            for ((from, to), hard) in needs {
                let workload = &docking.workloads[from];
                prop_assert_eq!(workload.after.contains(&format!("part{to}")), hard);
                let variable = workload.env["here"].iter().find(|it| it.name == format!("TO_{to}"));
                let value = variable.map(|variable| variable.value.clone());
                prop_assert_eq!(value, Some(format!("part{to}:{}", to + 1)));
            }
        }
    }
}
