//! A new process in namespaces and a control group of its own: `clone3(2)`.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Namespaces that the new process gets new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloneFlags(u64);

impl CloneFlags {
    /// None: a fork.
    pub const NONE: CloneFlags = CloneFlags(0);
    /// Mounts.
    pub const MOUNTS: CloneFlags = CloneFlags(libc::CLONE_NEWNS as u64);
    /// Process ids.
    pub const PIDS: CloneFlags = CloneFlags(libc::CLONE_NEWPID as u64);

    /// Both.
    #[must_use]
    pub const fn and(self, other: CloneFlags) -> CloneFlags {
        CloneFlags(self.0 | other.0)
    }
}

/// Which of the two processes this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloned {
    /// The one that called; the child's pid in this pid namespace.
    Parent(i32),
    /// The new one.
    Child,
}

// <linux/sched.h>; the fields up to `cgroup` exist since Linux 5.7.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Forks into new namespaces, and into a version 2 control group if one is given.
///
/// The child is a copy of a process with one thread: it may do whatever its parent may. Only the supervisor calls this; in
/// a process with several threads the child could find a lock held for ever by a thread that it does not have.
pub fn clone(flags: CloneFlags, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Cloned> {
    let mut arguments = CloneArguments { flags: flags.0, exit_signal: libc::SIGCHLD as u64, ..CloneArguments::default() };
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: without CLONE_VM the child gets a copy of all memory, this stack included, so that both return from here like
    // from fork(2). The arguments are a live structure of the size given.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<CloneArguments>()) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Cloned::Child),
        pid => Ok(Cloned::Parent(pid as i32)),
    }
}
