//! The door for consoles and clients of other machines: TLS, and a certificate of this cluster or a token.

use super::http::{self, Protocol};
use super::peer::Peer;
use super::{ListenError, MAX_CONNECTIONS};
use crate::cluster::trust::{Trust, wall_ms};
use crate::shutdown::Shutdown;
use crate::strangers::{self, Refused};
use crate::verbs::Verbs;
use pki::tls::HTTP2_PROTOCOL;
use pki::{Holder, HolderKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections at once of those who are not known, by a certificate or a token.
const MAX_STRANGERS: usize = 64;

/// The socket, bound, before anything is served.
#[derive(Debug)]
pub struct RemoteListener {
    socket: TcpListener,
}

impl RemoteListener {
    /// Binds the socket.
    ///
    /// # Errors
    /// [`ListenError::Address`].
    pub async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let socket = TcpListener::bind(address).await;
        Ok(Self { socket: socket.map_err(|source| ListenError::Address { address, source })? })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until the shutdown signal; then closes every connection.
    pub async fn serve(self, verbs: Arc<Verbs>, trust: Trust, shutdown: Shutdown) {
        let unknown = Arc::new(Semaphore::new(MAX_STRANGERS));
        let admit = |stream, from| Some(admit(stream, from, (trust.clone(), unknown.clone()), verbs.clone()));
        strangers::serve(&self.socket, (MAX_CONNECTIONS, "a console"), shutdown, admit).await;
    }
}

async fn admit(
    stream: TcpStream,
    from: SocketAddr,
    (trust, unknown): (Trust, Arc<Semaphore>),
    verbs: Arc<Verbs>,
) -> Result<(), Refused> {
    let refused = |why: String| Refused { from, why };
    let acceptor = TlsAcceptor::from(trust.keys().tls.consoles.clone());
    // A keystroke's answer is a packet of its own.
    stream.set_nodelay(true).map_err(|error| refused(error.to_string()))?;
    let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
    let stream = shaken.map_err(|_| refused("its handshake took too long".to_owned()))?;
    let stream = stream.map_err(|error| refused(error.to_string()))?;
    let session = stream.get_ref().1;
    let protocol = if session.alpn_protocol() == Some(HTTP2_PROTOCOL) { Protocol::Http2 } else { Protocol::Http1 };
    let shown = session.peer_certificates().and_then(|chain| chain.first()).map(|own| Holder::read(own));
    let Some(holder) = shown.transpose().map_err(|error| refused(error.to_string()))? else {
        // A token may say who it is. There are few places for those of whom none does.
        let place = unknown.try_acquire_owned().map_err(|_| refused("there are too many without a certificate".to_owned()))?;
        http::serve_stranger(stream, protocol, verbs, place).await;
        return Ok(());
    };
    let peer = match holder.kind {
        HolderKind::Node => Peer::Node(holder.name.clone()),
        HolderKind::Console => Peer::Console { name: holder.name.clone(), groups: holder.groups.clone() },
    };
    // Dropping the connection's future closes it; nothing of it is wanted then.
    tokio::select! {
        () = http::serve(stream, peer, protocol, verbs) => {}
        () = refusal(&trust, &holder) => info!(console = holder.name, "its certificate does not count any more; its connection is closed"),
    }
    debug!(%from, "a console went away");
    Ok(())
}

/// Returns once the holder's certificate does not count any more.
async fn refusal(trust: &Trust, holder: &Holder) {
    let mut keys = trust.watch();
    loop {
        let counts = keys.borrow_and_update().bundle.judge(holder, None, wall_ms()).is_ok();
        if !counts || keys.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
