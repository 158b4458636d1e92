//! The drawing of any graph: arrows bend around boxes, labels stand free, and what is drawn is
//! what was asked for.

mod common;

use common::matrix::{embedded, every_rendering};
use common::{repository, scaffold, scaffold_ok, small_pack, stderr, stdout, tree_of};
use proptest::prelude::*;
use scaffold::choose::selection::Choices;
use scaffold::text::diagram::{Diagram, Edge, Node, Shape};

/// A rectangle of the picture: left, top, right, bottom.
#[derive(Debug, Clone, Copy)]
struct Area(f64, f64, f64, f64);

impl Area {
    fn holds(self, (x, y): (f64, f64)) -> bool {
        x > self.0 && x < self.2 && y > self.1 && y < self.3
    }

    fn meets(self, other: Self) -> bool {
        self.0 < other.2 && other.0 < self.2 && self.1 < other.3 && other.1 < self.3
    }
}

fn attribute<'a>(line: &'a str, name: &str) -> &'a str {
    let start = format!(" {name}=\"");
    let rest = &line[line.find(&start).unwrap_or_else(|| panic!("{line}: {name}")) + start.len()..];
    &rest[..rest.find('"').expect("a quote ends it")]
}

fn number(line: &str, name: &str) -> f64 {
    attribute(line, name).parse().expect("a number")
}

fn numbers(text: &str) -> Vec<f64> {
    let parts = text.split(|c: char| !(c.is_ascii_digit() || c == '-' || c == '.'));
    parts.filter(|part| !part.is_empty()).map(|part| part.parse().expect("a number")).collect()
}

fn boxes(svg: &str) -> Vec<Area> {
    let rectangle = |line: &str| {
        let (x, y) = (number(line, "x"), number(line, "y"));
        Area(x, y, x + number(line, "width"), y + number(line, "height"))
    };
    let store = |line: &str| {
        // M left upper a half 6 0 0 1 width 0 v side ...
        let values = numbers(attribute(line, "d"));
        Area(values[0], values[1] - 6.0, values[0] + values[7], values[1] + values[9] + 6.0)
    };
    svg.lines()
        .filter_map(|line| match line.trim() {
            line if line.starts_with("<rect class=\"ground\"") => None,
            line if line.starts_with("<rect ") => Some(rectangle(line)),
            line if line.starts_with("<path class=\"store\"") => Some(store(line)),
            _ => None,
        })
        .collect()
}

fn labels(svg: &str) -> Vec<Area> {
    let lines = svg.lines().filter(|line| line.contains("class=\"label\""));
    lines
        .map(|line| {
            let text =
                &line[line.find('>').expect("a tag ends") + 1..line.rfind("</").expect("text")];
            let (x, y) = (number(line, "x"), number(line, "y"));
            let width = f64::from(u32::try_from(text.chars().count()).expect("short")) * 7.0;
            Area(x - width, y - 10.0, x, y + 2.0)
        })
        .collect()
}

/// Points along each arrow.
fn arrows(svg: &str) -> Vec<Vec<(f64, f64)>> {
    let lines = svg.lines().filter(|line| line.contains("<path class=\"edge"));
    lines.map(|line| points(attribute(line, "d"))).collect()
}

fn points(path: &str) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let starts: Vec<usize> = path.match_indices(['M', 'H', 'C']).map(|(at, _)| at).collect();
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(path.len());
        let values = numbers(&path[start + 1..end]);
        let (x, y) = points.last().copied().unwrap_or_default();
        match &path[start..=start] {
            "M" => points.push((values[0], values[1])),
            "H" => points.extend((0..=50).map(|step| {
                let part = f64::from(step) / 50.0;
                (x + (values[0] - x) * part, y)
            })),
            _ => points.extend((0..=50).map(|step| {
                let t = f64::from(step) / 50.0;
                let along = |from: f64, one: f64, two: f64, to: f64| {
                    let back = 1.0 - t;
                    back.powi(3) * from
                        + 3.0 * back * back * t * one
                        + 3.0 * back * t * t * two
                        + t.powi(3) * to
                };
                (
                    along(x, values[0], values[2], values[4]),
                    along(y, values[1], values[3], values[5]),
                )
            })),
        }
    }
    points
}

/// What is wrong with a picture.
fn blemish(svg: &str) -> Option<String> {
    let (boxes, labels) = (boxes(svg), labels(svg));
    for (at, one) in boxes.iter().enumerate() {
        if let Some(other) = boxes[..at].iter().find(|other| one.meets(**other)) {
            return Some(format!("the boxes {one:?} and {other:?} overlap"));
        }
        for arrow in arrows(svg) {
            if let Some(point) = arrow.into_iter().find(|point| one.holds(*point)) {
                return Some(format!("an arrow crosses the box {one:?} at {point:?}"));
            }
        }
        if let Some(label) = labels.iter().find(|label| label.meets(*one)) {
            return Some(format!("the label {label:?} lies on the box {one:?}"));
        }
    }
    for (at, one) in labels.iter().enumerate() {
        if let Some(other) = labels[..at].iter().find(|other| one.meets(**other)) {
            return Some(format!("the labels {one:?} and {other:?} overlap"));
        }
        for arrow in arrows(svg) {
            if let Some(point) = arrow.into_iter().find(|point| one.holds(*point)) {
                return Some(format!("an arrow crosses the label {one:?} at {point:?}"));
            }
        }
    }
    None
}

fn node(id: &str, shape: Shape) -> Node {
    Node { id: id.to_owned(), note: "note".to_owned(), shape }
}

