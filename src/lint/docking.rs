//! What can be wrong with how parts of a pack dock to each other, whatever is chosen. What depends on
//! the choice is found where selections are docked, which `pack lint` does with all of them.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::pack::docking::{
    NeedManifest, OfferManifest, TargetManifest, VariableManifest, WorkloadManifest,
};
use crate::pack::layout::{code_place, is_service_of, service_folder};
use crate::pack::load::{Component, ComponentFile, Lies, PARTS as OF_PARTS, Pack, SERVICE_IN_PATH};
use crate::pack::manifest::EVERY_WORKLOAD;
use crate::render::docking::{provider_name, workload_name};
use crate::text::error::{Problem, did_you_mean};
use crate::text::pattern;

/// The parts that patterns of variables and addresses may have, beside ports and secrets by name.
const PARTS: [&str; 5] = ["name", "service", "host", "port", "url"];

/// Every problem of the pack's docking.
#[must_use]
pub fn problems(pack: &Pack) -> Vec<Problem> {
    let mut checked = Checked { pack, problems: Vec::new() };
    for component in &pack.components {
        checked.check_component(component);
    }
    checked.problems
}

struct Checked<'a> {
    pack: &'a Pack,
    problems: Vec<Problem>,
}

impl Checked<'_> {
    fn check_component(&mut self, component: &Component) {
        let manifest = &component.manifest;
        if let Some(provider) = &manifest.provider {
            self.check_ports(component, Some(provider.port), &provider.ports);
            self.check_targets(component, &provider.at);
            let secrets = Some(provider.secrets.as_slice());
            if let Some(run) = &provider.run {
                self.check_variables(component, &run.env, secrets);
            }
            for task in provider.task.values() {
                self.check_variables(component, &task.env, secrets);
                self.check_targets(component, &task.at);
            }
        } else {
            for (binding, offer) in &manifest.offer {
                if offer.via.is_none() {
                    let message = format!(
                        "nothing offers `{binding}`: say `[provider]`, or `via` which binding it is"
                    );
                    self.report(component, binding, message);
                }
            }
        }
        let secrets = manifest.provider.as_ref().map(|provider| provider.secrets.as_slice());
        for offer in manifest.offer.values() {
            self.check_offer(component, offer, secrets);
        }
        for (name, kind) in &manifest.kind {
            if name == EVERY_WORKLOAD || OF_PARTS.contains(&name.as_str()) {
                self.report(
                    component,
                    name,
                    format!("`{name}` is no name for a kind: it has a meaning"),
                );
            }
            if let Some(runtime) = &kind.runtime {
                let pack = self.pack;
                let known: Vec<&str> = pack.runtimes().collect();
                self.check_known(component, runtime, "a runtime", &known);
            }
            for workload in kind.workload.values() {
                self.check_workload(component, workload);
            }
            for task in kind.task.keys().filter(|task| kind.workload.contains_key(*task)) {
                let message = format!("`{task}` is a workload of `{name}` as well");
                self.report(component, task, message);
            }
        }
        for workload in manifest.workload.values() {
            self.check_workload(component, workload);
        }
        for to in manifest.to.values() {
            self.check_needs(component, &to.need);
            self.check_variables(component, &to.set, None);
        }
        for target in manifest.target.values() {
            self.check_target(component, target);
        }
    }

    fn check_workload(&mut self, component: &Component, workload: &WorkloadManifest) {
        self.check_ports(component, workload.port, &workload.ports);
        self.check_targets(component, &workload.at);
        self.check_needs(component, &workload.need);
        self.check_variables(component, &workload.set, None);
        for (binding, offer) in &workload.offer {
            if workload.port.is_none() {
                self.report(component, binding, format!("`{binding}` is offered without a `port`"));
            }
            self.check_offer(component, offer, None);
        }
    }

    /// One number under two names.
    fn check_ports(
        &mut self,
        component: &Component,
        port: Option<u16>,
        ports: &IndexMap<String, u16>,
    ) {
        let mut taken: BTreeMap<u16, &str> = port.map(|port| (port, "port")).into_iter().collect();
        for (name, port) in ports {
            if let Some(other) = taken.insert(*port, name) {
                self.report(component, name, format!("`{name}` is the port of `{other}` as well"));
            }
        }
    }

    fn check_targets(&mut self, component: &Component, at: &IndexMap<String, toml::Table>) {
        let pack = self.pack;
        let targets = pack.components.iter().flat_map(|other| other.manifest.target.keys());
        let known: Vec<&str> = targets.map(String::as_str).collect();
        for name in at.keys() {
            self.check_known(component, name, "a target", &known);
        }
    }

    fn check_needs(&mut self, component: &Component, needs: &IndexMap<String, NeedManifest>) {
        let offered = offered(self.pack);
        for (binding, need) in needs {
            if !offered.contains(binding.as_str()) {
                let near = did_you_mean(binding, offered.iter().copied());
                let near =
                    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                let message = format!("nothing offers `{binding}`{near}");
                self.report(component, &format!("need.{binding}"), message);
            }
            self.check_variables(component, &need.env, None);
        }
    }

    fn check_offer(
        &mut self,
        component: &Component,
        offer: &OfferManifest,
        secrets: Option<&[String]>,
    ) {
        let told = offer.load.iter().flat_map(|load| load.metadata.values());
        for pattern in offer.url.iter().chain(offer.keys.values()).chain(told) {
            self.check_pattern(component, pattern, secrets);
        }
        self.check_variables(component, &offer.env, secrets);
    }

    fn check_variables(
        &mut self,
        component: &Component,
        variables: &IndexMap<String, VariableManifest>,
        secrets: Option<&[String]>,
    ) {
        for variable in variables.values().map(VariableManifest::varied) {
            let patterns = variable.value.iter().chain(variable.at.values());
            for pattern in patterns.chain(&variable.key) {
                self.check_pattern(component, pattern, secrets);
            }
        }
    }

    /// Parts that no target supplies; `secrets` where it is known which there are.
    fn check_pattern(&mut self, component: &Component, pattern: &str, secrets: Option<&[String]>) {
        for part in pattern::parts(pattern) {
            let is_known = match part.split_once('.') {
                None => PARTS.contains(&part),
                Some(("port", _)) => true,
                Some(("secret", name)) => {
                    secrets.is_none_or(|known| known.iter().any(|known| known == name))
                }
                Some(_) => false,
            };
            if !is_known {
                let message = format!(
                    "`{{{part}}}` is no part of a pattern: there are {}, `{{port.<name>}}` and \
                     `{{secret.<name>}}`",
                    PARTS.map(|part| format!("`{{{part}}}`")).join(", ")
                );
                self.report(component, pattern, message);
            }
        }
    }

    fn check_target(&mut self, component: &Component, target: &TargetManifest) {
        let patterns: [(Option<&String>, &[&str]); 3] = [
            (Some(&target.host), &["name", "NAME"]),
            (Some(&target.port), &["name", "NAME", "port", "which"]),
            (target.secret.as_ref(), &["name", "NAME", "secret", "SECRET"]),
        ];
        for (pattern, known) in patterns {
            for part in pattern.map(|pattern| pattern::parts(pattern)).unwrap_or_default() {
                if !known.contains(&part) {
                    let known = known.iter().map(|part| format!("`{{{part}}}`"));
                    let known = known.collect::<Vec<_>>().join(", ");
                    let message = format!("`{{{part}}}` is no part here: there are {known}");
                    self.report(component, pattern.map_or("", String::as_str), message);
                }
            }
        }
    }

    fn check_known(&mut self, component: &Component, name: &str, what: &str, known: &[&str]) {
        if !known.contains(&name) {
            let near = did_you_mean(name, known.iter().copied());
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            self.report(component, name, format!("`{name}` is not {what}{near}"));
        }
    }

    fn report(&mut self, component: &Component, near: &str, message: String) {
        let place = self.pack.place(&component.manifest_path(), near);
        self.problems.push(Problem::new(place, message));
    }
}

