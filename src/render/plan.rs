//! The selection resolved: which components, which services, and what they contribute.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToSnakeCase;

use serde_json::{Map, Value, json};

use crate::choose::selection::Selection;
use crate::pack::layout::{code_place, is_service_of, service_folder};
use crate::pack::load::{Component, ComponentFile, Lies, PACK_MANIFEST, PARTS, Pack};
use crate::pack::manifest::{ContributionScope, ContributionShape, KindManifest};
use crate::render::docked::{Docking, Workload};
use crate::render::docking::{self, Instance, is_in};
use crate::text::error::{Error, Place, Problem};
use crate::text::template::{Fields, Templates};

/// Everything that rendering needs, without a conflict left.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Where the files come from.
    pub pack: &'a Pack,
    /// What was chosen.
    pub selection: Selection,
    /// The components, in pack order.
    pub components: Vec<&'a Component>,
    /// The service instances, by name.
    pub services: Vec<Service>,
    /// Their code, in the order of the services whose it is first.
    pub codes: Vec<Code>,
    /// Everything that runs, and how it is connected.
    pub docking: Docking,
    /// What templates outside of services see.
    pub context: Map<String, Value>,
}

/// One of those that a file is rendered for: a service, or a part of what docking found.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// As what templates see it.
    pub what: &'static str,
    /// Its name.
    pub name: &'a str,
    /// Its folder, from the root of the project.
    pub folder: &'a str,
    /// The service that it is, or that it belongs to.
    pub service: Option<&'a Service>,
}

/// A service instance.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The language that it is written in; empty where the kind says none.
    pub runtime: String,
    /// Its folder, from the root of the project.
    pub path: String,
    /// What fills its slots.
    pub fills: BTreeMap<String, String>,
    /// What templates see as `service`.
    pub fields: Map<String, Value>,
}

/// The code of a service, or of all services of a kind that share it.
#[derive(Debug, Clone)]
pub struct Code {
    /// Its name: that of the service or of the kind.
    pub name: String,
    /// The kind.
    pub kind: String,
    /// The language that it is written in; empty where the kind says none.
    pub runtime: String,
    /// Its folder, from the root of the project.
    pub path: String,
    /// The bindings that its workloads need.
    pub needs: BTreeSet<String>,
    /// The service whose own it is.
    pub service: Option<String>,
    /// What templates see as `code`.
    pub fields: Map<String, Value>,
}

/// Who contributed a key, so that a clash can name both.
type Owners<'a> = BTreeMap<(String, String), &'a Component>;

impl<'a> Plan<'a> {
    /// Resolves `selection`.
    ///
    /// # Errors
    /// [`Error::Pack`] where two components contribute one key with two values, or a contribution
    /// cannot be evaluated; [`Error::Usage`] where a service has the name of another part.
    pub fn new(pack: &'a Pack, selection: Selection) -> Result<Self, Error> {
        let templates = pack.templates().map_err(|problem| Error::Pack(vec![problem]))?;
        Self::with(pack, selection, &templates)
    }

    /// Resolves `selection` with `templates`, which evaluate the texts of the manifests.
    ///
    /// # Errors
    /// Those of [`Plan::new`].
    pub fn with(
        pack: &'a Pack,
        mut selection: Selection,
        templates: &Templates,
    ) -> Result<Self, Error> {
        selection.fill_up(pack);
        let on = selection.all_components(pack);
        let components: Vec<&Component> =
            pack.components.iter().filter(|component| on.contains(&component.id)).collect();
        let mut context = base_context(&selection, &components);
        let nothing = BTreeMap::new();
        let fills = |name: &String| selection.fills.get(name).unwrap_or(&nothing).clone();
        let mut services: Vec<Service> = selection
            .services
            .iter()
            .map(|(name, kind)| Service::new(pack, name, kind, fills(name)))
            .collect();
        context.insert("services".to_owned(), listed(&services));
        let collected = collect(pack, &components, &mut services, &context, templates);
        context.extend(collected.map_err(|problem| Error::Pack(vec![problem]))?);
        let docking = docked(&components, &services)?;
        draw(pack, &docking, &mut context);
        for service in &mut services {
            service.take_workloads(&docking);
        }
        context.insert("services".to_owned(), listed(&services));
        context.insert("workloads".to_owned(), json!(docking.workloads));
        context.insert("providers".to_owned(), json!(docking.providers));
        context.insert("bindings".to_owned(), json!(docking.bindings));
        context.insert("images".to_owned(), json!(docking.images));
        context.insert("runtimes".to_owned(), json!(docking.runtimes));
        let codes = codes(pack, &services, &docking);
        let fields = codes.iter().map(|code| Value::Object(code.fields.clone()));
        context.insert("codes".to_owned(), fields.collect());
        check_names(pack, &services, &context)?;
        Ok(Self { pack, selection, components, services, codes, docking, context })
    }

