//! The generated project's workflows: pinned, with the least permissions, running every check that
//! the project has, and no text from outside.

mod common;

use std::collections::BTreeSet;
#[cfg(unix)]
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use common::matrix::{embedded, every_rendering, with_further_services};
#[cfg(unix)]
use common::{put, scaffold_ok, small_pack, stderr, stdout};
use scaffold::render::plan::Plan;
use scaffold::text::error::Error;
use serde_yaml_ng::Value;

const WORKFLOW: &str = ".github/workflows/ci.yaml";
const UPDATE_WORKFLOW: &str = ".github/workflows/scaffold.yaml";

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
        checks.extend(plan.codes.iter().map(|code| code.path.clone()));
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

/// Command, path and content of each distinct workflow.
fn every_workflow_file() -> Vec<(&'static str, &'static str, Value)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for rendering in every_rendering().iter().chain(with_further_services()) {
        for (path, file) in rendering.tree.iter() {
            if path.starts_with(".github/workflows/") && seen.insert(&file.bytes) {
                let workflow = serde_yaml_ng::from_slice(&file.bytes).expect("it is YAML");
                found.push((rendering.command.as_str(), path, workflow));
            }
        }
    }
    assert!(found.iter().any(|(_, path, _)| *path == UPDATE_WORKFLOW), "{found:?}");
    found
}

/// What each job that may write something may write; the others may read the repository.
const WRITERS: [(&str, &str, &[&str]); 2] = [
    (WORKFLOW, "publish", &["attestations", "id-token", "packages"]),
    (UPDATE_WORKFLOW, "propose", &["contents", "pull-requests"]),
];

#[test]
fn every_action_is_pinned_by_commit_and_every_job_has_the_least_permissions() {
    for (command, path, workflow) in every_workflow_file() {
        let nothing =
            workflow["permissions"].as_mapping().is_some_and(serde_yaml_ng::Mapping::is_empty);
        assert!(nothing, "{command}: {path}: permissions for every job");
        for (name, job) in jobs(&workflow) {
            let place = format!("{command}: {path}: {name}");
            let permissions = job["permissions"].as_mapping();
            let permissions = permissions.unwrap_or_else(|| panic!("{place}: no permissions"));
            let of = |level: &str| -> BTreeSet<&str> {
                let of_level = permissions.iter().filter(|(_, one)| *one == level);
                of_level.filter_map(|(what, _)| what.as_str()).collect()
            };
            let expected = WRITERS.iter().find(|(file, job, _)| (*file, *job) == (path, name));
            let expected = expected.map_or(&[][..], |(_, _, writes)| writes);
            assert_eq!(of("write"), expected.iter().copied().collect(), "{place}: writes");
            let all = of("write").len() + of("read").len();
            assert_eq!(all, permissions.len(), "{place}: read or write");
            assert!(of("read").is_subset(&["contents"].into()), "{place}: reads");
            assert!(!job["timeout-minutes"].is_null(), "{place}: no time limit");
            for step in steps(job).iter().filter(|step| !step["uses"].is_null()) {
                let action = step["uses"].as_str().expect("an action is text");
                let (action, commit) = action.split_once('@').unwrap_or_default();
                let pinned = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
                assert!(pinned, "{place}: {action}@{commit}");
                // Whatever runs later in the job would find the token in the folder.
                if action == "actions/checkout" {
                    let kept = &step["with"]["persist-credentials"];
                    assert_eq!(*kept, Value::Bool(false), "{place}: the token is kept");
                }
            }
        }
    }
}

