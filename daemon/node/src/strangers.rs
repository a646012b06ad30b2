//! The loop of a door that other machines reach: how many come in at once, and how much is written about those who do not.

use crate::shutdown::Shutdown;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tracing::{info, warn};

/// The least time between two lines of the log about strangers: they decide how often they come, not how much we write.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Whoever did not come in.
pub struct Refused {
    pub from: SocketAddr,
    pub why: String,
}

/// Accepts connections until the shutdown signal; then closes every one of them. `most` are there at once, and more are closed at the door,
/// as are those for which `admit` has no future. `who` is what the log calls one that is refused.
pub async fn serve<F>(
    socket: &TcpListener,
    (most, who): (usize, &'static str),
    mut shutdown: Shutdown,
    mut admit: impl FnMut(TcpStream, SocketAddr) -> Option<F>,
) where
    F: Future<Output = Result<(), Refused>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let mut spoke_at: Option<Instant> = None;
    loop {
        // Accepting and joining lose nothing when another arm wins.
        tokio::select! {
            biased;
            () = shutdown.wait() => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                let may_speak = spoke_at.is_none_or(|at| at.elapsed() >= BETWEEN_LINES);
                if let (Ok(Err(Refused { from, why })), true) = (ended, may_speak) {
                    info!(%from, why, "{who} was refused");
                    spoke_at = Some(Instant::now());
                }
            }
            accepted = socket.accept() => match accepted {
                Ok((stream, _)) if connections.len() >= most => drop(stream),
                Ok((stream, from)) => {
                    if let Some(connection) = admit(stream, from) {
                        connections.spawn(connection);
                    }
                }
                // Out of descriptors, most likely: others may close theirs meanwhile.
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    connections.shutdown().await;
}
