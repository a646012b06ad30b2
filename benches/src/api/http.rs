//! Requests: over the daemon's socket, one after the other, and over TLS, many at once.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// How kubectl asks for a list that it prints.
pub const TABLE: (&str, &str) = ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
/// A body of JSON.
pub const JSON: (&str, &str) = ("content-type", "application/json");
/// A patch.
pub const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");

fn request(method: &str, uri: &str, header: (&str, &str), body: String) -> Result<Request<Full<Bytes>>> {
    let request = Request::builder().method(method).uri(uri).header("host", "localhost").header(header.0, header.1);
    Ok(request.body(Full::from(body))?)
}

/// HTTP/1.1 over a socket.
pub struct Plain(http1::SendRequest<Full<Bytes>>);

impl Plain {
    /// Connects.
    pub async fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// The whole answer to a request that must not be refused.
    pub async fn send(&mut self, method: &str, path: &str, header: (&str, &str), body: String) -> Result<Bytes> {
        self.0.ready().await?;
        let response = self.0.send_request(request(method, path, header, body)?).await?;
        whole(response).await.with_context(|| format!("{method} {path}"))
    }
}

async fn whole(response: Response<Incoming>) -> Result<Bytes> {
    let status = response.status();
    let bytes = response.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        bail!("{status}: {}", String::from_utf8_lossy(&bytes));
    }
    Ok(bytes)
}

/// HTTP/2 over TLS.
pub struct Many(http2::SendRequest<Full<Bytes>>);

impl Many {
    /// Connects.
    pub async fn connect((address, name, config): (SocketAddr, String, Arc<ClientConfig>)) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let stream = TlsConnector::from(config).connect(ServerName::try_from(name)?, stream).await?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Begins a watch.
    pub async fn watch(&self, path: &str) -> Result<Incoming> {
        let mut sender = self.0.clone();
        sender.ready().await?;
        let mut request = request("GET", &format!("https://localhost{path}"), TABLE, String::new())?;
        request.headers_mut().remove("host");
        let response = sender.send_request(request).await?;
        if !response.status().is_success() {
            bail!("a watch is refused: {}", response.status());
        }
        Ok(response.into_body())
    }
}
