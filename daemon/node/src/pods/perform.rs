//! Performs what a pod's machine decided, and answers with what came of it.

use super::observe::{ANSWER_TIMEOUT, SHUTDOWN_TIMEOUT, write_snapshot};
use super::sandbox::{self, ContainerError, ContainerRequest, SandboxStartError};
use super::signal::stop_signal;
use super::volumes;
use super::worker::Worker;
use crate::assemble;
use crate::errors::chain;
use crate::images::Images;
use crate::sources::{self, Reference, Sources};
use control::pod::{Action, ContainerName, EventType, Input, ObjectFate, PodEvent, Signal, StartFailure, keep_foreign};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use runtime::image::ImageRecord;
use runtime::protocol::{ContainerId, StartSpec};
use runtime::sandbox::SandboxError;
use std::collections::BTreeSet;
use std::time::Duration;
use store::{Durability, Preconditions, StoreError};
use tracing::{debug, warn};

/// How long a container's start may take: kubelet's `runtimeRequestTimeout`.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// The first and the longest wait before a release that failed is tried again.
const RELEASE_WAITS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// How often a status is written anew because the object changed meanwhile; the last time whatever it is.
const PUBLISH_TRIES: u32 = 5;

impl Worker {
    /// Performs one action. What it brings about at once is returned; the rest comes as news.
    pub(super) async fn perform(&mut self, action: Action) -> Vec<Input> {
        match action {
            Action::SaveSnapshot => self.save_snapshot(),
            Action::CreateSandbox { sandbox } => return vec![self.create_sandbox(sandbox).await],
            Action::DestroySandbox { sandbox } => return self.destroy_sandbox(sandbox).await,
            Action::EnsureImage { container, image, policy } => return self.ensure_image(container, image, policy),
            Action::StartContainer { container, attempt } => return vec![self.start_container(container, attempt).await],
            Action::Signal { container, attempt, signal } => self.signal(&container, attempt, signal).await,
            Action::RunHook { container, attempt, hook, limit_ms } => return self.run_hook(container, attempt, hook, limit_ms),
            Action::ResizeContainer { container, attempt, resources } => {
                let result = sandbox::resize(&self.machinery, self.machine.pod(), (&container, attempt), &resources).await;
                return vec![Input::Resized { container, attempt, result: result.map_err(|error| chain(&error)) }];
            }
            Action::Observe => return vec![Input::Found(self.find().await)],
            Action::PublishStatus(status) => self.publish(&status).await,
            Action::Event(event) => self.events.report_pod(self.machine.pod(), event),
            Action::ReleaseVolumes => self.release_volumes().await,
            Action::Release { object } => self.release(object).await,
            // The worker keeps the time itself, and begins probes without waiting.
            Action::WakeAt(_) | Action::RunProbe { .. } => {}
        }
        Vec::new()
    }

    fn save_snapshot(&self) {
        // Without it a restarted daemon sees what runs, and forgets back-off and grace: not worth stopping for.
        if let Err(error) = write_snapshot(&self.folders, &self.machine.snapshot()) {
            warn!(pod = self.uid, %error, "cannot keep what is remembered of a pod");
        }
    }

    async fn create_sandbox(&mut self, sandbox: u32) -> Input {
        let pod = self.machine.pod().clone();
        let failed = |message: String| Input::SandboxFailed { sandbox, message };
        let sources = self.sources_of(&sources::of_volumes(&pod)).await;
        match sandbox::start(&self.machinery, (&pod, sources), &self.folders, sandbox).await {
            Ok(started) => {
                self.marks = started.marks;
                self.connection = Some(started.connection);
                Input::SandboxReady { sandbox, ips: self.marks.ips.clone() }
            }
            Err(error) => {
                self.undo_sandbox().await;
                match error {
                    SandboxStartError::Volume(error) => Input::VolumesFailed { sandbox, message: error.to_string() },
                    error => failed(chain(&error)),
                }
            }
        }
    }

    /// Takes the sandbox away. The exits come first; then it is gone.
    async fn destroy_sandbox(&mut self, sandbox: u32) -> Vec<Input> {
        let cleared = self.clear_sandbox().await;
        let mut answers = Vec::new();
        for (id, exit) in self.written_exits() {
            answers.extend(self.exit_input(&id, &exit).await);
        }
        // The files go last: should the daemon die before, the next one finds the exits.
        let removed = cleared.and_then(|()| self.folders.remove_supervisor_files().map_err(|error| chain(&error)));
        answers.push(match removed {
            Ok(()) => Input::SandboxGone { sandbox },
            Err(message) => {
                warn!(pod = self.uid, message, "cannot take a sandbox away; it is tried again");
                Input::SandboxStuck { sandbox, message }
            }
        });
        answers
    }

