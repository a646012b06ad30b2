//! Attachments to containers: one a connection, with which it ends.

use std::time::Instant;

use runtime::protocol::{Answer, AttachSpec, AttachedTo, ContainerId, FromSupervisor, Notice, RunState, Since};

use rustix::event::Timespec;

use super::{Asker, ConnectionId, Supervisor};
use crate::connection::Connection;
use crate::container::Container;
use crate::listeners::Listener;

/// A connection that writes to a container.
pub(super) struct Writer {
    connection: ConnectionId,
    container: ContainerId,
}

pub(super) fn not_running(id: &ContainerId) -> Answer {
    Answer::Refused(format!("container {} attempt {} does not run", id.name, id.attempt))
}

impl Supervisor {
    /// A container that runs.
    pub(super) fn running(&self, id: &ContainerId) -> Option<&Container> {
        self.containers.iter().find(|known| known.id == *id && matches!(known.state(), RunState::Running(_)))
    }

    /// How long until somebody who listens, or is awaited, is given up. Rounded up: a moment too early would find nobody late, and wait again for
    /// nothing.
    pub(super) fn patience(&self) -> Option<Timespec> {
        let awaited = self.containers.iter().filter_map(Container::deadline);
        let left = awaited.chain(self.listeners.deadline()).min()?.saturating_duration_since(Instant::now());
        Some(Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX - 1) + 1, tv_nsec: 0 })
    }

    /// Attaches; the answer is sent with the descriptor to write to, unless it is a refusal.
    pub(super) fn attach(&mut self, spec: AttachSpec, since: Since, asker: Asker) -> Option<Answer> {
        let pipes = self.connection(asker.0).map(Connection::take_descriptors).unwrap_or_default();
        let Ok(pipes) = <[_; 2]>::try_from(pipes) else {
            return Some(Answer::Refused("its descriptors did not come along".to_string()));
        };
        if self.listeners.has(asker.0) {
            return Some(Answer::Refused("this connection is attached already".to_string()));
        }
        let id = &spec.container;
        let running = self.containers.iter_mut().find(|container| container.id == *id);
        let Some(container) = running.filter(|container| matches!(container.state(), RunState::Running(_))) else {
            return Some(not_running(id));
        };
        if since == Since::Start && !container.is_awaited() {
            return Some(Answer::Refused(format!("what container {} wrote first is not kept", id.name)));
        }
        let input = match container.input().map(|input| input.try_clone_to_owned()).transpose() {
            Ok(input) => input,
            Err(error) => return Some(Answer::Refused(format!("cannot attach: {error}"))),
        };
        let (streams, backlog) = (container.streams(), container.take_backlog());
        self.listeners.add(Listener::new(asker.0, spec.container.clone(), pipes), backlog);
        if spec.writes {
            self.writers.push(Writer { connection: asker.0, container: spec.container });
        }
        if let Some(connection) = self.connection(asker.0) {
            connection.send_with(&FromSupervisor::Answer(asker.1, Answer::Attached(AttachedTo { streams })), input.as_ref());
        }
        None
    }

    /// Somebody writes no more.
    pub(super) fn end_input(&mut self, connection: ConnectionId) -> Answer {
        for writer in self.writers.iter().filter(|writer| writer.connection == connection) {
            if let Some(container) = self.containers.iter_mut().find(|container| container.id == writer.container) {
                container.end_input();
            }
        }
        self.writers.retain(|writer| writer.connection != connection);
        Answer::Done
    }

    /// Attachments end with their connections.
    pub(super) fn drop_left_attachments(&mut self) {
        let is_open = |wanted: ConnectionId| self.connections.iter().any(|(id, _)| *id == wanted);
        self.listeners.retain(is_open);
        let left: Vec<ConnectionId> =
            self.writers.iter().map(|writer| writer.connection).filter(|writer| !is_open(*writer)).collect();
        for connection in left {
            self.end_input(connection);
        }
    }

    /// Gives up who held a container up for too long, and who did not come.
    pub(super) fn give_up_slow(&mut self) {
        let now = Instant::now();
        self.containers.iter_mut().for_each(|container| container.give_up(now));
        for late in self.listeners.give_up(now) {
            if let Some(connection) = self.connection(late) {
                connection.send(&FromSupervisor::Notice(Notice::Detached));
            }
        }
    }
}
