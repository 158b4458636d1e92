//! What the manifests promise, read from the manifests: pods meet Restricted Pod Security, and
//! network policies allow exactly what the services' configuration needs.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::matrix::{embedded, every_distinct_folder, every_rendering, with_further_services};
use common::pods::assert_restricted;
use scaffold::choose::selection::Selection;
use scaffold::render::plan::Plan;
use serde::Deserialize as _;
use serde_yaml_ng::Value;

/// From, to, and the port.
type Edge = (String, String, u64);

/// The documents of a project's manifests, by file.
type Manifests = Vec<(String, Value)>;

/// Each distinct set of manifests with the command and the selection that render it.
fn every_set_of_manifests() -> Vec<(String, Selection, Manifests)> {
    let mut sets: Vec<(String, Selection, Manifests)> = every_distinct_folder(&["deploy/"])
        .into_iter()
        .map(|(rendering, files)| {
            (rendering.command.clone(), rendering.selection.clone(), documents(&files))
        })
        .collect();
    let further = with_further_services().iter();
    for rendering in further.filter(|rendering| rendering.on.contains("kubernetes")) {
        let files = rendering.tree.iter().map(|(path, file)| (path, &*file.bytes));
        let files = files.filter(|(path, _)| path.starts_with("deploy/")).collect();
        sets.push((rendering.command.clone(), rendering.selection.clone(), documents(&files)));
    }
    assert!(sets.len() > 8, "{} sets of manifests", sets.len());
    sets
}

fn documents(files: &BTreeMap<&str, &[u8]>) -> Manifests {
    let mut found = Vec::new();
    for (path, bytes) in files {
        let text = std::str::from_utf8(bytes).expect("manifests are text");
        let ending = path.rsplit('.').next();
        if ending == Some("conf") {
            found.push(((*path).to_owned(), Value::String(text.to_owned())));
        }
        if ending != Some("yaml") {
            continue;
        }
        for document in serde_yaml_ng::Deserializer::from_str(text) {
            let value = Value::deserialize(document)
                .unwrap_or_else(|error| panic!("{path} is not YAML: {error}"));
            found.push(((*path).to_owned(), value));
        }
    }
    found
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

fn name(document: &Value) -> &str {
    text(&document["metadata"]["name"])
}

/// Everything that starts pods, in the base and in the overlay `dev`.
fn workloads(manifests: &Manifests) -> Vec<(&str, &Value)> {
    manifests
        .iter()
        .map(|(path, document)| (path.as_str(), document))
        .filter(|(_, document)| !document["spec"]["template"].is_null())
        .collect()
}

#[test]
fn every_pod_meets_the_restricted_standard() {
    let mut pods = 0;
    for (command, _, manifests) in every_set_of_manifests() {
        for (path, workload) in workloads(&manifests) {
            let place = format!("{command}: {path}: {}", name(workload));
            let pod = &workload["spec"]["template"]["spec"];
            pods += 1;
            assert_restricted(&place, pod);
        }
        let namespace = manifests.iter().find(|(_, document)| document["kind"] == "Namespace");
        let (_, namespace) = namespace.expect("there is a namespace");
        let labels = &namespace["metadata"]["labels"];
        assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted", "{command}");
    }
    assert!(pods > 20, "{pods} pods were looked at");
}

/// What is told to stop has the time that its limits promise, and is told when it is ready.
#[test]
fn every_pod_has_probes_and_the_time_to_drain() {
    for (command, selection, manifests) in every_set_of_manifests() {
        let plan = Plan::new(embedded(), selection).unwrap_or_else(|error| panic!("{error}"));
        let limit = |name: &str| plan.context["limits"][name]["value"].as_u64().unwrap_or(0);
        for (path, workload) in workloads(&manifests) {
            let place = format!("{command}: {path}: {}", name(workload));
            let pod = &workload["spec"]["template"]["spec"];
            let container = &pod["containers"][0];
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                assert!(!container[probe].is_null(), "{place} has no {probe}");
            }
            let pause = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64();
            let pause = pause.unwrap_or_else(|| panic!("{place} has no preStop"));
            let draining = match name(workload) {
                worker if worker.ends_with("-worker") => limit("worker_grace_s"),
                "nginx" => limit("edge_shutdown_s"),
                _ => limit("drain_s"),
            };
            let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
            assert!(grace > pause + draining, "{place}: {grace} s for {pause} s + {draining} s");
            if workload["kind"] == "Deployment" {
                let rolling = &workload["spec"]["strategy"]["rollingUpdate"];
                assert_eq!(rolling["maxUnavailable"].as_u64(), Some(0), "{place}");
                let spread = list(&pod["topologySpreadConstraints"]);
                assert_eq!(spread[0]["topologyKey"], "topology.kubernetes.io/zone", "{place}");
                let of = |kind: &str| {
                    manifests.iter().any(|(_, document)| {
                        document["kind"] == kind && name(document) == name(workload)
                    })
                };
                assert!(of("PodDisruptionBudget"), "{place} has no PodDisruptionBudget");
                let owned = of("HorizontalPodAutoscaler");
                assert_eq!(owned, workload["spec"]["replicas"].is_null(), "{place}: replicas");
            }
        }
    }
}

