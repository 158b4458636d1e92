//! What an operation on a project asks for, and the selection that it leads to.

use crate::choose::rules::{self, Refusal};
use crate::choose::selection::{Choices, Selection, no_service, refuse_filler, refuse_slot};
use crate::pack::load::{Component, Pack};
use crate::text::error::{Error, shell_words, suggestion};
use crate::text::name::Name;

/// A change of what a project consists of, or of the version that it is rendered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Switches components on, or puts them into their slots.
    Add(Vec<String>),
    /// Switches components off.
    Remove(Vec<String>),
    /// Sets flags, slots, options or the name.
    Set(Vec<String>),
    /// Adds a service instance.
    AddService {
        /// Its name.
        name: String,
        /// Its kind.
        kind: String,
        /// What fills its slots, `SLOT=COMPONENT` each.
        with: Vec<String>,
    },
    /// Removes service instances.
    RemoveService(Vec<String>),
    /// Does what `scaffold.toml` says.
    Apply,
    /// Goes to the version of the pack in use.
    Update,
}

impl Operation {
    /// The operation as people type it in a shell, without the program's name.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Add(ids) => format!("add {}", shell_words(ids)),
            Self::Remove(ids) => format!("remove {}", shell_words(ids)),
            Self::Set(assignments) => format!("set {}", shell_words(assignments)),
            Self::AddService { name, kind, with } => {
                let with: Vec<String> = with.iter().map(|fill| format!(" --with {fill}")).collect();
                format!("add service {name} --kind {kind}{}", with.concat())
            }
            Self::RemoveService(names) => format!("remove service {}", shell_words(names)),
            Self::Apply => "apply".to_owned(),
            Self::Update => "update".to_owned(),
        }
    }

    /// Whether the command itself says that `service` shall go: by its name, or as what a component
    /// brings that is switched off.
    #[must_use]
    pub fn names(&self, pack: &Pack, service: &str) -> bool {
        let brings = |id: &str| {
            let component = pack.by_flag(id).or_else(|| pack.component(id));
            component.is_some_and(|component| {
                component.manifest.service.iter().any(|brought| brought.name == service)
            })
        };
        match self {
            Self::RemoveService(names) => names.iter().any(|name| name == service),
            Self::Remove(ids) => ids.iter().any(|id| brings(id)),
            Self::Set(assignments) => assignments
                .iter()
                .filter_map(|assignment| assignment.split_once('='))
                .any(|(key, value)| value == "false" && brings(key)),
            _ => false,
        }
    }

    /// The selection after the operation. `rendered` is what the project was rendered from last
    /// time, `chosen` what `scaffold.toml` says now.
    ///
    /// # Errors
    /// [`Error::Usage`] where that does not exist or cannot be combined.
    pub fn selection(
        &self,
        pack: &Pack,
        rendered: &Selection,
        chosen: &Selection,
    ) -> Result<Selection, Error> {
        let mut selection = chosen.clone();
        match self {
            Self::Add(ids) => {
                for id in ids {
                    switch_on(pack, &mut selection, id)?;
                }
            }
            Self::Remove(ids) => {
                for id in ids {
                    switch_off(pack, &mut selection, id)?;
                }
                refuse_needed(pack, &selection, ids)?;
            }
            Self::Set(assignments) => {
                for assignment in assignments {
                    set(pack, &mut selection, assignment)?;
                }
            }
            Self::AddService { name, kind, with } => {
                let mut choices = Choices::default();
                choices.add_service(pack, name, kind)?;
                for fill in with {
                    let (slot, filler) = fill.split_once('=').unwrap_or((fill, ""));
                    refuse_slot(pack, name, kind, slot)?;
                    choices.fill(pack, (name, Some(kind)), slot, &filler.into())?;
                }
                if let Some(there) = selection.services.get(name) {
                    return Err(Error::usage(
                        format!("there is a service `{name}` already, of kind `{there}`"),
                        format!("scaffold add service {name}-2 --kind {kind}"),
                    ));
                }
                if let Some(component) = pack.component_of_kind(kind)
                    && component.flag().is_some()
                {
                    selection.components.insert(component.id.clone());
                }
                selection.services.insert(name.clone(), kind.clone());
                selection.fills.extend(choices.fills);
            }
            Self::RemoveService(names) => {
                for name in names {
                    remove_service(pack, &mut selection, name)?;
                }
            }
            Self::Apply | Self::Update => {}
        }
        selection.fill_up(pack);
        if matches!(self, Self::Add(_) | Self::AddService { .. } | Self::Remove(_)) {
            selection.follow(pack, rendered);
        }
        if let Some(refusal) = rules::inapplicable(pack, &selection.all_components(pack)) {
            return Err(refused(pack, refusal));
        }
        settle(pack, rendered, chosen, &mut selection)?;
        selection.fill_up(pack);
        if let Some(refusal) = rules::exclusive(pack, &selection.all_components(pack)) {
            return Err(refused(pack, refusal));
        }
        Ok(selection)
    }
}

