//! The objects that are always there: namespaces, classes of priority, the service of the API.
//!
//! Every daemon makes them when it starts, all of them the same and earlier than anything else, so that the nodes of a cluster agree on
//! them whenever they meet and what a user changed of them stays (`Store::establish`).

use control::rendezvous::weight;
use jiff::Timestamp;
use objects::kinds::{NAMESPACE_FINALIZER, SYSTEM_CLASSES};
use objects::{Kind, lookup};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::{Key, Store, StoreError};
use uuid::Uuid;

/// The namespaces that are always there.
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-node-lease", "kube-public"];

/// Makes what is missing. Namespaces that are in use and were never made, as by an earlier release, are made too.
///
/// # Errors
/// The disk.
pub async fn lay(store: &Store) -> Result<(), StoreError> {
    let mut namespaces: BTreeSet<String> = NAMESPACES.into_iter().map(str::to_owned).collect();
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_namespaced()) {
        namespaces.extend(store.list(kind, None).items.iter().map(|object| object.key().namespace.clone()));
    }
    for name in namespaces {
        establish(store, namespace(&name), "").await?;
    }
    for (name, value, description) in SYSTEM_CLASSES {
        let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name, "generation": 1},
            "value": value, "description": description, "preemptionPolicy": "PreemptLowerPriority"});
        establish(store, class, "").await?;
    }
    establish(store, api_service(), "").await
}

/// Makes an object unless there is one or was one. `salt` tells it from one of its name before.
///
/// # Errors
/// The disk.
pub async fn establish(store: &Store, mut object: Value, salt: &str) -> Result<(), StoreError> {
    let kind = Kind::from_manifest(lookup::text(&object, "/apiVersion"), lookup::text(&object, "/kind"));
    let kind = kind.expect("what is made here is of a known kind");
    let key = Key::new(kind, lookup::namespace(&object), lookup::name(&object));
    if store.get(&key).is_some() || store.was_deleted(&key) {
        return Ok(());
    }
    object["metadata"]["uid"] = uid(&key, salt).into();
    object["metadata"]["creationTimestamp"] = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
    match store.establish(key, object).await {
        Ok(_) | Err(StoreError::AlreadyExists(_) | StoreError::Stale(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": [NAMESPACE_FINALIZER]}, "status": {"phase": "Active"}})
}

/// The service of the API. It has no address: nothing leads to services yet.
pub fn api_service() -> Value {
    json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"type": "ClusterIP", "clusterIP": "None", "clusterIPs": ["None"], "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}]},
        "status": {"loadBalancer": {}}})
}

/// The same on every node: made of the name alone.
fn uid(key: &Key, salt: &str) -> String {
    let name = format!("{key}/{}/{salt}", key.namespace);
    let halves = [weight(&name, "first"), weight(&name, "second")];
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&halves[0].to_be_bytes());
    bytes[8..].copy_from_slice(&halves[1].to_be_bytes());
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// The uid of something that is made again after it was deleted.
pub fn new_uid() -> String {
    Uuid::new_v4().to_string()
}
