//! Who waits for what on one connection: the table between the numbers of requests and their readers.

use crate::ClientError;
use bytes::Bytes;
use objects::Status;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use wire::{ObjectList, PullProgress, Response, ServerMessage, StreamEnd, StreamFrame, WatchEvent};

/// What a stream's reader gets, in order.
#[derive(Debug)]
pub(crate) enum Item {
    Event(WatchEvent),
    /// Bytes of one of the stream's channels.
    Bytes(u8, Bytes),
    Progress(PullProgress),
    /// The next part of the list that a watch began with.
    Part(ObjectList),
    /// The whole answer of a request that also sends progress.
    Answer(Box<Result<Response, Status>>),
    End(StreamEnd),
    /// The daemon sent more than the window allows.
    Overrun,
}

/// Who waits under one number.
pub(crate) enum Waiter {
    /// A request that has one answer, and the parts of the list that it is, as far as they are here.
    Answer { reader: oneshot::Sender<Result<Response, Status>>, parts: Vec<Box<RawValue>> },
    /// A stream: its first answer, then its items, the further parts of a list among them.
    Stream { start: Option<oneshot::Sender<Result<Response, Status>>>, items: mpsc::Sender<Item> },
    /// A request whose progress is shown before its answer.
    Progress(mpsc::Sender<Item>),
}

/// All waiters of a connection. After [`Pending::close`] none can be added.
#[derive(Default)]
pub(crate) struct Pending {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    waiters: HashMap<u32, Waiter>,
    closed: Option<String>,
}

/// Takes a request out of the table when its future is dropped.
pub(crate) struct Forget<'a> {
    pub(crate) id: u32,
    pub(crate) pending: &'a Pending,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.pending.forget(self.id);
    }
}

/// What the connection must do after a message was handed out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum After {
    Nothing,
    /// Nobody reads this stream any more.
    Cancel(u32),
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, Table> {
        // A panic while the table is held cannot leave it half changed: every change is one insert or remove.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, id: u32, waiter: Waiter) -> Result<(), ClientError> {
        let mut table = self.lock();
        if let Some(detail) = &table.closed {
            return Err(ClientError::Lost { detail: detail.clone() });
        }
        table.waiters.insert(id, waiter);
        Ok(())
    }

    pub(crate) fn forget(&self, id: u32) {
        self.lock().waiters.remove(&id);
    }

    /// Why the connection ended, once it has.
    pub(crate) fn lost(&self) -> ClientError {
        let detail = self.lock().closed.clone().unwrap_or_else(|| "the connection was closed".to_owned());
        ClientError::Lost { detail }
    }

    /// Drops every waiter, which tells their readers, and refuses new ones.
    pub(crate) fn close(&self, detail: String) {
        let mut table = self.lock();
        table.closed.get_or_insert(detail);
        table.waiters.clear();
    }

    /// Hands a text message to its reader. Answers to unknown numbers (cancelled ones) are dropped.
    pub(crate) fn deliver(&self, message: ServerMessage) -> After {
        let mut table = self.lock();
        match message {
            ServerMessage::Hello(_) => After::Nothing,
            ServerMessage::Response { id, result } => table.answer(id, result),
            ServerMessage::Event { id, event } => table.item(id, Item::Event(event)),
            ServerMessage::Progress { id, progress } => table.progress(id, progress),
            ServerMessage::End { id, end } => {
                table.item(id, Item::End(end));
                table.waiters.remove(&id);
                After::Nothing
            }
        }
    }

    /// Hands the bytes of a binary frame to its reader.
    pub(crate) fn deliver_bytes(&self, frame: &Bytes) -> Result<After, ClientError> {
        let Some(StreamFrame { id, channel, .. }) = StreamFrame::try_from_bytes(frame) else {
            return Err(ClientError::protocol("a binary frame shorter than its header"));
        };
        Ok(self.lock().item(id, Item::Bytes(channel, frame.slice(StreamFrame::HEADER_BYTES..))))
    }
}

impl Table {
    fn answer(&mut self, id: u32, result: Result<Response, Status>) -> After {
        match self.waiters.remove(&id) {
            None => After::Nothing,
            Some(Waiter::Answer { reader, mut parts }) => {
                let result = match result {
                    Ok(Response::List(list)) if list.more => {
                        parts.extend(list.items);
                        // The one who asked has forgotten its number where it wants no more of it.
                        self.waiters.insert(id, Waiter::Answer { reader, parts });
                        return After::Nothing;
                    }
                    Ok(Response::List(mut list)) if !parts.is_empty() => {
                        parts.append(&mut list.items);
                        Ok(Response::List(ObjectList { items: parts, ..list }))
                    }
                    result => result,
                };
                // The one who asked may have gone: then nobody wants the answer.
                let _ = reader.send(result);
                After::Nothing
            }
            Some(Waiter::Progress(items)) => {
                let _ = items.try_send(Item::Answer(Box::new(result)));
                After::Nothing
            }
            Some(Waiter::Stream { start: None, items }) => {
                let item = match result {
                    Ok(Response::List(list)) => Item::Part(list),
                    result => Item::Answer(Box::new(result)),
                };
                self.waiters.insert(id, Waiter::Stream { start: None, items });
                self.item(id, item)
            }
            Some(Waiter::Stream { start, items }) => {
                let goes_on = result.is_ok();
                let is_read = start.is_some_and(|start| start.send(result).is_ok());
                match (goes_on, is_read) {
                    (false, _) => After::Nothing,
                    (true, false) => After::Cancel(id),
                    (true, true) => {
                        self.waiters.insert(id, Waiter::Stream { start: None, items });
                        After::Nothing
                    }
                }
            }
        }
    }

    /// Progress is to be shown and forgotten: where the reader is behind, the newest is dropped.
    fn progress(&mut self, id: u32, progress: PullProgress) -> After {
        let Some(Waiter::Progress(items)) = self.waiters.get(&id) else { return After::Nothing };
        // One place stays free for the answer.
        if items.capacity() > 1 {
            let _ = items.try_send(Item::Progress(progress));
        }
        After::Nothing
    }

    fn item(&mut self, id: u32, item: Item) -> After {
        let Some(Waiter::Stream { items, .. }) = self.waiters.get(&id) else { return After::Nothing };
        // One place stays free, so that the reader of an overrun stream learns of it.
        let is_end = matches!(item, Item::End(_));
        if items.capacity() > 1 || is_end {
            if items.try_send(item).is_ok() {
                return After::Nothing;
            }
        } else {
            let _ = items.try_send(Item::Overrun);
        }
        self.waiters.remove(&id);
        After::Cancel(id)
    }
}
