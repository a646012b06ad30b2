//! Measures the Kubernetes API: creates with durable writes, 10,000 pods as a Table, 1,000 watchers while pods change; time, processor
//! time and memory a request. Beside each figure the same daemon with its store in memory (tmpfs), where syncing costs nothing, and what
//! HTTP alone costs: a server that has no store at all.
//!
//! The pods are for a scheduler that does not exist: they are objects, and no program runs. Call it through `make bench` (`scripts/bench api`),
//! which gives it a network of its own.
#![allow(clippy::print_stdout, reason = "the report is what this program is for")]

mod cases;
mod ceiling;
mod daemon;
mod http;

use anyhow::{Context as _, Result};
use cases::{Amounts, Figures};
use ceiling::Ceiling;
use daemon::Daemon;
use std::path::PathBuf;
use std::process::ExitCode;

struct Options {
    bin_dir: PathBuf,
    /// Where the daemon has its folders: on a disk, for the figures to mean something.
    folder: PathBuf,
    amounts: Amounts,
}

fn options() -> Result<Options> {
    let amounts = Amounts { pods: 10_000, rounds: 11, watchers: 1_000, changes: 200 };
    let mut options = Options { bin_dir: "target/release".into(), folder: "target".into(), amounts };
    let known = ["--bin-dir", "--folder", "--pods", "--rounds", "--watchers", "--changes"];
    bench::flags(&known, |flag| {
        match flag.name.as_str() {
            "--bin-dir" => options.bin_dir = flag.value.clone().into(),
            "--folder" => options.folder = flag.value.clone().into(),
            "--pods" => options.amounts.pods = flag.number::<usize>()?.max(1),
            "--rounds" => options.amounts.rounds = flag.number::<usize>()?.max(1),
            "--watchers" => options.amounts.watchers = flag.number::<usize>()?.max(1),
            _ => options.amounts.changes = flag.number::<usize>()?.max(1),
        }
        Ok(())
    })?;
    Ok(options)
}

fn main() -> ExitCode {
    bench::start(run())
}

async fn run() -> Result<()> {
    let options = options()?;
    let on_disk = measured(&options, &options.folder.join("bench-api")).await?;
    let in_memory = measured(&options, &PathBuf::from(format!("/dev/shm/skiff-bench-api-{}", std::process::id()))).await?;
    let (_, table) = &on_disk;
    let ceiling = Ceiling::start(table.clone()).await?;
    let alone = cases::of_ceiling(&ceiling, &options.amounts).await?;
    println!("{:<62}{:>12}{:>12}{:>12}", "", "skiff", "in memory", "no store");
    for (what, value) in &on_disk.0 {
        let beside = |figures: &Figures| match figures.iter().find(|(known, _)| known == what) {
            Some((_, value)) => format!("{value:.2}"),
            None => String::new(),
        };
        println!("{what:<62}{value:>12.2}{:>12}{:>12}", beside(&in_memory.0), beside(&alone));
    }
    Ok(())
}

/// All figures of a daemon whose folders are in this one, and the table that it answered with.
async fn measured(options: &Options, folder: &std::path::Path) -> Result<(Figures, bytes::Bytes)> {
    let daemon =
        Daemon::start(&options.bin_dir, folder).await.with_context(|| format!("with folders in {}", folder.display()))?;
    let result = cases::of_daemon(&daemon, &options.amounts).await;
    let stopped = daemon.stop();
    let figures = result?;
    stopped?;
    Ok(figures)
}