    /// Ends the supervisor and all processes, and gives back network and control groups.
    pub(super) async fn clear_sandbox(&mut self) -> Result<(), String> {
        if let Some(mut connection) = self.connection.take() {
            match tokio::time::timeout(SHUTDOWN_TIMEOUT, connection.shutdown()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => debug!(pod = self.uid, error = %chain(&error), "the supervisor did not end in peace"),
                Err(_) => warn!(pod = self.uid, "the supervisor does not end"),
            }
        }
        let (machinery, folders, uid) = (self.machinery.clone(), self.folders.clone(), self.uid.clone());
        let cleared = self.machinery.blocking(move || super::sandbox::clear(&machinery, &uid, &folders)).await;
        cleared.map_err(|error| chain(&error))
    }

    /// After a sandbox that could not be made whole.
    async fn undo_sandbox(&mut self) {
        let undone = match self.clear_sandbox().await {
            Ok(()) => self.folders.remove_supervisor_files().map_err(|error| chain(&error)),
            Err(error) => Err(error),
        };
        if let Err(error) = undone {
            // The next try, or the pod's release, removes it.
            warn!(pod = self.uid, error, "cannot remove what was made of a sandbox");
        }
    }

    /// What the pod names of ConfigMaps and Secrets.
    async fn sources_of(&self, references: &BTreeSet<Reference>) -> Sources {
        let namespace = self.machine.pod().metadata.namespace.as_deref().unwrap_or_default();
        Sources::await_all(&self.store, namespace, references).await
    }

    /// The pod's volumes are given what ConfigMaps, Secrets and the pod itself have come to hold.
    pub(super) async fn refresh_volumes(&mut self) {
        let pod = self.machine.pod().clone();
        if self.connection.is_none() || !volumes::are_written(&pod) {
            return;
        }
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let sources = Sources::read(&self.store, namespace, &sources::of_volumes(&pod));
        let (machinery, folders, ips) = (self.machinery.clone(), self.folders.clone(), self.ips());
        let refreshed = self
            .machinery
            .blocking(move || volumes::write(&sandbox::pod_context(&machinery, &folders, &pod, &ips), &sources))
            .await;
        if let Err(error) = refreshed {
            // What was there stays, as with the kubelet.
            let (kind, reason, message) = (EventType::Warning, "FailedMount", error.to_string());
            self.events.report_pod(self.machine.pod(), PodEvent { kind, reason, message, field_path: None });
        }
    }

    async fn start_container(&mut self, name: ContainerName, attempt: u32) -> Input {
        let failed = |reason, message: String| Input::StartFailed {
            container: name.clone(),
            attempt,
            reason,
            message,
            at: Timestamp::now(),
        };
        let Some(container) = self.container(&name) else {
            return failed(StartFailure::CreateContainerConfigError, format!("the pod has no container {name}"));
        };
        let Some(image) = self.image_of(&name, container.image.as_deref()) else {
            return failed(StartFailure::CreateContainerError, "the image was removed".to_owned());
        };
        let (streams, target) = (assemble::streams(self.machine.pod(), &container, attempt), self.target_of(&name));
        let request = ContainerRequest { pod: self.machine.pod().clone(), container, attempt, image, ips: self.ips() };
        let sources = self.sources_of(&sources::of_variables(&request.pod)).await;
        let spec = match sandbox::create_container(&self.machinery, &self.folders, (request, sources)).await {
            Ok(spec) => spec,
            Err(error @ (ContainerError::Config(_) | ContainerError::SubPath(_))) => {
                return failed(StartFailure::CreateContainerConfigError, chain(&error));
            }
            Err(error) => return failed(StartFailure::CreateContainerError, chain(&error)),
        };
        let Some(connection) = self.connection.as_mut() else {
            return failed(StartFailure::CreateContainerError, "the pod's sandbox is gone".to_owned());
        };
        let among = match target {
            None => None,
            Some(target) => match super::inside::running_id(connection, &target).await {
                Some(id) => Some(id),
                None => {
                    let message = format!("unable to find target container {target:?}");
                    return failed(StartFailure::CreateContainerError, message);
                }
            },
        };
        let spec = StartSpec { streams, among, container: spec };
        match tokio::time::timeout(START_TIMEOUT, connection.start_special(spec)).await {
            Ok(Ok(started)) => Input::Started {
                container_id: self.container_id(&name, attempt),
                user: self.user_of(&name, attempt).await,
                at: crate::clock::from_ns(started.started_at),
                container: name,
                attempt,
            },
            Ok(Err(SandboxError::Start(failure))) => failed(StartFailure::RunContainerError, failure.to_string()),
            // The next notice tells what became of the supervisor.
            Ok(Err(error)) => failed(StartFailure::CreateContainerError, chain(&error)),
            Err(_) => failed(StartFailure::CreateContainerError, "context deadline exceeded".to_owned()),
        }
    }

