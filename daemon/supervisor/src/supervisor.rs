//! The loop: what daemons ask, what containers write, which of them ended.

mod attachments;
mod execs;
mod farewell;
mod unheard;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::ExitCode;

use runtime::container::Shared;
use runtime::protocol::{
    Answer, ContainerId, ContainerState, ContainerStreams, FromSupervisor, Inbox, Notice, Request, RequestId, RunState, Since,
    StartSpec, ToSupervisor, VERSION,
};
use runtime::sandbox::remove_exit;
use runtime::sys::trim_heap;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, WaitOptions, WaitStatus, getuid, wait};

use crate::connection::{Connection, Received};
use crate::container::{Container, Ended, READ_SIZE, Source};
use crate::exec::Exec;
use crate::listeners::Listeners;
use attachments::{Writer, not_running};
use unheard::Unheard;

/// More daemons than one are only there while one replaces another.
const DAEMONS: usize = 8;
/// Programs that may run in the containers at once beside their own: probes, hooks, shells.
const EXECS: usize = 256;
/// More containers than a pod could have.
const CONTAINERS: usize = 256;
const KILL: i32 = 9;
/// How many ended attempts of a container keep their exit file, beside the one that runs.
const KEPT_EXITS: u32 = 1;

/// Names a connection for good, whichever others are closed.
pub type ConnectionId = u64;
type Asker = (ConnectionId, RequestId);

/// A supervisor with all that it looks after.
pub struct Supervisor {
    listener: UnixListener,
    children: OwnedFd,
    shared: Shared,
    connections: Vec<(ConnectionId, Connection)>,
    next_connection: ConnectionId,
    containers: Vec<Container>,
    execs: Vec<Exec>,
    listeners: Listeners,
    writers: Vec<Writer>,
    /// Who waits for a container to start.
    starting: Vec<(ContainerId, Asker)>,
    /// Signals that are to be given again.
    unheard: Vec<Unheard>,
    /// Who wants this to end.
    shutdown: Option<Asker>,
    buffer: Vec<u8>,
}

/// What a polled descriptor belongs to.
enum Place {
    Children,
    Listener,
    Connection(ConnectionId),
    Container(usize, Source),
    Exec(Pid),
    Listeners,
}

impl Supervisor {
    /// One that has no containers yet, with the connection that it was started over.
    pub fn new(listener: UnixListener, children: OwnedFd, shared: Shared, connection: Connection) -> Supervisor {
        Supervisor {
            listener,
            children,
            shared,
            connections: vec![(0, connection)],
            next_connection: 1,
            containers: Vec::new(),
            execs: Vec::new(),
            listeners: Listeners::default(),
            writers: Vec::new(),
            starting: Vec::new(),
            unheard: Vec::new(),
            shutdown: None,
            buffer: Vec::with_capacity(READ_SIZE),
        }
    }

    /// Runs until it is told to end and the last container has.
    pub fn run(&mut self) -> ExitCode {
        // What came along with the configuration.
        self.serve(0, false);
        loop {
            if self.is_done() {
                self.leave();
                return ExitCode::SUCCESS;
            }
            let ready = match self.wait() {
                Ok(ready) => ready,
                Err(error) => {
                    eprintln!("cannot wait: {error}");
                    return ExitCode::FAILURE;
                }
            };
            let mut has_children = false;
            for (place, flags) in ready {
                match place {
                    Place::Children => has_children = true,
                    Place::Listener => self.accept(),
                    Place::Connection(id) => self.serve(id, flags.contains(PollFlags::OUT)),
                    Place::Container(index, source) => self.read(index, source),
                    Place::Exec(pid) => self.read_exec(pid),
                    Place::Listeners => self.listeners.flush(),
                }
            }
            if has_children {
                self.reap();
            }
            self.repeat_unheard();
            self.connections.retain(|(_, connection)| connection.is_open());
            self.kill_left_execs();
            self.drop_left_attachments();
            self.give_up_slow();
        }
    }

