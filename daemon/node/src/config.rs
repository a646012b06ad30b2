//! What the operator decides: flags, environment and `skiffd.toml`, in that order of rank, over the defaults.

mod address;
mod eviction;
mod settings;
mod values;

use crate::ssh;
use runtime::network::{Cidr, Overlay};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use eviction::{Eviction, ShutdownGrace};
pub use settings::Settings;
pub use values::duration;
use values::{absolute, cidr, cluster_cidr, mask_size, mirrors, node_name, overlay, size, value, vxlan};

/// Where the file is when nobody said otherwise; it need not exist.
pub const DEFAULT_FILE: &str = "/etc/skiff/skiffd.toml";

/// Settings that make no sense.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the configuration {path} is not valid: {detail}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        detail: String,
    },
    /// A value that cannot be used.
    #[error("{setting}: {value:?} {why}")]
    Value {
        /// The flag.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The settings as the daemon uses them: complete, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The node's name: a DNS-1123 subdomain.
    pub name: String,
    /// State, images, logs.
    pub data_dir: PathBuf,
    /// Socket, supervisors.
    pub run_dir: PathBuf,
    /// The socket.
    pub socket: PathBuf,
    /// Who may use it beside root.
    pub socket_group: Option<String>,
    /// Where datagrams of other nodes come; QUIC is on the next port.
    pub gossip: SocketAddr,
    /// What other nodes are told in its place, where the operator said.
    pub advertise: Option<IpAddr>,
    /// Nodes to join by, `HOST:PORT`.
    pub join: Vec<String>,
    /// Where the join token is.
    pub join_token_file: Option<PathBuf>,
    /// Where consoles of other machines connect.
    pub listen: Option<SocketAddr>,
    /// Where SSH clients connect to the console.
    pub ssh_listen: Option<SocketAddr>,
    /// The keys that are let in there.
    pub ssh_authorized_keys: PathBuf,
    /// This node's pods' addresses, where the operator named them.
    pub pod_cidr: Option<Cidr>,
    /// All pods' addresses.
    pub cluster_cidr: Cidr,
    /// The prefix length of a node's part of them: 16 to 29.
    pub node_cidr_mask_size: u8,
    /// When VXLAN is used.
    pub overlay: Overlay,
    /// Its UDP port.
    pub vxlan_port: u16,
    /// Its number, below 2^24.
    pub vxlan_id: u32,
    /// The pods' bridge.
    pub bridge: String,
    /// Root of the control groups.
    pub cgroup_root: String,
    /// Registry host to the URLs that are asked in its place, in order.
    pub registry_mirrors: BTreeMap<String, Vec<String>>,
    /// Registries that are spoken to without TLS.
    pub insecure_registries: Vec<String>,
    /// How long events are kept.
    pub event_ttl: Duration,
    /// Rotation: bytes of a file.
    pub log_max_bytes: u64,
    /// Rotation: number of files.
    pub log_max_files: u32,
    /// Pods that this node takes.
    pub max_pods: u32,
    /// Processes that a pod may have, where that is limited.
    pub pod_max_pids: Option<u64>,
    /// When pods are put out.
    pub eviction: Eviction,
    /// How the machine's shutdown waits for pods.
    pub shutdown: ShutdownGrace,
}

