//! What was chosen. [`Choices`] is what the user said, from a preset, answers, `--set` and flags;
//! [`Selection`] is that made complete with the pack's defaults.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::choose::rules::{self, Fills, Refusal, closure, is_default};
use crate::pack::load::{Component, OptionOf, Pack};
use crate::pack::manifest::{OptionManifest, OptionShape};
use crate::text::error::{Error, Place, shell_word, suggestion};
use crate::text::name::Name;

/// What the user said, nothing filled in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choices {
    /// Name of the project.
    pub name: Option<String>,
    /// Components switched on or off, by flag.
    pub components: BTreeMap<String, bool>,
    /// Component per slot.
    pub slots: BTreeMap<String, String>,
    /// Values of options.
    pub options: BTreeMap<String, Value>,
    /// Kind per further service instance.
    pub services: BTreeMap<String, String>,
    /// What fills the slots of services, also of those that come by themselves.
    pub fills: Fills,
}

/// Everything that decides what a project consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Name of the project.
    pub name: Name,
    /// Ids of the components that were switched on (not those that follow from them).
    pub components: BTreeSet<String>,
    /// Component per slot, for every slot of the pack.
    pub slots: BTreeMap<String, String>,
    /// Value per option, for every option of the pack.
    pub options: BTreeMap<String, Value>,
    /// Kind per service instance.
    pub services: BTreeMap<String, String>,
    /// What fills the slots of services, for every slot of each.
    pub fills: Fills,
}

impl Choices {
    /// Takes over what `stronger` says, where it says something.
    pub fn override_with(&mut self, stronger: Self) {
        self.name = stronger.name.or(self.name.take());
        self.components.extend(stronger.components);
        self.slots.extend(stronger.slots);
        self.options.extend(stronger.options);
        self.services.extend(stronger.services);
        for (service, fills) in stronger.fills {
            self.fills.entry(service).or_default().extend(fills);
        }
    }

