//! Who of all nodes acts, and when each object is looked at again: what the controllers that run on every node share.
//!
//! Each node comes to the same, so the first of those seen alive acts, in the order of the object's uid. The others wait for as long as
//! those before them are given, and act where it stays undone.

use control::membership::Members;
use std::collections::BTreeMap;
use std::time::Duration;
use store::Key;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long each node before us is given to do something.
const TURN: Duration = Duration::from_secs(5);

/// Whose turn it is.
pub struct Turns {
    alive: watch::Receiver<Members>,
    /// Since when something is to be done for an object, by its uid.
    since: BTreeMap<String, Instant>,
}

impl Turns {
    /// Among those whom this node sees alive.
    pub fn new(alive: watch::Receiver<Members>) -> Self {
        Self { alive, since: BTreeMap::new() }
    }

    /// Whether this node is to act for an object for which something is to be done.
    pub fn is_ours(&mut self, uid: &str) -> bool {
        self.is_ours_at(uid, Instant::now())
    }

    fn is_ours_at(&mut self, uid: &str, now: Instant) -> bool {
        let waited = now.duration_since(*self.since.entry(uid.to_owned()).or_insert(now));
        let rank = self.alive.borrow().rank(uid);
        waited >= TURN * u32::try_from(rank).unwrap_or(u32::MAX)
    }

    /// Nothing is to be done for an object, or it is gone.
    pub fn is_done(&mut self, uid: &str) {
        self.since.remove(uid);
    }
}

/// What is to be looked at, and when: objects by their keys, or whatever else a task has to look at.
pub struct WorkQueue<K = Key>(BTreeMap<K, Instant>);

impl<K> Default for WorkQueue<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> WorkQueue<K> {
    /// It is looked at within a time, or sooner where that was said before: what changes all the time does not put it off.
    pub fn add(&mut self, key: K, within: Duration) {
        self.add_at(key, Instant::now() + within);
    }

    fn add_at(&mut self, key: K, at: Instant) {
        let known = self.0.entry(key).or_insert(at);
        *known = at.min(*known);
    }

    /// It is gone.
    pub fn remove(&mut self, key: &K) {
        self.0.remove(key);
    }

    /// Keeps only what is still to be looked at.
    pub fn retain(&mut self, is_kept: impl Fn(&K) -> bool) {
        self.0.retain(|key, _| is_kept(key));
    }

    /// Takes what is due.
    pub fn take_due(&mut self) -> Vec<K> {
        self.take_due_at(Instant::now())
    }

    fn take_due_at(&mut self, now: Instant) -> Vec<K> {
        self.0.extract_if(.., |_, at| *at <= now).map(|(key, _)| key).collect()
    }

    /// Waits until something is due; for ever where nothing is. Dropping the future loses nothing.
    pub async fn due(&self) {
        match self.0.values().min() {
            Some(at) => tokio::time::sleep_until(*at).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TURN, Turns, WorkQueue};
    use control::membership::Members;
    use control::version::NodeId;
    use objects::Kind;
    use std::time::Duration;
    use store::Key;
    use tokio::sync::watch;
    use tokio::time::Instant;

    #[test]
    fn the_first_acts_at_once_and_the_others_where_it_stays_undone() {
        let nodes = ["a", "b", "c"].map(NodeId::from);
        let members = nodes.each_ref().map(|node| Members::new(node.clone(), nodes.clone()));
        let mut turns = members.map(|members| Turns::new(watch::channel(members).1));
        let begin = Instant::now();
        let mut acting =
            |after: Duration| turns.iter_mut().filter_map(|turns| turns.is_ours_at("uid", begin + after).then_some(())).count();
        assert_eq!((acting(Duration::ZERO), acting(TURN), acting(TURN * 2)), (1, 2, 3));
        turns.iter_mut().for_each(|turns| turns.is_done("uid"));
        assert_eq!(turns.iter_mut().filter_map(|turns| turns.is_ours_at("uid", begin + TURN * 3).then_some(())).count(), 1);
    }

    #[test]
    fn what_changes_all_the_time_is_looked_at_all_the_same() {
        let key = Key::new(Kind::ReplicaSet, "default", "kubia");
        let mut queue = WorkQueue::default();
        let begin = Instant::now();
        for ms in [0, 10, 20, 30, 40] {
            queue.add_at(key.clone(), begin + Duration::from_millis(ms + 50));
            assert_eq!(queue.take_due_at(begin + Duration::from_millis(ms)), []);
        }
        assert_eq!(queue.take_due_at(begin + Duration::from_millis(50)), [key]);
        assert_eq!(queue.take_due_at(begin + Duration::from_millis(500)), []);
    }
}
