//! A client for the tests: HTTP over a daemon's socket, or over TLS as another machine's would.

use crate::api::RemoteListener;
use crate::api::tests::{Served, running};
use crate::cluster::trust::{Trust, wall_ms};
use crate::peers::Alone;
use crate::shutdown::{self, Trigger};
use crate::verbs::Verbs;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use pki::bearer::Bearer;
use pki::{API_NAME, ClientKeys, Lifetimes, NodeName};
use rest::rights::Role;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub body: Value,
    pub text: String,
    headers: hyper::HeaderMap,
}

impl Answer {
    async fn of(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self { code: parts.status.as_u16(), body, text, headers: parts.headers }
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub fn reason(&self) -> &str {
        self.body["reason"].as_str().unwrap_or_default()
    }
}

/// Sends a request over a new connection to a socket.
pub async fn send(socket: &Path, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Response<Incoming> {
    let stream = UnixStream::connect(socket).await.expect("a connection");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    sender.send_request(request(method, path, headers, body)).await.expect("an answer")
}

/// The answer to a GET over a new connection to a socket.
pub async fn get(socket: &Path, path: &str) -> Answer {
    Answer::of(send(socket, "GET", path, &[], String::new()).await).await
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::from(body)).expect("a request")
}

/// A daemon with both doors.
pub struct Api {
    served: Served,
    trust: Trust,
    port: u16,
    _folder: TempDir,
    _trigger: Trigger,
}

impl Api {
    pub async fn new() -> Self {
        Self::of("n").await
    }

    /// A daemon of this name.
    pub async fn of(name: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = Trust::make_cluster(&folder.path().join("pki"), name, Lifetimes::default()).expect("keys");
        let served = Served::with_door(name, Arc::new(Alone::new(name)), Some(trust.clone()));
        let listener = RemoteListener::bind(([127, 0, 0, 1], 0).into()).await.expect("a socket");
        let port = listener.address().expect("an address").port();
        let (trigger, shutdown) = shutdown::signal();
        tokio::spawn(listener.serve(served.verbs.clone(), trust.clone(), shutdown));
        Self { served, trust, port, _folder: folder, _trigger: trigger }
    }

    pub fn socket(&self) -> PathBuf {
        self.served.socket()
    }

    pub fn verbs(&self) -> Arc<Verbs> {
        self.served.verbs.clone()
    }

    pub fn store(&self) -> &Store {
        &self.served.store
    }

    /// A pod runs here from now on.
    pub async fn set_running(&self, pod: &str) {
        self.served.put_status(pod, running(0)).await;
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        Answer::of(send(&self.socket(), method, path, headers, body).await).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], String::new()).await
    }

    pub async fn post(&self, path: &str, object: &Value) -> Answer {
        self.send("POST", path, &[], object.to_string()).await
    }

    pub async fn watch(&self, path: &str, headers: &[(&str, &str)]) -> Lines {
        let response = send(&self.socket(), "GET", path, headers, String::new()).await;
        assert_eq!(response.status(), 200);
        Lines { body: response.into_body(), read: Vec::new() }
    }

    /// A token for somebody.
    pub fn token(&self, role: Role, life: Duration) -> String {
        let now_ms = wall_ms();
        let expires_ms = now_ms + u64::try_from(life.as_millis()).expect("a short life");
        let bearer = Bearer { name: "ada".to_owned(), groups: vec![role.group().to_owned()], expires_ms };
        bearer.reveal(&self.trust.keys().bundle, now_ms)
    }

    /// A connection without a certificate over which nothing is said; none where it was closed at once.
    pub async fn stranger(&self) -> Option<TlsStream<TcpStream>> {
        let mut stream = self.connect(None).await.ok()?;
        // Who is closed at the door learns so with the first reading.
        let read = tokio::time::timeout(Duration::from_millis(50), stream.read_u8()).await;
        read.is_err().then_some(stream)
    }

    /// A client of another machine: with a certificate for this role, or without.
    pub async fn remote(&self, role: Option<Role>) -> Remote {
        let stream = self.connect(role).await.expect("a handshake");
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("an HTTP/2 handshake");
        tokio::spawn(connection);
        Remote { sender }
    }

    async fn connect(&self, role: Option<Role>) -> std::io::Result<TlsStream<TcpStream>> {
        let bundle = self.trust.keys().bundle;
        let name = NodeName::parse("ada").expect("a name");
        let group = role.unwrap_or(Role::Viewer).group();
        let keys = ClientKeys::make(&bundle, &name, group, 600_000, wall_ms()).expect("keys");
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(keys.authorities.as_bytes()) {
            roots.add(authority.expect("a certificate")).expect("an authority");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let builder = builder.with_root_certificates(roots);
        let own = CertificateDer::from_pem_slice(keys.certificate.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(keys.key.as_bytes()).expect("a key");
        let mut config = match role {
            Some(_) => builder.with_client_auth_cert(vec![own], key).expect("a configuration"),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("a connection");
        let name = ServerName::try_from(API_NAME).expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

/// A connection of a client of another machine.
pub struct Remote {
    sender: http2::SendRequest<Full<Bytes>>,
}

impl Remote {
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = request(method, path, headers, body);
        request.headers_mut().remove("host");
        *request.uri_mut() = format!("https://localhost{path}").parse().expect("a URI");
        let mut sender = self.sender.clone();
        sender.ready().await.expect("a connection");
        Answer::of(sender.send_request(request).await.expect("an answer")).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], String::new()).await
    }

    /// The body of an answer that goes on.
    pub async fn open(&self, path: &str) -> Incoming {
        let mut request = request("GET", path, &[], String::new());
        request.headers_mut().remove("host");
        *request.uri_mut() = format!("https://localhost{path}").parse().expect("a URI");
        let mut sender = self.sender.clone();
        sender.ready().await.expect("a connection");
        sender.send_request(request).await.expect("an answer").into_body()
    }
}

/// A watch's lines.
pub struct Lines {
    body: Incoming,
    read: Vec<u8>,
}

impl Lines {
    /// The next line; none at the end.
    async fn line(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("JSON"));
            }
            let frame = self.body.frame().await?.expect("a frame");
            self.read.extend_from_slice(frame.data_ref().map(AsRef::as_ref).unwrap_or_default());
        }
    }

    pub async fn next_event(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(30), self.line()).await.expect("an event in time");
        line.expect("the watch goes on")
    }

    /// What happened to which object.
    pub async fn next(&mut self) -> (String, String) {
        let event = self.next_event().await;
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        (text("/type"), text("/object/metadata/name"))
    }

    pub async fn is_over(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(30), self.line()).await.expect("an end in time").is_none()
    }
}
