//! Pruning a lock: what is reached stays, nested versions included, with npm's flags and order.

use std::collections::BTreeMap;

use scaffold::render::lockfile::prune_npm;
use serde_json::{Value, json};

fn prune(packages: &Value, manifests: &[(&str, Value)]) -> Result<Value, String> {
    let full = json!({"name": "all", "lockfileVersion": 3, "requires": true, "packages": packages});
    let manifests: BTreeMap<String, String> = manifests
        .iter()
        .map(|(folder, manifest)| ((*folder).to_owned(), manifest.to_string()))
        .collect();
    prune_npm("locks/package-lock.json", &full.to_string(), &[], &manifests)
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

/// The flags that a package has.
fn flags(lock: &Value, path: &str) -> Vec<String> {
    let entry = lock["packages"][path].as_object().unwrap_or_else(|| panic!("{path} is missing"));
    let is_flag =
        |key: &&String| ["dev", "optional", "devOptional", "peer"].contains(&key.as_str());
    entry.keys().filter(is_flag).cloned().collect()
}

/// A lock in which each package needs the ones behind it, and the names of its root by kind.
fn graph(edges: &[(&str, &[&str])], root: &Value) -> Value {
    let mut packages = json!({"": {"name": "all"}});
    for (name, needed) in edges {
        let needed: BTreeMap<&str, &str> = needed.iter().map(|name| (*name, "1.0.0")).collect();
        packages[format!("node_modules/{name}")] =
            json!({"version": "1.0.0", "dependencies": needed, "devOptional": true});
    }
    prune(&packages, &[("", root.clone())]).expect("a lock")
}

#[test]
fn a_package_is_for_development_or_optional_only_where_every_way_to_it_is() {
    let edges: &[(&str, &[&str])] = &[
        ("tool", &["shared", "both", "lint"]),
        ("web", &["shared"]),
        ("fast", &["both", "native"]),
        ("both", &["deep"]),
        ("deep", &[]),
        ("shared", &[]),
        ("lint", &["tool"]),
        ("native", &[]),
    ];
    let root = json!({
        "name": "mine",
        "dependencies": {"web": "1"},
        "devDependencies": {"tool": "1"},
        "optionalDependencies": {"fast": "1"}
    });
    let lock = graph(edges, &root);
    let expected: [(&str, &[&str]); 8] = [
        ("web", &[]),
        ("shared", &[]),
        ("tool", &["dev"]),
        ("lint", &["dev"]),
        ("fast", &["optional"]),
        ("native", &["optional"]),
        ("both", &["devOptional"]),
        ("deep", &["devOptional"]),
    ];
    for (name, expected) in expected {
        assert_eq!(flags(&lock, &format!("node_modules/{name}")), expected, "{name}");
    }
    // A way without a flag that is found last takes it from everything behind it.
    let edges: &[(&str, &[&str])] =
        &[("a", &["m"]), ("m", &["n"]), ("n", &["o"]), ("o", &[]), ("z", &["m"])];
    let root = json!({"name": "mine", "devDependencies": {"z": "1"}, "dependencies": {"a": "1"}});
    let lock = graph(edges, &root);
    for name in ["m", "n", "o"] {
        assert_eq!(flags(&lock, &format!("node_modules/{name}")), [""; 0], "{name}");
    }
    let root = json!({"name": "mine", "devDependencies": {"a": "1"}, "dependencies": {"z": "1"}});
    let lock = graph(edges, &root);
    for name in ["m", "n", "o"] {
        assert_eq!(flags(&lock, &format!("node_modules/{name}")), [""; 0], "{name}");
    }
}

#[test]
fn what_a_peer_needs_is_a_peer_unless_something_else_needs_it() {
    let packages = json!({
        "node_modules/web": {"version": "1.0.0", "peerDependencies": {"host": "1", "known": "1"}},
        "node_modules/host": {"version": "1.0.0", "dependencies": {"part": "1"}},
        "node_modules/part": {"version": "1.0.0"},
        "node_modules/known": {"version": "1.0.0"}
    });
    let lock = prune(
        &packages,
        &[("", json!({"name": "mine", "dependencies": {"web": "1", "known": "1"}}))],
    )
    .expect("a lock");
    assert_eq!(flags(&lock, "node_modules/host"), ["peer"]);
    assert_eq!(flags(&lock, "node_modules/part"), ["peer"]);
    assert_eq!(flags(&lock, "node_modules/known"), [""; 0]);
}

#[test]
fn an_optional_package_may_be_missing_and_a_needed_one_may_not() {
    let packages = json!({"node_modules/web": {
        "version": "1.0.0",
        "optionalDependencies": {"other-platform": "1"},
        "peerDependencies": {"extra": "1"},
        "peerDependenciesMeta": {"extra": {"optional": true}}
    }});
    let root = json!({"name": "mine", "dependencies": {"web": "1"}});
    let lock = prune(&packages, &[("", root)]).expect("a lock");
    assert_eq!(paths(&lock), ["", "node_modules/web"]);
    let packages = json!({"node_modules/web": {"version": "1", "peerDependencies": {"host": "1"}}});
    let root = json!({"name": "mine", "dependencies": {"web": "1"}});
    assert_eq!(
        prune(&packages, &[("", root)]).expect_err("refused"),
        "locks/package-lock.json: neither the lock nor the project has `host`, which `node_modules/web` needs"
    );
}

/// Node looks beside the package first, then in every folder above it.
#[test]
fn a_package_is_found_in_the_nearest_folder() {
    let packages = json!({
        "node_modules/@s/web": {"version": "1", "dependencies": {"part": "2", "only-above": "1"}},
        "node_modules/@s/web/node_modules/part": {"version": "2", "dependencies": {"inner": "1"}},
        "node_modules/@s/web/node_modules/part/node_modules/inner": {"version": "1"},
        "node_modules/part": {"version": "1"},
        "node_modules/inner": {"version": "3"},
        "node_modules/only-above": {"version": "1"},
        "services/one/node_modules/part": {"version": "4"},
        "services/node_modules/only-above": {"version": "5"}
    });
    let manifests = [
        ("", json!({"name": "mine", "workspaces": ["services/*"]})),
        (
            "services/one",
            json!({"name": "one", "dependencies": {"@s/web": "1", "part": "4", "only-above": "5"}}),
        ),
    ];
    let lock = prune(&packages, &manifests).expect("a lock");
    assert_eq!(
        paths(&lock),
        [
            "",
            "node_modules/@s/web",
            "node_modules/@s/web/node_modules/part",
            "node_modules/@s/web/node_modules/part/node_modules/inner",
            "node_modules/one",
            "node_modules/only-above",
            "services/node_modules/only-above",
            "services/one",
            "services/one/node_modules/part",
        ]
    );
}

#[test]
fn development_packages_count_for_the_projects_own_packages_only() {
    let packages = json!({
        "node_modules/web": {"version": "1", "devDependencies": {"builder": "1"}},
        "node_modules/builder": {"version": "1"},
        "node_modules/tool": {"version": "1"}
    });
    let manifests = [
        ("", json!({"name": "mine", "workspaces": ["services/*"]})),
        (
            "services/one",
            json!({"name": "one", "dependencies": {"web": "1"}, "devDependencies": {"tool": "1"}}),
        ),
    ];
    let lock = prune(&packages, &manifests).expect("a lock");
    assert_eq!(
        paths(&lock),
        ["", "node_modules/one", "node_modules/tool", "node_modules/web", "services/one"]
    );
    assert_eq!(flags(&lock, "node_modules/tool"), ["dev"]);
    // The project's own packages and the links to them have no flags.
    assert_eq!(flags(&lock, "services/one"), [""; 0]);
    assert_eq!(flags(&lock, "node_modules/one"), [""; 0]);
}

/// The text is what npm itself would write: the names and order of its fields, of the entries,
/// and one end of line.
#[test]
fn the_lock_is_written_as_npm_writes_it() {
    let full = json!({"packages": {
        "node_modules/b-a": {
            "funding": {"url": "u"},
            "engines": {"node": ">=1"},
            "license": "MIT",
            "dependencies": {"_x": "1", "a/b": "1", "Ab": "1", "aB": "1", "a-b": "1", "a1": "1", "ab": "1"},
            "integrity": "sha512-",
            "resolved": "https://example.org/",
            "version": "1.0.0",
            "dev": true
        },
        "node_modules/_x": {"version": "1"},
        "node_modules/a-b": {"version": "1"},
        "node_modules/a/b": {"version": "1"},
        "node_modules/a1": {"version": "1"},
        "node_modules/ab": {"version": "1"},
        "node_modules/aB": {"version": "1"},
        "node_modules/Ab": {"version": "1"}
    }});
    let root = json!({
        "name": "mine", "version": "0.0.0", "private": true, "scripts": {"test": "x"}, "license": "MIT",
        "devDependencies": {}, "dependencies": {"b-a": "1"}, "engines": {"node": ">=24"}
    });
    let manifests = BTreeMap::from([(String::new(), root.to_string())]);
    let text = prune_npm("lock", &full.to_string(), &[], &manifests).expect("a lock");
    let expected = r#"{
  "name": "mine",
  "version": "0.0.0",
  "lockfileVersion": 3,
  "requires": true,
  "packages": {
    "": {
      "name": "mine",
      "version": "0.0.0",
      "license": "MIT",
      "dependencies": {
        "b-a": "1"
      },
      "engines": {
        "node": ">=24"
      }
    },
    "node_modules/_x": {
      "version": "1"
    },
    "node_modules/a-b": {
      "version": "1"
    },
    "node_modules/a/b": {
      "version": "1"
    },
    "node_modules/a1": {
      "version": "1"
    },
    "node_modules/ab": {
      "version": "1"
    },
    "node_modules/aB": {
      "version": "1"
    },
    "node_modules/Ab": {
      "version": "1"
    },
    "node_modules/b-a": {
      "version": "1.0.0",
      "resolved": "https://example.org/",
      "integrity": "sha512-",
      "license": "MIT",
      "dependencies": {
        "_x": "1",
        "a-b": "1",
        "a/b": "1",
        "a1": "1",
        "ab": "1",
        "aB": "1",
        "Ab": "1"
      },
      "engines": {
        "node": ">=1"
      },
      "funding": {
        "url": "u"
      }
    }
  }
}
"#;
    assert_eq!(text, expected);
    // A project without a version has none in its lock either.
    let manifests = BTreeMap::from([(String::new(), json!({"name": "mine"}).to_string())]);
    let text = prune_npm("lock", &full.to_string(), &[], &manifests).expect("a lock");
    assert!(!text.contains("version\""), "{text}");
}

