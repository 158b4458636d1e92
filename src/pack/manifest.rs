//! What `pack.toml` and `component.toml` may say. Unknown fields are errors, so that a typo
//! is a message and not a missing feature.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::pack::docking::{
    NeedManifest, OfferManifest, OwnTaskManifest, ProviderManifest, RuntimeManifest,
    TargetManifest, VariableManifest, WorkloadManifest,
};
use crate::text::tag::Delimiters;

/// `pack.toml`: what holds for the whole pack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackManifest {
    /// Name of the pack, as it stands in the lock of a project.
    pub name: String,
    /// Version of the pack, semantic.
    pub version: String,
    /// One line for `scaffold list`.
    pub summary: String,
    /// Six two-byte strings that begin and end Tera's blocks, variables and comments.
    #[serde(default)]
    pub delimiters: Delimiters,
    /// Places that exactly one of several components fills.
    #[serde(default)]
    pub slots: IndexMap<String, SlotManifest>,
    /// Named sets of choices, for `--preset`.
    #[serde(default)]
    pub presets: IndexMap<String, PresetManifest>,
    /// Names that components may contribute to.
    #[serde(default)]
    pub contributions: IndexMap<String, ContributionManifest>,
    /// Lock files of package managers that are pruned to what the rendered project needs.
    #[serde(default)]
    pub lockfile: Vec<LockfileManifest>,
    /// Tables of pinned versions, relative to the pack: `[table] name = "version"`.
    #[serde(default)]
    pub versions: Option<String>,
    /// What components of others may bring and none of this pack has to: names that templates read, such
    /// as `tasks` or `provider.ports`. Branches whose conditions read one need no project that renders
    /// them.
    #[serde(default)]
    pub unused: Vec<String>,
    /// What a rendered project may hold at most.
    #[serde(default)]
    pub limits: Limits,
    /// Where names stand that are made of the project's and the services' names, and what holds of
    /// them.
    #[serde(default)]
    pub names: Vec<NamesManifest>,
    /// What people see after `new`.
    #[serde(default)]
    pub after: After,
    /// What `scaffold plan --diagram` draws.
    #[serde(default)]
    pub diagram: Option<DiagramManifest>,
    /// Programs that `scaffold doctor` looks for.
    #[serde(default)]
    pub doctor: Vec<DoctorManifest>,
    /// What has another name or place since an older version, the oldest first.
    #[serde(default)]
    pub migrate: Vec<MigrateManifest>,
}

/// What has another name or place since a version of the pack: old to new. An update carries
/// projects of older versions over before it reads them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrateManifest {
    /// The first version in which the new names hold: projects of versions before it are carried over.
    pub before: String,
    /// Components, by id or by flag.
    #[serde(default)]
    pub components: IndexMap<String, String>,
    /// Slots; or, for a slot that keeps its name, the components that fill it.
    #[serde(default)]
    pub slots: IndexMap<String, Renaming>,
    /// Options; or, for an option that keeps its name, its values.
    #[serde(default)]
    pub options: IndexMap<String, Renaming>,
    /// Kinds of service.
    #[serde(default)]
    pub kinds: IndexMap<String, String>,
    /// Components with a flag of which every project had the files: they stay on, where they apply.
    #[serde(default)]
    pub kept: Vec<String>,
    /// Files of projects: patterns in which `*` is one part of the path, and `**` all that follow.
    /// The first that fits counts.
    #[serde(default)]
    pub paths: IndexMap<String, String>,
}

/// Another name of a choice, or of what can be chosen there.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a new name, or a table of old values and what each is called now")]
pub enum Renaming {
    /// The choice is called so now.
    Name(String),
    /// Its values, old to new.
    Values(IndexMap<String, String>),
}

/// A place that exactly one component fills.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotManifest {
    /// What the choice is about, for help and prompts.
    pub summary: String,
    /// The kinds of service that have it: each of their services chooses what fills it. Without any,
    /// the project chooses once.
    #[serde(default)]
    pub of: OneOrMore,
}

impl SlotManifest {
    /// The kinds whose services have it; `None` alone for a slot of the project.
    pub fn kinds(&self) -> impl Iterator<Item = Option<&str>> {
        let kinds = self.of.0.iter().map(|kind| Some(kind.as_str()));
        kinds.chain(self.of.0.is_empty().then_some(None))
    }
}

/// A name, or a list of names.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "NameOrNames")]
pub struct OneOrMore(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a name, or a list of names")]
enum NameOrNames {
    One(String),
    More(Vec<String>),
}

impl From<NameOrNames> for OneOrMore {
    fn from(names: NameOrNames) -> Self {
        match names {
            NameOrNames::One(name) => Self(vec![name]),
            NameOrNames::More(names) => Self(names),
        }
    }
}

/// A named set of choices.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetManifest {
    /// What it is for.
    pub summary: String,
    /// The choices, in the form of an answers file.
    pub answers: toml::Table,
}

