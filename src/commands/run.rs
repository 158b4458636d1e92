//! Carries out a [`Request`]: data to standard output, prose to standard error.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::choose::selection::Selection;
use crate::disk::writer;
use crate::lint::proof::prove;
use crate::lint::validate;
use crate::merge::decide::Content;
use crate::merge::patch::patch;
use crate::pack::load::{self, OptionOf, Pack};
use crate::pack::manifest::DoctorManifest;
use crate::pack::versions;
use crate::project::intent::{chosen_selection, project_root, refuse_foreign};
use crate::project::state::{self, Records, render};
use crate::render::files::{rendered_files, targets};
use crate::render::plan::Plan;
use crate::render::tree::Tree;
use crate::terminal::answer;
use crate::terminal::arguments::{self, Chosen, New, Request};
use crate::terminal::output::{print, print_json, say};
use crate::terminal::prompt;
use crate::text::diagram::Diagram;
use crate::text::error::{Error, Place, Problem, shell_word, suggestion};
use crate::text::path::{BASE_FILE, SELECTION_FILE, STATE_FILES};

/// Its exit code where it finds a problem.
const PACK_INVALID: u8 = 7;

/// What carrying out a request needs beside it.
pub struct Session<'a> {
    /// The pack in use.
    pub pack: &'a Pack,
    /// Whether answers are JSON.
    pub json: bool,
}

