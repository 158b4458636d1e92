//! What can be together in a project of a pack, as clauses, so that a question such as "can these
//! four be together?" is answered without trying every selection.
//!
//! There are few constraints in a pack and most follow at once from what is assumed, so that
//! propagation and a search that goes back where it fails are enough. Requirements go round in no
//! circle (the pack would not load), so that "it is on only if something brings it" says exactly what
//! the closure of a selection has.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Not;

use serde_json::{Value, json};

use crate::choose::selection::{Choices, Selection};
use crate::lint::docking::{held, holders, offered, offering};
use crate::pack::load::{Component, ComponentFile, Lies, OptionOf, PARTS, Pack};
use crate::pack::manifest::{OptionManifest, OptionShape};

/// Something that is so in a selection, or is not: a component is there, it fills its slot, an option
/// has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Literal {
    variable: usize,
    value: bool,
}

impl Not for Literal {
    type Output = Self;

    fn not(self) -> Self {
        Self { value: !self.value, ..self }
    }
}

/// What a selection has beyond what was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// As few components as the order of the pack gives.
    Few,
    /// As many.
    Many,
}

/// A valid selection: the value of every variable.
pub type Model = Vec<bool>;

/// The constraints of a pack.
pub struct Constraints<'a> {
    pack: &'a Pack,
    /// In each clause, one literal holds at least.
    clauses: Vec<Vec<Literal>>,
    /// The clauses that speak of a variable.
    mentions: Vec<Vec<usize>>,
    components: BTreeMap<&'a str, Literal>,
    /// That a project can do what the name of a folder `files+<name>/` says.
    abilities: BTreeMap<&'a str, Literal>,
    /// That it has something that the files of `files@<of>/` are rendered for.
    holders: BTreeMap<&'a str, Literal>,
    /// That it has code in a runtime that needs a binding, `for@<binding>.<runtime>/`.
    needing: BTreeMap<(&'a str, &'a str), Literal>,
    slots: Vec<Slot<'a>>,
    values: Vec<OptionValues<'a>>,
    /// What is so in every selection.
    truth: Literal,
    /// What is decided first, as in a selection of few components.
    order: Vec<Literal>,
    /// How many of these are flags; they are the first.
    flags: usize,
}

/// A slot of the project or of the services of a kind: whether something needs it, and what is in it
/// then.
struct Slot<'a> {
    id: &'a str,
    /// The kind whose services have it; several of its fillers can be there then.
    of: Option<&'a str>,
    used: Literal,
    fillers: Vec<(&'a Component, Literal)>,
}

/// The values of an option beside its default.
struct OptionValues<'a> {
    option: OptionOf<'a>,
    further: Vec<(Value, Literal)>,
    /// That it has none of them.
    plain: Literal,
}

impl OptionValues<'_> {
    /// Its further values, and that it has none of them.
    fn levels(&self) -> impl Iterator<Item = Literal> {
        self.further.iter().map(|(_, literal)| *literal).chain([self.plain])
    }
}

impl<'a> Constraints<'a> {
    /// The constraints of `pack`; what its manifests name and nobody is, is left out.
    #[must_use]
    pub fn of(pack: &'a Pack) -> Self {
        let truth = Literal { variable: 0, value: true };
        let mut made = Self {
            pack,
            clauses: vec![vec![truth]],
            mentions: vec![Vec::new()],
            components: BTreeMap::new(),
            abilities: BTreeMap::new(),
            holders: BTreeMap::new(),
            needing: BTreeMap::new(),
            slots: Vec::new(),
            values: Vec::new(),
            truth,
            order: Vec::new(),
            flags: pack.flagged().count(),
        };
        for component in &pack.components {
            let literal = made.variable();
            made.components.insert(&component.id, literal);
        }
        for (slot, manifest) in &pack.manifest.slots {
            for of in manifest.kinds() {
                let used = made.variable();
                let fillers = pack.fillers_for(slot, of);
                let fillers = fillers.map(|filler| (filler, made.variable())).collect();
                made.slots.push(Slot { id: slot, of, used, fillers });
            }
        }
        for option in pack.options() {
            let id = &option.manifest.id;
            let mut further = further_values(option.manifest);
            further.retain(|value| Choices::default().set(pack, id, value).is_ok());
            let further = further.into_iter().map(|value| (value, made.variable())).collect();
            let plain = made.variable();
            made.values.push(OptionValues { option, further, plain });
        }
        made.name_abilities();
        made.name_holders();
        made.constrain_components();
        made.constrain_slots();
        made.constrain_options();
        made.order = made.decided_first();
        for clause in &mut made.clauses {
            clause.sort();
            clause.dedup();
        }
        for (number, clause) in made.clauses.iter().enumerate() {
            for literal in clause {
                made.mentions[literal.variable].push(number);
            }
        }
        made
    }

