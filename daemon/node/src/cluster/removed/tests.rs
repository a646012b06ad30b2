//! What others say of a removed node does not stay.

use super::Removed;
use crate::api::tests::Served;
use crate::peers::Alone;
use crate::shutdown::{self, Trigger};
use control::membership::Members;
use control::version::NodeId;
use objects::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::Key;
use tokio::sync::watch;

/// Long enough for the news that a machine was let in, in a test.
const SETTLE: Duration = Duration::from_millis(300);

struct Side {
    served: Served,
    denied: watch::Sender<BTreeSet<NodeId>>,
    _trigger: Trigger,
    _alive: watch::Sender<Members>,
}

impl Side {
    fn new() -> Self {
        let served = Served::of("n1", Arc::new(Alone::new("n1")));
        let (trigger, shutdown) = shutdown::signal();
        let (alive_tx, alive) = watch::channel(Members::alone("n1".into()));
        let (denied, denied_rx) = watch::channel(BTreeSet::new());
        let removed = Removed::new(served.verbs.clone(), served.store.clone(), alive, denied_rx);
        tokio::spawn(Removed { settle: SETTLE, ..removed }.run(shutdown));
        Self { served, denied, _trigger: trigger, _alive: alive_tx }
    }

    fn deny(&self, names: &[&str]) {
        self.denied.send_replace(names.iter().map(|name| NodeId::from(*name)).collect());
    }

    /// As it comes from another node.
    async fn put(&self, kind: Kind, name: &str, mut object: Value) {
        let namespace = if kind.is_namespaced() { "default" } else { "" };
        object["metadata"] = json!({"name": name, "namespace": namespace, "uid": format!("uid-{name}")});
        self.served.store.create(Key::new(kind, namespace, name), object).await.expect("it is written");
    }

    async fn node(&self, name: &str) {
        self.put(Kind::Node, name, json!({"apiVersion": "v1", "kind": "Node", "spec": {}})).await;
    }

    async fn pod(&self, name: &str, node: &str) {
        let spec = json!({"nodeName": node, "containers": [{"name": "main", "image": "box:1"}]});
        self.put(Kind::Pod, name, json!({"apiVersion": "v1", "kind": "Pod", "spec": spec})).await;
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        self.served.store.list(kind, None).items.iter().map(|object| object.key().name.clone()).collect()
    }

    /// Returns when these are all that there is of a kind.
    async fn until(&self, kind: Kind, names: &[&str]) {
        let (_, mut watcher) = self.served.store.list_and_watch(kind, None);
        let wait = async {
            while self.names(kind) != names {
                let _ = watcher.next().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
        assert!(waited.is_ok(), "{names:?} are to be left, and there are {:?}", self.names(kind));
    }
}

#[tokio::test]
async fn what_comes_of_a_removed_node_after_its_removal_goes() {
    let side = Side::new();
    side.deny(&["n3"]);
    side.node("n3").await;
    side.node("n2").await;
    side.pod("ghost", "n3").await;
    side.pod("lives", "n2").await;
    side.until(Kind::Node, &["n2"]).await;
    side.until(Kind::Pod, &["lives"]).await;
    side.node("n3").await;
    side.until(Kind::Node, &["n2"]).await;
}

#[tokio::test]
async fn what_was_there_before_the_removal_is_known_goes() {
    let side = Side::new();
    side.node("n3").await;
    side.pod("ghost", "n3").await;
    side.deny(&["n3"]);
    side.until(Kind::Node, &[]).await;
    side.until(Kind::Pod, &[]).await;
}

#[tokio::test]
async fn a_machine_that_joined_again_by_the_name_keeps_its_node() {
    let side = Side::new();
    side.deny(&["n3", "n4"]);
    // Its Node comes before the news that it was let in.
    side.node("n3").await;
    side.deny(&["n4"]);
    side.node("n4").await;
    side.until(Kind::Node, &["n3"]).await;
}

#[tokio::test]
async fn what_is_left_goes_while_others_are_removed_all_the_time() {
    let side = Side::new();
    side.node("n3").await;
    let denied = side.denied.clone();
    let removing = tokio::spawn(async move {
        for count in 0_u32.. {
            denied.send_replace(["n3".to_owned(), format!("m{count}")].iter().map(|name| NodeId::from(name.as_str())).collect());
            tokio::time::sleep(SETTLE / 10).await;
        }
    });
    side.until(Kind::Node, &[]).await;
    removing.abort();
}
