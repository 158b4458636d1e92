//! ARCHITECTURE.md says the truth: its table lists the files in the order in which they may import
//! each other, and what it says of libraries holds. The code is parsed, not searched.

mod common;

use std::collections::BTreeSet;
use std::fs;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use walkdir::WalkDir;

use common::repository;

/// The files of the table, `room/file`, in its order.
fn modules_in_order() -> Vec<String> {
    let page = fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("the page is there");
    page.lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split('|').nth(1))
        .flat_map(|cell| cell.split(','))
        .filter_map(|name| name.trim().trim_matches('`').strip_suffix(".rs").map(str::to_owned))
        .collect()
}

fn source(module: &str) -> String {
    let path = repository().join(format!("src/{module}.rs"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parsed(module: &str) -> syn::File {
    syn::parse_file(&source(module)).unwrap_or_else(|error| panic!("{module}: {error}"))
}

#[test]
fn the_page_lists_every_file_once() {
    let listed = modules_in_order();
    let root = repository().join("src");
    let there: BTreeSet<String> = WalkDir::new(&root)
        .min_depth(1)
        .into_iter()
        .map(|entry| entry.expect("readable").into_path())
        .filter_map(|path| Some(path.strip_prefix(&root).ok()?.to_str()?.to_owned()))
        .filter_map(|path| path.strip_suffix(".rs").map(str::to_owned))
        // What only names the files beside it.
        .filter(|name| name != "lib" && !name.ends_with("/mod"))
        .collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<String>>(), there);
    assert_eq!(listed.len(), there.len());
}

/// A path is followed wherever it stands: in `use`, in types and expressions, within macros.
#[test]
fn modules_import_downward_only() {
    let order = modules_in_order();
    let mut followed = 0;
    for (position, module) in order.iter().enumerate() {
        let own = module.replace('/', "::");
        for import in imports(module) {
            let imported = order.iter().position(|other| {
                let other = other.replace('/', "::");
                import == other || import.starts_with(&format!("{other}::"))
            });
            let known = imported.unwrap_or_else(|| panic!("{module}.rs imports {import}"));
            let is_earlier = known < position || import.starts_with(&own);
            assert!(is_earlier, "{module}.rs imports {import}, which comes after it");
            followed += 1;
        }
    }
    assert!(followed > 100, "{followed} imports were followed");
}

/// Or a method would lead to a file that its caller must not know.
#[test]
fn methods_stand_where_their_type_does() {
    for module in modules_in_order() {
        let file = parsed(&module);
        let own = |name: &syn::Ident| {
            file.items.iter().any(|item| match item {
                syn::Item::Struct(item) => item.ident == *name,
                syn::Item::Enum(item) => item.ident == *name,
                syn::Item::Trait(item) => item.ident == *name,
                _ => false,
            })
        };
        for item in &file.items {
            let syn::Item::Impl(item) = item else {
                continue;
            };
            let syn::Type::Path(of) = &*item.self_ty else {
                continue;
            };
            let of = &of.path.segments.last().expect("a path has a name").ident;
            assert!(
                item.trait_.is_some() || own(of),
                "{module}.rs gives methods to `{of}`, which another file defines"
            );
        }
    }
}

/// Everything behind `crate::` in a file.
fn imports(module: &str) -> Vec<String> {
    let mut found = Imports::default();
    found.visit_file(&parsed(module));
    assert!(!found.climbs, "{module}.rs says `super`; imports begin with `crate`");
    found.paths
}

#[derive(Default)]
struct Imports {
    paths: Vec<String>,
    climbs: bool,
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.follow(&item.tree, Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|one| one.ident.to_string()).collect();
        self.found(&names);
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.search(item.tokens.clone());
        syn::visit::visit_macro(self, item);
    }
}

impl Imports {
    fn follow(&mut self, tree: &syn::UseTree, mut names: Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                names.push(path.ident.to_string());
                self.follow(&path.tree, names);
            }
            syn::UseTree::Name(name) => {
                names.push(name.ident.to_string());
                self.found(&names);
            }
            syn::UseTree::Rename(name) => {
                names.push(name.ident.to_string());
                self.found(&names);
            }
            syn::UseTree::Glob(_) => self.found(&names),
            syn::UseTree::Group(group) => {
                for item in &group.items {
                    self.follow(item, names.clone());
                }
            }
        }
    }

    /// Macros hold tokens: a name, two colons, a name.
    fn search(&mut self, tokens: TokenStream) {
        let mut names: Vec<String> = Vec::new();
        for token in tokens {
            match token {
                TokenTree::Ident(name) => names.push(name.to_string()),
                TokenTree::Punct(mark) if mark.as_char() == ':' => {}
                other => {
                    if let TokenTree::Group(group) = other {
                        self.search(group.stream());
                    }
                    self.found(&std::mem::take(&mut names));
                }
            }
        }
        self.found(&names);
    }

    fn found(&mut self, names: &[String]) {
        self.climbs |= names.first().is_some_and(|first| first == "super");
        if names.first().is_some_and(|first| first == "crate") {
            let inner: Vec<&str> =
                names[1..].iter().map(String::as_str).filter(|name| *name != "self").collect();
            // What is alone is a visibility.
            self.paths.extend((!inner.is_empty()).then(|| inner.join("::")));
        }
    }
}

#[test]
fn only_the_named_files_know_a_library() {
    let only = [
        ("tera", vec!["text/template"]),
        ("clap", vec!["terminal/arguments", "terminal/refusal", "commands/", "cli"]),
        ("cliclack", vec!["terminal/prompt"]),
        ("write", vec!["disk/writer"]),
        ("rename", vec!["disk/writer"]),
        ("OpenOptions", vec!["disk/writer"]),
    ];
    for module in modules_in_order() {
        let mut found = Named::default();
        found.visit_file(&parsed(&module));
        for (name, allowed) in &only {
            let library = if ["write", "rename"].contains(name) {
                format!("fs::{name}")
            } else {
                (*name).to_owned()
            };
            let uses = found
                .0
                .iter()
                .any(|path| format!("::{path}::").contains(&format!("::{library}::")));
            assert!(
                !uses || allowed.iter().any(|allowed| module.starts_with(allowed)),
                "{module}.rs uses {library}"
            );
        }
    }
}

/// Every path of a file as it is written.
#[derive(Default)]
struct Named(Vec<String>);

impl<'ast> Visit<'ast> for Named {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|one| one.ident.to_string()).collect();
        self.0.push(names.join("::"));
        syn::visit::visit_path(self, path);
    }

    fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
        self.0.push(path.ident.to_string());
        syn::visit::visit_use_path(self, path);
    }
}
