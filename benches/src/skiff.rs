//! Our side: a daemon of its own with its own folders and bridge, driven over its socket.

use crate::manifest;
use anyhow::{Context as _, Result, bail};
use bench::machine::{Memory, now_ns, processes};
use bench::reach;
use client::{Client, WatchStream};
use objects::Kind;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use wire::{CreateRequest, DeleteRequest, DryRun, ImageLoadRequest, LogsRequest, ObjectRef, Request, Selection, WatchEventKind};

const CGROUP_ROOT: &str = "skiff-bench";

/// A daemon and the connection to it.
pub struct Skiff {
    daemon: Child,
    skiffd: PathBuf,
    folder: PathBuf,
    client: Client,
}

/// What the supervisors of all pods hold.
#[derive(Debug)]
pub struct SupervisorMemory {
    /// How many there are.
    pub processes: usize,
    /// Their pages, shared ones counted once.
    pub own_kib: f64,
    /// What the kernel holds for them (stacks, page tables, descriptors), where a memory control group tells it.
    pub kernel_kib: f64,
}

impl SupervisorMemory {
    /// Both together.
    pub fn all_kib(&self) -> f64 {
        self.own_kib + self.kernel_kib
    }
}

fn arguments(folder: &Path) -> Vec<String> {
    let dir = |name: &str| folder.join(name).to_string_lossy().into_owned();
    [
        ("--data-dir", dir("data")),
        ("--run-dir", dir("run")),
        ("--bridge", "skiffb0".to_owned()),
        ("--pod-cidr", "10.89.0.0/24".to_owned()),
        ("--cgroup-root", CGROUP_ROOT.to_owned()),
        // Nothing of the log that is measured may be rotated away: podman keeps all of it.
        ("--log-max-size", "4Gi".to_owned()),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.to_owned(), value])
    .collect()
}

/// Removes all that a daemon made, and the bench's folder.
fn reset(skiffd: &Path, folder: &Path) -> Result<()> {
    let reset = Command::new(skiffd).args(["reset", "--yes"]).args(arguments(folder)).status()?;
    if !reset.success() {
        bail!("skiffd reset failed: does a daemon of an earlier run still work in {}?", folder.display());
    }
    fs::remove_dir_all(folder).context("cannot remove the bench's folder")
}

impl Skiff {
    /// Starts a daemon and loads the image.
    pub async fn start(bin_dir: &Path, image: &Path) -> Result<Self> {
        let folder = fs::canonicalize("target").context("no target folder: build first")?.join("bench");
        let skiffd = bin_dir.join("skiffd");
        if folder.exists() {
            // A run that was killed left its daemon's pods, which would take the places of ours.
            reset(&skiffd, &folder)?;
        }
        fs::create_dir_all(folder.join("run")).context("cannot make the bench's folder")?;
        let log = fs::File::create(folder.join("skiffd.log"))?;
        let daemon = Command::new(&skiffd)
            .args(arguments(&folder))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", skiffd.display()))?;
        let client = reach(&folder.join("run/skiffd.sock")).await?;
        let path = fs::canonicalize(image)?.to_string_lossy().into_owned();
        client.request(Request::ImageLoad(ImageLoadRequest { path })).await.context("cannot load the image")?;
        Ok(Self { daemon, skiffd, folder, client })
    }

    /// Stops the daemon and removes what it made.
    pub fn stop(&mut self) -> Result<()> {
        self.daemon.kill()?;
        self.daemon.wait()?;
        reset(&self.skiffd, &self.folder)
    }

    async fn watch(&self) -> Result<WatchStream> {
        let mut watch = self.client.watch(Kind::Pod, Selection::default(), None).await?;
        watch.take_snapshot();
        Ok(watch)
    }

    async fn create(&self, name: &str) -> Result<()> {
        self.create_object(manifest(name)).await
    }

    /// Makes a pod.
    pub async fn create_object(&self, object: serde_json::Value) -> Result<()> {
        let request = CreateRequest { object, namespace: "default".to_owned(), dry_run: DryRun::No };
        self.client.request(Request::Create(request)).await?;
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let object = ObjectRef { kind: Kind::Pod, namespace: "default".to_owned(), name: name.to_owned() };
        let request = DeleteRequest {
            object,
            grace_period_seconds: None,
            uid: None,
            dry_run: DryRun::No,
            options: wire::DeleteOptions::default(),
        };
        self.client.request(Request::Delete(request)).await?;
        Ok(())
    }

    /// From the request to the workload's `main`, in ms.
    pub async fn start_pod(&mut self, name: &str) -> Result<f64> {
        self.start_pods(&[name.to_owned()]).await
    }

    /// From the first request to the last workload's `main`, in ms.
    pub async fn start_pods(&mut self, names: &[String]) -> Result<f64> {
        let mut watch = self.watch().await?;
        let begin = now_ns()?;
        futures_all(names.iter().map(|name| self.create(name))).await?;
        let mut waiting: HashSet<&str> = names.iter().map(String::as_str).collect();
        while !waiting.is_empty() {
            let event = watch.next().await?.context("the watch ended")?;
            let pod: serde_json::Value = serde_json::from_str(event.object.get())?;
            if pod["status"]["phase"] == "Running" {
                waiting.remove(pod["metadata"]["name"].as_str().unwrap_or_default());
            }
        }
        let mut last = begin;
        for name in names {
            last = f64::max(last, self.stamp(name).await?);
        }
        Ok((last - begin) / 1e6)
    }

