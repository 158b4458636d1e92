//! Manifests, workflows and every other YAML file of every selection, under the tools of their
//! own field. Needs kubectl and the Python registry: `make servers` runs it.
#![cfg(unix)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::matrix::{
    Rendering, embedded, every_distinct_file, every_distinct_folder, has_usual_services,
    with_further_services,
};
use common::project::{checker, run};
use common::proof::{prove, uses_file};
use common::{put, repository};
use serde_yaml_ng::Value;

/// What no schema here describes.
const FOREIGN_KINDS: [&str; 3] = ["HTTPRoute", "ScaledObject", "TriggerAuthentication"];
/// The newest versions that kubernetes-validate knows.
const VERSIONS: [&str; 3] = ["1.35", "1.36", "1.37"];

/// An empty folder under target/.
fn fresh(name: &str) -> PathBuf {
    let folder = repository().join("target/manifests").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the folder of an earlier run is removed");
    }
    fs::create_dir_all(&folder).expect("a folder is made");
    folder
}

/// Writes each distinct file of every selection that `wanted` picks; gives back how many.
fn write_distinct(folder: &Path, wanted: impl Fn(&str) -> bool) -> usize {
    let mut written = 0;
    for (number, (command, path, file)) in every_distinct_file().into_iter().enumerate() {
        if wanted(path) {
            uses_file(path);
            put(folder, &format!("{number}/{path}"), &file.bytes);
            put(folder, &format!("{number}/command"), command.as_bytes());
            written += 1;
        }
    }
    written
}

/// An overlay of a selection, and the documents that `kubectl kustomize` makes of it.
struct Overlay {
    command: String,
    name: String,
    resources: Vec<String>,
}

/// Whether its services are those that come by themselves; or all are there that one project can have.
/// What services are called makes no other manifests.
fn is_usual(rendering: &Rendering) -> bool {
    has_usual_services(&rendering.selection)
        || rendering.selection.components.len() == embedded().flagged().count()
}

/// Each overlay of each distinct set of manifests, as it is and with all components switched on
/// (`dev-all`, `prod-all`).
fn every_overlay(folder: &Path) -> Vec<Overlay> {
    const PREFIXES: [&str; 4] = ["deploy/", "infra/postgres/", "infra/redis/", "infra/rabbitmq/"];
    let mut projects: Vec<(String, BTreeMap<&str, &[u8]>)> = every_distinct_folder(&PREFIXES)
        .into_iter()
        .filter(|(rendering, _)| rendering.on.contains("kubernetes"))
        .filter(|(rendering, _)| is_usual(rendering))
        .map(|(rendering, files)| (rendering.command.clone(), files))
        .collect();
    let further = with_further_services().iter();
    let further = further.filter(|rendering| rendering.on.contains("kubernetes"));
    projects.extend(further.map(|rendering| {
        let files = rendering.tree.iter().map(|(path, file)| (path, &*file.bytes));
        let wanted = |path: &str| PREFIXES.iter().any(|prefix| path.starts_with(prefix));
        (rendering.command.clone(), files.filter(|(path, _)| wanted(path)).collect())
    }));
    let mut overlays = Vec::new();
    for (number, (command, files)) in projects.into_iter().enumerate() {
        let project = folder.join(number.to_string());
        for (path, bytes) in files {
            uses_file(path);
            put(&project, path, bytes);
        }
        put(&project, "command", command.as_bytes());
        let deploy = project.join("deploy/kubernetes");
        for overlay in ["dev", "prod"] {
            // As somebody would who switches all components on.
            let mut all = format!("resources:\n  - '../{overlay}'\ncomponents:\n");
            for entry in fs::read_dir(deploy.join("components")).expect("there are components") {
                let name = entry.expect("readable").file_name();
                let _ = writeln!(all, "  - '../../components/{}'", name.to_string_lossy());
            }
            put(&deploy, &format!("overlays/{overlay}-all/kustomization.yaml"), all.as_bytes());
            for name in [overlay.to_owned(), format!("{overlay}-all")] {
                let path = format!("deploy/kubernetes/overlays/{name}");
                let text = run(&project, None, &["kubectl", "kustomize", &path]);
                put(&project, &format!("{name}.yaml"), text.as_bytes());
                let resources = text.split("\n---\n").map(str::to_owned).collect();
                overlays.push(Overlay { command: command.clone(), name, resources });
            }
        }
    }
    assert!(overlays.len() >= 16, "{} overlays were built", overlays.len());
    overlays
}

