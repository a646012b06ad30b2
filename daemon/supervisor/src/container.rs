//! One container, from its process to its exit file.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use runtime::container::{Console, Launched, Outcome, Output, Report, Shared, kill_all, launch, oom_kills};
use runtime::log::{ContainerLog, Lines, StreamName};
use runtime::protocol::{
    ConsoleMode, ContainerId, ContainerStreams, Credentials, InputMode, RunState, Stage, StartFailure, StartSpec, Started,
};
use runtime::sandbox::write_exit;
use runtime::spec::{CgroupAttach, Exit};
use runtime::sys::send_signal;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::process::{Pid, WaitStatus};

use crate::listeners::{Backlog, Listeners};

/// How much of a stream is read at once.
pub const READ_SIZE: usize = 16 << 10;
/// How much is read of a stream after its container ended: the largest pipe there is. Whoever got hold of the other end may
/// write on for ever.
const DRAIN_LIMIT: usize = 1 << 20;

/// A container that this supervisor is the parent of, or was.
///
/// ```text
/// Starting ──report: executed──▶ Running ──reaped──▶ Exited
///    └─────report: failed──────▶ Failing ──reaped──▶ (forgotten)
/// ```
pub struct Container {
    pub id: ContainerId,
    streams: ContainerStreams,
    /// Whether it is in the process ids of another container, whose end would end it.
    is_guest: bool,
    phase: Phase,
    /// Who its program was started as, once it was.
    pub credentials: Option<Credentials>,
}

enum Phase {
    Starting(Process, Report),
    Failing(Process, StartFailure),
    Running(Process, Started),
    Exited(Exit),
}

/// What a container has as long as its process exists.
struct Process {
    pid: Pid,
    stdout: Stream,
    stderr: Stream,
    /// Where its terminal comes from, until its program runs.
    console: Option<Console>,
    /// What its input is written to: a pipe, or its terminal.
    input: Option<OwnedFd>,
    /// For who attaches first, where somebody may.
    backlog: Option<Backlog>,
    log: ContainerLog,
    cgroup: CgroupAttach,
    oom_kills_before: u64,
    /// An error is said once, and again after it worked in between.
    is_log_broken: bool,
}

struct Stream {
    /// None after its end.
    pipe: Option<OwnedFd>,
    lines: Lines,
}

/// Which descriptor of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Report,
    Stdout,
    Stderr,
}

/// How a process that was reaped leaves its container.
pub enum Ended {
    /// It never ran its program.
    Failed(StartFailure),
    /// It ran, and if nobody was told yet that it started: when.
    Exited(Exit, Option<Started>),
}

/// Ns since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

impl Container {
    /// Starts it. Whether its program runs is known later, by [`Container::read_report`].
    pub fn start(start: &StartSpec, among: Option<Pid>, shared: &Shared) -> Result<Container, StartFailure> {
        let spec = &start.container;
        spec.check().map_err(|error| StartFailure { stage: Stage::Spec, errno: 0, message: error.to_string() })?;
        let log = ContainerLog::open(&spec.log).map_err(|error| StartFailure {
            stage: Stage::Output,
            errno: error.raw_os_error().unwrap_or(0),
            message: format!("failed to create log file {:?}: {error}", spec.log.path),
        })?;
        let oom_kills_before = spec.cgroup.memory.as_deref().map_or(0, oom_kills);
        let Launched { pid, output, input, report } = launch(start, among, shared)?;
        let stream = |pipe, name| Stream { pipe, lines: Lines::new(name) };
        let (stdout, stderr, console) = match output {
            Output::Pipes { stdout, stderr } => (Some(stdout), Some(stderr), None),
            Output::Terminal(console) => (None, None, Some(console)),
        };
        let process = Process {
            pid,
            stdout: stream(stdout, StreamName::Stdout),
            stderr: stream(stderr, StreamName::Stderr),
            console,
            input,
            backlog: match start.streams {
                ContainerStreams::PLAIN => None,
                ContainerStreams { input: InputMode::Awaited, .. } => Some(Backlog::of_all()),
                _ => Some(Backlog::default()),
            },
            log,
            cgroup: spec.cgroup.clone(),
            oom_kills_before,
            is_log_broken: false,
        };
        let id = ContainerId { name: spec.name.clone(), attempt: spec.attempt };
        let is_guest = among.is_some();
        let mut streams = start.streams;
        if streams.input == InputMode::Awaited {
            streams.input = InputMode::Nothing;
        }
        Ok(Container { id, streams, is_guest, phase: Phase::Starting(process, report), credentials: None })
    }

