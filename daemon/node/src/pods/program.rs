//! Runs a command in a container that runs, and catches what it writes: for probes and hooks.

use super::folders::Folders;
use super::machinery::Machinery;
use super::sandbox::{self, ContainerRequest};
use crate::errors::chain;
use runtime::protocol::ExecStreams;
use runtime::sandbox::{Exec, SandboxError};
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

/// So much is kept of what a command writes (`maxReadLength`); the rest is read and dropped.
const OUTPUT_BYTES: usize = 10 << 10;
/// How long is read on after the command's end: what it left running may hold its output open for ever.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs commands in one container.
#[derive(Clone)]
pub struct Program {
    pub(super) machinery: Arc<Machinery>,
    pub(super) folders: Folders,
    /// The container; `None` where its image is gone, so that nothing is known of its environment.
    pub(super) request: Option<ContainerRequest>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("run_dir", &self.folders.run_dir).finish_non_exhaustive()
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// It ended.
    Ended {
        /// Its exit code.
        code: i32,
        /// What it wrote: standard output, then standard error; 10 KiB at most.
        output: String,
        /// The second part of it alone.
        stderr: String,
    },
    /// It was killed because it took too long.
    TimedOut,
}

impl Program {
    /// Runs a command to its end, or kills it when its time is over.
    ///
    /// # Errors
    /// Why it could not be run, in the words of a runtime's answer to the kubelet.
    pub async fn run(&self, argv: &[String], limit: Option<Duration>) -> Result<Ran, String> {
        let failed = |why: String| format!("rpc error: code = Unknown desc = failed to exec in container: {why}");
        let request = self.request.as_ref().ok_or_else(|| failed("its image was removed".to_owned()))?;
        let spec = sandbox::exec_spec(&self.machinery, &self.folders, request, argv, ExecStreams::Output).map_err(failed)?;
        let pipes = || -> io::Result<[(Receiver, OwnedFd); 2]> { Ok([pipe()?, pipe()?]) };
        let [(mut stdout, inner_stdout), (mut stderr, inner_stderr)] = pipes().map_err(|error| failed(error.to_string()))?;
        let run = async {
            let streams = [inner_stdout.as_fd(), inner_stderr.as_fd()];
            let mut exec = Exec::start(&self.folders.run_dir, spec, &streams).await.map_err(|error| match error {
                SandboxError::Start(failure) => failed(failure.to_string()),
                other => failed(chain(&other)),
            })?;
            // Only the program holds the other ends now.
            drop((inner_stdout, inner_stderr));
            let (mut output, mut errors) = (Vec::new(), Vec::new());
            let ended = {
                let read = async { tokio::join!(drain(&mut stdout, &mut output), drain(&mut stderr, &mut errors)) };
                let mut read = std::pin::pin!(read);
                let mut is_read = false;
                let ended = loop {
                    // The exit stays in the connection, what was read in the buffers: neither is lost when the other comes first.
                    tokio::select! {
                        ended = exec.wait() => break ended,
                        _ = &mut read, if !is_read => is_read = true,
                    }
                };
                if !is_read {
                    let _ = timeout(LAST_WORDS, read).await;
                }
                ended
            };
            let exit = ended.map_err(|error| failed(chain(&error)))?;
            Ok(ended_with(exit.code, output, &errors))
        };
        match limit {
            None => run.await,
            // Dropped, it is killed: its connection closes.
            Some(limit) => timeout(limit, run).await.unwrap_or(Ok(Ran::TimedOut)),
        }
    }
}

fn ended_with(code: i32, mut output: Vec<u8>, errors: &[u8]) -> Ran {
    let stderr = String::from_utf8_lossy(errors).into_owned();
    output.extend_from_slice(errors);
    output.truncate(OUTPUT_BYTES);
    Ran::Ended { code, output: String::from_utf8_lossy(&output).into_owned(), stderr }
}

fn pipe() -> io::Result<(Receiver, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((Receiver::from_owned_fd(reader)?, writer))
}

/// Reads to the end, and keeps the beginning.
async fn drain(pipe: &mut Receiver, kept: &mut Vec<u8>) {
    let mut bytes = vec![0; 4096];
    while let Ok(count) = pipe.read(&mut bytes).await {
        if count == 0 {
            return;
        }
        let room = OUTPUT_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..count.min(room)]);
    }
}
