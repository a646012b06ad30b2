//! Objects go with their owners and their namespaces.

use super::Collector;
use crate::api::tests::Served;
use crate::peers::Alone;
use crate::shutdown::{self, Trigger};
use control::membership::Members;
use objects::Kind;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Key, Store};
use tokio::sync::watch;
use wire::{CreateRequest, DeleteOptions, DeleteRequest, DryRun, ObjectRef, Propagation, Response};

struct Collected {
    served: Served,
    _trigger: Trigger,
    _alive: watch::Sender<Members>,
}

impl Collected {
    fn new() -> Self {
        let served = Served::of("n", Arc::new(Alone::new("n")));
        let (trigger, shutdown) = shutdown::signal();
        let (alive_tx, alive) = watch::channel(Members::alone("n".into()));
        tokio::spawn(Collector::new(served.verbs.clone(), served.store.clone(), alive).run(shutdown));
        Self { served, _trigger: trigger, _alive: alive_tx }
    }

    async fn create(&self, object: Value, namespace: &str) -> Value {
        let request = CreateRequest { object, namespace: namespace.to_owned(), dry_run: DryRun::No };
        match self.served.verbs.create(request).await {
            Ok(Response::Object { object, .. }) => *object,
            other => panic!("{other:?}"),
        }
    }

    async fn config_map(&self, name: &str, owner: Option<&Value>) -> Value {
        let owners: Vec<Value> = owner.into_iter().map(reference_to).collect();
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": owners}});
        self.create(object, "default").await
    }

    async fn delete(&self, kind: Kind, name: &str, propagation: Option<Propagation>) {
        let namespace = if kind.is_namespaced() { "default" } else { "" };
        let request = DeleteRequest {
            object: ObjectRef { kind, namespace: namespace.to_owned(), name: name.to_owned() },
            grace_period_seconds: None,
            uid: None,
            dry_run: DryRun::No,
            options: DeleteOptions { propagation, ..DeleteOptions::default() },
        };
        self.served.verbs.delete(request).await.expect("it can be deleted");
    }

    /// Returns when an object is as wanted.
    async fn until(&self, kind: Kind, (namespace, name): (&str, &str), wanted: impl Fn(Option<&Value>) -> bool) {
        let key = Key::new(kind, namespace, name);
        until(&self.served.store, &key, wanted).await;
    }
}

async fn until(store: &Store, key: &Key, wanted: impl Fn(Option<&Value>) -> bool) {
    let (_, mut watcher) = store.list_and_watch(key.kind, None);
    let look = async {
        loop {
            let found = store.get(key).map(|object| object.to_value());
            if wanted(found.as_ref()) {
                return;
            }
            watcher.next().await.expect("the watch keeps up");
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), look).await.expect("it comes to that");
}

fn reference_to(owner: &Value) -> Value {
    json!({"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": true})
}

fn is_gone(found: Option<&Value>) -> bool {
    found.is_none()
}

#[tokio::test]
async fn what_is_owned_goes_with_its_owner() {
    let world = Collected::new();
    let owner = world.config_map("owner", None).await;
    let child = world.config_map("child", Some(&owner)).await;
    world.config_map("grandchild", Some(&child)).await;
    world.config_map("other", None).await;
    world.delete(Kind::ConfigMap, "owner", None).await;
    world.until(Kind::ConfigMap, ("default", "grandchild"), is_gone).await;
    world.until(Kind::ConfigMap, ("default", "child"), is_gone).await;
    assert!(world.served.store.get(&Key::new(Kind::ConfigMap, "default", "other")).is_some());
}

#[tokio::test]
async fn what_is_owned_goes_while_other_things_never_stop_changing() {
    let world = Collected::new();
    let owner = world.config_map("owner", None).await;
    world.config_map("child", Some(&owner)).await;
    world.config_map("busy", None).await;
    let store = world.served.store.clone();
    let changing = tokio::spawn(async move {
        let key = Key::new(Kind::ConfigMap, "default", "busy");
        let found = store.get(&key).expect("it is there").to_value();
        for count in 0_u64.. {
            let mut object = found.clone();
            object["data"] = json!({"count": count.to_string()});
            store.update(key.clone(), object, store::Preconditions::default()).await.expect("it is written");
            tokio::time::sleep(super::SETTLE / 10).await;
        }
    });
    world.delete(Kind::ConfigMap, "owner", None).await;
    world.until(Kind::ConfigMap, ("default", "child"), is_gone).await;
    changing.abort();
}

