//! Finds the sandboxes that outlived a daemon.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{ERROR_FILE, PID_FILE, SOCKET_FILE, SandboxError, SupervisorId, read_exits};
use crate::protocol::ContainerId;
use crate::spec::Exit;

/// What became of a sandbox's supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It runs: connect to it.
    Alive(SupervisorId),
    /// It ended, was killed, or never came up. Containers without an exit file ended with it, but what they left in their
    /// control groups has to be killed by the caller before anything is removed: a process that escaped its parent's death
    /// signal (a set-user-id program clears it) may still run.
    Dead,
}

/// A sandbox's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSandbox {
    /// The folder's name: the sandbox's id.
    pub id: String,
    /// The folder.
    pub run_dir: PathBuf,
    /// Its supervisor.
    pub found: Found,
    /// The exits that are written there.
    pub exits: Vec<(ContainerId, Exit)>,
}

/// All sandboxes below `pods_dir` (the parent of their run folders). A missing folder holds none.
pub fn adopt(pods_dir: &Path) -> Result<Vec<FoundSandbox>, SandboxError> {
    let scan = |source| SandboxError::Scan { dir: pods_dir.to_path_buf(), source };
    let entries = match fs::read_dir(pods_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(scan)?,
    };
    let mut sandboxes = Vec::new();
    for entry in entries {
        let entry = entry.map_err(scan)?;
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let Some(id) = entry.file_name().to_str().filter(|_| is_dir).map(str::to_string) else { continue };
        let run_dir = entry.path();
        let found = match SupervisorId::read(&run_dir.join(PID_FILE)) {
            Ok(supervisor) if supervisor.is_alive() => Found::Alive(supervisor),
            _ => Found::Dead,
        };
        let exits = read_exits(&run_dir).unwrap_or_default();
        sandboxes.push(FoundSandbox { id, run_dir, found, exits });
    }
    sandboxes.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(sandboxes)
}

/// Removes what a supervisor leaves in a sandbox's folder, and the folder if nothing else is in it.
pub fn remove(run_dir: &Path) -> io::Result<()> {
    let is_ours =
        |name: &str| [SOCKET_FILE, PID_FILE, ERROR_FILE].contains(&name) || name.ends_with(".exit") || name.ends_with(".tmp");
    let entries = match fs::read_dir(run_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_ours) {
            fs::remove_file(entry.path())?;
        }
    }
    match fs::remove_dir(run_dir) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_half_done_is_found_dead() {
        let pods = tempfile::tempdir().expect("temporary folder");
        assert_eq!(adopt(&pods.path().join("missing")).expect("nothing"), []);
        let living = SupervisorId::of_pid(std::process::id() as i32).expect("this process");
        let other_time = SupervisorId { start_time: living.start_time + 1, ..living };
        for (id, pid_file) in [
            ("a-empty", None),
            ("b-garbage", Some("x y\n".to_string())),
            ("c-reused-pid", Some(other_time.to_line())),
            ("d-living", Some(living.to_line())),
        ] {
            fs::create_dir(pods.path().join(id)).expect("folder");
            if let Some(text) = pid_file {
                fs::write(pods.path().join(id).join(PID_FILE), text).expect("pid file");
            }
        }
        fs::write(pods.path().join("file"), "").expect("file");
        let found: Vec<(String, Found)> =
            adopt(pods.path()).expect("found").into_iter().map(|sandbox| (sandbox.id, sandbox.found)).collect();
        let wanted = [
            ("a-empty", Found::Dead),
            ("b-garbage", Found::Dead),
            ("c-reused-pid", Found::Dead),
            ("d-living", Found::Alive(living)),
        ];
        assert_eq!(found, wanted.map(|(id, found)| (id.to_string(), found)));
    }

    #[test]
    fn only_a_supervisors_own_files_are_removed() {
        let pods = tempfile::tempdir().expect("temporary folder");
        let dir = pods.path().join("pod");
        remove(&dir).expect("it is not there");
        fs::create_dir(&dir).expect("folder");
        for name in [SOCKET_FILE, PID_FILE, ERROR_FILE, "web.0.exit", "web.1.tmp", "notes"] {
            fs::write(dir.join(name), "").expect("file");
        }
        remove(&dir).expect("removed");
        let left: Vec<_> = fs::read_dir(&dir).expect("folder").map(|entry| entry.expect("entry").file_name()).collect();
        assert_eq!(left, ["notes"]);
        fs::remove_file(dir.join("notes")).expect("removed");
        remove(&dir).expect("removed");
        assert!(!dir.exists());
    }
}
