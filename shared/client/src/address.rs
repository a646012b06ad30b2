//! Where a daemon is: `unix:///run/skiff/skiffd.sock`, a plain path, `wss://HOST:PORT`, or `ssh://[USER@]HOST[:PORT]`.

use crate::ssh::SshHost;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a daemon listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A unix socket of this machine.
    Unix(PathBuf),
    /// A daemon's `--listen` address, over TLS.
    Tls(Box<Remote>),
    /// A daemon of another machine, over SSH.
    Ssh(Box<SshHost>),
}

/// A daemon of another machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Remote {
    /// A name or an IP address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The PEM file of `skiffd client-cert`; it is read for each connection, so that a new one counts at once.
    pub certificate: Option<PathBuf>,
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is nothing in it.
    #[error("the daemon's address is empty; use unix:///run/skiff/skiffd.sock, a path, or wss://HOST:PORT")]
    Empty,
    /// A scheme that is not served yet.
    #[error(
        "{scheme}:// addresses are not supported by this version; use unix:///path/to/skiffd.sock, wss://HOST:PORT or ssh://[USER@]HOST"
    )]
    Unsupported {
        /// The scheme.
        scheme: String,
    },
    /// `unix://` wants an absolute path.
    #[error("{text:?} names no absolute path; write it as unix:///run/skiff/skiffd.sock")]
    Relative {
        /// What was given.
        text: String,
    },
    /// `ssh://` wants a machine.
    #[error("{text:?} names no machine to reach by SSH; write it as ssh://HOST or ssh://USER@HOST:PORT")]
    NoDestination {
        /// What was given.
        text: String,
    },
    /// `wss://` wants a host and a port.
    #[error("{text:?} names no host and port; write it as wss://HOST:PORT, with the port of the daemon's --listen")]
    NoPort {
        /// What was given.
        text: String,
    },
}

impl Address {
    /// Where a daemon listens when nobody said otherwise.
    #[must_use]
    pub fn local() -> Self {
        Self::Unix(PathBuf::from("/run/skiff/skiffd.sock"))
    }

    /// The same address with the certificate that it needs, where it needs one.
    #[must_use]
    pub fn with_certificate(self, file: PathBuf) -> Self {
        match self {
            Self::Tls(remote) => Self::Tls(Box::new(Remote { certificate: Some(file), ..*remote })),
            other => other,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Unix(PathBuf::from(text)));
        };
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(PathBuf::from(rest))),
            "unix" => Err(AddressError::Relative { text: text.to_owned() }),
            "ssh" => {
                let host = SshHost::parse(rest).ok_or_else(|| AddressError::NoDestination { text: text.to_owned() })?;
                Ok(Self::Ssh(Box::new(host)))
            }
            "wss" => host_and_port(rest).ok_or_else(|| AddressError::NoPort { text: text.to_owned() }),
            _ => Err(AddressError::Unsupported { scheme: scheme.to_owned() }),
        }
    }
}

/// `HOST:PORT`, `[IPv6]:PORT`; a slash at the end does no harm.
fn host_and_port(text: &str) -> Option<Address> {
    let (host, port) = text.strip_suffix('/').unwrap_or(text).rsplit_once(':')?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let is_host = !bare.is_empty() && !bare.contains(['/', '@', '[', ']', '?', '#']);
    is_host.then(|| Address::Tls(Box::new(Remote { host: bare.to_owned(), port, certificate: None })))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Ssh(host) => host.fmt(f),
            Self::Tls(remote) if remote.host.contains(':') => write!(f, "wss://[{}]:{}", remote.host, remote.port),
            Self::Tls(remote) => write!(f, "wss://{}:{}", remote.host, remote.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError, Remote};
    use std::path::PathBuf;

    #[test]
    fn an_address_is_a_path_or_a_url_and_others_are_named_as_unsupported() {
        let unix = |path: &str| Ok(Address::Unix(PathBuf::from(path)));
        let tls = |host: &str| Ok(Address::Tls(Box::new(Remote { host: host.to_owned(), port: 7943, certificate: None })));
        assert_eq!("unix:///run/a.sock".parse(), unix("/run/a.sock"));
        assert_eq!("/run/a.sock".parse(), unix("/run/a.sock"));
        assert_eq!("a.sock".parse(), unix("a.sock"));
        assert_eq!("wss://oak.example:7943".parse(), tls("oak.example"));
        assert_eq!("wss://[fd00::1]:7943/".parse(), tls("fd00::1"));
        assert_eq!("".parse::<Address>(), Err(AddressError::Empty));
        assert_eq!("unix://a".parse::<Address>(), Err(AddressError::Relative { text: "unix://a".into() }));
        assert_eq!("ftp://h".parse::<Address>(), Err(AddressError::Unsupported { scheme: "ftp".into() }));
        assert_eq!("ssh://me@oak:22".parse::<Address>().map(|address| address.to_string()).as_deref(), Ok("ssh://me@oak:22"));
        assert_eq!("ssh://-x".parse::<Address>(), Err(AddressError::NoDestination { text: "ssh://-x".into() }));
        for bad in ["wss://oak", "wss://:7943", "wss://oak:0", "wss://oak:x", "wss://fd00::1:7943", "wss://a@b:1", "wss://"] {
            assert_eq!(bad.parse::<Address>(), Err(AddressError::NoPort { text: bad.to_owned() }));
        }
    }

    #[test]
    fn an_address_is_read_back_from_what_it_prints() {
        for text in ["unix:///run/skiff/skiffd.sock", "wss://oak:7943", "wss://[fd00::1]:7943"] {
            let address: Address = text.parse().expect("an address");
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(Address::local().to_string().parse(), Ok(Address::local()));
    }

    #[test]
    fn only_an_address_of_another_machine_takes_a_certificate() {
        let file = PathBuf::from("/cert.pem");
        let with = |text: &str| text.parse::<Address>().expect("an address").with_certificate(file.clone());
        assert_eq!(with("/run/a.sock"), Address::Unix(PathBuf::from("/run/a.sock")));
        assert!(matches!(with("wss://oak:1"), Address::Tls(remote) if remote.certificate == Some(file.clone())));
    }
}
