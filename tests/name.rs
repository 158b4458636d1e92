//! Names of projects: which work, which do not, and what is proposed instead.

use std::collections::BTreeMap;

use proptest::prelude::*;
use scaffold::choose::selection::Choices;
use scaffold::pack::load::Pack;
use scaffold::project::state::render;
use scaffold::render::plan::Plan;
use scaffold::render::tree::Tree;
use scaffold::text::error::Error;
use scaffold::text::name::Name;
use serde::Deserialize as _;
use serde_yaml_ng::Value;

fn refused(text: &str) -> (String, String) {
    let error = Name::project(text).expect_err("the name is refused");
    (error.to_string(), error.hint().unwrap_or_default())
}

#[test]
fn accepts_what_npm_dns_python_and_docker_accept() {
    for name in ["a", "myapp", "my-app", "app2", "a1-b2-c3", "x".repeat(63).as_str()] {
        assert!(Name::project(name).is_ok(), "{name}");
    }
}

#[test]
fn gives_every_form_of_a_name() {
    let name = Name::project("my-app").expect("a valid name");
    assert_eq!(
        (name.as_str(), name.snake().as_str(), name.title().as_str()),
        ("my-app", "my_app", "My App")
    );
}

#[test]
fn names_every_broken_rule_and_the_nearest_valid_name() {
    let cases = [
        ("", "`` cannot name a project: it is empty", "a name such as `my-app` works"),
        (
            "My App",
            "`My App` cannot name a project: npm and DNS names have no spaces; npm, DNS and Docker names have no capitals",
            "scaffold new my-app",
        ),
        (
            "my_app",
            "`my_app` cannot name a project: DNS names are made of a-z, 0-9 and `-`, not `_`",
            "scaffold new my-app",
        ),
        (
            "../up",
            "`../up` cannot name a project: DNS names are made of a-z, 0-9 and `-`, not `.`",
            "scaffold new up",
        ),
        (
            "1st",
            "`1st` cannot name a project: Python modules and Kubernetes Services start with a letter",
            "scaffold new st",
        ),
        (
            "-x-",
            "`-x-` cannot name a project: DNS and Docker names neither start nor end with `-`",
            "scaffold new x",
        ),
        (
            "class",
            "`class` cannot name a project: it is a Python keyword",
            "scaffold new class-app",
        ),
        (
            "http",
            "`http` cannot name a project: npm refuses the name of a module that Node.js has built in",
            "scaffold new http-app",
        ),
        (
            "con",
            "`con` cannot name a project: Windows keeps it for a device",
            "scaffold new con-app",
        ),
        (
            "grün",
            "`grün` cannot name a project: DNS names are made of a-z, 0-9 and `-`, not `ü`",
            "scaffold new grn",
        ),
    ];
    for (name, message, hint) in cases {
        assert_eq!(refused(name), (message.to_owned(), hint.to_owned()), "{name}");
    }
    let long = "x".repeat(64);
    let (message, hint) = refused(&long);
    assert_eq!(
        message,
        format!("`{long}` cannot name a project: DNS labels have at most 63 characters")
    );
    assert_eq!(hint, format!("scaffold new {}", "x".repeat(63)));
}

