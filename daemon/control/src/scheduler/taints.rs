//! Taints and tolerations (`k8s.io/component-helpers/scheduling/corev1`).

use k8s_openapi::api::core::v1::{Taint, Toleration};

/// The taint of a node that is not seen.
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// The taint of a node that says of itself that it is not ready.
pub(crate) const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// The first taint with one of the effects that nothing tolerates.
pub(super) fn untolerated<'a>(tolerations: &[Toleration], taints: &'a [Taint], effects: &[&str]) -> Option<&'a Taint> {
    taints
        .iter()
        .filter(|taint| effects.contains(&taint.effect.as_str()))
        .find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// How many taints that only ask to be avoided nothing tolerates.
pub(super) fn to_be_avoided(tolerations: &[Toleration], taints: &[Taint]) -> u64 {
    let avoided = taints.iter().filter(|taint| taint.effect == "PreferNoSchedule");
    let count = avoided.filter(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint))).count();
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Whether a pod goes on a cordoned node.
pub(super) fn tolerates_unschedulable(tolerations: &[Toleration]) -> bool {
    tolerates_key(tolerations, "node.kubernetes.io/unschedulable")
}

/// Whether a pod would go on a node that is not seen.
pub(super) fn tolerates_unreachable(tolerations: &[Toleration]) -> bool {
    tolerates_key(tolerations, UNREACHABLE)
}

fn tolerates_key(tolerations: &[Toleration], key: &str) -> bool {
    let taint = Taint { key: key.to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() };
    tolerations.iter().any(|toleration| tolerates(toleration, &taint))
}

/// Whether a pod may be where the taint is, for as long as the toleration says.
pub(crate) fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let is_any = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
    let suits_effect = is_any(&toleration.effect) || toleration.effect.as_deref() == Some(taint.effect.as_str());
    let suits_key = is_any(&toleration.key) || toleration.key.as_deref() == Some(taint.key.as_str());
    let suits_value = match toleration.operator.as_deref() {
        Some("Exists") => true,
        None | Some("" | "Equal") => {
            !is_any(&toleration.key)
                && toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default()
        }
        Some(_) => false,
    };
    suits_effect && suits_key && suits_value
}
