//! Three-way merge of JSON and TOML by key, for where a merge by lines conflicts or no longer
//! parses. What the user wrote keeps its format and order; a key that both changed keeps the
//! user's value and is reported, since markers would break every tool that reads the file.
//!
//! Comments are content: those of both sides stay, and no key goes with a comment of the user's.

use std::collections::{BTreeMap, BTreeSet};

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices};

use crate::merge::syntax::{Body, Comment, Document, Group, Language, Piece, Trivia, Value};

/// What tells elements of a list apart, where each has it as text and no two the same.
const NAMES: [&str; 2] = ["name", "id"];

/// A key that both sides changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Where, as a JSON pointer (RFC 6901); `-` is an element that the user removed.
    pub pointer: String,
    /// The user's value, `None` where they removed the key.
    pub ours: Option<String>,
    /// The newly rendered value, `None` where it is gone.
    pub theirs: Option<String>,
}

/// The user's text with what changed from `base` to `theirs`, and what overlaps; `None` where
/// one of them does not parse, or is written so differently that the result would not.
#[must_use]
pub fn merge(
    language: Language,
    base: &str,
    ours: &str,
    theirs: &str,
) -> Option<(String, Vec<Overlap>)> {
    let mut merger = Merger::new(language, false);
    let text = merger.texts(base, ours, theirs)?;
    Some((text, merger.overlaps))
}

/// The user's text, made to say what `theirs` says: its keys and values, with the comments of
/// both and the user's format and order.
#[must_use]
pub fn settle(language: Language, base: &str, ours: &str, theirs: &str) -> Option<String> {
    Merger::new(language, true).texts(base, ours, theirs)
}

/// Whether the key at `pointer` of `text` still has the value `wanted`, given as text of the
/// language; `None` is no such key.
#[must_use]
pub fn still_says(language: Language, text: &str, pointer: &str, wanted: Option<&str>) -> bool {
    let read = |text: &str| Some(Document::read(language, text)?.body.value());
    let Some(document) = read(text) else {
        return true;
    };
    let wanted = wanted.and_then(|wanted| match language {
        Language::Json => read(wanted),
        Language::Toml => read(&format!("value = {wanted}"))?.at(&["value".to_owned()]).cloned(),
    });
    let path: Vec<String> =
        pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    document.at(&path) == wanted.as_ref()
}

/// The pieces of the three sides, with what tells each from the others of its side.
struct Sides<'p, 'a> {
    pieces: [Vec<&'p Piece<'a>>; 3],
    ids: [Vec<String>; 3],
}

impl<'p, 'a> Sides<'p, 'a> {
    fn get(&self, side: usize, id: &str) -> Option<&'p Piece<'a>> {
        let position = self.ids[side].iter().position(|other| other == id)?;
        Some(self.pieces[side][position])
    }

    /// The piece of base, ours and theirs with an id.
    fn all(&self, id: &str) -> [Option<&'p Piece<'a>>; 3] {
        [0, 1, 2].map(|side| self.get(side, id))
    }

    /// What ours or theirs has, each once.
    fn present(&self) -> BTreeSet<&str> {
        self.ids[1].iter().chain(&self.ids[2]).map(String::as_str).collect()
    }

    fn keyed(pieces: [Vec<&'p Piece<'a>>; 3]) -> Self {
        let ids =
            pieces.each_ref().map(|side| side.iter().map(|piece| joined(&piece.path)).collect());
        Self { pieces, ids }
    }

    /// Elements by their names, or else by what they were in the base.
    fn elements(pieces: [Vec<&'p Piece<'a>>; 3]) -> (Self, bool) {
        let named = NAMES.iter().find_map(|name| named(&pieces, name));
        let is_named = named.is_some();
        let ids = named.unwrap_or_else(|| placed(&pieces));
        (Self { pieces, ids }, is_named)
    }

