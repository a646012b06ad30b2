//! Answering questions: the store reads the records, a bounded number of bytes at a time.

use crate::engine::Engine;
use crate::io::Output;
use crate::key::Key;
use crate::spread;
use crate::standing::Standing;
use crate::wire::{Message, Named};
use control::clock::BootMs;
use control::record::RecordId;
use control::version::NodeId;
use std::collections::BTreeMap;

/// One answer is so long, or one record longer.
const ANSWER_BYTES: usize = 1024 * 1024;

/// Questions that the store is reading for.
const MAX_LOADS: usize = 256;

/// The store has answered by then.
const LOAD_MS: u64 = 30_000;

#[derive(Debug)]
struct Load {
    to: NodeId,
    want: u32,
    keys: u32,
    /// For each name that is read, the place of its key in the question.
    places: Vec<u32>,
    deadline: BootMs,
}

/// What the store was asked to read, and for whom.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    loads: BTreeMap<u64, Load>,
    count: u64,
}

impl Serving {
    pub(crate) fn len(&self) -> usize {
        self.loads.len()
    }

    pub(crate) fn expire(&mut self, now: BootMs) {
        self.loads.retain(|_, load| load.deadline > now);
    }
}

impl Engine {
    pub(crate) fn serve(&mut self, to: &NodeId, want: u32, keys: &[Key]) {
        let count = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let mut ids: Vec<RecordId> = Vec::new();
        let mut places = Vec::new();
        if self.settling.standing != Standing::Returning {
            for (place, key) in (0..count).zip(keys) {
                if let Some(held) = self.index.named(*key) {
                    ids.push(held.id.clone());
                    places.push(place);
                }
            }
        }
        if ids.is_empty() || self.serving.loads.len() >= MAX_LOADS {
            self.say(to, &Message::Give { want, handled: Some(count), records: Vec::new() });
            return;
        }
        self.serving.count += 1;
        let token = self.serving.count;
        let deadline = self.now.boot.after_ms(LOAD_MS);
        self.serving.loads.insert(token, Load { to: to.clone(), want, keys: count, places, deadline });
        self.out.push(Output::Load { token, ids, max_bytes: ANSWER_BYTES });
        self.arm_sweep();
    }

    /// The store has read: the answer goes out.
    pub(crate) fn give(&mut self, token: u64, read: usize, records: Vec<Named>) {
        let Some(load) = self.serving.loads.remove(&token) else { return };
        // A store that read nothing would be asked for ever.
        let handled = load.places.get(read.max(1)).copied().unwrap_or(load.keys);
        let mut batches = spread::batches(records);
        let last = batches.pop().unwrap_or_default();
        for records in batches {
            self.say(&load.to, &Message::Give { want: load.want, handled: None, records });
        }
        self.say(&load.to, &Message::Give { want: load.want, handled: Some(handled), records: last });
    }
}
