//! The daemon and the supervisors are killed at random moments while pods start, are started again, and are deleted: whatever was
//! cut off is finished afterwards, and nothing is left behind.

use end_to_end::{World, eventually, is_skipped};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Kills in a test run; `SKIFF_RUNS` says otherwise.
const RUNS: u64 = 24;
/// The longest time from what is begun to the kill, in milliseconds: a start takes a few dozen.
const LATEST_MS: u64 = 400;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What is under way when the kill comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Start,
    Restart,
    Delete,
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Daemon,
    Supervisor,
    Both,
}

/// Two containers that listen to SIGTERM, behind an init container; one is named after the pod, so that its processes are known.
fn manifest(name: &str) -> String {
    let program = |word: &str| format!("trap 'exit 0' TERM; : {name}-{word}; while true; do sleep 1 & wait $!; done");
    let container = |word: &str| json!({"name": word, "image": "skiff/demo:1.0", "command": ["sh", "-c", program(word)]});
    let init = json!({"name": "init", "image": "skiff/demo:1.0", "command": ["true"]});
    let spec =
        json!({"terminationGracePeriodSeconds": 2, "initContainers": [init], "containers": [container("one"), container("two")]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}).to_string()
}

fn kill(pid: u32) {
    // It may have ended meanwhile.
    let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The shells of a pod's containers; each waits in a child of its own, a plain `sleep`.
fn programs(world: &World, pod: &str, word: &str) -> Vec<u32> {
    world.processes(&format!(": {pod}-{word};")).into_iter().map(|(pid, _)| pid).collect()
}

fn restarts(pod: &Value) -> i64 {
    let statuses = pod["status"]["containerStatuses"].as_array().cloned().unwrap_or_default();
    statuses.iter().filter_map(|status| status["restartCount"].as_i64()).sum()
}

/// Ready, and each of its containers runs exactly once.
fn wait_whole(world: &World, pod: &str) -> i64 {
    let _ = world.wait_ready(pod);
    for word in ["one", "two"] {
        eventually(&format!("{pod}'s container {word} runs once"), || match programs(world, pod, word).as_slice() {
            [_] => Ok(()),
            other => Err(format!("its processes: {other:?}")),
        });
    }
    restarts(&world.get("pod", pod).expect("the pod"))
}

fn begin(world: &World, doing: Doing, pod: &str) {
    match doing {
        Doing::Start => {
            let _ = world.skiff_with(&["create", "-f", "-"], &manifest(pod)).ok();
        }
        Doing::Restart => programs(world, pod, "one").into_iter().for_each(kill),
        Doing::Delete => {
            let _ = world.skiff(&["delete", "pod", pod, "--wait=false"]).ok();
        }
    }
}

fn strike(world: &mut World, victim: Victim) {
    let supervisors = |world: &World| world.processes("skiff-supervisor").into_iter().for_each(|(pid, _)| kill(pid));
    match victim {
        Victim::Daemon => world.kill_daemon("-KILL"),
        Victim::Supervisor => supervisors(world),
        Victim::Both => {
            world.kill_daemon("-KILL");
            supervisors(world);
        }
    }
    if victim != Victim::Supervisor {
        world.start_daemon();
    }
}

fn run(world: &mut World, random: &mut Random, number: u64) {
    let doing = [Doing::Start, Doing::Restart, Doing::Delete][usize::try_from(random.below(3)).unwrap_or(0)];
    let victim = [Victim::Daemon, Victim::Supervisor, Victim::Both][usize::try_from(random.below(3)).unwrap_or(0)];
    let pause_ms = random.below(LATEST_MS);
    eprintln!("run {number}: {doing:?}, after {pause_ms} ms {victim:?}");
    let pod = format!("p{number}");
    let before = if doing == Doing::Start {
        0
    } else {
        begin(world, Doing::Start, &pod);
        wait_whole(world, &pod)
    };
    begin(world, doing, &pod);
    // Not a wait for something: the moment of the kill is what is tried.
    std::thread::sleep(Duration::from_millis(pause_ms));
    strike(world, victim);
    if doing == Doing::Delete {
        eventually(&format!("{pod} is gone"), || match world.get("pod", &pod) {
            Err(why) if why.contains("NotFound") => Ok(()),
            other => Err(format!("{other:?}\n{}", world.daemon_says())),
        });
    } else {
        let after = wait_whole(world, &pod);
        assert!(after >= before, "{pod}: its restarts fell from {before} to {after}");
        let _ = world.skiff(&["delete", "pod", &pod, "--grace-period=1"]).ok();
    }
    world.wait_clean();
}

#[test]
fn whoever_is_killed_whenever_all_is_finished_and_nothing_is_left() {
    if is_skipped("whoever_is_killed_whenever_all_is_finished_and_nothing_is_left") {
        return;
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("SKIFF_SEED").unwrap_or(1);
    eprintln!("SKIFF_SEED={seed} repeats these kills, if not their moments to the microsecond");
    let mut random = Random(seed);
    let mut world = World::new(&[]);
    world.load_demo_image();
    for number in 0..number("SKIFF_RUNS").unwrap_or(RUNS) {
        run(&mut world, &mut random, number);
    }
    let events = world.skiff(&["get", "events", "-o", "jsonpath={.items[*].reason}"]).ok();
    let kinds: BTreeSet<&str> = events.split_whitespace().collect();
    assert!(kinds.contains("SandboxChanged"), "some supervisor was killed while its pod ran: {kinds:?}");
}
