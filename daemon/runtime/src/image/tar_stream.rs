//! Reads a tar archive entry by entry with bounded memory, whatever the archive claims.
//!
//! The `tar` crate decodes the 512-byte headers. What spans several headers is read here: that crate keeps long names and
//! extended headers of any length in memory, and takes an entry's length from the header where the extended header overrides it.

use std::collections::BTreeMap;
use std::io::{self, Read};

use thiserror::Error;

const BLOCK: usize = 512;
/// An extended header holds names and xattrs; the kernel takes 64 KiB an xattr and 4 KiB a name.
const MAX_EXTENSION_BYTES: u64 = 1 << 20;
/// Longer paths cannot be used in a system call.
const MAX_PATH_BYTES: usize = 4096;
const XATTR_PREFIX: &str = "SCHILY.xattr.";

/// Why a tar archive cannot be read.
#[derive(Debug, Error)]
pub enum TarError {
    /// The stream below failed.
    #[error("cannot read the archive")]
    Read(#[source] io::Error),
    /// The archive ends in the middle of something.
    #[error("the archive ends in the middle of {0}")]
    Truncated(&'static str),
    /// This is no tar header.
    #[error("the archive has a broken header: {0}")]
    Header(&'static str),
    /// A long name or extended header is longer than any real one.
    #[error("the archive has an extended header of {0} bytes")]
    ExtensionTooLong(u64),
    /// A path is longer than the kernel takes.
    #[error("the archive has a path of {0} bytes")]
    PathTooLong(usize),
    /// Sparse files and tape formats.
    #[error("the archive has an entry of type {0:?}, which is not supported")]
    UnsupportedType(char),
    /// A sparse file in the extended header's form.
    #[error("the archive has a sparse file, which is not supported: pack it without --sparse")]
    Sparse,
}

/// What an entry makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    HardLink,
    Symlink,
    Folder,
    CharDevice,
    BlockDevice,
    Fifo,
}

/// An entry's description; its data follow in the stream.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) path: Vec<u8>,
    /// The target of a link.
    pub(crate) link: Vec<u8>,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// Seconds and nanoseconds.
    pub(crate) mtime: (i64, u32),
    pub(crate) device: (u32, u32),
    pub(crate) xattrs: Vec<(String, Vec<u8>)>,
}

/// A tar archive as a stream of entries. Reading it gives the data of the current entry.
pub(crate) struct TarStream<R> {
    reader: R,
    /// Bytes of the current entry that were not read yet, and the padding behind them.
    data: u64,
    padding: u64,
    position: u64,
    global: BTreeMap<String, Vec<u8>>,
    has_ended: bool,
}

/// What long names and extended headers say about the entry that follows them.
#[derive(Default)]
struct Extension {
    long_path: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    records: BTreeMap<String, Vec<u8>>,
}

impl<R: Read> TarStream<R> {
    pub(crate) fn new(reader: R) -> Self {
        TarStream { reader, data: 0, padding: 0, position: 0, global: BTreeMap::new(), has_ended: false }
    }

    /// The next entry; data of the current one that were not read are skipped.
    pub(crate) fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        let mut extension = Extension::default();
        loop {
            self.skip_data()?;
            let Some(header) = self.next_header()? else { return Ok(None) };
            let size = header.entry_size().map_err(|_| TarError::Header("size"))?;
            match header.entry_type().as_byte() {
                b'L' => extension.long_path = Some(self.long_name(size)?),
                b'K' => extension.long_link = Some(self.long_name(size)?),
                b'x' => extension.records = parse_records(&self.extension(size)?)?,
                b'g' => {
                    let records = parse_records(&self.extension(size)?)?;
                    self.global.extend(records);
                    let held: usize = self.global.iter().map(|(key, value)| key.len() + value.len()).sum();
                    if held as u64 > MAX_EXTENSION_BYTES {
                        return Err(TarError::ExtensionTooLong(held as u64));
                    }
                }
                // A volume label: no file.
                b'V' => self.set_data(size)?,
                other => return self.entry(&header, other, extension).map(Some),
            }
        }
    }

