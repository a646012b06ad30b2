//! Passes a request on to the daemon of the pod's node, and its answer back, as they are.
//!
//! One stream between daemons a request. The other daemon serves it as any HTTP; it sees by the certificate that a daemon asks, which has
//! let its own client in, and passes it on no further.

use super::super::peer::Peer;
use super::answer::Body;
use super::streaming::{Afterwards, Switch};
use crate::verbs::Verbs;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use objects::Status;
use rest::route::Target;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
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
pub async fn carry(verbs: &Verbs, node: &str, mut parts: Parts, body: Incoming) -> Result<Carried, Status> {
    let ours = parts.extensions.remove::<OnUpgrade>();
    let late = || verbs.unreachable(node, "it did not answer in time");
    let reaching = async {
        let stream = verbs.dial(node).await?;
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| verbs.unreachable(node, &error.to_string()))
    };
    let (mut sender, connection) = tokio::time::timeout(REACH_TIMEOUT, reaching).await.unwrap_or_else(|_| Err(late()))?;
    let mut connection: BoxFuture<'static, hyper::Result<()>> = Box::pin(connection.with_upgrades());
    let sending = sender.send_request(request(parts, body));
    // The connection moves what the request and its answer are made of; it ends first only where it breaks.
    let sent = tokio::select! {
        sent = sending => sent,
        ended = &mut connection => {
            let why = ended.err().map_or_else(|| "it closed the connection".to_owned(), |error| error.to_string());
            return Err(verbs.unreachable(node, &why));
        }
    };
    let mut response = sent.map_err(|error| verbs.unreachable(node, &error.to_string()))?;
    let (StatusCode::SWITCHING_PROTOCOLS, Some(on)) = (response.status(), ours) else {
        return Ok(Carried::Answer(response.map(|body| Driven { connection: Some(connection), body }.boxed_unsync())));
    };
    let theirs = hyper::upgrade::on(&mut response);
    let response = response.map(|_| Empty::new().map_err(|never| match never {}).boxed_unsync());
    let afterwards: Afterwards = Box::new(move |mut near| {
        Box::pin(async move {
            // The connection is moved until it is ours; an error shows there, too.
            let (_, theirs) = tokio::join!(connection, theirs);
            if let Ok(far) = theirs {
                // Either side's end ends the other.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut TokioIo::new(far)).await;
            }
        })
    });
    Ok(Carried::Switch(Switch { response, on, afterwards }))
}

/// What another daemon answered.
pub enum Carried {
    /// An answer, to be passed on.
    Answer(Response<Body>),
    /// That the connection is another one now: bytes are passed on both ways.
    Switch(Switch),
}

fn request(parts: Parts, body: Incoming) -> Request<Incoming> {
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    // Only the path: the daemon is known already.
    *request.uri_mut() = parts.uri.path_and_query().map_or_else(|| parts.uri.clone(), |path| path.clone().into());
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = parts.headers;
    let headers = request.headers_mut();
    // We let the client in; there we are who asks.
    headers.remove(AUTHORIZATION);
    headers.insert(HOST, HeaderValue::from_static("localhost"));
    request
}

/// An answer, and the connection that it comes over.
struct Driven {
    connection: Option<BoxFuture<'static, hyper::Result<()>>>,
    body: Incoming,
}

impl hyper::body::Body for Driven {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(connection) = &mut self.connection
            && connection.poll_unpin(cx).is_ready()
        {
            // What it has read is in the body; an error shows there, too.
            self.connection = None;
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(io::Error::other)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
