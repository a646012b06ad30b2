//! Deployments: which ReplicaSet is made, how many pods each one has next, which are forgotten, and what is to be said of it all
//! (`pkg/controller/deployment/{sync,rolling,recreate,progress}.go`).
//!
//! As with [`crate::replica_set`] every node may decide and comes to the same: the name of a new set follows from its template, so two
//! nodes that miss the same set make one of one name. One step is decided at a time; what follows from it is decided once it is seen.

mod history;
mod revision;
mod scaling;
mod status;
mod template;

pub use revision::REVISION;
pub use status::{collided, not_created};
pub use template::HASH_LABEL;

use crate::replica_set::Replica;
use crate::rollout::{self, Bounds, Count};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStatus, ReplicaSet};
use objects::selector::selects;
use scaling::Changes;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is to be done for one Deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Sets that nobody controls and the selector means: they get this Deployment for their controller.
    pub adopt: Vec<SetRef>,
    /// Sets of the Deployment that the selector does not mean any more: they lose it.
    pub release: Vec<SetRef>,
    /// The set of a template that has none yet.
    pub create: Option<NewSet>,
    /// Sets that change.
    pub change: Vec<SetChange>,
    /// Sets of templates that nobody goes back to any more.
    pub delete: Vec<SetRef>,
    /// The revision that the Deployment is to be marked with, where it is not.
    pub revision: Option<String>,
    /// What is to be said of the Deployment, if all of this succeeds.
    pub status: DeploymentStatus,
    /// When the rollout has taken too long, if nothing happens before.
    pub look_again: Option<Timestamp>,
}

impl Decision {
    /// Whether nothing is to be done nor said.
    #[must_use]
    pub fn is_done(&self, deployment: &Deployment) -> bool {
        let Self { adopt, release, create, change, delete, revision, status, look_again: _ } = self;
        let has_nothing = adopt.is_empty() && release.is_empty() && change.is_empty() && delete.is_empty();
        has_nothing && create.is_none() && revision.is_none() && deployment.status.as_ref() == Some(status)
    }
}

/// A ReplicaSet of the Deployment's namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetRef {
    /// Its name.
    pub name: String,
    /// Of those of that name only this one.
    pub uid: String,
}

impl SetRef {
    fn of(set: &ReplicaSet) -> Self {
        Self { name: name(set).to_owned(), uid: set.metadata.uid.clone().unwrap_or_default() }
    }
}

/// A set that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSet {
    /// Its name.
    pub name: String,
    /// Its manifest.
    pub manifest: Value,
    /// How many pods it begins with.
    pub replicas: i32,
}

/// What changes of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetChange {
    /// Which one.
    pub set: SetRef,
    /// How many pods it was to have.
    pub from: i32,
    /// How many it is to have.
    pub to: i32,
    /// Annotations that are put or replaced.
    pub annotations: BTreeMap<String, String>,
    /// Another time after which a ready pod is available, in seconds.
    pub min_ready_seconds: Option<i32>,
}

/// A Deployment with its sets.
struct Rollout<'a> {
    deployment: &'a Deployment,
    spec: DeploymentSpec,
    wanted: i32,
    bounds: Bounds,
    /// The set of the template, if it is there.
    new: Option<&'a ReplicaSet>,
    /// All others, the oldest first.
    old: Vec<&'a ReplicaSet>,
    now: Timestamp,
}