    /// Whether nothing but perhaps a name was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { name: self.name.clone(), ..Self::default() }
    }

    /// Reads answers: a flat map of flags, slots, options, `name` and `services`, as JSON or TOML.
    ///
    /// # Errors
    /// [`Error::Usage`] with path, line and column.
    pub fn from_answers(pack: &Pack, path: &str, text: &str) -> Result<Self, Error> {
        let answers: Map<String, Value> = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| {
                let place =
                    Place { path: path.to_owned(), line: error.line(), column: error.column() };
                let message = error.to_string();
                let reason = message.split(" at line ").next().unwrap_or_default();
                malformed(&place, reason)
            })?
        } else {
            toml::from_str(text).map_err(|error| {
                let offset = error.span().map_or(0, |span| span.start);
                malformed(&Place::at(path, text, offset), error.message())
            })?
        };
        let place_of = |key: &str| {
            let offset = text.find(&format!("\"{key}\"")).or_else(|| text.find(key)).unwrap_or(0);
            Place::at(path, text, offset)
        };
        Self::from_map(pack, &answers).map_err(|(key, error)| match error {
            Error::Usage { message, hint } => {
                Error::Usage { message: format!("{}: {message}", place_of(&key)), hint }
            }
            other => other,
        })
    }

    /// Reads a flat map; an error comes with the key that caused it.
    pub fn from_map(pack: &Pack, answers: &Map<String, Value>) -> Result<Self, (String, Error)> {
        let mut choices = Self::default();
        for (key, value) in answers {
            choices.answer(pack, key, value).map_err(|error| (key.clone(), error))?;
        }
        Ok(choices)
    }

    fn answer(&mut self, pack: &Pack, key: &str, value: &Value) -> Result<(), Error> {
        match key {
            "name" => {
                let name = value.as_str().ok_or_else(|| wrong_type(key, "text", value))?;
                self.name = Some(name.to_owned());
                Ok(())
            }
            "services" => {
                let listed = value
                    .as_object()
                    .ok_or_else(|| wrong_type(key, "a map of service name to kind", value))?;
                for (name, said) in listed {
                    let kind = said.get("kind").unwrap_or(said);
                    let kind = kind.as_str().ok_or_else(|| wrong_type(name, "a kind", kind))?;
                    self.add_service(pack, name, kind)?;
                    let more = said.as_object().into_iter().flatten();
                    for (slot, filler) in more.filter(|(slot, _)| *slot != "kind") {
                        self.fill(pack, (name, Some(kind)), slot, filler)?;
                    }
                }
                Ok(())
            }
            _ => self.set(pack, key, value),
        }
    }

    /// Sets a flag, a slot or an option by its name.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no such name, or no such value of it.
    pub fn set(&mut self, pack: &Pack, key: &str, value: &Value) -> Result<(), Error> {
        if pack.by_flag(key).is_some() {
            let on = value.as_bool().ok_or_else(|| wrong_type(key, "`true` or `false`", value))?;
            self.components.insert(key.to_owned(), on);
        } else if let Some((service, slot)) = key.split_once('.') {
            self.fill(pack, (service, None), slot, value)?;
        } else if pack.slots().any(|(slot, _)| slot == key) {
            let choice =
                value.as_str().ok_or_else(|| wrong_type(key, "the name of a component", value))?;
            self.slots
                .insert(key.to_owned(), filler(pack, (key, None), &format!("--{key}"), choice)?);
        } else if let Some(option) = pack.options().find(|option| option.manifest.id == key) {
            self.options.insert(key.to_owned(), option_value(option.manifest, value)?);
        } else {
            let known = keys(pack);
            let near = suggestion(key, known.iter().map(String::as_str));
            return Err(Error::usage(
                format!("`{key}` is not something to choose"),
                format!("{near}there are: {}", known.join(", ")),
            ));
        }
        Ok(())
    }

    /// Puts a component into a slot of a service, of `kind` where that is known.
    ///
    /// # Errors
    /// [`Error::Usage`] where services have no such slot, or nothing of this name fills it.
    pub fn fill(
        &mut self,
        pack: &Pack,
        (service, kind): (&str, Option<&str>),
        slot: &str,
        value: &Value,
    ) -> Result<(), Error> {
        let known: Vec<&str> = pack.slots_of_services().map(|(known, _)| known.as_str()).collect();
        if !known.contains(&slot) {
            let hint = if known.is_empty() {
                "services of this pack have none".to_owned()
            } else {
                format!(
                    "{}there are: {}",
                    suggestion(slot, known.iter().copied()),
                    known.join(", ")
                )
            };
            return Err(Error::usage(format!("`{slot}` is no slot of a service"), hint));
        }
        let key = format!("{service}.{slot}");
        let choice =
            value.as_str().ok_or_else(|| wrong_type(&key, "the name of a component", value))?;
        let choice = filler(pack, (slot, kind), &key, choice)?;
        let fills = self.fills.entry(service.to_owned()).or_default();
        fills.insert(slot.to_owned(), choice);
        Ok(())
    }

    /// Sets what stands before the `=` of `text` to what stands behind it.
    pub fn set_text(&mut self, pack: &Pack, text: &str) -> Result<(), Error> {
        let Some((key, raw)) = text.split_once('=') else {
            return Err(Error::usage(
                format!("`--set {text}` has no `=`"),
                format!("--set {text}=VALUE"),
            ));
        };
        let is_text = key.contains('.')
            || pack.manifest.slots.contains_key(key)
            || pack.options().any(|option| {
                option.manifest.id == key
                    && matches!(option.manifest.shape, OptionShape::String | OptionShape::Enum)
            });
        let value = if is_text { None } else { serde_json::from_str(raw).ok() };
        self.set(pack, key, &value.unwrap_or_else(|| Value::String(raw.to_owned())))
    }

    /// Adds a service instance of what `text` says: `KIND`, or `KIND:SLOT=COMPONENT,...`.
    ///
    /// # Errors
    /// Those of [`Choices::add_service`] and [`Choices::fill`].
    pub fn add_service_as(&mut self, pack: &Pack, name: &str, text: &str) -> Result<(), Error> {
        let (kind, fills) = text.split_once(':').unwrap_or((text, ""));
        self.add_service(pack, name, kind)?;
        for fill in fills.split(',').filter(|fill| !fill.is_empty()) {
            let Some((slot, filler)) = fill.split_once('=') else {
                return Err(Error::usage(
                    format!("`--service {name}={text}`: `{fill}` has no `=`"),
                    format!("--service {name}={kind}:SLOT=COMPONENT"),
                ));
            };
            self.fill(pack, (name, Some(kind)), slot, &Value::from(filler))?;
        }
        Ok(())
    }

    /// Adds a service instance.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that does not work, an unknown kind, or a name used twice.
    pub fn add_service(&mut self, pack: &Pack, name: &str, kind: &str) -> Result<(), Error> {
        if pack.component_of_kind(kind).is_none() {
            let kinds: Vec<&str> = pack.kinds().collect();
            return Err(Error::usage(
                format!("`{kind}` is not a kind of service"),
                format!("{}kinds: {}", suggestion(kind, kinds.iter().copied()), kinds.join(", ")),
            ));
        }
        Name::service(name, kind)?;
        if let Some(other) = self.services.insert(name.to_owned(), kind.to_owned())
            && other != kind
        {
            return Err(Error::usage(
                format!("two services are called `{name}`"),
                format!("--service {name}-2={kind}"),
            ));
        }
        Ok(())
    }

    /// The command line that says the same.
    #[must_use]
    pub fn command(&self, pack: &Pack) -> String {
        let mut words = vec!["scaffold new".to_owned()];
        words.extend(self.name.clone());
        for (flag, _) in pack.flagged() {
            match self.components.get(flag) {
                Some(true) => words.push(format!("--{flag}")),
                Some(false) => words.push(format!("--no-{flag}")),
                None => {}
            }
        }
        words.extend(self.slots.iter().map(|(slot, choice)| format!("--{slot} {choice}")));
        for (name, kind) in &self.services {
            let fills = self.fills.get(name).into_iter().flatten();
            let fills: Vec<String> = fills.map(|(slot, id)| format!("{slot}={id}")).collect();
            let more =
                if fills.is_empty() { String::new() } else { format!(":{}", fills.join(",")) };
            words.push(format!("--service {name}={kind}{more}"));
        }
        for (name, fills) in
            self.fills.iter().filter(|(name, _)| !self.services.contains_key(*name))
        {
            words.extend(fills.iter().map(|(slot, id)| format!("--set {name}.{slot}={id}")));
        }
        for (id, value) in &self.options {
            match value {
                Value::Bool(true) => words.push(format!("--{id}")),
                Value::Bool(false) => words.push(format!("--no-{id}")),
                // With a space, a value that begins with `-` would be taken for a flag.
                Value::String(text) if text.starts_with('-') => {
                    words.push(format!("--{id}={}", shell_word(text)));
                }
                Value::String(text) => words.push(format!("--{id} {}", shell_word(text))),
                other => words.push(format!("--{id} {other}")),
            }
        }
        if let Some(origin) = &pack.origin {
            words.push(format!("--templates {}", shell_word(origin)));
        }
        words.join(" ")
    }

    /// Makes the choices complete.
    ///
    /// # Errors
    /// [`Error::Usage`] where they cannot be combined: the smallest conflict, and the nearest
    /// command that works.
    pub fn complete(&self, pack: &Pack) -> Result<Selection, Error> {
        let Some(name) = &self.name else {
            return Err(Error::usage("the project has no name", "scaffold new NAME"));
        };
        let name = Name::project(name)?;
        let slots: BTreeMap<String, String> = pack
            .slots()
            .map(|(slot, _)| {
                let chosen = self.slots.get(slot);
                (slot.clone(), chosen.unwrap_or(&pack.default_filler(slot, None).id).clone())
            })
            .collect();
        let mut fills = Fills::new();
        // What fills the slots of services may bring services with slots of their own.
        let (components, on) = loop {
            let (components, on) = self.switched_on(pack, &slots, &fills);
            let more = filled(pack, &self.with_brought(pack, &on), &self.fills);
            if more == fills {
                break (components, on);
            }
            fills = more;
        };
        self.check_combination(pack, &on)?;
        let services = self.all_services(pack, &on)?;
        self.check_fills(pack, &services)?;
        let options = pack
            .options()
            .map(|option| {
                let id = option.manifest.id.clone();
                let value = self.options.get(&id).cloned();
                let default = || serde_json::to_value(&option.manifest.default).unwrap_or_default();
                (id, value.unwrap_or_else(default))
            })
            .collect();
        Ok(Selection { name, components, slots, options, services, fills })
    }

    /// The ids of the components that are switched on, and of all that are on with them.
    fn switched_on(
        &self,
        pack: &Pack,
        slots: &BTreeMap<String, String>,
        fills: &Fills,
    ) -> (BTreeSet<String>, BTreeSet<String>) {
        let mut components = BTreeSet::new();
        for (flag, component) in pack.flagged() {
            let free = component.manifest.default && component.manifest.applies.is_empty();
            // Who names a service wants what it is made of.
            let kinds = &component.manifest.kind;
            let is_named = self.services.values().any(|kind| kinds.contains_key(kind));
            if *self.components.get(flag).unwrap_or(&(free || is_named)) {
                components.insert(component.id.clone());
            }
        }
        // In pack order what applies with others comes behind them.
        for (flag, component) in pack.flagged() {
            if !self.components.contains_key(flag)
                && is_default(component, &closure(pack, &components, slots, fills))
            {
                components.insert(component.id.clone());
            }
        }
        let on = closure(pack, &components, slots, fills);
        (components, on)
    }

    /// The services that were added, and those that come with what is on.
    fn with_brought(&self, pack: &Pack, on: &BTreeSet<String>) -> BTreeMap<String, String> {
        let mut services = brought(pack, on, &self.services);
        services.extend(self.services.clone());
        services
    }

    /// Refuses fillers for services that are not there, and for slots that those do not have.
    fn check_fills(&self, pack: &Pack, services: &BTreeMap<String, String>) -> Result<(), Error> {
        for (service, fills) in &self.fills {
            let kind = services.get(service).ok_or_else(|| no_service(services, service))?;
            for (slot, filler) in fills {
                refuse_slot(pack, service, kind, slot)?;
                refuse_filler(pack, service, kind, (slot, filler))?;
            }
        }
        Ok(())
    }

    /// The selection that was chosen once and rendered, whether or not it can be chosen now; `name`
    /// is the project's. What is not said has its default, and components are off.
    #[must_use]
    pub fn as_they_are(self, pack: &Pack, name: Name) -> Selection {
        let is_on = |flag: &str| self.components.get(flag) == Some(&true);
        let chosen = pack.flagged().filter(|(flag, _)| is_on(flag));
        let components = chosen.map(|(_, component)| component.id.clone()).collect();
        let default = |slot: &String| (slot.clone(), pack.default_filler(slot, None).id.clone());
        let mut slots: BTreeMap<String, String> =
            pack.slots().map(|(slot, _)| default(slot)).collect();
        slots.extend(self.slots);
        let default = |option: OptionOf| {
            let default = serde_json::to_value(&option.manifest.default).unwrap_or_default();
            (option.manifest.id.clone(), default)
        };
        let mut options: BTreeMap<String, Value> = pack.options().map(default).collect();
        options.extend(self.options);
        let fills = filled(pack, &self.services, &self.fills);
        Selection { name, components, slots, options, services: self.services, fills }
    }

    /// Refuses components that exclude each other, and ones that need what was switched off.
    fn check_combination(&self, pack: &Pack, on: &BTreeSet<String>) -> Result<(), Error> {
        if let Some(refusal) = rules::exclusive(pack, on).or_else(|| rules::inapplicable(pack, on))
        {
            return Err(self.refused(pack, refusal));
        }
        for (flag, component) in pack.flagged() {
            if self.components.get(flag) != Some(&false) || !on.contains(&component.id) {
                continue;
            }
            let needing = rules::needing(pack, on, &component.id);
            let mut with = self.clone();
            // What is only there by default goes along; what was asked for brings its need.
            let unasked: Option<Vec<&str>> = needing
                .iter()
                .map(|other| other.flag().filter(|flag| !self.components.contains_key(*flag)))
                .collect();
            match unasked {
                Some(flags) => {
                    with.components.extend(flags.iter().map(|flag| ((*flag).to_owned(), false)));
                }
                None => {
                    with.components.insert(flag.to_owned(), true);
                }
            }
            let needing = needing.first().map_or("the selection", |other| other.id.as_str());
            return Err(Error::usage(
                format!("`{needing}` needs `{flag}`, which `--no-{flag}` switches off"),
                with.command(pack),
            ));
        }
        rules::unused(pack, on, self.slots.keys())
            .map_or(Ok(()), |refusal| Err(self.refused(pack, refusal)))
    }

    /// A refusal with the nearest command that works.
    fn refused(&self, pack: &Pack, refusal: Refusal) -> Error {
        let mut instead = self.clone();
        let with =
            |component: &Component| (component.flag().unwrap_or(&component.id).to_owned(), true);
        match refusal {
            Refusal::Exclusive(one, other) => {
                let dropped = other.flag().or(one.flag()).unwrap_or(&other.id);
                instead.components.remove(dropped);
                if pack.by_flag(dropped).is_some_and(|found| found.manifest.default) {
                    instead.components.insert(dropped.to_owned(), false);
                }
            }
            Refusal::Inapplicable(component) => {
                let first = rules::flags_of_others(pack, component).first().copied();
                instead.components.extend(first.map(|flag| (flag.to_owned(), true)));
            }
            Refusal::UnusedSlot(slot, flag) => {
                instead.components.insert(flag.unwrap_or(slot).to_owned(), true);
            }
            Refusal::KindIsOff(_, _, component) => instead.components.extend([with(component)]),
        }
        Error::usage(refusal.message(pack), instead.command(pack))
    }

    fn all_services(
        &self,
        pack: &Pack,
        on: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, String>, Error> {
        let mut services = brought(pack, on, &self.services);
        for (name, kind) in &self.services {
            if let Some(refusal) = rules::kind_is_off(pack, on, name, kind) {
                return Err(self.refused(pack, refusal));
            }
            if let Some(other) = services.insert(name.clone(), kind.clone())
                && other != *kind
            {
                let mut renamed = self.clone();
                renamed.services.remove(name);
                renamed.services.insert(format!("{name}-2"), kind.clone());
                return Err(Error::usage(
                    format!(
                        "two services are called `{name}`: one of kind `{other}`, one of kind `{kind}`"
                    ),
                    renamed.command(pack),
                ));
            }
        }
        Ok(services)
    }
}

