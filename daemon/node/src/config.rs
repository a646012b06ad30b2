//! What the operator decides: flags, environment and `skiffd.toml`, in that order of rank, over the defaults.

use clap::Args;
use runtime::network::Cidr;
use serde::Deserialize;
use std::collections::BTreeMap;
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
    /// The addresses of this node's pods [default: 10.88.0.0/24]
    #[arg(long, env = "SKIFFD_POD_CIDR", value_name = "CIDR", global = true)]
    pub pod_cidr: Option<String>,
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
    /// The pods' addresses.
    pub pod_cidr: Cidr,
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
            pod_cidr: self.pod_cidr.or(other.pod_cidr),
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
        Ok(Config {
            name: node_name(self.name, host_name)?,
            data_dir: absolute("--data-dir", self.data_dir.unwrap_or_else(|| "/var/lib/skiff".into()))?,
            socket: absolute("--socket", socket)?,
            run_dir,
            socket_group: self.socket_group,
            pod_cidr: pod_cidr(self.pod_cidr.as_deref().unwrap_or("10.88.0.0/24"))?,
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
    let is_label = |label: &str| {
        let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && is_edge(label.as_bytes().first())
            && is_edge(label.as_bytes().last())
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        let why = "is no DNS-1123 subdomain (lower case letters, digits, '-' and '.'); give another name";
        return Err(value("--name", name, why));
    }
    Ok(name)
}

fn pod_cidr(text: &str) -> Result<Cidr, ConfigError> {
    Cidr::parse(text).map_err(|error| value("--pod-cidr", text, format!("is no usable range: {error}")))
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
fn duration(setting: &'static str, text: &str) -> Result<Duration, ConfigError> {
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
