//! One of a program's outputs, read to its end or until nothing comes any more.

use super::Source;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;

/// The most bytes of one reading.
const CHUNK_BYTES: usize = 32 * 1024;
/// How long is waited for more once the end is known: what a program left running may hold its output open for ever.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// See the file's header.
pub struct Output {
    source: Source,
    is_known: Option<watch::Receiver<bool>>,
    bytes: Vec<u8>,
}

impl Output {
    /// Of a stream whose end is known once `is_known` says so.
    pub fn new(source: Source, is_known: watch::Receiver<bool>) -> Self {
        Self { source, is_known: Some(is_known), bytes: vec![0; CHUNK_BYTES] }
    }

    /// Of a stream that says by itself where its end is.
    pub fn to_its_end(source: Source) -> Self {
        Self { source, is_known: None, bytes: vec![0; CHUNK_BYTES] }
    }

    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Option<&[u8]> {
        let silence = async {
            let is_over = match &mut self.is_known {
                Some(is_known) => is_known.wait_for(|known| *known).await.is_ok(),
                None => false,
            };
            if !is_over {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(LAST_WORDS).await;
        };
        // What is there to read comes first; the wait begins anew after each reading.
        let read = tokio::select! {
            biased;
            read = self.source.read(&mut self.bytes) => read,
            () = silence => return None,
        };
        match read {
            Ok(0) | Err(_) => None,
            Ok(count) => Some(&self.bytes[..count]),
        }
    }
}
