//! Puts a full log file aside, and removes the oldest ones.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::time::stamp;
use crate::spec::LogSpec;

/// `20260102-030405`
const STAMP_LENGTH: usize = 15;

/// Renames the current file to `<path>.<stamp>` and removes old ones, so that with a new current file there are
/// `max_files`.
pub(super) fn put_aside(spec: &LogSpec) -> io::Result<()> {
    let mut older = older_files(&spec.path)?;
    let keep = (spec.max_files.max(1) - 1) as usize;
    if keep == 0 {
        fs::remove_file(&spec.path)?;
    } else {
        let aside = free_name(&spec.path, older.last());
        fs::rename(&spec.path, &aside)?;
        older.push(aside);
    }
    let surplus = older.len().saturating_sub(keep);
    for path in &older[..surplus] {
        // The limit is a courtesy to the disk; a file that stays is tried again next time.
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// Files put aside before, oldest first: their names sort as their times.
fn older_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(io::ErrorKind::InvalidInput.into()) };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let rest = file_name.as_encoded_bytes().strip_prefix(name.as_encoded_bytes()).and_then(|rest| rest.strip_prefix(b"."));
        if rest.is_some_and(|rest| rest.len() == STAMP_LENGTH && rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-')) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// A name of now; of the second after the newest file's if several files got full in one second.
fn free_name(path: &Path, newest: Option<&PathBuf>) -> PathBuf {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let named = |seconds: u64| {
        let mut name: OsString = path.as_os_str().to_os_string();
        name.push(".");
        name.push(stamp(seconds));
        PathBuf::from(name)
    };
    // Each step is a file that is there, so there are as many as are kept, unless the clock went back.
    (now..).map(named).find(|name| newest.is_none_or(|newest| name > newest)).unwrap_or_else(|| named(now))
}