    /// Makes pods and waits until each is as it should be.
    pub async fn create_all(&self, objects: Vec<serde_json::Value>, is_so: fn(&serde_json::Value) -> bool) -> Result<()> {
        let mut watch = self.watch().await?;
        let name = |pod: &serde_json::Value| pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let mut waiting: HashSet<String> = objects.iter().map(name).collect();
        futures_all(objects.into_iter().map(|object| self.create_object(object))).await?;
        while !waiting.is_empty() {
            let event = watch.next().await?.context("the watch ended")?;
            let pod: serde_json::Value = serde_json::from_str(event.object.get())?;
            if is_so(&pod) {
                waiting.remove(&name(&pod));
            }
        }
        Ok(())
    }

    /// Reads a pod's whole log and hands it on piece by piece.
    pub async fn read_log(&self, pod: &str, mut take: impl FnMut(&[u8])) -> Result<()> {
        let (namespace, pod) = ("default".to_owned(), pod.to_owned());
        let mut stream = self.client.logs(LogsRequest { namespace, pod, ..LogsRequest::default() }).await?;
        while let Some(bytes) = stream.next().await? {
            take(&bytes);
        }
        Ok(())
    }

    /// Processor time of the daemon since it started, in ms.
    pub fn daemon_cpu_ms(&self) -> Result<f64> {
        bench::machine::process_cpu_ms(self.daemon.id())
    }

    async fn stamp(&self, name: &str) -> Result<f64> {
        let request = LogsRequest {
            namespace: "default".to_owned(),
            pod: name.to_owned(),
            follow: true,
            window: wire::DEFAULT_WINDOW,
            ..LogsRequest::default()
        };
        let mut stream = self.client.logs(request).await?;
        let mut text = Vec::new();
        while !text.ends_with(b"\n") {
            let Some(bytes) = stream.next().await? else { break };
            text.extend_from_slice(&bytes);
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        text.trim()
            .strip_prefix("started ")
            .and_then(|number| number.parse().ok())
            .with_context(|| format!("{name} printed {text:?}"))
    }

    /// From the request until the object is gone, in ms.
    pub async fn delete_pod(&mut self, name: &str) -> Result<f64> {
        self.delete_pods(&[name.to_owned()]).await
    }

    /// From the first request until the last object is gone, in ms.
    pub async fn delete_pods(&mut self, names: &[String]) -> Result<f64> {
        let mut watch = self.watch().await?;
        let begin = now_ns()?;
        futures_all(names.iter().map(|name| self.delete(name))).await?;
        let mut waiting: HashSet<&str> = names.iter().map(String::as_str).collect();
        while !waiting.is_empty() {
            let event = watch.next().await?.context("the watch ended")?;
            if event.kind == WatchEventKind::Deleted {
                let pod: serde_json::Value = serde_json::from_str(event.object.get())?;
                waiting.remove(pod["metadata"]["name"].as_str().unwrap_or_default());
            }
        }
        Ok((now_ns()? - begin) / 1e6)
    }

    /// What the daemon holds now.
    pub fn daemon_memory(&self) -> Result<Memory> {
        Memory::of(self.daemon.id())
    }

    /// What the supervisors hold now.
    pub fn supervisor_memory(&self) -> Result<SupervisorMemory> {
        // Another daemon on the machine has its own.
        let group = format!("/{CGROUP_ROOT}/");
        let is_ours = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(&group));
        let pids: Vec<u32> = processes(|command| command == "skiff-supervisor")?.into_iter().filter(is_ours).collect();
        let mut own_kib = 0.0;
        for pid in &pids {
            own_kib += Memory::of(*pid).map(Memory::own_kib).unwrap_or_default();
        }
        Ok(SupervisorMemory { processes: pids.len(), own_kib, kernel_kib: kernel_kib() })
    }
}

/// Kernel memory charged to the supervisors' control group.
fn kernel_kib() -> f64 {
    let files = [
        format!("/sys/fs/cgroup/memory/{CGROUP_ROOT}/supervisors/memory.kmem.usage_in_bytes"),
        format!("/sys/fs/cgroup/{CGROUP_ROOT}/supervisors/memory.stat"),
    ];
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let of_v2 = |text: &str| text.lines().find_map(|line| line.strip_prefix("kernel ")).and_then(number);
    let bytes =
        files.iter().find_map(|file| fs::read_to_string(file).ok()).and_then(|text| number(&text).or_else(|| of_v2(&text)));
    bytes.unwrap_or_default() / 1024.0
}

/// Runs all at once and waits for all.
async fn futures_all(futures: impl Iterator<Item = impl Future<Output = Result<()>>>) -> Result<()> {
    futures_util::future::try_join_all(futures).await.map(|_: Vec<()>| ())
}
