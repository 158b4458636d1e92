//! What docking finds, as templates see it.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::pack::docking::{
    LoadManifest, MountManifest, OwnTaskManifest, RunManifest, RuntimeManifest, ScaleManifest,
};

/// Everything that runs in a project, and how it is connected.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Docking {
    /// What runs of our own: by component in pack order, then by service, then as declared.
    pub workloads: Vec<Workload>,
    /// What they lean on, in pack order.
    pub providers: Vec<Provider>,
    /// Every binding that something offers, with all that do, by name.
    pub bindings: BTreeMap<String, Vec<End>>,
    /// What is built, each with the workloads that it holds.
    pub images: Vec<Image>,
    /// The languages of the workloads.
    pub runtimes: BTreeMap<String, RuntimeManifest>,
    /// Boxes of the diagram: of every component in pack order its workloads, then its provider.
    pub nodes: Vec<Value>,
    /// Arrows of the diagram, each once: of every workload in order who meets it from outside, then
    /// what it needs.
    pub edges: Vec<Arrow>,
}

/// A process that runs.
#[derive(Debug, Clone, Serialize)]
pub struct Workload {
    /// Its name, which no other part has.
    pub name: String,
    /// The component that brings it.
    pub component: String,
    /// The service that it belongs to; empty where it belongs to none.
    pub service: String,
    /// The kind of that service; empty where it belongs to none.
    pub kind: String,
    /// Those that are like it: the kind for what a service's image starts by itself, else its own
    /// name in the manifest.
    pub group: String,
    /// Whether the image starts it by itself.
    pub main: bool,
    /// The image that holds it.
    pub image: String,
    /// Where its code is, from the root of the project.
    pub folder: String,
    /// Whether that is the code of all services of its kind.
    pub shared: bool,
    /// The language that it is written in; empty where that is nobody's business.
    pub runtime: String,
    /// What it is made with, for the diagram.
    pub note: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The port that its bindings are at.
    pub port: Option<u16>,
    /// Its further ports, those of its runtime among them.
    pub ports: IndexMap<String, u16>,
    /// How it is seen that it works.
    pub health: Option<Health>,
    /// The name of a number: how long it may take to stop.
    pub grace: String,
    /// The memory that is set aside for it, and the most that it may have.
    pub memory: Option<[String; 2]>,
    /// The share of a processor that is set aside for it.
    pub cpu: String,
    /// The number of the user that it runs as.
    pub user: Option<u32>,
    /// How many of it run.
    pub scale: Option<Scale>,
    /// Files that are there only when it runs.
    pub mount: Vec<MountManifest>,
    /// Who meets it from outside, and about what; nobody where another stands in front.
    pub public: Option<Public>,
    /// Its variables, by target.
    pub env: ByTarget,
    /// What it needs, in the order of its manifest, then of the components that add needs.
    pub needs: Vec<Need>,
    /// Those that it waits for when it starts, by name.
    pub after: Vec<String>,
    /// What is done once with providers among those, before it starts.
    pub tasks: Vec<Task>,
    /// What is done by itself after that, before it starts.
    pub before: Vec<OwnTask>,
    /// All that it waits for by itself, by name: `after` and `before`.
    pub waits: Vec<String>,
    /// What only one target reads, by target.
    pub at: Map<String, Value>,
}

/// What is done before the workloads of a service start, from their image.
#[derive(Debug, Clone, Serialize)]
pub struct OwnTask {
    /// Its name: that of the service, and its own.
    pub name: String,
    /// Those that it waits for, by name: as the workload, and what is done with providers first.
    pub after: Vec<String>,
    /// What its manifest says.
    #[serde(flatten)]
    pub manifest: OwnTaskManifest,
}

/// What is built, and holds workloads.
#[derive(Debug, Clone, Serialize)]
pub struct Image {
    /// Its name: that of the service, of the kind whose services share it, or of the workload that
    /// belongs to no service.
    pub name: String,
    /// The service that it belongs to; empty where it belongs to none, or to all of a kind.
    pub service: String,
    /// Its folder, from the root of the project.
    pub folder: String,
    /// What it holds: of each service what it starts by itself, then the rest.
    pub workloads: Vec<Workload>,
}

/// How it is seen that a workload works.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    /// The name of the port that is asked; empty for the one of its bindings.
    pub port: String,
    /// Its number.
    pub number: u16,
    /// The path that answers 200 when it can be used.
    pub ready: String,
    /// The path that answers 200 while it is alive.
    pub live: String,
    /// The path that answers 200 once it has started.
    pub start: String,
    /// How long a start may take, in seconds.
    pub start_s: u32,
    /// The command that asks, from within.
    pub command: Vec<String>,
}

/// How many of a workload run.
#[derive(Debug, Clone, Serialize)]
pub struct Scale {
    /// What its manifest says.
    #[serde(flatten)]
    pub manifest: ScaleManifest,
    /// The provider that is asked how much waits; empty where a need is not what it follows.
    pub provider: String,
    /// How that one is asked.
    pub load: Option<Load>,
}

/// How it is seen from outside how much waits.
#[derive(Debug, Clone, Serialize)]
pub struct Load {
    /// What its manifest says.
    #[serde(flatten)]
    pub manifest: LoadManifest,
    /// The number of the port that is asked.
    pub number: u16,
    /// What the one who asks is told, by target.
    pub metadata: BTreeMap<String, IndexMap<String, String>>,
}

