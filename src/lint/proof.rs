//! Renders the selections that stand for all of a pack. What cannot be rendered is a problem, and so
//! is what none of them renders: a file, or a branch of a template or of a text in a manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::thread;

use crate::choose::selection::Selection;
use crate::lint::constraints::{Constraints, Literal, Rest};
use crate::lint::cover::{cover_with_options, crowded};
use crate::lint::texts::{Text, texts};
use crate::pack::load::{Component, PACK_MANIFEST, Pack};
use crate::render::files::{rendered_files, rendered_with};
use crate::render::plan::Plan;
use crate::text::error::{Error, Place, Problem};
use crate::text::tag::{Branch, quoted};
use crate::text::template::Templates;

/// The name of the projects that are rendered.
const NAME: &str = "lint";
/// Conditions of a branch are tried in at most so many combinations.
const MOST_COMBINATIONS: usize = 512;

/// What rendering a pack showed.
pub struct Proof {
    /// How many selections were rendered.
    pub selections: usize,
    /// What cannot be rendered; where everything can, what never is.
    pub problems: Vec<Problem>,
}

/// Renders the selections that stand for all of `pack`, of which every slot has one default. What is
/// never rendered is told only where nothing else is wrong, and `known` is empty.
#[must_use]
pub fn prove(pack: &Pack, known: &[Problem]) -> Proof {
    let constraints = Constraints::of(pack);
    let texts = pack.components.iter().flat_map(|component| {
        let manifest = pack.text(&component.manifest_path()).unwrap_or_default();
        texts(&component.id, manifest).into_iter().map(move |text| (component, text))
    });
    let texts: Vec<(&Component, Text)> =
        texts.filter(|(_, text)| pack.manifest.delimiters.has_tag(&text.text)).collect();
    let named = texts
        .iter()
        .map(|(_, text)| (Templates::name_of_text(&text.origin, &text.text), text.text.as_str()));
    let templates = pack
        .added_files()
        .filter(|(_, file)| file.template)
        .filter_map(|(_, file)| Some((file.source.clone(), pack.text(&file.source).ok()?)));
    let sources: BTreeMap<String, &str> = templates.chain(named).collect();
    let templates = Templates::recording(&pack.manifest.delimiters, &pack.versions, &sources);
    let templates = match templates {
        Ok(templates) => templates,
        Err(reason) => {
            let problem = Problem::new(Place::file(PACK_MANIFEST), reason);
            return Proof { selections: 0, problems: vec![problem] };
        }
    };
    let includes = sources.values().any(|source| {
        let tags = pack.manifest.delimiters.tags(source);
        tags.iter().any(|tag| tag.keyword(source) == Some("include"))
    });
    let mut proving = Proving {
        pack,
        constraints,
        templates,
        includes,
        selections: 0,
        problems: Vec::new(),
        told: BTreeSet::new(),
    };
    proving.render(&cover_with_options(pack, NAME));
    proving.render(&crowded(pack, NAME));
    if known.is_empty() && proving.problems.is_empty() {
        proving.tell_unreached(&texts);
    }
    Proof { selections: proving.selections, problems: proving.problems }
}

/// A proof that is being made.
struct Proving<'a> {
    pack: &'a Pack,
    constraints: Constraints<'a>,
    /// Those of the whole pack, which take notes.
    templates: Templates,
    /// Whether a template includes another.
    includes: bool,
    selections: usize,
    problems: Vec<Problem>,
    /// Of each problem the file, the line and the message: many selections show it.
    told: BTreeSet<(String, usize, String)>,
}

/// A branch that may be reached, if the right things are together.
struct Missing<'a> {
    /// What the template is called, and its text.
    name: String,
    source: &'a str,
    branch: Branch,
    /// What is together wherever the template is rendered.
    base: Vec<Literal>,
    /// The file that it stands in, and where.
    place: Place,
}

impl Missing<'_> {
    /// Whether its conditions have one of these `names` in them, which only components of others bring.
    fn is_for_others(&self, names: &[String]) -> bool {
        let mut read = self.branch.conditions.iter().flat_map(|it| {
            self.source[it.clone()]
                .split(|letter: char| !letter.is_alphanumeric() && !"._".contains(letter))
        });
        let is_one = |path: &str, name: &str| {
            path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        read.any(|path| names.iter().any(|name| is_one(path, name)))
    }
}

