//! Pid 1 of a sandbox whose containers share their process ids: it does nothing, and its end is the end of all of them.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Gid, Mode, OFlags, Uid, open};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::process::{DumpableBehavior, chdir, pivot_root, set_dumpable_behavior, setsid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, LinkNameSpaceType, move_into_link_name_space, set_capabilities, set_name, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::privileges::die_with_parent;
use crate::sys::{CloneFlags, Cloned, clone, close_from, exit_now, reap_nobody, wait_for_ever};

/// The user that runs nothing else.
const NOBODY: u32 = 65535;

/// Starts it, and lets every process that is made from now on join its pid namespace. `mountpoint` is an existing folder.
///
/// It is a copy of the supervisor, made before any container was known, so there is no secret in it; it gives up its view
/// of the host's files, its user and its rights, since containers see it as pid 1.
pub fn start_pause(mountpoint: &Path) -> io::Result<i32> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let pid = match clone(CloneFlags::MOUNTS.and(CloneFlags::PIDS), None)? {
        Cloned::Parent(pid) => pid,
        Cloned::Child => {
            let error = pause(mountpoint, writer);
            exit_now(error.raw_os_error().unwrap_or(1))
        }
    };
    drop(writer);
    // One byte says that it has settled.
    if rustix::io::read(&reader, &mut [0; 1])? != 1 {
        return Err(io::Error::other("the sandbox's first process ended at once"));
    }
    let namespace = open(format!("/proc/{pid}/ns/pid"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), Some(LinkNameSpaceType::ProcessID))?;
    Ok(pid)
}

fn pause(mountpoint: &Path, ready: OwnedFd) -> io::Error {
    match settle(mountpoint).and_then(|()| rustix::io::write(&ready, b"R").map_err(io::Error::from)) {
        Ok(_) => {
            drop(ready);
            match close_from(0) {
                Ok(()) => wait_for_ever(),
                Err(error) => error,
            }
        }
        Err(error) => error,
    }
}

fn settle(mountpoint: &Path) -> io::Result<()> {
    die_with_parent()?;
    reap_nobody();
    setsid()?;
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    let flags = MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("tmpfs", mountpoint, "tmpfs", flags, c"nr_inodes=1,mode=555")?;
    chdir(mountpoint)?;
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    set_name(c"pause")?;
    set_thread_groups(&[])?;
    let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_no_new_privs(true)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // The change of user cleared it.
    die_with_parent()
}
