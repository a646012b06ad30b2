//! Which pods a node puts out because somebody tainted it `NoExecute` (`pkg/controller/tainteviction`).
//!
//! The node decides about its own pods, so that no other has to. Taints that say how well the node is (`not-ready`, `unreachable`) never
//! put out anything: a node does not see itself lost, and a side that is cut off must not kill what runs.

use crate::clock::Now;
use crate::scheduler::{NOT_READY, UNREACHABLE, tolerates};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, Taint};

/// What becomes of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// It stays.
    None,
    /// It goes at this time, unless something changes.
    At(Timestamp),
    /// It goes now.
    Now,
}

/// Judges one pod of a node with these taints.
///
/// `since` is when the pod was first seen with the taints; a taint that says when it was added counts from then. Of several tolerations
/// that count the shortest holds.
#[must_use]
pub fn judge(now: Now, pod: &Pod, taints: &[Taint], since: Timestamp) -> Eviction {
    if pod.metadata.deletion_timestamp.is_some() || crate::scheduler::has_ended(pod) {
        return Eviction::None;
    }
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    let mut soonest: Option<Timestamp> = None;
    for taint in taints.iter().filter(|taint| counts(taint)) {
        let mut matching = tolerations.iter().filter(|toleration| tolerates(toleration, taint)).peekable();
        if matching.peek().is_none() {
            return Eviction::Now;
        }
        let Some(seconds) = matching.filter_map(|toleration| toleration.toleration_seconds).min() else { continue };
        let begin = taint.time_added.as_ref().map_or(since, |added| added.0);
        let span = jiff::SignedDuration::from_secs(seconds.max(0));
        let end = begin.checked_add(span).unwrap_or(Timestamp::MAX);
        soonest = Some(soonest.map_or(end, |soonest| soonest.min(end)));
    }
    match soonest {
        None => Eviction::None,
        Some(at) if at <= now.wall => Eviction::Now,
        Some(at) => Eviction::At(at),
    }
}

/// Whether a taint puts pods out.
#[must_use]
pub fn counts(taint: &Taint) -> bool {
    taint.effect == "NoExecute" && ![NOT_READY, UNREACHABLE].contains(&taint.key.as_str())
}

/// The event's message for a pod that goes, reason `TaintManagerEviction`.
#[must_use]
pub fn marking(pod: &Pod) -> String {
    format!("Marking for deletion Pod {}", full_name(pod))
}

/// The event's message for a pod that may stay after all.
#[must_use]
pub fn cancelling(pod: &Pod) -> String {
    format!("Cancelling deletion of Pod {}", full_name(pod))
}

fn full_name(pod: &Pod) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{}/{}", text(&pod.metadata.namespace), text(&pod.metadata.name))
}

#[cfg(test)]
mod tests {
    use super::{Eviction, judge};
    use crate::clock::{BootMs, Now};
    use jiff::Timestamp;
    use k8s_openapi::api::core::v1::{Pod, Taint};
    use serde_json::{Value, json};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time")
    }

    fn check(tolerations: &Value, taints: &Value, now: i64) -> Eviction {
        let pod: Pod = serde_json::from_value(json!({"spec": {"containers": [], "tolerations": tolerations}})).expect("a pod");
        let taints: Vec<Taint> = serde_json::from_value(taints.clone()).expect("taints");
        judge(Now { wall: at(now), boot: BootMs(0) }, &pod, &taints, at(100))
    }

    #[test]
    fn a_pod_goes_when_its_toleration_is_over() {
        let taints = json!([{"key": "k", "effect": "NoExecute"}]);
        let tolerated = |seconds: &Value| json!([{"key": "k", "operator": "Exists", "tolerationSeconds": seconds}]);
        assert_eq!(check(&json!([]), &taints, 100), Eviction::Now);
        assert_eq!(check(&tolerated(&Value::Null), &taints, 999), Eviction::None);
        assert_eq!(check(&tolerated(&json!(30)), &taints, 100), Eviction::At(at(130)));
        assert_eq!(check(&tolerated(&json!(30)), &taints, 130), Eviction::Now);
        assert_eq!(check(&tolerated(&json!(-5)), &taints, 100), Eviction::Now);
        let added = json!([{"key": "k", "effect": "NoExecute", "timeAdded": "1970-01-01T00:00:10Z"}]);
        assert_eq!(check(&tolerated(&json!(100)), &added, 100), Eviction::At(at(110)));
    }

    #[test]
    fn of_several_taints_the_strictest_counts() {
        let taints = json!([{"key": "a", "effect": "NoExecute"}, {"key": "b", "effect": "NoExecute"}]);
        let one = json!([{"key": "a", "operator": "Exists"}]);
        assert_eq!(check(&one, &taints, 100), Eviction::Now);
        let both = json!([
            {"key": "a", "operator": "Exists", "tolerationSeconds": 50},
            {"key": "b", "operator": "Exists", "tolerationSeconds": 20},
        ]);
        assert_eq!(check(&both, &taints, 100), Eviction::At(at(120)));
    }

    #[test]
    fn nothing_goes_because_a_node_is_not_seen_or_not_ready() {
        for key in ["node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"] {
            assert_eq!(check(&json!([]), &json!([{"key": key, "effect": "NoExecute"}]), 100), Eviction::None);
        }
        assert_eq!(check(&json!([]), &json!([{"key": "k", "effect": "NoSchedule"}]), 100), Eviction::None);
    }
}
