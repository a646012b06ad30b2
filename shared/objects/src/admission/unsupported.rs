//! What this release does not run: one row a field. A field that comes to work loses its row.
//!
//! Refused is what the pod would run half without: another program, another user, other data. What merely lacks a
//! convenience is accepted with a warning that names the field.

use crate::{Cause, lookup};
use serde_json::Value;

/// A row of the table.
struct Row {
    /// `*` stands for every item of a list and every field of a map, `<containers>` for each list of containers.
    fields: &'static str,
    answer: Answer,
    /// Whether the value (of the pod) is one that the answer is about.
    applies: fn(&Value, &Value) -> bool,
    /// Fields that `*` at the end does not stand for.
    except: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Answer {
    /// The pod is not admitted; with what it can have instead.
    Refuse(&'static str),
    /// The pod runs without it; with what happens instead.
    Warn(&'static str),
}

const fn refuse(fields: &'static str, instead: &'static str) -> Row {
    Row { fields, answer: Answer::Refuse(instead), applies: is_set, except: &[] }
}

const fn warn(fields: &'static str, instead: &'static str) -> Row {
    Row { fields, answer: Answer::Warn(instead), applies: is_set, except: &[] }
}

impl Row {
    const fn when(mut self, applies: fn(&Value, &Value) -> bool) -> Self {
        self.applies = applies;
        self
    }

    const fn except(mut self, except: &'static [&'static str]) -> Self {
        self.except = except;
        self
    }
}

const OTHER_VOLUMES: &str = "volumes other than emptyDir, hostPath, configMap, secret, downwardAPI and projected";
const OTHER_SOURCES: &str = "sources other than configMap, secret and downwardAPI";
const OTHER_RESOURCES: &str = "other resources than cpu and memory";

static ROWS: &[Row] = &[
    refuse("spec.volumes[*].*", OTHER_VOLUMES).except(&[
        "name",
        "emptyDir",
        "hostPath",
        "configMap",
        "secret",
        "downwardAPI",
        "projected",
    ]),
    refuse("spec.volumes[*].projected.sources[*].*", OTHER_SOURCES).except(&["configMap", "secret", "downwardAPI"]),
    refuse("spec.volumes[*].projected.sources[*].downwardAPI.items[*].resourceFieldRef.resource", OTHER_RESOURCES).when(is_other),
    refuse("spec.volumes[*].downwardAPI.items[*].resourceFieldRef.resource", OTHER_RESOURCES).when(is_other),
    refuse("spec.volumes[*].emptyDir.medium", "an emptyDir on huge pages").when(|medium, _| medium != "" && medium != "Memory"),
    refuse("spec.<containers>[*].volumeDevices", "block devices"),
    refuse("spec.<containers>[*].env[*].valueFrom.fileKeyRef", "values from a file"),
    refuse("spec.<containers>[*].env[*].valueFrom.resourceFieldRef.resource", OTHER_RESOURCES).when(is_other),
    refuse("spec.containers[*].restartPolicy", "a container's own restart policy"),
    refuse("spec.initContainers[*].restartPolicy", "a container's own restart policy").when(is_no_sidecar),
    refuse("spec.<containers>[*].restartPolicyRules", "a container's own restart policy"),
    refuse("spec.<containers>[*].resources.limits.*", "resources other than cpu and memory").except(&[
        "cpu",
        "memory",
        "ephemeral-storage",
    ]),
    refuse("spec.<containers>[*].resources.claims", "claims of devices"),
    refuse("spec.<containers>[*].securityContext.*", "this part of securityContext").except(&[
        "runAsUser",
        "runAsGroup",
        "capabilities",
        "readOnlyRootFilesystem",
        "privileged",
        "allowPrivilegeEscalation",
    ]),
    refuse("spec.securityContext.*", "this part of securityContext").except(&["runAsUser", "runAsGroup"]),
    refuse("spec.hostUsers", "user namespaces").when(|value, _| value == &Value::Bool(false)),
    refuse("spec.os.name", "other systems than linux").when(|name, _| name != "linux"),
    refuse("spec.resources", "requests and limits of a whole pod"),
    refuse("spec.resourceClaims", "claims of devices"),
    refuse("spec.runtimeClassName", "other runtimes"),
    refuse("spec.schedulingGates", "scheduling gates"),
    warn("spec.<containers>[*].ports[*].hostPort", "the port is reached by the pod's address only").when(is_own_network),
    warn("spec.<containers>[*].resources.limits.ephemeral-storage", "the limit is not enforced"),
    warn("spec.schedulerName", "there is one scheduler").when(|name, _| name != "default-scheduler"),
    warn("spec.priorityClassName", "it is kept, and no pod is put out for another"),
    warn("spec.overhead", "it is not counted"),
    warn("spec.serviceAccountName", "the pod gets no token of it"),
    warn("spec.subdomain", "there is no cluster DNS"),
    warn("spec.setHostnameAsFQDN", "the hostname stays the short one").when(is_true),
    warn("spec.hostnameOverride", "the hostname is the pod's"),
];

/// Empty is not set: a list without items, a text without letters.
fn is_set(value: &Value, _pod: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

/// The name of a resource that containers have no number of here.
fn is_other(resource: &Value, _pod: &Value) -> bool {
    !matches!(resource.as_str(), Some("limits.cpu" | "limits.memory" | "requests.cpu" | "requests.memory"))
}

fn is_true(value: &Value, _pod: &Value) -> bool {
    value == &Value::Bool(true)
}

/// An init container that is always restarted is a sidecar, and runs.
fn is_no_sidecar(policy: &Value, _pod: &Value) -> bool {
    policy != "Always"
}

/// With the host's network the container's port is the host's.
fn is_own_network(_value: &Value, pod: &Value) -> bool {
    !lookup::flag(pod, "/spec/hostNetwork")
}

/// The faults of a pod that cannot run yet.
pub(super) fn refusals(pod: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    visit(pod, |answer, path| {
        if let Answer::Refuse(what) = answer {
            let message = format!("Forbidden: not supported yet: {what}");
            causes.push(Cause { reason: "FieldValueForbidden".to_owned(), message, field: path.to_owned() });
        }
    });
    causes
}

/// The warnings of a pod that runs without something.
pub(super) fn warnings(pod: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    visit(pod, |answer, path| {
        if let Answer::Warn(instead) = answer {
            warnings.push(format!("{path}: has no effect yet: {instead}"));
        }
    });
    warnings
}

fn visit(pod: &Value, mut found: impl FnMut(Answer, &str)) {
    for row in ROWS {
        let mut matches = Vec::new();
        collect(pod, row.fields, String::new(), row, &mut matches);
        for (path, value) in matches {
            if is_set(value, pod) && (row.applies)(value, pod) {
                found(row.answer, &path);
            }
        }
    }
}

/// The values that a row's path leads to, each with its own path.
fn collect<'a>(value: &'a Value, rest: &str, path: String, row: &Row, matches: &mut Vec<(String, &'a Value)>) {
    if rest.is_empty() {
        return matches.push((path, value));
    }
    if let Some(rest) = rest.strip_prefix("[*]") {
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            collect(item, rest, format!("{path}[{index}]"), row, matches);
        }
        return;
    }
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let (name, rest) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if name == "<containers>" {
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            collect(&value[list], rest, join(list), row, matches);
        }
        return;
    }
    if name == "*" {
        for (name, value) in value.as_object().into_iter().flatten().filter(|(name, _)| !row.except.contains(&name.as_str())) {
            collect(value, rest, join(name), row, matches);
        }
    } else if let Some(value) = value.get(name) {
        collect(value, rest, join(name), row, matches);
    }
}