#[tokio::test]
async fn an_owner_deleted_in_the_foreground_goes_last() {
    let world = Collected::new();
    let owner = world.config_map("owner", None).await;
    let child = world.config_map("child", Some(&owner)).await;
    let mut held = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "grandchild", "finalizers": ["a.b/c"]}});
    held["metadata"]["ownerReferences"] = json!([reference_to(&child)]);
    world.create(held, "default").await;
    world.delete(Kind::ConfigMap, "owner", Some(Propagation::Foreground)).await;
    world
        .until(Kind::ConfigMap, ("default", "grandchild"), |found| {
            found.is_some_and(|object| object["metadata"]["deletionTimestamp"].is_string())
        })
        .await;
    for name in ["owner", "child"] {
        assert!(world.served.store.get(&Key::new(Kind::ConfigMap, "default", name)).is_some(), "{name} waits");
    }
    let key = Key::new(Kind::ConfigMap, "default", "grandchild");
    let uid = world.served.store.get(&key).expect("it waits").uid().to_owned();
    world.served.store.delete(key, store::Preconditions { uid: Some(uid), resource_version: None }).await.expect("it is let go");
    world.until(Kind::ConfigMap, ("default", "child"), is_gone).await;
    world.until(Kind::ConfigMap, ("default", "owner"), is_gone).await;
}

#[tokio::test]
async fn orphans_stay() {
    let world = Collected::new();
    let owner = world.config_map("owner", None).await;
    world.config_map("child", Some(&owner)).await;
    world.delete(Kind::ConfigMap, "owner", Some(Propagation::Orphan)).await;
    world.until(Kind::ConfigMap, ("default", "owner"), is_gone).await;
    let child = world.served.store.get(&Key::new(Kind::ConfigMap, "default", "child")).expect("it stays").to_value();
    assert_eq!(child["metadata"].get("ownerReferences"), None);
}

#[tokio::test]
async fn a_namespace_has_an_account_and_goes_with_its_content() {
    let world = Collected::new();
    world.until(Kind::ServiceAccount, ("default", "default"), |found| found.is_some()).await;
    let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    world.create(namespace("x"), "").await;
    world.until(Kind::ServiceAccount, ("x", "default"), |found| found.is_some()).await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "b"}]}});
    world.create(pod, "x").await;
    world.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}), "x").await;
    world.delete(Kind::Namespace, "x", None).await;
    world.until(Kind::Namespace, ("", "x"), is_gone).await;
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_namespaced()) {
        assert!(world.served.store.list(kind, Some("x")).items.is_empty(), "{kind:?}");
    }
    // The service of the API comes back, as the book says of `delete all --all`.
    world.delete(Kind::Service, "kubernetes", None).await;
    world.until(Kind::Service, ("default", "kubernetes"), |found| found.is_some()).await;
    // The account comes back, here and in a namespace that is made again.
    world.delete(Kind::ServiceAccount, "default", None).await;
    world.until(Kind::ServiceAccount, ("default", "default"), |found| found.is_some()).await;
    world.create(namespace("x"), "").await;
    world.until(Kind::ServiceAccount, ("x", "default"), |found| found.is_some()).await;
}

#[tokio::test]
async fn what_is_in_a_namespace_that_is_gone_goes_too() {
    let world = Collected::new();
    world.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}), "").await;
    world.until(Kind::ServiceAccount, ("x", "default"), |found| found.is_some()).await;
    world.delete(Kind::Namespace, "x", None).await;
    world.until(Kind::Namespace, ("", "x"), is_gone).await;
    // As it comes from a node that did not know.
    let key = Key::new(Kind::ConfigMap, "x", "late");
    let late = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late", "namespace": "x", "uid": "u"}});
    world.served.store.create(key.clone(), late).await.expect("it comes");
    until(&world.served.store, &key, is_gone).await;
}

