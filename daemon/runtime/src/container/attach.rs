//! Control groups: entering them, counting out-of-memory kills, killing what is in one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use rustix::process::{Pid, Signal, getsid, kill_process};

use super::failure::{During, failure};
use crate::protocol::{Stage, StartFailure};
use crate::spec::CgroupAttach;
use crate::sys::{CloneFlags, Cloned, clone, exit_now};

/// How often the processes of a group are listed and killed before the rest is left to the next who asks.
const KILL_ROUNDS: usize = 16;

fn write_existing(path: &Path, text: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

/// Moves this process, which has one thread, into its version 1 groups. The kernel then spares the lock that makes a move
/// by another process, or of a whole thread group, wait for milliseconds.
pub fn attach_v1(cgroup: &CgroupAttach) -> Result<(), StartFailure> {
    for dir in &cgroup.v1 {
        let tasks = dir.join("tasks");
        write_existing(&tasks, "0").during(Stage::Cgroup, || format!("entering control group {}", dir.display()))?;
    }
    Ok(())
}

/// Moves this process into its version 2 group without waiting for it: a short-lived child writes and waits. New processes
/// are made in their own group, so nothing depends on when this one arrives.
pub fn attach_later(cgroup: &CgroupAttach) -> Result<(), StartFailure> {
    let Some(dir) = &cgroup.v2 else { return Ok(()) };
    let pid = std::process::id();
    match clone(CloneFlags::NONE, None) {
        Ok(Cloned::Parent(_)) => Ok(()),
        Ok(Cloned::Child) => {
            let moved = write_existing(&dir.join("cgroup.procs"), &pid.to_string());
            exit_now(i32::from(moved.is_err()))
        }
        Err(error) => Err(failure(Stage::Cgroup, format!("entering control group {}", dir.display()), &error)),
    }
}

/// How many processes of the group at `memory` the kernel has killed because memory ran out; 0 where it does not say.
pub fn oom_kills(memory: &Path) -> u64 {
    // Version 2 has memory.events, version 1 memory.oom_control; both have the line.
    ["memory.events", "memory.oom_control"]
        .iter()
        .find_map(|name| fs::read_to_string(memory.join(name)).ok())
        .and_then(|text| parse_oom_kills(&text))
        .unwrap_or(0)
}

fn parse_oom_kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")).and_then(|count| count.trim().parse().ok())
}

/// Kills every process of a container that did not have its own pid namespace, where the end of the first process ends
/// the others. Best effort: the caller's owner removes the group later, and sees what is left.
pub fn kill_all(cgroup: &CgroupAttach) {
    if let Some(dir) = &cgroup.v2
        && write_existing(&dir.join("cgroup.kill"), "1").is_ok()
    {
        return;
    }
    let Some(dir) = cgroup.v1.first().or(cgroup.v2.as_ref()) else { return };
    let own = std::process::id() as i32;
    for _ in 0..KILL_ROUNDS {
        let Ok(text) = fs::read_to_string(dir.join("cgroup.procs")) else { return };
        let mut pids =
            text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid != own).filter_map(Pid::from_raw).peekable();
        if pids.peek().is_none() {
            return;
        }
        for pid in pids {
            // One that ended in between is as good as killed.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Kills a process and whoever is of its session, which it leads: what it left in the background ends with it. What made a session
/// of its own stays, as it would under any shell.
pub fn kill_session(leader: Pid, cgroup: &CgroupAttach) {
    // One that has just ended is reaped next.
    let _ = kill_process(leader, Signal::KILL);
    let Some(dir) = cgroup.v2.as_ref().or(cgroup.v1.first()) else { return };
    for _ in 0..KILL_ROUNDS {
        let Ok(text) = fs::read_to_string(dir.join("cgroup.procs")) else { return };
        let pids = text.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw);
        let members: Vec<Pid> = pids.filter(|pid| *pid != leader && getsid(Some(*pid)) == Ok(leader)).collect();
        if members.is_empty() {
            return;
        }
        for pid in members {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_counted_in_both_formats() {
        assert_eq!(parse_oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), Some(3));
        assert_eq!(parse_oom_kills("low 0\nhigh 0\nmax 4\noom 2\noom_kill 1\noom_group_kill 0\n"), Some(1));
        assert_eq!(parse_oom_kills("oom_kill_disable 0\n"), None);
    }
}
