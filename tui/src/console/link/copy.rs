//! A copy to or from a container, and how far it is.

use super::driver::Sink;
use super::{Copy, Delta};
use crate::copying::{self, Telling};
use client::{ClientError, Link};
use std::cell::{Cell, RefCell};
use std::io;
use std::time::{Duration, Instant};
use wire::CopyDirection;

/// The least time between two reports.
const BETWEEN_REPORTS: Duration = Duration::from_millis(250);
/// The most bytes of notes that are kept.
const MAX_NOTES: usize = 2_048;

struct Progress<'a> {
    id: u32,
    sink: &'a Sink,
    bytes: Cell<u64>,
    told_at: Cell<Instant>,
    notes: RefCell<String>,
}

impl Telling for Progress<'_> {
    fn more(&self, bytes: usize) -> io::Result<()> {
        self.bytes.set(self.bytes.get() + bytes as u64);
        if self.told_at.get().elapsed() < BETWEEN_REPORTS {
            return Ok(());
        }
        self.told_at.set(Instant::now());
        let is_heard = (self.sink)(Delta::Copied { id: self.id, bytes: self.bytes.get() });
        if is_heard { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    fn note(&self, text: &[u8]) -> io::Result<()> {
        let mut notes = self.notes.borrow_mut();
        if notes.len() < MAX_NOTES {
            notes.push_str(&String::from_utf8_lossy(text));
        }
        Ok(())
    }
}

/// Copies, and tells the end with what was left out.
pub async fn run(link: Link, id: u32, copy: Copy, sink: Sink) {
    let progress =
        Progress { id, sink: &sink, bytes: Cell::new(0), told_at: Cell::new(Instant::now()), notes: RefCell::new(String::new()) };
    let copied = match link.client() {
        None => Err(ClientError::NotConnected.into()),
        Some(client) => match copy.request.direction {
            CopyDirection::IntoContainer => copying::into_container(&client, copy.request, &copy.local, &progress).await,
            CopyDirection::FromContainer => copying::from_container(&client, copy.request, copy.local, &progress).await,
        },
    };
    let (bytes, notes) = (progress.bytes.get(), progress.notes.take());
    let result = match copied {
        Ok(()) => Ok(bytes),
        Err(error) if notes.trim().is_empty() => Err(error.to_string()),
        Err(error) => Err(format!("{error}: {}", notes.trim())),
    };
    sink(Delta::CopyEnd { id, result });
}
