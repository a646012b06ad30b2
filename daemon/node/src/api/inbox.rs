//! What a client says to one of its streams: credit to pass on, and bytes, kept until whoever works on the stream takes them.
//!
//! The reader of a connection must never wait for one stream, so what is kept has a limit: a client sends no more than the stream's
//! daemon has asked for, which is less. Credit is a sum and needs no queue.

use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Bytes that may wait. More than any window that a daemon grants.
const ROOM_BYTES: usize = 1024 * 1024;
/// Frames that may wait: small ones cost more than their bytes.
const ROOM_FRAMES: usize = 4096;

/// One thing that a client said.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// It takes so many bytes more.
    Credit(u32),
    /// Bytes for a channel of the stream.
    Bytes(u8, Bytes),
}

/// The client sent more than there is room for, and so more than it was allowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// See the file's header.
#[derive(Debug, Default)]
pub struct Inbox {
    waiting: Mutex<Waiting>,
    came: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    credit: u32,
    frames: VecDeque<(u8, Bytes)>,
    bytes: usize,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // No change under the lock can panic half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client takes so many bytes more.
    pub fn credit(&self, bytes: u32) {
        let mut waiting = self.lock();
        waiting.credit = waiting.credit.saturating_add(bytes);
        drop(waiting);
        self.came.notify_one();
    }

    /// The client sent bytes.
    ///
    /// # Errors
    /// [`Full`] where too much waits already.
    pub fn bytes(&self, channel: u8, bytes: Bytes) -> Result<(), Full> {
        let mut waiting = self.lock();
        if waiting.bytes + bytes.len() > ROOM_BYTES || waiting.frames.len() >= ROOM_FRAMES {
            return Err(Full);
        }
        waiting.bytes += bytes.len();
        waiting.frames.push_back((channel, bytes));
        drop(waiting);
        self.came.notify_one();
        Ok(())
    }

    /// Waits for the next thing. May be dropped: nothing is lost. Only the stream's one task calls this.
    pub async fn next(&self) -> Said {
        loop {
            if let Some(said) = self.take() {
                return said;
            }
            self.came.notified().await;
        }
    }

    fn take(&self) -> Option<Said> {
        let mut waiting = self.lock();
        if waiting.credit > 0 {
            return Some(Said::Credit(std::mem::take(&mut waiting.credit)));
        }
        let (channel, bytes) = waiting.frames.pop_front()?;
        waiting.bytes -= bytes.len();
        Some(Said::Bytes(channel, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, Inbox, ROOM_BYTES, ROOM_FRAMES, Said};
    use bytes::Bytes;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn credit_is_summed_and_bytes_keep_their_order() {
        let inbox = Inbox::default();
        assert_eq!(inbox.next().now_or_never(), None);
        inbox.credit(3);
        inbox.bytes(0, Bytes::from_static(b"a")).expect("room");
        inbox.credit(4);
        inbox.bytes(4, Bytes::from_static(b"b")).expect("room");
        assert_eq!(inbox.next().await, Said::Credit(7));
        assert_eq!(inbox.next().await, Said::Bytes(0, Bytes::from_static(b"a")));
        assert_eq!(inbox.next().await, Said::Bytes(4, Bytes::from_static(b"b")));
        assert_eq!(inbox.next().now_or_never(), None);
    }

    #[tokio::test]
    async fn what_nobody_takes_has_a_limit() {
        let inbox = Inbox::default();
        assert_eq!(inbox.bytes(0, vec![0; ROOM_BYTES].into()), Ok(()));
        assert_eq!(inbox.bytes(0, Bytes::from_static(b"a")), Err(Full));
        inbox.next().await;
        for _ in 0..ROOM_FRAMES {
            assert_eq!(inbox.bytes(0, Bytes::new()), Ok(()));
        }
        assert_eq!(inbox.bytes(0, Bytes::new()), Err(Full));
    }
}