    /// What templates that are rendered for `holder` see of it.
    ///
    /// # Panics
    /// With a holder of another plan.
    #[must_use]
    pub fn fields_of<'h>(&'h self, holder: &Holder<'h>) -> &'h Map<String, Value> {
        if let ("service", Some(service)) = (holder.what, holder.service) {
            return &service.fields;
        }
        let parts = self.context.get(&format!("{}s", holder.what)).and_then(Value::as_array);
        let part = parts.into_iter().flatten().find(|part| part["name"] == holder.name);
        part.and_then(Value::as_object).expect("docking put every holder into the context")
    }

    /// Those that `file` of `component` is rendered for: the services of a kind or a runtime, by name,
    /// their code, or one of [`PARTS`] in the order of docking; nothing where it is for the project.
    /// What fills a slot of services is there for those alone that have it.
    #[must_use]
    pub fn holders<'h>(&'h self, component: &Component, file: &ComponentFile) -> Vec<Holder<'h>> {
        let Some(of) = file.of.as_deref() else {
            return Vec::new();
        };
        if file.lies != Lies::InCode {
            let mut held = self.held(of);
            held.retain(|held| held.service.is_none_or(|service| service.has(component)));
            return held;
        }
        let needs = |code: &&Code| file.need.as_ref().is_none_or(|need| code.needs.contains(need));
        let codes = self.codes.iter().filter(|it| is_service_of(of, &it.kind, &it.runtime));
        let holder = |code: &'h Code| Holder {
            what: "code",
            name: &code.name,
            folder: &code.path,
            service: self.services.iter().find(|it| Some(&it.name) == code.service.as_ref()),
        };
        let has = |code: &&Code| {
            let mut services = self.services.iter().filter(|it| code.is_of(it));
            services.any(|service| service.has(component))
        };
        codes.filter(needs).filter(has).map(holder).collect()
    }

    fn held<'h>(&'h self, of: &str) -> Vec<Holder<'h>> {
        let belongs = |name: &str| {
            self.services.iter().find(|service| !name.is_empty() && service.name == name)
        };
        let part = |what, name: &'h str, folder: &'h str, service: &str| Holder {
            what,
            name,
            folder,
            service: belongs(service),
        };
        match of {
            "image" => {
                let images = self.docking.images.iter();
                images.map(|it| part("image", &it.name, &it.folder, &it.service)).collect()
            }
            "provider" => {
                let providers = self.docking.providers.iter();
                providers.map(|it| part("provider", &it.name, &it.folder, "")).collect()
            }
            "workload" => {
                let workloads = self.docking.workloads.iter();
                workloads.map(|it| part("workload", &it.name, &it.folder, &it.service)).collect()
            }
            _ => {
                let services = self.services.iter();
                let services = services.filter(|it| is_service_of(of, &it.kind, &it.runtime));
                services.map(|it| part("service", &it.name, &it.path, &it.name)).collect()
            }
        }
    }

    /// Whether the component is part of the project.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.components.iter().any(|component| component.id == id)
    }

    /// Whether the project can do this: it has the component, something offers the binding, or there
    /// is one of [`PARTS`].
    #[must_use]
    pub fn can(&self, what: &str) -> bool {
        self.has(what)
            || self.docking.bindings.contains_key(what)
            || (PARTS.contains(&what) && !self.held(what).is_empty())
    }
}

