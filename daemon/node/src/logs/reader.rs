//! A reader of one container instance's log: the rotated files and the one being written, as one text.

use super::line::{Entry, Stream};
use super::tail::{self, Tail};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How much of a file is read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// The longest entry that is waited for; what is longer was not written by a supervisor and passes as it is.
const LONGEST_ENTRY_BYTES: usize = 256 * 1024;

/// Which of a container's streams are read, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Streams {
    /// Both as one text.
    #[default]
    Together,
    /// Both, each piece of text with its stream, and nothing left out: where the rotation took away what was not read yet, that is an error.
    Apart,
    /// One of them.
    Only(Stream),
}

/// Which part of a log, and how.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// Begin each line with its time.
    pub timestamps: bool,
    /// Leave out what was written before.
    pub since: Option<Timestamp>,
    /// Only so many entries from the end.
    pub tail_lines: Option<u64>,
    /// At most so many bytes.
    pub limit_bytes: Option<u64>,
    /// Which streams.
    pub streams: Streams,
}

/// What a read gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Text, and the stream that it was written to, where that was asked for; else it counts as standard output.
    Bytes(Stream, Vec<u8>),
    /// There is no more now. After the container has ended: there is no more at all.
    CaughtUp,
    /// As many bytes as were asked for have been given.
    LimitReached,
}

/// See the module.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    /// The file being read, and its inode; `None` where there is no log yet.
    current: Option<(File, u64)>,
    /// Bytes read that are no whole entry yet.
    pending: Vec<u8>,
    /// Text to be given, in its order.
    ready: VecDeque<(Stream, Vec<u8>)>,
    options: LogOptions,
    /// Bytes that may still be given.
    left: u64,
    /// Whether the last entry was a part, so that the next one begins no line.
    within_line: bool,
}

