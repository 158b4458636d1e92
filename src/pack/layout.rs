//! What the names of a pack's folders say of the files in them. The build script uses this file as
//! well, and finds out where the files go that are only copied.

/// The manifest of a pack.
pub const PACK_MANIFEST: &str = "pack.toml";
/// The manifest of a component.
pub const COMPONENT_MANIFEST: &str = "component.toml";
/// What stands for the service's name in the paths of `each@<kind>/`.
pub const SERVICE_IN_PATH: &str = "_service_";
/// What files can be rendered for beside services, `files@image/`: in paths of `each@image/` its
/// name is `_image_`, and templates see it as `image`.
pub const PARTS: [&str; 3] = ["image", "provider", "workload"];
/// The suffix of files that are rendered and not copied.
pub const TEMPLATE_SUFFIX: &str = ".tera";

/// Where a file lies that is rendered for services or parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// `files@<of>/`: in the folder of each.
    InFolder,
    /// `code@<of>/`, `for@<binding>.<runtime>/`: where the code of each service is, once where they
    /// share it.
    InCode,
    /// `each@<of>/`: anywhere; [`ComponentFile::name_in_path`] stands for the name of each.
    ByName,
}

/// A file that a component adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentFile {
    /// Its path in the pack.
    pub source: String,
    /// Its path in the project, or in the folder of what it is added for where `in_folder` is set.
    pub path: String,
    /// Added once for each of these: service instances of this kind or runtime, or one of [`PARTS`].
    pub of: Option<String>,
    /// With `of`: where it lies.
    pub lies: Lies,
    /// The binding that those need that it is added for, `for@<binding>.<runtime>/`.
    pub need: Option<String>,
    /// Added only where all of these components are on.
    pub conditions: Vec<String>,
    /// Rendered, not copied.
    pub template: bool,
}

impl ComponentFile {
    /// The file at `inner` of the component in the folder `prefix`: it lies in `files`, `files+ml`,
    /// `files@gateway+ml`, `code@gateway`, `for@queue.node`, `each@gateway` or such; `None` where it
    /// does not.
    #[must_use]
    pub fn read(prefix: &str, inner: &str) -> Option<Self> {
        let (folder, path) = inner.split_once('/')?;
        let named = [
            ("files", Lies::InFolder),
            ("code", Lies::InCode),
            ("for", Lies::InCode),
            ("each", Lies::ByName),
        ];
        let (lies, rest) =
            named.into_iter().find_map(|(name, lies)| Some((lies, folder.strip_prefix(name)?)))?;
        let (of, conditions) = match rest.split_once('+') {
            Some((of, conditions)) => (of, conditions.split('+').map(str::to_owned).collect()),
            None => (rest, Vec::new()),
        };
        let of = match of.strip_prefix('@') {
            Some(of) => Some(of),
            None if of.is_empty() && lies == Lies::InFolder => None,
            None => return None,
        };
        let (need, of) = if folder.starts_with("for@") {
            let (need, of) = of?.split_once('.')?;
            (Some(need.to_owned()), Some(of))
        } else {
            (None, of)
        };
        let stripped = path.strip_suffix(TEMPLATE_SUFFIX);
        Some(Self {
            source: format!("{prefix}{inner}"),
            path: stripped.unwrap_or(path).to_owned(),
            of: of.map(str::to_owned),
            lies,
            need,
            conditions,
            template: stripped.is_some(),
        })
    }

    /// Where `path` lies in the project, which stands where this file does for what is called `name`
    /// and lies in `folder`.
    #[must_use]
    pub fn path_of(&self, name: &str, folder: &str, path: &str) -> String {
        match self.lies {
            Lies::InFolder | Lies::InCode => format!("{folder}/{path}"),
            Lies::ByName => path.replace(self.name_in_path(), name),
        }
    }

    /// What stands in its path for the name of what it is rendered for.
    #[must_use]
    pub fn name_in_path(&self) -> &'static str {
        match self.of.as_deref() {
            Some("image") => "_image_",
            Some("provider") => "_provider_",
            Some("workload") => "_workload_",
            _ => SERVICE_IN_PATH,
        }
    }

    /// Whether it is rendered for services.
    #[must_use]
    pub fn is_of_services(&self) -> bool {
        self.of.as_deref().is_some_and(|of| !PARTS.contains(&of))
    }
}

/// The folders with a [`COMPONENT_MANIFEST`] among the files at `paths`; what lies in a component is
/// its own, whatever its name.
#[must_use]
pub fn component_folders<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    for path in paths {
        let Some(folder) =
            path.strip_suffix(COMPONENT_MANIFEST).and_then(|path| path.strip_suffix('/'))
        else {
            continue;
        };
        if !folders.iter().any(|outer| is_below(folder, outer)) {
            folders.retain(|inner| !is_below(inner, folder));
            folders.push(folder.to_owned());
        }
    }
    folders.sort();
    folders
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|inner| inner.starts_with('/'))
}

/// The folder of the service `name`, from the root of the project.
#[must_use]
pub fn service_folder(name: &str) -> String {
    format!("services/{name}")
}

/// The folder of the code that all services of `kind` share.
#[must_use]
pub fn kind_folder(kind: &str) -> String {
    format!("kinds/{kind}")
}

/// What the code of a service of `kind` is called, and its folder: those of the kind where all of its
/// services share them.
#[must_use]
pub fn code_place<'a>(kind: &'a str, shared: bool, service: &'a str) -> (&'a str, String) {
    if shared { (kind, kind_folder(kind)) } else { (service, service_folder(service)) }
}

/// Whether a service of this kind and runtime is one of those that `files@<of>/` is for.
#[must_use]
pub fn is_service_of(of: &str, kind: &str, runtime: &str) -> bool {
    kind == of || runtime == of
}

/// Whether a file of a component's folder is about the component, and goes to no project.
#[must_use]
pub fn is_about_the_component(inner: &str) -> bool {
    inner == COMPONENT_MANIFEST || inner == "README.md"
}
