//! Every slow test with what it depends on, beyond what each has for granted: its own code, the
//! folders of tests/ that this names, tests/common, and the versions of Rust, Python and Node.
//!
//! A row is part of its own subject's digest only, so that a new one proves nothing anew. In doubt
//! a row says more: an honest record is worth more than a short run.

/// A slow test, or a suite of faults.
#[derive(Debug)]
pub struct Subject {
    /// The test, `file::function`.
    pub name: &'static str,
    /// What it does, for people.
    pub what: &'static str,
    /// The projects that it uses, each as the choices behind `scaffold new my-app`.
    pub projects: &'static [&'static [&'static str]],
    /// The files of every selection that it looks at; `*` stands for any text.
    pub every: &'static [&'static str],
    /// Further files and folders of this repository.
    pub files: &'static [&'static str],
    /// Whether it uses the generator for more than `scaffold new`.
    pub operates: bool,
    /// Whether it looks at the images that the projects are built from.
    pub images: bool,
    /// What has to be on the machine.
    pub tools: &'static [Tool],
    /// Whether only `make prove` runs it, until nobody has done that for long.
    pub seldom: bool,
}

/// A program that is not on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Node 26, which the tests install.
    Node26,
    /// A server of `RabbitMQ`.
    Rabbitmq,
    /// nginx.
    Nginx,
    /// kubectl.
    Kubectl,
    /// Debian's Chromium.
    Chromium,
    /// An engine for containers, with Compose.
    Docker,
    /// The compiler of Go.
    Go,
    /// mmdebstrap, which makes a bare Debian.
    Mmdebstrap,
}

/// What most rows have in common.
const PLAIN: Subject = Subject {
    name: "",
    what: "",
    projects: &[],
    every: &[],
    files: &[],
    operates: false,
    images: false,
    tools: &[],
    seldom: false,
};

const ML: &[&str] = &["--ml"];
const REALTIME: &[&str] = &["--realtime"];
const FULL: &[&str] = &["--ml", "--realtime"];
const RABBITMQ: &[&str] = &["--ml", "--queue", "rabbitmq"];
/// All that a project can have.
const WHOLE: &[&str] = &["--preset", "full"];
/// The same with a service of people's own.
const WHOLE_OWN: &[&str] = &["--preset", "full", "--service", "orders=fastapi"];
const REALTIME_BENCH: &[&str] = &["--realtime", "--bench"];
const FULL_FAULTS: &[&str] = &["--ml", "--realtime", "--faults"];
const RABBITMQ_FAULTS: &[&str] = &["--ml", "--queue", "rabbitmq", "--faults"];
const FULL_RABBITMQ: &[&str] = &["--ml", "--realtime", "--queue", "rabbitmq"];
/// A service of each kind that has tables of its own.
const OWN: &[&str] = &["--realtime", "--service", "orders=fastapi", "--service", "stock=fastify"];
/// A service of its own for each ORM of each kind, by names that are in order.
pub const EVERY_ORM: &[&str] = &[
    "--realtime",
    "--service",
    "orders=fastapi",
    "--service",
    "parts=fastapi:orm=tortoise",
    "--service",
    "stock=fastify",
    "--service",
    "tickets=fastify:orm=typeorm",
    "--service",
    "users=fastify:orm=sequelize",
    "--service",
    "visits=fastify:orm=prisma",
];
const OWN_FAULTS: &[&str] =
    &["--realtime", "--faults", "--service", "orders=fastapi", "--service", "stock=fastify"];
const DEMO: &[&str] = &["--ml", "--realtime", "--service", "orders=fastapi"];
const OWN_ALONE: &[&str] = &["--fastapi", "--fastify"];
/// People, and all that knows who they are: jobs, sockets, and a service of each kind.
pub const PEOPLE: &[&str] = &[
    "--identity",
    "--ml",
    "--realtime",
    "--bench",
    "--service",
    "bills=fastapi",
    "--service",
    "orders=fastify",
];
/// The same without jobs, at Keycloak.
pub const PEOPLE_AT_KEYCLOAK: &[&str] = &[
    "--identity",
    "--identity-provider",
    "keycloak",
    "--realtime",
    "--service",
    "bills=fastapi",
    "--service",
    "orders=fastify",
];
/// People, in containers.
pub const BOXED_PEOPLE: &[&str] = &["--identity", "--realtime", "--service", "orders=fastify"];
/// People, and what they see.
pub const PEOPLE_WITH_A_PAGE: &[&str] = &["--identity", "--ml", "--realtime"];
/// A project with a recipe of each sort.
pub const EXTENDED: &[&str] =
    &["--ml", "--realtime", "--service", "orders=fastapi", "--service", "stock=fastify"];
