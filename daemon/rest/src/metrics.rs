//! `metrics.k8s.io`: what nodes and containers use, in the form that `kubectl top` asks for.
//!
//! `k8s.io/metrics/pkg/apis/metrics/v1beta1` and `kubernetes-sigs/metrics-server` (`pkg/api`): cpu in billionths of a core, memory in kibibytes.

use crate::accept::MetaVersion;
use crate::table::{Include, metadata};
use jiff::Timestamp;
use objects::lookup;
use serde_json::{Map, Value, json};

/// The group.
pub const GROUP: &str = "metrics.k8s.io";
/// Its version.
pub const VERSION: &str = "v1beta1";

/// Whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// Of nodes.
    Nodes,
    /// Of pods, container by container.
    Pods,
}

/// An amount that is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Billionths of a core.
    pub cpu_nanocores: u64,
    /// The working set.
    pub memory_bytes: u64,
}

impl Amount {
    fn to_value(self) -> Value {
        json!({"cpu": format!("{}n", self.cpu_nanocores), "memory": format!("{}Ki", self.memory_bytes / 1024)})
    }
}

/// When something was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The moment.
    pub at: Timestamp,
    /// Cpu was counted over so many milliseconds before.
    pub window_ms: u64,
}

impl Metrics {
    /// The kind of its objects.
    #[must_use]
    pub const fn kind_name(self) -> &'static str {
        match self {
            Self::Nodes => "NodeMetrics",
            Self::Pods => "PodMetrics",
        }
    }

    /// The plural, which is that of what is measured.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Pods => "pods",
        }
    }
}

/// What a node uses; `node` is its object.
#[must_use]
pub fn of_node(node: &Value, taken: Taken, used: Amount) -> Value {
    let mut document = head(Metrics::Nodes, node, taken);
    document["usage"] = used.to_value();
    document
}

/// What the containers of a pod use; `pod` is its object.
#[must_use]
pub fn of_pod(pod: &Value, taken: Taken, containers: &[(String, Amount)]) -> Value {
    let mut document = head(Metrics::Pods, pod, taken);
    document["containers"] = containers.iter().map(|(name, used)| json!({"name": name, "usage": used.to_value()})).collect();
    document
}

fn head(of: Metrics, object: &Value, taken: Taken) -> Value {
    let at = taken.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut metadata = json!({"name": lookup::name(object), "creationTimestamp": at});
    if of == Metrics::Pods {
        metadata["namespace"] = lookup::namespace(object).into();
    }
    if let Some(labels) = object.pointer("/metadata/labels") {
        metadata["labels"] = labels.clone();
    }
    json!({
        "kind": of.kind_name(),
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "metadata": metadata,
        "timestamp": at,
        "window": window(taken.window_ms),
    })
}

