//! The cluster's keys on this node's disk: `<data-dir>/pki/`.
//!
//! ```text
//! node.key      this node's private key (PKCS#8 in JSON); written first, and never again
//! bundle.json   the cluster's keys; that it is there is what makes this machine a member
//! ```
//!
//! A file is written beside its place, synced, renamed, and the folder synced: after a kill it is either the old or the new one. A key
//! without a bundle is a machine that has not joined yet, whatever was under way.

use crate::bundle::{Bundle, BundleError};
use crate::bytes::Secret;
use crate::generation::KeyError;
use crate::identity::{Identity, NodeKey};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The folder's name below the data folder.
pub const FOLDER: &str = "pki";
const KEY_FILE: &str = "node.key";
const BUNDLE_FILE: &str = "bundle.json";

/// Why the keys cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The kernel refused.
    #[error("cannot {action} {path}")]
    File {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// A file is not what was written.
    #[error(
        "{path} is damaged ({detail}): put it back from a backup, or run `skiffd reset` and join again with a token of another node"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How.
        detail: String,
    },
    /// The node's key is gone, the cluster's are there.
    #[error("{path} is missing: put it back from a backup, or run `skiffd reset` and join again with a token of another node")]
    KeyMissing {
        /// The file.
        path: PathBuf,
    },
    /// There is a cluster already.
    #[error("{path} holds the keys of the cluster {cluster} already; `skiffd reset` removes them with everything else")]
    Exists {
        /// The folder.
        path: PathBuf,
        /// Its cluster.
        cluster: String,
    },
    /// There is none.
    #[error("there is no cluster in {path}: start skiffd, or run `skiffd init`, as root and with the same --data-dir")]
    NoCluster {
        /// The folder.
        path: PathBuf,
    },
    /// A key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What came is of another cluster.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// The cluster's keys and this node's, on disk.
#[derive(Debug, Clone)]
pub struct Authority {
    folder: PathBuf,
    key: NodeKey,
    bundle: Bundle,
}

/// A file's content with a hash of it, so that a changed byte is found.
#[derive(Serialize, Deserialize)]
struct Sealed {
    sha256: String,
    content: Secret,
}

impl Authority {
    /// Opens what is in the folder; `None` where this machine belongs to no cluster yet.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub fn open(folder: &Path) -> Result<Option<Self>, AuthorityError> {
        let path = folder.join(BUNDLE_FILE);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        let bundle = Bundle::decode(&bytes).map_err(|error| damaged(&path, error.to_string()))?;
        let key_path = folder.join(KEY_FILE);
        let key = read(&key_path)?.ok_or_else(|| AuthorityError::KeyMissing { path: key_path.clone() })?;
        let key = NodeKey::from_pkcs8(key).map_err(|error| damaged(&key_path, error.to_string()))?;
        Ok(Some(Self { folder: folder.to_owned(), key, bundle }))
    }

    /// Opens what is in the folder, where there must be something.
    ///
    /// # Errors
    /// [`AuthorityError::NoCluster`], and as [`Authority::open`].
    pub fn existing(folder: &Path) -> Result<Self, AuthorityError> {
        Self::open(folder)?.ok_or_else(|| AuthorityError::NoCluster { path: folder.to_owned() })
    }

    /// Keeps the keys of a new cluster, or of one that was joined with the key of [`Authority::key_for_joining`].
    ///
    /// # Errors
    /// [`AuthorityError::Exists`] where there are some already, and what the disk says.
    pub fn create(folder: &Path, bundle: Bundle) -> Result<Self, AuthorityError> {
        let key = Self::key_for_joining(folder)?;
        let authority = Self { folder: folder.to_owned(), key, bundle };
        write(&folder.join(BUNDLE_FILE), &authority.bundle.encode())?;
        Ok(authority)
    }

    /// This machine's key before it belongs to a cluster: the one that an earlier try has left, or a new one, which is kept.
    ///
    /// # Errors
    /// [`AuthorityError::Exists`] where this machine belongs to one already.
    pub fn key_for_joining(folder: &Path) -> Result<NodeKey, AuthorityError> {
        if let Some(known) = Self::open(folder)? {
            let cluster = known.bundle.cluster().to_owned();
            return Err(AuthorityError::Exists { path: folder.to_owned(), cluster });
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file("make", folder))?;
        // Somebody may have made it with other rights.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(file("close to others", folder))?;
        let path = folder.join(KEY_FILE);
        if let Some(pkcs8) = read(&path)? {
            return NodeKey::from_pkcs8(pkcs8).map_err(|error| damaged(&path, error.to_string()));
        }
        let key = NodeKey::generate()?;
        write(&path, key.pkcs8())?;
        Ok(key)
    }

    /// Keeps a changed bundle: on disk before it counts.
    ///
    /// # Errors
    /// What the disk says; then the old one stays.
    pub fn replace(&mut self, bundle: Bundle) -> Result<(), AuthorityError> {
        write(&self.folder.join(BUNDLE_FILE), &bundle.encode())?;
        self.bundle = bundle;
        Ok(())
    }

    /// The cluster's keys.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// This node's key.
    #[must_use]
    pub fn key(&self) -> &NodeKey {
        &self.key
    }

    /// Who this node is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.key.identity()
    }
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AuthorityError {
    let path = path.to_owned();
    move |source| AuthorityError::File { action, path, source }
}

fn damaged(path: &Path, detail: String) -> AuthorityError {
    AuthorityError::Damaged { path: path.to_owned(), detail }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, AuthorityError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file("read", path)(error)),
    };
    let sealed: Sealed = serde_json::from_slice(&bytes).map_err(|_| damaged(path, "it does not read".to_owned()))?;
    if sealed.sha256 != hex_hash(&sealed.content.0) {
        return Err(damaged(path, "its hash is another".to_owned()));
    }
    Ok(Some(sealed.content.0))
}

fn write(path: &Path, content: &[u8]) -> Result<(), AuthorityError> {
    let sealed = Sealed { sha256: hex_hash(content), content: Secret(content.to_vec()) };
    let text = serde_json::to_vec(&sealed).expect("strings always serialise");
    let beside = path.with_extension("new");
    let keep = || -> io::Result<()> {
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    keep().map_err(file("write", path))
}

fn hex_hash(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