    /// The comments that theirs have on what is not kept, and base had elsewhere.
    fn stranded(&self, kept: &BTreeSet<&str>) -> Vec<&'a str> {
        let gone = self.ids[2].iter().zip(&self.pieces[2]);
        gone.filter(|(id, _)| !kept.contains(id.as_str()))
            .flat_map(|(id, piece)| {
                let base = self.get(0, id).map(Piece::comments).unwrap_or_default();
                added(&base, &piece.comments())
            })
            .collect()
    }

    /// Whether the sides changed the same elements, or added different ones in the same place.
    fn overlap(&self) -> bool {
        let is_changed = self.present().into_iter().any(|id| match self.all(id) {
            [Some(base), Some(ours), Some(theirs)] => {
                let values = [base, ours, theirs].map(|piece| piece.body.value());
                !is_alike(&ours.body, &theirs.body)
                    && values[0] != values[1]
                    && values[0] != values[2]
                    && values[1] != values[2]
            }
            [Some(base), Some(ours), None] => !loses_nothing(base, ours),
            [Some(base), None, Some(theirs)] => base.body.value() != theirs.body.value(),
            _ => false,
        });
        is_changed || self.is_added_twice()
    }

    /// Whether the sides put different elements in one place, or one of them where the other
    /// changed what it put them in place of.
    fn is_added_twice(&self) -> bool {
        let added = [1, 2].map(|side| {
            let mut added: BTreeMap<(usize, usize), Vec<&str>> = BTreeMap::new();
            for id in &self.ids[side] {
                if let Some((place, value)) = place(id) {
                    added.entry(place).or_default().push(value);
                }
            }
            added
        });
        let value = |side: usize, id: &str| self.get(side, id).map(|piece| piece.body.value());
        [(1, &added[0], &added[1]), (2, &added[1], &added[0])].into_iter().any(
            |(side, own, others)| {
                own.iter().any(|((start, end), elements)| {
                    let is_same = others.get(&(*start, *end)) == Some(elements);
                    let is_met = others.keys().any(|(other, _)| other == start)
                        || (*start..*end).any(|number| {
                            let id = number.to_string();
                            value(3 - side, &id) != value(0, &id)
                        });
                    is_met && !is_same
                })
            },
        )
    }
}

/// The part of the base that an added element takes the place of, and what it says.
fn place(id: &str) -> Option<((usize, usize), &str)> {
    let (place, value) = id.strip_prefix('+')?.split_once(':')?;
    let (start, end) = place.split_once('-')?;
    Some(((start.parse().ok()?, end.parse().ok()?), value))
}

/// The ids of elements that all have a name, no two of a side the same.
fn named(pieces: &[Vec<&Piece>; 3], name: &str) -> Option<[Vec<String>; 3]> {
    let key = [name.to_owned()];
    let mut ids = [const { Vec::new() }; 3];
    for (side, ids) in pieces.iter().zip(&mut ids) {
        for piece in side {
            match piece.body.value().at(&key)? {
                Value::Text(name) if !ids.contains(name) => ids.push(name.clone()),
                _ => return None,
            }
        }
    }
    Some(ids)
}

/// Whether an element of the base is one of another side.
type Fits<'f> = &'f dyn Fn(usize, usize) -> bool;

/// The ids of elements by their places: an element of the base has its number there, and keeps
/// it where it was moved or changed; another one is told by the place where it was added, and
/// what it says. Which of two equal elements a side removed is nobody's to tell: where both sides
/// say the same, they have the same elements.
fn placed(pieces: &[Vec<&Piece>; 3]) -> [Vec<String>; 3] {
    let values = pieces.each_ref().map(|side| -> Vec<String> {
        side.iter().map(|piece| format!("{:?}", piece.body.value())).collect()
    });
    let said = pieces.each_ref().map(|side| -> Vec<String> {
        side.iter().map(|piece| format!("{:?}{:?}", piece.body.value(), piece.comments())).collect()
    });
    let base = &values[0];
    let [ours, theirs] = [1, 2].map(|side| {
        let own = &values[side];
        if own == base {
            return (0..own.len()).map(|number| number.to_string()).collect();
        }
        // Of elements that say the same, comments tell which is which.
        let changes: Vec<_> = capture_diff_slices(Algorithm::Myers, &said[0], &said[side])
            .iter()
            .map(DiffOp::as_tag_tuple)
            .collect();
        let mut former: Vec<Option<usize>> = vec![None; own.len()];
        for (_, old, new) in changes.iter().filter(|(tag, _, _)| *tag == DiffTag::Equal) {
            new.clone().zip(old.clone()).for_each(|(new, old)| former[new] = Some(old));
        }
        // What was moved with its comments, then what is nearby, at best with one of its
        // comments, then anything.
        let everywhere = [(0..base.len(), 0..own.len())];
        let nearby: Vec<_> =
            changes.iter().map(|(_, old, new)| (old.clone(), new.clone())).collect();
        let is_same = |old: usize, new: usize| base[old] == own[new];
        let shares = |old: usize, new: usize| {
            let comments = pieces[0][old].comments();
            pieces[side][new].comments().iter().any(|comment| comments.contains(comment))
        };
        let passes: [(&[_], Fits); 4] = [
            (&everywhere, &|old, new| said[0][old] == said[side][new]),
            (&nearby, &|old, new| is_same(old, new) && shares(old, new)),
            (&nearby, &is_same),
            (&everywhere, &is_same),
        ];
        for (ranges, fits) in passes {
            for (old, new) in ranges {
                for new in new.clone() {
                    let is_free = |old: &usize| !former.contains(&Some(*old));
                    let found = old.clone().filter(is_free).find(|old| fits(*old, new));
                    former[new] = former[new].or(found);
                }
            }
        }
        for (_, old, new) in changes.iter().filter(|(_, old, new)| old.len() == new.len()) {
            for (new, old) in new.clone().zip(old.clone()) {
                if former[new].is_none() && !former.contains(&Some(old)) {
                    former[new] = Some(old);
                }
            }
        }
        let mut ids: Vec<String> = Vec::new();
        for (new, said) in own.iter().enumerate() {
            let id = former[new].map_or_else(
                || {
                    // It is between the elements of the base that are before and behind it.
                    let start = former[..new].iter().rev().find_map(|old| *old);
                    let start = start.map_or(0, |old| old + 1);
                    let end = former[new..].iter().find_map(|old| *old).unwrap_or(base.len());
                    let prefix = format!("+{start}-{}:{said}\n", end.max(start));
                    let count = ids.iter().filter(|id| id.starts_with(&prefix)).count();
                    format!("{prefix}{count}")
                },
                |old| old.to_string(),
            );
            ids.push(id);
        }
        ids
    });
    let theirs = if values[1] == values[2] { ours.clone() } else { theirs };
    [(0..base.len()).map(|number| number.to_string()).collect(), ours, theirs]
}

