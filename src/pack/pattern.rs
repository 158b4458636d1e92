//! Paths with wildcards, which say where the files of older projects lie in a newer version of a pack:
//! `*` is one part of a path, and `**`, which comes last, all parts that follow.

use crate::text::path::unusable;

/// A path of which some parts stand for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// `*`: one part, whatever it is.
    One,
    /// `**`: one part or more, up to the end.
    Rest,
}

/// A part of a path of which only is known what it has in common with others.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Text(String),
    Unknown(usize),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Why it can fit no path of a project.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        for part in text.split('/') {
            parts.push(match part {
                "*" => Part::One,
                "**" => Part::Rest,
                _ if part.contains('*') => {
                    return Err(format!(
                        "`{text}`: `*` stands for one whole part of a path, `**` for all that follow"
                    ));
                }
                _ => Part::Text(part.to_owned()),
            });
        }
        if parts.iter().rev().skip(1).any(|part| *part == Part::Rest) {
            return Err(format!("`{text}`: `**` stands for all parts that follow, so it is last"));
        }
        // Wildcards stand for names that are fine wherever they are.
        let plain: Vec<&str> = parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::One | Part::Rest => "any",
            })
            .collect();
        match unusable(&plain.join("/")) {
            Some(reason) => Err(reason),
            None => Ok(Self { parts }),
        }
    }

    /// What its wildcards stand for in `path`, in their order; `None` where it does not fit.
    #[must_use]
    pub fn captures<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let mut captures = Vec::new();
        let mut rest = Some(path);
        for part in &self.parts {
            let here = rest?;
            let (first, behind) = match here.split_once('/') {
                Some((first, behind)) => (first, Some(behind)),
                None => (here, None),
            };
            rest = behind;
            match part {
                Part::Text(text) if text == first => {}
                Part::Text(_) => return None,
                Part::One => captures.push(first),
                Part::Rest => {
                    captures.push(here);
                    rest = None;
                }
            }
        }
        rest.is_none().then_some(captures)
    }

    /// The path in which its wildcards are these captures: the last ones, where there are more.
    #[must_use]
    pub fn filled(&self, captures: &[&str]) -> String {
        let mut captures =
            captures.iter().skip(captures.len().saturating_sub(self.wildcards().len()));
        let parts: Vec<&str> = self
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::One | Part::Rest => captures.next().copied(),
            })
            .collect();
        parts.join("/")
    }

    /// Whether it has the wildcards of `other` in the same order, and perhaps some `*` before them.
    #[must_use]
    pub fn has_wildcards_of(&self, other: &Self) -> bool {
        let (own, others) = (self.wildcards(), other.wildcards());
        let is_open = |pattern: &Self| pattern.parts.last() == Some(&Part::Rest);
        own.ends_with(&others) && is_open(self) == is_open(other)
    }

    fn wildcards(&self) -> Vec<&Part> {
        self.parts.iter().filter(|part| !matches!(part, Part::Text(_))).collect()
    }

    /// Whether it fits every path that `other` fits.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let pairs = self.parts.iter().zip(&other.parts);
        let is_alike = pairs.clone().all(|(own, other)| match (own, other) {
            (Part::Text(own), Part::Text(other)) => own == other,
            (Part::Text(_), _) | (Part::One, Part::Rest) => false,
            (Part::One | Part::Rest, _) => true,
        });
        let length = self.parts.len();
        let is_open = self.parts.last() == Some(&Part::Rest);
        is_alike && (other.parts.len() == length || (is_open && other.parts.len() > length))
    }

    /// Whether a file that it fits would have to be the folder of one that `other` fits.
    #[must_use]
    pub fn is_above(&self, other: &Self) -> bool {
        self.parts.last() != Some(&Part::Rest)
            && self.parts.len() < other.parts.len()
            && other.parts.starts_with(&self.parts)
    }

    /// Whether it fits `path`, in which `placeholder` stands for any text without `/`.
    #[must_use]
    pub fn could_be(&self, path: &str, placeholder: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let is_alike = |(own, part): (&Part, &&str)| match own {
            Part::Text(text) => match (part.split_once(placeholder), part.rsplit_once(placeholder))
            {
                (Some((start, _)), Some((_, end))) => text
                    .strip_prefix(start)
                    .is_some_and(|behind| behind.len() > end.len() && behind.ends_with(end)),
                _ => text == part,
            },
            Part::One | Part::Rest => true,
        };
        let length = self.parts.len();
        let is_open = self.parts.last() == Some(&Part::Rest);
        (parts.len() == length || (is_open && parts.len() > length))
            && self.parts.iter().zip(&parts).all(is_alike)
    }

    /// Whether there is a path that both fit.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.common(other).is_some()
    }

    /// Whether there is a path that some file gets by the move `one` and another file by the move
    /// `other`; a move is where files come from, and where they go.
    #[must_use]
    pub fn lead_to_one(one: [&Self; 2], other: [&Self; 2]) -> bool {
        let Some(captures) = one[1].common(other[1]) else {
            return false;
        };
        let leaves_out = |[from, to]: [&Self; 2]| from.wildcards().len() > to.wildcards().len();
        leaves_out(one)
            || leaves_out(other)
            || one[0].known(&captures[0]) != other[0].known(&captures[1])
    }

    /// What the wildcards of both stand for in the paths that both fit.
    fn common(&self, other: &Self) -> Option<[Vec<Vec<Known>>; 2]> {
        let mut captures = [Vec::new(), Vec::new()];
        let mut unknown = 0..;
        let mut any = || Known::Unknown(unknown.next().unwrap_or_default());
        let (mut own, mut others) = (self.parts.as_slice(), other.parts.as_slice());
        while let ([first, own_rest @ ..], [second, others_rest @ ..]) = (own, others) {
            if *first == Part::Rest || *second == Part::Rest {
                // What stands on the other side from here on, however long, is what it stands for.
                let (open, closed, rest) =
                    if *first == Part::Rest { (0, 1, others) } else { (1, 0, own) };
                let mut all = Vec::new();
                for part in rest {
                    let known = match part {
                        Part::Text(text) => Known::Text(text.clone()),
                        Part::One | Part::Rest => any(),
                    };
                    if !matches!(part, Part::Text(_)) {
                        captures[closed].push(vec![known.clone()]);
                    }
                    all.push(known);
                }
                captures[open].push(all);
                return Some(captures);
            }
            let known = match (first, second) {
                (Part::Text(own), Part::Text(other)) if own != other => return None,
                (Part::Text(text), _) | (_, Part::Text(text)) => Known::Text(text.clone()),
                _ => any(),
            };
            for (part, captures) in [first, second].into_iter().zip(&mut captures) {
                if *part == Part::One {
                    captures.push(vec![known.clone()]);
                }
            }
            (own, others) = (own_rest, others_rest);
        }
        (own.is_empty() && others.is_empty()).then_some(captures)
    }

    /// Its path with these captures.
    fn known(&self, captures: &[Vec<Known>]) -> Vec<Known> {
        let mut captures = captures.iter();
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Text(text) => vec![Known::Text(text.clone())],
                Part::One | Part::Rest => captures.next().cloned().unwrap_or_default(),
            })
            .collect()
    }
}
