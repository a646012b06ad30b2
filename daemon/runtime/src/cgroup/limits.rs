//! Turns requests and limits into what the kernel's files take, and writes them through cgroups-rs.
//!
//! cgroups-rs writes single limits here and does not make groups: its own creation logs failures instead of returning them,
//! looks at `/sys/fs/cgroup` whatever the mount point is, and reads every value back.

use std::path::Path;

use cgroups_rs::MaxValue;
use cgroups_rs::cpu::CpuController;
use cgroups_rs::memory::MemController;
use cgroups_rs::pid::PidController;

use super::CgroupError;

/// The length of a scheduling period, as in Kubernetes.
const CPU_PERIOD_US: u64 = 100_000;
/// The kernel refuses shorter quotas.
const LEAST_CPU_QUOTA_US: u64 = 1000;
/// The kernel's bounds of cpu.shares.
const LEAST_CPU_SHARES: u64 = 2;
const MOST_CPU_SHARES: u64 = 262_144;

/// What a container or pod asks for and may use at most. Nothing means no limit; a missing cpu request counts as none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// Requested cpu, in thousandths of a core; where it is missing the limit counts, as in Kubernetes.
    pub cpu_request_milli: Option<u64>,
    /// Most cpu, in thousandths of a core.
    pub cpu_limit_milli: Option<u64>,
    /// Most memory, in bytes. Swap is not added to it.
    pub memory_limit_bytes: Option<u64>,
    /// Most processes and threads.
    pub pids_max: Option<u64>,
}

impl Resources {
    /// The value of version 1's `cpu.shares`: 1024 for one core, at least 2.
    pub fn cpu_shares(&self) -> u64 {
        let milli = self.cpu_request_milli.or(self.cpu_limit_milli).unwrap_or(0);
        (milli.saturating_mul(1024) / 1000).clamp(LEAST_CPU_SHARES, MOST_CPU_SHARES)
    }

    /// The value of version 2's `cpu.weight`, from the shares.
    ///
    /// The newer, curved conversion is used (runc 1.3, crun 1.23, newer kubelets): it maps one core to 100, which is what every
    /// other service of the machine has; the older straight one gave a pod with one core 39 and so less than an idle daemon.
    pub fn cpu_weight(&self) -> u64 {
        let shares = self.cpu_shares();
        if shares <= LEAST_CPU_SHARES {
            return 1;
        }
        if shares >= MOST_CPU_SHARES {
            return 10_000;
        }
        // The parabola in log2(shares) through (2, 1), (1024, 100) and (262144, 10000). The subtraction keeps rounding errors
        // from lifting a whole number to the next.
        let log = f64::from(u32::try_from(shares).unwrap_or(u32::MAX)).log2();
        let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
        let weight = (10f64.powf(exponent) - 1e-9).ceil().clamp(1.0, 10_000.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=10000 just before")]
        let weight = weight as u64;
        weight
    }

    /// Microseconds of cpu a period of 100 ms; nothing without a limit.
    pub fn cpu_quota_us(&self) -> Option<u64> {
        let quota = self.cpu_limit_milli?.saturating_mul(CPU_PERIOD_US) / 1000;
        Some(quota.max(LEAST_CPU_QUOTA_US))
    }
}

/// The folders of one group, one a controller; equal in version 2.
pub(super) struct GroupFolders<'a> {
    pub(super) cpu: &'a Path,
    pub(super) memory: &'a Path,
    pub(super) pids: &'a Path,
    pub(super) is_v2: bool,
}

/// Writes the limits. A limit that is missing is left as a fresh group has it: none.
pub(super) fn apply(folders: &GroupFolders<'_>, resources: &Resources) -> Result<(), CgroupError> {
    let is_v2 = folders.is_v2;
    let failed = |what: &'static str, path: &Path| {
        let path = path.to_owned();
        move |error: cgroups_rs::error::Error| CgroupError::Limit { what, path, source: Box::new(error) }
    };
    let cpu = CpuController::new(folders.cpu.to_owned(), is_v2);
    let shares = if is_v2 { resources.cpu_weight() } else { resources.cpu_shares() };
    cpu.set_shares(shares).map_err(failed("cpu weight", folders.cpu))?;
    if let Some(quota) = resources.cpu_quota_us() {
        // In version 1 a fresh group has the period of 100 ms.
        let period = is_v2.then_some(CPU_PERIOD_US);
        cpu.set_cfs_quota_and_period(Some(to_signed(quota)), period).map_err(failed("cpu limit", folders.cpu))?;
    }
    if let Some(bytes) = resources.memory_limit_bytes {
        let memory = MemController::new(folders.memory.to_owned(), is_v2);
        let limit = || memory.set_limit(to_signed(bytes)).map_err(failed("memory limit", folders.memory));
        // Version 1 counts memory and swap together, version 2 swap alone. Neither file exists where swap is not accounted.
        let (file, swap) = if is_v2 { ("memory.swap.max", 0) } else { ("memory.memsw.limit_in_bytes", to_signed(bytes)) };
        let has_swap = folders.memory.join(file).exists();
        // Where both are raised, version 1 wants the one with swap first: it may not be the smaller.
        let is_refused = limit().is_err();
        if has_swap {
            memory.set_memswap_limit(swap).map_err(failed("swap limit", folders.memory))?;
        }
        if is_refused {
            limit()?;
        }
    }
    if let Some(most) = resources.pids_max {
        let pids = PidController::new(folders.pids.to_owned(), is_v2);
        pids.set_pid_max(MaxValue::Value(to_signed(most))).map_err(failed("process limit", folders.pids))?;
    }
    Ok(())
}

fn to_signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(milli: u64) -> Resources {
        Resources { cpu_request_milli: Some(milli), ..Resources::default() }
    }

    #[test]
    fn shares_are_1024_a_core_and_never_under_two() {
        let check = |milli, shares| assert_eq!(request(milli).cpu_shares(), shares, "{milli}m");
        check(0, 2);
        check(1, 2);
        check(100, 102);
        check(250, 256);
        check(1000, 1024);
        check(4000, 4096);
        check(u64::MAX, 262_144);
        assert_eq!(Resources::default().cpu_shares(), 2);
    }

    #[test]
    fn the_limit_counts_where_there_is_no_request() {
        let limited = Resources { cpu_limit_milli: Some(500), ..Resources::default() };
        assert_eq!(limited.cpu_shares(), 512);
    }

    #[test]
    fn one_core_weighs_as_much_as_any_other_service() {
        let check = |milli, weight| assert_eq!(request(milli).cpu_weight(), weight, "{milli}m");
        check(1000, 100);
        check(0, 1);
        check(100, 17);
        check(500, 59);
        check(2000, 174);
        check(1_000_000, 10_000);
    }

    #[test]
    fn more_cpu_never_weighs_less() {
        let weights: Vec<u64> = (0..300_000).step_by(7).map(|milli| request(milli).cpu_weight()).collect();
        assert!(weights.is_sorted() && weights[0] == 1 && *weights.last().unwrap() == 10_000);
    }

    #[test]
    fn a_quota_is_not_shorter_than_the_kernel_allows() {
        let check = |milli, quota| {
            let limited = Resources { cpu_limit_milli: Some(milli), ..Resources::default() };
            assert_eq!(limited.cpu_quota_us(), Some(quota));
        };
        check(1, 1000);
        check(10, 1000);
        check(500, 50_000);
        check(2500, 250_000);
        assert_eq!(Resources::default().cpu_quota_us(), None);
    }
}
