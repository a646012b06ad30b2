//! A machine on the test bench: it is fed inputs, and its actions are read as short lines.

use crate::clock::{BootMs, Now};
use crate::pod::{
    Action, ContainerName, Exit, Found, HookKind, Host, Input, ObjectFate, PodMachine, ProbeKind, ProbeVerdict, Signal, Snapshot,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Bench {
    pub(super) machine: PodMachine,
    pub(super) manifest: Value,
    pub(super) ms: u64,
    pub(super) status: PodStatus,
    pub(super) wake: Option<BootMs>,
    /// The newest run of each probe.
    runs: BTreeMap<(String, ProbeKind), u32>,
}

/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600;

pub(super) fn at(ms: u64) -> Now {
    let wall = Timestamp::from_second(START).expect("in range") + SignedDuration::from_millis(ms.cast_signed());
    Now { wall, boot: BootMs(1_000_000 + ms) }
}

pub(super) fn host() -> Host {
    Host { ips: vec!["192.168.1.2".to_owned()] }
}

pub(super) fn manifest(policy: &str, containers: &[&str]) -> Value {
    let containers: Vec<Value> = containers
        .iter()
        .map(|name| json!({"name": name, "image": format!("{name}:1"), "imagePullPolicy": "IfNotPresent"}))
        .collect();
    json!({
        "metadata": {"name": "kubia", "namespace": "default", "uid": "u1", "generation": 1},
        "spec": {"containers": containers, "restartPolicy": policy, "terminationGracePeriodSeconds": 30},
    })
}

pub(super) fn pod(manifest: &Value) -> Arc<Pod> {
    Arc::new(serde_json::from_value(manifest.clone()).expect("a pod"))
}

pub(super) fn exit(code: i32, ms: u64) -> Exit {
    Exit { code, signal: 0, oom_killed: false, started_at: at(0).wall, finished_at: at(ms).wall }
}

impl Bench {
    pub(super) fn new(manifest: Value) -> Self {
        let machine = PodMachine::new(host(), pod(&manifest));
        Self { machine, manifest, ms: 0, status: PodStatus::default(), wake: None, runs: BTreeMap::new() }
    }

    /// A pod whose containers all run.
    pub(super) fn running(policy: &str, containers: &[&str]) -> Self {
        let mut bench = Self::new(manifest(policy, containers));
        bench.give(Input::Found(Found::default()));
        bench.give(Input::SandboxReady { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] });
        for name in containers {
            bench.image_ready(name);
            bench.started(name, 0);
        }
        bench
    }

    pub(super) fn give(&mut self, input: Input) -> Vec<String> {
        let actions = self.machine.step(at(self.ms), input);
        for action in &actions {
            match action {
                Action::PublishStatus(status) => self.status = (**status).clone(),
                Action::WakeAt(wake) => self.wake = Some(*wake),
                Action::RunProbe { container, probe, run, .. } => {
                    self.runs.insert((container.to_string(), *probe), *run);
                }
                _ => {}
            }
        }
        actions.iter().filter_map(line).collect()
    }

    /// Lets the time pass to the next wake, and wakes.
    pub(super) fn wake(&mut self) -> Vec<String> {
        let wake = self.wake.take().expect("a wake was asked for");
        self.ms = self.ms.max(wake.0 - at(0).boot.0);
        self.give(Input::Tick)
    }

    pub(super) fn spec(&mut self, change: impl FnOnce(&mut Value)) -> Vec<String> {
        change(&mut self.manifest);
        self.give(Input::Spec(pod(&self.manifest)))
    }

    pub(super) fn mark(&mut self, grace_seconds: i64) -> Vec<String> {
        self.spec(|manifest| {
            manifest["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:30Z");
            manifest["metadata"]["deletionGracePeriodSeconds"] = json!(grace_seconds);
        })
    }

    pub(super) fn image_ready(&mut self, name: &str) -> Vec<String> {
        let image = self.image(name);
        let image_id = format!("docker.io/{image}@sha256:0");
        self.give(Input::ImageReady { container: name.into(), image, image_id, pulled: None })
    }

    pub(super) fn image(&self, name: &str) -> String {
        let lists = ["initContainers", "containers", "ephemeralContainers"].map(|list| self.manifest["spec"][list].clone());
        let all = lists.iter().filter_map(Value::as_array).flatten();
        let container = all.into_iter().find(|container| container["name"] == name).expect("the container");
        container["image"].as_str().expect("an image").to_owned()
    }

    pub(super) fn started(&mut self, name: &str, attempt: u32) -> Vec<String> {
        let container_id = format!("u1/{name}/{attempt}");
        self.give(Input::Started { container: name.into(), attempt, container_id, user: None, at: at(self.ms).wall })
    }

    pub(super) fn exited(&mut self, name: &str, attempt: u32, code: i32) -> Vec<String> {
        let exit = exit(code, self.ms);
        self.give(Input::Exited { container: name.into(), attempt, exit, termination_message: None })
    }

    /// A probe's answer to the run that was asked for last.
    pub(super) fn probed(&mut self, name: &str, attempt: u32, probe: ProbeKind, verdict: ProbeVerdict) -> Vec<String> {
        let run = self.runs.get(&(name.to_owned(), probe)).copied().expect("a run was asked for");
        let output = "no".to_owned();
        self.give(Input::Probed { container: name.into(), attempt, probe, run, verdict, output })
    }

    pub(super) fn hook_ended(&mut self, name: &str, attempt: u32, hook: HookKind, result: Result<(), &str>) -> Vec<String> {
        let result = result.map_err(str::to_owned);
        self.give(Input::HookEnded { container: name.into(), attempt, hook, result })
    }

    pub(super) fn restart_daemon(&mut self, memory: Memory, found: Found) -> Vec<String> {
        let mut pod = (*pod(&self.manifest)).clone();
        pod.status = Some(self.status.clone());
        let text = serde_json::to_string(&self.machine.snapshot()).expect("a snapshot is JSON");
        let snapshot: Snapshot = serde_json::from_str(&text).expect("it is read again");
        self.machine = match memory {
            Memory::Kept => PodMachine::restore(host(), Arc::new(pod), snapshot),
            Memory::Lost => PodMachine::new(host(), Arc::new(pod)),
        };
        self.wake = None;
        self.give(Input::Found(found))
    }

    pub(super) fn container(&self, name: &str) -> &ContainerStatus {
        let status = &self.status;
        let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
        let mut statuses = lists.into_iter().flatten().flatten();
        statuses.find(|status| status.name == name).expect("the container's status")
    }

    /// State, last state and restart count in short: `waiting CrashLoopBackOff | Error 1 | 2`.
    pub(super) fn state(&self, name: &str) -> String {
        let status = self.container(name);
        let short = |state: &Option<k8s_openapi::api::core::v1::ContainerState>| {
            let state = state.clone().unwrap_or_default();
            if state.running.is_some() {
                return "running".to_owned();
            }
            if let Some(waiting) = state.waiting {
                return format!("waiting {}", waiting.reason.unwrap_or_default());
            }
            state.terminated.map_or("-".to_owned(), |end| format!("{} {}", end.reason.unwrap_or_default(), end.exit_code))
        };
        format!("{} | {} | {}", short(&status.state), short(&status.last_state), status.restart_count)
    }

    pub(super) fn waiting_message(&self, name: &str) -> String {
        let state = self.container(name).state.clone().unwrap_or_default();
        state.waiting.and_then(|waiting| waiting.message).unwrap_or_default()
    }

    pub(super) fn phase(&self) -> &str {
        self.status.phase.as_deref().unwrap_or_default()
    }

    pub(super) fn condition(&self, kind: &str) -> String {
        let conditions = self.status.conditions.as_ref().expect("conditions");
        let condition = conditions.iter().find(|condition| condition.type_ == kind).expect("the condition");
        let parts = [Some(&condition.status), condition.reason.as_ref(), condition.message.as_ref()];
        parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(" / ")
    }
}

