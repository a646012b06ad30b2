//! What can go wrong between us and a registry, in words that fit an event's message.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use thiserror::Error;

use super::super::digest::Digest;
use super::Endpoint;

const MAX_MESSAGE: usize = 300;

/// Why a registry did not give what was asked for.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// There is no such repository, tag or blob.
    #[error("not found in registry {registry}{message}")]
    NotFound {
        /// The registry's address.
        registry: String,
        /// Empty, or a colon and what the registry said.
        message: String,
    },
    /// The registry wants other credentials. Some say so for repositories that do not exist.
    #[error(
        "pull access denied, repository does not exist or may require authorization: registry {registry} answered {status}{message}"
    )]
    Denied {
        /// The registry's address.
        registry: String,
        /// The status with its name.
        status: StatusCode,
        /// Empty, or a colon and what the registry said.
        message: String,
    },
    /// Any other answer.
    #[error("registry {registry} answered {status}{message}")]
    Status {
        /// The registry's address.
        registry: String,
        /// The status with its name.
        status: StatusCode,
        /// Empty, or a colon and what the registry said.
        message: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// No connection.
    #[error("cannot reach registry {registry}: {reason}")]
    Unreachable {
        /// The registry's address.
        registry: String,
        /// The innermost cause.
        reason: String,
    },
    /// The connection broke.
    #[error("lost the connection to registry {registry}: {reason}")]
    Broken {
        /// The registry's address.
        registry: String,
        /// The innermost cause.
        reason: String,
    },
    /// The registry cannot be asked in this way: a refused redirect, a broken answer.
    #[error("cannot use registry {registry}: {reason}")]
    Protocol {
        /// The registry's address.
        registry: String,
        /// What is wrong.
        reason: String,
    },
    /// The token server does not do what the registry says.
    #[error("cannot get a token for registry {registry}: {reason}")]
    Token {
        /// The registry's address.
        registry: String,
        /// What is wrong.
        reason: String,
    },
    /// A document or a blob is longer than it may be.
    #[error("registry {registry} sends more than {limit} bytes")]
    TooLarge {
        /// The registry's address.
        registry: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The content is not what was asked for.
    #[error("the registry sent content with digest {found} for {expected}")]
    Digest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
}

impl RegistryError {
    /// Whether the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            RegistryError::Broken { .. } => true,
            RegistryError::Status { status, .. } => {
                status.is_server_error() || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            _ => false,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            RegistryError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What an answer that is no success means.
    pub(crate) fn answer(endpoint: &Endpoint, status: StatusCode, body: &[u8], retry_after: Option<Duration>) -> Self {
        let registry = endpoint.to_string();
        let message = message(body).map(|message| format!(": {message}")).unwrap_or_default();
        match status {
            StatusCode::NOT_FOUND => RegistryError::NotFound { registry, message },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RegistryError::Denied { registry, status, message },
            status => RegistryError::Status { registry, status, message, retry_after },
        }
    }

    /// What a failure to send or receive means.
    pub(crate) fn request(endpoint: &Endpoint, error: &reqwest::Error) -> Self {
        let registry = endpoint.to_string();
        let reason = innermost(error);
        if error.is_connect() {
            RegistryError::Unreachable { registry, reason }
        } else if error.is_redirect() || error.is_builder() {
            RegistryError::Protocol { registry, reason }
        } else {
            RegistryError::Broken { registry, reason }
        }
    }
}

/// The cause below all layers of the client, in short words for the common ones.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".into(),
        Some(io::ErrorKind::ConnectionReset) => "connection reset".into(),
        Some(io::ErrorKind::TimedOut) => "i/o timeout".into(),
        Some(io::ErrorKind::HostUnreachable) => "no route to host".into(),
        Some(io::ErrorKind::NetworkUnreachable) => "network is unreachable".into(),
        _ if error.is_timeout() => "i/o timeout".into(),
        _ => cause.to_string(),
    }
}

/// What the registry says, in one short line. Only its own error format is repeated, no pages of a proxy.
fn message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope {
        errors: Vec<Fault>,
    }
    #[derive(Deserialize)]
    struct Fault {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let fault = envelope.errors.first()?;
    let text = match (fault.code.to_lowercase(), fault.message.as_str()) {
        (code, "") => code,
        (code, message) if code.is_empty() => message.to_owned(),
        (code, message) => format!("{code}: {message}"),
    };
    let is_shown = |c: &char| !c.is_control();
    let text: String = text.chars().filter(is_shown).take(MAX_MESSAGE).collect();
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> RegistryError {
        let endpoint = Endpoint::origins("r.example", false).remove(0);
        RegistryError::answer(&endpoint, StatusCode::from_u16(status).unwrap(), body.as_bytes(), None)
    }

    #[test]
    fn answers_say_which_registry_and_what_it_said() {
        let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest\nunknown","detail":{}}]}"#;
        assert_eq!(answer(404, body).to_string(), "not found in registry https://r.example: manifest_unknown: manifestunknown");
        assert_eq!(answer(404, "<html>").to_string(), "not found in registry https://r.example");
        assert_eq!(
            answer(401, "").to_string(),
            "pull access denied, repository does not exist or may require authorization: registry https://r.example answered \
             401 Unauthorized"
        );
        assert_eq!(answer(503, "").to_string(), "registry https://r.example answered 503 Service Unavailable");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (status, expected) in [(500, true), (503, true), (429, true), (404, false), (401, false), (400, false)] {
            assert_eq!(answer(status, "").is_transient(), expected, "{status}");
        }
    }
}
