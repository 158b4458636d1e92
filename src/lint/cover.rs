//! Selections that stand for all of them. There are 2^n selections of n flags; a few hundred have
//! every three choices together that can be together, and what goes wrong in a project goes wrong
//! because of very few choices, or because of what stands alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::choose::selection::{Choices, Selection};
use crate::lint::clash::undecided;
use crate::lint::constraints::{Constraints, Literal, Model, Rest};
use crate::pack::load::Pack;
use crate::render::files::rendered_with;
use crate::render::plan::Plan;
use crate::text::error::Error;
use crate::text::name::Name;
use crate::text::template::Templates;

/// Three options together cost a selection for each combination of their values at the least; above
/// this many they are only tried with flags and slots.
const MOST_COMBINATIONS: usize = 64;
/// Of so many selections that come into question, the one with the most that is new is taken.
const CANDIDATES: usize = 4;

/// Names longer than these are refused everywhere, and shorter ones are taken.
const LONGEST_NAME: usize = 63;
const SHORTEST_NAME: usize = 4;

/// The selections that stand for all of `pack`, for a project called `name`, in a fixed order: the
/// same pack has the same list. Options keep their defaults, and there are no further services.
///
/// Every three choices that some valid selection has together are together in one of them. A choice
/// is a flag, on or off, or what fills a slot. A slot that nothing needs is a choice of its own, in
/// which its filler does not count: the project is the same with every filler. Then there are those
/// that such an array does not have: as little as there can be, each component and each two of them
/// with what they require and nothing else, everything, everything but one, what each file waits for,
/// and the presets.
#[must_use]
pub fn cover(pack: &Pack, name: &str) -> Vec<Selection> {
    let constraints = Constraints::of(pack);
    let array = Array::of(&constraints, &constraints.factors(), &[]);
    selections(pack, &constraints, array.rows, name)
}

/// The same with the options: every three choices among which the values of options are. Values are
/// the default, each choice of an enum, both of a flag, the least and the greatest number, the empty
/// text and one of a letter.
#[must_use]
pub fn cover_with_options(pack: &Pack, name: &str) -> Vec<Selection> {
    let constraints = Constraints::of(pack);
    let options = constraints.option_factors();
    let array = Array::of(&constraints, &constraints.factors(), &options);
    selections(pack, &constraints, array.rows, name)
}

fn selections(
    pack: &Pack,
    constraints: &Constraints,
    array: Vec<Model>,
    name: &str,
) -> Vec<Selection> {
    let mut known = BTreeSet::new();
    let rows = array.into_iter().chain(sparse_rows(constraints));
    let mut rows: Vec<Model> =
        rows.filter(|model| known.insert(constraints.chosen(model))).collect();
    for together in waiting(pack, constraints).union(&undecided(pack, constraints)) {
        if !rows.iter().any(|model| together.iter().all(|literal| literal.holds_in(model))) {
            rows.extend(constraints.solve(together, Rest::Few));
        }
    }
    let mut selections: Vec<Selection> =
        rows.iter().filter_map(|model| constraints.selection(model, name)).collect();
    for preset in presets(pack, name) {
        if !selections.contains(&preset) {
            selections.push(preset);
        }
    }
    selections
}

