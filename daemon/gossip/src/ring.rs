//! The members that the cluster counts on, ordered by a hash of their names: who hands a batch on to whom.

use crate::key;
use crate::member::Identity;
use control::version::NodeId;
use rand::{Rng, RngExt};
use std::collections::HashMap;
use std::net::SocketAddr;

/// To so many members a node sends a batch itself; each of them serves a part of the ring.
const FAN_OUT: usize = 4;

/// One active member.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) place: u64,
    pub(crate) name: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) instance: u64,
    /// It may be dead: it is sent to, and trusted with nothing.
    pub(crate) is_suspect: bool,
}

/// Whom to send a batch, and up to which place that member hands it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Errand {
    pub(crate) to: NodeId,
    pub(crate) until: u64,
}

/// All active members but this node, by place.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    seats: Vec<Seat>,
    /// Where each sits: asked for with every packet, and too dear to compute each time.
    places: HashMap<NodeId, u64>,
}

impl Ring {
    pub(crate) fn set(&mut self, identity: &Identity, is_suspect: bool) {
        let Identity { name, instance, address, .. } = identity;
        let place = key::place(name);
        let seat = Seat { place, name: name.clone(), address: *address, instance: *instance, is_suspect };
        match self.find(place, name) {
            Ok(at) => self.seats[at] = seat,
            Err(at) => self.seats.insert(at, seat),
        }
        self.places.insert(name.clone(), place);
    }

    pub(crate) fn remove(&mut self, name: &NodeId) {
        let Some(place) = self.places.remove(name) else { return };
        if let Ok(at) = self.find(place, name) {
            self.seats.remove(at);
        }
    }

    pub(crate) fn get(&self, name: &NodeId) -> Option<&Seat> {
        let place = *self.places.get(name)?;
        self.find(place, name).ok().map(|at| &self.seats[at])
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter()
    }

    /// Somebody, each with the same chance.
    pub(crate) fn any(&self, rng: &mut impl Rng) -> Option<&Seat> {
        (!self.seats.is_empty()).then(|| &self.seats[rng.random_range(0..self.seats.len())])
    }

    /// Somebody of the others, each with the same chance.
    pub(crate) fn any_but(&self, rng: &mut impl Rng, is_left_out: impl Fn(&Seat) -> bool) -> Option<&Seat> {
        let rest = self.seats.iter().filter(|seat| !is_left_out(seat)).count();
        (rest > 0).then(|| self.seats.iter().filter(|seat| !is_left_out(seat)).nth(rng.random_range(0..rest)))?
    }

    /// Whether whoever writes sends to every member itself.
    pub(crate) fn is_flat(&self) -> bool {
        self.seats.len() <= FAN_OUT
    }

    /// Shares out the members after `own` up to `until` (`until == own`: all of them). Every member is named in one errand or served by
    /// the receiver of one; the places of errands only grow, so that nothing comes round.
    pub(crate) fn errands(&self, own: u64, until: u64, is_cut_off: impl Fn(&NodeId) -> bool) -> Vec<Errand> {
        let reach = until.wrapping_sub(own);
        let first = self.seats.partition_point(|seat| seat.place <= own);
        let (before, after) = self.seats.split_at(first);
        let within = |seat: &&Seat| {
            let distance = seat.place.wrapping_sub(own);
            distance != 0 && (reach == 0 || distance < reach)
        };
        let served: Vec<&Seat> = after.iter().chain(before).filter(within).filter(|seat| !is_cut_off(&seat.name)).collect();
        // Suspects are sent to by whoever serves their part; those before the first part are ours.
        let first = served.iter().position(|seat| !seat.is_suspect).unwrap_or(served.len());
        let alone = served[..first].iter().map(|seat| Errand { to: seat.name.clone(), until: seat.place.wrapping_add(1) });
        let mut errands: Vec<Errand> = alone.collect();
        let trusted: Vec<&Seat> = served.into_iter().filter(|seat| !seat.is_suspect).collect();
        let parts = trusted.len().min(FAN_OUT);
        let mut start = 0;
        for part in 0..parts {
            let end = start + trusted.len() / parts + usize::from(part < trusted.len() % parts);
            let until = trusted.get(end).map_or(until, |seat| seat.place);
            errands.push(Errand { to: trusted[start].name.clone(), until });
            start = end;
        }
        errands
    }

    fn find(&self, place: u64, name: &NodeId) -> Result<usize, usize> {
        self.seats.binary_search_by(|seat| (seat.place, &seat.name).cmp(&(place, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;
    use crate::key;
    use crate::member::Identity;
    use control::version::NodeId;
    use std::collections::BTreeMap;

    fn names(count: usize) -> Vec<NodeId> {
        (0..count).map(|index| NodeId::from(format!("node{index}").as_str())).collect()
    }

    fn ring_of(own: &NodeId, names: &[NodeId], suspect: usize) -> Ring {
        let mut ring = Ring::default();
        let address = "10.0.0.1:1".parse().expect("an address");
        for (index, name) in names.iter().enumerate().filter(|(_, name)| *name != own) {
            ring.set(&Identity::new(name.clone(), 1, address, "".into()), index < suspect);
        }
        ring
    }

    /// Follows a batch through the ring: how often each node gets it, and over how many hops.
    fn follow(names: &[NodeId], suspect: usize) -> (BTreeMap<NodeId, usize>, usize) {
        let mut got = BTreeMap::new();
        let origin = &names[names.len() - 1];
        let mut waiting = vec![(origin.clone(), key::place(origin), 0)];
        let mut hops = 0;
        while let Some((name, until, depth)) = waiting.pop() {
            hops = hops.max(depth);
            for errand in ring_of(&name, names, suspect).errands(key::place(&name), until, |_| false) {
                *got.entry(errand.to.clone()).or_default() += 1;
                waiting.push((errand.to, errand.until, depth + 1));
            }
        }
        (got, hops)
    }

    #[test]
    fn every_node_gets_a_batch_once_over_few_hops() {
        for (count, most_hops) in [(1, 0), (2, 1), (3, 1), (6, 2), (20, 3), (100, 4), (400, 5)] {
            let names = names(count);
            let (got, hops) = follow(&names, 0);
            assert_eq!(got.len(), count - 1);
            assert!(got.values().all(|times| *times == 1), "{got:?}");
            assert!(hops <= most_hops, "{hops} hops for {count} nodes");
        }
    }

    #[test]
    fn suspects_get_it_and_serve_nobody() {
        let names = names(20);
        let (got, _) = follow(&names, 7);
        assert_eq!(got.len(), 19);
        assert!(got.values().all(|times| *times == 1), "{got:?}");
    }
}
