//! What manifests may say of how parts dock to each other: what runs, what it leans on, what the one
//! needs and the other offers, and which parts of addresses a target supplies.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// One process that runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadManifest {
    /// What it is made with, for the diagram.
    #[serde(default)]
    pub note: String,
    /// Its folder from the root of the project; that of its service where it has one.
    #[serde(default)]
    pub folder: String,
    /// The program and its arguments; empty where the image alone knows.
    #[serde(default)]
    pub command: Vec<String>,
    /// The port that its bindings are at.
    #[serde(default)]
    pub port: Option<u16>,
    /// Further ports, by name.
    #[serde(default)]
    pub ports: IndexMap<String, u16>,
    /// How it is seen that it works.
    #[serde(default)]
    pub health: Option<HealthManifest>,
    /// How long it may take to stop: the name of a number that the pack's templates know.
    #[serde(default)]
    pub grace: String,
    /// The memory that is set aside for it, and the most that it may have.
    #[serde(default)]
    pub memory: Option<[String; 2]>,
    /// The share of a processor that is set aside for it.
    #[serde(default)]
    pub cpu: String,
    /// The number of the user that it runs as; that of its runtime unless given.
    #[serde(default)]
    pub user: Option<u32>,
    /// How many of it run; without, as many as the target says.
    #[serde(default)]
    pub scale: Option<ScaleManifest>,
    /// Files that are there only when it runs.
    #[serde(default)]
    pub mount: Vec<MountManifest>,
    /// Who meets it from outside, unless another stands in front.
    #[serde(default)]
    pub public: Option<PublicManifest>,
    /// What it offers to others.
    #[serde(default)]
    pub offer: IndexMap<String, OfferManifest>,
    /// What it needs of others.
    #[serde(default)]
    pub need: IndexMap<String, NeedManifest>,
    /// Further variables of it.
    #[serde(default)]
    pub set: IndexMap<String, VariableManifest>,
    /// What only one target reads: by target, a table that templates get as it is.
    #[serde(default)]
    pub at: IndexMap<String, toml::Table>,
}

/// How it is seen that a workload works.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HealthManifest {
    /// The name of the port that is asked; the one of its bindings unless given.
    #[serde(default)]
    pub port: String,
    /// The path that answers 200 when it can be used.
    pub ready: String,
    /// The path that answers 200 while it is alive; `ready` unless given.
    #[serde(default)]
    pub live: String,
    /// The path that answers 200 once it has started; `live` unless given.
    #[serde(default)]
    pub start: String,
    /// How long a start may take, in seconds.
    #[serde(default = "HealthManifest::default_start_s")]
    pub start_s: u32,
    /// The command that tells, where there is no other way to ask.
    #[serde(default)]
    pub command: Vec<String>,
}

impl HealthManifest {
    fn default_start_s() -> u32 {
        60
    }
}

/// How many of a workload run.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleManifest {
    /// What it follows: `cpu`, or one of its needs.
    pub on: String,
    /// From which load on there is one more.
    pub at: u32,
    /// The name of a number that the pack's templates know, which `at` is multiplied by.
    #[serde(default)]
    pub limit: String,
    /// The fewest and the most.
    pub between: [u32; 2],
}

/// Files that are there only when a workload runs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MountManifest {
    /// The name of the secret that holds them.
    pub secret: String,
    /// The file in it.
    pub key: String,
    /// The folder that they are in.
    pub path: String,
    /// The variable that names the file.
    pub env: String,
    /// Whether the workload starts without.
    #[serde(default)]
    pub optional: bool,
    /// What it holds.
    pub doc: String,
}

/// Who meets a workload from outside.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicManifest {
    /// The node of the diagram that does.
    pub by: String,
    /// What they say; that of what it stands in front of unless given.
    #[serde(default)]
    pub text: String,
}

