//! What docks to what: each need is met by what offers its binding, and from that follow the
//! variables, the order of start and the arrows of the diagram, for every target at once.
//!
//! Nothing here knows a component, a kind, a language or a target: all of them are names.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::pack::docking::{
    HealthManifest, NeedManifest, ProviderManifest, RuntimeManifest, ScaleManifest, TargetManifest,
    VariableManifest, Which, WorkloadManifest,
};
use crate::pack::layout::code_place;
use crate::pack::load::Component;
use crate::pack::manifest::{EVERY_WORKLOAD, ToManifest};
use crate::render::docked::{
    ByTarget, Docking, End, Health, Key, Load, Need, OwnTask, Provider, Public, Run, Scale, Served,
    Task, Workload, edges, fronts, images,
};
use crate::render::parts::{Offerer, Parts, Variables, problem};
use crate::text::error::Problem;

/// A service instance, as far as docking needs to know it.
#[derive(Debug, Clone, Copy)]
pub struct Instance<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// The runtime of its kind.
    pub runtime: &'a str,
    /// Whether it comes with a component; people added it else.
    pub own: bool,
    /// What fills its slots.
    pub fills: &'a BTreeMap<String, String>,
}

/// Whether `component` is there for a service with these fillers: for all, unless it fills a slot of
/// services.
#[must_use]
pub fn is_in(component: &Component, fills: &BTreeMap<String, String>) -> bool {
    let slot = component.service_slot();
    slot.is_none_or(|slot| fills.get(slot) == Some(&component.id))
}

/// Docks the workloads and providers of `components` to each other; the first of `services` meets a
/// need for one of them.
///
/// # Errors
/// A [`Problem`] at the manifest that says it: a need that nothing meets, needs at start in a
/// circle, two parts of one name, one variable with two values, a part that a pattern does not have.
pub fn dock(components: &[&Component], services: &[Instance]) -> Result<Docking, Problem> {
    let site = Site::new(components, services);
    site.check_names()?;
    let mut docking = Docking {
        runtimes: components
            .iter()
            .flat_map(|component| component.manifest.runtime.clone())
            .collect(),
        ..Docking::default()
    };
    let fronted = site.fronted()?;
    for component in components {
        if component.manifest.provider.is_some() {
            docking.providers.push(site.provider(component)?);
        }
    }
    for placed in &site.placed {
        let mut workload = site.workload(placed, &fronted, &docking.runtimes)?;
        let first = docking.providers.iter().filter(|it| workload.after.contains(&it.name));
        workload.tasks = first.flat_map(|provider| provider.tasks.clone()).collect();
        let after = workload.after.iter().chain(workload.tasks.iter().map(|task| &task.name));
        let after: Vec<String> = after.cloned().collect();
        workload.before.iter_mut().for_each(|task| task.after.clone_from(&after));
        docking.workloads.push(workload);
    }
    docking.bindings = site.bindings()?;
    check_order(&docking.workloads, &site)?;
    if let Some(public) = docking.workloads.iter_mut().find_map(|it| it.public.as_mut()) {
        public.first = true;
    }
    docking.images = images(&docking.workloads);
    docking.nodes = nodes(components, &docking);
    docking.edges = edges(&docking.workloads);
    Ok(docking)
}

/// The names of all workloads, providers and their tasks, also where several have one, and of images
/// that no workload has its name of.
#[must_use]
pub fn names(components: &[&Component], services: &[Instance]) -> Vec<String> {
    let site = Site::new(components, services);
    let workloads = site.placed.iter().map(|placed| placed.name.clone());
    // Where a service has the name of the image that it shares, one name is for both.
    let is_named = |image: &str| {
        site.placed
            .iter()
            .any(|placed| placed.shared && placed.name == image && placed.image == image)
    };
    let shared = site.placed.iter().filter(|placed| placed.shared && !is_named(&placed.image));
    let images: BTreeSet<String> = shared.map(|placed| placed.image.clone()).collect();
    let providers = site.providers().map(|(name, _)| name.to_owned());
    let tasks = site.providers().flat_map(|(name, component)| {
        let provider = component.manifest.provider.iter();
        provider.flat_map(|it| it.task.keys()).map(move |task| task_name(name, task))
    });
    let own = site.placed.iter().filter(|placed| placed.main).flat_map(Placed::tasks);
    workloads.chain(providers).chain(tasks).chain(own.map(|task| task.name)).chain(images).collect()
}

