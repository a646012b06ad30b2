//! What a user can ask of this node, whatever the transport: one place for every verb.

mod admit;
mod cluster;
mod credentials;
mod delete;
mod exec;
mod history;
mod images;
pub mod leases;
mod logs;
mod patch;
mod placement;
mod probes;
mod read;
mod telemetry;
mod usage;
mod write;

#[cfg(test)]
mod tests;

pub use delete::{finish, is_due};
pub use exec::not_running;
pub use logs::LogChunks;
pub use patch::{Patch, Said};
pub use read::{Seen, WatchSource};

use crate::cluster::trust::{Keys, Trust, wall_ms};
use crate::images::Images;
use crate::peers::{Alone, Peers};
use crate::renderings::Renderings;
use crate::streams::Containers;
use crate::telemetry::Telemetry;
use objects::{Kind, Status};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use store::{Key, Store};
use tokio::sync::watch;
use wire::ObjectRef;

/// The verbs, over one store.
pub struct Verbs {
    node_name: String,
    store: Store,
    images: Images,
    logs_dir: PathBuf,
    peers: Arc<dyn Peers>,
    /// What runs here; `None` in a daemon that runs no pods.
    containers: Option<Arc<dyn Containers>>,
    /// What was answered.
    telemetry: Telemetry,
    /// What those who watch were sent last.
    renderings: Arc<Renderings>,
    /// The cluster's keys, and where clients of other machines come in; `None` in a daemon without either.
    door: Option<Door>,
}

/// Whom this node lets in, and where.
struct Door {
    trust: Trust,
    listen: Option<SocketAddr>,
}

impl Verbs {
    /// The verbs of this node, which is alone at first; `logs_dir` is where its pods' logs are.
    pub fn new(node_name: String, store: Store, images: Images, logs_dir: PathBuf) -> Self {
        let peers = Arc::new(Alone::new(&node_name));
        let (telemetry, renderings) = (Telemetry::default(), Arc::default());
        Self { node_name, store, images, logs_dir, peers, containers: None, telemetry, renderings, door: None }
    }

    /// The verbs of a node that runs pods.
    #[must_use]
    pub fn with_containers(self, containers: Arc<dyn Containers>) -> Self {
        Self { containers: Some(containers), ..self }
    }

    /// The verbs of a node that lets clients in: by keys of the cluster, and at this address.
    #[must_use]
    pub fn with_door(self, trust: Trust, listen: Option<SocketAddr>) -> Self {
        Self { door: Some(Door { trust, listen }), ..self }
    }

    /// The cluster's keys of now.
    pub fn keys(&self) -> Option<Keys> {
        self.door.as_ref().map(|door| door.trust.keys())
    }

    /// The cluster's keys, as they change.
    pub fn watch_keys(&self) -> Option<watch::Receiver<Keys>> {
        self.door.as_ref().map(|door| door.trust.watch())
    }

    /// The certificates of the authorities that the cluster's API is known by, as PEM.
    pub fn authorities(&self) -> Option<String> {
        self.keys().map(|keys| pki::authorities_pem(&keys.bundle, wall_ms()))
    }

    /// Where it is counted what was answered.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// What those who watch over HTTP were sent last.
    pub fn renderings(&self) -> &Arc<Renderings> {
        &self.renderings
    }

    /// The node's name.
    pub fn node_name(&self) -> &str {
        &self.node_name
    }

    /// Which database this is: a version of another one cannot be resumed.
    pub fn epoch(&self) -> String {
        self.store.epoch().to_string()
    }
}

/// An object's key; kinds without namespaces have none, whatever was asked.
fn key(kind: Kind, namespace: &str, name: &str) -> Key {
    let namespace = if kind.is_namespaced() { namespace } else { "" };
    Key { kind, namespace: namespace.to_owned(), name: name.to_owned() }
}

fn key_of(object: &ObjectRef) -> Key {
    key(object.kind, &object.namespace, &object.name)
}

/// What is stored passed admission, so this is our fault.
fn unreadable(error: &serde_json::Error) -> Status {
    Status::internal(format!("a stored object cannot be read: {error}"))
}
