//! One pod: a task that feeds the pod's machine with what happens and performs what it decides.
//!
//! ```text
//! store ──wanted──▶ ┌────────┐ ──inputs──▶ ┌─────────┐
//! supervisor ─notice▶│ worker │             │ machine │
//! pulls, timer ────▶ └────────┘ ◀──actions── └─────────┘
//! ```
//!
//! Nothing else touches the pod. Actions are performed one after the other; only pulls, which take minutes, run beside. The
//! pod's next deadline is one timer, in the run time's own queue of timers.

use super::folders::Folders;
use super::machinery::Machinery;
use super::observe::PodMarks;
use super::order::Order;
use super::runs::{HookRun, HookState};
use super::volumes;
use crate::clock;
use crate::events::Recorder;
use crate::images::InUse;
use control::clock::BootMs;
use control::pod::{Action, ContainerName, Host, Input, NoRoom, PodMachine, Pulled, Rejection};
use k8s_openapi::api::core::v1::{Container, Pod};
use objects::ephemeral::as_container;
use runtime::protocol::{ContainerId, Notice};
use runtime::sandbox::{SandboxError, SupervisorConnection};
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use store::Store;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

/// What is wanted of a pod: the newest word counts.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// The object as it is, and why the node has no room for what it asks for now, if it has none.
    Spec(Arc<Pod>, Option<NoRoom>),
    /// It is another node's.
    Elsewhere(String),
    /// It is gone.
    Removed,
}

/// The state of a pod's worker. See the module.
pub struct Worker {
    pub(super) machinery: Arc<Machinery>,
    pub(super) store: Store,
    pub(super) events: Recorder,
    pub(super) folders: Folders,
    pub(super) uid: String,
    pub(super) machine: PodMachine,
    /// To the pod's supervisor, while there is one.
    pub(super) connection: Option<SupervisorConnection>,
    /// The number and addresses of the newest sandbox.
    pub(super) marks: PodMarks,
    /// The image of each container: kept from being removed.
    pub(super) images: HashMap<ContainerName, InUse>,
    /// Pulls under way.
    pub(super) pulls: JoinSet<PullEnd>,
    /// Which containers have one.
    pub(super) pulling: HashSet<(ContainerName, String)>,
    /// Probes and hooks under way: each ends with what the machine is to be told.
    pub(super) runs: JoinSet<Input>,
    /// What became of the hooks of the newest instances.
    pub(super) hooks: HashMap<HookRun, HookState>,
    /// Exits that the machine was told of.
    pub(super) told: HashSet<ContainerId>,
    rejection: Option<Rejection>,
    wake: Option<BootMs>,
    is_done: bool,
}

/// How a pull ended.
pub(super) struct PullEnd {
    /// For which container it was.
    pub(super) container: ContainerName,
    /// As the pod names it.
    pub(super) image: String,
    /// The image, kept, and what it took; or the registry's answer.
    pub(super) result: Result<(InUse, Pulled), String>,
}

impl Worker {
    /// A worker for a pod that is bound to this node. A rejection is for a pod that was never here: the node does not take it.
    pub fn new(machinery: Arc<Machinery>, store: Store, events: Recorder, pod: Arc<Pod>, rejection: Option<Rejection>) -> Self {
        let folders = machinery.folders(&pod);
        let uid = super::sandbox::uid_of(&pod).to_owned();
        let host = Host { ips: vec![machinery.host_ip.to_string()] };
        let machine = match super::observe::read_snapshot(&folders) {
            Some(snapshot) => PodMachine::restore(host, pod, snapshot),
            None => PodMachine::new(host, pod),
        };
        Self {
            marks: PodMarks::read(&folders),
            machinery,
            store,
            events,
            folders,
            uid,
            machine,
            connection: None,
            images: HashMap::new(),
            pulls: JoinSet::new(),
            pulling: HashSet::new(),
            runs: JoinSet::new(),
            hooks: HashMap::new(),
            told: HashSet::new(),
            rejection,
            wake: None,
            is_done: false,
        }
    }