#[test]
#[ignore = "needs kubectl and the Python registry; `make servers` runs it"]
fn every_overlay_builds_and_has_only_fields_that_kubernetes_knows() {
    let Some(_proof) =
        prove("manifests::every_overlay_builds_and_has_only_fields_that_kubernetes_knows")
    else {
        return;
    };
    let folder = fresh("kubernetes");
    let overlays = every_overlay(&folder);
    let is_known = |resource: &&String| {
        FOREIGN_KINDS.iter().all(|kind| !resource.contains(&format!("\nkind: {kind}\n")))
    };
    // Most resources are the same in most overlays.
    let resources: BTreeSet<&String> =
        overlays.iter().flat_map(|overlay| &overlay.resources).filter(is_known).collect();
    let all: Vec<&str> = resources.iter().map(|resource| resource.trim_end()).collect();
    put(&folder, "resources.yaml", (all.join("\n---\n") + "\n").as_bytes());
    for version in VERSIONS {
        let validate = checker("kubernetes-validate");
        let report = run(&folder, None, &[&validate, "--strict", "-k", version, "resources.yaml"]);
        let passed = report.lines().filter(|line| line.contains(" passed for resource ")).count();
        assert_eq!(passed, resources.len(), "resources that passed for {version}");
    }
    println!("{} overlays, {} resources, versions {VERSIONS:?}", overlays.len(), resources.len());
}

/// What a node has is taken as it is, so that images can be loaded into a cluster without a
/// registry; and no image goes by a tag that moves with every build of everything.
#[test]
#[ignore = "needs kubectl; `make servers` runs it"]
fn no_overlay_pulls_an_image_that_is_there() {
    let Some(_proof) = prove("manifests::no_overlay_pulls_an_image_that_is_there") else { return };
    let mut images = BTreeSet::new();
    for overlay in every_overlay(&fresh("images")) {
        for (workload, template) in pod_templates(&overlay) {
            for container in template["containers"].as_sequence().expect("a pod has containers") {
                let image = container["image"].as_str().expect("a container has an image");
                let place = format!("{}: {}: {workload}: {image}", overlay.command, overlay.name);
                let (_, tag) = image.rsplit_once(':').unwrap_or_else(|| panic!("{place}: no tag"));
                assert_ne!(tag, "latest", "{place}");
                assert_ne!(container["imagePullPolicy"], "Always", "{place}");
                images.insert(image.to_owned());
            }
        }
    }
    println!("{images:?}");
}

/// Thousandths of a processor that a small cluster has: two processors, less what its own pods ask
/// for (kubeadm's and kind's defaults: API server 250, controllers 200, scheduler 100, etcd 100,
/// two of `CoreDNS` 100 each, kindnet 100).
const SMALL_CLUSTER: u64 = 2000 - 950;

/// The overlay `dev` fits a small cluster with every autoscaler at its end, and even while all
/// Deployments are rolled out at once, each with the pods that it may have beyond its replicas.
#[test]
#[ignore = "needs kubectl; `make servers` runs it"]
fn the_overlay_dev_fits_two_processors_while_all_of_it_is_rolled_out() {
    let Some(_proof) =
        prove("manifests::the_overlay_dev_fits_two_processors_while_all_of_it_is_rolled_out")
    else {
        return;
    };
    let mut largest = 0;
    for overlay in every_overlay(&fresh("requests")) {
        if overlay.name != "dev" {
            continue;
        }
        let autoscalers: BTreeMap<String, u64> = parsed(&overlay)
            .filter(|document| document["kind"] == "HorizontalPodAutoscaler")
            .map(|document| {
                let target = document["spec"]["scaleTargetRef"]["name"].as_str().expect("a target");
                let most = document["spec"]["maxReplicas"].as_u64().expect("a number");
                (target.to_owned(), most)
            })
            .collect();
        let mut asked = 0;
        for document in parsed(&overlay).filter(|document| !document["spec"]["template"].is_null())
        {
            let name = document["metadata"]["name"].as_str().expect("a name");
            let spec = &document["spec"];
            let replicas = autoscalers.get(name).copied();
            let replicas = replicas.or(spec["replicas"].as_u64()).unwrap_or(1);
            let surge = spec["strategy"]["rollingUpdate"]["maxSurge"].as_u64().unwrap_or(0);
            let containers = spec["template"]["spec"]["containers"].as_sequence();
            for container in containers.expect("a pod has containers") {
                let cpu = container["resources"]["requests"]["cpu"].as_str();
                let cpu = cpu.and_then(|cpu| cpu.strip_suffix('m')).expect("millicores");
                asked += (replicas + surge) * cpu.parse::<u64>().expect("a number");
            }
        }
        let command = &overlay.command;
        assert!(asked <= SMALL_CLUSTER, "{command}: {asked} of {SMALL_CLUSTER} millicores");
        assert!(asked > 0, "{command}");
        largest = largest.max(asked);
    }
    println!("at most {largest} of {SMALL_CLUSTER} millicores");
}

