//! Membership: foca, with what it wants done collected instead of done.

use crate::member::Identity;
use crate::wire::MAX_DATAGRAM_BYTES;
use foca::{Codec, Foca, NoCustomBroadcast, OwnedNotification, PeriodicParams, PostcardCodec};
use rand::rngs::Xoshiro256PlusPlus;
use std::num::{NonZeroU8, NonZeroUsize};
use std::ops::Range;
use std::time::Duration;

/// foca, as it is used here.
pub(crate) type Swim = Foca<Identity, PostcardCodec, Xoshiro256PlusPlus, NoCustomBroadcast>;

/// A packet and the tag, length and version around it fit in a datagram.
const MAX_PACKET_BYTES: usize = MAX_DATAGRAM_BYTES - 8;

/// Every node probes one other a second.
const PROBE_PERIOD: Duration = Duration::from_millis(1_000);

/// An answer that takes longer is looked for through others.
const PROBE_RTT: Duration = Duration::from_millis(400);

/// News travel at once with whatever is said, and so often by themselves.
pub(crate) const GOSSIP_MS: u64 = 200;

/// A member that was taken for dead may be called alive by a late word so long: it is remembered as dead.
const REMOVE_DOWN_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A membership of this node alone.
pub(crate) fn start(identity: Identity, rng: Xoshiro256PlusPlus) -> Swim {
    Foca::new(identity, config(1), rng, PostcardCodec)
}

/// The setting for so many members: news are passed on more often, and suspects have longer to answer, where news take longer.
pub(crate) fn config(members: usize) -> foca::Config {
    let magnitude = (members.max(1)).ilog2();
    let several = |count: usize| NonZeroUsize::new(count.max(1)).unwrap_or(NonZeroUsize::MIN);
    let passes = u8::try_from(4 + magnitude).unwrap_or(u8::MAX);
    foca::Config {
        probe_period: PROBE_PERIOD,
        probe_rtt: PROBE_RTT,
        num_indirect_probes: several(3),
        max_transmissions: NonZeroU8::new(passes).unwrap_or(NonZeroU8::MIN),
        suspect_to_down_after: Duration::from_millis(2_000 + 250 * u64::from(magnitude)),
        remove_down_after: Some(REMOVE_DOWN_AFTER),
        max_packet_size: several(MAX_PACKET_BYTES),
        notify_down_members: true,
        periodic_announce: Some(PeriodicParams { frequency: Duration::from_secs(30), num_members: several(1) }),
        // Those that are lost are looked for by our own datagrams, which also work while nobody is left.
        periodic_announce_to_down_members: None,
        periodic_gossip: Some(PeriodicParams { frequency: Duration::from_millis(GOSSIP_MS), num_members: several(3) }),
    }
}

/// What foca wants done.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) sends: Vec<(Identity, Vec<u8>)>,
    pub(crate) timers: Vec<(u64, foca::Timer<Identity>)>,
    pub(crate) has_news: bool,
    pub(crate) has_rejoined: bool,
}

impl foca::Runtime<Identity> for Effects {
    fn notify(&mut self, notification: foca::Notification<'_, Identity>) {
        self.has_news = true;
        self.has_rejoined |= matches!(notification.to_owned(), OwnedNotification::Rejoin(_));
    }

    fn send_to(&mut self, to: Identity, data: &[u8]) {
        self.sends.push((to, data.to_vec()));
    }

    fn submit_after(&mut self, event: foca::Timer<Identity>, after: Duration) {
        self.timers.push((u64::try_from(after.as_millis()).unwrap_or(u64::MAX), event));
    }
}

/// What a packet says, read before foca gets it, so that nothing gets in that no node says.
pub(crate) struct Packet {
    /// Who sent it, as it says of itself.
    pub(crate) source: foca::Member<Identity>,
    /// What it tells of others, and which of its bytes say so.
    pub(crate) told: Vec<(foca::Member<Identity>, Range<usize>)>,
    header_bytes: usize,
}

impl Packet {
    /// Reads a packet; `None` where it is not one.
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        let mut rest = packet;
        let header: foca::Header<Identity> = PostcardCodec.decode_header(&mut rest).ok()?;
        let header_bytes = packet.len() - rest.len();
        let mut told: Vec<(foca::Member<Identity>, Range<usize>)> = Vec::new();
        let mentioned = match header.message {
            foca::Message::PingReq { target, .. } | foca::Message::IndirectAck { target, .. } => Some(target),
            foca::Message::IndirectPing { origin, .. } | foca::Message::ForwardedAck { origin, .. } => Some(origin),
            // Nobody here sends one.
            foca::Message::Broadcast => return None,
            _ => None,
        };
        if let Some((count, mut members)) = rest.split_first_chunk::<2>() {
            for _ in 0..u16::from_be_bytes(*count) {
                let begin = packet.len() - members.len();
                let member = PostcardCodec.decode_member(&mut members).ok()?;
                told.push((member, begin..packet.len() - members.len()));
            }
            rest = members;
        }
        let source = foca::Member::new(header.src, header.src_incarnation, foca::State::Alive);
        let is_sound = told
            .iter()
            .map(|(member, _)| member)
            .chain([&source])
            .map(foca::Member::id)
            .chain(&mentioned)
            .all(Identity::is_sound);
        (rest.is_empty() && is_sound).then_some(Self { source, told, header_bytes })
    }

    /// The packet without some of what it tells: foca looks through all members for each word.
    pub(crate) fn without(&self, packet: &[u8], is_left_out: impl Fn(&foca::Member<Identity>) -> bool) -> Vec<u8> {
        let mut bytes = packet[..self.header_bytes].to_vec();
        if packet.len() == self.header_bytes {
            return bytes;
        }
        let news: Vec<&Range<usize>> = self.told.iter().filter(|(told, _)| !is_left_out(told)).map(|(_, range)| range).collect();
        bytes.extend(u16::try_from(news.len()).unwrap_or(u16::MAX).to_be_bytes());
        for range in news {
            bytes.extend(&packet[range.clone()]);
        }
        bytes
    }
}
