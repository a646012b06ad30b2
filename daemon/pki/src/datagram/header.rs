//! A datagram's bytes: the header that all can read, and what is sealed before the payload.

use super::clock::Sample;

/// Bytes of the header.
pub(super) const LENGTH: usize = 29;
/// Bytes that are sealed before the payload.
pub(super) const PREFIX: usize = 20;
const VERSION: u8 = 1;
/// Six bytes.
pub(super) const INSTANCE_MASK: u64 = (1 << 48) - 1;
/// No datagram of the other side to answer to, or too long ago.
const NO_ECHO: u32 = u32::MAX;

/// What all can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) generation: [u8; 4],
    pub(super) node: u64,
    pub(super) instance_ms: u64,
    pub(super) salt: u32,
    pub(super) counter: u64,
}

impl Header {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend_from_slice(&self.generation);
        out.extend_from_slice(&self.node.to_be_bytes());
        out.extend_from_slice(&self.instance_ms.to_be_bytes()[2..]);
        out.extend_from_slice(&self.salt.to_be_bytes());
        out.extend_from_slice(&self.counter.to_be_bytes()[2..]);
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        if bytes[0] != VERSION {
            return None;
        }
        let number = |from: usize, to: usize| bytes[from..to].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        Some(Self {
            generation: [bytes[1], bytes[2], bytes[3], bytes[4]],
            node: number(5, 13),
            instance_ms: number(13, 19),
            salt: u32::from_be_bytes([bytes[19], bytes[20], bytes[21], bytes[22]]),
            counter: number(23, 29),
        })
    }
}

/// What is sealed before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix {
    /// The sender's wall clock.
    pub(super) sent_us: u64,
    /// The lower half of the receiver's own `sent_us` that came last.
    echo_us: u32,
    /// How long ago that came.
    hold_us: u32,
    pub(super) trust_digest: u32,
}

impl Prefix {
    /// Sent now, in answer to what was sent at the first (by the other's clock) and came at the second (by ours).
    pub(super) fn answering(now_us: u64, last: Option<(u64, u64)>, trust_digest: u32) -> Self {
        let lower = |us: u64| u32::try_from(us & u64::from(u32::MAX)).unwrap_or(0);
        let echo = last.and_then(|(sent_us, heard_us)| {
            let hold_us = u32::try_from(now_us.checked_sub(heard_us)?).ok().filter(|hold_us| *hold_us != NO_ECHO)?;
            Some((lower(sent_us), hold_us))
        });
        let (echo_us, hold_us) = echo.unwrap_or((0, NO_ECHO));
        Self { sent_us: now_us, echo_us, hold_us, trust_digest }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sent_us.to_be_bytes());
        out.extend_from_slice(&self.echo_us.to_be_bytes());
        out.extend_from_slice(&self.hold_us.to_be_bytes());
        out.extend_from_slice(&self.trust_digest.to_be_bytes());
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (prefix, _) = bytes.split_first_chunk::<PREFIX>()?;
        let word = |at: usize| u32::from_be_bytes([prefix[at], prefix[at + 1], prefix[at + 2], prefix[at + 3]]);
        Some(Self {
            sent_us: u64::from(word(0)) << 32 | u64::from(word(4)),
            echo_us: word(8),
            hold_us: word(12),
            trust_digest: word(16),
        })
    }

    /// What it tells of the other's clock, where it answers one of ours.
    pub(super) fn sample(&self, now_us: u64) -> Option<Sample> {
        if self.hold_us == NO_ECHO {
            return None;
        }
        // The clock's lower half runs over after 71 minutes; whatever is older than that is no answer.
        let now_lower = u32::try_from(now_us & u64::from(u32::MAX)).unwrap_or(0);
        let age_us = u64::from(now_lower.wrapping_sub(self.echo_us));
        Sample::of(now_us, now_us.checked_sub(age_us)?, self.sent_us, u64::from(self.hold_us))
    }
}
