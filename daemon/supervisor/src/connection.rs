//! A daemon at the other end of a socket, which may stop reading at any time without stopping us.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use runtime::protocol::{FromSupervisor, Inbox, RequestId, ToSupervisor, decode, encode};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg, send,
    sendmsg,
};

const READ_SIZE: usize = 4096;
/// What a daemon may leave unread. Beyond it the connection is closed: it asks for everything when it comes back.
const UNSENT_LIMIT: usize = 64 << 10;
/// Descriptors that may come along with a request.
const DESCRIPTORS: usize = 3;

/// A connection to a daemon.
pub struct Connection {
    socket: OwnedFd,
    inbox: Inbox,
    unsent: Vec<u8>,
    /// What came beside the bytes, and no request has taken yet.
    descriptors: Vec<OwnedFd>,
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
        Connection { socket, inbox, unsent: Vec::new(), descriptors: Vec::new(), is_open }
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

    /// Sends a message with a descriptor beside it, at once: for a connection that has just asked, and has read all before.
    pub fn send_with(&mut self, message: &FromSupervisor, descriptor: Option<&OwnedFd>) {
        let Some(descriptor) = descriptor else { return self.send(message) };
        let Ok(frame) = encode(message) else { return };
        let descriptors = [descriptor.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        let sent = if self.has_unsent() {
            Err(Errno::AGAIN)
        } else {
            sendmsg(&self.socket, &[IoSlice::new(&frame)], &mut ancillary, SendFlags::NOSIGNAL)
        };
        match sent {
            Ok(count) => self.unsent.extend_from_slice(&frame[count..]),
            Err(_) => self.is_open = false,
        }
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
        // On the heap: a page of stack that was used once is held for ever.
        let mut bytes = vec![0; READ_SIZE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        match recvmsg(&self.socket, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) if received.bytes > 0 => {
                for message in ancillary.drain() {
                    if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                        self.descriptors.extend(descriptors);
                    }
                }
                // Nobody sends more than one request with them at once.
                self.is_open &= self.descriptors.len() <= DESCRIPTORS;
                self.inbox.buffer().extend_from_slice(&bytes[..received.bytes]);
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            Ok(_) | Err(_) => self.is_open = false,
        }
        self.messages()
    }

    /// The descriptors that came along with a request.
    pub fn take_descriptors(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.descriptors)
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
