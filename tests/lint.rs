//! What lint finds by rendering what stands for all selections, and what it finds without.

mod common;

use std::collections::BTreeMap;

use common::matrix::embedded;
use common::packs::{large_pack, read};
use common::small_pack;
use scaffold::choose::selection::Choices;
use scaffold::lint::cover::cover;
use scaffold::lint::proof::prove;
use scaffold::lint::validate;
use scaffold::pack::load::Pack;
use scaffold::render::files::{rendered_files, rendered_with};
use scaffold::render::plan::Plan;
use scaffold::text::tag::Delimiters;
use scaffold::text::template::{Fields, Templates};
use serde_json::json;

/// A pack of flags `a` to `e` and what is always there, with files of these components beside it.
fn pack(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all = vec![(
        "pack.toml".to_owned(),
        "name = \"p\"\nversion = \"1.0.0\"\nsummary = \"s\"\n[contributions.facts]\ntype = \"map\"\nsummary = \"s\"\n[contributions.lines]\ntype = \"list\"\nsummary = \"s\"\n".to_owned(),
    )];
    let mut put = |path: String, text: String| {
        all.retain(|(known, _)| *known != path);
        all.push((path, text));
    };
    put("components/root/component.toml".to_owned(), "summary = \"s\"\nalways = true\n".to_owned());
    for flag in ["a", "b", "c", "d", "e"] {
        let text = format!("summary = \"s\"\nflag = \"{flag}\"\n");
        put(format!("components/{flag}/component.toml"), text);
    }
    for (path, text) in files {
        put(format!("components/{path}"), (*text).to_owned());
    }
    all
}

/// What lint says of a pack.
fn linted(files: &[(&str, &str)]) -> Vec<String> {
    linted_whole(&pack(files))
}

