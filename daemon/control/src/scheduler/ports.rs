//! Ports of the node that pods ask for (`plugins/nodeports`).

use k8s_openapi::api::core::v1::Pod;

/// The scheduler's words.
pub(super) const TAKEN: &str = "node(s) didn't have free ports for the requested pod ports";

/// A port of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort {
    ip: String,
    protocol: String,
    port: i32,
}

impl HostPort {
    /// Whether two cannot be had at once: all addresses conflict with each.
    pub(super) fn conflicts_with(&self, other: &Self) -> bool {
        let is_any = |ip: &str| ip == "0.0.0.0";
        let shares_ip = self.ip == other.ip || is_any(&self.ip) || is_any(&other.ip);
        shares_ip && self.protocol == other.protocol && self.port == other.port
    }
}

/// Those that a pod asks for.
pub(super) fn of_pod(pod: &Pod) -> Vec<HostPort> {
    let containers = pod.spec.iter().flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
    containers
        .flat_map(|container| container.ports.iter().flatten())
        .filter_map(|port| {
            let number = port.host_port.filter(|number| *number > 0)?;
            let or = |text: &Option<String>, default: &str| {
                text.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| default.to_owned())
            };
            Some(HostPort { ip: or(&port.host_ip, "0.0.0.0"), protocol: or(&port.protocol, "TCP"), port: number })
        })
        .collect()
}
