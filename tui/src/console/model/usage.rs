//! What nodes, pods and containers use, as their nodes measured it, and the cells of it.

use super::columns::{self, Column};
use super::row::{Cell, Resources, Row};
use objects::Kind;
use std::collections::{BTreeMap, HashMap};
use wire::{ContainerUsage, NodeUsage, Usages, Used};

/// What was measured, by node. What is not here is not known.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    nodes: BTreeMap<String, Measured>,
}

/// What a node measured: of itself, and of its pods by their uid.
#[derive(Debug, Clone, Default)]
struct Measured {
    used: Resources,
    pods: HashMap<String, Vec<ContainerUsage>>,
}

impl Usage {
    /// Takes an answer over: to a question about all nodes, or about one.
    pub fn take(&mut self, usages: Usages, node: Option<&str>) {
        match node {
            Some(node) => drop(self.nodes.remove(node)),
            None => self.nodes.clear(),
        }
        for NodeUsage { node, used, pods, .. } in usages.nodes {
            let pods = pods.into_iter().map(|pod| (pod.uid, pod.containers)).collect();
            self.nodes.insert(node, Measured { used: amount(used), pods });
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What all nodes use that answered; `None` where none did.
    pub fn total(&self) -> Option<Resources> {
        let used = self.nodes.values().map(|measured| measured.used);
        used.reduce(Resources::plus)
    }

    /// What a node uses.
    pub fn of_node(&self, node: &str) -> Option<Resources> {
        self.nodes.get(node).map(|measured| measured.used)
    }

    fn of_pod(&self, pod: &Row) -> Option<&[ContainerUsage]> {
        self.nodes.get(pod.node())?.pods.get(pod.uid()).map(Vec::as_slice)
    }

    /// Puts what is known of a node or a pod into its row.
    pub fn fill(&self, kind: Kind, row: &mut Row) {
        let (used, has) = match kind {
            Kind::Pod => {
                let used = |containers: &[ContainerUsage]| {
                    containers.iter().map(|container| amount(container.used)).fold(Resources::default(), Resources::plus)
                };
                (self.of_pod(row).map(used), Resources::default())
            }
            Kind::Node => (self.of_node(&row.key.name), allocatable(row)),
            _ => return,
        };
        put(row, columns::of(kind), used, has);
    }

    /// Puts what is known of a pod's container into its row.
    pub fn fill_container(&self, pod: &Row, row: &mut Row) {
        let containers = self.of_pod(pod).unwrap_or_default();
        let used = containers.iter().find(|container| *container.name == *row.key.name);
        put(row, columns::CONTAINERS, used.map(|container| amount(container.used)), Resources::default());
    }
}

fn amount(used: Used) -> Resources {
    Resources { cores: used.cpu_nanocores as f64 / 1e9, bytes: used.memory_bytes as f64 }
}

/// What a node has for pods.
pub fn allocatable(node: &Row) -> Resources {
    Resources { cores: number(node, "CPU/R"), bytes: number(node, "MEM/R") }
}

/// How many pods a node takes.
pub fn most_pods(node: &Row) -> f64 {
    number(node, "PODS")
}

fn number(node: &Row, title: &str) -> f64 {
    match node.cell(columns::NODES, title) {
        Some(Cell::Number(number, _)) => number,
        _ => 0.0,
    }
}

/// The cell of what is not known. It stands before all numbers.
pub fn unknown<T: From<&'static str>>() -> Cell<T> {
    Cell::Number(-1.0, "-".into())
}

fn put(row: &mut Row, columns: &[Column], used: Option<Resources>, has: Resources) {
    let (requests, limits) = (row.requests, row.limits);
    let cell = |column: &Column| match (used, column.title) {
        (None, _) => unknown(),
        (Some(used), "CPU") => Cell::Number(used.cores, cores(used.cores).into()),
        (Some(used), "MEM") => Cell::Number(used.bytes, super::project::bytes(used.bytes).into()),
        (Some(used), "%CPU/R") => percent(used.cores, requests.cores),
        (Some(used), "%MEM/R") => percent(used.bytes, requests.bytes),
        (Some(used), "%CPU/L") => percent(used.cores, limits.cores),
        (Some(used), "%MEM/L") => percent(used.bytes, limits.bytes),
        (Some(used), "%CPU") => percent(used.cores, has.cores),
        (Some(used), _) => percent(used.bytes, has.bytes),
    };
    let usage = || columns.iter().enumerate().filter(|(_, column)| column.is_usage());
    // Most rows are filled when they are new, and often nothing is known.
    if used.is_some() || !usage().all(|(at, _)| row.cells.get(at) == Some(unknown())) {
        row.cells.set(usage().map(|(at, column)| (at, cell(column))));
    }
}

/// Cores that are used: `12m`, rounded up as `kubectl top` does, or `12.3` from ten on.
pub fn cores(cores: f64) -> String {
    if cores < 10.0 { format!("{:.0}m", (cores * 1_000.0).ceil()) } else { format!("{cores:.1}") }
}

/// A share of nothing is none to tell.
fn percent(used: f64, of: f64) -> Cell {
    if of <= 0.0 {
        return unknown();
    }
    let percent = used / of * 100.0;
    Cell::Number(percent, format!("{percent:.0}%").into())
}

#[cfg(test)]
mod tests {
    use super::{Usage, cores};
    use crate::console::model::project::row_of;
    use crate::console::model::row::Row;
    use crate::console::model::{columns, containers};
    use jiff::Timestamp;
    use objects::Kind;
    use serde_json::{Value, json};
    use wire::{ContainerUsage, NodeUsage, PodUsage, Usages, Used};

