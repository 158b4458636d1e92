//! Draws which part talks to which: boxes and arrows in columns, as SVG or as Mermaid's text.
//!
//! The layout is Sugiyama's: layers by the longest path, a place in every layer that a long arrow
//! passes, the order within layers by barycentres. Arrows bend only between columns, so that none
//! crosses a box. Everything is whole numbers: the same graph gives the same bytes everywhere.

use std::fmt::Write as _;

use serde::Deserialize;

/// The forms that [`Diagram::draw`] knows.
pub const FORMS: [&str; 2] = ["mermaid", "svg"];

/// Distance of two arrows at one side of a box.
const PORT: i64 = 22;
/// Distance of two boxes in a column.
const GAP: i64 = 26;
/// Height of the place that a long arrow has in a column it passes.
const LANE: i64 = 16;
/// Where arrows bend, right of each column.
const BEND: i64 = 56;
/// Length of an arrow's head, with the room before a label.
const HEAD: i64 = 14;
const MARGIN: i64 = 20;
/// What the lid of a store takes away.
const LID: i64 = 8;
const BOX_HEIGHT: i64 = 52;
/// Width of a character, by the size of its text: wide enough for the usual sans-serif fonts.
const NAME_WIDTH: i64 = 9;
const TEXT_WIDTH: i64 = 7;
/// Rounds of ordering and of straightening. Graphs of this size settle in fewer.
const ROUNDS: usize = 12;
/// Identifiers that mean something else to Mermaid.
const MERMAID_WORDS: [&str; 10] = [
    "class",
    "classDef",
    "click",
    "default",
    "direction",
    "end",
    "flowchart",
    "graph",
    "style",
    "subgraph",
];

/// A graph to draw.
#[derive(Debug, Default, Deserialize)]
pub struct Diagram {
    /// Its boxes.
    pub nodes: Vec<Node>,
    /// Its arrows.
    pub edges: Vec<Edge>,
}

/// A box.
#[derive(Debug, Deserialize)]
pub struct Node {
    /// Its name, which is shown.
    pub id: String,
    /// A line below the name.
    #[serde(default)]
    pub note: String,
    /// What it stands for.
    #[serde(default)]
    pub shape: Shape,
}

/// What a box stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Somebody or something outside.
    Actor,
    /// A program that runs.
    #[default]
    Process,
    /// A program that keeps data.
    Store,
}

/// An arrow.
#[derive(Debug, Deserialize)]
pub struct Edge {
    /// The node that begins the conversation.
    pub from: String,
    /// The node that it talks to.
    pub to: String,
    /// What about.
    #[serde(default)]
    pub text: String,
}

impl Diagram {
    /// The graph as text of one of the [`FORMS`].
    ///
    /// # Errors
    /// A sentence about an edge without its node, two nodes of one name, or an unknown form.
    pub fn draw(&self, form: &str) -> Result<String, String> {
        let ends = self.ends()?;
        match form {
            "mermaid" => Ok(self.mermaid()),
            "svg" => Ok(Layout::new(self, &ends).svg(self)),
            _ => Err(format!("`{form}` is not a form of diagrams: {}", FORMS.join(", "))),
        }
    }

    /// The places of each edge's nodes.
    fn ends(&self) -> Result<Vec<(usize, usize)>, String> {
        for (place, node) in self.nodes.iter().enumerate() {
            if self.nodes[..place].iter().any(|other| other.id == node.id) {
                return Err(format!("two nodes are called `{}`", node.id));
            }
        }
        let place = |id: &str| {
            let found = self.nodes.iter().position(|node| node.id == id);
            found.ok_or_else(|| format!("an edge names `{id}`, which is not a node"))
        };
        self.edges
            .iter()
            .map(|edge| {
                if edge.from == edge.to {
                    return Err(format!("an edge leads from `{}` to itself", edge.from));
                }
                Ok((place(&edge.from)?, place(&edge.to)?))
            })
            .collect()
    }

