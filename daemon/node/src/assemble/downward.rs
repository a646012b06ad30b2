//! The downward API: what a pod's containers may know of the pod (`pkg/kubelet/kubelet_pods.go:podFieldSelectorRuntimeValue`,
//! `pkg/fieldpath`, `pkg/api/v1/resource/helpers.go`).

use super::{AssembleError, PodContext, container_resources, spec_of};
use k8s_openapi::api::core::v1::{Container, ResourceFieldSelector};
use objects::quantity::Quantity;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

/// The value of a field. Whole maps of labels or annotations are a line a key.
pub fn field(context: &PodContext<'_>, path: &str) -> Result<String, AssembleError> {
    let meta = &context.pod.metadata;
    let spec = spec_of(context.pod);
    let all = |ips: &[IpAddr]| ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let text = |value: Option<&String>| value.cloned().unwrap_or_default();
    if let Some(value) = subscript(path, "metadata.labels").map(|key| meta.labels.as_ref().and_then(|map| map.get(key))) {
        return Ok(text(value));
    }
    if let Some(value) = subscript(path, "metadata.annotations").map(|key| meta.annotations.as_ref().and_then(|map| map.get(key)))
    {
        return Ok(text(value));
    }
    Ok(match path {
        "metadata.name" => text(meta.name.as_ref()),
        "metadata.namespace" => text(meta.namespace.as_ref()),
        "metadata.uid" => text(meta.uid.as_ref()),
        "metadata.labels" => lines(meta.labels.as_ref()),
        "metadata.annotations" => lines(meta.annotations.as_ref()),
        "spec.nodeName" => context.node_name.to_owned(),
        "spec.serviceAccountName" => text(spec.service_account_name.as_ref()),
        "status.hostIP" | "status.hostIPs" => context.host_ip.to_string(),
        "status.podIP" => context.pod_ips.first().map(ToString::to_string).unwrap_or_default(),
        "status.podIPs" => all(context.pod_ips),
        _ => return Err(AssembleError::FieldPath(path.to_owned())),
    })
}

/// `key="value"`, the value as a Go string literal.
fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let mut out = String::new();
    for (key, value) in map.into_iter().flatten() {
        let _infallible = writeln!(out, "{key}={}", quoted(value));
    }
    out.trim_end_matches('\n').to_owned()
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        let _infallible = match char {
            '"' => write!(out, "\\\""),
            '\\' => write!(out, "\\\\"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            '\u{7}' => write!(out, "\\a"),
            '\u{8}' => write!(out, "\\b"),
            '\u{b}' => write!(out, "\\v"),
            '\u{c}' => write!(out, "\\f"),
            control if u32::from(control) < 0x20 || control == '\u{7f}' => write!(out, "\\x{:02x}", u32::from(control)),
            other => write!(out, "{other}"),
        };
    }
    out.push('"');
    out
}

/// The key of `metadata.labels['key']`.
fn subscript<'p>(path: &'p str, field: &str) -> Option<&'p str> {
    path.strip_prefix(field)?.strip_prefix("['")?.strip_suffix("']")
}

/// A request or limit of a container, in units of the divisor, rounded up. A limit that there is none of is all that the node has.
pub fn resource(
    context: &PodContext<'_>,
    own: Option<&Container>,
    selector: &ResourceFieldSelector,
) -> Result<String, AssembleError> {
    let spec = spec_of(context.pod);
    let named = selector.container_name.as_deref().filter(|name| !name.is_empty());
    let all = || spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let container = match named {
        Some(name) => all().find(|container| container.name == name),
        None => own,
    };
    let Some(container) = container else {
        let name = named.unwrap_or_default();
        return Err(AssembleError::Resource(format!("container {name} not found")));
    };
    let amounts = container_resources(container);
    let divisor = selector.divisor.as_ref().and_then(|text| Quantity::parse(&text.0).ok()).filter(|divisor| !divisor.is_zero());
    let milli = i128::from(divisor.as_ref().map_or(1000, Quantity::to_milli).max(1));
    let bytes = i128::from(divisor.as_ref().map_or(1, Quantity::to_bytes).max(1));
    let cpu = |milli_cores: u64| up(milli_cores.into(), milli);
    let memory = |amount: u64| up(amount.into(), bytes);
    Ok(match selector.resource.as_str() {
        "limits.cpu" => cpu(amounts.cpu_limit_milli.unwrap_or(context.node_cpu_milli)),
        "limits.memory" => memory(amounts.memory_limit_bytes.unwrap_or(context.node_memory_bytes)),
        "requests.cpu" => cpu(amounts.cpu_request_milli.unwrap_or(0)),
        "requests.memory" => memory(amounts.memory_request_bytes.unwrap_or(0)),
        other => return Err(AssembleError::Resource(format!("unsupported container resource : {other}"))),
    })
}

fn up(amount: i128, divisor: i128) -> String {
    ((amount + divisor - 1) / divisor).to_string()
}
