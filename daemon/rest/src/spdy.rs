//! SPDY/3.1 frames, as Kubernetes' clients speak them for exec, attach and port-forward: bytes to frames and back, no sockets.
//!
//! Only what those need: streams with headers and data in both directions. Their windows are not used (clients never look at them);
//! what holds a sender back is the connection below.

mod dictionary;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::sync::LazyLock;

/// The most bytes of one frame.
pub const MAX_FRAME_BYTES: usize = 1024 * 1024;
/// The most bytes of one frame's headers.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The end of a stream in one direction.
const FIN: u8 = 1;

static DICTIONARY: LazyLock<Vec<u8>> = LazyLock::new(dictionary::dictionary);

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A stream begins.
    SynStream {
        /// Its number.
        id: u32,
        /// Whether its maker sends no data.
        is_last: bool,
        /// What it is for; names are in lower case.
        headers: Vec<(String, String)>,
    },
    /// A stream was accepted.
    SynReply {
        /// Its number.
        id: u32,
    },
    /// A stream is over, in both directions.
    Reset {
        /// Its number.
        id: u32,
        /// Why: 1 is a fault of the protocol, 3 a refusal, 5 cancelled.
        code: u32,
    },
    /// Bytes of a stream.
    Data {
        /// Its number.
        id: u32,
        /// Whether nothing follows.
        is_last: bool,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Is to be sent back.
    Ping(u32),
    /// No stream is begun any more.
    GoAway {
        /// The last one that was.
        last: u32,
    },
    /// What we do not need: settings, windows, more headers.
    Other,
}

/// Bytes that are no SPDY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSpdy(pub &'static str);

/// Reads frames.
#[derive(Debug)]
pub struct Reader {
    read: Vec<u8>,
    /// How much of it is frames that were given out.
    given: usize,
    inflate: Decompress,
}

/// Writes frames.
#[derive(Debug)]
pub struct Writer {
    deflate: Compress,
}

impl Default for Reader {
    fn default() -> Self {
        Self { read: Vec::new(), given: 0, inflate: Decompress::new(true) }
    }
}

impl Default for Writer {
    fn default() -> Self {
        let mut deflate = Compress::new(Compression::fast(), true);
        // It fails only once something was compressed.
        let _ = deflate.set_dictionary(&DICTIONARY);
        Self { deflate }
    }
}

impl Reader {
    /// Takes bytes that came.
    pub fn push(&mut self, bytes: &[u8]) {
        // Once a push, and not once a frame: a client may send a hundred thousand small ones at once.
        self.read.drain(..self.given);
        self.given = 0;
        self.read.extend_from_slice(bytes);
    }

