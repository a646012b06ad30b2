//! The containers of a pod: what they run, how they are, what they mount.

use super::page::Page;
use super::resources;
use crate::lookup::{flag, list, number, scalar, text};
use serde_json::Value;

/// The three lists of containers that a pod has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Init,
    Main,
    Ephemeral,
}

/// Describes the containers of one list. Only the main list is shown when it is empty.
pub(super) fn describe_all(page: &mut Page<'_>, pod: &Value, group: Group) {
    let (label, specs, statuses) = match group {
        Group::Init => ("Init Containers", "/spec/initContainers", "/status/initContainerStatuses"),
        Group::Main => ("Containers", "/spec/containers", "/status/containerStatuses"),
        Group::Ephemeral => ("Ephemeral Containers", "/spec/ephemeralContainers", "/status/ephemeralContainerStatuses"),
    };
    let containers = list(pod, specs);
    match (containers.is_empty(), group) {
        (false, _) => page.line(0, format!("{label}:")),
        (true, Group::Main) => page.line(0, format!("{label}: <none>")),
        (true, _) => {}
    }
    for container in containers {
        let name = text(container, "/name");
        let status = list(pod, statuses).iter().find(|status| text(status, "/name") == name);
        basics(page, container, status);
        words(page, container, "Command", "/command");
        words(page, container, "Args", "/args");
        if let Some(status) = status {
            describe_status(page, status);
        }
        resources::requirements(page, &container["resources"], 2);
        for (label, pointer) in [("Liveness", "/livenessProbe"), ("Readiness", "/readinessProbe"), ("Startup", "/startupProbe")] {
            if let Some(probe) = container.pointer(pointer).filter(|probe| probe.is_object()) {
                page.field(2, label, describe_probe(probe));
            }
        }
        environment_sources(page, container);
        environment(page, pod, container);
        mounts(page, container);
    }
}

fn basics(page: &mut Page<'_>, container: &Value, status: Option<&Value>) {
    page.line(1, format!("{}:", text(container, "/name")));
    if let Some(status) = status {
        page.field(2, "Container ID", text(status, "/containerID"));
    }
    page.field(2, "Image", text(container, "/image"));
    if let Some(status) = status {
        page.field(2, "Image ID", text(status, "/imageID"));
    }
    for (one, many, pointer) in [("Port", "Ports", "/containerPort"), ("Host Port", "Host Ports", "/hostPort")] {
        let ports = list(container, "/ports").iter().map(|port| describe_port(port, pointer)).collect::<Vec<_>>().join(", ");
        match ports.as_str() {
            "" => page.field(2, one, "<none>"),
            ports if ports.contains(',') => page.field(2, many, ports),
            port => page.field(2, one, port),
        }
    }
    page.optional(2, "SeccompProfile", text(container, "/securityContext/seccompProfile/type"));
    page.optional(3, "LocalhostProfile", text(container, "/securityContext/seccompProfile/localhostProfile"));
}

fn describe_port(port: &Value, pointer: &str) -> String {
    let protocol = match text(port, "/protocol") {
        "" => "TCP",
        protocol => protocol,
    };
    let shown = format!("{}/{protocol}", number(port, pointer));
    match text(port, "/name") {
        "" => shown,
        name => format!("{shown} ({name})"),
    }
}

fn words(page: &mut Page<'_>, container: &Value, label: &str, pointer: &str) {
    let words = list(container, pointer);
    if words.is_empty() {
        return;
    }
    page.line(2, format!("{label}:"));
    for line in words.iter().flat_map(|word| word.as_str().unwrap_or_default().split('\n')) {
        page.line(3, line);
    }
}

fn describe_status(page: &mut Page<'_>, status: &Value) {
    state(page, "State", &status["state"]);
    if status.pointer("/lastState/terminated").is_some_and(Value::is_object) {
        state(page, "Last State", &status["lastState"]);
    }
    page.field(2, "Ready", if flag(status, "/ready") { "True" } else { "False" });
    page.field(2, "Restart Count", number(status, "/restartCount").to_string());
}

fn state(page: &mut Page<'_>, label: &str, state: &Value) {
    if state["running"].is_object() {
        page.field(2, label, "Running");
        let started = page.moment(state, "/running/startedAt");
        page.field(3, "Started", started);
    } else if state["terminated"].is_object() {
        page.field(2, label, "Terminated");
        page.optional(3, "Reason", text(state, "/terminated/reason"));
        page.optional(3, "Message", text(state, "/terminated/message"));
        page.field(3, "Exit Code", number(state, "/terminated/exitCode").to_string());
        let signal = number(state, "/terminated/signal");
        if signal > 0 {
            page.field(3, "Signal", signal.to_string());
        }
        for (label, pointer) in [("Started", "/terminated/startedAt"), ("Finished", "/terminated/finishedAt")] {
            let at = page.moment(state, pointer);
            page.field(3, label, at);
        }
    } else {
        page.field(2, label, "Waiting");
        page.optional(3, "Reason", text(state, "/waiting/reason"));
    }
}

