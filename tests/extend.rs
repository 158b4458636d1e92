//! What a generated project says of how it is extended: `docs/extend.md`, `AGENTS.md`, and what it
//! has for editors. Whatever they name is there, every command in them is run, and what they
//! start answers.
#![cfg(unix)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::matrix::{Rendering, every_rendering, with_further_services};
use common::project::{project, run};
use common::proof::{prove, uses_generator};
use common::recipes::{RECIPES, Recipe, Step, apply, changed, recipes};
use common::subjects::{EXTENDED, ORMS};
use common::{put, scaffold_ok, state_folder};
use serde_json::Value;

const AGENTS: &str = "AGENTS.md";
/// What the first `make setup` writes, and where scaffold keeps what it rendered.
const WRITTEN: [&str; 2] = ["contracts/openapi", ".scaffold/"];
/// Where an editor has the project open.
const OPENED: &str = "${workspaceFolder}";

/// The files of a rendering that are text.
fn texts(rendering: &Rendering) -> BTreeMap<String, String> {
    let files = rendering.tree.iter();
    files
        .filter_map(|(path, file)| {
            Some((path.to_owned(), std::str::from_utf8(&file.bytes).ok()?.to_owned()))
        })
        .collect()
}

fn recipes_of(files: &BTreeMap<String, String>) -> Vec<Recipe> {
    recipes(&|path| files.get(path).cloned())
}

fn recipes_in(folder: &Path) -> Vec<Recipe> {
    recipes(&|path| fs::read_to_string(folder.join(path)).ok())
}

/// Paths of the project that a page names in its prose.
fn named_paths(page: &str) -> Vec<&str> {
    let mut named = Vec::new();
    let mut is_block = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if !is_block && !line.starts_with("    ") {
            named.extend(line.split('`').skip(1).step_by(2));
            named.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
        }
    }
    let is_path = |name: &&str| {
        name.contains(['/', '.'])
            && !name.contains([' ', '<', '*', '@', '_'])
            && !name.starts_with('/')
    };
    let named = named.into_iter();
    named
        .map(|name| name.trim_start_matches("../").split('#').next().unwrap_or_default())
        .filter(is_path)
        .collect()
}

#[test]
fn every_path_that_is_named_is_there_or_made_by_a_recipe() {
    let mut found = 0;
    for rendering in every_rendering().iter().chain(with_further_services()) {
        let mut files = texts(rendering);
        let pages = [RECIPES, AGENTS].map(|page| (page, files[page].clone()));
        for recipe in recipes_of(&files) {
            apply(&mut files, &recipe);
        }
        for (page, text) in &pages {
            for name in named_paths(text) {
                found += 1;
                // Within the folder that the section is about, too.
                let is_there = files
                    .keys()
                    .any(|path| path.starts_with(name) || path.contains(&format!("/{name}")));
                assert!(
                    is_there || WRITTEN.contains(&name),
                    "{}: {page} names {name}",
                    rendering.command
                );
            }
        }
    }
    assert!(found > 1_000, "{found} paths");
}

/// What tells one recipe from another, whatever the service is called.
fn key(recipe: &Recipe) -> String {
    let mut key = String::new();
    let mut own = None;
    for step in &recipe.steps {
        if let Step::Change { path, changes } = step {
            own = path.strip_prefix("services/").and_then(|path| path.split('/').next());
            key = format!("{key}{changes:?}");
        }
    }
    let title = own.map(|name| recipe.title.replace(&format!("to {name}"), "to _"));
    title.unwrap_or_else(|| recipe.title.clone()) + &key
}

#[test]
fn every_recipe_can_be_followed_in_every_project_and_is_followed_in_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut followed = BTreeSet::new();
    for (name, choices) in [("extended", EXTENDED), ("orms", ORMS)] {
        scaffold_ok(folder.path(), &[&["new", name], choices].concat());
        followed.extend(recipes_in(&folder.path().join(name)).iter().map(key));
    }
    for rendering in every_rendering().iter().chain(with_further_services()) {
        let mut files = texts(rendering);
        for recipe in recipes_of(&files) {
            apply(&mut files, &recipe);
            assert!(followed.contains(&key(&recipe)), "{}: {recipe:#?}", rendering.command);
        }
    }
}

