//! Takes away what nobody wants any more: objects whose owners are gone, and what is in namespaces that go.
//!
//! What is to be done is decided by `control::collection`; every node would come to the same, so one of them does it and the
//! others step in where it stays undone. It meets everybody else in the store, and acts through the verbs.

mod conditions;
mod namespaces;
mod perform;

use crate::cluster::trust::Keys;
use crate::controller::take_all;
use crate::shutdown::Shutdown;
use crate::turns::WorkQueue;
use crate::verbs::Verbs;
use control::collection::{Collection, FOREGROUND, Member, ORPHAN, Owner, Standing, Step};
use control::membership::Members;
use futures_util::future::select_all;
use objects::{Kind, lookup};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use store::{Change, ChangeKind, Key, Object, Store, Watcher};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

/// Changes come in numbers: what they come to is looked at once.
const SETTLE: Duration = Duration::from_millis(100);
/// How long until what is not done yet is looked at again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long each node before us is given to do something.
const TURN: Duration = Duration::from_secs(5);
/// How long an owner that nobody heard of may still arrive.
const UNHEARD: Duration = Duration::from_secs(60);

/// The task. See the module.
pub struct Collector {
    verbs: Arc<Verbs>,
    store: Store,
    alive: watch::Receiver<Members>,
    /// When all is looked at next.
    queue: WorkQueue<()>,
    collection: Collection<Key>,
    /// Since when something was to be done or waited for.
    since: BTreeMap<String, Instant>,
    /// What of these was still so at the last look.
    seen: BTreeSet<String>,
}

impl Collector {
    /// A task over the verbs, and who is alive as this node sees it.
    pub fn new(verbs: Arc<Verbs>, store: Store, alive: watch::Receiver<Members>) -> Self {
        let (queue, collection) = (WorkQueue::default(), Collection::new());
        Self { verbs, store, alive, queue, collection, since: BTreeMap::new(), seen: BTreeSet::new() }
    }

