//! What to tell when nodes come back in sight: how long each was apart, and how much changed when the sides met.
//!
//! A node is *apart* from the moment that it is known to be down. When it is seen again, what it and its side have written comes in
//! over some seconds. The event waits until nothing more comes, so that one sentence can tell all of it.

use std::collections::{BTreeMap, BTreeSet};

/// Nothing came for so long: what the other side had to tell is here.
const QUIET_MS: u64 = 2_000;
/// A cluster that is never quiet is told about after so long.
const LONGEST_MS: u64 = 15_000;
/// Objects that are told apart; a greater number is told as this many and more.
const MAX_OBJECTS: usize = 100_000;

/// Names that are listed in a sentence.
const MAX_NAMES: usize = 10;

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

/// Nodes that are back: one event about the node that sees them, so that a split in two halves is told once a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The nodes, by name.
    pub nodes: Vec<String>,
    /// For how long the one was apart that was away longest.
    pub apart_ms: u64,
    /// Objects that were changed here by what came from others since they are back.
    pub changed: usize,
    /// The first of them by name, at most ten: `pods/default/kubia`.
    pub examples: Vec<String>,
    /// Changes of this node that lost.
    pub lost: usize,
}

impl Met {
    /// The event's reason.
    pub const REASON: &'static str = "SidesMet";

    /// The event's sentence: `Node n1 sees n3 again after 40s apart; 1 object changed here (pods/default/kubia); no change of node n1 was
    /// lost`.
    #[must_use]
    pub fn message(&self, own: &str) -> String {
        let apart = objects::duration::human(i64::try_from(self.apart_ms / 1000).unwrap_or(i64::MAX));
        let changed = match self.changed {
            1 => "1 object".to_owned(),
            MAX_OBJECTS.. => format!("{MAX_OBJECTS} objects or more"),
            many => format!("{many} objects"),
        };
        let examples = match self.examples.as_slice() {
            [] => String::new(),
            some => format!(" ({})", shortened(some, self.changed)),
        };
        let lost = match self.lost {
            0 => format!("no change of node {own} was lost"),
            1 => format!("1 change of node {own} was lost and is told at its object"),
            many => format!("{many} changes of node {own} were lost and are told at their objects"),
        };
        let nodes = shortened(&self.nodes, self.nodes.len());
        format!("Node {own} sees {nodes} again after {apart} apart; {changed} changed here{examples}; {lost}")
    }
}

/// The first ten of so many names.
fn shortened(names: &[String], all: usize) -> String {
    let listed = names[..names.len().min(MAX_NAMES)].join(", ");
    if all > MAX_NAMES { format!("{listed}, and {} more", all - MAX_NAMES) } else { listed }
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
    pub fn step(&mut self, now_ms: u64, input: &Input<'_>) -> Option<Met> {
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
            Some(at) if at <= now_ms => self.meeting.take().map(Meeting::told),
            _ => None,
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

    fn told(self) -> Met {
        let (changed, lost) = (self.changed.len(), self.lost);
        let apart_ms = self.nodes.values().copied().max().unwrap_or(0);
        let examples = self.changed.into_iter().take(MAX_NAMES).collect();
        Met { nodes: self.nodes.into_keys().collect(), apart_ms, changed, examples, lost }
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, LONGEST_MS, Met, QUIET_MS, Sides};

    #[test]
    fn a_node_that_is_back_is_told_once_all_has_come() {
        let mut sides = Sides::default();
        assert_eq!(sides.step(0, &Input::Changed("pods/default/a")), None);
        assert_eq!(sides.step(1_000, &Input::Apart("n3")), None);
        assert_eq!(sides.step(5_000, &Input::Apart("n3")), None, "said again");
        assert_eq!(sides.wake_at(), None);
        assert_eq!(sides.step(41_000, &Input::Seen("n3")), None);
        for (at, object) in [(41_100, "pods/default/b"), (41_200, "pods/default/a"), (42_000, "pods/default/b")] {
            assert_eq!(sides.step(at, &Input::Changed(object)), None);
        }
        assert_eq!(sides.step(42_000, &Input::Lost), None);
        assert_eq!(sides.wake_at(), Some(42_000 + QUIET_MS));
        assert_eq!(sides.step(43_999, &Input::Time), None);
        let told = sides.step(44_000, &Input::Time).expect("it is quiet");
        assert_eq!((told.apart_ms, told.changed, told.lost), (40_000, 2, 1));
        let expected = "Node n1 sees n3 again after 40s apart; 2 objects changed here (pods/default/a, pods/default/b); 1 change of node n1 \
                        was lost and is told at its object";
        assert_eq!(told.message("n1"), expected);
        assert_eq!((sides.step(60_000, &Input::Time), sides.wake_at()), (None, None));
        assert_eq!(sides.step(60_000, &Input::Seen("n3")), None, "it was never away again");
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
        assert_eq!(sides.step(11_000, &Input::Seen("n4")), None, "it was stopped, and is another start");
        let mut now = 11_000;
        let told = loop {
            now += 1_000;
            if let Some(told) = sides.step(now, &Input::Changed("nodes//n1")) {
                break told;
            }
        };
        assert_eq!(now, 10_000 + LONGEST_MS);
        assert_eq!((told.nodes.as_slice(), told.apart_ms), (["n2".to_owned(), "n3".to_owned()].as_slice(), 11_000));
    }

    #[test]
    fn a_long_list_is_cut_short() {
        let names = |what: &str, many: usize| (0..many).map(|n| format!("{what}{n}")).collect::<Vec<_>>();
        let met = Met { nodes: names("n", 12), apart_ms: 3_600_000, changed: 40, examples: names("pods/a/p", 10), lost: 0 };
        let message = met.message("x");
        assert!(
            message
                .starts_with("Node x sees n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, and 2 more again after 60m apart; 40 objects")
        );
        assert!(message.ends_with("pods/a/p9, and 30 more); no change of node x was lost"), "{message}");
    }
}
