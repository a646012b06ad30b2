//! A further program in a container that runs: the supervisor's part, and the new process's way in.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, ioctl_tiocsctty, umask};
use rustix::thread::LinkNameSpaceType;

use super::execute::execute_program;
use super::failure::{During, failure};
use super::launch::{NOT_EXECUTED, Shared, pipe};
use super::processes::{clone_among, enter, namespace_of};
use super::report::{Report, send_failure};
use super::resolve::Root;
use super::setup::{enter_working_directory, leave_supervisor, set_no_input, set_output};
use super::user::{Identity, identify};
use crate::protocol::{ExecSpec, ExecStreams, Stage, StartFailure};
use crate::sys::{CloneFlags, Cloned, exit_now, unblock_signals};

/// A process that is on its way into a container.
#[derive(Debug)]
pub struct Joined {
    /// In the supervisor's pid namespace.
    pub pid: Pid,
    /// How the start goes.
    pub report: Report,
}

/// The namespaces of a container that a new process enters by itself; network, IPC and host name are the supervisor's own.
struct Namespaces {
    mount: OwnedFd,
    cgroup: OwnedFd,
}

/// Starts a process in the container whose first process is `container`, with the descriptors that `spec.streams` tells of. Whether its
/// program runs is told by its [`Report`]. The container must not have been reaped: nobody else may have its pid.
pub fn join(container: Pid, spec: &ExecSpec, streams: &[OwnedFd], shared: &Shared) -> Result<Joined, StartFailure> {
    if spec.process.argv.first().is_none_or(String::is_empty) {
        return Err(failure(Stage::Spec, "exec", &io::Error::other("no command was given")));
    }
    let namespaces = Namespaces { mount: namespace_of(container, "mnt")?, cgroup: namespace_of(container, "cgroup")? };
    let (report, inner_report) = pipe().during(Stage::Output, || "making a pipe for the report")?;
    let cgroup = match &spec.process.cgroup.v2 {
        Some(dir) => Some(
            open(dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .during(Stage::Cgroup, || format!("opening control group {}", dir.display()))?,
        ),
        None => None,
    };
    let among = shared.has_own_pids().then_some(container);
    let cloned = clone_among(among, CloneFlags::NONE, cgroup.as_ref().map(AsFd::as_fd))?;
    if let Cloned::Child = cloned {
        drop(report);
        let failure = match enter_container(spec, &namespaces, streams) {
            Ok(identity) => execute_program(&spec.process, &identity, inner_report.as_fd()),
            Err(failure) => failure,
        };
        send_failure(inner_report.as_fd(), &failure);
        exit_now(NOT_EXECUTED)
    }
    match cloned {
        Cloned::Parent(pid) => Ok(Joined { pid: Pid::from_raw(pid).expect("a child has a pid"), report: Report::new(report) }),
        Cloned::Child => unreachable!("the child has exited"),
    }
}

/// The new process: like the first one of a container, but that all is there. It is not dumpable, as its supervisor is not, so nothing
/// in the container can look into it before it has become the program.
fn enter_container(spec: &ExecSpec, namespaces: &Namespaces, streams: &[OwnedFd]) -> Result<Identity, StartFailure> {
    let process = &spec.process;
    leave_supervisor(process)?;
    enter(&namespaces.cgroup, LinkNameSpaceType::ControlGroup).during(Stage::Cgroup, || "entering the cgroup namespace")?;
    enter(&namespaces.mount, LinkNameSpaceType::Mount).during(Stage::Mounts, || "entering the container's mounts")?;
    let root = open(Path::new("/"), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .during(Stage::Rootfs, || "opening the root")?;
    let identity = identify(&Root::new(root), &process.user)?;
    set_streams(spec.streams, streams, &identity).during(Stage::Output, || "setting up standard streams")?;
    enter_working_directory(&process.cwd, &identity, process)?;
    umask(Mode::from_raw_mode(process.umask & 0o777));
    unblock_signals().during(Stage::Process, || "unblocking signals")?;
    Ok(identity)
}

fn set_streams(kind: ExecStreams, streams: &[OwnedFd], identity: &Identity) -> io::Result<()> {
    match (kind, streams) {
        (ExecStreams::Output, [stdout, stderr]) => {
            set_no_input()?;
            set_output(stdout.as_fd(), stderr.as_fd(), identity)
        }
        (ExecStreams::All, [stdin, stdout, stderr]) => {
            rustix::stdio::dup2_stdin(stdin)?;
            set_output(stdout.as_fd(), stderr.as_fd(), identity)
        }
        (ExecStreams::Terminal, [terminal]) => {
            rustix::stdio::dup2_stdin(terminal)?;
            set_output(terminal.as_fd(), terminal.as_fd(), identity)?;
            ioctl_tiocsctty(terminal).map_err(io::Error::from)
        }
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}
