//! Whether this node takes a pod, and whether it has room for what one of its pods asks for now.

use super::worker::Wanted;
use super::{Pods, sandbox};
use control::pod::{NoRoom, RejectReason, Rejection};
use control::pressure::{self, Standing};
use control::scheduler::{self, NodeState};
use k8s_openapi::api::core::v1::{Node, Pod};
use objects::Kind;
use store::Key;
use tokio::sync::watch;

/// Why the node may take no pods, whatever room it has.
pub struct Intake {
    /// What it is short of.
    pub standing: watch::Receiver<Standing>,
    /// Whether the machine is being switched off.
    pub closing: watch::Receiver<bool>,
}

impl Pods {
    /// Counts the pod, and says whether this node takes it; one that was here before is taken. One that asks for more than there is room
    /// for keeps what it has.
    pub(super) fn admit(&mut self, pod: &Pod) -> (Option<Rejection>, Option<NoRoom>) {
        let uid = sandbox::uid_of(pod);
        let has_run = pod.status.as_ref().is_some_and(|status| status.container_statuses.is_some());
        let is_new = !has_run && !self.known.contains_key(uid) && !self.machinery.folders(pod).run_dir.exists();
        if is_new {
            self.look_at_node();
        }
        let Some(taken) = self.taken.as_mut() else { return (None, None) };
        if self.known.contains_key(uid) {
            let no_room = scheduler::room_for(pod, taken);
            match &no_room {
                Some(_) => {
                    self.cramped.insert(uid.to_owned());
                }
                None => {
                    self.cramped.remove(uid);
                    taken.put(pod);
                }
            }
            return (None, no_room);
        }
        let refused = || {
            if *self.intake.closing.borrow() {
                let message = "Pod was rejected as the node is shutting down.".to_owned();
                return Some(Rejection { reason: RejectReason::NodeShutdown, message });
            }
            pressure::refuses(&self.intake.standing.borrow().conditions, pod)
        };
        let rejection = is_new.then(|| refused().or_else(|| scheduler::admit(pod, taken).err())).flatten();
        if rejection.is_none() {
            taken.put(pod);
        }
        (rejection, None)
    }

    /// Something was given back: pods that wait for room may have it now.
    pub(super) fn make_room(&mut self) {
        for uid in std::mem::take(&mut self.cramped) {
            let Some(pod) = self.known.get(&uid).map(|known| known.told.clone()) else { continue };
            let (_, no_room) = self.admit(&pod);
            if let (None, Some(known)) = (&no_room, self.known.get(&uid)) {
                known.wanted.send_replace(Wanted::Spec(pod, no_room));
            }
        }
    }

    fn look_at_node(&mut self) {
        let key = Key { kind: Kind::Node, namespace: String::new(), name: self.machinery.node_name.clone() };
        let Some(node) = self.store.get(&key).and_then(|node| node.parse::<Node>().ok()) else { return };
        match &mut self.taken {
            Some(taken) => {
                taken.set_node(&node);
            }
            None => self.taken = Some(NodeState::new(&node)),
        }
    }
}
