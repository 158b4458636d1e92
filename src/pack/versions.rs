//! Versions of packs and of programs, by [semantic versioning](https://semver.org).

use semver::Version;

/// Whether a text is a version: three numbers, and what semantic versions may have behind them.
#[must_use]
pub fn is_version(text: &str) -> bool {
    Version::parse(text).is_ok()
}

/// Whether version `one` is newer than `other`; one that is none is never newer.
#[must_use]
pub fn is_newer(one: &str, other: &str) -> bool {
    matches!((Version::parse(one), Version::parse(other)), (Ok(one), Ok(other)) if one.cmp_precedence(&other).is_gt())
}

/// The first version that a program prints of itself: numbers with dots between them.
#[must_use]
pub fn first_in(text: &str) -> Option<String> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .map(|word| word.trim_matches('.'))
        .find(|word| word.contains('.'))
        .map(str::to_owned)
}

/// Whether the version `found` of a program, of however many numbers, is at least `minimum`.
#[must_use]
pub fn is_at_least(found: &str, minimum: &str) -> bool {
    let numbers = |version: &str| -> Vec<u64> {
        version.split('.').filter_map(|part| part.parse().ok()).collect()
    };
    numbers(found) >= numbers(minimum)
}