/// A name that components may contribute to; templates always find it, empty if unused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContributionManifest {
    /// Whether contributions are appended or put together by key.
    #[serde(rename = "type")]
    pub shape: ContributionShape,
    /// Whether the project has one, or each service instance its own.
    #[serde(default)]
    pub scope: ContributionScope,
    /// What templates do with it.
    pub summary: String,
}

/// How several contributions to one name come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContributionShape {
    /// Appended in pack order; a value that is there already is not repeated.
    List,
    /// Put together by key; one key with two values is an error.
    Map,
}

/// Whose a contribution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContributionScope {
    /// One for the project: written under `[contribute]` or `[each.<kind>]`.
    #[default]
    Project,
    /// One per service instance, seen as `service.<name>`: written under `[to.<kind>]`.
    Service,
}

/// A lock file that is cut down to the selection.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockfileManifest {
    /// Whose format it has.
    pub format: LockfileFormat,
    /// The lock of everything, relative to the pack.
    pub source: String,
    /// Where the pruned lock goes in the project.
    pub path: String,
    /// The component to which the file belongs.
    pub component: String,
    /// The command that renews it in the project, for when the user's differs.
    #[serde(default)]
    pub renew: String,
}

/// Lock formats that can be pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockfileFormat {
    /// `package-lock.json`, lockfile version 3.
    Npm,
}

/// What a rendered project may hold at most: a runaway loop is an error, not a full disk.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Number of files.
    #[serde(default = "Limits::default_files")]
    pub files: usize,
    /// Size of all files together, in bytes.
    #[serde(default = "Limits::default_bytes")]
    pub bytes: usize,
}

impl Limits {
    fn default_files() -> usize {
        20_000
    }

    fn default_bytes() -> usize {
        256 << 20
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { files: Self::default_files(), bytes: Self::default_bytes() }
    }
}

/// Names that are made of the project's and the services' names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamesManifest {
    /// What has the name, as people say it: `npm workspace`.
    pub what: String,
    /// The rendered files that it stands in; `*` stands for any text.
    pub files: String,
    /// The line that it stands in, from its first character to its last; `*` stands for the name.
    pub line: String,
    /// A line above it that says within what the name is told from others, such as `kind: '*'`.
    #[serde(default)]
    pub within: Option<String>,
    /// Whether it may be there only once.
    #[serde(default)]
    pub unique: bool,
    /// The most characters that it may have.
    #[serde(default)]
    pub longest: Option<usize>,
    /// Names that belong to somebody else; `*` stands for any text.
    #[serde(default)]
    pub reserved: Vec<String>,
}

/// What people see after `new`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// A list contribution of `{path, text}` that explains folders in the summary.
    #[serde(default)]
    pub folders: Option<String>,
    /// The commands to run first, inside the project.
    #[serde(default)]
    pub next: Vec<String>,
    /// What those commands need, in parentheses behind them.
    #[serde(default)]
    pub needs: String,
}

/// What `scaffold plan --diagram` draws.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiagramManifest {
    /// A list contribution of `{id, note, shape}`.
    pub nodes: String,
    /// A list contribution of `{from, to, text}`.
    pub edges: String,
}

/// A program that the generated project needs on the machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoctorManifest {
    /// Its name.
    pub name: String,
    /// The command that prints its version.
    pub command: Vec<String>,
    /// The least version that works, such as `3.11`.
    #[serde(default)]
    pub minimum: Option<String>,
    /// Whether the project does not run without it.
    #[serde(default)]
    pub required: bool,
    /// What it is needed for, and what happens without.
    pub summary: String,
}

