//! `resourceVersion`: where a replica stands.

use std::fmt;
use std::str::FromStr;

/// How many bits of the number count changes; those above are the epoch.
const SEQUENCE_BITS: u32 = 44;

/// A replica's place in its own history: a number that grows with every change, with the epoch of its database above it. Users
/// see one decimal number that fits 63 bits, as Kubernetes' clients expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceVersion(u64);

impl ResourceVersion {
    /// The largest epoch. Zero is none.
    pub const MAX_EPOCH: u32 = (1 << (63 - SEQUENCE_BITS)) - 1;

    pub(crate) const fn new(epoch: u32, sequence: u64) -> Self {
        Self(((epoch & Self::MAX_EPOCH) as u64) << SEQUENCE_BITS | sequence & ((1 << SEQUENCE_BITS) - 1))
    }

    /// Which database it belongs to: drawn when the database was made.
    #[must_use]
    pub const fn epoch(self) -> u32 {
        (self.0 >> SEQUENCE_BITS) as u32
    }

    /// The count of changes.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.0 & ((1 << SEQUENCE_BITS) - 1)
    }

    /// So many changes later.
    pub(crate) const fn after(self, changes: u64) -> Self {
        Self(self.0 + changes)
    }

    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The text is no version of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid resource version \"{0}\"")]
pub struct NotAVersion(pub String);

impl FromStr for ResourceVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        match text.parse::<u64>() {
            Ok(number) if number <= i64::MAX as u64 => Ok(Self(number)),
            _ => Err(NotAVersion(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ResourceVersion;

    #[test]
    fn a_version_keeps_its_parts_and_fits_a_signed_number() {
        let version = ResourceVersion::new(ResourceVersion::MAX_EPOCH, 7);
        assert_eq!((version.epoch(), version.sequence()), (ResourceVersion::MAX_EPOCH, 7));
        assert!(version.to_string().parse::<i64>().is_ok());
        assert_eq!(version.to_string().parse(), Ok(version));
        for text in ["", "-1", "x", "18446744073709551615"] {
            assert!(text.parse::<ResourceVersion>().is_err(), "{text}");
        }
    }
}
