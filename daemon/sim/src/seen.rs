//! Objects as one node's replica shows them: its records put together.

use crate::replica::Replica;
use control::collection::{Collection, Member, Owner, Standing};
use control::entry::Entry;
use control::replica_set;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use objects::lookup;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Where the names of Deployments begin.
pub const DEPLOYMENTS: &str = "deployments/default/";
/// Where the names of ReplicaSets begin.
pub const SETS: &str = "replicasets/default/";
/// Where the names of pods begin.
pub const PODS: &str = "pods/default/";

/// What controllers look at.
#[derive(Debug)]
pub struct View {
    /// The Deployments.
    pub deployments: Vec<Deployment>,
    /// The ReplicaSets.
    pub sets: Vec<ReplicaSet>,
    /// The pods.
    pub pods: Vec<replica_set::Replica>,
}

impl View {
    /// As a replica shows them.
    #[must_use]
    pub fn of(replica: &Replica) -> Self {
        let pods: Vec<Pod> = all(replica, PODS);
        Self {
            deployments: all(replica, DEPLOYMENTS),
            sets: all(replica, SETS),
            pods: pods.iter().map(replica_set::Replica::of).collect(),
        }
    }
}

fn all<T: DeserializeOwned>(replica: &Replica, prefix: &str) -> Vec<T> {
    let those = replica.entries().filter(|(object, _)| object.starts_with(prefix));
    those.filter_map(|(_, entry)| T::deserialize(whole(entry)?).ok()).collect()
}

/// An object with its binding and its status; none where it does not live.
fn whole(entry: &Entry) -> Option<Value> {
    let mut object = specification(entry)?;
    if let Some(node) = entry.binding.as_ref().filter(|record| entry.is_of_the_live(record)).and_then(|record| record.json()) {
        object["spec"]["nodeName"] = node.as_ref().into();
    }
    let status = entry.status.as_ref().filter(|record| entry.is_of_the_live(record)).and_then(|record| record.json());
    if let Some(status) = status.and_then(|json| serde_json::from_str::<Value>(json).ok()) {
        object["status"] = status;
    }
    Some(object)
}

fn specification(entry: &Entry) -> Option<Value> {
    serde_json::from_str(entry.spec.as_ref().filter(|_| entry.is_live())?.json()?).ok()
}

/// An object's specification, if it lives.
#[must_use]
pub fn found(replica: &Replica, key: &str) -> Option<Value> {
    specification(replica.entry(key)?)
}

/// What is owned, and by whom.
#[must_use]
pub fn owned(replica: &Replica) -> Collection<String> {
    let mut collection = Collection::new();
    for (object, entry) in replica.entries() {
        let Some(value) = specification(entry) else { continue };
        let owners: Vec<Owner> = lookup::list(&value, "/metadata/ownerReferences").iter().map(owner).collect();
        if !owners.is_empty() {
            let is_leaving = value["metadata"]["deletionTimestamp"].is_string();
            let member = Member { key: object.to_string(), owners, finalizers: Vec::new(), is_leaving };
            collection.put(lookup::text(&value, "/metadata/uid"), member);
        }
    }
    collection
}

fn owner(reference: &Value) -> Owner {
    let text = |field: &str| reference[field].as_str().unwrap_or_default().to_owned();
    Owner { api_version: text("apiVersion"), kind: text("kind"), name: text("name"), uid: text("uid"), is_blocked: true }
}

/// How an owner stands, as `node/collector` sees it.
#[must_use]
pub fn standing(replica: &Replica, owner: &Owner) -> Standing {
    let prefix = if owner.kind == "Deployment" { DEPLOYMENTS } else { SETS };
    let Some(entry) = replica.entry(&format!("{prefix}{}", owner.name)) else { return Standing::Unheard };
    match specification(entry) {
        Some(found) if found["metadata"]["uid"] == owner.uid.as_str() => Standing::There,
        _ => Standing::Gone,
    }
}
