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