proptest! {
    #[test]
    fn every_proposed_name_is_valid(text in ".{0,80}") {
        if let Err(error) = Name::project(&text) {
            let hint = error.hint().unwrap_or_default();
            if let Some(name) = hint.strip_prefix("scaffold new ") {
                prop_assert!(Name::project(name).is_ok(), "{name:?} was proposed for {text:?}");
            }
        }
    }

    #[test]
    fn accepted_names_are_dns_labels_that_start_with_a_letter(text in "[a-zA-Z0-9_.-]{0,70}") {
        if Name::project(&text).is_ok() {
            prop_assert!(text.len() <= 63);
            prop_assert!(text.starts_with(|c: char| c.is_ascii_lowercase()));
            prop_assert!(!text.ends_with('-'));
            prop_assert!(text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        }
    }
}

// ---- Names that are made of names.

fn rendered(
    pack: &Pack,
    choices: &[(&str, &str)],
    services: &[(&str, &str)],
) -> Result<Tree, Error> {
    let mut all = Choices { name: Some("my-app".to_owned()), ..Choices::default() };
    for (key, value) in choices {
        match *key {
            "name" => all.name = Some((*value).to_owned()),
            _ => all.set_text(pack, &format!("{key}={value}"))?,
        }
    }
    for (name, kind) in services {
        all.add_service(pack, name, kind)?;
    }
    render(&Plan::new(pack, all.complete(pack)?)?)
}

const ALL: [(&str, &str); 4] =
    [("ml", "true"), ("realtime", "true"), ("bench", "true"), ("queue", "rabbitmq")];

/// What the project has already, in whatever form: an npm workspace, a manifest of Kubernetes, a
/// part of the diagram.
#[test]
fn a_service_cannot_be_called_as_something_that_is_made_already() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    for kind in ["gateway", "realtime", "inference"] {
        for name in [
            "contracts",
            "state",
            "bench",
            "client",
            "network",
            "namespace",
            "kustomization",
            "nginx",
            "redis",
            "rabbitmq",
            "inference-worker",
        ] {
            let is_npm = ["contracts", "state", "bench"].contains(&name);
            let result = rendered(&pack, &ALL, &[(name, kind)]);
            if kind == "inference" && is_npm {
                // No package of npm, so no clash.
                result.unwrap_or_else(|error| panic!("{name}={kind}: {error}"));
                continue;
            }
            let error = result.expect_err(name);
            let text = error.to_string();
            assert_eq!(error.exit_code(), 2, "{text}");
            assert!(text.starts_with(&format!("a service cannot be called `{name}`: ")), "{text}");
            let hint = error.hint().unwrap_or_default();
            assert_eq!(hint, format!("--service {name}-2={kind}"));
            let other = format!("{name}-2");
            rendered(&pack, &ALL, &[(&other, kind)])
                .unwrap_or_else(|error| panic!("{other}: {error}"));
        }
    }
    let error = rendered(&pack, &[], &[("contracts", "gateway")]).expect_err("it is refused");
    assert_eq!(
        error.to_string(),
        "a service cannot be called `contracts`: the npm workspace `@app/contracts` is in `packages/contracts/package.json` already"
    );
    // Where nothing is made of it, it is free.
    rendered(&pack, &[], &[("state", "gateway")]).expect("no ml and no realtime: no such package");
    rendered(&pack, &[("kubernetes", "false")], &[("network", "gateway")]).expect("no manifests");
}

/// Policies are called `one-from-other`: two pairs of services must not make one name.
#[test]
fn two_services_do_not_make_one_name_together() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let services =
        [("a", "inference"), ("b-from-c", "gateway"), ("a-from-b", "inference"), ("c", "gateway")];
    let error = rendered(&pack, &[("ml", "true")], &services).expect_err("it is refused");
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("`a-from-b-from-c`"), "{error}");
}

#[test]
fn a_project_cannot_be_called_as_a_namespace_of_kubernetes_itself() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    for name in ["kube-system", "kube-public", "kube-node-lease", "kube-mine", "default"] {
        let error = rendered(&pack, &[("name", name)], &[]).expect_err(name);
        assert_eq!(
            error.to_string(),
            format!(
                "a project cannot be called `{name}`: the Kubernetes namespace `{name}` is not free"
            )
        );
        assert_eq!(error.hint(), Some(format!("another name works, such as `my-{name}`")));
        assert_eq!(error.exit_code(), 2);
        let other = format!("my-{name}");
        rendered(&pack, &[("name", &other)], &[]).expect("what is proposed works");
        let without = [("name", name), ("kubernetes", "false")];
        rendered(&pack, &without, &[]).expect("without Kubernetes there is no namespace");
    }
    rendered(&pack, &[("name", "kubernetes")], &[]).expect("only the prefix is kept");
}

#[test]
fn a_name_that_becomes_too_long_says_what_it_becomes_and_how_long_it_may_be() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let name = "m".repeat(63);
    let error = rendered(&pack, &ALL, &[(&name, "inference")]).expect_err("a label is too long");
    assert_eq!(
        error.to_string(),
        format!(
            "a service cannot be called `{name}`: the Kubernetes label `{name}-worker` would have 70 characters, and 63 are allowed"
        )
    );
    assert_eq!(
        error.hint(),
        Some("56 characters are the most that this service can have here".to_owned())
    );
    let without = [("ml", "true"), ("kubernetes", "false")];
    rendered(&pack, &without, &[(&name, "inference")]).expect("without Kubernetes it is no label");
}

