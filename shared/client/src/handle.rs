//! What one stream holds of its connection: it gives credit, sends bytes, and cancels when it is dropped before its end.

use crate::ClientError;
use crate::connection::to_text;
use crate::pending::{Item, Pending};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use wire::{ClientMessage, StreamFrame};

/// A stream that the daemon has been asked for.
pub(crate) struct Opened {
    pub(crate) handle: StreamHandle,
    pub(crate) items: mpsc::Receiver<Item>,
}

impl Opened {
    pub(crate) fn finish(mut self) {
        self.handle.finish();
    }
}

/// One stream's hold on its connection: gives credit, and cancels when it is dropped before its end.
pub(crate) struct StreamHandle {
    id: u32,
    pending: Arc<Pending>,
    commands: mpsc::Sender<Message>,
    cancel: Option<mpsc::OwnedPermit<Message>>,
}

impl StreamHandle {
    pub(crate) fn new(
        id: u32,
        pending: Arc<Pending>,
        commands: mpsc::Sender<Message>,
        cancel: mpsc::OwnedPermit<Message>,
    ) -> Self {
        Self { id, pending, commands, cancel: Some(cancel) }
    }

    /// Lets the daemon send that many bytes more. May be dropped while it waits: then nothing was given.
    pub(crate) async fn credit(&self, bytes: u32) -> Result<(), ClientError> {
        let message = ClientMessage::Credit { id: self.id, bytes };
        self.commands.send(to_text(&message)).await.map_err(|_| self.pending.lost())
    }

    /// The side that sends bytes.
    pub(crate) fn sending(&self) -> Sending {
        Sending { id: self.id, pending: self.pending.clone(), commands: self.commands.clone() }
    }

    /// The daemon has ended the stream: there is nothing to cancel.
    pub(crate) fn finish(&mut self) {
        self.cancel = None;
        self.pending.forget(self.id);
    }

    pub(crate) fn lost(&self) -> ClientError {
        self.pending.lost()
    }
}

/// What sends the bytes of one stream.
pub(crate) struct Sending {
    id: u32,
    pending: Arc<Pending>,
    commands: mpsc::Sender<Message>,
}

impl Sending {
    /// Sends bytes on one of the stream's channels. May be dropped while it waits: then nothing was sent.
    pub(crate) async fn bytes(&self, channel: u8, bytes: &[u8]) -> Result<(), ClientError> {
        let frame = StreamFrame { id: self.id, channel, bytes }.to_bytes();
        self.commands.send(Message::binary(frame)).await.map_err(|_| self.pending.lost())
    }
}

impl Drop for StreamHandle {
    fn drop(&mut self) {
        if let Some(place) = self.cancel.take() {
            self.pending.forget(self.id);
            place.send(to_text(&ClientMessage::Cancel { id: self.id }));
        }
    }
}