/// `component.toml`: one folder of the pack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentManifest {
    /// One line for help, prompts and documents.
    pub summary: String,
    /// The flag that turns it on: `--<flag>`, `--no-<flag>`.
    #[serde(default)]
    pub flag: Option<String>,
    /// The slot that it can fill.
    #[serde(default)]
    pub slot: Option<String>,
    /// With a `slot` of services: fills it only for those of this kind or runtime.
    #[serde(default)]
    pub of: Option<String>,
    /// In every project.
    #[serde(default)]
    pub always: bool,
    /// Only there where another component requires it.
    #[serde(default)]
    pub derived: bool,
    /// With `flag`: on unless switched off. With `slot`: fills it unless another is chosen;
    /// of services, one for each kind.
    #[serde(default)]
    pub default: bool,
    /// Components or slots that it needs.
    #[serde(default)]
    pub requires: Vec<String>,
    /// With `flag`: components of which one must be there. Without, it is off whatever `default`
    /// says, and cannot be switched on.
    #[serde(default)]
    pub applies: Vec<String>,
    /// Components with which it cannot be.
    #[serde(default)]
    pub conflicts: Vec<String>,
    /// Rendered paths of its own files that get the executable bit.
    #[serde(default)]
    pub executable: Vec<String>,
    /// Former paths of its files: `new = "old"`.
    #[serde(default)]
    pub renamed: BTreeMap<String, String>,
    /// Versions that it pins, by table: they are among those of the pack.
    #[serde(default)]
    pub versions: toml::Table,
    /// Lock files among its files, each with the command that renews it: never merged by lines.
    #[serde(default)]
    pub locks: BTreeMap<String, String>,
    /// What the user can set.
    #[serde(default)]
    pub option: Vec<OptionManifest>,
    /// Kinds of service that it brings.
    #[serde(default)]
    pub kind: IndexMap<String, KindManifest>,
    /// Service instances that a project has from the start.
    #[serde(default)]
    pub service: Vec<ServiceManifest>,
    /// Further names that components may contribute to.
    #[serde(default)]
    pub contributions: IndexMap<String, ContributionManifest>,
    /// Contributions, once per project.
    #[serde(default)]
    pub contribute: toml::Table,
    /// Contributions to the project's names, where another component is on as well.
    #[serde(default)]
    pub with: IndexMap<String, toml::Table>,
    /// Contributions to the project's names, once per service instance of a kind.
    #[serde(default)]
    pub each: IndexMap<String, EachManifest>,
    /// What it gives to each service instance of a kind, or, under [`EVERY_WORKLOAD`], to all that
    /// runs.
    #[serde(default)]
    pub to: IndexMap<String, ToManifest>,
    /// Something that workloads lean on and that the project does not write itself.
    #[serde(default)]
    pub provider: Option<ProviderManifest>,
    /// The bindings that the provider offers, or that it lets another component's provider offer.
    #[serde(default)]
    pub offer: IndexMap<String, OfferManifest>,
    /// What runs once in a project and belongs to no service.
    #[serde(default)]
    pub workload: IndexMap<String, WorkloadManifest>,
    /// Languages that workloads are written in.
    #[serde(default)]
    pub runtime: IndexMap<String, RuntimeManifest>,
    /// Places where a project runs.
    #[serde(default)]
    pub target: IndexMap<String, TargetManifest>,
}

/// The name under `[to]` that stands for all workloads.
pub const EVERY_WORKLOAD: &str = "workload";

/// What a component gives to services of others.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ToManifest {
    /// What their workloads need because of it.
    #[serde(default)]
    pub need: IndexMap<String, NeedManifest>,
    /// Variables of their workloads.
    #[serde(default)]
    pub set: IndexMap<String, VariableManifest>,
    /// Contributions to the services' own names.
    #[serde(flatten)]
    pub own: toml::Table,
}

/// Contributions once per service instance.
#[derive(Debug, Clone, Deserialize)]
pub struct EachManifest {
    /// Contributions once per pair of such a service and one of another kind.
    #[serde(default)]
    pub each: IndexMap<String, toml::Table>,
    /// Contributions once per such a service.
    #[serde(flatten)]
    pub own: toml::Table,
}

/// A kind of service; `files@<kind>/` is rendered once per instance.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindManifest {
    /// What such a service does.
    pub summary: String,
    /// The language that it is written in.
    #[serde(default)]
    pub runtime: Option<String>,
    /// Whether all services of the kind share one copy of the code, `code@<kind>/`, and one image.
    /// Else each has its own, to be changed on its own.
    #[serde(default)]
    pub shared: bool,
    /// What runs of it: the first has the service's name and is what its image starts by itself;
    /// each further one is called `<service>-<name>`.
    #[serde(default)]
    pub workload: IndexMap<String, WorkloadManifest>,
    /// What is done before those of one service start, called `<service>-<name>`.
    #[serde(default)]
    pub task: IndexMap<String, OwnTaskManifest>,
}

/// A service instance that comes with a component.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceManifest {
    /// Its name, and its folder's.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Whether it is there only while nobody names a service of its kind: something to begin with.
    #[serde(default)]
    pub example: bool,
}

/// A value that the user can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionManifest {
    /// Its name: `--<id> VALUE`, `--set <id>=VALUE`.
    pub id: String,
    /// What values it takes.
    #[serde(rename = "type")]
    pub shape: OptionShape,
    /// Its value where none is given.
    pub default: toml::Value,
    /// One line for help, prompts and documents.
    pub help: String,
    /// The choices of an `enum`.
    #[serde(default)]
    pub values: Vec<String>,
    /// The most characters of a `string`.
    #[serde(default)]
    pub max_length: Option<usize>,
    /// The least value of an `int`.
    #[serde(default)]
    pub minimum: Option<i64>,
    /// The greatest value of an `int`.
    #[serde(default)]
    pub maximum: Option<i64>,
}

/// The types of options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionShape {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// One line of text.
    String,
    /// One of `values`.
    Enum,
}