    /// Collects until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut watchers = self.list();
        let mut keys = self.verbs.watch_keys();
        self.queue.add((), Duration::ZERO);
        loop {
            let changes = watchers.iter_mut().map(|watcher| Box::pin(watcher.next()));
            // Watchers hold positions, and the time of the next look stands: nothing is lost when another arm wins.
            let change = tokio::select! {
                () = shutdown.wait() => return,
                (change, _, _) = select_all(changes) => Some(change),
                () = self.queue.due() => None,
                // Every namespace has the authorities' certificates.
                () = renewed(keys.as_mut()) => {
                    self.queue.add((), SETTLE);
                    None
                }
            };
            let taken = change.transpose().map(|change| change.iter().for_each(|change| self.take_in(change)));
            // Of kinds that change all the time, the first would hide the others.
            if taken.and_then(|()| take_all(&mut watchers, |change| self.take_in(change))).is_err() {
                self.collection = Collection::new();
                watchers = self.list();
                self.queue.add((), SETTLE);
            }
            if !self.queue.take_due().is_empty()
                && let Some(within) = self.look().await
            {
                self.queue.add((), within);
            }
        }
    }

    fn take_in(&mut self, change: &Change) {
        if self.take(change) {
            self.queue.add((), SETTLE);
        }
    }

    fn list(&mut self) -> Vec<Watcher> {
        let mut watchers = Vec::new();
        for kind in watched() {
            let (list, watcher) = self.store.list_and_watch(kind, None);
            for object in &list.items {
                self.learn(object);
            }
            watchers.push(watcher);
        }
        watchers
    }

    /// Takes in a change; whether something may have to be done.
    fn take(&mut self, change: &Change) -> bool {
        let key = change.object.key();
        if change.kind == ChangeKind::Deleted {
            self.collection.remove(change.object.uid());
            // An owner may be gone, or the last of a namespace.
            return true;
        }
        // One that is changed may have to be set right.
        if key.kind == Kind::ConfigMap && key.name == namespaces::ROOT_CERTIFICATES {
            return true;
        }
        let is_homeless = || {
            let namespace = Key::new(Kind::Namespace, "", &key.namespace);
            change.kind == ChangeKind::Added && key.kind.is_namespaced() && self.store.get(&namespace).is_none()
        };
        key.kind == Kind::Namespace || is_homeless() | self.learn(&change.object)
    }

    /// Learns of an object's owners; whether it has any, or waits for what it owns.
    fn learn(&mut self, object: &Object) -> bool {
        let text = object.json().get();
        // Reading all of it is for the few that may be concerned.
        let may_matter = text.contains("\"ownerReferences\"") || text.contains(FOREGROUND) || text.contains(ORPHAN);
        let member = may_matter.then(|| member(object.key(), &object.to_value())).flatten();
        match member {
            Some(member) => self.collection.put(object.uid(), member),
            None => self.collection.remove(object.uid()),
        }
        may_matter
    }

    /// Does what is to be done; how long until there may be more.
    async fn look(&mut self) -> Option<Duration> {
        self.seen.clear();
        let mut is_waiting = false;
        if !self.collection.is_empty() {
            let mut unheard = Vec::new();
            let steps = {
                let unheard = std::cell::RefCell::new(&mut unheard);
                self.collection.steps(|key, owner| {
                    let standing = self.standing(key, owner);
                    if standing == Standing::Unheard {
                        unheard.borrow_mut().push(owner.uid.clone());
                    }
                    standing
                })
            };
            is_waiting |= !unheard.is_empty();
            for uid in unheard {
                self.waited(&format!("unheard {uid}"));
            }
            for step in steps {
                is_waiting = true;
                if self.is_our_turn(&format!("{step:?}")) {
                    self.perform(step).await;
                }
            }
        }
        is_waiting |= self.look_at_namespaces().await;
        let seen = std::mem::take(&mut self.seen);
        self.since.retain(|what, _| seen.contains(what));
        is_waiting.then_some(AGAIN)
    }

    /// How an owner of an object stands.
    fn standing(&self, dependent: &Key, owner: &Owner) -> Standing {
        // Of a kind that this release does not know nobody can say that it is gone.
        let Some(kind) = Kind::from_manifest(&owner.api_version, &owner.kind) else { return Standing::There };
        let namespace = if kind.is_namespaced() { &dependent.namespace } else { "" };
        let key = Key::new(kind, namespace, &owner.name);
        match self.store.get(&key) {
            Some(found) if found.uid() == owner.uid => {
                let text = found.json().get();
                let is_waiting = text.contains(FOREGROUND) && {
                    let value = found.to_value();
                    let finalizers = lookup::list(&value, "/metadata/finalizers");
                    value.pointer("/metadata/deletionTimestamp").is_some() && finalizers.iter().any(|name| name == FOREGROUND)
                };
                if is_waiting { Standing::Waiting } else { Standing::There }
            }
            Some(_) => Standing::Gone,
            None if self.store.was_deleted(&key) => Standing::Gone,
            None => {
                let since = self.since.get(&format!("unheard {}", owner.uid));
                if since.is_some_and(|since| since.elapsed() >= UNHEARD) { Standing::Gone } else { Standing::Unheard }
            }
        }
    }

    /// How long something has been so, from the first look that saw it.
    fn waited(&mut self, what: &str) -> Duration {
        self.seen.insert(what.to_owned());
        self.since.entry(what.to_owned()).or_insert_with(Instant::now).elapsed()
    }

    /// Whether those who come before us have had their time.
    fn is_our_turn(&mut self, what: &str) -> bool {
        let rank = self.alive.borrow().rank(what);
        self.waited(what) >= TURN * u32::try_from(rank).unwrap_or(u32::MAX)
    }
}

/// What can own or be owned. Events are about objects, and end by themselves.
fn watched() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| *kind != Kind::Event)
}

/// What is to be known of an object; nothing where it has no owner and does not wait.
fn member(key: &Key, object: &Value) -> Option<Member<Key>> {
    let text = |value: &Value, pointer: &str| lookup::text(value, pointer).to_owned();
    let owner = |owner: &Value| Owner {
        api_version: text(owner, "/apiVersion"),
        kind: text(owner, "/kind"),
        name: text(owner, "/name"),
        uid: text(owner, "/uid"),
        is_blocked: lookup::flag(owner, "/blockOwnerDeletion"),
    };
    let finalizers: Vec<String> =
        lookup::list(object, "/metadata/finalizers").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let owners: Vec<Owner> = lookup::list(object, "/metadata/ownerReferences").iter().map(owner).collect();
    let waits = finalizers.iter().any(|name| name == FOREGROUND || name == ORPHAN);
    let is_leaving = object.pointer("/metadata/deletionTimestamp").is_some();
    (!owners.is_empty() || (waits && is_leaving)).then(|| Member { key: key.clone(), owners, finalizers, is_leaving })
}

/// Waits for other keys of the cluster.
async fn renewed(keys: Option<&mut watch::Receiver<Keys>>) {
    if let Some(keys) = keys
        && keys.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Tells of a step that failed, unless somebody else was quicker: the next look finds out.
fn tell(key: &Key, status: &objects::Status) {
    if !matches!(status.reason.as_str(), "NotFound" | "Conflict") {
        warn!(object = %key, error = status.message, "an object was not collected; it is tried again");
    }
}

#[cfg(test)]
mod tests;
