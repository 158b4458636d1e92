//! What a generated project holds of ours: `scaffold.toml`, what was chosen, which people read
//! and edit; `scaffold.lock`, what was rendered, which they do not; and the base, the rendering
//! itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::choose::file::{self, SCHEMA, check_schema, quoted, selection_text, shown};
use crate::choose::migrated::migrated;
use crate::choose::selection::Selection;
use crate::merge::decide::{Conflict, ConflictKind, Content, Ours};
use crate::merge::keyed::settle;
use crate::merge::syntax::Language;
use crate::pack::embedded;
use crate::pack::load::Pack;
use crate::pack::migration::Migration;
use crate::project::base::{packed, unpacked};
use crate::render::files::rendered_files;
use crate::render::plan::Plan;
use crate::render::tree::{File, Tree};
use crate::text::digest;
use crate::text::error::{Error, Place};
use crate::text::path::{self, BASE_FILE, LOCK_FILE, SELECTION_FILE, STATE_FILES};

/// State is small; what is larger is not ours, and must not fill the memory.
const LARGEST_STATE: u64 = 1 << 26;

pub use crate::choose::file::{Reading, USE_NEWER, parse_selection};

/// `scaffold.lock`: the versions that rendered the project, and for each file its component and
/// the digest of what was rendered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Version of this form.
    pub schema: i64,
    /// Version of the program.
    pub generator: String,
    /// `sha256:` over the base before compression.
    pub base: String,
    /// `sha256:` over the rest of the lock, so that one that was cut short is noticed; locks of
    /// older versions have none.
    #[serde(default)]
    pub entries: Option<String>,
    /// The pack that rendered the project.
    pub pack: LockedPack,
    /// Defaults of the pack's options, so that an update can tell which ones changed.
    #[serde(default)]
    pub defaults: BTreeMap<String, Value>,
    /// The rendered files, by path.
    #[serde(default)]
    pub files: BTreeMap<String, LockedFile>,
    /// What still needs a person.
    #[serde(default, rename = "conflict")]
    pub conflicts: Vec<Conflict>,
}

/// The pack that rendered a project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPack {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `sha256:` over all of it.
    pub digest: String,
}

/// A rendered file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// The component that it belongs to.
    pub component: String,
    /// `sha256:` over what was rendered.
    pub digest: String,
    /// Whether it was rendered with the executable bit.
    #[serde(default)]
    pub executable: bool,
    /// Whether the user had it before it was rendered, so that it is never removed.
    #[serde(default)]
    pub own: bool,
}

/// What the lock records beside what was rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// What needs a person.
    pub conflicts: Vec<Conflict>,
    /// Files that the user had already.
    pub own: BTreeSet<String>,
}

/// The state of a generated project.
#[derive(Debug, Clone)]
pub struct Project {
    /// `scaffold.lock`.
    pub lock: Lock,
    /// What was rendered last time, `scaffold.toml` included.
    pub base: Tree,
}

/// Renders the whole project.
///
/// # Errors
/// [`Error::Pack`] with every template that fails, or two components that write one path.
pub fn render(plan: &Plan) -> Result<Tree, Error> {
    let mut tree = rendered_files(plan)?;
    add_state(plan.pack, &mut tree, &Records::default());
    Ok(tree)
}

/// Adds `scaffold.lock` and the base, which describe the rest of `tree`.
pub fn add_state(pack: &Pack, tree: &mut Tree, records: &Records) {
    let state = state(pack, tree, records);
    tree.extend(state);
}

/// `scaffold.lock` and the base of a tree without them.
#[must_use]
pub fn state(pack: &Pack, tree: &Tree, records: &Records) -> Tree {
    let (base, lock) = packed(tree, |digest| lock_text(pack, tree, digest, records));
    let mut state = Tree::default();
    state.insert(LOCK_FILE.to_owned(), File::own(lock.into_bytes()));
    state.insert(BASE_FILE.to_owned(), File::own(base.bytes));
    state
}