/// Neither a variable, nor a title, nor a branch's name is ever read as code: text goes to a
/// script through its environment, and no script evaluates any.
#[test]
fn no_workflow_runs_text_from_outside() {
    let mut scripts = 0;
    for (command, path, workflow) in every_workflow_file() {
        let on = workflow["on"].as_mapping().expect("a workflow says when it runs");
        for event in on.keys().filter_map(Value::as_str) {
            let known = ["push", "pull_request", "schedule", "workflow_dispatch"];
            // `pull_request_target` and `workflow_run` give a stranger's change this one's rights.
            assert!(known.contains(&event), "{command}: {path}: on {event}");
        }
        for (name, job) in jobs(&workflow) {
            let place = format!("{command}: {path}: {name}");
            for script in steps(job).iter().filter_map(|step| step["run"].as_str()) {
                scripts += 1;
                assert!(!script.contains("${{"), "{place}: an expression within {script}");
                for word in ["eval", "source", "sh -c", "bash -c", "python -c", "xargs"] {
                    let evaluates = script.split(['\n', ';', '|', '&', '(', '{']).any(|part| {
                        let mut part = part.trim_start();
                        for before in ["if ", "then ", "do ", "else ", "elif ", "! ", "exec "] {
                            part = part.strip_prefix(before).unwrap_or(part).trim_start();
                        }
                        part.starts_with(word)
                    });
                    assert!(!evaluates, "{place}: `{word}` within {script}");
                }
            }
            let whole = serde_yaml_ng::to_string(job).expect("a job is YAML");
            if WRITERS.iter().any(|(file, writer, _)| (*file, *writer) == (path, name)) {
                for foreign in ["vars.", "inputs.", "github.event.", "github.head_ref"] {
                    assert!(!whole.contains(foreign), "{place}: writes, and reads {foreign}");
                }
                // What an earlier run has put there, among it one of code that nobody has read.
                for step in steps(job) {
                    let takes = |part: &Value| {
                        serde_yaml_ng::to_string(part).expect("it is YAML").contains("cache")
                    };
                    let cached = takes(&step["uses"]) || takes(&step["with"]);
                    assert!(!cached, "{place}: writes, and takes from a cache: {step:?}");
                }
            }
        }
    }
    assert!(scripts > 20, "{scripts} scripts");
}

/// The script of a step of the workflow that keeps a project up to date.
#[cfg(unix)]
fn script(job: &str, step: &str) -> String {
    let all = every_workflow_file();
    let (_, _, workflow) =
        all.iter().find(|(_, path, _)| *path == UPDATE_WORKFLOW).expect("the workflow");
    let job = &workflow["jobs"][job];
    let found = steps(job).iter().find(|one| one["id"] == step);
    found.and_then(|step| step["run"].as_str()).expect("there is such a step").to_owned()
}

/// A project that is behind its pack, where its workflow can run: an `origin`, and `scaffold` on
/// the path. `gh` is GitHub's own; what stands for it notes what it was told.
#[cfg(unix)]
struct Runner {
    work: tempfile::TempDir,
    pack: tempfile::TempDir,
}

#[cfg(unix)]
impl Runner {
    fn new() -> Self {
        let pack = small_pack(&[("components/base/files/text.md", "one\n")]);
        let runner = Self { work: tempfile::tempdir().expect("a temporary folder"), pack };
        let templates = runner.pack.path().to_str().expect("UTF-8");
        scaffold_ok(runner.work.path(), &["new", "x", "--templates", templates]);
        let program = env!("CARGO_BIN_EXE_scaffold");
        let programs = [
            ("scaffold", format!("exec '{program}' \"$@\" --templates '{templates}'")),
            ("gh", format!("echo \"$@\" >>'{}'", runner.path("told").display())),
        ];
        for (name, line) in programs {
            let path = format!("bin/{name}");
            put(runner.work.path(), &path, format!("#!/bin/sh\n{line}\n").as_bytes());
            fs::set_permissions(runner.path(&path), fs::Permissions::from_mode(0o755))
                .expect("a program may run");
        }
        runner.git("x", &["init", "--quiet", "--initial-branch=main"]);
        runner.git("x", &["add", "--all"]);
        runner.git("x", &["commit", "--quiet", "--message=new"]);
        runner.git(".", &["clone", "--quiet", "--bare", "x", "origin"]);
        runner
    }