fn edge(from: &str, to: &str, text: &str) -> Edge {
    Edge { from: from.to_owned(), to: to.to_owned(), text: text.to_owned() }
}

/// Up to nine nodes, and arrows between any two of them, cycles included.
fn any_diagram() -> impl Strategy<Value = Diagram> {
    (1..10_usize).prop_flat_map(|count| {
        let shapes = prop::collection::vec(0..3_usize, count);
        let pairs = prop::collection::btree_set((0..count, 0..count), 0..18);
        (shapes, pairs).prop_map(|(shapes, pairs)| {
            let name = |place: usize| format!("node-{place}");
            let shape = |kind: &usize| [Shape::Actor, Shape::Process, Shape::Store][*kind];
            let nodes = shapes.iter().enumerate();
            let edges = pairs.iter().filter(|(from, to)| from != to);
            Diagram {
                nodes: nodes.map(|(place, kind)| node(&name(place), shape(kind))).collect(),
                edges: edges.map(|(from, to)| edge(&name(*from), &name(*to), "talks")).collect(),
            }
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_arrow_crosses_a_box_and_no_label_lies_on_anything(diagram in any_diagram()) {
        let svg = diagram.draw("svg").map_err(TestCaseError::fail)?;
        prop_assert_eq!(blemish(&svg), None, "{}", svg);
        prop_assert_eq!(boxes(&svg).len(), diagram.nodes.len());
        prop_assert_eq!(arrows(&svg).len(), diagram.edges.len());
    }
}

#[test]
fn every_project_has_a_picture_without_a_blemish_and_with_all_of_its_services() {
    for rendering in every_rendering() {
        let file = rendering.tree.get("docs/architecture.svg").expect("there is a picture");
        let svg = std::str::from_utf8(&file.bytes).expect("it is text");
        assert_eq!(blemish(svg), None, "{}", rendering.command);
        for service in rendering.selection.services.keys() {
            assert!(
                svg.contains(&format!(">{service}</text>")),
                "{}: {service}",
                rendering.command
            );
        }
    }
}

#[test]
fn plan_prints_the_diagram_that_the_project_has() {
    let folder = repository();
    let printed = |form: &[&str]| {
        let arguments = [&["plan", "my-app", "--ml", "--realtime", "--diagram"], form].concat();
        stdout(&scaffold_ok(&folder, &arguments))
    };
    let choices = Choices {
        name: Some("my-app".to_owned()),
        components: ["ml", "realtime"].map(|flag| (flag.to_owned(), true)).into(),
        ..Choices::default()
    };
    let tree = tree_of(embedded(), choices.complete(embedded()).expect("a valid selection"));
    let text = |path: &str| {
        let file = tree.get(path).unwrap_or_else(|| panic!("{path} is there"));
        String::from_utf8(file.bytes.to_vec()).expect("it is text")
    };
    assert_eq!(printed(&["svg"]), text("docs/architecture.svg"));
    let mermaid = printed(&["mermaid"]);
    assert!(text("docs/architecture.md").contains(&format!("```mermaid\n{mermaid}```\n")));
    assert_eq!(printed(&[]), mermaid);
}

#[test]
fn a_pack_without_a_diagram_says_so() {
    let pack = small_pack(&[]);
    let templates = pack.path().to_str().expect("UTF-8");
    let output = scaffold(pack.path(), &["plan", "--diagram", "--templates", templates]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: the pack `small` has no diagram\n\nhint: `[diagram]` in its pack.toml says what is drawn\n"
    );
}

#[test]
fn a_service_cannot_have_the_name_of_another_part() {
    for (flags, name) in
        [(&[][..], "nginx"), (&["--ml"], "redis"), (&["--ml"], "inference-worker"), (&[], "client")]
    {
        let service = format!("{name}=gateway");
        let arguments = [&["plan", "x", "--service", &service], flags].concat();
        let output = scaffold(&repository(), &arguments);
        assert_eq!(
            stderr(&output),
            format!(
                "error: a service cannot be called `{name}`: another part of the project is\n\nhint: --service {name}-2=gateway\n"
            )
        );
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn mermaid_text_is_whole() {
    let diagram = Diagram {
        nodes: vec![
            node("client", Shape::Actor),
            Node { note: String::new(), ..node("end", Shape::Process) },
            node("store", Shape::Store),
        ],
        edges: vec![edge("client", "end", "says \"hi\""), edge("end", "store", "")],
    };
    let expected = "flowchart LR
  client([\"client<br/>note\"])
  end_[\"end\"]
  store[(\"store<br/>note\")]
  client -- \"says #quot;hi#quot;\" --> end_
  end_ --> store
";
    assert_eq!(diagram.draw("mermaid"), Ok(expected.to_owned()));
}

#[test]
fn what_cannot_be_drawn_is_an_error_that_says_why() {
    let nodes = || vec![node("a", Shape::Process), node("b", Shape::Process)];
    let draw = |nodes, edges| Diagram { nodes, edges }.draw("svg").unwrap_err();
    assert_eq!(draw(nodes(), vec![edge("a", "c", "")]), "an edge names `c`, which is not a node");
    assert_eq!(draw(nodes(), vec![edge("a", "a", "")]), "an edge leads from `a` to itself");
    let twice = [nodes(), nodes()].into_iter().flatten().collect();
    assert_eq!(draw(twice, vec![]), "two nodes are called `a`");
    let form = Diagram { nodes: nodes(), edges: vec![] }.draw("png").unwrap_err();
    assert_eq!(form, "`png` is not a form of diagrams: mermaid, svg");
}
