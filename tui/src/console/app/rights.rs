//! What this console may do: to the cluster, and on the machine it runs on.
//!
//! Keys and commands that may not be used say so at once. What counts is the check of effects: whatever way led to
//! one, it is not performed.

use super::effect::Effect;
use super::msg::Wire;
use crate::console::keys::action::Action;
use crate::console::link::{Command, Failure, ForwardReport, ForwardState, PaneEnd, PaneNews};
use objects::Status;
use wire::{CopyDirection, DryRun, Request};

/// What may be done to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCluster {
    /// All that the daemon allows.
    #[default]
    Everything,
    /// Nothing is changed (`--readonly`).
    Read,
}

/// What may be done on the machine that the console runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMachine {
    /// All that its user may.
    #[default]
    Everything,
    /// No file is read or written by name, and no program of the machine is run: the user of the console has no account here
    /// (`--captive`). A shell in a container is a program of the cluster's; what it is run by is `skiff` itself.
    Nothing,
}

/// Both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    /// To the cluster.
    pub on_cluster: OnCluster,
    /// On the machine.
    pub on_machine: OnMachine,
}

impl Rights {
    /// As the flags `--readonly` and `--captive` say.
    pub fn new(is_readonly: bool, is_captive: bool) -> Self {
        Self {
            on_cluster: if is_readonly { OnCluster::Read } else { OnCluster::Everything },
            on_machine: if is_captive { OnMachine::Nothing } else { OnMachine::Everything },
        }
    }

    /// Whether an action is of any use.
    pub fn allow(self, action: Action) -> bool {
        let changes = action.changes_cluster() && self.on_cluster == OnCluster::Read;
        let touches = matches!(action, Action::Save | Action::Suspend | Action::Forward | Action::Copy)
            && self.on_machine == OnMachine::Nothing;
        !changes && !touches
    }

    /// Why an action is of no use.
    pub fn refusal(self, action: Action) -> &'static str {
        if action.changes_cluster() { READ_ONLY } else { CAPTIVE }
    }

    /// Takes out the effects that may not be; what their askers are told instead.
    pub fn check(self, effects: &mut Vec<Effect>) -> Vec<Wire> {
        let mut told = Vec::new();
        effects.retain(|effect| match effect {
            Effect::Link(Command::Ask { id, request }) if self.on_cluster == OnCluster::Read && !reads(request) => {
                let status = Status { code: 403, reason: "Forbidden".to_owned(), ..Status::bad_request(READ_ONLY) };
                told.push(Wire::Answer(*id, Err(Failure::Refused(Box::new(status)))));
                false
            }
            Effect::Link(Command::Pull { id, .. }) if self.on_cluster == OnCluster::Read => {
                let status = Status { code: 403, reason: "Forbidden".to_owned(), ..Status::bad_request(READ_ONLY) };
                told.push(Wire::Answer(*id, Err(Failure::Refused(Box::new(status)))));
                false
            }
            Effect::Program { .. } if self.on_machine == OnMachine::Nothing => {
                told.push(Wire::Denied(CAPTIVE));
                false
            }
            Effect::Run(_) | Effect::Program { only_reads: false, .. } if self.on_cluster == OnCluster::Read => {
                told.push(Wire::Denied(READ_ONLY));
                false
            }
            Effect::Link(Command::Pane { id, .. }) if self.on_cluster == OnCluster::Read => {
                told.push(Wire::Pane(*id, PaneNews::Ended(PaneEnd::Failed(READ_ONLY.to_owned()))));
                false
            }
            Effect::Link(Command::Type { .. }) if self.on_cluster == OnCluster::Read => false,
            Effect::Link(Command::Forward { id, .. })
                if self.on_cluster == OnCluster::Read || self.on_machine == OnMachine::Nothing =>
            {
                let why = if self.on_machine == OnMachine::Nothing { CAPTIVE } else { READ_ONLY };
                let state = ForwardState::Failed { why: why.to_owned() };
                told.push(Wire::Forward(*id, ForwardReport { state, ..ForwardReport::default() }));
                false
            }
            Effect::Link(Command::Copy { id, copy })
                if self.on_machine == OnMachine::Nothing
                    || (self.on_cluster == OnCluster::Read && copy.request.direction == CopyDirection::IntoContainer) =>
            {
                let why = if self.on_machine == OnMachine::Nothing { CAPTIVE } else { READ_ONLY };
                told.push(Wire::CopyEnd(*id, Err(why.to_owned())));
                false
            }
            Effect::Read(_) | Effect::Write(..) | Effect::Suspend | Effect::Editor(_)
                if self.on_machine == OnMachine::Nothing =>
            {
                told.push(Wire::Denied(CAPTIVE));
                false
            }
            _ => true,
        });
        told
    }
}

const READ_ONLY: &str = "this console is read-only: it changes nothing in the cluster";
const CAPTIVE: &str = "this console may not use files or programs of the machine it runs on";

/// Whether a question leaves the cluster as it is. What is not known to do so does not.
fn reads(request: &Request) -> bool {
    match request {
        Request::List(_)
        | Request::Watch(_)
        | Request::Get(_)
        | Request::Logs(_)
        | Request::Probes(_)
        | Request::History(_)
        | Request::ImageList
        | Request::Members => true,
        Request::Create(create) => create.dry_run == DryRun::Yes,
        Request::Apply(apply) => apply.dry_run == DryRun::Yes,
        Request::Replace(replace) => replace.dry_run == DryRun::Yes,
        Request::Delete(delete) => delete.dry_run == DryRun::Yes,
        Request::On { request, .. } => reads(request),
        _ => false,
    }
}
