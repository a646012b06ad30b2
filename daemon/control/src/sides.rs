//! What to tell when nodes come back in sight: how long each was apart, and how much changed when the sides met.
//!
//! A node is *apart* from the moment that it is known to be down. When it is seen again, what it and its side have written comes in
//! over some seconds. Its event waits until nothing more comes, so that one sentence can tell all of it.

use std::collections::{BTreeMap, BTreeSet};

/// Nothing came for so long: what the other side had to tell is here.
const QUIET_MS: u64 = 2_000;
/// A cluster that is never quiet is told about after so long.
const LONGEST_MS: u64 = 15_000;
/// Objects that are told apart; a greater number is told as this many and more.
const MAX_OBJECTS: usize = 100_000;

/// Something that happened to the members or to the replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<'a> {
    /// A node is known to be down.
    Apart(&'a str),
    /// It is seen again.
    Seen(&'a str),
    /// It left, or was removed: there is nothing to come back.
    Gone(&'a str),
    /// A record of another replica changed this object here.
    Changed(&'a str),
    /// A change of this node lost against one from elsewhere.
    Lost,
    /// Time went by.
    Time,
}

/// A node that is back: an event about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The node.
    pub node: String,
    /// For how long it was apart.
    pub apart_ms: u64,
    /// Objects that were changed here by what came from others since it is back.
    pub changed: usize,
    /// Changes of this node that lost.
    pub lost: usize,
}

impl Met {
    /// The event's reason.
    pub const REASON: &'static str = "SidesMet";

    /// The event's sentence: `Node n3 is in sight again after 40s apart; 12 objects changed here, 1 change of node n1 was lost`.
    #[must_use]
    pub fn message(&self, own: &str) -> String {
        let apart = objects::duration::human(i64::try_from(self.apart_ms / 1000).unwrap_or(i64::MAX));
        let changed = match self.changed {
            1 => "1 object".to_owned(),
            MAX_OBJECTS.. => format!("{MAX_OBJECTS} objects or more"),
            many => format!("{many} objects"),
        };
        let lost = match self.lost {
            0 => format!("no change of node {own} was lost"),
            1 => format!("1 change of node {own} was lost and is told at its object"),
            many => format!("{many} changes of node {own} were lost and are told at their objects"),
        };
        format!("Node {} is in sight again after {apart} apart; {changed} changed here, {lost}", self.node)
    }
}

/// Remembers who is apart and what came in since somebody is back.
#[derive(Debug, Clone, Default)]
pub struct Sides {
    /// Since when, in ms of any clock that does not jump.
    apart: BTreeMap<String, u64>,
    meeting: Option<Meeting>,
}

/// Nodes that are back, and what they brought so far.
#[derive(Debug, Clone)]
struct Meeting {
    began_ms: u64,
    newest_ms: u64,
    /// For how long each was apart.
    nodes: BTreeMap<String, u64>,
    changed: BTreeSet<String>,
    lost: usize,
}

impl Sides {
    /// Takes in what happened at `now_ms`, in ms of a clock that does not jump, and says what is to be told.
    pub fn step(&mut self, now_ms: u64, input: &Input<'_>) -> Vec<Met> {
        match input {
            Input::Apart(node) => {
                self.apart.entry((*node).to_owned()).or_insert(now_ms);
            }
            Input::Gone(node) => {
                self.apart.remove(*node);
            }
            Input::Seen(node) => {
                if let Some(since) = self.apart.remove(*node) {
                    let meeting = self.meeting.get_or_insert_with(|| Meeting::new(now_ms));
                    meeting.nodes.insert((*node).to_owned(), now_ms.saturating_sub(since));
                    meeting.newest_ms = now_ms;
                }
            }
            Input::Changed(object) => {
                if let Some(meeting) = &mut self.meeting {
                    if meeting.changed.len() < MAX_OBJECTS {
                        meeting.changed.insert((*object).to_owned());
                    }
                    meeting.newest_ms = now_ms;
                }
            }
            Input::Lost => {
                if let Some(meeting) = &mut self.meeting {
                    meeting.lost += 1;
                }
            }
            Input::Time => {}
        }
        match self.wake_at() {
            Some(at) if at <= now_ms => self.meeting.take().map(Meeting::told).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// When to come back with [`Input::Time`], in ms of the same clock; `None` is never.
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        let meeting = self.meeting.as_ref()?;
        Some((meeting.newest_ms + QUIET_MS).min(meeting.began_ms + LONGEST_MS))
    }
}

impl Meeting {
    const fn new(now_ms: u64) -> Self {
        Self { began_ms: now_ms, newest_ms: now_ms, nodes: BTreeMap::new(), changed: BTreeSet::new(), lost: 0 }
    }

    /// Whose change came from whom is not known where several came back together: each one's event tells all of it.
    fn told(self) -> Vec<Met> {
        let (changed, lost) = (self.changed.len(), self.lost);
        self.nodes.into_iter().map(|(node, apart_ms)| Met { node, apart_ms, changed, lost }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, LONGEST_MS, Met, QUIET_MS, Sides};

    #[test]
    fn a_node_that_is_back_is_told_once_all_has_come() {
        let mut sides = Sides::default();
        assert_eq!(sides.step(0, &Input::Changed("pods/default/a")), []);
        assert_eq!(sides.step(1_000, &Input::Apart("n3")), []);
        assert_eq!(sides.step(5_000, &Input::Apart("n3")), [], "said again");
        assert_eq!(sides.wake_at(), None);
        assert_eq!(sides.step(41_000, &Input::Seen("n3")), []);
        for (at, object) in [(41_100, "pods/default/a"), (41_200, "pods/default/b"), (42_000, "pods/default/a")] {
            assert_eq!(sides.step(at, &Input::Changed(object)), []);
        }
        assert_eq!(sides.step(42_000, &Input::Lost), []);
        assert_eq!(sides.wake_at(), Some(42_000 + QUIET_MS));
        assert_eq!(sides.step(43_999, &Input::Time), []);
        let told = sides.step(44_000, &Input::Time);
        assert_eq!(told, [Met { node: "n3".into(), apart_ms: 40_000, changed: 2, lost: 1 }]);
        let expected = "Node n3 is in sight again after 40s apart; 2 objects changed here, 1 change of node n1 was lost and is told at \
                        its object";
        assert_eq!(told[0].message("n1"), expected);
        assert_eq!((sides.step(60_000, &Input::Time), sides.wake_at()), (vec![], None));
        assert_eq!(sides.step(60_000, &Input::Seen("n3")), [], "it was never away again");
    }

    #[test]
    fn nodes_that_come_back_together_are_told_together_and_a_busy_cluster_is_not_waited_for() {
        let mut sides = Sides::default();
        for node in ["n2", "n3", "n4"] {
            sides.step(0, &Input::Apart(node));
        }
        sides.step(500, &Input::Gone("n4"));
        sides.step(10_000, &Input::Seen("n2"));
        sides.step(11_000, &Input::Seen("n3"));
        assert_eq!(sides.step(11_000, &Input::Seen("n4")), [], "it was stopped, and is another start");
        let mut now = 11_000;
        let told = loop {
            now += 1_000;
            let told = sides.step(now, &Input::Changed("nodes//n1"));
            if !told.is_empty() {
                break told;
            }
        };
        assert_eq!(now, 10_000 + LONGEST_MS);
        let nodes: Vec<(&str, u64)> = told.iter().map(|met| (met.node.as_str(), met.apart_ms)).collect();
        assert_eq!(nodes, [("n2", 10_000), ("n3", 11_000)]);
        let quiet = Met { node: "n2".into(), apart_ms: 3_600_000, changed: 0, lost: 0 };
        assert_eq!(
            quiet.message("n1"),
            "Node n2 is in sight again after 60m apart; 0 objects changed here, no change of node n1 was lost"
        );
    }
}