/// `scaffold.lock` for a tree without it.
#[must_use]
pub fn lock_text(pack: &Pack, tree: &Tree, base: &str, records: &Records) -> String {
    let manifest = &pack.manifest;
    let files = tree
        .iter()
        .filter(|(path, _)| !STATE_FILES.contains(path))
        .map(|(path, file)| {
            let file = LockedFile {
                component: file.component.clone(),
                digest: embedded::digest_of_copy(&file.source, &file.bytes)
                    .map_or_else(|| file.digest(), str::to_owned),
                executable: file.executable,
                own: records.own.contains(path),
            };
            (path.to_owned(), file)
        })
        .collect();
    let defaults = pack
        .options()
        .map(|option| {
            let default = serde_json::to_value(&option.manifest.default).unwrap_or_default();
            (option.manifest.id.clone(), default)
        })
        .collect();
    let lock = Lock {
        schema: SCHEMA,
        generator: env!("CARGO_PKG_VERSION").to_owned(),
        base: base.to_owned(),
        entries: None,
        pack: LockedPack {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            digest: pack.digest(),
        },
        defaults,
        files,
        conflicts: Vec::new(),
    };
    lock.with_conflicts(&records.conflicts)
}

impl Lock {
    /// The text of the lock, with these conflicts instead of its own.
    #[must_use]
    pub fn with_conflicts(&self, conflicts: &[Conflict]) -> String {
        let before = format!(
            "schema = {SCHEMA}\ngenerator = {}\nbase = {}\n",
            quoted(&self.generator),
            quoted(&self.base)
        );
        let entries = self.entries_text(conflicts);
        let digest = digest::of(format!("{before}{entries}").as_bytes());
        format!(
            "# Written by scaffold; not edited by hand.\n{before}entries = {}\n{entries}",
            quoted(&digest)
        )
    }

    /// Whether the lock is as it was written. One of an older version does not say.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let Some(entries) = &self.entries else {
            return true;
        };
        let text = self.with_conflicts(&self.conflicts);
        text.lines().any(|line| line == format!("entries = {}", quoted(entries)))
    }

    /// Whether it lists the files of `base`, and no others.
    #[must_use]
    pub fn describes(&self, base: &Tree) -> bool {
        let is_listed =
            base.iter().filter(|(path, _)| *path != SELECTION_FILE).all(|(path, file)| {
                self.files.get(path).is_some_and(|listed| {
                    listed.digest == file.digest() && listed.executable == file.executable
                })
            });
        is_listed
            && self.files.keys().all(|path| base.get(path).is_some())
            && base.get(SELECTION_FILE).is_some()
    }

    /// The pack, the defaults, the files, and these conflicts.
    fn entries_text(&self, conflicts: &[Conflict]) -> String {
        let mut text = String::new();
        let LockedPack { name, version, digest } = &self.pack;
        let _ = writeln!(
            text,
            "\n[pack]\nname = {}\nversion = {}\ndigest = {}",
            quoted(name),
            quoted(version),
            quoted(digest),
        );
        if !self.defaults.is_empty() {
            text.push_str("\n[defaults]\n");
        }
        for (id, default) in &self.defaults {
            let _ = writeln!(text, "{id} = {}", shown(default));
        }
        text.push_str("\n[files]\n");
        for (path, file) in &self.files {
            // Far faster than formatting, which tells where there are hundreds.
            text.push_str(&quoted(path));
            text.push_str(" = { component = ");
            text.push_str(&quoted(&file.component));
            text.push_str(", digest = ");
            text.push_str(&quoted(&file.digest));
            text.push_str(if file.executable { ", executable = true" } else { "" });
            text.push_str(if file.own { ", own = true" } else { "" });
            text.push_str(" }\n");
        }
        for conflict in conflicts {
            let fields = toml::Table::try_from(conflict).unwrap_or_default();
            text.push_str("\n[[conflict]]\n");
            for (key, value) in fields {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
        text
    }
}

/// Reads the selection of the project in `root`.
///
/// # Errors
/// [`Error::Project`] where it is no generated project, its state is of a newer form, or it
/// names what the pack does not have.
pub fn read_selection(pack: &Pack, root: &Path) -> Result<Selection, Error> {
    let path = root.join(SELECTION_FILE);
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Project {
            message: format!(
                "`{}` is not a generated project: it has no `scaffold.toml`",
                root.display()
            ),
            hint: "run this inside a generated project, or say what to plan: `--ml`, `--realtime`, ..."
                .to_owned(),
        },
        _ => Error::io("cannot read", &path, error),
    })?;
    parse_selection(pack, &file::text_of(bytes)?, Reading::Strict)
}

