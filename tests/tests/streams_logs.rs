//! Logs as they are followed: through rotation, beside a container that writes without end, of several pods at once.

use end_to_end::{World, eventually, is_skipped};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

const IMAGE: &str = "skiff/demo:1.0";

fn world(flags: &[&str]) -> World {
    let world = World::new(flags);
    world.load_demo_image();
    world
}

/// A pod of containers that run scripts, with the label `app`.
fn create(world: &World, name: &str, app: &str, policy: &str, containers: &[(&str, &str)]) {
    let container = |(name, script): &(&str, &str)| json!({"name": name, "image": IMAGE, "command": ["sh", "-c", script]});
    let containers: Vec<Value> = containers.iter().map(container).collect();
    let spec = json!({"terminationGracePeriodSeconds": 1, "restartPolicy": policy, "containers": containers});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": app}}, "spec": spec});
    let _ = world.skiff_with(&["create", "-f", "-"], &pod.to_string()).ok();
    world.wait_pod(name, "begun", |pod| pod["status"]["phase"] != "Pending");
}

/// `skiff logs -f`, ended when it is dropped.
struct Follow {
    program: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Follow {
    fn begin(world: &World, words: &[&str]) -> Self {
        let mut command = world.skiff_command(&[&["logs", "-f"], words].concat());
        let mut program = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("skiff runs");
        let lines = BufReader::new(program.stdout.take().expect("its output is a pipe")).lines();
        Self { program, lines }
    }

    fn next(&mut self) -> Option<String> {
        self.lines.next().map(|line| line.expect("text"))
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The log files of a container.
fn files(world: &World, pod: &str, container: &str) -> Vec<PathBuf> {
    let uid = world.get("pod", pod).expect("a pod")["metadata"]["uid"].as_str().expect("text").to_owned();
    let find = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let mut folders = vec![world.data_dir()];
    while let Some(folder) = folders.pop() {
        if folder.ends_with(format!("default_{pod}_{uid}")) {
            return find(&folder.join(container));
        }
        folders.extend(find(&folder).into_iter().filter(|path| path.is_dir() && !path.ends_with("images")));
    }
    Vec::new()
}

#[test]
fn what_is_followed_through_rotations_is_neither_lost_nor_doubled() {
    if is_skipped("what_is_followed_through_rotations_is_neither_lost_nor_doubled") {
        return;
    }
    let world = world(&["--log-max-size", "64Ki", "--log-max-files", "8"]);
    // Each round fills most of a file; the next one begins once ours was read, so that no file goes before it was.
    let script = "i=0; while [ $i -lt 20 ]; do while [ ! -e /tmp/go$i ]; do sleep 0.01; done; \
                  seq $((i*1000+1)) $((i*1000+1000)); i=$((i+1)); done";
    create(&world, "rounds", "rounds", "Never", &[("main", script)]);
    let mut follow = Follow::begin(&world, &["rounds"]);
    for round in 0..20 {
        let _ = world.skiff(&["exec", "rounds", "--", "touch", &format!("/tmp/go{round}")]).ok();
        for number in round * 1000 + 1..=round * 1000 + 1000 {
            assert_eq!(follow.next(), Some(number.to_string()));
        }
    }
    assert_eq!(follow.next(), None, "it ends with the container");
    let rotated = files(&world, "rounds", "main").len();
    assert_eq!(rotated, 8, "there were rotations");
    // What is left is read as one text, from the end.
    let tail = world.skiff(&["logs", "rounds", "--tail", "2500"]).ok();
    let numbers: Vec<u32> = tail.lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(numbers, (17_501..=20_000).collect::<Vec<_>>());
}

#[test]
fn a_container_that_writes_without_end_neither_stalls_others_nor_fills_the_disk() {
    if is_skipped("a_container_that_writes_without_end_neither_stalls_others_nor_fills_the_disk") {
        return;
    }
    let world = world(&["--log-max-size", "256Ki", "--log-max-files", "3"]);
    let ticks = "i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.1; done";
    create(&world, "loud", "loud", "Always", &[("yes", "exec yes a-line-without-end"), ("beside", ticks)]);
    create(&world, "calm", "calm", "Always", &[("main", ticks)]);
    // Somebody who follows it and does not read.
    let _stuck = Follow::begin(&world, &["loud", "-c", "yes"]);
    let newest = |files: &[PathBuf]| files.iter().map(|path| path.to_string_lossy().into_owned()).max();
    let first = newest(&files(&world, "loud", "yes"));
    for (pod, container) in [("loud", "beside"), ("calm", "main")] {
        let mut follow = Follow::begin(&world, &[pod, "-c", container, "--tail=1"]);
        let begun = Instant::now();
        for _ in 0..20 {
            assert!(follow.next().expect("it goes on").starts_with("tick "));
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{pod} is stalled: {:?}", begun.elapsed());
    }
    eventually("it was rotated", || {
        let files = files(&world, "loud", "yes");
        if newest(&files) == first || files.len() < 3 {
            return Err(format!("{files:?}"));
        }
        Ok(())
    });
    for _ in 0..20 {
        let sizes =
            files(&world, "loud", "yes").into_iter().filter_map(|path| std::fs::metadata(path).ok()).map(|file| file.len());
        let total: u64 = sizes.sum();
        // One more while a file is put aside.
        assert!(total <= 4 * 256 * 1024, "{total} bytes");
    }
    let quick = Instant::now();
    assert_eq!(world.skiff(&["exec", "loud", "-c", "beside", "--", "echo", "here"]).ok(), "here\n");
    assert_eq!(world.skiff(&["logs", "loud", "-c", "yes", "--limit-bytes=20"]).ok(), "a-line-without-end\na");
    assert!(quick.elapsed() < Duration::from_secs(20));
    assert_eq!(world.skiff(&["delete", "pod", "loud", "--grace-period=1"]).code, 0);
}

#[test]
fn logs_of_several_pods_and_containers_are_read_and_followed_together() {
    if is_skipped("logs_of_several_pods_and_containers_are_read_and_followed_together") {
        return;
    }
    let world = world(&[]);
    let say = |word: &str| format!("echo {word}; while [ ! -e /tmp/go ]; do sleep 0.01; done; echo {word} again");
    create(&world, "a", "web", "Never", &[("one", &say("a1")), ("two", &say("a2"))]);
    create(&world, "b", "web", "Never", &[("one", &say("b1")), ("two", &say("b2"))]);
    create(&world, "c", "other", "Never", &[("one", "echo c1")]);
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    eventually("all have written", || {
        let words = ["logs", "-l", "app=web", "--all-containers", "--prefix"];
        let all = lines(&world.skiff(&words).ok());
        let expected = ["[pod/a/one] a1", "[pod/a/two] a2", "[pod/b/one] b1", "[pod/b/two] b2"];
        if all == expected { Ok(()) } else { Err(format!("{all:?}")) }
    });
    // Without a word of containers the first of each pod is meant.
    assert_eq!(lines(&world.skiff(&["logs", "-l", "app=web"]).ok()), ["a1", "b1"]);
    assert_eq!(world.skiff(&["logs", "a", "two"]).ok(), "a2\n");
    assert_eq!(world.skiff(&["logs", "-l", "app=none"]).stderr, "No resources found in default namespace.\n");
    let many = world.skiff(&["logs", "-f", "-l", "app=web", "--all-containers", "--max-log-requests=3"]).fails();
    let expected = "error: you are attempting to follow 4 log streams, but maximum allowed concurrency is 3, use --max-log-requests to increase the limit\n";
    assert_eq!(many, expected);
    let mut follow = Follow::begin(&world, &["-l", "app=web", "--all-containers", "--prefix", "--tail=-1"]);
    let mut heard: Vec<String> = (0..4).map(|_| follow.next().expect("a line")).collect();
    for (pod, container) in [("a", "one"), ("a", "two"), ("b", "one"), ("b", "two")] {
        let _ = world.skiff(&["exec", pod, "-c", container, "--", "touch", "/tmp/go"]).ok();
        heard.push(follow.next().expect("a line"));
        assert_eq!(heard.last(), Some(&format!("[pod/{pod}/{container}] {pod}{} again", if container == "one" { 1 } else { 2 })));
    }
    assert_eq!(follow.next(), None, "they end with the last container");
    // One that cannot be read is told, and ends the others only where it shall.
    world.wait_pod("c", "over", |pod| pod["status"]["phase"] == "Succeeded");
    let broken = world.skiff(&["logs", "-l", "app", "-c", "two", "--ignore-errors"]);
    assert!(broken.code == 1 && broken.stderr.contains("container two is not valid for pod c"), "{broken:?}");
    let none = world.skiff(&["logs", "a", "-c", "one", "-p"]).fails();
    assert!(none.contains("previous terminated container \"one\" in pod \"a\" not found"), "{none}");
    let far = world.skiff(&["logs", "a", "-c", "one", "--since-time=2100-01-01T00:00:00Z"]).ok();
    assert_eq!(far, "");
    let stamped = world.skiff(&["logs", "a", "-c", "one", "--timestamps", "--since=1h", "--tail=1"]).ok();
    let (time, text) = stamped.split_once(' ').expect("a time and a text");
    assert!(time.len() == 30 && time.ends_with('Z') && text == "a1 again\n", "{stamped}");
    let deployment = world.skiff(&["logs", "deploy/web"]).fails();
    assert_eq!(deployment, "Error from server (NotFound): deployments.apps \"web\" not found\n");
}

#[test]
fn the_log_of_the_instance_before_is_kept() {
    if is_skipped("the_log_of_the_instance_before_is_kept") {
        return;
    }
    let world = world(&[]);
    let script = "echo attempt; [ -e /data/again ] && exec sleep 86400; touch /data/again; exit 1";
    let container = json!({"name": "main", "image": IMAGE, "command": ["sh", "-c", script],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}]});
    let spec =
        json!({"terminationGracePeriodSeconds": 1, "volumes": [{"name": "data", "emptyDir": {}}], "containers": [container]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "again"}, "spec": spec});
    let _ = world.skiff_with(&["create", "-f", "-"], &pod.to_string()).ok();
    world.wait_pod("again", "restarted", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        status["restartCount"] == 1 && status["state"]["running"].is_object()
    });
    assert_eq!(world.skiff(&["logs", "again", "-p"]).ok(), "attempt\n");
    assert_eq!(world.skiff(&["logs", "again", "--previous=false"]).ok(), "attempt\n");
}
