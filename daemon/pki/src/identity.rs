//! Who a node is: the hash of its public key; and the key itself.

use crate::bytes::Secret;
use crate::generation::KeyError;
use rcgen::{KeyPair, PublicKeyData};
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A node (or a console): the first half of the SHA-256 of its public key. It stays the same when certificates are renewed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity([u8; 16]);

/// A text that is no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no identity (32 hexadecimal digits)")]
pub struct IdentityError(pub String);

impl Identity {
    /// Of a public key, as certificates hold it (a DER `SubjectPublicKeyInfo`).
    #[must_use]
    pub fn of_public_key(public_key: &[u8]) -> Self {
        let hash = digest(&SHA256, public_key);
        let mut identity = [0; 16];
        identity.copy_from_slice(&hash.as_ref()[..16]);
        Self(identity)
    }

    /// What datagrams name their sender with: the first eight bytes.
    #[must_use]
    pub fn short(self) -> u64 {
        let mut short = [0; 8];
        short.copy_from_slice(&self.0[..8]);
        u64::from_be_bytes(short)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let refused = || IdentityError(text.chars().take(64).collect());
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refused());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| refused())?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A private key (ECDSA on P-256) and the identity that it makes.
#[derive(Clone)]
pub struct NodeKey {
    pkcs8: Secret,
    identity: Identity,
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", self.identity)
    }
}

impl NodeKey {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`KeyError::Make`] where the kernel gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = KeyPair::generate().map_err(|error| KeyError::Make(error.to_string()))?;
        Ok(Self { identity: Identity::of_public_key(&pair.subject_public_key_info()), pkcs8: Secret(pair.serialize_der()) })
    }

    /// Reads one (PKCS#8, DER).
    ///
    /// # Errors
    /// [`KeyError::Read`] where it is none.
    pub fn from_pkcs8(pkcs8: Vec<u8>) -> Result<Self, KeyError> {
        let pair = pair(&pkcs8)?;
        Ok(Self { identity: Identity::of_public_key(&pair.subject_public_key_info()), pkcs8: Secret(pkcs8) })
    }

    /// Who holds it.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// A key of this one, for one use that `label` names: it tells nothing of this one.
    #[must_use]
    pub fn derive(&self, label: &[u8]) -> [u8; 32] {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.pkcs8.0), label);
        let mut key = [0; 32];
        key.copy_from_slice(derived.as_ref());
        key
    }

    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8.0
    }

    pub(crate) fn pair(&self) -> Result<KeyPair, KeyError> {
        pair(&self.pkcs8.0)
    }
}

/// Reads a private key, and never says what is in it.
pub(crate) fn pair(pkcs8: &[u8]) -> Result<KeyPair, KeyError> {
    KeyPair::try_from(pkcs8).map_err(|_| KeyError::Read)
}
