//! Puts the pack into the program, and with it what can be known of it before the program runs: the
//! digests of its files, its manifests as JSON, and what the archive of a project holds of the files
//! that are only copied. Makes a changed or new template trigger a rebuild, and refuses what would be
//! embedded by mistake: symbolic links, and files that git ignores.
//! Reads the records of `tests/proven/`, of which the program holds the last of each subject.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use walkdir::WalkDir;

// The program uses more of them.
#[allow(dead_code)]
#[path = "src/text"]
mod text {
    pub mod archive;
    pub mod digest;
}
#[allow(dead_code)]
#[path = "src/proof"]
mod proof {
    pub mod history;
    pub mod record;
}
#[allow(dead_code)]
#[path = "src/pack"]
mod pack {
    pub mod layout;
}

use pack::layout::{
    COMPONENT_MANIFEST, ComponentFile, Lies, PACK_MANIFEST, PARTS, code_place, component_folders,
    is_service_of, service_folder,
};
use proof::history::History;
use proof::record::Fault;
use text::{archive, digest};

/// What is compressed once may take long: it is smaller then.
const LEVEL: i32 = 19;
/// What the program itself puts beside the files of a pack.
const SELECTION_FILE: &str = "scaffold.toml";

type Files = BTreeMap<String, Vec<u8>>;
type Manifests<'a> = BTreeMap<&'a str, toml::Table>;

fn main() {
    let root = Path::new("templates");
    let files = read(root);
    refuse_ignored(root);
    let root = fs::canonicalize(root).expect("templates/ is there");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where to write"));
    let components = component_folders(files.keys().map(String::as_str));
    let manifests = manifests(&files, &components);
    let text = format!(
        "{}{}static DIGEST: &str = {:?};\n",
        files_text(&files, &manifests, &root),
        runs_text(&files, &placed(&files, &components, &manifests), &out),
        digest::of_files(files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])))
    );
    fs::write(out.join("embedded.rs"), text).expect("what is generated can be written");
    embed_records(&out);
}

fn read(root: &Path) -> Files {
    let mut files = Files::new();
    for entry in WalkDir::new(root) {
        let entry = entry.expect("templates/ can be read");
        println!("cargo::rerun-if-changed={}", entry.path().display());
        assert!(
            !entry.path_is_symlink(),
            "{}: a pack holds no symbolic links",
            entry.path().display()
        );
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(root).expect("WalkDir stays under its root");
            let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
            let parts = parts.unwrap_or_else(|| panic!("{}: not UTF-8", path.display()));
            files.insert(parts.join("/"), fs::read(entry.path()).expect("a template can be read"));
        }
    }
    files
}

/// Outside a checkout (a source archive) there is no git to ask and nothing ignored to find.
fn refuse_ignored(root: &Path) {
    let ignored = Command::new("git")
        .args(["ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "--"])
        .arg(root)
        .output();
    if let Ok(output) = ignored {
        let listed = String::from_utf8_lossy(&output.stdout);
        assert!(
            listed.trim().is_empty(),
            "git ignores these files, but they would be embedded; remove them:\n{listed}"
        );
    }
}

/// The content of the file at `path`, as an expression.
fn included(path: &Path) -> String {
    format!("include_bytes!({:?})", path.to_str().expect("the path of the checkout is UTF-8"))
}

fn files_text(files: &Files, manifests: &Manifests, root: &Path) -> String {
    let mut text = String::from("static FILES: &[EmbeddedFile] = &[\n");
    for (path, bytes) in files {
        let json = manifests.get(path.as_str()).map(|manifest| {
            serde_json::to_string(manifest).unwrap_or_else(|error| panic!("{path}: {error}"))
        });
        let _ = writeln!(
            text,
            "EmbeddedFile {{ path: {path:?}, bytes: {}, digest: {:?}, json: {json:?} }},",
            included(&root.join(path)),
            digest::of(bytes),
        );
    }
    text + "];\n"
}

/// The manifests of the pack and of its components, and the pinned versions.
fn manifests<'a>(files: &'a Files, components: &[String]) -> Manifests<'a> {
    let pack = parsed(files, PACK_MANIFEST);
    let versions = pack.get("versions").and_then(toml::Value::as_str).unwrap_or_default();
    let is_manifest = |path: &str| {
        let folder = path.strip_suffix(COMPONENT_MANIFEST).and_then(|path| path.strip_suffix('/'));
        path == PACK_MANIFEST
            || path == versions
            || folder.is_some_and(|folder| components.iter().any(|component| component == folder))
    };
    let paths = files.keys().map(String::as_str).filter(|path| is_manifest(path));
    paths.map(|path| (path, parsed(files, path))).collect()
}

fn parsed(files: &Files, path: &str) -> toml::Table {
    let text = std::str::from_utf8(&files[path]).unwrap_or_else(|error| panic!("{path}: {error}"));
    toml::from_str(text).unwrap_or_else(|error| panic!("templates/{path}: {error}"))
}

/// A service that a project has from the start.
struct Service<'a> {
    name: &'a str,
    kind: &'a str,
    runtime: &'a str,
    /// Whether it shares its code with all of its kind.
    shared: bool,
}

impl Service<'_> {
    /// Where a file lies that is rendered for it, or for its image.
    fn folder(&self, file: &ComponentFile) -> String {
        if file.lies == Lies::InCode || file.of.as_deref() == Some("image") {
            code_place(self.kind, self.shared, self.name).1
        } else {
            service_folder(self.name)
        }
    }
}

