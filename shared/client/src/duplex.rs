//! A stream with bytes in both directions: a program in a container, a connection to a port of a pod.
//!
//! The two halves are used side by side. The sender waits for the daemon's credit, which the reader passes on as it reads: a sender
//! works only while somebody reads.

use crate::handle::{Opened, Sending};
use crate::pending::Item;
use crate::streams::Reader;
use crate::{Client, ClientError};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::Semaphore;
use wire::{
    AttachRequest, CopyRequest, DEFAULT_WINDOW, ExecRequest, HostExecRequest, INPUT_WINDOW, LogsRequest, PortForwardRequest,
    Request, StreamEnd, TerminalSize, channel, frame_cost,
};

/// The most bytes of one frame: other streams of the connection go in between.
const FRAME_BYTES: usize = 32 * 1024;

impl Client {
    /// Runs a program in a container: what sends to it, and what reads from it. The request's window is set here.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn exec(&self, request: ExecRequest) -> Result<(DuplexSender, DuplexReader), ClientError> {
        self.open_duplex(Request::Exec(ExecRequest { window: DEFAULT_WINDOW, ..request })).await
    }

    /// Connects to a port of a pod. The request's window is set here.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn port_forward(&self, request: PortForwardRequest) -> Result<(DuplexSender, DuplexReader), ClientError> {
        self.open_duplex(Request::PortForward(PortForwardRequest { window: DEFAULT_WINDOW, ..request })).await
    }

    /// Hears a container and writes to it. The request's window is set here.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn attach(&self, request: AttachRequest) -> Result<(DuplexSender, DuplexReader), ClientError> {
        self.open_duplex(Request::Attach(AttachRequest { window: DEFAULT_WINDOW, ..request })).await
    }

    /// Runs a program of a node's own; of the connected one, of the pod's, or of the named one. The request's window is set here.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn host_exec(
        &self,
        node: Option<&str>,
        request: HostExecRequest,
    ) -> Result<(DuplexSender, DuplexReader), ClientError> {
        let exec = Request::HostExec(HostExecRequest { window: DEFAULT_WINDOW, ..request });
        self.open_duplex(match node {
            None => exec,
            Some(node) => Request::On { node: node.to_owned(), request: Box::new(exec) },
        })
        .await
    }

    /// Copies files to or from a container. The request's window is set here.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn copy(&self, request: CopyRequest) -> Result<(DuplexSender, DuplexReader), ClientError> {
        self.open_duplex(Request::Copy(CopyRequest { window: DEFAULT_WINDOW, ..request })).await
    }

    /// Reads a container's log, each byte with the channel of the stream that it was written to. The request's window is set here.
    ///
    /// # Errors
    /// As [`Client::request`]. The log may end with [`ClientError::Refused`] where a part of it was taken away before it was read.
    pub async fn logs_apart(&self, request: LogsRequest) -> Result<DuplexReader, ClientError> {
        let request = LogsRequest { apart: true, window: DEFAULT_WINDOW, ..request };
        // Nothing is said to a log.
        self.open_duplex(Request::Logs(request)).await.map(|(_, reader)| reader)
    }
}

/// The halves of a stream.
pub(crate) fn duplex(opened: Opened) -> (DuplexSender, DuplexReader) {
    let window = Arc::new(Semaphore::new(INPUT_WINDOW as usize));
    let sender = DuplexSender { sending: opened.handle.sending(), window: window.clone() };
    (sender, DuplexReader { reader: Reader::new(opened), window })
}

/// What is said to the other end.
pub struct DuplexSender {
    sending: Sending,
    window: Arc<Semaphore>,
}

impl DuplexSender {
    /// Sends bytes; waits while the other end does not take them. Dropped while it waits, it has sent some of them or none.
    ///
    /// # Errors
    /// [`ClientError::Lost`] where the stream or the connection has ended.
    pub async fn send(&self, bytes: &[u8]) -> Result<(), ClientError> {
        for part in bytes.chunks(FRAME_BYTES) {
            self.frame(part).await?;
        }
        Ok(())
    }

    /// Says that no more bytes come. What the other end still sends is read on.
    ///
    /// # Errors
    /// As [`DuplexSender::send`].
    pub async fn finish(&self) -> Result<(), ClientError> {
        self.frame(&[]).await
    }

    /// Tells the program's terminal its size.
    ///
    /// # Errors
    /// As [`DuplexSender::send`].
    pub async fn resize(&self, size: TerminalSize) -> Result<(), ClientError> {
        self.sending.bytes(channel::RESIZE, &size.to_bytes()).await
    }

    async fn frame(&self, bytes: &[u8]) -> Result<(), ClientError> {
        let cost = u32::try_from(frame_cost(bytes.len())).unwrap_or(u32::MAX);
        let place = self.window.acquire_many(cost).await;
        place.map_err(|_| ClientError::Lost { detail: "the stream has ended".to_owned() })?.forget();
        self.sending.bytes(channel::STDIN, bytes).await
    }
}

/// What came from the other end.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// Bytes of a channel ([`wire::channel`]). Empty ones are the end of it.
    Bytes(u8, Bytes),
    /// The program ended with this code. Nothing follows.
    Exited(i32),
}

/// What the other end says. Dropping it ends the stream, and the program.
pub struct DuplexReader {
    reader: Reader,
    window: Arc<Semaphore>,
}

impl DuplexReader {
    /// What came next; `None` at the end. May be used in `select!`: nothing is lost.
    ///
    /// # Errors
    /// [`ClientError::Lost`] with the connection, [`ClientError::Refused`] where the daemon cannot go on.
    pub async fn next(&mut self) -> Result<Option<Received>, ClientError> {
        loop {
            match self.reader.next().await? {
                None => return Ok(None),
                Some(Item::Bytes(channel::CREDIT, bytes)) => self.grow(&bytes),
                Some(Item::Bytes(channel, bytes)) => {
                    self.reader.took(frame_cost(bytes.len()));
                    return Ok(Some(Received::Bytes(channel, bytes)));
                }
                Some(Item::End(StreamEnd::Exited { code })) => return Ok(Some(Received::Exited(code))),
                Some(other) => return Err(self.reader.unexpected(&other)),
            }
        }
    }

    fn grow(&self, bytes: &[u8]) {
        let Ok(bytes) = <[u8; 4]>::try_from(bytes) else { return };
        // Never more than the first window: a daemon gives back what it took.
        let room = (INPUT_WINDOW as usize).saturating_sub(self.window.available_permits());
        self.window.add_permits((u32::from_be_bytes(bytes) as usize).min(room));
    }
}

impl Drop for DuplexReader {
    fn drop(&mut self) {
        self.window.close();
    }
}
