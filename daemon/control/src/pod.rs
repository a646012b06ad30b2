//! The life of one pod on its node, as a machine without clock, files or processes.
//!
//! The worker of a pod feeds it with what is wanted and what was seen ([`Input`]), and performs what it answers ([`Action`]). Each
//! input only corrects what is known; then the whole is looked at and what is missing is asked for. So an input that comes twice,
//! late, or in another order does no harm, and one that never comes is looked for after a minute ([`Action::Observe`]).
//!
//! State machines, each drawn in the header of its file: the pod's `life`, the sandbox (`life` too), one a container (`container`) and
//! its stop (`stopping`), one a probe (`probes`). The order of a start is kubelet's (`kuberuntime_manager.go:SyncPod`): sandbox, then
//! for each container in turn (`turns`): image, create, start, hook; an app container that fails holds nobody up.
//!
//! What cannot be seen (back-off, how the instance before ended, a deadline) is the [`Snapshot`]: on tmpfs, so that it survives the
//! daemon but not a reboot; after one, the pod's last status is what is known.

mod action;
mod advance;
mod answers;
mod backoff;
mod conditions;
mod container;
mod ending;
mod found;
mod history;
mod input;
mod life;
mod messages;
mod name;
mod phase;
mod probes;
mod resize;
mod snapshot;
mod spec;
mod status;
mod stopping;
mod turns;
mod wake;

pub use action::{Action, EventType, HookKind, ObjectFate, PodEvent, ProbeKind, PullPolicy, Signal};
pub use conditions::{foreign, keep_foreign};
pub use input::{Exit, Found, FoundContainer, FoundSandbox, FoundState, ImageFailure, Input, ProbeVerdict, Pulled, StartFailure};
pub use name::ContainerName;
pub use resize::NoRoom;
pub use snapshot::Snapshot;

use crate::clock::{BootMs, Now};
use backoff::Backoff;
use container::{Container, Stage};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use life::{Deletion, Life, Sandbox, Verdict};
use probes::Reach;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// The status's reason, and the event's.
    pub reason: RejectReason,
    /// The sentence.
    pub message: String,
}

/// What a node lacks for a pod, as kubelet names it (`pkg/kubelet/lifecycle/predicate.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RejectReason {
    /// Too little cpu is free.
    OutOfCpu,
    /// Too little memory is free.
    OutOfMemory,
    /// Too little storage is free.
    OutOfEphemeralStorage,
    /// It has as many pods as it takes.
    OutOfPods,
    /// The pod's selector or affinity does not match it.
    NodeAffinity,
    /// The pod asks for another node.
    NodeName,
    /// A host port is taken.
    NodePorts,
    /// It has a `NoExecute` taint that the pod does not tolerate.
    TaintToleration,
    /// It is being switched off.
    NodeShutdown,
    /// It is under pressure.
    Evicted,
}

/// The status's reason of a pod that is put out, and of one that is not taken, because the node is short of something.
const EVICTED: &str = "Evicted";

impl RejectReason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::OutOfCpu,
        Self::OutOfMemory,
        Self::OutOfEphemeralStorage,
        Self::OutOfPods,
        Self::NodeAffinity,
        Self::NodeName,
        Self::NodePorts,
        Self::TaintToleration,
        Self::NodeShutdown,
        Self::Evicted,
    ];

    /// As in `status.reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfCpu => "OutOfcpu",
            Self::OutOfMemory => "OutOfmemory",
            Self::OutOfEphemeralStorage => "OutOfephemeral-storage",
            Self::OutOfPods => "OutOfpods",
            Self::NodeAffinity => "NodeAffinity",
            Self::NodeName => "NodeName",
            Self::NodePorts => "NodePorts",
            Self::TaintToleration => "TaintToleration",
            Self::NodeShutdown => "NodeShutdown",
            Self::Evicted => EVICTED,
        }
    }
}