    fn used(milli: u64, mebi: u64) -> Used {
        Used { cpu_nanocores: milli * 1_000_000, memory_bytes: mebi << 20 }
    }

    fn measured(node: &str, containers: &[(&str, Used)]) -> NodeUsage {
        let containers = containers.iter().map(|(name, used)| ContainerUsage { name: (*name).to_owned(), used: *used }).collect();
        let pod = PodUsage { namespace: "default".to_owned(), name: "web".to_owned(), uid: "u1".to_owned(), containers };
        NodeUsage { node: node.to_owned(), used: used(500, 1024), pods: vec![pod], ..NodeUsage::default() }
    }

    fn of(kind: Kind, object: &Value) -> Row {
        row_of(kind, object).expect("it has a name")
    }

    fn cell(row: &Row, columns: &[columns::Column], title: &str) -> String {
        let at = columns::position(columns, title).expect(title);
        row.cells.get(at).expect("a cell").label(Timestamp::UNIX_EPOCH).to_string()
    }

    fn pod() -> Value {
        json!({
            "metadata": {"name": "web", "namespace": "default", "uid": "u1"},
            "spec": {"nodeName": "oak", "containers": [
                {"name": "a", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}},
                {"name": "b"},
            ]},
        })
    }

    #[test]
    fn a_pod_uses_what_its_containers_use_and_shares_are_of_what_it_asked_for() {
        let mut usage = Usage::default();
        let mut row = of(Kind::Pod, &pod());
        let told = |row: &Row| ["CPU", "%CPU/R", "%CPU/L", "MEM", "%MEM/R"].map(|title| cell(row, columns::PODS, title));
        assert_eq!(told(&row), ["-"; 5]);
        usage.take(Usages { nodes: vec![measured("oak", &[("a", used(40, 32)), ("b", used(20, 16))])], missing: vec![] }, None);
        usage.fill(Kind::Pod, &mut row);
        assert_eq!(told(&row), ["60m", "60%", "-", "48Mi", "75%"]);
        let mut containers = containers::rows(&pod());
        containers.iter_mut().for_each(|container| usage.fill_container(&row, container));
        let told = |row: &Row| ["CPU", "MEM", "%MEM/L"].map(|title| cell(row, columns::CONTAINERS, title));
        assert_eq!(told(&containers[0]), ["40m", "32Mi", "25%"]);
        assert_eq!(told(&containers[1]), ["20m", "16Mi", "-"]);
    }

    #[test]
    fn a_node_that_does_not_answer_any_more_is_unknown_again_and_an_answer_of_one_node_leaves_the_others() {
        let mut usage = Usage::default();
        let allocatable = json!({"metadata": {"name": "oak"}, "status": {"allocatable": {"cpu": "2", "memory": "4Gi"}}});
        let mut row = of(Kind::Node, &allocatable);
        let told = |usage: &Usage, row: &mut Row| {
            usage.fill(Kind::Node, row);
            ["CPU", "%CPU", "%MEM"].map(|title| cell(row, columns::NODES, title))
        };
        usage.take(Usages { nodes: vec![measured("oak", &[]), measured("elm", &[])], missing: vec![] }, None);
        assert_eq!(told(&usage, &mut row), ["500m", "25%", "25%"]);
        usage.take(Usages::default(), Some("elm"));
        assert_eq!(told(&usage, &mut row)[0], "500m");
        usage.take(Usages { nodes: vec![measured("elm", &[])], missing: vec![] }, None);
        assert_eq!(told(&usage, &mut row), ["-"; 3]);
        assert_eq!(usage.total().map(|total| total.cores), Some(0.5));
    }

    #[test]
    fn cores_are_short_and_never_rounded_down_to_nothing() {
        assert_eq!([0.0, 0.0001, 0.25, 9.5, 12.34].map(cores), ["0m", "1m", "250m", "9500m", "12.3"]);
    }
}
