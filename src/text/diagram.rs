//! Which part talks to which, as text for Mermaid, which forges draw.

use std::fmt::Write as _;

use serde::Deserialize;

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
    /// The graph as text of Mermaid.
    ///
    /// # Errors
    /// A sentence about an edge without its node, or two nodes of one name.
    pub fn mermaid(&self) -> Result<String, String> {
        self.check()?;
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
        Ok(text)
    }

    fn check(&self) -> Result<(), String> {
        for (place, node) in self.nodes.iter().enumerate() {
            if self.nodes[..place].iter().any(|other| other.id == node.id) {
                return Err(format!("two nodes are called `{}`", node.id));
            }
        }
        for edge in &self.edges {
            let ends = [&edge.from, &edge.to];
            let is_there = |id: &&&String| self.nodes.iter().any(|node| node.id == ***id);
            if let Some(id) = ends.iter().find(|id| !is_there(id)) {
                return Err(format!("an edge names `{id}`, which is not a node"));
            }
            if edge.from == edge.to {
                return Err(format!("an edge leads from `{}` to itself", edge.from));
            }
        }
        Ok(())
    }
}
