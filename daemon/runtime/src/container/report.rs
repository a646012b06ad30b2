//! What the new process tells the supervisor before its program runs: through a pipe that closes on exec.
//!
//! `R` and [`Credentials`] mean that only the execve is left. The end of the pipe right after them means that the program runs. `F` and
//! a [`StartFailure`] mean that it does not. The end without any of these: the process was killed while it was set up.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::protocol::{Credentials, StartFailure, decode};

const READY: u8 = b'R';
const FAILED: u8 = b'F';
/// A failure is a path or two and an error, and no process has more than 65,536 groups (`NGROUPS_MAX`), five bytes each.
const LIMIT: usize = 512 << 10;

/// How a start went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Not known yet.
    Pending,
    /// The program runs, and was started as this user.
    Executed(Credentials),
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
            [READY, rest @ ..] => match postcard::take_from_bytes(rest) {
                Ok((credentials, [])) => Outcome::Executed(credentials),
                Ok((_, [FAILED, failure @ ..])) => failed(failure),
                _ => Outcome::Died,
            },
            [FAILED, failure @ ..] => failed(failure),
            _ => Outcome::Died,
        }
    }
}

fn failed(failure: &[u8]) -> Outcome {
    decode(failure).map_or(Outcome::Died, Outcome::Failed)
}

/// Says that only the execve is left, and as whom. Fails if the supervisor is gone: its death signal may have been sent before it was
/// asked for.
pub(super) fn send_ready(pipe: BorrowedFd<'_>, credentials: &Credentials) -> io::Result<()> {
    send(pipe, &postcard::to_extend(credentials, vec![READY]).map_err(io::Error::other)?)
}

/// Says what failed, as well as it can.
pub(super) fn send_failure(pipe: BorrowedFd<'_>, failure: &StartFailure) {
    let Ok(frame) = postcard::to_extend(failure, vec![FAILED]) else { return };
    // Without a reader there is nobody to be told.
    let _ = send(pipe, &frame);
}

fn send(pipe: BorrowedFd<'_>, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match rustix::io::write(pipe, rest) {
            Ok(count) => rest = &rest[count..],
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
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
        let credentials = Credentials { uid: 1000, gid: 0, groups: (0..5000).collect() };
        assert_eq!(outcome_of(|pipe| send_ready(pipe, &credentials).expect("written")), Outcome::Executed(credentials.clone()));
        assert_eq!(outcome_of(|pipe| send(pipe, &[READY, 1]).expect("written")), Outcome::Died);
        assert_eq!(outcome_of(|_| ()), Outcome::Died);
        assert_eq!(outcome_of(|pipe| send_failure(pipe, &failure)), Outcome::Failed(failure.clone()));
        let late = outcome_of(|pipe| {
            send_ready(pipe, &credentials).expect("written");
            send_failure(pipe, &failure);
        });
        assert_eq!(late, Outcome::Failed(failure));
    }
}