/// One pod on its node. See the module.
#[derive(Debug, Clone)]
pub struct PodMachine {
    host: Host,
    /// What is wanted.
    pod: Arc<Pod>,
    deletion: Deletion,
    /// Whether what there is has been seen.
    sight: Sight,
    life: Life,
    sandbox: Sandbox,
    /// The number of the next sandbox.
    next_sandbox: u32,
    /// The addresses of the newest sandbox.
    ips: Vec<String>,
    containers: Vec<Container>,
    /// By image.
    image_backoff: BTreeMap<String, Backoff>,
    start_time: Option<Timestamp>,
    verdict: Option<Verdict>,
    /// Why the node cannot give what the pod asks for now.
    no_room: Option<NoRoom>,
    /// What was last asked to be kept, shown and woken for.
    saved: Option<Snapshot>,
    published: Option<PodStatus>,
    wake: Option<BootMs>,
    /// When something other than a probe is due.
    turn: Option<BootMs>,
    /// When the last step was.
    stepped: BootMs,
}

/// Whether the machine knows what there is.
#[derive(Debug, Clone)]
enum Sight {
    /// Not yet; what is remembered waits for the first look.
    Blind(Option<Box<Snapshot>>),
    /// It looked last, or asked to, at this time.
    Looked(BootMs),
}

/// What one step gathers.
#[derive(Debug)]
struct Step {
    now: Now,
    actions: Vec<Action>,
    release: Option<ObjectFate>,
}

impl Step {
    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn event(&mut self, event: PodEvent) {
        self.actions.push(Action::Event(event));
    }
}

impl PodMachine {
    /// A machine for a pod of which nothing is remembered; its last status is read from the object.
    #[must_use]
    pub fn new(host: Host, pod: Arc<Pod>) -> Self {
        Self {
            host,
            deletion: ending::deletion_of(&pod),
            sight: Sight::Blind(None),
            life: Life::Active,
            sandbox: Sandbox::Absent,
            next_sandbox: 0,
            ips: Vec::new(),
            containers: Vec::new(),
            image_backoff: BTreeMap::new(),
            start_time: None,
            verdict: None,
            no_room: None,
            saved: None,
            published: pod.status.clone(),
            wake: None,
            turn: None,
            stepped: BootMs(0),
            pod,
        }
    }

    /// A machine that goes on where an earlier one was, after a restart of the daemon.
    #[must_use]
    pub fn restore(host: Host, pod: Arc<Pod>, snapshot: Snapshot) -> Self {
        Self { sight: Sight::Blind(Some(Box::new(snapshot))), ..Self::new(host, pod) }
    }

    /// The object as the machine last saw it.
    #[must_use]
    pub fn pod(&self) -> &Arc<Pod> {
        &self.pod
    }

