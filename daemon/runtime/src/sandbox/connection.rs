//! The daemon's end of a supervisor's socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;

use super::{PID_FILE, SOCKET_FILE, SandboxError, SupervisorId};
use crate::protocol::{
    Answer, AttachSpec, AttachedTo, ContainerId, ContainerState, ContainerStreams, Credentials, ExecSpec, FromSupervisor, Inbox,
    InputMode, Notice, Request, RequestId, Since, StartSpec, Started, ToSupervisor, VERSION, VERSION_OF_ATTACH,
    VERSION_OF_AWAITED, VERSION_OF_CREDENTIALS, VERSION_OF_EXEC, VERSION_OF_PARTS, decode, encode,
};
use crate::spec::{ContainerSpec, Mount};
use crate::sys::watch;

/// How much is read at once.
const READ_SIZE: usize = 4096;

/// A connection to a supervisor, owned by the one task that looks after the sandbox.
///
/// One request at a time: each method sends and waits for its answer; notices that arrive in between are kept for
/// [`SupervisorConnection::next_notice`]. Dropping it leaves the supervisor and its containers alone.
#[derive(Debug)]
pub struct SupervisorConnection {
    stream: UnixStream,
    inbox: Inbox,
    notices: VecDeque<Notice>,
    next_request: RequestId,
    supervisor: SupervisorId,
    pidfd: AsyncFd<OwnedFd>,
    /// 0 until its Hello came.
    version: u32,
}

impl SupervisorConnection {
    /// Connects to the supervisor of the sandbox in `run_dir`; refuses whoever listens there and is not the process that
    /// the pid file names.
    pub async fn connect(run_dir: &Path) -> Result<SupervisorConnection, SandboxError> {
        let fail = |source| SandboxError::Connect { dir: run_dir.to_path_buf(), source };
        let supervisor = SupervisorId::read(&run_dir.join(PID_FILE)).map_err(fail)?;
        // A path through a descriptor fits into a socket address, however deep the folder is.
        let dir = std::fs::File::open(run_dir).map_err(fail)?;
        let address = format!("/proc/self/fd/{}/{SOCKET_FILE}", dir.as_raw_fd());
        let stream = std::os::unix::net::UnixStream::connect(address).map_err(fail)?;
        let listener = rustix::net::sockopt::socket_peercred(&stream).map_err(|errno| fail(errno.into()))?;
        if listener.pid.as_raw_nonzero().get() != supervisor.pid || !supervisor.is_alive() {
            return Err(fail(io::Error::from(io::ErrorKind::PermissionDenied)));
        }
        let mut connection = SupervisorConnection::from_stream(stream, supervisor).map_err(fail)?;
        connection.send(&ToSupervisor::Hello { version: VERSION }).await?;
        while connection.version == 0 {
            connection.read_message().await?;
        }
        Ok(connection)
    }

    pub(super) fn from_stream(
        stream: std::os::unix::net::UnixStream,
        supervisor: SupervisorId,
    ) -> io::Result<SupervisorConnection> {
        stream.set_nonblocking(true)?;
        let pid = Pid::from_raw(supervisor.pid).ok_or(io::ErrorKind::InvalidInput)?;
        let pidfd = watch(pidfd_open(pid, PidfdFlags::empty())?)?;
        Ok(SupervisorConnection {
            stream: UnixStream::from_std(stream)?,
            inbox: Inbox::default(),
            notices: VecDeque::new(),
            next_request: 1,
            supervisor,
            pidfd,
            version: 0,
        })
    }

    /// Waits for the answer to the configuration that [`super::start`] sent.
    pub(super) async fn finish_start(&mut self) -> Result<(), SandboxError> {
        match self.answer(0).await {
            Ok(Answer::Done) => Ok(()),
            Ok(Answer::Refused(why)) => {
                self.wait_gone().await;
                Err(SandboxError::Refused(why))
            }
            Ok(_) => Err(SandboxError::Protocol),
            Err(error) => Err(error),
        }
    }

