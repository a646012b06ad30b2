//! The life of one pod on its node, as a machine without clock, files or processes.

mod action;
mod input;
mod name;

pub use action::{Action, EventType, ObjectFate, PodEvent, PullPolicy, Signal};
pub use input::{
    Exit, Found, FoundContainer, FoundSandbox, FoundState, ImageFailure, Input, Pulled, StartFailure,
};
pub use name::ContainerName;

use crate::clock::Now;
use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a machine has to know of the node it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The node's addresses, the primary first: `status.hostIPs`.
    pub ips: Vec<String>,
}

/// Why a node does not take a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// `OutOfcpu`, `NodeAffinity`, …: the status's reason, and the event's.
    pub reason: String,
    /// The sentence.
    pub message: String,
}

/// What a machine remembers beyond what can be seen: write it to tmpfs as it is ([`Action::SaveSnapshot`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {}

/// One pod on its node. See the module.
#[derive(Debug, Clone)]
pub struct PodMachine {
    host: Host,
    pod: Arc<Pod>,
}

impl PodMachine {
    /// A machine for a pod of which nothing is remembered; its last status is read from the object.
    #[must_use]
    pub fn new(host: Host, pod: Arc<Pod>) -> Self {
        Self { host, pod }
    }

    /// A machine that goes on where an earlier one was, after a restart of the daemon.
    #[must_use]
    pub fn restore(host: Host, pod: Arc<Pod>, _snapshot: Snapshot) -> Self {
        Self { host, pod }
    }

    /// What [`PodMachine::restore`] needs.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {}
    }

    /// The object as the machine last saw it.
    #[must_use]
    pub fn pod(&self) -> &Arc<Pod> {
        &self.pod
    }

    /// Whether [`Action::Release`] was given: no input changes anything any more.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.host.ips.is_empty()
    }

    /// Takes one input and says what to do.
    pub fn step(&mut self, _now: Now, input: Input) -> Vec<Action> {
        if let Input::Spec(pod) = input {
            self.pod = pod;
        }
        Vec::new()
    }
}
