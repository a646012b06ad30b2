//! A session as a file (`--record`): what came from the daemon and when, the keys, and the sizes of the window.
//!
//! A recording is a text of lines: a head, then for each thing that happened its time in microseconds and what it was, then an end. The state
//! is a function of these, so that it is played without a daemon. What is secret is taken out before it is written ([`redact`]); the file is
//! its owner's alone, and no longer than [`MAX_BYTES`].

mod event;
pub use event::Event;
mod read;
mod redact;

use crate::console::app::msg::Msg;
use crate::console::term::caps::Depth;
use jiff::{SignedDuration, Timestamp};
pub use read::{Recording, Whole, read};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What the first line says that it is.
const FORMAT: &str = "skiff-recording";
/// The version of what is written here.
const VERSION: u32 = 1;
/// The longest file that is written; what happens after it is not recorded.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The first line: what the console was when it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Head {
    /// [`FORMAT`].
    format: String,
    version: u32,
    /// The console's version.
    pub skiff: String,
    /// When it began.
    pub started: Timestamp,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The daemon's address.
    pub address: String,
    /// The zone of times, where it has a name.
    pub zone: Option<String>,
    /// The namespace that lists began with.
    pub namespace: Option<String>,
    /// How it looked.
    pub look: Look,
    /// Whether it changed nothing, and whether it touched no file.
    pub rights: (bool, bool),
    /// The user's own files: keys, columns, bookmarks.
    pub own: Own,
    /// The session that was gone on with.
    pub session: Option<String>,
}

/// How it looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Look {
    /// The theme's name.
    pub theme: String,
    /// Whether the theme follows the terminal's background.
    pub follows: bool,
    /// Whether it drew with more than ASCII.
    pub unicode: bool,
    /// How many colours there were: `mono`, `sixteen`, `indexed`, `true`.
    depth: String,
}

/// The texts of the user's own files, where there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    pub keys: Option<String>,
    pub columns: Option<String>,
    pub bookmarks: Option<String>,
    pub commands: Option<String>,
}

const DEPTHS: [(&str, Depth); 4] =
    [("mono", Depth::Mono), ("sixteen", Depth::Sixteen), ("indexed", Depth::Indexed), ("true", Depth::True)];

impl Look {
    /// A look.
    pub fn new(theme: &str, depth: Depth, is_unicode: bool) -> Self {
        let depth = DEPTHS.iter().find(|(_, known)| *known == depth).map_or("true", |(word, _)| word);
        Self { theme: theme.to_owned(), follows: false, unicode: is_unicode, depth: depth.to_owned() }
    }

    /// How many colours there were.
    pub fn depth(&self) -> Depth {
        DEPTHS.iter().find(|(word, _)| *word == self.depth).map_or(Depth::True, |(_, depth)| *depth)
    }
}

impl Head {
    /// The head of a recording that begins now.
    pub fn new(started: Timestamp, size: (u16, u16), address: &str, look: Look) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            skiff: env!("CARGO_PKG_VERSION").to_owned(),
            started,
            size,
            address: address.to_owned(),
            zone: None,
            namespace: None,
            look,
            rights: (false, false),
            own: Own::default(),
            session: None,
        }
    }

    fn redacted(&self) -> (Self, u64) {
        let mut count = 0;
        let mut head = self.clone();
        for text in [&mut head.session, &mut head.own.keys, &mut head.own.columns, &mut head.own.bookmarks].into_iter().flatten()
        {
            count += redact::text(text);
        }
        count += redact::text(&mut head.address);
        (head, count)
    }
}

/// What is in a recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Contents {
    /// Keys and pastes.
    pub keys: u64,
    /// Changes of the window's size.
    pub sizes: u64,
    /// Objects, each as often as it came.
    pub objects: u64,
    /// Answers of the daemon.
    pub answers: u64,
    /// Bytes of logs.
    pub log_bytes: u64,
    /// Texts of files.
    pub files: u64,
    /// Values that were taken out because they are secret.
    pub redacted: u64,
    /// Whether it was cut off at its greatest length.
    pub full: bool,
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, sizes, objects, answers, log_bytes, files, redacted, full } = self;
        write!(f, "{keys} keys, {sizes} sizes of the window, {objects} objects, {answers} answers, {log_bytes} bytes of logs, ")?;
        write!(f, "{files} files; {redacted} secret values were taken out")?;
        if *full { write!(f, "; it ends where it was {} MiB long", MAX_BYTES >> 20) } else { Ok(()) }
    }
}

/// Writes a recording.
#[derive(Debug)]
pub struct Recorder {
    file: BufWriter<File>,
    started: Timestamp,
    written: u64,
    contents: Contents,
    /// The first fault; nothing is written after it.
    fault: Option<io::Error>,
}

impl Recorder {
    /// Begins a file, which must not be there yet.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn create(path: &Path, head: &Head) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let (head, redacted) = head.redacted();
        let contents = Contents { redacted, ..Contents::default() };
        let mut recorder = Self { file: BufWriter::new(file), started: head.started, written: 0, contents, fault: None };
        recorder.line(&serde_json::to_string(&head)?)?;
        recorder.file.flush()?;
        Ok(recorder)
    }

    /// Writes one thing that happens.
    pub fn note(&mut self, now: Timestamp, msg: &Msg) {
        if self.fault.is_some() || self.contents.full {
            return;
        }
        let Some((event, redacted)) = Event::of(msg) else { return };
        if let Err(error) = self.write(now, &event) {
            self.fault = Some(error);
        }
        self.contents.redacted += redacted;
        event.count(&mut self.contents);
    }

    fn write(&mut self, now: Timestamp, event: &Event) -> io::Result<()> {
        let at = now.duration_since(self.started).max(SignedDuration::ZERO).as_micros();
        let line = serde_json::to_string(&(at, event))?;
        if self.written + line.len() as u64 > MAX_BYTES {
            self.contents.full = true;
            return Ok(());
        }
        self.line(&line)
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        self.written += line.len() as u64 + 1;
        self.file.write_all(line.as_bytes())?;
        self.file.write_all(b"\n")
    }

    /// What was noted is in the file, whatever then happens to us.
    pub fn flush(&mut self) {
        if self.fault.is_none() {
            self.fault = self.file.flush().err();
        }
    }

    /// Ends the file; what is in it.
    ///
    /// # Errors
    /// The first fault of the whole recording.
    pub fn finish(mut self) -> io::Result<Contents> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.line(&serde_json::to_string(&("end", self.contents))?)?;
        self.file.flush()?;
        Ok(self.contents)
    }
}

#[cfg(test)]
mod tests;
