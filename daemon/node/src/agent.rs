//! The node agent: this machine as a Node object, looked at each ten seconds, and the images' garbage collection.

mod object;

pub use object::seconds;

use crate::config::Eviction;
use crate::errors::chain;
use crate::events::{About, Recorder};
use crate::images::Images;
use crate::shutdown::Shutdown;
use crate::verbs::leases;
use control::pod::EventType;
use control::pressure::{Amount, Gauge, Measured, Standing};
use jiff::Timestamp;
use object::{NodeFacts, NodeImage};
use objects::Kind;
use runtime::machine::{Address, Allocatable, Capacity, Machine, MachineError, NodeInfo, Reading, Reserved, Versions};
use runtime::network::Network;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Durability, Key, Object, Preconditions, Store, StoreError};
use tokio::sync::watch;
use tracing::{info, warn};
use uuid::Uuid;

/// How often the machine is looked at.
const LOOK_PERIOD: Duration = Duration::from_secs(10);
/// How often the status is written although nothing changed.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(300);
/// How often the disk is looked at for images to remove (`imageGCPeriod`).
const GARBAGE_PERIOD: Duration = Duration::from_secs(300);
/// The Kubernetes version whose behaviour this is.
const KUBELET_VERSION: &str = "v1.36.0+skiff";

/// What does not change while the daemon runs.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// The node's name.
    pub name: String,
    /// The most pods.
    pub max_pods: u32,
    /// Which machine it is.
    pub info: NodeInfo,
    /// Where it is.
    pub addresses: Vec<Address>,
}

impl Fixed {
    /// Reads the machine; `address` is the one that others reach it at, where the operator says so. Blocks.
    ///
    /// # Errors
    /// [`MachineError`] with the file that cannot be read.
    pub fn read(machine: &Machine, name: &str, max_pods: u32, address: Option<IpAddr>) -> Result<Self, MachineError> {
        let versions = Versions { skiff: env!("CARGO_PKG_VERSION").to_owned(), kubelet: KUBELET_VERSION.to_owned() };
        let mut addresses = machine.addresses(address)?;
        for address in &mut addresses {
            if address.kind == runtime::machine::AddressKind::Hostname {
                name.clone_into(&mut address.value);
            }
        }
        Ok(Self { name: name.to_owned(), max_pods, info: machine.node_info(&versions)?, addresses })
    }
}

/// The task. See the module.
pub struct Agent {
    fixed: Fixed,
    machine: Machine,
    network: Arc<Network>,
    images: Images,
    store: Store,
    recorder: Recorder,
    pressing: Pressing,
    gauge: Gauge,
    written: Option<Instant>,
}

/// What the agent has to do with pods that go.
pub struct Pressing {
    /// When they are put out.
    pub eviction: Eviction,
    /// For those who act upon what the node is short of.
    pub standing: watch::Sender<Standing>,
    /// Whether the machine is being switched off.
    pub closing: watch::Receiver<bool>,
}

impl Agent {
    /// The agent of this node, over its machine and its pods' network.
    pub fn new(
        fixed: Fixed,
        (machine, network): (Machine, Arc<Network>),
        images: Images,
        (store, recorder): (Store, Recorder),
        pressing: Pressing,
    ) -> Self {
        let gauge = Gauge::new(pressing.eviction.thresholds.clone(), pressing.eviction.transition_ms);
        Self { fixed, machine, network, images, store, recorder, pressing, gauge, written: None }
    }

