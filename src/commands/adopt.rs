//! `scaffold adopt`: takes a project without state into management.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

use crate::choose::file::adapted_selection;
use crate::choose::selection::Selection;
use crate::commands::operate::counted;
use crate::commands::session::{Entry, Session, Words, begin};
use crate::disk::transaction::Change;
use crate::merge::decide::Content;
use crate::pack::load::Pack;
use crate::project::adoption::{Difference, nearest};
use crate::project::intent::selection_file;
use crate::project::state::{self, Records};
use crate::render::files::rendered_files;
use crate::render::plan::Plan;
use crate::terminal::arguments::{Chosen, chosen, flag, into};
use crate::terminal::output::{SCHEMA, print_json, say};
use crate::text::error::Error;
use crate::text::name::Name;
use crate::text::path::{LOCK_FILE, SELECTION_FILE, STATE_FILES};

/// Takes a project without state into management.
pub const ENTRY: Entry = Entry {
    schemas: &[("adopt", |_| schema_for!(Adopt).to_value())],
    ..Entry::new("adopt", arguments, run)
};

fn arguments(command: Command, words: &Words) -> Command {
    let about = "Take a project without state into management: writes the state only";
    words
        .choosing(command.about(about), true)
        .arg(into("Folder of the project").default_value("."))
        .arg(flag("dry-run", "Write nothing"))
        .arg(flag("yes", "Ask nothing; this command never does"))
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    let pack = session.pack;
    let into = matches.get_one::<PathBuf>("into").expect("it has a default");
    let into = if into.as_os_str().is_empty() { Path::new(".") } else { into.as_path() };
    let dry_run = matches.get_flag("dry-run");
    let has_selection = into.join(SELECTION_FILE).exists();
    refuse_managed(into, has_selection)?;
    let selection = if has_selection {
        // Its lock is lost; what was chosen is not.
        let text = selection_file(into)?;
        adapted_selection(pack, &text, &text)?.0
    } else {
        said_or_nearest(pack, into, chosen(pack, matches)?)?
    };
    let command = selection.choices(pack).command(pack);
    let plan = Plan::new(pack, selection)?;
    let mut tree = rendered_files(&plan)?;
    let Difference { equal, different, missing } = Difference::between(into, &tree)?;
    if equal == 0 && !has_selection {
        let (shown, pack) = (into.display(), &pack.manifest.name);
        return Err(Error::Project {
            message: format!("nothing in `{shown}` is as `{pack}` renders it"),
            hint: "for a new project in a folder of yours: scaffold new NAME --into DIR".to_owned(),
        });
    }
    state::add_state(pack, &mut tree, &Records::default());
    let written = if has_selection { &STATE_FILES[1..] } else { &STATE_FILES[..] };
    if !dry_run {
        let change = |path: &&str| {
            let after = Some(Content::from(tree.get(path)?));
            Some(Change { path: (*path).to_owned(), after, like: None })
        };
        let changes: Vec<Change> = written.iter().rev().filter_map(change).collect();
        begin(into)?.commit("adopt", &changes)?;
    }
    let schema = SCHEMA;
    let answer = Adopt { schema, command, written: !dry_run, equal, different, missing };
    if session.json {
        print_json(&answer, false)?;
    } else {
        say(&answer.text(has_selection));
    }
    Ok(0)
}

/// Refuses a project that is managed, and what is no folder.
fn refuse_managed(into: &Path, has_selection: bool) -> Result<(), Error> {
    let shown = into.display();
    if into.join(LOCK_FILE).exists() {
        let hint = if has_selection {
            "it is managed: scaffold check".to_owned()
        } else {
            format!(
                "put `{SELECTION_FILE}` back: git checkout HEAD -- {SELECTION_FILE}; or begin anew: rm {LOCK_FILE} && scaffold adopt"
            )
        };
        let message = format!("`{shown}` has a `{LOCK_FILE}` already");
        return Err(Error::Project { message, hint });
    }
    if into.is_dir() {
        return Ok(());
    }
    Err(Error::usage(format!("`{shown}` is not a folder"), "scaffold adopt --into DIR"))
}

/// What was chosen on the command line, or else what comes nearest to the folder.
fn said_or_nearest(pack: &Pack, into: &Path, chosen: Chosen) -> Result<Selection, Error> {
    let Chosen { mut choices, any } = chosen;
    let name = choices.name.take().unwrap_or_else(|| name_of(into));
    if !any {
        return nearest(pack, into, &name);
    }
    choices.name = Some(name);
    choices.complete(pack)
}

/// The name of a project that never said one: that of its folder, where it can be one.
fn name_of(folder: &Path) -> String {
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if Name::project(&name).is_ok() { name } else { "my-app".to_owned() }
}

/// Answer of `scaffold adopt`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Adopt {
    /// Version of this form.
    pub schema: u32,
    /// The command line that chooses what is nearest to the project.
    pub command: String,
    /// Whether the state was written.
    pub written: bool,
    /// Files that are as they are rendered.
    pub equal: usize,
    /// Files that differ from what is rendered.
    pub different: Vec<String>,
    /// Files that would be rendered and are not there.
    pub missing: Vec<String>,
}

impl Adopt {
    /// The same for people.
    fn text(&self, has_selection: bool) -> String {
        let mut text = format!("nearest: {}\n\n", self.command);
        let _ = writeln!(text, "= {} as rendered", counted(self.equal));
        for path in &self.different {
            let _ = writeln!(text, "~ {path}");
        }
        for path in &self.missing {
            let _ = writeln!(text, "- {path}");
        }
        text.push_str(match (self.written, has_selection) {
            (false, _) => "\nNothing was written.\n",
            (_, true) => "\nWrote scaffold.lock and .scaffold/; your edits are kept.\n",
            (_, false) => {
                "\nWrote scaffold.toml, scaffold.lock and .scaffold/; your edits are kept.\n"
            }
        });
        text
    }
}
