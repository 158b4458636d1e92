//! Every selection of a small pack, one after the other: what the cover is compared with. Their number
//! doubles with each flag.

use scaffold::choose::selection::{Choices, Selection};
use scaffold::pack::load::Pack;

/// Every combination of flags and of components in the slots that are used, in a fixed order.
///
/// Combinations that the pack excludes are left out. Options keep their defaults.
pub fn every_selection(pack: &Pack, name: &str) -> Vec<Selection> {
    selections(pack, name, |_| true)
}

/// Those with at most `count` flags on, and those with at most so many off.
pub fn sparse_selections(pack: &Pack, name: &str, count: usize) -> Vec<Selection> {
    let flags = pack.flagged().count();
    selections(pack, name, |on| on <= count || on + count >= flags)
}

/// Those where `wanted` says so of the number of flags that are on.
fn selections(pack: &Pack, name: &str, wanted: impl Fn(usize) -> bool) -> Vec<Selection> {
    let mut choices = vec![Choices { name: Some(name.to_owned()), ..Choices::default() }];
    for (flag, _) in pack.flagged() {
        choices = vary(
            &choices,
            |choice, on: bool| {
                choice.components.insert(flag.to_owned(), on);
            },
            &[false, true],
        );
    }
    choices.retain(|choice| wanted(choice.components.values().filter(|on| **on).count()));
    let mut all = choices.clone();
    for (slot, _) in pack.slots() {
        let fillers: Vec<String> =
            pack.fillers(slot).map(|component| component.id.clone()).collect();
        let chosen = vary(
            &all,
            |choice, filler: String| {
                choice.slots.insert(slot.clone(), filler);
            },
            &fillers,
        );
        all.extend(chosen);
    }
    let mut selections: Vec<Selection> = Vec::new();
    for choice in all {
        if let Ok(selection) = choice.complete(pack)
            && !selections.contains(&selection)
        {
            selections.push(selection);
        }
    }
    selections
}

fn vary<T: Clone>(
    choices: &[Choices],
    apply: impl Fn(&mut Choices, T),
    values: &[T],
) -> Vec<Choices> {
    choices
        .iter()
        .flat_map(|choice| {
            values.iter().map(|value| {
                let mut varied = choice.clone();
                apply(&mut varied, value.clone());
                varied
            })
        })
        .collect()
}
