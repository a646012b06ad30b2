//! The thread that reads or writes the files of a copy, which may wait for a disk, and its ends here.

use archive::{Copied, Fault};
use bytes::Bytes;
use std::io::{self, Read, Write};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// Pieces of an archive, and notes, that may wait.
const WAITING: usize = 8;
/// The size of a piece that is packed.
const PIECE_BYTES: usize = 32 * 1024;

/// What the thread says.
#[derive(Debug)]
pub enum Event {
    /// A piece of the archive.
    Bytes(Bytes),
    /// A line about something that is left out.
    Note(String),
    /// It has ended. Nothing follows.
    Done(Result<Copied, Fault>),
}

/// What the thread says next.
pub async fn next(events: &mut mpsc::Receiver<Event>) -> Event {
    // It says its end before it ends, unless it panicked.
    events.recv().await.unwrap_or(Event::Done(Err(Fault::BrokenOff)))
}

/// Files that are read. The thread ends by itself once nobody hears it.
pub struct Packing {
    events: mpsc::Receiver<Event>,
}

impl Packing {
    pub fn begin(pack: impl FnOnce(&mut dyn Write, &mut dyn FnMut(String)) -> Result<Copied, Fault> + Send + 'static) -> Self {
        let (sender, events) = mpsc::channel(WAITING);
        std::thread::spawn(move || {
            let mut archive = Pieces { sender: sender.clone(), piece: Vec::with_capacity(PIECE_BYTES) };
            let result = pack(&mut archive, &mut |note| say(&sender, note));
            let _ = sender.blocking_send(Event::Done(result));
        });
        Self { events }
    }

    pub async fn next(&mut self) -> Event {
        next(&mut self.events).await
    }
}

/// Files that are written. Dropping it waits until the thread has tidied up: it gets no more bytes then.
pub struct Unpacking {
    /// Where the archive's pieces go; without it they have ended.
    pub archive: Option<mpsc::Sender<Bytes>>,
    pub events: mpsc::Receiver<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Unpacking {
    pub fn begin(unpack: impl FnOnce(&mut dyn Read, &mut dyn FnMut(String)) -> Result<Copied, Fault> + Send + 'static) -> Self {
        let ((archive, pieces), (sender, events)) = (mpsc::channel(WAITING), mpsc::channel(WAITING));
        let thread = std::thread::spawn(move || {
            let mut archive = Received { pieces, piece: Bytes::new() };
            let result = unpack(&mut archive, &mut |note| say(&sender, note));
            let _ = sender.blocking_send(Event::Done(result));
        });
        Self { archive: Some(archive), events, thread: Some(thread) }
    }
}

impl Drop for Unpacking {
    fn drop(&mut self) {
        self.archive = None;
        self.events.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn say(sender: &mpsc::Sender<Event>, mut note: String) {
    note.push('\n');
    // Nobody hears it: the copy was given up.
    let _ = sender.blocking_send(Event::Note(note));
}

struct Pieces {
    sender: mpsc::Sender<Event>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..count]);
        if self.piece.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.sender.blocking_send(Event::Bytes(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

struct Received {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Received {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = bytes.len().min(self.piece.len());
        bytes[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}
