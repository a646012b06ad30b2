//! Random schedules: whatever comes in whatever order, what must always hold, holds.
//!
//! Held at every step: nothing starts once the pod is deleted, put out, or past its deadline; restart counts never fall; no instance
//! outlives its grace, and none is killed before it is over (`grace`); every start that was shown has one end, and one only; a
//! final phase is never left; init containers and sidecars keep their order. `SKIFF_RUNS=1000000` tries a million of them
//! (`CONTRIBUTING.md` has the whole command).

use super::bench::{at, host, pod};
use super::grace::Graces;
use super::manifests::{any_manifest, ephemeral, has_probe_or_hook, start_order};
use super::random::{Random, seeds};
use super::world::{Weather, World};
use crate::pod::{Action, Found, HookKind, Input, NoRoom, PodMachine, Signal, Snapshot};
use k8s_openapi::api::core::v1::{ContainerState, PodStatus};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Schedules in a test run, fewer where the build is a slow one; `SKIFF_RUNS` says otherwise.
const RUNS: u64 = if cfg!(debug_assertions) { 3_000 } else { 50_000 };
/// Random things that happen to a pod before it is left alone.
const HAPPENINGS: u64 = 12;
/// Steps after which a schedule counts as one without end.
const STEP_LIMIT: u32 = 3_000;

/// Inputs after which a machine counts as one that spins: probes bring thousands in an hour.
const INPUT_LIMIT: u32 = 60_000;

