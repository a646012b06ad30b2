//! What concerns the cluster: its members, which node a request is for, and the removal of a node.

use super::{Verbs, key};
use crate::peers::{ByteStream, Peers};
use k8s_openapi::api::core::v1::Pod;
use objects::duration::human;
use objects::{Kind, Status};
use std::io;
use std::sync::Arc;
use store::{Preconditions, StoreError};
use wire::{MemberState, Members, NodeRemoveRequest, ObjectRef, Request, Response};

impl Verbs {
    /// The verbs of a node that has peers.
    #[must_use]
    pub fn with_peers(self, peers: Arc<dyn Peers>) -> Self {
        Self { peers, ..self }
    }

    /// The members of the cluster, as this node sees them.
    pub fn members(&self) -> Members {
        self.peers.members()
    }

    /// The other node that alone can answer a request; `None` where this one can, or says why nobody can.
    pub fn place_of(&self, request: &Request) -> Option<String> {
        match request {
            Request::Logs(logs) => self.node_of_pod(&logs.namespace, &logs.pod),
            Request::Exec(exec) => self.node_of_pod(&exec.namespace, &exec.pod),
            Request::Attach(attach) => self.node_of_pod(&attach.namespace, &attach.pod),
            Request::HostExec(exec) if !exec.pod.is_empty() => self.node_of_pod(&exec.namespace, &exec.pod),
            Request::Copy(copy) => self.node_of_pod(&copy.namespace, &copy.pod),
            Request::Patch(patch) if patch.subresource == "status" && patch.object.kind == Kind::Pod => {
                self.node_of_pod(&patch.object.namespace, &patch.object.name)
            }
            Request::PortForward(forward) => self.node_of_pod(&forward.namespace, &forward.pod),
            Request::Probes(probes) => self.node_of_pod(&probes.namespace, &probes.pod),
            _ => None,
        }
    }

    /// The other node that a pod is bound to; `None` where it is this one, or none.
    pub fn node_of_pod(&self, namespace: &str, pod: &str) -> Option<String> {
        let found = self.store.get(&key(Kind::Pod, namespace, pod))?;
        let node = found.parse::<Pod>().ok()?.spec?.node_name?;
        (!node.is_empty() && node != self.node_name).then_some(node)
    }

    /// Opens a stream to another node's daemon. A node that is known to be gone is not waited for.
    ///
    /// # Errors
    /// 404 for a node that nobody knows, 503 with what is known of one that cannot be reached.
    pub async fn dial(&self, node: &str) -> Result<ByteStream, Status> {
        let members = self.members();
        match members.find(node) {
            None if !self.is_known(node) => Err(Status::not_found(Kind::Node, node)),
            Some(member) if member.is_seen() => {
                self.peers.dial(node).await.map_err(|error| self.unreachable(node, &dial_error(&error)))
            }
            _ => Err(self.unreachable(node, "nothing was sent to it")),
        }
    }

    /// What is said of a node that should have answered and did not: 503, with what is known of it.
    pub fn unreachable(&self, node: &str, why: &str) -> Status {
        let members = self.members();
        let known = match members.find(node) {
            None => "it is no member of the cluster that this node sees".to_owned(),
            Some(member) => {
                let ago = human(members.seconds_since(member));
                match member.state {
                    MemberState::Alive => why.to_owned(),
                    MemberState::Suspect => format!("it was last seen {ago} ago, and {why}"),
                    MemberState::Left => format!("its daemon was stopped {ago} ago"),
                    MemberState::Down | MemberState::Unknown => format!("it was last seen {ago} ago"),
                }
            }
        };
        Status::unavailable(format!("node {node} cannot be reached from node {}: {known}", self.node_name))
    }

    /// Takes a node out of the cluster: its identity counts no more, and its Node and pods are removed, as Kubernetes' `PodGC`
    /// does with the pods of a node that was deleted (`pkg/controller/podgc`, `gcOrphaned`).
    ///
    /// # Errors
    /// 400 for this node itself, 404 for one that nobody knows, 409 for one that is alive, and whatever the denial says.
    pub async fn node_remove(&self, request: NodeRemoveRequest) -> Result<Response, Status> {
        let name = request.name;
        if name == self.node_name {
            let message = format!("node {name} cannot remove itself: ask another node, or run `skiffd reset` on it");
            return Err(Status::bad_request(message));
        }
        let members = self.members();
        match members.find(&name) {
            None if !self.is_known(&name) && self.pods_of(&name).is_empty() => return Err(Status::not_found(Kind::Node, &name)),
            Some(member) if member.is_seen() && !request.force => {
                let why = "it is alive; drain it and stop its daemon first, or use --force";
                return Err(Status::conflict(Kind::Node, &name, why));
            }
            _ => {}
        }
        // First the identity: a node that may still come in would make its Node anew.
        self.peers.remove(&name).await?;
        let pods = self.bury_node(&name).await?;
        Ok(Response::NodeRemoved { node: name, pods })
    }

    /// Removes the Node of a removed node and the objects of its pods; how many pods there were.
    ///
    /// # Errors
    /// The store's. Called again it does the rest.
    pub async fn bury_node(&self, name: &str) -> Result<usize, Status> {
        // Its Node goes after its pods, so that whoever is interrupted can ask again; then what was placed there meanwhile.
        let mut pods = self.remove_pods_of(name).await?;
        self.remove_object(&ObjectRef { kind: Kind::Node, namespace: String::new(), name: name.to_owned() }).await?;
        pods += self.remove_pods_of(name).await?;
        Ok(pods)
    }

    async fn remove_pods_of(&self, node: &str) -> Result<usize, Status> {
        let pods = self.pods_of(node);
        for pod in &pods {
            self.remove_object(pod).await?;
        }
        Ok(pods.len())
    }

    fn pods_of(&self, node: &str) -> Vec<ObjectRef> {
        let reference = |object: &Arc<store::Object>| {
            let key = object.key();
            ObjectRef { kind: Kind::Pod, namespace: key.namespace.clone(), name: key.name.clone() }
        };
        self.store.pods_on(node).iter().map(reference).collect()
    }

    async fn remove_object(&self, object: &ObjectRef) -> Result<(), Status> {
        match self.store.delete(super::key_of(object), Preconditions::default()).await {
            Ok(_) | Err(StoreError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.to_status()),
        }
    }

    /// Whether there is a node of this name; our own is one even before it has told of itself.
    pub(super) fn is_known(&self, node: &str) -> bool {
        node == self.node_name || self.store.get(&key(Kind::Node, "", node)).is_some()
    }
}

fn dial_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => "it did not answer in time".to_owned(),
        _ => crate::errors::chain(error),
    }
}
