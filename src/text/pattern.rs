//! Texts with parts that are put in where it is known where something runs: `redis://{host}:{port}`.
//!
//! A part is a word in braces, or two with a dot between them. Braces around anything else are text, so
//! that the languages which read the filled text may have braces of their own.

/// A piece of a pattern.
enum Piece<'a> {
    Text(&'a str),
    Part(&'a str),
}

/// The names of the parts of `pattern`, in order.
#[must_use]
pub fn parts(pattern: &str) -> Vec<&str> {
    let part = |piece| match piece {
        Piece::Part(name) => Some(name),
        Piece::Text(_) => None,
    };
    pieces(pattern).into_iter().filter_map(part).collect()
}

/// `pattern` with each part in place.
///
/// # Errors
/// The name of the first part that `value` does not know.
pub fn filled(
    pattern: &str,
    mut value: impl FnMut(&str) -> Option<String>,
) -> Result<String, String> {
    pieces(pattern)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => Ok(text.to_owned()),
            Piece::Part(name) => value(name).ok_or_else(|| name.to_owned()),
        })
        .collect()
}

fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut text = 0;
    for (open, _) in pattern.match_indices('{') {
        let inner = &pattern[open + 1..];
        let Some(name) = inner.find('}').map(|close| &inner[..close]) else {
            break;
        };
        if is_part(name) {
            found.push(Piece::Text(&pattern[text..open]));
            found.push(Piece::Part(name));
            text = open + name.len() + 2;
        }
    }
    found.push(Piece::Text(&pattern[text..]));
    found
}

/// Whether `name` is a word, or two with a dot between them.
fn is_part(name: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    let words: Vec<&str> = name.split('.').collect();
    words.len() <= 2 && words.into_iter().all(is_word)
}
