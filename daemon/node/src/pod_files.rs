//! The files that a pod's containers find in /etc: hosts and resolv.conf.
//!
//! Texts follow `pkg/kubelet/kubelet_pods.go` (`managedHostsFileContent`) and `pkg/kubelet/network/dns/dns.go`.

use k8s_openapi::api::core::v1::{PodDNSConfig, PodSpec};
use std::fmt::Write as _;
use std::net::IpAddr;

/// What kubelet writes in, for pods of the host network, before the node's own file.
const HOST_NETWORK_HEADER: &str = "# Kubernetes-managed hosts file (host network).\n";

/// The most nameservers and the longest search list that libc's resolver takes (`resolv.conf(5)`).
const MAX_NAMESERVERS: usize = 3;
const MAX_SEARCH_DOMAINS: usize = 32;

/// The text of /etc/hosts of a pod with its own network.
pub fn hosts(spec: &PodSpec, hostname: &str, ips: &[IpAddr]) -> String {
    let mut out = String::from(
        "# Kubernetes-managed hosts file.\n\
         127.0.0.1\tlocalhost\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n\
         fe00::0\tip6-localnet\n\
         fe00::0\tip6-mcastprefix\n\
         fe00::1\tip6-allnodes\n\
         fe00::2\tip6-allrouters\n",
    );
    for ip in ips {
        let _ = writeln!(out, "{ip}\t{hostname}");
    }
    out.push_str(&aliases(spec));
    out
}

/// The text of /etc/hosts of a pod of the host's network; `node` is the node's own file.
pub fn host_network_hosts(spec: &PodSpec, node: &str) -> String {
    format!("{HOST_NETWORK_HEADER}{node}{}", aliases(spec))
}

fn aliases(spec: &PodSpec) -> String {
    let mut out = String::new();
    for alias in spec.host_aliases.iter().flatten() {
        if out.is_empty() {
            out.push_str("\n# Entries added by HostAliases.\n");
        }
        let _ = writeln!(out, "{}\t{}", alias.ip, alias.hostnames.as_deref().unwrap_or_default().join("\t"));
    }
    out
}

/// The text of /etc/resolv.conf of a pod; `node` is the node's own file.
///
/// There is no cluster DNS yet, so `ClusterFirst` is what kubelet makes of it then: `Default`.
pub fn resolv_conf(spec: &PodSpec, node: &str) -> String {
    let mut config = match spec.dns_policy.as_deref() {
        Some("None") => ResolvConf::default(),
        _ => ResolvConf::parse(node),
    };
    if let Some(more) = &spec.dns_config {
        config.add(more);
    }
    config.to_text()
}

/// The lines of a resolv.conf that matter.
#[derive(Debug, Default, PartialEq, Eq)]
struct ResolvConf {
    nameservers: Vec<String>,
    search: Vec<String>,
    options: Vec<String>,
}

impl ResolvConf {
    fn parse(text: &str) -> Self {
        let mut config = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => config.nameservers.extend(words.next().map(str::to_owned)),
                // The last of several search or domain lines counts.
                Some("search" | "domain") => config.search = words.map(str::to_owned).collect(),
                Some("options") => config.options.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        config
    }

    fn add(&mut self, more: &PodDNSConfig) {
        push_new(&mut self.nameservers, more.nameservers.iter().flatten());
        push_new(&mut self.search, more.searches.iter().flatten());
        for option in more.options.iter().flatten() {
            let Some(name) = &option.name else { continue };
            let of_same_name = |known: &String| known.split(':').next() == Some(name.as_str());
            self.options.retain(|known| !of_same_name(known));
            self.options.push(match &option.value {
                Some(value) => format!("{name}:{value}"),
                None => name.clone(),
            });
        }
    }

    fn to_text(&self) -> String {
        let mut out = String::new();
        if !self.search.is_empty() {
            let _ = writeln!(out, "search {}", self.search[..self.search.len().min(MAX_SEARCH_DOMAINS)].join(" "));
        }
        for server in self.nameservers.iter().take(MAX_NAMESERVERS) {
            let _ = writeln!(out, "nameserver {server}");
        }
        if !self.options.is_empty() {
            let _ = writeln!(out, "options {}", self.options.join(" "));
        }
        out
    }
}

fn push_new<'a>(list: &mut Vec<String>, more: impl Iterator<Item = &'a String>) {
    for word in more {
        if !list.contains(word) {
            list.push(word.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{host_network_hosts, hosts, resolv_conf};
    use k8s_openapi::api::core::v1::PodSpec;
    use serde_json::json;
    use std::net::{IpAddr, Ipv4Addr};

    fn spec(value: serde_json::Value) -> PodSpec {
        serde_json::from_value(value).expect("a pod spec")
    }

    #[test]
    fn the_hosts_file_names_the_pod_and_its_aliases() {
        let spec = spec(json!({"containers": [], "hostAliases": [{"ip": "10.0.0.9", "hostnames": ["db", "db.local"]}]}));
        let text = hosts(&spec, "kubia", &[IpAddr::V4(Ipv4Addr::new(10, 88, 0, 7))]);
        assert!(text.starts_with("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"), "{text}");
        assert!(text.contains("\n10.88.0.7\tkubia\n"), "{text}");
        assert!(text.ends_with("\n# Entries added by HostAliases.\n10.0.0.9\tdb\tdb.local\n"), "{text}");
    }

    #[test]
    fn a_pod_of_the_host_network_keeps_the_nodes_hosts() {
        let text = host_network_hosts(&spec(json!({"containers": []})), "127.0.0.1 localhost\n");
        assert_eq!(text, "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n");
    }

    #[test]
    fn resolv_conf_is_the_nodes_with_the_pods_own_lines_added() {
        let node = "# made by hand\nnameserver 10.0.0.1\nsearch a.example\noptions ndots:1 rotate\n";
        let wanted = spec(json!({"containers": [], "dnsPolicy": "ClusterFirst", "dnsConfig": {
            "nameservers": ["10.0.0.1", "10.0.0.2"], "searches": ["b.example"], "options": [{"name": "ndots", "value": "5"}, {"name": "edns0"}]}}));
        let expected = "search a.example b.example\nnameserver 10.0.0.1\nnameserver 10.0.0.2\noptions rotate ndots:5 edns0\n";
        assert_eq!(resolv_conf(&wanted, node), expected);
    }

    #[test]
    fn policy_none_takes_nothing_from_the_node() {
        let wanted = spec(json!({"containers": [], "dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}}));
        assert_eq!(resolv_conf(&wanted, "nameserver 10.0.0.1\nsearch a\n"), "nameserver 1.1.1.1\n");
    }
}