/// Most entries are in a lock as npm wrote them: those whose notes hold are not written anew.
#[test]
fn an_entry_in_the_form_of_npm_stays_as_it_is_while_its_notes_hold() {
    let full = r#"{"packages": {
    "node_modules/as-it-is": {
      "license": "MIT",
      "version": "1.0.0"
    },
    "node_modules/begins-so": {
      "license": "MIT", "version": "1.0.0"},
    "node_modules/ends-so": {"license": "MIT", "version": "1.0.0"
    },
    "node_modules/noted-now": {
      "license": "MIT",
      "version": "1.0.0"
    },
    "node_modules/noted-then": {
      "license": "MIT",
      "dev": true,
      "version": "1.0.0"
    }
  }
}"#;
    let root = json!({
        "name": "mine",
        "dependencies": {"as-it-is": "1", "begins-so": "1", "ends-so": "1", "noted-then": "1"},
        "devDependencies": {"noted-now": "1"}
    });
    let manifests = BTreeMap::from([(String::new(), root.to_string())]);
    let text = prune_npm("lock", full, &[], &manifests).expect("a lock");
    let packages = text.split_once("\n    \"node_modules/").expect("it has some").1;
    let expected = r#"as-it-is": {
      "license": "MIT",
      "version": "1.0.0"
    },
    "node_modules/begins-so": {
      "version": "1.0.0",
      "license": "MIT"
    },
    "node_modules/ends-so": {
      "version": "1.0.0",
      "license": "MIT"
    },
    "node_modules/noted-now": {
      "version": "1.0.0",
      "dev": true,
      "license": "MIT"
    },
    "node_modules/noted-then": {
      "version": "1.0.0",
      "license": "MIT"
    }
  }
}
"#;
    assert_eq!(packages, expected);
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    let fine = json!({"name": "mine"}).to_string();
    let manifests =
        |folder: &str, text: &str| BTreeMap::from([(folder.to_owned(), text.to_owned())]);
    let refused = |full: &str, manifests: &BTreeMap<String, String>| {
        prune_npm("locks/package-lock.json", full, &[], manifests).expect_err("refused").to_string()
    };
    assert_eq!(
        refused("{\n  x", &manifests("", &fine)),
        "locks/package-lock.json:2:3: this is not JSON"
    );
    assert_eq!(refused("{}", &manifests("", "nothing")), "package.json:1:2: this is not JSON");
    assert_eq!(
        refused("{}", &manifests("services/one", "")),
        "services/one/package.json:1:0: this is not JSON"
    );
}