/// Selections with one and with two further services of each of their kinds, and with two that take
/// the place of what comes by itself; with names that are hard to render: as long as the pack allows,
/// with digits and hyphens, of one letter. Every two choices that can be together are in one of each
/// of these. `name` is the project's where it is not as long as it can be.
#[must_use]
pub fn crowded(pack: &Pack, name: &str) -> Vec<Selection> {
    let constraints = Constraints::of(pack);
    let kinds = pack.kinds().filter_map(|kind| pack.component_of_kind(kind));
    let kinds: BTreeSet<&str> = kinds.map(|component| component.id.as_str()).collect();
    let kinds: Vec<Literal> = kinds.iter().filter_map(|id| constraints.component(id)).collect();
    let solved = |rest: Rest| {
        let constraints = &constraints;
        kinds.iter().filter_map(move |kind| constraints.solve(&[*kind], rest))
    };
    // Names are rendered in most places where there is most.
    let models = solved(Rest::Many).chain(solved(Rest::Few));
    let models = models.chain(Array::of_pairs(&constraints, &constraints.factors()).rows);
    let mut known = BTreeSet::new();
    let models = models.filter(|model| known.insert(constraints.chosen(model)));
    let rows: Vec<Selection> =
        models.filter_map(|model| constraints.selection(&model, name)).collect();
    let rows = rows.iter().filter(|row| !row.services.is_empty());
    let Some(templates) = all_templates(pack) else {
        return Vec::new();
    };
    let trial = Trial { pack, templates };
    let mut longest = Longest { trial: &trial, of_kinds: BTreeMap::new(), of_project: None };
    let crowded = rows.flat_map(|row| {
        let two = with_two(row);
        let mut instead = two.clone();
        instead.services.retain(|name, _| !row.services.contains_key(name));
        [longest.with_long(row), two, instead]
    });
    let crowded: Vec<Selection> = crowded.collect();
    crowded.into_iter().filter(|selection| trial.is_taken(selection)).collect()
}

/// How long names can be, which is asked of the pack by rendering them.
struct Longest<'a> {
    trial: &'a Trial<'a>,
    of_kinds: BTreeMap<String, usize>,
    of_project: Option<usize>,
}

impl Longest<'_> {
    /// With a service of each kind more, and a project, whose names are as long as they can be.
    fn with_long(&mut self, row: &Selection) -> Selection {
        let mut with = row.clone();
        for (number, kind) in kinds(row).into_iter().enumerate() {
            let length = self.of_kinds.get(kind).copied().unwrap_or_else(|| {
                self.trial.longest(row, |selection, name| {
                    selection.services.insert(name.to_owned(), kind.clone());
                })
            });
            self.of_kinds.insert(kind.clone(), length);
            // Two kinds may take names of the same length.
            with.services.insert(long_name(length, number), kind.clone());
        }
        let rename = |selection: &mut Selection, name: &str| {
            selection.name = Name::project(name).expect("long names are valid");
        };
        let length = *self.of_project.get_or_insert_with(|| self.trial.longest(row, rename));
        rename(&mut with, &long_name(length, 0));
        with
    }
}

/// With two services of each kind more, whose names are short.
fn with_two(row: &Selection) -> Selection {
    let mut with = row.clone();
    for (number, kind) in kinds(row).into_iter().enumerate() {
        let letter = letter(number);
        with.services.insert(letter.to_string(), kind.clone());
        with.services.insert(format!("{letter}-{number}b-2"), kind.clone());
    }
    with
}

fn kinds(row: &Selection) -> BTreeSet<&String> {
    row.services.values().collect()
}

/// Renders selections to see whether their names are taken, with templates that are parsed once.
struct Trial<'a> {
    pack: &'a Pack,
    templates: Templates,
}

impl Trial<'_> {
    /// The most characters that a name can have which is `put` into a selection, by halves.
    fn longest(&self, row: &Selection, put: impl Fn(&mut Selection, &str)) -> usize {
        let fits = |length: usize| {
            let mut with = row.clone();
            put(&mut with, &long_name(length, 0));
            self.is_taken(&with)
        };
        if fits(LONGEST_NAME) {
            return LONGEST_NAME;
        }
        let (mut least, mut most) = (SHORTEST_NAME, LONGEST_NAME);
        while most - least > 1 {
            let middle = least.midpoint(most);
            if fits(middle) {
                least = middle;
            } else {
                most = middle;
            }
        }
        least
    }

    /// Whether the names of a selection are taken. What else is wrong with the pack is told where its
    /// selections are rendered.
    fn is_taken(&self, selection: &Selection) -> bool {
        let plan = Plan::with(self.pack, selection.clone(), &self.templates);
        let rendered = plan.and_then(|plan| rendered_with(&plan, &self.templates));
        !matches!(rendered, Err(Error::Usage { .. }))
    }
}