    /// That the component `id` is in the project, whatever brings it.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<Literal> {
        self.components.get(id).copied()
    }

    /// Every component of the pack with its literal, in pack order.
    pub fn components(&self) -> impl Iterator<Item = (&'a Component, Literal)> {
        self.pack.components.iter().map(|component| (component, self.components[&*component.id]))
    }

    /// What is in every project that has `component` and all of `others`: services of a kind or, behind a
    /// `+`, components.
    #[must_use]
    pub fn together<T: AsRef<str>>(&self, component: &Component, others: &[T]) -> Vec<Literal> {
        let literal = |name: &str| match name.strip_prefix('+') {
            Some(id) => self.component(id),
            None => self.holders.get(name).copied(),
        };
        let others = others.iter().filter_map(|name| literal(name.as_ref()));
        others.chain(self.component(&component.id)).collect()
    }

    /// That a project can do this: it has the component, or something that offers the binding.
    #[must_use]
    pub fn ability(&self, name: &str) -> Option<Literal> {
        self.abilities.get(name).copied()
    }

    /// What is in every project that has `file` of `component`.
    #[must_use]
    pub fn of_file(&self, component: &Component, file: &ComponentFile) -> Vec<Literal> {
        let conditions = file.conditions.iter().filter_map(|name| self.ability(name));
        let need = file.need.as_deref().zip(file.of.as_deref());
        let offered = file.need.as_deref().and_then(|need| self.ability(need));
        let needing = need.and_then(|need| self.needing.get(&need).copied());
        let together = self.together(component, file.of.as_slice()).into_iter();
        together.chain(conditions).chain(offered).chain(needing).collect()
    }

    /// What there is to choose: each choice with what it can be, of which exactly one holds in
    /// every selection. A slot that nothing needs is one of these too, whatever is in it: what is in
    /// it changes nothing then. So is an option with its default, or without its component.
    #[must_use]
    pub fn factors(&self) -> Vec<Vec<Literal>> {
        let flags = self.flags().map(|flag| vec![flag, !flag]);
        let slots = self.slots.iter().filter(|slot| slot.of.is_none()).map(|slot| {
            slot.fillers.iter().map(|(_, literal)| *literal).chain([!slot.used]).collect()
        });
        // Of several services each may have another.
        let of_services = self.slots.iter().filter(|slot| slot.of.is_some());
        let of_services = of_services.flat_map(|slot| &slot.fillers);
        let of_services = of_services.map(|(_, literal)| vec![*literal, !*literal]);
        flags.chain(slots).chain(of_services).collect()
    }

    /// The same of the options that have further values.
    #[must_use]
    pub fn option_factors(&self) -> Vec<Vec<Literal>> {
        let with_values = self.values.iter().filter(|option| !option.further.is_empty());
        with_values.map(|option| option.levels().collect()).collect()
    }

    /// What the option `id` can be, of which exactly one holds.
    #[must_use]
    pub fn option(&self, id: &str) -> Option<Vec<Literal>> {
        let own = self.values.iter().find(|values| values.option.manifest.id == id)?;
        Some(own.levels().collect())
    }

    /// What is so in every selection.
    #[must_use]
    pub fn truth(&self) -> Literal {
        self.truth
    }

    /// A selection in which all of `assumed` hold, if there is one.
    #[must_use]
    pub fn solve(&self, assumed: &[Literal], rest: Rest) -> Option<Model> {
        let mut state = State::new(self.mentions.len());
        let holds =
            self.begin(&mut state) && assumed.iter().all(|one| self.assume(&mut state, *one));
        (holds && self.search(&mut state, 0, rest)).then(|| state.model())
    }

    /// Whether there is a selection in which all of `assumed` hold.
    #[must_use]
    pub fn is_possible(&self, assumed: &[Literal]) -> bool {
        self.solve(assumed, Rest::Few).is_some()
    }

    /// A selection that is put together choice by choice.
    ///
    /// `None` where the pack has no selection at all.
    #[must_use]
    pub fn partial(&self) -> Option<Partial<'_>> {
        let mut state = State::new(self.mentions.len());
        if !self.begin(&mut state) {
            return None;
        }
        let mark = state.trail.len();
        self.search(&mut state, 0, Rest::Few).then(|| {
            let model = state.model();
            state.undo(mark);
            Partial { constraints: self, state, model }
        })
    }

    /// The selection of a model, for the project `name`; `None` where the program refuses what the
    /// constraints allow, as it may in a pack with problems.
    #[must_use]
    pub fn selection(&self, model: &Model, name: &str) -> Option<Selection> {
        let mut choices = Choices { name: Some(name.to_owned()), ..Choices::default() };
        for (flag, component) in self.pack.flagged() {
            let on = self.components[&*component.id].holds_in(model);
            choices.components.insert(flag.to_owned(), on);
        }
        for slot in &self.slots {
            let there = slot.fillers.iter().filter(|(_, literal)| literal.holds_in(model));
            let mut there = there.map(|(filler, _)| filler.id.clone());
            let Some(kind) = slot.of else {
                choices.slots.extend(there.next().map(|filler| (slot.id.to_owned(), filler)));
                continue;
            };
            // One for the services that come by themselves, and a further service for each other. An
            // example does not come beside those.
            let there: Vec<String> = there.collect();
            let on = |it: &Component| self.components[&*it.id].holds_in(model);
            let brought = self.pack.brought(kind);
            let brought =
                brought.filter(|(bringing, it)| on(bringing) && !(it.example && there.len() > 1));
            let brought: Vec<&str> = brought.map(|(_, service)| service.name.as_str()).collect();
            let default = self.pack.default_filler(slot.id, slot.of);
            let default = there.iter().position(|id| *id == default.id);
            let first =
                default.or((!there.is_empty()).then_some(0)).filter(|_| !brought.is_empty());
            for (number, filler) in there.into_iter().enumerate() {
                let mut fill = |service: &str| {
                    let fills = choices.fills.entry(service.to_owned()).or_default();
                    fills.insert(slot.id.to_owned(), filler.clone());
                };
                if first == Some(number) {
                    for service in &brought {
                        fill(service);
                    }
                } else {
                    let name = format!("{kind}-{filler}");
                    fill(&name);
                    choices.services.insert(name, kind.to_owned());
                }
            }
        }
        for OptionValues { option, further, .. } in &self.values {
            let value = further.iter().find(|(_, literal)| literal.holds_in(model));
            choices
                .options
                .extend(value.map(|(value, _)| (option.manifest.id.clone(), value.clone())));
        }
        choices.complete(self.pack).ok()
    }

    /// What tells two selections apart: the values of what is chosen.
    #[must_use]
    pub fn chosen(&self, model: &Model) -> Vec<bool> {
        self.order.iter().map(|literal| literal.holds_in(model)).collect()
    }

    fn flags(&self) -> impl Iterator<Item = Literal> {
        self.pack.flagged().map(|(_, component)| self.components[&*component.id])
    }

    fn variable(&mut self) -> Literal {
        self.mentions.push(Vec::new());
        Literal { variable: self.mentions.len() - 1, value: true }
    }

    /// That something needs the slot `id`.
    fn used(&self, id: &str) -> impl Iterator<Item = Literal> {
        self.slots.iter().filter(move |slot| slot.id == id).map(|slot| slot.used)
    }

    /// A literal that holds where one of `components` is there.
    fn any_of(&mut self, components: &BTreeSet<&str>) -> Literal {
        let any = components.iter().map(|id| self.components[id]).collect();
        self.any_literal(any)
    }

    /// A literal that holds where one of `any` does.
    fn any_literal(&mut self, any: Vec<Literal>) -> Literal {
        let [one] = any[..] else {
            let literal = self.variable();
            self.clauses.extend(any.iter().map(|one| vec![!*one, literal]));
            self.clauses.push(any.into_iter().chain([!literal]).collect());
            return literal;
        };
        one
    }

    /// What `Plan::can` says of a project.
    fn name_abilities(&mut self) {
        let pack = self.pack;
        let ids = pack.components.iter().map(|component| component.id.as_str());
        let names: BTreeSet<&str> = ids.chain(offered(pack)).chain(PARTS).collect();
        for name in names {
            let offering = offering(pack, name).map(|component| component.id.as_str());
            let part = PARTS.contains(&name).then(|| held(pack, name, Lies::InFolder));
            let holding = part.into_iter().flatten().map(|held| held.component.id.as_str());
            let own = pack.component(name).map(|component| component.id.as_str());
            let any = offering.chain(holding).chain(own).collect();
            let literal = self.any_of(&any);
            self.abilities.insert(name, literal);
        }
    }

    /// What `Plan::holders` says of a project.
    fn name_holders(&mut self) {
        let pack = self.pack;
        let folders = pack.added_files().filter_map(|(_, file)| file.of.as_deref());
        let names: BTreeSet<&str> = folders.chain(pack.kinds()).collect();
        for name in names {
            let holding = held(pack, name, Lies::InFolder);
            if !holding.is_empty() {
                let any = holding.iter().map(|held| held.component.id.as_str()).collect();
                let literal = self.any_of(&any);
                self.holders.insert(name, literal);
            }
        }
        for (component, file) in pack.added_files() {
            let (Some(need), Some(of)) = (file.need.as_deref(), file.of.as_deref()) else {
                continue;
            };
            if self.needing.contains_key(&(need, of)) {
                continue;
            }
            let both: BTreeSet<BTreeSet<&str>> = holders(pack, component, file)
                .iter()
                .map(|held| held.bringing().map(|component| component.id.as_str()).collect())
                .collect();
            let both: Vec<Literal> = both.iter().map(|ids| self.all_of(ids)).collect();
            let literal = self.any_literal(both);
            self.needing.insert((need, of), literal);
        }
    }

    /// A literal that holds where all of `components` are there.
    fn all_of(&mut self, components: &BTreeSet<&str>) -> Literal {
        let all: Vec<Literal> = components.iter().map(|id| self.components[id]).collect();
        let [one] = all[..] else {
            let literal = self.variable();
            self.clauses.extend(all.iter().map(|one| vec![*one, !literal]));
            self.clauses.push(all.iter().map(|one| !*one).chain([literal]).collect());
            return literal;
        };
        one
    }

    /// What requires, excludes and applies, and that nothing is there that nothing brings.
    fn constrain_components(&mut self) {
        let mut clauses = Vec::new();
        for (component, literal) in self.components() {
            let manifest = &component.manifest;
            if manifest.always {
                clauses.push(vec![literal]);
            }
            for required in &manifest.requires {
                let mut needed: Vec<Literal> = self.used(required).collect();
                if needed.is_empty() {
                    needed.extend(self.component(required));
                }
                if !needed.is_empty() {
                    clauses.push(needed.into_iter().chain([!literal]).collect());
                }
            }
            let others = manifest.conflicts.iter().filter_map(|other| self.component(other));
            clauses.extend(others.map(|other| vec![!literal, !other]));
            if component.flag().is_none() && !manifest.always {
                let mut brought: Vec<Literal> = self.requiring(&component.id).collect();
                let fillers = self.slots.iter().flat_map(|slot| &slot.fillers);
                let own = fillers.filter(|(filler, _)| filler.id == component.id);
                brought.extend(own.map(|(_, fills)| *fills));
                brought.push(!literal);
                clauses.push(brought);
            }
            if component.flag().is_some() && !manifest.applies.is_empty() {
                let others = manifest.applies.iter().filter_map(|other| self.component(other));
                clauses.push(others.chain([!literal]).collect());
            }
        }
        self.clauses.extend(clauses);
    }

    /// Something is in a slot exactly where something needs it, and then one thing.
    fn constrain_slots(&mut self) {
        let mut clauses = Vec::new();
        for slot in &self.slots {
            match slot.of {
                None => clauses.push(self.requiring(slot.id).chain([!slot.used]).collect()),
                // Every service has something in it.
                Some(kind) => {
                    let brought = self.pack.brought(kind).map(|(component, _)| component);
                    let brought = brought.map(|component| self.components[&*component.id]);
                    clauses.extend(brought.map(|there| vec![!there, slot.used]));
                    let there = self.pack.component_of_kind(kind);
                    let there = there.map(|component| self.components[&*component.id]);
                    clauses.push(there.into_iter().chain([!slot.used]).collect());
                }
            }
            let fillers = || slot.fillers.iter().map(|(_, literal)| *literal);
            clauses.push(fillers().chain([!slot.used]).collect());
            for (filler, literal) in &slot.fillers {
                clauses.push(vec![!*literal, slot.used]);
                clauses.push(vec![!*literal, self.components[&*filler.id]]);
            }
            if slot.of.is_none() {
                clauses.extend(one_at_most(fillers()));
            }
        }
        self.clauses.extend(clauses);
    }

    /// An option has a value only beside its component.
    fn constrain_options(&mut self) {
        let mut clauses = Vec::new();
        for values in &self.values {
            let component = self.components[&*values.option.component.id];
            clauses.extend(values.further.iter().map(|(_, literal)| vec![!*literal, component]));
            clauses.push(values.levels().collect());
            clauses.extend(one_at_most(values.levels()));
        }
        self.clauses.extend(clauses);
    }

    fn requiring(&self, id: &str) -> impl Iterator<Item = Literal> {
        self.components()
            .filter(move |(component, _)| component.manifest.requires.iter().any(|one| one == id))
            .map(|(_, literal)| literal)
    }

    /// What a person decides: flags, slots with their defaults first, options. A slot comes before
    /// those that its fillers need.
    fn decided_first(&self) -> Vec<Literal> {
        let mut slots: Vec<&Slot> = self.slots.iter().collect();
        let place = |component: &Component| {
            self.pack.components.iter().position(|other| other.id == component.id)
        };
        slots.sort_by_key(|slot| {
            std::cmp::Reverse(slot.fillers.iter().filter_map(|(filler, _)| place(filler)).max())
        });
        let fillers = slots.into_iter().flat_map(|slot| {
            let default = |filler: &Component| filler.manifest.default;
            let (first, others): (Vec<_>, Vec<_>) =
                slot.fillers.iter().partition(|(filler, _)| default(filler));
            let first = first.into_iter().map(|(_, literal)| literal);
            first.chain(others.into_iter().map(|(_, literal)| !literal))
        });
        let values = self.values.iter().flat_map(|option| &option.further);
        let values = values.map(|(_, literal)| !*literal);
        self.flags().map(Not::not).chain(fillers).chain(values).collect()
    }

    /// What holds in every selection; whether there can be one.
    fn begin(&self, state: &mut State) -> bool {
        let alone = self.clauses.iter().filter(|clause| clause.len() == 1);
        let given: Vec<Literal> = alone.map(|clause| clause[0]).collect();
        given.into_iter().all(|literal| self.assume(state, literal))
            && self.clauses.iter().all(|clause| !clause.is_empty())
    }

    /// Takes `literal` for given, with all that follows at once; whether that can be.
    fn assume(&self, state: &mut State, literal: Literal) -> bool {
        let mut next = state.trail.len();
        if !state.set(literal) {
            return false;
        }
        while let Some(given) = state.trail.get(next).copied() {
            next += 1;
            for number in &self.mentions[given] {
                let mut open = None;
                let mut is_met = false;
                let mut several = false;
                for literal in &self.clauses[*number] {
                    match state.values[literal.variable] {
                        None => several |= open.replace(*literal).is_some(),
                        Some(value) if value == literal.value => {
                            is_met = true;
                            break;
                        }
                        Some(_) => {}
                    }
                }
                let fails = match open {
                    _ if is_met || several => false,
                    Some(last) => !state.set(last),
                    None => true,
                };
                if fails {
                    return false;
                }
            }
        }
        true
    }

    /// Decides what is open, from the `from`th decision on; whether that can be. Where it cannot,
    /// nothing is undone.
    fn search(&self, state: &mut State, from: usize, rest: Rest) -> bool {
        let is_open = |at: &usize| state.values[self.order[*at].variable].is_none();
        let Some(at) = (from..self.order.len()).find(is_open) else {
            return true;
        };
        let wanted = self.order[at];
        let wanted = if rest == Rest::Many && at < self.flags { !wanted } else { wanted };
        let mark = state.trail.len();
        for literal in [wanted, !wanted] {
            if self.assume(state, literal) && self.search(state, at + 1, rest) {
                return true;
            }
            state.undo(mark);
        }
        false
    }
}

