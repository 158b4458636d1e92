//! Kinds of which all services share one copy of the code and one image, and what a further service
//! of theirs adds to a project.

mod common;

use std::collections::BTreeSet;

use common::matrix::embedded;
use common::{put, tree_of};
use scaffold::choose::selection::Choices;
use scaffold::lint::validate;
use scaffold::pack::load::Pack;
use scaffold::render::plan::Plan;
use scaffold::render::tree::Tree;
use scaffold::text::error::Error;
use serde_json::json;

const PACK: [(&str, &str); 7] = [
    ("pack.toml", "name = \"sharing\"\nversion = \"1.0.0\"\nsummary = \"kinds that share\"\n"),
    (
        "parts/base/component.toml",
        r#"summary = "where it runs"
always = true

[target.here]
host = "127.0.0.1"
port = "{port}"

[runtime.plain]
user = 7
"#,
    ),
    (
        "parts/work/component.toml",
        r#"summary = "works"
always = true

[kind.worker]
summary = "works"
runtime = "plain"
shared = true

[kind.worker.workload.server]
command = ["serve"]
port = 10
set.DATA = "services/{service}/data"
at.here = { watch = ["lib", "services/{service}/data"] }

[kind.worker.workload.helper]
command = ["help"]

[kind.clerk]
summary = "keeps its own"
runtime = "plain"

[kind.clerk.workload.server]
command = ["serve"]

[[service]]
name = "worker"
kind = "worker"

[[service]]
name = "clerk"
kind = "clerk"
"#,
    ),
    (
        "parts/work/code@worker/lib.txt.tera",
        "{{ code.name }}: {{ code.folders | join(sep=\", \") }}\n",
    ),
    ("parts/work/files@worker/data/own.txt.tera", "{{ service.name }}\n"),
    (
        "parts/work/code@plain/image.txt.tera",
        "{{ code.path }} {{ code.workloads[0].command[0] }}\n",
    ),
    (
        "parts/work/files/all.txt.tera",
        "{% for code in codes %}{{ code.path }}\n{% endfor %}{% for image in images %}{{ image.name }} in {{ image.folder }}:{% for one in image.workloads %} {{ one.name }}{% endfor %}\n{% endfor %}",
    ),
];

/// The pack with some files replaced or added.
fn pack(changes: &[(&str, &str)]) -> (tempfile::TempDir, Pack) {
    let place = common::folder(&PACK);
    for (path, text) in changes {
        put(place.path(), path, text.as_bytes());
    }
    let pack = validate::load(place.path()).expect("the pack is sound");
    (place, pack)
}

/// The choices of a project with further services.
fn choices(pack: &Pack, services: &[(&str, &str)]) -> Choices {
    let mut choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
    for (name, kind) in services {
        choices.add_service(pack, name, kind).expect("a service can be added");
    }
    choices
}

fn tree(pack: &Pack, services: &[(&str, &str)]) -> Tree {
    tree_of(pack, choices(pack, services).complete(pack).expect("a valid selection"))
}

fn text(tree: &Tree, path: &str) -> String {
    let file = tree.get(path).unwrap_or_else(|| panic!("there is no {path}"));
    String::from_utf8_lossy(&file.bytes).into_owned()
}

#[test]
fn services_that_share_have_their_code_and_image_once() {
    let (_place, pack) = pack(&[]);
    let tree = tree(&pack, &[("other", "worker"), ("second", "clerk")]);
    let folders = "kinds/worker, services/other, services/worker";
    assert_eq!(text(&tree, "kinds/worker/lib.txt"), format!("worker: {folders}\n"));
    assert_eq!(text(&tree, "services/other/data/own.txt"), "other\n");
    assert!(tree.get("services/other/lib.txt").is_none());
    // What is for a runtime goes to the code of each kind in it, shared or not.
    for (path, content) in [
        ("kinds/worker/image.txt", "kinds/worker serve\n"),
        ("services/clerk/image.txt", "services/clerk serve\n"),
        ("services/second/image.txt", "services/second serve\n"),
    ] {
        assert_eq!(text(&tree, path), content);
    }
    assert_eq!(
        text(&tree, "all.txt"),
        "services/clerk\nkinds/worker\nservices/second\n\
         worker in kinds/worker: worker worker-helper other other-helper\n\
         clerk in services/clerk: clerk\nsecond in services/second: second\n"
    );
}

#[test]
fn what_differs_between_services_that_share_is_told_to_each() {
    let (_place, pack) = pack(&[]);
    let selection = choices(&pack, &[("other", "worker")]).complete(&pack).expect("it is valid");
    let plan = Plan::new(&pack, selection).expect("it can be planned");
    let other = plan.docking.workloads.iter().find(|workload| workload.name == "other");
    let other = other.expect("it runs");
    assert_eq!(other.folder, "kinds/worker");
    assert_eq!(other.env["here"][0].value, "services/other/data");
    assert_eq!(other.at["here"]["watch"], json!(["lib", "services/other/data"]));
}

/// The pack, in which the service that comes with the kind `worker` is called otherwise, or none comes.
fn without_worker(instead: &str) -> (tempfile::TempDir, Pack) {
    let (path, text) = PACK[2];
    let own = "[[service]]\nname = \"worker\"\nkind = \"worker\"\n";
    assert!(text.contains(own));
    pack(&[(path, &text.replace(own, instead))])
}

