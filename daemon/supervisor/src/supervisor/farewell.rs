//! The end of a supervisor: what it removes, and its last words.

use super::Supervisor;
use runtime::protocol::Answer;
use runtime::sandbox::{PID_FILE, SOCKET_FILE};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long the end waits for a daemon that does not read.
const FAREWELL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

impl Supervisor {
    /// The exits stay; whoever looks next sees a sandbox without a supervisor.
    pub(super) fn leave(&mut self) {
        for file in [SOCKET_FILE, PID_FILE] {
            if let Err(error) = std::fs::remove_file(file) {
                eprintln!("cannot remove {file}: {error}");
            }
        }
        if let Some(asker) = self.shutdown.take() {
            self.answer(asker, Answer::Done);
        }
        // The daemon reads, or is gone: waiting for it is not worth more than a poll.
        let unsent = self.connections.iter().filter(|(_, connection)| connection.has_unsent() && connection.is_open());
        let mut polled: Vec<PollFd<'_>> =
            unsent.map(|(_, connection)| PollFd::from_borrowed_fd(connection.descriptor(), PollFlags::OUT)).collect();
        if !polled.is_empty() {
            let _ = poll(&mut polled, Some(&FAREWELL));
        }
        for (_, connection) in &mut self.connections {
            connection.flush();
        }
    }
}
