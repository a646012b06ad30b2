//! How much this node and its pods use: read of the kernel when somebody asks, so that a node of which nobody asks does nothing.
//!
//! Cpu is what was used between two readings. One is kept for a minute, so that whoever asks again waits for nothing; who asks first
//! waits a second for another one. A container that was started in between has used nothing before.

use crate::errors::chain;
use crate::pods::Machinery;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use objects::Status;
use runtime::machine::{Machine, MachineUsage};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use wire::{ContainerUsage, NodeUsage, PodUsage, Used};

/// Two readings are apart so far at least: counters move in steps of the scheduler's.
const MIN_WINDOW: Duration = Duration::from_secs(1);
/// A reading is of no use after so long: what is asked for is what is used now.
const MAX_WINDOW: Duration = Duration::from_secs(60);
/// The newest reading becomes the one that others are compared with after so long: `metrics-server` has such a resolution.
const RESOLUTION: Duration = Duration::from_secs(15);

/// The uid of a pod and the group of a container in it.
type Group = (String, String);

/// What was read at one moment.
#[derive(Debug, Clone)]
struct Sample {
    at: Instant,
    machine: MachineUsage,
    containers: HashMap<Group, Used>,
    cpu_ns: HashMap<Group, u64>,
}

/// The last readings.
#[derive(Debug, Default)]
struct Kept {
    older: Option<Arc<Sample>>,
    newer: Option<Arc<Sample>>,
}

impl Kept {
    /// The oldest reading that a new one can be compared with.
    fn base(&self, now: Instant) -> Option<Arc<Sample>> {
        let is_fit = |sample: &&Arc<Sample>| {
            let age = now.saturating_duration_since(sample.at);
            (MIN_WINDOW..=MAX_WINDOW).contains(&age)
        };
        [&self.older, &self.newer].into_iter().flatten().find(is_fit).cloned()
    }

    fn keep(&mut self, sample: &Arc<Sample>) {
        let is_fresh = self.newer.as_ref().is_some_and(|newer| sample.at.saturating_duration_since(newer.at) < RESOLUTION);
        if !is_fresh {
            self.older = self.newer.replace(sample.clone());
        }
    }
}

/// See the module.
pub struct Meter {
    machine: Machine,
    kept: Mutex<Kept>,
}

impl Meter {
    /// A meter of this machine.
    pub fn new(machine: Machine) -> Self {
        Self { machine, kept: Mutex::default() }
    }

    /// Keeps a reading; the one to compare it with.
    fn turn(&self, sample: &Arc<Sample>) -> Option<Arc<Sample>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let base = kept.base(sample.at);
        kept.keep(sample);
        base
    }
}

/// What the node and these pods of it use.
///
/// # Errors
/// 500 where the machine cannot be read.
pub async fn measure(machinery: Arc<Machinery>, pods: Vec<Arc<Pod>>) -> Result<NodeUsage, Status> {
    let groups: Arc<Vec<Group>> =
        Arc::new(pods.iter().flat_map(|pod| running(pod).map(|of| group(pod, of)).collect::<Vec<_>>()).collect());
    let read = || {
        let (machinery, groups) = (machinery.clone(), groups.clone());
        async move {
            let reader = machinery.clone();
            let sample = machinery.blocking(move || sample(&reader, &groups)).await;
            sample.map(Arc::new).map_err(|why| Status::internal(format!("cannot measure: {why}")))
        }
    };
    let mut sample = read().await?;
    let base = match machinery.meter.turn(&sample) {
        Some(base) => base,
        None => {
            tokio::time::sleep(MIN_WINDOW).await;
            let first = std::mem::replace(&mut sample, read().await?);
            // Another reading of the same minute is no more than a better base for the next ones.
            let _ = machinery.meter.turn(&sample);
            first
        }
    };
    Ok(usage(&machinery.node_name, &pods, &base, &sample))
}

/// Reads. Blocks. A container of which nothing can be read has just ended.
fn sample(machinery: &Machinery, groups: &[Group]) -> Result<Sample, String> {
    let machine = machinery.meter.machine.usage().map_err(|error| chain(&error))?;
    let at = Instant::now();
    let (mut containers, mut cpu_ns) = (HashMap::new(), HashMap::new());
    for (uid, name) in groups {
        let Ok(usage) = machinery.cgroups.usage(uid, Some(name)) else { continue };
        let group = (uid.clone(), name.clone());
        containers.insert(group.clone(), Used { cpu_nanocores: 0, memory_bytes: usage.memory_working_set_bytes });
        cpu_ns.insert(group, usage.cpu_ns);
    }
    Ok(Sample { at, machine, containers, cpu_ns })
}

