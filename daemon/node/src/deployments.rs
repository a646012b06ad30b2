//! Makes and changes the ReplicaSets that Deployments want, as `control::deployment` decides.
//!
//! As with `replica_sets`: in turn with the other nodes, through the verbs, and with its own writes seen before it decides again.

mod perform;

use crate::events::Recorder;
use crate::shutdown::Shutdown;
use crate::turns::{Turns, WorkQueue};
use crate::verbs::Verbs;
use control::deployment::{self, Decision};
use control::membership::Members;
use control::replica_set::Replica;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use objects::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{Change, ChangeKind, Expired, Key, Object, Store, Watcher};
use tokio::sync::watch;

/// Changes come in numbers: what they come to is looked at once.
const SETTLE: Duration = Duration::from_millis(50);
/// How long until what is not done yet is looked at again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long it comes to be where it fails time after time.
const AT_MOST: Duration = Duration::from_secs(60);

/// The task. See the module.
pub struct Deployments {
    verbs: Arc<Verbs>,
    store: Store,
    recorder: Recorder,
    alive: watch::Receiver<Members>,
    turns: Turns,
    queue: WorkQueue,
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
        let (queue, deployments, sets, failures) = Default::default();
        let turns = Turns::new(alive.clone());
        Self { verbs, store, recorder, alive, turns, queue, deployments, sets, failures }
    }

    /// Acts until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut watchers = self.list();
        let mut alive = self.alive.clone();
        loop {
            let [deployments, sets, pods] = &mut watchers;
            // Watchers and the members hold positions: nothing is lost when another arm wins.
            let change = tokio::select! {
                () = shutdown.wait() => return,
                change = deployments.next() => Some(change),
                change = sets.next() => Some(change),
                change = pods.next() => Some(change),
                // Others may be gone whose turn it was.
                Ok(()) = alive.changed() => {
                    self.look_at_all();
                    None
                }
                () = self.queue.due() => None,
            };
            let change = change.transpose().map(|change| change.iter().for_each(|change| self.take(change)));
            if change.and_then(|()| self.catch_up(&mut watchers)).is_err() {
                watchers = self.list();
            }
            for key in self.queue.take_due() {
                self.look(&key).await;
                if self.catch_up(&mut watchers).is_err() {
                    watchers = self.list();
                }
            }
        }
    }

    fn list(&mut self) -> [Watcher; 3] {
        (self.deployments, self.sets) = Default::default();
        let watchers = [Kind::Deployment, Kind::ReplicaSet, Kind::Pod].map(|kind| {
            let (list, watcher) = self.store.list_and_watch(kind, None);
            for object in &list.items {
                self.learn(object);
            }
            watcher
        });
        self.look_at_all();
        watchers
    }

    /// Takes in all that has happened, so that nothing is decided upon less.
    fn catch_up(&mut self, watchers: &mut [Watcher; 3]) -> Result<(), Expired> {
        for watcher in watchers {
            while let Some(change) = watcher.try_next()? {
                self.take(&change);
            }
        }
        Ok(())
    }

    fn look_at_all(&mut self) {
        for key in self.deployments.keys() {
            self.queue.add(key.clone(), SETTLE);
        }
    }

    fn take(&mut self, change: &Change) {
        let key = change.object.key();
        match (change.kind, key.kind) {
            (ChangeKind::Deleted, Kind::Deployment) => {
                self.deployments.remove(key);
                self.queue.remove(key);
                self.turns.is_done(change.object.uid());
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

    /// Takes an object in. What cannot be read has not passed our admission, and is left alone.
    fn learn(&mut self, object: &Object) {
        let key = object.key().clone();
        match key.kind {
            Kind::Deployment => {
                if let Ok(deployment) = object.parse::<Deployment>() {
                    self.queue.add(key.clone(), SETTLE);
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

    fn look_at_namespace(&mut self, namespace: &str, which: impl Fn(&Deployment) -> bool) {
        let begin = Key::new(Kind::Deployment, namespace, "");
        let those = self.deployments.range(begin..).take_while(|(key, _)| key.namespace == namespace);
        for (key, _) in those.filter(|(_, deployment)| which(deployment)) {
            self.queue.add(key.clone(), SETTLE);
        }
    }

    /// Does what is to be done for a Deployment, if it is our turn.
    async fn look(&mut self, key: &Key) {
        let Some(deployment) = self.deployments.get(key).cloned() else { return };
        let uid = deployment.metadata.uid.clone().unwrap_or_default();
        // In the cluster's time, as the times that it is compared with.
        let now = i64::try_from(self.store.now_ms()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let now = now.unwrap_or_else(Timestamp::now);
        let begin = Key::new(Kind::ReplicaSet, &key.namespace, "");
        let sets = self.sets.range(begin..).take_while(|(set, _)| set.namespace == key.namespace);
        let sets: Vec<ReplicaSet> = sets.map(|(_, set)| set.clone()).collect();
        let pods = if recreates(&deployment) { self.pods_of(&key.namespace) } else { Vec::new() };
        let decision = deployment::decide(&deployment, &sets, &pods, now);
        if let Some(at) = decision.look_again {
            // A moment later than the deadline, for it must be past.
            let within = Duration::try_from(at.duration_since(now)).unwrap_or_default() + SETTLE;
            self.queue.add(key.clone(), within);
        }
        if is_done(&deployment, &decision) {
            self.failures.remove(&uid);
            return self.turns.is_done(&uid);
        }
        if self.turns.is_ours(&uid) {
            self.perform(key, &deployment, decision, now).await;
        }
        self.queue.add(key.clone(), self.failures.get(&uid).copied().unwrap_or(AGAIN));
    }

    fn pods_of(&self, namespace: &str) -> Vec<Replica> {
        let list = self.store.list(Kind::Pod, Some(namespace));
        list.items.iter().filter_map(|object| object.parse::<Pod>().ok()).map(|pod| Replica::of(&pod)).collect()
    }
}

fn recreates(deployment: &Deployment) -> bool {
    let strategy = deployment.spec.as_ref().and_then(|spec| spec.strategy.as_ref());
    strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
}

fn is_done(deployment: &Deployment, decision: &Decision) -> bool {
    let Decision { adopt, release, create, change, delete, revision, status, look_again: _ } = decision;
    let has_nothing = adopt.is_empty() && release.is_empty() && change.is_empty() && delete.is_empty();
    has_nothing && create.is_none() && revision.is_none() && deployment.status.as_ref() == Some(status)
}
