//! Taints and tolerations (`k8s.io/component-helpers/scheduling/corev1`).

use k8s_openapi::api::core::v1::{Taint, Toleration};

/// The first taint with one of the effects that nothing tolerates.
pub(super) fn untolerated<'a>(tolerations: &[Toleration], taints: &'a [Taint], effects: &[&str]) -> Option<&'a Taint> {
    taints
        .iter()
        .filter(|taint| effects.contains(&taint.effect.as_str()))
        .find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// Whether a pod goes on a cordoned node.
pub(super) fn tolerates_unschedulable(tolerations: &[Toleration]) -> bool {
    let taint = Taint { key: "node.kubernetes.io/unschedulable".to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() };
    tolerations.iter().any(|toleration| tolerates(toleration, &taint))
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
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
