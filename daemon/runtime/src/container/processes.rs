//! New processes, in the process ids of the supervisor or in those of a container.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::failure::During;
use crate::protocol::{Stage, StartFailure};
use crate::sys::{CloneFlags, Cloned, clone};

/// A namespace of a process that was not reaped: nobody else has its pid.
pub(super) fn namespace_of(process: Pid, name: &str) -> Result<OwnedFd, StartFailure> {
    let path = format!("/proc/{}/ns/{name}", process.as_raw_nonzero());
    open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).during(Stage::Process, || "the container is ending")
}

pub(super) fn enter(namespace: &OwnedFd, kind: LinkNameSpaceType) -> io::Result<()> {
    move_into_link_name_space(namespace.as_fd(), Some(kind)).map_err(io::Error::from)
}

/// Makes a process; with `among`, in the process ids of that one's container.
pub(super) fn clone_among(among: Option<Pid>, flags: CloneFlags, cgroup: Option<BorrowedFd<'_>>) -> Result<Cloned, StartFailure> {
    let what = || "making a process";
    let Some(process) = among else { return clone(flags, cgroup).during(Stage::Clone, what) };
    // Only a process that is made afterwards is in the namespace; this one goes back to making its own children where it was.
    let (theirs, ours) = (namespace_of(process, "pid")?, own_children()?);
    enter(&theirs, LinkNameSpaceType::ProcessID).during(Stage::Process, || "the container is ending")?;
    let cloned = clone(flags, cgroup);
    if !matches!(cloned, Ok(Cloned::Child)) {
        enter(&ours, LinkNameSpaceType::ProcessID).during(Stage::Process, || "leaving the container's process ids")?;
    }
    cloned.during(Stage::Clone, what)
}

/// Where this process makes its children.
fn own_children() -> Result<OwnedFd, StartFailure> {
    open("/proc/self/ns/pid_for_children", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .during(Stage::Process, || "opening the supervisor's process ids")
}