/// Whether two values are merged piece by piece.
fn is_alike(one: &Body, other: &Body) -> bool {
    matches!(
        (one, other),
        (Body::List(_), Body::List(_))
            | (Body::Table(_), Body::Table(_))
            | (Body::Section { .. }, Body::Section { .. })
    )
}

/// Whether `ours` says what `base` says, with no other comment.
fn loses_nothing(base: &Piece, ours: &Piece) -> bool {
    base.body.value() == ours.body.value() && added(&base.comments(), &ours.comments()).is_empty()
}

/// The comments of `ours` that `base` does not have.
fn added<'c>(base: &[&str], ours: &[&'c str]) -> Vec<&'c str> {
    let mut left: Vec<String> = base.iter().map(|comment| plain(comment)).collect();
    let is_new = |comment: &&&str| match left.iter().position(|other| *other == plain(comment)) {
        Some(position) => {
            left.swap_remove(position);
            false
        }
        None => true,
    };
    ours.iter().filter(is_new).copied().collect()
}

/// A comment as it is compared: its indentation does not matter.
fn plain(comment: &str) -> String {
    comment.split_whitespace().collect::<Vec<&str>>().join(" ")
}

/// The order of the pieces that are kept: that of the user, or the new one where only that is
/// another. What one side added follows what it followed there; what both added in one place is
/// in alphabetical order, so that it does not matter which came first.
fn order<'i>(ids: &'i [Vec<String>; 3], kept: &BTreeSet<&str>) -> Vec<&'i str> {
    let [base, ours, theirs] = ids;
    let is_moved = |side: &[String]| {
        let common = side.iter().filter(|id| base.contains(id));
        !common.eq(base.iter().filter(|id| side.contains(id)))
    };
    let (first, second) =
        if is_moved(theirs) && !is_moved(ours) { (theirs, ours) } else { (ours, theirs) };
    let kept = |side: &'i [String]| {
        side.iter().map(String::as_str).filter(|id| kept.contains(id)).collect::<Vec<&str>>()
    };
    let mut found = kept(first);
    let mut place = 0;
    for id in kept(second) {
        if let Some(position) = found.iter().position(|other| *other == id) {
            place = position + 1;
            continue;
        }
        let is_before = |next: &&&str| !second.iter().any(|other| other == **next) && **next < id;
        place += found[place..].iter().take_while(is_before).count();
        found.insert(place, id);
        place += 1;
    }
    found
}

