//! What is watched of each stop: SIGKILL comes when the grace is over, not later and not before.

use super::world::World;
use crate::pod::{Action, ContainerName, HookKind, Signal};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A container always has so long after its stop signal, in milliseconds.
const LEAST_MS: u64 = 2_000;

/// The pod, and the instances that were shown to run.
type Told<'a> = (&'a Value, &'a BTreeSet<String>);

/// The stops that were begun, by instance.
#[derive(Debug, Default)]
pub(super) struct Graces(BTreeMap<(ContainerName, u32), Stop>);

/// One stop, in milliseconds of the world's time.
#[derive(Debug)]
struct Stop {
    /// Before this it is not killed.
    kill_from: u64,
    /// By then it is.
    kill_by: u64,
}

impl Graces {
    /// Looks at an action before it is performed. `kill_by` is when all containers of a pod that goes have to be killed. One that is heard of while its pod ends has what is left of the pod's grace.
    pub(super) fn watch(&mut self, action: &Action, world: &World, told: Told<'_>, kill_by: Option<u64>) {
        let begins = |signal: &Signal| *signal == Signal::Stop;
        match action {
            Action::Signal { container, attempt, signal } if begins(signal) => self.begin((container, *attempt), world, told),
            Action::RunHook { container, attempt, hook: HookKind::PreStop, limit_ms } => {
                assert!(limit_ms.is_some(), "a preStop hook without an end");
                self.begin((container, *attempt), world, told);
            }
            Action::Signal { container, attempt, .. } => {
                let key = (container.clone(), *attempt);
                let from = self.0.get(&key).map_or(if is_shown(&key, told) { u64::MAX } else { 0 }, |stop| stop.kill_from);
                let is_due = kill_by.is_some_and(|by| by.saturating_sub(LEAST_MS) <= world.ms);
                assert!(from <= world.ms || is_due, "{container}/{attempt} is killed before its grace is over");
                // It may be killed again.
                self.0.insert(key, Stop { kill_from: 0, kill_by: u64::MAX });
            }
            _ => {}
        }
    }

    fn begin(&mut self, (container, attempt): (&ContainerName, u32), world: &World, told: Told<'_>) {
        let (least, most) = graces_ms(told.0, container);
        let least = if is_shown(&(container.clone(), attempt), told) { least.max(LEAST_MS) } else { 0 };
        // After its grace a container that is only signalled then has two seconds more.
        let stop = Stop { kill_from: world.ms + least, kill_by: world.ms + most + LEAST_MS };
        let known = self.0.entry((container.clone(), attempt)).or_insert(stop);
        known.kill_by = known.kill_by.min(world.ms + most + LEAST_MS);
    }

    /// Nothing that runs is past its time without having been killed.
    pub(super) fn check(&self, world: &World) {
        for (name, attempt) in world.running() {
            let key = (name.clone(), attempt);
            let is_over = self.0.get(&key).is_some_and(|stop| stop.kill_by < world.ms);
            let is_killed = world.signalled.contains(&(name.clone(), attempt, true));
            assert!(!is_over || is_killed, "{name}/{attempt} outlives the grace of its stop");
        }
    }

    /// The new daemon does not know how far a stop was, and begins it again.
    pub(super) fn restart_daemon(&mut self) {
        self.0.values_mut().for_each(|stop| stop.kill_by = u64::MAX);
    }
}

fn is_shown((container, attempt): &(ContainerName, u32), (_, shown): Told<'_>) -> bool {
    shown.contains(&format!("skiff://{container}/{attempt}"))
}

/// The shortest and the longest grace that a container may have: a probe's own, the pod's, or the one it was deleted with.
fn graces_ms(manifest: &Value, name: &ContainerName) -> (u64, u64) {
    let lists = ["initContainers", "containers"].map(|list| manifest["spec"][list].as_array().cloned().unwrap_or_default());
    let container = lists.into_iter().flatten().find(|container| container["name"] == *name.to_string()).unwrap_or_default();
    let of_probes = ["startupProbe", "livenessProbe"].map(|probe| container[probe]["terminationGracePeriodSeconds"].as_u64());
    let of_pod = manifest["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
    let of_deletion = manifest["metadata"]["deletionGracePeriodSeconds"].as_u64();
    // A sidecar's turn may come with the end of the grace.
    let least = if container["restartPolicy"] == "Always" { 0 } else { of_pod };
    let all = of_probes.into_iter().chain([of_deletion]).flatten();
    let (least, most) = all.fold((least, of_pod), |(least, most), grace| (least.min(grace), most.max(grace)));
    (least * 1000, most.max(1) * 1000)
}
