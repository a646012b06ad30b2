//! The quality-of-service class of a pod (kubernetes `pkg/apis/core/v1/helper/qos/qos.go`).

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

/// How safe a pod's resources are from other pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QosClass {
    /// Every container has limits of cpu and memory, and asks for as much.
    Guaranteed,
    /// Some container asks for something.
    Burstable,
    /// None does: the first to be killed.
    BestEffort,
}

impl QosClass {
    /// As in `status.qosClass`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }

    /// What a pod's containers, init containers too, come to.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        pod.spec.as_ref().map_or(Self::BestEffort, of_spec)
    }
}

fn of_spec(spec: &PodSpec) -> QosClass {
    let containers: Vec<&Container> = spec.containers.iter().chain(spec.init_containers.iter().flatten()).collect();
    let mut asks = false;
    let mut is_guaranteed = true;
    for container in containers {
        let resources = container.resources.as_ref();
        let limits = resources.and_then(|resources| resources.limits.as_ref());
        let requests = resources.and_then(|resources| resources.requests.as_ref());
        for name in ["cpu", "memory"] {
            let limit = amount(limits, name);
            let request = amount(requests, name);
            asks |= limit.is_some() || request.is_some();
            is_guaranteed &= limit.is_some() && (request.is_none() || request == limit);
        }
    }
    match (asks, is_guaranteed) {
        (false, _) => QosClass::BestEffort,
        (true, true) => QosClass::Guaranteed,
        (true, false) => QosClass::Burstable,
    }
}

/// An amount that is more than nothing.
fn amount(amounts: Option<&BTreeMap<String, Quantity>>, name: &str) -> Option<objects::quantity::Quantity> {
    let amount = objects::quantity::Quantity::parse(&amounts?.get(name)?.0).ok()?;
    (!amount.is_zero()).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::QosClass;
    use serde_json::{Value, json};

    fn check(resources: &[Value], expected: QosClass) {
        let containers: Vec<Value> =
            resources.iter().map(|resources| json!({"name": "c", "image": "i", "resources": resources})).collect();
        let pod = serde_json::from_value(json!({"spec": {"containers": containers}})).expect("a pod");
        assert_eq!(QosClass::of(&pod), expected, "{resources:?}");
    }

    #[test]
    fn the_class_follows_requests_and_limits_of_all_containers() {
        let full = json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}});
        check(&[json!({})], QosClass::BestEffort);
        check(&[json!({"requests": {"cpu": "0"}})], QosClass::BestEffort);
        check(&[json!({"requests": {"memory": "1Mi"}})], QosClass::Burstable);
        check(std::slice::from_ref(&full), QosClass::Guaranteed);
        check(&[json!({"limits": {"cpu": "1", "memory": "1Gi"}})], QosClass::Guaranteed);
        check(&[full, json!({})], QosClass::Burstable);
    }
}
