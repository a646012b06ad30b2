//! What the machine says of itself: the clock, processor time, memory of processes.

use anyhow::{Context as _, Result};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970.
pub fn now_ns() -> Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_nanos() as f64)
}

/// Processor time that the whole machine was busy since it started, in ms (`proc_stat(5)`; a tick is 10 ms).
pub fn busy_cpu_ms() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let first = stat.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<f64> = first.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq: all but idle and iowait.
    let busy: f64 = ticks.iter().take(7).enumerate().filter(|(index, _)| !matches!(index, 3 | 4)).map(|(_, ticks)| ticks).sum();
    Ok(busy * 10.0)
}

/// Processor time of one process since it started, in ms (`proc_pid_stat(5)`; a tick is 10 ms).
pub fn process_cpu_ms(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The name stands in brackets and may have spaces; user and system time are the 12th and 13th field after it.
    let (_, rest) = stat.rsplit_once(')').with_context(|| format!("{path} is not as it should be"))?;
    let ticks = rest.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() * 10.0)
}

/// Every process whose command name passes.
pub fn processes(wanted: impl Fn(&str) -> bool) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("cannot read /proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // It may be gone by now.
        let Ok(command) = fs::read(entry.path().join("cmdline")) else { continue };
        let first = command.split(|byte| *byte == 0).next().unwrap_or_default();
        if wanted(&String::from_utf8_lossy(first)) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    resident_kib: f64,
    own_kib: f64,
    anonymous_kib: f64,
}

impl Memory {
    /// Reads `smaps_rollup`: resident, the proportional share, which counts shared pages once, and of that what no file backs.
    pub fn of(pid: u32) -> Result<Self> {
        let text =
            fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).with_context(|| format!("cannot read memory of {pid}"))?;
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .and_then(|rest| rest.split_whitespace().next())
                .and_then(|number| number.parse().ok())
                .unwrap_or_default()
        };
        Ok(Self { resident_kib: field("Rss:"), own_kib: field("Pss:"), anonymous_kib: field("Pss_Anon:") })
    }

    /// All that is mapped and in memory.
    pub fn resident_mib(self) -> f64 {
        self.resident_kib / 1024.0
    }

    /// The share that is this process's.
    pub fn own_mib(self) -> f64 {
        self.own_kib / 1024.0
    }

    /// All three in words.
    pub fn in_words(self) -> String {
        let (resident, own, anonymous) = (self.resident_mib(), self.own_mib(), self.anonymous_mib());
        format!("{resident:.1} MiB resident, {own:.1} MiB its own, {anonymous:.1} MiB of that without a file behind it")
    }

    /// Heap, stacks and changed data: what the kernel cannot drop and read again, as it can the program's own pages.
    pub fn anonymous_mib(self) -> f64 {
        self.anonymous_kib / 1024.0
    }

    /// The share that is this process's.
    pub fn own_kib(self) -> f64 {
        self.own_kib
    }
}
