//! A tcpSocket probe: the port takes a connection (`pkg/probe/tcp/tcp.go`).

use super::http::host_port;
use super::{Outcome, dial, words};
use control::pod::ProbeVerdict;
use std::time::Duration;
use tokio::time::timeout;

/// Connects, and closes the connection again.
pub(super) async fn connect(host: &str, port: u16, limit: Duration) -> Outcome {
    let address = || host_port(host, port);
    match timeout(limit, dial::open(host, port)).await {
        Ok(Ok(_)) => Outcome::new(ProbeVerdict::Success, ""),
        Ok(Err(error)) if error.raw_os_error().is_none() => Outcome::new(ProbeVerdict::Failure, words::lookup(host)),
        Ok(Err(error)) => Outcome::new(ProbeVerdict::Failure, words::dial(&address(), &error)),
        Err(_) => Outcome::new(ProbeVerdict::Failure, words::dial_timeout(&address())),
    }
}
