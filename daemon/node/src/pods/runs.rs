//! The probes and hooks of a pod: each a task beside the worker, so that one that hangs holds up nothing.

use super::program::Program;
use super::sandbox::ContainerRequest;
use super::worker::Worker;
use crate::hooks;
use crate::probes::history::ProbeRecord;
use crate::probes::{self, Outcome, Target, probe_of};
use control::pod::{ContainerName, HookKind, Input, ProbeKind, ProbeVerdict};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use std::future::Future;
use std::task::{Context, Poll, Waker};
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
    /// Begins a run of a probe. Most that only ask whether a port is open are over at once, and have no task; the result of all
    /// others comes as news.
    pub(super) fn run_probe(&mut self, name: ContainerName, attempt: u32, kind: ProbeKind, run: u32) -> Option<Input> {
        let mut target = self.target(&name);
        let probe = target.container().ok().and_then(|container| probe_of(container, kind))?;
        if probe.exec.is_some() {
            target.program = Some(self.program(&target, attempt));
        }
        let (history, uid) = (self.machinery.probes.clone(), self.uid.clone());
        let mut running = Box::pin(async move {
            let (at, begun) = (Timestamp::now(), Instant::now());
            let Outcome { verdict, output } = probes::run(kind, &target).await;
            // What a success says changes nothing: only the history has it.
            let told = if verdict == ProbeVerdict::Success { String::new() } else { output.clone() };
            history.add(&uid, (&name, kind), ProbeRecord { at, took: begun.elapsed(), verdict, output });
            Input::Probed { container: name, attempt, probe: kind, run, verdict, output: told }
        });
        // Whom to wake is told by the task, which asks again when it begins.
        match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => {
                self.runs.spawn(running);
                None
            }
        }
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
        let mut target = self.target(&name);
        let lifecycle = target.container().ok().and_then(|container| container.lifecycle.clone()).unwrap_or_default();
        let handler = match hook {
            HookKind::PostStart => lifecycle.post_start,
            HookKind::PreStop => lifecycle.pre_stop,
        };
        let Some(handler) = handler else { return Vec::new() };
        // Older instances have no hooks any more.
        self.hooks.retain(|(known, run, _), _| *known != name || *run >= attempt);
        self.hooks.insert(key, HookState::Running);
        if handler.exec.is_some() {
            target.program = Some(self.program(&target, attempt));
        }
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

    /// A container, without what commands in it need.
    fn target(&self, name: &ContainerName) -> Target {
        let host = self.marks.ips.iter().find_map(|ip| ip.parse().ok()).unwrap_or(self.machinery.host_ip);
        Target { host, pod: self.machine.pod().clone(), name: name.clone(), program: None }
    }

    /// What runs commands in a container.
    fn program(&mut self, target: &Target, attempt: u32) -> Program {
        let container = target.container().ok().cloned();
        let image = container.as_ref().and_then(|container| self.image_of(&target.name, container.image.as_deref()));
        let (pod, ips) = (target.pod.clone(), self.ips());
        let request = container.zip(image).map(|(container, image)| ContainerRequest { pod, container, attempt, image, ips });
        Program { machinery: self.machinery.clone(), folders: self.folders.clone(), request }
    }
}

/// As the kubelet names a pod in its messages.
fn full_name(pod: &Pod) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let meta = &pod.metadata;
    format!("{}_{}({})", text(&meta.name), text(&meta.namespace), text(&meta.uid))
}
