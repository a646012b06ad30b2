//! Clients of Kubernetes that are not ours, run on a machine of a cluster: the Python client and kube-rs.

use crate::command::{Ran, binary};
use crate::{Cluster, eventually};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// How one of them is run. Each has the same phases: `tests/clients/`.
#[derive(Debug)]
pub struct Driver {
    words: Vec<String>,
}

impl Driver {
    /// The Python client of Kubernetes, which is installed if it is not there yet.
    ///
    /// # Panics
    /// If it cannot be installed.
    #[must_use]
    pub fn python() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new(root.join("../scripts/python-client")).stdin(Stdio::null()).output();
        let python = Ran::of(&output.expect("scripts/python-client runs")).ok().trim().to_owned();
        Self { words: vec![python, root.join("clients/python/drive.py").to_string_lossy().into_owned()] }
    }

    /// kube-rs.
    #[must_use]
    pub fn kube() -> Self {
        Self { words: vec![binary("drive-kube").to_string_lossy().into_owned()] }
    }

    /// A phase with its output, on the machine `on`; it may ask these nodes, one after the other.
    fn command(&self, cluster: &Cluster, on: &str, phase: &str, nodes: &[&str]) -> Command {
        let kubeconfigs: Vec<String> = nodes.iter().map(|node| kubeconfig(cluster, node)).collect();
        let mut words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        words.push(phase);
        words.extend(kubeconfigs.iter().map(String::as_str));
        cluster.on_command(on, &words)
    }

    /// Runs a phase to its end.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn run(&self, cluster: &Cluster, on: &str, phase: &str, nodes: &[&str]) -> Ran {
        Ran::of(&self.command(cluster, on, phase, nodes).stdin(Stdio::null()).output().expect("scripts/cluster runs"))
    }

    /// Begins a phase that goes on.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn begin(&self, cluster: &Cluster, on: &str, phase: &str, nodes: &[&str]) -> Driving {
        let mut command = self.command(cluster, on, phase, nodes);
        let mut program = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("scripts/cluster runs");
        let output = program.stdout.take().expect("its output is a pipe");
        let (sender, said) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Driving { program, said, lines: Vec::new() }
    }
}

/// What a client needs to reach a node from any machine of its cluster.
fn kubeconfig(cluster: &Cluster, node: &str) -> String {
    let path = cluster.folder().join(format!("{node}.kubeconfig"));
    let server = format!("{}:6443", cluster.address(node));
    std::fs::write(&path, cluster.skiff(node, &["kubeconfig", "--server", &server]).ok()).expect("written");
    path.to_string_lossy().into_owned()
}

/// A phase that goes on, and what it has said.
#[derive(Debug)]
pub struct Driving {
    program: Child,
    said: Receiver<String>,
    lines: Vec<String>,
}

impl Driving {
    /// Waits until it has said something since the start, and gives the place of that line.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn hear(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> usize {
        eventually(what, || {
            self.lines.extend(self.said.try_iter());
            self.lines.iter().position(|line| is_it(line)).ok_or_else(|| format!("{:#?}", self.lines))
        })
    }

    /// All that it has said until now.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        let ended = self.program.kill().and_then(|()| self.program.wait());
        assert!(ended.is_ok() || std::thread::panicking(), "the client cannot be ended");
    }
}
