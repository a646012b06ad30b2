//! What can be seen of a world from outside: whether it is one, equal, and how it went.

use crate::placing::PODS;
use crate::world::{Node, World};
use control::record::Fate;
use gossip::{Engine, State};

impl World {
    /// Whether all running nodes hold the same.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        let mut digests = self.nodes.iter().filter_map(|node| node.engine.as_ref().map(Engine::digest));
        let first = digests.next();
        digests.all(|digest| Some(digest) == first)
    }

    /// The first thing that running nodes disagree on, in words.
    #[must_use]
    pub fn difference(&self) -> String {
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(engine) = &node.engine else { return format!("node{index} is down") };
            let (held, shown) = (engine.held(), node.replica.stamps().len());
            if held != shown {
                return format!("the engine of node{index} holds {held} records and its replica {shown}");
            }
            let unseen = engine.members().find(|member| member.state != State::Alive);
            if let Some(member) = unseen {
                return format!("node{index} sees {} {:?}", member.identity.name, member.state);
            }
        }
        let summary = |node: &Node| {
            let engine = node.engine.as_ref()?;
            let records = node.replica.stamps().into_iter().map(|(id, stamp)| {
                let life = if stamp.fate == Fate::Gone { "deleted" } else { "born" };
                format!("{id} {life} {} by {}", stamp.birth.wall_ms % 1_000_000, stamp.version.node)
            });
            Some(format!("{} is {:?} and holds {:?}", node.name, engine.standing(), records.collect::<Vec<_>>()))
        };
        self.nodes.iter().filter_map(summary).collect::<Vec<_>>().join("; ")
    }

    /// Whether every pod that a running node knows has a node.
    #[must_use]
    pub fn is_placed(&self) -> bool {
        let running = self.nodes.iter().filter(|node| node.engine.is_some());
        let mut entries = running.flat_map(|node| node.replica.entries());
        !entries.any(|(object, entry)| object.starts_with(PODS) && entry.is_live() && entry.binding.is_none())
    }

    /// A hash of how it went: equal worlds have equal traces.
    #[must_use]
    pub fn trace(&self) -> u64 {
        let facts = self.nodes.iter().map(|node| (node.sent_bytes, node.engine.as_ref().map(Engine::digest)));
        let text = format!("{:?} {} {}", facts.collect::<Vec<_>>(), self.count, self.now_us);
        control::rendezvous::weight(&text, "")
    }

    /// Whether all running nodes see each other alive.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let running: Vec<&Engine> = self.nodes.iter().filter_map(|node| node.engine.as_ref()).collect();
        let alive = |engine: &Engine| engine.members().filter(|member| member.state == State::Alive).count();
        running.iter().all(|engine| alive(engine) + 1 == running.len())
    }

    /// What a node thinks of another.
    #[must_use]
    pub fn state_of(&self, index: usize, of: usize) -> Option<State> {
        let engine = self.nodes[index].engine.as_ref()?;
        engine.member(&self.nodes[of].name).map(|member| member.state)
    }
}
