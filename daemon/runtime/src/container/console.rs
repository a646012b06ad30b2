//! The terminal of a container that has one: made inside by its first process, handed out to the supervisor, which keeps it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::process::ioctl_tiocsctty;

use crate::sys::{open_other_end, unlock};

/// The supervisor's end of the way that the terminal comes.
#[derive(Debug)]
pub struct Console {
    socket: OwnedFd,
}

/// Both ends.
pub(super) fn console() -> io::Result<(Console, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, inner) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    Ok((Console { socket }, inner))
}

impl Console {
    /// The terminal's master end, once the container's program runs; reading and writing do not wait.
    pub fn take(&self) -> io::Result<OwnedFd> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        recvmsg(&self.socket, &mut [IoSliceMut::new(&mut [0; 1])], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        let mut received = ancillary.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        let master = received.next().ok_or(io::ErrorKind::UnexpectedEof)?;
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        Ok(master)
    }
}

/// Makes a terminal in this container and sends its master end out; the other one becomes that of this process's session.
pub(super) fn make_terminal(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // The container's own, which was mounted just now.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let master = open("/dev/pts/ptmx", flags, Mode::empty())?;
    unlock(master.as_fd())?;
    let terminal = open_other_end(&master)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = [master.as_fd()];
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(socket, &[IoSlice::new(b"T")], &mut ancillary, SendFlags::NOSIGNAL)?;
    ioctl_tiocsctty(&terminal)?;
    Ok(terminal)
}
