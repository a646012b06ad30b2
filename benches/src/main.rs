//! Measures skiffd beside `podman kube play`, and beside containerd where it is installed, in one run: the same image, the same manifest,
//! taking turns.
//!
//! The workload prints the clock at its `main`, so that the time from request to running process is measured inside the
//! process, and ends at once on SIGTERM. Call it through `make bench`, which prepares the machine (`scripts/bench`).
#![allow(clippy::print_stdout, reason = "the report is what this program is for")]

mod containerd;
mod logs;
mod parallel;
mod podman;
mod probes;
mod report;
mod skiff;

use anyhow::{Result, bail};
use bench::machine::busy_cpu_ms;
use bench::samples::Samples;
use containerd::Containerd;
use report::{Row, print_table};
use skiff::Skiff;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What both run: see `demos/server`.
const IMAGE: &str = "docker.io/skiff/demo:1.0";

struct Options {
    bin_dir: PathBuf,
    image: PathBuf,
    rounds: usize,
    pods: usize,
    /// Pods with three probes a second each.
    probed: usize,
    /// Lines that one container writes; fifty write a fiftieth each.
    lines: u64,
    /// The one part to measure; all of them without it.
    only: Option<Part>,
}

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Starts and deletes, beside podman.
    Pods,
    /// Lines of logs, beside podman.
    Logs,
    /// Probes, which podman has no part in.
    Probes,
}

impl Part {
    fn parse(word: &str) -> Result<Self> {
        match word {
            "pods" => Ok(Self::Pods),
            "logs" => Ok(Self::Logs),
            "probes" => Ok(Self::Probes),
            _ => bail!("--only takes pods, logs or probes, not '{word}'"),
        }
    }
}

impl Options {
    fn measures(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    /// Whether podman takes part.
    fn has_peer(&self) -> bool {
        self.measures(Part::Pods) || self.measures(Part::Logs)
    }
}

fn options() -> Result<Options> {
    let mut options = Options {
        bin_dir: "target/release".into(),
        image: "target/demo.tar".into(),
        rounds: 11,
        pods: 50,
        probed: 110,
        lines: 2_000_000,
        only: None,
    };
    let known = ["--bin-dir", "--image", "--rounds", "--pods", "--probed", "--lines", "--only"];
    bench::flags(&known, |flag| {
        match flag.name.as_str() {
            "--bin-dir" => options.bin_dir = flag.value.clone().into(),
            "--image" => options.image = flag.value.clone().into(),
            "--rounds" => options.rounds = flag.number()?,
            "--pods" => options.pods = flag.number()?,
            "--probed" => options.probed = flag.number()?,
            "--only" => options.only = Some(Part::parse(&flag.value)?),
            _ => options.lines = flag.number()?,
        }
        Ok(())
    })?;
    Ok(options)
}

/// The manifest that both get.
fn manifest(name: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"bench": "pods"}},
        "spec": {"containers": [{
            "name": "stamp",
            "image": IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/demo-server", "stamp"],
            "resources": {"limits": {"memory": "128Mi", "cpu": "500m"}, "requests": {"memory": "1Mi", "cpu": "10m"}}
        }]}
    })
}

fn main() -> ExitCode {
    bench::start(run())
}

async fn run() -> Result<()> {
    let options = options()?;
    let mut skiff = Skiff::start(&options.bin_dir, &options.image).await?;
    // The daemon is stopped whatever comes.
    let result = measure_beside(&options, &mut skiff).await;
    let cleaned = skiff.stop();
    if options.has_peer() {
        podman::clean();
    }
    result?;
    cleaned
}

async fn measure_beside(options: &Options, skiff: &mut Skiff) -> Result<()> {
    if options.has_peer() {
        podman::load(&options.image)?;
    }
    let mut containerd = if options.measures(Part::Pods) { Containerd::start(&options.image)? } else { None };
    if options.measures(Part::Pods) && containerd.is_none() {
        println!("containerd is not installed: it has no figures");
    }
    let measured = measure(options, skiff, containerd.as_ref()).await;
    let cleaned = containerd.as_mut().map_or(Ok(()), Containerd::stop);
    measured?;
    cleaned
}

async fn measure(options: &Options, skiff: &mut Skiff, containerd: Option<&Containerd>) -> Result<()> {
    let idle = skiff.daemon_memory()?;
    let mut rows = Vec::new();
    if options.measures(Part::Pods) {
        rows.extend(one_by_one(options, skiff, containerd).await?);
        rows.extend(many(options, skiff, containerd).await?);
    }
    if options.measures(Part::Logs) {
        rows.extend(logs::measure(options.lines, skiff).await?);
    }
    if !rows.is_empty() {
        print_table(&rows);
        println!();
    }
    if options.measures(Part::Probes) {
        println!("{}", probes::measure(options.probed, skiff).await?);
    }
    println!("daemon, idle before any pod: {}", idle.in_words());
    println!("daemon, after all of it:     {}", skiff.daemon_memory()?.in_words());
    Ok(())
}