impl Session<'_> {
    /// Carries out `request` and gives back the exit code.
    ///
    /// # Errors
    /// What ended it; nothing is half-written then.
    pub fn run(&self, request: &Request) -> Result<u8, Error> {
        match request {
            Request::New(new) => self.new_project(new)?,
            Request::Plan { chosen, diagram } => self.plan(chosen, diagram.as_deref())?,
            Request::Explain { path, chosen } => self.explain(path, chosen)?,
            Request::List => self.list()?,
            Request::Schema(name) => {
                let schema = answer::schema(self.pack, name).unwrap_or_default();
                print_json(&schema, true)?;
            }
            Request::Doctor => return self.doctor(),
            Request::PackLint(dir) => return self.lint(dir),
            Request::Completions(shell) => print(&arguments::completions(self.pack, *shell))?,
            Request::Operate { operation, flags } => return self.operate(operation, *flags),
            Request::Check { verdicts, sarif } => return self.check(verdicts, *sarif),
            Request::Undo { dry_run, keep_edits } => self.undo(*dry_run, *keep_edits)?,
            Request::Resolve(paths) => return self.resolve(paths),
            Request::Adopt { chosen, into, dry_run } => self.adopt(chosen, into, *dry_run)?,
            Request::Man => print(&manual(self.pack)?)?,
            Request::Print(text) => print(text)?,
        }
        Ok(0)
    }

    fn new_project(&self, new: &New) -> Result<(), Error> {
        let pack = self.pack;
        let asks = !new.chosen.any && !new.yes && !self.json && is_terminal();
        let choices = if asks {
            prompt::ask(pack, new.chosen.choices.clone())?
        } else {
            new.chosen.choices.clone()
        };
        let started = Instant::now();
        let selection = choices.complete(pack)?;
        let name = selection.name.as_str().to_owned();
        let destination = new.into.clone().unwrap_or_else(|| PathBuf::from(&name));
        if !new.dry_run && !new.diff {
            refuse_inside(&destination)?;
            writer::check_destination(&destination).map_err(Error::elsewhere)?;
        }
        let command = selection.choices(pack).command(pack);
        let plan = Plan::new(pack, selection)?;
        let mut tree = rendered_files(&plan)?;
        let state = || state::state(pack, &tree, &Records::default());
        let state = if new.diff || new.dry_run {
            state()
        } else {
            writer::write(&tree, state, &destination, &on_interrupt()).map_err(Error::elsewhere)?
        };
        tree.extend(state);
        let diff = new.diff.then(|| as_diff(&tree));
        if let Some(diff) = diff.as_ref().filter(|_| !self.json) {
            return print(diff);
        }
        let milliseconds = started.elapsed().as_millis();
        let shown = destination.display().to_string();
        let mut next = Vec::new();
        if shown != "." {
            // To `cd`, what begins with `-` is a flag.
            let prefix = if shown.starts_with('-') { "./" } else { "" };
            next.push(format!("cd {}", shell_word(&format!("{prefix}{shown}"))));
        }
        next.extend(pack.manifest.after.next.iter().cloned());
        if self.json {
            return print_json(
                &answer::New {
                    schema: answer::SCHEMA,
                    project: name,
                    path: shown,
                    written: !new.dry_run && !new.diff,
                    files: tree.len(),
                    bytes: tree.bytes(),
                    digest: tree.digest(),
                    command,
                    next,
                    diff,
                },
                false,
            );
        }
        let mut text = if new.dry_run {
            format!("{name}: would be {}\n", size(&tree))
        } else {
            format!("{name}: {}, {milliseconds} ms\n", size(&tree))
        };
        let _ = write!(text, "\n{}", folders(&plan, &tree));
        if !new.dry_run {
            let needs = &pack.manifest.after.needs;
            let note = if needs.is_empty() { String::new() } else { format!("   ({needs})") };
            let _ = writeln!(text, "\nNext:  {}{note}", next.join(" && "));
        }
        // The project is there, whether or not somebody reads about it.
        let _ = io::stderr().write_all(text.as_bytes());
        Ok(())
    }

    fn plan(&self, chosen: &Chosen, form: Option<&str>) -> Result<(), Error> {
        let selection = self.selection(chosen)?;
        let command = selection.choices(self.pack).command(self.pack);
        let plan = Plan::new(self.pack, selection)?;
        let tree = render(&plan)?;
        let diagram = form.map(|form| drawn(&plan, form)).transpose()?;
        if !self.json {
            if let Some(diagram) = diagram {
                return print(&diagram);
            }
            let mut text = format!("{}: {}\n\n", plan.selection.name.as_str(), size(&tree));
            let components: Vec<&str> =
                plan.components.iter().map(|component| component.id.as_str()).collect();
            let _ = writeln!(text, "components  {}", components.join(", "));
            for service in &plan.services {
                let _ = writeln!(
                    text,
                    "service     {} ({}) in {}/",
                    service.name, service.kind, service.path
                );
            }
            text.push('\n');
            for (path, file) in tree.iter() {
                let _ = writeln!(text, "{:>9}  {path}", bytes(file.bytes.len()));
            }
            let _ = writeln!(text, "\n{command}");
            return print(&text);
        }
        let files = tree.iter().map(|(path, file)| answer::PlannedFile {
            path: path.to_owned(),
            component: file.component.clone(),
            bytes: file.bytes.len(),
            executable: file.executable,
        });
        let services = plan.services.iter().map(|service| answer::Service {
            name: service.name.clone(),
            kind: service.kind.clone(),
            path: service.path.clone(),
        });
        print_json(
            &answer::Plan {
                schema: answer::SCHEMA,
                project: plan.selection.name.as_str().to_owned(),
                components: plan.components.iter().map(|component| component.id.clone()).collect(),
                services: services.collect(),
                files: files.collect(),
                bytes: tree.bytes(),
                digest: tree.digest(),
                command,
                diagram,
            },
            false,
        )
    }

    /// What was said, or else the project around the current folder.
    fn selection(&self, chosen: &Chosen) -> Result<Selection, Error> {
        if !chosen.any
            && let Some(root) = project_root()
        {
            return chosen_selection(self.pack, &root);
        }
        let mut choices = chosen.choices.clone();
        choices.name.get_or_insert_with(|| "my-app".to_owned());
        choices.complete(self.pack)
    }

    fn explain(&self, path: &str, chosen: &Chosen) -> Result<(), Error> {
        let selection = self.selection(chosen)?;
        let plan = Plan::new(self.pack, selection)?;
        let all = targets(&plan);
        let is_known = |path: &str| all.iter().any(|target| target.path == path);
        let path = match project_root().filter(|_| !chosen.any) {
            Some(root) => path_in(&root, path, is_known),
            None => path.trim_start_matches("./").to_owned(),
        };
        let path = path.as_str();
        let explained = explanation(&plan, path)?;
        if self.json {
            return print_json(&explained, false);
        }
        let mut text = format!("{path}\n");
        let how = if explained.template { "rendered from" } else { "copied from" };
        let _ = writeln!(text, "  {how:<14} {}", explained.source);
        let _ =
            writeln!(text, "  {:<14} {} ({})", "component", explained.component, explained.summary);
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
        print(&text)
    }

    fn list(&self) -> Result<(), Error> {
        // Inside a project people ask what that can have.
        if let Some(root) = project_root() {
            refuse_foreign(self.pack, &root)?;
        }
        let listed = listed(self.pack);
        if self.json {
            return print_json(&listed, false);
        }
        let mut text =
            format!("{} {}: {}\n", listed.pack, listed.version, self.pack.manifest.summary);
        let mut section = |title: &str, rows: Vec<[String; 3]>| {
            if rows.is_empty() {
                return;
            }
            let width = |column: usize| {
                rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
            };
            let (first, second) = (width(0), width(1));
            let _ = writeln!(text, "\n{title}");
            for [name, how, summary] in rows {
                let _ = writeln!(text, "  {name:<first$}  {how:<second$}  {summary}");
            }
        };
        let components = listed.components.into_iter();
        section("components", components.map(|one| [one.id, one.chosen_by, one.summary]).collect());
        let options = listed.options.into_iter();
        let rows = options.map(|one| [format!("--{}", one.id), one.default.to_string(), one.help]);
        section("options", rows.collect());
        let described = |all: Vec<answer::Described>, prefix: &str| -> Vec<[String; 3]> {
            let row = |one: answer::Described| {
                [one.name.clone(), format!("{prefix}{}", one.name), one.summary]
            };
            all.into_iter().map(row).collect()
        };
        section("kinds of service", described(listed.kinds, "--service NAME="));
        section("presets", described(listed.presets, "--preset "));
        print(&text)
    }

    fn doctor(&self) -> Result<u8, Error> {
        let programs: Vec<answer::Program> =
            self.pack.manifest.doctor.iter().map(examine).collect();
        let ok = programs.iter().all(|program| program.ok || !program.required);
        let code = u8::from(!ok);
        if self.json {
            print_json(&answer::Doctor { schema: answer::SCHEMA, ok, programs }, false)?;
            return Ok(code);
        }
        let mut text = String::new();
        for program in programs {
            let state = match (program.ok, program.required) {
                (true, _) => "ok",
                (false, true) => "missing",
                (false, false) => "optional",
            };
            let version = program.version.as_deref().unwrap_or("not found");
            let wanted = program
                .minimum
                .map_or_else(String::new, |minimum| format!(" (wanted: {minimum} or newer)"));
            let note = if program.ok { String::new() } else { wanted };
            let _ = writeln!(
                text,
                "{state:<9} {:<9} {version}{note}: {}",
                program.name, program.summary
            );
        }
        print(&text)?;
        Ok(code)
    }

    fn lint(&self, dir: &Path) -> Result<u8, Error> {
        let (pack, mut problems) = validate::load_as_far_as_possible(dir)?;
        let mut rendered = 0;
        if let Some(pack) = pack.as_ref().filter(|pack| validate::can_be_rendered(pack)) {
            // What is wrong with a file is said once: rendering trips over it again.
            let told: BTreeSet<String> =
                problems.iter().map(|problem| problem.place.path.clone()).collect();
            let proof = prove(pack, &problems);
            rendered = proof.selections;
            let new = |problem: &Problem| !told.contains(&problem.place.path);
            problems.extend(proof.problems.into_iter().filter(new));
            problems.sort();
            problems.dedup();
        }
        let name = pack.map_or_else(|| dir.display().to_string(), |pack| pack.manifest.name);
        if self.json {
            let listed = problems.iter().map(answer::LintProblem::from).collect();
            print_json(
                &answer::Lint {
                    schema: answer::SCHEMA,
                    pack: name,
                    selections: rendered,
                    problems: listed,
                },
                false,
            )?;
            return Ok(if problems.is_empty() { 0 } else { PACK_INVALID });
        }
        if problems.is_empty() {
            let plural = if rendered == 1 { "selection" } else { "selections" };
            print(&format!("{name}: no problems, {rendered} {plural} rendered\n"))?;
            return Ok(0);
        }
        // The hint of such an error is this command.
        say(&format!("error: {}\n", Error::Pack(problems)));
        Ok(PACK_INVALID)
    }
}

