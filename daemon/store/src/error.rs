//! What can go wrong with the store.

use crate::Key;
use objects::Status;
use std::path::PathBuf;

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon has it.
    #[error("the store in {dir} is in use by another daemon; stop that one, or give this one its own --data-dir")]
    InUse {
        /// Its folder.
        dir: PathBuf,
    },
    /// The folder or a file in it cannot be used.
    #[error("cannot use {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be made or written.
    #[error("cannot write the database {path}")]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<redb::Error>,
    },
}

/// Something that was found broken when the store was opened, and survived. Report it as an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The database could not be opened. It stands under another name now, and a new one was begun.
    Database {
        /// Where it is now.
        set_aside: PathBuf,
        /// What was wrong.
        message: String,
    },
    /// A record could not be read; its bytes were written to a file of their own.
    Record {
        /// Its key, as far as it can be read.
        key: String,
        /// Where its bytes are now.
        set_aside: PathBuf,
        /// What was wrong.
        message: String,
    },
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Database { set_aside, message } => {
                write!(f, "the database was damaged ({message}); it was set aside as {} and a new one begun", set_aside.display())
            }
            Self::Record { key, set_aside, message } => {
                write!(f, "the record {key} was damaged ({message}); it was set aside as {}", set_aside.display())
            }
        }
    }
}

/// Why a request was refused. [`StoreError::to_status`] is the answer for users.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is one of that name.
    #[error("{0} already exists")]
    AlreadyExists(Key),
    /// There is none of that name.
    #[error("{0} not found")]
    NotFound(Key),
    /// It changed since it was read.
    #[error("{0} has changed since it was read")]
    Stale(Key),
    /// It is another object of the same name.
    #[error("{key} has uid {actual}, not {wanted}")]
    OtherUid {
        /// Which object.
        key: Key,
        /// What the request asked for.
        wanted: String,
        /// What it has.
        actual: String,
    },
    /// It is bound already.
    #[error("{key} is already assigned to node \"{node}\"")]
    AlreadyBound {
        /// Which object.
        key: Key,
        /// To which node.
        node: String,
    },
    /// The request's object is no object, or has no uid.
    #[error("{key}: {message}")]
    Malformed {
        /// Which object.
        key: Key,
        /// What is wrong with it.
        message: String,
    },
    /// The disk did not take it (full, or failing). Nothing was changed.
    #[error("the store cannot be written: {0}")]
    Disk(String),
    /// The daemon is stopping.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// The answer as Kubernetes words it.
    #[must_use]
    pub fn to_status(&self) -> Status {
        match self {
            Self::AlreadyExists(key) => Status::already_exists(key.kind, &key.name),
            Self::NotFound(key) => Status::not_found(key.kind, &key.name),
            Self::Stale(key) => Status::stale(key.kind, &key.name),
            Self::OtherUid { key, wanted, actual } => {
                let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}");
                Status::conflict(key.kind, &key.name, &why)
            }
            Self::AlreadyBound { key, node } => {
                let why = format!("pod {} is already assigned to node \"{node}\"", key.name);
                Status::conflict(key.kind, &key.name, &why)
            }
            Self::Malformed { message, .. } => Status::bad_request(message.clone()),
            Self::Disk(_) => Status::internal(self),
            Self::Closed => Status::unavailable("the daemon is stopping"),
        }
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        error.to_status()
    }
}
