//! What the program was built with is what it would find out by itself: the files of the pack, their
//! digests and manifests, and what the archive of a project holds of the files that are copied.

mod common;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use common::matrix::has_usual_services;
use common::{files_in, repository};
use proptest::prelude::*;
use scaffold::choose::file::quoted;
use scaffold::lint::cover::cover;
use scaffold::pack::embedded;
use scaffold::pack::load::Pack;
use scaffold::pack::manifest::ComponentManifest;
use scaffold::project::base::{packed, unpacked};
use scaffold::render::files::rendered_files;
use scaffold::render::plan::Plan;
use scaffold::render::tree::{File, Tree};
use scaffold::text::digest;

#[test]
fn the_files_are_those_of_the_folder() {
    let folder: BTreeMap<String, Vec<u8>> = files_in(&repository().join("templates"))
        .into_iter()
        .map(|(path, bytes, _)| (path, bytes))
        .collect();
    let built: BTreeMap<String, Vec<u8>> =
        embedded::files().iter().map(|file| (file.path.to_owned(), file.bytes.to_vec())).collect();
    assert_eq!(built, folder);
    assert!(embedded::files().is_sorted_by_key(|file| file.path), "they are searched by halves");
    for file in embedded::files() {
        assert_eq!(file.digest, digest::of(file.bytes), "{}", file.path);
        assert_eq!(embedded::digest_of_copy(file.path, file.bytes), Some(file.digest));
    }
    let folder = folder.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    assert_eq!(embedded::digest(), digest::of_files(folder));
}

#[test]
fn a_manifest_says_the_same_as_json() {
    let manifests = embedded::files().iter().filter_map(|file| Some((file, file.json?)));
    let mut count = 0;
    for (file, json) in manifests {
        let text = std::str::from_utf8(file.bytes).expect("a manifest is UTF-8");
        let toml: toml::Table = toml::from_str(text).expect("a manifest is TOML");
        let read: toml::Table = serde_json::from_str(json).expect("it is JSON");
        assert_eq!(read, toml, "{}", file.path);
        let order = |table: &toml::Table| table.keys().cloned().collect::<Vec<_>>();
        assert_eq!(order(&read), order(&toml), "{}", file.path);
        count += 1;
    }
    let pack = Pack::embedded().expect("the embedded pack can be read");
    assert_eq!(count, pack.components.len() + 2, "the pack, its versions and its components");
    for component in &pack.components {
        let text = pack.text(&component.manifest_path()).expect("a manifest is UTF-8");
        let read: ComponentManifest = toml::from_str(text).expect("a manifest is TOML");
        let says = format!("{:?}", component.manifest);
        assert_eq!(says, format!("{read:?}"), "{}", component.id);
    }
}

/// What a plain archive holds, without what ends it.
fn archived(files: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes, executable) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(if *executable { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, path, *bytes).expect("in memory");
    }
    let mut bytes = archive.into_inner().expect("in memory");
    bytes.truncate(bytes.len() - 1024);
    bytes
}

#[test]
fn a_run_is_what_an_archive_holds_of_its_files() {
    assert!(
        embedded::runs().is_sorted_by_key(|run| run.files[0].path),
        "they are searched by halves"
    );
    for run in embedded::runs() {
        let files: Vec<(&str, &[u8], bool)> =
            run.files.iter().map(|file| (file.path, file.bytes, file.executable)).collect();
        assert!(files.is_sorted_by_key(|file| file.0));
        let bytes = zstd::decode_all(run.compressed).expect("it was compressed");
        assert!(bytes == archived(&files), "{}", files[0].0);
    }
}

/// The frames that a compressed archive is put together from.
fn frames(mut bytes: &[u8]) -> BTreeSet<&[u8]> {
    let mut frames = BTreeSet::new();
    while !bytes.is_empty() {
        let size = zstd::zstd_safe::find_frame_compressed_size(bytes).expect("a frame");
        let (frame, rest) = bytes.split_at(size);
        frames.insert(frame);
        bytes = rest;
    }
    frames
}

/// Or `new` would compress them again, which takes more than all of its rest. Services that people
/// name themselves are not known when the program is built.
#[test]
fn whatever_is_chosen_no_file_that_is_copied_is_compressed_again() {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let selections = cover(&pack, "x").into_iter().step_by(4).filter(has_usual_services);
    let mut count = 0;
    for selection in selections {
        let chosen = selection.choices(&pack).command(&pack);
        let plan = Plan::new(&pack, selection).expect("a valid plan");
        let tree = rendered_files(&plan).expect("it renders");
        let base = packed(&tree, |_| ()).0;
        let frames = frames(&base.bytes);
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        for run in embedded::runs().iter().filter(|run| frames.contains(run.compressed)) {
            taken.extend(run.files.iter().map(|file| file.path));
        }
        let copied = tree.iter().filter(|(_, file)| matches!(file.bytes, Cow::Borrowed(_)));
        let again: Vec<&str> =
            copied.map(|(path, _)| path).filter(|path| !taken.contains(path)).collect();
        assert_eq!(again, Vec::<&str>::new(), "{chosen}");
        count += 1;
    }
    assert!(count > 9, "{count} selections have the usual services");
}

/// What may become of a file that is in a run, on its way into a tree.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Kept,
    Gone,
    Edited,
    OtherMode,
    NewNeighbour,
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        20 => Just(Fate::Kept),
        1 => Just(Fate::Gone),
        1 => Just(Fate::Edited),
        1 => Just(Fate::OtherMode),
        1 => Just(Fate::NewNeighbour),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn an_archive_holds_the_tree_whatever_became_of_the_files(
        fates in prop::collection::vec(any_fate(), embedded::files().len())
    ) {
        let mut tree = Tree::default();
        let files = embedded::runs().iter().flat_map(|run| run.files);
        for (copied, fate) in files.zip(fates) {
            let mut file = File::own(copied.bytes.to_vec());
            file.executable = copied.executable;
            match fate {
                Fate::Kept => {}
                Fate::Gone => continue,
                Fate::Edited => file.bytes.to_mut().push(b'x'),
                Fate::OtherMode => file.executable = !file.executable,
                Fate::NewNeighbour => {
                    tree.insert(format!("{}-2", copied.path), file.clone());
                }
            }
            tree.insert(copied.path.to_owned(), file);
        }
        let files: Vec<(&str, &[u8], bool)> =
            tree.iter().map(|(path, file)| (path, file.bytes.as_ref(), file.executable)).collect();
        let mut plain = archived(&files);
        plain.extend([0; 1024]);
        let base = packed(&tree, |_| ()).0;
        prop_assert_eq!(&base.digest, &digest::of(&plain));
        prop_assert_eq!(unpacked(&base.bytes).expect("an archive"), (tree, base.digest));
    }

    #[test]
    fn a_text_is_quoted_as_toml_quotes_it(text in "[ -~]{0,12}|\\PC{0,12}|.{0,12}") {
        prop_assert_eq!(quoted(&text), toml::Value::String(text).to_string());
    }
}