    /// Writes the Node object, then looks after it until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        self.report("Starting", "Starting kubelet.");
        let mut look = tokio::time::interval(LOOK_PERIOD);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut garbage = tokio::time::interval(GARBAGE_PERIOD);
        garbage.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut images = self.images.changes();
        let mut closing = self.pressing.closing.clone();
        loop {
            // Ticks and changes that come meanwhile are kept by their sources.
            tokio::select! {
                () = shutdown.wait() => return,
                _ = look.tick() => self.look().await,
                Ok(()) = images.changed() => self.look().await,
                Ok(()) = closing.changed() => self.look().await,
                _ = garbage.tick() => {
                    let images = self.images.clone();
                    // It logs what it does; a panic in it is told by the run time.
                    let _ = tokio::task::spawn_blocking(move || images.collect_garbage()).await;
                }
            }
        }
    }

    async fn look(&mut self) {
        let machine = self.machine.clone();
        let read = tokio::task::spawn_blocking(move || Ok::<_, MachineError>((machine.capacity()?, machine.reading()?))).await;
        let (capacity, reading) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return warn!(error = %chain(&error), "cannot read the machine"),
            Err(error) => return warn!(%error, "reading the machine failed"),
        };
        let standing = self.gauge.step(crate::clock::now().boot, &measured(&reading));
        if let Err(error) = self.write(&capacity, &standing).await {
            warn!(error = %chain(&error), "cannot write the node's object");
        }
        if let Err(error) = self.keep_lease().await {
            warn!(error = %chain(&error), "cannot write the node's lease");
        }
        self.pressing.standing.send_replace(standing);
    }

    /// Makes the node's lease where there is none; what renews it is in nobody's way (`verbs::leases`).
    async fn keep_lease(&self) -> Result<(), StoreError> {
        let name = &self.fixed.name;
        let key = Key::new(Kind::Lease, leases::NAMESPACE, name);
        let node = self.store.get(&Key::new(Kind::Node, "", name));
        let (None, Some(node)) = (self.store.get(&key), node) else { return Ok(()) };
        let mut lease = leases::of_node(name, node.uid());
        lease["metadata"]["uid"] = Uuid::new_v4().to_string().into();
        lease["metadata"]["creationTimestamp"] = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        match self.store.create(key, lease).await {
            Ok(_) | Err(StoreError::AlreadyExists(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn write(&mut self, capacity: &Capacity, standing: &Standing) -> Result<(), StoreError> {
        let (memory_bytes, ephemeral_storage_bytes) =
            self.pressing.eviction.kept(capacity.memory_bytes, capacity.ephemeral_storage_bytes);
        let kept = Reserved { memory_bytes, ephemeral_storage_bytes, ..Reserved::default() };
        let facts = NodeFacts {
            name: &self.fixed.name,
            capacity,
            allocatable: Allocatable::of(capacity, &kept),
            max_pods: self.fixed.max_pods,
            info: &self.fixed.info,
            addresses: &self.fixed.addresses,
            pressures: &standing.conditions,
            is_shutting_down: *self.pressing.closing.borrow(),
            images: self.node_images(),
            pod_cidr: self.network.cidr().to_string(),
        };
        let key = Key { kind: Kind::Node, namespace: String::new(), name: self.fixed.name.clone() };
        let now = Timestamp::now();
        let Some(found) = self.store.get(&key) else {
            let status = object::status(&facts, None, now);
            let created = self.store.create(key, new_object(&facts, &status, now)).await?;
            self.written = Some(Instant::now());
            info!(node = self.fixed.name, "registered the node");
            self.tell(None, &status, &created);
            return Ok(());
        };
        let old: Value = found.parse().unwrap_or_default();
        self.keep_own(&found, &old, &facts).await?;
        let old_status = old.get("status");
        let status = object::status(&facts, old_status, now);
        self.tell_reboot(old_status);
        let is_due = self.written.is_none_or(|written| written.elapsed() >= HEARTBEAT_PERIOD);
        if is_due || object::differs(old_status, &status) {
            // A heartbeat that is lost is no loss: the next look writes another.
            let written = self.store.update_status(key, status.clone(), Preconditions::default(), Durability::Soon).await?;
            self.written = Some(Instant::now());
            self.tell(old_status, &status, &written);
        }
        Ok(())
    }

    /// Labels that every node has, and that somebody took away or that changed with the machine; and the taints of its conditions.
    async fn keep_own(&self, found: &Object, old: &Value, facts: &NodeFacts<'_>) -> Result<(), StoreError> {
        let wanted = object::labels(facts);
        let has = |(key, value): (&String, &Value)| old["metadata"]["labels"].get(key) == Some(value);
        let taints = object::taints(old, facts.pressures);
        let is_tainted = old["spec"]["taints"].as_array().map_or(taints.is_empty(), |known| *known == taints);
        if is_tainted && wanted.as_object().is_some_and(|labels| labels.iter().all(has)) {
            return Ok(());
        }
        let mut node = old.clone();
        if !node["metadata"]["labels"].is_object() {
            node["metadata"]["labels"] = json!({});
        }
        for (key, value) in wanted.as_object().into_iter().flatten() {
            node["metadata"]["labels"][key] = value.clone();
        }
        if !is_tainted {
            node["spec"]["taints"] = json!(taints);
        }
        let only_if = Preconditions { uid: Some(found.uid().to_owned()), resource_version: Some(found.resource_version()) };
        match self.store.update(found.key().clone(), node, only_if).await {
            // Somebody writes it right now: the next look tries again.
            Err(StoreError::Stale(_)) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn tell_reboot(&self, old: Option<&Value>) {
        let before = old.and_then(|old| old["nodeInfo"]["bootID"].as_str());
        let boot_id = &self.fixed.info.boot_id;
        if before.is_some_and(|before| before != boot_id) {
            let message = format!("Node {} has been rebooted, boot id: {boot_id}", self.fixed.name);
            self.recorder.report(About::node(&self.fixed.name), EventType::Warning, "Rebooted", message);
        }
    }

    /// Events for what changed.
    fn tell(&self, old: Option<&Value>, new: &Value, object: &Object) {
        for (condition, status) in object::transitions(old, new) {
            let reason = match (condition.as_str(), status.as_str()) {
                ("MemoryPressure", "True") => "NodeHasInsufficientMemory",
                ("MemoryPressure", _) => "NodeHasSufficientMemory",
                ("DiskPressure", "True") => "NodeHasDiskPressure",
                ("DiskPressure", _) => "NodeHasNoDiskPressure",
                ("PIDPressure", "True") => "NodeHasInsufficientPID",
                ("PIDPressure", _) => "NodeHasSufficientPID",
                (_, "True") => "NodeReady",
                _ => "NodeNotReady",
            };
            self.report(reason, &format!("Node {} status is now: {reason}", object.key().name));
        }
    }

    fn report(&self, reason: &str, message: &str) {
        self.recorder.report(About::node(&self.fixed.name), EventType::Normal, reason, message.to_owned());
    }

    fn node_images(&self) -> Vec<NodeImage> {
        let of = |record: runtime::image::ImageRecord| {
            let mut names = record.repo_digests;
            names.extend(record.names);
            NodeImage { names, size_bytes: record.size_bytes }
        };
        self.images.store().list().into_iter().map(of).filter(|image| !image.names.is_empty()).collect()
    }
}

fn measured(reading: &Reading) -> Measured {
    let amount = |capacity, available| Amount { capacity, available };
    let disk = reading.disk;
    Measured {
        memory: amount(reading.memory_capacity_bytes, reading.memory_available_bytes),
        disk: amount(disk.capacity_bytes, disk.available_bytes),
        inodes: amount(disk.inodes, disk.inodes_free),
        pids: amount(reading.pids_capacity, reading.pids_available),
    }
}

fn new_object(facts: &NodeFacts<'_>, status: &Value, now: Timestamp) -> Value {
    let mut node = object::new_node(facts);
    node["metadata"]["uid"] = json!(Uuid::new_v4().to_string());
    node["metadata"]["creationTimestamp"] = json!(seconds(now));
    node["status"] = status.clone();
    node
}

#[cfg(test)]
mod tests {
    use super::Fixed;
    use runtime::machine::{AddressKind, Machine, Roots};
    use std::path::Path;

    #[test]
    fn the_address_that_the_operator_gives_is_the_nodes() {
        let machine = Machine::new(Roots::of_this_machine(Path::new("/")));
        let fixed = Fixed::read(&machine, "oak", 1, Some([192, 0, 2, 7].into())).expect("the machine is read");
        let internal: Vec<&str> = fixed
            .addresses
            .iter()
            .filter(|address| address.kind == AddressKind::InternalIp)
            .map(|address| address.value.as_str())
            .collect();
        assert_eq!(internal, ["192.0.2.7"]);
    }
}
