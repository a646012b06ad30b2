//! Join tokens: a text that a person can paste, which lets a machine in for a while.
//!
//! ```text
//! skiff1.<base64url of: cluster 8 | hash of the authority's certificate 32 | id 8 | expiry ms 8 | mac 32 | checksum 4>
//! ```
//!
//! The joiner finds the cluster by the hash, so that nobody can pretend to be it. The answering node checks the mac, which any node can:
//! its key comes of the newest generation. So a new generation ends every token, and what a removed node could make is worth nothing.

use crate::bundle::Bundle;
use crate::generation::{GenerationId, KeyError};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "skiff1.";
const SIGNED: usize = 56;
const MAC: usize = 32;
const LENGTH: usize = SIGNED + MAC + 4;

/// A join token. It is a secret: its text is made with [`Token::reveal`] only.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    cluster: [u8; 8],
    generation: GenerationId,
    id: u64,
    expires_ms: u64,
    mac: [u8; MAC],
}

/// Why a token lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token, or not the whole of one.
    #[error("the join token is damaged: copy the whole line that `skiffd token` prints, skiff1.…")]
    Damaged,
    /// It is another cluster's.
    #[error("the join token is of another cluster: make one with `skiffd token` on a node of this one")]
    OtherCluster,
    /// The keys have changed since.
    #[error("the join token is of an older generation of the cluster's keys: make a new one with `skiffd token`")]
    OldGeneration,
    /// Nobody of the cluster made it.
    #[error("the join token was not made by this cluster: make one with `skiffd token`")]
    Forged,
    /// Its time is over.
    #[error("the join token has expired: make a new one with `skiffd token`")]
    Expired,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("id", &self.id).field("expires_ms", &self.expires_ms).finish_non_exhaustive()
    }
}

impl Token {
    /// Makes one that lets in until `expires_ms`, milliseconds since the epoch.
    ///
    /// # Errors
    /// [`KeyError::Make`] where the kernel gives no random bytes.
    pub fn make(bundle: &Bundle, expires_ms: u64) -> Result<Self, KeyError> {
        let mut id = [0; 8];
        SystemRandom::new().fill(&mut id).map_err(|_| KeyError::Make("no random bytes".to_owned()))?;
        let mut token = Self {
            cluster: cluster_bytes(bundle),
            generation: bundle.newest().id(),
            id: u64::from_be_bytes(id),
            expires_ms,
            mac: [0; MAC],
        };
        let mac = hmac::sign(&bundle.newest().token_key(), &token.signed());
        token.mac.copy_from_slice(mac.as_ref());
        Ok(token)
    }

    /// Whether it lets in now. Compares in constant time what is secret.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn check(&self, bundle: &Bundle, now_ms: u64) -> Result<(), TokenError> {
        if self.cluster != cluster_bytes(bundle) {
            return Err(TokenError::OtherCluster);
        }
        if self.generation != bundle.newest().id() {
            let is_known = bundle.generations().iter().any(|generation| generation.id() == self.generation);
            return Err(if is_known { TokenError::OldGeneration } else { TokenError::Forged });
        }
        hmac::verify(&bundle.newest().token_key(), &self.signed(), &self.mac).map_err(|_| TokenError::Forged)?;
        if self.expires_ms <= now_ms { Err(TokenError::Expired) } else { Ok(()) }
    }

    /// The authority that the cluster must show.
    #[must_use]
    pub fn generation(&self) -> GenerationId {
        self.generation
    }

    /// Its number, which may be shown.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its text, which lets in whoever has it.
    #[must_use]
    pub fn reveal(&self) -> String {
        let mut bytes = self.signed().to_vec();
        bytes.extend(self.mac);
        let checksum = digest(&SHA256, &bytes);
        bytes.extend(&checksum.as_ref()[..4]);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    fn signed(&self) -> [u8; SIGNED] {
        let mut bytes = [0; SIGNED];
        bytes[..8].copy_from_slice(&self.cluster);
        bytes[8..40].copy_from_slice(&self.generation.0);
        bytes[40..48].copy_from_slice(&self.id.to_be_bytes());
        bytes[48..].copy_from_slice(&self.expires_ms.to_be_bytes());
        bytes
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        // A line that a terminal has broken is whole again without its blanks.
        let text: String = text.chars().filter(|char| !char.is_whitespace()).take(256).collect();
        let encoded = text.strip_prefix(PREFIX).ok_or(TokenError::Damaged)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Damaged)?;
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| TokenError::Damaged)?;
        let (content, checksum) = bytes.split_at(SIGNED + MAC);
        if &digest(&SHA256, content).as_ref()[..4] != checksum {
            return Err(TokenError::Damaged);
        }
        let number = |at: usize| u64::from_be_bytes(std::array::from_fn(|index| content[at + index]));
        Ok(Self {
            cluster: std::array::from_fn(|index| content[index]),
            generation: GenerationId(std::array::from_fn(|index| content[8 + index])),
            id: number(40),
            expires_ms: number(48),
            mac: std::array::from_fn(|index| content[SIGNED + index]),
        })
    }
}

fn cluster_bytes(bundle: &Bundle) -> [u8; 8] {
    // Sixteen hexadecimal digits: `Bundle::decode` sees to it.
    u64::from_str_radix(bundle.cluster(), 16).unwrap_or(0).to_be_bytes()
}

#[cfg(test)]
mod tests;