/// Every binding that something in the pack offers.
#[must_use]
pub fn offered(pack: &Pack) -> BTreeSet<&str> {
    pack.components.iter().flat_map(offers).collect()
}

/// The components that offer `binding` or whose workloads do.
pub fn offering<'a>(pack: &'a Pack, binding: &str) -> impl Iterator<Item = &'a Component> {
    pack.components.iter().filter(move |component| offers(component).any(|it| it == binding))
}

/// The bindings that a component offers, by itself or by its workloads.
fn offers(component: &Component) -> impl Iterator<Item = &str> {
    let manifest = &component.manifest;
    let of_kinds = manifest.kind.values().flat_map(|kind| kind.workload.values());
    let workloads = of_kinds.chain(manifest.workload.values());
    let by_workloads = workloads.flat_map(|workload| workload.offer.keys());
    by_workloads.chain(manifest.offer.keys()).map(String::as_str)
}

/// One of those that `files@<of>/` are rendered for, as far as the pack tells.
#[derive(Clone)]
pub struct Held<'a> {
    /// The component that brings it.
    pub component: &'a Component,
    /// The component that says that it needs what the files are for.
    pub by: Option<&'a Component>,
    /// The kind of the service that it is or belongs to.
    pub kind: Option<&'a str>,
    /// Its name, with [`SERVICE_IN_PATH`] for that of a service.
    name: String,
    folder: String,
}

