//! Single values of the settings: read and checked.

use super::ConfigError;
use runtime::network::{Cidr, Overlay};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(super) fn value(setting: &'static str, value: impl Into<String>, why: impl Into<String>) -> ConfigError {
    ConfigError::Value { setting, value: value.into(), why: why.into() }
}

pub(super) fn absolute(setting: &'static str, path: PathBuf) -> Result<PathBuf, ConfigError> {
    if path.is_absolute() {
        return Ok(path);
    }
    std::path::absolute(&path).map_err(|error| value(setting, path.display().to_string(), error.to_string()))
}

/// A node's name is an object's name: lower case, and what a host may be called.
pub(super) fn node_name(given: Option<String>, host_name: &str) -> Result<String, ConfigError> {
    let name = given.unwrap_or_else(|| host_name.trim().to_ascii_lowercase());
    if pki::NodeName::parse(&name).is_err() {
        let why = "is no DNS-1123 subdomain (lower case letters, digits, '-' and '.', up to 63 between two dots, the last part not of digits only); give another name";
        return Err(value("--name", name, why));
    }
    Ok(name)
}

pub(super) fn cidr(setting: &'static str, text: &str) -> Result<Cidr, ConfigError> {
    Cidr::parse(text).map_err(|error| value(setting, text, format!("is no usable range: {error}")))
}

/// Where only this node's range was named and it is not in the default, the cluster is this node.
pub(super) fn cluster_cidr(given: Option<&str>, pod_cidr: Option<Cidr>) -> Result<Cidr, ConfigError> {
    let cluster = cidr("--cluster-cidr", given.unwrap_or("10.88.0.0/16"))?;
    match pod_cidr.filter(|pods| !cluster.contains_all(*pods)) {
        None => Ok(cluster),
        Some(pods) if given.is_none() => Ok(pods),
        Some(pods) => Err(value("--pod-cidr", pods.to_string(), format!("is not within --cluster-cidr {cluster}"))),
    }
}

/// Not shorter than the cluster's, and of a length that a node can use.
pub(super) fn mask_size(given: Option<u8>, cluster: Cidr) -> Result<u8, ConfigError> {
    let shortest = cluster.prefix_len().max(16);
    let bits = given.unwrap_or(24.max(shortest));
    if (shortest..=29).contains(&bits) {
        return Ok(bits);
    }
    let why = format!("is no prefix length from {shortest} to 29, as a node's part of --cluster-cidr {cluster} can have");
    Err(value("--node-cidr-mask-size", bits.to_string(), why))
}

pub(super) fn overlay(text: &str) -> Result<Overlay, ConfigError> {
    match text {
        "auto" => Ok(Overlay::Auto),
        "never" => Ok(Overlay::Never),
        "always" => Ok(Overlay::Always),
        _ => Err(value("--overlay", text, "is none of auto, never, always")),
    }
}

pub(super) fn vxlan<T: Copy + Default + PartialOrd + ToString>(
    setting: &'static str,
    number: T,
    most: T,
) -> Result<T, ConfigError> {
    if number > T::default() && number <= most {
        return Ok(number);
    }
    Err(value(setting, number.to_string(), format!("is not between 1 and {}", most.to_string())))
}

pub(super) fn mirrors(list: &[String]) -> Result<BTreeMap<String, Vec<String>>, ConfigError> {
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

pub(super) fn size(setting: &'static str, text: &str) -> Result<u64, ConfigError> {
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
