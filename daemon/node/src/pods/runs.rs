//! The probes and hooks of a pod: each a task beside the worker, so that one that hangs holds up nothing.

use super::program::Program;
use super::sandbox::ContainerRequest;
use super::worker::Worker;
use crate::hooks;
use crate::probes::history::ProbeRecord;
use crate::probes::{self, Outcome, Target};
use control::pod::{ContainerName, HookKind, Input, ProbeKind};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use std::time::{Duration, Instant};

/// Which hook of which instance.
pub(super) type HookRun = (ContainerName, u32, HookKind);

/// What became of a hook.
#[derive(Debug, Clone)]
pub(super) enum HookState {
    /// It runs.
    Running,
    /// It has ended.
    Ended(Result<(), String>),
}

impl Worker {
    /// Begins a run of a probe; its result comes as news.
    pub(super) fn run_probe(&mut self, name: ContainerName, attempt: u32, kind: ProbeKind, run: u32) {
        let Some(container) = self.container(&name) else { return };
        let probe = match kind {
            ProbeKind::Startup => container.startup_probe.clone(),
            ProbeKind::Liveness => container.liveness_probe.clone(),
            ProbeKind::Readiness => container.readiness_probe.clone(),
        };
        let Some(probe) = probe else { return };
        let needs_program = probe.exec.is_some();
        let target = self.target(&name, container, attempt, needs_program);
        let (history, uid) = (self.machinery.probes.clone(), self.uid.clone());
        self.runs.spawn(async move {
            let (at, begun) = (Timestamp::now(), Instant::now());
            let Outcome { verdict, output } = probes::run(&probe, &target).await;
            let record = ProbeRecord { at, took: begun.elapsed(), verdict, output: output.clone() };
            history.add(&uid, (name.to_string(), kind), record);
            Input::Probed { container: name, attempt, probe: kind, run, verdict, output }
        });
    }

    /// Begins a hook, or answers for one that has ended.
    pub(super) fn run_hook(&mut self, name: ContainerName, attempt: u32, hook: HookKind, limit_ms: Option<u64>) -> Vec<Input> {
        let key = (name.clone(), attempt, hook);
        match self.hooks.get(&key) {
            Some(HookState::Running) => return Vec::new(),
            Some(HookState::Ended(result)) => {
                return vec![Input::HookEnded { container: name, attempt, hook, result: result.clone() }];
            }
            None => {}
        }
        let Some(container) = self.container(&name) else { return Vec::new() };
        let lifecycle = container.lifecycle.clone().unwrap_or_default();
        let handler = match hook {
            HookKind::PostStart => lifecycle.post_start,
            HookKind::PreStop => lifecycle.pre_stop,
        };
        let Some(handler) = handler else { return Vec::new() };
        // Older instances have no hooks any more.
        self.hooks.retain(|(known, run, _), _| *known != name || *run >= attempt);
        self.hooks.insert(key, HookState::Running);
        let needs_program = handler.exec.is_some();
        let target = self.target(&name, container, attempt, needs_program);
        let pod = full_name(self.machine.pod());
        self.runs.spawn(async move {
            let result = hooks::run(&handler, &target, &pod, limit_ms.map(Duration::from_millis)).await;
            Input::HookEnded { container: name, attempt, hook, result }
        });
        Vec::new()
    }

    /// A probe or hook has ended.
    pub(super) async fn run_ended(&mut self, input: Input) {
        if let Input::HookEnded { container, attempt, hook, result } = &input {
            self.hooks.insert((container.clone(), *attempt, *hook), HookState::Ended(result.clone()));
        }
        self.step(input).await;
    }

    fn target(&mut self, name: &ContainerName, container: Container, attempt: u32, needs_program: bool) -> Target {
        let ips = self.ips();
        let host = ips.first().copied().unwrap_or(self.machinery.host_ip);
        let image = needs_program.then(|| self.image_of(name, container.image.as_deref())).flatten();
        let pod = self.machine.pod().clone();
        let request = image.map(|image| ContainerRequest { pod, container: container.clone(), attempt, image, ips });
        let program = Program { machinery: self.machinery.clone(), folders: self.folders.clone(), request };
        Target { host, container, program }
    }
}

/// As the kubelet names a pod in its messages.
fn full_name(pod: &Pod) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let meta = &pod.metadata;
    format!("{}_{}({})", text(&meta.name), text(&meta.namespace), text(&meta.uid))
}