fn parsed(overlay: &Overlay) -> impl Iterator<Item = Value> {
    overlay.resources.iter().map(|text| serde_yaml_ng::from_str(text).expect("it is YAML"))
}

/// What each workload of an overlay makes its pods of, with the workload's name.
fn pod_templates(overlay: &Overlay) -> impl Iterator<Item = (String, Value)> {
    parsed(overlay).filter(|document| !document["spec"]["template"].is_null()).map(|document| {
        let name = document["metadata"]["name"].as_str().expect("a name").to_owned();
        (name, document["spec"]["template"]["spec"].clone())
    })
}

#[test]
#[ignore = "needs the Python registry; `make servers` runs it"]
fn workflows_and_renovate_meet_their_schemas() {
    let Some(_proof) = prove("manifests::workflows_and_renovate_meet_their_schemas") else {
        return;
    };
    let folder = fresh("github");
    for (schema, ending) in [
        ("vendor.github-workflows", "workflows/ci.yaml"),
        ("vendor.github-workflows", "workflows/scaffold.yaml"),
        ("vendor.renovate", "renovate.json"),
    ] {
        let files = write_distinct(&folder, |path| path.ends_with(ending));
        assert!(files > 0, "no {ending}");
        let checker = checker("check-jsonschema");
        let command =
            format!("find . -path '*/{ending}' | xargs {checker} --builtin-schema {schema}");
        run(&folder, None, &["sh", "-c", &command]);
        println!("{files} of {ending}");
    }
    // And this repository's own.
    let checker = checker("check-jsonschema");
    let command = format!("{checker} --builtin-schema vendor.github-workflows .github/workflows/*");
    run(&repository(), None, &["sh", "-c", &command]);
}

/// Injected text, kept tokens, poisoned caches, actions that move, and what else is known of
/// workflows; what it says of versions that only GitHub knows is left out.
#[test]
#[ignore = "needs the Python registry; `make servers` runs it"]
fn workflows_have_no_hole_that_is_known() {
    let Some(_proof) = prove("manifests::workflows_have_no_hole_that_is_known") else { return };
    let folder = fresh("workflows");
    let files = write_distinct(&folder, |path| path.starts_with(".github/"));
    assert!(files > 1, "{files} workflows");
    let own = repository().join(".github");
    let own = own.to_str().expect("the path is UTF-8");
    run(&folder, None, &[&checker("zizmor"), "--offline", "--no-progress", "--quiet", ".", own]);
    println!("{files} workflows");
}

#[test]
#[ignore = "needs the Python registry; `make servers` runs it"]
fn every_yaml_file_is_clean() {
    let Some(_proof) = prove("manifests::every_yaml_file_is_clean") else { return };
    let folder = fresh("yaml");
    let files = write_distinct(&folder, |path| {
        [".yaml", ".yml"].iter().any(|ending| path.ends_with(ending))
    });
    assert!(files > 20, "{files} YAML files");
    let rules = repository().join("templates/targets/kubernetes/files/.yamllint.yaml");
    let rules = rules.to_str().expect("the path is UTF-8");
    run(&folder, None, &[&checker("yamllint"), "--strict", "--config-file", rules, "."]);
    println!("{files} YAML files");
    // A service may be called `y` or `null`, which is no text where it stands without quotes.
    let lint = checker("yamllint");
    let quoted = "{rules: {quoted-strings: {required: true}}}";
    let command = format!("find . -path '*/deploy/*.yaml' | xargs {lint} --strict -d '{quoted}'");
    run(&folder, None, &["sh", "-c", &command]);
}