/// The comments of both sides, less those that one of them removed.
fn trivia<'a>(base: Option<&Trivia<'a>>, ours: &Trivia<'a>, theirs: &Trivia<'a>) -> Trivia<'a> {
    let nothing = Trivia::default();
    let sides = [base.unwrap_or(&nothing), ours, theirs];
    let ids = sides.map(|side| {
        let mut ids: Vec<String> = Vec::new();
        for comment in &side.comments {
            let text = plain(comment.text);
            let prefix = format!("{text}\n");
            let count = ids.iter().filter(|id| id.starts_with(&prefix)).count();
            ids.push(format!("{prefix}{count}"));
        }
        ids
    });
    if ids[1] == ids[2] || ids[0] == ids[2] {
        return ours.clone();
    }
    let kept: BTreeSet<&str> = ids[1]
        .iter()
        .chain(&ids[2])
        .filter(|id| !ids[0].contains(id) || (ids[1].contains(id) && ids[2].contains(id)))
        .map(String::as_str)
        .collect();
    let first_space = ours.first_space();
    let is_multiline = first_space.contains('\n');
    let mut merged = Trivia { comments: Vec::new(), space: ours.space };
    for id in order(&ids, &kept) {
        let find = |side: usize| {
            let position = ids[side].iter().position(|other| other == id)?;
            Some(sides[side].comments[position])
        };
        let comment = find(1).or_else(|| {
            let Comment { space, text } = find(2)?;
            Some(Comment { space: if is_multiline { first_space } else { space }, text })
        });
        merged.comments.extend(comment);
    }
    if merged.comments.is_empty() || ours.comments.is_empty() {
        merged.space = if is_multiline { first_space } else { theirs.space };
    }
    merged
}

fn joined(path: &[String]) -> String {
    path.iter()
        .flat_map(|key| ["/".to_owned(), key.replace('~', "~0").replace('/', "~1")])
        .collect()
}

/// What is merged, and the comments of the user's that it has no place for.
type Merged<'a, T> = (T, Vec<Comment<'a>>);

struct Merger {
    language: Language,
    /// Whether their values and keys hold, so that nothing overlaps.
    is_settled: bool,
    overlaps: Vec<Overlap>,
    /// What stays below the user's headers, by pointer: a line that theirs have below another
    /// header can mean the same.
    headers: BTreeMap<String, Value>,
}

impl Merger {
    fn new(language: Language, is_settled: bool) -> Self {
        Self { language, is_settled, overlaps: Vec::new(), headers: BTreeMap::new() }
    }

    fn texts(&mut self, base: &str, ours: &str, theirs: &str) -> Option<String> {
        let language = self.language;
        let empty = if language == Language::Json { "{}" } else { "" };
        let base = if base.trim().is_empty() { empty } else { base };
        let read = |text| Document::read(language, text);
        let text = self.document(&read(base)?, &read(ours)?, &read(theirs)?).text();
        language.reads(&text, &[base, ours, theirs]).then_some(text)
    }