/// The services of a project that has all components.
fn services<'a>(manifests: &'a Manifests) -> Vec<Service<'a>> {
    let declared =
        |kind: &str| manifests.values().find_map(|manifest| manifest.get("kind")?.get(kind));
    let runtime = |kind: &str| declared(kind)?.get("runtime")?.as_str();
    let shared = |kind: &str| declared(kind)?.get("shared")?.as_bool();
    let entries = manifests.values().flat_map(|manifest| tables(manifest, "service"));
    entries
        .filter_map(|entry| {
            let (name, kind) = (entry.get("name")?.as_str()?, entry.get("kind")?.as_str()?);
            let (runtime, shared) = (runtime(kind).unwrap_or_default(), shared(kind) == Some(true));
            Some(Service { name, kind, runtime, shared })
        })
        .collect()
}

/// The name and the folder of each provider.
fn providers<'a>(manifests: &'a Manifests) -> Vec<(&'a str, &'a str)> {
    let declared = manifests.iter().filter_map(|(path, manifest)| {
        let folder = manifest.get("provider")?.get("folder")?.as_str()?;
        Some((path.rsplit('/').nth(1)?, folder))
    });
    declared.collect()
}

fn tables<'a>(manifest: &'a toml::Table, key: &str) -> impl Iterator<Item = &'a toml::Table> {
    let entries = manifest.get(key).and_then(toml::Value::as_array).into_iter().flatten();
    entries.filter_map(toml::Value::as_table)
}

/// A file where it goes in a project that has all components and their services.
struct Placed<'a> {
    path: String,
    source: &'a str,
    /// Its folder in the pack and its service: files of one are in a project together or not at all.
    group: (&'a str, &'a str),
    executable: bool,
    /// Copied, and where it goes is known.
    copied: bool,
}

/// Every file of a project that has all components, in order of the paths. What docking decides is
/// guessed: a project where it is otherwise is compressed when it is made.
fn placed<'a>(
    files: &'a Files,
    components: &[String],
    manifests: &'a Manifests,
) -> Vec<Placed<'a>> {
    let (services, providers) = (services(manifests), providers(manifests));
    let locks = tables(&manifests[PACK_MANIFEST], "lockfile");
    let own =
        [SELECTION_FILE].into_iter().chain(locks.filter_map(|lock| lock.get("path")?.as_str()));
    let mut placed: Vec<Placed> = own
        .map(|path| Placed {
            path: path.to_owned(),
            source: "",
            group: ("", ""),
            executable: false,
            copied: false,
        })
        .collect();
    for component in components {
        let prefix = format!("{component}/");
        let manifest = &manifests[format!("{prefix}{COMPONENT_MANIFEST}").as_str()];
        let executables = manifest.get("executable").and_then(toml::Value::as_array);
        for source in files.keys() {
            let inner = source.strip_prefix(&prefix).unwrap_or_default();
            let Some(file) = ComponentFile::read(&prefix, inner) else { continue };
            let is_docked = file.of.as_deref().is_some_and(|of| PARTS.contains(&of));
            let targets: Vec<(&str, String)> = match file.of.as_deref() {
                None => vec![("", file.path.clone())],
                Some("provider") => providers
                    .iter()
                    .map(|(name, folder)| ("", file.path_of(name, folder, &file.path)))
                    .collect(),
                Some(of) => services
                    .iter()
                    .filter(|it| is_docked || is_service_of(of, it.kind, it.runtime))
                    .map(|it| (it.name, file.path_of(it.name, &it.folder(&file), &file.path)))
                    .collect(),
            };
            let folder =
                &source[..source.len() - inner.len() + inner.find('/').unwrap_or_default()];
            let is_own = |path: &toml::Value| path.as_str() == Some(&file.path);
            placed.extend(targets.into_iter().map(|(service, path)| Placed {
                path,
                source,
                group: (folder, service),
                executable: executables.is_some_and(|paths| paths.iter().any(is_own)),
                copied: !file.template && !is_docked,
            }));
        }
    }
    placed.sort_by(|one, other| (&one.path, one.group).cmp(&(&other.path, other.group)));
    placed
}

/// The runs of files that are copied, each compressed as it stands in the archive of a project.
fn runs_text(files: &Files, placed: &[Placed], out: &Path) -> String {
    let header = archive::header();
    let mut text = String::from("static RUNS: &[Run] = &[\n");
    let runs = placed.chunk_by(|one, other| one.copied && other.copied && one.group == other.group);
    for (number, run) in runs.filter(|run| run[0].copied).enumerate() {
        let mut entries = tar::Builder::new(Vec::new());
        let mut listed = String::new();
        for Placed { path, source, executable, .. } in run {
            archive::append(&mut entries, &header, path, &files[*source], *executable)
                .expect("writing to memory does not fail");
            let _ = write!(
                listed,
                "Copied {{ path: {path:?}, bytes: FILES[{}].bytes, executable: {executable} }}, ",
                files.keys().take_while(|path| path != source).count(),
            );
        }
        // Without what ends an archive.
        let entries = std::mem::take(entries.get_mut());
        let compressed = zstd::bulk::compress(&entries, LEVEL).expect("memory can be compressed");
        let path = out.join(format!("run-{number}.zst"));
        fs::write(&path, compressed).expect("what is generated can be written");
        let compressed = included(&path);
        let _ = writeln!(text, "Run {{ files: &[{listed}], compressed: {compressed} }},");
    }
    text + "];\n"
}

/// The last entry of each subject, in a file that the program includes.
fn embed_records(out: &Path) {
    println!("cargo::rerun-if-changed=tests/proven");
    let text = match History::in_folder(Path::new("tests/proven")) {
        Ok(history) => history.latest().text(),
        Err(faults) => {
            let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
            eprintln!(
                "error: records of what was proven cannot be used:\n{}\n\nhint: records are only added; bring back those that git has: git checkout -- tests/proven",
                lines.join("\n")
            );
            std::process::exit(1);
        }
    };
    fs::write(out.join("proven.toml"), text).expect("the records can be written");
}
