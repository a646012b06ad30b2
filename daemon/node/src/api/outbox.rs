//! What waits to be sent on one connection: bounded in bytes as a whole, and for each stream by its reader's credit.

use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use objects::Status;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use wire::{MAX_ANSWER_BYTES, ServerMessage, StreamFrame};

/// Bytes that may wait on one connection.
const ROOM_BYTES: usize = 4 * 1024 * 1024;
/// Messages that may wait on one connection.
const ROOM_MESSAGES: usize = 256;
/// The most credit a stream can have.
const MAX_CREDIT: i64 = 64 * 1024 * 1024;

/// The connection is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// Where the tasks of a connection put what they have to say. Clones share it.
#[derive(Debug, Clone)]
pub struct Outbox {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    /// Given back when the kernel has the message.
    _room: OwnedSemaphorePermit,
}

/// The other end of an [`Outbox`]: what is to be written.
#[derive(Debug)]
pub struct Outgoing(mpsc::Receiver<Waiting>);

/// An outbox and its other end.
pub fn outbox() -> (Outbox, Outgoing) {
    let (queue, outgoing) = mpsc::channel(ROOM_MESSAGES);
    (Outbox { queue, room: Arc::new(Semaphore::new(ROOM_BYTES)) }, Outgoing(outgoing))
}

impl Outbox {
    /// Queues a message; waits while too much waits already.
    ///
    /// # Errors
    /// [`Closed`] where nobody sends any more.
    pub async fn send(&self, message: &ServerMessage) -> Result<(), Closed> {
        let text = match serde_json::to_string(message) {
            Ok(text) if text.len() <= MAX_ANSWER_BYTES => text,
            too_large => refusal(message, &too_large.err().map_or_else(|| "it is too large".to_owned(), |e| e.to_string())),
        };
        self.queue(Message::text(text)).await
    }

    /// Queues bytes of a stream.
    ///
    /// # Errors
    /// [`Closed`] where nobody sends any more.
    pub async fn send_bytes(&self, id: u32, channel: u8, bytes: &[u8]) -> Result<(), Closed> {
        self.queue(Message::binary(StreamFrame { id, channel, bytes }.to_bytes())).await
    }

    async fn queue(&self, message: Message) -> Result<(), Closed> {
        // A message larger than all the room waits until it is alone.
        let bytes = message.len().clamp(1, ROOM_BYTES);
        let bytes = u32::try_from(bytes).expect("the room is less than 4 GiB");
        let room = self.room.clone().acquire_many_owned(bytes).await.map_err(|_| Closed)?;
        self.queue.send(Waiting { message, _room: room }).await.map_err(|_| Closed)
    }
}

/// What is said in place of a message that cannot be sent: a list of everything that is larger than a client takes.
fn refusal(message: &ServerMessage, why: &str) -> String {
    let status = Status::internal(format!("the answer cannot be sent: {why}"));
    let instead = match message {
        ServerMessage::Response { id, .. } => ServerMessage::Response { id: *id, result: Err(status) },
        ServerMessage::Event { id, .. } | ServerMessage::Progress { id, .. } | ServerMessage::End { id, .. } => {
            ServerMessage::End { id: *id, end: wire::StreamEnd::Failed { status } }
        }
        ServerMessage::Hello(_) => return String::new(),
    };
    serde_json::to_string(&instead).unwrap_or_default()
}

impl Outgoing {
    /// Writes until every [`Outbox`] is gone or the connection is.
    pub async fn write_to<S>(mut self, mut sink: SplitSink<WebSocketStream<S>, Message>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while let Some(waiting) = self.0.recv().await {
            if sink.feed(waiting.message).await.is_err() {
                return;
            }
            // Whatever waits goes in one write.
            while let Ok(waiting) = self.0.try_recv() {
                if sink.feed(waiting.message).await.is_err() {
                    return;
                }
            }
            if sink.flush().await.is_err() {
                return;
            }
        }
        let _ = sink.close().await;
    }
}

/// How much more a stream's reader takes.
#[derive(Debug)]
pub struct Window {
    bytes: AtomicI64,
    grown: Notify,
}

impl Window {
    /// The first window, as its request granted it.
    pub fn new(bytes: u32) -> Self {
        Self { bytes: AtomicI64::new(i64::from(bytes)), grown: Notify::new() }
    }

    /// The reader took this much.
    pub fn give(&self, bytes: u32) {
        let add = |now: i64| Some((now + i64::from(bytes)).min(MAX_CREDIT));
        // The closure never refuses, so neither does the update.
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        self.grown.notify_one();
    }

    /// Waits for credit and takes `bytes` of it. A message larger than what is left goes too, once: a window smaller than an
    /// object would stop its stream for good. Only the stream's one task calls this, for several channels side by side.
    pub async fn take(&self, bytes: usize) {
        while self.bytes.load(Ordering::Relaxed) <= 0 {
            self.grown.notified().await;
        }
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX / 2);
        if self.bytes.fetch_sub(bytes, Ordering::Relaxed) > bytes {
            // Another channel may have waited longer.
            self.grown.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Window, outbox};
    use futures_util::FutureExt;
    use wire::{ServerMessage, StreamEnd};

    #[tokio::test]
    async fn a_stream_stops_at_its_window_and_goes_on_with_credit() {
        let window = Window::new(10);
        assert!(window.take(8).now_or_never().is_some());
        assert!(window.take(100).now_or_never().is_some(), "one message may go over");
        assert!(window.take(1).now_or_never().is_none());
        window.give(98);
        assert!(window.take(1).now_or_never().is_none(), "the debt is paid first");
        window.give(2);
        assert!(window.take(1).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_full_outbox_makes_the_sender_wait_and_a_closed_one_tells_it() {
        let (outbox, outgoing) = outbox();
        let big = vec![0; super::ROOM_BYTES];
        assert_eq!(outbox.send_bytes(1, 1, &big).now_or_never(), Some(Ok(())));
        assert_eq!(outbox.send(&ServerMessage::End { id: 1, end: StreamEnd::Complete }).now_or_never(), None);
        drop(outgoing);
        assert_eq!(outbox.send(&ServerMessage::End { id: 1, end: StreamEnd::Complete }).now_or_never(), Some(Err(super::Closed)));
    }
}
