//! Makes a changed or new template trigger a rebuild, and refuses what `include_dir` would
//! embed by mistake: symbolic links, and files that git ignores. Computes the pack's digest.
//! Reads the records of `tests/proven/`, of which the program holds the last of each subject.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use walkdir::WalkDir;

// The program uses more of them.
#[allow(dead_code)]
#[path = "src/text"]
mod text {
    pub mod digest;
}
#[allow(dead_code)]
#[path = "src/proof"]
mod proof {
    pub mod history;
    pub mod record;
}

use proof::history::History;
use proof::record::Fault;
use text::digest;

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
    embed_records();
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

/// The last entry of each subject, in a file that the program includes.
fn embed_records() {
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
    let folder = std::env::var_os("OUT_DIR").expect("cargo says where to write");
    fs::write(Path::new(&folder).join("proven.toml"), text).expect("the records can be written");
}
