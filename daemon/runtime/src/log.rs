//! A container's output as a file: CRI format, one write for what was read at once, rotated by size.
//!
//! A line is `<time> stdout|stderr F|P <text>`. A text longer than [`LINE_LIMIT`] is written in parts tagged P before its
//! end; the last, unterminated text of a stream is a part as well. Nobody else writes here, and nothing depends on a reader.

mod lines;
mod rotate;
mod time;

pub use lines::{LINE_LIMIT, Lines, StreamName};

use std::fs;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, fstat, ftruncate, open};
use rustix::io::{Errno, writev};

use crate::spec::LogSpec;

/// The kernel takes no more pieces at once.
const PIECES: usize = 1024;

/// The log of one attempt of a container.
#[derive(Debug)]
pub struct ContainerLog {
    spec: LogSpec,
    file: OwnedFd,
    size: u64,
}

impl ContainerLog {
    /// Opens the file, and makes it and its folders if they are missing. What is in it already stays.
    pub fn open(spec: &LogSpec) -> io::Result<ContainerLog> {
        if let Some(folder) = spec.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let (file, size) = open_file(&spec.path)?;
        Ok(ContainerLog { spec: spec.clone(), file, size })
    }

    /// Writes the lines that end in `bytes`, read at `now` (ns since 1970); an unfinished one is kept in `lines`.
    /// After an error nothing of `bytes` is in the file, or whole lines of it are, and the next call starts afresh.
    pub fn write(&mut self, lines: &mut Lines, bytes: &[u8], now: u64) -> io::Result<()> {
        let result = lines.pieces(bytes, now).write_to(self);
        lines.keep_rest(bytes);
        result
    }

    /// Writes what a stream left unfinished when it ended.
    pub fn finish(&mut self, lines: &mut Lines, now: u64) -> io::Result<()> {
        let result = lines.last_piece(now).write_to(self);
        lines.clear();
        result
    }

    /// Whether the file takes so many bytes.
    fn has_room(&self, length: usize) -> bool {
        self.spec.max_bytes == 0 || self.size + length as u64 <= self.spec.max_bytes
    }

    /// Writes pieces of so many bytes in all.
    fn append(&mut self, pieces: &[IoSlice<'_>], length: usize) -> io::Result<()> {
        if length == 0 {
            return Ok(());
        }
        if self.size > 0 && !self.has_room(length) {
            self.rotate()?;
        }
        match write_all(&self.file, pieces, length) {
            Ok(()) => {
                self.size += length as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line would make the next one unreadable too.
                ftruncate(&self.file, self.size)?;
                Err(error)
            }
        }
    }

    /// If the old file cannot be put aside, it grows on: a line is worth more than a limit.
    fn rotate(&mut self) -> io::Result<()> {
        rotate::put_aside(&self.spec)?;
        let (file, size) = open_file(&self.spec.path)?;
        (self.file, self.size) = (file, size);
        Ok(())
    }
}

fn open_file(path: &PathBuf) -> io::Result<(OwnedFd, u64)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(path, flags, Mode::from_raw_mode(0o640))?;
    let size = u64::try_from(fstat(&file)?.st_size).unwrap_or(0);
    Ok((file, size))
}

fn write_all(file: &OwnedFd, pieces: &[IoSlice<'_>], length: usize) -> io::Result<()> {
    let mut written = match writev(file, pieces) {
        Ok(written) => written,
        Err(Errno::INTR) => 0,
        Err(error) => return Err(error.into()),
    };
    while written < length {
        // A short write: what is missing, piece by piece.
        let mut skip = written;
        let rest = pieces.iter().find_map(|piece| {
            let rest = piece.get(skip..).filter(|rest| !rest.is_empty());
            skip = skip.saturating_sub(piece.len());
            rest
        });
        match rest.map(|rest| rustix::io::write(file, rest)) {
            Some(Ok(0)) | None => return Err(io::ErrorKind::WriteZero.into()),
            Some(Ok(count)) => written += count,
            Some(Err(Errno::INTR)) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