/// `make dev`, without a terminal.
struct Dev {
    child: Child,
    log: PathBuf,
}

impl Dev {
    /// Starts it; `arguments` are those of its program.
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let log = folder.join(".dev/log");
        fs::create_dir_all(folder.join(".dev")).expect("a folder is made");
        let file = File::create(&log).expect("a file is made");
        let child = Command::new(".venv/bin/python")
            .args(["tools/dev.py", "--stop-with-parent"])
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file has two ends"))
            .stderr(file)
            .spawn()
            .expect("the project is set up");
        let mut dev = Self { child, log };
        let is_open = || {
            assert!(dev.child.try_wait().expect("it was started").is_none(), "{}", read(&dev.log));
            read(&dev.log).contains("\nOpen ")
        };
        until(is_open, || "make dev is ready".to_owned());
        dev
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if self.child.try_wait().expect("it was started").is_none() {
            let pid = self.child.id().to_string();
            Command::new("kill").arg(&pid).status().expect("kill is there");
        }
        self.child.wait().expect("it was started");
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

fn until(mut is_done: impl FnMut() -> bool, what: impl Fn() -> String) {
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < Duration::from_secs(300), "waited in vain: {}", what());
        thread::sleep(Duration::from_millis(50));
    }
}

/// Does what a recipe says, and counts its commands.
fn follow(folder: &Path, recipe: &Recipe) -> usize {
    let mut dev = None;
    let mut commands = 0;
    println!("{}", recipe.title);
    for step in &recipe.steps {
        match step {
            Step::Write { path, text } => {
                assert!(!folder.join(path).exists(), "{path} is there already");
                put(folder, path, text.as_bytes());
            }
            Step::Change { path, changes } => {
                let text = changed(path, &read(&folder.join(path)), changes);
                put(folder, path, text.as_bytes());
            }
            Step::Run { command, beside_dev } => {
                if *beside_dev && dev.is_none() {
                    dev = Some(Dev::start(folder, &[]));
                }
                shell(folder, command);
                commands += 1;
            }
        }
    }
    commands
}

/// Runs a command as it is written, with this generator on the path.
fn shell(folder: &Path, command: &str) {
    if let Some(arguments) = command.strip_prefix("scaffold ") {
        uses_generator(&arguments.split(' ').collect::<Vec<&str>>());
    }
    let programs = Path::new(env!("CARGO_BIN_EXE_scaffold")).parent().expect("a folder");
    let path = format!("PATH={}:$PATH", programs.display());
    let state = format!("XDG_STATE_HOME={}", state_folder().display());
    let command = format!("export \"{path}\" '{state}'; {command}");
    run(folder, None, &["sh", "-c", &command]);
}

#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn every_recipe_works_as_it_is_written() {
    let Some(_proof) = prove("extend::every_recipe_works_as_it_is_written") else { return };
    let folder = project("extended", EXTENDED);
    run(&folder, None, &["make", "setup"]);
    let commands: usize = recipes_in(&folder).iter().map(|recipe| follow(&folder, recipe)).sum();
    assert!(commands >= 20, "{commands} commands");
    // Together they leave nothing that the checks of the whole project find.
    for check in ["oxlint", "prettier", "contracts"] {
        shell(&folder, &format!("make test ONLY={check}"));
    }
}

/// Must be right at the first go for whoever has never seen the ORM.
#[test]
#[ignore = "needs the package registries; `make test` runs it"]
fn a_field_reaches_the_table_by_every_orm() {
    let Some(_proof) = prove("extend::a_field_reaches_the_table_by_every_orm") else { return };
    let folder = project("orms", ORMS);
    run(&folder, None, &["make", "setup"]);
    let recipes = recipes_in(&folder);
    let fields: Vec<&Recipe> =
        recipes.iter().filter(|recipe| recipe.title.starts_with("Add a field, ")).collect();
    assert_eq!(fields.len(), ORMS.len() / 2);
    for recipe in fields {
        follow(&folder, recipe);
    }
}

