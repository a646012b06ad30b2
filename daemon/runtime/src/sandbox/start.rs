//! Starts a supervisor: executed from sealed memory by vfork, configured over the socket that becomes its first connection.

use std::fs;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::{ERROR_FILE, SandboxError, SupervisorConnection, SupervisorId, SupervisorImage};
use crate::protocol::{Request, ToSupervisor, VERSION, encode};
use crate::spec::{NetworkMode, SandboxSpec};

/// Starts the supervisor of a sandbox and returns once it is ready, with the connection to it.
///
/// Makes `spec.run_dir` (0700) if it is missing. The network namespace is handed over as a descriptor and needed with
/// [`NetworkMode::Namespace`] only. Blocks for the time of an execve, some 0.1 ms.
pub async fn start(
    image: &SupervisorImage,
    spec: &SandboxSpec,
    netns: Option<BorrowedFd<'_>>,
) -> Result<SupervisorConnection, SandboxError> {
    spec.check()?;
    let fail = |step: &'static str| move |source| SandboxError::Spawn { id: spec.id.clone(), step, source };
    let netns = match (spec.network, netns) {
        (NetworkMode::Namespace, None) => return Err(fail("no network namespace was given")(io::ErrorKind::InvalidInput.into())),
        (NetworkMode::Host, _) => None,
        (NetworkMode::Namespace, netns) => netns,
    };
    let (ours, theirs) = UnixStream::pair().map_err(fail("socket pair"))?;
    // The configuration waits in the socket before the supervisor looks for it.
    let hello = encode(&ToSupervisor::Hello { version: VERSION })?;
    let configure = encode(&ToSupervisor::Request(0, Request::Configure(Box::new(spec.clone()))))?;
    send(&ours, &hello, &configure, netns).map_err(fail("handing over the configuration"))?;
    let mut child = spawn(image, spec, theirs.into()).map_err(fail("spawning"))?;
    let supervisor = match SupervisorId::of_pid(child.id() as i32) {
        Ok(supervisor) => supervisor,
        Err(source) => {
            child.kill().and_then(|()| child.wait()).map_err(fail("ending it"))?;
            return Err(fail("reading its start time")(source));
        }
    };
    // From here on it is reaped through its pidfd, by whichever connection sees it end.
    drop(child);
    let mut connection = SupervisorConnection::from_stream(ours, supervisor).map_err(fail("its socket"))?;
    connection.finish_start().await?;
    Ok(connection)
}

fn spawn(image: &SupervisorImage, spec: &SandboxSpec, socket: OwnedFd) -> io::Result<std::process::Child> {
    fs::DirBuilder::new().mode(0o700).recursive(true).create(&spec.run_dir)?;
    let errors = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(spec.run_dir.join(ERROR_FILE))?;
    // Without hooks this is posix_spawn: no copy of the daemon's page tables.
    Command::new(image.path())
        .arg0("skiff-supervisor")
        .arg(&spec.id)
        .env_clear()
        // A thread's cache of freed memory keeps pages that a supervisor could give back between its rare requests.
        .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::from(errors))
        .spawn()
}

fn send(socket: &UnixStream, hello: &[u8], configure: &[u8], netns: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<BorrowedFd<'_>> = netns.into_iter().collect();
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    // Some hundred bytes into an empty socket: never short.
    sendmsg(socket.as_fd(), &[IoSlice::new(hello), IoSlice::new(configure)], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}