impl Code {
    /// Whether it is the code of `service`.
    fn is_of(&self, service: &Service) -> bool {
        self.kind == service.kind && self.service.as_ref().is_none_or(|own| *own == service.name)
    }
}

impl Service {
    fn new(pack: &Pack, name: &str, kind: &str, fills: BTreeMap<String, String>) -> Self {
        let declared = declared(pack, kind);
        let path = service_folder(name);
        let fields = json!({
            "name": name,
            "kind": kind,
            "package": format!("@app/{name}"),
            "path": path,
            "snake": name.to_snake_case(),
            "summary": declared.map_or("", |kind| kind.summary.as_str()),
            "slots": fills,
        });
        let Value::Object(fields) = fields else { unreachable!("json! of braces is an object") };
        let runtime = declared.and_then(|kind| kind.runtime.clone()).unwrap_or_default();
        Self { name: name.to_owned(), kind: kind.to_owned(), runtime, path, fills, fields }
    }

    /// Whether `component` is there for it: for all services, unless it fills a slot of services.
    #[must_use]
    pub fn has(&self, component: &Component) -> bool {
        is_in(component, &self.fills)
    }

    fn as_instance(&self, own: bool) -> Instance<'_> {
        Instance {
            name: &self.name,
            kind: &self.kind,
            runtime: &self.runtime,
            own,
            fills: &self.fills,
        }
    }

    /// Puts its workloads into its fields.
    fn take_workloads(&mut self, docking: &Docking) {
        let own = docking.workloads.iter().filter(|workload| workload.service == self.name);
        self.fields.insert("workloads".to_owned(), own.map(|workload| json!(workload)).collect());
    }
}

fn declared<'a>(pack: &'a Pack, kind: &str) -> Option<&'a KindManifest> {
    pack.component_of_kind(kind).and_then(|component| component.manifest.kind.get(kind))
}

/// The code of all services.
fn codes(pack: &Pack, services: &[Service], docking: &Docking) -> Vec<Code> {
    let mut codes: Vec<Code> = Vec::new();
    for service in services {
        let Some(declared) = declared(pack, &service.kind) else {
            continue;
        };
        let (name, path) = code_place(&service.kind, declared.shared, &service.name);
        let there = codes.iter_mut().find(|code| code.name == name && code.kind == service.kind);
        if let Some(folders) = there.and_then(|code| code.fields["folders"].as_array_mut()) {
            folders.push(json!(service.path));
            continue;
        }
        // All of a kind run the same.
        let own = docking.workloads.iter().filter(|workload| workload.service == service.name);
        let own: Vec<&Workload> = own.collect();
        let needs = own.iter().flat_map(|workload| &workload.needs);
        let needs = needs.filter(|need| !need.ends.is_empty()).map(|need| need.binding.clone());
        let needs: BTreeSet<String> = needs.collect();
        let folders: BTreeSet<&String> = [&path, &service.path].into_iter().collect();
        let fields = json!({
            "name": name,
            "kind": service.kind,
            "runtime": service.runtime,
            "package": format!("@app/{name}"),
            "path": path,
            "snake": name.to_snake_case(),
            "summary": declared.summary,
            "folders": folders,
            "needs": needs,
            "workloads": own,
        });
        let Value::Object(fields) = fields else { unreachable!("json! of braces is an object") };
        codes.push(Code {
            name: name.to_owned(),
            kind: service.kind.clone(),
            runtime: service.runtime.clone(),
            path,
            needs,
            service: (!declared.shared).then(|| service.name.clone()),
            fields,
        });
    }
    codes
}

/// Docks everything, once no service has the name of another part.
fn docked(components: &[&Component], services: &[Service]) -> Result<Docking, Error> {
    let brought = components.iter().flat_map(|component| &component.manifest.service);
    let brought: BTreeSet<&str> = brought.map(|service| service.name.as_str()).collect();
    let instance = |service| Service::as_instance(service, brought.contains(&*service.name));
    let mut instances: Vec<Instance> = services.iter().map(instance).collect();
    // What people add takes over nothing that something has met before.
    instances.sort_by_key(|instance| !instance.own);
    let names = docking::names(components, &instances);
    for service in services {
        if names.iter().filter(|name| **name == service.name).count() > 1 {
            return Err(taken(service, "another part of the project is"));
        }
    }
    docking::dock(components, &instances).map_err(|problem| Error::Pack(vec![problem]))
}

