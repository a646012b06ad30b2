//! What a container said before it ended: its termination log, or the end of its output.
//!
//! `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `getTerminationMessage`.

use crate::logs::{Chunk, LogOptions, LogReader};
use k8s_openapi::api::core::v1::Container;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most that is read of a termination log.
const MAX_MESSAGE_BYTES: u64 = 4096;
/// The most that is taken of the output in its place.
const MAX_LOG_LINES: u64 = 80;
const MAX_LOG_BYTES: usize = 2048;

/// Reads the message of an instance that ended with `exit_code`. Blocks.
pub fn message(container: &Container, exit_code: i32, message: &Path, log: &Path) -> Option<String> {
    let text = read_start(message);
    let falls_back = container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
    if text.is_empty() && falls_back && exit_code != 0 {
        return Some(read_end(log)).filter(|text| !text.is_empty());
    }
    Some(text).filter(|text| !text.is_empty())
}

fn read_start(path: &Path) -> String {
    let mut bytes = Vec::new();
    // A container may have removed it, or put a folder in its place: then it said nothing.
    if let Ok(file) = File::open(path) {
        let _ = file.take(MAX_MESSAGE_BYTES).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn read_end(path: &Path) -> String {
    let options = LogOptions { tail_lines: Some(MAX_LOG_LINES), ..LogOptions::default() };
    let Ok(mut reader) = LogReader::open(path, options) else { return String::new() };
    let mut bytes = Vec::new();
    while let Ok(Chunk::Bytes(_, more)) = reader.read_chunk() {
        bytes.extend_from_slice(&more);
        let surplus = bytes.len().saturating_sub(MAX_LOG_BYTES);
        bytes.drain(..surplus);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::message;
    use k8s_openapi::api::core::v1::Container;
    use std::fmt::Write as _;

    #[test]
    fn the_message_is_the_file_or_where_asked_for_the_end_of_the_output() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (file, log) = (folder.path().join("message"), folder.path().join("0.log"));
        let mut text = String::new();
        for number in 0..100 {
            let _ = writeln!(text, "2026-01-01T00:00:00.000000000Z stdout F line {number}");
        }
        std::fs::write(&log, text).expect("a log");
        let container = |policy: &str| Container { termination_message_policy: Some(policy.to_owned()), ..Container::default() };
        let fallback = container("FallbackToLogsOnError");
        let from_log = message(&fallback, 1, &file, &log).expect("the log's end");
        assert!(from_log.starts_with("line 20\n") && from_log.ends_with("line 99\n"), "{from_log}");
        assert_eq!(message(&fallback, 0, &file, &log), None);
        assert_eq!(message(&container("File"), 1, &file, &log), None);
        std::fs::write(&file, "x".repeat(5000)).expect("a message");
        assert_eq!(message(&fallback, 1, &file, &log).map(|text| text.len()), Some(4096));
    }
}
