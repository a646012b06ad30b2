//! Sealed datagrams: what is said over UDP, so that only members can say and read it.
//!
//! ```text
//! header 29   version 1 | generation 4 | sender 8 | instance 6 | salt 4 | counter 6     read by all, changed by none
//! sealed      sent µs 8 | echo µs 4 | hold µs 4 | trust digest 4 | payload              AES-256-GCM
//! tag 16
//! ```
//!
//! The key is derived (HKDF-SHA256) of the generation's gossip key and the sender's instance and salt, the nonce is the counter: no two
//! datagrams are sealed with the same pair. A datagram costs a look-up, and at the most one decryption; a sender is remembered only after
//! a datagram of it has opened, and of senders [`MAX_SENDERS`] at the most. What does not open is counted by its reason.
//!
//! A datagram is for whoever gets it: one that was taken from the wire and sent to another node opens there once. The protocol inside must
//! bear that, as it must bear what the network itself repeats.

mod clock;
mod header;
mod refused;
mod window;

use crate::Bundle;
use crate::generation::{Generation, GenerationId};
use crate::identity::Identity;
pub use clock::PeerClock;
use clock::Samples;
use header::{Header, LENGTH as HEADER, PREFIX, Prefix};
pub use refused::Refused;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf;
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use window::Window;

const TAG: usize = 16;
/// How many bytes longer than its payload a datagram is.
pub const OVERHEAD: usize = HEADER + PREFIX + TAG;
/// The longest datagram: what passes everywhere without being cut to pieces.
pub const MAX_DATAGRAM: usize = 1400;
/// The longest payload.
pub const MAX_PAYLOAD: usize = MAX_DATAGRAM - OVERHEAD;
/// Senders that are remembered. The one that has been silent for longest makes room.
pub const MAX_SENDERS: usize = 4096;
/// A sender with an older start is believed once the newer one has been silent for so long: its clock was set back.
const SILENCE_US: u64 = 15_000_000;

/// How long datagrams of an older generation are still read after a newer one was seen: long enough for the members that are there to
/// hear of it.
const OVERLAP_MS: u64 = 60_000;
/// A new generation seals datagrams only so long after it was seen: the others have it by then.
const SEALING_DELAY_MS: u64 = 5_000;

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock, microseconds since the epoch: what is told to others.
    pub wall_us: u64,
    /// Milliseconds since the machine started: how long something is ago, whatever is done to the other clock.
    pub boot_ms: u64,
}

/// A payload that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a datagram of {0} bytes is too long (at most {MAX_PAYLOAD})")]
pub struct TooLong(pub usize);

/// A datagram that opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Which node: [`Identity::short`]. Every member can make this up: it is a hint, not a proof.
    pub sender: u64,
    /// When the sender's process started, milliseconds since the epoch by its clock.
    pub instance_ms: u64,
    /// The sender's [`Bundle::digest`].
    pub trust_digest: u32,
    /// What it says.
    pub payload: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct SenderId {
    node: u64,
    instance_ms: u64,
    salt: u32,
}

struct Sender {
    generation: GenerationId,
    key: LessSafeKey,
    window: Window,
    address: SocketAddr,
    heard_us: u64,
    /// What the sender's last datagram said of its own time.
    sent_us: u64,
    samples: Samples,
}

/// A datagram that has opened.
struct Arrival {
    now_us: u64,
    from: SocketAddr,
    id: SenderId,
    counter: u64,
}

/// The keys of one generation.
struct GossipKey {
    id: GenerationId,
    /// When this process saw it first, milliseconds since the machine started; `None` where it was there from the start. The time that
    /// its maker wrote into it is by the maker's clock, which may be wrong.
    seen_ms: Option<u64>,
    /// How long those before it are still read.
    overlap_ms: u64,
    key: hkdf::Prk,
}

