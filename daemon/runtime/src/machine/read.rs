//! Reads the values that change: memory, disk and process numbers.

use std::fs;
use std::path::{Path, PathBuf};

use super::{MachineError, Roots};

/// What a file system has and has left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filesystem {
    /// All bytes.
    pub capacity_bytes: u64,
    /// Bytes that are free for processes without privileges, as the kubelet counts.
    pub available_bytes: u64,
    /// All inodes; 0 on file systems that do not count them.
    pub inodes: u64,
    /// Free inodes.
    pub inodes_free: u64,
}

/// What the machine has left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// All memory, in bytes.
    pub memory_capacity_bytes: u64,
    /// Memory minus the working set, in bytes: free memory and the file cache that was not used lately.
    pub memory_available_bytes: u64,
    /// The file system of the data folder.
    pub disk: Filesystem,
    /// How many processes and threads there can be.
    pub pids_capacity: u64,
    /// How many more there can be.
    pub pids_available: u64,
}

pub(super) fn reading(roots: &Roots) -> Result<Reading, MachineError> {
    let memory = Meminfo::read(roots)?;
    let (pids_capacity, pids_in_use) = pids(roots)?;
    Ok(Reading {
        memory_capacity_bytes: memory.total_bytes,
        memory_available_bytes: (memory.free_bytes + memory.inactive_file_bytes).min(memory.total_bytes),
        disk: filesystem(&roots.data_dir)?,
        pids_capacity,
        pids_available: pids_capacity.saturating_sub(pids_in_use),
    })
}

/// What all that runs on the machine has used and uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MachineUsage {
    /// Cpu time since the machine was started, of all processors together, in nanoseconds.
    pub cpu_ns: u64,
    /// The working set, in bytes: memory without what is free and the file cache that was not used lately.
    pub memory_working_set_bytes: u64,
}

/// Nanoseconds of what the kernel counts cpu time in for programs (`USER_HZ`), the same on every machine that Linux runs on here.
const TICK_NS: u64 = 10_000_000;

pub(super) fn usage(roots: &Roots) -> Result<MachineUsage, MachineError> {
    let memory = Meminfo::read(roots)?;
    let path = roots.proc.join("stat");
    let text = text(path.clone())?;
    let line = text.lines().next().and_then(|line| line.strip_prefix("cpu ")).map(str::split_whitespace);
    let line = line.ok_or(MachineError::Content { path: path.clone(), what: "cpu time" })?;
    let ticks: Vec<u64> = line.map_while(|number| number.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq: proc_stat(5). What guests use is counted as the user's.
    let [user, nice, system, _, _, irq, softirq, ..] = *ticks.as_slice() else {
        return Err(MachineError::Content { path, what: "cpu time" });
    };
    Ok(MachineUsage {
        cpu_ns: (user + nice + system + irq + softirq).saturating_mul(TICK_NS),
        memory_working_set_bytes: memory.total_bytes.saturating_sub(memory.free_bytes + memory.inactive_file_bytes),
    })
}

/// The lines of `/proc/meminfo` that count here.
pub(super) struct Meminfo {
    pub(super) total_bytes: u64,
    free_bytes: u64,
    inactive_file_bytes: u64,
}

impl Meminfo {
    pub(super) fn read(roots: &Roots) -> Result<Self, MachineError> {
        let path = roots.proc.join("meminfo");
        let text = text(path.clone())?;
        let bytes = |name: &'static str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            kib.map(|kib| kib.saturating_mul(1024)).ok_or(MachineError::Content { path: path.clone(), what: name })
        };
        Ok(Self { total_bytes: bytes("MemTotal")?, free_bytes: bytes("MemFree")?, inactive_file_bytes: bytes("Inactive(file)")? })
    }
}

/// The most there can be, and how many there are.
fn pids(roots: &Roots) -> Result<(u64, u64), MachineError> {
    let kernel = roots.proc.join("sys/kernel");
    let most = number(kernel.join("pid_max"))?.min(number(kernel.join("threads-max"))?);
    let path = roots.proc.join("loadavg");
    // `0.20 0.18 0.12 1/80 11206`: running and all scheduling entities stand before the last number.
    let in_use = text(path.clone())?.split_whitespace().nth(3).and_then(|field| field.split_once('/')?.1.parse().ok());
    Ok((most, in_use.ok_or(MachineError::Content { path, what: "number of processes" })?))
}

