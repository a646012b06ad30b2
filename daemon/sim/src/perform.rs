//! What a world does for its nodes: carries what engines say, answers for their stores, and lets things happen when they are due.

use crate::network::Fate;
use crate::settings::Kind;
use crate::world::{FLUSH_US, Learnt, MARGIN_MS, Seen, World};
use control::record::{RecordId, Stamp};
use control::version::NodeId;
use gossip::{Datagram, Input, MAX_DATAGRAM_BYTES, Message, Named, Output};
use std::net::SocketAddr;
use std::sync::Arc;

/// What sealing, UDP and IP add to a datagram.
const DATAGRAM_FRAME_BYTES: u64 = 60;

/// What QUIC, UDP and IP add to each packet of a message, and what its acknowledgement takes.
const PACKET_FRAME_BYTES: u64 = 75;

/// Bytes of a message in one packet.
const PACKET_BYTES: u64 = 1_380;

/// What the store needs for a batch.
const STORE_US: u64 = 300;

#[derive(Debug)]
pub(crate) enum Event {
    Wake { node: usize },
    Input { node: usize, input: Input },
    Message { from: usize, to: usize, to_life: u32, bytes: Vec<u8> },
    Merge { node: usize, records: Arc<Vec<Named>> },
    Load { node: usize, token: u64, ids: Vec<RecordId>, max_bytes: usize },
    Review { node: usize, records: Vec<(RecordId, Stamp)> },
    Flush { node: usize },
}

impl World {
    pub(crate) fn perform(&mut self, index: usize, output: Output) {
        let store_us = self.nodes[index].store_free_us.max(self.now_us) + STORE_US;
        match output {
            Output::Datagram { to, bytes } => self.send(index, to, &bytes),
            Output::Message { to, bytes, .. } => self.say(index, &to, bytes),
            Output::Merge { records, .. } => {
                self.nodes[index].store_free_us = store_us;
                self.put_event(store_us, index, Event::Merge { node: index, records });
            }
            Output::Load { token, ids, max_bytes } => {
                self.nodes[index].store_free_us = store_us;
                self.put_event(store_us, index, Event::Load { node: index, token, ids, max_bytes });
            }
            Output::Review { records } => self.put_event(store_us, index, Event::Review { node: index, records }),
            Output::Member(member) => {
                let (at_us, of) = (self.now_us, member.identity.name.clone());
                self.learnt.push(Learnt { at_us, node: index, of: of.clone(), state: member.state });
                self.nodes[index].known.insert(of, member.identity);
            }
            Output::Settled => {}
        }
    }

    fn send(&mut self, from: usize, to: SocketAddr, bytes: &[u8]) {
        assert!(bytes.len() <= MAX_DATAGRAM_BYTES, "a datagram of {} bytes", bytes.len());
        self.nodes[from].sent_bytes += bytes.len() as u64 + DATAGRAM_FRAME_BYTES;
        let SocketAddr::V4(v4) = to else { return };
        let [_, _, high, low] = v4.ip().octets();
        let to = usize::from(u16::from_be_bytes([high, low]));
        if to >= self.nodes.len() || self.network.is_cut(from, to) || self.is_dropped(bytes, false) {
            return;
        }
        let address = self.nodes[from].address;
        for at_us in self.network.datagram(self.now_us, &mut self.rng) {
            let input = Input::Datagram { from: address, bytes: bytes.to_vec() };
            self.put_event(at_us, to, Event::Input { node: to, input });
        }
    }

    fn say(&mut self, from: usize, to: &NodeId, bytes: Vec<u8>) {
        let packets = (bytes.len() as u64).div_ceil(PACKET_BYTES);
        self.nodes[from].sent_bytes += bytes.len() as u64 + packets * PACKET_FRAME_BYTES;
        let Some(to) = self.places.get(to).copied() else { return };
        // Its acknowledgement.
        self.nodes[to].sent_bytes += PACKET_FRAME_BYTES;
        if self.is_dropped(&bytes, true) {
            return;
        }
        let fate = if self.is_up(to) {
            self.network.message(from, to, self.now_us, &mut self.rng)
        } else {
            self.network.break_channel(from, to, self.now_us)
        };
        match fate {
            Fate::Arrives(at_us) => {
                let to_life = self.nodes[to].life;
                self.put_event(at_us, from, Event::Message { from, to, to_life, bytes });
            }
            Fate::Lost { told_us } => self.tell_lost(from, to, told_us),
        }
    }

    fn tell_lost(&mut self, from: usize, to: usize, told_us: Option<u64>) {
        if let Some(told_us) = told_us {
            let input = Input::Unreachable { peer: self.nodes[to].name.clone() };
            self.put_event(told_us, from, Event::Input { node: from, input });
        }
    }

