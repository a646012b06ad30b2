//! The members that are remembered over a restart, in a small file: with them a node finds the others again without being told.

use super::gossip::View;
use crate::errors::chain;
use crate::shutdown::Shutdown;
use control::clock::Now;
use gossip::{Identity, Member};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tracing::warn;

/// Changes that come together are written together.
const GATHER: Duration = Duration::from_secs(1);

/// The file in the daemon's data folder.
#[must_use]
pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("members.json")
}

/// A member as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Who.
    #[serde(flatten)]
    pub identity: Identity,
    /// Since when it was not seen any more, milliseconds since 1970; `None` where it was seen.
    #[serde(default)]
    pub unseen_ms: Option<i64>,
}

impl Remembered {
    fn of(member: &Member) -> Self {
        let unseen_ms = (!member.state.is_active()).then(|| member.since.wall.as_millisecond());
        Self { identity: member.identity.clone(), unseen_ms }
    }
}

/// Who was remembered. A file that is missing or cannot be read is an empty one: `--join` finds the others then.
#[must_use]
pub fn read(file: &Path) -> Vec<Remembered> {
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            warn!(file = %file.display(), %error, "the remembered members cannot be read; give --join if the others are not found");
            Vec::new()
        }),
        Err(_) => Vec::new(),
    }
}

/// Who was remembered, and since when each is not seen: where that was not noted, since somebody of the cluster was heard last.
#[must_use]
pub fn known(remembered: Vec<Remembered>, last_contact_ms: Option<u64>, now: Now) -> Vec<(Identity, Now)> {
    let last_ms = last_contact_ms.and_then(|ms| i64::try_from(ms).ok());
    let since = |unseen_ms: Option<i64>| {
        let wall = unseen_ms.or(last_ms).and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Now { wall: wall.map_or(now.wall, |wall| wall.min(now.wall)), ..now }
    };
    remembered.into_iter().map(|member| (member.identity, since(member.unseen_ms))).collect()
}

/// Keeps the file as the view is, until the shutdown signal. Who took leave is remembered, too: it may come back.
pub async fn run(file: PathBuf, mut view: watch::Receiver<View>, mut shutdown: Shutdown) {
    let mut written: Vec<Remembered> = read(&file);
    loop {
        // The watch keeps what changed.
        tokio::select! {
            () = shutdown.wait() => return,
            changed = view.changed() => if changed.is_err() { return },
        }
        tokio::time::sleep(GATHER).await;
        let members = view.borrow_and_update().clone();
        let known: Vec<Remembered> = members.iter().map(Remembered::of).collect();
        if known == written {
            continue;
        }
        let (path, bytes) = (file.clone(), serde_json::to_vec(&known).unwrap_or_default());
        match tokio::task::spawn_blocking(move || write(&path, &bytes)).await {
            Ok(Ok(())) => written = known,
            Ok(Err(error)) => warn!(error = %chain(&error), "the members cannot be remembered"),
            Err(error) => warn!(%error, "the members cannot be remembered"),
        }
    }
}

/// Whole or not at all, whenever the machine stops.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = file.with_extension("new");
    let mut out = std::fs::File::create(&new)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    std::fs::rename(&new, file)
}

#[cfg(test)]
mod tests {
    use super::{Remembered, file, known, read, write};
    use control::clock::{BootMs, Now};
    use gossip::Identity;
    use jiff::Timestamp;

    #[test]
    fn members_are_remembered_and_damage_is_an_empty_list() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path());
        assert_eq!(read(&path), []);
        let address = "10.0.0.1:7946".parse().expect("an address");
        let identity = Identity::new("n1".into(), 7, address, "".into());
        let members = vec![Remembered { identity: identity.clone(), unseen_ms: Some(5_000) }];
        write(&path, &serde_json::to_vec(&members).expect("JSON")).expect("a file");
        assert_eq!(read(&path), members);
        // As it was written before it said since when.
        write(&path, &serde_json::to_vec(&[&identity]).expect("JSON")).expect("a file");
        assert_eq!(read(&path), [Remembered { identity, unseen_ms: None }]);
        write(&path, b"[{]").expect("a file");
        assert_eq!(read(&path), []);
    }

    #[test]
    fn who_is_not_heard_again_is_unseen_since_it_was_seen_and_not_since_our_start() {
        let time = |ms| Timestamp::from_millisecond(ms).expect("a time");
        let now = Now { wall: time(90_000), boot: BootMs(7) };
        let address = "10.0.0.1:7946".parse().expect("an address");
        let member = |unseen_ms| Remembered { identity: Identity::new("n1".into(), 7, address, "".into()), unseen_ms };
        let since = |unseen_ms, contact_ms| known(vec![member(unseen_ms)], contact_ms, now)[0].1;
        assert_eq!(since(Some(30_000), Some(60_000)), Now { wall: time(30_000), ..now });
        assert_eq!(since(None, Some(60_000)).wall, time(60_000), "it was seen when this node last heard anybody");
        assert_eq!(since(None, None).wall, now.wall);
        assert_eq!(since(Some(99_000), None).wall, now.wall, "a clock was set back");
    }
}