/// What `make images` builds is what the overlay `dev` runs, and what a node has is not pulled:
/// without a policy Kubernetes writes `Always` beside an image without a tag, once and for all.
#[test]
fn the_overlay_dev_runs_the_images_that_compose_builds() {
    let mut images = 0;
    for rendering in every_rendering().iter().chain(with_further_services()) {
        if !rendering.on.contains("kubernetes") {
            continue;
        }
        let files = rendering.tree.iter().map(|(path, file)| (path, &*file.bytes));
        let wanted = |path: &str| path.starts_with("deploy/") || path.ends_with("/compose.yaml");
        let documents = documents(&files.filter(|(path, _)| wanted(path)).collect());
        let mut built = BTreeSet::new();
        for (_, compose) in documents.iter().filter(|(path, _)| path.ends_with("/compose.yaml")) {
            for service in compose["services"].as_mapping().expect("services").values() {
                // Where people sign in is the owner's in a cluster.
                let is_issuer = service["labels"]["open"] == "no";
                if !service["build"].is_null() && !is_issuer {
                    built.insert(text(&service["image"]).to_owned());
                }
            }
        }
        let overlay = |name: &str| -> BTreeMap<String, String> {
            let place = format!("deploy/kubernetes/overlays/{name}/kustomization.yaml");
            let (_, overlay) = documents.iter().find(|(path, _)| *path == place).expect("it is");
            let tag = |image: &Value| text(&image["newTag"]).to_owned();
            let images = list(&overlay["images"]).iter();
            images.map(|image| (text(&image["name"]).to_owned(), tag(image))).collect()
        };
        let command = &rendering.command;
        let (dev, prod) = (overlay("dev"), overlay("prod"));
        let run: BTreeSet<String> = dev.iter().map(|(name, tag)| format!("{name}:{tag}")).collect();
        assert_eq!(run, built, "{command}");
        assert!(prod.keys().eq(dev.keys()), "{command}: {prod:?}");
        assert!(dev.values().chain(prod.values()).all(|tag| !tag.is_empty() && tag != "latest"));
        for (path, workload) in workloads(&documents) {
            let container = &workload["spec"]["template"]["spec"]["containers"][0];
            if dev.contains_key(text(&container["image"])) {
                assert_eq!(container["imagePullPolicy"], "IfNotPresent", "{command}: {path}");
                images += 1;
            } else {
                assert!(text(&container["image"]).contains(':'), "{command}: {path}");
            }
        }
    }
    assert!(images > 20, "{images} images were looked at");
}

/// Every command of the document is about something that is there, and the namespace, which the
/// base has, is applied and not created by other means: `apply` would warn of that.
#[test]
fn the_document_applies_what_there_is() {
    let mut commands = 0;
    for rendering in every_rendering() {
        let Some(document) = rendering.tree.get("deploy/kubernetes/README.md") else {
            continue;
        };
        let document = String::from_utf8_lossy(&document.bytes);
        let makefile = rendering.tree.get("Makefile").expect("there is a Makefile");
        let makefile = String::from_utf8_lossy(&makefile.bytes);
        let lines: Vec<&str> =
            document.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        let position = |start: &str| lines.iter().position(|line| line.starts_with(start));
        assert_eq!(position("kubectl create namespace"), None, "{}", rendering.command);
        let namespace = position("kubectl apply -f deploy/kubernetes/base/namespace.yaml");
        let secret = position("kubectl --namespace my-app create secret");
        let all = position("kubectl apply -k deploy/kubernetes/overlays/dev");
        assert!(namespace < secret && namespace < all, "{}: {document}", rendering.command);
        assert!(namespace.is_some() && all.is_some(), "{}: {document}", rendering.command);
        for word in lines.iter().flat_map(|line| line.split(' ')) {
            if word.starts_with("deploy/") {
                commands += 1;
                let there = rendering.tree.iter().any(|(path, _)| {
                    path == word || path.starts_with(&format!("{word}/kustomization.yaml"))
                });
                assert!(there, "{}: {word}", rendering.command);
            }
        }
        for target in lines.iter().filter_map(|line| line.strip_prefix("make ")) {
            let target = target.split(' ').next().unwrap_or_default();
            assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
        }
    }
    assert!(commands > 8, "{commands} paths were looked at");
}