/// The templates of the whole pack that can be parsed.
fn all_templates(pack: &Pack) -> Option<Templates> {
    let mut templates = pack.templates().ok()?;
    let files = pack.added_files().map(|(_, file)| file);
    let files = files.filter(|file| file.template).map(|file| file.source.as_str());
    let sources: Vec<(&str, &str)> =
        files.filter_map(|path| Some((path, pack.text(path).ok()?))).collect();
    // What cannot be parsed is told by the check of the templates.
    templates.add(&sources);
    Some(templates)
}

/// A name of so many characters; with another number it is another name.
fn long_name(length: usize, number: usize) -> String {
    let first = format!("{}-1", letter(number));
    let mut name: String = first.chars().chain("2b-".chars().cycle()).take(length).collect();
    if name.ends_with('-') {
        name.pop();
        name.push('x');
    }
    name
}

fn letter(number: usize) -> char {
    ('a'..='z').cycle().nth(number).unwrap_or('a')
}

/// What is sparse, or all but: a covering array has about half of everything in each row.
fn sparse_rows(constraints: &Constraints) -> Vec<Model> {
    let components: Vec<Literal> = constraints.components().map(|(_, literal)| literal).collect();
    let pairs = components
        .iter()
        .enumerate()
        .flat_map(|(number, one)| components[number + 1..].iter().map(|other| vec![*one, *other]));
    let alone = || components.iter().map(|one| vec![*one]);
    let but_one = components.iter().map(|one| vec![!*one]);
    let few = std::iter::once(Vec::new()).chain(alone()).chain(pairs);
    // What excludes something is not in what takes as much as there can be; so it is asked for.
    let many = std::iter::once(Vec::new()).chain(alone()).chain(but_one);
    let few = few.filter_map(|asked| fewest(constraints, &asked));
    few.chain(many.filter_map(|asked| most(constraints, &asked))).collect()
}

/// The selection with as little as there can be beside what is `asked`: what applies with one of several
/// others may be there with the smallest of them.
fn fewest(constraints: &Constraints, asked: &[Literal]) -> Option<Model> {
    let first = constraints.solve(asked, Rest::Few)?;
    let asking = constraints.components().filter(|(_, literal)| asked.contains(literal));
    let others = asking.flat_map(|(component, _)| &component.manifest.applies);
    let others = others.filter_map(|id| constraints.component(id));
    let models =
        others.filter_map(|other| constraints.solve(&[asked, &[other]].concat(), Rest::Few));
    std::iter::once(first).chain(models).min_by_key(|model| size(constraints, model))
}

/// How many components a selection has.
fn size(constraints: &Constraints, model: &Model) -> usize {
    constraints.components().filter(|(_, one)| one.holds_in(model)).count()
}

/// The selection with as much as there can be beside what is `asked`: also what only another filler of
/// a slot requires.
fn most(constraints: &Constraints, asked: &[Literal]) -> Option<Model> {
    let mut best = constraints.solve(asked, Rest::Many)?;
    let components = constraints.components();
    for (_, filler) in components.filter(|(component, _)| component.manifest.slot.is_some()) {
        let more = constraints.solve(&[asked, &[filler]].concat(), Rest::Many);
        best =
            more.filter(|more| size(constraints, more) > size(constraints, &best)).unwrap_or(best);
    }
    Some(best)
}

/// What has to be together for each file of the pack, where that is more than two components.
fn waiting(pack: &Pack, constraints: &Constraints) -> BTreeSet<Vec<Literal>> {
    let of_file = |(component, file)| {
        let together: BTreeSet<Literal> =
            constraints.of_file(component, file).into_iter().collect();
        together.into_iter().collect()
    };
    pack.added_files().map(of_file).collect()
}

fn presets(pack: &Pack, name: &str) -> Vec<Selection> {
    let presets = pack.manifest.presets.values().filter_map(|preset| {
        let answers = serde_json::to_value(&preset.answers).ok()?;
        let mut choices = Choices::from_map(pack, answers.as_object()?).ok()?;
        choices.name = Some(name.to_owned());
        choices.complete(pack).ok()
    });
    presets.collect()
}

/// A covering array of strength 3: every three choices that can be together are in one of its rows.
///
/// It is built row by row. A row begins with three choices that no row has together yet, and each
/// choice that follows is the one that brings the most that is new (AETG, Cohen et al. 1997).
pub struct Array {
    /// The rows.
    pub rows: Vec<Model>,
    /// How many times three choices can be together.
    pub triples: usize,
}

