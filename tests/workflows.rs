//! The generated project's workflow: pinned, with the least permissions, and running every check
//! that the project has.

mod common;

use std::collections::BTreeSet;

use common::matrix::{embedded, every_rendering};
use scaffold::error::Error;
use scaffold::plan::Plan;
use serde_yaml_ng::Value;

const WORKFLOW: &str = ".github/workflows/ci.yaml";

/// Command, project's services and checks, Makefile, and the jobs of each distinct workflow.
fn every_workflow() -> Vec<(String, BTreeSet<String>, String, Value)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for rendering in every_rendering() {
        let Some(file) = rendering.tree.get(WORKFLOW) else {
            assert!(!rendering.on.contains("github"), "{}", rendering.command);
            continue;
        };
        if !seen.insert(file.bytes.to_vec()) {
            continue;
        }
        let plan = Plan::new(embedded(), rendering.selection.clone());
        let plan = plan.unwrap_or_else(|error| panic!("{error}"));
        let mut checks: BTreeSet<String> = ["prettier", "packages/"].map(str::to_owned).into();
        checks.extend(plan.services.iter().map(|service| service.path.clone()));
        let added = plan.context["checks"].as_array().expect("checks are a list");
        checks.extend(added.iter().map(|check| check["name"].as_str().expect("a name").to_owned()));
        let makefile = rendering.tree.get("Makefile").expect("there is a Makefile");
        let makefile = String::from_utf8_lossy(&makefile.bytes).into_owned();
        let workflow = serde_yaml_ng::from_slice(&file.bytes).expect("the workflow is YAML");
        found.push((rendering.command.clone(), checks, makefile, workflow));
    }
    assert!(found.len() > 8, "{} workflows", found.len());
    found
}

fn jobs(workflow: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let jobs = workflow["jobs"].as_mapping().expect("there are jobs");
    jobs.iter().map(|(name, job)| (name.as_str().expect("a job has a name"), job))
}

fn steps(job: &Value) -> &[Value] {
    job["steps"].as_sequence().expect("a job has steps")
}

#[test]
fn every_action_is_pinned_by_commit_and_every_job_says_what_it_may() {
    for (command, _, _, workflow) in every_workflow() {
        let nothing =
            workflow["permissions"].as_mapping().is_some_and(serde_yaml_ng::Mapping::is_empty);
        assert!(nothing, "{command}: permissions for every job");
        for (name, job) in jobs(&workflow) {
            let place = format!("{command}: {name}");
            let permissions = job["permissions"].as_mapping();
            let permissions = permissions.unwrap_or_else(|| panic!("{place}: no permissions"));
            let writes = permissions.values().any(|level| level == "write");
            assert_eq!(writes, name == "publish", "{place}: writes");
            assert!(!job["timeout-minutes"].is_null(), "{place}: no time limit");
            for action in steps(job).iter().filter_map(|step| step["uses"].as_str()) {
                let (_, commit) = action.split_once('@').unwrap_or_default();
                let pinned = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
                assert!(pinned, "{place}: {action}");
            }
        }
    }
}

/// The one that opens a branch with the update: off until the repository says how to install us.
#[test]
fn the_workflow_of_updates_waits_for_an_installer_and_knows_the_exit_codes() {
    let rendering = every_rendering()
        .iter()
        .find(|rendering| rendering.on.contains("github"))
        .expect("a project with workflows");
    let file = rendering.tree.get(".github/workflows/scaffold.yaml").expect("the workflow");
    let workflow: Value = serde_yaml_ng::from_slice(&file.bytes).expect("the workflow is YAML");
    let (name, job) = jobs(&workflow).next().expect("a job");
    assert_eq!((name, job["if"].as_str()), ("update", Some("${{ vars.SCAFFOLD_INSTALL != '' }}")));
    let text = String::from_utf8_lossy(&file.bytes);
    let behind = Error::Behind { message: String::new(), hint: String::new() }.exit_code();
    assert!(text.contains(&format!(r#"[ "$code" = {behind} ]"#)), "{text}");
    for action in steps(job).iter().filter_map(|step| step["uses"].as_str()) {
        let (_, commit) = action.split_once('@').unwrap_or_default();
        assert_eq!(commit.len(), 40, "{action} is pinned by commit");
    }
}

#[test]
fn the_workflow_runs_every_check_and_only_commands_that_there_are() {
    for (command, checks, makefile, workflow) in every_workflow() {
        let mut run = BTreeSet::new();
        for (name, job) in jobs(&workflow) {
            for line in steps(job).iter().filter_map(|step| step["run"].as_str()) {
                let Some(make) = line.strip_prefix("make ") else {
                    continue;
                };
                let target = make.split(' ').next().unwrap_or_default();
                let known = makefile.contains(&format!("\n{target}:"));
                assert!(known, "{command}: {name}: there is no `make {target}`");
                let Some((_, only)) = make.split_once("ONLY=") else {
                    continue;
                };
                if only == "\"$ONLY\"" {
                    let paths = job["strategy"]["matrix"]["path"].as_sequence().expect("paths");
                    run.extend(paths.iter().map(|path| path.as_str().expect("text").to_owned()));
                } else {
                    run.insert(only.trim_matches('"').to_owned());
                }
            }
        }
        assert_eq!(run, checks, "{command}");
    }
}