    /// Works until the machine has released the pod, or the daemon ends; then the pod lives on without it.
    pub async fn run(
        mut self,
        mut wanted: watch::Receiver<Wanted>,
        mut orders: mpsc::Receiver<Order>,
        mut shutdown: crate::shutdown::Shutdown,
    ) {
        let mut image_changes = self.machinery.images.changes();
        let mut ranges = self.machinery.pod_cidr.clone();
        let mut sources = self.machinery.sources.clone();
        // What changed while no daemon ran is looked at first.
        sources.mark_changed();
        self.hold_images();
        let first = match self.rejection.take() {
            Some(rejection) => Input::Rejected(rejection),
            None => Input::Found(self.find().await),
        };
        self.step(first).await;
        // What was wanted when this worker was made is in the machine already, unless it changed meanwhile.
        while !self.is_done {
            // Every arm only waits; what came is worked on after the select. Notices stay in the connection, the newest word
            // stays in the watch, a finished pull stays in the set, so none is lost when another arm wins.
            let news = tokio::select! {
                biased;
                () = shutdown.wait() => return,
                notice = next_notice(&mut self.connection) => News::Notice(notice),
                changed = wanted.changed() => News::Wanted(changed.is_ok().then(|| wanted.borrow_and_update().clone())),
                Some(order) = orders.recv() => News::Order(order),
                Some(pull) = self.pulls.join_next(), if !self.pulls.is_empty() => News::Pull(pull.map(Box::new)),
                Some(run) = self.runs.join_next(), if !self.runs.is_empty() => News::Run(run.map(Box::new)),
                Ok(()) = image_changes.changed() => News::ImagesChanged,
                Ok(()) = ranges.changed() => News::RangeChanged,
                Ok(()) = sources.changed() => News::SourcesChanged,
                () = clock::sleep_until(self.wake) => News::Wake,
            };
            self.handle(news).await;
        }
        debug!(pod = self.uid, "the pod is released");
    }

    /// After a restart of the daemon: the images of containers that were started are in use. A status that was written in the
    /// last moments may be lost, so a container that it does not tell of keeps the image that the pod names.
    fn hold_images(&mut self) {
        let pod = self.machine.pod().clone();
        let statuses = pod.status.iter().flat_map(|status| {
            let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
            lists.into_iter().flatten().flatten()
        });
        for container in statuses.filter(|container| !container.image_id.is_empty()) {
            let found = self.machinery.images.find_id(&container.image_id);
            if let Some(image) = found.and_then(|record| self.machinery.images.use_image(record)) {
                self.images.insert(ContainerName::from(container.name.as_str()), image);
            }
        }
        if !self.folders.run_dir.is_dir() {
            return;
        }
        let spec = pod.spec.clone().unwrap_or_default();
        let init = spec.init_containers.into_iter().flatten();
        let ephemeral = spec.ephemeral_containers.iter().flatten().map(as_container);
        for container in init.chain(spec.containers).chain(ephemeral) {
            self.image_of(&ContainerName::from(container.name.as_str()), container.image.as_deref());
        }
    }

    async fn handle(&mut self, news: News) {
        match news {
            News::Notice(Ok(Notice::Exited { container, exit })) => self.exited(container, exit).await,
            // Programs that run beside a container have connections of their own.
            News::Notice(Ok(Notice::ExecEnded { .. } | Notice::Detached)) => {}
            News::Notice(Err(SandboxError::Gone)) => self.lost().await,
            News::Notice(Err(error)) => {
                warn!(pod = self.uid, error = %crate::errors::chain(&error), "the connection to the supervisor broke");
                self.connection = None;
                let found = self.find().await;
                self.step(Input::Found(found)).await;
            }
            News::Wanted(Some(Wanted::Spec(pod, no_room))) => {
                let is_lost = self.is_status_of_another(&pod);
                self.step(Input::Room(no_room)).await;
                let is_other = volumes::is_shown_otherwise(self.machine.pod(), &pod);
                self.step(Input::Spec(pod)).await;
                if is_other {
                    self.refresh_volumes().await;
                }
                if is_lost {
                    self.step(Input::StatusLost).await;
                }
            }
            News::Wanted(Some(Wanted::Elsewhere(node))) => self.step(Input::PlacedElsewhere { node }).await,
            News::Wanted(Some(Wanted::Removed)) => self.step(Input::Removed).await,
            // The manager is gone: the daemon is ending.
            News::Wanted(None) => self.is_done = true,
            News::Order(order) => self.step(order.to_input()).await,
            News::Run(Ok(input)) => self.run_ended(*input).await,
            News::Run(Err(error)) => warn!(pod = self.uid, %error, "a probe or hook was lost"),
            News::Pull(Ok(end)) => self.pulled(*end).await,
            News::Pull(Err(error)) => warn!(pod = self.uid, %error, "a pull was lost"),
            News::ImagesChanged => self.step(Input::ImagesChanged).await,
            News::RangeChanged => self.leave_range().await,
            News::SourcesChanged => self.refresh_volumes().await,
            News::Wake => {
                self.wake = None;
                self.step(Input::Tick).await;
            }
        }
    }

