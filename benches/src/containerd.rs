//! A second peer, where it is installed: containerd, driven with its own `ctr` on the same program. It has folders and a socket of its own.
//!
//! `ctr run` makes a container and the shim that stays beside it. That is less than a pod: there is no sandbox and no network, which
//! favours containerd.

use crate::{IMAGE, parallel};
use anyhow::{Context as _, Result, bail};
use bench::machine::{Memory, now_ns, processes};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The cgroup of its containers.
const CGROUP: &str = "skiff-bench-containerd";
/// The part of containerd that is a kubelet's peer is not used.
const CONFIG: &str = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
/// How long anything that takes a moment may take.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(1);

/// Its daemon.
pub struct Containerd {
    daemon: Child,
    folder: PathBuf,
}

impl Containerd {
    /// Starts it and loads the image that skiff runs too; `None` where it is not installed.
    pub fn start(image: &Path) -> Result<Option<Self>> {
        let folder = std::env::temp_dir().join(format!("skiff-bench-containerd-{}", std::process::id()));
        let mut daemon = Command::new("containerd");
        for (flag, name) in [("--config", "config.toml"), ("--root", "root"), ("--state", "state"), ("--address", "sock")] {
            daemon.arg(flag).arg(folder.join(name));
        }
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(folder.join("config.toml"), CONFIG).context("cannot write containerd's settings")?;
        let daemon = match daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(daemon) => daemon,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::remove_dir_all(&folder).context("cannot remove the folder made for containerd")?;
                return Ok(None);
            }
            Err(error) => return Err(error).context("cannot run containerd"),
        };
        let mut containerd = Self { daemon, folder };
        match containerd.load(image) {
            Ok(()) => Ok(Some(containerd)),
            Err(error) => {
                containerd.stop()?;
                Err(error)
            }
        }
    }

    fn load(&self, image: &Path) -> Result<()> {
        let begin = Instant::now();
        while let Err(error) = self.run(&["version"]) {
            if begin.elapsed() > PATIENCE {
                return Err(error.context("containerd does not answer"));
            }
            std::thread::sleep(PAUSE);
        }
        let image = image.to_str().context("the image's path is not text")?;
        self.run(&["images", "import", image]).map(drop)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(self.folder.join("sock")).args(["--namespace", "skiff-bench"]).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Result<Output> {
        let output = self.command(args).stdin(Stdio::null()).output().context("cannot run ctr")?;
        if !output.status.success() {
            bail!("ctr {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(output)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    fn start_command(&self, name: &str) -> Command {
        // The limits of the pods' manifest.
        let log = format!("file://{}", self.log(name).display());
        let cgroup = format!("/{CGROUP}/{name}");
        let limits = ["--memory-limit", "134217728", "--cpus", "0.5", "--cgroup", &cgroup];
        let mut command = self.command(&["run", "--detach", "--log-uri", &log]);
        command.args(limits).args([IMAGE, name, "/bin/demo-server", "stamp"]);
        command
    }

    /// From the command to the workload's `main`, in ms.
    pub fn start_container(&self, name: &str) -> Result<f64> {
        self.start_containers(&[name.to_owned()])
    }

    /// From the first command to the last workload's `main`, in ms.
    pub fn start_containers(&self, names: &[String]) -> Result<f64> {
        let begin = now_ns()?;
        parallel::run_all(names.iter().map(|name| self.start_command(name)).collect())?;
        let mut last = begin;
        for name in names {
            last = f64::max(last, self.stamp(name)?);
        }
        Ok((last - begin) / 1e6)
    }

    /// What the workload printed: its clock, in ns since 1970.
    fn stamp(&self, name: &str) -> Result<f64> {
        let begin = Instant::now();
        loop {
            let text = fs::read_to_string(self.log(name)).unwrap_or_default();
            match text.strip_suffix('\n').and_then(|line| line.strip_prefix("started ")?.parse().ok()) {
                Some(stamp) => return Ok(stamp),
                None if begin.elapsed() > PATIENCE => bail!("{name} printed {text:?}"),
                None => std::thread::sleep(PAUSE),
            }
        }
    }

    /// From the first command to the end of the last, in ms. `ctr` does not wait for the end of what it has sent SIGTERM, so containers are
    /// killed.
    pub fn delete_containers(&self, names: &[String]) -> Result<f64> {
        let begin = now_ns()?;
        for verb in [&["tasks", "delete", "--force"][..], &["containers", "delete"]] {
            let args: Vec<&str> = verb.iter().copied().chain(names.iter().map(String::as_str)).collect();
            self.run(&args)?;
        }
        Ok((now_ns()? - begin) / 1e6)
    }

    /// What its shims hold together, in KiB. Their kernel memory is not counted, which favours containerd.
    pub fn shim_memory_kib(&self) -> Result<f64> {
        let ours = self.folder.join("sock").to_string_lossy().into_owned();
        let mut sum = 0.0;
        for pid in processes(|command| command.ends_with("containerd-shim-runc-v2"))? {
            let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if command.split('\0').any(|word| word == ours) {
                sum += Memory::of(pid).map(Memory::own_kib).unwrap_or_default();
            }
        }
        Ok(sum)
    }

    /// Its own memory.
    pub fn daemon_memory(&self) -> Result<Memory> {
        Memory::of(self.daemon.id())
    }

    /// Stops it and removes what it made, also what a failed run left.
    pub fn stop(&mut self) -> Result<()> {
        let left =
            self.run(&["containers", "list", "--quiet"]).map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let left: Vec<String> = left.unwrap_or_default().lines().map(str::to_owned).collect();
        let cleared = if left.is_empty() { Ok(0.0) } else { self.delete_containers(&left) };
        self.daemon.kill()?;
        self.daemon.wait()?;
        // One folder a controller, or one for all; those that were never made are not there.
        let hierarchies = fs::read_dir("/sys/fs/cgroup").context("cannot read /sys/fs/cgroup")?;
        for folder in
            hierarchies.flatten().map(|entry| entry.path().join(CGROUP)).chain([Path::new("/sys/fs/cgroup").join(CGROUP)])
        {
            if folder.is_dir() {
                fs::remove_dir(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
            }
        }
        fs::remove_dir_all(&self.folder).context("cannot remove containerd's folder")?;
        cleared.map(drop)
    }
}
