//! Namespaces, folders and a daemon, for one test.

use crate::command::{Ran, binary};
use crate::{demo_image, eventually, leftovers};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// See the crate.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    name: String,
    /// Keeps the namespaces while no daemon runs.
    holder: Child,
    daemon: Option<Child>,
    flags: Vec<String>,
}

impl World {
    /// Namespaces and a running daemon with more flags.
    ///
    /// # Panics
    /// If the daemon does not come up.
    #[must_use]
    pub fn new(flags: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("skiff-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::Builder::new().prefix(&name).tempdir().expect("a temporary folder");
        let setup = "ip link set lo up && mount --make-rprivate / && echo ready && exec sleep infinity";
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", setup])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare runs");
        let mut ready = [0_u8; 6];
        let out = holder.stdout.as_mut().expect("its output is a pipe");
        std::io::Read::read_exact(out, &mut ready).expect("the namespaces are ready");
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut world = Self { folder, name, holder, daemon: None, flags };
        world.start_daemon();
        world
    }

    /// The folder for the test's own files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The daemon's folder for data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Where the daemon listens.
    #[must_use]
    pub fn socket(&self) -> String {
        format!("unix://{}", self.run_dir().join("skiffd.sock").display())
    }

    fn settings(&self) -> Vec<String> {
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        let mut words = vec!["--data-dir".to_owned(), path(self.data_dir()), "--run-dir".to_owned(), path(self.run_dir())];
        words.extend(["--cgroup-root".to_owned(), self.name.clone()]);
        words
    }

