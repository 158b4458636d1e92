//! What the outcome of a slow test depends on, and one digest over all of it.

use std::collections::BTreeMap;

use quote::ToTokens as _;
use scaffold::proof::record::{Project, rendered};
use scaffold::text::digest;

use crate::common::subjects::{Subject, Tool, matches};

/// A file with its path, content and executable bit.
pub type OneFile = (String, Vec<u8>, bool);

/// Programs that every slow test may use; that one is missing counts as well.
const PROGRAMS: [&str; 7] =
    ["rustc", "cc", "python3", "node", "npm", "valkey-server", "redis-server"];
/// What the digests of tests say nothing of: records of proof, and what decides upon them.
const ASIDE: [&str; 3] = ["tests/common/subjects.rs", "tests/proven/", "tests/prove/"];
/// The generator.
const GENERATOR: [&str; 4] = ["src", "build.rs", "Cargo.toml", "Cargo.lock"];

/// Where the inputs come from.
pub trait World {
    /// The files at and below a path of the repository.
    fn files(&self, path: &str) -> Vec<OneFile>;
    /// What `scaffold new my-app` renders with these choices.
    fn rendered(&self, choices: &[&str]) -> Vec<OneFile>;
    /// Each distinct file of all selections.
    fn every(&self) -> Vec<OneFile>;
    /// The version of a program; `None` where it is not on the machine.
    fn version(&self, program: &str) -> Option<String>;
    /// The id of a base image; `None` where no engine has it.
    fn image(&self, name: &str) -> Option<String>;
}

/// What a subject depends on: each input with its name.
pub struct Inputs {
    /// The inputs.
    pub all: BTreeMap<String, Vec<u8>>,
    /// The projects among them.
    pub projects: Vec<Project>,
}

/// What makes a project with these choices, as records say it.
pub fn command(choices: &[&str]) -> String {
    ["scaffold new my-app", &choices.join(" ")].join(" ").trim().to_owned()
}

impl Inputs {
    /// The inputs of a subject as they are now, or what the machine lacks.
    pub fn of(subject: &Subject, world: &impl World) -> Result<Self, String> {
        let mut inputs = Self { all: BTreeMap::new(), projects: Vec::new() };
        inputs.add("row", format!("{subject:?}").into_bytes());
        inputs.sources(subject, world);
        for choices in subject.projects {
            let command = command(choices);
            let files = world.rendered(choices);
            if subject.images {
                for name in base_images(&files) {
                    let id = world.image(&name).unwrap_or_default();
                    inputs.add(&format!("image {name}"), id.into_bytes());
                }
            }
            let parts = files.iter().map(|(path, bytes, mode)| (path.as_str(), &bytes[..], *mode));
            let rendered = rendered(parts);
            inputs.add(&format!("project {command}"), rendered.clone().into_bytes());
            inputs.projects.push(Project { command, rendered });
        }
        if !subject.every.is_empty() {
            for (path, bytes, executable) in world.every() {
                if matches(subject.every, &path) {
                    let label = format!("every {path} {executable} {}", digest::of(&bytes));
                    inputs.add(&label, Vec::new());
                }
            }
        }
        for program in PROGRAMS {
            let version = world.version(program).unwrap_or_else(|| "not there".to_owned());
            inputs.add(&format!("version {program}"), version.into_bytes());
        }
        for tool in subject.tools {
            let program = program(*tool);
            let version = world.version(program).ok_or_else(|| format!("there is no {program}"))?;
            inputs.add(&format!("version {program}"), version.into_bytes());
        }
        Ok(inputs)
    }

    /// The digest over all inputs.
    pub fn digest(&self) -> String {
        digest::of_files(self.all.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])))
    }

    fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.all.insert(name.to_owned(), bytes);
    }

    /// The test's own code, what it has in common with others, and the files that it names.
    fn sources(&mut self, subject: &Subject, world: &impl World) {
        let (file, function) = subject.name.split_once("::").expect("file::function");
        let path = format!("tests/{file}.rs");
        let source = world.files(&path).pop().unwrap_or_else(|| panic!("{path} is not there")).1;
        let code = own_code(&String::from_utf8(source).expect("code is UTF-8"), function);
        let tests = world.files("tests");
        let mut folders: Vec<String> = tests
            .iter()
            .filter_map(|(path, _, _)| path.strip_prefix("tests/")?.split_once('/'))
            .map(|(folder, _)| folder.to_owned())
            .filter(|folder| folder == "common" || names(&code, folder))
            .map(|folder| format!("tests/{folder}"))
            .collect();
        folders.dedup();
        self.add("code", code.into_bytes());
        folders.extend(subject.files.iter().map(|path| (*path).to_owned()));
        if subject.operates {
            folders.extend(GENERATOR.map(str::to_owned));
        }
        for folder in folders {
            for (path, bytes, executable) in world.files(&folder) {
                if !ASIDE.iter().any(|aside| path.starts_with(aside)) {
                    self.add(&format!("file {path} {executable}"), bytes);
                }
            }
        }
    }
}

/// What the name of a [`Tool`] is where [`World::version`] is asked.
fn program(tool: Tool) -> &'static str {
    match tool {
        Tool::Node26 => "Node 26",
        Tool::Rabbitmq => "RabbitMQ",
        Tool::Nginx => "nginx",
        Tool::Kubectl => "kubectl",
        Tool::Chromium => "Chromium",
        Tool::Docker => "Docker engine",
        Tool::Go => "Go",
        Tool::Mmdebstrap => "mmdebstrap",
    }
}

/// The code of a file of tests without its other slow tests, and without comments.
pub fn own_code(source: &str, function: &str) -> String {
    let mut file = syn::parse_file(source).expect("tests can be parsed");
    file.items.retain(|item| match item {
        syn::Item::Fn(item) => item.sig.ident == function || !is_slow(item),
        _ => true,
    });
    file.into_token_stream().to_string()
}

/// Whether a test runs only where it is asked for.
pub fn is_slow(function: &syn::ItemFn) -> bool {
    function.attrs.iter().any(|attribute| attribute.path().is_ident("ignore"))
}

/// Whether code has a folder of tests/ in a text.
fn names(code: &str, folder: &str) -> bool {
    let is_border = |character: Option<char>| matches!(character, Some('"' | '/'));
    code.match_indices(folder).any(|(start, found)| {
        is_border(code[..start].chars().next_back())
            && is_border(code[start + found.len()..].chars().next())
    })
}

/// The images that a project is built from or runs, its own left out.
fn base_images(files: &[OneFile]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, bytes, _) in files {
        if !path.ends_with("Dockerfile") && !path.ends_with("compose.yaml") {
            continue;
        }
        for line in String::from_utf8_lossy(bytes).lines() {
            let mut words = line.split_whitespace();
            if let (Some("FROM" | "image:"), Some(image)) = (words.next(), words.next())
                && !image.starts_with("my-app/")
            {
                found.push(image.to_owned());
            }
        }
    }
    found
}