/// Three sources say the same: the diagram, what the services are told, and what may pass.
#[test]
fn network_policies_allow_exactly_what_the_services_are_configured_to_call() {
    let mut edges = 0;
    for (command, selection, manifests) in every_set_of_manifests() {
        let drawn = drawn_edges(selection);
        edges += drawn.len();
        assert_eq!(configured_edges(&manifests), drawn, "{command}: configuration, diagram");
        assert_eq!(allowed_edges(&manifests), drawn, "{command}: policies, diagram");
    }
    assert!(edges > 40, "{edges} edges were compared");
}

/// Where brokers are outside, each arrow to one is a way out to its port, and there is no other.
#[test]
fn the_overlay_prod_lets_out_to_brokers_only() {
    for (command, selection, manifests) in every_set_of_manifests() {
        let stores: BTreeSet<&str> = workloads(&manifests)
            .into_iter()
            .filter(|(_, workload)| workload["kind"] == "StatefulSet")
            .map(|(_, workload)| name(workload))
            .collect();
        let expected: BTreeSet<(String, u64)> = drawn_edges(selection)
            .into_iter()
            .filter(|(_, to, _)| stores.contains(to.as_str()))
            .map(|(from, _, port)| (from, port))
            .collect();
        let mut outward = BTreeSet::new();
        for (path, policy) in manifests.iter().filter(|(_, one)| one["kind"] == "NetworkPolicy") {
            let rules = list(&policy["spec"]["egress"]).iter();
            for rule in rules.filter(|rule| !list(&rule["to"])[0]["ipBlock"].is_null()) {
                assert!(path.contains("overlays/prod/"), "{command}: {path}");
                let from = text(&policy["spec"]["podSelector"]["matchLabels"][NAME]).to_owned();
                outward.extend(ports(rule).map(|port| (from.clone(), port)));
            }
        }
        assert_eq!(outward, expected, "{command}");
    }
}

const NAME: &str = "app.kubernetes.io/name";

fn drawn_edges(selection: Selection) -> BTreeSet<Edge> {
    let plan = Plan::new(embedded(), selection).unwrap_or_else(|error| panic!("{error}"));
    let field = |edge: &serde_json::Value, name: &str| edge[name].as_str().expect(name).to_owned();
    let edges = plan.context["edges"].as_array().expect("edges are a list");
    edges
        .iter()
        .map(|edge| {
            let port = edge["port"].as_u64().expect("an edge has a port");
            (field(edge, "from"), field(edge, "to"), port)
        })
        .collect()
}

/// The URLs that each container is given, the servers that Nginx passes requests on to, and the
/// ways in from outside.
fn configured_edges(manifests: &Manifests) -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    let service_port = |service: &str| -> u64 {
        let found = manifests
            .iter()
            .find(|(_, document)| document["kind"] == "Service" && name(document) == service);
        let (_, found) = found.unwrap_or_else(|| panic!("there is no Service `{service}`"));
        target_port(manifests, found)
    };
    for (_, workload) in workloads(manifests) {
        let from = name(workload).to_owned();
        let container = &workload["spec"]["template"]["spec"]["containers"][0];
        for variable in list(&container["env"]) {
            let secret = &variable["valueFrom"]["secretKeyRef"];
            if text(&secret["key"]).ends_with("url") {
                let broker = text(&secret["name"]);
                edges.insert((from.clone(), broker.to_owned(), service_port(broker)));
            }
            for (host, port) in urls(text(&variable["value"])) {
                assert_eq!(service_port(&host), port, "{from} calls {host}:{port}");
                edges.insert((from.clone(), host, port));
            }
        }
    }
    for (_, conf) in manifests.iter().filter(|(path, _)| path.ends_with("nginx-upstreams.conf")) {
        for line in text(conf).lines() {
            let server = line.trim().strip_prefix("server ");
            let address = server.and_then(|server| server.split([' ', ';']).next());
            if let Some((host, port)) = address.and_then(|address| address.split_once(':')) {
                assert_eq!(service_port(host).to_string(), port, "nginx calls {host}:{port}");
                edges.insert(("nginx".to_owned(), host.to_owned(), service_port(host)));
            }
        }
    }
    let routes = manifests.iter().filter(|(_, document)| document["kind"] == "HTTPRoute");
    for (_, route) in routes {
        let backend = text(&route["spec"]["rules"][0]["backendRefs"][0]["name"]);
        edges.insert(("client".to_owned(), backend.to_owned(), service_port(backend)));
    }
    edges
}