    fn document<'a>(
        &mut self,
        base: &Document<'a>,
        ours: &Document<'a>,
        theirs: &Document<'a>,
    ) -> Document<'a> {
        let (body, left) = self.body(Some(&base.body), &ours.body, &theirs.body, "");
        let mut end = trivia(Some(&base.end), &ours.end, &theirs.end);
        if !left.is_empty() && end.space.is_empty() {
            end.space = "\n";
        }
        end.comments.splice(0..0, left);
        let header = trivia(Some(&base.header), &ours.header, &theirs.header);
        Document { header, body, end }
    }

    /// A value that both sides have.
    fn body<'a>(
        &mut self,
        base: Option<&Body<'a>>,
        ours: &Body<'a>,
        theirs: &Body<'a>,
        pointer: &str,
    ) -> Merged<'a, Body<'a>> {
        match (ours, theirs) {
            (Body::List(ours), Body::List(theirs)) => {
                let base = match base {
                    Some(Body::List(base)) => Some(base),
                    _ => None,
                };
                (Body::List(self.group(base, ours, theirs, pointer, true)), Vec::new())
            }
            (Body::Table(ours), Body::Table(theirs)) => {
                let base = match base {
                    Some(Body::Table(base)) => Some(base),
                    _ => None,
                };
                (Body::Table(self.group(base, ours, theirs, pointer, false)), Vec::new())
            }
            (Body::Section { .. }, Body::Section { .. }) => {
                self.section(base, ours, theirs, pointer)
            }
            _ => self.scalar(base, ours, theirs, pointer),
        }
    }

    /// A value that is merged as a whole.
    fn scalar<'a>(
        &mut self,
        base: Option<&Body<'a>>,
        ours: &Body<'a>,
        theirs: &Body<'a>,
        pointer: &str,
    ) -> Merged<'a, Body<'a>> {
        let (own, new) = (ours.value(), theirs.value());
        if own == new {
            return (ours.clone(), Vec::new());
        }
        let comments = base.map(Body::comments).unwrap_or_default();
        let only_ours = added(&comments, &ours.comments());
        if self.is_settled {
            let left = only_ours.into_iter().map(|text| Comment { space: "\n", text });
            return (theirs.clone(), left.collect());
        }
        let was = base.map(Body::value);
        if was.as_ref() == Some(&new) {
            return (ours.clone(), Vec::new());
        }
        if was == Some(own) && only_ours.is_empty() {
            return (theirs.clone(), Vec::new());
        }
        self.overlaps.push(Overlap {
            pointer: pointer.to_owned(),
            ours: Some(ours.shown(self.language)),
            theirs: Some(theirs.shown(self.language)),
        });
        (ours.clone(), Vec::new())
    }

    /// What stands between brackets.
    fn group<'a>(
        &mut self,
        base: Option<&Group<'a>>,
        ours: &Group<'a>,
        theirs: &Group<'a>,
        pointer: &str,
        is_list: bool,
    ) -> Group<'a> {
        if base.is_some_and(|base| base.text == ours.text) {
            return theirs.clone();
        }
        if !self.is_settled && base.is_some_and(|base| base.text == theirs.text) {
            return ours.clone();
        }
        let pieces = [base.map(|base| &base.pieces), Some(&ours.pieces), Some(&theirs.pieces)]
            .map(|pieces| pieces.into_iter().flatten().collect());
        let sides = if is_list {
            let (sides, is_named) = Sides::elements(pieces);
            if !is_named && !self.is_settled && sides.overlap() {
                self.overlaps.push(Overlap {
                    pointer: pointer.to_owned(),
                    ours: Some(ours.text.to_owned()),
                    theirs: Some(theirs.text.to_owned()),
                });
                return ours.clone();
            }
            sides
        } else {
            Sides::keyed(pieces)
        };
        let (pieces, left) = self.pieces(&sides, None, Spacing::of(ours), pointer);
        let mut end = trivia(base.map(|base| &base.end), &ours.end, &theirs.end);
        end.comments.splice(0..0, left);
        let model = if ours.pieces.is_empty() { theirs } else { ours };
        if ours.pieces.is_empty() && end.comments.is_empty() {
            end.space = theirs.end.space;
        }
        if pieces.is_empty() && end.comments.is_empty() {
            end.space = "";
        }
        let is_comma_last = model.is_comma_last && !pieces.is_empty();
        let start = trivia(base.map(|base| &base.start), &ours.start, &theirs.start);
        Group { start, pieces, end, is_comma_last, text: ours.text }
    }

    /// The lines below a header, or a whole document of TOML.
    fn section<'a>(
        &mut self,
        base: Option<&Body<'a>>,
        ours: &Body<'a>,
        theirs: &Body<'a>,
        pointer: &str,
    ) -> Merged<'a, Body<'a>> {
        let bodies = [base, Some(ours), Some(theirs)];
        let lines = Sides::keyed(bodies.map(|side| below(side).0.iter().collect()));
        let tables = bodies.map(|side| below(side).1.iter().collect());
        let tables = self.sections(tables, [&ours.value(), &theirs.value()], pointer);
        let [entries, sections] = [&lines, &tables].map(|sides| self.staying(sides));
        self.headers.extend(
            sections
                .iter()
                .filter(|piece| !piece.in_array)
                .map(|piece| (format!("{pointer}{}", joined(&piece.path)), piece.body.value())),
        );
        let own = Body::Section { entries, sections };
        let (entries, left) = self.pieces(&lines, Some(&own), None, pointer);
        let (mut sections, mut more) = self.pieces(&tables, Some(&own), None, pointer);
        // What has no place among the lines has one before the first header.
        match sections.first_mut() {
            Some(first) if !left.is_empty() => set_before(&mut first.lead, left),
            _ => more.extend(left),
        }
        (Body::Section { entries, sections }, more)
    }

    /// Tables by their headers, those of an array by their names or places. An array that both
    /// sides changed in the same place stays the user's.
    fn sections<'p, 'a>(
        &mut self,
        pieces: [Vec<&'p Piece<'a>>; 3],
        values: [&Value; 2],
        pointer: &str,
    ) -> Sides<'p, 'a> {
        let arrays: BTreeSet<&Vec<String>> = pieces
            .iter()
            .flatten()
            .filter(|piece| piece.in_array)
            .map(|piece| &piece.path)
            .collect();
        let mut sides = Sides::keyed(pieces);
        for path in arrays {
            let is_of = |piece: &Piece| piece.in_array && piece.path == *path;
            let elements = sides
                .pieces
                .each_ref()
                .map(|side| side.iter().copied().filter(|piece| is_of(piece)).collect());
            let (elements, is_named) = Sides::elements(elements);
            let is_frozen = !is_named && !self.is_settled && elements.overlap();
            if is_frozen {
                let [ours, theirs] = values.map(|value| Some(value.at(path)?.shown(self.language)));
                let pointer = format!("{pointer}{}", joined(path));
                self.overlaps.push(Overlap { pointer, ours, theirs });
            }
            for side in [0, 1, 2] {
                if is_frozen && side != 1 {
                    let keep: Vec<bool> =
                        sides.pieces[side].iter().map(|piece| !is_of(piece)).collect();
                    let mut kept = keep.iter();
                    sides.ids[side].retain(|_| kept.next().is_some_and(|keep| *keep));
                    sides.pieces[side].retain(|piece| !is_of(piece));
                    continue;
                }
                let mut ids = elements.ids[side].iter();
                for (piece, id) in sides.pieces[side].iter().zip(&mut sides.ids[side]) {
                    if is_of(piece) {
                        *id = format!("{id}\n{}", ids.next().map_or("", String::as_str));
                    }
                }
            }
        }
        sides
    }

    /// Whether a piece goes with theirs.
    fn goes(&self, [base, ours, theirs]: [Option<&Piece>; 3]) -> bool {
        let is_as_it_was = || base.zip(ours).is_some_and(|(base, ours)| loses_nothing(base, ours));
        theirs.is_none() && (self.is_settled || is_as_it_was())
    }

    /// The user's pieces that do not go, with the lines that do not go: nothing else is in the way.
    fn staying<'a>(&self, sides: &Sides<'_, 'a>) -> Vec<Piece<'a>> {
        let all = sides.ids[1].iter().map(|id| sides.all(id)).filter(|all| !self.goes(*all));
        all.filter_map(|all| {
            let mut piece = all[1]?.clone();
            if let Body::Section { entries, .. } = &mut piece.body {
                let lines = all.map(|side| below(side.map(|piece| &piece.body)).0.iter().collect());
                *entries = self.staying(&Sides::keyed(lines));
            }
            Some(piece)
        })
        .collect()
    }

    /// Pieces of one table, object or list. `own` is what stays of the user's table, where it has
    /// lines of TOML.
    fn pieces<'a>(
        &mut self,
        sides: &Sides<'_, 'a>,
        own: Option<&Body<'a>>,
        spacing: Option<Spacing<'a>>,
        pointer: &str,
    ) -> Merged<'a, Vec<Piece<'a>>> {
        let mut kept = BTreeSet::new();
        let mut contested = BTreeSet::new();
        for id in sides.present() {
            let all = sides.all(id);
            let is_kept = match all {
                _ if self.goes(all) => false,
                [Some(_), Some(_), None] => {
                    contested.insert(id);
                    true
                }
                [base, None, Some(theirs)] => {
                    self.is_settled || self.is_new(base, theirs, sides, own, pointer)
                }
                _ => true,
            };
            if is_kept {
                kept.insert(id);
            }
        }
        let mut merged: Vec<Piece> = Vec::new();
        let mut carried = self.carried(sides, &kept);
        let stranded = sides.stranded(&kept);
        for id in order(&sides.ids, &kept) {
            let [base, ours, theirs] = sides.all(id);
            let Some(any) = ours.or(theirs) else { continue };
            let mut inner = format!("{pointer}{}", joined(&any.path));
            if any.in_array || any.path.is_empty() {
                let before = merged.iter().filter(|other| other.path == any.path);
                inner = format!("{inner}/{}", before.count());
            }
            let is_first = merged.is_empty();
            let mut piece = match (ours, theirs, spacing) {
                (Some(ours), Some(theirs), _) => self.piece(base, ours, theirs, &inner),
                (None, _, Some(spacing)) => spacing.apply(any.clone(), is_first),
                _ => any.clone(),
            };
            // What comes to be the first, or is it no longer, is spaced as its new place is.
            let was_first = sides.ids[1].first().is_some_and(|first| first == id);
            if let Some(spacing) = spacing
                && was_first != is_first
                && piece.lead.comments.is_empty()
            {
                piece.lead.space = if is_first { spacing.first } else { spacing.other };
            }
            if contested.contains(id) {
                self.overlaps.push(Overlap {
                    pointer: inner,
                    ours: Some(any.body.shown(self.language)),
                    theirs: None,
                });
            }
            let mut lost =
                ours.map_or_else(Vec::new, |ours| added(&piece.comments(), &ours.comments()));
            lost.retain(|comment| stranded.contains(comment));
            let space = piece.lead.first_space();
            let lost = lost.into_iter().map(|text| Comment { space, text });
            piece.lead.comments.splice(0..0, lost);
            if let Some(comments) = carried.remove(id) {
                set_before(&mut piece.lead, comments);
            }
            merged.push(piece);
        }
        (merged, carried.remove("").unwrap_or_default())
    }

    /// Whether a piece that the user does not have is one that they never had.
    fn is_new(
        &mut self,
        base: Option<&Piece>,
        theirs: &Piece,
        sides: &Sides,
        own: Option<&Body>,
        pointer: &str,
    ) -> bool {
        let new = theirs.body.value();
        if base.is_some_and(|base| base.body.value() == new) {
            return false;
        }
        let is_element = theirs.in_array || theirs.path.is_empty();
        let is_same = |own: &&Piece| own.path == theirs.path && own.in_array == theirs.in_array;
        let is_beside = is_element && sides.pieces[1].iter().any(is_same);
        // The user may have it in another form, or something else in its place.
        let there = match own.filter(|own| !is_beside && is_in_the_way(own, theirs)) {
            Some(own) => {
                let whole = own.value();
                let known = |length: &usize| whole.at(&theirs.path[..*length]).is_some();
                let length = (1..=theirs.path.len()).rev().find(known).unwrap_or_default();
                let path = &theirs.path[..length];
                whole.at(path).map(|value| (path, value.clone()))
            }
            None if is_section(theirs) => None,
            None => self.headed(pointer, &theirs.path),
        };
        if base.is_none() && there.is_none() {
            return true;
        }
        let is_same = |value: &Value| match value {
            Value::List(values) if theirs.in_array => *values == [new.clone()],
            value => !theirs.in_array && *value == new,
        };
        let is_told = base.is_none() && !theirs.comments().is_empty();
        if is_told
            || there.as_ref().is_none_or(|(path, value)| *path != theirs.path || !is_same(value))
        {
            let place = if is_element && there.is_none() { "/-" } else { "" };
            let path = there.as_ref().map_or(&theirs.path[..], |(path, _)| path);
            self.overlaps.push(Overlap {
                pointer: format!("{pointer}{}{place}", joined(path)),
                ours: there.map(|(_, value)| value.shown(self.language)),
                theirs: Some(theirs.body.shown(self.language)),
            });
        }
        false
    }

    /// What the user has below a header of its own, and that leaves no place for a line `path` below
    /// the header at `pointer`: how much of the path it shares, and its value.
    fn headed<'p>(&self, pointer: &str, path: &'p [String]) -> Option<(&'p [String], Value)> {
        let is_within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let line = format!("{pointer}{}", joined(path));
        self.headers.iter().find_map(|(header, value)| {
            let below = header.strip_prefix(pointer).filter(|rest| rest.starts_with('/'))?;
            let shared = below.matches('/').count().min(path.len());
            (is_within(header, &line) || is_within(&line, header))
                .then(|| (&path[..shared], value.clone()))
        })
    }

    /// Comments on what goes that have to stay, by the piece that comes next and stays; by nothing
    /// where none does. They are the user's on what goes although they wrote on it, and those
    /// that theirs have on another piece now, which goes as well.
    fn carried<'i, 'a>(
        &self,
        sides: &'i Sides<'_, 'a>,
        kept: &BTreeSet<&str>,
    ) -> BTreeMap<&'i str, Vec<Comment<'a>>> {
        let base = |id: &str| sides.get(0, id).map(Piece::comments).unwrap_or_default();
        let mut carried: BTreeMap<&str, Vec<Comment>> = BTreeMap::new();
        let stranded = sides.stranded(kept);
        let mut waiting: Vec<Comment> = Vec::new();
        for (id, piece) in sides.ids[1].iter().zip(&sides.pieces[1]) {
            if kept.contains(id.as_str()) {
                if !waiting.is_empty() {
                    carried.insert(id, std::mem::take(&mut waiting));
                }
                continue;
            }
            let comments = piece.comments();
            let texts: Vec<&str> = if self.is_settled {
                added(&base(id), &comments)
            } else {
                comments.into_iter().filter(|comment| stranded.contains(comment)).collect()
            };
            let space = piece.lead.first_space();
            waiting.extend(texts.into_iter().map(|text| Comment { space, text }));
        }
        if !waiting.is_empty() {
            carried.insert("", waiting);
        }
        carried
    }

    /// A piece that both sides have.
    fn piece<'a>(
        &mut self,
        base: Option<&Piece<'a>>,
        ours: &Piece<'a>,
        theirs: &Piece<'a>,
        pointer: &str,
    ) -> Piece<'a> {
        let (body, left) =
            self.body(base.map(|base| &base.body), &ours.body, &theirs.body, pointer);
        let mut lead = trivia(base.map(|base| &base.lead), &ours.lead, &theirs.lead);
        let mut tail = trivia(base.map(|base| &base.tail), &ours.tail, &theirs.tail);
        // Behind a line comment is no place for another one.
        if let Some(last) = tail.comments.iter().position(Comment::is_line) {
            set_behind(&mut lead, tail.comments.split_off(last + 1));
        }
        set_behind(&mut lead, left);
        Piece {
            lead,
            aside: trivia(base.map(|base| &base.aside), &ours.aside, &theirs.aside),
            body,
            gap: trivia(base.map(|base| &base.gap), &ours.gap, &theirs.gap),
            tail,
            ..ours.clone()
        }
    }
}