/// As Go writes a duration: `15.032s`.
fn window(ms: u64) -> String {
    let (seconds, rest) = (ms / 1000, ms % 1000);
    let text = format!("{seconds}.{rest:03}");
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// All of them as a list.
#[must_use]
pub fn list(of: Metrics, items: Vec<Value>) -> Value {
    let kind = format!("{}List", of.kind_name());
    let mut list = json!({"kind": kind, "apiVersion": format!("{GROUP}/{VERSION}"), "metadata": {}});
    list["items"] = items.into();
    list
}

/// As a table, for `kubectl get pods.metrics.k8s.io`.
#[must_use]
pub fn table(version: MetaVersion, include: Include, items: Vec<Value>) -> Value {
    let column = |name: &str, kind: &str, format: &str| json!({"name": name, "type": kind, "format": format, "description": "", "priority": 0});
    let columns = json!([
        column("Name", "string", "name"),
        column("cpu", "string", "quantity"),
        column("memory", "string", "quantity"),
        column("Window", "string", "duration"),
    ]);
    let rows: Vec<Value> = items.into_iter().map(|item| row(item, version, include)).collect();
    json!({"kind": "Table", "apiVersion": version.api_version(), "metadata": {}, "columnDefinitions": columns, "rows": rows})
}

fn row(item: Value, version: MetaVersion, include: Include) -> Value {
    let own = item.get("usage").into_iter();
    let all: Vec<&Value> = own.chain(lookup::list(&item, "/containers").iter().filter_map(|of| of.get("usage"))).collect();
    let sum = |name: &str, unit: &str| {
        let number = |usage: &&Value| usage[name].as_str()?.strip_suffix(unit)?.parse::<u64>().ok();
        format!("{}{unit}", all.iter().filter_map(number).sum::<u64>())
    };
    let cells = json!([lookup::name(&item), sum("cpu", "n"), sum("memory", "Ki"), item["window"]]);
    let object = match include {
        Include::Nothing => Value::Null,
        Include::Metadata => metadata(item, version),
        Include::Whole => item,
    };
    json!({"cells": cells, "object": object})
}

/// The OpenAPI schemas of the group's kinds, by their types' names.
#[must_use]
pub fn schemas() -> Map<String, Value> {
    let quantities =
        json!({"type": "object", "additionalProperties": {"type": "string"}, "description": "cpu and memory that are used."});
    let time = json!({"type": "string", "format": "date-time", "description": "When it was measured."});
    let window = json!({"type": "string", "description": "Cpu was counted over so long before the timestamp."});
    let container = json!({"type": "object", "properties": {"name": {"type": "string", "description": "The container's name."}, "usage": quantities}});
    let of = |metrics: Metrics, field: &str, schema: Value| {
        let mut properties = json!({
            "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
            "timestamp": time, "window": window,
        });
        properties[field] = schema;
        let schema = json!({
            "type": "object",
            "description": format!("What {} use.", metrics.plural()),
            "properties": properties,
            "x-kubernetes-group-version-kind": [{"group": GROUP, "version": VERSION, "kind": metrics.kind_name()}],
        });
        (type_name(metrics), schema)
    };
    let containers = json!({"type": "array", "items": container, "description": "Each container that runs."});
    [of(Metrics::Nodes, "usage", quantities.clone()), of(Metrics::Pods, "containers", containers)].into_iter().collect()
}

/// The name of a kind's type.
#[must_use]
pub fn type_name(of: Metrics) -> String {
    format!("io.k8s.metrics.pkg.apis.metrics.v1beta1.{}", of.kind_name())
}

#[cfg(test)]
mod tests {
    use super::{Amount, Taken, of_node, of_pod, table, window};
    use crate::accept::MetaVersion;
    use crate::table::Include;
    use jiff::Timestamp;
    use serde_json::json;

    #[test]
    fn amounts_have_the_units_of_kubernetes() {
        let taken = Taken { at: Timestamp::from_second(1_700_000_000).expect("a time"), window_ms: 15_030 };
        let used = Amount { cpu_nanocores: 1_234_567, memory_bytes: 3 << 20 };
        let node = of_node(&json!({"metadata": {"name": "n1", "labels": {"a": "b"}}}), taken, used);
        assert_eq!(node["usage"], json!({"cpu": "1234567n", "memory": "3072Ki"}));
        assert_eq!((&node["timestamp"], &node["window"]), (&json!("2023-11-14T22:13:20Z"), &json!("15.03s")));
        let pod = json!({"metadata": {"name": "p", "namespace": "d"}});
        let pod = of_pod(&pod, taken, &[("a".to_owned(), used), ("b".to_owned(), used)]);
        assert_eq!((&pod["metadata"]["namespace"], &pod["containers"][1]["name"]), (&json!("d"), &json!("b")));
        let table = table(MetaVersion::V1, Include::Nothing, vec![pod]);
        assert_eq!(table["rows"][0]["cells"], json!(["p", "2469134n", "6144Ki", "15.03s"]));
        assert_eq!((window(60_000), window(1_001)), ("60s".to_owned(), "1.001s".to_owned()));
    }
}