#[test]
fn packages_that_a_component_locks_are_beside_those_of_the_pack() {
    let whole = |packages: Value| {
        json!({"name": "x", "lockfileVersion": 3, "requires": true, "packages": packages})
            .to_string()
    };
    let full = whole(everything());
    let manifests = BTreeMap::from([(
        String::new(),
        json!({"name": "mine", "dependencies": {"own": "3.0.0", "gone": "1.0.0"}}).to_string(),
    )]);
    let with = |shared: &str| {
        let own = whole(json!({
            "": {"name": "x", "dependencies": {"own": "3.0.0"}},
            "node_modules/own": {"version": "3.0.0", "dependencies": {"shared": "1.0.0"}},
            "node_modules/shared": {"version": shared},
        }));
        prune_npm("all.json", &full, &[("parts/a/package-lock.json".to_owned(), &own)], &manifests)
            .map(|text| serde_json::from_str::<Value>(&text).expect("the lock is JSON"))
            .map_err(|problem| problem.to_string())
    };
    assert_eq!(
        paths(&with("1.0.0").expect("a lock")),
        ["", "node_modules/gone", "node_modules/own", "node_modules/shared"]
    );
    assert_eq!(
        with("1.0.1"),
        Err("parts/a/package-lock.json: `node_modules/shared` is 1.0.1 here and 1.0.0 in `all.json`: \
             lock it anew beside that version"
            .to_owned())
    );
}
