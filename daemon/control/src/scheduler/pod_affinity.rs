//! Which pods a pod wants near it and which not: affinity between pods (`plugins/interpodaffinity`).
//!
//! Anti-affinity counts both ways: a node is refused as well where a pod that is there does not want the new one near it. There are no
//! Namespace objects to select by label: a namespace has the one label that Kubernetes gives each, its name.

use super::fit_error::{Preemption, Refusal};
use super::selector::{self, Labels, Selector};
use super::state::NodeState;
use k8s_openapi::api::core::v1::{Pod, PodAffinityTerm};
use std::collections::{BTreeMap, BTreeSet};

const NOT_NEAR_WANTED: &str = "node(s) didn't match pod affinity rules";
const NEAR_UNWANTED: &str = "node(s) didn't match pod anti-affinity rules";
const UNWANTED_THERE: &str = "node(s) didn't satisfy existing pods anti-affinity rules";
/// The label that says a namespace's name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// What a required affinity of a pod that is there counts in the score (`hardPodAffinityWeight`).
const REQUIRED_WEIGHT: i64 = 1;

/// What others look at of a pod, and what it wants of others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Profile {
    pub(super) namespace: String,
    pub(super) labels: Labels,
    /// Pods that are going away count for affinity, and not for spreading.
    pub(super) is_terminating: bool,
    wanted: Vec<Term>,
    unwanted: Vec<Term>,
    /// With their weights, which are negative for anti-affinity.
    preferred: Vec<(i64, Term)>,
}

/// One term of affinity.
#[derive(Debug, Clone, PartialEq)]
struct Term {
    topology_key: String,
    namespaces: BTreeSet<String>,
    namespace_selector: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector>,
    selector: Selector,
}

impl Term {
    fn of(term: &PodAffinityTerm, namespace: &str, labels: &Labels) -> Self {
        let mut namespaces: BTreeSet<String> = term.namespaces.iter().flatten().cloned().collect();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.insert(namespace.to_owned());
        }
        let (equal, unequal) = (term.match_label_keys.as_deref(), term.mismatch_label_keys.as_deref());
        let (equal, unequal) = (equal.unwrap_or_default(), unequal.unwrap_or_default());
        Self {
            topology_key: term.topology_key.clone(),
            namespaces,
            namespace_selector: term.namespace_selector.clone(),
            selector: Selector::of(term.label_selector.as_ref(), equal, unequal, labels),
        }
    }

    fn selects(&self, pod: &Profile) -> bool {
        let of_namespace = || Labels::from([(NAMESPACE_NAME.to_owned(), pod.namespace.clone())]);
        let is_selected = || self.namespace_selector.as_ref().is_some_and(|one| selector::selects(one, &of_namespace()));
        (self.namespaces.contains(&pod.namespace) || is_selected()) && self.selector.selects(&pod.labels)
    }
}

impl Profile {
    pub(super) fn of(pod: &Pod) -> Self {
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref());
        let (near, apart) =
            affinity.map_or((None, None), |affinity| (affinity.pod_affinity.as_ref(), affinity.pod_anti_affinity.as_ref()));
        let term = |term: &PodAffinityTerm| Term::of(term, &namespace, &labels);
        let wanted = near.and_then(|near| near.required_during_scheduling_ignored_during_execution.as_ref());
        let unwanted = apart.and_then(|apart| apart.required_during_scheduling_ignored_during_execution.as_ref());
        let liked = near.and_then(|near| near.preferred_during_scheduling_ignored_during_execution.as_ref());
        let disliked = apart.and_then(|apart| apart.preferred_during_scheduling_ignored_during_execution.as_ref());
        let liked = liked.into_iter().flatten().map(|one| (i64::from(one.weight), term(&one.pod_affinity_term)));
        let disliked = disliked.into_iter().flatten().map(|one| (-i64::from(one.weight), term(&one.pod_affinity_term)));
        let preferred = liked.chain(disliked).collect();
        let wanted = wanted.into_iter().flatten().map(term).collect();
        let unwanted = unwanted.into_iter().flatten().map(term).collect();
        let is_terminating = pod.metadata.deletion_timestamp.is_some();
        Self { is_terminating, wanted, unwanted, preferred, namespace, labels }
    }

    /// Whether it wants nothing of others.
    pub(super) fn is_indifferent(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty() && self.preferred.is_empty()
    }
}

