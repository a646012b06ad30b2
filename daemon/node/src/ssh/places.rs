//! The places for sessions: a user and a socket each, given out and taken back.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Sessions at once, of all connections.
pub const MAX_SESSIONS: u32 = 16;

/// The first of the sessions' users. Nobody else uses numbers from here to 2^31: systemd's map of them (UIDS-GIDS) leaves them free.
const FIRST_USER: u32 = 1_900_000_000;

/// The places that are free.
#[derive(Debug, Clone)]
pub struct Places {
    folder: PathBuf,
    taken: Arc<Mutex<BTreeSet<u32>>>,
}

/// One place. Dropped, it is free again, and its socket is gone.
#[derive(Debug)]
pub struct Place {
    number: u32,
    places: Places,
}

/// Makes the folder of sockets, with nothing in it from before.
///
/// # Errors
/// What the kernel says.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().recursive(true).mode(0o711).create(folder)?;
    // Whatever the umask took away: sessions have to pass through to their socket.
    std::fs::set_permissions(folder, Permissions::from_mode(0o711))
}

impl Places {
    /// The folder of sockets below the run folder.
    #[must_use]
    pub fn folder(run_dir: &Path) -> PathBuf {
        run_dir.join("ssh")
    }

    /// All places.
    #[must_use]
    pub fn new(run_dir: &Path) -> Self {
        Self { folder: Self::folder(run_dir), taken: Arc::default() }
    }

    /// One of them, where one is free.
    #[must_use]
    pub fn take(&self) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let number = (0..MAX_SESSIONS).find(|number| !taken.contains(number))?;
        taken.insert(number);
        Some(Place { number, places: self.clone() })
    }
}

impl Place {
    /// Its user and group.
    #[must_use]
    pub fn user(&self) -> u32 {
        FIRST_USER + self.number
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.places.folder.join(format!("{}.sock", self.number))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // One that was never bound is not there.
        let _ = std::fs::remove_file(self.socket());
        self.places.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_SESSIONS, Places};
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn each_session_has_a_user_of_its_own_and_gives_it_back() {
        let places = Places::new(Path::new("/nonexistent"));
        let mut taken: Vec<_> = (0..MAX_SESSIONS).map(|_| places.take().expect("a place")).collect();
        assert!(places.take().is_none());
        let users: BTreeSet<u32> = taken.iter().map(super::Place::user).collect();
        assert_eq!(users.len(), taken.len());
        let freed = taken.remove(5).user();
        assert_eq!(places.take().map(|place| place.user()), Some(freed));
    }
}