    /// The next frame, where all of it has come.
    ///
    /// # Errors
    /// The bytes are no SPDY, or more than is taken.
    pub fn frame(&mut self) -> Result<Option<Frame>, NotSpdy> {
        let rest = self.read.get(self.given..).unwrap_or_default();
        let Some((head, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
        let [a, b, c, d, flags, e, f, g] = *head;
        let length = u32::from_be_bytes([0, e, f, g]) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(NotSpdy("a frame is too long"));
        }
        let Some(body) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
        self.given += 8 + length;
        let (is_last, word) = (flags & FIN != 0, u32::from_be_bytes([a, b, c, d]));
        if word >> 31 == 0 {
            return Ok(Some(Frame::Data { id: word, is_last, bytes: body }));
        }
        if word >> 16 & 0x7fff != 3 {
            return Err(NotSpdy("another version of SPDY"));
        }
        self.control(word & 0xffff, is_last, &body).map(Some)
    }

    fn control(&mut self, kind: u32, is_last: bool, body: &[u8]) -> Result<Frame, NotSpdy> {
        let id = number(body, 0).map(|id| id & 0x7fff_ffff).ok_or(NotSpdy("a frame is too short"));
        Ok(match kind {
            1 => {
                let block = body.get(10..).ok_or(NotSpdy("a frame is too short"))?;
                Frame::SynStream { id: id?, is_last, headers: self.headers(block)? }
            }
            2 => {
                // All blocks are one compressed stream: none may be left out.
                self.headers(body.get(4..).unwrap_or_default())?;
                Frame::SynReply { id: id? }
            }
            3 => Frame::Reset { id: id?, code: number(body, 4).unwrap_or_default() },
            6 => Frame::Ping(number(body, 0).unwrap_or_default()),
            7 => Frame::GoAway { last: id? },
            8 => {
                self.headers(body.get(4..).unwrap_or_default())?;
                Frame::Other
            }
            _ => Frame::Other,
        })
    }

    fn headers(&mut self, block: &[u8]) -> Result<Vec<(String, String)>, NotSpdy> {
        let plain = self.inflate(block)?;
        let short = NotSpdy("headers are too short");
        let count = number(&plain, 0).ok_or(short)?;
        let mut rest = plain.get(4..).unwrap_or_default();
        let mut text = || -> Result<String, NotSpdy> {
            let length = number(rest, 0).ok_or(short)? as usize;
            let (bytes, behind) = rest.get(4..).and_then(|rest| rest.split_at_checked(length)).ok_or(short)?;
            rest = behind;
            String::from_utf8(bytes.to_vec()).map_err(|_| NotSpdy("a header is no text"))
        };
        // A count that is not true ends where the text does.
        (0..count).map(|_| Ok((text()?, text()?))).collect()
    }

    fn inflate(&mut self, block: &[u8]) -> Result<Vec<u8>, NotSpdy> {
        let mut plain = Vec::with_capacity(1024);
        let start = self.inflate.total_in();
        loop {
            let taken_before = usize::try_from(self.inflate.total_in() - start).unwrap_or(usize::MAX);
            let input = block.get(taken_before..).unwrap_or_default();
            if plain.capacity() - plain.len() < 256 {
                plain.reserve(1024);
            }
            let before = plain.len();
            match self.inflate.decompress_vec(input, &mut plain, FlushDecompress::Sync) {
                Ok(Status::StreamEnd) => return Err(NotSpdy("the headers' compression ended")),
                Ok(_) => {}
                Err(error) if error.needs_dictionary().is_some() => {
                    self.inflate.set_dictionary(&DICTIONARY).map_err(|_| NotSpdy("another dictionary is asked for"))?;
                    continue;
                }
                Err(_) => return Err(NotSpdy("headers cannot be decompressed")),
            }
            if plain.len() > MAX_HEADER_BYTES {
                return Err(NotSpdy("headers are too long"));
            }
            let taken = usize::try_from(self.inflate.total_in() - start).unwrap_or(usize::MAX);
            let is_stuck = plain.len() == before && taken == taken_before;
            if taken >= block.len() && plain.len() < plain.capacity() || is_stuck {
                return Ok(plain);
            }
        }
    }
}

impl Writer {
    /// A frame's bytes. Those that must not be answered with ([`Frame::Other`]) have none.
    #[must_use]
    pub fn write(&mut self, frame: &Frame) -> Vec<u8> {
        let flag = |is_last: &bool| if *is_last { FIN } else { 0 };
        match frame {
            Frame::SynStream { id, is_last, headers } => {
                let mut body = id.to_be_bytes().to_vec();
                body.extend_from_slice(&[0; 6]);
                body.extend(self.deflate(headers));
                control(1, flag(is_last), &body)
            }
            Frame::SynReply { id } => {
                let mut body = id.to_be_bytes().to_vec();
                body.extend(self.deflate(&[]));
                control(2, 0, &body)
            }
            Frame::Reset { id, code } => control(3, 0, &[id.to_be_bytes(), code.to_be_bytes()].concat()),
            Frame::Ping(id) => control(6, 0, &id.to_be_bytes()),
            Frame::GoAway { last } => control(7, 0, &[last.to_be_bytes(), [0; 4]].concat()),
            Frame::Data { id, is_last, bytes } => framed(id & 0x7fff_ffff, flag(is_last), bytes),
            Frame::Other => Vec::new(),
        }
    }