/// The user's `scaffold.toml`, made to say `selection`: values change in place, and what the
/// pack does not have goes. Comments stay, except those that `base`, the file as it was rendered
/// last time, has on what goes.
///
/// # Errors
/// [`Error::Project`] where it is not TOML, or tables of one list stand apart from each other.
pub fn edited_selection(
    pack: &Pack,
    base: &str,
    text: &str,
    selection: &Selection,
) -> Result<String, Error> {
    let fresh = selection_text(pack, selection);
    settle(Language::Toml, base, text, &fresh).ok_or_else(|| {
        let reason = match toml::from_str::<toml::Table>(text) {
            Err(error) => error.message().to_owned(),
            Ok(_) => "what belongs to one `[[...]]` does not follow it".to_owned(),
        };
        Error::Project {
            message: format!("scaffold.toml: {reason}"),
            hint: "mend `scaffold.toml`; git has its former text".to_owned(),
        }
    })
}

/// Reads a lock. What to do about one that cannot be used depends on the project, so that the
/// hint is whoever's who reads it.
///
/// # Errors
/// [`Error::Project`] where it is of a newer form, not as this program writes it, or cut short.
pub fn parse_lock(text: &str) -> Result<Lock, Error> {
    let unusable = |message: String| Error::Project { message, hint: String::new() };
    let not_toml = |error: &toml::de::Error| {
        let offset = error.span().map_or(0, |span| span.start);
        unusable(format!("{}: {}", Place::at(LOCK_FILE, text, offset), error.message()))
    };
    let table: toml::Table = toml::from_str(text).map_err(|error| not_toml(&error))?;
    check_schema(LOCK_FILE, table.get("schema").and_then(toml::Value::as_integer))?;
    let lock: Lock = toml::from_str(text).map_err(|error| not_toml(&error))?;
    if !lock.is_whole() {
        return Err(unusable(format!(
            "`{LOCK_FILE}` is not as it was written: it was cut short, or changed by hand or by a merge"
        )));
    }
    let beside = lock.conflicts.iter().filter(|conflict| conflict.kind == ConflictKind::Beside);
    let paths = lock
        .files
        .keys()
        .chain(lock.conflicts.iter().map(|conflict| &conflict.path))
        .chain(beside.filter_map(|conflict| conflict.theirs.as_ref()));
    for path in paths {
        if let Some(reason) = path::unusable(path) {
            return Err(unusable(format!("`{LOCK_FILE}`: {reason}")));
        }
    }
    Ok(lock)
}

/// Reads one of [`STATE_FILES`] of the project in `root`, where it is there.
///
/// # Errors
/// [`Error::Project`] where it is not a plain file, or larger than any state;
/// [`Error::Io`] where it cannot be read.
pub fn read_state_file(root: &Path, path: &str) -> Result<Option<Vec<u8>>, Error> {
    let full = root.join(path);
    let metadata = match fs::symlink_metadata(&full) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("cannot read", &full, error)),
    };
    if !metadata.is_file() || metadata.len() > LARGEST_STATE {
        let what = if metadata.is_file() { "too large" } else { "not a plain file" };
        return Err(Error::Project {
            message: format!("`{path}` is {what}"),
            hint: format!("put it back: git checkout HEAD -- {path}"),
        });
    }
    fs::read(&full).map(Some).map_err(|error| Error::io("cannot read", &full, error))
}

