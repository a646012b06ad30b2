//! The program of a session: started in its terminal or on pipes, fed and listened to until it ends or nobody is there any more.

use super::launch;
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use russh::server::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use rustix::termios::{Winsize, tcgetpgrp, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

/// The extended data of SSH that is standard error (RFC 4254, 5.2).
pub const STDERR: u32 = 1;

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;
/// A program that takes no input for so long while nobody takes its output waits for itself: both go through one connection.
const STUCK: Duration = Duration::from_secs(60);
/// How long the last output of a program that has ended may take to come out of its terminal or pipes.
const LAST_OUTPUT: Duration = Duration::from_secs(30);

/// A terminal's size, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    columns: u16,
    rows: u16,
}

impl Size {
    /// What a client says, within reason: a picture of it is memory.
    #[must_use]
    pub fn new(columns: u32, rows: u32) -> Self {
        let within = |cells: u32, most: u32, otherwise: u32| match cells {
            0 => otherwise,
            cells => cells.min(most),
        };
        let fitting = |cells: u32| u16::try_from(cells).unwrap_or(u16::MAX);
        Self { columns: fitting(within(columns, 1_000, 80)), rows: fitting(within(rows, 500, 24)) }
    }

    fn set(self, terminal: &PtyMaster) -> io::Result<()> {
        let size = Winsize { ws_row: self.rows, ws_col: self.columns, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(tcsetwinsize(terminal, size)?)
    }
}

/// What to start.
#[derive(Debug)]
pub struct Wanted {
    /// The words for `skiff`.
    pub words: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// The size of its terminal, where it has one.
    pub size: Option<Size>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself; 128 and the signal's number where one ended it.
    Code(u32),
    /// The client went away.
    Gone,
    /// It waited for itself.
    Stuck,
}

/// A program that runs. Dropped, it is killed, with all that it started.
pub struct Program {
    child: Child,
    terminal: Option<AsyncFd<PtyMaster>>,
}

impl Program {
    /// Starts it as a user of its own.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn start(wanted: Wanted, user: u32) -> io::Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command.args(launch::words(user, wanted.size.is_some(), &wanted.words));
        command.env_clear().envs(wanted.environment).kill_on_drop(true);
        let terminal = match wanted.size {
            None => {
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                None
            }
            Some(size) => {
                let (own, theirs) = open_terminal()?;
                size.set(&own)?;
                command.stdin(theirs.try_clone()?).stdout(theirs.try_clone()?).stderr(theirs);
                #[expect(
                    deprecated,
                    reason = "its successor is unsafe; an owner that keeps its descriptor is all that it demands"
                )]
                let own = AsyncFd::new(own)?;
                Some(own)
            }
        };
        // With the command go our copies of the program's end of the terminal: it ends for us when it ends for the program.
        Ok(Self { child: command.spawn()?, terminal })
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Feeds and hears it, until it has ended and all that it said is with the client, or the client is gone.
    pub async fn run(mut self, reading: &mut ChannelReadHalf, writing: &ChannelWriteHalf<Msg>) -> Ended {
        let is_waiting = AtomicBool::new(false);
        let pipes = (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take());
        let (stdin, stdout, stderr) = pipes;
        let terminal = self.terminal.take();
        let group = self.child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let _group = Group(group);
        let hearing = async {
            match &terminal {
                Some(terminal) => pass_on(OfTerminal(terminal), writing.make_writer(), &is_waiting).await,
                None => {
                    let out = optional(stdout, writing.make_writer(), &is_waiting);
                    let err = optional(stderr, writing.make_writer_ext(Some(STDERR)), &is_waiting);
                    tokio::try_join!(out, err).map(drop)
                }
            }
        };
        let ends = (terminal.as_ref(), group);
        let feeding = feed(reading, stdin, ends, &is_waiting);
        tokio::pin!(hearing, feeding);
        let (mut is_heard, mut status) = (false, None);
        // What is not finished when another arm wins is polled again, except at the end, where it is dropped.
        loop {
            tokio::select! {
                biased;
                ended = &mut feeding => return ended,
                heard = &mut hearing, if !is_heard => match heard {
                    Ok(()) => is_heard = true,
                    Err(_) => return Ended::Gone,
                },
                ended = self.child.wait(), if status.is_none() => {
                    status = Some(ended.map_or(Ended::Gone, |status| Ended::Code(code(status))));
                }
                () = tokio::time::sleep(LAST_OUTPUT), if status.is_some() => is_heard = true,
            }
            if let (true, Some(ended)) = (is_heard, status) {
                return ended;
            }
        }
    }
}

/// The session's process group; killed when the session ends, whatever way. Its leader's number cannot be another's meanwhile: the
/// leader is waited for after this is dropped, or was the last of it.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        // There is none any more where everything has ended by itself.
        let _ = self.0.map(|group| killpg(group, Signal::SIGKILL));
    }
}

fn code(status: ExitStatus) -> u32 {
    use std::os::unix::process::ExitStatusExt;
    let signalled = || status.signal().map(|signal| 128 + signal);
    status.code().or_else(signalled).and_then(|code| u32::try_from(code).ok()).unwrap_or(255)
}

