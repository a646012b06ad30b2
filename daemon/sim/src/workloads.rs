//! One random life of Deployments on a cluster, from a seed, and what must hold.
//!
//! Where nothing fails, a rolling update keeps to its bounds at every moment: never more pods asked for than `maxSurge` allows, never
//! fewer ready than `maxUnavailable` allows. Whatever failed, once all nodes are back each Deployment has the pods it asks for, of its last
//! template, each owned by its set, and nothing that nobody owns; and then no node writes anything any more.

use crate::apps::{Apps, create};
use crate::network::Link;
use crate::replica::Fault;
use crate::seen::{DEPLOYMENTS, View, found, owned, standing};
use crate::world::{Disk, Settings, World};
use control::collection::Standing;
use control::replica_set::Replica as SeenPod;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Pods are made again elsewhere once their node has not been seen for so long, in seconds.
const TOLERATION_S: i64 = 5;
/// Pods more, and pods fewer, during a rollout.
const SURGE: i32 = 1;
const UNAVAILABLE: i32 = 1;
/// All is as it is to be by then, whatever went before.
const SETTLED_WITHIN_MS: u64 = 240_000;
/// For so long nothing is written afterwards.
const QUIET_MS: u64 = 120_000;

/// What a life was like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Rollouts that were begun.
    pub rollouts: usize,
    /// Whether anything failed.
    pub is_calm: bool,
    /// A hash of everything that happened.
    pub trace: u64,
}

struct Life {
    world: World,
    apps: Apps,
    rng: Xoshiro256PlusPlus,
    is_calm: bool,
    rollouts: usize,
    split_since_us: Option<u64>,
    down_since_us: BTreeMap<usize, u64>,
}

/// Lives a life.
///
/// # Errors
/// What did not hold.
pub fn live(seed: u64) -> Result<Outcome, String> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0xa5a5);
    let nodes = rng.random_range(2..=5);
    let link = if rng.random_range(0..3) == 0 { Link::WAN } else { Link::LAN };
    let settings = Settings { link, fault: Fault::None, ..Settings::lan(nodes) };
    let mut world = World::new(seed, settings);
    for node in &mut world.nodes {
        node.skew_ms = rng.random_range(-1_500..=1_500);
    }
    let is_calm = rng.random_range(0..3) == 0;
    let down_since_us = BTreeMap::new();
    let mut life = Life { world, apps: Apps::default(), rng, is_calm, rollouts: 0, split_since_us: None, down_since_us };
    life.world.start_all();
    life.world.run_ms(3_000);
    for number in 0..life.rng.random_range(1..=2) {
        life.create(&format!("app{number}"));
    }
    if is_calm {
        life.settle()?;
    }
    for _ in 0..life.rng.random_range(4..10) {
        life.act();
        let ms = life.rng.random_range(0..=9_000);
        life.pass(ms)?;
    }
    life.end()
}

impl Life {
    /// Lets time pass; a calm life keeps to the bounds at every moment.
    fn pass(&mut self, ms: u64) -> Result<(), String> {
        let is_calm = self.is_calm;
        self.apps.run_ms(&mut self.world, ms, |world| if is_calm { within_bounds(world) } else { Ok(()) })
    }

    fn any_node(&mut self) -> Option<usize> {
        let node = self.rng.random_range(0..self.world.nodes.len());
        self.world.is_up(node).then_some(node)
    }

