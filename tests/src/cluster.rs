//! Machines with a daemon each, on this machine, for one test: `scripts/cluster` under a name and a folder of its own.

use crate::command::{Ran, binary};
use crate::{demo_image, eventually, leftovers};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// See the crate. Machines are called `n1`, `n2` and so on; their addresses are 10.99.0.1, 10.99.0.2 and so on.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    name: String,
    nodes: Vec<String>,
}

impl Cluster {
    /// So many machines on one link, with the demo image on each.
    ///
    /// # Panics
    /// If a daemon does not come up.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self::over_networks(count, 1)
    }

    /// So many machines, dealt out in turn to networks that a router joins.
    ///
    /// # Panics
    /// If a daemon does not come up.
    #[must_use]
    pub fn over_networks(count: usize, networks: usize) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Followed by a dash, so that no name begins another.
        let name = format!("skiff-many-{}-{}-", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::Builder::new().prefix(&name).tempdir().expect("a temporary folder");
        let nodes = (1..=count).map(|number| format!("n{number}")).collect();
        let cluster = Self { folder, name, nodes };
        let _ = cluster.script(&["up", &count.to_string(), "--networks", &networks.to_string()]).ok();
        for node in &cluster.nodes {
            let _ = cluster.skiff(node, &["image", "load", &demo_image().to_string_lossy()]).ok();
        }
        cluster
    }

    /// The machines' names.
    #[must_use]
    pub fn nodes(&self) -> Vec<&str> {
        self.nodes.iter().map(String::as_str).collect()
    }

    /// Runs `scripts/cluster` with these words.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn script(&self, words: &[&str]) -> Ran {
        let mut command = Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/cluster"));
        command.arg("--name").arg(&self.name).arg("--folder").arg(self.folder.path());
        command.arg("--bin").arg(binary("skiffd").parent().expect("a program is in a folder"));
        command.args(words).env("SKIFFD_LOG", "debug").stdin(Stdio::null());
        Ran::of(&command.output().expect("scripts/cluster runs"))
    }

    /// Cuts the network into sides, such as `["n1,n2", "n3"]`, or one machine off from all others.
    ///
    /// # Panics
    /// If that fails.
    pub fn cut(&self, sides: &[&str]) {
        let _ = self.script(&[&["cut"], sides].concat()).ok();
    }

    /// Joins what was cut.
    ///
    /// # Panics
    /// If that fails.
    pub fn heal(&self) {
        let _ = self.script(&["heal"]).ok();
    }

    /// Makes a machine's link bad, as the flags say (`scripts/cluster help`), or good again.
    ///
    /// # Panics
    /// If that fails.
    pub fn link(&self, node: &str, flags: &[&str]) {
        let _ = self.script(&[&["link", node], flags].concat()).ok();
    }

    /// Sets a machine's clock beside the true one: `+1h`. It holds from the daemon's next start on.
    ///
    /// # Panics
    /// If that fails.
    pub fn clock(&self, node: &str, offset: &str) {
        let _ = self.script(&["clock", node, offset]).ok();
    }

    /// `kill -9` of a daemon.
    ///
    /// # Panics
    /// If none runs.
    pub fn kill(&self, node: &str) {
        let _ = self.script(&["kill", node]).ok();
    }

    /// SIGTERM for a daemon, and its end.
    ///
    /// # Panics
    /// If none runs, or it does not end.
    pub fn stop(&self, node: &str) {
        let _ = self.script(&["stop", node]).ok();
    }

    /// A power failure of a machine.
    ///
    /// # Panics
    /// If something of it does not end.
    pub fn crash(&self, node: &str) {
        let _ = self.script(&["crash", node]).ok();
    }

    /// Starts a daemon, and its machine after a power failure.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn start(&self, node: &str) {
        let _ = self.script(&["start", node]).ok();
    }

    /// Runs a command on a machine.
    ///
    /// # Panics
    /// If the machine does not run.
    #[must_use]
    pub fn on(&self, node: &str, words: &[&str]) -> Ran {
        self.script(&[&["shell", node], words].concat())
    }

    /// `skiff`, connected to a node, with these words, to be run in another way.
    #[must_use]
    pub fn skiff_command(&self, node: &str, words: &[&str]) -> Command {
        let socket = self.folder.path().join("run").join(node).join("skiffd.sock");
        let mut command = Command::new(binary("skiff"));
        command.env("SKIFF_NODE", format!("unix://{}", socket.display())).env_remove("NO_COLOR").args(words);
        command
    }

    /// Runs `skiff`, connected to a node, with these words.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn skiff(&self, node: &str, words: &[&str]) -> Ran {
        Ran::of(&self.skiff_command(node, words).stdin(Stdio::null()).output().expect("skiff runs"))
    }

    /// Runs `skiff`, connected to a node, with these words and a text as its standard input.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn skiff_with(&self, node: &str, words: &[&str], input: &str) -> Ran {
        Ran::fed(self.skiff_command(node, words), input)
    }

    /// Makes an object through a node.
    ///
    /// # Panics
    /// If it is refused.
    #[track_caller]
    pub fn create(&self, node: &str, manifest: &Value) {
        let _ = self.skiff_with(node, &["create", "-f", "-"], &manifest.to_string()).ok();
    }

    /// An object as a node sees it.
    ///
    /// # Errors
    /// What `skiff get` says.
    pub fn get(&self, node: &str, kind: &str, name: &str) -> Result<Value, String> {
        self.json(node, &["get", kind, name])
    }

    /// All objects of a kind as a node sees them, in all namespaces.
    ///
    /// # Errors
    /// What `skiff get` says.
    pub fn list(&self, node: &str, kind: &str) -> Result<Vec<Value>, String> {
        let list = self.json(node, &["get", kind, "--all-namespaces"])?;
        list["items"].as_array().cloned().ok_or_else(|| format!("no list: {list}"))
    }

    fn json(&self, node: &str, words: &[&str]) -> Result<Value, String> {
        let ran = self.skiff(node, &[words, &["-o", "json"]].concat());
        if ran.code != 0 {
            return Err(ran.stderr);
        }
        serde_json::from_str(&ran.stdout).map_err(|error| format!("{error}: {}", ran.stdout))
    }

    /// Waits until an object is as it should be in the eyes of a node.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn wait(&self, node: &str, object: (&str, &str), what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let (kind, name) = object;
        eventually(&format!("{kind} {name} seen by {node}: {what}"), || {
            let seen = self.get(node, kind, name)?;
            if is_so(&seen) { Ok(seen) } else { Err(seen.to_string()) }
        })
    }

    /// Waits until a pod is ready in the eyes of a node, and gives it.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn wait_ready(&self, node: &str, pod: &str) -> Value {
        self.wait(node, ("pod", pod), "ready", |pod| condition(pod, "Ready") == "True")
    }

    /// Waits until an object is gone in the eyes of a node.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn wait_gone(&self, node: &str, kind: &str, name: &str) {
        eventually(&format!("{kind} {name} gone for {node}"), || match self.get(node, kind, name) {
            Ok(seen) => Err(seen.to_string()),
            Err(refusal) if refusal.contains("NotFound") => Ok(()),
            Err(refusal) => Err(refusal),
        });
    }

    /// Waits for an event with a reason about an object, as a node sees it, and gives its message.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn wait_event(&self, node: &str, about: &str, reason: &str) -> String {
        eventually(&format!("event {reason} about {about} seen by {node}"), || {
            let events = self.list(node, "events")?;
            let is_it = |event: &&Value| event["involvedObject"]["name"] == about && event["reason"] == reason;
            let found = events.iter().find(is_it).map(|event| event["message"].as_str().unwrap_or_default().to_owned());
            found.ok_or_else(|| {
                let all = events.iter().map(|event| format!("{} {}", event["involvedObject"]["name"], event["reason"]));
                all.collect::<Vec<_>>().join(", ")
            })
        })
    }

    /// The ends of the daemons' logs.
    #[must_use]
    pub fn daemons_say(&self) -> String {
        let mut said = String::new();
        for node in self.nodes.iter().map(String::as_str).chain(["switch"]) {
            let log = std::fs::read_to_string(self.folder.path().join("data").join(format!("{node}.log")));
            let log = log.unwrap_or_default();
            // Our own questions are not news.
            let news = log.lines().rev().filter(|line| !line.contains(" agent="));
            let lines: Vec<&str> = news.take(60).collect();
            said += &format!("---- {node}\n{}\n", lines.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        said
    }
}

/// The status of a condition of an object; `""` where it has none.
#[must_use]
pub fn condition<'a>(object: &'a Value, name: &str) -> &'a str {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.find(|condition| condition["type"] == name).and_then(|found| found["status"].as_str()).unwrap_or_default()
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the ends of the logs:\n{}", self.daemons_say());
        }
        let down = self.script(&["down"]);
        let left = leftovers::of(&self.name, self.folder.path());
        if std::thread::panicking() {
            return;
        }
        assert_eq!(down.code, 0, "scripts/cluster down: {down:?}");
        assert!(left.is_empty(), "left behind: {left:#?}");
    }
}
