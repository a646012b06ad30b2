//! Starts the process of a container; the supervisor's part.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::mount::OpenTreeFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use super::console::{Console, console};
use super::devices::{SharedMemory, host_shared_memory, new_shared_memory};
use super::failure::During;
use super::mounts::clone_tree;
use super::processes::clone_among;
use super::report::{Report, send_failure};
use super::setup::{Inherited, InnerStreams, set_up};
use crate::protocol::{ConsoleMode, ContainerStreams, InputMode, Stage, StartFailure, StartSpec};
use crate::spec::{IpcMode, PidMode, SandboxSpec};
use crate::sys::{CloneFlags, Cloned, exit_now};

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
    /// Where its output comes from.
    pub output: Output,
    /// What it reads, if it reads something that is not its terminal.
    pub input: Option<OwnedFd>,
    /// How the start goes.
    pub report: Report,
}

/// Where a container's output comes from.
#[derive(Debug)]
pub enum Output {
    /// A pipe each; reading does not wait.
    Pipes {
        /// Its standard output.
        stdout: OwnedFd,
        /// Its standard error.
        stderr: OwnedFd,
    },
    /// A terminal, which is there once its program runs.
    Terminal(Console),
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

/// Starts a container's process. Whether it becomes the container is told by its [`Report`]. With `among`, it is in the process ids
/// of the container of that process, which must not have been reaped.
pub fn launch(start: &StartSpec, among: Option<Pid>, shared: &Shared) -> Result<Launched, StartFailure> {
    let spec = &start.container;
    let (output, input, inner) = streams(&start.streams).during(Stage::Output, || "making its streams")?;
    let (report, inner_report) = pipe().during(Stage::Output, || "making a pipe for the report")?;
    let shared_memory = shared.shared_memory().during(Stage::Mounts, || "error setting up /dev/shm")?;
    let cgroup = match &spec.cgroup.v2 {
        Some(dir) => Some(
            open(dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .during(Stage::Cgroup, || format!("opening control group {}", dir.display()))?,
        ),
        None => None,
    };
    let among = among.filter(|_| shared.has_own_pids());
    let has_new_pids = shared.has_own_pids() && among.is_none();
    let flags = if has_new_pids { CloneFlags::MOUNTS.and(CloneFlags::PIDS) } else { CloneFlags::MOUNTS };
    match clone_among(among, flags, cgroup.as_ref().map(AsFd::as_fd))? {
        Cloned::Parent(pid) => {
            Ok(Launched { pid: Pid::from_raw(pid).expect("a child has a pid"), output, input, report: Report::new(report) })
        }
        Cloned::Child => {
            // Whoever holds the other ends sees that they are open as long as the supervisor lives, and no longer.
            drop((output, input, report));
            let inherited = Inherited { streams: inner, shared_memory };
            let failure = set_up(spec, inherited, inner_report.as_fd());
            send_failure(inner_report.as_fd(), &failure);
            exit_now(NOT_EXECUTED)
        }
    }
}

/// Both ends of a container's streams: what the supervisor keeps of its output and its input, and what the container gets.
fn streams(streams: &ContainerStreams) -> io::Result<(Output, Option<OwnedFd>, InnerStreams)> {
    if streams.console == ConsoleMode::Terminal {
        let (console, inner) = console()?;
        return Ok((Output::Terminal(console), None, InnerStreams::Terminal(inner)));
    }
    let ((stdout, inner_stdout), (stderr, inner_stderr)) = (pipe()?, pipe()?);
    let (inner_stdin, stdin) = match streams.input {
        InputMode::Nothing | InputMode::Awaited => (None, None),
        InputMode::Kept | InputMode::Once => {
            let (inner, ours) = pipe_with(PipeFlags::CLOEXEC)?;
            (Some(inner), Some(ours))
        }
    };
    let inner = InnerStreams::Pipes { stdin: inner_stdin, stdout: inner_stdout, stderr: inner_stderr };
    Ok((Output::Pipes { stdout, stderr }, stdin, inner))
}

/// A pipe whose reading end does not wait.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let flags = fcntl_getfl(&reader)?;
    fcntl_setfl(&reader, flags | OFlags::NONBLOCK)?;
    Ok((reader, writer))
}