    fn entry(&mut self, header: &tar::Header, type_byte: u8, extension: Extension) -> Result<Entry, TarError> {
        let mut records = self.global.clone();
        records.extend(extension.records);
        if records.keys().any(|key| key.starts_with("GNU.sparse.")) {
            return Err(TarError::Sparse);
        }
        let path = records.remove("path").or(extension.long_path).unwrap_or_else(|| header.path_bytes().into_owned());
        let header_link = || header.link_name_bytes().map(|name| name.into_owned()).unwrap_or_default();
        let link = records.remove("linkpath").or(extension.long_link).unwrap_or_else(header_link);
        let longest = path.len().max(link.len());
        if longest > MAX_PATH_BYTES {
            return Err(TarError::PathTooLong(longest));
        }
        let number = |key: &str, from_header: io::Result<u64>| match records.get(key) {
            Some(value) => parse_text(value).ok_or(TarError::Header("number in an extended header")),
            None => from_header.map_err(|_| TarError::Header("number")),
        };
        let kind = kind_of(type_byte, &path)?;
        let size = match kind {
            Kind::File => number("size", header.entry_size())?,
            // Old archives give hard links and folders a size; no data follow.
            _ => 0,
        };
        let mtime = match records.get("mtime") {
            Some(value) => parse_time(value).ok_or(TarError::Header("time in an extended header"))?,
            None => (header_mtime(header)?, 0),
        };
        let device = match kind {
            Kind::CharDevice | Kind::BlockDevice => {
                let part = |part: io::Result<Option<u32>>| part.ok().flatten().ok_or(TarError::Header("device number"));
                (part(header.device_major())?, part(header.device_minor())?)
            }
            _ => (0, 0),
        };
        let entry = Entry {
            kind,
            size,
            mode: header.mode().map_err(|_| TarError::Header("mode"))?,
            uid: number("uid", header.uid())?,
            gid: number("gid", header.gid())?,
            mtime,
            device,
            xattrs: records
                .iter()
                .filter_map(|(key, value)| Some((key.strip_prefix(XATTR_PREFIX)?.to_owned(), value.clone())))
                .collect(),
            path,
            link,
        };
        self.set_data(size)?;
        Ok(entry)
    }

    fn set_data(&mut self, size: u64) -> Result<(), TarError> {
        self.data = size;
        self.padding = size.checked_next_multiple_of(BLOCK as u64).ok_or(TarError::Header("size"))? - size;
        Ok(())
    }

    fn skip_data(&mut self) -> Result<(), TarError> {
        let left = self.data + self.padding;
        let skipped = io::copy(&mut (&mut self.reader).take(left), &mut io::sink()).map_err(TarError::Read)?;
        if skipped < left {
            return Err(TarError::Truncated("a file"));
        }
        self.position += skipped;
        (self.data, self.padding) = (0, 0);
        Ok(())
    }

    /// A whole block; none at the end of the stream.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.reader.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(TarError::Truncated("a header")),
                Ok(count) => {
                    filled += count;
                    self.position += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(TarError::Read(error)),
            }
        }
        Ok(Some(block))
    }

    /// The next header with a right checksum; none at the end, which is two blocks of zeros or the end of the stream.
    fn next_header(&mut self) -> Result<Option<tar::Header>, TarError> {
        if self.has_ended {
            return Ok(None);
        }
        let Some(block) = self.block()? else {
            self.has_ended = true;
            return Ok(None);
        };
        if block == [0; BLOCK] {
            return match self.block()? {
                Some(second) if second != [0; BLOCK] => Err(TarError::Header("a single block of zeros")),
                _ => {
                    self.has_ended = true;
                    Ok(None)
                }
            };
        }
        let header = tar::Header::from_byte_slice(&block).clone();
        let sum: u32 = block[..148].iter().chain(&block[156..]).map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        match header.cksum() {
            Ok(noted) if noted == sum => Ok(Some(header)),
            _ => Err(TarError::Header("checksum")),
        }
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        if size > MAX_EXTENSION_BYTES {
            return Err(TarError::ExtensionTooLong(size));
        }
        self.set_data(size)?;
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).map_err(TarError::Read)?;
        if self.data > 0 {
            return Err(TarError::Truncated("an extended header"));
        }
        Ok(bytes)
    }

    fn long_name(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        let mut name = self.extension(size)?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        name.truncate(end);
        Ok(name)
    }

    /// How many bytes of the stream were read. After [`next_entry`](Self::next_entry): where the entry's data begin.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether all data of the current entry were read: a read of nothing can also mean that the archive was cut.
    pub(crate) fn is_at_end_of_data(&self) -> bool {
        self.data == 0
    }
}