struct Schedule {
    world: World,
    machine: PodMachine,
    manifest: Value,
    status: Option<PodStatus>,
    restarts: BTreeMap<String, i32>,
    /// Instances whose end was shown.
    ended: BTreeSet<(String, i32)>,
    /// Until when sidecars have to wait for those that they serve.
    grace_over_ms: u64,
    /// By when every container has to be killed, once the machine knows of the deletion.
    kill_by_ms: Option<u64>,
    is_deleted: bool,
    /// Its node puts it out.
    is_put_out: bool,
    /// How the machine was told that the pod is nobody's, or another node's: nothing more may be said of it then.
    goodbye: Option<Input>,
    graces: Graces,
    /// The instances that were shown to run, by their ids.
    shown: BTreeSet<String>,
    /// How each instance was first said to have ended, by its id.
    ends: BTreeMap<String, (i32, String)>,
    steps: u32,
    /// Inputs, those that brought nothing about too.
    inputs: u32,
    actions: usize,
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let weather = Weather {
            fail: random.pick(&[0, 5, 30]),
            lose: random.pick(&[0, 0, 5, 20]),
            repeat: random.pick(&[0, 20]),
            most_delay_ms: random.pick(&[1, 50, 2_000, 15_000]),
            stubborn: random.pick(&[0, 50]),
        };
        let manifest = any_manifest(&mut random);
        let machine = PodMachine::new(host(), pod(&manifest));
        let world = World::new(random, weather);
        Self {
            world,
            machine,
            manifest,
            status: None,
            restarts: BTreeMap::new(),
            ended: BTreeSet::new(),
            grace_over_ms: u64::MAX,
            kill_by_ms: None,
            is_deleted: false,
            is_put_out: false,
            goodbye: None,
            graces: Graces::default(),
            shown: BTreeSet::new(),
            ends: BTreeMap::new(),
            steps: 0,
            inputs: 0,
            actions: 0,
        }
    }

    fn give(&mut self, input: Input) {
        self.inputs += 1;
        assert!(self.inputs < INPUT_LIMIT, "it asks to be woken without end");
        let shown = format!("{input:?}");
        let actions = self.machine.step(at(self.world.ms), input);
        if std::env::var("TRACE").is_ok() {
            eprintln!(
                "{} {} => {:?}",
                self.world.ms,
                &shown[..shown.len().min(200)],
                actions.iter().filter(|a| !matches!(a, Action::PublishStatus(_) | Action::SaveSnapshot)).collect::<Vec<_>>()
            );
        }
        // Probes go on for ever.
        let is_probe = |action: &Action| matches!(action, Action::RunProbe { .. } | Action::WakeAt(_));
        self.steps += u32::from(!actions.iter().all(is_probe));
        assert!(self.steps < STEP_LIMIT, "it does not come to rest");
        assert!(actions.len() < 60, "too much in one step: {actions:?}");
        self.actions += actions.len();
        for action in &actions {
            self.check_action(action);
            self.graces.watch(action, &self.world, (&self.manifest, &self.shown), self.kill_by_ms);
            self.world.perform(action);
        }
        self.check_time();
    }

    /// What is due by now was done.
    fn check_time(&mut self) {
        self.graces.check(&self.world);
        let kill_is_due = self.kill_by_ms.is_some_and(|by_ms| by_ms <= self.world.ms);
        if kill_is_due && !self.machine.is_released() {
            self.check_kills();
        }
    }

    fn check_action(&mut self, action: &Action) {
        match action {
            Action::CreateSandbox { .. } | Action::EnsureImage { .. } => {
                assert!(!self.is_over(), "something starts after the end: {action:?}");
            }
            Action::StartContainer { container, .. } => {
                assert!(!self.is_over(), "something starts after the end: {action:?}");
                self.check_order(container);
            }
            Action::Signal { container, signal: Signal::Stop, .. } if self.is_told_to_go() => {
                self.check_turn(container);
            }
            Action::RunHook { hook: HookKind::PostStart, .. } => assert!(!self.is_over(), "a start's hook after the end"),
            Action::PublishStatus(status) => self.check_status(status),
            Action::Release { .. } => {
                assert!(self.is_deleted, "released though nobody deleted it");
                assert!(self.world.is_empty(), "released though something runs");
            }
            _ => {}
        }
    }

    /// It goes, and what is left of its grace is known.
    fn is_told_to_go(&self) -> bool {
        (self.is_deleted || self.is_put_out) && self.world.ms < self.grace_over_ms && !self.is_past_deadline()
    }

    fn is_over(&self) -> bool {
        self.is_deleted || self.is_put_out || self.is_past_deadline()
    }

    /// Whether `activeDeadlineSeconds` is over. The status shows whole seconds, so that one is allowed for.
    fn is_past_deadline(&self) -> bool {
        let Some(seconds) = self.manifest["spec"]["activeDeadlineSeconds"].as_i64() else { return false };
        let started = self.status.as_ref().and_then(|status| status.start_time.as_ref());
        started.is_some_and(|started| started.0.as_second() + seconds < at(self.world.ms).wall.as_second())
    }

    /// Whatever starts, the init containers before it have done their part in this sandbox.
    fn check_order(&self, name: &str) {
        let order = start_order(&self.manifest);
        // An ephemeral container starts whenever it comes.
        let place = order.iter().position(|(known, _)| known == name).unwrap_or(0);
        for (earlier, kind) in order.into_iter().take(place) {
            let (has_run, has_succeeded) = self.world.course(&earlier);
            match kind {
                "init" => assert!(has_succeeded, "{name} starts before {earlier} is done"),
                "sidecar" => assert!(has_run, "{name} starts before {earlier} has"),
                _ => {}
            }
        }
    }

    /// A sidecar is stopped after those that it serves.
    fn check_turn(&self, name: &str) {
        let order = start_order(&self.manifest);
        let kind = |wanted: &str| order.iter().find(|(known, _)| known == wanted).map(|(_, kind)| *kind);
        if kind(name) != Some("sidecar") {
            return;
        }
        let served = self.world.running().into_iter().find(|(other, _)| kind(other) == Some("app"));
        assert_eq!(served, None, "{name} is stopped before those that it serves");
    }

    fn check_status(&mut self, status: &PodStatus) {
        assert!(self.goodbye.is_none(), "something is said of another node's pod");
        let is_final = |status: &PodStatus| matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
        if let Some(before) = self.status.as_ref().filter(|before| is_final(before)) {
            assert_eq!(before.phase, status.phase, "a final phase was left");
            assert_eq!(before.reason, status.reason);
        }
        let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
        for container in lists.into_iter().flatten().flatten() {
            let restarts = self.restarts.entry(container.name.clone()).or_default();
            assert!(container.restart_count >= *restarts, "the restarts of {} fell", container.name);
            *restarts = container.restart_count;
            let state = container.state.clone().unwrap_or_default();
            let kinds = [state.running.is_some(), state.waiting.is_some(), state.terminated.is_some()];
            assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "one state: {state:?}");
            let is_init = status.init_container_statuses.iter().flatten().any(|init| init.name == container.name);
            let is_plain = !is_init && container.started.is_some() && !has_probe_or_hook(&self.manifest, &container.name);
            assert!(is_init || !container.ready || state.running.is_some(), "ready and does not run: {container:?}");
            assert!(!is_plain || container.ready == state.running.is_some(), "{container:?}");
            let instance = (container.name.clone(), container.restart_count);
            assert!(state.running.is_none() || !self.ended.contains(&instance), "{instance:?} runs after its end");
            if state.terminated.is_some() {
                self.ended.insert(instance);
            }
            self.shown.extend(state.running.as_ref().and(container.container_id.clone()));
            self.check_ends([container.state.as_ref(), container.last_state.as_ref()]);
            assert!(!is_final(status) || state.running.is_none(), "something runs in a pod that has ended");
        }
        assert!(self.status.as_ref() != Some(status), "a status was published again");
        self.status = Some(status.clone());
    }

    /// Every start has one end: what was said of it is never said otherwise.
    fn check_ends(&mut self, states: [Option<&ContainerState>; 2]) {
        for ended in states.into_iter().flatten().filter_map(|state| state.terminated.as_ref()) {
            let Some(id) = &ended.container_id else { continue };
            let said = (ended.exit_code, ended.reason.clone().unwrap_or_default());
            let first = self.ends.entry(id.clone()).or_insert_with(|| said.clone());
            assert_eq!(*first, said, "{id} ended twice");
        }
    }

    /// Every start that was shown has an end that was shown. Of a pod whose object is gone nothing is said any more.
    fn check_ends_of_all(&self, is_silent: bool) {
        let endless: Vec<_> = self.shown.iter().filter(|id| !self.ends.contains_key(*id)).collect();
        assert!(is_silent || endless.is_empty(), "nobody said how these ended: {endless:?}");
    }

    /// Past its grace, all that the machine may know to run was killed, or goes with its sandbox.
    fn check_kills(&self) {
        let Some(status) = &self.status else { return };
        let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
        let all: Vec<_> = lists.into_iter().flatten().flatten().collect();
        for (name, attempt) in self.world.running() {
            let shown = all.iter().find(|status| *status.name == *name);
            let is_known = shown.is_some_and(|status| {
                status.restart_count == i32::try_from(attempt).unwrap_or(0)
                    && status.state.as_ref().is_some_and(|state| state.running.is_some())
            });
            let is_killed = self.world.signalled.contains(&(name.clone(), attempt, true));
            assert!(!is_known || is_killed, "{name}/{attempt} outlives its grace");
        }
    }

    fn spec(&mut self) {
        let pod = pod(&self.manifest);
        self.give(Input::Spec(pod));
    }

    fn delete(&mut self, grace_seconds: i64) {
        self.manifest["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let before = self.manifest["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(i64::MAX);
        self.manifest["metadata"]["deletionGracePeriodSeconds"] = json!(grace_seconds.min(before));
        if self.goodbye.is_none() {
            self.expect_kills(grace_seconds);
        }
        self.is_deleted = true;
        self.spec();
    }

    fn say_goodbye(&mut self, input: Input, grace_seconds: i64) {
        self.is_deleted = true;
        self.expect_kills(grace_seconds);
        if self.goodbye.as_ref() != Some(&Input::Removed) {
            self.goodbye = Some(input.clone());
        }
        self.give(input);
    }

    /// Whoever was signalled at the end of the grace has two seconds more.
    fn expect_kills(&mut self, grace_seconds: i64) {
        let grace_ms = u64::try_from(grace_seconds).unwrap_or(0) * 1000;
        // Hooks have one second at least, containers two.
        self.grace_over_ms = self.grace_over_ms.min(self.world.ms + grace_ms.max(1000));
        let by_ms = self.world.ms + grace_ms.max(2000) + 2000;
        self.kill_by_ms = Some(self.kill_by_ms.map_or(by_ms, |before| before.min(by_ms)));
    }

    fn own_grace_seconds(&self) -> i64 {
        self.manifest["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30)
    }

    /// The node is short of something, or is switched off.
    fn put_out(&mut self) {
        let grace_seconds = self.world.random.pick(&[0_u64, 1, 30]);
        let is_switched_off = self.world.random.chance(50);
        // One that is ending already is hastened by either. (Seeds 13225, 151628.)
        self.expect_kills(grace_seconds.cast_signed().min(self.own_grace_seconds()));
        self.is_put_out = true;
        if !is_switched_off {
            self.give(Input::Evicted { message: "The node was low on resource: memory. ".to_owned(), grace_seconds });
        } else {
            self.give(Input::ShuttingDown { grace_seconds });
        }
    }

    fn has_ended(&self) -> bool {
        self.status.as_ref().is_some_and(|status| matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")))
    }

    fn happen(&mut self) {
        let running = self.world.running();
        match self.world.random.below(100) {
            0..30 if !running.is_empty() => {
                let code = self.world.random.pick(&[0, 0, 1, 137]);
                let (name, attempt) =
                    running[usize::try_from(self.world.random.below(running.len() as u64)).unwrap_or(0)].clone();
                self.world.exit(&name, attempt, code);
            }
            30..40 => self.world.kill_supervisor(),
            40..50 => {
                let version = self.world.random.below(3);
                let name = self.manifest["spec"]["containers"][0]["name"].as_str().unwrap_or_default().to_owned();
                self.manifest["spec"]["containers"][0]["image"] = json!(format!("{name}:{version}"));
                self.spec();
            }
            50..55 => self.restart(true),
            55..58 => self.restart(false),
            58..62 => self.give(Input::ImagesChanged),
            62..68 => self.give(Input::Tick),
            68..72 => self.spec(),
            72..76 => {
                let grace_seconds = self.world.random.pick(&[0, 1, 5, 30, 60]);
                self.delete(grace_seconds);
            }
            76..80 if ephemeral(&mut self.manifest) => self.spec(),
            82..85 => self.put_out(),
            85..90 => {
                let cpu = self.world.random.pick(&["100m", "1", "2"]);
                self.manifest["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": cpu}});
                let policy = self.world.random.pick(&["NotRequired", "NotRequired", "RestartContainer"]);
                self.manifest["spec"]["containers"][0]["resizePolicy"] =
                    json!([{"resourceName": "cpu", "restartPolicy": policy}]);
                let no_room = NoRoom { is_final: false, message: "no room".to_owned() };
                let no_room = self.world.random.chance(20).then_some(no_room);
                self.give(Input::Room(no_room));
                self.spec();
            }
            80..82 => {
                self.say_goodbye(Input::Removed, 0);
            }
            90..92 => {
                let grace_seconds = self.own_grace_seconds();
                self.say_goodbye(Input::PlacedElsewhere { node: "n2".to_owned() }, grace_seconds);
            }
            92..94 => {
                self.status = None;
                self.give(Input::StatusLost);
            }
            _ => {}
        }
    }

    /// The daemon is restarted, or the machine.
    fn restart(&mut self, keeps_memory: bool) {
        if self.machine.is_released() {
            return;
        }
        self.graces.restart_daemon();
        let mut pod = (*pod(&self.manifest)).clone();
        pod.status.clone_from(&self.status);
        let text = serde_json::to_string(&self.machine.snapshot()).expect("a snapshot is JSON");
        let snapshot: Snapshot = serde_json::from_str(&text).expect("it is read again");
        if keeps_memory {
            self.world.restart_daemon();
            self.machine = PodMachine::restore(host(), pod.into(), snapshot);
        } else {
            self.world.reboot();
            // What was not said yet is forgotten with the power.
            self.is_put_out &= self.has_ended();
            if !self.is_deleted {
                (self.kill_by_ms, self.grace_over_ms) = (None, u64::MAX);
            }
            self.machine = PodMachine::new(host(), pod.into());
        }
        let found = if keeps_memory { self.world.look() } else { Found::default() };
        if let Some(goodbye) = self.goodbye.clone() {
            // The worker says so before anything else.
            self.give(goodbye);
        }
        self.give(Input::Found(found));
    }

    fn run_for(&mut self, ms: u64) {
        let limit_ms = self.world.ms + ms;
        while let Some(input) = self.world.next(limit_ms) {
            self.give(input);
        }
        self.check_time();
    }

    fn run(&mut self) {
        self.give(Input::Found(Found::default()));
        for _ in 0..HAPPENINGS {
            let pause_ms = self.world.random.pick(&[0, 10, 1_000, 12_000, 120_000, 700_000]);
            self.run_for(pause_ms);
            self.happen();
        }
        // From now on the world is kind, and the pod comes to rest within its work of an hour.
        self.world.weather.fail = 0;
        self.world.weather.lose = 0;
        let steps = self.steps;
        self.run_for(3_600_000);
        assert!(self.steps - steps < 600, "{} steps in an hour without news", self.steps - steps);
        if !self.is_deleted {
            self.delete(30);
        }
        self.run_for(600_000);
        assert!(self.machine.is_released(), "a deleted pod is not released: {:#?}", self.machine);
        assert!(self.world.is_empty());
        self.check_ends_of_all(self.goodbye.is_some());
    }
}

#[test]
fn whatever_happens_what_must_hold_holds() {
    for seed in seeds(RUNS) {
        let run = std::panic::catch_unwind(|| Schedule::new(seed).run());
        assert!(run.is_ok(), "SKIFF_SEED={seed} repeats this");
    }
}
