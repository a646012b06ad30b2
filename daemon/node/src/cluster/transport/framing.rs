//! The bytes of QUIC streams: a greeting before messages, a length before each.

use super::MAX_MESSAGE_BYTES;
use bytes::Bytes;
use quinn::{RecvStream, SendStream};
use std::io;

/// What a message stream begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hello {
    /// When the sender's process started, milliseconds since the epoch.
    pub(super) instance_ms: u64,
    /// What its keys are.
    pub(super) trust_digest: u32,
}

/// Why a stream cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// More bytes than anybody of ours would send.
    #[error("a message of {0} bytes is too long")]
    TooLong(usize),
    /// The stream broke.
    #[error("the stream broke")]
    Broken(#[source] io::Error),
}

impl Hello {
    pub(super) async fn write(self, stream: &mut SendStream) -> Result<(), FrameError> {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.instance_ms.to_be_bytes());
        bytes[8..].copy_from_slice(&self.trust_digest.to_be_bytes());
        stream.write_all(&bytes).await.map_err(|error| FrameError::Broken(error.into()))
    }

    pub(super) async fn read(stream: &mut RecvStream) -> Result<Self, FrameError> {
        let mut bytes = [0; 12];
        stream.read_exact(&mut bytes).await.map_err(broken)?;
        let (instance, digest) = bytes.split_at(8);
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        Ok(Self { instance_ms: number(instance), trust_digest: u32::try_from(number(digest)).unwrap_or(0) })
    }
}

/// Writes a message with its length; both at once, since what is written first may leave in a packet of its own.
pub(crate) async fn write(stream: &mut SendStream, message: Bytes) -> Result<(), FrameError> {
    let length = u32::try_from(message.len()).map_err(|_| FrameError::TooLong(message.len()))?;
    let mut frame = [Bytes::copy_from_slice(&length.to_be_bytes()), message];
    stream.write_all_chunks(&mut frame).await.map_err(|error| FrameError::Broken(error.into()))
}

/// Reads a message; `None` where the stream has ended before it.
pub(super) async fn read(stream: &mut RecvStream) -> Result<Option<Bytes>, FrameError> {
    read_up_to(stream, MAX_MESSAGE_BYTES).await
}

/// The same with another limit.
pub(crate) async fn read_up_to(stream: &mut RecvStream, limit: usize) -> Result<Option<Bytes>, FrameError> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Ok(()) => {}
        Err(quinn::ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(error) => return Err(broken(error)),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > limit {
        return Err(FrameError::TooLong(length));
    }
    let mut message = Vec::new();
    // Memory is taken as bytes come, not as they are promised.
    while message.len() < length {
        let chunk = stream.read_chunk(length - message.len(), true).await.map_err(|error| FrameError::Broken(error.into()))?;
        let Some(chunk) = chunk else { return Err(FrameError::Broken(io::ErrorKind::UnexpectedEof.into())) };
        if chunk.bytes.len() == length {
            return Ok(Some(chunk.bytes));
        }
        message.extend_from_slice(&chunk.bytes);
    }
    Ok(Some(message.into()))
}

fn broken(error: quinn::ReadExactError) -> FrameError {
    FrameError::Broken(match error {
        quinn::ReadExactError::FinishedEarly(_) => io::ErrorKind::UnexpectedEof.into(),
        quinn::ReadExactError::ReadError(error) => error.into(),
    })
}
