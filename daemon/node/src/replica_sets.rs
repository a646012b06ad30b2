//! Makes the pods that ReplicaSets miss and deletes those that are too many, as `control::replica_set` decides.
//!
//! How it follows the store and takes turns is `controller`'s.

mod perform;

use crate::controller::{AGAIN, Base, Controller, SETTLE};
use crate::events::{Recorder, Reporter};
use crate::verbs::Verbs;
use control::membership::Members;
use control::replica_set::{self, Failure, Replica};
use control::scheduler::UNREACHABLE;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use objects::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{Change, ChangeKind, Key, Object, Store};
use tokio::sync::watch;

/// The task. See the module.
pub struct ReplicaSets {
    base: Base,
    /// The sets, by their keys.
    sets: BTreeMap<Key, ReplicaSet>,
    /// The pods, by namespace and uid.
    pods: BTreeMap<(String, String), Replica>,
    /// Since when nodes are out of sight.
    lost: BTreeMap<String, Timestamp>,
    /// What the last creation or deletion of a set failed of, and how long until the next try, by the set's uid.
    failures: BTreeMap<String, (Failure, Duration)>,
}

impl ReplicaSets {
    /// A task over the verbs, and who is alive as this node sees it.
    pub fn new(verbs: Arc<Verbs>, store: Store, recorder: Recorder, alive: watch::Receiver<Members>) -> Self {
        let base = Base::new(verbs, store, (recorder, Reporter::ReplicaSet), alive);
        let (sets, pods, lost, failures) = Default::default();
        Self { base, sets, pods, lost, failures }
    }

    fn set_lost(&mut self, node: &str, since: Option<Timestamp>) {
        let before = match since {
            Some(since) => self.lost.insert(node.to_owned(), since),
            None => self.lost.remove(node),
        };
        if before != since {
            self.look_at_all();
        }
    }

    /// The set that controls a pod; without one, all that may want it.
    fn look_at_sets_of(&mut self, namespace: &str, pod: &Replica) {
        let begin = Key::new(Kind::ReplicaSet, namespace, "");
        let of_namespace = self.sets.range(begin..).take_while(|(key, _)| key.namespace == namespace);
        let concerns = |set: &ReplicaSet| pod.controller.is_none() || pod.controller == set.metadata.uid;
        let keys: Vec<Key> = of_namespace.filter(|(_, set)| concerns(set)).map(|(key, _)| key.clone()).collect();
        keys.into_iter().for_each(|key| self.base.queue.add(key, SETTLE));
    }

    /// The pods that a set controls or may adopt, as they count now, and when that changes because of a node that is out of sight.
    fn pods_for(&self, uid: &str, namespace: &str, now: Timestamp) -> (Vec<Replica>, Option<Timestamp>) {
        let begin = (namespace.to_owned(), String::new());
        let of_namespace = self.pods.range(begin..).take_while(|((of, _), _)| of == namespace).map(|(_, pod)| pod);
        let mut changes_at = None;
        let concerned = of_namespace.filter(|pod| pod.controller.as_deref().is_none_or(|controller| controller == uid));
        let pods = concerned.cloned().map(|pod| match pod.node.as_ref().and_then(|node| self.lost.get(node)) {
            None => pod,
            Some(since) => {
                let (pod, at) = pod.out_of_sight(*since, now);
                changes_at = changes_at.into_iter().chain(at).min();
                pod
            }
        });
        (pods.collect(), changes_at)
    }
}

impl Controller for ReplicaSets {
    const KINDS: [Kind; 3] = [Kind::ReplicaSet, Kind::Pod, Kind::Node];

    fn base(&mut self) -> &mut Base {
        &mut self.base
    }

    fn forget_all(&mut self) {
        (self.sets, self.pods, self.lost) = Default::default();
    }

    /// Takes an object in. What cannot be read has not passed our admission, and is left alone.
    fn learn(&mut self, object: &Object) {
        let key = object.key().clone();
        match key.kind {
            Kind::ReplicaSet => {
                if let Ok(set) = object.parse::<ReplicaSet>() {
                    self.base.queue.add(key.clone(), SETTLE);
                    self.sets.insert(key, set);
                }
            }
            Kind::Pod => {
                if let Ok(pod) = object.parse::<Pod>() {
                    let pod = Replica::of(&pod);
                    self.look_at_sets_of(&key.namespace, &pod);
                    let before = self.pods.insert((key.namespace.clone(), object.uid().to_owned()), pod);
                    before.iter().for_each(|before| self.look_at_sets_of(&key.namespace, before));
                }
            }
            _ => {
                let since = object.parse::<Node>().ok().and_then(|node| out_of_sight_since(&node));
                self.set_lost(&key.name, since);
            }
        }
    }

    fn take(&mut self, change: &Change) {
        if change.kind != ChangeKind::Deleted {
            return self.learn(&change.object);
        }
        let key = change.object.key();
        match key.kind {
            Kind::ReplicaSet => {
                self.sets.remove(key);
                self.base.queue.remove(key);
                self.base.turns.is_done(change.object.uid());
                self.failures.remove(change.object.uid());
            }
            Kind::Pod => {
                let gone = self.pods.remove(&(key.namespace.clone(), change.object.uid().to_owned()));
                gone.iter().for_each(|gone| self.look_at_sets_of(&key.namespace, gone));
            }
            _ => self.set_lost(&key.name, None),
        }
    }

    fn look_at_all(&mut self) {
        for key in self.sets.keys() {
            self.base.queue.add(key.clone(), SETTLE);
        }
    }

    /// Does what is to be done for a set, if it is our turn.
    async fn look(&mut self, key: &Key) {
        let Some(set) = self.sets.get(key).cloned() else { return };
        let uid = set.metadata.uid.clone().unwrap_or_default();
        let now = self.base.now();
        let (pods, changes_at) = self.pods_for(&uid, &key.namespace, now);
        let failed = |all: &BTreeMap<String, (Failure, Duration)>| all.get(&uid).map(|(failure, _)| failure.clone());
        let decision = replica_set::decide(&set, &pods, failed(&self.failures).as_ref(), now);
        if let Some(at) = changes_at.into_iter().chain(decision.look_again).min() {
            self.base.queue.add(key.clone(), Duration::try_from(at.duration_since(now)).unwrap_or_default());
        }
        if decision.is_done(&set) {
            return self.base.turns.is_done(&uid);
        }
        if self.base.turns.is_ours(&uid) {
            self.perform(key, &set, &decision).await;
            let status = replica_set::decide(&set, &pods, failed(&self.failures).as_ref(), now).status;
            self.base.write_status(key, &uid, &status).await;
        }
        self.base.queue.add(key.clone(), self.failures.get(&uid).map_or(AGAIN, |(_, wait)| *wait));
    }
}

/// Since when a node is shown as one that nobody sees.
fn out_of_sight_since(node: &Node) -> Option<Timestamp> {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let mut shown = taints.filter(|taint| taint.key == UNREACHABLE && taint.effect == "NoExecute");
    shown.next().and_then(|taint| taint.time_added.as_ref()).map(|added| added.0)
}