impl Array {
    /// The array over `choices`, each of which has one of its literals in every selection, and over
    /// `options`, which are not combined with each other where they have too many values.
    #[must_use]
    pub fn of(
        constraints: &Constraints,
        choices: &[Vec<Literal>],
        options: &[Vec<Literal>],
    ) -> Self {
        Self::built(constraints, choices, options, false)
    }

    /// An array of strength 2, in which a pair counts as a triple.
    #[must_use]
    pub fn of_pairs(constraints: &Constraints, choices: &[Vec<Literal>]) -> Self {
        Self::built(constraints, choices, &[], true)
    }

    fn built(
        constraints: &Constraints,
        choices: &[Vec<Literal>],
        options: &[Vec<Literal>],
        pairs: bool,
    ) -> Self {
        let filling = vec![constraints.truth()];
        let missing = 3_usize.saturating_sub(choices.len() + options.len()).max(pairs.into());
        // Of fewer than three choices, all combinations.
        let filled = std::iter::repeat_n(&filling, missing);
        let factors: Vec<&Vec<Literal>> = filled.chain(choices).chain(options).collect();
        let levels: Vec<Literal> =
            factors.iter().flat_map(|factor| factor.iter().copied()).collect();
        let mut first = 0;
        let numbers = factors.iter().map(|factor| {
            first += factor.len();
            (first - factor.len()..first).collect()
        });
        let mut building = Building {
            constraints,
            factors: numbers.collect(),
            uncovered: Uncovered::new(levels.len()),
            levels,
            options: options.len(),
            pairs,
            rows: Vec::new(),
            triples: 0,
        };
        building.list_triples();
        building.build();
        Self { rows: building.rows, triples: building.triples }
    }
}

/// An array that is being built. Levels are numbers: what each factor can be, one after the other.
struct Building<'a> {
    constraints: &'a Constraints<'a>,
    levels: Vec<Literal>,
    factors: Vec<Vec<usize>>,
    /// How many of the factors, the last ones, are options.
    options: usize,
    /// Whether only triples with the first factor count, which has one level.
    pairs: bool,
    uncovered: Uncovered,
    rows: Vec<Model>,
    triples: usize,
}