impl Settings {
    /// Completes and checks them. `host_name` is the machine's.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with the first that cannot be used.
    pub fn complete(self, host_name: &str) -> Result<Config, ConfigError> {
        let (eviction, shutdown) = (Eviction::of(&self)?, ShutdownGrace::of(&self)?);
        let run_dir = absolute("--run-dir", self.run_dir.unwrap_or_else(|| "/run/skiff".into()))?;
        let socket = self.socket.unwrap_or_else(|| run_dir.join("skiffd.sock"));
        let pod_cidr = self.pod_cidr.as_deref().map(|text| cidr("--pod-cidr", text)).transpose()?;
        let cluster_cidr = cluster_cidr(self.cluster_cidr.as_deref(), pod_cidr)?;
        Ok(Config {
            name: node_name(self.name, host_name)?,
            data_dir: absolute("--data-dir", self.data_dir.unwrap_or_else(|| "/var/lib/skiff".into()))?,
            socket: absolute("--socket", socket)?,
            run_dir,
            socket_group: self.socket_group,
            gossip: address::gossip(self.gossip.as_deref().unwrap_or("0.0.0.0:7946"))?,
            advertise: self.advertise.as_deref().map(address::advertise).transpose()?,
            join: self.join.iter().map(|node| address::join(node)).collect::<Result<_, _>>()?,
            join_token_file: self.join_token_file.map(|path| absolute("--join-token-file", path)).transpose()?,
            listen: self.listen.as_deref().map(|text| address::socket_address("--listen", text)).transpose()?,
            ssh_listen: self.ssh_listen.as_deref().map(|text| address::socket_address("--ssh-listen", text)).transpose()?,
            ssh_authorized_keys: absolute(
                "--ssh-authorized-keys",
                self.ssh_authorized_keys.unwrap_or_else(|| ssh::authorized_keys::DEFAULT_FILE.into()),
            )?,
            pod_cidr,
            cluster_cidr,
            node_cidr_mask_size: mask_size(self.node_cidr_mask_size, cluster_cidr)?,
            overlay: overlay(self.overlay.as_deref().unwrap_or("auto"))?,
            vxlan_port: vxlan("--vxlan-port", self.vxlan_port.unwrap_or(8472), u16::MAX)?,
            vxlan_id: vxlan("--vxlan-id", self.vxlan_id.unwrap_or(10_088), (1 << 24) - 1)?,
            bridge: self.bridge.unwrap_or_else(|| "skiff0".to_owned()),
            cgroup_root: self.cgroup_root.unwrap_or_else(|| "skiff".to_owned()),
            registry_mirrors: mirrors(&self.registry_mirror)?,
            insecure_registries: self.insecure_registry,
            event_ttl: duration("--event-ttl", self.event_ttl.as_deref().unwrap_or("1h"))?,
            log_max_bytes: size("--log-max-size", self.log_max_size.as_deref().unwrap_or("10Mi"))?,
            log_max_files: self.log_max_files.unwrap_or(5).max(1),
            max_pods: self.max_pods.unwrap_or(110),
            pod_max_pids: self.pod_max_pids.filter(|most| *most > 0),
            eviction,
            shutdown,
        })
    }
}

impl Config {
    /// The SSH door, where there is one.
    pub fn ssh(&self) -> Option<ssh::Settings> {
        self.ssh_listen.map(|address| ssh::Settings {
            address,
            authorized_keys: self.ssh_authorized_keys.clone(),
            data_dir: self.data_dir.clone(),
            run_dir: self.run_dir.clone(),
        })
    }

    /// Some range that a node of this cluster could have: for what needs one and does not depend on which.
    pub fn first_range(&self) -> Cidr {
        let first = Cidr::containing(self.cluster_cidr.network(), self.node_cidr_mask_size);
        self.pod_cidr.or(first).unwrap_or(self.cluster_cidr)
    }
}

#[cfg(test)]
mod tests {
    use super::{Settings, duration};
    use std::time::Duration;

    #[test]
    fn flags_win_over_the_file_and_the_rest_has_defaults() {
        let file: Settings =
            toml::from_str("name = 'from-file'\nmax-pods = 7\nregistry-mirror = ['a=http://b']").expect("a file");
        let flags = Settings { name: Some("from-flag".to_owned()), ..Settings::default() };
        let config = flags.or(file).complete("host").expect("a configuration");
        assert_eq!((config.name.as_str(), config.max_pods), ("from-flag", 7));
        assert_eq!(config.registry_mirrors["a"], ["http://b"]);
        assert_eq!(config.socket.to_str(), Some("/run/skiff/skiffd.sock"));
        assert_eq!(config.log_max_bytes, 10 << 20);
    }

