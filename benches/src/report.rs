//! `docs/benchmarks.md` and its plots.

use std::fmt::Write as _;
use std::path::Path;

use crate::measure::Spread;
use crate::plot::{self, number};
use crate::sets::put;
use crate::{Figure, Results};

const KIB: f64 = 1024.0;
const BINARY_GOAL_MIB: f64 = 8.0;
const MEMORY_GOAL: f64 = 3.0;

/// Writes the page and its plots below `docs`.
pub fn write(results: &Results, docs: &Path) {
    let mut bars = vec![("scaffold".to_owned(), results.peers[0].1)];
    bars.extend(results.peers[1..].iter().cloned());
    put(
        &docs.join("benchmarks/peers.svg"),
        &plot::bars("100 files: times as long as cp -r of the output", &bars),
    );
    let series = |name: &str, pick: fn(&(usize, f64, f64)) -> f64| {
        let points = results.growth.iter().map(|row| (row.0 as f64, pick(row))).collect();
        (name.to_owned(), points)
    };
    let series = [series("scaffold new", |row| row.1), series("cp -r", |row| row.2)];
    put(&docs.join("benchmarks/growth.svg"), &plot::lines("Growth with the pack", "ms", &series));
    put(&docs.join("benchmarks.md"), &page(results));
}

fn page(results: &Results) -> String {
    let mut text = String::from(
        "# How fast the generator is\n\n\
         Written by `make bench`. Every figure is a ratio of whole processes that were measured in\n\
         turn in one run on one machine: the median over the rounds, with the smallest and the\n\
         largest. Milliseconds are an aside; they differ between machines, the ratios much less.\n\
         `make guard`, which CI runs, compares such ratios with `benches/recorded.json`.\n\n\
         | what | ratio | min to max | goal | ms |\n|---|---|---|---|---|\n",
    );
    for figure in &results.figures {
        let Figure { label, ratio, goal, milliseconds, .. } = figure;
        let _ = writeln!(
            text,
            "| {label} | {} | {} | at most {goal} | {milliseconds:.1} |",
            number(ratio.median),
            range(ratio)
        );
    }
    text.push_str(
        "\n\
         Where `new` takes longer than its goal it does what a copy does not: it renders, hashes all that it\n\
         writes for `scaffold.lock`, and keeps an archive of it, so that a later `update` can merge. Files of the\n\
         built-in pack that are only copied were hashed and compressed when the program was built. The same\n\
         holds for memory: the output is held, and beside it its archive; small outputs disappear behind the\n\
         program itself. How much it shows depends on the disk, for which a copy waits as well.\n",
    );
    let binary = results.binary as f64 / KIB / KIB;
    let _ = writeln!(
        text,
        "\nThe program itself has {binary:.1} MiB (goal: at most {BINARY_GOAL_MIB} MiB).\n\n\
         ## Beside other generators\n\n\
         The same 100 files in 20 folders, every fifth a template, written for each generator in its\n\
         own language; all render the same bytes. The time of each is given as a multiple of `cp -r`\n\
         of the output. Ours writes `scaffold.toml`, `scaffold.lock` and its other state as well, and\n\
         checks the pack, both inside the time.\n\n\
         ![Bars: the time of each generator](benchmarks/peers.svg)\n\n\
         | generator | times `cp -r` | min to max |\n|---|---|---|"
    );
    for (name, ratio) in &results.peers {
        let _ = writeln!(text, "| {name} | {} | {} |", number(ratio.median), range(ratio));
    }
    text.push_str(
        "\n## Growth\n\nPacks of 100, 1,000 and 10,000 files, read from a folder, checked, rendered and written.\n\n\
         ![Lines: milliseconds over the number of files](benchmarks/growth.svg)\n\n\
         | files | ms | µs a file | `cp -r`, ms |\n|---|---|---|---|\n",
    );
    for (count, ours, copy) in &results.growth {
        let each = ours * 1e3 / *count as f64;
        let _ = writeln!(text, "| {count} | {ours:.1} | {each:.0} | {copy:.1} |");
    }
    let _ = write!(
        text,
        "\n## Memory\n\nThe most that a process held (`ru_maxrss`), the program's own pages included; goal: at most\n\
         {MEMORY_GOAL} times the output. The last column leaves out what `--help` holds already.\n\n\
         | what | output, KiB | peak, KiB | times the output | beyond `--help` |\n|---|---|---|---|---|\n"
    );
    let start = results.memory[1].2;
    for (name, output, peak) in &results.memory {
        let times = |value: f64| {
            if *output > 0.0 { number(value / output) } else { "-".to_owned() }
        };
        let _ = writeln!(
            text,
            "| {name} | {:.0} | {:.0} | {} | {} |",
            output / KIB,
            peak / KIB,
            times(*peak),
            times(peak - start)
        );
    }
    text
}

fn range(spread: &Spread) -> String {
    format!("{} to {}", number(spread.min), number(spread.max))
}