    /// What it does, for whoever asks.
    pub fn state(&self) -> RunState {
        match &self.phase {
            Phase::Starting(..) | Phase::Failing(..) => RunState::Starting,
            Phase::Running(_, started) => RunState::Running(*started),
            Phase::Exited(exit) => RunState::Exited(*exit),
        }
    }

    fn process(&self) -> Option<&Process> {
        match &self.phase {
            Phase::Starting(process, _) | Phase::Failing(process, _) | Phase::Running(process, _) => Some(process),
            Phase::Exited(_) => None,
        }
    }

    fn process_mut(&mut self) -> Option<&mut Process> {
        match &mut self.phase {
            Phase::Starting(process, _) | Phase::Failing(process, _) | Phase::Running(process, _) => Some(process),
            Phase::Exited(_) => None,
        }
    }

    /// The process of one that has not ended.
    pub fn pid(&self) -> Option<Pid> {
        self.process().map(|process| process.pid)
    }

    /// What it reads and writes.
    pub fn streams(&self) -> ContainerStreams {
        self.streams
    }

    /// What whoever attaches to it writes to.
    pub fn input(&self) -> Option<BorrowedFd<'_>> {
        self.process()?.input.as_ref().map(AsFd::as_fd)
    }

    /// What was kept for who attaches first.
    pub fn take_backlog(&mut self) -> Option<Backlog> {
        self.process_mut()?.backlog.take()
    }

    fn backlog(&self) -> Option<&Backlog> {
        self.process()?.backlog.as_ref()
    }

    /// Whether all that it has written is kept for who attaches first.
    pub fn is_awaited(&self) -> bool {
        self.backlog().is_some_and(Backlog::is_whole)
    }

    /// Whether it has to wait until somebody attaches.
    pub fn waits_for_somebody(&self) -> bool {
        self.deadline().is_some()
    }

    /// Until when it waits for somebody to attach, if it does.
    pub fn deadline(&self) -> Option<Instant> {
        self.backlog()?.deadline()
    }

    /// Waits no longer for who has not come.
    pub fn give_up(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.take_backlog();
        }
    }

    /// Somebody has written all that it has to: the end of an input that is for one. A terminal stays.
    pub fn end_input(&mut self) {
        let ends = self.streams.input == InputMode::Once && self.streams.console == ConsoleMode::Pipes;
        if let (true, Some(process)) = (ends, self.process_mut()) {
            process.input = None;
        }
    }

    /// Its descriptors that may have something to read; its output is left alone while that is held up.
    pub fn descriptors(&self, is_held_up: bool) -> impl Iterator<Item = (Source, BorrowedFd<'_>)> {
        let report = match &self.phase {
            Phase::Starting(_, report) => Some((Source::Report, report.descriptor())),
            _ => None,
        };
        let streams = self.process().filter(|_| !is_held_up).into_iter().flat_map(|process| {
            let streams = [(Source::Stdout, &process.stdout), (Source::Stderr, &process.stderr)];
            streams.into_iter().filter_map(|(source, stream)| Some((source, stream.pipe.as_ref()?.as_fd())))
        });
        report.into_iter().chain(streams)
    }

    /// Reads how its start goes; says when it became known that its program runs.
    pub fn read_report(&mut self) -> Option<Started> {
        let Phase::Starting(process, report) = &mut self.phase else { return None };
        let failure = match report.read() {
            Outcome::Pending => return None,
            Outcome::Executed(credentials) => {
                let started = Started { pid: process.pid.as_raw_nonzero().get(), started_at: now() };
                process.take_terminal();
                self.credentials = Some(credentials);
                self.advance(|process| Phase::Running(process, started));
                return Some(started);
            }
            Outcome::Failed(failure) => failure,
            Outcome::Died => died(process),
        };
        self.advance(|process| Phase::Failing(process, failure));
        None
    }

    fn advance(&mut self, next: impl FnOnce(Process) -> Phase) {
        const GONE: Exit = Exit { code: 0, signal: 0, oom_killed: false, started_at: 0, finished_at: 0 };
        self.phase = match std::mem::replace(&mut self.phase, Phase::Exited(GONE)) {
            Phase::Starting(process, _) | Phase::Failing(process, _) | Phase::Running(process, _) => next(process),
            exited @ Phase::Exited(_) => exited,
        };
    }

    /// Reads once from one of its streams, into its log.
    pub fn read_stream(&mut self, source: Source, buffer: &mut Vec<u8>, listeners: &mut Listeners) {
        let id = self.id.clone();
        if let Some(process) = self.process_mut() {
            process.read(source, buffer, &mut |bytes| listeners.hear(&id, source, bytes));
        }
    }

    /// Signals its process. It is not reaped yet, so no other has its pid.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        self.pid().map_or(Err(Errno::SRCH.into()), |pid| send_signal(pid.as_raw_nonzero().get(), signal))
    }

    /// Its process was reaped: takes what is left of its output, writes its exit.
    pub fn end(
        &mut self,
        status: WaitStatus,
        shared: &Shared,
        (buffer, listeners): (&mut Vec<u8>, &mut Listeners),
    ) -> Option<Ended> {
        let news = self.read_report();
        let (id, is_guest) = (self.id.clone(), self.is_guest);
        let process = self.process_mut()?;
        if !shared.has_own_pids() || is_guest {
            kill_all(&process.cgroup);
        }
        process.drain(buffer, &mut |source, bytes| listeners.hear(&id, source, bytes));
        listeners.finish(&id);
        let started_at = match &self.phase {
            Phase::Running(_, started) => started.started_at,
            Phase::Failing(_, failure) => return Some(Ended::Failed(failure.clone())),
            // A process that was reaped has closed the report, unless somebody stopped it from being read.
            Phase::Starting(process, _) => return Some(Ended::Failed(died(process))),
            Phase::Exited(_) => return None,
        };
        let oom_killed = self.process().is_some_and(Process::was_oom_killed);
        let exit = exit_of(status, oom_killed, started_at);
        if let Err(error) = write_exit(Path::new("."), &self.id, &exit) {
            eprintln!("cannot write the exit of {} attempt {}: {error}", self.id.name, self.id.attempt);
        }
        self.phase = Phase::Exited(exit);
        Some(Ended::Exited(exit, news))
    }
}