impl LogReader {
    /// Opens the log whose newest file is `path` and goes to where the options say. A log that is not there yet is empty.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn open(path: &Path, options: LogOptions) -> io::Result<Self> {
        let left = options.limit_bytes.unwrap_or(u64::MAX);
        let mut reader = Self {
            path: path.to_owned(),
            current: None,
            pending: Vec::new(),
            ready: VecDeque::new(),
            options,
            left,
            within_line: false,
        };
        reader.current = match reader.options.tail_lines {
            Some(lines) => reader.open_tail(lines)?,
            None => reader.files()?.first().map(|path| open(path)).transpose()?.flatten(),
        };
        Ok(reader)
    }

    /// The next text.
    ///
    /// # Errors
    /// A file that cannot be read; for [`Streams::Apart`], what was taken away before it was read.
    pub fn read_chunk(&mut self) -> io::Result<Chunk> {
        loop {
            if let Some((stream, bytes)) = self.ready.pop_front() {
                return Ok(Chunk::Bytes(stream, bytes));
            }
            if self.left == 0 {
                return Ok(Chunk::LimitReached);
            }
            if self.read_some()? {
                continue;
            }
            let Some(next) = self.successor()? else { return Ok(Chunk::CaughtUp) };
            // The old file gets no more from now on, but it may have got more since we read its end.
            if !self.read_some()? {
                self.current = Some(next);
                self.take_torn_entry();
            }
        }
    }

    /// Reads once from the current file; whether it was not at its end.
    fn read_some(&mut self) -> io::Result<bool> {
        let Some((file, _)) = &mut self.current else { return Ok(false) };
        let before = self.pending.len();
        self.pending.resize(before + READ_BYTES, 0);
        let count = file.read(&mut self.pending[before..]);
        self.pending.truncate(before + *count.as_ref().unwrap_or(&0));
        if count? == 0 {
            return Ok(false);
        }
        self.take_entries();
        Ok(true)
    }

    /// Turns the whole entries among the pending bytes into text.
    fn take_entries(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.take(&rest[..end], pending.len());
            rest = &rest[end + 1..];
        }
        if rest.len() > LONGEST_ENTRY_BYTES {
            self.take(rest, pending.len());
            rest = &[];
        }
        self.pending = rest.to_vec();
    }

    /// Turns one entry of `size` bytes that were read into text.
    fn take(&mut self, line: &[u8], size: usize) {
        let Some(entry) = Entry::parse(line) else {
            // A line that a crash damaged: better shown as it is than lost.
            if self.options.streams != Streams::Only(Stream::Stderr) {
                self.give(Stream::Stdout, &[line, b"\n"], size);
                self.within_line = false;
            }
            return;
        };
        let stream = match self.options.streams {
            Streams::Only(wanted) if wanted != entry.stream => return,
            Streams::Apart => entry.stream,
            Streams::Together | Streams::Only(_) => Stream::Stdout,
        };
        if self.is_too_old(entry.time) {
            return;
        }
        let time = match self.options.timestamps && !self.within_line {
            true => with_nine_digits(entry.time) + " ",
            false => String::new(),
        };
        let end: &[u8] = if entry.is_partial { b"" } else { b"\n" };
        self.give(stream, &[time.as_bytes(), entry.text, end], size);
        self.within_line = entry.is_partial;
    }

    /// Puts text behind what is ready, as far as the limit allows; `size` is how much there is going to be of it, about.
    fn give(&mut self, stream: Stream, text: &[&[u8]], size: usize) {
        if self.ready.back().is_none_or(|(last, _)| *last != stream) && self.left > 0 {
            self.ready.push_back((stream, Vec::with_capacity(if self.ready.is_empty() { size } else { 0 })));
        }
        let Some((_, out)) = self.ready.back_mut() else { return };
        for part in text {
            let allowed = usize::try_from(self.left).unwrap_or(usize::MAX).min(part.len());
            out.extend_from_slice(&part[..allowed]);
            self.left -= allowed as u64;
        }
    }

    fn is_too_old(&self, time: &str) -> bool {
        self.options.since.is_some_and(|since| time.parse::<Timestamp>().is_ok_and(|time| time < since))
    }

    /// An entry that a crash cut short at the end of a file.
    fn take_torn_entry(&mut self) {
        if !self.pending.is_empty() {
            self.pending.push(b'\n');
            self.take_entries();
        }
    }

    /// At the end of a file: the one that was begun after it, if there is one.
    fn successor(&self) -> io::Result<Option<(File, u64)>> {
        let files = self.files()?;
        let Some((_, inode)) = self.current else {
            return files.first().map(|path| open(path)).transpose().map(Option::flatten);
        };
        let ours = files.iter().position(|path| std::fs::metadata(path).is_ok_and(|found| found.ino() == inode));
        let next = match ours {
            Some(index) => files.get(index + 1),
            // Ours was removed by the rotation, and maybe others after it. Of a pod that was deleted, all of them are gone.
            None if self.options.streams == Streams::Apart && !files.is_empty() => {
                return Err(io::Error::other("it was rotated faster than it was read, and a part of it is gone"));
            }
            None => files.first(),
        };
        next.map(|path| open(path)).transpose().map(Option::flatten)
    }

    /// The log's files, oldest first.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let (Some(folder), Some(name)) = (self.path.parent(), self.path.file_name().and_then(|name| name.to_str())) else {
            return Ok(Vec::new());
        };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let rotated = format!("{name}.");
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|found| found.starts_with(&rotated)) {
                files.push(entry.path());
            }
        }
        // Their names end in the time of the rotation, so they sort by it.
        files.sort();
        if self.path.exists() {
            files.push(self.path.clone());
        }
        Ok(files)
    }

    fn open_tail(&self, lines: u64) -> io::Result<Option<(File, u64)>> {
        let files = self.files()?;
        let mut wanted = lines;
        for (index, path) in files.iter().enumerate().rev() {
            let Some((mut file, inode)) = open(path)? else { continue };
            let end = file.metadata()?.len();
            match tail::find(&file, end, wanted)? {
                Tail::Short(_) if index == 0 => return Ok(Some((file, inode))),
                Tail::Short(found) => wanted -= found,
                Tail::At(offset) => {
                    file.seek(SeekFrom::Start(offset))?;
                    return Ok(Some((file, inode)));
                }
            }
        }
        Ok(None)
    }
}

fn open(path: &Path) -> io::Result<Option<(File, u64)>> {
    match File::open(path) {
        Ok(file) => {
            let inode = file.metadata()?.ino();
            Ok(Some((file, inode)))
        }
        // Removed by the rotation since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A time with exactly nine digits of a second, so that a column of them is straight (`RFC3339NanoFixed`).
fn with_nine_digits(time: &str) -> String {
    let digits_start = time.find('.').map(|dot| dot + 1);
    let zone_start = time.rfind(['Z', '+', '-']).filter(|at| *at > 10).unwrap_or(time.len());
    let (whole, zone) = time.split_at(zone_start);
    match digits_start {
        Some(start) if start <= whole.len() => {
            let missing = 9_usize.saturating_sub(whole.len() - start);
            format!("{whole}{}{zone}", "0".repeat(missing))
        }
        _ => format!("{whole}.000000000{zone}"),
    }
}

#[cfg(test)]
mod tests;
