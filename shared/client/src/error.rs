//! What can go wrong between a client and a daemon.

use crate::Address;
use objects::Status;
use std::io;
use std::path::PathBuf;

/// Why a request has no answer, or a refusal for one.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there, or we may not speak to it.
    #[error("cannot connect to the daemon at {address}")]
    Connect {
        /// Where.
        address: Address,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// A daemon of another machine wants a certificate, and none was given.
    #[error(
        "{address} needs a certificate: make one with `skiffd client-cert NAME -o FILE` on a node, and give it with --cert FILE"
    )]
    NoCertificate {
        /// Where.
        address: Address,
    },
    /// The certificate's file cannot be used.
    #[error(
        "cannot use the certificate {path}: {detail}; make one with `skiffd client-cert NAME -o FILE` on a node, and give it with --cert FILE"
    )]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// Something listens, and it is no daemon of ours.
    #[error("{address} does not answer as a skiff daemon: {detail}")]
    Handshake {
        /// Where.
        address: Address,
        /// What it did instead.
        detail: String,
    },
    /// The two sides are of different major versions.
    #[error("the daemon speaks protocol {daemon}, this client {client}; use the same version of both")]
    Version {
        /// The daemon's, `major.minor`.
        daemon: String,
        /// Ours.
        client: String,
    },
    /// The connection ended before the answer came.
    #[error("the connection to the daemon was lost: {detail}")]
    Lost {
        /// How.
        detail: String,
    },
    /// There is no connection now; a [`crate::Link`] is trying.
    #[error("not connected to the daemon")]
    NotConnected,
    /// The daemon answered with something that the request does not allow.
    #[error("the daemon broke the protocol: {detail}")]
    Protocol {
        /// What it did.
        detail: String,
    },
    /// The daemon refused; the text is Kubernetes'.
    #[error("{0}")]
    Refused(Status),
}

impl ClientError {
    /// The refusal, where the daemon answered with one.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused(status) => Some(status),
            _ => None,
        }
    }

    /// Whether another try over another connection can help.
    #[must_use]
    pub fn is_link_failure(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Lost { .. } | Self::NotConnected | Self::Handshake { .. })
    }

    pub(crate) fn protocol(detail: impl Into<String>) -> Self {
        Self::Protocol { detail: detail.into() }
    }
}