impl Selection {
    /// The ids of all components of the project, those that follow from others included.
    #[must_use]
    pub fn all_components(&self, pack: &Pack) -> BTreeSet<String> {
        closure(pack, &self.components, &self.slots, &self.fills)
    }

    /// Gives every slot of every service what fills it: what is said, or the default; and forgets
    /// what is said of services and slots that are not there.
    pub fn fill_up(&mut self, pack: &Pack) {
        self.fills = filled(pack, &self.services, &self.fills);
    }

    /// After a change of the components: switches off what no longer applies, and on what applies
    /// now by default and did not `before`. So a later choice gives what it would have given at first.
    pub fn follow(&mut self, pack: &Pack, before: &Self) {
        let before = before.all_components(pack);
        for (_, component) in pack.flagged() {
            let now = self.all_components(pack);
            match (component.applies(&before), is_default(component, &now)) {
                (false, true) => self.components.insert(component.id.clone()),
                (true, false) if !component.applies(&now) => self.components.remove(&component.id),
                _ => false,
            };
        }
    }

    /// The choices that differ from the pack's defaults.
    #[must_use]
    pub fn choices(&self, pack: &Pack) -> Choices {
        let on = self.all_components(pack);
        let mut choices =
            Choices { name: Some(self.name.as_str().to_owned()), ..Choices::default() };
        for (flag, component) in pack.flagged() {
            let is_on = self.components.contains(&component.id);
            if is_on != is_default(component, &on) {
                choices.components.insert(flag.to_owned(), is_on);
            }
        }
        for (slot, choice) in &self.slots {
            if rules::uses(pack, &on, slot) && *choice != pack.default_filler(slot, None).id {
                choices.slots.insert(slot.clone(), choice.clone());
            }
        }
        for option in pack.options() {
            let value = &self.options[&option.manifest.id];
            if *value != serde_json::to_value(&option.manifest.default).unwrap_or_default() {
                choices.options.insert(option.manifest.id.clone(), value.clone());
            }
        }
        // Also an example, which would be gone as soon as there is another one.
        let brought = brought(pack, &on, &self.services);
        choices.services = self
            .services
            .iter()
            .filter(|(name, _)| !brought.contains_key(*name))
            .map(|(name, kind)| (name.clone(), kind.clone()))
            .collect();
        for (service, fills) in &self.fills {
            let kind = self.services.get(service).map(String::as_str);
            for (slot, filler) in fills {
                if *filler != pack.default_filler(slot, kind).id {
                    let fills = choices.fills.entry(service.clone()).or_default();
                    fills.insert(slot.clone(), filler.clone());
                }
            }
        }
        choices
    }
}

