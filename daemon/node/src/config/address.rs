//! The addresses among the settings: where this node is reached, and whom it joins.

use super::{ConfigError, value};
use std::net::{IpAddr, SocketAddr};

/// The port of datagrams where `--join` names none.
const GOSSIP_PORT: u16 = 7946;

pub(super) fn socket_address(setting: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| value(setting, text, "is no ADDR:PORT, such as 0.0.0.0:7946 or [::]:7946"))
}

pub(super) fn gossip(text: &str) -> Result<SocketAddr, ConfigError> {
    let address = socket_address("--gossip", text)?;
    match address.port() {
        0 | u16::MAX => Err(value("--gossip", text, "needs a port from 1 to 65534, and the one after it for QUIC")),
        _ => Ok(address),
    }
}

pub(super) fn advertise(text: &str) -> Result<IpAddr, ConfigError> {
    let address: Option<IpAddr> = text.parse().ok();
    let usable = address.filter(|address| !address.is_unspecified() && !address.is_multicast());
    usable.ok_or_else(|| value("--advertise", text, "is no IP address that other nodes can reach, such as 10.0.0.1"))
}

/// `HOST`, `HOST:PORT`, an IPv6 address with or without both.
pub(super) fn join(text: &str) -> Result<String, ConfigError> {
    let bad = || value("--join", text, "is no HOST or HOST:PORT, such as 10.0.0.1:7946");
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, GOSSIP_PORT).to_string());
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address.to_string());
    }
    let (host, port) = text.split_once(':').map_or((text, Ok(GOSSIP_PORT)), |(host, port)| (host, port.parse()));
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    match port {
        Ok(port) if port != 0 && !host.is_empty() && host.bytes().all(is_host) => Ok(format!("{host}:{port}")),
        _ => Err(bad()),
    }
}
