//! The exit of a container as a file: written whole by the supervisor, readable after it is gone, and by eye.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::protocol::ContainerId;
use crate::spec::Exit;

const SUFFIX: &str = ".exit";
/// An exit file is some 90 bytes; whatever is larger is none.
const SIZE_LIMIT: u64 = 4096;

fn file_name(container: &ContainerId) -> PathBuf {
    PathBuf::from(format!("{}.{}{SUFFIX}", container.name, container.attempt))
}

/// Writes the exit of a container: afterwards the file is there as a whole, or an error says why not.
pub fn write_exit(run_dir: &Path, container: &ContainerId, exit: &Exit) -> io::Result<()> {
    let path = run_dir.join(file_name(container));
    let unfinished = path.with_extension("tmp");
    let mut file = fs::File::create(&unfinished)?;
    let text = format!(
        "code {}\nsignal {}\noom {}\nstarted {}\nfinished {}\n",
        exit.code,
        exit.signal,
        u8::from(exit.oom_killed),
        exit.started_at,
        exit.finished_at
    );
    file.write_all(text.as_bytes())?;
    fs::rename(&unfinished, &path)
}

/// Removes the exit of a container; one that is not there is fine.
pub fn remove_exit(run_dir: &Path, container: &ContainerId) -> io::Result<()> {
    match fs::remove_file(run_dir.join(file_name(container))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// All exits in a sandbox's folder, oldest attempt first. Files that cannot be read as exits are left out.
pub fn read_exits(run_dir: &Path) -> io::Result<Vec<(ContainerId, Exit)>> {
    let mut exits = Vec::new();
    for entry in fs::read_dir(run_dir)? {
        let entry = entry?;
        let Some(container) = parse_name(&entry.file_name()) else { continue };
        let is_exit = entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= SIZE_LIMIT);
        if let Some(exit) = is_exit.then(|| fs::read_to_string(entry.path()).ok()).flatten().and_then(|text| parse(&text)) {
            exits.push((container, exit));
        }
    }
    exits.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(exits)
}

fn parse_name(name: &OsStr) -> Option<ContainerId> {
    let (name, attempt) = name.to_str()?.strip_suffix(SUFFIX)?.rsplit_once('.')?;
    Some(ContainerId { name: name.to_string(), attempt: attempt.parse().ok()? })
}

/// Lines of a name and a number; names that are not known are younger than this reader.
fn parse(text: &str) -> Option<Exit> {
    let value = |wanted: &str| text.lines().find_map(|line| line.strip_prefix(wanted)?.strip_prefix(' '));
    Some(Exit {
        code: value("code")?.parse().ok()?,
        signal: value("signal")?.parse().ok()?,
        oom_killed: value("oom")? == "1",
        started_at: value("started")?.parse().ok()?,
        finished_at: value("finished")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXIT: Exit = Exit { code: 137, signal: 9, oom_killed: true, started_at: 5, finished_at: 1_767_225_600_000_000_001 };

    fn id(name: &str, attempt: u32) -> ContainerId {
        ContainerId { name: name.to_string(), attempt }
    }

    #[test]
    fn exits_are_read_back_in_order_of_attempts() {
        let dir = tempfile::tempdir().expect("temporary folder");
        for attempt in [10, 9, 0] {
            write_exit(dir.path(), &id("web.v2", attempt), &EXIT).expect("written");
        }
        let read: Vec<_> = read_exits(dir.path()).expect("read").into_iter().map(|(id, exit)| (id.attempt, exit)).collect();
        assert_eq!(read, [(0, EXIT), (9, EXIT), (10, EXIT)]);
        remove_exit(dir.path(), &id("web.v2", 9)).expect("removed");
        remove_exit(dir.path(), &id("web.v2", 9)).expect("removed twice");
        assert_eq!(read_exits(dir.path()).expect("read").len(), 2);
    }

    #[test]
    fn what_is_no_exit_is_left_out() {
        let dir = tempfile::tempdir().expect("temporary folder");
        for (name, text) in
            [("a.0.exit", "code 1\n"), ("a.exit", "x"), ("a.1.tmp", "code 1"), ("a.x.exit", ""), ("a.2.exit", "\u{0}")]
        {
            fs::write(dir.path().join(name), text).expect("written");
        }
        fs::create_dir(dir.path().join("a.3.exit")).expect("folder");
        assert_eq!(read_exits(dir.path()).expect("read"), []);
    }
}