    /// Waits until something can be read, and says what.
    fn wait(&self) -> Result<Vec<(Place, PollFlags)>, Errno> {
        let mut places = vec![Place::Children, Place::Listener];
        let mut polled = vec![PollFd::new(&self.children, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
        // Containers before connections: a request may change which index is whose.
        for (index, container) in self.containers.iter().enumerate() {
            let is_held_up = self.listeners.hold_up(&container.id) || container.waits_for_somebody();
            for (source, descriptor) in container.descriptors(is_held_up) {
                places.push(Place::Container(index, source));
                polled.push(PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
            }
        }
        for exec in &self.execs {
            if let Some(descriptor) = exec.descriptor() {
                places.push(Place::Exec(exec.pid));
                polled.push(PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
            }
        }
        for descriptor in self.listeners.descriptors() {
            places.push(Place::Listeners);
            polled.push(PollFd::from_borrowed_fd(descriptor, PollFlags::OUT));
        }
        for (id, connection) in &self.connections {
            let out = if connection.has_unsent() { PollFlags::OUT } else { PollFlags::empty() };
            places.push(Place::Connection(*id));
            polled.push(PollFd::from_borrowed_fd(connection.descriptor(), PollFlags::IN | out));
        }
        let patience = self.patience();
        loop {
            let pause = (!self.unheard.is_empty()).then_some(&unheard::PAUSE);
            match poll(&mut polled, pause.or(patience.as_ref())) {
                Err(Errno::INTR) => {}
                other => break other.map(drop)?,
            }
        }
        let flags = polled.iter().map(PollFd::revents);
        Ok(places.into_iter().zip(flags).filter(|(_, flags)| !flags.is_empty()).collect())
    }

    fn accept(&mut self) {
        while let Ok((socket, _)) = self.listener.accept() {
            let is_ours = socket_peercred(&socket).is_ok_and(|peer| peer.uid == getuid());
            if !is_ours || self.connections.len() >= DAEMONS + EXECS {
                continue;
            }
            let mut connection = Connection::new(socket.into(), Inbox::default());
            connection.send(&FromSupervisor::Hello { version: VERSION });
            self.connections.push((self.next_connection, connection));
            self.next_connection += 1;
        }
    }

    fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|(known, _)| *known == id).map(|(_, connection)| connection)
    }

    fn serve(&mut self, id: ConnectionId, has_room: bool) {
        let Some(connection) = self.connection(id) else { return };
        if has_room {
            connection.flush();
        }
        for received in connection.receive() {
            match received {
                Received::Message(ToSupervisor::Hello { .. }) => {}
                Received::Message(ToSupervisor::Request(request_id, request)) => self.handle((id, request_id), request),
                Received::Unknown(request_id) => {
                    let why = format!("a supervisor of protocol version {VERSION} does not know this request");
                    self.answer((id, request_id), Answer::Refused(why));
                }
            }
        }
        // What a large request took is given back before the next one.
        trim_heap();
    }

    fn answer(&mut self, (connection, request): Asker, answer: Answer) {
        if let Some(connection) = self.connection(connection) {
            connection.send(&FromSupervisor::Answer(request, answer));
        }
    }

    fn handle(&mut self, asker: Asker, request: Request) {
        let refuse = |why: &str| Answer::Refused(why.to_string());
        let answer = match request {
            Request::Configure(_) => refuse("it is configured already"),
            Request::Start(_) | Request::StartWith(_) if self.shutdown.is_some() => refuse("it is ending"),
            Request::Start(container) => {
                let spec = StartSpec { streams: ContainerStreams::PLAIN, among: None, container: *container };
                match self.start(&spec, asker) {
                    None => return,
                    Some(answer) => answer,
                }
            }
            Request::StartWith(spec) => match self.start(&spec, asker) {
                None => return,
                Some(answer) => answer,
            },
            Request::Attach(spec) => match self.attach(spec, Since::Now, asker) {
                None => return,
                Some(answer) => answer,
            },
            Request::AttachFromStart(spec) => match self.attach(spec, Since::Start, asker) {
                None => return,
                Some(answer) => answer,
            },
            Request::EndInput => self.end_input(asker.0),
            Request::Signal { container, signal } => self.signal(&container, signal),
            Request::Exec(spec) => match self.exec(&spec, asker) {
                None => return,
                Some(answer) => answer,
            },
            Request::SignalExec { signal } => self.signal_exec(asker.0, signal),
            Request::Credentials(id) => self.credentials(&id),
            Request::Status => Answer::Status(self.status()),
            Request::Shutdown => {
                self.shutdown = Some(asker);
                self.kill_all();
                return;
            }
        };
        self.answer(asker, answer);
    }

    /// Starts a container; the answer comes when it is known, unless it is known at once.
    fn start(&mut self, spec: &StartSpec, asker: Asker) -> Option<Answer> {
        let id = ContainerId { name: spec.container.name.clone(), attempt: spec.container.attempt };
        if let Some(known) = self.containers.iter().find(|known| known.id.name == id.name) {
            if known.pid().is_some() {
                return Some(Answer::Refused(format!("container {} still runs, attempt {}", id.name, known.id.attempt)));
            }
            if known.id.attempt >= id.attempt {
                return Some(Answer::Refused(format!("attempt {} of container {} has ended", known.id.attempt, id.name)));
            }
        }
        if self.containers.len() >= CONTAINERS {
            return Some(Answer::Refused(format!("there are {CONTAINERS} containers already")));
        }
        let among = match spec.among.as_ref().map(|other| self.running(other).and_then(Container::pid).ok_or(other)) {
            None => None,
            Some(Ok(pid)) => Some(pid),
            Some(Err(other)) => return Some(not_running(other)),
        };
        match Container::start(spec, among, &self.shared) {
            Ok(container) => {
                self.forget_older(&id);
                self.containers.push(container);
                self.starting.push((id, asker));
                None
            }
            Err(failure) => Some(Answer::Failed(failure)),
        }
    }

    /// A new attempt takes the place of the last one in memory, and that of the one before on disk.
    fn forget_older(&mut self, id: &ContainerId) {
        for known in self.containers.iter().filter(|known| known.id.name == id.name) {
            for attempt in known.id.attempt.saturating_sub(KEPT_EXITS)..known.id.attempt {
                // What stays costs a file of a few bytes until the sandbox goes.
                let _ = remove_exit(Path::new("."), &ContainerId { name: id.name.clone(), attempt });
            }
        }
        self.containers.retain(|known| known.id.name != id.name);
    }

    fn signal(&mut self, id: &ContainerId, signal: i32) -> Answer {
        let Some(container) = self.containers.iter().find(|container| container.id == *id) else {
            return Answer::Refused(format!("there is no container {} attempt {}", id.name, id.attempt));
        };
        match container.signal(signal) {
            Ok(()) => {
                self.note_signal(id, signal);
                Answer::Done
            }
            Err(error) => Answer::Refused(format!("cannot signal container {}: {error}", id.name)),
        }
    }

    fn credentials(&self, id: &ContainerId) -> Answer {
        let container = self.containers.iter().find(|container| container.id == *id);
        match container.and_then(|container| container.credentials.clone()) {
            Some(credentials) => Answer::Credentials(credentials),
            None => Answer::Refused(format!("no program of container {} attempt {} was started", id.name, id.attempt)),
        }
    }

    fn status(&self) -> Vec<ContainerState> {
        self.containers
            .iter()
            .map(|container| ContainerState { container: container.id.clone(), state: container.state() })
            .collect()
    }

    fn kill_all(&self) {
        for container in &self.containers {
            // One that has just ended is reaped next.
            let _ = container.signal(KILL);
        }
        for exec in &self.execs {
            let _ = exec.signal(KILL);
        }
    }

    /// Reads once from a descriptor of a container.
    fn read(&mut self, index: usize, source: Source) {
        let Some(container) = self.containers.get_mut(index) else { return };
        match source {
            Source::Stdout | Source::Stderr => {
                container.read_stream(source, &mut self.buffer, &mut self.listeners);
            }
            Source::Report => {
                if let Some(started) = container.read_report() {
                    let id = container.id.clone();
                    self.tell_starter(&id, Answer::Started(started));
                }
            }
        }
    }

    fn tell_starter(&mut self, id: &ContainerId, answer: Answer) {
        if let Some(index) = self.starting.iter().position(|(starting, _)| starting == id) {
            let (_, asker) = self.starting.swap_remove(index);
            self.answer(asker, answer);
        }
    }

    /// Takes note of every child that ended, be it a container or what one left behind.
    fn reap(&mut self) {
        // The descriptor only says that there is one; reading it is what makes it quiet.
        while rustix::io::read(&self.children, &mut [0; 512]).is_ok_and(|count| count > 0) {}
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if let Some(index) = self.containers.iter().position(|container| container.pid() == Some(pid)) {
                self.end(index, status);
            } else {
                self.exec_ended(pid, status);
            }
        }
    }

    fn end(&mut self, index: usize, status: WaitStatus) {
        let container = &mut self.containers[index];
        let id = container.id.clone();
        match container.end(status, &self.shared, (&mut self.buffer, &mut self.listeners)) {
            None => {}
            Some(Ended::Failed(failure)) => {
                self.containers.remove(index);
                self.tell_starter(&id, Answer::Failed(failure));
            }
            Some(Ended::Exited(exit, started)) => {
                if let Some(started) = started {
                    self.tell_starter(&id, Answer::Started(started));
                }
                let notice = FromSupervisor::Notice(Notice::Exited { container: id, exit });
                for (_, connection) in &mut self.connections {
                    connection.send(&notice);
                }
            }
        }
    }

    fn is_done(&self) -> bool {
        let have_ended = self.containers.iter().all(|container| matches!(container.state(), RunState::Exited(_)));
        self.shutdown.is_some() && have_ended && !self.listeners.have_last_words()
    }
}
