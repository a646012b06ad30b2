//! The daemon's door: a unix socket, who may come in, and a task a connection.

mod carry;
mod connection;
mod duplex;
mod http;
mod inbox;
mod outbox;
mod peer;
mod remote;
mod requests;
mod rights;
mod usage;

use crate::cluster::transport::IncomingStream;
use crate::peers::{API_STREAM, ByteStream};
use crate::verbs::Verbs;
use http::Protocol;
use nix::unistd::{Gid, Group};
use peer::Peer;
pub use remote::RemoteListener;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::shutdown::Shutdown;
use crate::ssh::SshError;

/// Connections at once; more are closed at the door.
const MAX_CONNECTIONS: usize = 256;

/// Why the daemon cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another daemon answers there.
    #[error("another daemon is listening on {0}; stop it, or choose another --socket and --run-dir")]
    InUse(PathBuf),
    /// No such group on this machine.
    #[error("--socket-group: there is no group {0:?}")]
    Group(String),
    /// The address of `--listen` cannot be used.
    #[error("cannot listen on {address}; choose another --listen")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The SSH door.
    #[error(transparent)]
    Ssh(Box<SshError>),
    /// Making the socket failed.
    #[error("cannot listen on {path}")]
    Bind {
        /// The socket.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
}

/// The socket, bound, before anything is served.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    group: Option<Gid>,
}

impl Listener {
    /// Binds the socket: mode 0660, root's and the group's. A dead daemon's socket is replaced.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn bind(path: &Path, group: Option<&str>) -> Result<Self, ListenError> {
        let bind = |source| ListenError::Bind { path: path.to_owned(), source };
        let group = group.map(find_group).transpose()?;
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(ListenError::InUse(path.to_owned()));
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(bind)?;
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(bind(error)),
            _ => {}
        }
        let socket = UnixListener::bind(path).map_err(bind)?;
        if let Some(group) = group {
            nix::unistd::chown(path, None, Some(group)).map_err(|errno| bind(errno.into()))?;
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(bind)?;
        Ok(Self { socket, path: path.to_owned(), group })
    }

    /// Serves until the shutdown signal; then closes every connection and removes the socket.
    pub async fn serve(self, verbs: Arc<Verbs>, mut shutdown: Shutdown) {
        let mut connections = JoinSet::new();
        loop {
            // Accepting and joining lose nothing when another arm wins.
            tokio::select! {
                biased;
                () = shutdown.wait() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, _)) if connections.len() >= MAX_CONNECTIONS => {
                        warn!(limit = MAX_CONNECTIONS, "too many connections; one was closed");
                        drop(stream);
                    }
                    Ok((stream, _)) => {
                        if let Some(peer) = self.admit(&stream) {
                            connections.spawn(http::serve(stream, peer, Protocol::Http1, verbs.clone()));
                        }
                    }
                    // Out of descriptors, most likely: others may close theirs meanwhile.
                    Err(error) => {
                        warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    }
                }
            }
        }
        connections.shutdown().await;
        if let Err(error) = std::fs::remove_file(&self.path) {
            debug!(%error, "the socket was gone already");
        }
    }

    /// The peer, where it may come in. The socket's mode says the same; this holds even where somebody changed that.
    fn admit(&self, stream: &UnixStream) -> Option<Peer> {
        let credentials = match stream.peer_cred() {
            Ok(credentials) => credentials,
            Err(error) => {
                warn!(%error, "a connection without credentials was refused");
                return None;
            }
        };
        let (uid, gid, pid) = (credentials.uid(), credentials.gid(), credentials.pid());
        let is_ours = uid == 0 || uid == nix::unistd::geteuid().as_raw();
        let is_member = self.group.is_some_and(|group| group.as_raw() == gid || pid.is_some_and(|pid| is_in_group(pid, group)));
        if is_ours || is_member {
            return Some(Peer::Process { uid, pid });
        }
        info!(uid, gid, pid, "a connection was refused: neither root nor of the socket's group");
        None
    }
}

/// Serves the streams that other nodes' daemons open, until the shutdown signal. The transport bounds how many wait; past
/// [`MAX_CONNECTIONS`] at once they wait there.
pub async fn serve_peers(mut streams: mpsc::Receiver<IncomingStream>, verbs: Arc<Verbs>, mut shutdown: Shutdown) {
    let mut connections = JoinSet::new();
    loop {
        // Queue and set keep what is not taken.
        tokio::select! {
            biased;
            () = shutdown.wait() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            Some(incoming) = streams.recv(), if connections.len() < MAX_CONNECTIONS => {
                if incoming.kind == API_STREAM {
                    connections.spawn(serve_peer(Box::new(incoming.stream), incoming.node.to_string(), verbs.clone()));
                } else {
                    debug!(node = %incoming.node, kind = incoming.kind, "a stream for something that is not served here");
                }
            }
        }
    }
    connections.shutdown().await;
}

/// Serves a stream that another node's daemon has opened, to its end. `node` is the name that it has proved.
pub async fn serve_peer(stream: ByteStream, node: String, verbs: Arc<Verbs>) {
    http::serve(stream, Peer::Node(node), Protocol::Http1, verbs).await;
}

/// Serves a console that another door let in, to its end: who it is and which groups it has that one knows.
pub async fn serve_console(stream: UnixStream, name: String, groups: Vec<String>, verbs: Arc<Verbs>) {
    http::serve(stream, Peer::Console { name, groups }, Protocol::Http1, verbs).await;
}

fn find_group(name: &str) -> Result<Gid, ListenError> {
    if let Ok(number) = name.parse() {
        return Ok(Gid::from_raw(number));
    }
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid),
        _ => Err(ListenError::Group(name.to_owned())),
    }
}

fn is_in_group(pid: i32, group: Gid) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { return false };
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    groups.split_whitespace().any(|gid| gid.parse() == Ok(group.as_raw()))
}

#[cfg(test)]
pub(crate) mod tests;
