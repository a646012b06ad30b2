//! A program on a terminal elsewhere: what is typed goes to it, what it writes comes back piece by piece, as fast as pieces are taken.

use super::driver::Sink;
use super::keyboard::Keyboard;
use super::{Chunk, Delta, PaneEnd, PaneNews, PaneProgram, PaneRequest};
use client::{ClientError, DuplexReader, DuplexSender, Link, Received};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use wire::{AttachRequest, ExecRequest, HostExecRequest, TerminalSize};

/// What was written and not yet looked at: more is not read, and so the program waits, as it does on any terminal.
const WINDOW_BYTES: u32 = 64 * 1024;
/// The most bytes of one piece.
const CHUNK_BYTES: usize = 16 * 1024;
/// What a piece takes of the window at least, so that there are never many of them.
const LEAST_BYTES: u32 = 256;
/// Runs or joins the program and passes everything on until it ends.
pub async fn run(link: Link, id: u32, request: PaneRequest, keyboard: Keyboard, sink: Sink) {
    let tell = |news| sink(Delta::Pane { id, news });
    let end = match attend(&link, request, &keyboard, &tell).await {
        Ok(end) => end,
        Err(ClientError::Refused(status)) => PaneEnd::Failed(status.to_string()),
        Err(error) => PaneEnd::Lost(error.to_string()),
    };
    tell(PaneNews::Ended(end));
}

async fn open(link: &Link, request: PaneRequest) -> Result<(DuplexSender, DuplexReader), ClientError> {
    let client = link.client().ok_or(ClientError::NotConnected)?;
    let size = Some(request.size);
    match request.program {
        PaneProgram::Exec { namespace, pod, container, command } => {
            let request = ExecRequest { namespace, pod, container, command, stdin: true, tty: true, size, window: 0 };
            client.exec(request).await
        }
        PaneProgram::Attach { namespace, pod, container, has_input, has_terminal } => {
            let size = size.filter(|_| has_terminal);
            client.attach(AttachRequest { namespace, pod, container, stdin: has_input, size, ..AttachRequest::default() }).await
        }
        PaneProgram::Node { node } => {
            let request = HostExecRequest { stdin: true, tty: true, size, ..HostExecRequest::default() };
            client.host_exec(Some(&node), request).await
        }
    }
}

async fn attend(
    link: &Link,
    request: PaneRequest,
    keyboard: &Keyboard,
    tell: &impl Fn(PaneNews) -> bool,
) -> Result<PaneEnd, ClientError> {
    let mut size = keyboard.size();
    // It may have changed since the program was asked for.
    let request = PaneRequest { size: *size.borrow_and_update(), ..request };
    let (sender, reader) = open(link, request).await?;
    tell(PaneNews::Begun);
    // Each goes on while another waits: a program that does not read is told its size all the same, and one that writes without a pause
    // hears what is typed.
    tokio::select! {
        end = read(reader, tell) => end,
        () = send_typed(&sender, keyboard) => Ok(PaneEnd::Left),
        () = send_size(&sender, &mut size) => Ok(PaneEnd::Left),
    }
}

async fn read(mut reader: DuplexReader, tell: &impl Fn(PaneNews) -> bool) -> Result<PaneEnd, ClientError> {
    let window = Arc::new(Semaphore::new(WINDOW_BYTES as usize));
    loop {
        match reader.next().await? {
            Some(Received::Bytes(_, bytes)) => {
                for part in bytes.chunks(CHUNK_BYTES) {
                    let cost = u32::try_from(part.len()).unwrap_or(WINDOW_BYTES).max(LEAST_BYTES);
                    // The window is closed by nobody.
                    let place = window.clone().acquire_many_owned(cost).await.ok();
                    if !tell(PaneNews::Output(Chunk::new(part.to_vec(), place))) {
                        return Ok(PaneEnd::Left);
                    }
                }
                // A program that never pauses must not keep the others from their turn.
                tokio::task::yield_now().await;
            }
            Some(Received::Exited(code)) => return Ok(PaneEnd::Exited(code)),
            None => return Ok(PaneEnd::Failed("the program's end was not told".to_owned())),
        }
    }
}

/// Does not end: a stream that has ended tells so by what is read of it.
async fn send_typed(sender: &DuplexSender, keyboard: &Keyboard) {
    loop {
        let typed = keyboard.take().await;
        let mut sent = if typed.bytes.is_empty() { Ok(()) } else { sender.send(&typed.bytes).await };
        if typed.is_finished && sent.is_ok() {
            sent = sender.finish().await;
        }
        if sent.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn send_size(sender: &DuplexSender, size: &mut watch::Receiver<TerminalSize>) {
    while size.changed().await.is_ok() {
        let now = *size.borrow_and_update();
        if sender.resize(now).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