/// Who meets a workload from outside.
#[derive(Debug, Clone, Serialize)]
pub struct Public {
    /// The node of the diagram that does.
    pub by: String,
    /// What they say.
    pub text: String,
    /// Whether it is the first that they meet.
    pub first: bool,
    /// Whom they mean: what it stands in front of, by its first such need, or itself.
    pub serves: Vec<Served>,
}

/// Whom somebody means who meets a workload from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Its name.
    pub name: String,
    /// Whether it comes with its component by itself; further ones were added by people.
    pub own: bool,
}

/// Something that workloads lean on.
#[derive(Debug, Clone, Serialize)]
pub struct Provider {
    /// Its name, which no other part has.
    pub name: String,
    /// The component that brings it.
    pub component: String,
    /// Its folder, from the root of the project.
    pub folder: String,
    /// The port that its bindings are at.
    pub port: u16,
    /// Its further ports.
    pub ports: IndexMap<String, u16>,
    /// Names of what only it and those who need it know.
    pub secrets: Vec<String>,
    /// The bindings that it meets, those of other components that it carries among them.
    pub bindings: Vec<String>,
    /// What its secret holds beside the secrets themselves, by target that keeps one.
    pub keys: BTreeMap<String, Vec<Key>>,
    /// How it runs from an image.
    pub run: Option<Run>,
    /// What is done with it once, before those start that wait for it.
    pub tasks: Vec<Task>,
    /// What only one target reads, by target.
    pub at: Map<String, Value>,
}

/// How a provider runs from an image.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// What its manifest says.
    #[serde(flatten)]
    pub manifest: RunManifest,
    /// Its variables, by target that runs images.
    pub env: ByTarget,
}

/// What is done with a provider once, from its image, before those start that wait for it.
#[derive(Debug, Clone, Serialize)]
pub struct Task {
    /// Its name: that of the provider, and its own.
    pub name: String,
    /// The provider.
    pub provider: String,
    /// The provider's folder, from the root of the project.
    pub folder: String,
    /// The name under which the provider's image is pinned; empty where it has none.
    pub pin: String,
    /// The number of the user that it runs as, which is the provider's.
    pub user: Option<u32>,
    /// What it does.
    pub doc: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its variables, by target that runs images.
    pub env: ByTarget,
    /// What only one target reads, by target.
    pub at: Map<String, Value>,
}

/// A key of a provider's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Its name.
    pub key: String,
    /// What it holds.
    pub value: String,
}

/// The variables of a workload, by target.
pub type ByTarget = BTreeMap<String, Vec<Variable>>;

/// A variable of a workload in one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; empty where the target refers to a secret.
    pub value: String,
    /// The provider whose secret holds it; empty where its value stands here.
    pub secret: String,
    /// Its key in that secret.
    pub key: String,
    /// What it is for; may be empty.
    pub doc: String,
}

/// A need of a workload, and what meets it.
#[derive(Debug, Clone, Serialize)]
pub struct Need {
    /// The binding.
    pub binding: String,
    /// What about.
    pub text: String,
    /// Whether the workload waits for it when it starts.
    pub start: bool,
    /// Whether the workload stands in front of what meets it.
    pub front: bool,
    /// What meets it; empty only where it may remain unmet.
    pub ends: Vec<End>,
}

/// What meets a need.
#[derive(Debug, Clone, Serialize)]
pub struct End {
    /// Its name.
    pub name: String,
    /// The number of the port that its binding is at.
    pub port: u16,
    /// `{host, port, url}` as they are in each target.
    pub at: Map<String, Value>,
}

/// An arrow of the diagram, and what may connect to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrow {
    /// Who begins the conversation.
    pub from: String,
    /// Who answers.
    pub to: String,
    /// At which port.
    pub port: u16,
    /// What about.
    pub text: String,
}

/// What those say that `needs` stand in front of.
#[must_use]
pub fn fronts(needs: &[Need]) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for need in needs.iter().filter(|need| need.front && !need.ends.is_empty()) {
        if !texts.contains(&need.text.as_str()) {
            texts.push(&need.text);
        }
    }
    texts.join(", ")
}

/// The images that hold `workloads`, in their order.
#[must_use]
pub fn images(workloads: &[Workload]) -> Vec<Image> {
    let mut images: Vec<Image> = Vec::new();
    for workload in workloads {
        match images.iter_mut().find(|image| image.name == workload.image) {
            Some(image) => image.workloads.push(workload.clone()),
            None => images.push(Image {
                name: workload.image.clone(),
                service: if workload.shared { String::new() } else { workload.service.clone() },
                folder: workload.folder.clone(),
                workloads: vec![workload.clone()],
            }),
        }
    }
    images
}

/// The arrows of all workloads; those between the same two at one port are one.
#[must_use]
pub fn edges(workloads: &[Workload]) -> Vec<Arrow> {
    let mut edges: Vec<Arrow> = Vec::new();
    for workload in workloads {
        let public = workload.public.iter().zip(workload.port).map(|(public, port)| Arrow {
            from: public.by.clone(),
            to: workload.name.clone(),
            port,
            text: public.text.clone(),
        });
        let needed = workload.needs.iter().flat_map(|need| {
            need.ends.iter().map(|end| Arrow {
                from: workload.name.clone(),
                to: end.name.clone(),
                port: end.port,
                text: need.text.clone(),
            })
        });
        for arrow in public.chain(needed) {
            let same = |other: &&mut Arrow| {
                (&other.from, &other.to, other.port) == (&arrow.from, &arrow.to, arrow.port)
            };
            match edges.iter_mut().find(same) {
                Some(there) => there.text = format!("{}, {}", there.text, arrow.text),
                None => edges.push(arrow),
            }
        }
    }
    edges
}
