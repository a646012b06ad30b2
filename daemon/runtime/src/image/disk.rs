//! The store's folders: one owner at a time, atomic writes, scratch space that cleans itself up, and a place for what is broken.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock, syncfs};

use super::StoreError;

/// What was found broken when the store was opened, or while it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where the broken thing was.
    pub path: PathBuf,
    /// Where it is now; none if it could not be moved.
    pub set_aside: Option<PathBuf>,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a part of the image store was damaged ({}); ", self.reason)?;
        match &self.set_aside {
            Some(to) => write!(f, "it was set aside as {}", to.display()),
            None => write!(f, "it could not be set aside: {}", self.path.display()),
        }
    }
}

/// The layout on disk:
///
/// ```text
/// lock         held as long as the store is open
/// i/<hex>.json a record an image, named by the digest of its config file
/// l/<n>/       a layer: fs/ is the overlay lower directory, layer.json says what it is. The names are short because
///              overlayfs takes all of them in one page of mount options.
/// empty/       the lower directory of an image without layers
/// parts/<hex>  compressed layers under download; a later pull goes on with them
/// tmp/         what is being made; emptied when the store is opened
/// damaged/     what could not be read
/// ```
///
/// Compressed blobs are not kept: nothing reads them once the layer is unpacked, and they would take half as much disk again.
#[derive(Debug)]
pub(crate) struct Folders {
    root: PathBuf,
    next_scratch: AtomicU64,
    _lock: File,
}

impl Folders {
    /// Makes what is missing, takes the lock and empties `tmp`.
    pub(crate) fn open(root: &Path) -> Result<Folders, StoreError> {
        let make = |path: &Path| {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
            made.map_err(|source| StoreError::io("create", path, source))
        };
        make(root)?;
        let lock_path = root.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(|source| StoreError::io("open", &lock_path, source))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(StoreError::Locked { path: root.to_owned() }),
            Err(errno) => return Err(StoreError::io("lock", &lock_path, errno.into())),
        }
        // Overlay options separate lower directories by colons, so the path of the store is checked once, here.
        let root = root.canonicalize().map_err(|source| StoreError::io("resolve", root, source))?;
        let folders = Folders { root, next_scratch: AtomicU64::new(0), _lock: lock };
        if folders.root.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b':' | b',' | b'\\')) {
            return Err(StoreError::Path { path: folders.root });
        }
        for folder in [folders.images(), folders.layers(), folders.parts(), folders.damaged()] {
            make(&folder)?;
        }
        let tmp = folders.tmp();
        if fs::read_dir(&tmp).is_ok_and(|mut entries| entries.next().is_some()) {
            tracing::warn!(path = %tmp.display(), "removing what an interrupted load or pull left behind");
            fs::remove_dir_all(&tmp).map_err(|source| StoreError::io("empty", &tmp, source))?;
        }
        make(&tmp)?;
        let empty = folders.empty_layer();
        make(&empty)?;
        let open = fs::set_permissions(&empty, std::os::unix::fs::PermissionsExt::from_mode(0o755));
        open.map_err(|source| StoreError::io("set the mode of", &empty, source))?;
        Ok(folders)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.root.join("i")
    }

    pub(crate) fn layers(&self) -> PathBuf {
        self.root.join("l")
    }

    pub(crate) fn parts(&self) -> PathBuf {
        self.root.join("parts")
    }

    pub(crate) fn empty_layer(&self) -> PathBuf {
        self.root.join("empty")
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn damaged(&self) -> PathBuf {
        self.root.join("damaged")
    }

    fn scratch_path(&self) -> PathBuf {
        self.tmp().join(self.next_scratch.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// A new folder that is removed with all it holds when the value is dropped.
    pub(crate) fn scratch_dir(&self) -> Result<Scratch, StoreError> {
        let path = self.scratch_path();
        DirBuilder::new().mode(0o700).create(&path).map_err(|source| StoreError::io("create", &path, source))?;
        Ok(Scratch { path: Some(path) })
    }

    /// A new file without a name, for data that must be read twice.
    pub(crate) fn scratch_file(&self) -> Result<File, StoreError> {
        let path = self.scratch_path();
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|source| StoreError::io("create", &path, source))?;
        fs::remove_file(&path).map_err(|source| StoreError::io("remove", &path, source))?;
        Ok(file)
    }

    /// Writes a file so that after a crash there is the old content or the new, never half of it.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let temporary = self.scratch_path();
        let written = write_and_sync(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
        if let Err(source) = written {
            let _unless_it_never_was = fs::remove_file(&temporary);
            return Err(StoreError::io("write", path, source));
        }
        sync_parent(path)
    }

    /// Makes a finished scratch folder part of the store: all its content is on disk before it gets its name.
    pub(crate) fn publish(&self, mut scratch: Scratch, path: &Path) -> Result<(), StoreError> {
        let from = scratch.path().to_owned();
        let folder = File::open(&from).map_err(|source| StoreError::io("open", &from, source))?;
        syncfs(&folder).map_err(|errno| StoreError::io("write to disk", &from, errno.into()))?;
        fs::rename(&from, path).map_err(|source| StoreError::io("move into place", path, source))?;
        scratch.path = None;
        sync_parent(path)
    }

    /// Takes a folder out of the store at once; its content goes when the returned value is dropped.
    pub(crate) fn withdraw(&self, path: &Path) -> Result<Scratch, StoreError> {
        let to = self.scratch_path();
        fs::rename(path, &to).map_err(|source| StoreError::io("remove", path, source))?;
        Ok(Scratch { path: Some(to) })
    }

    /// Moves what cannot be read to `damaged/` and logs it, so that the rest of the store goes on.
    pub(crate) fn set_aside(&self, path: &Path, reason: &str) -> Damage {
        let name = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().replace('/', "-");
        let free = |number: u32| {
            let name = if number == 0 { name.clone() } else { format!("{name}.{number}") };
            Some(self.damaged().join(name)).filter(|path| path.symlink_metadata().is_err())
        };
        let target = (0..1000).find_map(free);
        let set_aside = target.filter(|target| match fs::rename(path, target) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "cannot set aside a damaged part of the image store");
                false
            }
        });
        let damage = Damage { path: path.to_owned(), set_aside, reason: reason.to_owned() };
        let to = damage.set_aside.as_deref().unwrap_or(Path::new("")).display();
        tracing::warn!(path = %path.display(), %to, reason, "set aside a damaged part of the image store");
        damage
    }
}

/// A folder under `tmp/` that goes away with this value.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: Option<PathBuf>,
}

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(path) = self.path.take()
            && let Err(error) = fs::remove_dir_all(&path)
        {
            tracing::warn!(path = %path.display(), %error, "cannot remove a scratch folder; the next start will");
        }
    }
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

pub(crate) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let synced = File::open(parent).and_then(|folder| folder.sync_all());
    synced.map_err(|source| StoreError::io("write to disk", parent, source))
}

#[cfg(test)]
mod tests {
    use super::Damage;

    #[test]
    fn damage_is_told_to_a_person() {
        let mut damage = Damage { path: "/i/a".into(), set_aside: Some("/damaged/a".into()), reason: "it is empty".into() };
        assert_eq!(damage.to_string(), "a part of the image store was damaged (it is empty); it was set aside as /damaged/a");
        damage.set_aside = None;
        assert_eq!(damage.to_string(), "a part of the image store was damaged (it is empty); it could not be set aside: /i/a");
    }
}