fn linted_whole(files: &[(String, String)]) -> Vec<String> {
    let borrowed: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let folder = common::folder(&borrowed);
    let (pack, mut problems) =
        validate::load_as_far_as_possible(folder.path()).expect("the pack can be read");
    let pack = pack.expect("the pack can be read");
    problems.extend(prove(&pack, &problems).problems);
    problems.sort();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_branch_for_components_of_others_may_stay_unrendered() {
    let template = "{% for line in lines %}{{ line }}{% endfor %}\n{% if facts.lines %}some{% endif %}\n{% for name, fact in facts %}{{ name }}{{ fact }}{% endfor %}\n";
    let mut files = pack(&[("root/files/x.txt.tera", template)]);
    assert_eq!(linted_whole(&files).len(), 3);
    let mut with = |unused: &str| {
        let (_, manifest) = &mut files[0];
        let without = manifest.clone();
        *manifest = format!("unused = {unused}\n{without}");
        let found = linted_whole(&files);
        files[0].1 = without;
        found
    };
    let rest = "components/root/files/x.txt.tera:3:1: no project renders what follows `{% for name, fact in facts %}`: take it out, or mend its condition";
    // The name, also as the end of a longer one, and no part of a name.
    assert_eq!(with("[\"lines\"]"), [rest]);
    assert_eq!(with("[\"ines\", \"li\"]").len(), 3);
    assert_eq!(with("[\"facts.lines\", \"facts\"]").len(), 1);
}

#[test]
fn a_branch_that_no_project_renders_is_told_with_its_place() {
    let template = "{% if 'a' in on %}\nyes\n  {%- elif 'nobody' in on %}\nno\n{% else %}\nno\n{% endif %}\n{% for line in lines %}\n{{ line }}\n{% else %}\nnone\n{% endfor %}\n";
    assert_eq!(
        linted(&[("root/files/x.txt.tera", template)]),
        [
            "components/root/files/x.txt.tera:3:3: no project renders what follows `{%- elif 'nobody' in on %}`: take it out, or mend its condition",
            "components/root/files/x.txt.tera:8:1: no project renders what follows `{% for line in lines %}`: take it out, or mend its condition",
        ]
    );
}

/// Within one text of two, behind an escaped quote, and in a table for services that are never there.
#[test]
fn a_branch_of_a_manifest_that_no_project_renders_is_told_with_its_place() {
    let manifest = r#"summary = "s"
flag = "a"
conflicts = ["b"]

[contribute]
lines = [
  "{% if 'b' in on %}never{% endif %}",
  'always {% if "c" in on %}with c{% else %}without{% endif %}',
  "{% if \"b\" in on %}never{% endif %}",
]

[with.b]
lines = ["{{ project.name }}"]

[with.c]
lines = ["{{ project.name }}"]

[each.work]
lines = ["{{ service.name }}"]
"#;
    let kind = "summary = \"s\"\nflag = \"b\"\n[kind.work]\nsummary = \"s\"\n[[service]]\nname = \"work\"\nkind = \"work\"\n";
    assert_eq!(
        linted(&[("a/component.toml", manifest), ("b/component.toml", kind)]),
        [
            "components/a/component.toml:7:4: no project renders what follows `{% if 'b' in on %}`: take it out, or mend its condition",
            "components/a/component.toml:9:3: no project renders what follows `{% if \"b\" in on %}`: take it out, or mend its condition",
            "components/a/component.toml:13:10: no project can have this: the component and what its table is named after exclude each other",
            "components/a/component.toml:19:10: no project can have this: the component and what its table is named after exclude each other",
        ]
    );
}

/// More than a cover of strength 3 has together.
#[test]
fn a_branch_that_five_components_and_a_value_open_is_rendered() {
    let option = "summary = \"s\"\nflag = \"e\"\n[[option]]\nid = \"style\"\ntype = \"enum\"\nvalues = [\"plain\", \"odd\"]\ndefault = \"plain\"\nhelp = \"h\"\n";
    let conditions = "{% if 'a' in on and 'b' not in on %}{% if \"c\" in on and 'd' not in on %}{% if options.style == 'odd' %}five{% endif %}{% endif %}{% endif %}\n";
    let found = linted(&[
        ("e/component.toml", option),
        ("e/files/x.txt.tera", conditions),
        ("a/files+b+c+d+e/y.txt.tera", "{% if 'a' in on %}all{% endif %}\n"),
    ]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_file_and_a_component_that_no_project_has_are_told() {
    let found = linted(&[
        ("a/component.toml", "summary = \"s\"\nflag = \"a\"\nrequires = [\"b\"]\n"),
        ("b/component.toml", "summary = \"s\"\nflag = \"b\"\nconflicts = [\"c\"]\n"),
        ("c/files+d+a/x.txt", "never\n"),
        ("spare/component.toml", "summary = \"s\"\nderived = true\n"),
    ]);
    assert_eq!(
        found,
        [
            "components/c/files+d+a/x.txt: no project has this file: its component and what the name of its folder names cannot be together",
            "components/spare/component.toml: no project can have `spare`: see what it and those that need it require and exclude",
        ]
    );
}

/// No three of the four are enough.
#[test]
fn a_clash_that_takes_four_flags_is_found_whether_or_not_a_row_has_them() {
    let clash = [("a/files+b/x.txt", "ab\n"), ("c/files+d/X.txt", "cd\n")];
    let told = "components/c/files+d/X.txt: `X.txt` is written by `a` as well, from `components/a/files+b/x.txt`";
    let files = pack(&clash);
    let found = validate::validate(&read(&files));
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
    // Without a project in which all four are together, there is none.
    let excluded = "summary = \"s\"\nflag = \"d\"\nconflicts = [\"b\"]\n";
    let with = |more| [&clash[..], &[more]].concat();
    assert_eq!(linted(&with(("d/component.toml", excluded))), Vec::<String>::new());
}

#[test]
fn two_values_of_one_key_are_found_wherever_they_are_contributed() {
    let kinds = "summary = \"s\"\nflag = \"a\"\n[kind.work]\nsummary = \"s\"\n[[service]]\nname = \"work\"\nkind = \"work\"\n[contribute.facts]\nsky = \"blue\"\n";
    let other = "summary = \"s\"\nflag = \"b\"\n[each.work.facts]\nsky = \"grey\"\n";
    let told = "components/b/component.toml:4:1: `facts.sky` has another value in `components/a/component.toml`";
    let found = |other: &str| {
        let files = pack(&[("a/component.toml", kinds), ("b/component.toml", other)]);
        let found = validate::validate(&read(&files));
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(found(other), [told]);
    let none = Vec::<String>::new();
    assert_eq!(found(&other.replace("grey", "blue")), none, "the same value");
    assert_eq!(found(&other.replace("flag = \"b\"", "flag = \"b\"\nconflicts = [\"a\"]")), none);
    let with = other.replace("[each.work.facts]", "[with.a.facts]");
    assert_eq!(found(&with), [told]);
    assert_eq!(found(&with.replace("[with.a.", "[with.root.")), [told]);
    let apart = "summary = \"s\"\nflag = \"c\"\nconflicts = [\"a\"]\n[with.b]\n";
    let beside = with.replace("[with.a.facts]", "[with.c.facts]");
    let files =
        [("a/component.toml", kinds), ("b/component.toml", &beside), ("c/component.toml", apart)];
    let found = validate::validate(&read(&pack(&files)));
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), none, "never together");
}

/// The service that comes by itself has the name of a file of the project.
#[test]
fn a_path_that_a_service_of_the_pack_has_is_no_other_files() {
    let kind = "summary = \"s\"\nflag = \"a\"\n[kind.work]\nsummary = \"s\"\n[[service]]\nname = \"work\"\nkind = \"work\"\n";
    let found = linted(&[
        ("a/component.toml", kind),
        ("a/each@work/deploy/_service_.txt", "service\n"),
        ("b/files/deploy/work.txt", "other\n"),
    ]);
    assert_eq!(
        found[0],
        "components/b/files/deploy/work.txt: `deploy/work.txt` is written by `a` as well, from `components/a/each@work/deploy/_service_.txt`"
    );
}

/// A mistake is told at its place, also behind tags on its line that were marked.
#[test]
fn a_mistake_behind_a_branch_is_told_at_its_column() {
    let template = "{% if 'a' in on %}one{% endif %}{% if 'b' in on %}{{ pin(table='t', name='n') }}{% endif %}\n";
    let found = linted(&[("root/files/x.txt.tera", template)]);
    let column = template.find("pin").expect("it is there") + 1;
    let place = format!("components/root/files/x.txt.tera:1:{column}: ");
    assert!(found.len() == 1 && found[0].starts_with(&place), "{found:?}, not at {column}");
}

/// A template may include another only where the project has both.
#[test]
fn an_included_template_that_the_project_lacks_is_told() {
    let include = "{% include \"components/b/files/y.txt.tera\" %}\n";
    let found = linted(&[("a/files/x.txt.tera", include), ("b/files/y.txt.tera", "y\n")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("components/a/files/x.txt.tera"), "{found:?}");
}

/// Everything that stands around branches: white space that is taken away, loops, blocks, strings with
/// marks in them, comments, and what is raw.
#[test]
fn templates_that_take_notes_render_the_same() {
    let source = "{%- if yes -%}  \n one {% endif %} | {% if not yes -%}\n x {%- else -%}\n two\n {%- endif %}\n{%- for i in list -%} {{ i }}, {% else %}none{% endfor -%}\n {% for i in empty -%} x {% else -%} \n empty {% endfor %}{# {% if x %} #}{% raw %}{% if x %}{{ raw }}{% endraw %}{% set block %}{% if yes %} set {% endif %}{% endset %}[{{ block }}]{% filter upper %}{% if yes %}up{% elif no %}down{% endif %}{% endfilter %}{% if text == \"%}\" %}a{% else %}b{% endif %}{{ \"}}{% if\" }}";
    let delimiters = Delimiters::default();
    let context = json!({"yes": true, "no": false, "list": [1, 2], "empty": [], "text": "%}"});
    let fields = Fields::new(context.as_object().expect("an object")).expect("fields");
    let mut plain = Templates::new(&delimiters, &toml::Table::new()).expect("delimiters");
    assert!(plain.add(&[("t", source)]).is_empty(), "it parses");
    let sources = BTreeMap::from([("t".to_owned(), source)]);
    let noting =
        Templates::recording(&delimiters, &toml::Table::new(), &sources).expect("delimiters");
    assert_eq!(noting.unreached("t", source).len(), 12, "{source}");
    let render = |templates: &Templates| templates.render("t", &fields).expect("it renders");
    assert_eq!(render(&noting), render(&plain));
    let left = noting.unreached("t", source);
    let left: Vec<&str> = left.iter().map(|branch| &source[branch.tag.clone()]).collect();
    assert_eq!(
        left,
        ["{% if not yes -%}", "{% else %}", "{% for i in empty -%}", "{% elif no %}", "{% else %}"]
    );
}

#[test]
fn the_built_in_pack_renders_the_same_while_notes_are_taken() {
    let pack = embedded();
    let files = pack.components.iter().flat_map(|component| &component.files);
    let files = files.filter(|file| file.template);
    let sources = files
        .map(|file| (file.source.clone(), pack.text(&file.source).expect("a template is text")))
        .collect();
    let noting = Templates::recording(&pack.manifest.delimiters, &pack.versions, &sources)
        .expect("the delimiters are sound");
    for selection in cover(pack, "x").into_iter().step_by(5) {
        let plan = Plan::new(pack, selection).expect("a valid plan");
        let tree = rendered_files(&plan).expect("it renders");
        assert!(rendered_with(&plan, &noting).expect("it renders") == tree);
    }
}

#[test]
fn the_built_in_pack_renders_every_branch() {
    let proof = prove(embedded(), &[]);
    println!("{} selections", proof.selections);
    assert_eq!(proof.problems, Vec::new());
}

/// Thirty flags and five slots of three have 2^30 selections and more.
#[test]
fn a_pack_of_thirty_flags_is_linted() {
    let files = large_pack(30, 5);
    let pack: Pack = read(&files);
    assert_eq!(validate::validate(&pack), Vec::new());
    let begin = std::time::Instant::now();
    let proof = prove(&pack, &[]);
    println!("{} selections in {:?}", proof.selections, begin.elapsed());
    assert_eq!(proof.problems, Vec::new());
    assert!(proof.selections > 500, "{}", proof.selections);
}

/// A service may take the place of the one that comes by itself.
#[test]
fn the_small_pack_has_no_problem() {
    let folder = small_pack(&[]);
    let pack = validate::load(folder.path()).expect("the pack is sound");
    assert_eq!(prove(&pack, &[]).problems, Vec::new());
    let choices = Choices { name: Some("x".to_owned()), ..Choices::default() };
    assert!(cover(&pack, "x").contains(&choices.complete(&pack).expect("valid")));
}
