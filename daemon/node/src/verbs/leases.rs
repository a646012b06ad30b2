//! The leases of nodes: kept once each, with the time of their renewal as this node sees it when they are read.
//!
//! In Kubernetes every node renews its lease each ten seconds, and others read of it that it lives. Here that is known from the membership,
//! which costs nothing more when the cluster is idle; a lease tells the same to those who ask for it. A watch sees no renewals.

use super::Verbs;
use jiff::Timestamp;
use objects::Kind;
use serde_json::{Value, json};
use std::sync::Arc;
use store::Object;
use wire::{MemberState, Members};

/// Where they are.
pub const NAMESPACE: &str = "kube-node-lease";

/// The lease of a node, which its daemon makes.
pub fn of_node(name: &str, uid: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {
            "name": name, "namespace": NAMESPACE,
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}],
        },
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": micros(Timestamp::now())},
    })
}

impl Verbs {
    /// An object as it is shown.
    pub(super) fn shown(&self, object: Arc<Object>) -> Arc<Object> {
        if is_lease(&object) { self.renewed(&object, &self.members()) } else { object }
    }

    /// Objects as they are shown.
    pub(super) fn shown_list(&self, mut list: store::List) -> store::List {
        // A list is of one kind.
        if list.items.first().is_some_and(|object| object.key().kind == Kind::Lease) {
            let members = self.members();
            for object in list.items.iter_mut().filter(|object| is_lease(object)) {
                *object = self.renewed(object, &members);
            }
        }
        list
    }

    fn renewed(&self, object: &Arc<Object>, members: &Members) -> Arc<Object> {
        let Some(member) = members.find(&object.key().name) else { return object.clone() };
        // Who is a member was heard of within seconds.
        let seconds = if member.state == MemberState::Alive { members.as_of } else { member.since };
        let Ok(time) = Timestamp::from_second(seconds) else { return object.clone() };
        let mut value = object.to_value();
        value["spec"]["renewTime"] = micros(time).into();
        Arc::new(object.showing(&value))
    }
}

fn is_lease(object: &Object) -> bool {
    object.key().kind == Kind::Lease && object.key().namespace == NAMESPACE
}

fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
