//! Measures the console in a real terminal against a stand-in for a daemon with 100, 10,000 and 100,000 pods: the time until the first
//! picture and until the rows, memory, the bytes and processor time of a storm of changes, and what it does when nothing happens.
//!
//! What can be counted (allocations and bytes of a frame, wakeups) gates in the tests of `tui` and in `tests/console_terminal.rs`;
//! this prints times, which depend on the machine. `script(1)` gives it its terminal.
#![allow(clippy::print_stdout, reason = "the report is what this program is for")]

use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The console in its terminal.
struct Console {
    child: Child,
    keys: ChildStdin,
    written: Arc<Mutex<Vec<u8>>>,
    started: Instant,
}

impl Console {
    fn start(skiff: &Path, socket: &Path) -> Result<Self> {
        let command = format!("stty rows 40 cols 120; exec {} --node unix://{}", skiff.display(), socket.display());
        let started = Instant::now();
        let mut child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env("XDG_STATE_HOME", socket.with_extension("state"))
            .env("XDG_CONFIG_HOME", socket.with_extension("config"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run script(1)")?;
        let keys = child.stdin.take().context("its input is a pipe")?;
        let mut out = child.stdout.take().context("its output is a pipe")?;
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = written.clone();
        std::thread::spawn(move || {
            let mut chunk = [0; 65_536];
            while let Ok(count @ 1..) = out.read(&mut chunk) {
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..count]);
            }
        });
        Ok(Self { child, keys, written, started })
    }

    fn bytes(&self) -> usize {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Milliseconds from the start until a text is written.
    fn wait_for(&self, text: &str) -> Result<f64> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let is_there = {
                let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
                written.windows(text.len()).any(|window| window == text.as_bytes())
            };
            if is_there {
                return Ok(self.started.elapsed().as_secs_f64() * 1_000.0);
            }
            std::thread::park_timeout(Duration::from_micros(500));
        }
        bail!("\"{text}\" was never written")
    }

    fn type_text(&mut self, text: &str) -> Result<()> {
        self.keys.write_all(text.as_bytes()).context("the console is gone")
    }

    /// The console itself: what `script` runs.
    fn pid(&self) -> Result<u32> {
        let script = self.child.id();
        let path = format!("/proc/{script}/task/{script}/children");
        let children = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        children.split_whitespace().next().and_then(|pid| pid.parse().ok()).context("script runs nothing")
    }

    fn stop(mut self) {
        // It may be gone already.
        let _ = self.keys.write_all(b":q!\r");
        let _ = self.child.wait();
    }
}

/// A field of `/proc/PID/status`, as a number.
fn status(pid: u32, field: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("{path} has no {field}"))?;
    line.split_whitespace().find_map(|word| word.parse().ok()).with_context(|| format!("{field} is no number"))
}

/// How often its threads went to sleep, and its processor time in ms.
fn work(pid: u32) -> Result<(f64, f64)> {
    let mut wakeups = 0.0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).context("the console is gone")?.flatten() {
        let text = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        wakeups += line.and_then(|line| line.trim().parse::<f64>().ok()).unwrap_or(0.0);
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the console is gone")?;
    let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    Ok((wakeups, ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10.0))
}

fn daemon(pretend: &Path, socket: &Path, pods: usize, changes: usize) -> Result<Child> {
    let words = [socket.display().to_string(), pods.to_string(), changes.to_string()];
    let child = Command::new(pretend).args(words).spawn().with_context(|| format!("cannot run {}", pretend.display()))?;
    let end = Instant::now() + PATIENCE;
    while std::os::unix::net::UnixStream::connect(socket).is_err() {
        if Instant::now() > end {
            bail!("the stand-in never listened");
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    Ok(child)
}

fn measure(bin: &Path, folder: &Path, pods: usize) -> Result<()> {
    let (skiff, pretend) = (bin.join("skiff"), bin.join("examples/pretend"));
    let socket = folder.join(format!("{pods}.sock"));
    let mut stand_in = daemon(&pretend, &socket, pods, 0)?;
    let mut console = Console::start(&skiff, &socket)?;
    let first = console.wait_for("skiff")?;
    let content = console.wait_for("Running")?;
    let pid = console.pid()?;
    let resident = status(pid, "VmRSS:")? / 1_024.0;
    console.type_text("/no-pod-has-this-name\r")?;
    // A picture is written without the blanks that stand already, so only a word is looked for.
    console.wait_for("filter;")?;
    std::thread::park_timeout(Duration::from_secs(2));
    let (before, bytes) = (work(pid)?, console.bytes());
    let idle = Instant::now();
    while idle.elapsed() < Duration::from_secs(10) {
        std::thread::park_timeout(Duration::from_secs(1));
    }
    let after = work(pid)?;
    println!("{pods:>7} pods: first picture {first:.0} ms, rows {content:.0} ms, {resident:.1} MiB resident");
    let (wakeups, cpu) = (after.0 - before.0, after.1 - before.1);
    println!("        10 s of nothing: {wakeups:.0} wakeups, {cpu:.0} ms of cpu, {} bytes", console.bytes() - bytes);
    console.stop();
    let _ = stand_in.kill();
    let _ = stand_in.wait();
    Ok(())
}

fn storm(bin: &Path, folder: &Path) -> Result<()> {
    let socket = folder.join("storm.sock");
    let mut stand_in = daemon(&bin.join("examples/pretend"), &socket, 10_000, 1_000)?;
    let console = Console::start(&bin.join("skiff"), &socket)?;
    console.wait_for("Running")?;
    let pid = console.pid()?;
    let (before, bytes, began) = (work(pid)?, console.bytes(), Instant::now());
    while began.elapsed() < Duration::from_secs(5) {
        std::thread::park_timeout(Duration::from_secs(1));
    }
    let (cpu, seconds) = (work(pid)?.1 - before.1, began.elapsed().as_secs_f64());
    let written = console.bytes() - bytes;
    println!(
        "1,000 changes a second on 10,000 pods: {:.1} % of a core, {:.0} bytes/s",
        cpu / seconds / 10.0,
        written as f64 / seconds
    );
    console.stop();
    let _ = stand_in.kill();
    let _ = stand_in.wait();
    Ok(())
}

fn run() -> Result<()> {
    let bin = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/release".to_owned()));
    let folder = std::env::temp_dir().join(format!("skiff-bench-console-{}", std::process::id()));
    fs::create_dir_all(&folder).context("cannot make a folder")?;
    let result = [100, 10_000, 100_000].into_iter().try_for_each(|pods| measure(&bin, &folder, pods));
    let result = result.and_then(|()| storm(&bin, &folder));
    fs::remove_dir_all(&folder).context("cannot remove the folder")?;
    result
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
