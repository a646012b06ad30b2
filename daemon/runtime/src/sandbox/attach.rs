//! An attachment to a container, from the daemon's side: a connection of its own, with which it ends.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use super::{SandboxError, SupervisorConnection};
use crate::protocol::{AttachSpec, ContainerId, ContainerStreams, Notice, Since};
use crate::spec::Exit;

/// Hears what a container writes. Dropping it leaves the container as it is, but for an input that is for one writer.
#[derive(Debug)]
pub struct Attachment {
    connection: SupervisorConnection,
    container: ContainerId,
    streams: ContainerStreams,
}

/// How an attachment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parted {
    /// The container has ended; what it wrote comes first.
    Exited(Exit),
    /// It was given up: what came was not read, and the container would have had to wait.
    TooSlow,
}

impl Attachment {
    /// Attaches to a container of the sandbox in `run_dir`: what it writes goes to the two descriptors. Returned beside it is what is to be
    /// written to: the master end of its terminal, or a pipe if it reads one.
    ///
    /// # Errors
    /// [`SandboxError::Refused`] where the container does not run, its first bytes are asked for and not kept, or its supervisor is too old, others where there is no supervisor.
    pub async fn start(
        run_dir: &Path,
        spec: AttachSpec,
        since: Since,
        outputs: &[BorrowedFd<'_>; 2],
    ) -> Result<(Attachment, Option<OwnedFd>), SandboxError> {
        let mut connection = SupervisorConnection::connect(run_dir).await?;
        let container = spec.container.clone();
        let (attached, input) = connection.attach(spec, since, outputs).await?;
        Ok((Attachment { connection, container, streams: attached.streams }, input))
    }

    /// What the container reads and writes.
    pub fn streams(&self) -> ContainerStreams {
        self.streams
    }

    /// Says that nothing more is written: an input that is for one writer ends.
    ///
    /// # Errors
    /// Where the supervisor is gone.
    pub async fn end_input(&mut self) -> Result<(), SandboxError> {
        self.connection.end_input().await
    }

    /// Once the container has ended and both outputs were read to their end: whether that was all of it. It is not where they were read so
    /// slowly that the rest was dropped.
    pub async fn has_heard_all(&mut self) -> bool {
        // An answer comes behind what was said before, and so does the end of the connection.
        if self.end_input().await.is_ok() {
            return !self.connection.was_told(&Notice::Detached);
        }
        loop {
            match self.connection.next_notice().await {
                Ok(Notice::Detached) => return false,
                Ok(_) => {}
                Err(_) => return true,
            }
        }
    }

    /// Waits for the end. What the container wrote last is still given to the outputs as long as this lives. Can be dropped and called again.
    ///
    /// # Errors
    /// [`SandboxError::Gone`] where the supervisor ended, and the container with it.
    pub async fn parted(&mut self) -> Result<Parted, SandboxError> {
        loop {
            match self.connection.next_notice().await? {
                Notice::Exited { container, exit } if container == self.container => return Ok(Parted::Exited(exit)),
                Notice::Detached => return Ok(Parted::TooSlow),
                Notice::Exited { .. } | Notice::ExecEnded { .. } => {}
            }
        }
    }
}
