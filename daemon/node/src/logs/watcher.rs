//! Waits until a log's folder changes, so that a follower costs nothing while nothing is written.

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use tokio::io::unix::AsyncFd;

/// Room for some tens of events, each of which is a header of 16 bytes and a short name (`inotify(7)`).
const EVENT_BYTES: usize = 4096;

/// An inotify watch on the folder of a container's log files.
#[derive(Debug)]
pub struct Watcher {
    inotify: AsyncFd<OwnedFd>,
}

impl Watcher {
    /// Watches a folder, which must be there. Begin to watch first and read then, or growth in between goes unseen.
    ///
    /// # Errors
    /// No such folder, or the machine's limit of inotify instances (`fs.inotify.max_user_instances`) is reached.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&inotify, folder, WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
        #[expect(deprecated, reason = "its successor is unsafe; an owned descriptor is all that it demands")]
        let inotify = AsyncFd::new(inotify)?;
        Ok(Self { inotify })
    }

    /// Returns when something was written since the last call. May be dropped at any moment: nothing is lost by it.
    ///
    /// # Errors
    /// What `read` on the watch gives.
    pub async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.inotify.readable().await?;
            // What happened does not matter, only that something did: the events are read and dropped.
            match rustix::io::read(self.inotify.get_ref(), &mut [0_u8; EVENT_BYTES]) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Watcher;

    #[tokio::test]
    async fn growth_since_the_watch_began_is_told() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let watcher = Watcher::new(folder.path()).expect("a watch");
        std::fs::write(folder.path().join("0.log"), "x").expect("a file");
        watcher.changed().await.expect("a change");
    }
}