    /// The supervisor at the other end.
    pub fn supervisor(&self) -> SupervisorId {
        self.supervisor
    }

    /// The protocol's version that it speaks.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Starts a container; returns once its program was executed.
    pub async fn start_container(&mut self, spec: &ContainerSpec) -> Result<Started, SandboxError> {
        self.start_with(Request::Start(Box::new(spec.clone()))).await
    }

    /// Starts a container that is more than plain; returns once its program was executed.
    pub async fn start_special(&mut self, mut spec: StartSpec) -> Result<Started, SandboxError> {
        if spec.streams.input == InputMode::Awaited && self.version < VERSION_OF_AWAITED {
            // Whoever comes finds in its log what it wrote before.
            spec.streams.input = InputMode::Nothing;
        }
        if spec.container.mounts.iter().any(|mount| matches!(mount, Mount::Part { .. })) {
            self.needs(VERSION_OF_PARTS, "mounts no parts of volumes")?;
        }
        if spec.streams == ContainerStreams::PLAIN && spec.among.is_none() {
            return self.start_container(&spec.container).await;
        }
        self.needs(VERSION_OF_ATTACH, "starts no containers with an input or a terminal")?;
        self.start_with(Request::StartWith(Box::new(spec))).await
    }

    async fn start_with(&mut self, request: Request) -> Result<Started, SandboxError> {
        match self.request(request).await? {
            Answer::Started(started) => Ok(started),
            Answer::Failed(failure) => Err(SandboxError::Start(failure)),
            Answer::Refused(why) => Err(SandboxError::Refused(why)),
            _ => Err(SandboxError::Protocol),
        }
    }

    /// Signals a container's main process; `Refused` if it does not run (any more).
    pub async fn signal(&mut self, container: &ContainerId, signal: i32) -> Result<(), SandboxError> {
        let request = Request::Signal { container: container.clone(), signal };
        match self.request(request).await? {
            Answer::Done => Ok(()),
            Answer::Refused(why) => Err(SandboxError::Refused(why)),
            _ => Err(SandboxError::Protocol),
        }
    }

    /// Who a container's program was started as; `Refused` by a supervisor that is too old to know, or has no such container.
    pub async fn credentials(&mut self, container: &ContainerId) -> Result<Credentials, SandboxError> {
        self.needs(VERSION_OF_CREDENTIALS, "does not say who a container was started as")?;
        match self.request(Request::Credentials(container.clone())).await? {
            Answer::Credentials(credentials) => Ok(credentials),
            Answer::Refused(why) => Err(SandboxError::Refused(why)),
            _ => Err(SandboxError::Protocol),
        }
    }

    /// All containers that the supervisor knows: those that run, and of each name the newest that ended.
    pub async fn status(&mut self) -> Result<Vec<ContainerState>, SandboxError> {
        match self.request(Request::Status).await? {
            Answer::Status(states) => Ok(states),
            Answer::Refused(why) => Err(SandboxError::Refused(why)),
            _ => Err(SandboxError::Protocol),
        }
    }

    /// Ends the supervisor; what still runs is killed. Returns when it is gone. The exits stay in their files.
    pub async fn shutdown(&mut self) -> Result<(), SandboxError> {
        match self.request(Request::Shutdown).await {
            Ok(Answer::Done) | Err(SandboxError::Gone) => {}
            Ok(Answer::Refused(why)) => return Err(SandboxError::Refused(why)),
            Ok(_) => return Err(SandboxError::Protocol),
            Err(error) => return Err(error),
        }
        self.wait_gone().await;
        Ok(())
    }