/// Something that workloads lean on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderManifest {
    /// Its name in the project; the component's unless given.
    #[serde(default)]
    pub name: String,
    /// Its folder from the root of the project.
    #[serde(default)]
    pub folder: String,
    /// The port that its bindings are at.
    pub port: u16,
    /// Further ports, by name.
    #[serde(default)]
    pub ports: IndexMap<String, u16>,
    /// Names of what only it and those who need it know.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// How it runs from an image, for targets that run images.
    #[serde(default)]
    pub run: Option<RunManifest>,
    /// What is done with it once, before those start that wait for it: by name.
    #[serde(default)]
    pub task: IndexMap<String, TaskManifest>,
    /// What only one target reads: by target, a table that templates get as it is.
    #[serde(default)]
    pub at: IndexMap<String, toml::Table>,
}

/// How a provider runs from an image that others build.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunManifest {
    /// The name under which the image is pinned, in a table that the pack's templates know.
    pub pin: String,
    /// The number of the user that it runs as.
    pub user: u32,
    /// The name of that user in the image, for targets that take one: variants of an image may have
    /// other numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The program and its arguments; what the image starts by itself unless given.
    #[serde(default)]
    pub command: Vec<String>,
    /// Its variables: patterns over its own parts.
    #[serde(default, skip_serializing)]
    pub env: IndexMap<String, VariableManifest>,
    /// Files of its folder, each with the path at which it reads them.
    #[serde(default)]
    pub files: IndexMap<String, String>,
    /// What it keeps.
    #[serde(default)]
    pub data: Option<DataManifest>,
    /// Folders beside `/tmp` that it writes to and that nothing is kept of.
    #[serde(default)]
    pub scratch: Vec<String>,
    /// The command that tells from within that it can be used.
    pub ready: Vec<String>,
    /// The command that tells that it is alive; `ready` unless given.
    #[serde(default)]
    pub live: Vec<String>,
    /// How long a start may take, in seconds.
    #[serde(default = "RunManifest::default_start_s")]
    pub start_s: u32,
    /// How long it may take to stop, in seconds.
    #[serde(default = "RunManifest::default_stop_s")]
    pub stop_s: u32,
    /// The memory that is set aside for it, and that it may have.
    pub memory: String,
    /// The share of a processor that is set aside for it.
    #[serde(default = "RunManifest::default_cpu")]
    pub cpu: String,
}

impl RunManifest {
    fn default_start_s() -> u32 {
        60
    }

    fn default_stop_s() -> u32 {
        60
    }

    fn default_cpu() -> String {
        "250m".to_owned()
    }
}

/// What a provider keeps.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DataManifest {
    /// The folder that it is in.
    pub path: String,
    /// How much room it gets.
    pub size: String,
}

/// What is done with a provider once, from its own image, before those start that wait for it. It may be
/// done again and several times at once, and has to come to the same then.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskManifest {
    /// What it does, for people.
    pub doc: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its variables: patterns over the provider's parts.
    #[serde(default)]
    pub env: IndexMap<String, VariableManifest>,
    /// What only one target reads: by target, a table that templates get as it is.
    #[serde(default)]
    pub at: IndexMap<String, toml::Table>,
}

/// What is done before the workloads of a service start, from their image and with the variables of its
/// first one. It may be done again and several times at once, and has to come to the same then.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OwnTaskManifest {
    /// What it does, for people.
    pub doc: String,
    /// The program and its arguments.
    pub command: Vec<String>,
}

/// A binding that is offered.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferManifest {
    /// The binding that carries this one: whoever offers that meets this need as well.
    #[serde(default)]
    pub via: Option<String>,
    /// Where it is: a pattern over parts. Needs read it as `{url}`.
    #[serde(default)]
    pub url: Option<String>,
    /// Variables that every workload gets that has the need.
    #[serde(default)]
    pub env: IndexMap<String, VariableManifest>,
    /// Further keys of the provider's secret, for targets that keep one: patterns over parts.
    #[serde(default)]
    pub keys: IndexMap<String, String>,
    /// How it is seen from outside how much waits for those who need it.
    #[serde(default)]
    pub load: Option<LoadManifest>,
}

/// How it is seen from outside how much waits for those who need a binding: what a scaler is told.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LoadManifest {
    /// The kind of scaler that can ask.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the port that it asks; the one of the binding unless given.
    #[serde(default)]
    pub port: String,
    /// What it is told: patterns over parts.
    #[serde(default, skip_serializing)]
    pub metadata: IndexMap<String, String>,
    /// The name under which it is told from which load on there is one more.
    pub at: String,
    /// What it takes from the provider's secret: its own name for it, and the key.
    #[serde(default)]
    pub auth: IndexMap<String, String>,
}