impl Literal {
    /// Whether it holds in `model`.
    #[must_use]
    pub fn holds_in(self, model: &Model) -> bool {
        model[self.variable] == self.value
    }
}

/// A selection that is put together choice by choice, and of which there always is a whole one.
pub struct Partial<'a> {
    constraints: &'a Constraints<'a>,
    state: State,
    /// A whole one, so that most questions need no search.
    model: Model,
}

impl Partial<'_> {
    /// Chooses `literal`; `false`, and nothing is changed, where no selection has it beside what was
    /// chosen.
    pub fn choose(&mut self, literal: Literal) -> bool {
        if let Some(value) = self.state.values[literal.variable] {
            return value == literal.value;
        }
        let mark = self.state.trail.len();
        if !self.constraints.assume(&mut self.state, literal) {
            self.state.undo(mark);
            return false;
        }
        if literal.holds_in(&self.model) {
            return true;
        }
        let chosen = self.state.trail.len();
        if self.constraints.search(&mut self.state, 0, Rest::Few) {
            self.model = self.state.model();
            self.state.undo(chosen);
            true
        } else {
            self.state.undo(mark);
            false
        }
    }

    /// Whether `literal` follows from what was chosen.
    #[must_use]
    pub fn has(&self, literal: Literal) -> bool {
        self.state.values[literal.variable] == Some(literal.value)
    }

    /// A whole selection with everything that was chosen.
    #[must_use]
    pub fn model(self) -> Model {
        self.model
    }
}