/// Kind per service that comes with the components in `on` beside those that are `named`: an example
/// only where none is of its kind.
fn brought(
    pack: &Pack,
    on: &BTreeSet<String>,
    named: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let there = pack.components.iter().filter(|component| on.contains(&component.id));
    let services = there.flat_map(|component| &component.manifest.service);
    let services =
        services.filter(|it| !(it.example && named.values().any(|kind| *kind == it.kind)));
    services.map(|service| (service.name.clone(), service.kind.clone())).collect()
}

/// What fills every slot of `services`: what is `said`, or the default.
fn filled(pack: &Pack, services: &BTreeMap<String, String>, said: &Fills) -> Fills {
    let mut fills = Fills::new();
    for (service, kind) in services {
        for (slot, _) in pack.slots_of(kind) {
            let said = said.get(service).and_then(|fills| fills.get(slot));
            let filler = said.unwrap_or(&pack.default_filler(slot, Some(kind)).id).clone();
            fills.entry(service.clone()).or_default().insert(slot.clone(), filler);
        }
    }
    fills
}

/// The refusal of a service that is not one of `services`.
pub fn no_service(services: &BTreeMap<String, String>, name: &str) -> Error {
    let known: Vec<&str> = services.keys().map(String::as_str).collect();
    Error::usage(
        format!("there is no service `{name}`"),
        format!("{}services: {}", suggestion(name, known.iter().copied()), known.join(", ")),
    )
}