/// Decides about a Deployment, given the sets of its namespace, and, for one that recreates, the pods.
#[must_use]
pub fn decide(deployment: &Deployment, sets: &[ReplicaSet], pods: &[Replica], now: Timestamp) -> Decision {
    let uid = deployment.metadata.uid.as_deref().unwrap_or_default();
    let spec = deployment.spec.clone().unwrap_or_default();
    let is_leaving = deployment.metadata.deletion_timestamp.is_some();
    let no_labels = BTreeMap::new();
    let (mut adopt, mut release, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for set in sets {
        let is_meant = selects(&spec.selector, set.metadata.labels.as_ref().unwrap_or(&no_labels));
        match controller(set) {
            Some(controller) if controller == uid => match is_meant {
                true => own.push(set),
                false if !is_leaving => release.push(SetRef::of(set)),
                false => {}
            },
            None if is_meant && !is_leaving && set.metadata.deletion_timestamp.is_none() => {
                adopt.push(SetRef::of(set));
                own.push(set);
            }
            _ => {}
        }
    }
    own.sort_by_key(|set| (set.metadata.creation_timestamp.as_ref().map(|time| time.0), name(set)));
    let new = own.iter().copied().find(|set| template::is_alike(set_template(set), &spec.template));
    own.retain(|set| new.is_none_or(|new| !std::ptr::eq(*set, new)));
    let wanted = spec.replicas.unwrap_or(1).max(0);
    let rollout = Rollout { deployment, wanted, bounds: bounds(&spec, wanted), spec, new, old: own, now };
    let nothing = Decision {
        adopt,
        release,
        create: None,
        change: Vec::new(),
        delete: Vec::new(),
        revision: None,
        status: DeploymentStatus::default(),
        look_again: None,
    };
    if is_leaving {
        return Decision { status: status::plain(&rollout), ..nothing };
    }
    rollout.decide(nothing, sets, pods)
}

impl Rollout<'_> {
    fn decide(&self, mut decision: Decision, sets: &[ReplicaSet], pods: &[Replica]) -> Decision {
        let is_paused = self.spec.paused == Some(true);
        let mut changes = Changes::default();
        if let Some(new) = self.new {
            revision::bring_up_to_date(self, new, &mut changes);
            decision.revision = revision::of_deployment(self, new, &changes);
        }
        if is_paused || self.is_scaling() {
            scaling::scale(self, &mut changes);
            decision.status = status::plain(self);
        } else {
            let is_to_make = self.new.is_none() && (!self.recreates() || !self.is_old_alive(pods));
            match self.new {
                None if is_to_make => match template::new_set(self, sets) {
                    template::Place::Free(new) => decision.create = Some(*new),
                    template::Place::Taken => {
                        decision.status = collided(&status::plain(self));
                        return decision;
                    }
                },
                _ if self.recreates() => self.recreate(pods, &mut changes),
                Some(new) => self.roll(new, &mut changes),
                None => {}
            }
            (decision.status, decision.look_again) =
                status::of_rollout(self, decision.create.as_ref(), decision.revision.is_some());
        }
        let was = self.deployment.status.clone().unwrap_or_default();
        if is_paused || status::is_complete(self, &was) {
            decision.delete = history::to_forget(self);
        }
        decision.change = changes.into_list();
        decision
    }

    fn recreates(&self) -> bool {
        !is_rolling(&self.spec)
    }

    /// Whether the number of pods was changed since the sets were given their shares (`isScalingEvent`).
    fn is_scaling(&self) -> bool {
        let is_of_another = |set: &&ReplicaSet| revision::desired(set).is_some_and(|desired| desired != self.wanted);
        self.all().filter(|set| replicas(set) > 0).any(|set| is_of_another(&set))
    }

    /// All sets, the new one last.
    fn all(&self) -> impl Iterator<Item = &ReplicaSet> {
        self.old.iter().copied().chain(self.new)
    }

    /// One step of `rolloutRolling`: the new set grows, or the old ones shrink. They do not as long as what is said of a set is older than
    /// what it is to be: one that shrank and is to grow again, after a change of mind, would count pods that are going. Kubernetes' controllers
    /// hear of each other at once and do not ask; ours are on different nodes.
    fn roll(&self, new: &ReplicaSet, changes: &mut Changes) {
        let old: Vec<Count> = self.old.iter().map(|set| count(set)).collect();
        let next = rollout::grow(self.wanted, count(new), &old, self.bounds);
        if next != replicas(new) {
            return changes.scale(self, new, next);
        }
        if !self.all().all(is_up_to_date) {
            return;
        }
        let shrunk = rollout::shrink(self.wanted, count(new), &old, self.bounds);
        for (set, next) in self.old.iter().zip(shrunk) {
            if next != replicas(set) {
                changes.scale(self, set, next);
            }
        }
    }

    /// One step of `rolloutRecreate`: first the old pods go, then the new set gets its number.
    fn recreate(&self, pods: &[Replica], changes: &mut Changes) {
        let active: Vec<&ReplicaSet> = self.old.iter().copied().filter(|set| replicas(set) > 0).collect();
        for set in &active {
            changes.scale(self, set, 0);
        }
        match self.new {
            Some(new) if active.is_empty() && !self.is_old_alive(pods) && replicas(new) != self.wanted => {
                changes.scale(self, new, self.wanted);
            }
            _ => {}
        }
    }

    /// Whether pods of older templates are there that have not ended (`oldPodsRunning`); those that are being deleted are.
    fn is_old_alive(&self, pods: &[Replica]) -> bool {
        let is_counted = self.old.iter().any(|set| replicas(set) > 0 || seen(set).replicas > 0);
        let is_of = |pod: &Replica, set: &ReplicaSet| pod.controller.is_some() && pod.controller == set.metadata.uid;
        let has_ended = |pod: &Replica| matches!(pod.phase.as_str(), "Succeeded" | "Failed");
        is_counted || pods.iter().any(|pod| !has_ended(pod) && self.old.iter().any(|set| is_of(pod, set)))
    }
}

fn is_rolling(spec: &DeploymentSpec) -> bool {
    spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()).unwrap_or("RollingUpdate") == "RollingUpdate"
}

/// How far a rolling update may go; one that recreates goes nowhere.
fn bounds(spec: &DeploymentSpec, wanted: i32) -> Bounds {
    let rolling = spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    match rolling.filter(|_| is_rolling(spec)) {
        Some(rolling) => Bounds::of(rolling.max_surge.as_ref(), rolling.max_unavailable.as_ref(), wanted),
        None => Bounds { surge: 0, unavailable: 0 },
    }
}

fn name(set: &ReplicaSet) -> &str {
    set.metadata.name.as_deref().unwrap_or_default()
}

fn controller(set: &ReplicaSet) -> Option<&str> {
    let mut owners = set.metadata.owner_references.iter().flatten();
    owners.find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}

fn set_template(set: &ReplicaSet) -> Option<&k8s_openapi::api::core::v1::PodTemplateSpec> {
    set.spec.as_ref().and_then(|spec| spec.template.as_ref())
}

/// How many pods a set is to have.
fn replicas(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// What was said of a set last.
fn seen(set: &ReplicaSet) -> k8s_openapi::api::apps::v1::ReplicaSetStatus {
    set.status.clone().unwrap_or_default()
}

/// Whether what was said of a set last is of what it is to be now, or claims nothing.
fn is_up_to_date(set: &ReplicaSet) -> bool {
    is_observed(set) || seen(set).available_replicas.unwrap_or(0) == 0
}

/// Whether what was said of a set last is of what it is to be now.
fn is_observed(set: &ReplicaSet) -> bool {
    seen(set).observed_generation.unwrap_or(0) >= set.metadata.generation.unwrap_or(0)
}

/// Of the available pods those that are too many are going: they do not count.
fn count(set: &ReplicaSet) -> Count {
    let wanted = replicas(set);
    Count { wanted, available: seen(set).available_replicas.unwrap_or(0).min(wanted) }
}

#[cfg(test)]
mod tests;