/// What a restarted daemon has.
#[derive(Clone, Copy)]
pub(super) enum Memory {
    /// The snapshot: only the daemon was restarted.
    Kept,
    /// The last status: the machine was.
    Lost,
}

/// An action in short; none for those that every step may have.
fn line(action: &Action) -> Option<String> {
    let name = |container: &ContainerName| container.to_string();
    Some(match action {
        Action::SaveSnapshot | Action::WakeAt(_) | Action::PublishStatus(_) => return None,
        Action::CreateSandbox { sandbox } => format!("create sandbox {sandbox}"),
        Action::DestroySandbox { sandbox } => format!("destroy sandbox {sandbox}"),
        Action::EnsureImage { container, image, policy } => format!("ensure {} {image} {policy:?}", name(container)),
        Action::StartContainer { container, attempt } => format!("start {}/{attempt}", name(container)),
        Action::Signal { container, attempt, signal } => {
            let signal = if *signal == Signal::Stop { "stop" } else { "kill" };
            format!("{signal} {}/{attempt}", name(container))
        }
        Action::RunHook { container, attempt, hook, .. } => format!("hook {hook:?} {}/{attempt}", name(container)),
        Action::RunProbe { container, attempt, probe, run } => format!("probe {probe:?} {}/{attempt} {run}", name(container)),
        Action::ResizeContainer { container, attempt, .. } => format!("resize {}/{attempt}", name(container)),
        Action::Observe => "observe".to_owned(),
        Action::Event(event) => format!("{} {}: {}", event.kind.as_str(), event.reason, event.message),
        Action::ReleaseVolumes => "release volumes".to_owned(),
        Action::Release { object: ObjectFate::Delete } => "release and delete".to_owned(),
        Action::Release { object: ObjectFate::AlreadyGone } => "release".to_owned(),
    })
}
