//! Who a supervisor is: a pid is used again, a pid with its start time is not.

use std::fs;
use std::io;
use std::path::Path;

/// A process for good: pid and start time, in clock ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SupervisorId {
    /// In the host's pid namespace.
    pub pid: i32,
    /// Field 22 of `/proc/<pid>/stat`.
    pub start_time: u64,
}

impl SupervisorId {
    /// The process that has this pid now.
    pub fn of_pid(pid: i32) -> io::Result<SupervisorId> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let start_time = parse_start_time(&stat).ok_or(io::ErrorKind::InvalidData)?;
        Ok(SupervisorId { pid, start_time })
    }

    /// As it stands in the pid file.
    pub fn read(path: &Path) -> io::Result<SupervisorId> {
        let text = fs::read_to_string(path)?;
        let mut words = text.split_ascii_whitespace();
        let pid = words.next().and_then(|word| word.parse().ok());
        let start_time = words.next().and_then(|word| word.parse().ok());
        match (pid, start_time) {
            (Some(pid), Some(start_time)) => Ok(SupervisorId { pid, start_time }),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// The line of the pid file.
    pub fn to_line(self) -> String {
        format!("{} {}\n", self.pid, self.start_time)
    }

    /// Is this very process there, and more than a zombie?
    pub fn is_alive(self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else { return false };
        let state = after_name(&stat).and_then(|rest| rest.split_ascii_whitespace().next());
        parse_start_time(&stat) == Some(self.start_time) && !matches!(state, Some("Z" | "X"))
    }
}

/// What follows the name, which may itself hold spaces and brackets.
fn after_name(stat: &str) -> Option<&str> {
    stat.rfind(')').map(|end| &stat[end + 1..])
}

fn parse_start_time(stat: &str) -> Option<u64> {
    // The fields after the name start with number 3.
    after_name(stat)?.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 8192 25";
        assert_eq!(parse_start_time(stat), Some(4711));
    }

    #[test]
    fn this_process_is_alive_and_another_start_time_is_not() {
        let id = SupervisorId::of_pid(std::process::id() as i32).expect("own stat");
        assert!(id.is_alive());
        assert!(!SupervisorId { start_time: id.start_time + 1, ..id }.is_alive());
    }
}
