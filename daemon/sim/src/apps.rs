//! What simulated nodes do about Deployments: the real decisions of every node's controllers and collector over what its replica shows,
//! in turn as `node/turns` has it, and a stand-in for the kubelet.
//!
//! A node acts a moment after it sees something new, and each second while something is to be done, as the tasks of `node` do.

use crate::seen::{self, DEPLOYMENTS, PODS, SETS, View};
use crate::world::World;
use control::collection::{Standing, Step};
use control::deployment::{self, REVISION};
use control::membership::Members;
use control::owner;
use control::record::Part;
use control::rendezvous::weight;
use control::replica_set::{self, Replica, manifest, names};
use control::version::NodeId;
use gossip::Digest;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use objects::Kind;
use rand::RngExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often nodes look for something new.
const SETTLE_MS: u64 = 100;
/// How long until what is not done yet is looked at again.
const AGAIN_US: u64 = 1_000_000;
/// How long each node before another is given to do something.
const TURN_US: u64 = 5_000_000;
/// How long an owner that nobody heard of may still arrive.
const UNHEARD_US: u64 = 60_000_000;
/// A pod is ready this long after its node has it, at most; and gone as long after it was told to go.
const POD_MOST_US: u64 = 1_500_000;

/// The tasks of all nodes.
#[derive(Debug, Default)]
pub struct Apps {
    actors: BTreeMap<usize, Actor>,
}

/// Those of one node since its start.
#[derive(Debug, Default)]
struct Actor {
    life: u32,
    /// What it has seen at its last look.
    known: Option<(Digest, BTreeSet<NodeId>)>,
    /// When it looks again without anything new.
    look_us: u64,
    /// Since when something is to be done, by what it is.
    since: BTreeMap<String, u64>,
    /// Since when nodes are out of sight.
    lost: BTreeMap<NodeId, Timestamp>,
}

impl Apps {
    /// Lets time pass, and all nodes act.
    ///
    /// # Errors
    /// What `check` says, which is asked after each moment.
    pub fn run_ms(
        &mut self,
        world: &mut World,
        ms: u64,
        mut check: impl FnMut(&World) -> Result<(), String>,
    ) -> Result<(), String> {
        let until_us = world.now_us + ms * 1_000;
        while world.now_us < until_us {
            world.run_ms(SETTLE_MS);
            for index in 0..world.nodes.len() {
                self.act(world, index);
            }
            check(world)?;
        }
        Ok(())
    }

    fn act(&mut self, world: &mut World, index: usize) {
        let node = &world.nodes[index];
        let Some(engine) = node.engine.as_ref() else { return };
        let active = engine.members().filter(|member| member.state.is_active()).map(|member| member.identity.name.clone());
        let members = Members::new(node.name.clone(), active);
        let known = (engine.digest(), members.alive().cloned().collect::<BTreeSet<NodeId>>());
        let actor = self.actors.entry(index).or_default();
        if actor.life != node.life {
            *actor = Actor { life: node.life, ..Actor::default() };
        }
        if actor.known.as_ref() == Some(&known) && world.now_us < actor.look_us {
            return;
        }
        let now = world.now(index).wall;
        let unseen = world.nodes.iter().map(|node| &node.name).filter(|name| !known.1.contains(*name));
        let lost = unseen.map(|name| (name.clone(), actor.lost.get(name).copied().unwrap_or(now)));
        actor.lost = lost.collect();
        actor.known = Some(known);
        actor.look_us = world.now_us + AGAIN_US;
        Acting { world, index, members, actor }.look();
    }
}

/// One look of a node.
struct Acting<'a> {
    world: &'a mut World,
    index: usize,
    members: Members,
    actor: &'a mut Actor,
}

