//! Runs programs of this machine, with its files and tools: in a pod's namespaces, for images without a shell, or in the machine's own.
//!
//! `nsenter` enters the namespaces and `setsid` gives the program a session and its terminal: both are of util-linux, as are the tools
//! that somebody would look for there.

use super::inside::{Inside, Streams, with_pipes, with_terminal};
use super::machinery::Machinery;
use crate::streams::{Duplex, Ending, Program, Running, Standard};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use objects::Status;
use runtime::protocol::ExecStreams;
use rustix::fs::{Mode, OFlags, open};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use tokio::process::{Child, Command};
use wire::StreamEnd;

/// What is run where nothing is named: the first of these that is there.
const SHELL: &str = "if command -v bash >/dev/null; then exec bash; else exec sh; fi";

impl Machinery {
    pub(super) async fn run_on_host(&self, container: Option<&Running>, program: Program) -> Result<Duplex, Status> {
        let mut command = Command::new("setsid");
        let kind = match program.streams {
            Standard::Output => ExecStreams::Output,
            Standard::All => ExecStreams::All,
            Standard::Terminal(_) => {
                command.arg("--ctty");
                ExecStreams::Terminal
            }
        };
        // The container keeps its number while this is held: its first process is entered at once or not at all.
        let inside = match container {
            Some(container) => Some(self.inside(container).await?),
            None => None,
        };
        if let Some(Inside { pid, .. }) = &inside {
            command.args(["nsenter", "--target", &pid.to_string(), "--net", "--uts", "--ipc", "--pid", "--"]);
        }
        match program.argv.as_slice() {
            [] => command.args(["sh", "-c", SHELL]),
            argv => command.args(argv),
        };
        let Streams { inner, input, outputs, resize } = match program.streams {
            Standard::Terminal(size) => with_terminal(&own_root()?, size),
            _ => with_pipes(kind),
        }
        .map_err(|error| refused(&format!("cannot make its streams: {error}")))?;
        standard_streams(&mut command, kind, inner).map_err(|error| refused(&format!("cannot make its streams: {error}")))?;
        command.env("TERM", "xterm").current_dir("/");
        let child = command.spawn().map_err(|error| refused(&format!("setsid and nsenter of util-linux are needed: {error}")))?;
        // The command holds the program's ends until it is dropped.
        drop(command);
        let group = Group { child };
        let ending = Ending::Known(Box::pin(async move { group.end().await }));
        Ok(Duplex { input, outputs, resize, ending })
    }
}

fn standard_streams(command: &mut Command, kind: ExecStreams, inner: Vec<OwnedFd>) -> std::io::Result<()> {
    let mut inner = inner.into_iter();
    let mut next = || inner.next().ok_or(std::io::ErrorKind::InvalidInput);
    match kind {
        ExecStreams::Output => command.stdin(Stdio::null()).stdout(next()?).stderr(next()?),
        ExecStreams::All => command.stdin(next()?).stdout(next()?).stderr(next()?),
        ExecStreams::Terminal => {
            let terminal = next()?;
            command.stdin(terminal.try_clone()?).stdout(terminal.try_clone()?).stderr(terminal)
        }
    };
    Ok(())
}

/// This machine's own root: where its terminals are made.
fn own_root() -> Result<OwnedFd, Status> {
    open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| refused(&format!("cannot open the root: {error}")))
}

fn refused(why: &str) -> Status {
    Status::internal(format!("cannot run a program of the node: {why}"))
}

/// A program with all that it started; dropping it kills them.
struct Group {
    child: Child,
}

impl Group {
    async fn end(mut self) -> StreamEnd {
        match self.child.wait().await {
            Ok(status) => {
                let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
                StreamEnd::Exited { code }
            }
            Err(error) => StreamEnd::Failed { status: refused(&error.to_string()) },
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It leads its group, whose number stays taken until it is waited for; after that there is nothing to kill here.
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}
