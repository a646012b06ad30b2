//! What a reader holds of a stream: watches, bytes, pulls. Each gives back credit as it is read.

use crate::ClientError;
use crate::handle::{Opened, StreamHandle};
use crate::pending::Item;
use bytes::Bytes;
use objects::Status;
use tokio::sync::mpsc;
use wire::{DEFAULT_WINDOW, ImageSummary, ObjectList, PullProgress, Response, StreamEnd, WatchEvent};

/// Credit is given back once the reader took this much: few messages, and the daemon never waits for a reader that is quick.
const CREDIT_STEP: u32 = DEFAULT_WINDOW / 4;

/// The reading side of any stream.
pub(crate) struct Reader {
    handle: StreamHandle,
    items: mpsc::Receiver<Item>,
    owed_bytes: u32,
    is_over: bool,
}

impl Reader {
    pub(crate) fn new(opened: Opened) -> Self {
        Self { handle: opened.handle, items: opened.items, owed_bytes: 0, is_over: false }
    }

    /// The next item; `None` after the end. Loses nothing when the future is dropped: credit is given before an item is taken.
    pub(crate) async fn next(&mut self) -> Result<Option<Item>, ClientError> {
        if self.is_over {
            return Ok(None);
        }
        if self.owed_bytes >= CREDIT_STEP {
            // A connection that just ended may still have items for us in the queue.
            if self.handle.credit(self.owed_bytes).await.is_ok() {
                self.owed_bytes = 0;
            }
        }
        match self.items.recv().await {
            Some(Item::End(end)) => {
                self.over();
                match end {
                    StreamEnd::Complete | StreamEnd::Cancelled => Ok(None),
                    StreamEnd::Failed { status } => Err(ClientError::Refused(status)),
                    StreamEnd::Exited { .. } => Ok(Some(Item::End(end))),
                }
            }
            Some(Item::Overrun) => {
                self.over();
                Err(ClientError::protocol("the daemon sent more than the stream's window"))
            }
            Some(item) => Ok(Some(item)),
            None => {
                self.over();
                Err(self.handle.lost())
            }
        }
    }

    pub(crate) fn took(&mut self, bytes: usize) {
        self.owed_bytes = self.owed_bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    fn over(&mut self) {
        self.is_over = true;
        self.handle.finish();
    }

    pub(crate) fn unexpected(&mut self, item: &Item) -> ClientError {
        self.over();
        ClientError::protocol(format!("{item:?} in a stream of another kind"))
    }
}

/// A watch: the snapshot it began with, then its changes.
pub struct WatchStream {
    reader: Reader,
    snapshot: Option<ObjectList>,
    resource_version: String,
    has_more: bool,
}

impl WatchStream {
    pub(crate) fn new(opened: Opened, list: ObjectList, is_resumed: bool) -> Self {
        let (resource_version, has_more) = (list.resource_version.clone(), list.more);
        let snapshot = (!is_resumed).then_some(list);
        Self { reader: Reader::new(opened), snapshot, resource_version, has_more }
    }

    /// The objects at the start; `None` on a resumed watch and after it was taken. Of a watch in parts it is the first of them.
    pub fn take_snapshot(&mut self) -> Option<ObjectList> {
        self.snapshot.take()
    }

    /// The same, once there is something to go on from: not while parts of the snapshot are missing.
    pub(crate) fn resume_from(&self) -> Option<String> {
        (!self.has_more).then(|| self.resource_version.clone())
    }

    /// The next part of the snapshot; `None` after the last one. May be used in `select!`: nothing is lost.
    ///
    /// # Errors
    /// As [`WatchStream::next`].
    pub async fn next_part(&mut self) -> Result<Option<ObjectList>, ClientError> {
        if !self.has_more {
            return Ok(None);
        }
        match self.reader.next().await? {
            Some(Item::Part(list)) => {
                self.reader.took(list.bytes());
                self.has_more = list.more;
                Ok(Some(list))
            }
            Some(other) => Err(self.reader.unexpected(&other)),
            None => Err(ClientError::protocol("a list ended without its last part")),
        }
    }

    /// Waits for the whole snapshot.
    pub(crate) async fn gather(&mut self) -> Result<(), ClientError> {
        while let Some(part) = self.next_part().await? {
            if let Some(snapshot) = &mut self.snapshot {
                snapshot.items.extend(part.items);
                snapshot.more = part.more;
            }
        }
        Ok(())
    }

    /// The version to resume after what was read so far.
    #[must_use]
    pub fn resource_version(&self) -> &str {
        &self.resource_version
    }

    /// The next change; `None` when the daemon ended the watch in peace. May be used in `select!`: nothing is lost. Of a watch in parts
    /// only after the last part.
    ///
    /// # Errors
    /// [`ClientError::Lost`] with the connection, [`ClientError::Refused`] (410) where the reader fell too far behind.
    pub async fn next(&mut self) -> Result<Option<WatchEvent>, ClientError> {
        match self.reader.next().await? {
            None => Ok(None),
            Some(Item::Event(event)) => {
                self.reader.took(event.object.get().len());
                self.resource_version.clone_from(&event.resource_version);
                Ok(Some(event))
            }
            Some(other) => Err(self.reader.unexpected(&other)),
        }
    }
}

/// A stream of bytes: a log.
pub struct ByteStream {
    reader: Reader,
}

impl ByteStream {
    pub(crate) fn new(opened: Opened) -> Self {
        Self { reader: Reader::new(opened) }
    }

    /// The next bytes; `None` at the end. May be used in `select!`: nothing is lost.
    ///
    /// # Errors
    /// [`ClientError::Lost`] with the connection, [`ClientError::Refused`] where the daemon cannot go on.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        match self.reader.next().await? {
            None => Ok(None),
            Some(Item::Bytes(_, bytes)) => {
                self.reader.took(bytes.len());
                Ok(Some(bytes))
            }
            Some(other) => Err(self.reader.unexpected(&other)),
        }
    }
}

/// A step of a pull.
#[derive(Debug)]
pub enum PullStep {
    /// How far it is.
    Progress(PullProgress),
    /// It is here.
    Done(Vec<ImageSummary>),
}

/// A pull that is under way.
pub struct PullStream {
    reader: Reader,
}

impl PullStream {
    pub(crate) fn new(opened: Opened) -> Self {
        Self { reader: Reader::new(opened) }
    }

    /// The next step; the last one is [`PullStep::Done`]. Dropping the stream before it stops the pull.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the reason of a pull that failed, [`ClientError::Lost`] with the connection.
    pub async fn next(&mut self) -> Result<PullStep, ClientError> {
        match self.reader.next().await? {
            Some(Item::Progress(progress)) => Ok(PullStep::Progress(progress)),
            Some(Item::Answer(answer)) => {
                self.reader.over();
                Self::answer(*answer)
            }
            Some(other) => Err(self.reader.unexpected(&other)),
            None => Err(ClientError::protocol("a pull ended without an answer")),
        }
    }

    fn answer(answer: Result<Response, Status>) -> Result<PullStep, ClientError> {
        match answer.map_err(ClientError::Refused)? {
            Response::Images { images } => Ok(PullStep::Done(images)),
            other => Err(ClientError::protocol(format!("a pull was answered with {other:?}"))),
        }
    }
}
