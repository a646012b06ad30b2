//! Passes a request on to the daemon of the pod's node, and its answer back, as they are.
//!
//! One stream between daemons a request. The other daemon serves it as any HTTP; it sees by the certificate that a daemon asks, which has
//! let its own client in, and passes it on no further.

use super::super::peer::Peer;
use super::exchange::{Exchanged, exchange};
use crate::verbs::Verbs;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Version};
use objects::Status;
use rest::route::Target;
use std::time::Duration;

/// How long another daemon may take to be reached.
const REACH_TIMEOUT: Duration = Duration::from_secs(3);

/// The node that alone can answer; none where it is this one, or a daemon asks, which knows better than we do.
pub fn elsewhere(verbs: &Verbs, peer: &Peer, target: &Target) -> Option<String> {
    let is_nodes_own = |name: &str| matches!(name, "attach" | "exec" | "log" | "portforward");
    let is_a_pods = target.resource.kind_name == "Pod" && target.subresource.is_some_and(|below| is_nodes_own(below.name));
    match peer {
        Peer::Node(_) => None,
        _ if is_a_pods => verbs.node_of_pod(target.namespace(), target.name.as_deref().unwrap_or_default()),
        _ => None,
    }
}

/// Has the node's daemon answer.
///
/// # Errors
/// 503 where it cannot be reached, or does not answer as HTTP.
pub async fn carry(verbs: &Verbs, node: &str, mut parts: Parts, body: Incoming) -> Result<Exchanged, Status> {
    let ours = parts.extensions.remove::<OnUpgrade>();
    let late = || verbs.unreachable(node, "it did not answer in time");
    let stream = tokio::time::timeout(REACH_TIMEOUT, verbs.dial(node)).await.unwrap_or_else(|_| Err(late()))?;
    // We let the client in; there we are who asks.
    parts.headers.remove(AUTHORIZATION);
    parts.headers.insert(HOST, HeaderValue::from_static("localhost"));
    let exchanged = exchange(stream, request(parts, body), ours).await;
    exchanged.map_err(|why| verbs.unreachable(node, &why))
}

/// A client's request as it is sent on: only the path, whom it is for is known already.
pub fn request(parts: Parts, body: Incoming) -> Request<Incoming> {
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = parts.uri.path_and_query().map_or_else(|| parts.uri.clone(), |path| path.clone().into());
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = parts.headers;
    request
}
