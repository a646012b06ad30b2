//! A further program in a container: one a connection, with which it ends.

use std::os::fd::{BorrowedFd, OwnedFd};

use runtime::container::{Joined, Outcome, Report, Shared, join, kill_session};
use runtime::protocol::{ExecSpec, RequestId, Stage, StartFailure, Started};
use runtime::spec::{CgroupAttach, Exit};
use runtime::sys::send_signal;
use rustix::io::Errno;
use rustix::process::{Pid, WaitStatus};

use crate::container::{exit_of, now};
use crate::supervisor::ConnectionId;

/// A program that was asked for.
///
/// ```text
/// Starting ──report: executed──▶ Running ──reaped──▶ (forgotten)
///    └─────report: failed──────▶ Failed ──reaped──▶ (forgotten)
/// ```
pub struct Exec {
    /// Whose it is.
    pub connection: ConnectionId,
    /// To be answered when its start is known.
    pub request: RequestId,
    pub pid: Pid,
    cgroup: CgroupAttach,
    phase: Phase,
}

enum Phase {
    Starting(Report),
    Running(Started),
    Failed,
}

/// What became known of a start.
pub enum News {
    Started(Started),
    Failed(StartFailure),
}

impl Exec {
    pub fn start(
        asker: (ConnectionId, RequestId),
        container: Pid,
        spec: &ExecSpec,
        streams: &[OwnedFd],
        shared: &Shared,
    ) -> Result<Exec, StartFailure> {
        let (connection, request) = asker;
        let Joined { pid, report } = join(container, spec, streams, shared)?;
        Ok(Exec { connection, request, pid, cgroup: spec.process.cgroup.clone(), phase: Phase::Starting(report) })
    }

    /// To be polled while its start is not known.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.phase {
            Phase::Starting(report) => Some(report.descriptor()),
            Phase::Running(_) | Phase::Failed => None,
        }
    }

    /// Reads how its start goes; says it once.
    pub fn read_report(&mut self) -> Option<News> {
        let Phase::Starting(report) = &mut self.phase else { return None };
        match report.read() {
            Outcome::Pending => None,
            Outcome::Executed(_) => {
                let started = Started { pid: self.pid.as_raw_nonzero().get(), started_at: now() };
                self.phase = Phase::Running(started);
                Some(News::Started(started))
            }
            Outcome::Failed(failure) => {
                self.phase = Phase::Failed;
                Some(News::Failed(failure))
            }
            Outcome::Died => {
                self.phase = Phase::Failed;
                let message = "the process was killed on its way into the container".to_string();
                Some(News::Failed(StartFailure { stage: Stage::Process, errno: 0, message }))
            }
        }
    }

    /// Signals it. It is not reaped yet, so no other has its pid.
    pub fn signal(&self, signal: i32) -> std::io::Result<()> {
        match &self.phase {
            Phase::Failed => Err(Errno::SRCH.into()),
            Phase::Starting(_) | Phase::Running(_) => send_signal(self.pid.as_raw_nonzero().get(), signal),
        }
    }

    /// Kills it, and what it runs.
    pub fn kill(&self) {
        if !matches!(self.phase, Phase::Failed) {
            kill_session(self.pid, &self.cgroup);
        }
    }

    /// It was reaped: how its program ended, if it ran.
    pub fn end(&self, status: WaitStatus) -> Option<Exit> {
        match &self.phase {
            Phase::Running(started) => Some(exit_of(status, false, started.started_at)),
            Phase::Starting(_) | Phase::Failed => None,
        }
    }
}
