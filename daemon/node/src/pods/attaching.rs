//! Attaches to a container that runs: what it writes comes through its supervisor, what it reads is written to it directly.

use super::machinery::Machinery;
use crate::errors::chain;
use crate::streams::{Attach, Duplex, Ending, Resize, Running, Sink, Source};
use crate::verbs::not_running;
use objects::Status;
use runtime::protocol::{AttachSpec, ConsoleMode, ContainerId, InputMode};
use runtime::sandbox::{Attachment, Parted, SandboxError};
use runtime::terminal::Terminal;
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use wire::{StreamEnd, channel};

impl Machinery {
    pub(super) async fn attach_to(&self, container: &Running, how: Attach) -> Result<Duplex, Status> {
        let broken = |error: io::Error| refused(&format!("cannot make its streams: {error}"));
        let ((stdout, inner_stdout), (stderr, inner_stderr)) = (source().map_err(broken)?, source().map_err(broken)?);
        let spec = AttachSpec {
            writes: how.stdin,
            container: ContainerId { name: container.container.clone(), attempt: container.attempt },
        };
        let folders = self.folders(&container.pod);
        let started = Attachment::start(&folders.run_dir, spec, how.since, &[inner_stdout.as_fd(), inner_stderr.as_fd()]).await;
        let (attachment, input) = started.map_err(|error| match error {
            SandboxError::Connect { .. } | SandboxError::Gone => not_running(&container.container),
            other => refused(&chain(&other)),
        })?;
        let streams = attachment.streams();
        let (mut sink, mut resize): (Option<Sink>, Option<Resize>) = (None, None);
        match (streams.console, input) {
            (ConsoleMode::Terminal, Some(input)) => {
                let terminal = Terminal::of(input).map_err(broken)?;
                if let Some(size) = how.size {
                    terminal.resize(size.columns, size.rows).map_err(broken)?;
                }
                let resized = terminal.clone();
                resize = Some(Box::new(move |size| resized.resize(size.columns, size.rows)));
                sink = Some(Box::new(terminal));
            }
            (ConsoleMode::Pipes, Some(input)) => sink = Some(Box::new(pipe::Sender::from_owned_fd(input).map_err(broken)?)),
            (_, None) => {}
        }
        let is_read = how.stdin && streams.input != InputMode::Nothing;
        let (written, is_written) = oneshot::channel();
        let input = sink.filter(|_| is_read).map(|inner| Box::new(Input { inner, _written: written }) as Sink);
        let ((stdout, stdout_heard), (stderr, stderr_heard)) = (Heard::new(stdout), Heard::new(stderr));
        let outputs: Vec<(u8, Source)> = vec![(channel::STDOUT, Box::new(stdout)), (channel::STDERR, Box::new(stderr))];
        let all_heard = async {
            // Their ends are dropped, which is what there is to hear.
            let _ = tokio::join!(stdout_heard, stderr_heard);
        };
        Ok(Duplex { input, outputs, resize, ending: Ending::Known(Box::pin(end(attachment, is_written, all_heard))) })
    }
}

/// Waits for the end, and until what was written before it is heard; tells the supervisor when the client has written all.
async fn end(
    mut attachment: Attachment,
    mut is_written: oneshot::Receiver<()>,
    all_heard: impl Future<Output = ()> + Send,
) -> StreamEnd {
    let mut is_open = true;
    let parted = loop {
        // The attachment keeps what it was told when the other comes first.
        tokio::select! {
            parted = attachment.parted() => break parted,
            _ = &mut is_written, if is_open => is_open = false,
        }
        // A supervisor that is gone is told of by the wait.
        let _ = attachment.end_input().await;
    };
    match parted {
        Ok(Parted::Exited(exit)) => {
            // The supervisor may have more than the pipes took: it keeps that for as long as we are attached, and closes them behind it.
            all_heard.await;
            if attachment.has_heard_all().await { StreamEnd::Exited { code: exit.code } } else { too_slow() }
        }
        Ok(Parted::TooSlow) => too_slow(),
        Err(error) => StreamEnd::Failed { status: refused(&chain(&error)) },
    }
}

fn too_slow() -> StreamEnd {
    let message = "detached: what the container wrote was not read in time, and it does not wait for longer";
    StreamEnd::Failed { status: Status::unavailable(message) }
}

fn refused(why: &str) -> Status {
    Status::internal(format!("error attaching to container: {why}"))
}

/// A pipe: what is read from it, and where that is written.
fn source() -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((pipe::Receiver::from_owned_fd(reader)?, writer))
}

/// An output. That it is dropped tells that it was read to its end, or that nobody reads it any more.
struct Heard {
    inner: pipe::Receiver,
    _heard: oneshot::Sender<()>,
}

impl Heard {
    fn new(inner: pipe::Receiver) -> (Self, oneshot::Receiver<()>) {
        let (heard, is_heard) = oneshot::channel();
        (Self { inner, _heard: heard }, is_heard)
    }
}

impl AsyncRead for Heard {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

/// Where the client's bytes go. That it is dropped tells that there are no more.
struct Input {
    inner: Sink,
    _written: oneshot::Sender<()>,
}

impl AsyncWrite for Input {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
