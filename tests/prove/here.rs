//! This repository and this machine.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use scaffold::render::tree::File;

use crate::common::matrix::{every_distinct_file, with_further_services};
use crate::common::project::node_26;
use crate::common::{files_in, repository, scaffold_ok};
use crate::digest::{OneFile, World};
use crate::report::Machine;

/// This repository and this machine.
#[derive(Default)]
pub struct Here {
    /// Versions of programs that were asked for.
    versions: RefCell<BTreeMap<String, Option<String>>>,
}

impl World for Here {
    fn files(&self, path: &str) -> Vec<OneFile> {
        let listed =
            git(&["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", path]);
        let mut found = BTreeMap::new();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let file = repository().join(path);
            // What is deleted and not committed is listed as well.
            if let Ok(bytes) = fs::read(&file) {
                found.insert(path.to_owned(), (bytes, is_executable(&file)));
            }
        }
        found.into_iter().map(|(path, (bytes, executable))| (path, bytes, executable)).collect()
    }

    fn rendered(&self, choices: &[&str]) -> Vec<OneFile> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        scaffold_ok(folder.path(), &[&["new", "my-app"], choices].concat());
        files_in(&folder.path().join("my-app"))
    }

    fn every(&self) -> Vec<OneFile> {
        static EVERY: OnceLock<Vec<OneFile>> = OnceLock::new();
        let all = EVERY.get_or_init(|| {
            let distinct = every_distinct_file().into_iter().map(|(_, path, file)| (path, file));
            let doubled = with_further_services().iter().flat_map(|one| one.tree.iter());
            let owned = |(path, file): (&str, &File)| {
                (path.to_owned(), file.bytes.to_vec(), file.executable)
            };
            distinct.chain(doubled).map(owned).collect()
        });
        all.clone()
    }

    fn version(&self, program: &str) -> Option<String> {
        let mut versions = self.versions.borrow_mut();
        versions.entry(program.to_owned()).or_insert_with(|| version(program)).clone()
    }

    fn image(&self, name: &str) -> Option<String> {
        output(&["docker", "image", "inspect", "--format", "{{.Id}}", name])
    }
}

fn version(program: &str) -> Option<String> {
    let command: &[&str] = match program {
        "python3" => &["python3", "-VV"],
        "Node 26" => {
            let node = node_26().join("node");
            return output(&[node.to_str()?, "--version"]);
        }
        // Its own programs start a machine of Erlang to say it, as somebody else.
        "RabbitMQ" => &["dpkg-query", "--show", "rabbitmq-server", "erlang-base"],
        "nginx" => &["nginx", "-v"],
        "kubectl" => &["kubectl", "version", "--client"],
        "Chromium" => &["chromium", "--version"],
        "Docker engine" => {
            let engine = output(&["docker", "version", "--format", "{{.Server.Version}}"])?;
            return Some(engine + &output(&["docker", "compose", "version"])?);
        }
        "Go" => &["go", "version"],
        "mmdebstrap" => &["mmdebstrap", "--version"],
        other => &[other, "--version"],
    };
    output(command)
}

/// What a command answers, where it is there and succeeds within a minute.
fn output(command: &[&str]) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("env")
        .arg(format!("PATH={path}:/usr/sbin"))
        .args(["timeout", "60"])
        .args(command)
        .stdin(Stdio::null())
        .output()
        .expect("`env` starts");
    // What is beside an answer may be another complaint each time, as with Chromium's start script; some
    // programs answer there alone, as nginx does.
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    output.status.success().then(|| String::from_utf8_lossy(&text).into_owned())
}

/// What git says of this repository.
pub fn git(arguments: &[&str]) -> String {
    let output =
        Command::new("git").args(arguments).current_dir(repository()).output().expect("git starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {}: {said}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("git writes UTF-8")
}

/// Whether the working tree is that of its commit; new records aside.
pub fn is_clean() -> bool {
    let status = git(&["status", "--porcelain", "--untracked-files=all"]);
    status.lines().all(|line| line.starts_with("?? tests/proven/"))
}

/// What a record tells of this machine: nothing that names it.
pub fn machine() -> Machine {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let total = total.and_then(|rest| rest.split_whitespace().next()?.parse::<u32>().ok());
    Machine {
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        memory_mib: total.unwrap_or(0) / 1024,
        kernel: said(&["uname", "-sr"]),
    }
}

/// The day, in UTC.
pub fn day() -> String {
    said(&["date", "-u", "+%F"])
}

fn said(command: &[&str]) -> String {
    output(command).unwrap_or_else(|| panic!("`{}` failed", command.join(" "))).trim().to_owned()
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    false
}