/// The file system that holds the folder.
pub(super) fn filesystem(folder: &Path) -> Result<Filesystem, MachineError> {
    let answer = rustix::fs::statvfs(folder);
    let stat = answer.map_err(|errno| MachineError::Read { path: folder.to_owned(), source: errno.into() })?;
    Ok(Filesystem {
        capacity_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        available_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        inodes: stat.f_files,
        inodes_free: stat.f_ffree,
    })
}

pub(super) fn text(path: PathBuf) -> Result<String, MachineError> {
    fs::read_to_string(&path).map_err(|source| MachineError::Read { path, source })
}

pub(super) fn number(path: PathBuf) -> Result<u64, MachineError> {
    let text = text(path.clone())?;
    text.trim().parse().map_err(|_| MachineError::Content { path, what: "number" })
}

#[cfg(test)]
mod tests {
    use super::super::Machine;
    use super::*;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let at = |name: &str| dir.path().join(name);
        let roots = Roots { proc: at("proc"), sys: at("sys"), root: dir.path().to_owned(), data_dir: dir.path().to_owned() };
        (dir, Machine::new(roots))
    }

    const PROC: [(&str, &str); 4] = [
        ("proc/meminfo", "MemTotal:       4000 kB\nMemFree:        1000 kB\nMemAvailable:   9999 kB\nInactive(file):  500 kB\n"),
        ("proc/sys/kernel/pid_max", "4194304\n"),
        ("proc/sys/kernel/threads-max", "5000\n"),
        ("proc/loadavg", "0.20 0.18 0.12 1/80 11206\n"),
    ];

    #[test]
    fn available_memory_is_what_is_not_in_the_working_set() {
        let (_dir, machine) = machine(&PROC);
        let reading = machine.reading().unwrap();
        assert_eq!((reading.memory_capacity_bytes, reading.memory_available_bytes), (4000 << 10, 1500 << 10));
        assert_eq!((reading.pids_capacity, reading.pids_available), (5000, 4920));
        assert!(reading.disk.capacity_bytes >= reading.disk.available_bytes && reading.disk.capacity_bytes > 0);
    }

    #[test]
    fn what_the_machine_uses_is_time_that_was_not_idle_and_the_working_set() {
        let stat = ("proc/stat", "cpu  10 20 30 1000 500 4 6 7 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\n");
        let (_dir, machine) = machine(&[&PROC[..], &[stat]].concat());
        let usage = machine.usage().unwrap();
        assert_eq!((usage.cpu_ns, usage.memory_working_set_bytes), (700_000_000, 2500 << 10));
        let (_dir, machine) = self::machine(&[&PROC[..], &[("proc/stat", "cpu  1 2\n")]].concat());
        assert!(machine.usage().unwrap_err().to_string().contains("proc/stat has no usable cpu time"));
    }

    #[test]
    fn a_strange_file_is_named() {
        let mut files = PROC;
        files[0].1 = "MemTotal: lots\n";
        let (_dir, machine) = machine(&files);
        let message = machine.reading().unwrap_err().to_string();
        assert!(message.contains("proc/meminfo has no usable MemTotal"), "{message}");
        files[0] = PROC[0];
        files[3].1 = "0.20\n";
        let (_dir, machine) = self::machine(&files);
        assert!(machine.reading().unwrap_err().to_string().contains("loadavg"));
    }

    #[test]
    fn this_machine_can_be_read() {
        let machine = Machine::new(Roots::of_this_machine("/"));
        let (capacity, reading) = (machine.capacity().unwrap(), machine.reading().unwrap());
        assert!(capacity.cpu_milli >= 1000 && capacity.memory_bytes == reading.memory_capacity_bytes);
        assert!(reading.pids_available > 0 && reading.memory_available_bytes > 0);
    }
}
