//! Measures the console in a real terminal against a stand-in for a daemon with 100, 10,000 and 100,000 pods: the time until the first
//! picture and until the rows, memory, the bytes and processor time of a storm of changes, and what it does when nothing happens.
//!
//! What can be counted (allocations and bytes of a frame, wakeups) gates in the tests of `tui` and in `tests/console_terminal.rs`;
//! this prints times, which depend on the machine. `script(1)` gives it its terminal.
#![allow(clippy::print_stdout, reason = "the report is what this program is for")]

use anyhow::{Context as _, Result, bail};
use bench::machine::{Memory, process_cpu_ms};
use bench::samples::Samples;
use bench::terminal::Terminal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The console of this daemon, with folders of its own.
fn console(skiff: &Path, socket: &Path) -> Result<Terminal> {
    let node = format!("unix://{}", socket.display());
    let folder = |extension: &str| socket.with_extension(extension).into_os_string();
    let env = [("XDG_STATE_HOME", folder("state")), ("XDG_CONFIG_HOME", folder("config"))];
    Terminal::start(skiff, &["--node", &node], &env)
}

/// How often its threads went to sleep, and its processor time in ms.
fn work(pid: u32) -> Result<(f64, f64)> {
    let mut wakeups = 0.0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).context("the console is gone")?.flatten() {
        let text = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        wakeups += line.and_then(|line| line.trim().parse::<f64>().ok()).unwrap_or(0.0);
    }
    Ok((wakeups, process_cpu_ms(pid)?))
}

/// Waits until the console has read all that it was sent: for two seconds it hardly works.
fn until_read(pid: u32) -> Result<()> {
    let mut quiet_since = Instant::now();
    let mut before = process_cpu_ms(pid)?;
    while quiet_since.elapsed() < Duration::from_secs(2) {
        std::thread::park_timeout(Duration::from_millis(200));
        let now = process_cpu_ms(pid)?;
        if now - before > 10.0 {
            quiet_since = Instant::now();
        }
        before = now;
    }
    Ok(())
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
    let mut terminal = console(&skiff, &socket)?;
    let first = terminal.wait_for("skiff")?;
    let content = terminal.wait_for("Running")?;
    let pid = terminal.pid()?;
    until_read(pid)?;
    let resident = Memory::of(pid)?.resident_mib();
    let mut keys = keys(&mut terminal)?;
    terminal.type_text("/no-pod-has-this-name\r")?;
    // A picture is written without the blanks that stand already, so only a word is looked for.
    terminal.wait_for("filter;")?;
    until_read(pid)?;
    let (before, bytes) = (work(pid)?, terminal.bytes());
    let idle = Instant::now();
    while idle.elapsed() < Duration::from_secs(10) {
        std::thread::park_timeout(Duration::from_secs(1));
    }
    let after = work(pid)?;
    println!("{pods:>7} pods: first picture {first:.0} ms, rows {content:.0} ms, {resident:.1} MiB resident");
    println!("        from a key to its picture: {:.1} ms median, {:.1} ms p99", keys.median(), keys.p99());
    let (wakeups, cpu) = (after.0 - before.0, after.1 - before.1);
    println!("        10 s of nothing: {wakeups:.0} wakeups, {cpu:.0} ms of cpu, {} bytes", terminal.bytes() - bytes);
    terminal.stop(":q!\r");
    let _ = stand_in.kill();
    let _ = stand_in.wait();
    Ok(())
}

/// Moves about the list, as somebody does who holds a key down for a moment and lets go: how long each picture took, in ms.
fn keys(terminal: &mut Terminal) -> Result<Samples> {
    let mut took = Samples::default();
    for round in 0..300 {
        // Down and up by one, by a page, and between the ends.
        let keys = ["j", "j", "\x04", "k", "\x15", "G", "k", "\x1b[H"];
        took.push(terminal.answer_to(keys[round % keys.len()])?);
        // The whole picture is written before the next key.
        std::thread::park_timeout(Duration::from_millis(15));
    }
    Ok(took)
}

fn storm(bin: &Path, folder: &Path) -> Result<()> {
    let socket = folder.join("storm.sock");
    let mut stand_in = daemon(&bin.join("examples/pretend"), &socket, 10_000, 1_000)?;
    let terminal = console(&bin.join("skiff"), &socket)?;
    terminal.wait_for("Running")?;
    let pid = terminal.pid()?;
    // The rest of the list is read meanwhile.
    std::thread::park_timeout(Duration::from_secs(3));
    let (before, bytes, began) = (work(pid)?, terminal.bytes(), Instant::now());
    while began.elapsed() < Duration::from_secs(5) {
        std::thread::park_timeout(Duration::from_secs(1));
    }
    let (cpu, seconds) = (work(pid)?.1 - before.1, began.elapsed().as_secs_f64());
    let written = terminal.bytes() - bytes;
    println!(
        "1,000 changes a second on 10,000 pods: {:.1} % of a core, {:.0} bytes/s",
        cpu / seconds / 10.0,
        written as f64 / seconds
    );
    terminal.stop(":q!\r");
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
