//! What the new process tells the supervisor before its program runs: through a pipe that closes on exec.
//!
//! `R` means that only the execve is left. The end of the pipe right after it means that the program runs. `F` and a
//! [`StartFailure`] means that it does not. The end without any of these: the process was killed while it was set up.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::protocol::{StartFailure, decode};

const READY: u8 = b'R';
const FAILED: u8 = b'F';
/// A failure is a path or two and an error.
const LIMIT: usize = 64 << 10;

/// How a start went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Not known yet.
    Pending,
    /// The program runs.
    Executed,
    /// It does not.
    Failed(StartFailure),
    /// The process ended, without a word, before there was a program.
    Died,
}

/// The supervisor's end.
#[derive(Debug)]
pub struct Report {
    pipe: OwnedFd,
    received: Vec<u8>,
}

impl Report {
    pub(super) fn new(pipe: OwnedFd) -> Report {
        Report { pipe, received: Vec::new() }
    }

    /// To be polled for reading.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Reads what is there without waiting.
    pub fn read(&mut self) -> Outcome {
        let mut buffer = [0; 512];
        loop {
            match rustix::io::read(&self.pipe, &mut buffer) {
                Ok(0) => return self.outcome(),
                Ok(count) if self.received.len() + count <= LIMIT => self.received.extend_from_slice(&buffer[..count]),
                Ok(_) => return Outcome::Died,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Outcome::Pending,
                Err(_) => return Outcome::Died,
            }
        }
    }

    fn outcome(&self) -> Outcome {
        match self.received.as_slice() {
            [READY] => Outcome::Executed,
            [READY, FAILED, failure @ ..] | [FAILED, failure @ ..] => decode(failure).map_or(Outcome::Died, Outcome::Failed),
            _ => Outcome::Died,
        }
    }
}

/// Says that only the execve is left. Fails if the supervisor is gone: its death signal may have been sent before it was
/// asked for.
pub(super) fn send_ready(pipe: BorrowedFd<'_>) -> io::Result<()> {
    rustix::io::write(pipe, &[READY]).map(drop).map_err(io::Error::from)
}

/// Says what failed, as well as it can.
pub(super) fn send_failure(pipe: BorrowedFd<'_>, failure: &StartFailure) {
    let Ok(frame) = postcard::to_extend(failure, vec![FAILED]) else { return };
    let mut rest = frame.as_slice();
    while !rest.is_empty() {
        match rustix::io::write(pipe, rest) {
            Ok(count) => rest = &rest[count..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Stage;

    fn outcome_of(write: impl FnOnce(BorrowedFd<'_>)) -> Outcome {
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).expect("pipe");
        let mut report = Report::new(reader);
        assert_eq!(report.read(), Outcome::Pending);
        write(writer.as_fd());
        drop(writer);
        report.read()
    }

    #[test]
    fn only_ready_and_then_the_end_is_a_start() {
        let failure = StartFailure { stage: Stage::Exec, errno: 2, message: "no".repeat(500) };
        assert_eq!(outcome_of(|pipe| send_ready(pipe).expect("written")), Outcome::Executed);
        assert_eq!(outcome_of(|_| ()), Outcome::Died);
        assert_eq!(outcome_of(|pipe| send_failure(pipe, &failure)), Outcome::Failed(failure.clone()));
        let late = outcome_of(|pipe| {
            send_ready(pipe).expect("written");
            send_failure(pipe, &failure);
        });
        assert_eq!(late, Outcome::Failed(failure));
    }
}
