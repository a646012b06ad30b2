//! Credentials for clients of the API: who may come in, and as what.

use super::Verbs;
use crate::cluster::trust::wall_ms;
use objects::Status;
use pki::bearer::Bearer;
use pki::{API_NAME, ClientKeys, NodeName};
use rest::rights::Role;
use wire::{Credentials, CredentialsRequest, Proof, Response};

/// No credential counts for longer, in seconds.
const MAX_SECONDS: u64 = 10 * 366 * 86_400;

impl Verbs {
    /// Makes a certificate or a token for a client.
    ///
    /// # Errors
    /// 400 for a name, role or time that are none; 503 where this node has no keys.
    pub fn credentials(&self, request: &CredentialsRequest) -> Result<Response, Status> {
        let keys = self.keys().ok_or_else(|| Status::unavailable("this node has no keys of a cluster"))?;
        let role = Role::from_word(&request.role).ok_or_else(|| {
            let words = Role::ALL.map(Role::as_str).join(", ");
            Status::bad_request(format!("there is no role {:?}: use {words}", request.role))
        })?;
        if !(1..=MAX_SECONDS).contains(&request.ttl_seconds) {
            return Err(Status::bad_request("the time has to be between a second and ten years"));
        }
        let name = NodeName::parse(&request.name).map_err(|error| Status::bad_request(error.to_string()))?;
        let (now_ms, life_ms) = (wall_ms(), request.ttl_seconds * 1000);
        let mut credentials = Credentials {
            cluster: keys.bundle.cluster().to_owned(),
            node: self.node_name.clone(),
            authorities: pki::authorities_pem(&keys.bundle, now_ms),
            server_name: API_NAME.to_owned(),
            listen: self.door.as_ref().and_then(|door| door.listen).map(|address| address.to_string()),
            ..Credentials::default()
        };
        let expires_ms = match request.proof {
            Proof::Certificate => {
                let made = ClientKeys::make(&keys.bundle, &name, role.group(), life_ms, now_ms).map_err(Status::internal)?;
                credentials.certificate = Some(made.certificate);
                credentials.key = Some(made.key);
                made.expires_ms
            }
            Proof::Token => {
                let (groups, expires_ms) = (vec![role.group().to_owned()], now_ms.saturating_add(life_ms));
                let bearer = Bearer { name: request.name.clone(), groups, expires_ms };
                credentials.token = Some(bearer.reveal(&keys.bundle, now_ms));
                expires_ms
            }
        };
        credentials.expires_at = i64::try_from(expires_ms / 1000).unwrap_or(i64::MAX);
        Ok(Response::Credentials(Box::new(credentials)))
    }
}