    fn create(&mut self, name: &str) {
        let Some(node) = self.any_node() else { return };
        let replicas = self.rng.random_range(1..=5);
        let toleration = json!({"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
            "tolerationSeconds": TOLERATION_S});
        let template = json!({"metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "main", "image": "kubia:1"}], "tolerations": [toleration]}});
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": SURGE, "maxUnavailable": UNAVAILABLE}});
        let spec = json!({"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template,
            "strategy": strategy, "revisionHistoryLimit": 2, "progressDeadlineSeconds": 600});
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"}, "spec": spec});
        let object = create(&mut self.world, node, object);
        self.world.put(node, &Arc::from(format!("{DEPLOYMENTS}{name}")), &object.to_string());
    }

    /// Somebody changes a Deployment, as some node shows it.
    fn edit(&mut self, change: impl FnOnce(&mut Value, &mut Xoshiro256PlusPlus)) {
        let Some(node) = self.any_node() else { return };
        let replica = &self.world.nodes[node].replica;
        let keys: Vec<Arc<str>> = replica
            .entries()
            .filter(|(key, entry)| key.starts_with(DEPLOYMENTS) && entry.is_live())
            .map(|(key, _)| Arc::clone(key))
            .collect();
        if keys.is_empty() {
            return;
        }
        let key = &keys[self.rng.random_range(0..keys.len())];
        let Some(mut object) = found(replica, key) else { return };
        change(&mut object, &mut self.rng);
        object["metadata"]["generation"] = (object["metadata"]["generation"].as_i64().unwrap_or(0) + 1).into();
        self.world.put(node, key, &object.to_string());
    }

    fn act(&mut self) {
        match self.rng.random_range(0..12) {
            0..5 => {
                self.rollouts += 1;
                self.edit(|object, rng| {
                    let image = format!("kubia:{}", rng.random_range(1..=4));
                    object["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
                });
            }
            // What a calm life asks for stays the same, so that the bounds do.
            _ if self.is_calm => {}
            5 | 6 => self.edit(|object, rng| object["spec"]["replicas"] = rng.random_range(0..=5).into()),
            7 => self.delete(),
            8 | 9 => self.split(),
            10 => self.crash(),
            _ => self.heal(),
        }
        let now_us = self.world.now_us;
        if self.split_since_us.is_some_and(|since| now_us - since > 25_000_000) {
            self.heal();
        }
        if self.down_since_us.values().any(|since| now_us - since > 25_000_000) {
            self.restart_all();
        }
    }

    fn delete(&mut self) {
        let Some(node) = self.any_node() else { return };
        let name: Arc<str> = format!("{DEPLOYMENTS}app1").into();
        self.world.delete(node, &name);
    }

    fn split(&mut self) {
        self.world.split(&mut self.rng);
        self.split_since_us.get_or_insert(self.world.now_us);
    }

    fn heal(&mut self) {
        self.world.network.heal();
        self.split_since_us = None;
    }

    fn crash(&mut self) {
        let running = self.world.up();
        if let Some(node) = self.any_node()
            && running > 1
        {
            self.world.crash(node, Disk::Kept);
            self.down_since_us.insert(node, self.world.now_us);
        }
    }

    fn restart_all(&mut self) {
        for node in std::mem::take(&mut self.down_since_us).into_keys() {
            self.world.start(node);
        }
    }

    /// Lets time pass until all is as it is to be.
    fn settle(&mut self) -> Result<(), String> {
        let begin_us = self.world.now_us;
        loop {
            let unsettled = (0..self.world.nodes.len()).find_map(|node| fault(&self.world, node).map(|what| (node, what)));
            let is_whole = self.world.is_equal() && self.world.is_whole() && self.world.is_placed();
            match unsettled {
                None if is_whole => return Ok(()),
                _ if self.world.now_us - begin_us > SETTLED_WITHIN_MS * 1_000 => {
                    let (equal, whole, placed) = (self.world.is_equal(), self.world.is_whole(), self.world.is_placed());
                    return Err(format!(
                        "not settled: equal {equal}, whole {whole}, placed {placed}, {unsettled:?}; {}",
                        self.world.difference()
                    ));
                }
                _ => self.apps.run_ms(&mut self.world, 500, |_| Ok(()))?,
            }
        }
    }

    fn end(mut self) -> Result<Outcome, String> {
        self.heal();
        self.restart_all();
        if self.is_calm {
            self.pass(30_000)?;
        }
        self.settle()?;
        // The last statuses may still be on their way.
        self.pass(2_000)?;
        let before = self.world.nodes[0].replica.stamps();
        self.apps.run_ms(&mut self.world, QUIET_MS, |_| Ok(()))?;
        let after = self.world.nodes[0].replica.stamps();
        if let Some((id, stamp)) = after.iter().find(|record| !before.contains(record)) {
            return Err(format!("{id} was written by {} while nothing was to be done", stamp.version.node));
        }
        self.settle()?;
        Ok(Outcome { rollouts: self.rollouts, is_calm: self.is_calm, trace: self.world.trace() })
    }
}

fn controls(owner: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference], uid: Option<&String>) -> bool {
    owner.iter().any(|owner| owner.controller == Some(true) && Some(&owner.uid) == uid)
}

fn sets_of<'v>(deployment: &Deployment, view: &'v View) -> Vec<&'v ReplicaSet> {
    let owns = |set: &&ReplicaSet| {
        controls(set.metadata.owner_references.as_deref().unwrap_or_default(), deployment.metadata.uid.as_ref())
    };
    view.sets.iter().filter(owns).collect()
}

