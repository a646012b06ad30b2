//! What a pod asks for (`k8s.io/component-helpers/resource/helpers.go:PodRequests`).

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use objects::quantity::Quantity;
use std::collections::BTreeMap;

/// What a container that asks for nothing counts for in a score.
const LEAST_REQUESTS: [(&str, &str); 2] = [("cpu", "100m"), ("memory", "200Mi")];

/// Amounts of what pods compete for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of a cpu.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory_bytes: i64,
    /// Bytes.
    pub storage_bytes: i64,
}

impl Resources {
    /// What a pod asks for: its containers together, or its greediest init container where that is more.
    #[must_use]
    pub fn of_pod(pod: &Pod) -> Self {
        let Some(spec) = &pod.spec else { return Self::default() };
        let mut together = spec.containers.iter().map(Self::of_container).fold(Self::default(), Self::plus);
        let mut sidecars = Self::default();
        let mut most = Self::default();
        for container in spec.init_containers.iter().flatten() {
            let own = Self::of_container(container);
            if container.restart_policy.as_deref() == Some("Always") {
                sidecars = sidecars.plus(own);
                most = most.max(sidecars);
            } else {
                most = most.max(own.plus(sidecars));
            }
        }
        together = together.plus(sidecars).max(most);
        together.plus(Self::of(spec.overhead.as_ref()))
    }

    /// As [`Self::of_pod`], for scores: a container that asks for nothing counts as if it had asked for a little, so that pods without
    /// requests are spread, too (`schedutil.GetNonzeroRequests`).
    #[must_use]
    pub fn non_zero_of_pod(pod: &Pod) -> Self {
        let mut pod = pod.clone();
        let spec = pod.spec.iter_mut();
        for container in spec.flat_map(|spec| spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten())) {
            let requests = container.resources.get_or_insert_default().requests.get_or_insert_default();
            for (name, amount) in LEAST_REQUESTS {
                requests.entry(name.to_owned()).or_insert_with(|| Text(amount.to_owned()));
            }
        }
        Self::of_pod(&pod)
    }

    /// Amounts by name; a name that is missing is nothing.
    #[must_use]
    pub fn of(amounts: Option<&BTreeMap<String, Text>>) -> Self {
        let amount = |name: &str| Quantity::parse(&amounts?.get(name)?.0).ok();
        Self {
            cpu_milli: amount("cpu").map_or(0, |amount| amount.to_milli()),
            memory_bytes: amount("memory").map_or(0, |amount| amount.to_bytes()),
            storage_bytes: amount("ephemeral-storage").map_or(0, |amount| amount.to_bytes()),
        }
    }

    fn of_container(container: &Container) -> Self {
        Self::of(container.resources.as_ref().and_then(|resources| resources.requests.as_ref()))
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.saturating_sub(other.cpu_milli),
            memory_bytes: self.memory_bytes.saturating_sub(other.memory_bytes),
            storage_bytes: self.storage_bytes.saturating_sub(other.storage_bytes),
        }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.saturating_add(other.cpu_milli),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            storage_bytes: self.storage_bytes.saturating_add(other.storage_bytes),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.max(other.cpu_milli),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            storage_bytes: self.storage_bytes.max(other.storage_bytes),
        }
    }
}
