//! A terminal of a container, held by its master end: what is written to it is typed, what is read from it is shown.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, major, minor, openat2};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::sys::{open_other_end, unlock, watch_both};

/// The device behind `ptmx`: makes a new terminal each time it is opened (`Documentation/admin-guide/devices.txt`).
const TERMINAL_MAKER: (u32, u32) = (5, 2);

/// The master end. Clones share it; the terminal hangs up with the last one.
#[derive(Debug, Clone)]
pub struct Terminal {
    master: Arc<AsyncFd<OwnedFd>>,
}

impl Terminal {
    /// Makes a terminal in the container whose root folder is `root`, and opens the end that its program gets. Inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// What the kernel says; an image's own file in place of the container's `ptmx` is refused.
    pub fn open(root: &OwnedFd) -> io::Result<(Terminal, OwnedFd)> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        // First only found: opening a device of the container's own making may do anything.
        let found = openat2(root, "dev/pts/ptmx", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)?;
        let device = fstat(&found)?.st_rdev;
        if (major(device), minor(device)) != TERMINAL_MAKER {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "/dev/pts/ptmx makes no terminals"));
        }
        let master = openat2(root, "dev/pts/ptmx", flags, Mode::empty(), resolve)?;
        unlock(master.as_fd())?;
        let other_end = open_other_end(&master)?;
        Ok((Terminal { master: Arc::new(watch_both(master)?) }, other_end))
    }

    /// One that was made already, by its master end. Inside a tokio runtime.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn of(master: OwnedFd) -> io::Result<Terminal> {
        Ok(Terminal { master: Arc::new(watch_both(master)?) })
    }

    /// Gives the terminal a size, in characters; its program is told.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn resize(&self, columns: u16, rows: u16) -> io::Result<()> {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(self.master.get_ref(), size).map_err(io::Error::from)
    }
}

impl AsyncRead for Terminal {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.master.poll_read_ready(context))?;
            let read =
                ready.try_io(|master| rustix::io::read(master.get_ref(), buffer.initialize_unfilled()).map_err(io::Error::from));
            match read {
                Ok(Ok(count)) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                // Nobody has the other end any more: that is the end.
                Ok(Err(error)) if error.raw_os_error() == Some(libc::EIO) => return Poll::Ready(Ok(())),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for Terminal {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.master.poll_write_ready(context))?;
            match ready.try_io(|master| rustix::io::write(master.get_ref(), bytes).map_err(io::Error::from)) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(result) => return Poll::Ready(result),
                Err(_would_block) => {}
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
