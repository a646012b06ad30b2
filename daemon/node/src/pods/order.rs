//! What the node itself tells a pod's worker, beside what the store says of the pod.

use control::pod::Input;
use tokio::sync::mpsc;

/// Orders that wait for the task of the pods: each is for one pod, and whoever gives them gives one at a time.
const QUEUE: usize = 256;
/// Orders that wait for one worker.
pub(super) const WORKER_QUEUE: usize = 4;

/// What a pod is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The node is short of something, and it has to go.
    Evict {
        /// What its status says.
        message: String,
        /// Seconds at most.
        grace_seconds: u64,
    },
    /// The machine is being switched off.
    ShutDown {
        /// Seconds at most.
        grace_seconds: u64,
    },
}

/// An order for the pod with this uid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// The pod.
    pub uid: String,
    /// What it is told.
    pub order: Order,
}

/// Where orders are given.
pub type Orders = mpsc::Sender<Ordered>;

/// Both ends of the way of orders.
pub fn orders() -> (Orders, mpsc::Receiver<Ordered>) {
    mpsc::channel(QUEUE)
}

impl Order {
    pub(super) fn to_input(&self) -> Input {
        match self.clone() {
            Self::Evict { message, grace_seconds } => Input::Evicted { message, grace_seconds },
            Self::ShutDown { grace_seconds } => Input::ShuttingDown { grace_seconds },
        }
    }
}
