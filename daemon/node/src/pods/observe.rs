//! What there is of a pod on this machine: its supervisor, its containers, the exits that are written, what was remembered.

use super::folders::Folders;
use super::worker::Worker;
use crate::clock::from_ns;
use control::pod::{self, ContainerName, Found, FoundContainer, FoundSandbox, FoundState, Input, Snapshot};
use k8s_openapi::api::core::v1::{ContainerUser, LinuxContainerUser};
use runtime::protocol::{ContainerId, RunState};
use runtime::sandbox::{self, SupervisorConnection, SupervisorId};
use runtime::spec::Exit;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tracing::warn;

/// A supervisor answers within microseconds; one that does not in this time hangs.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one is waited for that is told to end: it gives who is attached ten seconds to take what its containers wrote last.
pub(super) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(15);

/// Name of the file with the machine's [`Snapshot`].
const SNAPSHOT_FILE: &str = "machine.json";
/// Name of the file with the [`PodMarks`].
const MARKS_FILE: &str = "sandbox.json";

/// Which sandbox the run folder is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodMarks {
    /// The sandbox's number.
    pub sandbox: u32,
    /// The pod's addresses; none with the node's network.
    pub ips: Vec<String>,
}

impl PodMarks {
    /// What the pod's run folder says; the default where there is none.
    pub fn read(folders: &Folders) -> Self {
        let text = std::fs::read(folders.run_dir.join(MARKS_FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Writes them down.
    ///
    /// # Errors
    /// Of the file system.
    pub fn write(&self, folders: &Folders) -> std::io::Result<()> {
        write_whole(folders, MARKS_FILE, &serde_json::to_vec(self)?)
    }
}

/// What an earlier daemon's machine remembered; nothing after a reboot, and where it cannot be read.
pub fn read_snapshot(folders: &Folders) -> Option<Snapshot> {
    let path = folders.run_dir.join(SNAPSHOT_FILE);
    let text = std::fs::read(&path).ok()?;
    match serde_json::from_slice(&text) {
        Ok(snapshot) => Some(snapshot),
        Err(error) => {
            warn!(path = %path.display(), %error, "what is remembered of a pod cannot be read; it is seen anew");
            None
        }
    }
}

/// Keeps what the machine remembers.
///
/// # Errors
/// Of the file system.
pub fn write_snapshot(folders: &Folders, snapshot: &Snapshot) -> std::io::Result<()> {
    write_whole(folders, SNAPSHOT_FILE, &serde_json::to_vec(snapshot)?)
}

/// On a tmpfs: whole or not at all, and gone with a reboot, as what it is about.
fn write_whole(folders: &Folders, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let path = folders.run_dir.join(name);
    let unfinished = path.with_extension("json.tmp");
    if let Err(error) = std::fs::write(&unfinished, bytes) {
        if error.kind() != std::io::ErrorKind::NotFound {
            return Err(error);
        }
        std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&folders.run_dir)?;
        std::fs::write(&unfinished, bytes)?;
    }
    std::fs::rename(&unfinished, &path)
}

impl Worker {
    /// Looks at what there is, connecting to the supervisor where that is needed.
    pub(super) async fn find(&mut self) -> Found {
        if self.connection.is_none() {
            self.connect().await;
        }
        let states = match self.connection.as_mut() {
            Some(connection) => tokio::time::timeout(ANSWER_TIMEOUT, connection.status()).await.ok().and_then(Result::ok),
            None => None,
        };
        let exits = sandbox::read_exits(&self.folders.run_dir).unwrap_or_default();
        let sandbox = self.marks.sandbox;
        let state = match (&states, self.has_run_folder()) {
            // The node was given another range while no daemon looked: the pod is cut off.
            (Some(_), _) if !self.has_address_of_range() || self.lacks_address() => FoundSandbox::Dead { sandbox },
            (Some(_), _) => FoundSandbox::Alive { sandbox, ips: self.marks.ips.clone() },
            (None, true) => {
                self.connection = None;
                FoundSandbox::Dead { sandbox }
            }
            (None, false) => FoundSandbox::Absent,
        };
        let mut containers: Vec<FoundContainer> = Vec::new();
        for (id, exit) in exits {
            containers.push(self.found_exit(&id, &exit).await);
        }
        for one in states.into_iter().flatten() {
            let (name, attempt) = (one.container.name.as_str(), one.container.attempt);
            containers.retain(|known| !(known.attempt == attempt && &*known.container == name));
            let found = match one.state {
                RunState::Exited(exit) => self.found_exit(&one.container, &exit).await,
                RunState::Starting => self.found(&one.container, FoundState::Starting),
                RunState::Running(started) => {
                    let found = self.found(&one.container, FoundState::Running { started_at: from_ns(started.started_at) });
                    let is_known = self.machine.knows_user(name, attempt);
                    let user = if is_known { None } else { self.user_of(name, attempt).await };
                    FoundContainer { user, ..found }
                }
            };
            containers.push(found);
        }
        Found { sandbox: state, containers }
    }

    /// Whether a pod that should have an address of its own has none: an earlier daemon was killed before it wrote it down.
    fn lacks_address(&self) -> bool {
        self.marks.ips.is_empty() && !super::sandbox::is_host_network(self.machine.pod())
    }

    async fn connect(&mut self) {
        let is_alive = SupervisorId::read(&self.folders.run_dir.join(sandbox::PID_FILE)).is_ok_and(SupervisorId::is_alive);
        if !is_alive {
            return;
        }
        match tokio::time::timeout(ANSWER_TIMEOUT, SupervisorConnection::connect(&self.folders.run_dir)).await {
            Ok(Ok(connection)) => self.connection = Some(connection),
            Ok(Err(error)) => {
                warn!(pod = self.uid, error = %crate::errors::chain(&error), "a supervisor lives and does not listen")
            }
            Err(_) => warn!(pod = self.uid, "a supervisor lives and does not answer"),
        }
    }

    /// Something of a sandbox is left: its supervisor's pid file is the first it writes and the last that goes.
    fn has_run_folder(&self) -> bool {
        self.folders.run_dir.join(sandbox::ERROR_FILE).exists() || self.folders.run_dir.join(sandbox::PID_FILE).exists()
    }

    fn found(&self, id: &ContainerId, state: FoundState) -> FoundContainer {
        let container_id = self.container_id(&id.name, id.attempt);
        FoundContainer { container: ContainerName::from(id.name.as_str()), attempt: id.attempt, container_id, user: None, state }
    }

    /// Who a container's program was started as, where its supervisor knows.
    pub(super) async fn user_of(&mut self, name: &str, attempt: u32) -> Option<ContainerUser> {
        let id = ContainerId { name: name.to_owned(), attempt };
        let connection = self.connection.as_mut()?;
        let credentials = tokio::time::timeout(ANSWER_TIMEOUT, connection.credentials(&id)).await.ok()?.ok()?;
        let linux = LinuxContainerUser {
            uid: credentials.uid.into(),
            gid: credentials.gid.into(),
            supplemental_groups: Some(credentials.groups.into_iter().map(i64::from).collect()),
        };
        Some(ContainerUser { linux: Some(linux) })
    }

    async fn found_exit(&mut self, id: &ContainerId, exit: &Exit) -> FoundContainer {
        self.told.insert(id.clone());
        let termination_message = self.termination_message(id, exit.code).await;
        self.found(id, FoundState::Exited { exit: to_exit(exit), termination_message })
    }

    /// Unique on the node; its last part names the log.
    pub(super) fn container_id(&self, name: &str, attempt: u32) -> String {
        format!("{}/{name}/{attempt}", self.uid)
    }

    /// Tells the machine of an exit, once, and cleans up after the container.
    pub(super) async fn exited(&mut self, id: ContainerId, exit: Exit) {
        if let Some(input) = self.exit_input(&id, &exit).await {
            self.step(input).await;
            let pod = self.machine.pod().clone();
            super::sandbox::clean_container(&self.machinery, &self.folders, &pod, &id.name, id.attempt).await;
        }
    }

    /// What the machine is to be told of an exit; `None` where it was told already.
    pub(super) async fn exit_input(&mut self, id: &ContainerId, exit: &Exit) -> Option<Input> {
        if !self.told.insert(id.clone()) {
            return None;
        }
        Some(Input::Exited {
            container: ContainerName::from(id.name.as_str()),
            attempt: id.attempt,
            exit: to_exit(exit),
            termination_message: self.termination_message(id, exit.code).await,
        })
    }

    /// Every exit that is written in the pod's run folder.
    pub(super) fn written_exits(&self) -> Vec<(ContainerId, Exit)> {
        sandbox::read_exits(&self.folders.run_dir).unwrap_or_default()
    }

    async fn termination_message(&self, id: &ContainerId, exit_code: i32) -> Option<String> {
        let container = self.container(&id.name)?;
        let own = self.folders.pod_dir.join("containers").join(&id.name).join(id.attempt.to_string());
        let log = self.folders.log_dir.join(&id.name).join(format!("{}.log", id.attempt));
        self.machinery
            .blocking(move || super::termination::message(&container, exit_code, &own.join("termination-log"), &log))
            .await
    }
}

fn to_exit(exit: &Exit) -> pod::Exit {
    pod::Exit {
        code: exit.code,
        signal: exit.signal,
        oom_killed: exit.oom_killed,
        started_at: from_ns(exit.started_at),
        finished_at: from_ns(exit.finished_at),
    }
}