    fn mermaid(&self) -> String {
        let id = |id: &str| {
            if MERMAID_WORDS.contains(&id) { format!("{id}_") } else { id.to_owned() }
        };
        let quoted = |text: &str| text.replace('"', "#quot;");
        let mut text = String::from("flowchart LR\n");
        for node in &self.nodes {
            let (begin, end) = match node.shape {
                Shape::Actor => ("([", "])"),
                Shape::Process => ("[", "]"),
                Shape::Store => ("[(", ")]"),
            };
            let note = if node.note.is_empty() { "" } else { "<br/>" };
            let label = format!("{}{note}{}", quoted(&node.id), quoted(&node.note));
            let _ = writeln!(text, "  {}{begin}\"{label}\"{end}", id(&node.id));
        }
        for edge in &self.edges {
            let label = if edge.text.is_empty() {
                String::new()
            } else {
                format!("-- \"{}\" ", quoted(&edge.text))
            };
            let _ = writeln!(text, "  {} {label}--> {}", id(&edge.from), id(&edge.to));
        }
        text
    }
}

/// A place in a column: a box, or where a long arrow passes.
struct Item {
    /// The node, or the edge that passes.
    node: Option<usize>,
    layer: usize,
    height: i64,
    /// The vertical middle.
    y: i64,
    /// The items left and right of it that it is connected with.
    left: Vec<usize>,
    right: Vec<usize>,
}

/// Where everything is.
struct Layout {
    items: Vec<Item>,
    /// The items of each column, from top to bottom.
    columns: Vec<Vec<usize>>,
    /// The items that each edge goes through, from left to right.
    routes: Vec<Vec<usize>>,
    /// Whether an edge points to the left, as one of each cycle has to.
    reversed: Vec<bool>,
}

impl Layout {
    fn new(diagram: &Diagram, ends: &[(usize, usize)]) -> Self {
        let (forward, reversed) = without_cycles(diagram.nodes.len(), ends);
        let layers = layers(diagram.nodes.len(), &forward);
        let item = |node, layer, height| Item {
            node,
            layer,
            height,
            y: 0,
            left: Vec::new(),
            right: Vec::new(),
        };
        let mut items: Vec<Item> =
            (0..layers.len()).map(|node| item(Some(node), layers[node], BOX_HEIGHT)).collect();
        let mut routes = Vec::new();
        for &(from, to) in &forward {
            let mut route = vec![from];
            for layer in layers[from] + 1..layers[to] {
                route.push(items.len());
                items.push(item(None, layer, LANE));
            }
            route.push(to);
            for pair in route.windows(2) {
                items[pair[0]].right.push(pair[1]);
                items[pair[1]].left.push(pair[0]);
            }
            routes.push(route);
        }
        let count = items.iter().map(|item| item.layer + 1).max().unwrap_or(0);
        let mut columns = vec![Vec::new(); count];
        for (place, item) in items.iter_mut().enumerate() {
            columns[item.layer].push(place);
            if item.node.is_some() {
                let ports = number(item.left.len().max(item.right.len()));
                item.height = item.height.max(ports * PORT + 10);
            }
            if item.node.is_some_and(|node| diagram.nodes[node].shape == Shape::Store) {
                item.height += LID;
            }
        }
        let mut layout = Self { items, columns, routes, reversed };
        layout.order();
        layout.straighten();
        layout
    }