/// Adds what docking found to the contributions that the diagram is drawn from.
fn draw(pack: &Pack, docking: &Docking, context: &mut Map<String, Value>) {
    let Some(diagram) = &pack.manifest.diagram else {
        return;
    };
    let arrows: Vec<Value> = docking.edges.iter().map(|arrow| json!(arrow)).collect();
    for (name, more) in [(&diagram.nodes, &docking.nodes), (&diagram.edges, &arrows)] {
        if let Some(Value::Array(list)) = context.get_mut(name) {
            list.extend(more.iter().cloned());
        }
    }
}

fn base_context(selection: &Selection, components: &[&Component]) -> Map<String, Value> {
    let name = &selection.name;
    let on: Vec<&str> = components.iter().map(|component| component.id.as_str()).collect();
    let context = json!({
        "project": {"name": name.as_str(), "title": name.title(), "snake": name.snake()},
        "options": selection.options,
        "on": on,
    });
    let Value::Object(context) = context else { unreachable!("json! of braces is an object") };
    context
}

/// Refuses a service with the name of another part of the project, which the diagram tells.
fn check_names(
    pack: &Pack,
    services: &[Service],
    context: &Map<String, Value>,
) -> Result<(), Error> {
    let Some(diagram) = &pack.manifest.diagram else {
        return Ok(());
    };
    let nodes = context.get(&diagram.nodes).and_then(Value::as_array);
    for service in services {
        let same = nodes.into_iter().flatten().filter(|node| node["id"] == service.name.as_str());
        if same.count() > 1 {
            return Err(taken(service, "another part of the project is"));
        }
    }
    Ok(())
}

/// The refusal of a service's name, with a name that may do.
pub(crate) fn taken(service: &Service, reason: &str) -> Error {
    let Service { name, kind, .. } = service;
    Error::usage(
        format!("a service cannot be called `{name}`: {reason}"),
        format!("--service {name}-2={kind}"),
    )
}

fn listed(services: &[Service]) -> Value {
    services.iter().map(|service| Value::Object(service.fields.clone())).collect()
}

/// Collects the project's contributions, and puts each service's into its fields.
fn collect(
    pack: &Pack,
    components: &[&Component],
    services: &mut [Service],
    context: &Map<String, Value>,
    templates: &Templates,
) -> Result<Map<String, Value>, Problem> {
    let declared = pack.contributions();
    let empty = |scope: ContributionScope| -> Map<String, Value> {
        declared
            .iter()
            .filter(|(_, manifest)| manifest.scope == scope)
            .map(|(name, manifest)| {
                let nothing = match manifest.shape {
                    ContributionShape::List => json!([]),
                    ContributionShape::Map => json!({}),
                };
                ((*name).to_owned(), nothing)
            })
            .collect()
    };
    let fields =
        Fields::new(context).map_err(|reason| Problem::new(Place::file(PACK_MANIFEST), reason))?;
    let mut project = empty(ContributionScope::Project);
    let mut owners = Owners::new();
    for component in components {
        let evaluate = |name: &str, table: &toml::Table, fields: &Fields| {
            evaluated_table(component, name, table, fields, templates)
        };
        let own = evaluate("contribute", &component.manifest.contribute, &fields)?;
        add(&mut project, own, component, &mut owners)?;
        for (other, table) in &component.manifest.with {
            if components.iter().any(|component| component.id == *other) {
                let own = evaluate(&format!("with.{other}"), table, &fields)?;
                add(&mut project, own, component, &mut owners)?;
            }
        }
        let of_kind = |kind: &str| -> Vec<&Service> {
            let of_kind = services.iter().filter(|service| service.kind == kind);
            of_kind.filter(|service| service.has(component)).collect()
        };
        for (kind, each) in &component.manifest.each {
            for service in of_kind(kind) {
                let fields = fields.with("service", &service.fields);
                let name = format!("each.{kind}");
                let own = evaluate(&name, &each.own, &fields)?;
                add(&mut project, own, component, &mut owners)?;
                for (other_kind, table) in &each.each {
                    for other in of_kind(other_kind) {
                        let fields = fields.with("other", &other.fields);
                        let own = evaluate(&format!("{name}.each.{other_kind}"), table, &fields)?;
                        add(&mut project, own, component, &mut owners)?;
                    }
                }
            }
        }
    }
    for service in services {
        let mut collected = empty(ContributionScope::Service);
        let mut owners = Owners::new();
        let seen = fields.with("service", &service.fields);
        for component in components.iter().filter(|component| is_in(component, &service.fills)) {
            for of in [&service.kind, &service.runtime] {
                let Some(to) = component.manifest.to.get(of) else {
                    continue;
                };
                let name = format!("to.{of}");
                let own = evaluated_table(component, &name, &to.own, &seen, templates)?;
                add(&mut collected, own, component, &mut owners)?;
            }
        }
        service.fields.extend(collected);
    }
    Ok(project)
}

