//! Tells when this machine's IPv4 addresses or routes change: a link that comes back has lost the routes that went through it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket};
use tokio::io::unix::AsyncFd;

use super::NetworkError;
use crate::sys;

/// `RTMGRP_IPV4_IFADDR` and `RTMGRP_IPV4_ROUTE` of `linux/rtnetlink.h`. Not links: every pod that starts makes two.
const GROUPS: u32 = 0x10 | 0x40;

/// A place in the kernel's announcements, of the network namespace it was opened in.
#[derive(Debug)]
pub struct Monitor {
    socket: AsyncFd<OwnedFd>,
}

impl Monitor {
    /// Begins to listen. To be called within a run time.
    ///
    /// # Errors
    /// The kernel refuses the socket.
    pub fn open() -> Result<Self, NetworkError> {
        let failed = NetworkError::netlink("listen to changes of the routes");
        Self::connect().map_err(failed)
    }

    fn connect() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        Ok(Self { socket: sys::watch(socket)? })
    }

    /// Returns after something changed, at once if it did since the last call. May be dropped and called again. This daemon's own
    /// changes count, too.
    ///
    /// # Errors
    /// The socket broke.
    pub async fn changed(&self) -> io::Result<()> {
        let mut ready = self.socket.readable().await?;
        // What is announced does not matter, only that something is: it is read and dropped.
        loop {
            match nix::unistd::read(self.socket.get_ref(), &mut [0; 4096]) {
                // More was announced than the kernel keeps: something changed.
                Ok(_) | Err(Errno::ENOBUFS | Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        ready.clear_ready();
        Ok(())
    }
}