    /// The container whose processes an ephemeral one is to see.
    fn target_of(&self, name: &str) -> Option<String> {
        let ephemeral = self.machine.pod().spec.as_ref()?.ephemeral_containers.as_ref()?;
        let container = ephemeral.iter().find(|container| container.name == name)?;
        container.target_container_name.clone().filter(|target| !target.is_empty())
    }

    /// The image of a container: the one that was ensured, else (after a restart of the daemon) the one of that name.
    pub(super) fn image_of(&mut self, container: &ContainerName, image: Option<&str>) -> Option<ImageRecord> {
        if !self.images.contains_key(container) {
            let reference = Images::parse(image?).ok()?;
            let found = self.machinery.images.find(&reference)?;
            let kept = self.machinery.images.use_image(found)?;
            self.images.insert(container.clone(), kept);
        }
        self.images.get(container).map(|image| image.record.clone())
    }

    async fn signal(&mut self, container: &ContainerName, attempt: u32, signal: Signal) {
        let number = match signal {
            Signal::Kill => nix::sys::signal::Signal::SIGKILL as i32,
            Signal::Stop => {
                let spec = self.container(container).unwrap_or_default();
                let image = self.image_of(container, spec.image.as_deref());
                let own = spec.lifecycle.and_then(|lifecycle| lifecycle.stop_signal);
                stop_signal(own.or_else(|| image?.config.stop_signal).as_deref())
            }
        };
        let id = ContainerId { name: container.to_string(), attempt };
        let Some(connection) = self.connection.as_mut() else { return };
        match tokio::time::timeout(ANSWER_TIMEOUT, connection.signal(&id, number)).await {
            Ok(Ok(())) => debug!(pod = self.uid, %container, attempt, number, "signalled"),
            // It has ended meanwhile: its exit is on the way.
            Ok(Err(SandboxError::Refused(_) | SandboxError::Gone)) => {}
            Ok(Err(error)) => warn!(pod = self.uid, %container, error = %chain(&error), "cannot signal a container"),
            Err(_) => warn!(pod = self.uid, %container, "the supervisor does not take a signal"),
        }
    }

    /// Writes the status. The conditions of others are in the same record and may have changed since the machine saw them.
    async fn publish(&self, status: &PodStatus) {
        let key = self.machinery.key_of(self.machine.pod());
        for tries_left in (0..PUBLISH_TRIES).rev() {
            let Some(stored) = self.store.get(&key) else { return };
            let mut status = status.clone();
            match stored.parse::<Pod>() {
                Ok(stored) => keep_foreign(&mut status, stored.status.as_ref()),
                Err(error) => warn!(pod = self.uid, %error, "a pod in the store cannot be read"),
            }
            let status = match serde_json::to_value(&status) {
                Ok(status) => status,
                Err(error) => return warn!(pod = self.uid, %error, "a status cannot be written"),
            };
            let resource_version = Some(stored.resource_version()).filter(|_| tries_left > 0);
            let only_if = Preconditions { uid: Some(self.uid.clone()), resource_version };
            match self.store.update_status(key.clone(), status, only_if, Durability::Soon).await {
                Err(StoreError::Stale(_)) => {}
                // Gone, or made anew: the next word from the store says so.
                Ok(_) | Err(StoreError::NotFound(_) | StoreError::OtherUid { .. } | StoreError::Closed) => return,
                Err(error) => return warn!(pod = self.uid, error = %chain(&error), "a status was not stored"),
            }
        }
    }

    async fn release_volumes(&self) {
        let folders = self.folders.clone();
        if let Err(error) = self.machinery.blocking(move || folders.remove_volumes()).await {
            // They go with the pod.
            warn!(pod = self.uid, error = %chain(&error), "cannot remove a pod's volumes");
        }
    }

    /// Removes everything and then the object; tries for as long as it takes.
    async fn release(&mut self, object: ObjectFate) {
        let mut wait = RELEASE_WAITS.0;
        self.pulls.abort_all();
        self.runs.abort_all();
        self.machinery.probes.forget(&self.uid);
        self.connection = None;
        while let Err(error) = sandbox::remove(&self.machinery, &self.uid, &self.folders).await {
            warn!(pod = self.uid, error = %chain(&error), "cannot remove what is left of a pod; it is tried again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RELEASE_WAITS.1);
        }
        self.images.clear();
        if object == ObjectFate::AlreadyGone {
            return;
        }
        loop {
            match crate::verbs::finish(&self.store, self.machinery.key_of(self.machine.pod()), &self.uid).await {
                Ok(()) | Err(StoreError::NotFound(_) | StoreError::OtherUid { .. } | StoreError::Closed) => return,
                Err(error) => warn!(pod = self.uid, error = %chain(&error), "cannot remove a pod's object; it is tried again"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RELEASE_WAITS.1);
        }
    }
}