impl<'a> Held<'a> {
    /// What has to be there for it.
    pub fn bringing(&self) -> impl Iterator<Item = &'a Component> {
        [Some(self.component), self.by].into_iter().flatten()
    }

    /// Whether there is one for each service of [`Self::kind`].
    #[must_use]
    pub fn is_per_service(&self) -> bool {
        self.name.contains(SERVICE_IN_PATH)
    }

    /// Its name and its folder where its service is called `service`.
    #[must_use]
    pub fn place(&self, service: &str) -> (String, String) {
        let named = |text: &str| text.replace(SERVICE_IN_PATH, service);
        (named(&self.name), named(&self.folder))
    }
}

/// Everything that `file` of `component` can be rendered for: services of a kind or a runtime, their code, or what one
/// of [`crate::pack::load::PARTS`] names; nothing where it is for the project.
#[must_use]
pub fn holders<'a>(pack: &'a Pack, component: &Component, file: &ComponentFile) -> Vec<Held<'a>> {
    let mut found = file.of.iter().flat_map(|of| held(pack, of, file.lies)).collect::<Vec<_>>();
    found.retain(|held| held.kind.is_none_or(|kind| pack.can_have(kind, component)));
    if let Some(binding) = &file.need {
        found = found
            .into_iter()
            .flat_map(|held| {
                let by = needing(pack, held.kind.unwrap_or_default(), binding);
                by.into_iter().map(move |by| Held { by: Some(by), ..held.clone() })
            })
            .collect();
    }
    found
}

/// The components that say that services of `kind` need `binding`: the one that brings the kind, where
/// its workloads do, and those that give it that need.
fn needing<'a>(pack: &'a Pack, kind: &str, binding: &str) -> Vec<&'a Component> {
    let says = |component: &&Component| {
        let manifest = &component.manifest;
        let own = manifest.kind.get(kind).into_iter().flat_map(|kind| kind.workload.values());
        let to = [kind, EVERY_WORKLOAD].into_iter().filter_map(|name| manifest.to.get(name));
        own.map(|workload| &workload.need)
            .chain(to.map(|to| &to.need))
            .any(|needs| needs.contains_key(binding))
    };
    pack.components.iter().filter(says).collect()
}

/// Everything that files of `files@<of>/` can be rendered for, or of what else `lies` says.
#[must_use]
pub fn held<'a>(pack: &'a Pack, of: &str, lies: Lies) -> Vec<Held<'a>> {
    let mut found = Vec::new();
    for component in &pack.components {
        let manifest = &component.manifest;
        for (kind, declared) in &manifest.kind {
            let code = || {
                let (name, folder) = code_place(kind, declared.shared, SERVICE_IN_PATH);
                (name.to_owned(), folder)
            };
            let mut hold = |(name, folder): (String, String)| {
                found.push(Held { component, by: None, kind: Some(kind), name, folder });
            };
            let service = |name: String| (name, service_folder(SERVICE_IN_PATH));
            if is_service_of(of, kind, declared.runtime.as_deref().unwrap_or_default()) {
                hold(if lies == Lies::InCode {
                    code()
                } else {
                    service(SERVICE_IN_PATH.to_owned())
                });
            }
            if of == "image" && !declared.workload.is_empty() {
                hold(code());
            }
            for (position, role) in declared.workload.keys().enumerate() {
                if of == "workload" {
                    hold((workload_name(SERVICE_IN_PATH, role, position == 0), code().1));
                }
            }
        }
        let mut hold = |name: &str, folder: &str| {
            let (name, folder) = (name.to_owned(), folder.to_owned());
            found.push(Held { component, by: None, kind: None, name, folder });
        };
        if of == "workload" || of == "image" {
            let workloads = manifest.workload.iter();
            workloads.for_each(|(name, workload)| hold(name, &workload.folder));
        }
        if let (Some(provider), "provider") = (&manifest.provider, of) {
            hold(provider_name(component), &provider.folder);
        }
    }
    found
}