    fn path(&self, path: &str) -> PathBuf {
        self.work.path().join(path)
    }

    /// A newer version of the pack, in which the file is another.
    fn publish(&self) {
        let pack = self.pack.path();
        let manifest = fs::read_to_string(pack.join("pack.toml")).expect("the pack");
        let manifest = manifest.replace("version = \"1.2.3\"", "version = \"2.0.0\"");
        put(pack, "pack.toml", manifest.as_bytes());
        put(pack, "components/base/files/text.md", b"two\n");
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(arguments);
        let output = command.current_dir(self.path(folder)).output().expect("git starts");
        assert!(output.status.success(), "git {arguments:?}: {}", stderr(&output));
        stdout(&output).trim().to_owned()
    }

    /// A fresh copy of the repository for a job, and a folder for what it leaves.
    fn checkout(&self, job: &str) {
        self.git(".", &["clone", "--quiet", "origin", job]);
        fs::create_dir(self.path(&format!("{job}-temp"))).expect("a folder is made");
    }

    /// Runs a step as the runner does; whether it succeeded, and all that it said.
    fn step(&self, job: &str, script: &str) -> (bool, String) {
        let path = std::env::var("PATH").expect("there is a path");
        let temp = self.path(&format!("{job}-temp"));
        let output = Command::new("bash")
            .args(["-e", "-c", script])
            .current_dir(self.path(job))
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("GITHUB_OUTPUT", temp.join("output"))
            .env("GITHUB_PATH", temp.join("path"))
            .env("RUNNER_TEMP", &temp)
            .env("SCAFFOLD_REPOSITORY", "me/tools")
            .output()
            .expect("bash starts");
        (output.status.success(), stdout(&output) + &stderr(&output))
    }
}

#[cfg(unix)]
#[test]
fn an_update_goes_from_the_job_that_renders_to_the_job_that_pushes_as_a_patch() {
    let runner = Runner::new();
    let update = script("render", "update");
    let (apply, push) = (script("propose", "apply"), script("propose", "push"));

    runner.checkout("early");
    let (done, said) = runner.step("early", &update);
    assert!(done && !runner.path("early-temp/output").exists(), "nothing is new: {said}");

    runner.publish();
    runner.checkout("render");
    let (done, said) = runner.step("render", &update);
    assert!(done, "{said}");
    let output = fs::read_to_string(runner.path("render-temp/output")).expect("an output");
    assert_eq!(output, "behind=true\n");
    let rendered = runner.git("render", &["write-tree"]);

    for job in ["propose", "again"] {
        runner.checkout(job);
        let patch = runner.path(&format!("{job}-temp/update.patch"));
        fs::copy(runner.path("render-temp/update.patch"), patch).expect("the patch is brought");
        let (done, said) = runner.step(job, &apply);
        assert!(done, "{said}");
    }
    let (done, said) = runner.step("propose", &push);
    assert!(done, "{said}");
    let pushed = runner.git("origin", &["rev-parse", "scaffold-update^{tree}"]);
    assert_eq!(pushed, rendered, "what was pushed is what was rendered");
    assert_eq!(runner.git("origin", &["show", "scaffold-update:text.md"]), "two");
    let told = fs::read_to_string(runner.path("told")).expect("gh was called");
    assert!(told.contains("pr create --head scaffold-update"), "{told}");

    // Somebody may have resolved conflicts there since.
    let before = runner.git("origin", &["rev-parse", "scaffold-update"]);
    let (done, said) = runner.step("again", &push);
    assert!(!done && said.contains("scaffold-update is there already"), "{said}");
    assert_eq!(runner.git("origin", &["rev-parse", "scaffold-update"]), before);
}

