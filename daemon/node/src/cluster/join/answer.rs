//! The side of the cluster: checks a joiner, and tells it what it needs.

use super::{Answer, LONGEST, MAX_REQUEST, Request};
use crate::cluster::transport::framing::{read_up_to, write};
use crate::cluster::trust::{Trust, wall_ms};
use pki::token::Token;
use pki::{Identity, NodeName};
use quinn::{Connection, SendStream, VarInt};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tracing::info;

/// Joins at once, of machines whose token is good.
const AT_ONCE: usize = 4;
/// Machines that are listened to at once before their token was seen: anybody can be one of them.
const LISTENED_TO: usize = 32;
/// How long one of those may take to show it, and to read that it is refused.
const HEARING: Duration = Duration::from_secs(2);
/// Why a join has ended without a word.
const TOO_LONG: &str = "it took too long";
/// What one too many is told.
const BUSY: &str = "too many machines join at once: try again in a moment";
/// A name belongs to whoever asked for it first, for so long: by then the new node is known by its gossip.
const RESERVED: Duration = Duration::from_secs(60);
/// Names that are remembered for that.
const NAMES: usize = 1024;

/// Decides whether a name is free, and says what a joiner of that name is told; a refusal says what to do.
pub type Doorman = dyn Fn(&str) -> Result<Welcome, String> + Send + Sync;

/// What a joiner is told beside the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// Who is there.
    pub members: Vec<Member>,
    /// The addresses of all pods of the cluster.
    pub cluster_cidr: String,
}

/// A node that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where it receives datagrams.
    pub gossip: SocketAddr,
}

/// The joins that are under way, and the names that were given lately.
#[derive(Debug)]
pub(in crate::cluster) struct Joins {
    hearings: Semaphore,
    places: Semaphore,
    names: Mutex<HashMap<String, (Identity, Instant)>>,
}

impl Default for Joins {
    fn default() -> Self {
        Self { hearings: Semaphore::new(LISTENED_TO), places: Semaphore::new(AT_ONCE), names: Mutex::default() }
    }
}

impl Joins {
    /// Gives a name to an identity, unless another has it.
    fn reserve(&self, name: &str, identity: Identity) -> Result<(), String> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|_, (_, at)| at.elapsed() < RESERVED);
        match names.get(name) {
            Some((other, _)) if *other != identity => {
                Err(format!("another machine is joining as {name:?} right now: give each its own name, with --name"))
            }
            None if names.len() >= NAMES => Err("too many machines join at once: try again in a minute".to_owned()),
            _ => {
                names.insert(name.to_owned(), (identity, Instant::now()));
                Ok(())
            }
        }
    }
}

/// Serves one joiner.
///
/// # Errors
/// In words, why it was refused.
pub(in crate::cluster) async fn serve(
    trust: &Trust,
    doorman: Option<&Doorman>,
    joins: &Joins,
    connection: &Connection,
) -> Result<(), String> {
    let Ok(hearing) = joins.hearings.try_acquire() else {
        connection.close(VarInt::from_u32(4), BUSY.as_bytes());
        return Err(BUSY.to_owned());
    };
    let heard = tokio::time::timeout(HEARING, hear(trust, connection)).await.unwrap_or_else(|_| Err(TOO_LONG.to_owned()));
    let result = match heard {
        Ok((send, Ok(applicant))) => {
            drop(hearing);
            let talk = async {
                // Kept until the joiner has read its answer.
                let (_place, admitted) = match joins.places.try_acquire() {
                    Ok(place) => (Some(place), admit(trust, doorman, joins, applicant).await),
                    Err(_) => (None, Err(BUSY.to_owned())),
                };
                reply(send, connection, admitted).await
            };
            tokio::time::timeout(LONGEST, talk).await.unwrap_or_else(|_| Err(TOO_LONG.to_owned()))
        }
        Ok((send, Err(why))) => {
            let told = tokio::time::timeout(HEARING, reply(send, connection, Err(why))).await;
            told.unwrap_or_else(|_| Err(TOO_LONG.to_owned()))
        }
        Err(why) => Err(why),
    };
    connection.close(VarInt::from_u32(0), b"done");
    result
}

