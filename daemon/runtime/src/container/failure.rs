//! Errors of a start in the words that users of Kubernetes know from its runtimes.

use std::fmt::Display;
use std::io;

use crate::protocol::{Stage, StartFailure};

/// What the kernel says, as the common runtimes spell it: "no such file or directory".
pub(super) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(_) => text.split(" (os error").next().unwrap_or(&text).to_ascii_lowercase(),
        None => text,
    }
}

/// A failure of a step: "`what`: `error`".
pub(super) fn failure(stage: Stage, what: impl Display, error: &io::Error) -> StartFailure {
    StartFailure { stage, errno: error.raw_os_error().unwrap_or(0), message: format!("{what}: {}", words(error)) }
}

/// Adds what was being done to an error.
pub(super) trait During<T> {
    /// Adds the stage and, only if it failed, what it was about.
    fn during<D: Display>(self, stage: Stage, what: impl FnOnce() -> D) -> Result<T, StartFailure>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during<D: Display>(self, stage: Stage, what: impl FnOnce() -> D) -> Result<T, StartFailure> {
        self.map_err(|error| failure(stage, what(), &error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_errors_read_as_runtimes_spell_them() {
        for (errno, text) in [
            (libc::ENOENT, "no such file or directory"),
            (libc::EACCES, "permission denied"),
            (libc::ENOEXEC, "exec format error"),
            (libc::EISDIR, "is a directory"),
        ] {
            assert_eq!(words(&io::Error::from_raw_os_error(errno)), text);
        }
    }
}
