//! The further programs in the containers: started, signalled and told of over the connections that asked for them.

use runtime::protocol::{Answer, ContainerId, ExecSpec, FromSupervisor, Notice};
use rustix::process::{Pid, WaitStatus};

use super::attachments::not_running;
use super::{Asker, ConnectionId, EXECS, Supervisor};
use crate::connection::Connection;
use crate::container::Container;
use crate::exec::{Exec, News};

impl Supervisor {
    /// Starts a further program; the answer comes when it is known, unless it is known at once.
    pub(super) fn exec(&mut self, spec: &ExecSpec, asker: Asker) -> Option<Answer> {
        let streams = self.connection(asker.0).map(Connection::take_descriptors).unwrap_or_default();
        let id = ContainerId { name: spec.process.name.clone(), attempt: spec.process.attempt };
        let Some(pid) = self.running(&id).and_then(Container::pid) else { return Some(not_running(&id)) };
        if streams.len() != spec.streams.count() {
            return Some(Answer::Refused("its descriptors did not come along".to_string()));
        }
        if self.execs.len() >= EXECS || self.execs.iter().any(|exec| exec.connection == asker.0) {
            return Some(Answer::Refused("too many further programs run already".to_string()));
        }
        match Exec::start(asker, pid, spec, &streams, &self.shared) {
            Ok(exec) => {
                self.execs.push(exec);
                None
            }
            Err(failure) => Some(Answer::Failed(failure)),
        }
    }

    pub(super) fn signal_exec(&self, connection: ConnectionId, signal: i32) -> Answer {
        let exec = self.execs.iter().find(|exec| exec.connection == connection);
        match exec.map(|exec| exec.signal(signal)) {
            Some(Ok(())) => Answer::Done,
            Some(Err(error)) => Answer::Refused(format!("cannot signal the program: {error}")),
            None => Answer::Refused("the program has ended".to_string()),
        }
    }

    pub(super) fn read_exec(&mut self, pid: Pid) {
        let Some(exec) = self.execs.iter_mut().find(|exec| exec.pid == pid) else { return };
        let Some(news) = exec.read_report() else { return };
        let asker = (exec.connection, exec.request);
        self.answer(
            asker,
            match news {
                News::Started(started) => Answer::Started(started),
                News::Failed(failure) => Answer::Failed(failure),
            },
        );
    }

    /// Nobody waits any more for a program whose connection is closed.
    pub(super) fn kill_left_execs(&self) {
        let is_left = |exec: &&Exec| !self.connections.iter().any(|(id, _)| *id == exec.connection);
        for exec in self.execs.iter().filter(is_left) {
            exec.kill();
        }
    }

    pub(super) fn exec_ended(&mut self, pid: Pid, status: WaitStatus) {
        self.read_exec(pid);
        let Some(index) = self.execs.iter().position(|exec| exec.pid == pid) else { return };
        let exec = self.execs.swap_remove(index);
        if let (Some(exit), Some(connection)) = (exec.end(status), self.connection(exec.connection)) {
            connection.send(&FromSupervisor::Notice(Notice::ExecEnded { exit }));
        }
    }
}
