//! ReplicaSets: which pods are missing, which are too many, which change hands, and what is to be said of it all
//! (`pkg/controller/replicaset/replica_set.go`, `pkg/controller/controller_ref_manager.go`).
//!
//! Every node may decide: what one comes to depends only on the objects, so that all who hold the same ones come to the same. Nobody
//! waits for his own creations to be seen, as Kubernetes' expectations do: a new pod's name follows from the set's uid and the
//! number of its place ([`names`]), so two nodes that miss the same pod make one pod of one name, and a name is not used again
//! while its deletion is remembered.
//!
//! A pod whose node has been out of sight for longer than the pod tolerates is not counted: another is made for it, on each side of a
//! split. It is not killed either. When the sides meet, it counts again, and what is too many goes, the younger first.

mod pod;
mod rank;
mod status;

pub use pod::{Replica, manifest, names};
pub use status::Failure;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use objects::selector::selects;

/// How many pods are made or deleted at one go (`BurstReplicas`).
pub const BURST: usize = 500;

/// What is to be done for one ReplicaSet.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Pods that nobody controls and the selector means: they get this set for their controller.
    pub adopt: Vec<PodRef>,
    /// Pods of the set that the selector does not mean any more: they lose it.
    pub release: Vec<PodRef>,
    /// How many pods are missing.
    pub create: usize,
    /// Pods that are too many, the first to go first.
    pub delete: Vec<PodRef>,
    /// What is to be said of the set.
    pub status: ReplicaSetStatus,
    /// When a ready pod counts as available, if nothing happens before.
    pub look_again: Option<Timestamp>,
}

impl Decision {
    /// Whether nothing is to be done nor said.
    #[must_use]
    pub fn is_done(&self, set: &ReplicaSet) -> bool {
        let Self { adopt, release, create, delete, status, look_again: _ } = self;
        adopt.is_empty() && release.is_empty() && *create == 0 && delete.is_empty() && set.status.as_ref() == Some(status)
    }
}

/// A pod of the set's namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodRef {
    /// Its name.
    pub name: String,
    /// Of those of that name only this one.
    pub uid: String,
}

/// Decides about a set, given the pods of its namespace. `failure` is what the last creation or deletion failed of.
#[must_use]
pub fn decide(set: &ReplicaSet, pods: &[Replica], failure: Option<&Failure>, now: Timestamp) -> Decision {
    let spec = set.spec.clone().unwrap_or_default();
    let uid = set.metadata.uid.as_deref().unwrap_or_default();
    let is_leaving = set.metadata.deletion_timestamp.is_some();
    let (mut adopt, mut release, mut active) = (Vec::new(), Vec::new(), Vec::new());
    for pod in pods.iter().filter(|pod| pod.is_active()) {
        let is_meant = selects(&spec.selector, &pod.labels);
        match pod.controller.as_deref() {
            Some(controller) if controller == uid => match is_meant {
                true => active.push(pod),
                false if !is_leaving => release.push(pod.to_ref()),
                false => {}
            },
            None if is_meant && !is_leaving => {
                adopt.push(pod.to_ref());
                active.push(pod);
            }
            _ => {}
        }
    }
    // What is out of reach is neither counted nor touched.
    active.retain(|pod| !pod.is_out_of_reach);
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    let (mut create, mut delete) = (0, Vec::new());
    if !is_leaving {
        create = wanted.saturating_sub(active.len()).min(BURST);
        let surplus = active.len().saturating_sub(wanted).min(BURST);
        delete = rank::first_to_go(&active).into_iter().take(surplus).map(Replica::to_ref).collect();
    }
    let (status, look_again) = status::of(set, &active, failure, now);
    Decision { adopt, release, create, delete, status, look_again }
}

#[cfg(test)]
mod tests;
