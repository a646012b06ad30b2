//! One GET as the kubelet's probes and hooks make it: HTTP/1.1 without proxy, cookies or compression, TLS unverified, the connection
//! closed afterwards, redirects followed on the same host only (`pkg/probe/http`, Go's `net/http`).

mod body;
mod stream;

use super::{Target, port_of, words};
use k8s_openapi::api::core::v1::HTTPGetAction;
use std::fmt;
use std::time::Duration;
use stream::{Connection, Stream};
use tokio::time::{Instant, timeout_at};

/// So many redirects are followed.
const REDIRECTS: usize = 10;
/// A head that is longer belongs to no server.
const HEAD_BYTES: usize = 64 << 10;
/// Without a limit of its own, a request ends all the same.
const LONGEST: Duration = Duration::from_secs(3600);

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    url: Url,
    /// Without `Host`.
    headers: Vec<(String, String)>,
    host: Option<String>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    location: Option<String>,
    /// At most 10 KiB of it.
    pub body: String,
}

/// Why nothing came back, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There was no answer.
    Transport(String),
    /// The answer broke off.
    Body(String),
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Url {
    scheme: Scheme,
    host: String,
    port: u16,
    /// With the query; begins with a slash.
    path: String,
    /// Whether the port is printed: it was when it was given.
    port_shown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// `host:port`, an IPv6 address in brackets.
pub fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.path)
    }
}

impl Url {
    fn authority(&self) -> String {
        match (self.port_shown, self.host.contains(':')) {
            (true, _) => host_port(&self.host, self.port),
            (false, true) => format!("[{}]", self.host),
            (false, false) => self.host.clone(),
        }
    }