/// The longest name, up to 63, that `works`.
fn longest(works: impl Fn(&str) -> bool) -> String {
    let length = (1..=63).rev().find(|length| works(&"m".repeat(*length)));
    "m".repeat(length.expect("one letter works"))
}

/// Every name at its longest: whatever is rendered is within the limits of RFC 1123 and
/// Kubernetes, and nothing is there twice.
#[test]
fn the_longest_names_make_only_names_within_limits() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let project =
        longest(|name| rendered(&pack, &[&ALL[..], &[("name", name)]].concat(), &[]).is_ok());
    assert_eq!(project.len(), 63);
    for (kind, most) in [("gateway", 63), ("realtime", 63), ("inference", 56)] {
        let service = longest(|name| rendered(&pack, &ALL, &[(name, kind)]).is_ok());
        assert_eq!(service.len(), most, "{kind}");
        let choices = [&ALL[..], &[("name", project.as_str())]].concat();
        let tree = rendered(&pack, &choices, &[(&service, kind)]).expect("it was tried");
        let mut objects: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        let mut looked = 0;
        for (path, file) in tree
            .iter()
            .filter(|(path, _)| path.rsplit_once('.').is_some_and(|(_, suffix)| suffix == "yaml"))
        {
            let text = std::str::from_utf8(&file.bytes).expect("YAML is text");
            for document in serde_yaml_ng::Deserializer::from_str(text) {
                let value = Value::deserialize(document).expect("it is YAML");
                check_names(path, &value, &mut looked);
                let (kind, name) = (&value["kind"], &value["metadata"]["name"]);
                if let (Some(kind), Some(name), Some((folder, _))) =
                    (kind.as_str(), name.as_str(), path.rsplit_once('/'))
                {
                    *objects
                        .entry((folder.to_owned(), kind.to_owned(), name.to_owned()))
                        .or_default() += 1;
                }
            }
        }
        assert!(looked > 100, "names were looked at: {looked}");
        let twice: Vec<_> = objects.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
        let mut packages: Vec<String> = tree
            .iter()
            .filter(|(path, _)| path.ends_with("package.json"))
            .map(|(path, file)| {
                let manifest: serde_json::Value =
                    serde_json::from_slice(&file.bytes).unwrap_or_else(|_| panic!("{path}"));
                manifest["name"].as_str().unwrap_or(path).to_owned()
            })
            .collect();
        let all = packages.len();
        packages.sort();
        packages.dedup();
        assert_eq!(packages.len(), all, "each workspace has a name of its own");
        assert!(packages.iter().all(|name| name.len() <= 214), "npm's limit");
    }
}

/// Walks through a document: labels, names of objects, containers, ports and volumes.
fn check_names(path: &str, value: &Value, looked: &mut usize) {
    let within = |name: &str, most: usize, what: &str| {
        assert!(name.len() <= most, "{path}: {what} `{name}` has {} characters", name.len());
    };
    match value {
        Value::Mapping(fields) => {
            for (key, inner) in fields {
                let key = key.as_str().unwrap_or_default();
                if ["labels", "matchLabels", "podSelector"].contains(&key)
                    && let Value::Mapping(labels) = inner
                {
                    for text in labels.iter().filter_map(|(_, label)| label.as_str()) {
                        *looked += 1;
                        within(text, 63, "the label");
                    }
                }
                if ["containers", "initContainers", "volumes", "volumeMounts"].contains(&key) {
                    for text in inner.as_sequence().into_iter().flatten() {
                        if let Some(name) = text["name"].as_str() {
                            *looked += 1;
                            within(name, 63, "the container or volume");
                        }
                    }
                }
                if ["serviceName", "namespace", "hostname"].contains(&key)
                    && let Some(name) = inner.as_str()
                {
                    *looked += 1;
                    within(name, 63, key);
                }
                check_names(path, inner, looked);
            }
            let kind = value["kind"].as_str().unwrap_or_default();
            if let Some(name) = value["metadata"]["name"].as_str() {
                *looked += 1;
                let is_label =
                    ["Service", "Namespace", "Deployment", "StatefulSet"].contains(&kind);
                within(name, if is_label { 63 } else { 253 }, kind);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                check_names(path, item, looked);
            }
        }
        _ => {}
    }
}
