//! A blocking rtnetlink connection that sends many requests in one system call and reads their acknowledgements.
//!
//! The packets come from the netlink-packet crates. Their async companion, `rtnetlink`, waits for each answer on its own;
//! making a namespace takes six requests, and here they are two batches.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// The kernel never answers with more at once than the buffer it is offered, and asks for at least this much for links.
const RECEIVE_BYTES: usize = 64 * 1024;
/// How often a listing is repeated that changed while it was read.
const DUMP_ATTEMPTS: usize = 5;

/// One connection; it stays with the network namespace of the thread that opened it.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// A request of a batch that the kernel refused.
#[derive(Debug)]
pub(super) struct Refused {
    /// Its place in the batch, from 0.
    pub(super) index: usize,
    /// The kernel's answer.
    pub(super) source: io::Error,
}

impl Netlink {
    /// Connects to the network namespace of the calling thread.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // Acknowledgements carry the error only, not the request again.
        socket.set_cap_ack(true)?;
        Ok(Self { socket, sequence: 0, buffer: Vec::with_capacity(RECEIVE_BYTES) })
    }

    /// Sends all requests in one system call. The kernel performs them in order and does not stop at a failure; the first
    /// failure is the answer. What is to be made must not be there yet.
    pub(super) fn change(&mut self, batch: Vec<RouteNetlinkMessage>) -> Result<(), Refused> {
        self.send_batch(batch, NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Like [`Netlink::change`], but what is there already is replaced in one step, without a moment in which it is missing.
    pub(super) fn put(&mut self, batch: Vec<RouteNetlinkMessage>) -> Result<(), Refused> {
        self.send_batch(batch, NLM_F_CREATE | NLM_F_REPLACE)
    }

    fn send_batch(&mut self, batch: Vec<RouteNetlinkMessage>, create_flags: u16) -> Result<(), Refused> {
        let count = batch.len();
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        for request in batch {
            let create = match request {
                RouteNetlinkMessage::NewLink(_)
                | RouteNetlinkMessage::NewAddress(_)
                | RouteNetlinkMessage::NewRoute(_)
                | RouteNetlinkMessage::NewNeighbour(_) => create_flags,
                _ => 0,
            };
            self.append(&mut bytes, request, NLM_F_REQUEST | NLM_F_ACK | create);
        }
        self.socket.send(&bytes, 0).map_err(|source| Refused { index: 0, source })?;
        let mut failure = None;
        for _ in 0..count {
            let (sequence, answer) = self.acknowledgement().map_err(|source| Refused { index: 0, source })?;
            if let (Err(source), None) = (answer, &failure) {
                failure = Some(Refused { index: sequence.wrapping_sub(first) as usize, source });
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Asks for one object.
    pub(super) fn get(&mut self, request: RouteNetlinkMessage) -> io::Result<Option<RouteNetlinkMessage>> {
        let (answers, _) = self.ask(request, NLM_F_REQUEST | NLM_F_ACK)?;
        Ok(answers.into_iter().next())
    }

    /// Asks for all objects of a kind.
    pub(super) fn list(&mut self, request: &RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        for _ in 0..DUMP_ATTEMPTS {
            let (answers, was_interrupted) = self.ask(request.clone(), NLM_F_REQUEST | NLM_F_DUMP)?;
            if !was_interrupted {
                return Ok(answers);
            }
        }
        Err(io::Error::other("the listing changed each time it was read"))
    }

    fn ask(&mut self, request: RouteNetlinkMessage, flags: u16) -> io::Result<(Vec<RouteNetlinkMessage>, bool)> {
        let mut bytes = Vec::new();
        self.append(&mut bytes, request, flags);
        self.socket.send(&bytes, 0)?;
        let mut answers = Vec::new();
        let mut was_interrupted = false;
        loop {
            for message in self.receive()? {
                was_interrupted |= message.header.flags & NLM_F_DUMP_INTR != 0;
                match message.payload {
                    NetlinkPayload::InnerMessage(inner) => answers.push(inner),
                    NetlinkPayload::Done(_) => return Ok((answers, was_interrupted)),
                    NetlinkPayload::Error(error) if error.code.is_none() => return Ok((answers, was_interrupted)),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    _ => {}
                }
            }
        }
    }

    fn append(&mut self, bytes: &mut Vec<u8>, request: RouteNetlinkMessage, flags: u16) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
        message.finalize();
        let start = bytes.len();
        bytes.resize(start + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut bytes[start..]);
    }

    /// The kernel sends each acknowledgement as a datagram of its own.
    fn acknowledgement(&mut self) -> io::Result<(u32, io::Result<()>)> {
        loop {
            for message in self.receive()? {
                if let NetlinkPayload::Error(error) = message.payload {
                    let answer = if error.code.is_some() { Err(error.to_io()) } else { Ok(()) };
                    return Ok((message.header.sequence_number, answer));
                }
            }
        }
    }

    fn receive(&mut self) -> io::Result<Vec<NetlinkMessage<RouteNetlinkMessage>>> {
        self.buffer.clear();
        while let Err(error) = self.socket.recv(&mut self.buffer, 0) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        let mut messages = Vec::new();
        let mut rest = self.buffer.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::deserialize(rest).map_err(io::Error::other)?;
            let length = (message.header.length as usize).next_multiple_of(4).max(16);
            messages.push(message);
            rest = rest.get(length..).unwrap_or_default();
        }
        Ok(messages)
    }
}
