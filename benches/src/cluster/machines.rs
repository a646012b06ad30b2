//! The machines of `scripts/cluster`, and what the kernel counts of them.

use anyhow::{Context as _, Result, bail};
use client::{Address, Client, connect};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use wire::{Members, Request, Response};

/// Not any cluster that somebody works with.
const NAME: &str = "skiff-bench-cluster";

/// Machines `n1`, `n2` and so on, with a daemon each; gone when this is dropped.
pub struct Machines {
    bin_dir: PathBuf,
    folder: PathBuf,
    /// How many were started at once.
    pub count: usize,
}

impl Machines {
    /// Starts so many, and waits until each sees all alive.
    pub async fn up(bin_dir: &Path, count: usize) -> Result<Self> {
        let folder = fs::canonicalize("target").context("no target folder: build first")?.join("bench-cluster");
        let bin_dir = fs::canonicalize(bin_dir).with_context(|| format!("no folder {}", bin_dir.display()))?;
        let machines = Self { bin_dir, folder, count };
        // What a run that was killed has left.
        machines.script(&["down"])?;
        machines.script(&["up", &count.to_string()])?;
        for number in 1..=count {
            machines.until_alive(&machines.client(number).await?, count).await?;
        }
        Ok(machines)
    }

    /// Runs `scripts/cluster` with these words, and gives what it printed.
    pub fn script(&self, words: &[&str]) -> Result<String> {
        let output = self.command(words).output().context("cannot run scripts/cluster")?;
        if !output.status.success() {
            bail!("scripts/cluster {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A connection to a machine's daemon.
    pub async fn client(&self, number: usize) -> Result<Client> {
        let socket = self.run_dir(number).join("skiffd.sock");
        let address: Address = socket.to_string_lossy().parse()?;
        for _ in 0..2_000 {
            if let Ok((client, driver)) = connect(&address, "skiff-bench").await {
                tokio::spawn(driver.run());
                return Ok(client);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("the daemon of n{number} does not answer; see scripts/cluster logs")
    }

    /// Connections to all that were started at once.
    pub async fn clients(&self) -> Result<Vec<Client>> {
        let mut clients = Vec::new();
        for number in 1..=self.count {
            clients.push(self.client(number).await?);
        }
        Ok(clients)
    }

    /// Waits until a daemon sees so many alive, itself among them.
    pub async fn until_alive(&self, client: &Client, count: usize) -> Result<()> {
        for _ in 0..1_200 {
            if members(client).await?.members.iter().filter(|member| member.is_seen()).count() == count {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the {count} machines do not see each other within a minute")
    }

    /// Makes a further machine, and a token that lets it in.
    pub fn prepare(&self, number: usize) -> Result<()> {
        fs::write(self.token(), self.script(&["token", "n1"])?).context("cannot write the token")?;
        self.script(&["boot", &format!("n{number}")])?;
        Ok(())
    }

    /// Starts a daemon on it that joins the first one's cluster, without waiting for its answer.
    pub fn launch(&self, number: usize) -> Result<Launched> {
        let status = self.script(&["status"])?;
        let row = status.lines().find(|row| row.starts_with("n1 ")).context("n1 is not in scripts/cluster status")?;
        let address = row.split_whitespace().nth(3).context("n1 has no address")?;
        let mut command = self.command(&["start", &format!("n{number}"), "--", "--join", address, "--join-token-file"]);
        let command = command.arg(self.token()).stdout(Stdio::null()).stderr(Stdio::piped());
        Ok(Launched(command.spawn().context("cannot run scripts/cluster")?))
    }

    fn token(&self) -> PathBuf {
        self.folder.join("bench.token")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("scripts/cluster");
        command.args(["--name", NAME, "--folder"]).arg(&self.folder).arg("--bin").arg(&self.bin_dir).args(words);
        command.stdin(Stdio::null());
        command
    }

    fn run_dir(&self, number: usize) -> PathBuf {
        self.folder.join("run").join(format!("n{number}"))
    }

    /// The process of a machine's daemon.
    pub fn daemon(&self, number: usize) -> Result<u32> {
        let run_dir = self.run_dir(number);
        for entry in fs::read_dir("/proc").context("cannot read /proc")? {
            let entry = entry?;
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // It may be gone by now.
            let Ok(command) = fs::read_to_string(entry.path().join("cmdline")) else { continue };
            let words: Vec<&str> = command.split('\0').collect();
            let is_daemon = words.first().is_some_and(|program| program.ends_with("/skiffd"));
            if is_daemon && words.contains(&&*run_dir.to_string_lossy()) {
                return Ok(pid);
            }
        }
        bail!("n{number} has no daemon")
    }

    /// `kill -9`, without a script's own time.
    pub fn kill(&self, number: usize) -> Result<()> {
        let status = Command::new("kill").args(["-9", &self.daemon(number)?.to_string()]).status().context("cannot run kill")?;
        if status.success() { Ok(()) } else { bail!("the daemon of n{number} cannot be killed") }
    }

    /// Bytes that all machines sent over their links, with every header.
    pub fn sent_bytes(&self) -> Result<u64> {
        (1..=self.count).map(|number| sent_bytes(self.daemon(number)?)).sum()
    }

    /// Processor time of all daemons, in ms.
    pub fn cpu_ms(&self) -> Result<f64> {
        (1..=self.count).map(|number| Ok(stat(self.daemon(number)?)?.cpu_ms)).sum()
    }

    /// Seconds since a machine's daemon was executed, in steps of a hundredth.
    pub fn age_seconds(&self, number: usize) -> Result<f64> {
        let uptime = fs::read_to_string("/proc/uptime").context("cannot read /proc/uptime")?;
        let now: f64 = uptime.split_whitespace().next().unwrap_or_default().parse().context("/proc/uptime has no number")?;
        Ok(now - stat(self.daemon(number)?)?.started_seconds)
    }
}

/// A start that is under way.
pub struct Launched(Child);

impl Launched {
    /// Waits for its end.
    pub fn finish(self) -> Result<()> {
        let output = self.0.wait_with_output()?;
        if output.status.success() { Ok(()) } else { bail!("start: {}", String::from_utf8_lossy(&output.stderr).trim()) }
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        if let Err(error) = self.script(&["down"]) {
            eprintln!("warning: {error:#}");
        }
    }
}

/// All members as a daemon sees them.
pub async fn members(client: &Client) -> Result<Members> {
    match client.request(Request::Members).await? {
        Response::Members(members) => Ok(members),
        other => bail!("members were asked for, and {other:?} was answered"),
    }
}

/// What `proc_pid_stat(5)` tells.
struct Stat {
    cpu_ms: f64,
    started_seconds: f64,
}

fn stat(pid: u32) -> Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
    // The name before it may hold blanks. A tick is 10 ms.
    let fields: Vec<f64> =
        text.rsplit(") ").next().unwrap_or_default().split_whitespace().map(|word| word.parse().unwrap_or_default()).collect();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or_default();
    Ok(Stat { cpu_ms: (field(14) + field(15)) * 10.0, started_seconds: field(22) / 100.0 })
}

fn sent_bytes(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/net/dev")).with_context(|| format!("process {pid} is gone"))?;
    let link = text.lines().find_map(|line| line.trim_start().strip_prefix("eth0:")).context("the machine has no eth0")?;
    // Eight columns of what was received stand before.
    link.split_whitespace().nth(8).unwrap_or_default().parse().context("eth0 has no count of bytes sent")
}
