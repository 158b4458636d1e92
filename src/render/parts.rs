//! The parts that patterns have: what one who offers a binding is called and where it is, in one target;
//! and the variables that are made of them.

use std::collections::BTreeMap;

use heck::ToShoutySnakeCase;
use indexmap::IndexMap;

use crate::pack::docking::{OfferManifest, TargetManifest, VariableManifest, sole_secret};
use crate::pack::load::Component;
use crate::render::docked::{ByTarget, Key, Variable};
use crate::text::error::{Place, Problem};
use crate::text::pattern;

/// Something that offers a binding.
#[derive(Clone)]
pub struct Offerer<'a> {
    /// Its name.
    pub name: &'a str,
    /// The port that the binding is at.
    pub port: u16,
    /// Its further ports.
    pub ports: &'a IndexMap<String, u16>,
    /// Names of what only it and those who need it know.
    pub secrets: &'a [String],
    /// The service that it belongs to; empty where it belongs to none.
    pub service: &'a str,
    /// The offer, and those of other components that it carries.
    pub offers: Vec<&'a OfferManifest>,
}

/// The parts of one that offers, in one target.
pub struct Parts<'a> {
    /// The target, with its name.
    pub target: (&'a str, &'a TargetManifest),
    /// Whose parts they are.
    pub offerer: &'a Offerer<'a>,
    /// The service of the workload that needs it.
    pub service: &'a str,
}

impl<'a> Parts<'a> {
    /// The value of a part; `None` where there is no such part.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<String> {
        let Offerer { name: own, port, ports, secrets, .. } = self.offerer;
        let (_, target) = self.target;
        let supplied = |pattern: &str, more: &[(&str, String)]| {
            pattern::filled(pattern, |part| match part {
                "name" => Some((*own).to_owned()),
                "NAME" => Some(own.to_shouty_snake_case()),
                _ => more.iter().find(|(known, _)| *known == part).map(|(_, value)| value.clone()),
            })
            .ok()
        };
        let port_part = |number: u16, which: &str| {
            let more = [("port", number.to_string()), ("which", which.to_owned())];
            supplied(&target.port, &more)
        };
        match name.split_once('.') {
            None => match name {
                "name" => Some((*own).to_owned()),
                "service" => Some(self.service.to_owned()),
                "host" => supplied(&target.host, &[]),
                "port" => port_part(*port, "port"),
                "url" => pattern::filled(self.url_pattern()?, |part| self.part(part)).ok(),
                _ => None,
            },
            Some(("port", which)) => port_part(*ports.get(which)?, &format!("port.{which}")),
            Some(("secret", secret)) if secrets.iter().any(|known| known == secret) => supplied(
                target.secret.as_deref()?,
                &[("secret", secret.to_owned()), ("SECRET", secret.to_shouty_snake_case())],
            ),
            Some(_) => None,
        }
    }

    /// The pattern that says where it is.
    #[must_use]
    pub fn url_pattern(&self) -> Option<&'a str> {
        self.offerer.offers.iter().find_map(|offer| offer.url.as_deref())
    }

    /// `pattern` of a manifest of `component` with all parts in place.
    pub fn filled(&self, component: &Component, pattern: &str) -> Result<String, Problem> {
        pattern::filled(pattern, |part| self.part(part)).map_err(|part| {
            let (target, _) = self.target;
            let name = self.offerer.name;
            let message = format!("`{pattern}`: `{name}` has no `{{{part}}}` in `{target}`");
            problem(component, message)
        })
    }

    /// What the secret of the one that offers holds of this target, beside the secrets themselves;
    /// `more` are variables that are not offered to others.
    pub fn keys(
        &self,
        component: &Component,
        more: &[&VariableManifest],
    ) -> Result<Vec<Key>, Problem> {
        let offers = &self.offerer.offers;
        let offered = offers.iter().flat_map(|offer| offer.env.values());
        let mut patterns: Vec<(String, String)> = Vec::new();
        for varied in offered.chain(more.iter().copied()).map(VariableManifest::varied) {
            let pattern = varied.pattern(self.target.0).filter(|pattern| has_secret(pattern));
            let Some(pattern) = pattern else { continue };
            let key = varied.key_of(pattern);
            // A secret alone is there under its own name.
            if sole_secret(pattern) != Some(key) {
                patterns.push((key.to_owned(), pattern.to_owned()));
            }
        }
        for (key, pattern) in offers.iter().flat_map(|offer| &offer.keys) {
            patterns.push((key.clone(), pattern.clone()));
        }
        let of_a_service = |text: &str| pattern::parts(text).contains(&"service");
        let filled = patterns
            .into_iter()
            // What each service has of its own is nobody's where no service needs it.
            .filter(|(key, _)| !(self.service.is_empty() && of_a_service(key)))
            .map(|(key, pattern)| {
                let key = self.filled(component, &key)?;
                Ok(Key { key, value: self.filled(component, &pattern)? })
            });
        filled.collect()
    }
}

/// The variables of a workload, and who set each.
pub struct Variables<'a> {
    targets: &'a [(&'a str, &'a TargetManifest)],
    /// The variables, by target.
    pub by_target: ByTarget,
    owners: BTreeMap<String, String>,
}

impl<'a> Variables<'a> {
    /// No variables yet, for each of `targets`.
    #[must_use]
    pub fn new(targets: &'a [(&'a str, &'a TargetManifest)]) -> Self {
        let by_target = targets.iter().map(|(name, _)| ((*name).to_owned(), Vec::new())).collect();
        Self { targets, by_target, owners: BTreeMap::new() }
    }

    /// Adds the variable `name` that `component` declares, with the parts of `ends`.
    pub fn add(
        &mut self,
        component: &Component,
        name: &str,
        manifest: &VariableManifest,
        ends: &[&Offerer],
        (workload, service): (&str, &str),
    ) -> Result<(), Problem> {
        if ends.is_empty() {
            return Ok(());
        }
        let varied = manifest.varied();
        for target in self.targets {
            let Some(pattern) = varied.pattern(target.0) else {
                continue;
            };
            let refers = target.1.refers && has_secret(pattern);
            let mut values = Vec::new();
            for offerer in ends {
                let parts = Parts { target: *target, offerer, service };
                values.push(parts.filled(component, pattern)?);
            }
            let key = if refers {
                let parts = Parts { target: *target, offerer: ends[0], service };
                parts.filled(component, varied.key_of(pattern))?
            } else {
                String::new()
            };
            let variable = Variable {
                name: name.to_owned(),
                value: if refers { String::new() } else { values.join(&varied.join) },
                secret: if refers { ends[0].name.to_owned() } else { String::new() },
                key,
                doc: varied.doc.clone(),
            };
            let list = self.by_target.entry(target.0.to_owned()).or_default();
            let owner = component.manifest_path();
            match list.iter().find(|there| there.name == name) {
                Some(there) if *there != variable => {
                    let other = self.owners.get(name).map_or("", String::as_str);
                    let message = format!(
                        "the variable `{name}` of `{workload}` has another value in `{other}`"
                    );
                    return Err(problem(component, message));
                }
                Some(_) => {}
                None => list.push(variable),
            }
            self.owners.entry(name.to_owned()).or_insert(owner);
        }
        Ok(())
    }
}

/// Whether a pattern has a secret in it.
fn has_secret(pattern: &str) -> bool {
    pattern::parts(pattern).iter().any(|part| part.starts_with("secret."))
}

/// A problem of what the manifest of `component` says.
#[must_use]
pub fn problem(component: &Component, message: impl Into<String>) -> Problem {
    Problem::new(Place::file(component.manifest_path()), message)
}