fn replicas(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

fn words(set: &ReplicaSet) -> String {
    let status = set.status.clone().unwrap_or_default();
    let (name, generation) = (set.metadata.name.as_deref().unwrap_or_default(), set.metadata.generation.unwrap_or(0));
    let (observed, available) = (status.observed_generation.unwrap_or(0), status.available_replicas.unwrap_or(0));
    format!("{name} wants {} (change {generation}) and has {available} (as of change {observed})", replicas(set))
}

/// What is not as it is to be in a node's eyes.
fn fault(world: &World, node: usize) -> Option<String> {
    let replica = &world.nodes[node].replica;
    let view = View::of(replica);
    for deployment in &view.deployments {
        let (name, spec) = (deployment.metadata.name.as_deref().unwrap_or_default(), deployment.spec.as_ref()?);
        let wanted = spec.replicas.unwrap_or(1);
        let sets = sets_of(deployment, &view);
        let is_new = |set: &&&ReplicaSet| {
            let template = set.spec.as_ref().and_then(|set| set.template.as_ref());
            template.and_then(|template| template.spec.as_ref()) == spec.template.spec.as_ref()
        };
        let new: Vec<&&ReplicaSet> = sets.iter().filter(is_new).collect();
        let [new] = new.as_slice() else { return Some(format!("{name} has {} sets of its template", new.len())) };
        let total: i32 = sets.iter().map(|set| replicas(set)).sum();
        if (replicas(new), total) != (wanted, wanted) {
            return Some(format!("{name} wants {wanted} pods, its new set {}, all its sets {total}", replicas(new)));
        }
        let pods = view.pods.iter().filter(|pod| pod.labels.get("app").is_some_and(|app| app == name));
        let pods: Vec<&SeenPod> = pods.collect();
        let is_good = |pod: &&&SeenPod| pod.is_active() && pod.ready_since.is_some() && pod.controller == new.metadata.uid;
        let good = pods.iter().filter(is_good).count();
        if pods.len() != good || i32::try_from(good) != Ok(wanted) {
            let others: Vec<_> = pods.iter().filter(|pod| !is_good(pod)).collect();
            return Some(format!("{name} wants {wanted} pods and has {good}; others are {others:?}"));
        }
        if deployment.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0) != wanted {
            return Some(format!("{name} does not say that its pods are available"));
        }
    }
    let orphans = owned(replica).steps(|_, owner| match standing(replica, owner) {
        Standing::There => Standing::There,
        _ => Standing::Gone,
    });
    let has_owner = |pod: &&SeenPod| pod.controller.is_none();
    let stray = view.pods.iter().find(has_owner).map(|pod| pod.name.clone());
    orphans.first().map(|step| format!("{step:?} is left to do")).or(stray)
}

/// Whether every Deployment keeps to its bounds, by what is true anywhere: what its sets ask for, and which pods are ready where they run.
fn within_bounds(world: &World) -> Result<(), String> {
    let views: Vec<View> = world.nodes.iter().map(|node| View::of(&node.replica)).collect();
    let leaving: BTreeSet<&str> =
        views.iter().flat_map(|view| &view.pods).filter(|pod| pod.is_leaving).map(|pod| pod.uid.as_str()).collect();
    for deployment in &views[0].deployments {
        let name = deployment.metadata.name.as_deref().unwrap_or_default();
        let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        for (index, view) in views.iter().enumerate() {
            let total: i32 = sets_of(deployment, view).iter().map(|set| replicas(set)).sum();
            if total > wanted + SURGE {
                return Err(format!("node{index} sees sets of {name} that ask for {total} pods, and {wanted} are wanted"));
            }
        }
        let at_home = views.iter().zip(&world.nodes).flat_map(|(view, node)| {
            let is_here = |pod: &&SeenPod| pod.node.as_deref() == Some(node.name.as_str());
            view.pods.iter().filter(is_here)
        });
        let is_ready = |pod: &&SeenPod| {
            pod.labels.get("app").is_some_and(|app| app == name)
                && pod.ready_since.is_some()
                && !leaving.contains(pod.uid.as_str())
        };
        let ready = at_home.filter(is_ready).count();
        if i32::try_from(ready).unwrap_or(i32::MAX) < wanted - UNAVAILABLE {
            let sets: Vec<String> = sets_of(deployment, &views[0]).into_iter().map(words).collect();
            return Err(format!("{ready} pods of {name} are ready, and {wanted} are wanted; {}", sets.join(", ")));
        }
    }
    Ok(())
}
