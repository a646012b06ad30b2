//! Whose turn it is to start: init containers one after the other, then the app containers; ephemeral ones whenever they come.

use super::PodMachine;
use super::container::{Container, Role, Stage};
use super::history::RestartPolicy;
use super::life::{Deletion, Life};

impl PodMachine {
    /// Whether something is to be started, now or after a wait.
    pub(super) fn wants_start(&self, index: usize) -> bool {
        self.life == Life::Active && self.deletion == Deletion::None && self.needs_start(index)
    }

    fn needs_start(&self, index: usize) -> bool {
        let container = &self.containers[index];
        if container.role == Role::Init {
            return !self.is_passed(index, self.frontier()) && (self.init_is_void(container) || self.by_policy(container));
        }
        self.by_policy(container)
    }

    fn by_policy(&self, container: &Container) -> bool {
        container.history.wants_start(self.policy_of(container.role))
    }

    /// An init container has ended well, but in another sandbox than this one: it runs once more.
    fn init_is_void(&self, container: &Container) -> bool {
        let is_here = self.runs_here(container);
        container.history.ended().is_some_and(|ended| ended.code == 0) && !is_here
    }

    /// Whether the newest instance belongs to the sandbox that there is.
    fn runs_here(&self, container: &Container) -> bool {
        let sandbox = container.history.newest.as_ref().and_then(|newest| newest.sandbox);
        sandbox.is_some() && sandbox == self.sandbox.number()
    }

    /// Whether anything is left for which a sandbox is needed.
    pub(super) fn wants_sandbox(&self) -> bool {
        let is_app = |index: &usize| self.containers[*index].role == Role::App;
        !self.has_init_failed() && (0..self.containers.len()).filter(is_app).any(|index| self.wants_start(index))
    }

    /// How far the start of the pod has come: the last container that was begun in this sandbox. All before it have had their turn.
    pub(super) fn frontier(&self) -> usize {
        let has_begun = |container: &Container| {
            container.role != Role::Ephemeral
                && (container.is_busy() || matches!(container.stage, Stage::Image { .. }) || self.runs_here(container))
        };
        self.containers.iter().rposition(has_begun).unwrap_or(0)
    }

    /// Whether those after a container may start, as far as it is concerned.
    pub(super) fn is_passed(&self, index: usize, frontier: usize) -> bool {
        let container = &self.containers[index];
        match container.role {
            Role::App | Role::Ephemeral => true,
            _ if index < frontier => true,
            Role::Init => self.runs_here(container) && container.history.ended().is_some_and(|ended| ended.code == 0),
            Role::Sidecar => self.runs_here(container) && self.has_started(container),
        }
    }

    /// Whether every container before this one has had its turn.
    pub(super) fn is_its_turn(&self, index: usize) -> bool {
        let frontier = self.frontier();
        self.containers[index].role == Role::Ephemeral || (0..index).all(|earlier| self.is_passed(earlier, frontier))
    }

    /// Whether an init container has failed for good.
    pub(super) fn has_init_failed(&self) -> bool {
        let frontier = self.frontier();
        let has_failed = |(index, container): (usize, &Container)| {
            container.role == Role::Init
                && !self.is_passed(index, frontier)
                && container.history.ended().is_some_and(|ended| ended.code != 0)
        };
        self.policy() == RestartPolicy::Never && self.containers.iter().enumerate().any(has_failed)
    }

    /// Whether nothing is left to do: every app container has ended for good, or an init container has failed for good.
    pub(super) fn is_complete(&self) -> bool {
        let is_over = |container: &Container| container.stage == Stage::Idle && !self.by_policy(container);
        self.containers.iter().filter(|container| container.role == Role::App).all(is_over) || self.has_init_failed()
    }
}
