//! Ends the processes of a group and removes the group.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::CgroupError;
use super::layout::Layout;

/// How long to wait for killed processes to end, and for the kernel to let go of a group: about five seconds, in steps that
/// begin at half a millisecond.
const ATTEMPTS: u32 = 110;
const SHORTEST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Kills everything in the group and below, and waits until it is gone. A group that does not exist is empty.
pub(super) fn kill(layout: &Layout, group: &Path, uid: &str) -> Result<(), CgroupError> {
    let folder = layout.processes().join(group);
    let is_v2 = matches!(layout, Layout::V2 { .. });
    for attempt in 0..ATTEMPTS {
        let pids = processes(&folder)?;
        if pids.is_empty() {
            return Ok(());
        }
        // cgroup.kill came with Linux 5.14 and reaches every process at once.
        if !(is_v2 && fs::write(folder.join("cgroup.kill"), "1").is_ok()) {
            // From now on nothing in the group can fork, so that the killing ends.
            write_if_there(&folder.join("pids.max"), "0")?;
            kill_each(&folder, &pids)?;
        }
        pause(attempt);
    }
    let pids = processes(&folder)?;
    if pids.is_empty() { Ok(()) } else { Err(CgroupError::StillAlive { uid: uid.to_owned(), pids }) }
}

/// Removes the group with everything below it from every hierarchy. What is not there is no error.
pub(super) fn remove(layout: &Layout, group: &Path) -> Result<(), CgroupError> {
    // All hierarchies have the same groups, so that looking into one is enough; where one differs it is looked into below.
    let listed = layout.processes().join(group);
    let found = tree(&listed).map_err(|(path, source)| CgroupError::Remove { path, source })?;
    let same: Vec<&Path> = found.iter().rev().filter_map(|path| path.strip_prefix(&listed).ok()).collect();
    for mount in layout.mounts() {
        let folder = mount.join(group);
        let is_removed = same.iter().all(|below| fs::remove_dir(folder.join(below)).is_ok());
        if !is_removed || same.is_empty() {
            remove_patiently(&folder)?;
        }
    }
    Ok(())
}

/// A process that just ended may hold its group for a moment.
fn remove_patiently(folder: &Path) -> Result<(), CgroupError> {
    let mut attempt = 0;
    loop {
        match remove_tree(folder) {
            Ok(()) => return Ok(()),
            Err((_, error)) if error.kind() == ErrorKind::ResourceBusy && attempt + 1 < ATTEMPTS => pause(attempt),
            Err((path, source)) => return Err(CgroupError::Remove { path, source }),
        }
        attempt += 1;
    }
}

/// The processes of a group and of all groups below it, without those that our pid namespace cannot name.
pub(super) fn processes(folder: &Path) -> Result<Vec<u32>, CgroupError> {
    let mut found = Vec::new();
    for folder in tree(folder).map_err(|(path, source)| CgroupError::Read { path, source })? {
        let path = folder.join("cgroup.procs");
        match fs::read_to_string(&path) {
            Ok(text) => found.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()).filter(|pid| *pid != 0)),
            Err(error) if is_gone(&error) => {}
            Err(source) => return Err(CgroupError::Read { path, source }),
        }
    }
    Ok(found)
}

/// A process may end and its number be given to another one between reading and killing: a descriptor is taken first, then it is
/// looked up whether the number is still in the group, and the signal goes to the descriptor.
fn kill_each(folder: &Path, pids: &[u32]) -> Result<(), CgroupError> {
    let held: Vec<(u32, OwnedFd)> = pids.iter().filter_map(|pid| Some((*pid, open(*pid)?))).collect();
    let still_there = processes(folder)?;
    for (pid, process) in held {
        if still_there.contains(&pid) {
            // Not there any more is what we want; nothing else can go wrong for root.
            let _gone = pidfd_send_signal(&process, Signal::KILL);
        }
    }
    Ok(())
}

fn open(pid: u32) -> Option<OwnedFd> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

fn write_if_there(path: &Path, value: &str) -> Result<(), CgroupError> {
    match fs::write(path, value) {
        Err(error) if !is_gone(&error) => {
            Err(CgroupError::Write { path: path.to_owned(), value: value.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

fn remove_tree(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    for folder in tree(folder)?.into_iter().rev() {
        match fs::remove_dir(&folder) {
            Err(error) if !is_gone(&error) => return Err((folder, error)),
            _ => {}
        }
    }
    Ok(())
}

/// The folder and all folders below it, parents first; nothing where it does not exist.
fn tree(folder: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(folder) = found.get(next).cloned() {
        match fs::read_dir(&folder) {
            Ok(entries) => {
                let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
                found.extend(folders.map(|entry| entry.path()));
            }
            Err(error) if is_gone(&error) => {
                found.remove(next);
                continue;
            }
            Err(error) => return Err((folder, error)),
        }
        next += 1;
    }
    Ok(found)
}

/// A file of a group that is removed meanwhile answers in one of two ways.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

fn pause(attempt: u32) {
    thread::sleep((SHORTEST_PAUSE * 2u32.saturating_pow(attempt)).min(LONGEST_PAUSE));
}