/// A patch may come from a program that was not what it was taken for.
#[cfg(unix)]
#[test]
fn a_patch_may_change_neither_workflows_nor_what_lies_outside() {
    let runner = Runner::new();
    let apply = script("propose", "apply");
    let file = |path: &str, mode: &str, text: &str| {
        format!(
            "diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n\
             @@ -0,0 +1 @@\n+{text}\n"
        )
    };
    let cases = [
        ("plain", file("docs/new.md", "100644", "text"), true),
        ("workflow", file(".github/workflows/more.yaml", "100644", "on: push"), false),
        ("action", file(".github/actions/x/action.yaml", "100644", "runs:"), false),
        ("hook", file(".git/hooks/pre-push", "100755", "#!/bin/sh"), false),
        ("above", file("../outside", "100644", "text"), false),
        ("link", file("docs/link", "120000", "/etc/passwd"), false),
        ("module", file("sub", "160000", &format!("Subproject commit {:040}", 1)), false),
        ("modules", file(".gitmodules", "100644", "[submodule \"x\"]"), false),
        ("nothing", String::new(), false),
    ];
    for (name, patch, allowed) in cases {
        runner.checkout(name);
        put(runner.work.path(), &format!("{name}-temp/update.patch"), patch.as_bytes());
        let (done, said) = runner.step(name, &apply);
        assert_eq!(done, allowed, "{name}: {said}");
    }
}

/// The one that opens a pull request: off until the repository says whose program to run.
#[test]
fn the_workflow_of_updates_waits_for_somebody_to_trust_and_knows_the_exit_codes() {
    let all = every_workflow_file();
    let (_, _, workflow) =
        all.iter().find(|(_, path, _)| *path == UPDATE_WORKFLOW).expect("the workflow");
    let render = &workflow["jobs"]["render"];
    assert_eq!(render["if"], "${{ vars.SCAFFOLD_REPOSITORY != '' }}");
    let step = steps(render).iter().find(|step| step["id"] == "update");
    let update = step.and_then(|step| step["run"].as_str()).expect("there is such a step");
    let behind = Error::Behind { message: String::new(), hint: String::new() }.exit_code();
    assert!(update.contains(&format!(r#"[ "$code" = {behind} ]"#)));
}

/// A release that was not built where it is said to be is not run.
#[cfg(unix)]
#[test]
fn the_workflow_of_updates_runs_only_a_release_whose_origin_is_proven() {
    let install = script("render", "install");
    for is_proven in [true, false] {
        let runner = Runner::new();
        runner.checkout("render");
        let verify = if is_proven { "exit 0" } else { "echo 'no attestation'; exit 1" };
        // The archive that scripts/package.py makes is called so.
        let archive = "scaffold-linux-x86_64.tar.gz";
        let gh = format!(
            "#!/bin/sh\necho \"$@\" >>'{}'\n[ \"$1\" != attestation ] || {{ {verify}; }}\ncp '{}' \"$RUNNER_TEMP/{archive}\"\n",
            runner.path("told").display(),
            runner.path(archive).display(),
        );
        put(runner.work.path(), "bin/gh", gh.as_bytes());
        put(runner.work.path(), "release/scaffold", b"#!/bin/sh\necho released\n");
        let pack = ["-czf", archive, "-C", "release", "scaffold"];
        let packed = Command::new("tar").args(pack).current_dir(runner.work.path()).status();
        assert!(packed.expect("tar starts").success());
        let (done, said) = runner.step("render", &install);
        assert_eq!(done, is_proven, "{said}");
        let temp = runner.path("render-temp");
        assert_eq!(temp.join("bin/scaffold").exists(), is_proven);
        assert_eq!(temp.join("path").exists(), is_proven, "nothing of it is on the path");
        let told = fs::read_to_string(runner.path("told")).expect("gh was called");
        let expected = format!(
            "release download --repo me/tools --pattern {archive} --dir {0}\nattestation verify {0}/{archive} --repo me/tools --signer-workflow me/tools/.github/workflows/release.yaml\n",
            temp.display()
        );
        assert_eq!(told, expected);
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
