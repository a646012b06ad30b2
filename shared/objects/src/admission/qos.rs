//! A pod's quality of service class, as `pkg/apis/core/v1/helper/qos` computes it.

use crate::quantity::Quantity;
use k8s_openapi::api::core::v1::{Pod, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as QuantityText;
use std::collections::BTreeMap;

type Amounts = BTreeMap<String, QuantityText>;

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub(super) fn class(pod: &Pod) -> &'static str {
    let Some(spec) = &pod.spec else { return "BestEffort" };
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let (mut has_any, mut is_guaranteed) = (false, true);
    let none = ResourceRequirements::default();
    for container in containers {
        let resources = container.resources.as_ref().unwrap_or(&none);
        for name in ["cpu", "memory"] {
            let (request, limit) = (amount(resources.requests.as_ref(), name), amount(resources.limits.as_ref(), name));
            has_any |= request.is_some() || limit.is_some();
            is_guaranteed &= limit.is_some() && request == limit;
        }
    }
    match (has_any, is_guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn amount(amounts: Option<&Amounts>, name: &str) -> Option<Quantity> {
    let quantity = Quantity::parse(&amounts?.get(name)?.0).ok()?;
    (!quantity.is_zero()).then_some(quantity)
}
