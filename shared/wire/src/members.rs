//! The members of the cluster, as one node sees them: what the console and `skiff node ls` show.

use serde::{Deserialize, Serialize};

/// The answer to [`crate::Request::Members`]. It is one node's view: in a split the other side's differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Members {
    /// The node whose view this is.
    pub node: String,
    /// The cluster's id; empty where the node is of none.
    pub cluster: String,
    /// Seconds since 1970 on that node's clock when this was true.
    pub as_of: i64,
    /// All members, ordered by name, the node itself among them.
    pub members: Vec<Member>,
}

/// What a node thinks of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberState {
    /// It answers.
    Alive,
    /// It did not answer, and has some seconds to show that it lives.
    Suspect,
    /// Nothing was heard of it for longer than that.
    Down,
    /// It said that it goes: it was stopped.
    Left,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

impl MemberState {
    /// The word of tables: `alive`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Down => "down",
            Self::Left => "left",
            Self::Unknown => "unknown",
        }
    }
}

/// One member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The node's name.
    pub name: String,
    /// What is thought of it.
    pub state: MemberState,
    /// Seconds since 1970 on the viewing node's clock: alive or left since then, or last heard of then.
    pub since: i64,
    /// Where it speaks to its peers, `10.0.0.3:7946`; empty where that is not known.
    #[serde(default)]
    pub address: String,
    /// Milliseconds there and back, where measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// Milliseconds that its clock is ahead of the viewing node's; negative is behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<f64>,
    /// Whether it is the viewing node itself.
    #[serde(default)]
    pub is_self: bool,
    /// Milliseconds since 1970 when its daemon started, by its own clock: another start is another instance. 0 is unknown.
    #[serde(default)]
    pub instance: u64,
    /// Its daemon's version; empty where that is not known.
    #[serde(default)]
    pub version: String,
}

impl Member {
    /// Whether what is shown of its pods is current. A suspect is still counted on.
    #[must_use]
    pub const fn is_seen(&self) -> bool {
        matches!(self.state, MemberState::Alive | MemberState::Suspect)
    }
}

impl Members {
    /// One member.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// Those that the viewing node cannot see.
    pub fn unseen(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.is_seen())
    }

    /// Seconds that a member has been in its state, at the moment of this answer; never negative.
    #[must_use]
    pub fn seconds_since(&self, member: &Member) -> i64 {
        self.as_of.saturating_sub(member.since).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Member, MemberState, Members};

    fn member(name: &str, state: MemberState, since: i64) -> Member {
        Member {
            name: name.to_owned(),
            state,
            since,
            address: "10.0.0.1:7946".to_owned(),
            round_trip_ms: Some(0.5),
            clock_offset_ms: None,
            is_self: false,
            instance: 1,
            version: "0.1.0".to_owned(),
        }
    }

    #[test]
    fn members_survive_the_way_and_those_that_are_not_seen_are_told_apart() {
        let states = [MemberState::Alive, MemberState::Suspect, MemberState::Down, MemberState::Left];
        let members = states.iter().enumerate().map(|(at, state)| member(&format!("n{at}"), *state, 60)).collect();
        let members = Members { node: "n0".to_owned(), cluster: "c".to_owned(), as_of: 100, members };
        let text = serde_json::to_string(&members).expect("it serialises");
        assert_eq!(serde_json::from_str::<Members>(&text).expect("it is read"), members);
        let unseen: Vec<&str> = members.unseen().map(|member| member.name.as_str()).collect();
        assert_eq!(unseen, ["n2", "n3"]);
        assert_eq!(members.find("n2").map(|member| members.seconds_since(member)), Some(40));
        assert_eq!(members.seconds_since(&member("n9", MemberState::Down, 101)), 0, "a clock that was put back");
    }

    #[test]
    fn a_later_daemon_may_say_more_and_an_earlier_one_less() {
        let text = r#"{"name":"n1","state":"draining","since":7,"rack":"b"}"#;
        let read: Member = serde_json::from_str(text).expect("it is read");
        assert_eq!((read.state, read.round_trip_ms, read.is_self), (MemberState::Unknown, None, false));
        assert!(!read.is_seen());
    }
}