#[test]
#[ignore = "starts servers; `make test` runs it"]
fn what_coding_agents_are_told_to_run_runs() {
    let Some(_proof) = prove("extend::what_coding_agents_are_told_to_run_runs") else { return };
    let folder = project("agents", &[]);
    let page = read(&folder.join(AGENTS));
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let commands: Vec<&str> = rows.filter_map(|row| row.rsplit('`').nth(1)).collect();
    let commands: Vec<&str> =
        commands.into_iter().filter(|command| command.starts_with("make ")).collect();
    assert!(commands.len() >= 8, "{commands:?}");
    let mut dev = None;
    for command in commands {
        // It runs until it is stopped; what comes next finds it.
        match command {
            "make dev" => dev = Some(Dev::start(&folder, &[])),
            _ => shell(&folder, command),
        }
    }
    assert!(dev.is_some(), "make dev is named");
}

fn json(folder: &Path, path: &str) -> Value {
    let text = fs::read_to_string(folder.join(path)).expect("the file is there");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Programs that an editor has started.
struct Debugged(Vec<Child>);

impl Drop for Debugged {
    fn drop(&mut self) {
        for child in &mut self.0 {
            child.kill().expect("it was started");
            child.wait().expect("it was started");
        }
    }
}

/// Every process of ours is started as `.vscode/launch.json` says, under its debugger, beside a
/// `make dev` without any of them.
#[test]
#[ignore = "starts servers; `make test` runs it"]
fn what_an_editor_starts_answers() {
    let Some(_proof) = prove("extend::what_an_editor_starts_answers") else { return };
    let folder = project("editor", EXTENDED);
    run(&folder, None, &["make", "setup"]);
    let pip = [".venv/bin/python", "-m", "pip", "install", "--quiet", "debugpy==1.8.22"];
    run(&folder, None, &pip);
    let launch = json(&folder, ".vscode/launch.json");
    let configurations = launch["configurations"].as_array().expect("a list");
    let names: Vec<&str> =
        configurations.iter().map(|one| one["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["gateway", "stock", "orders", "realtime", "inference", "inference-worker"]);
    let _dev = Dev::start(&folder, &["--without", &names.join(",")]);
    let opened = folder.to_str().expect("UTF-8");
    let mut debugged = Debugged(Vec::new());
    for one in configurations {
        let text = |name: &str| one[name].as_str().map(|text| text.replace(OPENED, opened));
        let words = one["args"].as_array().expect("a list").iter();
        let words = words.map(|word| word.as_str().expect("a text"));
        let variables = read(Path::new(&text("envFile").expect("a file")));
        let variables: Vec<(&str, &str)> =
            variables.lines().filter_map(|line| line.split_once('=')).collect();
        assert!(variables.len() > 3, "{}: {variables:?}", one["name"]);
        let mut command = match one["type"].as_str() {
            Some("node") => {
                let path = variables.iter().find(|(name, _)| *name == "PATH").expect("a path").1;
                let program = text("runtimeExecutable").expect("a program");
                let mut node = Command::new("env");
                node.arg(format!("PATH={path}")).args([&program, "--inspect=127.0.0.1:0"]);
                node
            }
            Some("debugpy") => {
                let mut python = Command::new(text("python").expect("a program"));
                python.args(["-m", "debugpy", "--listen", "127.0.0.1:0", "-m"]);
                python.arg(text("module").expect("a module"));
                python
            }
            other => panic!("a debugger of the type {other:?}"),
        };
        let log = File::create(
            folder.join(format!(".dev/{}.log", one["name"].as_str().expect("a name"))),
        );
        let log = log.expect("a file is made");
        command
            .args(words)
            .current_dir(text("cwd").expect("a folder"))
            .env_clear()
            .envs(variables)
            .stdout(log.try_clone().expect("a file has two ends"))
            .stderr(log);
        debugged.0.push(command.spawn().unwrap_or_else(|error| panic!("{}: {error}", one["name"])));
    }
    let running = json(&folder, ".dev/running.json");
    for name in names {
        let url = format!(
            "{}{}",
            running[name]["url"].as_str().expect("a URL"),
            running[name]["ready"].as_str().expect("a path"),
        );
        let answers = || {
            let mut asked = Command::new("curl");
            asked.args(["--silent", "--fail", "--output", "/dev/null", &url]);
            asked.status().expect("curl is there").success()
        };
        until(answers, || format!("{url}\n{}", read(&folder.join(format!(".dev/{name}.log")))));
    }
}

/// What editors read is what `make dev` and the checks go by, in every selection.
#[test]
fn editors_are_told_what_the_project_is() {
    let mut seen = 0;
    for rendering in every_rendering().iter().chain(with_further_services()) {
        let Some(file) = rendering.tree.get(".vscode/launch.json") else {
            assert!(!rendering.on.contains("vscode"), "{}", rendering.command);
            continue;
        };
        seen += 1;
        let command = &rendering.command;
        let parse = |path: &str| -> Value {
            let file = rendering.tree.get(path).unwrap_or_else(|| panic!("{command}: {path}"));
            serde_json::from_slice(&file.bytes)
                .unwrap_or_else(|error| panic!("{command}: {path}: {error}"))
        };
        let dev = rendering.tree.get("tools/dev.toml").expect("it is there");
        let dev: toml::Table =
            toml::from_str(std::str::from_utf8(&dev.bytes).expect("text")).expect("TOML");
        let processes = dev["process"].as_array().expect("a list");

        let ours: Vec<&str> = processes
            .iter()
            .filter(|process| process.get("ready").is_some())
            .map(|process| process["name"].as_str().expect("a name"))
            .collect();
        let launch: Value = serde_json::from_slice(&file.bytes).expect("JSON");
        let mut debugged = Vec::new();
        for one in launch["configurations"].as_array().expect("a list") {
            debugged.push(one["name"].as_str().expect("a name"));
            let cwd = one["cwd"].as_str().expect("a folder");
            let cwd = cwd.trim_start_matches(OPENED).trim_start_matches('/');
            let program = match one["module"].as_str() {
                Some(module) => format!("{cwd}/{}.py", module.replace('.', "/")),
                None => format!("{cwd}/{}", one["args"][0].as_str().expect("a path")),
            };
            assert!(rendering.tree.get(&program).is_some(), "{command}: {program}");
        }
        assert_eq!(debugged, ours, "{command}");

        let ports: BTreeSet<i64> =
            processes.iter().filter_map(|process| process.get("port")?.as_integer()).collect();
        let container = parse(".devcontainer/devcontainer.json");
        let forwarded = container["forwardPorts"].as_array().expect("a list");
        let numbers: BTreeSet<i64> = forwarded.iter().filter_map(Value::as_i64).collect();
        assert_eq!((numbers.len(), &numbers), (forwarded.len(), &ports), "{command}");
        parse(".vscode/settings.json");
        let recommended = &parse(".vscode/extensions.json")["recommendations"];
        assert_eq!(&container["customizations"]["vscode"]["extensions"], recommended);
    }
    assert!(seen > 50, "{seen} projects");
}

/// Built as an editor builds it, with the project mounted, as its user.
#[test]
#[ignore = "needs Docker; `make containers` runs it"]
fn a_project_is_set_up_and_tested_in_containers_to_develop_in() {
    let Some(_proof) = prove("extend::a_project_is_set_up_and_tested_in_containers_to_develop_in")
    else {
        return;
    };
    let folder = project("developed", EXTENDED);
    let container = json(&folder, ".devcontainer/devcontainer.json");
    let (user, create) = (&container["remoteUser"], &container["postCreateCommand"]);
    let (user, create) = (user.as_str().expect("a name"), create.as_str().expect("a command"));
    let image = "scaffold-developed";
    run(&folder, None, &["docker", "build", "--quiet", "--tag", image, ".devcontainer"]);
    // As editors do where the user of the machine has another number.
    run(&folder, None, &["chmod", "-R", "a+rwX", "."]);
    let mounted = format!("{}:/workspaces/project", folder.display());
    let steps = format!("{create} && make test ONLY=packages/http && make test ONLY=prettier");
    let host = ["docker", "run", "--rm", "--network=host", "--user", user, "--volume", &mounted];
    let inside = ["--workdir", "/workspaces/project", image, "sh", "-c", &steps];
    print!("{}", run(&folder, None, &[&host[..], &inside].concat()));
    run(&folder, None, &["docker", "image", "rm", image]);
}
