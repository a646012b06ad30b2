//! A session's own way to the daemon: a socket that its user alone may use, with the rights of the key that let it in.

use super::authorized_keys::Grant;
use super::places::Place;
use crate::api;
use crate::verbs::Verbs;
use nix::unistd::{Gid, Uid, chown};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tracing::debug;

/// Connections of one session at once: the console's, and of verbs beside it.
const MAX_CONNECTIONS: usize = 8;

/// The socket, bound.
pub struct Door {
    socket: UnixListener,
    user: u32,
}

impl Door {
    /// Binds the place's socket and gives it to the place's user.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open(place: &Place) -> io::Result<Self> {
        let path = place.socket();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        chown(&path, Some(Uid::from_raw(place.user())), Some(Gid::from_raw(place.user())))?;
        Ok(Self { socket, user: place.user() })
    }

    /// Serves what connects, until it is dropped.
    pub async fn serve(self, grant: &Grant, verbs: &Arc<Verbs>) {
        let mut connections = JoinSet::new();
        loop {
            // Accepting and joining lose nothing when the other wins.
            tokio::select! {
                biased;
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = self.socket.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        let is_own = stream.peer_cred().is_ok_and(|peer| peer.uid() == self.user);
                        if is_own {
                            let groups = vec![grant.role.group().to_owned()];
                            connections.spawn(api::serve_console(stream, format!("ssh:{}", grant.name), groups, verbs.clone()));
                        }
                    }
                    Err(error) => {
                        debug!(%error, "a session's connection cannot be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        }
    }
}
