//! HTTP on one connection, whatever carries it: the console's websocket, and the Kubernetes API.
//!
//! Everything of a connection runs in the task that serves it: dropping that ends all of its requests. What a client costs is bounded:
//! the size of a request's head and body, the time for a head, the streams of a connection, and by the listener the connections.

mod answer;
mod body;
mod carried;
mod channels;
mod exchange;
mod log;
mod metrics;
mod one_way;
mod patch;
mod plain;
mod ports;
mod proxy;
mod read;
mod scale;
mod site;
mod spdy;
mod streaming;
mod subresource;
mod watch;
mod write;

use super::peer::Peer;
use crate::verbs::Verbs;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use site::Site;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::debug;

/// How long a client may take for a request's head, and how long it may be silent between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of a request's head (HTTP/1.1), and of what waits to be written: of a connection, or of a stream (HTTP/2).
const BUFFER_BYTES: usize = 64 * 1024;
/// The most headers of a request.
const MAX_HEADERS: usize = 100;
/// The most bytes of a request's headers (HTTP/2).
const HEADER_BYTES: u32 = 64 * 1024;
/// Requests of one connection at once (HTTP/2): what Kubernetes' clients expect.
const MAX_STREAMS: u32 = 250;
/// How long somebody without a certificate may take to show a token.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that is silent for so long is asked whether it lives (HTTP/2).
const PING_EVERY: Duration = Duration::from_secs(30);

/// What was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, which may become a websocket.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Serves somebody who has shown no certificate, to the end of the connection or until it is clear that no token says who it is either.
/// `place` is one of the few for those who are not known yet.
pub async fn serve_stranger<S>(stream: S, protocol: Protocol, verbs: Arc<Verbs>, place: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let site = Arc::new(Site::new(verbs, Peer::Stranger));
    let becoming = site.clone();
    let unknown = async move {
        tokio::time::sleep(STRANGER_TIMEOUT).await;
        if becoming.has_let_in() {
            drop(place);
            std::future::pending::<()>().await;
        }
    };
    // Dropping the connection's future closes it.
    tokio::select! {
        () = serve_site(stream, protocol, site) => {}
        () = unknown => debug!("a stranger's connection was closed"),
    }
}

/// Serves one connection to its end.
pub async fn serve<S>(stream: S, peer: Peer, protocol: Protocol, verbs: Arc<Verbs>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    serve_site(stream, protocol, Arc::new(Site::new(verbs, peer))).await;
}

async fn serve_site<S>(stream: S, protocol: Protocol, site: Arc<Site>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match protocol {
        Protocol::Http1 => serve_http1(stream, site).await,
        Protocol::Http2 => serve_http2(stream, site).await,
    }
}

async fn serve_http1<S>(stream: S, site: Arc<Site>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let serving = site.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let site = serving.clone();
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = Box::pin(connection).await {
        debug!(peer = %site.peer(), %error, "a connection broke");
        return;
    }
    if let Some(upgraded) = site.take_upgrade() {
        upgraded.run().await;
    }
}

async fn serve_http2<S>(stream: S, site: Arc<Site>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let serving = site.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let site = serving.clone();
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    // As many as the connection may have streams.
    let (beside, mut started) = mpsc::unbounded_channel();
    let mut connection = Box::pin(
        http2::Builder::new(Beside(beside))
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(HEADER_BYTES)
            // Of each stream whose client does not read.
            .max_send_buf_size(BUFFER_BYTES)
            .keep_alive_interval(PING_EVERY)
            .serve_connection(TokioIo::new(stream), service),
    );
    let mut streams = FuturesUnordered::new();
    loop {
        // Futures that are kept lose nothing when another arm wins.
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    debug!(peer = %site.peer(), %error, "a connection broke");
                }
                return;
            }
            Some(stream) = started.recv() => streams.push(stream),
            Some(()) = streams.next(), if !streams.is_empty() => {}
        }
    }
}

/// Lets hyper's work on streams run beside the connection, in its task.
#[derive(Clone)]
struct Beside(mpsc::UnboundedSender<BoxFuture<'static, ()>>);

impl<F> hyper::rt::Executor<F> for Beside
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        // Once the connection is gone, nobody waits for it.
        let _ = self.0.send(Box::pin(stream));
    }
}

#[cfg(test)]
pub mod tests;