/// Seals and opens the datagrams of one process.
pub struct Sealer {
    me: SenderId,
    counter: u64,
    /// The key that seals, and when to look for another.
    sealing: Option<(GenerationId, LessSafeKey)>,
    /// In the order of their generations, the newest last; never empty.
    keys: Vec<GossipKey>,
    denied: HashSet<u64>,
    trust_digest: u32,
    senders: HashMap<SenderId, Sender>,
    by_address: HashMap<SocketAddr, SenderId>,
    refused: [u64; Refused::ALL.len()],
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("counter", &self.counter).field("senders", &self.senders.len()).finish_non_exhaustive()
    }
}

impl Sealer {
    /// For one process that started at `instance_ms`, milliseconds since the epoch.
    ///
    /// # Errors
    /// [`crate::KeyError::Make`] where the kernel gives no random bytes.
    pub fn new(identity: Identity, instance_ms: u64, bundle: &Bundle) -> Result<Self, crate::KeyError> {
        let mut salt = [0; 4];
        SystemRandom::new().fill(&mut salt).map_err(|_| crate::KeyError::Make("no random bytes".to_owned()))?;
        let instance_ms = instance_ms & header::INSTANCE_MASK;
        let mut sealer = Self {
            me: SenderId { node: identity.short(), instance_ms, salt: u32::from_be_bytes(salt) },
            counter: 0,
            sealing: None,
            keys: Vec::new(),
            denied: HashSet::new(),
            trust_digest: 0,
            senders: HashMap::new(),
            by_address: HashMap::new(),
            refused: [0; Refused::ALL.len()],
        };
        sealer.take(bundle, None);
        Ok(sealer)
    }

    /// Takes a changed bundle; `boot_ms` as in [`Moment`].
    pub fn update(&mut self, bundle: &Bundle, boot_ms: u64) {
        self.take(bundle, Some(boot_ms));
    }

    fn take(&mut self, bundle: &Bundle, seen_ms: Option<u64>) {
        self.trust_digest = bundle.digest();
        self.denied = bundle.denied().keys().map(|identity| identity.short()).collect();
        let prk = |generation: &Generation| GossipKey {
            id: generation.id(),
            seen_ms: self.keys.iter().find(|key| key.id == generation.id()).map_or(seen_ms, |key| key.seen_ms),
            overlap_ms: generation.overlap_ms.min(OVERLAP_MS),
            key: hkdf::Salt::new(hkdf::HKDF_SHA256, b"skiff datagram 1").extract(generation.gossip_key()),
        };
        self.keys = bundle.generations().iter().map(prk).collect();
        let denied = &self.denied;
        self.senders.retain(|id, _| !denied.contains(&id.node));
        let senders = &self.senders;
        self.by_address.retain(|_, id| senders.contains_key(id));
    }

    /// The generations whose datagrams are read, the newest first.
    fn opening(&self, boot_ms: u64) -> impl Iterator<Item = &GossipKey> {
        let mut is_over = false;
        self.keys.iter().rev().filter(move |key| {
            let counts = !is_over;
            is_over |= key.is_seen_for(key.overlap_ms, boot_ms);
            counts
        })
    }

    /// The generation that seals.
    fn sealing(&self, boot_ms: u64) -> GenerationId {
        let newest = self.keys.last().expect("a bundle has at least one generation");
        self.opening(boot_ms).find(|key| key.is_seen_for(SEALING_DELAY_MS, boot_ms)).unwrap_or(newest).id
    }

