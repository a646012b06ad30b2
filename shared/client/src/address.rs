//! Where a daemon is: `unix:///run/skiff/skiffd.sock` or a plain path; later `wss://…` and `ssh://…`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a daemon listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A unix socket of this machine.
    Unix(PathBuf),
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is nothing in it.
    #[error("the daemon's address is empty; use unix:///run/skiff/skiffd.sock or a path")]
    Empty,
    /// A scheme that is not served yet.
    #[error("{scheme}:// addresses are not supported by this version; use unix:///path/to/skiffd.sock")]
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
}

impl Address {
    /// Where a daemon listens when nobody said otherwise.
    #[must_use]
    pub fn local() -> Self {
        Self::Unix(PathBuf::from("/run/skiff/skiffd.sock"))
    }

    /// The socket's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Unix(path) => path,
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
        if scheme != "unix" {
            return Err(AddressError::Unsupported { scheme: scheme.to_owned() });
        }
        if !rest.starts_with('/') {
            return Err(AddressError::Relative { text: text.to_owned() });
        }
        Ok(Self::Unix(PathBuf::from(rest)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};
    use std::path::PathBuf;

    #[test]
    fn an_address_is_a_path_or_a_unix_url_and_others_are_named_as_unsupported() {
        let unix = |path: &str| Ok(Address::Unix(PathBuf::from(path)));
        assert_eq!("unix:///run/a.sock".parse(), unix("/run/a.sock"));
        assert_eq!("/run/a.sock".parse(), unix("/run/a.sock"));
        assert_eq!("a.sock".parse(), unix("a.sock"));
        assert_eq!("".parse::<Address>(), Err(AddressError::Empty));
        assert_eq!("unix://a".parse::<Address>(), Err(AddressError::Relative { text: "unix://a".into() }));
        assert_eq!("wss://h".parse::<Address>(), Err(AddressError::Unsupported { scheme: "wss".into() }));
    }

    #[test]
    fn an_address_is_read_back_from_what_it_prints() {
        assert_eq!(Address::local().to_string().parse(), Ok(Address::local()));
    }
}