impl Proving<'_> {
    /// Renders `selections`, and keeps what is wrong with them.
    fn render(&mut self, selections: &[Selection]) {
        self.selections += selections.len();
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let share = selections.len().div_ceil(processors).max(1);
        let failed: Vec<(Selection, Error)> = thread::scope(|scope| {
            let parts = selections.chunks(share);
            let threads: Vec<_> = parts.map(|part| scope.spawn(|| self.failures(part))).collect();
            let parts = threads.into_iter().map(|thread| thread.join().expect("it renders"));
            parts.flatten().collect()
        });
        for (selection, error) in failed {
            let found = match error {
                Error::Pack(found) => found,
                other => {
                    let command = selection.choices(self.pack).command(self.pack);
                    let message = format!("`{command}` is refused: {other}");
                    vec![Problem::new(Place::file(PACK_MANIFEST), message)]
                }
            };
            let told = self.told.len();
            self.told.extend(found.iter().map(|problem| {
                (problem.place.path.clone(), problem.place.line, problem.message.clone())
            }));
            if self.told.len() == told {
                continue;
            }
            // Templates that take notes are wider; those that take none know the columns.
            let plain = Plan::new(self.pack, selection).and_then(|plan| rendered_files(&plan));
            self.problems.extend(match plain {
                Err(Error::Pack(exact)) => exact,
                _ => found,
            });
        }
    }

    fn failures(&self, selections: &[Selection]) -> Vec<(Selection, Error)> {
        let failed = |one: &Selection| Some((one.clone(), self.rendered(one).err()?));
        selections.iter().filter_map(failed).collect()
    }

    fn rendered(&self, selection: &Selection) -> Result<(), Error> {
        let plan = Plan::with(self.pack, selection.clone(), &self.templates)?;
        rendered_with(&plan, &self.templates)?;
        // Here a template could include one that the project does not have.
        if self.includes {
            rendered_files(&plan)?;
        }
        Ok(())
    }

    /// Tells what no selection has or renders.
    fn tell_unreached(&mut self, texts: &[(&Component, Text)]) {
        let pack = self.pack;
        let mut problems = Vec::new();
        let mut missing = Vec::new();
        let is_there = |component: &Component| {
            self.constraints
                .component(&component.id)
                .is_some_and(|it| self.constraints.is_possible(&[it]))
        };
        let absent = pack.components.iter().filter(|component| !is_there(component));
        let absent: BTreeSet<&str> = absent.map(|component| component.id.as_str()).collect();
        for id in &absent {
            let manifest = pack.component(id).map(Component::manifest_path);
            let place = Place::file(manifest.unwrap_or_default());
            let message = format!(
                "no project can have `{id}`: see what it and those that need it require and exclude"
            );
            problems.push(Problem::new(place, message));
        }
        let there = |component: &&Component| !absent.contains(component.id.as_str());
        for (component, file) in pack.added_files().filter(|(component, _)| there(component)) {
            let base = self.constraints.of_file(component, file);
            if !self.constraints.is_possible(&base) {
                let message = "no project has this file: its component and what the name of its folder names cannot be together";
                problems.push(Problem::new(Place::file(&file.source), message));
            } else if let (true, Ok(source)) = (file.template, pack.text(&file.source)) {
                let place = |branch: &Branch| Place::at(&file.source, source, branch.tag.start);
                for branch in self.templates.unreached(&file.source, source) {
                    let place = place(&branch);
                    let name = file.source.clone();
                    missing.push(Missing { name, source, branch, base: base.clone(), place });
                }
            }
        }
        for (component, text) in texts.iter().filter(|(component, _)| there(component)) {
            let base = self.constraints.together(component, &text.needs);
            let manifest = component.manifest_path();
            let whole = pack.text(&manifest).unwrap_or_default();
            if !self.constraints.is_possible(&base) {
                let message = "no project can have this: the component and what its table is named after exclude each other";
                problems.push(Problem::new(Place::at(&manifest, whole, text.place.start), message));
                continue;
            }
            let name = Templates::name_of_text(&text.origin, &text.text);
            for branch in self.templates.unreached(&name, &text.text) {
                let place =
                    Place::at(&manifest, whole, place_in_manifest(whole, text, &branch.tag));
                let (name, source) = (name.clone(), text.text.as_str());
                missing.push(Missing { name, source, branch, base: base.clone(), place });
            }
        }
        for missing in missing {
            if !missing.is_for_others(&pack.manifest.unused) && !self.reaches(&missing) {
                let tag = missing.source[missing.branch.tag.clone()].split_whitespace();
                let tag = tag.collect::<Vec<_>>().join(" ");
                let message = format!(
                    "no project renders what follows `{tag}`: take it out, or mend its condition"
                );
                problems.push(Problem::new(missing.place, message));
            }
        }
        self.problems.extend(problems);
    }

    /// Tries what the conditions of a branch speak of, in every combination: more than three things may
    /// have to be together. Whether it is rendered then.
    fn reaches(&mut self, missing: &Missing) -> bool {
        let inner: String = missing
            .branch
            .conditions
            .iter()
            .map(|it| &missing.source[it.clone()])
            .collect::<Vec<_>>()
            .join(" ");
        let ids: BTreeSet<&str> = quoted(&inner).collect();
        let components = ids.iter().filter_map(|id| self.constraints.ability(id));
        let mut choices: Vec<Vec<Literal>> = components.map(|it| vec![it, !it]).collect();
        let options = self.pack.options().map(|option| &option.manifest.id);
        let read = options.filter(|id| inner.contains(&format!("options.{id}")));
        choices.extend(read.filter_map(|id| self.constraints.option(id)));
        let mut combinations = vec![missing.base.clone()];
        for choice in choices {
            let with = |combination: &Vec<Literal>| {
                let combination = combination.clone();
                choice
                    .iter()
                    .map(move |it| {
                        combination.iter().copied().chain([*it]).collect::<Vec<Literal>>()
                    })
                    .collect::<Vec<_>>()
            };
            let more: Vec<Vec<Literal>> = combinations.iter().flat_map(with).collect();
            if more.len() > MOST_COMBINATIONS {
                break;
            }
            combinations = more;
        }
        for combination in combinations {
            for rest in [Rest::Few, Rest::Many] {
                let model = self.constraints.solve(&combination, rest);
                let selection = model.and_then(|model| self.constraints.selection(&model, NAME));
                self.render(selection.as_slice());
                let left = self.templates.unreached(&missing.name, missing.source);
                if !left.contains(&missing.branch) {
                    return true;
                }
            }
        }
        false
    }
}

/// Where the `tag` of a text is in the manifest. It may be written with escapes there; then the text
/// alone is found.
fn place_in_manifest(manifest: &str, text: &Text, tag: &Range<usize>) -> usize {
    let written = &manifest[text.place.clone()];
    let tag_text = &text.text[tag.clone()];
    let before = text.text[..tag.start].matches(tag_text).count();
    let found = written.match_indices(tag_text).nth(before);
    text.place.start + found.map_or(0, |(at, _)| at)
}
