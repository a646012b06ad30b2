//! What this daemon and its node are like at the moment, as text for Prometheus.
//!
//! Families that Kubernetes has bear its names (`apiserver_`, `kubelet_`, `prober_`), processes those that every exporter uses; what
//! there is of Skiff alone begins with `skiff_`. Labels have a bounded number of values: no pod and no client has a line of its own.

use super::Verbs;
use crate::telemetry::process;
use control::pod::{ProbeKind, ProbeVerdict};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use objects::Kind;
use rest::exposition::{Exposition, Type, to_float};
use std::collections::BTreeMap;
use wire::MemberState;

impl Verbs {
    /// All that there is to tell.
    pub async fn exposition(&self) -> String {
        let mut exposition = Exposition::default();
        exposition.family("skiff_build_info", Type::Gauge, "The daemon's version; always 1.");
        exposition.sample(&[("version", env!("CARGO_PKG_VERSION")), ("node", &self.node_name)], 1.0);
        // It reads a few small files of the kernel's.
        let read = tokio::task::spawn_blocking(|| process::read("/proc".as_ref())).await;
        if let Ok(Ok(process)) = read {
            process.tell(&mut exposition);
        }
        self.telemetry.tell(&mut exposition);
        self.tell_objects(&mut exposition);
        self.tell_store(&mut exposition);
        self.tell_pods(&mut exposition);
        self.tell_probes(&mut exposition);
        self.tell_cluster(&mut exposition);
        exposition.into_text()
    }

    fn tell_objects(&self, exposition: &mut Exposition) {
        exposition.family("apiserver_resource_objects", Type::Gauge, "Objects in this node's replica.");
        for kind in Kind::ALL {
            let count = self.store.list(kind, None).items.len();
            exposition.sample(&[("group", kind.group()), ("resource", kind.plural())], count as f64);
        }
    }

    fn tell_store(&self, exposition: &mut Exposition) {
        let committed = self.store.committed();
        let mut counter = |name, help: &str, value| {
            exposition.family(name, Type::Counter, help);
            exposition.sample(&[], value);
        };
        counter("skiff_store_commits_total", "Times that the disk was written and synced.", to_float(committed.done));
        counter("skiff_store_commit_failures_total", "Times that this failed.", to_float(committed.failed));
        counter(
            "skiff_store_committed_records_total",
            "Records of objects that were written or taken away.",
            to_float(committed.records),
        );
        counter("skiff_store_commit_seconds_total", "Time that all commits took.", committed.took.as_secs_f64());
    }

    /// The pods of this node.
    fn tell_pods(&self, exposition: &mut Exposition) {
        let (mut phases, mut states) = (BTreeMap::new(), BTreeMap::new());
        for word in ["Pending", "Running", "Succeeded", "Failed"] {
            phases.insert(word, 0_u64);
        }
        for word in ["running", "waiting", "terminated"] {
            states.insert(word, 0_u64);
        }
        for pod in self.store.pods_on(&self.node_name).iter().filter_map(|object| object.parse::<Pod>().ok()) {
            let status = pod.status.unwrap_or_default();
            if let Some(count) = phases.get_mut(status.phase.as_deref().unwrap_or("Pending")) {
                *count += 1;
            }
            for container in status.container_statuses.iter().flatten() {
                if let Some(count) = states.get_mut(state(container)) {
                    *count += 1;
                }
            }
        }
        exposition.family("kubelet_running_pods", Type::Gauge, "Pods of this node that run.");
        exposition.sample(&[], to_float(phases["Running"]));
        exposition.family("kubelet_running_containers", Type::Gauge, "Containers of this node's pods.");
        for (state, count) in states {
            exposition.sample(&[("container_state", state)], to_float(count));
        }
        exposition.family("skiff_pods", Type::Gauge, "Pods of this node, by phase.");
        for (phase, count) in phases {
            exposition.sample(&[("phase", phase)], to_float(count));
        }
    }

    fn tell_probes(&self, exposition: &mut Exposition) {
        exposition.family("prober_probe_total", Type::Counter, "Runs of probes on this node.");
        let Ok(containers) = self.containers() else { return };
        for ((kind, verdict), count) in containers.probe_totals() {
            let kind = match kind {
                ProbeKind::Startup => "Startup",
                ProbeKind::Liveness => "Liveness",
                ProbeKind::Readiness => "Readiness",
            };
            let result = match verdict {
                ProbeVerdict::Success | ProbeVerdict::Warning => "successful",
                ProbeVerdict::Failure => "failed",
                ProbeVerdict::Unknown => "unknown",
            };
            exposition.sample(&[("probe_type", kind), ("result", result)], to_float(count));
        }
    }

    fn tell_cluster(&self, exposition: &mut Exposition) {
        exposition.family("skiff_cluster_members", Type::Gauge, "Members of the cluster as this node sees them.");
        let members = self.members().members;
        let states = [
            (MemberState::Alive, "alive"),
            (MemberState::Suspect, "suspect"),
            (MemberState::Down, "down"),
            (MemberState::Left, "left"),
        ];
        for (state, word) in states {
            let count = members.iter().filter(|member| member.state == state).count();
            exposition.sample(&[("state", word)], count as f64);
        }
        let Some(counters) = self.peers.counters() else { return };
        let mut family = |name, help: &str, label, samples: &[(&str, u64)]| {
            exposition.family(name, Type::Counter, help);
            for (word, count) in samples {
                exposition.sample(&[(label, *word)], to_float(*count));
            }
        };
        let of = &counters;
        family(
            "skiff_gossip_datagrams_total",
            "Datagrams between daemons.",
            "direction",
            &[("sent", of.datagrams_sent), ("received", of.datagrams_received)],
        );
        family(
            "skiff_gossip_messages_total",
            "Messages between daemons that arrive for certain.",
            "direction",
            &[("sent", of.messages_sent), ("received", of.messages_received)],
        );
        family(
            "skiff_gossip_sent_bytes_total",
            "Bytes sent to other daemons, unsealed.",
            "channel",
            &[("datagrams", of.datagram_bytes_sent), ("messages", of.message_bytes_sent)],
        );
        family(
            "skiff_gossip_records_total",
            "Records of objects that came or were asked for.",
            "outcome",
            &[
                ("received", of.records_received),
                ("known", of.records_known),
                ("refused", of.records_refused),
                ("wanted", of.records_wanted),
            ],
        );
        family(
            "skiff_gossip_digests_total",
            "Digests that were compared with other daemons'.",
            "outcome",
            &[("compared", of.digests_compared), ("different", of.digests_different)],
        );
        family(
            "skiff_gossip_reconciliations_total",
            "Reconciliations with other daemons.",
            "outcome",
            &[("begun", of.sessions_begun), ("ended", of.sessions_ended), ("failed", of.sessions_failed)],
        );
        family(
            "skiff_gossip_dropped_total",
            "What was not taken of other daemons, or let go.",
            "reason",
            &[("malformed", of.malformed), ("denied", of.denied), ("limit", of.let_go)],
        );
    }
}

fn state(container: &ContainerStatus) -> &'static str {
    match container.state.as_ref() {
        Some(state) if state.running.is_some() => "running",
        Some(state) if state.terminated.is_some() => "terminated",
        _ => "waiting",
    }
}
