//! `scaffold plan`: what `new` would write, or what an operation would change.

use std::fmt::Write as _;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

use crate::commands::new::{bytes, size};
use crate::commands::operate::{Flags, flags, operate};
use crate::commands::session::{Does, Entry, Session, Words, selection};
use crate::project::state::render;
use crate::render::plan;
use crate::render::tree::Tree;
use crate::terminal::arguments::chosen;
use crate::terminal::output::{SCHEMA, print, print_json};
use crate::text::diagram::Diagram;
use crate::text::error::{Error, Place, Problem};

/// Shows what `new` would write, or what an operation would change.
pub const ENTRY: Entry = Entry {
    schemas: &[("plan", |_| schema_for!(Plan).to_value())],
    is_about_a_project: true,
    ..Entry::new("plan", arguments, run)
};

/// The one form of diagrams.
const FORM: &str = "mermaid";

fn arguments(command: Command, words: &Words) -> Command {
    let command = command
        .about("Show what `new` would write, or what an operation would change")
        .args_conflicts_with_subcommands(true)
        .subcommand_help_heading("Operations")
        .arg(
            Arg::new("diagram")
                .long("diagram")
                .value_name("FORM")
                .num_args(0..=1)
                .default_missing_value(FORM)
                .value_parser(PossibleValuesParser::new([FORM]))
                .help("Print which part talks to which instead, as a diagram"),
        );
    let operations = words.commands.iter().filter(|entry| matches!(entry.does, Does::Change(_)));
    words
        .choosing(command, false)
        .subcommands(operations.map(|entry| (entry.arguments)(Command::new(entry.name), words)))
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    if let Some((name, inner)) = matches.subcommand() {
        let does = session.commands.iter().find(|entry| entry.name == name).map(|entry| entry.does);
        let Some(Does::Change(operation)) = does else {
            unreachable!("`arguments` adds no other");
        };
        return operate(session, &operation(inner)?, Flags { dry_run: true, ..flags(inner) });
    }
    let selection = selection(session, &chosen(session.pack, matches)?)?;
    let command = selection.choices(session.pack).command(session.pack);
    let plan = plan::Plan::new(session.pack, selection)?;
    let tree = render(&plan)?;
    let is_drawn = matches.contains_id("diagram");
    let diagram = is_drawn.then(|| drawn(&plan)).transpose()?;
    if session.json {
        print_json(&Plan::of(&plan, &tree, command, diagram), false)?;
        return Ok(0);
    }
    if let Some(diagram) = diagram {
        print(&diagram)?;
        return Ok(0);
    }
    let mut text = format!("{}: {}\n\n", plan.selection.name.as_str(), size(&tree));
    let components: Vec<&str> =
        plan.components.iter().map(|component| component.id.as_str()).collect();
    let _ = writeln!(text, "components  {}", components.join(", "));
    for service in &plan.services {
        let _ =
            writeln!(text, "service     {} ({}) in {}/", service.name, service.kind, service.path);
    }
    text.push('\n');
    for (path, file) in tree.iter() {
        let _ = writeln!(text, "{:>9}  {path}", bytes(file.bytes.len()));
    }
    let _ = writeln!(text, "\n{command}");
    print(&text)?;
    Ok(0)
}

/// The pack's diagram of the plan.
fn drawn(plan: &plan::Plan) -> Result<String, Error> {
    let Some(names) = &plan.pack.manifest.diagram else {
        return Err(Error::usage(
            format!("the pack `{}` has no diagram", plan.pack.manifest.name),
            "`[diagram]` in its pack.toml says what is drawn",
        ));
    };
    let value = |name: &String| plan.context.get(name).cloned().unwrap_or_default();
    let graph = serde_json::json!({"nodes": value(&names.nodes), "edges": value(&names.edges)});
    let diagram: Result<Diagram, String> =
        serde_json::from_value(graph).map_err(|error| error.to_string());
    diagram
        .and_then(|diagram| diagram.mermaid())
        .map_err(|reason| Error::Pack(vec![Problem::new(Place::file("pack.toml"), reason)]))
}

/// Answer of `scaffold plan`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Plan {
    /// Version of this form.
    pub schema: u32,
    /// Name of the project.
    pub project: String,
    /// Ids of all components, those that follow from others included, in pack order.
    pub components: Vec<String>,
    /// The service instances, by name.
    pub services: Vec<Service>,
    /// Every file, by path.
    pub files: Vec<PlannedFile>,
    /// Size of all files, in bytes.
    pub bytes: usize,
    /// `sha256:` over paths, contents and executable bits.
    pub digest: String,
    /// The command line that chooses the same.
    pub command: String,
    /// The diagram, where `--diagram` asks for it.
    pub diagram: Option<String>,
}

impl Plan {
    fn of(plan: &plan::Plan, tree: &Tree, command: String, diagram: Option<String>) -> Self {
        let services = plan.services.iter().map(|service| Service {
            name: service.name.clone(),
            kind: service.kind.clone(),
            path: service.path.clone(),
        });
        let files = tree.iter().map(|(path, file)| PlannedFile {
            path: path.to_owned(),
            component: file.component.clone(),
            bytes: file.bytes.len(),
            executable: file.executable,
        });
        Self {
            schema: SCHEMA,
            project: plan.selection.name.as_str().to_owned(),
            components: plan.components.iter().map(|component| component.id.clone()).collect(),
            services: services.collect(),
            files: files.collect(),
            bytes: tree.bytes(),
            digest: tree.digest(),
            command,
            diagram,
        }
    }
}

/// A service instance.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its folder.
    pub path: String,
}

/// A file that would be written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlannedFile {
    /// Its path in the project.
    pub path: String,
    /// The component that it belongs to; empty for the two files of the program itself.
    pub component: String,
    /// Its size, in bytes.
    pub bytes: usize,
    /// Whether it gets the executable bit.
    pub executable: bool,
}