/// The lines and the tables below a header.
fn below<'b, 'a>(body: Option<&'b Body<'a>>) -> (&'b [Piece<'a>], &'b [Piece<'a>]) {
    match body {
        Some(Body::Section { entries, sections }) => (entries, sections),
        _ => (&[], &[]),
    }
}

/// Whether a table has something that leaves no place for a line or a header of theirs.
fn is_in_the_way(own: &Body, theirs: &Piece) -> bool {
    let Body::Section { entries, sections } = own else {
        return false;
    };
    let (path, is_array) = (&theirs.path, theirs.in_array);
    let meets = |other: &Piece| path.starts_with(&other.path) || other.path.starts_with(path);
    // Below an array of tables is its last element, whichever that comes to be.
    let parts = |other: &Piece| {
        (other.in_array && path.starts_with(&other.path))
            || (is_array && other.path.starts_with(path))
    };
    let is_same = |other: &Piece| path == &other.path && is_array == other.in_array;
    // Below another header, a line of the user's can have the name of theirs.
    let has_line = |other: &Piece| {
        let rest = path.strip_prefix(&other.path[..]).filter(|rest| !rest.is_empty());
        let (Some(rest), Body::Section { entries, .. }) = (rest, &other.body) else {
            return false;
        };
        !other.in_array
            && entries
                .iter()
                .any(|entry| rest.starts_with(&entry.path) || entry.path.starts_with(rest))
    };
    let is_met = |other: &Piece| {
        if is_section(theirs) {
            (parts(other) && !is_same(other)) || has_line(other)
        } else {
            meets(other)
        }
    };
    entries.iter().any(meets) || sections.iter().any(is_met)
}

