//! What the names of a pack's folders say of the files in them. The build script uses this file as
//! well, and finds out where the files go that are only copied.

/// The manifest of a pack.
pub const PACK_MANIFEST: &str = "pack.toml";
/// The manifest of a component.
pub const COMPONENT_MANIFEST: &str = "component.toml";
/// What stands for the service's name in the paths of `each@<kind>/`.
pub const SERVICE_IN_PATH: &str = "_service_";
/// The suffix of files that are rendered and not copied.
pub const TEMPLATE_SUFFIX: &str = ".tera";

/// A file that a component adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentFile {
    /// Its path in the pack.
    pub source: String,
    /// Its path in the project, or in the service's folder where `in_folder` is set.
    pub path: String,
    /// Added once per service instance of this kind.
    pub kind: Option<String>,
    /// With `kind`: lies in the service's folder. Else [`SERVICE_IN_PATH`] stands for its name.
    pub in_folder: bool,
    /// Added only where all of these components are on.
    pub conditions: Vec<String>,
    /// Rendered, not copied.
    pub template: bool,
}

impl ComponentFile {
    /// The file at `inner` of the component in the folder `prefix`: it lies in `files`, `files+ml`,
    /// `files@gateway+ml`, `each@gateway` or such; `None` where it does not.
    #[must_use]
    pub fn read(prefix: &str, inner: &str) -> Option<Self> {
        let (folder, path) = inner.split_once('/')?;
        let (in_folder, rest) = match folder.strip_prefix("each@") {
            Some(_) => (false, &folder["each".len()..]),
            None => (true, folder.strip_prefix("files")?),
        };
        let (kind, conditions) = match rest.split_once('+') {
            Some((kind, conditions)) => (kind, conditions.split('+').map(str::to_owned).collect()),
            None => (rest, Vec::new()),
        };
        let kind = match kind.strip_prefix('@') {
            Some(kind) => Some(kind.to_owned()),
            None if kind.is_empty() => None,
            None => return None,
        };
        let stripped = path.strip_suffix(TEMPLATE_SUFFIX);
        Some(Self {
            source: format!("{prefix}{inner}"),
            path: stripped.unwrap_or(path).to_owned(),
            kind,
            in_folder,
            conditions,
            template: stripped.is_some(),
        })
    }

    /// Its path in the project, where it is added for the service `service`.
    #[must_use]
    pub fn path_for(&self, service: &str) -> String {
        if self.in_folder {
            format!("{}/{}", service_folder(service), self.path)
        } else {
            self.path.replace(SERVICE_IN_PATH, service)
        }
    }
}

/// The folder of the service `name`, from the root of the project.
#[must_use]
pub fn service_folder(name: &str) -> String {
    format!("services/{name}")
}

/// Whether a file of a component's folder is about the component, and goes to no project.
#[must_use]
pub fn is_about_the_component(inner: &str) -> bool {
    inner == COMPONENT_MANIFEST || inner == "README.md"
}
