//! The generators that ours is measured beside, installed into `target/tools` when missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sets;

/// Another generator, and how its users call it.
pub struct Peer {
    /// Its name and version.
    pub name: String,
    program: PathBuf,
    arguments: fn(&Path, &Path) -> Vec<String>,
    write: fn(&Path, usize),
}

impl Peer {
    /// The command that renders the template at `template` into `folder/sample-project`.
    pub fn command(&self, template: &Path, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args((self.arguments)(template, folder));
        command
    }

    /// Writes its template of `count` files.
    pub fn write_template(&self, template: &Path, count: usize) {
        (self.write)(template, count);
    }
}

/// All of them, ready to run.
pub fn all(tools: &Path) -> Vec<Peer> {
    let python = |package, version| python_program(tools, package, version);
    vec![
        Peer {
            name: "kickstart 0.6.0".to_owned(),
            program: cargo_program(tools, "kickstart", "0.6.0", &["--features", "cli"]),
            arguments: |template, folder| {
                let out = text(&folder.join(sets::PROJECT));
                vec![text(template), "--no-input".into(), "--output-dir".into(), out]
            },
            write: |template, count| {
                let manifest = format!(
                    "name = \"benchmark\"\nkickstart_version = 1\n\
                     copy_without_render = [\"*.ts\", \"**/*.ts\"]\n\n\
                     [[variables]]\nname = \"project_name\"\ndefault = \"{}\"\nprompt = \"Name?\"\n",
                    sets::PROJECT
                );
                sets::put(&template.join("template.toml"), &manifest);
                sets::write(template, count, "{{ project_name }}", "");
            },
        },
        Peer {
            name: "cargo-generate 0.23.10".to_owned(),
            program: cargo_program(tools, "cargo-generate", "0.23.10", &[]),
            arguments: |template, folder| {
                ["generate", "--silent", "--vcs", "none", "--path", &text(template)]
                    .into_iter()
                    .chain(["--destination", &text(folder), "--name", sets::PROJECT])
                    .map(str::to_owned)
                    .collect()
            },
            write: |template, count| {
                sets::put(
                    &template.join("cargo-generate.toml"),
                    "[template]\nexclude = [\"**/*.ts\"]\n",
                );
                sets::write(template, count, "{{ project-name }}", "");
            },
        },
        Peer {
            name: "cookiecutter 2.7.1".to_owned(),
            program: python("cookiecutter", "2.7.1"),
            arguments: |template, folder| {
                vec![text(template), "--no-input".into(), "--output-dir".into(), text(folder)]
            },
            write: |template, count| {
                let manifest = format!(
                    "{{\"name\": \"{}\", \"_copy_without_render\": [\"*.ts\"]}}\n",
                    sets::PROJECT
                );
                sets::put(&template.join("cookiecutter.json"), &manifest);
                let root = template.join("{{ cookiecutter.name }}");
                sets::write(&root, count, "{{ cookiecutter.name }}", "");
            },
        },
        Peer {
            name: "copier 9.19.1".to_owned(),
            program: python("copier", "9.19.1"),
            arguments: |template, folder| {
                let out = text(&folder.join(sets::PROJECT));
                vec!["copy".into(), "--defaults".into(), "--quiet".into(), text(template), out]
            },
            write: |template, count| {
                let questions = format!("name:\n  type: str\n  default: {}\n", sets::PROJECT);
                sets::put(&template.join("copier.yml"), &questions);
                sets::write(template, count, "{{ name }}", ".jinja");
            },
        },
    ]
}

fn text(path: &Path) -> String {
    path.to_str().expect("paths of the benchmark are UTF-8").to_owned()
}

fn cargo_program(tools: &Path, package: &str, version: &str, arguments: &[&str]) -> PathBuf {
    let program = tools.join("bin").join(package);
    if !program.exists() {
        let root = text(tools);
        let install = ["install", "--locked", "--quiet", "--root", &root, "--version", version];
        run(Command::new(env!("CARGO")).args(install).arg(package).args(arguments));
    }
    program
}

fn python_program(tools: &Path, package: &str, version: &str) -> PathBuf {
    let python = tools.join("python");
    let program = python.join("bin").join(package);
    if !program.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&python));
        let wanted = format!("{package}=={version}");
        run(Command::new(python.join("bin/pip")).args(["install", "--quiet", &wanted]));
    }
    program
}

/// Runs a preparing command, whose messages go to the terminal.
pub fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?} failed");
}