fn usage(node: &str, pods: &[Arc<Pod>], before: &Sample, now: &Sample) -> NodeUsage {
    let window = now.at.saturating_duration_since(before.at);
    let rate = |before: u64, now: u64| {
        let nanocores = u128::from(now.saturating_sub(before)) * 1_000_000_000 / window.as_nanos().max(1);
        u64::try_from(nanocores).unwrap_or(u64::MAX)
    };
    let container = |pod: &Pod, status: &ContainerStatus| {
        let group = group(pod, status);
        let cpu_nanocores = rate(before.cpu_ns.get(&group).copied().unwrap_or(0), *now.cpu_ns.get(&group)?);
        let used = Used { cpu_nanocores, ..*now.containers.get(&group)? };
        Some(ContainerUsage { name: status.name.clone(), used })
    };
    let pod = |pod: &Arc<Pod>| {
        let containers: Vec<_> = running(pod).filter_map(|status| container(pod, status)).collect();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (namespace, name) = (text(&pod.metadata.namespace), text(&pod.metadata.name));
        (!containers.is_empty()).then(|| PodUsage { namespace, name, uid: text(&pod.metadata.uid), containers })
    };
    NodeUsage {
        node: node.to_owned(),
        at_ms: Timestamp::now().as_millisecond(),
        window_ms: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
        used: Used {
            cpu_nanocores: rate(before.machine.cpu_ns, now.machine.cpu_ns),
            memory_bytes: now.machine.memory_working_set_bytes,
        },
        pods: pods.iter().filter_map(pod).collect(),
    }
}

/// The containers of a pod that run.
fn running(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let lists = pod
        .status
        .iter()
        .flat_map(|status| [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses]);
    let all = lists.flatten().flatten();
    all.filter(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()))
}

fn group(pod: &Pod, status: &ContainerStatus) -> Group {
    (pod.metadata.uid.clone().unwrap_or_default(), format!("{}-{}", status.name, status.restart_count))
}

#[cfg(test)]
mod tests {
    use super::{Kept, Sample, Used, usage};
    use k8s_openapi::api::core::v1::Pod;
    use runtime::machine::MachineUsage;
    use serde_json::json;
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    fn sample(at: Instant, cpu_ns: u64, containers: &[(&str, u64)]) -> Arc<Sample> {
        let key = |name: &str| ("u".to_owned(), name.to_owned());
        Arc::new(Sample {
            at,
            machine: MachineUsage { cpu_ns, memory_working_set_bytes: 7 },
            containers: containers.iter().map(|(name, _)| (key(name), Used { cpu_nanocores: 0, memory_bytes: 5 })).collect(),
            cpu_ns: containers.iter().map(|(name, cpu_ns)| (key(name), *cpu_ns)).collect::<HashMap<_, _>>(),
        })
    }

    #[test]
    fn cpu_is_counted_between_two_readings_of_the_last_minute() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut kept = Kept::default();
        let age = |kept: &Kept, now: u64| kept.base(at(now)).map(|base| at(now).duration_since(base.at).as_secs());
        assert_eq!(age(&kept, 0), None);
        kept.keep(&sample(at(0), 0, &[]));
        assert_eq!(age(&kept, 0), None, "it is too near");
        assert_eq!(age(&kept, 5), Some(5));
        kept.keep(&sample(at(5), 0, &[]));
        assert_eq!(age(&kept, 20), Some(20), "the one of 5 s was too fresh to take its place");
        kept.keep(&sample(at(20), 0, &[]));
        assert_eq!(age(&kept, 30), Some(30));
        assert_eq!(age(&kept, 70), Some(50), "the oldest is of another minute");
        assert_eq!(age(&kept, 100), None);
    }

    #[test]
    fn a_container_that_is_new_has_used_nothing_before_and_one_that_ended_is_left_out() {
        let start = Instant::now();
        let before = sample(start, 1_000_000_000, &[("a-0", 500)]);
        let now = sample(start + Duration::from_secs(2), 5_000_000_000, &[("a-0", 2_000_000_500), ("b-1", 1_000)]);
        let status = |name: &str, restarts: u32, state: &str| json!({"name": name, "restartCount": restarts, "image": "", "imageID": "", "ready": true, "state": {state: {}}});
        let statuses =
            [status("a", 0, "running"), status("b", 1, "running"), status("c", 0, "waiting"), status("d", 0, "running")];
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p", "namespace": "n", "uid": "u"},
            "status": {"containerStatuses": statuses}}))
        .expect("a pod");
        let usage = usage("n1", &[Arc::new(pod), Arc::default()], &before, &now);
        assert_eq!((usage.used.cpu_nanocores, usage.used.memory_bytes, usage.window_ms), (2_000_000_000, 7, 2000));
        let shown: Vec<_> =
            usage.pods.iter().flat_map(|pod| &pod.containers).map(|of| (of.name.as_str(), of.used.cpu_nanocores)).collect();
        assert_eq!(shown, [("a", 1_000_000_000), ("b", 500)]);
        assert_eq!(usage.pods.len(), 1);
    }
}
