//! Makes a changed or new template trigger a rebuild, and refuses what `include_dir` would
//! embed by mistake: symbolic links, and files that git ignores. Computes the pack's digest.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use walkdir::WalkDir;

// The program uses more of it.
#[allow(dead_code)]
#[path = "src/text/digest.rs"]
mod digest;

fn main() {
    let root = Path::new("templates");
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
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
            let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
            files.insert(parts.join("/"), fs::read(entry.path()).expect("a template can be read"));
        }
    }
    let digest = digest::of_files(files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])));
    println!("cargo::rustc-env=EMBEDDED_PACK_DIGEST={digest}");
    // Outside a checkout (a source archive) there is no git to ask and nothing ignored to find.
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
