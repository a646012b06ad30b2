//! Why a pod fits on no node, in the words of `framework.FitError` (v1.36).
//!
//! The second half sentence is what the plugins say that would make room: there are no device claims to take back, and all pods have the
//! same priority, so that none of them can be preempted for another.

use std::collections::BTreeMap;

/// Whether taking pods away could make room on a node, as the plugins' codes say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preemption {
    /// `Unschedulable`: pods are in the way.
    NoVictims,
    /// `UnschedulableAndUnresolvable`: the node itself does not suit.
    NotHelpful,
}

impl Preemption {
    const fn words(self) -> &'static str {
        match self {
            Self::NoVictims => "No preemption victims found for incoming pod",
            Self::NotHelpful => "Preemption is not helpful for scheduling",
        }
    }
}

/// Why one node does not take a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reasons: Vec<String>,
    pub(super) preemption: Preemption,
}

impl Refusal {
    pub(super) fn new(reason: &str, preemption: Preemption) -> Self {
        Self { reasons: vec![reason.to_owned()], preemption }
    }
}

/// The whole sentence. `never_preempts` is the pod's `preemptionPolicy: Never`.
pub(super) fn explain(refusals: &[Refusal], never_preempts: bool) -> String {
    let all = refusals.len();
    let reasons = count(refusals.iter().flat_map(|refusal| refusal.reasons.iter().map(String::as_str)));
    let preemption = if never_preempts {
        "not eligible due to preemptionPolicy=Never.".to_owned()
    } else {
        let answers = count(refusals.iter().map(|refusal| refusal.preemption.words()));
        format!("0/{all} nodes are available: {answers}.")
    };
    format!("0/{all} nodes are available: {reasons}. no new claims to deallocate, preemption: {preemption}")
}

/// `1 Insufficient cpu, 2 node(s) were unschedulable`, ordered as text.
fn count<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let mut counted: Vec<String> = counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    counted.sort();
    counted.join(", ")
}