    /// Puts the items of each column into the order with the fewest crossings that is found.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.columns.clone());
        for round in 0..ROUNDS {
            let rightward = round % 2 == 0;
            let mut layers: Vec<usize> = (0..self.columns.len()).collect();
            if !rightward {
                layers.reverse();
            }
            for layer in layers {
                let places = self.places();
                let mut column = self.columns[layer].clone();
                column.sort_by_key(|&item| {
                    let Item { left, right, .. } = &self.items[item];
                    let near = if rightward { left } else { right };
                    mean(near.iter().map(|&other| places[other] * 1000))
                        .unwrap_or(places[item] * 1000)
                });
                self.columns[layer] = column;
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    /// Where in its column each item is.
    fn places(&self) -> Vec<i64> {
        let mut places = vec![0; self.items.len()];
        for column in &self.columns {
            for (place, &item) in column.iter().enumerate() {
                places[item] = number(place);
            }
        }
        places
    }

    fn crossings(&self) -> usize {
        let places = self.places();
        let lines: Vec<(usize, i64, i64)> = self
            .routes
            .iter()
            .flat_map(|route| route.windows(2))
            .map(|pair| (self.items[pair[0]].layer, places[pair[0]], places[pair[1]]))
            .collect();
        let crossing = |one: &(usize, i64, i64), other: &(usize, i64, i64)| {
            one.0 == other.0 && (one.1 - other.1) * (one.2 - other.2) < 0
        };
        let pairs = lines.iter().enumerate();
        pairs.map(|(at, one)| lines[..at].iter().filter(|line| crossing(line, one)).count()).sum()
    }

    /// Gives every item a height that is near those of its neighbours.
    fn straighten(&mut self) {
        for layer in 0..self.columns.len() {
            self.place_column(layer, |_| 0);
        }
        for round in 0..ROUNDS {
            let mut layers: Vec<usize> = (0..self.columns.len()).collect();
            if round % 2 == 1 {
                layers.reverse();
            }
            for layer in layers {
                let wanted: Vec<i64> = self.columns[layer]
                    .iter()
                    .map(|&item| {
                        let item = &self.items[item];
                        let near = item.left.iter().chain(&item.right);
                        mean(near.map(|&other| self.items[other].y)).unwrap_or(item.y)
                    })
                    .collect();
                self.place_column(layer, |place| wanted[place]);
            }
        }
        let top = self.items.iter().map(|item| item.y - item.height / 2).min().unwrap_or(0);
        for item in &mut self.items {
            item.y += MARGIN - top;
        }
    }

    /// Puts a column's items as near as they fit to where they want to be, in their order.
    fn place_column(&mut self, layer: usize, wanted: impl Fn(usize) -> i64) {
        let column = self.columns[layer].clone();
        let mut below = i64::MIN / 2;
        let mut pushed = 0;
        for (place, &item) in column.iter().enumerate() {
            let half = self.items[item].height / 2;
            let y = wanted(place).max(below + half);
            pushed += y - wanted(place);
            self.items[item].y = y;
            below = y + half + GAP;
        }
        // What was pushed down was pushed for all: half of it is shared upwards.
        let share = pushed / number(column.len().max(1));
        for &item in &column {
            self.items[item].y -= share;
        }
    }

    /// The height at which the route of `edge` leaves or reaches the item at `stop` of it.
    fn port(&self, edge: usize, stop: usize, on_the_right: bool) -> i64 {
        let place = self.routes[edge][stop];
        let item = &self.items[place];
        if item.node.is_none() {
            return item.y;
        }
        // The edges at this side, from top to bottom by where they come from or go to.
        let mut there: Vec<(i64, usize)> = self
            .routes
            .iter()
            .enumerate()
            .filter_map(|(other, route)| {
                let end = if on_the_right { route.first() } else { route.last() };
                let next = if on_the_right { route.get(1) } else { route.iter().rev().nth(1) };
                (end == Some(&place)).then(|| (next.map_or(0, |&next| self.items[next].y), other))
            })
            .collect();
        there.sort_unstable();
        let position = there.iter().position(|(_, other)| *other == edge).unwrap_or(0);
        item.y + (2 * number(position) - number(there.len()) + 1) * PORT / 2
    }

    fn svg(&self, diagram: &Diagram) -> String {
        let columns = self.column_positions(diagram);
        let width = columns.last().map_or(0, |(_, right)| *right) + MARGIN;
        let bottom = self.items.iter().map(|item| item.y + item.height / 2).max().unwrap_or(0);
        let mut text = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="14" role="img" aria-labelledby="title description">
  <title id="title">Which part talks to which</title>
  <desc id="description">{description}</desc>
{STYLE}  <rect class="ground" width="{width}" height="{height}" rx="12"/>
"#,
            height = bottom + MARGIN,
            description = escaped(&description(diagram)),
        );
        for (edge, route) in self.routes.iter().enumerate() {
            let end = columns[self.items[route[route.len() - 1]].layer].0;
            let ports = (self.port(edge, 0, true), self.port(edge, route.len() - 1, false));
            let (start_gap, end_gap) = if self.reversed[edge] { (6, 0) } else { (0, 6) };
            let start = columns[self.items[route[0]].layer].1;
            let mut path = format!("M{} {}", start + start_gap, ports.0);
            let mut y = ports.0;
            for (stop, pair) in route.windows(2).enumerate() {
                let bend = columns[self.items[pair[0]].layer].1;
                let to = self.port(edge, stop + 1, false);
                if to != y {
                    let (middle, after) = (bend + BEND / 2, bend + BEND);
                    let _ = write!(path, "H{bend}C{middle} {y} {middle} {to} {after} {to}");
                }
                y = to;
            }
            let _ = write!(path, "H{}", end - end_gap);
            let class = if self.reversed[edge] { "edge back" } else { "edge" };
            let _ = writeln!(text, r#"  <path class="{class}" d="{path}"/>"#);
            let label = &diagram.edges[edge].text;
            if !label.is_empty() {
                let (x, y) = (end - HEAD - 4, ports.1 - 5);
                let _ = writeln!(
                    text,
                    r#"  <text class="label" x="{x}" y="{y}">{}</text>"#,
                    escaped(label)
                );
            }
        }
        for item in &self.items {
            if let Some(node) = item.node {
                let (left, right) = columns[item.layer];
                text.push_str(&drawn(&diagram.nodes[node], left, right, item.y, item.height));
            }
        }
        text.push_str("</svg>\n");
        text
    }

    /// Left and right side of each column.
    fn column_positions(&self, diagram: &Diagram) -> Vec<(i64, i64)> {
        let mut positions = Vec::new();
        let mut left = MARGIN;
        for (layer, column) in self.columns.iter().enumerate() {
            if layer > 0 {
                let ending = self.routes.iter().zip(&diagram.edges).filter(|(route, _)| {
                    route.last().is_some_and(|&last| self.items[last].layer == layer)
                });
                let label = ending.map(|(_, edge)| text_width(&edge.text, TEXT_WIDTH)).max();
                left += BEND + label.unwrap_or(0) + HEAD + 8;
            }
            let nodes = column.iter().filter_map(|&item| self.items[item].node);
            let widths = nodes.map(|node| {
                let node = &diagram.nodes[node];
                text_width(&node.id, NAME_WIDTH).max(text_width(&node.note, TEXT_WIDTH)) + 28
            });
            let right = left + widths.max().unwrap_or(0);
            positions.push((left, right));
            left = right;
        }
        positions
    }
}

/// The edges from left to right, those turned round that would close a cycle, and which those are.
fn without_cycles(nodes: usize, ends: &[(usize, usize)]) -> (Vec<(usize, usize)>, Vec<bool>) {
    let mut forward: Vec<(usize, usize)> = Vec::new();
    let mut reversed = Vec::new();
    for &(from, to) in ends {
        let mut reached = vec![false; nodes];
        let mut waiting = vec![to];
        while let Some(node) = waiting.pop() {
            if !std::mem::replace(&mut reached[node], true) {
                waiting.extend(forward.iter().filter(|edge| edge.0 == node).map(|edge| edge.1));
            }
        }
        forward.push(if reached[from] { (to, from) } else { (from, to) });
        reversed.push(reached[from]);
    }
    (forward, reversed)
}

/// The column of each node: one right of everything that leads to it; what nothing leads to stands
/// directly left of what it leads to.
fn layers(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0; nodes];
    // Without cycles no path has more edges than there are nodes.
    for _ in 0..nodes {
        for &(from, to) in edges {
            layers[to] = layers[to].max(layers[from] + 1);
        }
    }
    for node in 0..nodes {
        if edges.iter().all(|edge| edge.1 != node) {
            let targets = edges.iter().filter(|edge| edge.0 == node).map(|edge| layers[edge.1]);
            layers[node] = targets.min().map_or(0, |nearest| nearest - 1);
        }
    }
    layers
}

/// A box with its texts.
fn drawn(node: &Node, left: i64, right: i64, y: i64, height: i64) -> String {
    let (width, top) = (right - left, y - height / 2);
    let mut text = match node.shape {
        Shape::Actor | Shape::Process => {
            let (class, round) =
                if node.shape == Shape::Actor { ("actor", height / 2) } else { ("process", 8) };
            format!(
                "  <rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\"/>\n"
            )
        }
        Shape::Store => {
            let (upper, side, half) = (top + 6, height - 12, width / 2);
            format!(
                "  <path class=\"store\" d=\"M{left} {upper}a{half} 6 0 0 1 {width} 0v{side}a{half} 6 0 0 1 -{width} 0zm0 0a{half} 6 0 0 0 {width} 0\"/>\n"
            )
        }
    };
    let middle = left + width / 2;
    // A store's lid takes room from the top.
    let y = if node.shape == Shape::Store { y + LID / 2 } else { y };
    let mut line = |class: &str, y: i64, words: &str| {
        let words = escaped(words);
        let _ = writeln!(text, "  <text class=\"{class}\" x=\"{middle}\" y=\"{y}\">{words}</text>");
    };
    if node.note.is_empty() {
        line("name", y + 5, &node.id);
    } else {
        line("name", y - 3, &node.id);
        line("note", y + 15, &node.note);
    }
    text
}

const STYLE: &str = r#"  <defs>
    <marker id="head" viewBox="0 0 10 10" refX="4" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
      <path class="head" d="M0 0 10 5 0 10z"/>
    </marker>
    <style>
      .ground { fill: #ffffff; }
      .process { fill: #f1f5f9; stroke: #475569; stroke-width: 1.5; }
      .actor { fill: #ecfdf5; stroke: #047857; stroke-width: 1.5; }
      .store { fill: #fff7ed; stroke: #c2410c; stroke-width: 1.5; }
      .name { fill: #0f172a; font-weight: 600; text-anchor: middle; }
      .note { fill: #475569; font-size: 12px; text-anchor: middle; }
      .label { fill: #475569; font-size: 12px; text-anchor: end; }
      .edge { fill: none; stroke: #64748b; stroke-width: 1.5; marker-end: url(#head); }
      .back { marker-end: none; marker-start: url(#head); }
      .head { fill: #64748b; }
      @media (prefers-color-scheme: dark) {
        .ground { fill: #0d1117; }
        .process { fill: #1e293b; stroke: #94a3b8; }
        .actor { fill: #052e26; stroke: #34d399; }
        .store { fill: #2f1a0c; stroke: #fb923c; }
        .name { fill: #f1f5f9; }
        .note, .label { fill: #cbd5e1; }
        .edge { stroke: #94a3b8; }
        .head { fill: #94a3b8; }
      }
    </style>
  </defs>
"#;

/// What the picture shows, for those who hear it.
fn description(diagram: &Diagram) -> String {
    let sentence = |edge: &Edge| {
        let about = if edge.text.is_empty() { "" } else { ": " };
        format!("{} to {}{about}{}.", edge.from, edge.to, edge.text)
    };
    diagram.edges.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

fn text_width(text: &str, character: i64) -> i64 {
    number(text.chars().count()) * character
}

fn mean(values: impl Iterator<Item = i64>) -> Option<i64> {
    let (sum, count) = values.fold((0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