    /// A command inside the world's network and mounts.
    #[must_use]
    pub fn inside(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().to_string(), "--net", "--mount", "--"]).arg(program.as_ref());
        command
    }

    /// Starts the daemon, which must not run, and waits until it answers.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn start_daemon(&mut self) {
        std::fs::create_dir_all(self.run_dir()).expect("the run folder");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.daemon_log()).expect("the daemon's log");
        let errors = log.try_clone().expect("a second handle");
        let mut command = self.inside(binary("skiffd"));
        command.args(self.settings()).args(["--name", "node1"]).args(&self.flags);
        command.env("SKIFFD_LOG", "debug").env("SKIFFD_EVICTION_HARD", crate::NO_EVICTION);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        self.daemon = Some(command.spawn().expect("nsenter runs"));
        eventually("the daemon answers", || match self.skiff(&["version"]) {
            ran if ran.code == 0 => Ok(()),
            ran => Err(format!("{}\n{}", ran.stderr, self.daemon_says())),
        });
    }

    /// More flags for the next start of the daemon.
    pub fn add_flags(&mut self, flags: &[&str]) {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
    }

    fn daemon_log(&self) -> PathBuf {
        self.folder.path().join("skiffd.log")
    }

    /// The end of the daemon's log.
    #[must_use]
    pub fn daemon_says(&self) -> String {
        let text = std::fs::read_to_string(self.daemon_log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(60).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// The daemon's process.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn daemon_pid(&self) -> u32 {
        self.daemon.as_ref().expect("the daemon runs").id()
    }

    /// Ends the daemon as `kill -9` does, or by another signal, and waits for its end.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill_daemon(&mut self, signal: &str) {
        let mut daemon = self.daemon.take().expect("the daemon runs");
        // nsenter without --pid executes the program in its own place, so the child is the daemon.
        let killed = Command::new("kill").args([signal, &daemon.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
        daemon.wait().expect("the daemon ends");
    }

    /// Runs `skiff` with these words.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn skiff(&self, words: &[&str]) -> Ran {
        Ran::of(&self.skiff_command(words).stdin(Stdio::null()).output().expect("skiff runs"))
    }

    /// Runs `skiff` with a text as its standard input.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn skiff_with(&self, words: &[&str], input: &str) -> Ran {
        Ran::fed(self.skiff_command(words), input)
    }

    /// Runs `skiffd` with these words beside the daemon that runs, with its folders.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn skiffd(&self, words: &[&str]) -> Ran {
        let mut command = self.inside(binary("skiffd"));
        command.args(words).args(self.settings()).args(["--name", "node1"]).args(&self.flags).stdin(Stdio::null());
        Ran::of(&command.output().expect("skiffd runs"))
    }

    /// `skiff` with these words, to be run in another way.
    #[must_use]
    pub fn skiff_command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binary("skiff"));
        command.env("SKIFF_NODE", self.socket()).env_remove("NO_COLOR").args(words);
        command
    }

    /// The program `skiff`, for a terminal to run.
    #[must_use]
    pub fn skiff_path(&self) -> PathBuf {
        binary("skiff")
    }

    /// An object as JSON.
    ///
    /// # Errors
    /// What `skiff get` says.
    pub fn get(&self, kind: &str, name: &str) -> Result<serde_json::Value, String> {
        let ran = self.skiff(&["get", kind, name, "-o", "json"]);
        if ran.code != 0 {
            return Err(ran.stderr);
        }
        serde_json::from_str(&ran.stdout).map_err(|error| format!("{error}: {}", ran.stdout))
    }

    /// Waits until a pod is as it should be.
    ///
    /// # Panics
    /// When patience ends.
    pub fn wait_pod(&self, name: &str, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        eventually(&format!("pod {name}: {what}"), || {
            let pod = self.get("pod", name)?;
            if is_so(&pod) {
                return Ok(pod);
            }
            Err(format!("{}\n{}", pod["status"], self.daemon_says()))
        })
    }

    /// Loads the image that the tests' pods are made of.
    ///
    /// # Panics
    /// When it cannot be loaded.
    pub fn load_demo_image(&self) {
        let _ = self.skiff(&["image", "load", &demo_image().to_string_lossy()]).ok();
    }

    /// Makes a pod `web`, whose one container `main` sleeps, and waits until it is ready.
    ///
    /// # Panics
    /// When it is refused, or patience ends.
    pub fn start_web(&self) {
        self.load_demo_image();
        let container = json!({"name": "main", "image": "skiff/demo:1.0", "command": ["sleep", "1000"]});
        let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [container]});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec});
        let _ = self.skiff_with(&["create", "-f", "-"], &pod.to_string()).ok();
        let _ = self.wait_ready("web");
    }

    /// Waits until a pod is ready and gives its address.
    ///
    /// # Panics
    /// When patience ends.
    pub fn wait_ready(&self, name: &str) -> String {
        let pod = self.wait_pod(name, "ready", |pod| {
            let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        });
        pod["status"]["podIP"].as_str().expect("a ready pod has an address").to_owned()
    }

    /// The pods' supervisors and programs whose command line has this text in it, with their process ids.
    #[must_use]
    pub fn processes(&self, text: &str) -> Vec<(u32, String)> {
        let mut found = leftovers::processes(self.folder.path());
        found.retain(|(_, command)| command.contains(text));
        found
    }

    /// What is there of pods: their supervisors, folders and control groups. Nothing, once all are deleted.
    #[must_use]
    pub fn left_of_pods(&self) -> Vec<String> {
        let supervisors =
            self.processes("skiff-supervisor").into_iter().map(|(pid, command)| format!("process {pid}: {command}"));
        let mut left: Vec<String> = supervisors.collect();
        for folder in [self.data_dir().join("pods"), self.data_dir().join("logs"), self.run_dir().join("pods")] {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            left.extend(entries.map(|entry| format!("folder {}", entry.path().display())));
        }
        let mut parents = vec![PathBuf::from("/sys/fs/cgroup")];
        parents.extend(std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path()));
        for parent in parents {
            for class in ["", "burstable", "besteffort"] {
                let groups =
                    std::fs::read_dir(parent.join(&self.name).join("kubepods").join(class)).into_iter().flatten().flatten();
                let of_pods = groups.filter(|group| group.file_name().as_encoded_bytes().starts_with(b"pod"));
                left.extend(of_pods.map(|group| format!("control group {}", group.path().display())));
            }
        }
        left
    }

    /// Waits until nothing of a pod is left.
    ///
    /// # Panics
    /// When patience ends.
    pub fn wait_clean(&self) {
        eventually("nothing of a pod is left", || match self.left_of_pods() {
            left if left.is_empty() => Ok(()),
            left => Err(format!("{left:#?}")),
        });
    }

    /// The answer to an HTTP request made from the node.
    ///
    /// # Panics
    /// When patience ends.
    #[must_use]
    pub fn http(&self, url: &str) -> String {
        eventually(url, || {
            let output =
                self.inside("curl").args(["-skS", "--max-time", "5", url]).output().map_err(|error| error.to_string())?;
            let ran = Ran::of(&output);
            if ran.code == 0 { Ok(ran.stdout) } else { Err(ran.stderr) }
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let ended = daemon.kill().and_then(|()| daemon.wait());
            assert!(ended.is_ok() || std::thread::panicking(), "the daemon cannot be ended");
        }
        if std::thread::panicking() {
            eprintln!("the end of the daemon's log:\n{}", self.daemon_says());
        }
        let reset = self.inside(binary("skiffd")).args(["reset", "--yes"]).args(self.settings()).output();
        let reset = reset.map(|output| Ran::of(&output));
        let left = leftovers::of(&self.name, self.folder.path());
        let ended = self.holder.kill().and_then(|()| self.holder.wait());
        if std::thread::panicking() {
            return;
        }
        assert!(reset.as_ref().is_ok_and(|ran| ran.code == 0), "skiffd reset: {reset:?}");
        assert!(left.is_empty(), "left behind: {left:#?}");
        assert!(ended.is_ok(), "the namespaces cannot be ended");
    }
}