/// The reason for an end without a word.
fn died(process: &Process) -> StartFailure {
    let message = if process.was_oom_killed() {
        "container init was OOM-killed (memory limit too low?)"
    } else {
        "the container's process was killed while it was set up"
    };
    StartFailure { stage: Stage::Process, errno: 0, message: message.to_string() }
}

pub fn exit_of(status: WaitStatus, oom_killed: bool, started_at: u64) -> Exit {
    let signal = status.terminating_signal().unwrap_or(0);
    // A shell's way to name the end by a signal.
    let code = status.exit_status().unwrap_or(128 + signal);
    Exit { code, signal, oom_killed, started_at, finished_at: now().max(started_at) }
}

impl Process {
    fn was_oom_killed(&self) -> bool {
        self.cgroup.memory.as_deref().map_or(0, oom_kills) > self.oom_kills_before
    }

    /// Its program runs, so its terminal has come.
    fn take_terminal(&mut self) {
        let Some(console) = self.console.take() else { return };
        match console.take().and_then(|terminal| Ok((terminal.try_clone()?, terminal))) {
            Ok((input, terminal)) => (self.input, self.stdout.pipe) = (Some(input), Some(terminal)),
            Err(error) => eprintln!("cannot take the terminal of a container: {error}"),
        }
    }

    /// Reads once; the number of bytes, or none if there is nothing now or ever.
    fn read(&mut self, source: Source, buffer: &mut Vec<u8>, heard: &mut dyn FnMut(&[u8])) -> Option<usize> {
        let stream = match source {
            Source::Stdout => &mut self.stdout,
            Source::Stderr => &mut self.stderr,
            Source::Report => return None,
        };
        buffer.clear();
        let pipe = stream.pipe.as_ref()?;
        let result = match rustix::io::read(pipe, spare_capacity(buffer)) {
            // A terminal that nobody has any more.
            Ok(0) | Err(Errno::IO) => {
                stream.pipe = None;
                self.log.finish(&mut stream.lines, now())
            }
            Ok(_) => {
                heard(buffer);
                if let Some(backlog) = &mut self.backlog {
                    backlog.keep(source, buffer);
                }
                self.log.write(&mut stream.lines, buffer, now())
            }
            Err(Errno::INTR) => return Some(0),
            Err(_) => return None,
        };
        if let (Err(error), false) = (&result, self.is_log_broken) {
            eprintln!("cannot write the log: {error}");
        }
        self.is_log_broken = result.is_err();
        stream.pipe.as_ref().map(|_| buffer.len())
    }

    /// Reads what was written before the end, and ends both streams.
    fn drain(&mut self, buffer: &mut Vec<u8>, heard: &mut dyn FnMut(Source, &[u8])) {
        for source in [Source::Stdout, Source::Stderr] {
            let mut drained = 0;
            while drained < DRAIN_LIMIT
                && let Some(count) = self.read(source, buffer, &mut |bytes| heard(source, bytes))
            {
                drained += count.max(1);
            }
        }
        for stream in [&mut self.stdout, &mut self.stderr] {
            stream.pipe = None;
            // Errors were said when they were new.
            let _ = self.log.finish(&mut stream.lines, now());
        }
    }
}