/// Everything that can be chosen from a pack.
fn listed(pack: &Pack) -> answer::List {
    let component = |component: &load::Component| answer::ListedComponent {
        id: component.id.clone(),
        summary: component.manifest.summary.clone(),
        chosen_by: chosen_by(component),
        default: component.manifest.default || component.manifest.always,
        requires: component.manifest.requires.clone(),
        applies: component.manifest.applies.clone(),
        conflicts: component.manifest.conflicts.clone(),
    };
    let option = |option: OptionOf| answer::ListedOption {
        id: option.manifest.id.clone(),
        component: option.component.id.clone(),
        help: option.manifest.help.clone(),
        default: serde_json::to_value(&option.manifest.default).unwrap_or_default(),
        values: option.manifest.values.clone(),
    };
    let described = |name: &String, summary: &String| answer::Described {
        name: name.clone(),
        summary: summary.clone(),
    };
    let kinds = pack.components.iter().flat_map(|component| &component.manifest.kind);
    let presets = pack.manifest.presets.iter();
    answer::List {
        schema: answer::SCHEMA,
        pack: pack.manifest.name.clone(),
        version: pack.manifest.version.clone(),
        digest: pack.digest(),
        components: pack.components.iter().map(component).collect(),
        options: pack.options().map(option).collect(),
        kinds: kinds.map(|(name, kind)| described(name, &kind.summary)).collect(),
        presets: presets.map(|(name, preset)| described(name, &preset.summary)).collect(),
    }
}

