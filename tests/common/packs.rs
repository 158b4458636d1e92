//! Packs that tests make up: small ones of every form, and large ones.

use std::fmt::Write as _;

use proptest::prelude::*;
use scaffold::lint::validate;
use scaffold::pack::load::Pack;

use super::folder;

/// The files of a pack: path and text.
pub type Files = Vec<(String, String)>;

/// Reads a pack that may have problems.
pub fn read(files: &Files) -> Pack {
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let folder = folder(&files);
    let (pack, problems) =
        validate::load_as_far_as_possible(folder.path()).expect("the pack can be read");
    pack.unwrap_or_else(|| panic!("{problems:?}"))
}

/// A small pack: up to six flags, up to two slots, what comes by itself, and constraints of every sort
/// between them, those that leave few selections or none included.
pub fn any_small_pack() -> impl Strategy<Value = Files> {
    let sizes = (1..=3_usize, 0..=3_usize, 0..=2_usize, 0..=2_usize);
    let numbers = prop::collection::vec(0..1000_usize, 200);
    (sizes, numbers).prop_map(|((early, late, slots, derived), numbers)| {
        let mut numbers = numbers.into_iter();
        let mut chance = |percent: usize| numbers.next().is_some_and(|it| it % 100 < percent);
        let mut files = vec![("pack.toml".to_owned(), manifest("small", slots))];
        // What a component may require; only what comes before it, or there would be a circle.
        let mut known: Vec<String> = Vec::new();
        let mut flags: Vec<String> = Vec::new();
        let mut add = |id: &str, role: &str, known: &[String], others: &[String]| {
            let mut pick = |percent: usize, from: &[String]| {
                let chosen = from.iter().filter(|_| chance(percent));
                chosen.map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ")
            };
            let mut text = format!("summary = \"s\"\n{role}\n");
            let _ = writeln!(text, "requires = [{}]", pick(12, known));
            let _ = writeln!(text, "conflicts = [{}]", pick(8, others));
            if role.starts_with("flag") {
                let _ = writeln!(text, "applies = [{}]", pick(10, others));
            }
            files.push((format!("components/{id}/component.toml"), text));
        };
        let name = |prefix: &str, number: usize| format!("{prefix}{number}");
        for id in (0..derived).map(|number| name("derived", number)) {
            add(&id, "derived = true", &known, &[]);
            known.push(id);
        }
        for id in (0..early).map(|number| name("early", number)) {
            add(&id, &format!("flag = \"{id}\""), &known, &flags);
            known.push(id.clone());
            flags.push(id);
        }
        for slot in (0..slots).map(|number| name("slot", number)) {
            for number in 0..2 + slot.len() % 2 {
                let id = format!("{slot}-{number}");
                let role = format!("slot = \"{slot}\"\ndefault = {}", number == 0);
                add(&id, &role, &known, &flags);
            }
            known.push(slot);
        }
        for id in (0..late).map(|number| name("late", number)) {
            add(&id, &format!("flag = \"{id}\""), &known, &flags);
            known.push(id.clone());
            flags.push(id);
        }
        files
    })
}

