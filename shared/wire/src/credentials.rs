//! Credentials for clients of the Kubernetes API: what `skiff kubeconfig` writes down.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a client shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Proof {
    /// With a certificate of the cluster.
    #[default]
    Certificate,
    /// With a bearer token.
    Token,
}

/// See [`crate::Request::Credentials`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsRequest {
    /// Whose they are.
    pub name: String,
    /// What they allow: `admin`, `operator`, `viewer`.
    pub role: String,
    /// How long they count, in seconds.
    pub ttl_seconds: u64,
    /// What they are.
    #[serde(default)]
    pub proof: Proof,
}

/// The answer to [`crate::Request::Credentials`]. It is a secret.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Credentials {
    /// The cluster's id.
    pub cluster: String,
    /// The node that made them.
    pub node: String,
    /// The certificates of the cluster's authorities, PEM.
    pub authorities: String,
    /// The name that every node's API has in its certificate.
    pub server_name: String,
    /// Where that node listens for clients; `None` where it does not.
    pub listen: Option<String>,
    /// The client's certificate, PEM.
    pub certificate: Option<String>,
    /// Its key, PEM.
    pub key: Option<String>,
    /// The token.
    pub token: Option<String>,
    /// Seconds since 1970 when they end.
    pub expires_at: i64,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("cluster", &self.cluster)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;

    #[test]
    fn what_is_secret_is_in_no_log() {
        let credentials = Credentials { token: Some("t0p".to_owned()), key: Some("s3cret".to_owned()), ..Credentials::default() };
        let text = format!("{credentials:?}");
        assert!(!text.contains("t0p") && !text.contains("s3cret"), "{text}");
    }
}