/// Which file of the pack becomes `path`, and why.
fn explanation(plan: &Plan, path: &str) -> Result<answer::Explain, Error> {
    let pack = plan.pack;
    if STATE_FILES.contains(&path) {
        return Ok(answer::Explain {
            schema: answer::SCHEMA,
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
            let own = ["on", "options", "project", "service", "services"];
            if let Ok(templates) = pack.templates() {
                let names = templates.names(text).into_iter();
                let is_known =
                    |name: &&str| own.contains(name) || pack.contributions().contains_key(name);
                reads.extend(names.filter(is_known).map(str::to_owned));
            }
        }
        return Ok(answer::Explain {
            schema: answer::SCHEMA,
            path: path.to_owned(),
            component: target.component.id.clone(),
            summary: target.component.manifest.summary.clone(),
            because: because(plan, target.component),
            source: target.file.source.clone(),
            template: target.file.template,
            service: target.service.map(|service| service.name.clone()),
            conditions: target.file.conditions.clone(),
            reads,
        });
    }
    if let Some(lockfile) = pack.manifest.lockfile.iter().find(|lockfile| lockfile.path == path)
        && let Some(component) =
            plan.components.iter().find(|component| component.id == lockfile.component)
    {
        return Ok(answer::Explain {
            schema: answer::SCHEMA,
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

/// The path in the project `root` that people mean by `given`: from the current folder, or else from
/// the project's, whichever `is_known`.
pub(crate) fn path_in(root: &Path, given: &str, is_known: impl Fn(&str) -> bool) -> String {
    let from = |folder: &Path| -> Option<String> {
        let mut whole = PathBuf::new();
        for part in folder.join(given).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    whole.pop();
                }
                other => whole.push(other),
            }
        }
        let inside = whole.strip_prefix(root).ok()?;
        let parts: Option<Vec<&str>> = inside.iter().map(|part| part.to_str()).collect();
        Some(parts?.join("/"))
    };
    let here = std::env::current_dir().unwrap_or_else(|_| root.to_owned());
    let meant = [from(&here), from(root)];
    let known = meant.iter().flatten().find(|path| is_known(path)).cloned();
    known.or_else(|| meant.into_iter().flatten().next_back()).unwrap_or_else(|| given.to_owned())
}

/// The pack's diagram of the plan.
fn drawn(plan: &Plan, form: &str) -> Result<String, Error> {
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
        .and_then(|diagram| diagram.draw(form))
        .map_err(|reason| Error::Pack(vec![Problem::new(Place::file("pack.toml"), reason)]))
}

/// Why a component is part of the plan.
fn because(plan: &Plan, component: &load::Component) -> String {
    let manifest = &component.manifest;
    if manifest.always {
        return "every project has it".to_owned();
    }
    if plan.selection.components.contains(&component.id) {
        return format!("chosen by `--{}`", component.flag().unwrap_or(&component.id));
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

fn chosen_by(component: &load::Component) -> String {
    let manifest = &component.manifest;
    match (&manifest.flag, &manifest.slot) {
        (Some(flag), _) if manifest.default => format!("--no-{flag}"),
        (Some(flag), _) => format!("--{flag}"),
        (None, Some(slot)) => format!("--{slot} {}", component.id),
        _ if manifest.always => "always".to_owned(),
        _ => "derived".to_owned(),
    }
}

/// The tree by folder, with what the pack says of each.
fn folders(plan: &Plan, tree: &Tree) -> String {
    let depth = |path: &str| if path.starts_with("services/") { 2 } else { 1 };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (path, _) in tree.iter() {
        let parts: Vec<&str> = path.split('/').collect();
        let folder = if parts.len() == 1 {
            "./".to_owned()
        } else {
            let depth = depth(path).min(parts.len() - 1);
            format!("{}/", parts[..depth].join("/"))
        };
        *counts.entry(folder).or_default() += 1;
    }
    let notes = plan.pack.manifest.after.folders.as_ref().and_then(|name| plan.context.get(name));
    let note = |folder: &str| -> &str {
        let entries = notes.and_then(|notes| notes.as_array());
        let found = entries.into_iter().flatten().find(|entry| {
            entry["path"]
                .as_str()
                .is_some_and(|path| path.trim_end_matches('/') == folder.trim_end_matches('/'))
        });
        found.and_then(|entry| entry["text"].as_str()).unwrap_or_default()
    };
    let width = counts.keys().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (folder, count) in &counts {
        let line = format!("  {folder:<width$} {count:>4}   {}", note(folder));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn size(tree: &Tree) -> String {
    format!("{} files, {}", tree.len(), bytes(tree.bytes()))
}

fn bytes(count: usize) -> String {
    if count < 1024 { format!("{count} B") } else { format!("{} KiB", count.div_ceil(1024)) }
}

/// Every file as a patch that adds it.
fn as_diff(tree: &Tree) -> String {
    // The base is this very tree, compressed: nothing to read.
    let read = tree.iter().filter(|(path, _)| *path != BASE_FILE);
    read.map(|(path, file)| patch(path, None, Some(&Content::from(file)))).collect()
}

/// Looks for a program and compares its version.
fn examine(wanted: &DoctorManifest) -> answer::Program {
    let mut version = None;
    if let Some((program, arguments)) = wanted.command.split_first() {
        let output = Command::new(program).args(arguments).output();
        if let Ok(output) = output
            && output.status.success()
        {
            let text = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            version = versions::first_in(&text);
        }
    }
    let ok = match (&version, &wanted.minimum) {
        (Some(found), Some(minimum)) => versions::is_at_least(found, minimum),
        (Some(_), None) => true,
        (None, _) => false,
    };
    answer::Program {
        name: wanted.name.clone(),
        version,
        minimum: wanted.minimum.clone(),
        required: wanted.required,
        ok,
        summary: wanted.summary.clone(),
    }
}

/// Refuses a place inside another project: its operations would take the new one for their own.
fn refuse_inside(destination: &Path) -> Result<(), Error> {
    let full = resolved(destination);
    let outer = full.ancestors().skip(1).find(|folder| folder.join(SELECTION_FILE).is_file());
    match outer {
        Some(outer) => Err(Error::Destination {
            message: format!(
                "`{}` is inside the generated project `{}`",
                destination.display(),
                outer.display()
            ),
            hint: "choose a place outside with `--into DIR`; for a further service: scaffold add service NAME --kind KIND".to_owned(),
        }),
        None => Ok(()),
    }
}

/// Where a path leads to, as far as it exists: `..` and links followed as the system does it.
fn resolved(path: &Path) -> PathBuf {
    let mut full = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        if part == std::path::Component::ParentDir {
            full.pop();
        } else {
            full.push(part);
            full = full.canonicalize().unwrap_or(full);
        }
    }
    full
}

fn manual(pack: &Pack) -> Result<String, Error> {
    let mut text = Vec::new();
    let failed = |error| Error::io("cannot write", Path::new("manual page"), error);
    let mut command = arguments::command(pack);
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut text).map_err(failed)?;
    for subcommand in command.get_subcommands() {
        let name = format!("scaffold-{}", subcommand.get_name());
        clap_mangen::Man::new(subcommand.clone().name(name)).render(&mut text).map_err(failed)?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A mark that Ctrl-C and a termination request set from here on, instead of ending the process.
fn on_interrupt() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // Without a handler the process just ends: correct as well, only less tidy.
        let _ = signal_hook::flag::register(signal, Arc::clone(&interrupted));
    }
    interrupted
}

/// Whether somebody is there to answer a question.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}
