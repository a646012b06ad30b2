//! What a machine remembers beyond what can be seen.

use super::backoff::Backoff;
use super::container::Container;
use super::history::History;
use super::life::{Life, Verdict};
use super::{ContainerName, PodMachine};
use crate::clock::{BootMs, Now};
use jiff::Timestamp;
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
            let container = |(name, history)| Container::new(name, history);
            self.containers = snapshot.containers.into_iter().map(container).collect();
            self.order_containers();
        } else {
            self.remember_status(now);
        }
        self.add_missing_containers();
        let status_start = self.pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0);
        self.start_time = self.start_time.or(status_start).or(Some(now.wall));
    }

    fn remember_status(&mut self, now: Now) {
        let Some(status) = self.pod.status.clone() else { return };
        for container in status.container_statuses.iter().flatten() {
            let name = ContainerName::from(container.name.as_str());
            self.containers.push(Container::new(name, History::from_status(container, now)));
        }
        self.order_containers();
        self.ips = status.pod_ips.iter().flatten().map(|ip| ip.ip.clone()).collect();
        self.remember_verdict(&status);
    }

    /// Containers stand in the order of the specification; one that it does not have any more is forgotten.
    fn order_containers(&mut self) {
        let order: Vec<String> =
            self.spec().map(|spec| spec.containers.iter().map(|container| container.name.clone()).collect()).unwrap_or_default();
        let place = |container: &Container| order.iter().position(|name| **name == *container.name);
        self.containers.retain(|container| place(container).is_some());
        self.containers.sort_by_key(place);
    }

    /// Containers of the specification that are not known yet.
    pub(super) fn add_missing_containers(&mut self) {
        let names: Vec<ContainerName> = self
            .spec()
            .map(|spec| spec.containers.iter().map(|container| ContainerName::from(container.name.as_str())).collect())
            .unwrap_or_default();
        for name in names {
            if self.index_of(&name).is_none() {
                self.containers.push(Container::new(name, History::default()));
            }
        }
        self.order_containers();
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
        if let Life::Ending { kill_at, .. } = &mut self.life {
            *kill_at = BootMs(0);
        }
    }
}
