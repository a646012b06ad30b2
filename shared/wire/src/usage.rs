//! How much nodes and containers use: what `skiff top` shows. It is measured when it is asked for, and in no object.

use serde::{Deserialize, Serialize};

/// See [`crate::Request::Usage`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageRequest {
    /// Of which nodes and of the pods on them; empty is of all nodes.
    pub nodes: Vec<String>,
}

/// The answer to [`crate::Request::Usage`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usages {
    /// What each node measured, in the order of their names.
    pub nodes: Vec<NodeUsage>,
    /// Those that did not answer.
    pub missing: Vec<Unmeasured>,
}

/// A node of which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unmeasured {
    /// Its name.
    pub node: String,
    /// Why, in words.
    pub why: String,
}

/// What a node and its pods use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeUsage {
    /// Its name.
    pub node: String,
    /// When it was measured: milliseconds since 1970 on that node's clock.
    pub at_ms: i64,
    /// Cpu was counted over so many milliseconds before.
    pub window_ms: u64,
    /// Of the whole machine.
    pub used: Used,
    /// Of each pod that runs something.
    pub pods: Vec<PodUsage>,
}

/// An amount of cpu and memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Used {
    /// Billionths of a core.
    pub cpu_nanocores: u64,
    /// The working set: memory without the file cache that was not used lately.
    pub memory_bytes: u64,
}

/// What a pod uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodUsage {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid: a pod of the same name that came later is another one.
    pub uid: String,
    /// Each of its containers that runs.
    pub containers: Vec<ContainerUsage>,
}

/// What a container uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerUsage {
    /// Its name.
    pub name: String,
    /// How much.
    pub used: Used,
}
