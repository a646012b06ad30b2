//! Which events tell that nodes came, went, fell silent and came back: each told by one node of a side, and once.
//!
//! Nobody is in charge: for each node's name hashing picks who of the members tells ([`Members::rank`]). What was told last is read from the
//! events themselves, wherever they come from, so that after a restart, or when two sides meet, the one whose turn it is knows what
//! is still to be said. Words: `pkg/controller/nodelifecycle` of Kubernetes.

use crate::membership::Members;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A node that is older than this when it is first heard of was told of long ago.
const NEW_FOR: SignedDuration = SignedDuration::from_mins(5);

/// So many nodes may be known from events before their objects come.
const MAX_EARLY: usize = 4096;

/// What was last said of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// `NodeReady`, or nothing.
    Ready,
    /// `NodeNotReady`
    NotReady,
}

impl Standing {
    /// The event's reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Ready => "NodeReady",
            Self::NotReady => "NodeNotReady",
        }
    }

    /// Reads an event's reason; `None` where it is about something else.
    #[must_use]
    pub fn parse(reason: &str) -> Option<Self> {
        [Self::Ready, Self::NotReady].into_iter().find(|standing| standing.reason() == reason)
    }
}

/// Something to tell about a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEvent {
    /// Its name.
    pub node: String,
    /// What.
    pub news: News,
}

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It is seen or not seen any more. With `NotReady`, each of its pods gets a Warning [`POD_REASON`], too.
    Standing(Standing),
    /// It is new.
    Registered,
    /// Its object is gone.
    Removed,
}

/// The reason of the event that tells of a new node.
const REGISTERED: &str = "RegisteredNode";

/// The reason of the event on each pod of a node that is not seen any more.
pub const POD_REASON: &str = "NodeNotReady";
/// Its message.
pub const POD_MESSAGE: &str = "Node is not ready";

impl NodeEvent {
    /// Whether an event's reason tells that a node is new.
    #[must_use]
    pub fn is_registration(reason: &str) -> bool {
        reason == REGISTERED
    }

    /// The event's reason. All are Normal.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self.news {
            News::Standing(standing) => standing.reason(),
            News::Registered => REGISTERED,
            News::Removed => "RemovingNode",
        }
    }

    /// The event's message.
    #[must_use]
    pub fn message(&self) -> String {
        let node = &self.node;
        match self.news {
            News::Standing(standing) => format!("Node {node} status is now: {}", standing.reason()),
            News::Registered => format!("Node {node} event: Registered Node {node} in Controller"),
            News::Removed => format!("Node {node} event: Removing Node {node} from Controller"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Told {
    standing: Standing,
    at: Timestamp,
}

/// What is known of the nodes and of what was said about them.
#[derive(Debug, Clone)]
pub struct NodeReporter {
    members: Members,
    /// The nodes that have an object.
    nodes: BTreeMap<String, Option<Told>>,
    /// What events say of nodes whose object is not here yet.
    early: BTreeMap<String, Told>,
    /// Nodes that were told to be new, by whomever.
    registered: BTreeSet<String>,
}

impl NodeReporter {
    /// One that knows no node yet.
    #[must_use]
    pub const fn new(members: Members) -> Self {
        Self { members, nodes: BTreeMap::new(), early: BTreeMap::new(), registered: BTreeSet::new() }
    }

    /// An event about a node was read: it was last reported at this time, by whomever.
    pub fn heard(&mut self, node: &str, standing: Standing, at: Timestamp) {
        let told = match self.nodes.get_mut(node) {
            Some(told) => told,
            None => {
                if self.early.len() < MAX_EARLY || self.early.contains_key(node) {
                    let early = self.early.entry(node.to_owned()).or_insert(Told { standing, at });
                    if early.at <= at {
                        *early = Told { standing, at };
                    }
                }
                return;
            }
        };
        if told.is_none_or(|told| told.at <= at) {
            *told = Some(Told { standing, at });
        }
    }

    /// An event that told of a new node was read.
    pub fn heard_registered(&mut self, node: &str) {
        if self.registered.len() < MAX_EARLY {
            self.registered.insert(node.to_owned());
        }
    }

    /// A node has an object.
    pub fn added(&mut self, now: Timestamp, node: &str, created: Option<Timestamp>) -> Option<NodeEvent> {
        if self.nodes.contains_key(node) {
            return None;
        }
        let early = self.early.remove(node);
        self.nodes.insert(node.to_owned(), early);
        let is_new = created.is_some_and(|created| now.duration_since(created) < NEW_FOR);
        // After a restart it was told already, before it.
        let is_told = self.registered.contains(node);
        (is_new && !is_told && self.is_ours(node)).then(|| event(node, News::Registered))
    }

    /// A node's object is gone.
    pub fn removed(&mut self, node: &str) -> Option<NodeEvent> {
        self.nodes.remove(node)?;
        self.early.remove(node);
        self.registered.remove(node);
        self.is_ours(node).then(|| event(node, News::Removed))
    }

    /// Other nodes are alive than before.
    pub fn seen(&mut self, members: Members) {
        self.members = members;
    }

    /// What is to be told now. Call it after every change, and once more when a while has passed, so that what others told in the
    /// meantime has come in.
    pub fn due(&mut self, now: Timestamp) -> Vec<NodeEvent> {
        let members = &self.members;
        let mut events = Vec::new();
        for (node, told) in &mut self.nodes {
            let seen = if members.is_alive(node) { Standing::Ready } else { Standing::NotReady };
            let before = told.map_or(Standing::Ready, |told| told.standing);
            if seen == before || members.rank(node) != 0 {
                continue;
            }
            // Later than what it answers, whatever the clocks say.
            let after = told.and_then(|told| told.at.checked_add(SignedDuration::from_millis(1)).ok());
            *told = Some(Told { standing: seen, at: after.map_or(now, |after| after.max(now)) });
            events.push(event(node, News::Standing(seen)));
        }
        events
    }

    fn is_ours(&self, node: &str) -> bool {
        self.members.rank(node) == 0
    }
}

fn event(node: &str, news: News) -> NodeEvent {
    NodeEvent { node: node.to_owned(), news }
}

#[cfg(test)]
mod tests;