/// A probe on one line: `http-get http://:8080/ delay=0s timeout=1s …`.
fn describe_probe(probe: &Value) -> String {
    let attributes = format!(
        "delay={}s timeout={}s period={}s successThreshold={} failureThreshold={}",
        number(probe, "/initialDelaySeconds"),
        number(probe, "/timeoutSeconds"),
        number(probe, "/periodSeconds"),
        number(probe, "/successThreshold"),
        number(probe, "/failureThreshold"),
    );
    if probe["exec"].is_object() {
        let command: Vec<&str> = list(probe, "/exec/command").iter().filter_map(Value::as_str).collect();
        format!("exec [{}] {attributes}", command.join(" "))
    } else if probe["httpGet"].is_object() {
        let scheme = text(probe, "/httpGet/scheme").to_lowercase();
        let host = text(probe, "/httpGet/host");
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let path = text(probe, "/httpGet/path");
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        format!("http-get {scheme}://{host}:{}{slash}{path} {attributes}", scalar(&probe["httpGet"]["port"]))
    } else if probe["tcpSocket"].is_object() {
        format!("tcp-socket {}:{} {attributes}", text(probe, "/tcpSocket/host"), scalar(&probe["tcpSocket"]["port"]))
    } else if probe["grpc"].is_object() {
        format!("grpc <pod>:{} {} {attributes}", number(probe, "/grpc/port"), text(probe, "/grpc/service"))
    } else {
        format!("unknown {attributes}")
    }
}

fn environment_sources(page: &mut Page<'_>, container: &Value) {
    let sources = list(container, "/envFrom");
    if sources.is_empty() {
        return;
    }
    page.line(2, "Environment Variables from:");
    for source in sources {
        let (kind, reference) = if source["configMapRef"].is_object() {
            ("ConfigMap", &source["configMapRef"])
        } else {
            ("Secret", &source["secretRef"])
        };
        let prefix = match text(source, "/prefix") {
            "" => String::new(),
            prefix => format!(" with prefix '{prefix}'"),
        };
        page.line(3, format!("{}\t{kind}{prefix}\tOptional: {}", text(reference, "/name"), flag(reference, "/optional")));
    }
}

fn environment(page: &mut Page<'_>, pod: &Value, container: &Value) {
    let variables = list(container, "/env");
    if variables.is_empty() {
        return page.field(2, "Environment", "<none>");
    }
    page.line(2, "Environment:");
    for variable in variables {
        let name = text(variable, "/name");
        let from = &variable["valueFrom"];
        if !from.is_object() {
            let mut lines = text(variable, "/value").split('\n');
            page.field(3, name, lines.next().unwrap_or_default());
            lines.for_each(|line| page.line(3, format!("\t{line}")));
        } else if from["fieldRef"].is_object() {
            let path = text(from, "/fieldRef/fieldPath");
            let value = field_value(pod, path);
            page.field(3, name, format!("{value} ({}:{path})", text(from, "/fieldRef/apiVersion")));
        } else if from["resourceFieldRef"].is_object() {
            let resource = text(from, "/resourceFieldRef/resource");
            page.field(3, name, format!("{} ({resource})", resources::field_value(container, &from["resourceFieldRef"])));
        } else {
            let (kind, reference) = if from["secretKeyRef"].is_object() {
                ("in secret", &from["secretKeyRef"])
            } else {
                ("of config map", &from["configMapKeyRef"])
            };
            let (key, owner) = (text(reference, "/key"), text(reference, "/name"));
            let optional = flag(reference, "/optional");
            page.field(3, name, format!("<set to the key '{key}' {kind} '{owner}'>\tOptional: {optional}"));
        }
    }
}

/// The value that a `fieldRef` has now: a scalar field, or one entry of a map.
fn field_value(pod: &Value, path: &str) -> String {
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        return pod.pointer(&format!("/{}", map.replace('.', "/"))).and_then(|map| map.get(key)).map(scalar).unwrap_or_default();
    }
    pod.pointer(&format!("/{}", path.replace('.', "/"))).map(scalar).unwrap_or_default()
}

fn mounts(page: &mut Page<'_>, container: &Value) {
    let mut mounts: Vec<&Value> = list(container, "/volumeMounts").iter().collect();
    mounts.sort_by_key(|mount| text(mount, "/mountPath"));
    if mounts.is_empty() {
        page.field(2, "Mounts", "<none>");
    } else {
        page.line(2, "Mounts:");
    }
    for mount in mounts {
        let mode = if flag(mount, "/readOnly") { "ro" } else { "rw" };
        let path = match text(mount, "/subPath") {
            "" => String::new(),
            path => format!(",path={path:?}"),
        };
        page.line(3, format!("{} from {} ({mode}{path})", text(mount, "/mountPath"), text(mount, "/name")));
    }
    let mut devices: Vec<&Value> = list(container, "/volumeDevices").iter().collect();
    devices.sort_by_key(|device| text(device, "/devicePath"));
    if !devices.is_empty() {
        page.line(2, "Devices:");
    }
    for device in devices {
        page.line(3, format!("{} from {}", text(device, "/devicePath"), text(device, "/name")));
    }
}