    #[test]
    fn an_unknown_key_and_a_bad_value_are_named() {
        let unknown = toml::from_str::<Settings>("nmae = 'x'").expect_err("an unknown key");
        assert!(unknown.to_string().contains("nmae"), "{unknown}");
        let refused = |settings: Settings| settings.complete("host").expect_err("refused").to_string();
        assert!(refused(Settings { registry_mirror: vec!["docker.io".into()], ..Settings::default() }).contains("HOST=URL"));
        assert!(refused(Settings { name: Some("My_Node".into()), ..Settings::default() }).contains("DNS-1123"));
        assert!(refused(Settings { pod_cidr: Some("10.88.0.1/24".into()), ..Settings::default() }).contains("host bits"));
        assert!(refused(Settings { overlay: Some("sometimes".into()), ..Settings::default() }).contains("auto, never, always"));
        assert!(refused(Settings { vxlan_id: Some(1 << 24), ..Settings::default() }).contains("between 1 and 16777215"));
    }

    #[test]
    fn the_ranges_of_cluster_and_node_fit_together() {
        let complete = |pod: Option<&str>, cluster: Option<&str>, bits: Option<u8>| {
            let (pod_cidr, cluster_cidr) = (pod.map(str::to_owned), cluster.map(str::to_owned));
            let settings = Settings { pod_cidr, cluster_cidr, node_cidr_mask_size: bits, ..Settings::default() };
            let config = settings.complete("host").map_err(|error| error.to_string())?;
            Ok::<_, String>((config.cluster_cidr.to_string(), config.node_cidr_mask_size, config.first_range().to_string()))
        };
        let is = |cluster: &str, bits: u8, first: &str| Ok((cluster.to_owned(), bits, first.to_owned()));
        assert_eq!(complete(None, None, None), is("10.88.0.0/16", 24, "10.88.0.0/24"));
        assert_eq!(complete(Some("10.88.7.0/24"), None, None), is("10.88.0.0/16", 24, "10.88.7.0/24"));
        assert_eq!(complete(Some("10.89.0.0/24"), None, None), is("10.89.0.0/24", 24, "10.89.0.0/24"), "a cluster of one");
        assert_eq!(complete(None, Some("172.16.0.0/26"), None), is("172.16.0.0/26", 26, "172.16.0.0/26"));
        assert_eq!(complete(None, Some("10.0.0.0/8"), Some(20)), is("10.0.0.0/8", 20, "10.0.0.0/20"));
        let refused = |pod, cluster, bits, why: &str| {
            let message = complete(pod, cluster, bits).expect_err("refused");
            assert!(message.contains(why), "{message}");
        };
        refused(Some("10.89.0.0/24"), Some("10.88.0.0/16"), None, "not within --cluster-cidr");
        refused(None, Some("10.88.0.0/16"), Some(12), "from 16 to 29");
        refused(None, None, Some(30), "from 16 to 29");
    }

    #[test]
    fn addresses_of_nodes_are_completed_and_checked() {
        let complete = |settings: Settings| settings.complete("host");
        let nodes = ["oak", "oak.example:1", "10.0.0.1", "fd00::1", "[fd00::1]:9"].map(str::to_owned);
        let config = complete(Settings { join: nodes.into(), ..Settings::default() }).expect("a configuration");
        assert_eq!(config.join, ["oak:7946", "oak.example:1", "10.0.0.1:7946", "[fd00::1]:7946", "[fd00::1]:9"]);
        assert_eq!((config.gossip.to_string().as_str(), config.listen), ("0.0.0.0:7946", None));
        for bad in ["", "oak:", "oak:x", "oak:0", "a b", "http://oak"] {
            let error = complete(Settings { join: vec![bad.to_owned()], ..Settings::default() }).expect_err("refused");
            assert!(error.to_string().starts_with("--join"), "{error}");
        }
        let refused = |settings: Settings| complete(settings).expect_err("refused").to_string();
        assert!(refused(Settings { gossip: Some("0.0.0.0:65535".into()), ..Settings::default() }).contains("65534"));
        assert!(refused(Settings { advertise: Some("0.0.0.0".into()), ..Settings::default() }).contains("--advertise"));
        assert!(refused(Settings { listen: Some("7943".into()), ..Settings::default() }).contains("ADDR:PORT"));
    }

    #[test]
    fn times_are_read_with_their_units() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(duration("--event-ttl", text).ok(), seconds.map(Duration::from_secs), "{text}");
        };
        check("1h30m", Some(5400));
        check("90", Some(90));
        check("2d", Some(172_800));
        for bad in ["", "h", "5x", "1h5", "99999999999999999999h", "18446744073709551615h"] {
            check(bad, None);
        }
    }
}
