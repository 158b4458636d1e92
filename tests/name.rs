//! Names of projects: which work, which do not, and what is proposed instead.

use proptest::prelude::*;
use scaffold::name::Name;

fn refused(text: &str) -> (String, String) {
    let error = Name::project(text).expect_err("the name is refused");
    (error.to_string(), error.hint().unwrap_or_default())
}

#[test]
fn accepts_what_npm_dns_python_and_docker_accept() {
    for name in ["a", "myapp", "my-app", "app2", "a1-b2-c3", "x".repeat(63).as_str()] {
        assert!(Name::project(name).is_ok(), "{name}");
    }
}

#[test]
fn gives_every_form_of_a_name() {
    let name = Name::project("my-app").expect("a valid name");
    assert_eq!(
        (name.as_str(), name.snake().as_str(), name.title().as_str()),
        ("my-app", "my_app", "My App")
    );
}

#[test]
fn names_every_broken_rule_and_the_nearest_valid_name() {
    let cases = [
        ("", "`` cannot name a project: it is empty", "a name such as `my-app` works"),
        (
            "My App",
            "`My App` cannot name a project: npm and DNS names have no spaces; npm, DNS and Docker names have no capitals",
            "scaffold new my-app",
        ),
        (
            "my_app",
            "`my_app` cannot name a project: DNS names are made of a-z, 0-9 and `-`, not `_`",
            "scaffold new my-app",
        ),
        (
            "../up",
            "`../up` cannot name a project: DNS names are made of a-z, 0-9 and `-`, not `.`",
            "scaffold new up",
        ),
        (
            "1st",
            "`1st` cannot name a project: Python modules and Kubernetes Services start with a letter",
            "scaffold new st",
        ),
        (
            "-x-",
            "`-x-` cannot name a project: DNS and Docker names neither start nor end with `-`",
            "scaffold new x",
        ),
        (
            "class",
            "`class` cannot name a project: it is a Python keyword",
            "scaffold new class-app",
        ),
        (
            "http",
            "`http` cannot name a project: npm refuses the name of a module that Node.js has built in",
            "scaffold new http-app",
        ),
        (
            "con",
            "`con` cannot name a project: Windows keeps it for a device",
            "scaffold new con-app",
        ),
        (
            "grün",
            "`grün` cannot name a project: DNS names are made of a-z, 0-9 and `-`, not `ü`",
            "scaffold new grn",
        ),
    ];
    for (name, message, hint) in cases {
        assert_eq!(refused(name), (message.to_owned(), hint.to_owned()), "{name}");
    }
    let long = "x".repeat(64);
    let (message, hint) = refused(&long);
    assert_eq!(
        message,
        format!("`{long}` cannot name a project: DNS labels have at most 63 characters")
    );
    assert_eq!(hint, format!("scaffold new {}", "x".repeat(63)));
}

proptest! {
    #[test]
    fn every_proposed_name_is_valid(text in ".{0,80}") {
        if let Err(error) = Name::project(&text) {
            let hint = error.hint().unwrap_or_default();
            if let Some(name) = hint.strip_prefix("scaffold new ") {
                prop_assert!(Name::project(name).is_ok(), "{name:?} was proposed for {text:?}");
            }
        }
    }

    #[test]
    fn accepted_names_are_dns_labels_that_start_with_a_letter(text in "[a-zA-Z0-9_.-]{0,70}") {
        if Name::project(&text).is_ok() {
            prop_assert!(text.len() <= 63);
            prop_assert!(text.starts_with(|c: char| c.is_ascii_lowercase()));
            prop_assert!(!text.ends_with('-'));
            prop_assert!(text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        }
    }
}