/// Adds what `component` contributes: lists are appended, maps put together by key.
fn add<'a>(
    into: &mut Map<String, Value>,
    own: Value,
    component: &'a Component,
    owners: &mut Owners<'a>,
) -> Result<(), Problem> {
    let Value::Object(own) = own else {
        return Ok(());
    };
    for (name, value) in own {
        match (into.get_mut(&name), value) {
            (Some(Value::Array(list)), Value::Array(items)) => {
                for item in items {
                    if !list.contains(&item) {
                        list.push(item);
                    }
                }
            }
            (Some(Value::Object(map)), Value::Object(entries)) => {
                for (key, entry) in entries {
                    let owner = owners.entry((name.clone(), key.clone())).or_insert(component);
                    match map.get(&key) {
                        Some(there) if *there != entry => {
                            return Err(Problem::new(
                                Place::file(component.manifest_path()),
                                format!(
                                    "`{name}.{key}` has another value in `{}`",
                                    owner.manifest_path()
                                ),
                            ));
                        }
                        _ => {
                            map.insert(key, entry);
                        }
                    }
                }
            }
            _ => {
                return Err(Problem::new(
                    Place::file(component.manifest_path()),
                    format!("no contribution `{name}` of this shape is declared"),
                ));
            }
        }
    }
    Ok(())
}

/// The table `name` of the manifest of `component`, with every text in it rendered.
fn evaluated_table(
    component: &Component,
    name: &str,
    table: &toml::Table,
    fields: &Fields,
    templates: &Templates,
) -> Result<Value, Problem> {
    let origin = origin(&component.id, name);
    let value = serde_json::to_value(table).map_err(|error| error.to_string());
    let evaluated = value.and_then(|value| evaluated(&origin, &value, fields, templates));
    evaluated.map_err(|reason| Problem::new(Place::file(component.manifest_path()), reason))
}

/// What the table `name` of a component's manifest is called where its texts are evaluated, such as
/// `ml: each.inference`.
#[must_use]
pub fn origin(component: &str, name: &str) -> String {
    format!("{component}: {name}")
}

/// `value` with every text in it, keys included, rendered.
fn evaluated(
    origin: &str,
    value: &Value,
    fields: &Fields,
    templates: &Templates,
) -> Result<Value, String> {
    let evaluate = |text: &str| templates.evaluate(origin, text, fields);
    let inner = |value: &Value| evaluated(origin, value, fields, templates);
    Ok(match value {
        Value::String(text) => Value::String(evaluate(text)?),
        Value::Array(items) => {
            let items: Result<Vec<Value>, String> = items.iter().map(inner).collect();
            Value::Array(items?)
        }
        Value::Object(entries) => {
            let mut map = Map::new();
            for (key, entry) in entries {
                map.insert(evaluate(key)?, inner(entry)?);
            }
            Value::Object(map)
        }
        other => other.clone(),
    })
}