/// Refuses a slot that services of `kind` do not have.
///
/// # Errors
/// [`Error::Usage`] with those that they have.
pub fn refuse_slot(pack: &Pack, service: &str, kind: &str, slot: &str) -> Result<(), Error> {
    let known: Vec<&str> = pack.slots_of(kind).map(|(known, _)| known.as_str()).collect();
    if known.contains(&slot) {
        return Ok(());
    }
    let hint = if known.is_empty() {
        format!("a service of kind `{kind}` has none")
    } else {
        format!("{}it has: {}", suggestion(slot, known.iter().copied()), known.join(", "))
    };
    Err(Error::usage(format!("the service `{service}` has no slot `{slot}`"), hint))
}

/// Refuses what fills a slot of services, but not for those of `kind`.
///
/// # Errors
/// [`Error::Usage`] with what does.
pub fn refuse_filler(
    pack: &Pack,
    service: &str,
    kind: &str,
    (slot, choice): (&str, &str),
) -> Result<(), Error> {
    filler(pack, (slot, Some(kind)), &format!("{service}.{slot}"), choice).map(drop)
}

/// The name of a component that can fill `slot`, of services of a kind where it is theirs, which people
/// call `called`.
fn filler(
    pack: &Pack,
    (slot, kind): (&str, Option<&str>),
    called: &str,
    choice: &str,
) -> Result<String, Error> {
    let fillers = pack.filler_ids(slot, kind);
    if fillers.contains(&choice) {
        return Ok(choice.to_owned());
    }
    Err(not_a_choice(called, choice, &fillers))
}