    fn is_dropped(&self, bytes: &[u8], is_message: bool) -> bool {
        let Some(dropped) = self.settings.dropped else { return false };
        let kind = if is_message {
            match Message::decode(bytes) {
                Ok(Message::Push { .. }) => Some(Kind::Push),
                Ok(Message::Want { .. }) => Some(Kind::Want),
                Ok(Message::Give { .. }) => Some(Kind::Give),
                Ok(Message::Reconcile { .. }) => Some(Kind::Reconcile),
                Ok(Message::Answer { .. }) => Some(Kind::Answer),
                Ok(Message::Have { .. }) => Some(Kind::Have),
                _ => None,
            }
        } else {
            match Datagram::decode(bytes) {
                Ok(Datagram::Digest(_)) => Some(Kind::Digest),
                Ok(Datagram::Fresh { .. }) => Some(Kind::Fresh),
                _ => None,
            }
        };
        kind == Some(dropped)
    }

    /// Something is to happen for a node, unless it has restarted by then.
    pub(crate) fn put_event(&mut self, at_us: u64, node: usize, event: Event) {
        self.count += 1;
        self.queue.insert((at_us, self.count), (self.nodes[node].life, event));
    }

    pub(crate) fn happen(&mut self, life: u32, event: Event) {
        match event {
            Event::Message { from, to, to_life, bytes } => {
                let is_through = self.nodes[to].life == to_life && !self.network.is_cut(from, to);
                if is_through {
                    let name = self.nodes[from].name.clone();
                    self.step(to, Input::Message { from: name, bytes });
                } else if self.nodes[from].life == life
                    && let Fate::Lost { told_us } = self.network.break_channel(from, to, self.now_us)
                {
                    self.tell_lost(from, to, told_us);
                }
            }
            Event::Input { node, input: input @ Input::Datagram { .. } } => self.step(node, input),
            Event::Wake { node }
            | Event::Input { node, .. }
            | Event::Merge { node, .. }
            | Event::Load { node, .. }
            | Event::Review { node, .. }
            | Event::Flush { node }
                if self.nodes[node].life != life || self.nodes[node].engine.is_none() => {}
            Event::Wake { node } if self.nodes[node].wake_us == self.now_us => {
                self.nodes[node].wake_us = u64::MAX;
                self.nodes[node].wakes += 1;
                self.step(node, Input::Tick);
            }
            Event::Wake { .. } => {}
            Event::Input { node, input } => self.step(node, input),
            Event::Merge { node, records } => {
                let now_ms = self.now(node).wall_ms();
                let merged = self.nodes[node].replica.merge(&records, now_ms);
                self.see(node, &records);
                self.step(node, Input::Merged(merged));
            }
            Event::Load { node, token, ids, max_bytes } => {
                let (read, records) = self.nodes[node].replica.read(&ids, max_bytes);
                self.step(node, Input::Loaded { token, read, records });
            }
            Event::Review { node, records } => self.review(node, &records),
            Event::Flush { node } => self.flush(node),
        }
    }

    /// A returning node drops what was deleted while it was away.
    fn review(&mut self, index: usize, records: &[(RecordId, Stamp)]) {
        let node = &mut self.nodes[index];
        // A write that had no time to reach anybody is no older than the last contact, give or take clocks.
        let last_contact_ms = node.last_contact_ms.saturating_sub(MARGIN_MS);
        let mut dropped = Vec::new();
        for (id, stamp) in records {
            if stamp.birth.wall_ms <= last_contact_ms {
                dropped.extend(node.replica.drop_object(&id.object));
            }
        }
        self.step(index, Input::Reviewed { dropped });
    }

    fn flush(&mut self, index: usize) {
        let now = self.now(index);
        let now_ms = now.wall_ms();
        let node = &mut self.nodes[index];
        node.replica.flush();
        if let Some(engine) = &node.engine {
            let ago_ms = now.boot.since_ms(engine.contact());
            // The start counts as contact, but is none.
            if now.boot.since_ms(node.started) > ago_ms {
                node.last_contact_ms = now_ms.saturating_sub(ago_ms);
            }
        }
        let may_forget = node.engine.as_ref().is_some_and(|engine| engine.may_forget(now));
        let forgotten = if may_forget { node.replica.purge(now_ms) } else { Vec::new() };
        if !forgotten.is_empty() {
            self.step(index, Input::Forgotten(forgotten));
        }
        self.place_pods(index);
        self.put_event(self.now_us + FLUSH_US, index, Event::Flush { node: index });
    }

    /// Notes what a node shows now of objects that just changed.
    pub(crate) fn see(&mut self, index: usize, records: &[Named]) {
        for (id, record) in records {
            let Some(spec) = self.nodes[index].replica.entry(&id.object).and_then(|entry| entry.spec.as_ref()) else { continue };
            let buried = self.buried[index].get(&id.object);
            if spec.is_tombstone() {
                self.buried[index].insert(Arc::clone(&id.object), spec.stamp.birth.clone());
            } else if buried.is_some_and(|birth| *birth >= spec.stamp.birth) {
                self.risen.push((index, Arc::clone(&id.object), spec.stamp.birth.clone()));
            }
            if self.settings.is_timed {
                self.seen.push(Seen { at_us: self.now_us, node: index, id: id.clone(), stamp: record.stamp.clone() });
            }
        }
    }
}
