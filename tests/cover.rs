//! The cover stands for all selections: what three choices can be together, are together in one of
//! its rows.

mod common;

use std::collections::BTreeSet;

use common::enumeration::{every_selection, sparse_selections};
use common::matrix::embedded;
use common::packs::{any_small_pack, large_pack, read};
use proptest::prelude::*;
use scaffold::choose::selection::{Choices, Selection};
use scaffold::lint::constraints::Constraints;
use scaffold::lint::cover::{Array, cover, cover_with_options, crowded};
use scaffold::pack::load::Pack;

/// Everything that was chosen, a text each: flags on or off, and what is in the slots that are used.
fn chosen(pack: &Pack, selection: &Selection) -> Vec<String> {
    let on = selection.all_components(pack);
    let flags =
        pack.flagged().map(|(flag, component)| format!("{flag}={}", on.contains(&component.id)));
    let slots = selection.slots.iter().map(|(slot, filler)| {
        let requires = |id: &String| {
            pack.component(id).is_some_and(|component| component.manifest.requires.contains(slot))
        };
        format!("{slot}={}", if on.iter().any(requires) { filler } else { "unused" })
    });
    flags.chain(slots).collect()
}

/// Every three choices of each selection; of fewer than three, all.
fn triples<'a>(
    pack: &Pack,
    selections: impl IntoIterator<Item = &'a Selection>,
) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for selection in selections {
        let chosen = chosen(pack, selection);
        if chosen.len() <= 3 {
            found.insert(chosen);
            continue;
        }
        for first in 0..chosen.len() {
            for second in first + 1..chosen.len() {
                for third in second + 1..chosen.len() {
                    found.insert([first, second, third].map(|at| chosen[at].clone()).to_vec());
                }
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_cover_has_every_three_choices_that_can_be_together_and_no_others(files in any_small_pack()) {
        let pack = read(&files);
        let (all, rows) = (every_selection(&pack, "x"), cover(&pack, "x"));
        for row in &rows {
            prop_assert!(all.contains(row), "not valid: {:?}", chosen(&pack, row));
        }
        prop_assert_eq!(triples(&pack, &rows), triples(&pack, &all));
    }

    #[test]
    fn the_constraints_allow_exactly_what_can_be_chosen(files in any_small_pack()) {
        let pack = read(&files);
        let constraints = Constraints::of(&pack);
        let all = every_selection(&pack, "x");
        let literals: Vec<_> = constraints.components().collect();
        for (one, first) in &literals {
            for (other, second) in &literals {
                let has = |selection: &&Selection, yes: bool| {
                    let on = selection.all_components(&pack);
                    on.contains(&one.id) && on.contains(&other.id) == yes
                };
                for (yes, second) in [(true, *second), (false, !*second)] {
                    let expected = all.iter().any(|selection| has(&selection, yes));
                    prop_assert_eq!(constraints.is_possible(&[*first, second]), expected, "{} {} {}", one.id, other.id, yes);
                }
            }
        }
    }

    #[test]
    fn the_array_counts_what_can_be_together(files in any_small_pack()) {
        let pack = read(&files);
        let constraints = Constraints::of(&pack);
        let factors = constraints.factors();
        prop_assume!(factors.len() >= 3);
        let array = Array::of(&constraints, &factors, &[]);
        prop_assert_eq!(array.triples, triples(&pack, &every_selection(&pack, "x")).len());
    }
}

#[test]
fn the_same_pack_has_the_same_cover() {
    let files = large_pack(12, 2);
    assert_eq!(cover(&read(&files), "x"), cover(&read(&files), "x"));
}

/// What a covering array misses: each two components with nothing else, and everything but one.
#[test]
fn what_stands_alone_and_what_is_nearly_all_is_in_the_cover() {
    let pack = embedded();
    // What fills slots of services is left aside: it needs nothing that is not there without it.
    let chosen = || pack.components.iter().filter(|component| !component.of_services);
    let fillers = || pack.components.iter().filter(|component| component.of_services);
    assert!(fillers().all(|filler| filler.manifest.requires.is_empty()));
    let ids = || chosen().map(|component| &component.id);
    let components = |selection: &Selection| {
        let on = selection.all_components(pack);
        ids().filter(|id| on.contains(*id)).cloned().collect()
    };
    let all: Vec<BTreeSet<String>> =
        sparse_selections(pack, "x", 4).iter().map(components).collect();
    let rows: Vec<BTreeSet<String>> = cover(pack, "x").iter().map(components).collect();
    for one in ids() {
        for other in ids() {
            let smallest = |of: &[BTreeSet<String>]| {
                let both = of.iter().filter(|on| on.contains(one) && on.contains(other));
                both.map(BTreeSet::len).min()
            };
            assert_eq!(smallest(&rows), smallest(&all), "{one} and {other} alone");
        }
        // By what is switched on: what is in the slots brings more or less along.
        let flags = |on: &BTreeSet<String>| {
            pack.flagged().filter(|(_, component)| on.contains(&component.id)).count()
        };
        let largest = |of: &[BTreeSet<String>], with: bool| {
            of.iter().filter(|on| on.contains(one) == with).map(flags).max()
        };
        if pack.component(one).is_some_and(|component| component.flag().is_some()) {
            assert_eq!(largest(&rows, true), largest(&all, true), "all with {one}");
            assert_eq!(largest(&rows, false), largest(&all, false), "all without {one}");
        }
    }
}

#[test]
fn the_presets_are_in_the_cover() {
    let flags = ["flag2", "flag3", "flag4", "flag7", "flag8"];
    let answers = flags.map(|flag| format!("{flag} = true")).join(", ");
    let mut files = large_pack(12, 2);
    let preset = format!("[presets.p]\nsummary = \"s\"\nanswers = {{ {answers} }}\n");
    files[0].1.push_str(&preset);
    let preset = Choices {
        name: Some("x".to_owned()),
        components: flags.map(|flag| (flag.to_owned(), true)).into(),
        ..Choices::default()
    };
    let pack = read(&files);
    assert!(cover(&pack, "x").contains(&preset.complete(&pack).expect("a valid selection")));
}

/// One and two more of each kind, and two that are not called as the pack calls its own; beside each
/// two choices.
#[test]
fn services_come_once_and_twice_more_and_under_other_names_only() {
    let pack = embedded();
    let rows = crowded(pack, "x");
    let of_kind = |row: &Selection, kind: &str| {
        let names = row.services.iter().filter(|(_, own)| *own == kind).map(|(name, _)| name);
        names.cloned().collect::<Vec<String>>()
    };
    for kind in pack.kinds() {
        let own = |names: &[String]| names.iter().any(|name| name == kind);
        let rows: Vec<Vec<String>> = rows.iter().map(|row| of_kind(row, kind)).collect();
        assert!(rows.iter().any(|names| names.len() == 2 && own(names)), "one {kind} more");
        assert!(rows.iter().any(|names| names.len() == 3 && own(names)), "two {kind} more");
        assert!(rows.iter().any(|names| names.len() == 2 && !own(names)), "others than {kind}");
        let longest = rows.iter().flatten().map(String::len).max();
        // A worker is called as its service, and `-worker`; a label of Kubernetes has 63 characters.
        assert_eq!(longest, Some(if kind == "inference" { 63 - "-worker".len() } else { 63 }));
        assert!(rows.iter().flatten().any(|name| name.len() == 1));
    }
    assert!(rows.iter().any(|row| row.name.as_str().len() == 63));
}

/// Each further value beside each component that can be there with it, on and off.
#[test]
fn every_value_of_an_option_is_beside_every_choice() {
    let mut files = large_pack(8, 1);
    let option = "[[option]]\nid = \"style\"\ntype = \"enum\"\nvalues = [\"plain\", \"odd\", \"bright\"]\ndefault = \"plain\"\nhelp = \"h\"\n[[option]]\nid = \"count\"\ntype = \"int\"\nminimum = 1\nmaximum = 9\ndefault = 5\nhelp = \"h\"\n";
    let (_, root) =
        files.iter_mut().find(|(path, _)| path == "components/root/component.toml").expect("root");
    root.push_str(option);
    let pack = read(&files);
    let rows = cover_with_options(&pack, "x");
    let seen = |id: &str| -> BTreeSet<(String, String)> {
        let values = rows.iter().flat_map(|row| {
            let value = row.options[id].to_string();
            chosen(&pack, row).into_iter().map(move |choice| (value.clone(), choice))
        });
        values.collect()
    };
    let choices: BTreeSet<String> =
        every_selection(&pack, "x").iter().flat_map(|selection| chosen(&pack, selection)).collect();
    assert_eq!(seen("style").len(), 3 * choices.len());
    assert_eq!(seen("count").len(), 3 * choices.len());
}

/// Of the built-in pack, and of one that cannot be enumerated.
#[test]
fn a_cover_is_small() {
    let large = read(&large_pack(30, 5));
    for (name, pack) in [("polyglot", embedded()), ("30 flags, 5 slots", &large)] {
        let constraints = Constraints::of(pack);
        let array = Array::of(&constraints, &constraints.factors(), &[]);
        let rows = cover(pack, "x");
        println!(
            "{name}: {} selections, {} of them with all {} feasible triples",
            rows.len(),
            array.rows.len(),
            array.triples
        );
        assert!(rows.len() < 1500, "{}", rows.len());
    }
}