    /// Where a `Location` leads from here; `None` where it cannot be read.
    fn join(&self, location: &str) -> Option<Self> {
        let location = location.split('#').next().unwrap_or_default();
        let (scheme, rest) = match location.split_once("://") {
            Some((scheme, rest)) => (Scheme::parse(scheme)?, rest),
            None => match location.strip_prefix("//") {
                Some(rest) => (self.scheme, rest),
                None => return Some(Self { path: self.join_path(location), ..self.clone() }),
            },
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match authority.strip_prefix('[') {
            Some(inner) => inner.split_once(']').map(|(host, rest)| (host, rest.strip_prefix(':')))?,
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let given = match port {
            Some(text) => Some(text.parse::<u16>().ok()?),
            None => None,
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let port = given.unwrap_or(scheme.port());
        Some(Self { scheme, host: host.to_owned(), port, path, port_shown: given.is_some() })
    }

    fn join_path(&self, path: &str) -> String {
        let own = self.path.split('?').next().unwrap_or("/");
        match path.chars().next() {
            Some('/') => path.to_owned(),
            Some('?') => format!("{own}{path}"),
            _ => {
                let folder = own.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{path}")
            }
        }
    }
}

impl Request {
    /// The request of a probe or hook; `agent` is who says it is asking, unless the action's headers say otherwise.
    ///
    /// # Errors
    /// Go's words for a port that the container does not have.
    pub fn of(action: &HTTPGetAction, target: &Target, agent: &str) -> Result<Self, String> {
        let scheme = action.scheme.as_deref().and_then(Scheme::parse).unwrap_or(Scheme::Http);
        let host = action.host.clone().filter(|host| !host.is_empty()).unwrap_or_else(|| target.host.to_string());
        let port = port_of(&action.port, target.container()?)?;
        let path = action.path.as_deref().unwrap_or("/");
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let url = Url { scheme, host, port, path: escape(&path), port_shown: true };
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut own_host = None;
        for header in action.http_headers.iter().flatten() {
            if header.name.eq_ignore_ascii_case("host") {
                own_host = Some(header.value.clone());
            } else {
                headers.push((header.name.clone(), header.value.clone()));
            }
        }
        for (name, value) in [("User-Agent", agent), ("Accept", "*/*")] {
            if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        // One that is set to nothing is not sent.
        let is_default = |name: &str| ["user-agent", "accept"].contains(&name.to_ascii_lowercase().as_str());
        headers.retain(|(name, value)| !(value.is_empty() && is_default(name)));
        Ok(Self { url, headers, host: own_host.filter(|host| !host.is_empty()) })
    }

    /// The same request without TLS.
    pub fn without_tls(&self) -> Self {
        Self { url: Url { scheme: Scheme::Http, ..self.url.clone() }, ..self.clone() }
    }

    /// Whether it goes over TLS.
    pub fn is_tls(&self) -> bool {
        self.url.scheme == Scheme::Https
    }

    fn head(&self) -> String {
        let host = self.host.clone().unwrap_or_else(|| self.url.authority());
        let mut text = format!("GET {} HTTP/1.1\r\nHost: {}\r\n", self.url.path, one_line(&host));
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {}\r\n", one_line(value)));
        }
        text.push_str("Connection: close\r\n\r\n");
        text
    }
}

/// A value cannot begin another header.
fn one_line(value: &str) -> String {
    value.replace(['\r', '\n'], " ")
}

/// Bytes that cannot stand in a request line.
fn escape(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Asks, and follows redirects as long as they stay on the host.
///
/// # Errors
/// See [`Failure`].
pub async fn get(request: &Request, limit: Option<Duration>) -> Result<Answer, Failure> {
    let deadline = Instant::now() + limit.unwrap_or(LONGEST);
    let mut request = request.clone();
    let first = request.url.host.clone();
    for followed in 1.. {
        let answer = match fetch(&request, deadline).await {
            Err(Failure::Transport(words)) => return Err(Failure::Transport(format!("Get \"{}\": {words}", request.url))),
            other => other?,
        };
        if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(answer);
        }
        let Some(location) = answer.location.as_deref().filter(|location| !location.is_empty()) else {
            let words = format!("Get \"{}\": {} response missing Location header", request.url, answer.status);
            return Err(Failure::Transport(words));
        };
        let Some(next) = request.url.join(location) else {
            let words = format!("Get \"{}\": failed to parse Location header {location:?}", request.url);
            return Err(Failure::Transport(words));
        };
        if next.host != first {
            return Ok(answer);
        }
        if followed >= REDIRECTS {
            return Err(Failure::Transport(format!("Get \"{next}\": stopped after {REDIRECTS} redirects")));
        }
        // Another host's name goes along only where the redirect does not name one.
        request.host = request.host.filter(|_| !location.contains("//"));
        request.url = next;
    }
    unreachable!("the loop ends by itself")
}

async fn fetch(request: &Request, deadline: Instant) -> Result<Answer, Failure> {
    let url = &request.url;
    let address = host_port(&url.host, url.port);
    let connection = match timeout_at(deadline, Connection::open(&url.host, url.port, url.scheme == Scheme::Https)).await {
        Ok(connected) => connected.map_err(Failure::Transport)?,
        Err(_) => {
            let dial = words::dial_timeout(&address);
            return Err(Failure::Transport(format!("{dial} (Client.Timeout exceeded while awaiting headers)")));
        }
    };
    let (head, mut stream) = match timeout_at(deadline, exchange(connection, &request.head())).await {
        Ok(answered) => answered.map_err(Failure::Transport)?,
        Err(_) => {
            let words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
            return Err(Failure::Transport(words.to_owned()));
        }
    };
    match timeout_at(deadline, body::read(&mut stream, &head)).await {
        Ok(body) => {
            let body = body.map_err(Failure::Body)?;
            Ok(Answer { status: head.status, location: head.get("location").map(str::to_owned), body })
        }
        Err(_) => {
            let words = "context deadline exceeded (Client.Timeout or context cancellation while reading body)";
            Err(Failure::Body(words.to_owned()))
        }
    }
}

/// The first part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Sends the request and reads the head of its answer; those that only say that it goes on are passed over.
async fn exchange(connection: Connection, request: &str) -> Result<(Head, Stream), String> {
    let mut stream = connection.send(request.as_bytes()).await?;
    loop {
        let head = read_head(&mut stream).await?;
        if !(100..200).contains(&head.status) || head.status == 101 {
            return Ok((head, stream));
        }
    }
}

async fn read_head(stream: &mut Stream) -> Result<Head, String> {
    loop {
        if let Some((text, rest)) = split_head(stream.buffer()) {
            let head = parse_head(&text)?;
            stream.consume(rest);
            return Ok(head);
        }
        // What does not begin like an answer is none, however long it is.
        let is_http = stream.buffer().iter().zip(b"HTTP/").all(|(byte, wanted)| byte == wanted);
        if !is_http || stream.buffer().len() > HEAD_BYTES {
            let text = String::from_utf8_lossy(stream.buffer()).into_owned();
            return Err(malformed(text.lines().next().unwrap_or_default()));
        }
        if stream.fill().await? == 0 {
            return Err(if stream.buffer().is_empty() { "EOF" } else { "unexpected EOF" }.to_owned());
        }
    }
}

/// The head's text, and where what follows it begins.
fn split_head(bytes: &[u8]) -> Option<(String, usize)> {
    let ends: [&[u8]; 2] = [b"\r\n\r\n", b"\n\n"];
    let find = |end: &[u8]| bytes.windows(end.len()).position(|window| window == end).map(|at| (at, at + end.len()));
    let (end, rest) = ends.into_iter().filter_map(find).min()?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), rest))
}

fn malformed(line: &str) -> String {
    let line: String = line.chars().take(120).collect();
    format!("net/http: HTTP/1.x transport connection broken: malformed HTTP response {line:?}")
}

fn parse_head(text: &str) -> Result<Head, String> {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut words = first.splitn(3, ' ');
    let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
    let status = words.next().and_then(|status| status.parse().ok()).filter(|_| is_http);
    let Some(status) = status else { return Err(malformed(first)) };
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    Ok(Head { status, headers: lines.filter_map(header).collect() })
}

#[cfg(test)]
mod tests;
