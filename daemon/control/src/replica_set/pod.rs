//! A pod as its controller sees it, and the pods it makes.

use super::PodRef;
use crate::owner;
use crate::rendezvous;
use crate::scheduler::{UNREACHABLE, tolerates};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Pod, Taint};
use objects::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Which pod goes first, in the user's words: the cheapest (`pkg/apis/core/annotation_key_constants.go`).
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
/// Characters of a generated name that are its owner's, the dash included.
const MAX_BASE: usize = 58;
/// Letters that spell no word (`apimachinery/pkg/util/rand`).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX: usize = 5;

/// What a controller needs to know of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The uid of its controller.
    pub controller: Option<String>,
    /// Whether it is to be deleted.
    pub is_leaving: bool,
    /// Its phase; empty where nothing is known.
    pub phase: String,
    /// The node it is bound to.
    pub node: Option<String>,
    /// Since when it is ready, where it is.
    pub ready_since: Option<Timestamp>,
    /// What the user says its deletion costs.
    pub deletion_cost: i32,
    /// How often its containers were restarted, the most restarted one's.
    pub restarts: i32,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// How many seconds it tolerates that its node is out of sight; nothing: for ever.
    pub tolerates_s: Option<i64>,
    /// Whether its node has been out of sight for longer than it tolerates.
    pub is_out_of_reach: bool,
}

impl Replica {
    /// A pod whose node is in sight.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        let (meta, status) = (&pod.metadata, pod.status.as_ref());
        let owners = meta.owner_references.iter().flatten();
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition.type_ == "Ready" && condition.status == "True");
        let containers = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
        let cost = meta.annotations.as_ref().and_then(|all| all.get(DELETION_COST)).and_then(|cost| cost.parse().ok());
        Self {
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            labels: meta.labels.clone().unwrap_or_default(),
            controller: owners.filter(|owner| owner.controller == Some(true)).map(|owner| owner.uid.clone()).next(),
            is_leaving: meta.deletion_timestamp.is_some(),
            phase: status.and_then(|status| status.phase.clone()).unwrap_or_default(),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).filter(|node| !node.is_empty()),
            // A condition without a time has held for ever.
            ready_since: ready.map(|ready| ready.last_transition_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)),
            deletion_cost: cost.unwrap_or(0),
            restarts: containers.iter().map(|container| container.restart_count).max().unwrap_or(0),
            created: meta.creation_timestamp.as_ref().map(|time| time.0),
            tolerates_s: tolerated_s(pod),
            is_out_of_reach: false,
        }
    }

    /// The pod now, on a node that has been out of sight since then; and when that changes, if it will.
    #[must_use]
    pub fn out_of_sight(mut self, since: Timestamp, now: Timestamp) -> (Self, Option<Timestamp>) {
        let Some(seconds) = self.tolerates_s else { return (self, None) };
        let until = since.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        self.is_out_of_reach = until <= now;
        let changes_at = Some(until).filter(|_| !self.is_out_of_reach);
        (self, changes_at)
    }

    /// Whether it runs or is to (`IsPodActive`).
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.is_leaving && !matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// How it is called.
    #[must_use]
    pub fn to_ref(&self) -> PodRef {
        PodRef { name: self.name.clone(), uid: self.uid.clone() }
    }
}

/// How long a pod may be on a node that nobody sees: the shortest of the tolerations that count, not at all where none does.
fn tolerated_s(pod: &Pod) -> Option<i64> {
    let taint = Taint { key: UNREACHABLE.to_owned(), effect: "NoExecute".to_owned(), ..Taint::default() };
    let tolerations = pod.spec.iter().flat_map(|spec| spec.tolerations.iter().flatten());
    let mut matching = tolerations.filter(|toleration| tolerates(toleration, &taint)).peekable();
    if matching.peek().is_none() {
        return Some(0);
    }
    matching.filter_map(|toleration| toleration.toleration_seconds).map(|seconds| seconds.max(0)).min()
}

/// The names for new pods of a set, in their order, without those that are taken or were. Every node finds the same ones.
pub fn names<'a>(set: &'a ReplicaSet, is_taken: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = String> + 'a {
    let base = base(set);
    let uid = set.metadata.uid.as_deref().unwrap_or_default();
    (0_u64..).map(move |place| format!("{base}{}", suffix(uid, place))).filter(move |name| !is_taken(name))
}

/// What all names of a set's pods begin with.
fn base(set: &ReplicaSet) -> String {
    let mut base = format!("{}-", set.metadata.name.as_deref().unwrap_or_default());
    // Names are of ASCII alone.
    base.truncate(MAX_BASE);
    base
}

fn suffix(uid: &str, place: u64) -> String {
    let mut number = rendezvous::weight(uid, &place.to_string());
    let mut suffix = String::with_capacity(SUFFIX);
    for _ in 0..SUFFIX {
        let letter = usize::try_from(number % 27).unwrap_or(0);
        suffix.push(char::from(ALPHABET[letter]));
        number /= 27;
    }
    suffix
}

/// The manifest of a new pod of a set (`GetPodFromTemplate`).
#[must_use]
pub fn manifest(set: &ReplicaSet, name: &str) -> Value {
    let template = set.spec.as_ref().and_then(|spec| spec.template.clone()).unwrap_or_default();
    let meta = template.metadata.unwrap_or_default();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "generateName": base(set),
            "namespace": set.metadata.namespace,
            "labels": meta.labels.unwrap_or_default(),
            "annotations": meta.annotations.unwrap_or_default(),
            "finalizers": meta.finalizers.unwrap_or_default(),
            "ownerReferences": [owner::reference(Kind::ReplicaSet, &set.metadata)],
        },
        "spec": template.spec.unwrap_or_default(),
    })
}