/// A value of a closed list, which people call `called`, that was not in it.
fn not_a_choice(called: &str, choice: &str, choices: &[&str]) -> Error {
    Error::usage(
        format!("`{choice}` is not a choice of `{called}`"),
        format!("{}choices: {}", suggestion(choice, choices.iter().copied()), choices.join(", ")),
    )
}

/// Checks the value of an option.
fn option_value(option: &OptionManifest, value: &Value) -> Result<Value, Error> {
    let id = &option.id;
    match option.shape {
        OptionShape::Bool => value
            .as_bool()
            .map(Value::Bool)
            .ok_or_else(|| wrong_type(id, "`true` or `false`", value)),
        OptionShape::Int => {
            let number = value.as_i64().ok_or_else(|| wrong_type(id, "a whole number", value))?;
            let least = option.minimum.unwrap_or(i64::MIN);
            let most = option.maximum.unwrap_or(i64::MAX);
            if (least..=most).contains(&number) {
                Ok(Value::from(number))
            } else {
                Err(Error::usage(
                    format!("`{number}` is out of range for `--{id}`"),
                    format!("--{id} takes {least} to {most}"),
                ))
            }
        }
        OptionShape::String => {
            let text = value.as_str().ok_or_else(|| wrong_type(id, "text", value))?;
            if text.chars().any(char::is_control) {
                return Err(Error::usage(
                    format!("`--{id}` is one line of text, without control characters"),
                    format!("--{id} \"...\""),
                ));
            }
            let most = option.max_length.unwrap_or(usize::MAX);
            let length = text.chars().count();
            if length > most {
                return Err(Error::usage(
                    format!("`--{id}` has {length} characters"),
                    format!("--{id} takes {most} characters at most"),
                ));
            }
            Ok(value.clone())
        }
        OptionShape::Enum => {
            let choice =
                value.as_str().ok_or_else(|| wrong_type(id, "one of its choices", value))?;
            let choices: Vec<&str> = option.values.iter().map(String::as_str).collect();
            if choices.contains(&choice) {
                Ok(value.clone())
            } else {
                Err(not_a_choice(&format!("--{id}"), choice, &choices))
            }
        }
    }
}

fn keys(pack: &Pack) -> Vec<String> {
    let flags = pack.flagged().map(|(flag, _)| flag.to_owned());
    let slots = pack.slots().map(|(slot, _)| slot.clone());
    let options = pack.options().map(|option| option.manifest.id.clone());
    flags.chain(slots).chain(options).chain(["name".to_owned(), "services".to_owned()]).collect()
}

fn malformed(place: &Place, reason: &str) -> Error {
    let reason = reason.lines().collect::<Vec<_>>().join(": ");
    Error::usage(
        format!("{place}: the answers cannot be read: {reason}"),
        "answers are a JSON or TOML map; `scaffold schema answers` prints its schema",
    )
}

fn wrong_type(key: &str, wanted: &str, value: &Value) -> Error {
    Error::usage(
        format!(
            "`{key}` takes {wanted}, not `{}`",
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        ),
        "`scaffold schema answers` prints what each choice takes",
    )
}
