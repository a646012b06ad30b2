//! Starts the process of a container; the supervisor's part.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::mount::OpenTreeFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use super::devices::{SharedMemory, host_shared_memory, new_shared_memory};
use super::failure::During;
use super::mounts::clone_tree;
use super::report::{Report, send_failure};
use super::setup::{Inherited, set_up};
use crate::protocol::{Stage, StartFailure};
use crate::spec::{ContainerSpec, IpcMode, PidMode, SandboxSpec};
use crate::sys::{CloneFlags, Cloned, clone, exit_now};

/// The exit code of a process that did not get as far as its program. Nobody but the supervisor sees it.
pub(super) const NOT_EXECUTED: i32 = 125;

/// What the containers of a sandbox share, in the supervisor's hands.
#[derive(Debug)]
pub struct Shared {
    pid: PidMode,
    ipc: IpcMode,
    shm_bytes: u64,
    /// `/dev/shm`, not attached anywhere.
    shm: Option<OwnedFd>,
}

/// A process that is on its way to become a container.
#[derive(Debug)]
pub struct Launched {
    /// In this pid namespace.
    pub pid: Pid,
    /// Its standard output; reading does not wait.
    pub stdout: OwnedFd,
    /// Its standard error; reading does not wait.
    pub stderr: OwnedFd,
    /// How the start goes.
    pub report: Report,
}

impl Shared {
    /// Makes what the containers of this sandbox share.
    pub fn new(sandbox: &SandboxSpec) -> io::Result<Shared> {
        let shm = match sandbox.ipc {
            IpcMode::Sandbox => Some(new_shared_memory(sandbox.shm_bytes)?),
            IpcMode::Host => None,
        };
        Ok(Shared { pid: sandbox.pid, ipc: sandbox.ipc, shm_bytes: sandbox.shm_bytes, shm })
    }

    /// Whether the end of a container's first process ends the others by itself.
    pub fn has_own_pids(&self) -> bool {
        self.pid == PidMode::Container
    }

    fn shared_memory(&self) -> io::Result<SharedMemory> {
        match (self.ipc, &self.shm) {
            (IpcMode::Host, _) => host_shared_memory().map(SharedMemory::Mount),
            (IpcMode::Sandbox, Some(shm)) => {
                Ok(clone_tree(shm.as_fd(), OpenTreeFlags::empty()).map_or(SharedMemory::Own(self.shm_bytes), SharedMemory::Mount))
            }
            (IpcMode::Sandbox, None) => Ok(SharedMemory::Own(self.shm_bytes)),
        }
    }
}

/// Starts a container's process. Whether it becomes the container is told by its [`Report`].
pub fn launch(spec: &ContainerSpec, shared: &Shared) -> Result<Launched, StartFailure> {
    let output = |name: &'static str| move || format!("making a pipe for {name}");
    let (stdout, inner_stdout) = pipe().during(Stage::Output, output("standard output"))?;
    let (stderr, inner_stderr) = pipe().during(Stage::Output, output("standard error"))?;
    let (report, inner_report) = pipe().during(Stage::Output, output("the report"))?;
    let shared_memory = shared.shared_memory().during(Stage::Mounts, || "error setting up /dev/shm")?;
    let cgroup = match &spec.cgroup.v2 {
        Some(dir) => Some(
            open(dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .during(Stage::Cgroup, || format!("opening control group {}", dir.display()))?,
        ),
        None => None,
    };
    let flags = if shared.has_own_pids() { CloneFlags::MOUNTS.and(CloneFlags::PIDS) } else { CloneFlags::MOUNTS };
    match clone(flags, cgroup.as_ref().map(AsFd::as_fd)).during(Stage::Clone, || "making a process")? {
        Cloned::Parent(pid) => {
            Ok(Launched { pid: Pid::from_raw(pid).expect("a child has a pid"), stdout, stderr, report: Report::new(report) })
        }
        Cloned::Child => {
            // Whoever holds the other ends sees that they are open as long as the supervisor lives, and no longer.
            drop((stdout, stderr, report));
            let inherited = Inherited { stdout: inner_stdout, stderr: inner_stderr, shared_memory };
            let failure = set_up(spec, inherited, inner_report.as_fd());
            send_failure(inner_report.as_fd(), &failure);
            exit_now(NOT_EXECUTED)
        }
    }
}

/// A pipe whose reading end does not wait.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let flags = fcntl_getfl(&reader)?;
    fcntl_setfl(&reader, flags | OFlags::NONBLOCK)?;
    Ok((reader, writer))
}