fn switch_on(pack: &Pack, selection: &mut Selection, id: &str) -> Result<(), Error> {
    let component = component(pack, id)?;
    refuse_of_services(pack, selection, component)?;
    let manifest = &component.manifest;
    if component.flag().is_some() {
        selection.components.insert(component.id.clone());
    } else if let Some(slot) = &manifest.slot {
        selection.slots.insert(slot.clone(), component.id.clone());
    } else if manifest.derived {
        let needing =
            pack.flagged().find(|(_, other)| other.manifest.requires.contains(&component.id));
        let hint = needing.map_or_else(String::new, |(flag, _)| format!("scaffold add {flag}"));
        return Err(Error::usage(
            format!("`{id}` is not chosen: it comes with what needs it"),
            hint,
        ));
    }
    Ok(())
}

/// Refuses what single services choose.
fn refuse_of_services(
    pack: &Pack,
    selection: &Selection,
    component: &Component,
) -> Result<(), Error> {
    let Some(slot) = component.service_slot() else {
        return Ok(());
    };
    let service = selection.services.iter().find(|(_, kind)| pack.can_have(kind, component));
    let service = service.map_or("SERVICE", |(name, _)| name.as_str());
    let id = &component.id;
    Err(Error::usage(
        format!("`{id}` is chosen for each service, as its `{slot}`"),
        format!("scaffold set {service}.{slot}={id}"),
    ))
}

fn switch_off(pack: &Pack, selection: &mut Selection, id: &str) -> Result<(), Error> {
    let component = component(pack, id)?;
    refuse_of_services(pack, selection, component)?;
    let manifest = &component.manifest;
    if component.flag().is_some() {
        selection.components.remove(&component.id);
    } else if let Some(slot) = &manifest.slot {
        if selection.slots.get(slot) == Some(&component.id) {
            let default = &pack.default_filler(slot, None).id;
            if *default == component.id {
                let others: Vec<&str> = pack
                    .fillers(slot)
                    .map(|other| other.id.as_str())
                    .filter(|other| *other != component.id)
                    .collect();
                let hint = match others.first() {
                    Some(other) => format!("put another in its place: scaffold set {slot}={other}"),
                    None => format!("nothing else can be the `{slot}`"),
                };
                return Err(Error::usage(format!("`{id}` is the `{slot}`"), hint));
            }
            selection.slots.insert(slot.clone(), default.clone());
        }
    } else if manifest.always {
        return Err(Error::usage(
            format!("`{id}` is in every project"),
            "`scaffold list` shows what can be switched off",
        ));
    }
    Ok(())
}

/// The component that a flag or an id names.
fn component<'a>(pack: &'a Pack, id: &str) -> Result<&'a Component, Error> {
    pack.by_flag(id).or_else(|| pack.component(id)).ok_or_else(|| {
        let known: Vec<&str> = pack.components.iter().filter_map(Component::choice).collect();
        Error::usage(
            format!("the pack has no component `{id}`"),
            format!(
                "{}components: {}",
                // `add service NAME` may be meant as well.
                suggestion(id, known.iter().copied().chain(pack.kinds().next().map(|_| "service"))),
                known.join(", ")
            ),
        )
    })
}

/// Refuses to remove what the rest of the selection needs.
fn refuse_needed(pack: &Pack, selection: &Selection, ids: &[String]) -> Result<(), Error> {
    let on = selection.all_components(pack);
    for id in ids {
        let component = component(pack, id)?;
        if component.manifest.slot.is_some() || !on.contains(&component.id) {
            continue;
        }
        if let Some(other) = rules::needing(pack, &on, &component.id).first() {
            let flag = other.flag().unwrap_or(&other.id);
            return Err(Error::usage(
                format!("`{id}` is needed by `{}`", other.id),
                format!("scaffold remove {flag} {id}"),
            ));
        }
    }
    Ok(())
}

