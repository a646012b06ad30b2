//! The SSH door (`--ssh-listen`): serves the console and the verbs to `ssh -p PORT node`, with nothing installed on the client.
//!
//! A session is the program `skiff --captive` in a pseudo-terminal or on pipes. It runs as a user that nobody else is, in a network
//! namespace with nothing in it, may write no file, and reaches the daemon by a socket of its own ([`door`]) with the role of the key
//! that let it in ([`authorized_keys`]). There is no shell, no forwarding, no file transfer.
//!
//! What a client costs is bounded: connections, those that are not let in yet and how long, tries, sessions, and the bytes under way
//! in each direction. Output waits in the pseudo-terminal, not here: the console paints its next picture when the last one was shown.
//!
//! | task | owner | ends with |
//! |---|---|---|
//! | listener | `daemon` | the daemon |
//! | connection | listener | the client, or the time to log in |
//! | channel, one a session | its connection | the program or the client |

pub mod authorized_keys;
mod connection;
mod door;
pub mod host_key;
pub mod launch;
mod places;
mod program;
mod session;
mod words;

use crate::api::ListenError;
use crate::shutdown::Shutdown;
use crate::strangers;
use crate::verbs::Verbs;
use places::Places;
use russh::server::Config;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{info, warn};

/// Connections at once; more are closed at the door.
const MAX_CONNECTIONS: usize = 64;
/// Of these, those that no key has let in yet.
const MAX_STRANGERS: usize = 16;

/// Where the door is, and what it needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen.
    pub address: SocketAddr,
    /// The keys that are let in.
    pub authorized_keys: PathBuf,
    /// Where the host key is kept.
    pub data_dir: PathBuf,
    /// Where the sessions' sockets are.
    pub run_dir: PathBuf,
}

/// Why there is no door.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// The address.
    #[error("cannot listen on {address}; choose another --ssh-listen")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the kernel says.
        #[source]
        source: std::io::Error,
    },
    /// The host key.
    #[error(transparent)]
    HostKey(#[from] host_key::HostKeyError),
    /// The folder of sockets.
    #[error("cannot make {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: std::io::Error,
    },
}

/// The socket, bound, before anything is served.
pub struct SshListener {
    socket: TcpListener,
    config: Arc<Config>,
    settings: Settings,
}

/// What all connections share.
struct Shared {
    config: Arc<Config>,
    authorized_keys: PathBuf,
    places: Places,
    verbs: Arc<Verbs>,
}

impl SshListener {
    /// Binds the socket, and makes the host key where there is none yet.
    ///
    /// # Errors
    /// See [`SshError`].
    pub async fn bind(settings: Settings) -> Result<Self, SshError> {
        let key = host_key::open(&settings.data_dir)?;
        let folder = Places::folder(&settings.run_dir);
        places::make_folder(&folder).map_err(|source| SshError::Folder { path: folder, source })?;
        let address = settings.address;
        let socket = TcpListener::bind(address).await.map_err(|source| SshError::Address { address, source })?;
        info!(%address, fingerprint = host_key::fingerprint(&key), "the SSH door is open");
        match authorized_keys::read(&settings.authorized_keys) {
            Ok(text) => {
                for fault in authorized_keys::faults(&text) {
                    warn!(file = %settings.authorized_keys.display(), %fault, "a line lets nobody in");
                }
            }
            Err(error) => warn!(%error, "the SSH door lets nobody in"),
        }
        Ok(Self { socket, config: Arc::new(connection::config(key)), settings })
    }

    /// Serves until the shutdown signal; then closes every connection and ends its sessions.
    pub async fn serve(self, verbs: Arc<Verbs>, shutdown: Shutdown) {
        let shared = Arc::new(Shared {
            config: self.config,
            authorized_keys: self.settings.authorized_keys,
            places: Places::new(&self.settings.run_dir),
            verbs,
        });
        let unknown = Arc::new(Semaphore::new(MAX_STRANGERS));
        let admit = |stream, from| {
            let place = unknown.clone().try_acquire_owned().ok()?;
            Some(connection::serve(stream, from, place, shared.clone()))
        };
        strangers::serve(&self.socket, (MAX_CONNECTIONS, "an SSH client"), shutdown, admit).await;
    }
}

impl From<SshError> for ListenError {
    fn from(error: SshError) -> Self {
        Self::Ssh(Box::new(error))
    }
}
