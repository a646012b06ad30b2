//! This node's range of pod addresses: found or chosen at the start, written into its Node object, and exchanged for another
//! when a node that was created earlier has the same.

#[cfg(test)]
mod tests;

use super::nodes::{NodeNetwork, Nodes};
use crate::config::Config;
use crate::daemon::network_config;
use crate::errors::chain;
use crate::events::{About, Recorder};
use crate::shutdown::Shutdown;
use control::pod::EventType;
use control::pod_cidr::{Full, Move, Plan, Range, choose, settle};
use objects::Kind;
use runtime::network::{self, Cidr, Network, NetworkError};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use store::{Key, Preconditions, Store, StoreError};
use tokio::sync::watch;
use tracing::{info, warn};

/// What failed is tried again after this time.
const RETRY: Duration = Duration::from_secs(10);
/// So many slots are tried that this machine routes elsewhere.
const MOST_UNUSABLE: usize = 64;

/// Why a node has no range.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// All are taken.
    #[error(transparent)]
    Full(#[from] Full),
    /// The machine.
    #[error("cannot choose the pods' range")]
    Network(#[from] NetworkError),
}

/// The range to start with: the one that was given; else the one that the Node object tells; else that of pods which run; else a
/// free slot. Who has an address outside of a range that was not given is forgotten: those pods get new sandboxes. Blocks.
///
/// # Errors
/// See [`RangeError`].
pub fn at_start(config: &Config, store: &Store) -> Result<Cidr, RangeError> {
    if let Some(given) = config.pod_cidr {
        return Ok(given);
    }
    let state_dir = network_config(config, config.first_range(), None).state_dir;
    let nodes = Nodes::new(store);
    let taken: Vec<Range> = nodes.others(&config.name).into_iter().filter_map(|(_, node)| node.range).collect();
    let is_ours = |range: &Range| plan(config).cluster.contains(*range);
    let own = nodes.get(&config.name).and_then(|own| own.range).filter(is_ours);
    let running = || {
        let first = network::allocated(&state_dir)?.first().copied();
        let range = first.and_then(|address| Range::around(address, config.node_cidr_mask_size)).filter(is_ours);
        Ok::<_, NetworkError>(range.filter(|range| !taken.iter().any(|taken| taken.overlaps(*range))))
    };
    let cidr = match own {
        Some(own) => to_cidr(own)?,
        None => match running()? {
            Some(range) => to_cidr(range)?,
            None => choose_usable(config, &taken)?,
        },
    };
    let forgotten = network::forget_outside(&state_dir, cidr)?;
    if forgotten > 0 {
        warn!(pods = forgotten, %cidr, "pods have addresses of another range; they get new sandboxes");
    }
    Ok(cidr)
}

fn choose_usable(config: &Config, taken: &[Range]) -> Result<Cidr, RangeError> {
    let (mut taken, most) = (taken.to_vec(), taken.len() + MOST_UNUSABLE);
    loop {
        let range = choose(plan(config), &config.name, &taken)?;
        let cidr = to_cidr(range)?;
        match network::check_range(&network_config(config, cidr, None)) {
            Err(NetworkError::RouteConflict { .. }) if taken.len() < most => taken.push(range),
            checked => return Ok(checked.map(|()| cidr)?),
        }
    }
}

fn plan(config: &Config) -> Plan {
    let cluster = Range::parse(&config.cluster_cidr.to_string()).expect("the kernel's side writes it as it is read");
    Plan { cluster, node_prefix_len: config.node_cidr_mask_size }
}

fn to_cidr(range: Range) -> Result<Cidr, NetworkError> {
    Cidr::parse(&range.to_string())
}

/// Whether the range may be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// The operator named it.
    Given,
    Own,
}

/// The task. See the module.
pub struct Settler {
    node: String,
    choice: Choice,
    plan: Plan,
    network: Arc<Network>,
    store: Store,
    recorder: Recorder,
    /// Tells the pods that the range changed.
    moved: watch::Sender<Cidr>,
    /// Ranges that this machine routes elsewhere.
    unusable: Vec<Range>,
    /// The conflict that was told of last.
    told: Option<String>,
}

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Done,
    Again,
}

impl Settler {
    /// Over this node's network; `moved` is what the pods watch.
    pub fn new(config: &Config, network: Arc<Network>, store: Store, recorder: Recorder, moved: watch::Sender<Cidr>) -> Self {
        let choice = if config.pod_cidr.is_some() { Choice::Given } else { Choice::Own };
        let (node, plan) = (config.name.clone(), plan(config));
        Self { node, choice, plan, network, store, recorder, moved, unusable: Vec::new(), told: None }
    }

