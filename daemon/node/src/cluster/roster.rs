//! The members that are remembered over a restart, in a small file: with them a node finds the others again without being told.

use super::gossip::View;
use crate::errors::chain;
use crate::shutdown::Shutdown;
use gossip::Identity;
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

/// Who was remembered. A file that is missing or cannot be read is an empty one: `--join` finds the others then.
#[must_use]
pub fn read(file: &Path) -> Vec<Identity> {
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            warn!(file = %file.display(), %error, "the remembered members cannot be read; give --join if the others are not found");
            Vec::new()
        }),
        Err(_) => Vec::new(),
    }
}

/// Keeps the file as the view is, until the shutdown signal. Who took leave is remembered, too: it may come back.
pub async fn run(file: PathBuf, mut view: watch::Receiver<View>, mut shutdown: Shutdown) {
    let mut written: Vec<Identity> = read(&file);
    loop {
        // The watch keeps what changed.
        tokio::select! {
            () = shutdown.wait() => return,
            changed = view.changed() => if changed.is_err() { return },
        }
        tokio::time::sleep(GATHER).await;
        let members = view.borrow_and_update().clone();
        let known: Vec<Identity> = members.iter().map(|member| member.identity.clone()).collect();
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
    use super::{file, read, write};
    use gossip::Identity;

    #[test]
    fn members_are_remembered_and_damage_is_an_empty_list() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path());
        assert_eq!(read(&path), []);
        let address = "10.0.0.1:7946".parse().expect("an address");
        let known = vec![Identity { name: "n1".into(), instance: 7, address, text: "".into() }];
        write(&path, &serde_json::to_vec(&known).expect("JSON")).expect("a file");
        assert_eq!(read(&path), known);
        write(&path, b"[{]").expect("a file");
        assert_eq!(read(&path), []);
    }
}