/// Something that a workload needs: the binding is the key of the table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeedManifest {
    /// What about, for the diagram.
    pub text: String,
    /// Which of those that offer it.
    #[serde(default)]
    pub from: Which,
    /// Whether the workload waits for it when it starts.
    #[serde(default = "NeedManifest::hard")]
    pub start: bool,
    /// Whether it may remain unmet.
    #[serde(default)]
    pub optional: bool,
    /// Whether the workload stands in front of those who offer it: then nobody outside meets them.
    #[serde(default)]
    pub front: bool,
    /// Variables that say where it is met, beside those of the offer.
    #[serde(default)]
    pub env: IndexMap<String, VariableManifest>,
}

impl NeedManifest {
    fn hard() -> bool {
        true
    }
}

/// Which of those that offer a binding meet a need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The first: services that come with a component are before those that people add.
    #[default]
    First,
    /// Each of them.
    All,
    /// The one of the same service.
    #[serde(rename = "self")]
    Own,
}

/// The value of a variable: a pattern, or what differs from target to target.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum VariableManifest {
    /// The same pattern everywhere.
    Everywhere(String),
    /// A pattern with more to say.
    Varied(Varied),
}

/// A variable with more to say than a pattern.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Varied {
    /// The pattern, where no target has its own; without, only those targets know the variable.
    #[serde(default)]
    pub value: Option<String>,
    /// Patterns of single targets.
    #[serde(default)]
    pub at: IndexMap<String, String>,
    /// What stands between the values of several that meet the need.
    #[serde(default)]
    pub join: String,
    /// Its key in the provider's secret, for targets that keep one: a pattern over parts; the name of
    /// the secret where its own pattern is that alone, and `url` else, unless given.
    #[serde(default)]
    pub key: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub doc: String,
}

impl Varied {
    /// The pattern in `target`; `None` where the variable is not known there.
    #[must_use]
    pub fn pattern(&self, target: &str) -> Option<&str> {
        self.at.get(target).or(self.value.as_ref()).map(String::as_str)
    }

    /// Its key in the provider's secret where its pattern is `pattern`.
    #[must_use]
    pub fn key_of<'a>(&'a self, pattern: &'a str) -> &'a str {
        self.key.as_deref().or(sole_secret(pattern)).unwrap_or("url")
    }
}

impl VariableManifest {
    /// The variable with all that can be said of it.
    #[must_use]
    pub fn varied(&self) -> Varied {
        match self {
            Self::Everywhere(value) => Varied { value: Some(value.clone()), ..Varied::default() },
            Self::Varied(varied) => varied.clone(),
        }
    }
}

/// The name of the secret that a pattern is and nothing else.
#[must_use]
pub fn sole_secret(pattern: &str) -> Option<&str> {
    let name = pattern.strip_prefix("{secret.")?.strip_suffix('}')?;
    (!name.contains(['{', '}'])).then_some(name)
}

/// A language that workloads are written in.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeManifest {
    /// Ports that each of its workloads has, by name.
    #[serde(default)]
    pub ports: IndexMap<String, u16>,
    /// The number of the user that they run as.
    pub user: u32,
    /// The command that asks a workload whether it is ready, with `{url}` for where.
    #[serde(default)]
    pub check: Vec<String>,
}

/// A place where a project runs, and the parts that it supplies to patterns.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetManifest {
    /// `{host}`: a pattern over `{name}`.
    pub host: String,
    /// `{port}`: a pattern over `{name}`, `{port}` (the number) and `{which}` (`port`, or
    /// `port.<name>`).
    pub port: String,
    /// `{secret.<name>}`: a pattern over `{name}`, `{secret}` and both in capitals.
    #[serde(default)]
    pub secret: Option<String>,
    /// Whether providers and their tasks run from images there.
    #[serde(default)]
    pub images: bool,
    /// Whether variables with a secret in them stand in a secret of the provider that workloads
    /// refer to.
    #[serde(default)]
    pub refers: bool,
}