#[test]
fn without_its_services_a_kind_leaves_no_code() {
    let (_place, pack) = without_worker("");
    let tree = tree(&pack, &[]);
    let paths: Vec<&str> = tree.iter().map(|(path, _)| path).collect();
    assert!(!paths.iter().any(|path| path.starts_with("kinds/")), "{paths:?}");
}

#[test]
fn a_service_of_another_kind_cannot_take_the_name_of_an_image() {
    let (_place, pack) = without_worker("[[service]]\nname = \"first\"\nkind = \"worker\"\n");
    let selection = choices(&pack, &[("worker", "clerk")]).complete(&pack).expect("it is valid");
    let refused = Plan::new(&pack, selection).err().map(|error| error.to_string());
    let message = "a service cannot be called `worker`: another part of the project is";
    assert_eq!(refused.as_deref(), Some(message));
    tree(&pack, &[("worker", "worker")]);
}

/// A store, with what code in a language needs of it, and a component that gives that need to clerks.
const STORE: [(&str, &str); 3] = [
    (
        "parts/store/component.toml",
        "summary = \"keeps\"\nalways = true\n\n[provider]\nport = 20\n\n[offer.store.env.STORE]\nvalue = \"{host}\"\n",
    ),
    ("parts/store/for@store.plain/bindings/store.txt.tera", "{{ code.name }}\n"),
    (
        "parts/ledger/component.toml",
        "summary = \"clerks keep\"\nflag = \"ledger\"\n\n[to.clerk.need.store]\ntext = \"keep\"\n",
    ),
];

#[test]
fn what_a_need_brings_goes_to_the_code_that_has_it() {
    let (path, text) = PACK[2];
    let helper = "command = [\"help\"]\n";
    assert!(text.contains(helper));
    let needy = text.replace(helper, &format!("{helper}need.store = {{ text = \"keep\" }}\n"));
    let (_place, pack) = pack(&[&STORE[..], &[(path, &needy)]].concat());
    let adapters = |ledger: bool| -> Vec<String> {
        let mut choices = choices(&pack, &[("other", "worker")]);
        choices.components.insert("ledger".to_owned(), ledger);
        let tree = tree_of(&pack, choices.complete(&pack).expect("a valid selection"));
        let found = tree.iter().map(|(path, _)| path.to_owned());
        found.filter(|path| path.ends_with("bindings/store.txt")).collect()
    };
    assert_eq!(adapters(false), ["kinds/worker/bindings/store.txt"]);
    assert_eq!(
        adapters(true),
        ["kinds/worker/bindings/store.txt", "services/clerk/bindings/store.txt"]
    );
}

#[test]
fn a_file_for_what_nothing_offers_is_told() {
    let place = common::folder(&PACK);
    for (path, text) in &STORE[..2] {
        put(place.path(), path, text.as_bytes());
    }
    put(place.path(), "parts/store/for@stroe.plain/x.txt", b"x\n");
    let Err(Error::Pack(problems)) = validate::load(place.path()) else {
        panic!("it is refused");
    };
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        ["parts/store/for@stroe.plain/x.txt: nothing offers `stroe`; did you mean `store`?"]
    );
}

#[test]
fn code_is_of_kinds_and_runtimes_alone() {
    let place = common::folder(&PACK);
    put(place.path(), "parts/work/code@image/x.txt", b"x\n");
    let Err(Error::Pack(problems)) = validate::load(place.path()) else {
        panic!("it is refused");
    };
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "parts/work/code@image/x.txt: `image` has no code: that is of a kind of service or of a runtime"
        ]
    );
}

/// What further inference services add to a project of everything: the paths of each.
#[test]
fn a_further_inference_service_adds_eight_files_at_most_and_no_image() {
    let pack = embedded();
    let project = |count: usize| {
        let mut choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
        choices.components.insert("ml".to_owned(), true);
        choices.components.insert("realtime".to_owned(), true);
        for number in 1..count {
            choices
                .add_service(pack, &format!("scorer-{number}"), "inference")
                .expect("a service can be added");
        }
        let selection = choices.complete(pack).expect("a valid selection");
        let plan = Plan::new(pack, selection.clone()).expect("it can be planned");
        (tree_of(pack, selection), plan.docking.images.len())
    };
    let (one, images) = project(1);
    let known: BTreeSet<&str> = one.iter().map(|(path, _)| path).collect();
    for count in [2, 5, 10] {
        let (more, more_images) = project(count);
        let added: Vec<&str> =
            more.iter().map(|(path, _)| path).filter(|path| !known.contains(path)).collect();
        let lines: usize = added.iter().map(|path| text(&more, path).lines().count()).sum();
        let further = count - 1;
        println!(
            "{count} services: {} files and {lines} lines more, {} and {} each",
            added.len(),
            added.len() / further,
            lines / further
        );
        assert_eq!(added.len() % further, 0, "each adds the same: {added:?}");
        assert!(added.len() / further <= 8, "{added:?}");
        assert_eq!(more_images, images);
        for path in &added {
            assert!(path.contains("/scorer-"), "{path} belongs to none of them");
        }
    }
}
