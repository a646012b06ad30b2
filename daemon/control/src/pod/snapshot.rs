//! What a machine remembers beyond what can be seen.

use super::backoff::Backoff;
use super::container::{Container, Role};
use super::history::History;
use super::life::{Life, Verdict};
use super::{ContainerName, PodMachine};
use crate::clock::{BootMs, Now};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ContainerStatus;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a machine remembers beyond what can be seen: write it to tmpfs as it is ([`super::Action::SaveSnapshot`]). Fields are only
/// added, with a default, so that a newer daemon reads an older one's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was made: one from before a reboot is told by a clock that was further.
    at: BootMs,
    life: Life,
    next_sandbox: u32,
    ips: Vec<String>,
    containers: BTreeMap<ContainerName, History>,
    image_backoff: BTreeMap<String, Backoff>,
    start_time: Option<Timestamp>,
    verdict: Option<Verdict>,
}

impl PartialEq for Snapshot {
    /// Whether keeping the one makes keeping the other needless. What the sandbox itself or the status tells as well (its number and
    /// addresses, the pod's start) is kept along with the rest and is no reason to write.
    fn eq(&self, other: &Self) -> bool {
        self.life == other.life
            && self.containers == other.containers
            && self.image_backoff == other.image_backoff
            && self.verdict == other.verdict
    }
}

impl PodMachine {
    /// What [`PodMachine::restore`] needs.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let history = |container: &Container| (container.name.clone(), container.history.clone());
        Snapshot {
            at: self.stepped,
            life: self.life.clone(),
            next_sandbox: self.next_sandbox,
            ips: self.ips.clone(),
            containers: self.containers.iter().map(history).collect(),
            image_backoff: self.image_backoff.clone(),
            start_time: self.start_time,
            verdict: self.verdict.clone(),
        }
    }

    /// Takes up what was remembered, or, where that is nothing, what the last status says.
    pub(super) fn remember(&mut self, now: Now, snapshot: Option<Snapshot>) {
        if let Some(mut snapshot) = snapshot {
            if snapshot.at > now.boot {
                snapshot.rebase();
            }
            self.life = snapshot.life;
            self.next_sandbox = snapshot.next_sandbox;
            self.ips = snapshot.ips;
            self.image_backoff = snapshot.image_backoff;
            self.start_time = snapshot.start_time;
            self.verdict = snapshot.verdict;
            self.take_histories(snapshot.containers);
        } else {
            self.remember_status(now);
        }
        self.add_missing_containers();
        let status_start = self.pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0);
        self.start_time = self.start_time.or(status_start).or(Some(now.wall));
    }

    fn remember_status(&mut self, now: Now) {
        let Some(status) = self.pod.status.clone() else { return };
        let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
        let history = |status: &ContainerStatus| (ContainerName::from(status.name.as_str()), History::from_status(status, now));
        self.take_histories(lists.into_iter().flatten().flatten().map(history).collect());
        self.ips = status.pod_ips.iter().flatten().map(|ip| ip.ip.clone()).collect();
        self.remember_verdict(&status);
    }

    /// Containers stand in the order of their starts; one that the specification does not have any more is forgotten.
    fn take_histories(&mut self, mut known: BTreeMap<ContainerName, History>) {
        let members: Vec<(ContainerName, Role)> =
            self.members().into_iter().map(|(name, role)| (ContainerName::from(name), role)).collect();
        let container = |(name, role): (ContainerName, Role)| {
            let history = known.remove(&name).unwrap_or_default();
            Container::new(name, role, history)
        };
        self.containers = members.into_iter().map(container).collect();
    }

    /// Containers of the specification that are not known yet: all of them at first, ephemeral ones later.
    pub(super) fn add_missing_containers(&mut self) {
        let members: Vec<(ContainerName, Role)> =
            self.members().into_iter().map(|(name, role)| (ContainerName::from(name), role)).collect();
        let is_same = self.containers.iter().map(|container| &container.name).eq(members.iter().map(|(name, _)| name));
        if is_same {
            return;
        }
        let mut known: Vec<Container> = std::mem::take(&mut self.containers);
        for (name, role) in members {
            let place = known.iter().position(|container| container.name == name);
            let container = place.map(|place| known.swap_remove(place));
            self.containers.push(container.unwrap_or_else(|| Container::new(name, role, History::default())));
        }
    }
}

impl Snapshot {
    /// Whether it says no more than that the pod is new.
    pub(super) fn is_fresh(&self) -> bool {
        self.life == Life::Active
            && self.image_backoff.is_empty()
            && self.containers.values().all(|history| *history == History::default())
    }

    fn rebase(&mut self) {
        self.containers.values_mut().for_each(History::rebase);
        self.image_backoff.values_mut().for_each(Backoff::rebase);
        if let Life::Ending { kill_at, grace_over, .. } = &mut self.life {
            (*kill_at, *grace_over) = (BootMs(0), BootMs(0));
        }
    }
}