    fn deflate(&mut self, headers: &[(String, String)]) -> Vec<u8> {
        let length = |length: usize| u32::try_from(length).unwrap_or_default().to_be_bytes();
        let mut plain = length(headers.len()).to_vec();
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            plain.extend_from_slice(&length(text.len()));
            plain.extend_from_slice(text.as_bytes());
        }
        let mut packed = Vec::with_capacity(plain.len() + 64);
        let start = self.deflate.total_in();
        loop {
            let taken = usize::try_from(self.deflate.total_in() - start).unwrap_or(usize::MAX);
            packed.reserve(256);
            let input = plain.get(taken..).unwrap_or_default();
            let done = self.deflate.compress_vec(input, &mut packed, FlushCompress::Sync);
            let taken = usize::try_from(self.deflate.total_in() - start).unwrap_or(usize::MAX);
            if done.is_err() || taken >= plain.len() && packed.len() < packed.capacity() {
                return packed;
            }
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}

fn control(kind: u32, flags: u8, body: &[u8]) -> Vec<u8> {
    framed(1 << 31 | 3 << 16 | kind, flags, body)
}

fn framed(word: u32, flags: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or_default();
    let mut bytes = Vec::with_capacity(8 + body.len());
    bytes.extend_from_slice(&word.to_be_bytes());
    bytes.extend_from_slice(&(u32::from(flags) << 24 | length & 0x00ff_ffff).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Frame, NotSpdy, Reader, Writer};
    use proptest::prelude::{any, prop, proptest};

    fn headers(kind: &str) -> Vec<(String, String)> {
        vec![("streamtype".to_owned(), kind.to_owned()), ("port".to_owned(), "8080".to_owned())]
    }

    #[test]
    fn frames_survive_the_way_however_it_is_cut() {
        let frames = [
            Frame::SynStream { id: 1, is_last: false, headers: headers("error") },
            Frame::SynStream { id: 3, is_last: true, headers: headers("data") },
            Frame::SynReply { id: 3 },
            Frame::Data { id: 3, is_last: true, bytes: vec![7; 9000] },
            Frame::Ping(9),
            Frame::Reset { id: 1, code: 5 },
            Frame::SynStream { id: 5, is_last: false, headers: vec![("x".repeat(3000), "y".repeat(9000))] },
            Frame::GoAway { last: 5 },
        ];
        for size in [1, 7, 100_000] {
            let mut writer = Writer::default();
            let bytes: Vec<u8> = frames.iter().flat_map(|frame| writer.write(frame)).collect();
            let (mut reader, mut seen) = (Reader::default(), Vec::new());
            for part in bytes.chunks(size) {
                reader.push(part);
                while let Some(frame) = reader.frame().expect("SPDY") {
                    seen.push(frame);
                }
            }
            assert_eq!(seen, frames, "{size}");
        }
    }

    #[test]
    fn what_is_no_spdy_is_refused() {
        let refused = |bytes: &[u8]| {
            let mut reader = Reader::default();
            reader.push(bytes);
            reader.frame().expect_err("refused")
        };
        assert_eq!(refused(b"GET / HTTP/1.1\r\n"), NotSpdy("a frame is too long"));
        assert_eq!(refused(&[0x80, 2, 0, 1, 0, 0, 0, 0]), NotSpdy("another version of SPDY"));
        assert_eq!(refused(&[0x80, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1]), NotSpdy("a frame is too short"));
    }

    #[test]
    fn many_small_frames_at_once_cost_no_more_than_one_by_one() {
        let mut reader = Reader::default();
        let ping = Writer::default().write(&Frame::Ping(7));
        let began = std::time::Instant::now();
        // 48 MiB: if each of them moved what follows it, a hundred terabytes would be moved.
        reader.push(&ping.repeat(4 << 20));
        let mut count = 0;
        while let Some(frame) = reader.frame().expect("SPDY") {
            assert_eq!(frame, Frame::Ping(7));
            count += 1;
        }
        assert_eq!(count, 4 << 20);
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{:?}", began.elapsed());
    }

    proptest! {
        #[test]
        fn any_bytes_are_frames_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut reader = Reader::default();
            reader.push(&[0x80, 3, 0, 1, 0, 0, 0, 200, 0, 0, 0, 1]);
            reader.push(&bytes);
            while let Ok(Some(_)) = reader.frame() {}
        }

        #[test]
        fn frames_with_a_few_bytes_changed_are_frames_or_refused(changes in prop::collection::vec(any::<(u16, u8)>(), 1..6)) {
            let mut writer = Writer::default();
            let mut bytes = Vec::new();
            for id in [1, 3, 5, 7] {
                bytes.extend(writer.write(&Frame::SynStream { id, is_last: false, headers: headers("data") }));
                bytes.extend(writer.write(&Frame::Data { id, is_last: id == 7, bytes: vec![7; 40] }));
            }
            for (place, byte) in changes {
                let place = usize::from(place) % bytes.len();
                bytes[place] = byte;
            }
            let mut reader = Reader::default();
            for part in bytes.chunks(50) {
                reader.push(part);
                while let Ok(Some(_)) = reader.frame() {}
            }
        }
    }
}
