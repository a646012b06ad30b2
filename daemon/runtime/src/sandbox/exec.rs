//! A further program in a container, from the daemon's side: a connection of its own, with which it ends.

use std::os::fd::BorrowedFd;
use std::path::Path;

use super::{SandboxError, SupervisorConnection};
use crate::protocol::{ExecSpec, Notice, Started};
use crate::spec::Exit;

/// A program that runs in a container. Dropping it kills the program.
#[derive(Debug)]
pub struct Exec {
    connection: SupervisorConnection,
    started: Started,
}

impl Exec {
    /// Starts a program in a container of the sandbox in `run_dir`, with the descriptors that `spec.streams` tells of; returns once
    /// it was executed.
    ///
    /// # Errors
    /// [`SandboxError::Start`] where the program cannot be executed, [`SandboxError::Refused`] where the container does not run or its
    /// supervisor is too old, others where there is no supervisor.
    pub async fn start(run_dir: &Path, spec: ExecSpec, streams: &[BorrowedFd<'_>]) -> Result<Exec, SandboxError> {
        let mut connection = SupervisorConnection::connect(run_dir).await?;
        let started = connection.exec(spec, streams).await?;
        Ok(Exec { connection, started })
    }

    /// Its pid on the host, and when it was executed.
    pub fn started(&self) -> Started {
        self.started
    }

    /// Waits for its end. Can be dropped and called again.
    ///
    /// # Errors
    /// [`SandboxError::Gone`] where the supervisor ended, and the program with it.
    pub async fn wait(&mut self) -> Result<Exit, SandboxError> {
        loop {
            if let Notice::ExecEnded { exit } = self.connection.next_notice().await? {
                return Ok(exit);
            }
        }
    }

    /// Signals it.
    ///
    /// # Errors
    /// [`SandboxError::Refused`] if it has ended.
    pub async fn signal(&mut self, signal: i32) -> Result<(), SandboxError> {
        self.connection.signal_exec(signal).await
    }
}
