//! The key by which clients know this machine again: made once, kept in the daemon's folder, its owner's alone.

use ring::rand::{SecureRandom, SystemRandom};
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{HashAlg, PrivateKey};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Its file, below the data folder, in OpenSSH's form.
pub const FILE: &str = "ssh_host_ed25519_key";

/// The largest file that is read.
const MAX_BYTES: u64 = 16 * 1024;

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// The file.
    #[error("cannot {action} the SSH host key {path}")]
    File {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// Others may read it.
    #[error("the SSH host key {path} has mode {mode:o}: it is no secret any more; remove it, and clients will see a new one")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is no key.
    #[error("{path} is no Ed25519 key in OpenSSH's form ({why}); remove it, and clients will see a new one")]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It is not there.
    #[error("there is no SSH host key in {path} yet: it is made when skiffd starts with --ssh-listen")]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// The machine has no randomness.
    #[error("this machine gives no random bytes")]
    Random,
}

/// The key, which is made where there is none yet.
///
/// # Errors
/// See [`HostKeyError`].
pub fn open(data_dir: &Path) -> Result<PrivateKey, HostKeyError> {
    match read(data_dir) {
        Err(HostKeyError::Missing { .. }) => make(&data_dir.join(FILE)),
        known => known,
    }
}

/// The key that is there.
///
/// # Errors
/// See [`HostKeyError`].
pub fn read(data_dir: &Path) -> Result<PrivateKey, HostKeyError> {
    let path = data_dir.join(FILE);
    let file = |source| HostKeyError::File { action: "read", path: path.clone(), source };
    let opened = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(HostKeyError::Missing { path: data_dir.to_owned() });
        }
        opened => opened.map_err(file)?,
    };
    let mode = opened.metadata().map_err(file)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(HostKeyError::Open { path, mode });
    }
    let mut text = String::new();
    opened.take(MAX_BYTES).read_to_string(&mut text).map_err(file)?;
    let broken = |why: String| HostKeyError::Broken { path: path.clone(), why };
    let key = PrivateKey::from_openssh(&text).map_err(|error| broken(error.to_string()))?;
    match key.key_data() {
        KeypairData::Ed25519(_) => Ok(key),
        _ => Err(broken(format!("it is {}", key.algorithm()))),
    }
}

/// Beside it first, so that no half key is ever there.
fn make(path: &Path) -> Result<PrivateKey, HostKeyError> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| HostKeyError::Random)?;
    let broken = |why: String| HostKeyError::Broken { path: path.to_owned(), why };
    let pair = KeypairData::from(Ed25519Keypair::from_seed(&seed));
    let key = PrivateKey::new(pair, "skiffd").map_err(|error| broken(error.to_string()))?;
    let text = key.to_openssh(LineEnding::LF).map_err(|error| broken(error.to_string()))?;
    let beside = path.with_extension("new");
    let written = (|| {
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    })();
    written.map_err(|source| HostKeyError::File { action: "write", path: path.to_owned(), source })?;
    Ok(key)
}

/// Its fingerprint, as `ssh` shows it: `SHA256:…`.
#[must_use]
pub fn fingerprint(key: &PrivateKey) -> String {
    key.public_key().fingerprint(HashAlg::Sha256).to_string()
}

/// What `skiffd ssh-host-key` prints: the fingerprint, and the line for `known_hosts`.
///
/// # Errors
/// See [`HostKeyError`].
pub fn describe(data_dir: &Path, host: &str, port: u16) -> Result<String, HostKeyError> {
    let key = read(data_dir)?;
    let broken = |why: russh::keys::ssh_key::Error| HostKeyError::Broken { path: data_dir.join(FILE), why: why.to_string() };
    let line = key.public_key().to_openssh().map_err(broken)?;
    let host = if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") };
    Ok(format!("{}\n{host} {line}", fingerprint(&key)))
}

#[cfg(test)]
mod tests {
    use super::{FILE, HostKeyError, describe, fingerprint, open, read};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_made_once_and_told() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(read(folder.path()), Err(HostKeyError::Missing { .. })));
        let made = open(folder.path()).expect("made");
        let again = open(folder.path()).expect("read");
        assert_eq!(fingerprint(&made), fingerprint(&again));
        let mode = std::fs::metadata(folder.path().join(FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let told = describe(folder.path(), "oak", 2222).expect("told");
        let (first, line) = told.split_once('\n').expect("two lines");
        assert_eq!(first, fingerprint(&made));
        assert!(line.starts_with("[oak]:2222 ssh-ed25519 AAAA"), "{line}");
    }

    #[test]
    fn one_that_others_may_read_or_that_is_none_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        open(folder.path()).expect("made");
        let path = folder.path().join(FILE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("its mode");
        assert!(matches!(open(folder.path()), Err(HostKeyError::Open { mode: 0o644, .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
        std::fs::write(&path, "no key").expect("written");
        let error = open(folder.path()).expect_err("no key").to_string();
        assert!(error.contains("remove it"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), "no key");
    }
}