fn is_section(piece: &Piece) -> bool {
    matches!(piece.body, Body::Section { .. })
}

/// Puts comments before those of `lead`, as a paragraph of their own where there are such.
fn set_before<'a>(lead: &mut Trivia<'a>, comments: Vec<Comment<'a>>) {
    let is_paragraph = lead.first_space() == "\n";
    let first = lead.comments.first_mut().map_or(&mut lead.space, |comment| &mut comment.space);
    if is_paragraph {
        *first = "\n\n";
    }
    lead.comments.splice(0..0, comments);
}

/// Puts comments behind those of `lead`, each on its line.
fn set_behind<'a>(lead: &mut Trivia<'a>, comments: Vec<Comment<'a>>) {
    let space = lead.first_space();
    for Comment { text, .. } in comments {
        let is_alone = lead.comments.is_empty() || space.contains('\n');
        lead.comments.push(Comment { space: if is_alone { space } else { "\n" }, text });
    }
}

/// The white space before the first piece and before each other one.
#[derive(Clone, Copy)]
struct Spacing<'a> {
    first: &'a str,
    other: &'a str,
}

impl<'a> Spacing<'a> {
    fn of(group: &Group<'a>) -> Option<Self> {
        let first = group.pieces.first()?.lead.first_space();
        let other = match group.pieces.get(1) {
            Some(second) => second.lead.first_space(),
            None if first.is_empty() => " ",
            None => first,
        };
        Some(Self { first, other })
    }

    /// A piece of theirs with the white space that the user has at its place.
    fn apply(self, mut piece: Piece<'a>, is_first: bool) -> Piece<'a> {
        let space = if is_first { self.first } else { self.other };
        if piece.lead.comments.is_empty() || space.contains('\n') {
            for comment in &mut piece.lead.comments {
                comment.space = space;
            }
            piece.lead.space = space;
        }
        piece
    }
}
