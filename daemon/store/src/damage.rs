//! What was found broken when the store was opened, and where it was put.

use std::path::PathBuf;

/// Something that could not be read. It was set aside, and the store works without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The whole file: it was renamed and a new store begun.
    File {
        /// Where the file is now.
        moved_to: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A record: its bytes were written to a file of their own.
    Record {
        /// Its key, as far as it can be read.
        key: String,
        /// Where its bytes are now.
        moved_to: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}
