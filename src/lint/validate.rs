//! Everything that can be wrong with a pack, found all at once and before anything is rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::choose::selection::Choices;
use crate::lint::clash::{clashing_keys, clashing_paths};
use crate::lint::constraints::Constraints;
use crate::lint::{docking, migrations};
use crate::pack::load::{Component, Lies, PACK_MANIFEST, PARTS, Pack};
use crate::pack::manifest::{
    ContributionScope, ContributionShape, EVERY_WORKLOAD, OptionManifest, OptionShape, PackManifest,
};
use crate::pack::versions::is_version;
use crate::text::error::{Error, Place, Problem, did_you_mean};
use crate::text::name::Name;
use crate::text::path::{self, STATE_FILES};
use crate::text::template::Declared;

/// Flags that belong to the program, so that no pack may take them.
const RESERVED_FLAGS: [&str; 20] = [
    "all",
    "allow-dirty",
    "answers",
    "color",
    "diagram",
    "diff",
    "dry-run",
    "force",
    "help",
    "into",
    "json",
    "kind",
    "name",
    "preset",
    "quiet",
    "service",
    "set",
    "templates",
    "version",
    "yes",
];

/// Reads the pack in the folder `root` and checks it.
///
/// # Errors
/// [`Error::Usage`] where there is no pack, [`Error::Pack`] with all problems at once.
pub fn load(root: &Path) -> Result<Pack, Error> {
    match load_as_far_as_possible(root)? {
        (Some(pack), problems) if problems.is_empty() => Ok(pack),
        (_, problems) => Err(Error::Pack(problems)),
    }
}

/// Reads the pack in the folder `root` and checks it, with everything that is wrong; without what
/// cannot be read, and `None` where nothing can.
///
/// # Errors
/// [`Error::Usage`] where there is no pack, [`Error::Io`] where it cannot be read.
pub fn load_as_far_as_possible(root: &Path) -> Result<(Option<Pack>, Vec<Problem>), Error> {
    let (pack, mut problems) = Pack::read_from(root)?;
    problems.extend(pack.iter().flat_map(validate));
    problems.sort();
    problems.dedup();
    Ok((pack, problems))
}

/// Every problem of the pack, sorted by place.
#[must_use]
pub fn validate(pack: &Pack) -> Vec<Problem> {
    Checked { pack }.problems()
}

/// Whether selections can be made and rendered, whatever becomes of them: every manifest can be
/// read, and every slot has one default.
#[must_use]
pub fn can_be_rendered(pack: &Pack) -> bool {
    let mut problems = Vec::new();
    Checked { pack }.check_slots(&mut problems);
    pack.unread.is_empty() && problems.is_empty()
}

/// The pack that is checked.
struct Checked<'a> {
    pack: &'a Pack,
}

