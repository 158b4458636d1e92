//! Which part talks to which, drawn as the project has it.

mod common;

use common::matrix::{embedded, every_rendering};
use common::{repository, scaffold, scaffold_ok, small_pack, stderr, stdout, tree_of};
use scaffold::choose::selection::Choices;
use scaffold::text::diagram::{Diagram, Edge, Node, Shape};

fn node(id: &str, shape: Shape) -> Node {
    Node { id: id.to_owned(), note: "note".to_owned(), shape }
}

fn edge(from: &str, to: &str, text: &str) -> Edge {
    Edge { from: from.to_owned(), to: to.to_owned(), text: text.to_owned() }
}

#[test]
fn every_project_draws_all_of_its_services() {
    for rendering in every_rendering() {
        let file = rendering.tree.get("docs/architecture.md").expect("there is a page");
        let page = std::str::from_utf8(&file.bytes).expect("it is text");
        for service in rendering.selection.services.keys() {
            assert!(
                page.contains(&format!("[\"{service}<br/>")),
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
    assert_eq!(diagram.mermaid(), Ok(expected.to_owned()));
}

#[test]
fn what_cannot_be_drawn_is_an_error_that_says_why() {
    let nodes = || vec![node("a", Shape::Process), node("b", Shape::Process)];
    let draw = |nodes, edges| Diagram { nodes, edges }.mermaid().unwrap_err();
    assert_eq!(draw(nodes(), vec![edge("a", "c", "")]), "an edge names `c`, which is not a node");
    assert_eq!(draw(nodes(), vec![edge("a", "a", "")]), "an edge leads from `a` to itself");
    let twice = [nodes(), nodes()].into_iter().flatten().collect();
    assert_eq!(draw(twice, vec![]), "two nodes are called `a`");
}