fn open_terminal() -> io::Result<(PtyMaster, File)> {
    // With O_CLOEXEC: whatever the daemon starts meanwhile must not hold it open.
    let own = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    grantpt(&own)?;
    unlockpt(&own)?;
    let path = ptsname_r(&own)?;
    let theirs = OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(path)?;
    Ok((own, theirs))
}

/// Our end of the terminal, to be read. A terminal that nobody has open at the other end gives EIO: that is its end.
struct OfTerminal<'a>(&'a AsyncFd<PtyMaster>);

impl AsyncRead for OfTerminal<'_> {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        use std::task::{Poll, ready};
        loop {
            let mut guard = ready!(self.0.poll_read_ready(context))?;
            match guard.try_io(|terminal| Ok(rustix::io::read(terminal.get_ref(), buffer.initialize_unfilled())?)) {
                Ok(Ok(count)) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) if error.raw_os_error() == Some(nix::libc::EIO) => return Poll::Ready(Ok(())),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

async fn optional(reader: Option<impl AsyncRead + Unpin>, writer: impl AsyncWrite, is_waiting: &AtomicBool) -> io::Result<()> {
    match reader {
        Some(reader) => pass_on(reader, writer, is_waiting).await,
        None => Ok(()),
    }
}

/// Reads only when what was read before is on its way: what the client does not take stays in the program's terminal or pipe.
async fn pass_on(mut reader: impl AsyncRead + Unpin, writer: impl AsyncWrite, is_waiting: &AtomicBool) -> io::Result<()> {
    tokio::pin!(writer);
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        is_waiting.store(true, Ordering::Relaxed);
        writer.write_all(&buffer[..count]).await?;
        is_waiting.store(false, Ordering::Relaxed);
    }
}

/// Passes on what the client sends and asks; returns when it is gone.
async fn feed(
    reading: &mut ChannelReadHalf,
    mut stdin: Option<ChildStdin>,
    (terminal, group): (Option<&AsyncFd<PtyMaster>>, Option<Pid>),
    is_waiting: &AtomicBool,
) -> Ended {
    loop {
        match reading.wait().await {
            None | Some(ChannelMsg::Close) => return Ended::Gone,
            Some(ChannelMsg::Data { data }) => {
                let written = match (terminal, &mut stdin) {
                    (Some(terminal), _) => patiently(write_terminal(terminal, &data), is_waiting).await,
                    (None, Some(stdin)) => patiently(stdin.write_all(&data), is_waiting).await,
                    (None, None) => Some(Ok(())),
                };
                match written {
                    // A program that reads no more may still have something to say.
                    Some(Err(_)) => stdin = None,
                    Some(Ok(())) => {}
                    None => return Ended::Stuck,
                }
            }
            Some(ChannelMsg::Eof) => stdin = None,
            Some(ChannelMsg::WindowChange { col_width, row_height, .. }) => {
                if let Some(terminal) = terminal {
                    // One whose program has just ended has no size any more.
                    let _ = Size::new(col_width, row_height).set(terminal.get_ref());
                }
            }
            Some(ChannelMsg::Signal { signal }) => {
                let foreground = terminal.and_then(|terminal| tcgetpgrp(terminal.get_ref()).ok());
                let foreground = foreground.map(|group| Pid::from_raw(group.as_raw_nonzero().get()));
                if let (Some(signal), Some(group)) = (known(&signal), foreground.or(group)) {
                    // It may have ended in this moment.
                    let _ = killpg(group, signal);
                }
            }
            Some(_) => {}
        }
    }
}

/// Waits for a write for as long as it takes, unless the program's output waits, too; `None` then.
async fn patiently(write: impl Future<Output = io::Result<()>>, is_waiting: &AtomicBool) -> Option<io::Result<()>> {
    tokio::pin!(write);
    loop {
        match tokio::time::timeout(STUCK, &mut write).await {
            Ok(written) => return Some(written),
            Err(_) if is_waiting.load(Ordering::Relaxed) => return None,
            Err(_) => {}
        }
    }
}

async fn write_terminal(terminal: &AsyncFd<PtyMaster>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let mut guard = terminal.writable().await?;
        if let Ok(written) = guard.try_io(|terminal| Ok(rustix::io::write(terminal.get_ref(), bytes)?)) {
            bytes = &bytes[written?..];
        }
    }
    Ok(())
}

fn known(signal: &Sig) -> Option<Signal> {
    Some(match signal {
        Sig::HUP => Signal::SIGHUP,
        Sig::INT => Signal::SIGINT,
        Sig::QUIT => Signal::SIGQUIT,
        Sig::TERM => Signal::SIGTERM,
        Sig::KILL => Signal::SIGKILL,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Size, code};
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    #[test]
    fn a_size_is_one_that_can_be_drawn() {
        assert_eq!(Size::new(0, 0), Size { columns: 80, rows: 24 });
        assert_eq!(Size::new(u32::MAX, u32::MAX), Size { columns: 1_000, rows: 500 });
        assert_eq!(Size::new(132, 43), Size { columns: 132, rows: 43 });
    }

    #[test]
    fn a_signal_is_told_as_a_shell_tells_it() {
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(code(ExitStatus::from_raw(9)), 137);
    }
}
