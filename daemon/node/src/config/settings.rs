//! The settings as they are given: flags, the environment, keys of the file.

use super::{ConfigError, DEFAULT_FILE};
use clap::Args;
use serde::Deserialize;
use std::path::{Path, PathBuf};

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
    /// Where `ssh` clients may connect to the console, with a key of --ssh-authorized-keys [default: nowhere]
    #[arg(long, env = "SKIFFD_SSH_LISTEN", value_name = "ADDR:PORT", global = true)]
    pub ssh_listen: Option<String>,
    /// The keys that --ssh-listen lets in, a line each, with their roles [default: /etc/skiff/authorized_keys]
    #[arg(long, env = "SKIFFD_SSH_AUTHORIZED_KEYS", value_name = "FILE", global = true)]
    pub ssh_authorized_keys: Option<PathBuf>,
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
    /// How many processes a pod may have [default: no limit but 32768 a container]
    #[arg(long, env = "SKIFFD_POD_MAX_PIDS", value_name = "N", global = true)]
    pub pod_max_pids: Option<u64>,
    /// When less is left than this, pods are put out at once, in the kubelet's syntax; replaces all defaults [default:
    /// memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,pid.available<5%]
    #[arg(long, env = "SKIFFD_EVICTION_HARD", value_name = "SIGNAL<AMOUNT,…", global = true)]
    pub eviction_hard: Option<String>,
    /// The same, once it has been so for the time of --eviction-soft-grace-period [default: none]
    #[arg(long, env = "SKIFFD_EVICTION_SOFT", value_name = "SIGNAL<AMOUNT,…", global = true)]
    pub eviction_soft: Option<String>,
    /// How long each soft threshold may be crossed: memory.available=1m30s
    #[arg(long, env = "SKIFFD_EVICTION_SOFT_GRACE_PERIOD", value_name = "SIGNAL=TIME,…", global = true)]
    pub eviction_soft_grace_period: Option<String>,
    /// The most seconds that a pod has to end when it is put out because of a soft threshold [default: 0]
    #[arg(long, env = "SKIFFD_EVICTION_MAX_POD_GRACE_PERIOD", value_name = "SECONDS", global = true)]
    pub eviction_max_pod_grace_period: Option<u64>,
    /// How long a threshold must not be crossed before the pressure is over [default: 5m]
    #[arg(long, env = "SKIFFD_EVICTION_PRESSURE_TRANSITION_PERIOD", value_name = "TIME", global = true)]
    pub eviction_pressure_transition_period: Option<String>,
    /// How long the machine's shutdown waits for its pods in all; 0 leaves them alone [default: 0s]
    #[arg(long, env = "SKIFFD_SHUTDOWN_GRACE_PERIOD", value_name = "TIME", global = true)]
    pub shutdown_grace_period: Option<String>,
    /// How much of that is kept for critical pods, which are ended last [default: 0s]
    #[arg(long, env = "SKIFFD_SHUTDOWN_GRACE_PERIOD_CRITICAL_PODS", value_name = "TIME", global = true)]
    pub shutdown_grace_period_critical_pods: Option<String>,
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
            ssh_listen: self.ssh_listen.or(other.ssh_listen),
            ssh_authorized_keys: self.ssh_authorized_keys.or(other.ssh_authorized_keys),
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
            pod_max_pids: self.pod_max_pids.or(other.pod_max_pids),
            eviction_hard: self.eviction_hard.or(other.eviction_hard),
            eviction_soft: self.eviction_soft.or(other.eviction_soft),
            eviction_soft_grace_period: self.eviction_soft_grace_period.or(other.eviction_soft_grace_period),
            eviction_max_pod_grace_period: self.eviction_max_pod_grace_period.or(other.eviction_max_pod_grace_period),
            eviction_pressure_transition_period: self
                .eviction_pressure_transition_period
                .or(other.eviction_pressure_transition_period),
            shutdown_grace_period: self.shutdown_grace_period.or(other.shutdown_grace_period),
            shutdown_grace_period_critical_pods: self
                .shutdown_grace_period_critical_pods
                .or(other.shutdown_grace_period_critical_pods),
        }
    }
}
