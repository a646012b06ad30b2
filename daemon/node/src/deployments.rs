//! Makes and changes the ReplicaSets that Deployments want, as `control::deployment` decides.
//!
//! How it follows the store and takes turns is `controller`'s.

mod perform;

use crate::controller::{AGAIN, Base, Controller, SETTLE};
use crate::events::{Recorder, Reporter};
use crate::verbs::Verbs;
use control::deployment;
use control::membership::Members;
use control::replica_set::Replica;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use objects::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{Change, ChangeKind, Key, Object, Store};
use tokio::sync::watch;

/// The task. See the module.
pub struct Deployments {
    base: Base,
    /// The Deployments, by their keys.
    deployments: BTreeMap<Key, Deployment>,
    /// The sets, by their keys.
    sets: BTreeMap<Key, ReplicaSet>,
    /// How long until the next try where the last one failed, by the Deployment's uid.
    failures: BTreeMap<String, Duration>,
}

impl Deployments {
    /// A task over the verbs, and who is alive as this node sees it.
    pub fn new(verbs: Arc<Verbs>, store: Store, recorder: Recorder, alive: watch::Receiver<Members>) -> Self {
        let base = Base::new(verbs, store, (recorder, Reporter::Deployment), alive);
        Self { base, deployments: BTreeMap::new(), sets: BTreeMap::new(), failures: BTreeMap::new() }
    }

    fn look_at_namespace(&mut self, namespace: &str, which: impl Fn(&Deployment) -> bool) {
        let begin = Key::new(Kind::Deployment, namespace, "");
        let those = self.deployments.range(begin..).take_while(|(key, _)| key.namespace == namespace);
        for (key, _) in those.filter(|(_, deployment)| which(deployment)) {
            self.base.queue.add(key.clone(), SETTLE);
        }
    }

    fn pods_of(&self, namespace: &str) -> Vec<Replica> {
        let list = self.base.store.list(Kind::Pod, Some(namespace));
        list.items.iter().filter_map(|object| object.parse::<Pod>().ok()).map(|pod| Replica::of(&pod)).collect()
    }
}

impl Controller for Deployments {
    const KINDS: [Kind; 3] = [Kind::Deployment, Kind::ReplicaSet, Kind::Pod];

    fn base(&mut self) -> &mut Base {
        &mut self.base
    }

    fn forget_all(&mut self) {
        (self.deployments, self.sets) = Default::default();
    }

    /// Takes an object in. What cannot be read has not passed our admission, and is left alone.
    fn learn(&mut self, object: &Object) {
        let key = object.key().clone();
        match key.kind {
            Kind::Deployment => {
                if let Ok(deployment) = object.parse::<Deployment>() {
                    self.base.queue.add(key.clone(), SETTLE);
                    self.deployments.insert(key, deployment);
                }
            }
            Kind::ReplicaSet => {
                if let Ok(set) = object.parse::<ReplicaSet>() {
                    let owners = set.metadata.owner_references.clone().unwrap_or_default();
                    self.look_at_namespace(&key.namespace, |deployment| {
                        owners.is_empty() || owners.iter().any(|owner| deployment.metadata.uid.as_ref() == Some(&owner.uid))
                    });
                    self.sets.insert(key, set);
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, change: &Change) {
        let key = change.object.key();
        match (change.kind, key.kind) {
            (ChangeKind::Deleted, Kind::Deployment) => {
                self.deployments.remove(key);
                self.base.queue.remove(key);
                self.base.turns.is_done(change.object.uid());
                self.failures.remove(change.object.uid());
            }
            (ChangeKind::Deleted, Kind::ReplicaSet) => {
                self.sets.remove(key);
                self.look_at_namespace(&key.namespace, |_| true);
            }
            // Those that recreate wait for pods that go.
            (_, Kind::Pod) => self.look_at_namespace(&key.namespace, recreates),
            _ => self.learn(&change.object),
        }
    }

    fn look_at_all(&mut self) {
        for key in self.deployments.keys() {
            self.base.queue.add(key.clone(), SETTLE);
        }
    }

    /// Does what is to be done for a Deployment, if it is our turn.
    async fn look(&mut self, key: &Key) {
        let Some(deployment) = self.deployments.get(key).cloned() else { return };
        let uid = deployment.metadata.uid.clone().unwrap_or_default();
        let now = self.base.now();
        let begin = Key::new(Kind::ReplicaSet, &key.namespace, "");
        let sets = self.sets.range(begin..).take_while(|(set, _)| set.namespace == key.namespace);
        let sets: Vec<ReplicaSet> = sets.map(|(_, set)| set.clone()).collect();
        let pods = if recreates(&deployment) { self.pods_of(&key.namespace) } else { Vec::new() };
        let decision = deployment::decide(&deployment, &sets, &pods, now);
        if let Some(at) = decision.look_again {
            // A moment later than the deadline, for it must be past.
            let within = Duration::try_from(at.duration_since(now)).unwrap_or_default() + SETTLE;
            self.base.queue.add(key.clone(), within);
        }
        if decision.is_done(&deployment) {
            self.failures.remove(&uid);
            return self.base.turns.is_done(&uid);
        }
        if self.base.turns.is_ours(&uid) {
            self.perform(key, &deployment, decision, now).await;
        }
        self.base.queue.add(key.clone(), self.failures.get(&uid).copied().unwrap_or(AGAIN));
    }
}

fn recreates(deployment: &Deployment) -> bool {
    let strategy = deployment.spec.as_ref().and_then(|spec| spec.strategy.as_ref());
    strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
}
