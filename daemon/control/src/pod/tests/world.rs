//! A worker and a machine room that do what they are told, late, twice, or not at all.

use super::bench::{at, exit};
use super::random::Random;
use crate::pod::{
    Action, ContainerName, Found, FoundContainer, FoundSandbox, FoundState, HookKind, ImageFailure, Input, ProbeVerdict, Signal,
    StartFailure,
};
use std::collections::{BTreeMap, BTreeSet};

/// How unkind the world is, in percent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) fail: u64,
    pub(super) lose: u64,
    pub(super) repeat: u64,
    pub(super) most_delay_ms: u64,
    /// Containers that ignore SIGTERM.
    pub(super) stubborn: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum Run {
    Running,
    Exited { code: i32, ms: u64 },
}

/// What there is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) random: Random,
    pub(super) weather: Weather,
    pub(super) ms: u64,
    /// The sandbox, and whether its supervisor lives.
    sandbox: Option<(u32, bool)>,
    runs: BTreeMap<(ContainerName, u32), Run>,
    /// Those that were started in the newest sandbox.
    in_sandbox: BTreeSet<(ContainerName, u32)>,
    /// Those that were told to stop, or killed.
    pub(super) signalled: BTreeSet<(ContainerName, u32, bool)>,
    /// Answers under way, by when they come.
    post: BTreeMap<(u64, u64), Input>,
    posted: u64,
    pub(super) wake: Option<u64>,
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl World {
    pub(super) fn new(random: Random, weather: Weather) -> Self {
        Self {
            random,
            weather,
            ms: 0,
            sandbox: None,
            runs: BTreeMap::new(),
            in_sandbox: BTreeSet::new(),
            signalled: BTreeSet::new(),
            post: BTreeMap::new(),
            posted: 0,
            wake: None,
        }
    }

    /// Lets the time pass to whatever comes next, at most to `limit_ms`.
    pub(super) fn next(&mut self, limit_ms: u64) -> Option<Input> {
        let mail = self.post.first_key_value().map(|(key, _)| *key);
        let mail_ms = mail.map_or(u64::MAX, |(ms, _)| ms);
        let wake_ms = self.wake.unwrap_or(u64::MAX);
        let next_ms = mail_ms.min(wake_ms);
        if next_ms > limit_ms {
            self.ms = self.ms.max(limit_ms);
            return None;
        }
        self.ms = self.ms.max(next_ms);
        if wake_ms <= mail_ms {
            self.wake = None;
            return Some(Input::Tick);
        }
        self.post.remove(&mail?)
    }

    fn send(&mut self, input: &Input) {
        if self.random.chance(self.weather.lose) {
            return;
        }
        let copies = if self.random.chance(self.weather.repeat) { 2 } else { 1 };
        for _ in 0..copies {
            self.send_surely(input.clone());
        }
    }

    fn send_surely(&mut self, input: Input) {
        let delay_ms = self.random.below(self.weather.most_delay_ms);
        self.posted += 1;
        self.post.insert((self.ms + delay_ms, self.posted), input);
    }

    pub(super) fn perform(&mut self, action: &Action) {
        match action {
            Action::CreateSandbox { sandbox } => self.create(*sandbox),
            Action::DestroySandbox { sandbox } => self.destroy(*sandbox),
            Action::EnsureImage { container, image, .. } => {
                let (container, image) = (container.clone(), image.clone());
                if self.random.chance(self.weather.fail) {
                    let reason = self.random.pick(&[
                        ImageFailure::ErrImagePull,
                        ImageFailure::ErrImageNeverPull,
                        ImageFailure::ImageInspectError,
                    ]);
                    self.send(&Input::ImageFailed { container, image, reason, message: "no".to_owned() });
                } else {
                    self.send(&Input::ImagePulling { container: container.clone(), image: image.clone() });
                    let image_id = format!("id of {image}");
                    self.send(&Input::ImageReady { container, image, image_id, pulled: None });
                }
            }
            Action::StartContainer { container, attempt } => self.start(container, *attempt),
            Action::Signal { container, attempt, signal } => self.signal(container, *attempt, *signal),
            Action::RunHook { container, attempt, hook, .. } => self.hook(container, *attempt, *hook),
            Action::RunProbe { container, attempt, probe, run } => {
                let (container, attempt, probe, run) = (container.clone(), *attempt, *probe, *run);
                assert!(self.runs.contains_key(&(container.clone(), attempt)), "a probe of what never ran");
                let verdict = if self.random.chance(self.weather.fail) {
                    self.random.pick(&[ProbeVerdict::Failure, ProbeVerdict::Unknown])
                } else {
                    ProbeVerdict::Success
                };
                self.send(&Input::Probed { container, attempt, probe, run, verdict, output: "no".to_owned() });
            }
            Action::ResizeContainer { container, attempt, .. } => {
                let result = if self.random.chance(self.weather.fail) { Err("no".to_owned()) } else { Ok(()) };
                self.send(&Input::Resized { container: container.clone(), attempt: *attempt, result });
            }
            Action::Observe => {
                let found = Input::Found(self.look());
                self.send(&found);
            }
            Action::WakeAt(wake) => self.wake = Some(wake.0 - at(0).boot.0),
            Action::SaveSnapshot
            | Action::PublishStatus(_)
            | Action::Event(_)
            | Action::ReleaseVolumes
            | Action::Release { .. } => {}
        }
    }

    fn create(&mut self, sandbox: u32) {
        assert!(self.sandbox.is_none_or(|(number, _)| number == sandbox), "two sandboxes at once");
        if self.random.chance(self.weather.fail) {
            let message = "no".to_owned();
            let is_of_volumes = self.random.chance(30);
            self.send(&if is_of_volumes {
                Input::VolumesFailed { sandbox, message }
            } else {
                Input::SandboxFailed { sandbox, message }
            });
        } else {
            if self.sandbox.is_none() {
                self.in_sandbox.clear();
            }
            self.sandbox = Some((sandbox, true));
            self.send(&Input::SandboxReady { sandbox, ips: vec!["10.1.0.5".to_owned()] });
        }
    }

    fn destroy(&mut self, sandbox: u32) {
        if self.random.chance(self.weather.fail) {
            return self.send(&Input::SandboxStuck { sandbox, message: "busy".to_owned() });
        }
        if self.sandbox.is_some_and(|(number, _)| number == sandbox) {
            self.end_all(137);
            self.sandbox = None;
        }
        self.send(&Input::SandboxGone { sandbox });
    }

    fn start(&mut self, container: &ContainerName, attempt: u32) {
        let key = (container.clone(), attempt);
        let Some((_, true)) = self.sandbox else {
            let (reason, message) = (StartFailure::CreateContainerError, "no sandbox".to_owned());
            return self.send(&Input::StartFailed { container: key.0, attempt, reason, message, at: at(self.ms).wall });
        };
        assert!(!self.runs.keys().any(|(name, other)| name == container && *other > attempt), "an attempt went back");
        assert!(
            !self.runs.iter().any(|((name, other), run)| name == container && *other != attempt && *run == Run::Running),
            "two instances of one container"
        );
        if self.random.chance(self.weather.fail) && !self.runs.contains_key(&key) {
            let reason = self.random.pick(&[
                StartFailure::CreateContainerConfigError,
                StartFailure::CreateContainerError,
                StartFailure::RunContainerError,
            ]);
            return self.send(&Input::StartFailed {
                container: key.0,
                attempt,
                reason,
                message: "no".to_owned(),
                at: at(self.ms).wall,
            });
        }
        self.runs.entry(key.clone()).or_insert(Run::Running);
        self.in_sandbox.insert(key.clone());
        let container_id = format!("{container}/{attempt}");
        self.send(&Input::Started { container: key.0, attempt, container_id, user: None, at: at(self.ms).wall });
    }

    fn hook(&mut self, container: &ContainerName, attempt: u32, hook: HookKind) {
        let key = (container.clone(), attempt);
        assert!(self.runs.contains_key(&key), "a hook of what never ran");
        assert!(!self.signalled.contains(&(key.0.clone(), attempt, false)), "a hook after the stop signal");
        let result = if self.random.chance(self.weather.fail) { Err("no".to_owned()) } else { Ok(()) };
        if hook == HookKind::PreStop && self.random.chance(self.weather.stubborn) {
            return;
        }
        self.send(&Input::HookEnded { container: key.0, attempt, hook, result });
    }

    fn signal(&mut self, container: &ContainerName, attempt: u32, signal: Signal) {
        self.signalled.insert((container.clone(), attempt, signal == Signal::Kill));
        let is_running = self.runs.get(&(container.clone(), attempt)) == Some(&Run::Running);
        let obeys = signal == Signal::Kill || !self.random.chance(self.weather.stubborn);
        if is_running && obeys {
            self.exit(container, attempt, if signal == Signal::Kill { 137 } else { 143 });
        }
    }

    /// A container ends.
    pub(super) fn exit(&mut self, container: &ContainerName, attempt: u32, code: i32) {
        self.runs.insert((container.clone(), attempt), Run::Exited { code, ms: self.ms });
        let container = container.clone();
        self.send(&Input::Exited { container, attempt, exit: exit(code, self.ms), termination_message: None });
    }

    fn end_all(&mut self, code: i32) {
        for (container, attempt) in self.running() {
            self.exit(&container, attempt, code);
        }
    }

    /// Whether a container has run in this sandbox at all, and whether it ended well there.
    pub(super) fn course(&self, name: &str) -> (bool, bool) {
        let mut here = self.in_sandbox.iter().filter(|(known, _)| **known == *name).peekable();
        let has_run = here.peek().is_some();
        (has_run, here.any(|key| matches!(self.runs.get(key), Some(Run::Exited { code: 0, .. }))))
    }

    pub(super) fn running(&self) -> Vec<(ContainerName, u32)> {
        self.runs.iter().filter(|(_, run)| **run == Run::Running).map(|(key, _)| key.clone()).collect()
    }

    /// The supervisor is killed.
    pub(super) fn kill_supervisor(&mut self) {
        if let Some((number, alive)) = &mut self.sandbox {
            let sandbox = *number;
            *alive = false;
            for key in self.running() {
                // Their exits are written by nobody.
                self.runs.remove(&key);
                let run = Run::Exited { code: -1, ms: self.ms };
                self.runs.insert(key, run);
            }
            self.send(&Input::SandboxLost { sandbox });
        }
    }

    /// The daemon is restarted: what was under way to the old one is lost.
    pub(super) fn restart_daemon(&mut self) {
        self.post.clear();
        self.wake = None;
        // The new one does not know how far a stop was, and begins it again.
        self.signalled.retain(|(_, _, is_kill)| *is_kill);
    }

    /// The machine is restarted.
    pub(super) fn reboot(&mut self) {
        self.restart_daemon();
        self.sandbox = None;
        self.runs.clear();
        self.in_sandbox.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sandbox.is_none() && self.running().is_empty()
    }

    pub(super) fn look(&self) -> Found {
        let sandbox = match self.sandbox {
            None => FoundSandbox::Absent,
            Some((sandbox, true)) => FoundSandbox::Alive { sandbox, ips: vec!["10.1.0.5".to_owned()] },
            Some((sandbox, false)) => FoundSandbox::Dead { sandbox },
        };
        let containers = self.runs.iter().filter_map(|((container, attempt), run)| {
            let state = match run {
                Run::Running => FoundState::Running { started_at: at(0).wall },
                Run::Exited { code: -1, .. } => return None,
                Run::Exited { code, ms } => FoundState::Exited { exit: exit(*code, *ms), termination_message: None },
            };
            let container_id = format!("{container}/{attempt}");
            Some(FoundContainer { container: container.clone(), attempt: *attempt, container_id, user: None, state })
        });
        Found { sandbox, containers: containers.collect() }
    }
}