    /// Runs until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut nodes = Nodes::new(&self.store);
        loop {
            let look = self.look(&nodes).await;
            // What changes meanwhile is kept by the watcher's place.
            tokio::select! {
                () = shutdown.wait() => return,
                () = nodes.changed() => {}
                () = tokio::time::sleep(RETRY), if look == Look::Again => {}
            }
        }
    }

    async fn look(&mut self, nodes: &Nodes) -> Look {
        // The node agent makes the object.
        let Some(own) = nodes.get(&self.node) else { return Look::Done };
        let cidr = self.network.cidr();
        if !has(own, cidr) {
            return self.write(cidr).await;
        }
        let Some(Move { winner, to }) = settle(self.plan, &self.node, &nodes.claims()) else {
            self.told = None;
            return Look::Done;
        };
        if self.choice == Choice::Given {
            self.tell(format!(
                "The pods' range {cidr} is also that of node {winner}, which was created earlier. It was given with --pod-cidr and is \
                 kept: give this node another one"
            ));
            return Look::Done;
        }
        let to = match to {
            Ok(range) if self.unusable.contains(&range) => self.choose_another(nodes),
            to => to,
        };
        match to {
            Ok(range) => self.move_to(range, &winner).await,
            Err(full) => {
                self.tell(format!("The pods' range {cidr} is also that of node {winner}, which was created earlier, and {full}"));
                Look::Done
            }
        }
    }

    fn choose_another(&self, nodes: &Nodes) -> Result<Range, Full> {
        let taken: Vec<Range> = nodes.claims().iter().map(|claim| claim.range).chain(self.unusable.iter().copied()).collect();
        choose(self.plan, &self.node, &taken)
    }

    /// First the object, then the kernel: a daemon that dies in between goes on with what the object says.
    async fn move_to(&mut self, range: Range, winner: &str) -> Look {
        let before = self.network.cidr();
        let Ok(cidr) = to_cidr(range) else { return Look::Done };
        let network = self.network.clone();
        let checked = blocking(move || network.check_cidr(cidr)).await;
        if let Err(error) = checked {
            warn!(%cidr, error = %chain(&error), "a range cannot be used on this machine; another is chosen");
            self.unusable.push(range);
            return Look::Again;
        }
        if self.write(cidr).await == Look::Again {
            return Look::Again;
        }
        let network = self.network.clone();
        if let Err(error) = blocking(move || network.change_cidr(cidr)).await {
            warn!(%cidr, error = %chain(&error), "the pods' network is not whole yet; its repair tries the rest again");
        }
        if self.network.cidr() != cidr {
            return Look::Again;
        }
        info!(%before, %cidr, winner, "the pods' range was another node's, too");
        self.tell(format!(
            "The pods' range {before} is also that of node {winner}, which was created earlier: the pods of this node move to {cidr} \
             and get new sandboxes"
        ));
        self.moved.send_replace(cidr);
        Look::Done
    }

    /// Writes the range into the Node object.
    async fn write(&self, cidr: Cidr) -> Look {
        let key = Key { kind: Kind::Node, namespace: String::new(), name: self.node.clone() };
        let Some(found) = self.store.get(&key) else { return Look::Done };
        let mut node = found.to_value();
        if !node["spec"].is_object() {
            node["spec"] = json!({});
        }
        node["spec"]["podCIDR"] = Value::String(cidr.to_string());
        node["spec"]["podCIDRs"] = json!([cidr.to_string()]);
        let only_if = Preconditions { uid: Some(found.uid().to_owned()), resource_version: Some(found.resource_version()) };
        match self.store.update(key, node, only_if).await {
            Ok(_) => Look::Done,
            Err(StoreError::Stale(_) | StoreError::NotFound(_)) => Look::Again,
            Err(error) => {
                warn!(error = %chain(&error), "cannot write the pods' range into the node's object");
                Look::Again
            }
        }
    }

    /// An event, once for each thing that there is to say.
    fn tell(&mut self, message: String) {
        if self.told.as_ref() != Some(&message) {
            self.recorder.report(About::node(&self.node), EventType::Warning, "CIDRConflict", message.clone());
            self.told = Some(message);
        }
    }
}

fn has(node: &NodeNetwork, cidr: Cidr) -> bool {
    node.range.is_some_and(|range| range.to_string() == cidr.to_string())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
