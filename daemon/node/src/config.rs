//! What the operator decides: flags, environment and `skiffd.toml`, in that order of rank, over the defaults.

mod address;

use clap::Args;
use runtime::network::{Cidr, Overlay};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the file is when nobody said otherwise; it need not exist.
pub const DEFAULT_FILE: &str = "/etc/skiff/skiffd.toml";

/// The settings as they are given: on the command line, in the environment, or as keys of the file.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Settings {
    /// The node's name [default: the host name]
    #[arg(long, env = "SKIFFD_NAME", global = true)]
    pub name: Option<String>,
    /// Where state, images and logs are kept [default: /var/lib/skiff]
    #[arg(long, env = "SKIFFD_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Where the socket and the pods' run-time state are, on a tmpfs [default: /run/skiff]
    #[arg(long, env = "SKIFFD_RUN_DIR", value_name = "DIR", global = true)]
    pub run_dir: Option<PathBuf>,
    /// The unix socket to listen on [default: <run-dir>/skiffd.sock]
    #[arg(long, env = "SKIFFD_SOCKET", value_name = "PATH", global = true)]
    pub socket: Option<PathBuf>,
    /// The group that may use the socket beside root
    #[arg(long, env = "SKIFFD_SOCKET_GROUP", value_name = "GROUP", global = true)]
    pub socket_group: Option<String>,
    /// Where other nodes reach this one: datagrams there, QUIC on the next port [default: 0.0.0.0:7946]
    #[arg(long, env = "SKIFFD_GOSSIP", value_name = "ADDR:PORT", global = true)]
    pub gossip: Option<String>,
    /// The address that other nodes are told [default: the node's InternalIP]
    #[arg(long, env = "SKIFFD_ADVERTISE", value_name = "ADDR", global = true)]
    pub advertise: Option<String>,
    /// A node of the cluster to join (may be repeated; each is tried)
    #[arg(long, env = "SKIFFD_JOIN", value_name = "HOST[:PORT]", value_delimiter = ',', global = true)]
    pub join: Vec<String>,
    /// The file with the token of `skiffd token`, which the first start with --join needs
    #[arg(long, env = "SKIFFD_JOIN_TOKEN_FILE", value_name = "FILE", global = true)]
    pub join_token_file: Option<PathBuf>,
    /// Where consoles of other machines may connect, with a certificate of `skiffd client-cert` [default: nowhere]
    #[arg(long, env = "SKIFFD_LISTEN", value_name = "ADDR:PORT", global = true)]
    pub listen: Option<String>,
    /// The addresses of this node's pods [default: a free part of the cluster's]
    #[arg(long, env = "SKIFFD_POD_CIDR", value_name = "CIDR", global = true)]
    pub pod_cidr: Option<String>,
    /// The addresses of all pods, the same on all nodes [default: 10.88.0.0/16]
    #[arg(long, env = "SKIFFD_CLUSTER_CIDR", value_name = "CIDR", global = true)]
    pub cluster_cidr: Option<String>,
    /// The prefix length of a node's part of them [default: 24]
    #[arg(long, env = "SKIFFD_NODE_CIDR_MASK_SIZE", value_name = "BITS", global = true)]
    pub node_cidr_mask_size: Option<u8>,
    /// When pods' packets between nodes are wrapped (VXLAN): auto, never, always; the same on all nodes [default: auto]
    #[arg(long, env = "SKIFFD_OVERLAY", value_name = "WHEN", global = true)]
    pub overlay: Option<String>,
    /// The UDP port of VXLAN, the same on all nodes [default: 8472]
    #[arg(long, env = "SKIFFD_VXLAN_PORT", value_name = "PORT", global = true)]
    pub vxlan_port: Option<u16>,
    /// The number of the VXLAN network, the same on all nodes [default: 10088]
    #[arg(long, env = "SKIFFD_VXLAN_ID", value_name = "N", global = true)]
    pub vxlan_id: Option<u32>,
    /// The name of the pods' bridge [default: skiff0]
    #[arg(long, env = "SKIFFD_BRIDGE", value_name = "NAME", global = true)]
    pub bridge: Option<String>,
    /// The control group below which everything is made [default: skiff]
    #[arg(long, env = "SKIFFD_CGROUP_ROOT", value_name = "NAME", global = true)]
    pub cgroup_root: Option<String>,
    /// Pull images of HOST from URL: docker.io=http://127.0.0.1:5000 (may be repeated)
    #[arg(long, env = "SKIFFD_REGISTRY_MIRROR", value_name = "HOST=URL", value_delimiter = ',', global = true)]
    pub registry_mirror: Vec<String>,
    /// Speak http with this registry (may be repeated; loopback needs no mention)
    #[arg(long, env = "SKIFFD_INSECURE_REGISTRY", value_name = "HOST", value_delimiter = ',', global = true)]
    pub insecure_registry: Vec<String>,
    /// How long events are kept: 1h, 30m, 90s [default: 1h]
    #[arg(long, env = "SKIFFD_EVENT_TTL", value_name = "TIME", global = true)]
    pub event_ttl: Option<String>,
    /// A container's log file is rotated before it gets larger: 10Mi [default: 10Mi]
    #[arg(long, env = "SKIFFD_LOG_MAX_SIZE", value_name = "SIZE", global = true)]
    pub log_max_size: Option<String>,
    /// How many log files of a container are kept [default: 5]
    #[arg(long, env = "SKIFFD_LOG_MAX_FILES", value_name = "N", global = true)]
    pub log_max_files: Option<u32>,
    /// How many pods this node takes [default: 110]
    #[arg(long, env = "SKIFFD_MAX_PODS", value_name = "N", global = true)]
    pub max_pods: Option<u32>,
}

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
}