    /// Seals a payload for an address.
    ///
    /// # Errors
    /// [`TooLong`] past [`MAX_PAYLOAD`].
    pub fn seal(&mut self, now: Moment, to: SocketAddr, payload: &[u8]) -> Result<Vec<u8>, TooLong> {
        if payload.len() > MAX_PAYLOAD {
            return Err(TooLong(payload.len()));
        }
        let generation = self.sealing(now.boot_ms);
        if self.sealing.as_ref().is_none_or(|(id, _)| *id != generation) {
            let key = self.derive(generation, self.me).expect("a bundle's generations are all in the table of keys");
            self.sealing = Some((generation, key));
        }
        let peer = self.by_address.get(&to).and_then(|id| self.senders.get(id));
        let prefix = Prefix::answering(now.wall_us, peer.map(|peer| (peer.sent_us, peer.heard_us)), self.trust_digest);
        self.counter += 1;
        let header = Header {
            generation: generation.short(),
            node: self.me.node,
            instance_ms: self.me.instance_ms,
            salt: self.me.salt,
            counter: self.counter,
        };
        let mut datagram = Vec::with_capacity(payload.len() + OVERHEAD);
        header.write(&mut datagram);
        prefix.write(&mut datagram);
        datagram.extend_from_slice(payload);
        let (head, body) = datagram.split_at_mut(HEADER);
        let (_, key) = self.sealing.as_ref().expect("set above");
        // The bounds on lengths hold: the payload was checked.
        let tag = key.seal_in_place_separate_tag(nonce(self.counter), Aad::from(&*head), body);
        datagram.extend_from_slice(tag.expect("a short text can always be sealed").as_ref());
        Ok(datagram)
    }

    /// Opens what came from an address.
    ///
    /// # Errors
    /// [`Refused`], which is counted too.
    pub fn open(&mut self, now: Moment, from: SocketAddr, datagram: &[u8]) -> Result<Opened, Refused> {
        let opened = self.try_open(now, from, datagram);
        if let Err(refused) = &opened {
            self.refused[*refused as usize] += 1;
        }
        opened
    }

    fn try_open(&mut self, now: Moment, from: SocketAddr, datagram: &[u8]) -> Result<Opened, Refused> {
        let now_us = now.wall_us;
        if !(OVERHEAD..=MAX_DATAGRAM).contains(&datagram.len()) {
            return Err(Refused::Malformed);
        }
        let (head, body) = datagram.split_at(HEADER);
        let header = Header::read(head).ok_or(Refused::Malformed)?;
        let id = SenderId { node: header.node, instance_ms: header.instance_ms, salt: header.salt };
        if id == self.me {
            return Err(Refused::Own);
        }
        if self.denied.contains(&id.node) {
            return Err(Refused::Denied);
        }
        let (generation, counts) = self.generation(header.generation, now.boot_ms)?;
        let known = self.senders.get(&id);
        if known.is_some_and(|sender| !sender.window.is_new(header.counter)) {
            return Err(Refused::Replay);
        }
        let is_outdated = known.is_none() && self.has_newer_instance(id, now_us);
        if is_outdated {
            return Err(Refused::Replay);
        }
        let derived = match known {
            Some(sender) if sender.generation == generation => None,
            _ => Some(self.derive(generation, id).ok_or(Refused::Stranger)?),
        };
        let key = derived.as_ref().or(known.map(|sender| &sender.key)).ok_or(Refused::Stranger)?;
        let mut text = body.to_vec();
        let length = key.open_in_place(nonce(header.counter), Aad::from(head), &mut text).map_err(|_| Refused::Forged)?.len();
        if !counts {
            // That it opens says that somebody had those keys: worth telling apart from a stranger.
            return Err(Refused::OldGeneration);
        }
        text.truncate(length);
        let prefix = Prefix::read(&text).ok_or(Refused::Malformed)?;
        let arrival = Arrival { now_us, from, id, counter: header.counter };
        self.note(&arrival, &prefix, derived.map(|key| (generation, key)));
        text.drain(..PREFIX);
        Ok(Opened { sender: id.node, instance_ms: id.instance_ms, trust_digest: prefix.trust_digest, payload: text })
    }

    /// The generation that a header names, and whether its datagrams still count.
    fn generation(&self, short: [u8; 4], boot_ms: u64) -> Result<(GenerationId, bool), Refused> {
        let known = self.keys.iter().find(|key| key.id.short() == short).ok_or(Refused::Stranger)?;
        let counts = self.opening(boot_ms).any(|key| key.id == known.id);
        Ok((known.id, counts))
    }