/// One pod at a time, in turns: request to running process, and delete.
async fn one_by_one(options: &Options, skiff: &mut Skiff, containerd: Option<&Containerd>) -> Result<Vec<Row>> {
    let mut start = (Samples::default(), Samples::default(), Samples::default());
    let mut delete = (Samples::default(), Samples::default(), Samples::default());
    for round in 0..options.rounds {
        let name = format!("bench-one-{round}");
        start.0.push(skiff.start_pod(&name).await?);
        delete.0.push(skiff.delete_pod(&name).await?);
        start.1.push(podman::start_pod(&name)?);
        delete.1.push(podman::delete_pod(&name)?);
        if let Some(containerd) = containerd {
            start.2.push(containerd.start_container(&name)?);
            delete.2.push(containerd.delete_containers(&[name])?);
        }
        // Let what either left to the kernel be done before the next one is measured.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let theirs = |samples: &mut Samples| containerd.map(|_| samples.median());
    Ok(vec![
        Row::smaller("one pod: request to running process, ms", start.0.median(), start.1.median(), 20.0)
            .with_containerd(theirs(&mut start.2)),
        Row::smaller("one pod: delete, ms", delete.0.median(), delete.1.median(), 15.0).with_containerd(theirs(&mut delete.2)),
    ])
}

/// Many pods at once: rate, processor time a start, and memory a pod while they run.
async fn many(options: &Options, skiff: &mut Skiff, containerd: Option<&Containerd>) -> Result<Vec<Row>> {
    let names: Vec<String> = (0..options.pods).map(|number| format!("bench-many-{number}")).collect();
    let count = names.len() as f64;

    let cpu = busy_cpu_ms()?;
    let ours_ms = skiff.start_pods(&names).await?;
    let ours_cpu = (busy_cpu_ms()? - cpu) / count;
    let ours_memory = skiff.supervisor_memory()?;
    let with_pods = skiff.daemon_memory()?;
    let ours_delete_ms = skiff.delete_pods(&names).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;

    let cpu = busy_cpu_ms()?;
    let theirs_ms = podman::start_pods(&names)?;
    let theirs_cpu = (busy_cpu_ms()? - cpu) / count;
    let theirs_memory_kib = podman::monitor_memory_kib()? / count;
    let theirs_delete_ms = podman::delete_pods(&names)?;
    let third = containerd.map(|containerd| many_containers(&names, containerd)).transpose()?;

    println!(
        "with {} pods: daemon {}; {} supervisors, {:.0} KiB each of their own and {:.0} KiB of the kernel's",
        options.pods,
        with_pods.in_words(),
        ours_memory.processes,
        ours_memory.own_kib / count,
        ours_memory.kernel_kib / count,
    );
    Ok(vec![
        Row::larger(
            &format!("{} pods at once: pods a second", options.pods),
            count * 1e3 / ours_ms,
            count * 1e3 / theirs_ms,
            150.0,
        )
        .with_containerd(third.as_ref().map(|third| third.a_second)),
        Row::smaller("cpu a start (whole machine), ms", ours_cpu, theirs_cpu, 24.5)
            .with_containerd(third.as_ref().map(|third| third.cpu_ms)),
        Row::smaller("memory a pod beyond the workload, KiB", ours_memory.all_kib() / count, theirs_memory_kib, 2.0)
            .with_containerd(third.as_ref().map(|third| third.memory_kib)),
        Row::smaller(
            &format!("{} pods: delete all, ms a pod", options.pods),
            ours_delete_ms / count,
            theirs_delete_ms / count,
            15.0,
        )
        .with_containerd(third.as_ref().map(|third| third.delete_ms)),
    ])
}

/// What many containers at once take of containerd, each.
struct Third {
    a_second: f64,
    cpu_ms: f64,
    memory_kib: f64,
    delete_ms: f64,
}

fn many_containers(names: &[String], containerd: &Containerd) -> Result<Third> {
    let count = names.len() as f64;
    let cpu = busy_cpu_ms()?;
    let start_ms = containerd.start_containers(names)?;
    let cpu_ms = (busy_cpu_ms()? - cpu) / count;
    let memory_kib = containerd.shim_memory_kib()? / count;
    println!("with {} containers: containerd {}", names.len(), containerd.daemon_memory()?.in_words());
    let delete_ms = containerd.delete_containers(names)? / count;
    Ok(Third { a_second: count * 1e3 / start_ms, cpu_ms, memory_kib, delete_ms })
}