impl Settings {
    /// Reads a file's keys. A missing file is fine where nobody named one.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn read(path: Option<&Path>) -> Result<Self, ConfigError> {
        let file = path.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.is_none() => return Ok(Self::default()),
            Err(source) => return Err(ConfigError::Read { path: file.to_owned(), source }),
        };
        toml::from_str(&text).map_err(|error| ConfigError::Parse { path: file.to_owned(), detail: error.to_string() })
    }

    /// These settings, and where they say nothing, the other's.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let list = |mine: Vec<String>, theirs: Vec<String>| if mine.is_empty() { theirs } else { mine };
        Self {
            name: self.name.or(other.name),
            data_dir: self.data_dir.or(other.data_dir),
            run_dir: self.run_dir.or(other.run_dir),
            socket: self.socket.or(other.socket),
            socket_group: self.socket_group.or(other.socket_group),
            gossip: self.gossip.or(other.gossip),
            advertise: self.advertise.or(other.advertise),
            join: list(self.join, other.join),
            join_token_file: self.join_token_file.or(other.join_token_file),
            listen: self.listen.or(other.listen),
            pod_cidr: self.pod_cidr.or(other.pod_cidr),
            cluster_cidr: self.cluster_cidr.or(other.cluster_cidr),
            node_cidr_mask_size: self.node_cidr_mask_size.or(other.node_cidr_mask_size),
            overlay: self.overlay.or(other.overlay),
            vxlan_port: self.vxlan_port.or(other.vxlan_port),
            vxlan_id: self.vxlan_id.or(other.vxlan_id),
            bridge: self.bridge.or(other.bridge),
            cgroup_root: self.cgroup_root.or(other.cgroup_root),
            registry_mirror: list(self.registry_mirror, other.registry_mirror),
            insecure_registry: list(self.insecure_registry, other.insecure_registry),
            event_ttl: self.event_ttl.or(other.event_ttl),
            log_max_size: self.log_max_size.or(other.log_max_size),
            log_max_files: self.log_max_files.or(other.log_max_files),
            max_pods: self.max_pods.or(other.max_pods),
        }
    }

    /// Completes and checks them. `host_name` is the machine's.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with the first that cannot be used.
    pub fn complete(self, host_name: &str) -> Result<Config, ConfigError> {
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
        })
    }
}

impl Config {
    /// Some range that a node of this cluster could have: for what needs one and does not depend on which.
    pub fn first_range(&self) -> Cidr {
        let first = Cidr::containing(self.cluster_cidr.network(), self.node_cidr_mask_size);
        self.pod_cidr.or(first).unwrap_or(self.cluster_cidr)
    }
}

fn value(setting: &'static str, value: impl Into<String>, why: impl Into<String>) -> ConfigError {
    ConfigError::Value { setting, value: value.into(), why: why.into() }
}