impl Checked<'_> {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_manifest(&mut problems);
        self.check_name_rules(&mut problems);
        for component in &self.pack.components {
            self.check_own(component, &mut problems);
        }
        self.check_paths(&mut problems);
        self.check_clashes(&mut problems);
        // What a manifest says that cannot be read, others would seem to miss.
        if self.pack.unread.is_empty() {
            self.check_slots(&mut problems);
            self.check_names(&mut problems);
            for component in &self.pack.components {
                self.check_component(component, &mut problems);
            }
            self.check_lockfiles(&mut problems);
            self.check_diagram(&mut problems);
            problems.extend(migrations::problems(self.pack));
            problems.extend(docking::problems(self.pack));
            if can_be_rendered(self.pack) {
                self.check_presets(&mut problems);
                self.check_choosable(&mut problems);
            }
        }
        self.check_templates(&mut problems);
        problems.sort();
        problems.dedup();
        problems
    }

    /// The name and the version, which projects compare.
    fn check_manifest(&self, problems: &mut Vec<Problem>) {
        let PackManifest { name, version, .. } = &self.pack.manifest;
        if !is_kebab(name) {
            let message =
                format!("`{name}` cannot name a pack: names are made of a-z, 0-9 and `-`");
            problems.push(Problem::new(self.place_of_value("name", name), message));
        }
        if !is_version(version) {
            problems.push(Problem::new(
                self.place_of_value("version", version),
                format!("`{version}` is not a version: three numbers with dots between them, such as `1.0.0`"),
            ));
        }
    }

    /// Rules for names in which nothing stands for the name.
    fn check_name_rules(&self, problems: &mut Vec<Problem>) {
        for rule in &self.pack.manifest.names {
            let lines = [Some(&rule.line), rule.within.as_ref()];
            for line in lines.into_iter().flatten() {
                if line.matches('*').count() != 1 {
                    let message = format!("`{line}` needs one `*`, which stands for the name");
                    problems.push(self.pack_problem(line, message));
                }
            }
            for like in rule.reserved.iter().chain([&rule.files]) {
                if like.matches('*').count() > 1 {
                    let message = format!("`{like}` has more than one `*`");
                    problems.push(self.pack_problem(like, message));
                }
            }
        }
    }

    /// Presets whose answers `new` would refuse.
    fn check_presets(&self, problems: &mut Vec<Problem>) {
        for (name, preset) in &self.pack.manifest.presets {
            let answers = serde_json::to_value(&preset.answers).unwrap_or_default();
            let answers = answers.as_object().cloned().unwrap_or_default();
            let mut refuse = |key: &str, error: &Error| {
                let hint = error.hint().unwrap_or_default();
                let near = hint.split_once("? ").filter(|(near, _)| near.starts_with("did you"));
                let near = near.map_or_else(String::new, |(near, _)| format!("; {near}?"));
                let message = format!("the preset `{name}`: {error}{near}");
                problems.push(Problem::new(self.place_in_preset(name, key), message));
            };
            match Choices::from_map(self.pack, &answers) {
                Err((key, error)) => refuse(&key, &error),
                Ok(mut choices) => {
                    choices.name.get_or_insert_with(|| "preset".to_owned());
                    if let Err(error) = choices.complete(self.pack) {
                        refuse("", &error);
                    }
                }
            }
        }
    }

    /// Components that exclude what they cannot be without.
    fn check_choosable(&self, problems: &mut Vec<Problem>) {
        for component in &self.pack.components {
            let id = &component.id;
            let needed = self.needed_by(component);
            let known = |id: &&String| self.pack.component(id).is_some();
            for other in component.manifest.conflicts.iter().filter(known) {
                let is_always =
                    |id: &str| self.pack.component(id).is_some_and(|it| it.manifest.always);
                let message = if is_always(other) {
                    format!("`{id}` can never be chosen: `{other}` is in every project")
                } else if component.manifest.always {
                    format!("`{other}` can never be chosen: `{id}` is in every project")
                } else if needed.contains(other) {
                    format!("`{id}` can never be chosen: it needs `{other}`")
                } else {
                    continue;
                };
                problems.push(Problem::new(self.place_of_conflict(component, other), message));
            }
        }
    }

    /// What is there wherever `component` is, slots aside.
    fn needed_by(&self, component: &Component) -> BTreeSet<String> {
        let mut needed = BTreeSet::new();
        let mut waiting = component.manifest.requires.clone();
        while let Some(id) = waiting.pop() {
            if let Some(other) = self.pack.component(&id)
                && needed.insert(id)
            {
                waiting.extend(other.manifest.requires.iter().cloned());
            }
        }
        needed
    }

    fn check_slots(&self, problems: &mut Vec<Problem>) {
        for (slot, manifest) in &self.pack.manifest.slots {
            for kind in &manifest.of.0 {
                if self.pack.component_of_kind(kind).is_none() {
                    let near = did_you_mean(kind, self.pack.kinds());
                    let message = unknown(&format!("`{kind}` is not a kind of service"), near);
                    problems.push(self.pack_problem(kind, message));
                }
            }
            if !manifest.of.0.is_empty() && ["name", "kind"].contains(&slot.as_str()) {
                let message = format!("`{slot}` is what every service says of itself");
                problems.push(self.pack_problem(slot, message));
            }
            for kind in manifest.kinds() {
                let fillers: Vec<&Component> = self.pack.fillers_for(slot, kind).collect();
                let defaults = fillers.iter().filter(|it| it.manifest.default).count();
                let whose = kind.map_or_else(String::new, |kind| format!(" of `{kind}`"));
                if fillers.is_empty() {
                    let message = format!("no component fills the slot `{slot}`{whose}");
                    problems.push(self.pack_problem(slot, message));
                } else if defaults != 1 {
                    let message = format!(
                        "the slot `{slot}`{whose} has {defaults} defaults; exactly one component says `default = true`"
                    );
                    problems.push(self.pack_problem(slot, message));
                }
            }
        }
    }

    /// Flags, slots, options and kinds share the command line, so each name stands for one thing.
    fn check_names(&self, problems: &mut Vec<Problem>) {
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let mut take = |name: &str, what: String, place: Place, problems: &mut Vec<Problem>| {
            if !is_kebab(name) {
                problems.push(Problem::new(
                    place.clone(),
                    format!("`{name}` cannot be a flag: flags are made of a-z, 0-9 and `-`"),
                ));
            }
            if RESERVED_FLAGS.contains(&name) || name.starts_with("no-") {
                problems.push(Problem::new(
                    place.clone(),
                    format!("`--{name}` belongs to the program, no pack may take it"),
                ));
            }
            if let Some(other) = taken.insert(name.to_owned(), what.clone()) {
                problems
                    .push(Problem::new(place, format!("`--{name}` is both {other} and {what}")));
            }
        };
        for slot in self.pack.manifest.slots.keys() {
            take(slot, format!("the slot `{slot}`"), self.pack_place(slot), problems);
        }
        for component in &self.pack.components {
            if let Some(flag) = component.flag() {
                let what = format!("the flag of `{}`", component.id);
                take(flag, what, self.place(component, flag), problems);
            }
            for option in &component.manifest.option {
                let what = format!("an option of `{}`", component.id);
                take(&option.id, what, self.place(component, &option.id), problems);
            }
        }
        let mut kinds = BTreeMap::new();
        for component in &self.pack.components {
            for kind in component.manifest.kind.keys() {
                if let Some(other) = kinds.insert(kind, &component.id) {
                    problems.push(Problem::new(
                        self.place(component, kind),
                        format!("the kind `{kind}` is declared by `{other}` as well"),
                    ));
                }
            }
        }
    }

    /// What is wrong with a component whatever the others are.
    fn check_own(&self, component: &Component, problems: &mut Vec<Problem>) {
        let manifest = &component.manifest;
        let mut report = |near: &str, message: String| {
            problems.push(Problem::new(self.place(component, near), message));
        };
        let roles =
            [manifest.flag.is_some(), manifest.slot.is_some(), manifest.always, manifest.derived];
        if roles.iter().filter(|role| **role).count() != 1 {
            report("", "say one of `flag`, `slot`, `always` and `derived`".to_owned());
        }
        if let Some(of) = &manifest.of {
            let known = || self.pack.kinds().chain(self.pack.runtimes());
            if !component.of_services {
                report(of, "`of` is for what fills a slot of services".to_owned());
            } else if !known().any(|known| known == of) {
                let near = did_you_mean(of, known());
                report(of, unknown(&format!("`{of}` is neither a kind nor a runtime"), near));
            }
        }
        let paths: BTreeSet<&str> = component.files.iter().map(|file| file.path.as_str()).collect();
        for path in
            manifest.executable.iter().chain(manifest.renamed.keys()).chain(manifest.locks.keys())
        {
            if !paths.contains(path.as_str()) {
                report(
                    path,
                    unknown(
                        &format!("the component adds no file `{path}`"),
                        did_you_mean(path, paths.iter().copied()),
                    ),
                );
            }
        }
        for option in &manifest.option {
            if let Err(reason) = check_option(option) {
                report(&option.id, reason);
            }
        }
        for former in manifest.renamed.values() {
            if let Some(reason) = path::unusable(former) {
                report(former, reason);
            }
        }
    }

    fn check_component(&self, component: &Component, problems: &mut Vec<Problem>) {
        let manifest = &component.manifest;
        let mut report = |near: &str, message: String| {
            problems.push(Problem::new(self.place(component, near), message));
        };
        if let Some(slot) = &manifest.slot
            && !self.pack.manifest.slots.contains_key(slot)
        {
            report(slot, format!("`{slot}` is not a slot of the pack"));
        }
        for required in &manifest.requires {
            if self.pack.component(required).is_none()
                && !self.pack.slots().any(|(slot, _)| slot == required)
            {
                let names = self.pack.components.iter().map(|other| other.id.as_str());
                let near = did_you_mean(
                    required,
                    names.chain(self.pack.manifest.slots.keys().map(String::as_str)),
                );
                report(
                    required,
                    unknown(&format!("`{required}` is neither a component nor a slot"), near),
                );
            }
        }
        for other in manifest.conflicts.iter().chain(&manifest.applies) {
            if self.pack.component(other).is_none() {
                let near =
                    did_you_mean(other, self.pack.components.iter().map(|other| other.id.as_str()));
                report(other, unknown(&format!("`{other}` is not a component"), near));
            }
        }
        if !manifest.applies.is_empty() && manifest.flag.is_none() {
            report("applies", "`applies` is about a flag, and there is none".to_owned());
        }
        for service in &manifest.service {
            if self.pack.component_of_kind(&service.kind).is_none() {
                report(&service.kind, format!("`{}` is not a kind of service", service.kind));
            }
            if Name::service(&service.name, &service.kind).is_err() {
                report(&service.name, format!("`{}` cannot name a service", service.name));
            }
        }
        self.check_folders(component, problems);
        self.check_contributions(component, problems);
    }

    /// The kinds and conditions in the names of a component's folders.
    fn check_folders(&self, component: &Component, problems: &mut Vec<Problem>) {
        for file in &component.files {
            for condition in &file.conditions {
                let is_known = self.pack.component(condition).is_some()
                    || docking::offered(self.pack).contains(condition.as_str())
                    || PARTS.contains(&condition.as_str());
                if !is_known {
                    problems.push(Problem::new(
                        Place::file(&file.source),
                        format!("`{condition}` is not a component"),
                    ));
                }
            }
            if file.lies == Lies::ByName && !file.path.contains(file.name_in_path()) {
                let who = if file.is_of_services() {
                    "service"
                } else {
                    file.of.as_deref().unwrap_or("")
                };
                let name = file.name_in_path();
                problems.push(Problem::new(
                    Place::file(&file.source),
                    format!("every {who} would write this path; put `{name}` into it"),
                ));
            }
            if file.lies == Lies::InCode && !file.is_of_services() {
                let of = file.of.as_deref().unwrap_or("");
                problems.push(Problem::new(
                    Place::file(&file.source),
                    format!("`{of}` has no code: that is of a kind of service or of a runtime"),
                ));
            }
            if let Some(need) = &file.need {
                let offered = docking::offered(self.pack);
                if !offered.contains(need.as_str()) {
                    let near = did_you_mean(need, offered.iter().copied());
                    let message = unknown(&format!("nothing offers `{need}`"), near);
                    problems.push(Problem::new(Place::file(&file.source), message));
                }
            }
            if let Some(of) = &file.of
                && file.is_of_services()
                && self.pack.component_of_kind(of).is_none()
                && !self.pack.is_runtime(of)
            {
                problems.push(Problem::new(
                    Place::file(&file.source),
                    format!("`{of}` is not a kind of service"),
                ));
            }
        }
    }

    fn check_contributions(&self, component: &Component, problems: &mut Vec<Problem>) {
        let declared = self.pack.contributions();
        let manifest = &component.manifest;
        let mut check = |table: &toml::Table, scope: ContributionScope| {
            for (name, value) in table {
                let place = self.place(component, name);
                let Some(contribution) =
                    declared.get(name.as_str()).filter(|found| found.scope == scope)
                else {
                    let names = declared
                        .iter()
                        .filter(|(_, found)| found.scope == scope)
                        .map(|(name, _)| *name);
                    let near = did_you_mean(name, names);
                    problems.push(Problem::new(
                        place,
                        unknown(&format!("no contribution `{name}` is declared here"), near),
                    ));
                    continue;
                };
                let fits = match contribution.shape {
                    ContributionShape::List => value.is_array(),
                    ContributionShape::Map => value.is_table(),
                };
                if !fits {
                    let shape =
                        if contribution.shape == ContributionShape::List { "list" } else { "map" };
                    problems.push(Problem::new(
                        place,
                        format!("the contribution `{name}` is a {shape}"),
                    ));
                }
            }
        };
        check(&manifest.contribute, ContributionScope::Project);
        for table in manifest.with.values() {
            check(table, ContributionScope::Project);
        }
        for each in manifest.each.values() {
            check(&each.own, ContributionScope::Project);
            for table in each.each.values() {
                check(table, ContributionScope::Project);
            }
        }
        for to in manifest.to.values() {
            check(&to.own, ContributionScope::Service);
        }
        for other in manifest.with.keys() {
            if self.pack.component(other).is_none() {
                let near = self.pack.components.iter().map(|component| component.id.as_str());
                problems.push(Problem::new(
                    self.place(component, other),
                    unknown(&format!("`{other}` is not a component"), did_you_mean(other, near)),
                ));
            }
        }
        let others = manifest.each.values().flat_map(|each| each.each.keys());
        let to = manifest.to.keys();
        let to = to.filter(|of| *of != EVERY_WORKLOAD && !self.pack.is_runtime(of));
        for kind in manifest.each.keys().chain(others).chain(to) {
            if self.pack.component_of_kind(kind).is_none() {
                problems.push(Problem::new(
                    self.place(component, kind),
                    unknown(
                        &format!("`{kind}` is not a kind of service"),
                        did_you_mean(kind, self.pack.kinds()),
                    ),
                ));
            }
        }
    }

    /// Paths that cannot be written everywhere.
    fn check_paths(&self, problems: &mut Vec<Problem>) {
        for component in &self.pack.components {
            for file in &component.files {
                if let Some(reason) = path::unusable(&file.path) {
                    problems.push(Problem::new(Place::file(&file.source), reason));
                }
                let is_ours = STATE_FILES.contains(&file.path.as_str())
                    || file.path.starts_with(".scaffold/");
                if file.of.is_none() && is_ours {
                    problems.push(Problem::new(
                        Place::file(&file.source),
                        format!("`{}` is written by the program itself", file.path),
                    ));
                }
            }
        }
    }

    /// Paths that two components write, and keys to which they give two values.
    fn check_clashes(&self, problems: &mut Vec<Problem>) {
        let constraints = Constraints::of(self.pack);
        problems.extend(clashing_paths(self.pack, &constraints));
        for (component, key, other) in clashing_keys(self.pack, &constraints) {
            let name = key.split_once('.').map_or(key.as_str(), |(_, name)| name);
            problems.push(Problem::new(
                self.place(component, name),
                format!("`{key}` has another value in `{}`", other.manifest_path()),
            ));
        }
    }

    fn check_lockfiles(&self, problems: &mut Vec<Problem>) {
        for lockfile in &self.pack.manifest.lockfile {
            if let Some(reason) = path::unusable(&lockfile.path) {
                problems.push(self.pack_problem(&lockfile.path, reason));
            }
            match self.pack.text(&lockfile.source) {
                Ok(text) => {
                    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
                        let place = Place {
                            path: lockfile.source.clone(),
                            line: error.line(),
                            column: error.column(),
                        };
                        problems.push(Problem::new(place, "the lock is not JSON"));
                    }
                }
                Err(problem) => problems.push(problem),
            }
            if self.pack.component(&lockfile.component).is_none() {
                problems.push(self.pack_problem(
                    &lockfile.component,
                    format!("`{}` is not a component", lockfile.component),
                ));
            }
        }
    }

    fn check_diagram(&self, problems: &mut Vec<Problem>) {
        let contributions = self.pack.contributions();
        let drawn = self.pack.manifest.diagram.iter();
        for name in drawn.flat_map(|diagram| [&diagram.nodes, &diagram.edges]) {
            let is_list = contributions.get(name.as_str()).is_some_and(|found| {
                found.shape == ContributionShape::List && found.scope == ContributionScope::Project
            });
            if !is_list {
                let reason = format!("`{name}` is not a list contribution of the project");
                problems.push(self.pack_problem(name, reason));
            }
        }
    }

    fn check_templates(&self, problems: &mut Vec<Problem>) {
        let mut templates = match self.pack.templates() {
            Ok(templates) => templates,
            Err(error) => {
                problems.push(error);
                return;
            }
        };
        let project = self.declared();
        let mut in_service = project.clone();
        in_service.insert("service".to_owned(), Some(self.service_fields()));
        let mut in_code = project.clone();
        let own = [
            "name",
            "kind",
            "runtime",
            "package",
            "path",
            "snake",
            "summary",
            "folders",
            "needs",
            "workloads",
        ];
        in_code.insert("code".to_owned(), Some(own.map(str::to_owned).into_iter().collect()));
        let of_parts = PARTS.map(|part| {
            let mut declared = project.clone();
            declared.insert(part.to_owned(), None);
            (part, declared)
        });
        let of_parts = BTreeMap::from(of_parts);
        let mut files = Vec::new();
        for (_, file) in self.pack.added_files().filter(|(_, file)| file.template) {
            match self.pack.text(&file.source) {
                Ok(text) => files.push((file, text)),
                Err(problem) => problems.push(problem),
            }
        }
        let sources: Vec<(&str, &str)> =
            files.iter().map(|(file, text)| (file.source.as_str(), *text)).collect();
        let mut wrong = templates.add(&sources);
        for (file, text) in files {
            if let Some(problem) = wrong.remove(file.source.as_str()) {
                problems.push(problem);
                continue;
            }
            let declared = match file.of.as_deref() {
                None => &project,
                Some(_) if file.lies == Lies::InCode => &in_code,
                Some(of) => of_parts.get(of).unwrap_or(&in_service),
            };
            problems.extend(templates.undeclared(&file.source, text, declared));
        }
    }

    /// The names that templates outside of services see.
    fn declared(&self) -> Declared {
        let fields = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let mut declared = Declared::from([
            ("project".to_owned(), fields(&["name", "title", "snake"])),
            ("services".to_owned(), None),
            ("codes".to_owned(), None),
            ("workloads".to_owned(), None),
            ("providers".to_owned(), None),
            ("images".to_owned(), None),
            ("bindings".to_owned(), None),
            ("runtimes".to_owned(), None),
            ("on".to_owned(), None),
            (
                "options".to_owned(),
                Some(self.pack.options().map(|option| option.manifest.id.clone()).collect()),
            ),
        ]);
        for (name, contribution) in self.pack.contributions() {
            if contribution.scope == ContributionScope::Project {
                declared.insert(name.to_owned(), None);
            }
        }
        declared
    }

    fn service_fields(&self) -> BTreeSet<String> {
        let own = ["name", "kind", "package", "path", "snake", "summary", "slots", "workloads"]
            .map(str::to_owned);
        let contributed = self
            .pack
            .contributions()
            .into_iter()
            .filter(|(_, contribution)| contribution.scope == ContributionScope::Service)
            .map(|(name, _)| name.to_owned());
        own.into_iter().chain(contributed).collect()
    }

    /// Where a component's manifest says `near`.
    fn place(&self, component: &Component, near: &str) -> Place {
        self.place_in(&component.manifest_path(), near)
    }

    fn pack_place(&self, near: &str) -> Place {
        self.place_in(PACK_MANIFEST, near)
    }

    fn pack_problem(&self, near: &str, message: String) -> Problem {
        Problem::new(self.pack_place(near), message)
    }

    /// Where `pack.toml` says `key = "value"`.
    fn place_of_value(&self, key: &str, value: &str) -> Place {
        let text = self.pack.text(PACK_MANIFEST).unwrap_or_default();
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let is_key = line.split('=').next().is_some_and(|name| name.trim() == key);
            if is_key && let Some(at) = line.find(&format!("\"{value}\"")) {
                return Place::at(PACK_MANIFEST, text, offset + at + 1);
            }
            offset += line.len();
        }
        Place::file(PACK_MANIFEST)
    }

    /// Where a preset says `key`, or where it begins.
    fn place_in_preset(&self, preset: &str, key: &str) -> Place {
        let text = self.pack.text(PACK_MANIFEST).unwrap_or_default();
        let from = text.find(&format!("presets.{preset}")).unwrap_or(0);
        let at = if key.is_empty() { None } else { text[from..].find(key) };
        Place::at(PACK_MANIFEST, text, from + at.unwrap_or(0))
    }

    /// Where a component says that it conflicts with `other`.
    fn place_of_conflict(&self, component: &Component, other: &str) -> Place {
        let path = component.manifest_path();
        let text = self.pack.text(&path).unwrap_or_default();
        let from = text.find("conflicts").unwrap_or(0);
        let at = text[from..].find(&format!("\"{other}\"")).map_or(0, |at| at + 1);
        Place::at(path, text, from + at)
    }

    fn place_in(&self, path: &str, near: &str) -> Place {
        self.pack.place(path, near)
    }
}

/// Whether a text can be a flag or a name: a-z, 0-9 and `-`, with a letter first.
fn is_kebab(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn unknown(message: &str, near: Option<&str>) -> String {
    near.map_or_else(|| message.to_owned(), |near| format!("{message}; did you mean `{near}`?"))
}

/// Checks that an option's declaration makes sense and that its default is one of its values.
fn check_option(option: &OptionManifest) -> Result<(), String> {
    if option.shape == OptionShape::Enum && option.values.is_empty() {
        return Err(format!("the option `{}` has no `values`", option.id));
    }
    let fits = match (option.shape, &option.default) {
        (OptionShape::Bool, toml::Value::Boolean(_))
        | (OptionShape::String, toml::Value::String(_)) => true,
        (OptionShape::Int, toml::Value::Integer(value)) => {
            option.minimum.is_none_or(|least| *value >= least)
                && option.maximum.is_none_or(|most| *value <= most)
        }
        (OptionShape::Enum, toml::Value::String(value)) => option.values.contains(value),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(format!("the default of `{}` is not one of its values", option.id))
    }
}