impl Project {
    /// Puts a project's lock and base together.
    ///
    /// # Errors
    /// [`Error::Project`] where one of them is damaged, or they do not belong together.
    pub fn read(lock: &str, base: &[u8]) -> Result<Self, Error> {
        let lock = parse_lock(lock)?;
        let unfit = |message: String| Error::Project { message, hint: String::new() };
        let (base, digest) = unpacked(base)
            .map_err(|reason| unfit(format!("`{BASE_FILE}` is damaged: {reason}")))?;
        if digest != lock.base || !lock.describes(&base) {
            return Err(unfit(format!(
                "`{LOCK_FILE}` and `{BASE_FILE}` do not belong together: one of them was changed by hand or by a merge"
            )));
        }
        Ok(Self { base: with_components(&base, &lock), lock })
    }

    /// The same state in the words of this version of the pack: what was chosen, and which component
    /// a file belongs to. Where files lie is for [`crate::merge::moves`] to say.
    #[must_use]
    pub fn migrated(mut self, pack: &Pack, migration: &Migration) -> Self {
        if migration.is_empty() {
            return self;
        }
        let id = |former: &str| {
            let word = migration.id(former);
            let component = pack.component(&word).or_else(|| pack.by_flag(&word));
            component.map_or(word.clone(), |component| component.id.clone())
        };
        for file in self.lock.files.values_mut() {
            file.component = id(&file.component);
        }
        let defaults = std::mem::take(&mut self.lock.defaults).into_iter();
        self.lock.defaults =
            defaults.map(|(id, default)| migration.option(&id, &default)).collect();
        self.base = with_components(&self.base, &self.lock);
        if let Some(file) = self.base.get(SELECTION_FILE) {
            let text = String::from_utf8_lossy(&file.bytes);
            let text = migrated(pack, migration, &text).text;
            self.base.insert(SELECTION_FILE.to_owned(), File::own(text.into_bytes()));
        }
        self
    }

    /// What the lock records beside what was rendered.
    #[must_use]
    pub fn records(&self) -> Records {
        let own = self.lock.files.iter().filter(|(_, file)| file.own);
        Records {
            conflicts: self.lock.conflicts.clone(),
            own: own.map(|(path, _)| path.clone()).collect(),
        }
    }
}

/// The lock knows which component a file belongs to.
fn with_components(base: &Tree, lock: &Lock) -> Tree {
    let mut tree = Tree::default();
    for (path, file) in base.iter() {
        let mut file = file.clone();
        file.component =
            lock.files.get(path).map(|file| file.component.clone()).unwrap_or_default();
        tree.insert(path.to_owned(), file);
    }
    tree
}

/// What the user has at `path` of the project in `root`.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be read.
pub fn ours(root: &Path, path: &str) -> Result<Ours, Error> {
    let mut folder = root.to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    for (number, part) in parts.iter().enumerate() {
        folder.push(part);
        let is_last = number + 1 == parts.len();
        let metadata = match fs::symlink_metadata(&folder) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Ours::Absent),
            Err(error) => return Err(Error::io("cannot look at", &folder, error)),
        };
        let kind = metadata.file_type();
        match (is_last, kind.is_symlink(), kind.is_dir(), kind.is_file()) {
            (_, true, _, _) => return Ok(Ours::Other("a symbolic link")),
            (false, _, true, _) => {}
            (false, _, _, _) => return Ok(Ours::Other("a file where a folder should be")),
            (true, _, true, _) => return Ok(Ours::Other("a folder")),
            (true, _, _, true) => {}
            (true, _, _, _) => return Ok(Ours::Other("not a plain file")),
        }
    }
    let cannot_read = |error| Error::io("cannot read", &folder, error);
    let bytes = fs::read(&folder).map_err(cannot_read)?;
    let executable = crate::disk::writer::is_executable(&folder).map_err(cannot_read)?;
    Ok(Ours::File(Content { bytes: bytes.into(), executable }))
}
