//! Manifests, workflows and every other YAML file of every selection, under the tools of their
//! own field. Needs kubectl and the Python registry: `make servers` runs it.
#![cfg(unix)]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::matrix::{embedded, every_distinct_file, every_distinct_folder};
use common::project::run;
use common::{put, repository};

/// What no schema here describes.
const FOREIGN_KINDS: [&str; 3] = ["HTTPRoute", "ScaledObject", "TriggerAuthentication"];
/// The newest versions that kubernetes-validate knows.
const VERSIONS: [&str; 3] = ["1.35", "1.36", "1.37"];

/// A program of the checkers' environment, which is made where it is missing.
fn tool(program: &str) -> String {
    let tools = repository().join("target/tools/manifests");
    let programs = tools.join("bin");
    if !programs.join("check-jsonschema").exists() {
        fs::create_dir_all(&tools).expect("a folder for tools");
        run(&tools, None, &["python3", "-m", "venv", "."]);
        let pinned = |name: &str| {
            format!("{name}=={}", embedded().versions["python"][name].as_str().expect("a version"))
        };
        let (validate, lint) = (pinned("kubernetes-validate"), pinned("yamllint"));
        run(
            &tools,
            None,
            &["bin/pip", "install", "--quiet", &validate, &lint, "check-jsonschema==0.39.0"],
        );
    }
    programs.join(program).to_str().expect("the path is UTF-8").to_owned()
}

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
            put(folder, &format!("{number}/{path}"), &file.bytes);
            put(folder, &format!("{number}/command"), command.as_bytes());
            written += 1;
        }
    }
    written
}

#[test]
#[ignore = "needs kubectl and the Python registry; `make servers` runs it"]
fn every_overlay_builds_and_has_only_fields_that_kubernetes_knows() {
    let folder = fresh("kubernetes");
    let mut overlays = 0;
    // Most resources are the same in most overlays.
    let mut resources: BTreeSet<String> = BTreeSet::new();
    for (number, (rendering, files)) in
        every_distinct_folder(&["deploy/", "infra/redis/", "infra/rabbitmq/"])
            .into_iter()
            .enumerate()
    {
        if !rendering.on.contains("kubernetes") {
            continue;
        }
        let project = folder.join(number.to_string());
        for (path, bytes) in files {
            put(&project, path, bytes);
        }
        put(&project, "command", rendering.command.as_bytes());
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
                overlays += 1;
                let is_known = |resource: &&str| {
                    FOREIGN_KINDS
                        .iter()
                        .all(|kind| !resource.contains(&format!("\nkind: {kind}\n")))
                };
                resources.extend(text.split("\n---\n").filter(is_known).map(str::to_owned));
            }
        }
    }
    assert!(overlays >= 16, "{overlays} overlays were built");
    let all: Vec<&str> = resources.iter().map(|resource| resource.trim_end()).collect();
    put(&folder, "resources.yaml", (all.join("\n---\n") + "\n").as_bytes());
    for version in VERSIONS {
        let validate = tool("kubernetes-validate");
        let report = run(&folder, None, &[&validate, "--strict", "-k", version, "resources.yaml"]);
        let passed = report.lines().filter(|line| line.contains(" passed for resource ")).count();
        assert_eq!(passed, resources.len(), "resources that passed for {version}");
    }
    println!("{overlays} overlays, {} resources, versions {VERSIONS:?}", resources.len());
}

#[test]
#[ignore = "needs the Python registry; `make servers` runs it"]
fn workflows_and_renovate_meet_their_schemas() {
    let folder = fresh("github");
    for (schema, ending) in [
        ("vendor.github-workflows", "workflows/ci.yaml"),
        ("vendor.github-workflows", "workflows/scaffold.yaml"),
        ("vendor.renovate", "renovate.json"),
    ] {
        let files = write_distinct(&folder, |path| path.ends_with(ending));
        assert!(files > 0, "no {ending}");
        let checker = tool("check-jsonschema");
        let command =
            format!("find . -path '*/{ending}' | xargs {checker} --builtin-schema {schema}");
        run(&folder, None, &["sh", "-c", &command]);
        println!("{files} of {ending}");
    }
}

#[test]
#[ignore = "needs the Python registry; `make servers` runs it"]
fn every_yaml_file_is_clean() {
    let folder = fresh("yaml");
    let files = write_distinct(&folder, |path| {
        [".yaml", ".yml"].iter().any(|ending| path.ends_with(ending))
    });
    assert!(files > 20, "{files} YAML files");
    let rules = repository().join("templates/components/kubernetes/files/.yamllint.yaml");
    let rules = rules.to_str().expect("the path is UTF-8");
    run(&folder, None, &[&tool("yamllint"), "--strict", "--config-file", rules, "."]);
    println!("{files} YAML files");
    // A service may be called `y` or `null`, which is no text where it stands without quotes.
    let lint = tool("yamllint");
    let quoted = "{rules: {quoted-strings: {required: true}}}";
    let command = format!("find . -path '*/deploy/*.yaml' | xargs {lint} --strict -d '{quoted}'");
    run(&folder, None, &["sh", "-c", &command]);
}
