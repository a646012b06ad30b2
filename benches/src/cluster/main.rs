//! Measures the cluster: machines in namespaces of this one, larger clusters simulated, chitchat beside them, the goal beside each figure.
//!
//! Call it through `make bench`. Every figure of ours has records on disk before they are acknowledged and mutual TLS between nodes.
#![allow(clippy::print_stdout, reason = "the report is what this program is for")]

mod cases;
mod machines;
mod peer;
mod report;
mod writes;

use anyhow::{Context as _, Result};
use cases::Amounts;
use machines::Machines;
use peer::Peer;
use report::Row;
use sim::network::Link;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

struct Options {
    bin_dir: PathBuf,
    /// Where the peer's program is; without it only ours is measured.
    chitchat: Option<PathBuf>,
    many: usize,
    simulated: Vec<usize>,
    amounts: Amounts,
}

fn options() -> Result<Options> {
    let amounts = Amounts { timed: 500, records: 10_000, split: Duration::from_secs(60), a_side: 500 };
    let (many, simulated) = (20, vec![100, 1_000]);
    let mut options = Options { bin_dir: "target/release".into(), chitchat: None, many, simulated, amounts };
    let known =
        ["--bin-dir", "--chitchat", "--many", "--simulated", "--writes", "--records", "--split-seconds", "--split-writes"];
    bench::flags(&known, |flag| {
        match flag.name.as_str() {
            "--bin-dir" => options.bin_dir = flag.value.clone().into(),
            "--chitchat" => options.chitchat = Some(flag.value.clone().into()),
            "--many" => options.many = flag.number()?,
            "--simulated" => options.simulated = sizes(&flag.value)?,
            "--writes" => options.amounts.timed = flag.number::<usize>()?.max(1),
            "--records" => options.amounts.records = flag.number()?,
            "--split-seconds" => options.amounts.split = Duration::from_secs(flag.number::<u64>()?.max(1)),
            _ => options.amounts.a_side = flag.number()?,
        }
        Ok(())
    })?;
    Ok(options)
}

fn sizes(text: &str) -> Result<Vec<usize>> {
    let numbers: Result<Vec<usize>, _> = text.split(',').filter(|word| !word.is_empty()).map(str::parse).collect();
    let numbers = numbers.ok().filter(|numbers| numbers.iter().all(|nodes| *nodes > 1));
    numbers
        .with_context(|| format!("--simulated takes numbers of nodes from 2 on, such as 100,1000, or '' for none; not '{text}'"))
}

fn main() -> ExitCode {
    bench::start(run())
}

async fn run() -> Result<()> {
    let options = options()?;
    let mut peers = Vec::new();
    for interval_ms in [1_000, 200] {
        if let Some(program) = &options.chitchat {
            peers.push(Peer::measure(program, interval_ms, options.amounts.records)?);
        }
    }
    println!("{}", report::heading(&peers.iter().map(|peer| peer.name.clone()).collect::<Vec<_>>()));
    {
        let machines = Machines::up(&options.bin_dir, 3).await?;
        print(&cases::three(&machines, &options.amounts).await?, &peers);
    }
    if options.many > 0 {
        let machines = Machines::up(&options.bin_dir, options.many).await?;
        print(&cases::many(&machines, &options.amounts).await?, &peers);
    }
    for nodes in &options.simulated {
        print(&simulated(*nodes), &peers);
    }
    Ok(())
}

fn print(rows: &[Row], peers: &[Peer]) {
    for row in rows {
        let figures: Vec<Option<f64>> = peers.iter().map(|peer| row.peer.and_then(|name| peer.figure(name))).collect();
        println!("{}", report::line(row, &figures));
    }
}

/// A cluster in virtual time, on a link as machines of one room have it.
fn simulated(nodes: usize) -> Vec<Row> {
    let numbers = sim::numbers::measure(1, nodes, Link::LAN);
    let name = format!("{nodes} nodes, simulated");
    let p99_ms = (numbers.late == 0).then_some(numbers.to_all_p99_ms as f64);
    vec![
        Row::new(&format!("{name}: 2 KiB record on all, p99, ms"), p99_ms, 1_000.0),
        Row::new(&format!("{name}, at rest: sent by a node, KiB/s"), Some(numbers.idle_bytes as f64 / 1024.0), 0.5),
        Row::new(&format!("{name}: copies of a record received by a node"), Some(numbers.copies), 1.5),
    ]
}
