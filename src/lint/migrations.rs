//! What cannot work of a pack's migrations. What they say of older versions nobody can check any more;
//! what they say of this one must be there.

use serde_json::Value;

use crate::lint::docking::holders;
use crate::pack::load::{PACK_MANIFEST, Pack, SERVICE_IN_PATH};
use crate::pack::manifest::{MigrateManifest, OptionShape, Renaming};
use crate::pack::migration::Migration;
use crate::pack::pattern::Pattern;
use crate::pack::versions::{is_newer, is_version};
use crate::text::error::{Place, Problem, did_you_mean};
use crate::text::path::STATE_FILES;

/// Everything that is wrong with the migrations of a pack.
#[must_use]
pub fn problems(pack: &Pack) -> Vec<Problem> {
    let mut problems = Vec::new();
    let entries = &pack.manifest.migrate;
    for (number, entry) in entries.iter().enumerate() {
        let (before, behind) = entries.split_at(number);
        let later = Migration::of(&behind[1..]);
        let mut checked = Checked { pack, number, entry, later, problems: &mut problems };
        checked.check_version(before.last());
        checked.check_words();
        checked.check_paths(&behind[1..]);
    }
    problems
}

/// A migration that is checked.
struct Checked<'a> {
    pack: &'a Pack,
    /// Its place among all.
    number: usize,
    entry: &'a MigrateManifest,
    /// What comes after it, which may carry its names on.
    later: Migration,
    problems: &'a mut Vec<Problem>,
}

/// A move of files: what `pack.toml` says, and the patterns that it means.
struct Move<'a> {
    old: &'a str,
    new: &'a str,
    patterns: [Pattern; 2],
}

