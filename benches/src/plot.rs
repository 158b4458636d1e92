//! Two plots as SVG: bars on a logarithmic scale, and lines.

use std::fmt::Write as _;

use crate::measure::Spread;

const WIDTH: f64 = 720.0;
const LABELS: f64 = 210.0;
const COLOURS: [&str; 3] = ["#1f6feb", "#8b949e", "#d29922"];

fn begin(height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#24292f\" role=\"img\" \
         aria-label=\"{title}\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"15\" font-weight=\"600\">{title}</text>\n"
    )
}

/// A bar for each ratio, from 1 on; the thin line is from minimum to maximum.
pub fn bars(title: &str, bars: &[(String, Spread)]) -> String {
    let height = 70.0 + 30.0 * bars.len() as f64;
    let largest = bars.iter().map(|(_, spread)| spread.max).fold(10.0, f64::max);
    let smallest = bars.iter().map(|(_, spread)| spread.min).fold(0.5, f64::min);
    let span = (largest / smallest).ln();
    let x = |value: f64| LABELS + (value / smallest).ln() / span * (WIDTH - LABELS - 70.0);
    let mut svg = begin(height, title);
    for mark in [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0] {
        if mark < smallest || mark > largest {
            continue;
        }
        let (at, bottom) = (x(mark), height - 26.0);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"40\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"#d0d7de\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#57606a\">{mark}</text>",
            height - 10.0
        );
    }
    for (row, (name, spread)) in bars.iter().enumerate() {
        let y = 46.0 + 30.0 * row as f64;
        let colour = COLOURS[usize::from(row > 0)];
        let (left, right) = (x(smallest), x(spread.median));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{left:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"20\" rx=\"2\" fill=\"{colour}\"/>\
             <line x1=\"{:.1}\" y1=\"{}\" x2=\"{:.1}\" y2=\"{}\" stroke=\"#24292f\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            LABELS - 10.0,
            y + 15.0,
            right - left,
            x(spread.min),
            y + 10.0,
            x(spread.max),
            y + 10.0,
            x(spread.max).max(right) + 8.0,
            y + 15.0,
            number(spread.median)
        );
    }
    svg + "</svg>\n"
}

/// A line for each series over the number of files, both axes logarithmic.
pub fn lines(title: &str, unit: &str, series: &[(String, Vec<(f64, f64)>)]) -> String {
    let height = 300.0;
    let points = || series.iter().flat_map(|(_, points)| points);
    let bounds = |pick: fn(&(f64, f64)) -> f64| {
        points()
            .map(pick)
            .fold((f64::MAX, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
    };
    let ((left, right), (low, high)) = (bounds(|point| point.0), bounds(|point| point.1));
    let x = |value: f64| 70.0 + (value / left).ln() / (right / left).ln() * (WIDTH - 260.0);
    let y = |value: f64| 250.0 - (value / low).ln() / (high / low).ln() * 190.0;
    let mut svg = begin(height, title);
    for (mark, _) in &series[0].1 {
        let at = x(*mark);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"50\" x2=\"{at:.1}\" y2=\"256\" stroke=\"#d0d7de\"/>\
             <text x=\"{at:.1}\" y=\"274\" text-anchor=\"middle\" fill=\"#57606a\">{mark} files</text>"
        );
    }
    for mark in [1.0, 10.0, 100.0, 1000.0, 10_000.0] {
        if mark >= low && mark <= high {
            let at = y(mark);
            let _ = writeln!(
                svg,
                "<line x1=\"70\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\" stroke=\"#d0d7de\"/>\
                 <text x=\"62\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#57606a\">{mark} {unit}</text>",
                x(right),
                at + 4.0
            );
        }
    }
    for (index, (name, points)) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let path: Vec<String> =
            points.iter().map(|(one, other)| format!("{:.1},{:.1}", x(*one), y(*other))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (one, other) in points {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"/>",
                x(*one),
                y(*other)
            );
        }
        let legend = 60.0 + 22.0 * index as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{}\">{name}</text>",
            WIDTH - 165.0,
            legend - 10.0,
            WIDTH - 147.0,
            legend + 1.0
        );
    }
    svg + "</svg>\n"
}

/// Two significant digits or more.
pub fn number(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}
