//! Becoming the supervisor of a sandbox.

use std::fs;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use nix::sched::{CloneFlags, unshare};
use runtime::container::{Shared, attach_later, attach_v1, start_pause};
use runtime::protocol::{Answer, FromSupervisor, Inbox, Request, ToSupervisor, VERSION, decode};
use runtime::sandbox::{PID_FILE, SOCKET_FILE, SupervisorId};
use runtime::spec::{IpcMode, NetworkMode, PidMode, SandboxSpec};
use runtime::sys::{child_signals, close_from, reset_signals};
use rustix::fs::{Mode, OFlags, open};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{DumpableBehavior, chdir, getpid, set_child_subreaper, set_dumpable_behavior, setsid, umask};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space, set_name};

use crate::connection::Connection;
use crate::supervisor::Supervisor;

/// The out-of-memory killer is to look elsewhere first.
const OOM_SCORE_ADJ: &str = "-999";

const READ_SIZE: usize = 1024;
/// What an unprivileged user may do in a network namespace that is its pod's alone: ping, and listen on any port.
const NETWORK_SETTINGS: [(&str, &str); 2] =
    [("/proc/sys/net/ipv4/ping_group_range", "0 2147483647"), ("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")];

/// What the daemon sends before anything else.
struct Configuration {
    spec: Box<SandboxSpec>,
    netns: Option<OwnedFd>,
    inbox: Inbox,
}

/// Becomes what the daemon at the other end of standard input wants, and answers it.
pub fn start() -> io::Result<Supervisor> {
    // Nothing of the daemon's is inherited, and nothing of whoever started the daemon.
    close_from(3)?;
    // Not std's stdin, which would take a buffer along for life.
    let socket = rustix::stdio::stdin().try_clone_to_owned()?;
    let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    drop(null);
    // The name that operators see; failing at it changes nothing.
    let _ = set_name(c"skiff-pod");
    reset_signals()?;
    let children = child_signals()?;
    setsid()?;
    set_child_subreaper(Some(getpid()))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    umask(Mode::from_raw_mode(0o022));
    let Configuration { spec, netns, inbox } = receive(&socket)?;
    let mut connection = Connection::new(socket, inbox);
    connection.send(&FromSupervisor::Hello { version: VERSION });
    match become_sandbox(&spec, netns) {
        Ok((listener, shared)) => {
            connection.send(&FromSupervisor::Answer(0, Answer::Done));
            Ok(Supervisor::new(listener, children, shared, connection))
        }
        Err(error) => {
            connection.send(&FromSupervisor::Answer(0, Answer::Refused(error.to_string())));
            Err(error)
        }
    }
}

/// Waits for the configuration, and the descriptor that comes along with it.
fn receive(socket: &OwnedFd) -> io::Result<Configuration> {
    let mut inbox = Inbox::default();
    let mut netns = None;
    loop {
        // On the heap: a page of stack that was used once is held for ever.
        let mut bytes = vec![0; READ_SIZE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                netns = descriptors.last().or(netns);
            }
        }
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        inbox.buffer().extend_from_slice(&bytes[..received.bytes]);
        while let Some(frame) = inbox.take_frame().map_err(io::Error::other)? {
            match decode(&frame) {
                Some(ToSupervisor::Hello { .. }) => {}
                Some(ToSupervisor::Request(_, Request::Configure(spec))) => {
                    spec.check().map_err(io::Error::other)?;
                    return Ok(Configuration { spec, netns, inbox });
                }
                _ => return Err(io::Error::other("the first request is to be the configuration")),
            }
        }
    }
}

fn doing<T, E: Into<io::Error>>(what: &str, result: Result<T, E>) -> io::Result<T> {
    result.map_err(|error| {
        let error = error.into();
        io::Error::new(error.kind(), format!("{what}: {error}"))
    })
}

fn become_sandbox(spec: &SandboxSpec, netns: Option<OwnedFd>) -> io::Result<(UnixListener, Shared)> {
    // From here on all files of the sandbox have short names, however deep its folder is.
    doing("entering the run folder", chdir(&spec.run_dir))?;
    doing("protecting the run folder", fs::set_permissions(".", fs::Permissions::from_mode(0o700)))?;
    attach_v1(&spec.cgroup).map_err(io::Error::other)?;
    attach_later(&spec.cgroup).map_err(io::Error::other)?;
    // Not every machine lets even root lower it.
    let _ = fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJ);
    match (spec.network, netns) {
        (NetworkMode::Host, _) => {}
        (NetworkMode::Namespace, Some(netns)) => {
            doing("entering the network namespace", move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network)))?;
            for (path, value) in NETWORK_SETTINGS {
                // A kernel without the setting has its own way.
                let _ = fs::write(path, value);
            }
        }
        (NetworkMode::Namespace, None) => return Err(io::Error::other("no network namespace was handed over")),
    }
    let mut flags = CloneFlags::empty();
    if spec.ipc == IpcMode::Sandbox {
        flags |= CloneFlags::CLONE_NEWIPC;
    }
    if spec.hostname.is_some() {
        flags |= CloneFlags::CLONE_NEWUTS;
    }
    doing("making namespaces", unshare(flags))?;
    if let Some(hostname) = &spec.hostname {
        doing("setting the host name", rustix::system::sethostname(hostname.as_bytes()))?;
    }
    if spec.pid == PidMode::Sandbox {
        doing("starting the sandbox's first process", start_pause(&spec.run_dir))?;
    }
    let shared = doing("making /dev/shm", Shared::new(spec))?;
    let listener = doing("listening", listen())?;
    doing("writing the pid file", write_pid_file())?;
    Ok((listener, shared))
}

/// Listens in this folder, for root alone.
fn listen() -> io::Result<UnixListener> {
    match fs::remove_file(SOCKET_FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => other?,
    }
    let old = umask(Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(SOCKET_FILE);
    umask(old);
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Whoever finds the file finds all of it, and a socket that listens.
fn write_pid_file() -> io::Result<()> {
    let id = SupervisorId::of_pid(std::process::id() as i32)?;
    let unfinished = format!("{PID_FILE}.tmp");
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    io::Write::write_all(&mut file, id.to_line().as_bytes())?;
    fs::rename(unfinished, PID_FILE)
}