impl Checked<'_> {
    fn check_version(&mut self, former: Option<&MigrateManifest>) {
        let before = &self.entry.before;
        let own = &self.pack.manifest.version;
        if !is_version(before) {
            self.report(before, format!("`{before}` is not a version: three numbers with dots between them, such as `1.0.0`"));
        } else if is_newer(before, own) {
            self.report(
                before,
                format!("the pack is of version {own}: nothing is carried over before {before}"),
            );
        }
        if let Some(former) = former.filter(|former| is_newer(&former.before, before)) {
            let message = format!(
                "migrations are carried out from the oldest to the newest, and this one stands behind that of {}",
                former.before
            );
            self.report(before, message);
        }
    }

    /// The new names have to be there, in this version or up to a later migration.
    fn check_words(&mut self) {
        let (pack, entry) = (self.pack, self.entry);
        for new in entry.components.values() {
            let now = self.later.component(new);
            if pack.component(&now).is_none() && pack.by_flag(&now).is_none() {
                let known = pack.components.iter().map(|component| component.id.as_str());
                self.report_unknown(new, "a component", did_you_mean(&now, known));
            }
        }
        for id in &entry.kept {
            let now = self.later.component(id);
            if pack.component(&now).is_none_or(|component| component.flag().is_none()) {
                let known = pack.flagged().map(|(_, component)| component.id.as_str());
                self.report_unknown(id, "a component with a flag", did_you_mean(&now, known));
            }
        }
        for new in entry.kinds.values() {
            let now = self.later.kind(new);
            if pack.component_of_kind(&now).is_none() {
                self.report_unknown(new, "a kind of service", did_you_mean(&now, pack.kinds()));
            }
        }
        let slots = &pack.manifest.slots;
        for (slot, renaming) in &entry.slots {
            let name = if let Renaming::Name(new) = renaming { new } else { slot };
            let [now, _] = self.later.slot(name, "");
            if !slots.contains_key(&now) {
                let known = slots.keys().map(String::as_str);
                self.report_unknown(name, "a slot", did_you_mean(&now, known));
            } else if let Renaming::Values(fillers) = renaming {
                for new in fillers.values() {
                    let [slot, filler] = self.later.slot(slot, new);
                    let mut known = pack.fillers(&slot).map(|component| component.id.as_str());
                    if !known.any(|id| id == filler) {
                        let known = pack.fillers(&slot).map(|component| component.id.as_str());
                        let what = format!("a component that fills `{slot}`");
                        self.report_unknown(new, &what, did_you_mean(&filler, known));
                    }
                }
            }
        }
        for (id, renaming) in &entry.options {
            let name = if let Renaming::Name(new) = renaming { new } else { id };
            let (now, _) = self.later.option(name, &Value::Null);
            let Some(option) = pack.options().find(|option| option.manifest.id == now) else {
                let known = pack.options().map(|option| option.manifest.id.as_str());
                self.report_unknown(name, "an option", did_you_mean(&now, known));
                continue;
            };
            let values = if let Renaming::Values(values) = renaming { Some(values) } else { None };
            for new in values.into_iter().flat_map(|values| values.values()) {
                let (_, value) = self.later.option(id, &Value::from(new.as_str()));
                let known = || option.manifest.values.iter().map(String::as_str);
                let is_there = match option.manifest.shape {
                    OptionShape::Enum => known().any(|one| value == one),
                    shape => shape == OptionShape::String,
                };
                if !is_there {
                    let value = value.as_str().unwrap_or_default();
                    self.report_unknown(
                        new,
                        &format!("a value of `{now}`"),
                        did_you_mean(value, known()),
                    );
                }
            }
        }
        for (what, renamings) in [("slots", &entry.slots), ("options", &entry.options)] {
            let mut names: Vec<&String> = Vec::new();
            for renaming in renamings.values() {
                if let Renaming::Name(new) = renaming {
                    if names.contains(&new) {
                        self.report(new, format!("two {what} would both be called `{new}`"));
                    }
                    names.push(new);
                }
            }
        }
    }

    fn check_paths(&mut self, later: &[MigrateManifest]) {
        let mut moves: Vec<Move> = Vec::new();
        for (old, new) in &self.entry.paths {
            match [old, new].map(|text| Pattern::parse(text)) {
                [Ok(from), Ok(to)] => {
                    let one = Move { old, new, patterns: [from, to] };
                    self.check_move(&one, later);
                    self.check_beside(&one, &moves);
                    moves.push(one);
                }
                [from, to] => {
                    for (text, pattern) in [(old, from), (new, to)] {
                        if let Err(reason) = pattern {
                            self.report(text, reason);
                        }
                    }
                }
            }
        }
    }

    /// What is wrong with a move whatever the others are.
    fn check_move(
        &mut self,
        Move { old, new, patterns: [from, to] }: &Move,
        later: &[MigrateManifest],
    ) {
        if !from.has_wildcards_of(to) {
            let message = format!(
                "`{new}` needs the wildcards of `{old}`, in the same order, or the last of them: what each stands for is carried over"
            );
            return self.report(new, message);
        }
        if old.to_lowercase() == new.to_lowercase() {
            let message = if old == new {
                format!("`{old}` stays where it is")
            } else {
                format!(
                    "`{old}` and `{new}` differ in case alone, which not every file system tells apart"
                )
            };
            return self.report(new, message);
        }
        if from.is_above(to) || to.is_above(from) {
            let message = format!(
                "`{old}` cannot move to `{new}`: one would be a file where the other needs a folder"
            );
            return self.report(new, message);
        }
        let is_it =
            |pattern: &Pattern, path| pattern.captures(path).is_some_and(|all| all.is_empty());
        let own = STATE_FILES.into_iter().find(|path| is_it(from, path) || is_it(to, path));
        if let Some(path) = own {
            return self.report(path, format!("`{path}` is written by the program itself"));
        }
        if !self.is_written(to) && !is_carried_on(to, later) {
            self.report(new, format!("no component writes a file that fits `{new}`"));
        }
    }

    /// What is wrong with a move beside those that stand before it.
    fn check_beside(&mut self, Move { old, new, patterns }: &Move, others: &[Move]) {
        let [from, to] = patterns;
        for other in others {
            let [other_from, other_to] = &other.patterns;
            if other_from.covers(from) {
                let message = format!(
                    "nothing is left for `{old}`: the first that fits counts, and `{}` stands before it",
                    other.old
                );
                return self.report(old, message);
            }
            if Pattern::lead_to_one([from, to], [other_from, other_to]) {
                let message = format!(
                    "`{old}` and `{}` send different files to one path: `{new}` and `{}`",
                    other.old, other.new
                );
                return self.report(new, message);
            }
        }
    }

    /// Whether some component writes a file that fits `pattern`, in some project.
    fn is_written(&self, pattern: &Pattern) -> bool {
        let could_be = |path: &str| pattern.could_be(path, SERVICE_IN_PATH);
        let mut locks = self.pack.manifest.lockfile.iter();
        locks.any(|lock| could_be(&lock.path))
            || self.pack.added_files().any(|(component, file)| {
                let is_of_project = file.of.is_none() && could_be(&file.path);
                is_of_project
                    || holders(self.pack, component, file).iter().any(|held| {
                        let (name, folder) = held.place(SERVICE_IN_PATH);
                        could_be(&file.path_of(&name, &folder, &file.path))
                    })
            })
    }

    fn report_unknown(&mut self, new: &str, what: &str, near: Option<&str>) {
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        self.report(new, format!("`{new}` is not {what}{near}"));
    }

    /// A problem where this migration says `near`.
    fn report(&mut self, near: &str, message: String) {
        let text = self.pack.text(PACK_MANIFEST).unwrap_or_default();
        let mut starts = text.match_indices("[[migrate]]").map(|(at, _)| at);
        let start = starts.nth(self.number).unwrap_or_default();
        let at = text[start..].find(&format!("\"{near}\"")).map(|at| at + 1);
        let at = at.or_else(|| text[start..].find(near)).unwrap_or_default();
        self.problems.push(Problem::new(Place::at(PACK_MANIFEST, text, start + at), message));
    }
}

/// Whether a later migration sends on some of what fits `pattern`.
fn is_carried_on(pattern: &Pattern, later: &[MigrateManifest]) -> bool {
    let mut further = later.iter().flat_map(|entry| entry.paths.keys());
    further.any(|old| Pattern::parse(old).is_ok_and(|old| old.meets(pattern)))
}
