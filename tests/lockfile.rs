//! Pruning a lock: what is reached stays, nested versions included, with npm's flags and order.

use std::collections::BTreeMap;

use scaffold::lockfile::prune_npm;
use serde_json::{Value, json};

fn prune(packages: &Value, manifests: &[(&str, Value)]) -> Result<Value, String> {
    let full = json!({"name": "all", "lockfileVersion": 3, "requires": true, "packages": packages});
    let manifests: BTreeMap<String, String> = manifests
        .iter()
        .map(|(folder, manifest)| ((*folder).to_owned(), manifest.to_string()))
        .collect();
    prune_npm("locks/package-lock.json", &full.to_string(), &manifests)
        .map(|text| serde_json::from_str(&text).expect("the lock is JSON"))
        .map_err(|problem| problem.to_string())
}

fn paths(lock: &Value) -> Vec<&str> {
    lock["packages"].as_object().expect("packages").keys().map(String::as_str).collect()
}

fn everything() -> Value {
    json!({
        "": {"name": "all", "workspaces": ["services/*"]},
        "services/old": {"name": "@app/old", "dependencies": {"gone": "1.0.0"}},
        "node_modules/@app/old": {"resolved": "services/old", "link": true},
        "node_modules/gone": {"version": "1.0.0"},
        "node_modules/tool": {"version": "1.0.0", "dev": true, "dependencies": {"shared": "2.0.0"}},
        "node_modules/tool/node_modules/shared": {"version": "2.0.0", "dev": true},
        "node_modules/shared": {"version": "1.0.0"},
        "node_modules/web": {
            "version": "1.0.0",
            "dependencies": {"shared": "1.0.0"},
            "optionalDependencies": {"fast": "1.0.0"},
            "peerDependencies": {"host": "1.0.0", "extra": "1.0.0"},
            "peerDependenciesMeta": {"extra": {"optional": true}}
        },
        "node_modules/fast": {"version": "1.0.0"},
        "node_modules/host": {"version": "1.0.0"},
        "node_modules/extra": {"version": "1.0.0"}
    })
}

#[test]
fn keeps_what_the_manifests_reach_and_nothing_else() {
    let lock = prune(
        &everything(),
        &[
            ("", json!({"name": "mine", "workspaces": ["services/*"], "devDependencies": {"tool": "1.0.0"}})),
            ("services/new", json!({"name": "@app/new", "version": "0.0.0", "dependencies": {"web": "1.0.0"}})),
        ],
    )
    .expect("a lock");
    assert_eq!(
        paths(&lock),
        [
            "",
            "node_modules/@app/new",
            "node_modules/fast",
            "node_modules/host",
            "node_modules/shared",
            "node_modules/tool",
            "node_modules/tool/node_modules/shared",
            "node_modules/web",
            "services/new",
        ]
    );
    let packages = &lock["packages"];
    assert_eq!(lock["name"], "mine");
    assert_eq!(
        packages["node_modules/@app/new"],
        json!({"resolved": "services/new", "link": true})
    );
    assert_eq!(packages["services/new"]["dependencies"], json!({"web": "1.0.0"}));
    assert_eq!(packages["node_modules/tool"]["dev"], true);
    assert_eq!(packages["node_modules/tool/node_modules/shared"]["dev"], true);
    assert_eq!(packages["node_modules/shared"]["dev"], Value::Null);
    assert_eq!(packages["node_modules/fast"]["optional"], true);
    assert_eq!(packages["node_modules/host"]["peer"], true);
}

#[test]
fn a_package_that_only_development_needs_now_is_marked_so() {
    let lock =
        prune(&everything(), &[("", json!({"name": "mine", "devDependencies": {"web": "1.0.0"}}))])
            .expect("a lock");
    let packages = &lock["packages"];
    assert_eq!(packages["node_modules/shared"]["dev"], true);
    assert_eq!(packages["node_modules/fast"]["dev"], true);
    assert_eq!(packages["node_modules/fast"]["optional"], true);
}

#[test]
fn a_package_that_the_lock_lacks_is_named_with_who_needs_it() {
    let manifests = [
        ("", json!({"name": "mine", "workspaces": ["services/*"]})),
        ("services/new", json!({"name": "@app/new", "dependencies": {"missing": "1.0.0"}})),
    ];
    assert_eq!(
        prune(&everything(), &manifests).expect_err("refused"),
        "locks/package-lock.json: neither the lock nor the project has `missing`, which `services/new` needs"
    );
}

#[test]
fn a_package_of_the_project_that_is_not_rendered_is_not_taken_from_the_lock() {
    let manifests = [("", json!({"name": "mine", "dependencies": {"@app/old": "0.0.0"}}))];
    assert_eq!(
        prune(&everything(), &manifests).expect_err("refused"),
        "locks/package-lock.json: neither the lock nor the project has `@app/old`, which `package.json` needs"
    );
}
