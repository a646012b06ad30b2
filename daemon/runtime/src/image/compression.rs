//! Tells plain, gzip and zstd data apart by their first bytes and decompresses them as a stream.

use std::io::{self, BufReader, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;
use thiserror::Error;

/// Window of a zstd frame that we accept, as a power of two: 128 MiB, what `zstd --long` uses. Larger ones would let a small
/// file claim gigabytes of memory.
const MAX_ZSTD_WINDOW_LOG: u32 = 27;
const BUFFER_BYTES: usize = 256 << 10;
const LONGEST_MAGIC: usize = 6;

/// Why data cannot be decompressed.
#[derive(Debug, Error)]
pub enum CompressionError {
    /// The data cannot be read.
    #[error("cannot read the data")]
    Read(#[source] io::Error),
    /// A compression that no image specification has.
    #[error("{0} compression is not supported; plain tar, gzip and zstd are")]
    Unsupported(&'static str),
    /// The zstd decoder could not be set up.
    #[error("cannot start the zstd decoder")]
    Zstd(#[source] io::Error),
}

type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

/// Data without its compression.
pub(crate) enum Decompressed<R: Read> {
    Plain(Peeked<R>),
    Gzip(Box<MultiGzDecoder<BufReader<Peeked<R>>>>),
    Zstd(Box<zstd::Decoder<'static, BufReader<Peeked<R>>>>),
}

impl<R: Read> Decompressed<R> {
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Decompressed::Plain(_))
    }
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decompressed::Plain(reader) => reader.read(buffer),
            Decompressed::Gzip(reader) => reader.read(buffer),
            Decompressed::Zstd(reader) => reader.read(buffer),
        }
    }
}

/// Looks at the first bytes and decompresses accordingly. Several gzip members or zstd frames in a row are one stream.
pub(crate) fn decompress<R: Read>(mut reader: R) -> Result<Decompressed<R>, CompressionError> {
    let mut magic = Vec::with_capacity(LONGEST_MAGIC);
    let taken = (&mut reader).take(LONGEST_MAGIC as u64).read_to_end(&mut magic);
    taken.map_err(CompressionError::Read)?;
    let kind = magic.clone();
    let whole = Cursor::new(magic).chain(reader);
    match kind.as_slice() {
        [0x1f, 0x8b, ..] => {
            let buffered = BufReader::with_capacity(BUFFER_BYTES, whole);
            Ok(Decompressed::Gzip(Box::new(MultiGzDecoder::new(buffered))))
        }
        // A zstd frame, or a skippable frame before it (pzstd and zstd:chunked write such).
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            let buffered = BufReader::with_capacity(BUFFER_BYTES, whole);
            let mut decoder = zstd::Decoder::with_buffer(buffered).map_err(CompressionError::Zstd)?;
            decoder.window_log_max(MAX_ZSTD_WINDOW_LOG).map_err(CompressionError::Zstd)?;
            Ok(Decompressed::Zstd(Box::new(decoder)))
        }
        [b'B', b'Z', b'h', ..] => Err(CompressionError::Unsupported("bzip2")),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Err(CompressionError::Unsupported("xz")),
        _ => Ok(Decompressed::Plain(whole)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn check(compressed: &[u8], expected: &[u8]) {
        let mut data = Vec::new();
        decompress(compressed).unwrap().read_to_end(&mut data).unwrap();
        assert_eq!(data, expected);
    }

    #[test]
    fn plain_gzip_and_zstd_are_told_apart() {
        check(b"", b"");
        check(b"abc", b"abc");
        check(b"longer than the magic", b"longer than the magic");
        check(&gzip(b"hello"), b"hello");
        check(&zstd::encode_all(&b"hello"[..], 3).unwrap(), b"hello");
    }

    #[test]
    fn members_and_frames_in_a_row_are_one_stream() {
        check(&[gzip(b"one "), gzip(b"two")].concat(), b"one two");
        let frame = |data: &[u8]| zstd::encode_all(data, 3).unwrap();
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0][..], b"xx"].concat();
        check(&[skippable, frame(b"one "), frame(b"two")].concat(), b"one two");
    }

    #[test]
    fn a_cut_stream_is_an_error() {
        for mut data in [gzip(&[7; 5000]), zstd::encode_all(&[7; 5000][..], 3).unwrap()] {
            data.truncate(data.len() - 3);
            assert!(decompress(&data[..]).unwrap().read_to_end(&mut Vec::new()).is_err());
        }
    }

    #[test]
    fn other_compressions_are_named() {
        let name = |data: &[u8]| decompress(data).err().unwrap().to_string();
        assert!(name(b"BZh91AY").starts_with("bzip2 "));
        assert!(name(b"\xfd7zXZ\0\0").starts_with("xz "));
    }
}
