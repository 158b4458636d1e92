//! The selection resolved: which components, which services, and what they contribute.

use std::collections::BTreeMap;

use heck::ToSnakeCase;

use serde_json::{Map, Value, json};

use crate::choose::selection::Selection;
use crate::pack::layout::service_folder;
use crate::pack::load::{Component, PACK_MANIFEST, Pack};
use crate::pack::manifest::{ContributionScope, ContributionShape};
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
    /// What templates outside of services see.
    pub context: Map<String, Value>,
}

/// A service instance.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its folder, from the root of the project.
    pub path: String,
    /// What templates see as `service`.
    pub fields: Map<String, Value>,
}

/// Who contributed a key, so that a clash can name both.
type Owners = BTreeMap<(String, String), String>;

impl<'a> Plan<'a> {
    /// Resolves `selection`.
    ///
    /// # Errors
    /// [`Error::Pack`] where two components contribute one key with two values, or a contribution
    /// cannot be evaluated; [`Error::Usage`] where a service has the name of another part.
    pub fn new(pack: &'a Pack, selection: Selection) -> Result<Self, Error> {
        let on = selection.all_components(pack);
        let components: Vec<&Component> =
            pack.components.iter().filter(|component| on.contains(&component.id)).collect();
        let templates = pack.templates().map_err(|problem| Error::Pack(vec![problem]))?;
        let mut context = base_context(&selection, &components);
        let mut services: Vec<Service> =
            selection.services.iter().map(|(name, kind)| Service::new(pack, name, kind)).collect();
        context.insert("services".to_owned(), listed(&services));
        let collected = collect(pack, &components, &mut services, &context, &templates);
        context.extend(collected.map_err(|problem| Error::Pack(vec![problem]))?);
        context.insert("services".to_owned(), listed(&services));
        check_names(pack, &services, &context)?;
        Ok(Self { pack, selection, components, services, context })
    }

    /// The services of a kind, by name.
    pub fn services_of(&self, kind: &str) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(move |service| service.kind == kind)
    }

    /// Whether the component is part of the project.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.components.iter().any(|component| component.id == id)
    }
}

impl Service {
    /// The folder of the service `name`, from the root of the project.
    #[must_use]
    pub fn folder(name: &str) -> String {
        service_folder(name)
    }

    fn new(pack: &Pack, name: &str, kind: &str) -> Self {
        let declared =
            pack.component_of_kind(kind).and_then(|component| component.manifest.kind.get(kind));
        let path = Self::folder(name);
        let fields = json!({
            "name": name,
            "kind": kind,
            "package": format!("@app/{name}"),
            "path": path,
            "snake": name.to_snake_case(),
            "summary": declared.map_or("", |kind| kind.summary.as_str()),
        });
        let Value::Object(fields) = fields else { unreachable!("json! of braces is an object") };
        Self { name: name.to_owned(), kind: kind.to_owned(), path, fields }
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
        let place = || Place::file(format!("components/{}/component.toml", component.id));
        let evaluate = |table: &toml::Table, fields: &Fields| {
            let value = serde_json::to_value(table)
                .map_err(|error| Problem::new(place(), error.to_string()))?;
            evaluated(&value, fields, templates).map_err(|reason| Problem::new(place(), reason))
        };
        let own = evaluate(&component.manifest.contribute, &fields)?;
        add(&mut project, own, &component.id, &mut owners)?;
        let of_kind = |kind: &str| -> Vec<&Service> {
            services.iter().filter(|service| service.kind == kind).collect()
        };
        for (kind, each) in &component.manifest.each {
            for service in of_kind(kind) {
                let fields = fields.with("service", &service.fields);
                let own = evaluate(&each.own, &fields)?;
                add(&mut project, own, &component.id, &mut owners)?;
                for (other_kind, table) in &each.each {
                    for other in of_kind(other_kind) {
                        let own = evaluate(table, &fields.with("other", &other.fields))?;
                        add(&mut project, own, &component.id, &mut owners)?;
                    }
                }
            }
        }
    }
    for service in services {
        let mut collected = empty(ContributionScope::Service);
        let mut owners = Owners::new();
        let seen = fields.with("service", &service.fields);
        for component in components {
            let Some(table) = component.manifest.to.get(&service.kind) else {
                continue;
            };
            let value = serde_json::to_value(table).unwrap_or_default();
            let own = evaluated(&value, &seen, templates).map_err(|reason| {
                Problem::new(
                    Place::file(format!("components/{}/component.toml", component.id)),
                    reason,
                )
            })?;
            add(&mut collected, own, &component.id, &mut owners)?;
        }
        service.fields.extend(collected);
    }
    Ok(project)
}

/// Adds what `component` contributes: lists are appended, maps put together by key.
fn add(
    into: &mut Map<String, Value>,
    own: Value,
    component: &str,
    owners: &mut Owners,
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
                    let owner = owners
                        .entry((name.clone(), key.clone()))
                        .or_insert_with(|| component.to_owned());
                    match map.get(&key) {
                        Some(there) if *there != entry => {
                            return Err(Problem::new(
                                Place::file(format!("components/{component}/component.toml")),
                                format!(
                                    "`{name}.{key}` has another value in `components/{owner}/component.toml`"
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
                    Place::file(format!("components/{component}/component.toml")),
                    format!("no contribution `{name}` of this shape is declared"),
                ));
            }
        }
    }
    Ok(())
}

/// `value` with every text in it, keys included, rendered.
fn evaluated(value: &Value, fields: &Fields, templates: &Templates) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(templates.evaluate(text, fields)?),
        Value::Array(items) => {
            let items: Result<Vec<Value>, String> =
                items.iter().map(|item| evaluated(item, fields, templates)).collect();
            Value::Array(items?)
        }
        Value::Object(entries) => {
            let mut map = Map::new();
            for (key, entry) in entries {
                map.insert(templates.evaluate(key, fields)?, evaluated(entry, fields, templates)?);
            }
            Value::Object(map)
        }
        other => other.clone(),
    })
}
