//! Puts the pack into the program, and with it what can be known of it before the program runs: the
//! digests of its files, its manifests as JSON, and what the archive of a project holds of the files
//! that are only copied. Makes a changed or new template trigger a rebuild, and refuses what would be
//! embedded by mistake: symbolic links, and files that git ignores.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use walkdir::WalkDir;

use layout::{COMPONENT_MANIFEST, ComponentFile, PACK_MANIFEST};

// The program uses more of them.
#[allow(dead_code)]
#[path = "src/text/archive.rs"]
mod archive;
#[allow(dead_code)]
#[path = "src/text/digest.rs"]
mod digest;
#[allow(dead_code)]
#[path = "src/pack/layout.rs"]
mod layout;

/// What is compressed once may take long: it is smaller then.
const LEVEL: i32 = 19;
/// What the program itself puts beside the files of a pack.
const SELECTION_FILE: &str = "scaffold.toml";

type Files = BTreeMap<String, Vec<u8>>;

fn main() {
    let root = Path::new("templates");
    let files = read(root);
    refuse_ignored(root);
    let root = fs::canonicalize(root).expect("templates/ is there");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where to write"));
    let text = format!(
        "{}{}static DIGEST: &str = {:?};\n",
        files_text(&files, &root),
        runs_text(&files, &out),
        digest::of_files(files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])))
    );
    fs::write(out.join("embedded.rs"), text).expect("what is generated can be written");
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

fn files_text(files: &Files, root: &Path) -> String {
    let manifests = manifests(files);
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
fn manifests(files: &Files) -> BTreeMap<&str, toml::Table> {
    let pack = parsed(files, PACK_MANIFEST);
    let versions = pack.get("versions").and_then(toml::Value::as_str).unwrap_or_default();
    let is_manifest = |path: &str| {
        let component = path.strip_prefix("components/").and_then(|inner| inner.split_once('/'));
        path == PACK_MANIFEST
            || path == versions
            || component.is_some_and(|(_, inner)| inner == COMPONENT_MANIFEST)
    };
    let paths = files.keys().map(String::as_str).filter(|path| is_manifest(path));
    paths.map(|path| (path, parsed(files, path))).collect()
}

fn parsed(files: &Files, path: &str) -> toml::Table {
    let text = std::str::from_utf8(&files[path]).unwrap_or_else(|error| panic!("{path}: {error}"));
    toml::from_str(text).unwrap_or_else(|error| panic!("templates/{path}: {error}"))
}

/// A file where it goes in a project that has all components and their services.
struct Placed<'a> {
    path: String,
    source: &'a str,
    /// Its folder in the pack and its service: files of one are in a project together or not at all.
    group: (&'a str, &'a str),
    executable: bool,
    copied: bool,
}

/// Every file of a project that has all components, in order of the paths.
fn placed<'a>(files: &'a Files, manifests: &'a BTreeMap<&str, toml::Table>) -> Vec<Placed<'a>> {
    let strings = |table: &'a toml::Table, key: &str, field: &str| -> Vec<&'a str> {
        let entries = table.get(key).and_then(toml::Value::as_array).into_iter().flatten();
        entries.filter_map(|entry| entry.get(field)?.as_str()).collect()
    };
    let mut services: Vec<(&str, &str)> = Vec::new();
    for manifest in manifests.values() {
        let names = strings(manifest, "service", "name");
        services.extend(names.into_iter().zip(strings(manifest, "service", "kind")));
    }
    let own =
        [SELECTION_FILE].into_iter().chain(strings(&manifests[PACK_MANIFEST], "lockfile", "path"));
    let mut placed: Vec<Placed> = own
        .map(|path| Placed {
            path: path.to_owned(),
            source: "",
            group: ("", ""),
            executable: false,
            copied: false,
        })
        .collect();
    for source in files.keys() {
        let Some((id, inner)) =
            source.strip_prefix("components/").and_then(|inner| inner.split_once('/'))
        else {
            continue;
        };
        let prefix = format!("components/{id}/");
        let Some(file) = ComponentFile::read(&prefix, inner) else {
            continue;
        };
        let manifest = manifests.get(format!("{prefix}{COMPONENT_MANIFEST}").as_str());
        let executable = manifest
            .and_then(|manifest| manifest.get("executable"))
            .and_then(toml::Value::as_array)
            .is_some_and(|paths| paths.iter().any(|path| path.as_str() == Some(&file.path)));
        let folder = inner.split_once('/').map_or(inner, |(folder, _)| folder);
        let folder = &source[..prefix.len() + folder.len()];
        let mut place = |path: String, service: &'a str| {
            placed.push(Placed {
                path,
                source,
                group: (folder, service),
                executable,
                copied: !file.template,
            });
        };
        match &file.kind {
            None => place(file.path.clone(), ""),
            Some(kind) => {
                for (service, _) in services.iter().filter(|(_, other)| other == kind) {
                    place(file.path_for(service), service);
                }
            }
        }
    }
    placed.sort_by(|one, other| (&one.path, one.group).cmp(&(&other.path, other.group)));
    placed
}

/// The runs of files that are copied, each compressed as it stands in the archive of a project.
fn runs_text(files: &Files, out: &Path) -> String {
    let manifests = manifests(files);
    let placed = placed(files, &manifests);
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
