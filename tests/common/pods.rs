//! What holds for every pod.

use serde_yaml_ng::Value;

/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/>: Baseline and
/// Restricted, and beyond it a read-only root and no token.
pub fn assert_restricted(place: &str, pod: &Value) {
    for shared in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
        assert!(pod[shared].is_null(), "{place}: {shared}");
    }
    assert_eq!(pod["automountServiceAccountToken"], Value::Bool(false), "{place}");
    let security = &pod["securityContext"];
    assert_eq!(security["runAsNonRoot"], Value::Bool(true), "{place}");
    assert!(security["runAsUser"].as_u64().is_some_and(|user| user > 0), "{place}");
    assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault", "{place}");
    for unsafe_field in ["sysctls", "seLinuxOptions", "windowsOptions", "appArmorProfile"] {
        assert!(security[unsafe_field].is_null(), "{place}: {unsafe_field}");
    }
    for volume in list(&pod["volumes"]) {
        let kinds: Vec<&str> = volume
            .as_mapping()
            .into_iter()
            .flat_map(|fields| fields.keys().map(text))
            .filter(|field| *field != "name")
            .collect();
        let allowed = ["configMap", "emptyDir", "secret", "persistentVolumeClaim"];
        assert!(kinds.iter().all(|kind| allowed.contains(kind)), "{place}: {kinds:?}");
    }
    let containers = list(&pod["containers"]).iter().chain(list(&pod["initContainers"]));
    for container in containers {
        let place = format!("{place}: {}", text(&container["name"]));
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], Value::Bool(false), "{place}");
        assert_eq!(security["readOnlyRootFilesystem"], Value::Bool(true), "{place}");
        assert_eq!(list(&security["capabilities"]["drop"]), ["ALL"], "{place}");
        assert!(security["capabilities"]["add"].is_null(), "{place}");
        for overriding in ["privileged", "procMount", "runAsUser", "runAsNonRoot"] {
            assert!(security[overriding].is_null(), "{place}: {overriding}");
        }
        assert!(security["seccompProfile"].is_null(), "{place}: the pod's holds");
        for port in list(&container["ports"]) {
            assert!(port["hostPort"].is_null(), "{place}: hostPort");
        }
        assert!(!container["resources"]["limits"]["memory"].is_null(), "{place}");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}
