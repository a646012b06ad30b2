//! Why datagrams are not opened.

/// Why a datagram was not opened. Each is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Refused {
    /// Too short, too long, or of another version.
    #[error("malformed")]
    Malformed,
    /// Sealed with keys that we do not have: a stranger, or a member that is ahead of us.
    #[error("of a stranger")]
    Stranger,
    /// Sealed with keys that do not count any more: a member that has slept, or one that was removed.
    #[error("of an older generation of the cluster's keys")]
    OldGeneration,
    /// It names a sender that was removed.
    #[error("of a removed node")]
    Denied,
    /// It does not open: changed on its way, or made up.
    #[error("forged")]
    Forged,
    /// It was here before, or is too old to tell.
    #[error("a replay")]
    Replay,
    /// It is our own.
    #[error("our own")]
    Own,
}

impl Refused {
    /// Every reason.
    pub const ALL: [Self; 7] =
        [Self::Malformed, Self::Stranger, Self::OldGeneration, Self::Denied, Self::Forged, Self::Replay, Self::Own];

    /// Its name for a label of a measurement.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Stranger => "stranger",
            Self::OldGeneration => "old-generation",
            Self::Denied => "denied",
            Self::Forged => "forged",
            Self::Replay => "replay",
            Self::Own => "own",
        }
    }
}
