//! Where a node's range comes from at the start, and what the Node objects tell of the others.

use super::super::nodes::Nodes;
use super::at_start;
use crate::config::{Config, Settings};
use control::version::NodeId;
use objects::Kind;
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::thread::JoinHandle;
use std::time::Duration;
use store::{Durability, Key, Preconditions, Store};
use tempfile::TempDir;

/// A store of its own, and folders.
struct World {
    folder: TempDir,
    store: Option<Store>,
    writer: Option<JoinHandle<()>>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = Store::open(&folder.path().join("store"), NodeId::from("oak"), store::Settings::default());
        let (store, writer, _) = opened.expect("the store opens");
        let writer = std::thread::spawn(|| writer.run().expect("the writer ends in order"));
        Self { folder, store: Some(store), writer: Some(writer) }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("it is open")
    }

    fn config(&self, pod_cidr: Option<&str>) -> Config {
        let settings = Settings {
            name: Some("oak".to_owned()),
            run_dir: Some(self.folder.path().join("run")),
            pod_cidr: pod_cidr.map(str::to_owned),
            // Documentation's own range: no machine routes it.
            cluster_cidr: Some("198.51.100.0/24".to_owned()),
            node_cidr_mask_size: Some(26),
            ..Settings::default()
        };
        settings.complete("host").expect("a configuration")
    }

    async fn node(&self, name: &str, created: &str, cidr: &str) {
        let object = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "uid": format!("uid-{name}"), "creationTimestamp": created},
            "spec": {"podCIDR": cidr},
            "status": {"addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": "fd00::1"},
                                     {"type": "InternalIP", "address": "192.168.1.7"}]},
        });
        self.store().create(key(name), object).await.expect("the node is made");
    }

    fn run(&self, address: &str) {
        let addresses = self.folder.path().join("run/network/addresses");
        std::fs::create_dir_all(&addresses).expect("a folder");
        symlink("uid-of-a-pod", addresses.join(address)).expect("a link");
    }

    fn start(&self, pod_cidr: Option<&str>) -> Result<String, String> {
        let started = at_start(&self.config(pod_cidr), self.store());
        started.map(|cidr| cidr.to_string()).map_err(|error| error.to_string())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.store = None;
        if let Some(writer) = self.writer.take() {
            assert!(writer.join().is_ok() || std::thread::panicking());
        }
    }
}

fn key(name: &str) -> Key {
    Key::new(Kind::Node, "", name)
}

const EARLY: &str = "2026-01-01T00:00:00Z";
const LATE: &str = "2026-01-02T00:00:00Z";

#[tokio::test]
async fn what_was_given_counts_first_then_the_object_then_what_runs() {
    let world = World::new();
    world.run("198.51.100.70");
    assert_eq!(world.start(None), Ok("198.51.100.64/26".to_owned()), "that of the pod which runs");
    world.node("oak", EARLY, "198.51.100.128/26").await;
    assert_eq!(world.start(Some("198.51.100.192/26")), Ok("198.51.100.192/26".to_owned()));
    let link = world.folder.path().join("run/network/addresses/198.51.100.70");
    assert!(link.symlink_metadata().is_ok(), "with a range that was given, nobody's address is forgotten");
    assert_eq!(world.start(None), Ok("198.51.100.128/26".to_owned()));
    assert!(link.symlink_metadata().is_err(), "the pod gets a new sandbox");
}

#[tokio::test]
async fn a_new_node_takes_what_no_other_has_and_a_full_cluster_says_so() {
    let world = World::new();
    // What runs here is of a range that another node has by now.
    world.run("198.51.100.5");
    for (number, cidr) in ["198.51.100.0/26", "198.51.100.64/26", "198.51.100.192/26"].iter().enumerate() {
        world.node(&format!("node-{number}"), EARLY, cidr).await;
    }
    assert_eq!(world.start(None), Ok("198.51.100.128/26".to_owned()));
    world.node("oak", LATE, "10.88.0.0/24").await;
    assert_eq!(world.start(None), Ok("198.51.100.128/26".to_owned()), "its own is not of this cluster's range");
    world.node("last", EARLY, "198.51.100.128/26").await;
    let full = world.start(None).expect_err("it is full");
    assert!(full.contains("no /26 is free in the pods' range 198.51.100.0/24"), "{full}");
}

#[tokio::test]
async fn others_come_in_the_order_of_their_creation_and_heartbeats_are_no_change() {
    let world = World::new();
    world.node("pine", LATE, "198.51.100.0/26").await;
    let mut nodes = Nodes::new(world.store());
    world.node("birch", LATE, "198.51.100.64/26").await;
    world.node("oak", EARLY, "rubbish").await;
    world.node("ash", EARLY, "198.51.100.128/26").await;
    nodes.changed().await;
    let names: Vec<&str> = nodes.others("oak").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ash", "birch", "pine"]);
    assert_eq!(nodes.others("oak")[0].1.address, Some([192, 168, 1, 7].into()));
    assert_eq!(nodes.claims().len(), 3, "oak's is no range");

    let heartbeat = |time: &str| -> Value {
        json!({"addresses": [{"type": "InternalIP", "address": "192.168.1.7"}], "conditions": [{"lastHeartbeatTime": time}]})
    };
    let write = async |name: &str, status: Value| {
        let written = world.store().update_status(key(name), status, Preconditions::default(), Durability::Soon).await;
        written.expect("the status is written");
    };
    write("ash", heartbeat(EARLY)).await;
    write("birch", heartbeat(LATE)).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), nodes.changed()).await.is_err(), "heartbeats say nothing new");
    write("ash", json!({"addresses": [{"type": "InternalIP", "address": "192.168.1.9"}]})).await;
    nodes.changed().await;
    assert_eq!(nodes.get("ash").expect("it is there").address, Some([192, 168, 1, 9].into()));
}
