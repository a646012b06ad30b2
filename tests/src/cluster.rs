//! Machines with a daemon each, on this machine, for one test: `scripts/cluster` under a name and a folder of its own.

mod waiting;

use crate::command::{Ran, binary};
use crate::{demo_image, leftovers};
use serde_json::Value;
use std::path::{Path, PathBuf};
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
        Self::with(count, networks, &[])
    }

    /// The same, with more flags for every daemon.
    ///
    /// # Panics
    /// If a daemon does not come up.
    #[must_use]
    pub fn with(count: usize, networks: usize, flags: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Followed by a dash, so that no name begins another.
        let name = format!("skiff-many-{}-{}-", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::Builder::new().prefix(&name).tempdir().expect("a temporary folder");
        let nodes = (1..=count).map(|number| format!("n{number}")).collect();
        let cluster = Self { folder, name, nodes };
        let (count, networks) = (count.to_string(), networks.to_string());
        let _ = cluster.script(&[&["up", &count, "--networks", &networks, "--"], flags].concat()).ok();
        for node in &cluster.nodes {
            let _ = cluster.skiff(node, &["image", "load", &demo_image().to_string_lossy()]).ok();
        }
        cluster
    }

    /// The folder for the test's own files, which all machines see.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
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
        Ran::of(&self.script_command(words).stdin(Stdio::null()).output().expect("scripts/cluster runs"))
    }

    /// `scripts/cluster` with these words, to be run in another way.
    fn script_command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/cluster"));
        command.arg("--name").arg(&self.name).arg("--folder").arg(self.folder.path());
        command.arg("--bin").arg(binary("skiffd").parent().expect("a program is in a folder"));
        command.args(words).env("SKIFFD_LOG", "debug").env("SKIFFD_EVICTION_HARD", crate::NO_EVICTION);
        command
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

    /// Adds a machine to the stage, without a daemon.
    ///
    /// # Panics
    /// If it does not start.
    pub fn boot(&mut self, node: &str) {
        let _ = self.script(&["boot", node]).ok();
        self.nodes.push(node.to_owned());
    }

    /// Starts the daemon of a machine that is to join through another one, with a token.
    #[must_use]
    pub fn join(&self, node: &str, through: &str, token: &str) -> Ran {
        let file = self.folder.path().join(format!("{node}.token"));
        std::fs::write(&file, token).expect("the token's file");
        self.script(&["start", node, "--", "--join", &self.address(through), "--join-token-file", &file.to_string_lossy()])
    }

    /// A machine's address.
    ///
    /// # Panics
    /// If there is no such machine.
    #[must_use]
    pub fn address(&self, node: &str) -> String {
        let status = self.script(&["status"]).ok();
        let row = status.lines().find(|row| row.split_whitespace().next() == Some(node)).expect("a machine");
        row.split_whitespace().nth(3).expect("a machine has an address").to_owned()
    }

    /// What a machine's daemon said.
    ///
    /// # Panics
    /// If it never ran.
    #[must_use]
    pub fn log(&self, node: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("data").join(format!("{node}.log"))).expect("the daemon's log")
    }

    /// Runs a command on a machine.
    ///
    /// # Panics
    /// If the machine does not run.
    #[must_use]
    pub fn on(&self, node: &str, words: &[&str]) -> Ran {
        self.script(&[&["shell", node], words].concat())
    }

    /// A command on a machine, to be run in another way.
    #[must_use]
    pub fn on_command(&self, node: &str, words: &[&str]) -> Command {
        self.script_command(&[&["shell", node], words].concat())
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

    /// All objects of a kind as a node sees them, without what each replica counts for itself.
    ///
    /// # Errors
    /// What `skiff get` says.
    pub fn snapshot(&self, node: &str, kind: &str) -> Result<Vec<Value>, String> {
        let mut all = self.list(node, kind)?;
        for object in &mut all {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("resourceVersion");
            }
        }
        Ok(all)
    }

    /// How many copies of a pod run on a machine: its supervisors.
    #[must_use]
    pub fn copies(&self, node: &str, uid: &str) -> usize {
        self.on(node, &["pgrep", "-f", &format!("^skiff-supervisor {uid}")]).stdout.lines().count()
    }

    /// What a pod's own network answers to an HTTP request, with the pod as the client; `from` is an object that says where it runs.
    ///
    /// # Errors
    /// What the client says.
    pub fn fetch_from_pod(&self, from: &Value, url: &str) -> Result<String, String> {
        let uid = from["metadata"]["uid"].as_str().unwrap_or_default();
        let node = from["spec"]["nodeName"].as_str().ok_or("the pod runs nowhere")?;
        let script = format!("exec nsenter -t \"$(pgrep -f '^skiff-supervisor {uid}')\" -n curl -sS --max-time 3 {url}");
        let ran = self.on(node, &["sh", "-c", &script]);
        if ran.code == 0 { Ok(ran.stdout) } else { Err(ran.stderr) }
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
