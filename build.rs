//! Makes a changed or new template trigger a rebuild, and refuses what `include_dir` would
//! embed by mistake: symbolic links, and files that git ignores.

use std::path::Path;
use std::process::Command;

use walkdir::WalkDir;

fn main() {
    let root = Path::new("templates");
    for entry in WalkDir::new(root) {
        let entry = entry.expect("templates/ can be read");
        println!("cargo::rerun-if-changed={}", entry.path().display());
        assert!(
            !entry.path_is_symlink(),
            "{}: a pack holds no symbolic links",
            entry.path().display()
        );
    }
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