/// A machine whose token is good.
struct Applicant {
    token_id: u64,
    name: String,
    identity: Identity,
    cluster_cidr: Option<String>,
}

/// Reads what a joiner asks, and checks its token; beside why it is refused, the stream that it is told on.
async fn hear(trust: &Trust, connection: &Connection) -> Result<(SendStream, Result<Applicant, String>), String> {
    let (send, mut receive) = connection.accept_bi().await.map_err(|error| error.to_string())?;
    let request = read_up_to(&mut receive, MAX_REQUEST).await.map_err(|error| error.to_string())?;
    let request = request.ok_or("it said nothing")?;
    // The error would quote the token.
    let unreadable = |_| "the request cannot be read: use the same version of skiffd on all nodes".to_owned();
    let request = serde_json::from_slice(&request).map_err(unreadable);
    Ok((send, request.and_then(|request| check(trust, request))))
}

fn check(trust: &Trust, request: Request) -> Result<Applicant, String> {
    let token: Token = request.token.parse().map_err(|error: pki::token::TokenError| error.to_string())?;
    token.check(&trust.keys().bundle, wall_ms()).map_err(|error| error.to_string())?;
    let Request { name, identity, cluster_cidr, .. } = request;
    Ok(Applicant { token_id: token.id(), name, identity, cluster_cidr })
}

/// Tells a joiner what was decided, and waits until it has read that.
async fn reply(mut send: SendStream, connection: &Connection, decided: Result<Answer, String>) -> Result<(), String> {
    let (answer, result) = match decided {
        Ok(answer) => (answer, Ok(())),
        Err(message) => (Answer::Refused { message: message.clone() }, Err(message)),
    };
    let text = serde_json::to_vec(&answer).map_err(|error| error.to_string())?;
    write(&mut send, text.into()).await.map_err(|error| error.to_string())?;
    send.finish().map_err(|error| error.to_string())?;
    // The joiner closes the connection once it has read the answer.
    connection.closed().await;
    result
}

async fn admit(trust: &Trust, doorman: Option<&Doorman>, joins: &Joins, request: Applicant) -> Result<Answer, String> {
    let name = NodeName::parse(&request.name).map_err(|error| error.to_string())?;
    if trust.keys().bundle.is_denied(request.identity) {
        return Err("this machine was removed from the cluster: run `skiffd reset` on it before it joins again".to_owned());
    }
    if name.as_str() == trust.name() {
        return Err(format!("the name {:?} belongs to another node: give this one its own, with --name", name.as_str()));
    }
    let doorman = doorman.ok_or("this node admits nobody yet: try again in a moment, or another node")?;
    let welcome = doorman(name.as_str())?;
    if let Some(theirs) = request.cluster_cidr.filter(|theirs| *theirs != welcome.cluster_cidr) {
        let ours = &welcome.cluster_cidr;
        return Err(format!(
            "this machine is set to give pods addresses of {theirs}, and the cluster's are of {ours}: start it with --cluster-cidr {ours}"
        ));
    }
    let keys = trust.keys();
    let known = keys.bundle.members().get(&request.identity);
    if let Some(known) = known.filter(|known| *known != name.as_str()) {
        return Err(format!(
            "this machine was admitted as the node {known} before: start it with --name {known}; for another name, remove that node \
             (skiff node rm {known}) and run `skiffd reset` on it first"
        ));
    }
    let holders = keys.bundle.identities(name.as_str());
    // Two identities of one name could be told apart by nobody: a removal of one would be that of both.
    if !holders.is_empty() && !holders.contains(&request.identity) {
        let name = name.as_str();
        return Err(format!(
            "there was a node {name} in the cluster already: remove it first (skiff node rm {name}), or give this machine another name with --name"
        ));
    }
    joins.reserve(name.as_str(), request.identity)?;
    trust.admit(request.identity, name.clone()).await.map_err(|error| error.to_string())?;
    info!(node = name.as_str(), token = format!("{:016x}", request.token_id), "a node was admitted");
    let bundle = String::from_utf8(trust.keys().bundle.encode()).map_err(|error| error.to_string())?;
    let bundle = serde_json::value::RawValue::from_string(bundle).map_err(|error| error.to_string())?;
    Ok(Answer::Admitted { bundle, welcome })
}