fn set(pack: &Pack, selection: &mut Selection, assignment: &str) -> Result<(), Error> {
    if let Some(name) = assignment.strip_prefix("name=") {
        selection.name = Name::project(name)?;
        return Ok(());
    }
    if !assignment.contains('=') {
        return Err(Error::usage(
            format!("`{assignment}` has no `=`"),
            format!("scaffold set {assignment}=VALUE"),
        ));
    }
    let mut choices = Choices::default();
    choices.set_text(pack, assignment)?;
    for (flag, on) in &choices.components {
        if *on {
            switch_on(pack, selection, flag)?;
        } else {
            switch_off(pack, selection, flag)?;
            refuse_needed(pack, selection, std::slice::from_ref(flag))?;
        }
    }
    let on = selection.all_components(pack);
    if let Some(refusal) = rules::unused(pack, &on, choices.slots.keys()) {
        return Err(refused(pack, refusal));
    }
    for (service, fills) in choices.fills {
        let Some(kind) = selection.services.get(&service) else {
            return Err(no_service(&selection.services, &service));
        };
        for (slot, filler) in fills {
            refuse_slot(pack, &service, kind, &slot)?;
            refuse_filler(pack, &service, kind, (&slot, &filler))?;
            selection.fills.entry(service.clone()).or_default().insert(slot, filler);
        }
    }
    selection.slots.extend(choices.slots);
    selection.options.extend(choices.options);
    Ok(())
}

fn remove_service(pack: &Pack, selection: &mut Selection, name: &str) -> Result<(), Error> {
    let Some(kind) = selection.services.remove(name) else {
        return Err(no_service(&selection.services, name));
    };
    if selection.services.values().any(|other| *other == kind) {
        return Ok(());
    }
    let flag = pack.component_of_kind(&kind).and_then(Component::flag);
    let hint = match flag {
        Some(flag) => format!("to have none: scaffold remove {flag}"),
        None => format!("first add another: scaffold add service {name}-2 --kind {kind}"),
    };
    Err(Error::usage(format!("`{name}` is the only service of kind `{kind}`"), hint))
}

/// Makes the rest of the selection follow from the components: what is switched on brings its
/// services, what is switched off takes those of its kinds along, and a slot that nothing uses
/// any more goes back to its default.
fn settle(
    pack: &Pack,
    rendered: &Selection,
    chosen: &Selection,
    selection: &mut Selection,
) -> Result<(), Error> {
    let (before, on) = (rendered.all_components(pack), selection.all_components(pack));
    if let Some(refusal) = rules::exclusive(pack, &on) {
        return Err(refused(pack, refusal));
    }
    for (slot, _) in pack.slots() {
        if rules::uses(pack, &before, slot) && !rules::uses(pack, &on, slot) {
            selection.slots.insert(slot.clone(), pack.default_filler(slot, None).id.clone());
        }
    }
    for component in pack.components.iter().filter(|component| on.contains(&component.id)) {
        for service in &component.manifest.service {
            let is_new = !before.contains(&component.id);
            let mut named = if service.example { &*selection } else { chosen }.services.values();
            let has_kind = named.any(|kind| *kind == service.kind);
            match selection.services.get(&service.name) {
                Some(kind) if is_new && *kind != service.kind => {
                    return Err(Error::usage(
                        format!(
                            "`{}` brings a service `{}`, and there is one of kind `{kind}`",
                            component.id, service.name
                        ),
                        format!("rename yours first: scaffold remove service {}", service.name),
                    ));
                }
                None if is_new && !has_kind => {
                    selection.services.insert(service.name.clone(), service.kind.clone());
                }
                _ => {}
            }
        }
    }
    let homeless: Vec<(String, String)> = selection
        .services
        .iter()
        .filter(|(_, kind)| {
            pack.component_of_kind(kind).is_none_or(|component| !on.contains(&component.id))
        })
        .map(|(name, kind)| (name.clone(), kind.clone()))
        .collect();
    for (name, kind) in homeless {
        let was_there = rendered.services.get(&name) == Some(&kind);
        if !was_there
            && chosen.services.contains_key(&name)
            && let Some(refusal) = rules::kind_is_off(pack, &on, &name, &kind)
        {
            return Err(refused(pack, refusal));
        }
        selection.services.remove(&name);
    }
    Ok(())
}

/// A refusal with the command that makes way.
fn refused(pack: &Pack, refusal: Refusal) -> Error {
    let message = refusal.message(pack);
    let flag = |component: &Component| component.flag().unwrap_or(&component.id).to_owned();
    let hint = match refusal {
        Refusal::Exclusive(_, other) => format!("scaffold remove {}", flag(other)),
        Refusal::Inapplicable(component) => {
            let first = rules::flags_of_others(pack, component).first().copied();
            format!("scaffold add {}", first.unwrap_or(&component.id))
        }
        Refusal::UnusedSlot(slot, needing) => format!("scaffold add {}", needing.unwrap_or(slot)),
        Refusal::KindIsOff(_, _, component) => format!("scaffold add {}", flag(component)),
    };
    Error::usage(message, hint)
}