/// What is known of the variables, and in what order it came.
#[derive(Clone)]
struct State {
    values: Vec<Option<bool>>,
    trail: Vec<usize>,
}

impl State {
    fn new(variables: usize) -> Self {
        Self { values: vec![None; variables], trail: Vec::new() }
    }

    fn set(&mut self, literal: Literal) -> bool {
        if let Some(value) = self.values[literal.variable] {
            return value == literal.value;
        }
        self.values[literal.variable] = Some(literal.value);
        self.trail.push(literal.variable);
        true
    }

    fn undo(&mut self, mark: usize) {
        for variable in self.trail.drain(mark..) {
            self.values[variable] = None;
        }
    }

    /// The values; what nothing decides is not there.
    fn model(&self) -> Model {
        self.values.iter().map(|value| value.unwrap_or(false)).collect()
    }
}

fn one_at_most(literals: impl Iterator<Item = Literal>) -> Vec<Vec<Literal>> {
    let literals: Vec<Literal> = literals.collect();
    let pairs = literals
        .iter()
        .enumerate()
        .flat_map(|(number, one)| literals[number + 1..].iter().map(|other| vec![!*one, !*other]));
    pairs.collect()
}

/// Values of an option beside its default, of each sort that a template may tell apart: each choice of
/// an enum, both of a flag, the least and the greatest number, the empty text.
fn further_values(option: &OptionManifest) -> Vec<Value> {
    let default = serde_json::to_value(&option.default).unwrap_or_default();
    let values: Vec<Value> = match option.shape {
        OptionShape::Bool => vec![json!(true), json!(false)],
        OptionShape::Int => {
            option.minimum.into_iter().chain(option.maximum).map(Value::from).collect()
        }
        OptionShape::String => vec![json!(""), json!("x")],
        OptionShape::Enum => option.values.iter().map(|value| json!(value)).collect(),
    };
    values.into_iter().filter(|value| *value != default).collect()
}
