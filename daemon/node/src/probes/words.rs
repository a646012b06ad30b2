//! Errors of the network as Go prints them: users know them from Kubernetes' events.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// Why no connection was made.
pub fn dial(address: &str, error: &io::Error) -> String {
    format!("dial tcp {address}: connect: {}", errno(error))
}

/// A connection was not made in time.
pub fn dial_timeout(address: &str) -> String {
    format!("dial tcp {address}: i/o timeout")
}

/// A name that nobody knows.
pub fn lookup(host: &str) -> String {
    format!("dial tcp: lookup {host}: no such host")
}

/// Why a connection could not be read or written; `verb` is `read` or `write`.
pub fn broken(verb: &str, ends: Option<(SocketAddr, SocketAddr)>, error: &io::Error) -> String {
    if error.kind() == ErrorKind::UnexpectedEof {
        return "EOF".to_owned();
    }
    match ends {
        Some((local, peer)) => format!("{verb} tcp {local}->{peer}: {verb}: {}", errno(error)),
        None => errno(error),
    }
}

/// What the kernel says, in small letters and without its number.
fn errno(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::ConnectionReset => "connection reset by peer".to_owned(),
        ErrorKind::BrokenPipe => "broken pipe".to_owned(),
        ErrorKind::HostUnreachable => "no route to host".to_owned(),
        ErrorKind::NetworkUnreachable => "network is unreachable".to_owned(),
        ErrorKind::TimedOut => "connection timed out".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_lowercase()
        }
    }
}
