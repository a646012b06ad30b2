//! The side of the joiner: tries the nodes it was told of, one after the other.

use super::{Answer, LONGEST, MAX_ANSWER, Request, Welcome};
use crate::cluster::transport::connections::explain;
use crate::cluster::transport::framing::{read_up_to, write};
use crate::cluster::transport::quic_address;
use crate::cluster::transport::sockets::{Silence, client_config};
use crate::cluster::trust::{Trust, TrustError};
use pki::token::{Token, TokenError};
use pki::{Authority, Bundle, Lifetimes};
use quinn::{ClientConfig, Endpoint};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a joiner needs.
#[derive(Debug)]
pub struct JoinRequest<'a> {
    /// Where the keys will be kept.
    pub folder: &'a Path,
    /// What this node will be called.
    pub name: &'a str,
    /// Lets it in.
    pub token: &'a Token,
    /// Nodes of the cluster, `HOST:PORT` where they receive datagrams; each is tried.
    pub nodes: &'a [String],
    /// The addresses of all pods, as this machine is set to.
    pub cluster_cidr: &'a str,
    /// How long certificates live.
    pub lifetimes: Lifetimes,
}

/// What a joiner has then.
#[derive(Debug)]
pub struct Joined {
    /// The keys, kept.
    pub trust: Trust,
    /// Who is there, and the cluster's addresses.
    pub welcome: Welcome,
}

/// Why this machine did not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// A token is needed and there is none.
    #[error(
        "--join needs a token the first time: run `skiffd token` on a node of the cluster, put what it prints into a file, and give --join-token-file FILE"
    )]
    NoToken,
    /// The file cannot be read.
    #[error("cannot read the join token from {path}: run `skiffd token` on a node of the cluster, and put what it prints there")]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: std::io::Error,
    },
    /// What is in it is no token.
    #[error("{path}: {source}")]
    Token {
        /// The file.
        path: PathBuf,
        /// How.
        source: TokenError,
    },
    /// Nobody let it in.
    #[error("cannot join the cluster: {}", .0.join("; "))]
    Nobody(Vec<String>),
    /// The keys.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The socket.
    #[error("cannot open a socket to join the cluster with")]
    Socket(#[source] std::io::Error),
}

/// Joins a cluster: asks each node in turn until one lets this machine in, and keeps the keys.
///
/// # Errors
/// See [`JoinError`]; then nothing but this machine's own key was kept.
pub async fn join(request: JoinRequest<'_>) -> Result<Joined, JoinError> {
    let key = Authority::key_for_joining(request.folder).map_err(TrustError::from)?;
    let tls = pki::tls::joining(request.token.generation()).map_err(TrustError::from)?;
    let config = client_config(Arc::new(tls), Silence::Ends).map_err(|error| JoinError::Nobody(vec![error.to_string()]))?;
    let question = Request {
        token: request.token.reveal(),
        name: request.name.to_owned(),
        identity: key.identity(),
        cluster_cidr: Some(request.cluster_cidr.to_owned()),
    };
    let question = serde_json::to_vec(&question).map_err(|error| JoinError::Nobody(vec![error.to_string()]))?;
    let mut failures = Vec::new();
    for node in request.nodes {
        match tokio::time::timeout(LONGEST, ask_host(&config, node, &question)).await {
            Ok(Ok((bundle, welcome))) => {
                let authority = Authority::create(request.folder, bundle).map_err(TrustError::from)?;
                let trust = Trust::new(authority, request.name, request.lifetimes)?;
                return Ok(Joined { trust, welcome });
            }
            Ok(Err(why)) => failures.push(format!("{node}: {why}")),
            Err(_) => failures.push(format!("{node}: no answer within {} s", LONGEST.as_secs())),
        }
    }
    Err(JoinError::Nobody(failures))
}

/// A name may have several addresses.
async fn ask_host(config: &ClientConfig, node: &str, question: &[u8]) -> Result<(Bundle, Welcome), String> {
    let addresses = tokio::net::lookup_host(node).await;
    let addresses = addresses.map_err(|error| format!("{error}; write it as HOST:PORT, such as 10.0.0.1:7946"))?;
    let mut failure = "the name has no address".to_owned();
    for address in addresses {
        match ask(config, quic_address(address), question).await {
            Ok(answer) => return Ok(answer),
            Err(why) => failure = why,
        }
    }
    Err(failure)
}

async fn ask(config: &ClientConfig, address: SocketAddr, question: &[u8]) -> Result<(Bundle, Welcome), String> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let endpoint = Endpoint::client(any).map_err(|error| error.to_string())?;
    let connecting = endpoint.connect_with(config.clone(), address, "skiff").map_err(|error| error.to_string())?;
    let connection = connecting.await.map_err(|error| explain_pin(&error))?;
    let failed = |error: &quinn::ConnectionError| match error {
        quinn::ConnectionError::ApplicationClosed(close) => String::from_utf8_lossy(&close.reason).into_owned(),
        other => other.to_string(),
    };
    let (mut send, mut receive) = connection.open_bi().await.map_err(|error| failed(&error))?;
    let told = write(&mut send, question.to_vec().into()).await;
    let answer = match told {
        Ok(()) => read_up_to(&mut receive, MAX_ANSWER).await,
        Err(error) => Err(error),
    };
    // Where the other side closed the connection, its reason says more than the stream's.
    let why = |error: String| connection.close_reason().map_or(error, |reason| failed(&reason));
    let answer = answer.map_err(|error| why(error.to_string()))?.ok_or_else(|| why("it said nothing".to_owned()))?;
    connection.close(0_u32.into(), b"done");
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), endpoint.wait_idle()).await;
    match serde_json::from_slice(&answer) {
        Ok(Answer::Admitted { bundle, welcome }) => {
            let bundle = Bundle::decode(bundle.get().as_bytes()).map_err(|error| error.to_string())?;
            Ok((bundle, welcome))
        }
        Ok(Answer::Refused { message }) => Err(message),
        // What it says may be keys: none of it is told.
        Err(_) => Err("its answer cannot be read: use the same version of skiffd on all nodes".to_owned()),
    }
}

fn explain_pin(error: &quinn::ConnectionError) -> String {
    let text = explain(error);
    if text.contains("UnknownIssuer") || text.contains("unknown CA") || text.contains("another cluster") {
        return "the node is of another cluster than the token, or the token is of older keys: make a new one with `skiffd token`".to_owned();
    }
    text
}