    /// The next thing that the supervisor reports by itself. [`SandboxError::Gone`] once it ended (and was reaped, where it
    /// is a child of this process). Can be dropped at any time without losing a notice.
    pub async fn next_notice(&mut self) -> Result<Notice, SandboxError> {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return Ok(notice);
            }
            // A late answer is one that nobody waits for any more.
            self.read_message().await?;
        }
    }

    /// Starts a further program in a container, with the descriptors that `spec.streams` tells of; returns once it was executed. For a
    /// connection of its own, with which it ends.
    pub(super) async fn exec(&mut self, spec: ExecSpec, streams: &[BorrowedFd<'_>]) -> Result<Started, SandboxError> {
        self.needs(VERSION_OF_EXEC, "runs no further programs")?;
        let id = self.request_with(Request::Exec(Box::new(spec)), streams).await?;
        match self.answer(id).await? {
            Answer::Started(started) => Ok(started),
            Answer::Failed(failure) => Err(SandboxError::Start(failure)),
            Answer::Refused(why) => Err(SandboxError::Refused(why)),
            _ => Err(SandboxError::Protocol),
        }
    }

    /// Attaches to a container, with the descriptors that its output goes to; returned is what was attached to, and what is to be written
    /// to. For a connection of its own, with which it ends.
    pub(super) async fn attach(
        &mut self,
        spec: AttachSpec,
        since: Since,
        outputs: &[BorrowedFd<'_>; 2],
    ) -> Result<(AttachedTo, Option<OwnedFd>), SandboxError> {
        let request = match since {
            Since::Now => {
                self.needs(VERSION_OF_ATTACH, "lets nobody attach")?;
                Request::Attach(spec)
            }
            Since::Start => {
                self.needs(VERSION_OF_AWAITED, "keeps nothing for whoever attaches")?;
                Request::AttachFromStart(spec)
            }
        };
        let id = self.request_with(request, outputs).await?;
        let input = self.receive_with().await?;
        match self.answer(id).await? {
            Answer::Attached(attached) => Ok((attached, input)),
            Answer::Refused(why) => Err(SandboxError::Refused(why)),
            _ => Err(SandboxError::Protocol),
        }
    }

    /// Whether the supervisor has said this of its own, and nobody has taken note of it yet.
    pub(super) fn was_told(&self, notice: &Notice) -> bool {
        self.notices.contains(notice)
    }

    /// This connection's attachment writes no more.
    pub(super) async fn end_input(&mut self) -> Result<(), SandboxError> {
        match self.request(Request::EndInput).await? {
            Answer::Done => Ok(()),
            Answer::Refused(why) => Err(SandboxError::Refused(why)),
            _ => Err(SandboxError::Protocol),
        }
    }

    fn needs(&self, version: u32, what: &str) -> Result<(), SandboxError> {
        if self.version >= version {
            return Ok(());
        }
        Err(SandboxError::Refused(format!("it is older than this daemon and {what}; start the pod anew")))
    }

    /// Sends a request with descriptors beside it; its number.
    async fn request_with(&mut self, request: Request, descriptors: &[BorrowedFd<'_>]) -> Result<RequestId, SandboxError> {
        let id = self.next_request;
        self.next_request += 1;
        let frame = encode(&ToSupervisor::Request(id, request))?;
        let sent = self.send_with(&frame, descriptors).await.map_err(SandboxError::Broken)?;
        self.stream.write_all(&frame[sent..]).await.map_err(SandboxError::Broken)?;
        Ok(id)
    }

    /// Reads once, for the descriptor that comes beside an answer.
    async fn receive_with(&mut self) -> Result<Option<OwnedFd>, SandboxError> {
        loop {
            self.stream.readable().await.map_err(SandboxError::Broken)?;
            let mut bytes = [0; READ_SIZE];
            let mut descriptor = None;
            let received = self.stream.try_io(Interest::READABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                let mut ancillary = RecvAncillaryBuffer::new(&mut space);
                let mut pieces = [IoSliceMut::new(&mut bytes)];
                let received = recvmsg(&self.stream, &mut pieces, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
                for message in ancillary.drain() {
                    if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                        descriptor = descriptors.last().or(descriptor.take());
                    }
                }
                Ok(received.bytes)
            });
            match received {
                Ok(0) => return Err(self.closed().await),
                Ok(count) => {
                    self.inbox.buffer().extend_from_slice(&bytes[..count]);
                    return Ok(descriptor);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(SandboxError::Broken(error)),
            }
        }
    }

    /// Signals the program of [`SupervisorConnection::exec`]; `Refused` if it does not run (any more).
    pub(super) async fn signal_exec(&mut self, signal: i32) -> Result<(), SandboxError> {
        match self.request(Request::SignalExec { signal }).await? {
            Answer::Done => Ok(()),
            Answer::Refused(why) => Err(SandboxError::Refused(why)),
            _ => Err(SandboxError::Protocol),
        }
    }

    /// Sends the start of a frame with descriptors beside it; says how much of it went.
    async fn send_with(&self, frame: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
        loop {
            self.stream.writable().await?;
            let sent = self.stream.try_io(Interest::WRITABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
                let mut ancillary = SendAncillaryBuffer::new(&mut space);
                ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
                sendmsg(&self.stream, &[IoSlice::new(frame)], &mut ancillary, SendFlags::NOSIGNAL).map_err(io::Error::from)
            });
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    async fn request(&mut self, request: Request) -> Result<Answer, SandboxError> {
        let id = self.next_request;
        self.next_request = self.next_request.wrapping_add(1).max(1);
        self.send(&ToSupervisor::Request(id, request)).await?;
        self.answer(id).await
    }

    async fn answer(&mut self, id: RequestId) -> Result<Answer, SandboxError> {
        loop {
            if let Some((answered, answer)) = self.read_message().await?
                && answered == id
            {
                return Ok(answer);
            }
        }
    }

    async fn send(&mut self, message: &ToSupervisor) -> Result<(), SandboxError> {
        let frame = encode(message)?;
        match self.stream.write_all(&frame).await {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe || error.kind() == io::ErrorKind::ConnectionReset => {
                Err(self.closed().await)
            }
            other => other.map_err(SandboxError::Broken),
        }
    }

    /// Reads one message: an answer is returned, a notice kept.
    async fn read_message(&mut self) -> Result<Option<(RequestId, Answer)>, SandboxError> {
        let frame = loop {
            if let Some(frame) = self.inbox.take_frame()? {
                break frame;
            }
            let buffer = self.inbox.buffer();
            buffer.reserve(READ_SIZE);
            match self.stream.read_buf(buffer).await {
                Ok(0) => return Err(self.closed().await),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(self.closed().await),
                Err(error) => return Err(SandboxError::Broken(error)),
            }
        };
        match decode(&frame) {
            Some(FromSupervisor::Hello { version }) => self.version = version,
            Some(FromSupervisor::Answer(id, answer)) => return Ok(Some((id, answer))),
            Some(FromSupervisor::Notice(notice)) => self.notices.push_back(notice),
            // A notice of a younger supervisor.
            None => {}
        }
        Ok(None)
    }

    /// The other side closed: because it ended, or because this reader was too slow for it.
    async fn closed(&mut self) -> SandboxError {
        if self.supervisor.is_alive() && !self.is_ending().await {
            return SandboxError::Broken(io::ErrorKind::ConnectionAborted.into());
        }
        self.wait_gone().await;
        SandboxError::Gone
    }

    /// A process closes its files a moment before it counts as ended.
    async fn is_ending(&self) -> bool {
        tokio::time::timeout(std::time::Duration::from_secs(1), self.pidfd.readable()).await.is_ok()
    }

    async fn wait_gone(&mut self) {
        if self.pidfd.readable().await.is_ok() {
            // ECHILD: an earlier daemon was its parent.
            let _ = waitid(WaitId::PidFd(self.pidfd.get_ref().as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
    }
}
