//! The daemon's own process, as every exporter tells of its own (Prometheus' client libraries, "process metrics").

use rest::exposition::{Exposition, Type, to_float};
use std::fs;
use std::io;
use std::path::Path;

/// So many of the kernel's ticks are a second, for programs (`USER_HZ`).
const TICKS: f64 = 100.0;

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Process {
    cpu_seconds: f64,
    start_seconds: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    open_fds: u64,
    max_fds: u64,
}

/// Reads it below the folder of processes: proc_pid_stat(5), proc_pid_status(5), proc_pid_limits(5). Blocks.
///
/// # Errors
/// What the kernel says.
pub fn read(proc: &Path) -> io::Result<Process> {
    let own = proc.join("self");
    let stat = fs::read_to_string(own.join("stat"))?;
    // The name, which stands in brackets, may have blanks.
    let fields: Vec<&str> = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let tick = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default() / TICKS;
    let status = fs::read_to_string(own.join("status"))?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
    };
    let limits = fs::read_to_string(own.join("limits"))?;
    let most = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    let booted = fs::read_to_string(proc.join("stat"))?;
    let booted = booted.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok()).unwrap_or_default();
    Ok(Process {
        // Counted from the state, the third field of all: utime is the 14th, stime the 15th, starttime the 22nd.
        cpu_seconds: tick(11) + tick(12),
        start_seconds: booted + tick(19),
        resident_bytes: kib("VmRSS"),
        virtual_bytes: kib("VmSize"),
        open_fds: fs::read_dir(own.join("fd"))?.count() as u64,
        max_fds: most.unwrap_or_default(),
    })
}

impl Process {
    /// Tells of it.
    pub fn tell(&self, exposition: &mut Exposition) {
        let mut gauge = |name, of, help: &str, value| {
            exposition.family(name, of, help);
            exposition.sample(&[], value);
        };
        gauge("process_cpu_seconds_total", Type::Counter, "Cpu time that the daemon used.", self.cpu_seconds);
        gauge("process_start_time_seconds", Type::Gauge, "When the daemon was started, since 1970.", self.start_seconds);
        gauge("process_resident_memory_bytes", Type::Gauge, "Memory of the daemon.", to_float(self.resident_bytes));
        gauge("process_virtual_memory_bytes", Type::Gauge, "Addresses that it uses.", to_float(self.virtual_bytes));
        gauge("process_open_fds", Type::Gauge, "Descriptors that it has open.", to_float(self.open_fds));
        gauge("process_max_fds", Type::Gauge, "Descriptors that it may have open.", to_float(self.max_fds));
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use std::time::SystemTime;

    #[test]
    fn our_own_process_is_read() {
        let process = read("/proc".as_ref()).expect("it is there");
        assert!(process.resident_bytes > 1 << 20 && process.virtual_bytes >= process.resident_bytes, "{process:?}");
        assert!(process.open_fds > 2 && process.max_fds >= process.open_fds, "{process:?}");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64();
        assert!((0.0..600.0).contains(&(now - process.start_seconds)), "{process:?}");
    }

    #[test]
    fn the_programs_name_may_have_anything_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("self");
        std::fs::create_dir_all(own.join("fd")).expect("a folder");
        let fields: Vec<String> = (4..=24).map(|number| (number * 100).to_string()).collect();
        std::fs::write(own.join("stat"), format!("7 (a) b) S {}\n", fields.join(" "))).expect("written");
        std::fs::write(own.join("status"), "VmSize:\t 8 kB\nVmRSS:\t 4 kB\n").expect("written");
        std::fs::write(own.join("limits"), "Max open files            1024      4096      files\n").expect("written");
        std::fs::write(folder.path().join("stat"), "cpu 1\nbtime 1000\n").expect("written");
        let process = read(folder.path()).expect("read");
        assert_eq!((process.cpu_seconds, process.start_seconds), (29.0, 1022.0));
        assert_eq!((process.resident_bytes, process.virtual_bytes, process.max_fds), (4096, 8192, 1024));
    }
}
