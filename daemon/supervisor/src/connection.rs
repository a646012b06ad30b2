//! A daemon at the other end of a socket, which may stop reading at any time without stopping us.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use runtime::protocol::{FromSupervisor, Inbox, RequestId, ToSupervisor, decode, encode};
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{SendFlags, send};

const READ_SIZE: usize = 4096;
/// What a daemon may leave unread. Beyond it the connection is closed: it asks for everything when it comes back.
const UNSENT_LIMIT: usize = 64 << 10;

/// A connection to a daemon.
pub struct Connection {
    socket: OwnedFd,
    inbox: Inbox,
    unsent: Vec<u8>,
    is_open: bool,
}

/// What came in.
pub enum Received {
    /// A message.
    Message(ToSupervisor),
    /// A request that this version does not know.
    Unknown(RequestId),
}

impl Connection {
    /// Takes over a socket, and what was already read from it.
    pub fn new(socket: OwnedFd, inbox: Inbox) -> Connection {
        let is_open = ioctl_fionbio(&socket, true).is_ok();
        Connection { socket, inbox, unsent: Vec::new(), is_open }
    }

    /// To be polled.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether something waits to be sent.
    pub fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Whether it is still of use.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Sends a message, now or when there is room.
    pub fn send(&mut self, message: &FromSupervisor) {
        let Ok(frame) = encode(message) else { return };
        if self.unsent.len() + frame.len() > UNSENT_LIMIT {
            self.is_open = false;
            return;
        }
        self.unsent.extend_from_slice(&frame);
        self.flush();
    }

    /// Sends what waits, as far as there is room.
    pub fn flush(&mut self) {
        while self.is_open && !self.unsent.is_empty() {
            match send(&self.socket, &self.unsent, SendFlags::NOSIGNAL) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.is_open = false,
            }
        }
        self.unsent = Vec::new();
    }

    /// Reads once, and returns the messages that are complete.
    pub fn receive(&mut self) -> Vec<Received> {
        let buffer = self.inbox.buffer();
        buffer.reserve(READ_SIZE);
        match rustix::io::read(&self.socket, spare_capacity(buffer)) {
            Ok(0) => self.is_open = false,
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => self.is_open = false,
        }
        self.messages()
    }

    /// The messages that were read and are complete.
    pub fn messages(&mut self) -> Vec<Received> {
        let mut messages = Vec::new();
        loop {
            match self.inbox.take_frame() {
                Ok(Some(frame)) => messages.extend(read(&frame)),
                Ok(None) => break,
                Err(_) => {
                    self.is_open = false;
                    break;
                }
            }
        }
        if self.inbox.is_empty() {
            // A large request is not to be paid for ever after.
            self.inbox = Inbox::default();
        }
        messages
    }
}

fn read(frame: &[u8]) -> Option<Received> {
    // The number of the variant that has a request, and the id in front of it.
    const REQUEST: u32 = 1;
    match decode(frame) {
        Some(message) => Some(Received::Message(message)),
        None => decode::<(u32, RequestId)>(frame).filter(|(variant, _)| *variant == REQUEST).map(|(_, id)| Received::Unknown(id)),
    }
}