/// A workload at its place: what its manifest says, and whose it is.
struct Placed<'a> {
    component: &'a Component,
    manifest: &'a WorkloadManifest,
    instance: Option<Instance<'a>>,
    name: String,
    /// Whether its image starts it by itself.
    main: bool,
    /// The name of the image.
    image: String,
    /// Where its code is.
    folder: String,
    /// Whether that is the code of all services of its kind.
    shared: bool,
    group: &'a str,
    runtime: &'a str,
}

/// A need with the component that declares it.
type Declared<'a> = (&'a Component, &'a str, &'a NeedManifest);

/// What is on, before it is docked.
struct Site<'a> {
    components: &'a [&'a Component],
    services: &'a [Instance<'a>],
    placed: Vec<Placed<'a>>,
    targets: Vec<(&'a str, &'a TargetManifest)>,
}

impl<'a> Site<'a> {
    fn new(components: &'a [&'a Component], services: &'a [Instance]) -> Self {
        let mut placed = Vec::new();
        for component in components {
            for (kind, declared) in &component.manifest.kind {
                for instance in services.iter().filter(|instance| instance.kind == kind) {
                    for (position, (role, manifest)) in declared.workload.iter().enumerate() {
                        let main = position == 0;
                        let name = workload_name(instance.name, role, main);
                        let (image, folder) = code_place(kind, declared.shared, instance.name);
                        placed.push(Placed {
                            component,
                            manifest,
                            instance: Some(*instance),
                            name,
                            main,
                            image: image.to_owned(),
                            folder,
                            shared: declared.shared,
                            group: if main { kind } else { role },
                            runtime: declared.runtime.as_deref().unwrap_or_default(),
                        });
                    }
                }
            }
            for (name, manifest) in &component.manifest.workload {
                placed.push(Placed {
                    component,
                    manifest,
                    instance: None,
                    name: name.clone(),
                    main: true,
                    image: name.clone(),
                    folder: manifest.folder.clone(),
                    shared: false,
                    group: name,
                    runtime: "",
                });
            }
        }
        let targets = components.iter().flat_map(|component| &component.manifest.target);
        let targets = targets.map(|(name, target)| (name.as_str(), target)).collect();
        Self { components, services, placed, targets }
    }

    /// Refuses a workload of the pack with the name of a provider, or of another such workload. Names
    /// of services are people's: those are refused where they are chosen.
    fn check_names(&self) -> Result<(), Problem> {
        let mut taken: BTreeMap<&str, &Component> = BTreeMap::new();
        let own = self.placed.iter().filter(|placed| placed.instance.is_none());
        let own = own.map(|placed| (placed.name.as_str(), placed.component));
        let shared = self.placed.iter().filter(|placed| placed.shared);
        let shared: BTreeMap<&str, &Component> =
            shared.map(|placed| (placed.image.as_str(), placed.component)).collect();
        for (name, component) in own.chain(shared).chain(self.providers()) {
            if let Some(other) = taken.insert(name, component) {
                let message = format!("`{name}` is a part of `{}` as well", other.manifest_path());
                return Err(problem(component, message));
            }
        }
        Ok(())
    }

    fn providers(&self) -> impl Iterator<Item = (&'a str, &'a Component)> {
        self.components.iter().filter_map(|component| {
            component.manifest.provider.as_ref()?;
            Some((provider_name(component), *component))
        })
    }

    /// All that offer `binding`: those of no service by name, then by service.
    fn offerers(&'a self, binding: &str) -> Vec<Offerer<'a>> {
        self.offerers_but(binding, &mut BTreeSet::new())
    }

    /// The same without what `seen` follows already: bindings that carry each other in a circle would
    /// have no end.
    fn offerers_but(&'a self, binding: &str, seen: &mut BTreeSet<String>) -> Vec<Offerer<'a>> {
        if !seen.insert(binding.to_owned()) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for placed in &self.placed {
            if let (Some(offer), Some(port)) =
                (placed.manifest.offer.get(binding), placed.manifest.port)
            {
                found.push(Offerer {
                    name: &placed.name,
                    port,
                    ports: &placed.manifest.ports,
                    secrets: &[],
                    service: placed.service(),
                    offers: vec![offer],
                });
            }
        }
        for component in self.components {
            let Some(offer) = component.manifest.offer.get(binding) else {
                continue;
            };
            if let Some(via) = &offer.via {
                found.extend(self.offerers_but(via, seen).into_iter().map(|mut offerer| {
                    offerer.offers.push(offer);
                    offerer
                }));
            } else if let Some(provider) = &component.manifest.provider {
                found.push(Offerer { offers: vec![offer], ..provided(component, provider) });
            }
        }
        seen.remove(binding);
        let place = |name: &str| self.services.iter().position(|service| service.name == name);
        found.sort_by_key(|offerer| (place(offerer.service), offerer.name));
        found
    }

    /// Everything that `placed` needs, with who says so.
    fn needs(&'a self, placed: &'a Placed) -> Vec<Declared<'a>> {
        let own = placed.manifest.need.iter();
        let own = own.map(|(binding, need)| (placed.component, binding.as_str(), need));
        let added = self.added(placed).flat_map(|(component, to)| {
            to.need.iter().map(move |(binding, need)| (component, binding.as_str(), need))
        });
        own.chain(added).collect()
    }

    /// The services whose workloads need `binding`; one without a name where there is none.
    fn needing(&'a self, binding: &str) -> BTreeSet<&'a str> {
        let needs =
            |placed: &&Placed| self.needs(placed).iter().any(|(_, need, _)| *need == binding);
        let found = self.placed.iter().filter(|placed| needs(placed)).map(Placed::service);
        let found: BTreeSet<&str> = found.collect();
        if found.is_empty() { BTreeSet::from([""]) } else { found }
    }

    /// What other components give to `placed`.
    fn added(
        &'a self,
        placed: &'a Placed,
    ) -> impl Iterator<Item = (&'a Component, &'a ToManifest)> {
        let (kind, runtime) =
            placed.instance.map_or(("", ""), |instance| (instance.kind, instance.runtime));
        let is_there = |component: &&&Component| {
            placed.instance.is_none_or(|instance| is_in(component, instance.fills))
        };
        self.components.iter().filter(is_there).flat_map(move |component| {
            [kind, runtime, EVERY_WORKLOAD]
                .into_iter()
                .filter_map(|name| Some((*component, component.manifest.to.get(name)?)))
        })
    }

    /// Those that meet the need of `placed`.
    fn met(
        &'a self,
        placed: &Placed,
        (component, binding, need): Declared,
    ) -> Result<Vec<Offerer<'a>>, Problem> {
        let mut found = self.offerers(binding);
        found.retain(|offerer| match need.from {
            Which::Own => !offerer.service.is_empty() && offerer.service == placed.service(),
            Which::First | Which::All => offerer.name != placed.name,
        });
        if need.from != Which::All {
            found.truncate(1);
        }
        if found.is_empty() && !need.optional {
            let name = &placed.name;
            let message = format!("`{name}` needs `{binding}`, and nothing that is on offers it");
            return Err(problem(component, message));
        }
        Ok(found)
    }

    /// The names of all that others stand in front of.
    fn fronted(&'a self) -> Result<BTreeSet<&'a str>, Problem> {
        let mut fronted = BTreeSet::new();
        for placed in &self.placed {
            for declared in self.needs(placed).into_iter().filter(|(.., need)| need.front) {
                fronted.extend(self.met(placed, declared)?.into_iter().map(|end| end.name));
            }
        }
        Ok(fronted)
    }

    fn workload(
        &'a self,
        placed: &'a Placed,
        fronted: &BTreeSet<&str>,
        runtimes: &BTreeMap<String, RuntimeManifest>,
    ) -> Result<Workload, Problem> {
        let manifest = placed.manifest;
        let runtime = runtimes.get(placed.runtime);
        if runtime.is_none() && !placed.runtime.is_empty() {
            let message = format!("`{}` is no runtime of what is on", placed.runtime);
            return Err(problem(placed.component, message));
        }
        let mut ports = manifest.ports.clone();
        ports.extend(runtime.map(|runtime| runtime.ports.clone()).unwrap_or_default());
        let (needs, env) = self.needs_and_variables(placed)?;
        let mut after: Vec<String> = Vec::new();
        for end in needs.iter().filter(|need| need.start).flat_map(|need| &need.ends) {
            if !after.contains(&end.name) {
                after.push(end.name.clone());
            }
        }
        let public = manifest.public.as_ref().filter(|_| !fronted.contains(placed.name.as_str()));
        let public = public.map(|public| Public {
            by: public.by.clone(),
            text: if public.text.is_empty() { fronts(&needs) } else { public.text.clone() },
            first: false,
            serves: self.served(placed, &needs),
        });
        let before = placed.tasks();
        let check = runtime.map(|runtime| runtime.check.as_slice()).unwrap_or_default();
        let health = match &manifest.health {
            Some(health) => Some(placed.health(health, &ports, check)?),
            None => None,
        };
        Ok(Workload {
            name: placed.name.clone(),
            component: placed.component.id.clone(),
            service: placed.service().to_owned(),
            kind: placed.instance.map_or("", |instance| instance.kind).to_owned(),
            group: placed.group.to_owned(),
            main: placed.main,
            image: placed.image.clone(),
            folder: placed.folder.clone(),
            shared: placed.shared,
            runtime: placed.runtime.to_owned(),
            note: manifest.note.clone(),
            command: manifest.command.clone(),
            port: manifest.port,
            ports,
            health,
            grace: manifest.grace.clone(),
            memory: manifest.memory.clone(),
            cpu: manifest.cpu.clone(),
            user: manifest.user.or(runtime.map(|runtime| runtime.user)),
            scale: match &manifest.scale {
                Some(scale) => Some(self.scale(placed, scale)?),
                None => None,
            },
            mount: manifest.mount.clone(),
            public,
            env,
            needs,
            waits: after
                .iter()
                .cloned()
                .chain(before.iter().map(|task| task.name.clone()))
                .collect(),
            after,
            tasks: Vec::new(),
            before,
            at: about(self.by_target(&manifest.at), placed.service()),
        })
    }

    /// Whom somebody means who meets `placed` from outside: those that come by themselves first.
    fn served(&'a self, placed: &'a Placed, needs: &[Need]) -> Vec<Served> {
        let front = needs.iter().find(|need| need.front && !need.ends.is_empty());
        let names: Vec<&str> = match front {
            Some(need) => need.ends.iter().map(|end| end.name.as_str()).collect(),
            None => vec![&placed.name],
        };
        let known = names.iter().filter_map(|name| self.placed.iter().find(|it| it.name == *name));
        let mut served: Vec<Served> =
            known.map(|it| Served { name: it.name.clone(), own: it.comes_by_itself() }).collect();
        served.sort_by_key(|one| !one.own);
        served
    }

    /// How many of `placed` run: where that follows a need, also who knows how much waits.
    fn scale(&'a self, placed: &'a Placed, manifest: &ScaleManifest) -> Result<Scale, Problem> {
        let mut scale = Scale { manifest: manifest.clone(), provider: String::new(), load: None };
        for declared in self.needs(placed).into_iter().filter(|(_, need, _)| *need == manifest.on) {
            for end in self.met(placed, declared)? {
                let load = end.offers.iter().rev().find_map(|offer| offer.load.as_ref());
                let Some(load) = load else {
                    continue;
                };
                let number =
                    if load.port.is_empty() { Some(&end.port) } else { end.ports.get(&load.port) };
                let number = *number.ok_or_else(|| {
                    problem(declared.0, format!("`{}` has no port `{}`", end.name, load.port))
                })?;
                let mut metadata = BTreeMap::new();
                for target in &self.targets {
                    let parts = Parts { target: *target, offerer: &end, service: placed.service() };
                    let mut filled = load.metadata.clone();
                    for pattern in filled.values_mut() {
                        *pattern = parts.filled(declared.0, pattern)?;
                    }
                    metadata.insert(target.0.to_owned(), filled);
                }
                end.name.clone_into(&mut scale.provider);
                scale.load = Some(Load { manifest: load.clone(), number, metadata });
            }
        }
        Ok(scale)
    }

    /// The needs of `placed`, met, and all its variables by target.
    fn needs_and_variables(&'a self, placed: &'a Placed) -> Result<(Vec<Need>, ByTarget), Problem> {
        let mut needs = Vec::new();
        let mut variables = Variables::new(&self.targets);
        let whose = (placed.name.as_str(), placed.service());
        for declared in self.needs(placed) {
            let (component, binding, need) = declared;
            let ends = self.met(placed, declared)?;
            for end in &ends {
                let offered = end.offers.iter().flat_map(|offer| &offer.env);
                for (name, variable) in offered {
                    variables.add(component, name, variable, &[end], whose)?;
                }
            }
            for (name, variable) in &need.env {
                let ends: Vec<&Offerer> = ends.iter().collect();
                variables.add(component, name, variable, &ends, whose)?;
            }
            let ends: Result<Vec<End>, Problem> =
                ends.iter().map(|end| self.end(component, end, placed.service())).collect();
            needs.push(Need {
                binding: binding.to_owned(),
                text: need.text.clone(),
                start: need.start,
                front: need.front,
                ends: ends?,
            });
        }
        let own = placed.manifest.set.iter().map(|entry| (placed.component, entry));
        let added = self
            .added(placed)
            .flat_map(|(component, to)| to.set.iter().map(move |entry| (component, entry)));
        let itself = placed.as_offerer();
        for (component, (name, variable)) in own.chain(added) {
            variables.add(component, name, variable, &[&itself], whose)?;
        }
        Ok((needs, variables.by_target))
    }

    fn end(
        &'a self,
        component: &Component,
        offerer: &Offerer,
        service: &str,
    ) -> Result<End, Problem> {
        let mut at = Map::new();
        for (name, target) in &self.targets {
            let parts = Parts { target: (name, target), offerer, service };
            let part = |part: &str| parts.part(part).unwrap_or_default();
            let url = match parts.url_pattern() {
                Some(pattern) => parts.filled(component, pattern)?,
                None => String::new(),
            };
            let value = json!({"host": part("host"), "port": part("port"), "url": url});
            at.insert((*name).to_owned(), value);
        }
        Ok(End { name: offerer.name.to_owned(), port: offerer.port, at })
    }

    /// Every binding with all that offer it.
    fn bindings(&'a self) -> Result<BTreeMap<String, Vec<End>>, Problem> {
        let by_workloads = self.placed.iter().flat_map(|placed| {
            placed.manifest.offer.keys().map(|binding| (placed.component, binding))
        });
        let by_providers = self.components.iter().flat_map(|component| {
            component.manifest.offer.keys().map(|binding| (*component, binding))
        });
        let mut bindings = BTreeMap::new();
        for (component, binding) in by_workloads.chain(by_providers) {
            if !bindings.contains_key(binding) {
                let found = self.offerers(binding);
                let ends: Result<Vec<End>, Problem> =
                    found.iter().map(|offerer| self.end(component, offerer, "")).collect();
                bindings.insert(binding.clone(), ends?);
            }
        }
        Ok(bindings)
    }

    fn provider(&'a self, component: &'a Component) -> Result<Provider, Problem> {
        let manifest = component.manifest.provider.as_ref().expect("the caller has seen one");
        let name = provider_name(component);
        let itself = provided(component, manifest);
        let of_run = manifest.run.iter().flat_map(|run| run.env.values());
        let of_tasks = manifest.task.values().flat_map(|task| task.env.values());
        let own: Vec<&VariableManifest> = of_run.chain(of_tasks).collect();
        let mut bindings: Vec<String> = Vec::new();
        let mut keys: BTreeMap<String, Vec<Key>> = BTreeMap::new();
        let mut keep = |offerer: &Offerer,
                        more: &[&VariableManifest],
                        service: &str|
         -> Result<(), Problem> {
            for target in self.targets.iter().filter(|(_, target)| target.refers) {
                let parts = Parts { target: *target, offerer, service };
                let list = keys.entry(target.0.to_owned()).or_default();
                for key in parts.keys(component, more)? {
                    match list.iter().find(|there| there.key == key.key) {
                        Some(there) if there.value == key.value => {}
                        None if !manifest.secrets.contains(&key.key) => list.push(key),
                        _ => {
                            let key = key.key;
                            let message = format!(
                                "the secret of `{name}` holds two things as `{key}`: say another `key`"
                            );
                            return Err(problem(component, message));
                        }
                    }
                }
            }
            Ok(())
        };
        let of_all = self.components.iter().flat_map(|other| other.manifest.offer.keys());
        // Its own first.
        for binding in component.manifest.offer.keys().chain(of_all) {
            let met = self.offerers(binding).into_iter().find(|offerer| offerer.name == name);
            let Some(offerer) = met.filter(|_| !bindings.contains(binding)) else {
                continue;
            };
            bindings.push(binding.clone());
            for service in self.needing(binding) {
                keep(&offerer, &[], service)?;
            }
        }
        keep(&itself, &own, "")?;
        let run = match &manifest.run {
            Some(run) => Some(Run {
                manifest: run.clone(),
                env: self.variables_of(component, &itself, &run.env)?,
            }),
            None => None,
        };
        let tasks: Result<Vec<Task>, Problem> = manifest
            .task
            .iter()
            .map(|(task, declared)| {
                Ok(Task {
                    name: task_name(name, task),
                    provider: name.to_owned(),
                    folder: manifest.folder.clone(),
                    pin: manifest.run.as_ref().map(|run| run.pin.clone()).unwrap_or_default(),
                    user: manifest.run.as_ref().map(|run| run.user),
                    doc: declared.doc.clone(),
                    command: declared.command.clone(),
                    env: self.variables_of(component, &itself, &declared.env)?,
                    at: self.by_target(&declared.at),
                })
            })
            .collect();
        Ok(Provider {
            name: name.to_owned(),
            component: component.id.clone(),
            folder: manifest.folder.clone(),
            port: manifest.port,
            ports: manifest.ports.clone(),
            secrets: manifest.secrets.clone(),
            bindings,
            keys,
            run,
            tasks: tasks?,
            at: self.by_target(&manifest.at),
        })
    }

    /// Variables that are about `itself` alone, by target that runs images.
    fn variables_of(
        &'a self,
        component: &'a Component,
        itself: &Offerer,
        variables: &IndexMap<String, VariableManifest>,
    ) -> Result<ByTarget, Problem> {
        let targets: Vec<(&str, &TargetManifest)> =
            self.targets.iter().filter(|(_, target)| target.images).copied().collect();
        let mut found = Variables::new(&targets);
        for (name, variable) in variables {
            found.add(component, name, variable, &[itself], (itself.name, ""))?;
        }
        Ok(found.by_target)
    }

    /// `tables` with an empty one for each target that has none, so that templates always find it.
    fn by_target(&self, tables: &IndexMap<String, toml::Table>) -> Map<String, Value> {
        let value = |name: &str| serde_json::to_value(tables.get(name)).unwrap_or_default();
        let empty = |value: Value| if value.is_null() { json!({}) } else { value };
        self.targets.iter().map(|(name, _)| ((*name).to_owned(), empty(value(name)))).collect()
    }
}

impl<'a> Placed<'a> {
    fn service(&self) -> &'a str {
        self.instance.map_or("", |instance| instance.name)
    }

    /// Whether it is there without anybody adding its service.
    fn comes_by_itself(&self) -> bool {
        self.instance.is_none_or(|instance| instance.own)
    }

    /// What is done before it starts.
    fn tasks(&self) -> Vec<OwnTask> {
        let kind = self.instance.and_then(|it| self.component.manifest.kind.get(it.kind));
        let tasks = kind.into_iter().flat_map(|kind| &kind.task);
        tasks
            .map(|(name, manifest)| OwnTask {
                name: workload_name(self.service(), name, false),
                after: Vec::new(),
                manifest: manifest.clone(),
            })
            .collect()
    }

    /// What its own variables are about.
    fn as_offerer(&'a self) -> Offerer<'a> {
        Offerer {
            name: &self.name,
            port: self.manifest.port.unwrap_or_default(),
            ports: &self.manifest.ports,
            secrets: &[],
            service: self.service(),
            offers: self.manifest.offer.values().take(1).collect(),
        }
    }

    fn health(
        &self,
        health: &HealthManifest,
        ports: &IndexMap<String, u16>,
        check: &[String],
    ) -> Result<Health, Problem> {
        let number = if health.port.is_empty() {
            self.manifest.port
        } else {
            ports.get(&health.port).copied()
        };
        let number = number.ok_or_else(|| {
            let message =
                format!("`{}` is asked for its health at a port that it has not", self.name);
            problem(self.component, message)
        })?;
        let or = |path: &str, other: &str| if path.is_empty() { other } else { path }.to_owned();
        let live = or(&health.live, &health.ready);
        let url = format!("http://127.0.0.1:{number}{}", health.ready);
        let command = if health.command.is_empty() { check } else { &health.command };
        Ok(Health {
            port: health.port.clone(),
            number,
            ready: health.ready.clone(),
            start: or(&health.start, &live),
            live,
            start_s: health.start_s,
            command: command.iter().map(|part| part.replace("{url}", &url)).collect(),
        })
    }
}

/// What single targets read of a workload, with the name of its service where they say `{service}`.
fn about(mut at: Map<String, Value>, service: &str) -> Map<String, Value> {
    fn fill(value: &mut Value, service: &str) {
        match value {
            Value::String(text) => *text = text.replace("{service}", service),
            Value::Array(items) => items.iter_mut().for_each(|item| fill(item, service)),
            Value::Object(entries) => entries.values_mut().for_each(|entry| fill(entry, service)),
            _ => {}
        }
    }
    at.values_mut().for_each(|table| fill(table, service));
    at
}

/// The name of a workload of the service `service`: what its image starts by itself is called like it,
/// the rest after what they do.
#[must_use]
pub fn workload_name(service: &str, role: &str, is_main: bool) -> String {
    if is_main { service.to_owned() } else { format!("{service}-{role}") }
}

/// The name of what is done with the provider `provider` as `task`.
fn task_name(provider: &str, task: &str) -> String {
    format!("{provider}-{task}")
}

/// What a provider's own variables are about.
fn provided<'a>(component: &'a Component, manifest: &'a ProviderManifest) -> Offerer<'a> {
    Offerer {
        name: provider_name(component),
        port: manifest.port,
        ports: &manifest.ports,
        secrets: &manifest.secrets,
        service: "",
        offers: Vec::new(),
    }
}

/// The name of the component's provider.
#[must_use]
pub fn provider_name(component: &Component) -> &str {
    match &component.manifest.provider {
        Some(provider) if !provider.name.is_empty() => &provider.name,
        _ => &component.id,
    }
}

/// Refuses workloads that wait for each other in a circle.
fn check_order(workloads: &[Workload], site: &Site) -> Result<(), Problem> {
    let mut waiting: BTreeMap<&str, &Workload> =
        workloads.iter().map(|workload| (workload.name.as_str(), workload)).collect();
    loop {
        let before = waiting.len();
        let names: BTreeSet<&str> = waiting.keys().copied().collect();
        let waits = |name: &String| names.contains(name.as_str());
        waiting.retain(|_, workload| workload.after.iter().any(waits));
        if waiting.is_empty() {
            return Ok(());
        }
        if waiting.len() == before {
            break;
        }
    }
    // Each of them waits for another of them: whoever is met twice is in the circle.
    let mut circle: Vec<&str> = waiting.keys().take(1).copied().collect();
    let first = loop {
        let workload = waiting[circle[circle.len() - 1]];
        let next = workload.after.iter().find_map(|name| waiting.get_key_value(name.as_str()));
        let (next, _) = next.expect("what waits for nothing is gone");
        match circle.iter().position(|name| name == next) {
            Some(position) => break position,
            None => circle.push(next),
        }
    };
    let placed = site.placed.iter().find(|placed| placed.name == circle[first]);
    let component = placed.expect("every workload was placed").component;
    let names: Vec<String> = circle[first..].iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "when they start, these wait for each other in a circle: {}; `start = false` in a need means \
         that the workload does not wait",
        names.join(", ")
    );
    Err(problem(component, message))
}

fn nodes(components: &[&Component], docking: &Docking) -> Vec<Value> {
    let mut nodes = Vec::new();
    for component in components {
        for workload in docking.workloads.iter().filter(|it| it.component == component.id) {
            let Workload { name, note, .. } = workload;
            nodes.push(json!({"id": name, "note": note, "shape": "process"}));
        }
        for provider in docking.providers.iter().filter(|it| it.component == component.id) {
            let note = provider.bindings.join(", ");
            nodes.push(json!({"id": provider.name, "note": note, "shape": "store"}));
        }
    }
    nodes
}