    /// Whether [`Action::Release`] was given: no input changes anything any more.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.life == Life::Released
    }

    /// Takes one input and says what to do, in this order.
    pub fn step(&mut self, now: Now, input: Input) -> Vec<Action> {
        if self.is_released() {
            return Vec::new();
        }
        self.stepped = now.boot;
        let mut step = Step { now, actions: Vec::new(), release: None };
        let reach = self.take(&mut step, input);
        let is_turn = self.turn.is_some_and(|due| due <= now.boot);
        match (&self.sight, if is_turn { Reach::Pod } else { reach }) {
            (Sight::Blind(_), _) => {}
            (Sight::Looked(_), Reach::Pod) => {
                self.advance(&mut step);
                self.conclude(&mut step);
            }
            // Hundreds of these come each second: they change no status.
            (Sight::Looked(_), Reach::Probes) => {
                self.drive_probes(&mut step);
                self.ask_for_wake(&mut step);
            }
        }
        step.actions
    }

    fn take(&mut self, step: &mut Step, input: Input) -> Reach {
        match input {
            Input::Found(found) => self.found(step, &found),
            Input::Spec(pod) => self.spec_changed(pod),
            Input::Removed => self.deletion = Deletion::Removed,
            Input::PlacedElsewhere { node } => self.placed_elsewhere(step, &node),
            Input::StatusLost => self.published = None,
            Input::Rejected(rejection) => self.rejected(step, rejection),
            Input::SandboxReady { sandbox, ips } => self.sandbox_ready(step, sandbox, ips),
            Input::SandboxFailed { sandbox, message } => self.sandbox_failed(step, sandbox, messages::sandbox_failed(&message)),
            Input::VolumesFailed { sandbox, message } => self.sandbox_failed(step, sandbox, messages::mount_failed(message)),
            Input::SandboxLost { sandbox } => self.sandbox_lost(step, sandbox),
            Input::SandboxGone { sandbox } => self.sandbox_gone(step, sandbox),
            Input::SandboxStuck { sandbox, message } => self.sandbox_stuck(step, sandbox, &message),
            Input::ImagePulling { container, image } => self.image_pulling(step, &container, &image),
            Input::ImageReady { container, image, image_id, pulled } => {
                self.image_ready(step, &container, &image, (image_id, pulled));
            }
            Input::ImageFailed { container, image, reason, message } => {
                self.image_failed(step, &container, &image, (reason, message));
            }
            Input::ImagesChanged => self.images_changed(step),
            Input::Started { container, attempt, container_id, user, at } => {
                self.started(step, &container, attempt, (container_id, at));
                self.note_user(&container, attempt, user);
            }
            Input::StartFailed { container, attempt, reason, message, at } => {
                self.start_failed(step, &container, attempt, (reason, message, at));
            }
            Input::Exited { container, attempt, exit, termination_message } => {
                self.exited(step, &container, attempt, (exit, termination_message));
            }
            Input::HookEnded { container, attempt, hook, result } => self.hook_ended(step, &container, (attempt, hook), result),
            Input::Probed { container, attempt, probe, run, verdict, output } => {
                return self.probed(step, &container, (attempt, probe, run), (verdict, output));
            }
            Input::Resized { container, attempt, result } => self.resized(step, &container, attempt, result),
            Input::Room(no_room) => self.room(step, no_room),
            Input::Tick => {
                // The worker's timer is spent.
                self.wake = None;
                return Reach::Probes;
            }
            Input::ShuttingDown { grace_seconds } => self.shutting_down(step, grace_seconds),
            Input::Evicted { message, grace_seconds } => self.evicted(step, message, grace_seconds),
        }
        Reach::Pod
    }

    /// Adds what every step may end with: the snapshot in front, then status, release, the next wake.
    fn conclude(&mut self, step: &mut Step) {
        let snapshot = self.snapshot();
        let is_kept = self.saved.as_ref().is_some_and(|saved| *saved == snapshot) || snapshot.is_fresh();
        if !is_kept && step.release.is_none() {
            step.actions.insert(0, Action::SaveSnapshot);
            self.saved = Some(snapshot);
        }
        if self.is_ours() {
            let status = self.status(step.now);
            if self.published.as_ref() != Some(&status) {
                self.published = Some(status.clone());
                step.act(Action::PublishStatus(Box::new(status)));
            }
        }
        if let Some(object) = step.release {
            self.life = Life::Released;
            step.act(Action::Release { object });
            return;
        }
        self.turn = self.next_turn(step.now);
        self.ask_for_wake(step);
    }

    fn ask_for_wake(&mut self, step: &mut Step) {
        let wake = [self.turn, self.next_probe()].into_iter().flatten().min();
        if wake.is_some() && wake != self.wake {
            self.wake = wake;
            step.actions.extend(wake.map(Action::WakeAt));
        }
    }

    fn spec_changed(&mut self, pod: Arc<Pod>) {
        if pod.metadata.uid != self.pod.metadata.uid {
            // Another pod of the same name: ours is gone.
            self.deletion = Deletion::Removed;
            return;
        }
        if self.is_ours() {
            self.deletion = ending::deletion_of(&pod);
        }
        let old = std::mem::replace(&mut self.pod, pod);
        self.add_missing_containers();
        self.drop_waits_for_other_images(&old);
    }

    fn index_of(&self, name: &ContainerName) -> Option<usize> {
        self.containers.iter().position(|container| container.name == *name)
    }

    fn set_stage(&mut self, index: usize, stage: Stage) {
        self.containers[index].stage = stage;
    }
}

#[cfg(test)]
mod tests;