/// The number of the container's port that a Service leads to.
fn target_port(manifests: &Manifests, service: &Value) -> u64 {
    let target = &service["spec"]["ports"][0]["targetPort"];
    let selected = text(&service["spec"]["selector"][NAME]);
    let all = workloads(manifests);
    let pod = all.iter().find(|(_, workload)| name(workload) == selected);
    let (_, pod) = pod.unwrap_or_else(|| panic!("a Service selects `{selected}`, which is not"));
    let ports = list(&pod["spec"]["template"]["spec"]["containers"][0]["ports"]);
    let port = ports.iter().find(|port| port["name"] == *target).expect("the port is named");
    port["containerPort"].as_u64().expect("a port is a number")
}

/// Host and port of every URL in a text such as `a=http://a:1,b=http://b:2`.
fn urls(value: &str) -> Vec<(String, u64)> {
    let rest = value.split("://").skip(1);
    rest.filter_map(|rest| {
        let authority = rest.split(['/', ',']).next()?;
        let (host, port) = authority.rsplit('@').next()?.split_once(':')?;
        Some((host.to_owned(), port.parse().ok()?))
    })
    .collect()
}

/// Which pod may reach which port of which other, as a network plugin decides it: the sender's
/// policies have to let it out, and the receiver's have to let it in.
fn allowed_edges(manifests: &Manifests) -> BTreeSet<Edge> {
    let policies: Vec<&Value> = manifests
        .iter()
        .filter(|(path, document)| {
            document["kind"] == "NetworkPolicy"
                && (path.contains("/base/") || path.contains("/overlays/dev/"))
        })
        .map(|(_, document)| document)
        .collect();
    assert!(
        policies.iter().any(|policy| {
            selects(&policy["spec"]["podSelector"], "anything")
                && list(&policy["spec"]["policyTypes"]) == ["Ingress", "Egress"]
                && policy["spec"]["ingress"].is_null()
                && policy["spec"]["egress"].is_null()
        }),
        "nothing is denied by default"
    );
    let pods: Vec<&str> = workloads(manifests).iter().map(|(_, one)| name(one)).collect();
    // The ports of rules that `near` is subject to and that name `far`, a pod or the world.
    let ways = |near: &str, far: Option<&str>, direction: &str, peers: &str| -> BTreeSet<u64> {
        policies
            .iter()
            .filter(|policy| selects(&policy["spec"]["podSelector"], near))
            .flat_map(|policy| list(&policy["spec"][direction]))
            .filter(|rule| match far {
                None => rule[peers].is_null(),
                Some(far) => {
                    rule[peers].is_null()
                        || list(&rule[peers]).iter().any(|peer| {
                            peer["namespaceSelector"].is_null()
                                && !peer["podSelector"].is_null()
                                && selects(&peer["podSelector"], far)
                        })
                }
            })
            .flat_map(ports)
            .collect()
    };
    let mut edges = BTreeSet::new();
    for to in &pods {
        for port in ways(to, None, "ingress", "from") {
            edges.insert(("client".to_owned(), (*to).to_owned(), port));
        }
        for from in pods.iter().filter(|from| *from != to) {
            let out = ways(from, Some(to), "egress", "to");
            let into = ways(to, Some(from), "ingress", "from");
            for port in out.intersection(&into) {
                edges.insert(((*from).to_owned(), (*to).to_owned(), *port));
            }
            // Half of a way is a mistake, unless the world may come in.
            let world = ways(to, None, "ingress", "from");
            let half: Vec<&u64> =
                out.symmetric_difference(&into).filter(|port| !world.contains(port)).collect();
            assert!(half.is_empty(), "{from} to {to}: only one end allows {half:?}");
        }
    }
    edges
}

fn selects(selector: &Value, pod: &str) -> bool {
    let labels = selector["matchLabels"].as_mapping();
    labels.is_none_or(|labels| labels.iter().all(|(key, value)| key == NAME && value == pod))
}

fn ports(rule: &Value) -> impl Iterator<Item = u64> + '_ {
    list(&rule["ports"]).iter().filter_map(|port| port["port"].as_u64())
}
