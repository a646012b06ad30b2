//! The cluster's members as the connected daemon sees them: which nodes are not seen, and when to ask again.
//!
//! Nothing polls: the members are asked for when the link comes up and when a Node changes, at most once a second. Only while the list
//! of nodes of a real cluster is on the screen they are asked for every few seconds, for their round trips.

use super::columns;
use super::row::{Cell, Row};
use crate::console::base::age;
use jiff::{SignedDuration, Timestamp};
use objects::duration::since;
use wire::{Member, MemberState, Members};

/// The least time between two questions.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// The time between two questions while the nodes are looked at.
const LOOKING: SignedDuration = SignedDuration::from_secs(5);
/// Names of nodes that the header has room for.
const NAMED: usize = 2;

/// What is known of the members.
#[derive(Debug, Default)]
pub struct Cluster {
    members: Option<Members>,
    /// When they were told, on our clock.
    told_at: Timestamp,
    asked_at: Option<Timestamp>,
    /// Whether a question is open.
    pub asking: Asking,
    /// A Node changed since the last question.
    pub is_stale: bool,
    /// Counts the answers, so that what was made of them knows whether it is still right.
    pub revision: u64,
}

/// Whether a question is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asking {
    /// None is.
    #[default]
    No,
    /// One is.
    Yes,
    /// The daemon does not know the question; another one may.
    Refused,
}

impl Cluster {
    /// Whether there is more than one node.
    pub fn is_many(&self) -> bool {
        self.members.as_ref().is_some_and(|members| members.members.len() > 1)
    }

    /// Since when a node is not seen; `None` where it is, or where nobody knows of it.
    pub fn unseen_since(&self, node: &str) -> Option<Timestamp> {
        let member = self.members.as_ref()?.find(node).filter(|member| !member.is_seen())?;
        Some(self.since(member))
    }

    /// Whether there are nodes that are not seen.
    pub fn has_unseen(&self) -> bool {
        self.members.as_ref().is_some_and(|members| members.unseen().next().is_some())
    }

    /// What the daemon told of the members last.
    pub const fn members(&self) -> Option<&Members> {
        self.members.as_ref()
    }

    /// Since when a member is in its state, on our clock.
    pub fn since(&self, member: &Member) -> Timestamp {
        let seconds = self.members.as_ref().map_or(0, |members| members.seconds_since(member));
        self.told_at.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(self.told_at)
    }

    /// `3 nodes`, or `2 of 3 nodes; n3 unseen 40s`; nothing of a node that is alone. The second says whether all are seen.
    pub fn summary(&self, now: Timestamp) -> Option<(String, bool)> {
        let members = self.members.as_ref().filter(|members| members.members.len() > 1)?;
        let all = members.members.len();
        let unseen: Vec<&Member> = members.unseen().collect();
        if unseen.is_empty() {
            return Some((format!("{all} nodes"), true));
        }
        let names: Vec<&str> = unseen.iter().take(NAMED).map(|member| member.name.as_str()).collect();
        let more = unseen.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        let word = if unseen.iter().all(|member| member.state == MemberState::Left) { "stopped" } else { "unseen" };
        let longest = unseen.iter().map(|member| self.since(member)).min();
        let time = since(longest, now);
        Some((format!("{} of {all} nodes; {}{more} {word} {time}", all - unseen.len(), names.join(", ")), false))
    }

    /// When something of this reads differently, or is to be asked for.
    pub fn next_wake(&self, is_looked_at: bool, now: Timestamp) -> Option<Timestamp> {
        let members = self.members.iter().flat_map(Members::unseen);
        let labels = members.map(|member| age::next_change(self.since(member), now)).min();
        let labels = labels.and_then(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok());
        [labels, self.due_at(is_looked_at)].into_iter().flatten().min()
    }

    /// A question goes out.
    pub fn ask(&mut self, now: Timestamp) {
        (self.asking, self.asked_at, self.is_stale) = (Asking::Yes, Some(now), false);
    }

    /// These are the members now.
    pub fn take(&mut self, members: Members, now: Timestamp) {
        (self.members, self.told_at) = (Some(members), now);
        self.revision += 1;
    }

    /// When to ask next; `None` where nothing calls for it.
    pub fn due_at(&self, is_looked_at: bool) -> Option<Timestamp> {
        if self.asking != Asking::No {
            return None;
        }
        let pause = match () {
            () if self.is_stale => PAUSE,
            () if is_looked_at && self.is_many() => LOOKING,
            () => return None,
        };
        Some(self.asked_at.map_or(Timestamp::UNIX_EPOCH, |asked| asked.saturating_add(pause).unwrap_or(asked)))
    }

    /// Puts what is known of a node into its row.
    pub fn fill(&self, row: &mut Row) {
        let Some(member) = self.members.as_ref().and_then(|members| members.find(&row.key.name)) else { return };
        let round_trip = member.round_trip_ms.filter(|_| !member.is_self);
        let cells = [
            ("MEMBER", Cell::text(member.state.as_str())),
            ("SINCE", Cell::Age(Some(self.since(member)))),
            ("RTT", round_trip.map_or_else(|| Cell::Number(0.0, "-".into()), |ms| Cell::Number(ms, milliseconds(ms).into()))),
        ];
        row.cells.set(cells.into_iter().filter_map(|(title, cell)| Some((columns::position(columns::NODES, title)?, cell))));
    }
}

fn milliseconds(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1}ms") } else { format!("{ms:.0}ms") }
}
