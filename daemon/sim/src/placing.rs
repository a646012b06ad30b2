//! The scheduler of a simulated node: the real decisions of who places a pod and where, over what its replica shows.

use crate::world::World;
use control::clock::BootMs;
use control::membership::Members;
use control::record::Part;
use control::scheduler::placer::{Turn, turn};
use control::scheduler::{NodeState, Placement, place};
use k8s_openapi::api::core::v1::{Node, NodeStatus, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Objects of this kind are placed and run.
pub const PODS: &str = "pods/";

/// Since when pods wait, as one node sees it.
#[derive(Debug, Default)]
pub struct Waiting(BTreeMap<String, BootMs>);

impl World {
    /// One look of a node at the pods that nobody has placed yet.
    pub(crate) fn place_pods(&mut self, index: usize) {
        let pending = self.pending(index);
        let uids: BTreeSet<&String> = pending.iter().map(|(_, uid)| uid).collect();
        self.nodes[index].waiting.0.retain(|uid, _| uids.contains(uid));
        if pending.is_empty() {
            return;
        }
        let now = self.now(index).boot;
        let Some(engine) = self.nodes[index].engine.as_ref() else { return };
        let others = engine.members().filter(|member| member.state.is_active()).map(|member| member.identity.name.clone());
        let members = Members::new(self.nodes[index].name.clone(), others);
        let mut states = self.node_states(index);
        for (object, uid) in pending {
            let waits_since = *self.nodes[index].waiting.0.entry(uid.clone()).or_insert(now);
            if turn(now, &uid, waits_since, &members) != Turn::Now {
                continue;
            }
            let pod = pod(&uid, None);
            let placement = place(&pod, &states.iter().collect::<Vec<_>>(), &members);
            if let Placement::Bind { node } = placement {
                if let Some(state) = states.iter_mut().find(|state| state.name() == node) {
                    state.put(&pod);
                }
                self.put_part(index, &object, Part::Binding, &node);
            }
        }
    }

    /// The pods that a node runs: those that its replica shows as placed on it.
    #[must_use]
    pub fn running(&self, index: usize) -> BTreeSet<Arc<str>> {
        let name = self.nodes[index].name.as_str();
        let is_ours = |(object, node): &(Arc<str>, String)| object.starts_with(PODS) && node == name;
        self.bound(index).into_iter().filter(is_ours).map(|(object, _)| object).collect()
    }

    fn bound(&self, index: usize) -> Vec<(Arc<str>, String)> {
        let live = self.nodes[index].replica.entries().filter(|(_, entry)| entry.is_live());
        let binding = live.filter_map(|(object, entry)| Some((Arc::clone(object), entry.binding.as_ref()?.json()?.to_string())));
        binding.collect()
    }

    fn pending(&self, index: usize) -> Vec<(Arc<str>, String)> {
        let entries = self.nodes[index].replica.entries();
        let waits = entries.filter(|(object, entry)| object.starts_with(PODS) && entry.is_live() && entry.binding.is_none());
        let spec = waits.filter_map(|(object, entry)| Some((Arc::clone(object), entry.spec.as_ref()?)));
        spec.map(|(object, spec)| (object, format!("{:?}", spec.stamp.birth))).collect()
    }

    fn node_states(&self, index: usize) -> Vec<NodeState> {
        let mut states: Vec<NodeState> = self.nodes.iter().map(|node| node_state(node.name.as_str())).collect();
        for (object, node) in self.bound(index) {
            if let Some(state) = states.iter_mut().find(|state| state.name() == node) {
                state.put(&pod(&object, Some(&node)));
            }
        }
        states
    }
}

fn node_state(name: &str) -> NodeState {
    let amounts = [("cpu", "8"), ("memory", "8Gi"), ("pods", "110")];
    let allocatable = amounts.map(|(resource, amount)| (resource.to_owned(), Quantity(amount.to_owned())));
    let status = NodeStatus { allocatable: Some(BTreeMap::from(allocatable)), ..NodeStatus::default() };
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    NodeState::new(&Node { metadata, spec: None, status: Some(status) })
}

fn pod(uid: &str, node: Option<&str>) -> Pod {
    let metadata = ObjectMeta { name: Some(uid.to_owned()), uid: Some(uid.to_owned()), ..ObjectMeta::default() };
    Pod { metadata, spec: Some(PodSpec { node_name: node.map(str::to_owned), ..PodSpec::default() }), status: None }
}
