//! What the probes of a pod came to lately, for whoever looks why it is not ready.

use super::Verbs;
use crate::probes::history::ProbeRecord;
use control::pod::{ProbeKind, ProbeVerdict};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Container;
use objects::Status;
use wire::{PodProbes, ProbeRun, ProbeRuns, ProbesRequest};

impl Verbs {
    /// The newest runs of every probe of a pod of this node.
    ///
    /// # Errors
    /// 404 for a pod that is not there, 400 for one that has no node yet.
    pub fn probes(&self, request: &ProbesRequest) -> Result<PodProbes, Status> {
        let pod = self.own_pod(&request.namespace, &request.pod)?;
        let mut known = self.containers()?.probes(pod.metadata.uid.as_deref().unwrap_or_default());
        let spec = pod.spec.clone().unwrap_or_default();
        let containers: Vec<Container> = spec.init_containers.into_iter().flatten().chain(spec.containers).collect();
        let named = |container: &Container| -> Vec<(String, ProbeKind)> {
            let has = [&container.startup_probe, &container.liveness_probe, &container.readiness_probe];
            let declared = ProbeKind::ALL.into_iter().zip(has).filter(|(_, probe)| probe.is_some());
            declared.map(|(kind, _)| (container.name.clone(), kind)).collect()
        };
        let probes = containers.iter().flat_map(named).map(|name| {
            let runs = known.remove(&name).unwrap_or_default().into_iter().map(to_run).collect();
            ProbeRuns { container: name.0, probe: to_kind(name.1), runs }
        });
        let probes = probes.collect();
        Ok(PodProbes { node: self.node_name.clone(), as_of_ms: Timestamp::now().as_millisecond(), probes })
    }
}

fn to_run(record: ProbeRecord) -> ProbeRun {
    let verdict = match record.verdict {
        ProbeVerdict::Success => wire::ProbeVerdict::Success,
        ProbeVerdict::Warning => wire::ProbeVerdict::Warning,
        ProbeVerdict::Failure => wire::ProbeVerdict::Failure,
        ProbeVerdict::Unknown => wire::ProbeVerdict::Unknown,
    };
    let took_us = u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX);
    ProbeRun { at_ms: record.at.as_millisecond(), took_us, verdict, output: record.output }
}

const fn to_kind(kind: ProbeKind) -> wire::ProbeKind {
    match kind {
        ProbeKind::Startup => wire::ProbeKind::Startup,
        ProbeKind::Liveness => wire::ProbeKind::Liveness,
        ProbeKind::Readiness => wire::ProbeKind::Readiness,
    }
}