/// A collector of a node that has keys.
fn with_keys(trust: &crate::cluster::trust::Trust) -> Collected {
    let served = Served::with_door("n", Arc::new(Alone::new("n")), Some(trust.clone()));
    let (trigger, shutdown) = shutdown::signal();
    let (alive_tx, alive) = watch::channel(Members::alone("n".into()));
    tokio::spawn(Collector::new(served.verbs.clone(), served.store.clone(), alive).run(shutdown));
    Collected { served, _trigger: trigger, _alive: alive_tx }
}

#[tokio::test]
async fn every_namespace_has_the_authorities_certificates_and_keeps_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let trust = crate::cluster::trust::Trust::make_cluster(folder.path(), "n", pki::Lifetimes::default()).expect("keys");
    let collected = with_keys(&trust);
    let pem = collected.served.verbs.authorities().expect("there are keys");
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
    let name = "kube-root-ca.crt";
    let is_right = |map: Option<&Value>| map.is_some_and(|map| map["data"] == json!({"ca.crt": pem}));
    for namespace in ["default", "kube-system"] {
        collected.until(Kind::ConfigMap, (namespace, name), is_right).await;
    }
    let found = collected.served.store.get(&Key::new(Kind::ConfigMap, "default", name)).expect("it is there");
    // What somebody writes into it is set right, and it is made again where it was deleted.
    let mut changed = found.to_value();
    changed["data"] = json!({"ca.crt": "none", "more": "x"});
    collected.served.store.update(found.key().clone(), changed, store::Preconditions::default()).await.expect("it is written");
    collected.until(Kind::ConfigMap, ("default", name), is_right).await;
    collected.delete(Kind::ConfigMap, name, None).await;
    let uid = found.uid().to_owned();
    let is_new = |map: Option<&Value>| is_right(map) && map.is_some_and(|map| map["metadata"]["uid"] != uid.as_str());
    collected.until(Kind::ConfigMap, ("default", name), is_new).await;
}

#[tokio::test]
async fn two_nodes_make_the_same_of_what_every_namespace_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let trust = crate::cluster::trust::Trust::make_cluster(folder.path(), "n", pki::Lifetimes::default()).expect("keys");
    let (one, other) = (with_keys(&trust), with_keys(&trust));
    let key = Key::new(Kind::ConfigMap, "default", "kube-root-ca.crt");
    let mut uids = Vec::new();
    for collected in [&one, &other] {
        collected.until(Kind::ConfigMap, ("default", "kube-root-ca.crt"), |map| map.is_some()).await;
        uids.push(collected.served.store.get(&key).expect("it is there").uid().to_owned());
    }
    assert_eq!(uids[0], uids[1], "when they meet, it is one object");
}

#[tokio::test]
async fn a_namespace_that_goes_says_what_it_waits_for() {
    let collected = Collected::new();
    collected.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "room"}}), "").await;
    let held = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["a/b"]}});
    collected.create(held, "room").await;
    collected.delete(Kind::Namespace, "room", None).await;
    let condition = |namespace: &Value, kind: &str| {
        let conditions = namespace["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default()
    };
    let waits = |namespace: Option<&Value>| {
        namespace.is_some_and(|namespace| {
            let (content, finalizers) =
                (condition(namespace, "NamespaceContentRemaining"), condition(namespace, "NamespaceFinalizersRemaining"));
            content["message"] == "Some resources are remaining: configmaps. has 1 resource instances"
                && content["status"] == "True"
                && finalizers["message"] == "Some content in the namespace has finalizers remaining: a/b in 1 resource instances"
                && namespace["status"]["phase"] == "Terminating"
        })
    };
    collected.until(Kind::Namespace, ("", "room"), waits).await;
    let key = Key::new(Kind::ConfigMap, "room", "held");
    let mut map = collected.served.store.get(&key).expect("it waits").to_value();
    map["metadata"]["finalizers"] = json!([]);
    let request = wire::ReplaceRequest { object: map, namespace: "room".to_owned(), dry_run: DryRun::No };
    collected.served.verbs.replace(request).await.expect("it is released");
    collected.until(Kind::Namespace, ("", "room"), |namespace| namespace.is_none()).await;
}
