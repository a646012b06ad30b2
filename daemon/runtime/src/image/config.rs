//! What an image says about the process to run in it, read from the image's config file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::digest::Digest;

/// The defaults an image gives the containers made from it. Empty means: not set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// `ENTRYPOINT`, which `command` of a container replaces.
    #[serde(default)]
    pub entrypoint: Vec<String>,
    /// `CMD`, which `args` of a container replaces.
    #[serde(default)]
    pub cmd: Vec<String>,
    /// `ENV` as `NAME=value`.
    #[serde(default)]
    pub env: Vec<String>,
    /// `WORKDIR`; an absolute path or empty.
    #[serde(default)]
    pub working_dir: String,
    /// `USER`: `name`, `uid`, `name:group`, `uid:gid` or empty. [`resolve_user`](super::resolve_user) makes numbers of it.
    #[serde(default)]
    pub user: String,
    /// `STOPSIGNAL`: a name such as `SIGQUIT`, a number, or nothing.
    #[serde(default)]
    pub stop_signal: Option<String>,
    /// `EXPOSE`, for example `8080/tcp`.
    #[serde(default)]
    pub exposed_ports: Vec<String>,
    /// `VOLUME` paths.
    #[serde(default)]
    pub volumes: Vec<String>,
    /// `LABEL`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The parts of an image's config file that we use; the format is that of the OCI image specification, which Docker's own
/// files follow. Null stands for absent nearly everywhere in files that Go programs wrote.
#[derive(Debug, Deserialize)]
pub(crate) struct ConfigFile {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) os: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) architecture: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) variant: String,
    #[serde(default)]
    created: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    config: ProcessPart,
    #[serde(default, deserialize_with = "null_is_default")]
    rootfs: RootfsPart,
}

#[derive(Debug, Default, Deserialize)]
struct RootfsPart {
    #[serde(default, deserialize_with = "null_is_default")]
    diff_ids: Vec<Digest>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessPart {
    #[serde(default, deserialize_with = "null_is_default")]
    user: String,
    #[serde(default, deserialize_with = "null_is_default")]
    env: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    cmd: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    working_dir: String,
    #[serde(default, deserialize_with = "null_is_default")]
    stop_signal: String,
    #[serde(default, deserialize_with = "null_is_default")]
    exposed_ports: BTreeMap<String, serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "null_is_default")]
    volumes: BTreeMap<String, serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "null_is_default")]
    labels: BTreeMap<String, String>,
}

impl ConfigFile {
    pub(crate) fn parse(bytes: &[u8]) -> Result<ConfigFile, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The digests of the uncompressed layers, lowest first.
    pub(crate) fn diff_ids(&self) -> &[Digest] {
        &self.rootfs.diff_ids
    }

    /// When the image was built; files without a readable time have none.
    pub(crate) fn created_at(&self) -> Option<Timestamp> {
        self.created.as_deref()?.parse().ok()
    }

    pub(crate) fn into_config(self) -> ImageConfig {
        let part = self.config;
        ImageConfig {
            entrypoint: part.entrypoint,
            cmd: part.cmd,
            env: part.env,
            working_dir: part.working_dir,
            user: part.user,
            stop_signal: Some(part.stop_signal).filter(|signal| !signal.is_empty()),
            exposed_ports: part.exposed_ports.into_keys().collect(),
            volumes: part.volumes.into_keys().collect(),
            labels: part.labels,
        }
    }
}

/// Reads `null` as the type's default.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_container_can_inherit_is_read() {
        let text = r#"{"architecture":"arm64","os":"linux","variant":"v8","created":"2020-01-01T00:00:00.5Z",
            "config":{"User":"node:staff","Env":["A=b"],"Entrypoint":["/e"],"Cmd":["c","d"],"WorkingDir":"/w",
            "StopSignal":"SIGQUIT","ExposedPorts":{"80/tcp":{},"53/udp":{}},"Volumes":{"/data":{}},"Labels":{"k":"v"},
            "Healthcheck":{"Test":["x"]}},
            "rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#;
        let file = ConfigFile::parse(text.as_bytes()).unwrap();
        assert_eq!((file.os.as_str(), file.architecture.as_str(), file.variant.as_str()), ("linux", "arm64", "v8"));
        assert_eq!(file.created_at().unwrap().as_millisecond(), 1_577_836_800_500);
        let config = file.into_config();
        assert_eq!(config.user, "node:staff");
        assert_eq!(config.stop_signal.as_deref(), Some("SIGQUIT"));
        assert_eq!(config.exposed_ports, ["53/udp", "80/tcp"]);
        assert_eq!(config.volumes, ["/data"]);
        assert_eq!(
            (config.entrypoint, config.cmd, config.working_dir),
            (vec!["/e".into()], vec!["c".into(), "d".into()], "/w".into())
        );
    }

    #[test]
    fn null_and_absent_mean_not_set() {
        for text in [
            "{}",
            r#"{"config":null,"rootfs":null,"os":null,"created":null}"#,
            r#"{"config":{"Env":null,"Cmd":null,"Volumes":null,"Labels":null,"StopSignal":null}}"#,
        ] {
            let file = ConfigFile::parse(text.as_bytes()).unwrap();
            assert!(file.diff_ids().is_empty() && file.created_at().is_none());
            assert_eq!(file.into_config(), ImageConfig::default());
        }
    }

    #[test]
    fn a_diff_id_that_is_no_digest_is_an_error() {
        assert!(ConfigFile::parse(br#"{"rootfs":{"diff_ids":["../../x"]}}"#).is_err());
    }
}
