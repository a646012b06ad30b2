//! What this node's side of the cluster sees: which nodes count as alive, which are shown as lost and since when.
//!
//! A member that was found dead is lost at once: the failure detector gave it its time. One that took leave gets as long as a kubelet
//! that falls silent: its daemon may only be restarted, and its pods run on. After our own start everybody has a while to be heard.

use super::gossip::View;
use crate::errors::chain;
use crate::shutdown::Shutdown;
use control::clock::{BootMs, Now};
use control::membership::Members;
use control::version::NodeId;
use gossip::{Member, State};
use jiff::Timestamp;
use objects::Kind;
use std::collections::{BTreeMap, BTreeSet};
use store::{ChangeKind, Lost, Store};
use tokio::sync::watch;
use tracing::warn;

/// How long a node that took leave, in ms, may be away until it is shown as lost (`node-monitor-grace-period` before 1.32).
const LEAVE_GRACE_MS: u64 = 40_000;
/// How long after our start, in ms, a node that is not heard is not yet lost.
const START_GRACE_MS: u64 = 10_000;

/// Decides what is shown of each node.
#[derive(Debug)]
struct Sight {
    me: NodeId,
    started: BootMs,
}

/// What follows from what is seen.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    alive: Members,
    /// Those and whoever may still be heard: all that are not lost.
    counted_on: Members,
    lost: Lost,
    /// When it has to be looked at again, though nothing changed.
    again: Option<BootMs>,
}

impl Sight {
    fn look(&self, now: Now, members: &[Member], nodes: &BTreeSet<String>) -> Seen {
        let known: BTreeMap<&str, &Member> = members.iter().map(|member| (member.identity.name.as_str(), member)).collect();
        let active = members.iter().filter(|member| member.state.is_active()).map(|member| member.identity.name.clone());
        let alive = Members::new(self.me.clone(), active);
        let mut seen = Seen { counted_on: alive.clone(), alive, lost: Lost::new(), again: None };
        let mut in_grace = Vec::new();
        for node in nodes.iter().filter(|node| !seen.alive.is_alive(node)) {
            let (from, since) = match known.get(node.as_str()) {
                Some(member) if member.state == State::Left => (member.since.boot.after_ms(LEAVE_GRACE_MS), member.since.wall),
                Some(member) => (self.started.after_ms(START_GRACE_MS), member.since.wall),
                None => (self.started.after_ms(START_GRACE_MS), start_time(now, self.started)),
            };
            if from <= now.boot {
                seen.lost.insert(node.clone(), since);
            } else {
                in_grace.push(NodeId::from(node.as_str()));
                seen.again = Some(seen.again.map_or(from, |again| again.min(from)));
            }
        }
        seen.counted_on = Members::new(self.me.clone(), seen.alive.alive().cloned().chain(in_grace));
        seen
    }
}

fn start_time(now: Now, started: BootMs) -> Timestamp {
    let ago_ms = i64::try_from(now.boot.since_ms(started)).unwrap_or(0);
    now.wall.checked_sub(jiff::SignedDuration::from_millis(ago_ms)).unwrap_or(now.wall)
}

fn tell(members: &watch::Sender<Members>, now: Members) {
    members.send_if_modified(|before| {
        let differs = *before != now;
        *before = now;
        differs
    });
}

/// Applies what is seen until the shutdown signal: the store shows who is lost, and whoever places pods hears who is alive, and
/// whoever tells of nodes hears who is counted on: one that takes leave only to start again is no news.
pub async fn run(
    store: Store,
    mut view: watch::Receiver<View>,
    (alive, counted_on): (watch::Sender<Members>, watch::Sender<Members>),
    mut shutdown: Shutdown,
) {
    let sight = Sight { me: alive.borrow().me().clone(), started: crate::clock::now().boot };
    let (list, mut watcher) = store.list_and_watch(Kind::Node, None);
    let mut nodes: BTreeSet<String> = list.items.iter().map(|node| node.key().name.clone()).collect();
    let mut shown = Lost::new();
    loop {
        let members = view.borrow_and_update().clone();
        let seen = sight.look(crate::clock::now(), &members, &nodes);
        tell(&alive, seen.alive);
        tell(&counted_on, seen.counted_on);
        if seen.lost != shown {
            match store.set_lost(seen.lost.clone()).await {
                Ok(()) => shown = seen.lost,
                Err(error) => warn!(error = %chain(&error), "lost nodes are not shown as such; tried again with the next change"),
            }
        }
        // Watches hold positions; the timer is made anew.
        tokio::select! {
            () = shutdown.wait() => return,
            changed = view.changed() => if changed.is_err() { return },
            change = watcher.next() => match change {
                Ok(change) if change.kind == ChangeKind::Deleted => {
                    nodes.remove(&change.object.key().name);
                }
                Ok(change) => {
                    nodes.insert(change.object.key().name.clone());
                }
                Err(_) => {
                    let (list, again) = store.list_and_watch(Kind::Node, None);
                    watcher = again;
                    nodes = list.items.iter().map(|node| node.key().name.clone()).collect();
                }
            },
            () = crate::clock::sleep_until(seen.again) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAVE_GRACE_MS, START_GRACE_MS, Sight};
    use control::clock::{BootMs, Now};
    use gossip::{Identity, Member, State};
    use jiff::Timestamp;
    use std::collections::BTreeSet;

    fn at(ms: u64) -> Now {
        Now { wall: Timestamp::from_millisecond(i64::try_from(ms).expect("small")).expect("a time"), boot: BootMs(ms) }
    }

    fn member(name: &str, state: State, since_ms: u64) -> Member {
        let address = "10.0.0.1:7946".parse().expect("an address");
        Member { identity: Identity::new(name.into(), 1, address, "".into()), state, incarnation: 0, since: at(since_ms) }
    }

    /// Which of the nodes b, c and d are lost at a moment, on node a, which started at 1 s.
    fn lost(now_ms: u64, members: &[Member]) -> (Vec<String>, Option<u64>) {
        let sight = Sight { me: "a".into(), started: BootMs(1_000) };
        let nodes: BTreeSet<String> = ["a", "b", "c", "d"].map(str::to_owned).into();
        let seen = sight.look(at(now_ms), members, &nodes);
        (seen.lost.into_keys().collect(), seen.again.map(|again| again.0))
    }

    #[test]
    fn the_dead_are_lost_at_once_and_those_who_took_leave_have_a_while() {
        let members = [member("b", State::Alive, 0), member("c", State::Down, 50_000), member("d", State::Left, 50_000)];
        assert_eq!(lost(50_000, &members), (vec!["c".to_owned()], Some(50_000 + LEAVE_GRACE_MS)));
        assert_eq!(lost(50_000 + LEAVE_GRACE_MS, &members), (vec!["c".to_owned(), "d".to_owned()], None));
    }

    #[test]
    fn after_a_start_nobody_is_lost_before_he_could_be_heard() {
        assert_eq!(lost(1_000, &[]), (vec![], Some(1_000 + START_GRACE_MS)));
        let members = [member("b", State::Suspect, 0), member("c", State::Alive, 0)];
        assert_eq!(lost(1_000 + START_GRACE_MS, &members), (vec!["d".to_owned()], None));
    }
}