/// A topology: a node's label.
type Domain = (String, String);

/// What the pods that are there mean for one that is to be placed.
pub(super) struct Neighbours {
    own: Profile,
    /// Where those are that it wants near it: that every one of its terms selects.
    near: BTreeMap<Domain, u64>,
    /// Where those are that it does not want near it.
    unwanted: BTreeSet<Domain>,
    /// Where it is not wanted.
    unwelcome: BTreeSet<Domain>,
    liked: BTreeMap<Domain, i64>,
}

impl Neighbours {
    pub(super) fn of(pod: &Pod, nodes: &[&NodeState]) -> Self {
        let own = Profile::of(pod);
        let (near, unwanted, unwelcome, liked) = Default::default();
        let mut neighbours = Self { own, near, unwanted, unwelcome, liked };
        let is_indifferent = neighbours.own.is_indifferent();
        for node in nodes {
            for other in node.others(&pod.metadata).map(|taken| &taken.profile) {
                if !is_indifferent || !other.is_indifferent() {
                    neighbours.meet(node, other);
                }
            }
        }
        neighbours
    }

    fn meet(&mut self, node: &NodeState, other: &Profile) {
        let domain = |term: &Term| Some((term.topology_key.clone(), node.labels().get(&term.topology_key)?.clone()));
        let own = &self.own;
        if !own.wanted.is_empty() && own.wanted.iter().all(|term| term.selects(other)) {
            own.wanted.iter().filter_map(domain).for_each(|domain| *self.near.entry(domain).or_default() += 1);
        }
        self.unwanted.extend(own.unwanted.iter().filter(|term| term.selects(other)).filter_map(domain));
        self.unwelcome.extend(other.unwanted.iter().filter(|term| term.selects(own)).filter_map(domain));
        let ours = own.preferred.iter().filter(|(_, term)| term.selects(other));
        let theirs = other.preferred.iter().filter(|(_, term)| term.selects(own));
        let weighed = ours.chain(theirs).filter_map(|(weight, term)| Some((*weight, domain(term)?)));
        let wanted_by = other.wanted.iter().filter(|term| term.selects(own)).filter_map(domain);
        for (weight, domain) in weighed.chain(wanted_by.map(|domain| (REQUIRED_WEIGHT, domain))) {
            *self.liked.entry(domain).or_default() += weight;
        }
    }

    /// Why a node does not suit.
    pub(super) fn refuse(&self, node: &NodeState) -> Option<Refusal> {
        if !self.is_near_wanted(node) {
            return Some(Refusal::new(NOT_NEAR_WANTED, Preemption::NotHelpful));
        }
        let is_in = |domains: &BTreeSet<Domain>| domains.iter().any(|(key, value)| node.labels().get(key) == Some(value));
        if is_in(&self.unwanted) {
            return Some(Refusal::new(NEAR_UNWANTED, Preemption::NoVictims));
        }
        is_in(&self.unwelcome).then(|| Refusal::new(UNWANTED_THERE, Preemption::NoVictims))
    }

    /// The first pod of a group that wants to be together finds none of them anywhere: it may go where the topology is known at all.
    fn is_near_wanted(&self, node: &NodeState) -> bool {
        let is_first = self.near.is_empty() && self.own.wanted.iter().all(|term| term.selects(&self.own));
        self.own.wanted.iter().all(|term| {
            let value = node.labels().get(&term.topology_key);
            value.is_some_and(|value| is_first || self.near.contains_key(&(term.topology_key.clone(), value.clone())))
        })
    }

    /// How much it and the others like a node for it, 0 to 100 each, in the order of the nodes.
    pub(super) fn scores(&self, nodes: &[&NodeState]) -> Vec<u64> {
        let liked = |node: &&NodeState| {
            let here = self.liked.iter().filter(|((key, value), _)| node.labels().get(key) == Some(value));
            here.map(|(_, weight)| *weight).sum::<i64>()
        };
        let sums: Vec<i64> = nodes.iter().map(liked).collect();
        let (least, most) = (sums.iter().copied().min().unwrap_or(0), sums.iter().copied().max().unwrap_or(0));
        let share = |sum: i64| u64::try_from((sum - least) * 100 / (most - least).max(1)).unwrap_or(0);
        sums.into_iter().map(share).collect()
    }
}
