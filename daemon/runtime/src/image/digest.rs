//! Content digests (`sha256:…`) and readers that hash what passes through them.

use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

const ALGORITHM: &str = "sha256:";
const HEX_LENGTH: usize = 64;
const SHORT_LENGTH: usize = 12;

/// A `sha256:<64 lower case hex digits>` digest as the OCI specifications write it.
///
/// Other algorithms exist on paper (sha512); no registry or builder in use writes them, and they are refused by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// Why a text is not a digest; the words are those that Docker and containerd show.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DigestError {
    /// There is no `algorithm:hex`.
    #[error("invalid checksum digest format")]
    Format,
    /// The algorithm is not sha256.
    #[error("unsupported digest algorithm")]
    Algorithm,
    /// The hex part has not 64 digits.
    #[error("invalid checksum digest length")]
    Length,
}

impl Digest {
    /// Reads `sha256:<hex>`.
    pub fn parse(text: &str) -> Result<Digest, DigestError> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::Format)?;
        let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if algorithm.is_empty() || hex.is_empty() || !hex.bytes().all(is_hex) {
            return Err(DigestError::Format);
        }
        if algorithm != "sha256" {
            return Err(DigestError::Algorithm);
        }
        if hex.len() != HEX_LENGTH {
            return Err(DigestError::Length);
        }
        Ok(Digest(text.to_owned()))
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The whole text, `sha256:<hex>`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 hex digits.
    pub fn hex(&self) -> &str {
        &self.0[ALGORITHM.len()..]
    }

    /// The first 12 hex digits, as tables show them.
    pub fn short(&self) -> &str {
        &self.hex()[..SHORT_LENGTH]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        Digest::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

/// Builds a [`Digest`] piece by piece.
#[derive(Clone, Default)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(ALGORITHM.len() + HEX_LENGTH);
        text.push_str(ALGORITHM);
        for byte in self.0.finalize() {
            text.push(DIGITS[usize::from(byte >> 4)].into());
            text.push(DIGITS[usize::from(byte & 15)].into());
        }
        Digest(text)
    }
}

/// Hashes and counts what is read through it.
pub(crate) struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
    bytes: u64,
}

impl<R: Read> HashingReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        HashingReader { inner, hasher: Hasher::default(), bytes: 0 }
    }

    /// The digest and the number of the bytes that were read.
    pub(crate) fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.bytes)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_the_well_known_one() {
        let digest = Digest::of(b"");
        assert_eq!(digest.as_str(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(digest.short(), "e3b0c44298fc");
        assert_eq!(Digest::parse(digest.as_str()), Ok(digest));
    }

    #[test]
    fn what_is_no_digest_is_refused_with_dockers_words() {
        let check = |text: &str, expected| assert_eq!(Digest::parse(text), Err(expected), "{text}");
        check("", DigestError::Format);
        check("sha256", DigestError::Format);
        check("sha256:", DigestError::Format);
        check("sha256:../../etc/passwd", DigestError::Format);
        check(&format!("sha256:{}", "A".repeat(64)), DigestError::Format);
        check("sha256:abcd", DigestError::Length);
        check(&format!("md5:{}", "a".repeat(32)), DigestError::Algorithm);
    }

    #[test]
    fn a_hashing_reader_sees_what_was_read() {
        let mut reader = HashingReader::new(&b"some bytes"[..]);
        io::copy(&mut reader, &mut io::sink()).unwrap();
        assert_eq!(reader.finish(), (Digest::of(b"some bytes"), 10));
    }
}
