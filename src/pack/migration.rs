//! How projects of older versions of a pack follow it: what of theirs has another name or place by now.

use serde_json::Value;

use crate::pack::load::Pack;
use crate::pack::manifest::{MigrateManifest, Renaming};
use crate::pack::pattern::Pattern;
use crate::pack::versions::is_newer;

/// The migrations between a version of a pack and a newer one, put together.
#[derive(Debug, Clone, Default)]
pub struct Migration {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    manifest: MigrateManifest,
    paths: Vec<[Pattern; 2]>,
}

impl Migration {
    /// What leads from `version` of the pack to this one. Nothing where that is no version.
    #[must_use]
    pub fn since(pack: &Pack, version: &str) -> Self {
        let entries = pack.manifest.migrate.iter();
        Self::of(entries.filter(|entry| is_newer(&entry.before, version)))
    }

    /// These migrations one after the other, each of which carries over what the one before it left.
    pub fn of<'m>(entries: impl IntoIterator<Item = &'m MigrateManifest>) -> Self {
        let steps = entries.into_iter().map(|entry| {
            // What is no pattern fits nothing; `scaffold pack lint` refuses it.
            let pattern = |(old, new): (&String, &String)| {
                Some([Pattern::parse(old).ok()?, Pattern::parse(new).ok()?])
            };
            Step {
                manifest: entry.clone(),
                paths: entry.paths.iter().filter_map(pattern).collect(),
            }
        });
        Self { steps: steps.collect() }
    }

    /// Whether nothing has another name or place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What a component is called now, which was called `word`: an id or a flag.
    #[must_use]
    pub fn component(&self, word: &str) -> String {
        self.follow(word, |step, word| step.manifest.components.get(word))
    }

    /// What a component is called now whose id was `id`.
    #[must_use]
    pub fn id(&self, id: &str) -> String {
        self.follow(id, |step, id| {
            let components = step.manifest.components.get(id);
            components.or_else(|| {
                step.manifest.slots.values().find_map(|renaming| match renaming {
                    Renaming::Values(fillers) => fillers.get(id),
                    Renaming::Name(_) => None,
                })
            })
        })
    }

    /// What a kind of service is called now.
    #[must_use]
    pub fn kind(&self, kind: &str) -> String {
        self.follow(kind, |step, kind| step.manifest.kinds.get(kind))
    }

    /// The ids of components that are chosen now, and were in every project, in the words of this version.
    pub fn kept(&self) -> impl Iterator<Item = String> {
        self.steps.iter().enumerate().flat_map(|(number, step)| {
            let later = Self { steps: self.steps[number + 1..].to_vec() };
            step.manifest.kept.iter().map(move |id| later.component(id))
        })
    }

    /// A slot and the component in it, as they are called now.
    #[must_use]
    pub fn slot(&self, slot: &str, filler: &str) -> [String; 2] {
        let mut now = [slot.to_owned(), filler.to_owned()];
        for step in &self.steps {
            // A component is called the same wherever it stands.
            let components = &step.manifest.components;
            now = match step.manifest.slots.get(&now[0]) {
                Some(Renaming::Values(fillers)) if fillers.contains_key(&now[1]) => {
                    let filler = fillers[&now[1]].clone();
                    [now[0].clone(), filler]
                }
                renaming => {
                    let slot = match renaming {
                        Some(Renaming::Name(slot)) => slot,
                        _ => &now[0],
                    };
                    [slot.clone(), components.get(&now[1]).unwrap_or(&now[1]).clone()]
                }
            };
        }
        now
    }

    /// An option and its value, as they are called now.
    #[must_use]
    pub fn option(&self, id: &str, value: &Value) -> (String, Value) {
        let mut now = (id.to_owned(), value.clone());
        for step in &self.steps {
            match step.manifest.options.get(&now.0) {
                Some(Renaming::Name(id)) => now.0.clone_from(id),
                Some(Renaming::Values(values)) => {
                    let value = now.1.as_str().and_then(|value| values.get(value));
                    now.1 = value.map_or(now.1, |value| Value::from(value.as_str()));
                }
                None => {}
            }
        }
        now
    }

    /// Where a file lies now that lay at `path` of the project.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        self.steps.iter().fold(path.to_owned(), |path, step| {
            let moved = step.paths.iter().find_map(|[old, new]| {
                let captures = old.captures(&path)?;
                Some(new.filled(&captures))
            });
            moved.unwrap_or(path)
        })
    }

    fn follow<'m>(
        &'m self,
        word: &str,
        next: impl for<'w> Fn(&'m Step, &'w str) -> Option<&'m String>,
    ) -> String {
        let mut now = word.to_owned();
        for step in &self.steps {
            if let Some(new) = next(step, &now) {
                now.clone_from(new);
            }
        }
        now
    }
}