    fn has_newer_instance(&self, id: SenderId, now_us: u64) -> bool {
        let is_newer = |(other, sender): (&SenderId, &Sender)| {
            other.node == id.node && other.instance_ms > id.instance_ms && now_us.saturating_sub(sender.heard_us) < SILENCE_US
        };
        self.senders.iter().any(is_newer)
    }

    fn derive(&self, generation: GenerationId, sender: SenderId) -> Option<LessSafeKey> {
        let prk = &self.keys.iter().find(|key| key.id == generation)?.key;
        let (node, instance, salt) = (sender.node.to_be_bytes(), sender.instance_ms.to_be_bytes(), sender.salt.to_be_bytes());
        let info: [&[u8]; 3] = [&node, &instance, &salt];
        let key: UnboundKey = prk.expand(&info, &AES_256_GCM).ok()?.into();
        Some(LessSafeKey::new(key))
    }

    fn note(&mut self, arrival: &Arrival, prefix: &Prefix, fresh: Option<(GenerationId, LessSafeKey)>) {
        let Arrival { now_us, from, id, counter } = *arrival;
        if !self.senders.contains_key(&id) {
            self.make_room(id);
        }
        match (self.senders.get_mut(&id), fresh) {
            (Some(sender), Some((generation, key))) => (sender.generation, sender.key) = (generation, key),
            (None, Some((generation, key))) => {
                let sender = Sender {
                    generation,
                    key,
                    window: Window::default(),
                    address: from,
                    heard_us: now_us,
                    sent_us: 0,
                    samples: Samples::default(),
                };
                self.senders.insert(id, sender);
            }
            _ => {}
        }
        let Some(sender) = self.senders.get_mut(&id) else { return };
        sender.window.note(counter);
        if sender.address != from {
            self.by_address.remove(&sender.address);
        }
        (sender.address, sender.heard_us, sender.sent_us) = (from, now_us, prefix.sent_us);
        if let Some(sample) = prefix.sample(now_us) {
            sender.samples.add(sample);
        }
        self.by_address.insert(from, id);
    }

    /// A node that started anew takes the place of what it was before; else whoever has been silent for longest goes.
    fn make_room(&mut self, id: SenderId) {
        let before = self.senders.keys().find(|other| other.node == id.node).copied();
        let silent = || self.senders.iter().min_by_key(|(_, sender)| sender.heard_us).map(|(id, _)| *id);
        let gone = before.or_else(|| if self.senders.len() >= MAX_SENDERS { silent() } else { None });
        if let Some(sender) = gone.and_then(|gone| self.senders.remove(&gone)) {
            self.by_address.remove(&sender.address);
        }
    }

    /// How many datagrams were refused for a reason.
    #[must_use]
    pub fn refused(&self, reason: Refused) -> u64 {
        self.refused[reason as usize]
    }

    /// Which node a datagram names as its sender, [`Identity::short`]: nothing vouches for it before it has opened.
    #[must_use]
    pub fn claimed_sender(datagram: &[u8]) -> Option<u64> {
        Some(Header::read(datagram.get(..HEADER)?)?.node)
    }

    /// Whether a member was heard from this address.
    #[must_use]
    pub fn is_known(&self, address: SocketAddr) -> bool {
        self.by_address.contains_key(&address)
    }

    /// The clocks of all nodes that were measured: [`Identity::short`] and what is known.
    pub fn clocks(&self) -> impl Iterator<Item = (u64, PeerClock)> {
        self.senders.iter().filter_map(|(id, sender)| Some((id.node, sender.samples.clock()?)))
    }
}

impl GossipKey {
    fn is_seen_for(&self, ms: u64, boot_ms: u64) -> bool {
        self.seen_ms.is_none_or(|seen_ms| boot_ms >= seen_ms.saturating_add(ms))
    }
}

fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests;