impl<R: Read> Read for TarStream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.data).unwrap_or(usize::MAX).min(buffer.len());
        if limit == 0 {
            // The zstd decoder takes a read into nothing for a fault.
            return Ok(0);
        }
        let count = self.reader.read(&mut buffer[..limit])?;
        self.data -= count as u64;
        self.position += count as u64;
        Ok(count)
    }
}

fn kind_of(type_byte: u8, path: &[u8]) -> Result<Kind, TarError> {
    match type_byte {
        // Before POSIX a folder was a file whose name ends with a slash.
        b'0' | 0 | b'7' if path.ends_with(b"/") => Ok(Kind::Folder),
        b'0' | 0 | b'7' => Ok(Kind::File),
        b'1' => Ok(Kind::HardLink),
        b'2' => Ok(Kind::Symlink),
        b'3' => Ok(Kind::CharDevice),
        b'4' => Ok(Kind::BlockDevice),
        b'5' => Ok(Kind::Folder),
        b'6' => Ok(Kind::Fifo),
        b'S' => Err(TarError::Sparse),
        other => Err(TarError::UnsupportedType(char::from(other))),
    }
}

/// The header's time; base-256 numbers may be negative, which the `tar` crate reads as a large positive one.
fn header_mtime(header: &tar::Header) -> Result<i64, TarError> {
    let field = &header.as_old().mtime;
    if field[0] & 0x80 != 0 {
        let low = field[field.len() - 8..].try_into().expect("the field has twelve bytes");
        return Ok(i64::from_be_bytes(low));
    }
    let seconds = header.mtime().map_err(|_| TarError::Header("time"))?;
    i64::try_from(seconds).map_err(|_| TarError::Header("time"))
}

/// Records of the form `<length> <key>=<value>\n`, the length counting itself.
fn parse_records(mut bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, TarError> {
    const BROKEN: TarError = TarError::Header("extended header");
    let mut records = BTreeMap::new();
    while !bytes.is_empty() && bytes[0] != 0 {
        let space = bytes.iter().position(|byte| *byte == b' ').ok_or(BROKEN)?;
        let length: usize = parse_text(&bytes[..space]).ok_or(BROKEN)?;
        if length <= space + 1 || length > bytes.len() || bytes[length - 1] != b'\n' {
            return Err(BROKEN);
        }
        let record = &bytes[space + 1..length - 1];
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(BROKEN)?;
        let key = std::str::from_utf8(&record[..equals]).map_err(|_| BROKEN)?;
        // An empty value takes back what a global header said.
        if equals + 1 < record.len() || key.starts_with(XATTR_PREFIX) {
            records.insert(key.to_owned(), record[equals + 1..].to_vec());
        }
        bytes = &bytes[length..];
    }
    Ok(records)
}

fn parse_text<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// `-1.25` is 1.25 seconds before 1970: -2 seconds and 750,000,000 nanoseconds.
fn parse_time(bytes: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}")[..9].parse().ok()?;
    if whole.starts_with('-') && nanos > 0 {
        return Some((seconds.checked_sub(1)?, 1_000_000_000 - nanos));
    }
    Some((seconds, nanos))
}

#[cfg(test)]
#[path = "tar_stream/tests.rs"]
mod tests;