    fn is_status_of_another(&self, pod: &Pod) -> bool {
        super::is_status_of_another(pod, &self.machinery)
    }

    /// The supervisor ended without being asked to: its containers ended with it.
    async fn lost(&mut self) {
        info!(pod = self.uid, "the pod's supervisor is gone");
        self.connection = None;
        // A process that cleared its parent's death signal may still run.
        let (machinery, uid) = (self.machinery.clone(), self.uid.clone());
        let killed = self.machinery.blocking(move || machinery.cgroups.kill(&uid)).await;
        if let Err(error) = killed {
            warn!(pod = self.uid, error = %crate::errors::chain(&error), "cannot kill what is left of the pod");
        }
        for (id, exit) in self.written_exits() {
            self.exited(id, exit).await;
        }
        let sandbox = self.marks.sandbox;
        self.step(Input::SandboxLost { sandbox }).await;
    }

    /// This node's pods have addresses of another range now. A sandbox with an old one is cut off: it is taken away, and the
    /// machine makes another, as for every sandbox that is lost.
    async fn leave_range(&mut self) {
        if self.has_address_of_range() {
            return;
        }
        info!(pod = self.uid, "the pod's address is of a range that this node has no more");
        if let Err(error) = self.clear_sandbox().await {
            warn!(pod = self.uid, error, "cannot take a sandbox away; the machine has it tried again");
        }
        for (id, exit) in self.written_exits() {
            self.exited(id, exit).await;
        }
        let sandbox = self.marks.sandbox;
        self.step(Input::SandboxLost { sandbox }).await;
    }

    /// Whether the newest sandbox's addresses are of this node's range. With the node's own network it has none.
    pub(super) fn has_address_of_range(&self) -> bool {
        let cidr = self.machinery.network.cidr();
        self.marks.ips.iter().filter_map(|ip| ip.parse().ok()).all(|ip| cidr.contains(ip))
    }

    /// Feeds one input, and whatever its actions bring about, until nothing is left to do.
    pub(super) async fn step(&mut self, input: Input) {
        let mut actions = VecDeque::from(self.machine.step(clock::now(), input));
        while let Some(action) = actions.pop_front() {
            let action = match action {
                Action::WakeAt(at) => {
                    self.wake = Some(at);
                    continue;
                }
                // Hundreds of these come each second, and they wait for nothing.
                Action::RunProbe { container, attempt, probe, run } => {
                    let result = self.run_probe(container, attempt, probe, run);
                    actions.extend(result.into_iter().flat_map(|result| self.machine.step(clock::now(), result)));
                    continue;
                }
                action => action,
            };
            let is_release = matches!(action, Action::Release { .. });
            // Large, and most of the time not there: on the heap.
            let answers = Box::pin(self.perform(action)).await;
            if is_release {
                self.is_done = true;
                return;
            }
            for answer in answers {
                actions.extend(self.machine.step(clock::now(), answer));
            }
        }
    }

    /// The container of this name, in the pod as the machine knows it.
    pub(super) fn container(&self, name: &str) -> Option<Container> {
        let spec = self.machine.pod().spec.as_ref()?;
        let init = spec.init_containers.as_deref().unwrap_or_default();
        let own = spec.containers.iter().chain(init).find(|container| container.name == name).cloned();
        own.or_else(|| spec.ephemeral_containers.iter().flatten().find(|container| container.name == name).map(as_container))
    }

    /// The pod's addresses.
    pub(super) fn ips(&self) -> Vec<IpAddr> {
        let own: Vec<IpAddr> = self.marks.ips.iter().filter_map(|ip| ip.parse().ok()).collect();
        if own.is_empty() { vec![self.machinery.host_ip] } else { own }
    }
}

enum News {
    Notice(Result<Notice, SandboxError>),
    Wanted(Option<Wanted>),
    Order(Order),
    Pull(Result<Box<PullEnd>, tokio::task::JoinError>),
    Run(Result<Box<Input>, tokio::task::JoinError>),
    ImagesChanged,
    RangeChanged,
    SourcesChanged,
    Wake,
}

async fn next_notice(connection: &mut Option<SupervisorConnection>) -> Result<Notice, SandboxError> {
    match connection {
        Some(connection) => connection.next_notice().await,
        None => std::future::pending().await,
    }
}
