//! Frames: lengths, limits, and what arrives in pieces.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::FRAME_LIMIT;

const HEADER: usize = 4;

/// Why a stream cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than the limit: the other side is broken or hostile.
    #[error("a frame of {0} bytes is over the limit of {FRAME_LIMIT}")]
    TooLong(usize),
    /// Could not be written down.
    #[error("cannot encode a message")]
    Encode(#[source] postcard::Error),
}

/// One message as a frame.
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, FrameError> {
    let frame = postcard::to_extend(message, vec![0; HEADER]).map_err(FrameError::Encode)?;
    finish(frame)
}

fn finish(mut frame: Vec<u8>) -> Result<Vec<u8>, FrameError> {
    let length = frame.len() - HEADER;
    if length > FRAME_LIMIT {
        return Err(FrameError::TooLong(length));
    }
    frame[..HEADER].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(frame)
}

/// Bytes of a stream that were not yet read as messages.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
}

impl Inbox {
    /// Where arriving bytes are put, at the end.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether a frame is half there.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next whole frame, without its length; none if it is not all there.
    pub fn take_frame(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let Some(header) = self.bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let length = u32::from_le_bytes(*header) as usize;
        if length > FRAME_LIMIT {
            return Err(FrameError::TooLong(length));
        }
        if self.bytes.len() < HEADER + length {
            return Ok(None);
        }
        let rest = self.bytes.split_off(HEADER + length);
        let mut frame = std::mem::replace(&mut self.bytes, rest);
        frame.drain(..HEADER);
        Ok(Some(frame))
    }
}

/// Reads a message from a frame; bytes that are left over belong to a younger version.
pub fn decode<M: DeserializeOwned>(frame: &[u8]) -> Option<M> {
    postcard::take_from_bytes(frame).ok().map(|(message, _rest)| message)
}
