//! Asks why nobody answers: a node that was removed, or whose keys are too old, hears nothing of the others by itself.

use super::gossip::View;
use super::transport::{SendError, Transport};
use crate::errors::chain;
use crate::shutdown::Shutdown;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{debug, warn};

/// A node that starts is heard by then, where all is well.
const FIRST: Duration = Duration::from_secs(2);
/// How often it asks after that.
const AGAIN: Duration = Duration::from_secs(10);
/// How many others it asks at a time.
const AT_ONCE: usize = 3;

/// Runs until the shutdown signal, and asks while no member is seen; tells once it is known that this node was removed. `join` are
/// addresses to try beside those of the members that are remembered.
pub async fn run(
    transport: Transport,
    view: watch::Receiver<View>,
    join: Vec<SocketAddr>,
    removed: watch::Sender<bool>,
    mut shutdown: Shutdown,
) {
    let (mut wait, mut place, mut told) = (FIRST, 0_usize, String::new());
    loop {
        // Both only wait.
        tokio::select! {
            () = shutdown.wait() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = AGAIN;
        let members = view.borrow().clone();
        if members.iter().any(|member| member.state.is_active()) {
            continue;
        }
        let mut addresses: Vec<SocketAddr> = members.iter().map(|member| member.identity.address).chain(join.clone()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let turn = addresses.iter().cycle().skip(place).take(AT_ONCE.min(addresses.len()));
        for address in turn {
            match transport.exchange_keys(*address).await {
                Ok(()) => {}
                Err(SendError::Removed) => {
                    removed.send_replace(true);
                    // The daemon ends by what was told, not by the end of a task.
                    return shutdown.wait().await;
                }
                Err(error) => {
                    let why = chain(&error);
                    debug!(%address, why, "a node was asked for the cluster's keys");
                    // Silence is usual: the others may be down.
                    if why.contains("skiffd reset") && why != told {
                        warn!(%address, why, "the others do not take this node for one of the cluster");
                        told = why;
                    }
                }
            }
        }
        place = place.wrapping_add(AT_ONCE);
    }
}