fn absolute(setting: &'static str, path: PathBuf) -> Result<PathBuf, ConfigError> {
    if path.is_absolute() {
        return Ok(path);
    }
    std::path::absolute(&path).map_err(|error| value(setting, path.display().to_string(), error.to_string()))
}

/// A node's name is an object's name: lower case, and what a host may be called.
fn node_name(given: Option<String>, host_name: &str) -> Result<String, ConfigError> {
    let name = given.unwrap_or_else(|| host_name.trim().to_ascii_lowercase());
    if pki::NodeName::parse(&name).is_err() {
        let why = "is no DNS-1123 subdomain (lower case letters, digits, '-' and '.', up to 63 between two dots, the last part not of digits only); give another name";
        return Err(value("--name", name, why));
    }
    Ok(name)
}

fn cidr(setting: &'static str, text: &str) -> Result<Cidr, ConfigError> {
    Cidr::parse(text).map_err(|error| value(setting, text, format!("is no usable range: {error}")))
}

/// Where only this node's range was named and it is not in the default, the cluster is this node.
fn cluster_cidr(given: Option<&str>, pod_cidr: Option<Cidr>) -> Result<Cidr, ConfigError> {
    let cluster = cidr("--cluster-cidr", given.unwrap_or("10.88.0.0/16"))?;
    match pod_cidr.filter(|pods| !cluster.contains_all(*pods)) {
        None => Ok(cluster),
        Some(pods) if given.is_none() => Ok(pods),
        Some(pods) => Err(value("--pod-cidr", pods.to_string(), format!("is not within --cluster-cidr {cluster}"))),
    }
}

/// Not shorter than the cluster's, and of a length that a node can use.
fn mask_size(given: Option<u8>, cluster: Cidr) -> Result<u8, ConfigError> {
    let shortest = cluster.prefix_len().max(16);
    let bits = given.unwrap_or(24.max(shortest));
    if (shortest..=29).contains(&bits) {
        return Ok(bits);
    }
    let why = format!("is no prefix length from {shortest} to 29, as a node's part of --cluster-cidr {cluster} can have");
    Err(value("--node-cidr-mask-size", bits.to_string(), why))
}

fn overlay(text: &str) -> Result<Overlay, ConfigError> {
    match text {
        "auto" => Ok(Overlay::Auto),
        "never" => Ok(Overlay::Never),
        "always" => Ok(Overlay::Always),
        _ => Err(value("--overlay", text, "is none of auto, never, always")),
    }
}

fn vxlan<T: Copy + Default + PartialOrd + ToString>(setting: &'static str, number: T, most: T) -> Result<T, ConfigError> {
    if number > T::default() && number <= most {
        return Ok(number);
    }
    Err(value(setting, number.to_string(), format!("is not between 1 and {}", most.to_string())))
}

fn mirrors(list: &[String]) -> Result<BTreeMap<String, Vec<String>>, ConfigError> {
    let mut mirrors: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in list {
        let parsed = entry.split_once('=').filter(|(host, url)| !host.is_empty() && url.contains("://"));
        let Some((host, url)) = parsed else {
            return Err(value("--registry-mirror", entry, "is not HOST=URL, such as docker.io=http://127.0.0.1:5000"));
        };
        mirrors.entry(host.to_owned()).or_default().push(url.to_owned());
    }
    Ok(mirrors)
}

fn size(setting: &'static str, text: &str) -> Result<u64, ConfigError> {
    let parsed = objects::quantity::Quantity::parse(text).ok().and_then(|size| u64::try_from(size.to_bytes()).ok());
    parsed.ok_or_else(|| value(setting, text, "is no size, such as 10Mi"))
}

/// `1h`, `30m`, `1h30m`, `90s`, or seconds without a unit.
///
/// # Errors
/// [`ConfigError::Value`] where it is none.
pub fn duration(setting: &'static str, text: &str) -> Result<Duration, ConfigError> {
    let bad = || value(setting, text, "is no time, such as 1h, 30m or 90s");
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let (mut seconds, mut number) = (0_u64, String::new());
    for char in text.chars() {
        let unit = match char {
            '0'..='9' => {
                number.push(char);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            _ => return Err(bad()),
        };
        let count: u64 = number.parse().map_err(|_| bad())?;
        seconds = count.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(bad)?;
        number.clear();
    }
    if text.is_empty() || !number.is_empty() {
        return Err(bad());
    }
    Ok(Duration::from_secs(seconds))
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
