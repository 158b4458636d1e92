//! `scaffold explain`: which component and template made a file, and why.

use std::fmt::Write as _;

use clap::{Arg, ArgMatches, Command};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

use crate::commands::session::{Entry, Session, Words, path_in, selection};
use crate::pack::load::Component;
use crate::project::intent::project_root;
use crate::render::files::targets;
use crate::render::plan::Plan;
use crate::terminal::arguments::chosen;
use crate::terminal::output::{SCHEMA, print, print_json};
use crate::text::error::{Error, suggestion};
use crate::text::path::STATE_FILES;

/// Says which component and template made a file, and why it is there.
pub const ENTRY: Entry = Entry {
    schemas: &[("explain", |_| schema_for!(Explain).to_value())],
    is_about_a_project: true,
    ..Entry::new("explain", arguments, run)
};

fn arguments(command: Command, words: &Words) -> Command {
    let path = Arg::new("path").value_name("PATH").required(true).help("Path in the project");
    let about = "Say which component and template made a file, and why it is there";
    words.choosing(command.about(about).arg(path), true)
}

fn run(session: &Session, matches: &ArgMatches) -> Result<u8, Error> {
    let path = matches.get_one::<String>("path").expect("clap requires it");
    let chosen = chosen(session.pack, matches)?;
    let selection = selection(session, &chosen)?;
    let plan = Plan::new(session.pack, selection)?;
    let all = targets(&plan);
    let is_known = |path: &str| all.iter().any(|target| target.path == path);
    let path = match project_root().filter(|_| !chosen.any) {
        Some(root) => path_in(&root, path, is_known),
        None => path.trim_start_matches("./").to_owned(),
    };
    let path = path.as_str();
    let explained = explanation(&plan, path)?;
    if session.json {
        print_json(&explained, false)?;
        return Ok(0);
    }
    let mut text = format!("{path}\n");
    let how = if explained.template { "rendered from" } else { "copied from" };
    let _ = writeln!(text, "  {how:<14} {}", explained.source);
    let _ = writeln!(text, "  {:<14} {} ({})", "component", explained.component, explained.summary);
    let _ = writeln!(text, "  {:<14} {}", "because", explained.because);
    if let Some(service) = &explained.service {
        let _ = writeln!(text, "  {:<14} {service}", "service");
    }
    if !explained.conditions.is_empty() {
        let _ = writeln!(text, "  {:<14} {}", "only with", explained.conditions.join(", "));
    }
    if !explained.reads.is_empty() {
        let _ = writeln!(text, "  {:<14} {}", "reads", explained.reads.join(", "));
    }
    print(&text)?;
    Ok(0)
}

/// Which file of the pack becomes `path`, and why.
fn explanation(plan: &Plan, path: &str) -> Result<Explain, Error> {
    let pack = plan.pack;
    if STATE_FILES.contains(&path) {
        return Ok(Explain {
            schema: SCHEMA,
            path: path.to_owned(),
            component: "scaffold".to_owned(),
            summary: "the generator's own state".to_owned(),
            because: "every project has it".to_owned(),
            source: String::new(),
            template: false,
            service: None,
            conditions: Vec::new(),
            reads: Vec::new(),
        });
    }
    let all = targets(plan);
    if let Some(target) = all.iter().find(|target| target.path == path) {
        let mut reads = Vec::new();
        if target.file.template {
            let text = pack.text(&target.file.source).unwrap_or_default();
            if let Ok(templates) = pack.templates() {
                let holder = target.holder.map_or("", |holder| holder.what);
                let is_read = |name: &&str| *name == holder || plan.context.contains_key(*name);
                reads.extend(templates.names(text).into_iter().filter(is_read).map(str::to_owned));
            }
        }
        return Ok(Explain {
            schema: SCHEMA,
            path: path.to_owned(),
            component: target.component.id.clone(),
            summary: target.component.manifest.summary.clone(),
            because: because(plan, target.component),
            source: target.file.source.clone(),
            template: target.file.template,
            service: target.service().map(|service| service.name.clone()),
            conditions: target.file.need.iter().chain(&target.file.conditions).cloned().collect(),
            reads,
        });
    }
    if let Some(lockfile) = pack.manifest.lockfile.iter().find(|lockfile| lockfile.path == path)
        && let Some(component) =
            plan.components.iter().find(|component| component.id == lockfile.component)
    {
        return Ok(Explain {
            schema: SCHEMA,
            path: path.to_owned(),
            component: component.id.clone(),
            summary: "a lock, cut down to what the selection needs".to_owned(),
            because: because(plan, component),
            source: lockfile.source.clone(),
            template: true,
            service: None,
            conditions: Vec::new(),
            reads: Vec::new(),
        });
    }
    let near = suggestion(path, all.iter().map(|target| target.path.as_str()));
    Err(Error::usage(
        format!("the project has no file `{path}`"),
        format!("{near}`scaffold plan` lists all files"),
    ))
}

/// Why a component is part of the plan.
fn because(plan: &Plan, component: &Component) -> String {
    let manifest = &component.manifest;
    if manifest.always {
        return "every project has it".to_owned();
    }
    if plan.selection.components.contains(&component.id) {
        return format!("chosen by `--{}`", component.flag().unwrap_or(&component.id));
    }
    if let Some(slot) = component.service_slot() {
        let services = plan.services.iter().filter(|it| it.fills.get(slot) == Some(&component.id));
        let services: Vec<String> = services.map(|it| format!("`{}`", it.name)).collect();
        return format!("chosen for {} as `{slot}`", services.join(", "));
    }
    let needing: Vec<String> = plan
        .components
        .iter()
        .filter(|other| {
            let required = &other.manifest.requires;
            required.contains(&component.id)
                || manifest.slot.as_ref().is_some_and(|slot| required.contains(slot))
        })
        .map(|other| format!("`{}`", other.id))
        .collect();
    let slot = manifest.slot.as_ref().map_or_else(String::new, |slot| format!(" as its `{slot}`"));
    format!("needed by {}{slot}", needing.join(", "))
}

/// Answer of `scaffold explain`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Explain {
    /// Version of this form.
    pub schema: u32,
    /// The path in the project.
    pub path: String,
    /// The component that adds it.
    pub component: String,
    /// One line about the component.
    pub summary: String,
    /// How the component got into the project.
    pub because: String,
    /// The file of the pack that it is made from.
    pub source: String,
    /// Whether it is rendered, not copied.
    pub template: bool,
    /// The service instance whose folder it is in.
    pub service: Option<String>,
    /// What has to be there as well: components, bindings that are offered or needed.
    pub conditions: Vec<String>,
    /// Names that the template reads.
    pub reads: Vec<String>,
}