impl Building<'_> {
    /// Marks everything as uncovered of which each two can be together.
    fn list_triples(&mut self) {
        let count = self.levels.len();
        let mut together = vec![Bits::new(count); count];
        for (number, factor) in self.factors.iter().enumerate() {
            let others: Vec<usize> = self.factors[number + 1..].iter().flatten().copied().collect();
            for one in factor {
                for other in &others {
                    let pair = [self.levels[*one], self.levels[*other]];
                    if self.constraints.is_possible(&pair) {
                        together[*one].insert(*other);
                        together[*other].insert(*one);
                    }
                }
            }
        }
        let plain = self.factors.len() - self.options;
        for first in 0..self.factors.len() {
            for second in first + 1..self.factors.len() {
                for third in second + 1..self.factors.len() {
                    let three = [first, second, third].map(|factor| &self.factors[factor]);
                    let combinations: usize = three.iter().map(|factor| factor.len()).product();
                    let too_many = second >= plain && combinations > MOST_COMBINATIONS;
                    if too_many || (self.pairs && first > 0) {
                        continue;
                    }
                    for a in three[0] {
                        for b in three[1].iter().filter(|b| together[*a].has(**b)) {
                            for c in three[2] {
                                if together[*a].has(*c) && together[*b].has(*c) {
                                    self.uncovered.insert([*a, *b, *c]);
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn build(&mut self) {
        let mut from = [0, 0];
        while let Some(triple) = self.uncovered.next(&mut from) {
            let candidates: Vec<Candidate> =
                (0..CANDIDATES).map_while(|turn| self.candidate(triple, turn)).collect();
            // Of equals the first, so that the order of the pack decides.
            let best = candidates.into_iter().rev().max_by_key(|candidate| candidate.gain);
            let Some(best) = best else {
                self.uncovered.remove(triple);
                continue;
            };
            self.triples += best.gain;
            self.uncovered.remove_within(&best.levels);
            self.rows.push(best.model);
        }
    }

    /// A row with `triple`, if there can be one. The `turn` is where it begins to choose.
    fn candidate(&self, triple: [usize; 3], turn: usize) -> Option<Candidate> {
        let mut row = self.constraints.partial()?;
        if !triple.iter().all(|level| row.choose(self.levels[*level])) {
            return None;
        }
        let mut chosen = Bits::new(self.levels.len());
        let mut gain = 0;
        let count = self.factors.len();
        let given =
            self.factors.iter().filter(|factor| factor.iter().any(|it| triple.contains(it)));
        let begin = self.rows.len() + turn * count.div_ceil(CANDIDATES);
        let others = (0..count).map(|number| &self.factors[(begin + number) % count]);
        for factor in given.chain(others) {
            if factor.iter().any(|level| chosen.has(*level)) {
                continue;
            }
            let mut levels: Vec<(usize, usize)> =
                factor.iter().map(|level| (self.uncovered.gain(*level, &chosen), *level)).collect();
            // Where nothing is gained, rows differ all the same.
            levels.rotate_left((self.rows.len() + turn) % factor.len());
            levels.sort_by_key(|(gain, _)| std::cmp::Reverse(*gain));
            let (more, level) =
                levels.into_iter().find(|(_, level)| row.choose(self.levels[*level]))?;
            chosen.insert(level);
            gain += more;
        }
        Some(Candidate { model: row.model(), levels: chosen, gain })
    }
}

/// A row that may become one of the array's.
struct Candidate {
    model: Model,
    levels: Bits,
    /// How many triples it has that no row had.
    gain: usize,
}

/// The triples that no row has yet: for each two levels the third ones, in every order.
struct Uncovered {
    count: usize,
    thirds: Vec<Bits>,
}

impl Uncovered {
    fn new(count: usize) -> Self {
        Self { count, thirds: vec![Bits::new(count); count * count] }
    }

    fn insert(&mut self, [a, b, c]: [usize; 3]) {
        for [a, b, c] in [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
            self.thirds[a * self.count + b].insert(c);
        }
    }

    fn remove(&mut self, [a, b, c]: [usize; 3]) {
        for [a, b, c] in [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
            self.thirds[a * self.count + b].remove(c);
        }
    }

    /// Removes every triple of `levels`.
    fn remove_within(&mut self, levels: &Bits) {
        for a in levels.iter() {
            for b in levels.iter() {
                self.thirds[a * self.count + b].remove_all(levels);
            }
        }
    }

    /// How many triples `level` has with two of `chosen`.
    fn gain(&self, level: usize, chosen: &Bits) -> usize {
        let thirds = |a: usize| &self.thirds[level * self.count + a];
        chosen.iter().map(|a| thirds(a).common(chosen)).sum::<usize>() / 2
    }

    /// The first that is left. Triples only go, so that the search goes on where it was.
    fn next(&self, [a, b]: &mut [usize; 2]) -> Option<[usize; 3]> {
        while *a < self.count {
            while *b < self.count {
                if let Some(c) = self.thirds[*a * self.count + *b].iter().next() {
                    return Some([*a, *b, c]);
                }
                *b += 1;
            }
            *a += 1;
            *b = 0;
        }
        None
    }
}

/// A set of small numbers.
#[derive(Clone)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    fn insert(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    fn remove(&mut self, number: usize) {
        self.0[number / 64] &= !(1 << (number % 64));
    }

    fn has(&self, number: usize) -> bool {
        self.0[number / 64] >> (number % 64) & 1 == 1
    }

    fn remove_all(&mut self, others: &Self) {
        for (word, other) in self.0.iter_mut().zip(&others.0) {
            *word &= !other;
        }
    }

    /// How many numbers both have.
    fn common(&self, other: &Self) -> usize {
        let both = self.0.iter().zip(&other.0).map(|(one, other)| one & other);
        both.map(|word| word.count_ones() as usize).sum()
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(place, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros() as usize;
                (word != 0).then(|| {
                    word &= word - 1;
                    place * 64 + bit
                })
            })
        })
    }
}
