//! Names that are made of the project's and the services' names. Each place that a rendered name goes
//! to has rules of its own; the pack says where such names stand, and they are read from what was
//! rendered, so that no list of forbidden names can fall behind.

use std::collections::BTreeMap;

use crate::pack::manifest::NamesManifest;
use crate::render::plan::{Plan, Service, taken};
use crate::render::tree::Tree;
use crate::text::error::Error;

/// A name as it stands in the rendered project.
struct Derived<'a> {
    rule: &'a NamesManifest,
    name: &'a str,
    path: &'a str,
}

/// Checks every name in `tree` that the pack has a rule for.
///
/// # Errors
/// [`Error::Usage`] for a name that is there twice, is too long, or belongs to somebody else.
pub fn check(plan: &Plan, tree: &Tree) -> Result<(), Error> {
    for rule in &plan.pack.manifest.names {
        let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        let around = rule.line.split_once('*');
        let around_scope = rule.within.as_ref().and_then(|pattern| pattern.split_once('*'));
        for (path, file) in tree.iter().filter(|(path, _)| is_like(path, &rule.files)) {
            let text = std::str::from_utf8(&file.bytes).unwrap_or_default();
            let mut scope = "";
            for line in text.lines() {
                if let Some(within) = name_in(line, around_scope) {
                    scope = within;
                    continue;
                }
                let Some(name) = name_in(line, around) else {
                    continue;
                };
                let derived = Derived { rule, name, path };
                derived.check_alone(plan)?;
                if let Some(other) = seen.insert((scope, name), path)
                    && rule.unique
                {
                    return Err(derived.is_there_twice(plan, other));
                }
            }
        }
    }
    Ok(())
}

impl Derived<'_> {
    /// What can be said of the name without the others.
    fn check_alone(&self, plan: &Plan) -> Result<(), Error> {
        let (what, name) = (&self.rule.what, self.name);
        let length = name.chars().count();
        let longest = self.rule.longest.unwrap_or(usize::MAX);
        if length > longest {
            let reason = format!(
                "the {what} `{name}` would have {length} characters, and {longest} are allowed"
            );
            let most = |own: &str| own.chars().count().saturating_sub(length - longest);
            let hint = |own: &str, whose: &str| {
                format!("{} characters are the most that this {whose} can have here", most(own))
            };
            return Err(match self.service(plan) {
                Some(service) => Error::usage(
                    format!("a service cannot be called `{}`: {reason}", service.name),
                    hint(&service.name, "service"),
                ),
                None => Error::usage(
                    format!("a project cannot be called `{}`: {reason}", project(plan)),
                    hint(project(plan), "project"),
                ),
            });
        }
        if self.rule.reserved.iter().any(|reserved| is_like(name, reserved)) {
            let reason = format!("the {what} `{name}` is not free");
            // One that is made of the name of a service may look like any other.
            return Err(match plan.services.iter().find(|service| service.name == name) {
                Some(service) => taken(service, &reason),
                None => Error::usage(
                    format!("a project cannot be called `{}`: {reason}", project(plan)),
                    format!("another name works, such as `my-{}`", project(plan)),
                ),
            });
        }
        Ok(())
    }

    /// The refusal of a name that is in the file `other` as well.
    fn is_there_twice(&self, plan: &Plan, other: &str) -> Error {
        let (what, name) = (&self.rule.what, self.name);
        let Some(service) = self.service(plan) else {
            return Error::usage(
                format!(
                    "a project cannot be called `{}`: the {what} `{name}` is in `{other}` already",
                    project(plan)
                ),
                format!("another name works, such as `my-{}`", project(plan)),
            );
        };
        let is_own = other.starts_with(&format!("{}/", service.path));
        let place = if is_own { self.path } else { other };
        taken(service, &format!("the {what} `{name}` is in `{place}` already"))
    }

    /// The service whose name the name is made of; the longest, where there are several.
    fn service<'a>(&self, plan: &'a Plan) -> Option<&'a Service> {
        let is_part = |service: &&Service| {
            self.name.match_indices(service.name.as_str()).any(|(at, part)| {
                let ends = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
                ends(self.name[..at].chars().next_back())
                    && ends(self.name[at + part.len()..].chars().next())
            })
        };
        plan.services.iter().filter(is_part).max_by_key(|service| service.name.len())
    }
}

fn project<'a>(plan: &'a Plan) -> &'a str {
    plan.selection.name.as_str()
}

/// Whether `text` is like `pattern`, where `*` stands for any text.
fn is_like(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((before, behind)) => {
            text.strip_prefix(before).is_some_and(|rest| rest.ends_with(behind))
        }
    }
}

/// The name in a line, where it has what is `around` a name.
fn name_in<'a>(line: &'a str, around: Option<(&str, &str)>) -> Option<&'a str> {
    let (before, behind) = around?;
    let name = line.strip_prefix(before)?.strip_suffix(behind)?;
    let is_name = |c: char| c.is_alphanumeric() || "@/._-".contains(c);
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}
