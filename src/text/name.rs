//! Names of projects and services: the forms that `heck` makes of them, and the rules of
//! everything that will have to accept them.
//!
//! Rules: npm's `validate-npm-package-name`, DNS labels of RFC 1123 and 1035 (Kubernetes
//! namespaces and Services), Python module names, Docker image names, Windows device names.

use heck::{ToKebabCase, ToSnakeCase, ToTitleCase};

use crate::text::error::Error;

const LONGEST_LABEL: usize = 63;
const PYTHON_KEYWORDS: [&str; 35] = [
    "false", "none", "true", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];
const NPM_RESERVED: [&str; 2] = ["node_modules", "favicon.ico"];
const NODE_BUILTIN: [&str; 44] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "test",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
    "sqlite",
];

/// A name that npm, DNS, Python and Docker all accept, such as `my-app`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Checks the name of a project.
    ///
    /// # Errors
    /// [`Error::Usage`] naming every rule that is broken, with the nearest valid name as hint.
    pub fn project(text: &str) -> Result<Self, Error> {
        Self::parse(text).map_err(|broken| {
            let hint = match nearest(text) {
                Some(name) => format!("scaffold new {name}"),
                None => "a name such as `my-app` works".to_owned(),
            };
            Error::usage(format!("`{text}` cannot name a project: {}", broken.join("; ")), hint)
        })
    }

    /// Checks the name of a service; `flag` is what to show the corrected use of, such as
    /// `--service`, and `kind` the kind that was asked for.
    ///
    /// # Errors
    /// [`Error::Usage`] naming every rule that is broken.
    pub fn service(text: &str, kind: &str) -> Result<Self, Error> {
        Self::parse(text).map_err(|broken| {
            let example = nearest(text).unwrap_or_else(|| format!("my-{kind}"));
            Error::usage(
                format!("`{text}` cannot name a service: {}", broken.join("; ")),
                format!("--service {example}={kind}"),
            )
        })
    }

    fn parse(text: &str) -> Result<Self, Vec<String>> {
        let broken = broken_rules(text);
        if broken.is_empty() { Ok(Self(text.to_owned())) } else { Err(broken) }
    }

    /// The name as it was given, `my-app`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `my_app`
    #[must_use]
    pub fn snake(&self) -> String {
        self.0.to_snake_case()
    }

    /// `My App`
    #[must_use]
    pub fn title(&self) -> String {
        self.0.to_title_case()
    }
}

/// Every rule that `text` breaks, as a phrase that names whose rule it is.
fn broken_rules(text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rule = |fails: bool, phrase: &str| {
        if fails {
            broken.push(phrase.to_owned());
        }
    };
    if text.is_empty() {
        rule(true, "it is empty");
        return broken;
    }
    let has = |test: fn(char) -> bool| text.chars().any(test);
    let odd = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c.is_whitespace());
    rule(has(char::is_whitespace), "npm and DNS names have no spaces");
    rule(has(|c| c.is_ascii_uppercase()), "npm, DNS and Docker names have no capitals");
    if let Some(character) = text.chars().find(|c| odd(*c)) {
        rule(
            true,
            &format!("DNS names are made of a-z, 0-9 and `-`, not `{}`", character.escape_debug()),
        );
    }
    rule(
        text.starts_with(|c: char| c.is_ascii_digit()),
        "Python modules and Kubernetes Services start with a letter",
    );
    rule(
        text.starts_with('-') || text.ends_with('-'),
        "DNS and Docker names neither start nor end with `-`",
    );
    rule(text.chars().count() > LONGEST_LABEL, "DNS labels have at most 63 characters");
    let snake = text.to_snake_case();
    rule(PYTHON_KEYWORDS.contains(&snake.as_str()), "it is a Python keyword");
    rule(
        NPM_RESERVED.contains(&text) || NODE_BUILTIN.contains(&snake.as_str()),
        "npm refuses the name of a module that Node.js has built in",
    );
    rule(is_device_name(text), "Windows keeps it for a device");
    broken
}

/// Whether Windows takes a file of this name for a device, whatever its extension.
#[must_use]
pub fn is_device_name(file_name: &str) -> bool {
    let stem = file_name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() == 1 && rest.starts_with(|c: char| ('1'..='9').contains(&c))
        })
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// The valid name that is nearest to `text`, if something can be made of it.
fn nearest(text: &str) -> Option<String> {
    let plain: String =
        text.to_kebab_case().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let plain = plain.trim_matches(|c: char| c == '-' || c.is_ascii_digit());
    let short: String = plain.chars().take(LONGEST_LABEL).collect();
    let name = short.trim_matches('-').to_owned();
    if name.is_empty() {
        return None;
    }
    if broken_rules(&name).is_empty() {
        return Some(name);
    }
    let with_suffix = format!("{name}-app");
    broken_rules(&with_suffix).is_empty().then_some(with_suffix)
}