impl Acting<'_> {
    fn look(&mut self) {
        let mut open = BTreeSet::new();
        self.run_pods(&mut open);
        let view = self.view();
        for deployment in &view.deployments {
            self.roll(deployment, &view, &mut open);
        }
        let view = self.view();
        for set in &view.sets {
            self.fill(set, &view, &mut open);
        }
        self.collect(&mut open);
        self.actor.since.retain(|what, _| open.contains(what));
    }

    fn view(&self) -> View {
        View::of(&self.world.nodes[self.index].replica)
    }

    fn now(&self) -> Timestamp {
        self.world.now(self.index).wall
    }

    fn found(&self, key: &str, uid: &str) -> Option<Value> {
        seen::found(&self.world.nodes[self.index].replica, key).filter(|object| object["metadata"]["uid"] == uid)
    }

    /// How long something has been so, in microseconds.
    fn waited(&mut self, what: &str, open: &mut BTreeSet<String>) -> u64 {
        open.insert(what.to_owned());
        let now_us = self.world.now_us;
        now_us - *self.actor.since.entry(what.to_owned()).or_insert(now_us)
    }

    fn is_our_turn(&mut self, what: &str, open: &mut BTreeSet<String>) -> bool {
        let rank = u64::try_from(self.members.rank(what)).unwrap_or(u64::MAX);
        self.waited(what, open) >= TURN_US.saturating_mul(rank)
    }

    fn put(&mut self, key: &str, object: &Value) {
        self.world.put(self.index, &Arc::from(key), &object.to_string());
    }

    fn put_status(&mut self, key: &str, status: &impl serde::Serialize) {
        let status = serde_json::to_string(status).expect("a status is JSON");
        self.world.put_part(self.index, &Arc::from(key), Part::Status, &status);
    }

    /// Makes an object, unless there is one of the name.
    fn make(&mut self, key: &str, object: Value) {
        if seen::found(&self.world.nodes[self.index].replica, key).is_none() {
            let object = create(self.world, self.index, object);
            self.put(key, &object);
        }
    }

    /// Deletes an object as a user would: a pod that runs is told to go, and goes when its node has ended it.
    fn delete(&mut self, key: &str, uid: &str) {
        let Some(mut object) = self.found(key, uid) else { return };
        let is_bound = self.world.nodes[self.index].replica.entry(key).is_some_and(|entry| entry.binding.is_some());
        if !(key.starts_with(PODS) && is_bound) {
            self.world.delete(self.index, &Arc::from(key));
        } else if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = json!(self.now().to_string());
            self.put(key, &object);
        }
    }

    /// The pods that are placed here become ready, and go when they are told to.
    fn run_pods(&mut self, open: &mut BTreeSet<String>) {
        for pod in self.view().pods {
            let key = format!("{PODS}{}", pod.name);
            let is_ours = pod.node.as_deref() == Some(self.world.nodes[self.index].name.as_str());
            let after_us = weight(&pod.uid, "") % POD_MOST_US;
            if is_ours && pod.is_leaving {
                if self.waited(&format!("end {}", pod.uid), open) >= after_us {
                    self.world.delete(self.index, &Arc::from(key.as_str()));
                }
            } else if is_ours && pod.ready_since.is_none() && self.waited(&format!("start {}", pod.uid), open) >= after_us {
                let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": self.now().to_string()});
                self.put_status(&key, &json!({"phase": "Running", "conditions": [ready]}));
            }
        }
        // What waits for its moment is looked at sooner than what waits for others.
        if !open.is_empty() {
            self.actor.look_us = self.world.now_us + SETTLE_MS * 1_000;
        }
    }

    fn roll(&mut self, deployment: &Deployment, view: &View, open: &mut BTreeSet<String>) {
        let uid = deployment.metadata.uid.clone().unwrap_or_default();
        let key = format!("{DEPLOYMENTS}{}", deployment.metadata.name.as_deref().unwrap_or_default());
        let decision = deployment::decide(deployment, &view.sets, &view.pods, self.now());
        if decision.is_done(deployment) || !self.is_our_turn(&uid, open) {
            return;
        }
        for set in &decision.adopt {
            let reference = owner::reference(Kind::Deployment, &deployment.metadata);
            self.change(&format!("{SETS}{}", set.name), &set.uid, |object| *object = owner::adopted(object.take(), reference));
        }
        for set in &decision.release {
            self.change(&format!("{SETS}{}", set.name), &set.uid, |object| *object = owner::released(object.take(), &uid));
        }
        if let Some(new) = decision.create {
            self.make(&format!("{SETS}{}", new.name), new.manifest);
        }
        for change in &decision.change {
            self.change(&format!("{SETS}{}", change.set.name), &change.set.uid, |object| {
                if object["spec"]["replicas"] != change.from {
                    return;
                }
                if change.from != change.to {
                    object["spec"]["replicas"] = change.to.into();
                    object["metadata"]["generation"] = (object["metadata"]["generation"].as_i64().unwrap_or(0) + 1).into();
                }
                for (annotation, value) in &change.annotations {
                    object["metadata"]["annotations"][annotation] = value.as_str().into();
                }
            });
        }
        for set in &decision.delete {
            self.delete(&format!("{SETS}{}", set.name), &set.uid);
        }
        if let Some(revision) = &decision.revision {
            self.change(&key, &uid, |object| object["metadata"]["annotations"][REVISION] = revision.as_str().into());
        }
        self.put_status(&key, &decision.status);
    }

    fn change(&mut self, key: &str, uid: &str, change: impl FnOnce(&mut Value)) {
        let Some(old) = self.found(key, uid) else { return };
        let mut new = old.clone();
        change(&mut new);
        if new != old {
            self.put(key, &new);
        }
    }

    fn fill(&mut self, set: &ReplicaSet, view: &View, open: &mut BTreeSet<String>) {
        let uid = set.metadata.uid.clone().unwrap_or_default();
        let key = format!("{SETS}{}", set.metadata.name.as_deref().unwrap_or_default());
        let now = self.now();
        let concerned = view.pods.iter().filter(|pod| pod.controller.as_deref().is_none_or(|controller| controller == uid));
        let reached = concerned.cloned().map(|pod| self.as_it_counts(pod, now));
        let pods: Vec<Replica> = reached.collect();
        let decision = replica_set::decide(set, &pods, None, now);
        if decision.is_done(set) || !self.is_our_turn(&uid, open) {
            return;
        }
        for pod in &decision.adopt {
            let reference = owner::reference(Kind::ReplicaSet, &set.metadata);
            self.change(&format!("{PODS}{}", pod.name), &pod.uid, |object| *object = owner::adopted(object.take(), reference));
        }
        for pod in &decision.release {
            self.change(&format!("{PODS}{}", pod.name), &pod.uid, |object| *object = owner::released(object.take(), &uid));
        }
        let replica = &self.world.nodes[self.index].replica;
        let is_taken = |name: &str| replica.entry(&format!("{PODS}{name}")).is_some();
        let new: Vec<String> = names(set, is_taken).take(decision.create).collect();
        for name in new {
            self.make(&format!("{PODS}{name}"), manifest(set, &name));
        }
        for pod in &decision.delete {
            self.delete(&format!("{PODS}{}", pod.name), &pod.uid);
        }
        self.put_status(&key, &decision.status);
    }

    /// A pod, whose node may be out of sight.
    fn as_it_counts(&self, pod: Replica, now: Timestamp) -> Replica {
        match pod.node.as_deref().and_then(|node| self.actor.lost.get(&NodeId::from(node))) {
            Some(since) => pod.out_of_sight(*since, now).0,
            None => pod,
        }
    }

    /// What nobody owns any more goes.
    fn collect(&mut self, open: &mut BTreeSet<String>) {
        let owned = seen::owned(&self.world.nodes[self.index].replica);
        let mut unheard = BTreeSet::new();
        let long_unheard: BTreeSet<String> = self
            .actor
            .since
            .iter()
            .filter(|(_, since)| self.world.now_us - **since >= UNHEARD_US)
            .map(|(what, _)| what.clone())
            .collect();
        let steps = {
            let (replica, unheard) = (&self.world.nodes[self.index].replica, std::cell::RefCell::new(&mut unheard));
            owned.steps(|_, owner| {
                let what = format!("unheard {}", owner.uid);
                match seen::standing(replica, owner) {
                    Standing::Unheard if long_unheard.contains(&what) => Standing::Gone,
                    Standing::Unheard => {
                        unheard.borrow_mut().insert(what);
                        Standing::Unheard
                    }
                    standing => standing,
                }
            })
        };
        for what in unheard {
            self.waited(&what, open);
        }
        for step in steps {
            if let Step::Delete { key, uid, .. } = &step
                && self.is_our_turn(&format!("{step:?}"), open)
            {
                self.delete(key, uid);
            }
        }
    }
}

/// An object as the API server makes it of a manifest.
pub fn create(world: &mut World, index: usize, mut object: Value) -> Value {
    let uid: u64 = world.rng.random();
    let seconds = world.now(index).wall.as_second();
    object["metadata"]["uid"] = format!("{uid:016x}").into();
    object["metadata"]["generation"] = 1.into();
    let created = Timestamp::from_second(seconds).expect("a time in this century");
    object["metadata"]["creationTimestamp"] = created.to_string().into();
    object
}