/// A pack of `flags` flags, and of `slots` slots of three fillers each, as packs are that people
/// write: every component has files, templates with conditions and contributions; some bring services,
/// require, exclude and apply.
pub fn large_pack(flags: usize, slots: usize) -> Files {
    let mut files = vec![("pack.toml".to_owned(), manifest("large", slots))];
    let mut add = |path: String, text: String| files.push((path, text));
    let root =
        "summary = \"what is always there\"\nalways = true\n[contribute]\nlines = [\"root\"]\n";
    add("components/root/component.toml".to_owned(), root.to_owned());
    let readme = "# {{ project.title }}\n{% for line in lines %}\n{{ line }}{% endfor %}\n{% for name, fact in facts %}\n{{ name }}: {{ fact }}{% endfor %}\n";
    add("components/root/files/README.md.tera".to_owned(), readme.to_owned());
    for number in 0..slots {
        for filler in 0..3 {
            let id = format!("slot{number}-{filler}");
            let text = format!(
                "summary = \"s\"\nslot = \"slot{number}\"\ndefault = {}\n[contribute]\nlines = [\"{id}\"]\n[contribute.facts]\nslot{number} = \"{id}\"\n",
                filler == 0
            );
            add(format!("components/{id}/component.toml"), text);
            add(format!("components/{id}/files/slots/{number}/{id}.txt"), format!("{id}\n"));
            // Each filler has this file, and no project has two of them.
            add(
                format!("components/{id}/files/slots/{number}/chosen.txt.tera"),
                large_template(None, flags),
            );
        }
    }
    for number in 0..flags {
        let id = format!("flag{number}");
        let mut text = format!("summary = \"s\"\nflag = \"{id}\"\n");
        let requires: Vec<String> = match number % 5 {
            0 if slots > 0 => vec![format!("\"slot{}\"", number / 5 % slots)],
            1 if number > 6 => vec![format!("\"flag{}\"", number - 5)],
            _ => Vec::new(),
        };
        let _ = writeln!(text, "requires = [{}]", requires.join(", "));
        if number % 7 == 6 {
            let _ = writeln!(text, "conflicts = [\"flag{}\"]", number - 3);
        }
        if number % 11 == 10 {
            let _ = writeln!(text, "applies = [\"flag{}\", \"flag{}\"]", number - 1, number - 2);
        }
        if number % 6 == 0 {
            let _ = write!(
                text,
                "[kind.kind{number}]\nsummary = \"k\"\n[[service]]\nname = \"service{number}\"\nkind = \"kind{number}\"\n[each.kind{number}]\nlines = [\"service {{{{ service.name }}}}\"]\n"
            );
            let service = format!("components/{id}/files@kind{number}/src/main.txt.tera");
            add(service, "{{ service.name }} of {{ project.name }}\n".to_owned());
        }
        let other = (number + 1) % flags;
        let _ = write!(
            text,
            "[contribute]\nlines = [\"{id}{{% if 'flag{other}' in on %}} beside flag{other}{{% endif %}}\"]\n[contribute.facts]\n{id} = \"{number}\"\n"
        );
        add(format!("components/{id}/component.toml"), text);
        add(format!("components/{id}/files/{id}/code.txt"), format!("{id}\n"));
        add(
            format!("components/{id}/files/{id}/config.yaml.tera"),
            large_template(Some(number), flags),
        );
        let third = (number + 2) % flags;
        let both = format!("components/{id}/files+flag{other}/{id}/both.txt.tera");
        add(both, format!("{{% if 'flag{third}' in on %}}three{{% else %}}two{{% endif %}}\n"));
    }
    files
}

/// Some sixty lines with conditions and loops.
fn large_template(owner: Option<usize>, flags: usize) -> String {
    // A condition on what the component of the file requires or excludes would always be the same.
    let is_free = |flag: &usize| {
        flag % 5 > 1 && ![3, 6].contains(&(flag % 7)) && ![8, 9, 10].contains(&(flag % 11))
    };
    let free: Vec<usize> =
        (0..flags).filter(|flag| is_free(flag) && Some(*flag) != owner).collect();
    let mut text = String::new();
    for line in 0..8 {
        let one = free[(owner.unwrap_or(0) + line * 3) % free.len()];
        let _ = write!(
            text,
            "{{%- if 'flag{one}' in on %}}\nwith: {{{{ project.name }}}}\n{{%- else %}}\nwithout: {one}\n{{%- endif %}}\n{{%- for line in lines %}}\n- {{{{ line }}}}\n{{%- endfor %}}\n"
        );
    }
    text
}

fn manifest(name: &str, slots: usize) -> String {
    let mut text = format!("name = \"{name}\"\nversion = \"1.0.0\"\nsummary = \"s\"\n");
    for slot in 0..slots {
        let _ = write!(text, "[slots.slot{slot}]\nsummary = \"s\"\n");
    }
    text.push_str("[contributions.lines]\ntype = \"list\"\nsummary = \"s\"\n");
    text.push_str("[contributions.facts]\ntype = \"map\"\nsummary = \"s\"\n");
    text
}