/// A service of people's own with each of what reaches tables.
pub const ORMS: &[&str] = &[
    "--service",
    "alchemy=fastapi:orm=sqlalchemy",
    "--service",
    "tortoise=fastapi:orm=tortoise",
    "--service",
    "drizzle=fastify:orm=drizzle",
    "--service",
    "typeorm=fastify:orm=typeorm",
    "--service",
    "sequelize=fastify:orm=sequelize",
    "--service",
    "prisma=fastify:orm=prisma",
];
/// What [`FULL`] and [`ML`] become with one service more of two kinds.
const TWO_OF_A_KIND: &[&str] =
    &["--ml", "--realtime", "--service", "scorer=inference", "--service", "edge=gateway"];
const ML_TWO_OF_A_KIND: &[&str] =
    &["--ml", "--service", "scorer=inference", "--service", "edge=gateway"];

/// All of them.
pub const SUBJECTS: &[Subject] = &[
    Subject {
        name: "toolchain::minimal_passes_its_own_checks",
        what: "make setup and make test, with Node 24 and 26; npm leaves the lock as it is",
        projects: &[&[]],
        tools: &[Tool::Node26],
        ..PLAIN
    },
    Subject {
        name: "toolchain::ml_and_realtime_alone_pass_their_type_checks",
        what: "make setup, type checks; npm leaves the lock as it is",
        projects: &[ML, REALTIME_BENCH],
        tools: &[Tool::Node26],
        ..PLAIN
    },
    Subject {
        name: "toolchain::ml_with_realtime_passes_its_own_checks",
        what: "make setup and make test, with Node 24; npm leaves the lock as it is",
        projects: &[WHOLE],
        ..PLAIN
    },
    Subject {
        name: "toolchain::ml_on_rabbitmq_passes_its_own_checks",
        what: "make setup and make test, with RabbitMQ; npm leaves the lock as it is",
        projects: &[RABBITMQ],
        tools: &[Tool::Node26, Tool::Rabbitmq],
        ..PLAIN
    },
    Subject {
        name: "toolchain::two_services_of_a_kind_pass_their_own_checks",
        what: "make setup and make test; npm leaves the lock as it is",
        projects: &[TWO_OF_A_KIND],
        tools: &[Tool::Node26],
        ..PLAIN
    },
    Subject {
        name: "toolchain::identity_passes_its_own_checks",
        what: "make setup and make test, with Node 26; npm leaves the lock as it is",
        projects: &[PEOPLE],
        tools: &[Tool::Node26],
        ..PLAIN
    },
    Subject {
        name: "toolchain::own_services_pass_their_own_checks",
        what: "make setup and make test on a real PostgreSQL, each ORM; types without realtime; npm leaves the lock as it is",
        projects: &[EVERY_ORM, OWN_ALONE],
        tools: &[Tool::Node26],
        ..PLAIN
    },
    Subject {
        name: "toolchain::a_changed_route_is_seen_and_breaks_its_callers",
        what: "make contracts after a change of two routes, and a client in Python; npm leaves the lock as it is",
        projects: &[&["--fastapi"]],
        tools: &[Tool::Node26],
        ..PLAIN
    },
    Subject {
        name: "toolchain::one_more_field_of_the_job_breaks_no_test",
        what: "make setup, a further field in a job, the tests of all services",
        projects: &[FULL],
        tools: &[Tool::Node26],
        ..PLAIN
    },
    Subject {
        name: "toolchain::python_outside_of_services_is_formatted_and_linted",
        what: "ruff over the project's own programs",
        projects: &[WHOLE_OWN],
        files: &["scripts", "tests"],
        tools: &[Tool::Node26],
        ..PLAIN
    },
    Subject {
        name: "system::minimal_runs",
        what: "make setup, make e2e, the first day of an owner, without a page as well",
        projects: &[&[], &["--no-page"]],
        operates: true,
        ..PLAIN
    },
    Subject {
        name: "extend::every_recipe_works_as_it_is_written",
        what: "make setup, then every file and command of docs/extend.md, in order",
        projects: &[EXTENDED],
        operates: true,
        seldom: true,
        ..PLAIN
    },
    Subject {
        name: "extend::a_field_reaches_the_table_by_every_orm",
        what: "make setup, then a field added as the README of each service says",
        projects: &[ORMS],
        seldom: true,
        ..PLAIN
    },
    Subject {
        name: "extend::what_coding_agents_are_told_to_run_runs",
        what: "every command of AGENTS.md",
        projects: &[&[]],
        seldom: true,
        ..PLAIN
    },
    Subject {
        name: "extend::what_an_editor_starts_answers",
        what: "every process started as .vscode/launch.json says, under its debugger",
        projects: &[EXTENDED],
        ..PLAIN
    },
    Subject {
        name: "extend::a_project_is_set_up_and_tested_in_containers_to_develop_in",
        what: "the image of .devcontainer built, make setup and make test in it",
        projects: &[EXTENDED],
        images: true,
        tools: &[Tool::Docker],
        seldom: true,
        ..PLAIN
    },
    Subject { name: "system::ml_runs", what: "make setup, make e2e", projects: &[ML], ..PLAIN },
    Subject {
        name: "system::realtime_runs",
        what: "make setup, make e2e",
        projects: &[REALTIME],
        ..PLAIN
    },
    Subject {
        name: "system::ml_with_realtime_runs",
        what: "make setup, make e2e, the first day of an owner",
        projects: &[FULL],
        ..PLAIN
    },
    Subject {
        name: "system::own_services_run",
        what: "make setup, make e2e: one contract for both kinds and every ORM",
        projects: &[EVERY_ORM],
        ..PLAIN
    },
    Subject {
        name: "system::identity_runs",
        what: "make setup, make e2e: people sign in, and services know whose things they are asked for",
        projects: &[PEOPLE],
        ..PLAIN
    },
    Subject {
        name: "system::ml_on_rabbitmq_runs",
        what: "make setup, make e2e",
        projects: &[RABBITMQ],
        tools: &[Tool::Rabbitmq],
        ..PLAIN
    },
    Subject {
        name: "system::services_added_to_a_project_are_reached_by_their_routes",
        what: "two services more: make setup, both reached; taken away again without a trace",
        projects: &[ML, ML_TWO_OF_A_KIND],
        operates: true,
        ..PLAIN
    },
    Subject {
        name: "system::redis_survives_its_faults",
        what: "make faults: killed, frozen and cut off, no job lost",
        projects: &[FULL_FAULTS],
        ..PLAIN
    },
    Subject {
        name: "system::rabbitmq_survives_its_faults",
        what: "make faults: killed, frozen and cut off, no job lost",
        projects: &[RABBITMQ_FAULTS],
        tools: &[Tool::Rabbitmq],
        ..PLAIN
    },
    Subject {
        name: "system::own_services_survive_their_faults",
        what: "make faults: killed and frozen, no change lost or doubled, each told of",
        projects: &[OWN_FAULTS],
        ..PLAIN
    },
    Subject {
        name: "system::the_demonstration_predicts_a_digit_and_keeps_an_item",
        what: "make demo: rendered, set up, started, a digit predicted, an item made and told of",
        projects: &[DEMO],
        files: &["scripts/demo.py", "Makefile"],
        operates: true,
        ..PLAIN
    },
    Subject {
        name: "page::ml_with_realtime_draws_watches_chats_and_resumes",
        what: "the page in Chromium: draws, watches, chats, resumes; axe-core finds nothing",
        projects: &[FULL],
        tools: &[Tool::Chromium],
        ..PLAIN
    },
    Subject {
        name: "page::ml_alone_draws_and_watches_by_asking",
        what: "the page in Chromium: draws, watches; axe-core finds nothing",
        projects: &[ML],
        tools: &[Tool::Chromium],
        ..PLAIN
    },
    Subject {
        name: "page::a_project_without_choices_says_hello",
        what: "the page in Chromium: says hello; axe-core finds nothing",
        projects: &[&[]],
        tools: &[Tool::Chromium],
        ..PLAIN
    },
    Subject {
        name: "page::realtime_alone_chats",
        what: "the page in Chromium: chats; axe-core finds nothing",
        projects: &[REALTIME],
        tools: &[Tool::Chromium],
        ..PLAIN
    },
    Subject {
        name: "page::people_sign_in_and_out",
        what: "the page in Chromium: people sign in, draw, chat, and are cut off when they sign out",
        projects: &[PEOPLE_WITH_A_PAGE],
        tools: &[Tool::Chromium],
        ..PLAIN
    },
    Subject {
        name: "clients::triton_and_kserve_infer",
        what: "asked by tritonclient and kserve",
        projects: &[ML],
        ..PLAIN
    },
    Subject {
        name: "clients::services_do_as_their_documents_say",
        what: "asked by Schemathesis what the OpenAPI documents promise",
        projects: &[FULL],
        ..PLAIN
    },
    Subject {
        name: "manifests::every_overlay_builds_and_has_only_fields_that_kubernetes_knows",
        what: "kubectl kustomize and kubernetes-validate over every selection's manifests",
        every: &["deploy/*", "infra/postgres/*", "infra/redis/*", "infra/rabbitmq/*"],
        tools: &[Tool::Kubectl],
        ..PLAIN
    },
    Subject {
        name: "manifests::no_overlay_pulls_an_image_that_is_there",
        what: "kubectl kustomize over every selection's manifests",
        every: &["deploy/*", "infra/postgres/*", "infra/redis/*", "infra/rabbitmq/*"],
        tools: &[Tool::Kubectl],
        ..PLAIN
    },
    Subject {
        name: "manifests::the_overlay_dev_fits_two_processors_while_all_of_it_is_rolled_out",
        what: "kubectl kustomize over every selection's manifests",
        every: &["deploy/*", "infra/postgres/*", "infra/redis/*", "infra/rabbitmq/*"],
        tools: &[Tool::Kubectl],
        ..PLAIN
    },
    Subject {
        name: "manifests::workflows_and_renovate_meet_their_schemas",
        what: "check-jsonschema over every selection's workflows and update rules",
        every: &["*workflows/ci.yaml", "*workflows/scaffold.yaml", "*renovate.json"],
        files: &[".github"],
        ..PLAIN
    },
    Subject {
        name: "manifests::workflows_have_no_hole_that_is_known",
        what: "zizmor over every selection's workflows",
        every: &[".github/*"],
        files: &[".github"],
        ..PLAIN
    },
    Subject {
        name: "manifests::every_yaml_file_is_clean",
        what: "yamllint over every selection's YAML",
        every: &["*.yaml", "*.yml"],
        ..PLAIN
    },
    Subject {
        name: "compose::every_compose_file_meets_its_schema_and_is_linted",
        what: "check-jsonschema and yamllint over every selection's Compose files",
        every: &["*compose.yaml"],
        ..PLAIN
    },
    Subject {
        name: "compose::every_dockerfile_is_linted",
        what: "hadolint over every selection's Dockerfiles",
        every: &["*/Dockerfile"],
        ..PLAIN
    },
    Subject {
        name: "compose::nginx_takes_the_configuration_of_every_selection",
        what: "nginx -t over every selection's configuration",
        every: &["infra/nginx/*"],
        tools: &[Tool::Nginx],
        ..PLAIN
    },
    Subject {
        name: "compose::nginx_in_front_of_the_running_services",
        what: "Nginx in front of make dev: limits, headers, WebSockets, reconnecting",
        projects: &[FULL],
        tools: &[Tool::Nginx],
        ..PLAIN
    },
    Subject {
        name: "compose::every_selection_is_a_project_for_compose",
        what: "docker compose config over every selection",
        every: &["*compose.yaml"],
        tools: &[Tool::Docker],
        ..PLAIN
    },
    Subject {
        name: "compose::minimal_runs_in_containers",
        what: "make up, driven from outside, make down",
        projects: &[&[]],
        images: true,
        tools: &[Tool::Docker],
        ..PLAIN
    },
    Subject {
        name: "compose::ml_with_realtime_runs_in_containers",
        what: "make up, driven from outside, make down",
        projects: &[FULL],
        images: true,
        tools: &[Tool::Docker],
        ..PLAIN
    },
    Subject {
        name: "compose::own_services_run_in_containers",
        what: "make up, driven from outside, the database killed, lost and restored, make down",
        projects: &[OWN],
        images: true,
        tools: &[Tool::Docker],
        ..PLAIN
    },
    Subject {
        name: "compose::people_run_in_containers",
        what: "make up, people who sign in at the issuer that comes along, are erased and leave, make down",
        projects: &[BOXED_PEOPLE],
        images: true,
        tools: &[Tool::Docker],
        ..PLAIN
    },
    Subject {
        name: "compose::ml_runs_in_containers_all",
        what: "make up, driven from outside, make down",
        projects: &[ML],
        images: true,
        tools: &[Tool::Docker],
        seldom: true,
        ..PLAIN
    },
    Subject {
        name: "compose::realtime_runs_in_containers_all",
        what: "make up, driven from outside, make down",
        projects: &[REALTIME],
        images: true,
        tools: &[Tool::Docker],
        seldom: true,
        ..PLAIN
    },
    Subject {
        name: "compose::ml_with_realtime_and_rabbitmq_runs_in_containers_all",
        what: "make up, driven from outside, make down",
        projects: &[FULL_RABBITMQ],
        images: true,
        tools: &[Tool::Docker],
        seldom: true,
        ..PLAIN
    },
    Subject {
        name: "compose::people_sign_in_at_keycloak_in_containers",
        what: "make setup, Keycloak in a container: the suite of people there, renewals, sign-outs that the issuer tells of; make up with Keycloak, driven from outside, make down",
        projects: &[PEOPLE_AT_KEYCLOAK],
        images: true,
        tools: &[Tool::Docker],
        seldom: true,
        ..PLAIN
    },
    Subject {
        name: "dropin::every_target_takes_what_is_dropped_in",
        what: "foreign components: kubectl kustomize, docker compose config, schemas, yamllint",
        files: &["templates", "tests/packs/docking"],
        operates: true,
        tools: &[Tool::Kubectl, Tool::Docker],
        ..PLAIN
    },
    Subject {
        name: "dropin::a_service_in_go_is_built_started_and_reached_through_the_gateway",
        what: "foreign components: make setup, make test, make dev, two services in Go asked for files and jobs",
        files: &["templates", "tests/packs/docking", "tests/dropin"],
        operates: true,
        tools: &[Tool::Go],
        ..PLAIN
    },
    Subject {
        name: "dropin::a_fourth_queue_keeps_what_every_queue_promises",
        what: "a foreign queue: the suite of the port; NATS and workers killed and frozen, no job lost",
        files: &["templates", "tests/packs/docking"],
        operates: true,
        tools: &[Tool::Go],
        ..PLAIN
    },
    Subject {
        name: "release::a_static_program_is_installed_on_a_bare_system_and_renders_the_same",
        what: "a static program packed, installed by scripts/install.sh on a bare Debian, renders the same",
        projects: &[FULL],
        files: &["scripts/package.py", "scripts/install.sh"],
        operates: true,
        tools: &[Tool::Mmdebstrap],
        seldom: true,
        ..PLAIN
    },
];

/// The subject of this name.
pub fn subject(name: &str) -> &'static Subject {
    SUBJECTS
        .iter()
        .find(|subject| subject.name == name)
        .unwrap_or_else(|| panic!("`{name}` has no row in tests/common/subjects.rs"))
}

/// Whether a path matches one of the patterns of [`Subject::every`].
pub fn matches(patterns: &[&str], path: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.split_once('*') {
        Some((before, after)) => {
            path.len() >= before.len() + after.len()
                && path.starts_with(before)
                && path.ends_with(after)
        }
        None => path == *pattern,
    })
}
