//! When pods are put out, in the kubelet's syntax (`pkg/kubelet/eviction/helpers.go:ParseThresholdConfig`), and how a shutdown waits for them.

use super::values::{duration, size, value};
use super::{ConfigError, Settings};
use control::pressure::{DEFAULTS, Least, Signal, Threshold};
use std::time::Duration;

/// When pods are put out.
#[derive(Debug, Clone, PartialEq)]
pub struct Eviction {
    /// Hard and soft ones.
    pub thresholds: Vec<Threshold>,
    /// The most seconds that a pod has because of a soft one.
    pub max_pod_grace_seconds: u64,
    /// How long a threshold must not be crossed before the pressure is over.
    pub transition_ms: u64,
}

impl Eviction {
    pub(super) fn of(settings: &Settings) -> Result<Self, ConfigError> {
        let mut thresholds = match &settings.eviction_hard {
            None => DEFAULTS.to_vec(),
            Some(text) => list("--eviction-hard", text)?,
        };
        let soft = list("--eviction-soft", settings.eviction_soft.as_deref().unwrap_or_default())?;
        let graces = graces(settings.eviction_soft_grace_period.as_deref().unwrap_or_default())?;
        for threshold in soft {
            let Some((_, grace)) = graces.iter().find(|(signal, _)| *signal == threshold.signal) else {
                let given = settings.eviction_soft.clone().unwrap_or_default();
                return Err(value("--eviction-soft", given, "needs a time for each signal in --eviction-soft-grace-period"));
            };
            thresholds.push(Threshold { grace_ms: milliseconds(*grace).max(1), ..threshold });
        }
        let transition = settings.eviction_pressure_transition_period.as_deref().unwrap_or("5m");
        Ok(Self {
            thresholds,
            max_pod_grace_seconds: settings.eviction_max_pod_grace_period.unwrap_or(0),
            transition_ms: milliseconds(duration("--eviction-pressure-transition-period", transition)?),
        })
    }

    /// What must be left of memory and disk, by the hard thresholds: pods cannot ask for it.
    pub fn kept(&self, memory_bytes: u64, disk_bytes: u64) -> (u64, u64) {
        let most = |signal, capacity| {
            let hard = self.thresholds.iter().filter(|threshold| threshold.signal == signal && threshold.grace_ms == 0);
            hard.map(|threshold| threshold.least.of(capacity)).max().unwrap_or(0)
        };
        (most(Signal::Memory, memory_bytes), most(Signal::Disk, disk_bytes))
    }
}

/// How the machine's shutdown waits for pods: first for all but the critical ones, then for those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownGrace {
    /// In all.
    pub total: Duration,
    /// What of it is for critical pods.
    pub critical: Duration,
}

impl ShutdownGrace {
    pub(super) fn of(settings: &Settings) -> Result<Self, ConfigError> {
        let (all, critical) = ("--shutdown-grace-period", "--shutdown-grace-period-critical-pods");
        let total = duration(all, settings.shutdown_grace_period.as_deref().unwrap_or("0s"))?;
        let given = settings.shutdown_grace_period_critical_pods.as_deref();
        let of_critical = duration(critical, given.unwrap_or("0s"))?;
        match given {
            Some(given) if of_critical > total => Err(value(critical, given, "is more than --shutdown-grace-period")),
            _ => Ok(Self { total, critical: of_critical }),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `memory.available<100Mi,nodefs.available<10%`
fn list(setting: &'static str, text: &str) -> Result<Vec<Threshold>, ConfigError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let parse = |part: &str| {
        let Some((signal, amount)) = part.split_once('<') else {
            return Err(value(setting, part, "is not SIGNAL<AMOUNT, such as memory.available<100Mi or nodefs.available<10%"));
        };
        Ok(Threshold { signal: signal_of(setting, signal)?, least: least(setting, amount.trim())?, grace_ms: 0 })
    };
    parts.map(parse).collect()
}

/// `memory.available=1m30s`
fn graces(text: &str) -> Result<Vec<(Signal, Duration)>, ConfigError> {
    let setting = "--eviction-soft-grace-period";
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let parse = |part: &str| {
        let Some((signal, time)) = part.split_once('=') else {
            return Err(value(setting, part, "is not SIGNAL=TIME, such as memory.available=1m30s"));
        };
        Ok((signal_of(setting, signal)?, duration(setting, time.trim())?))
    };
    parts.map(parse).collect()
}

/// Images lie on the same file system as everything else.
fn signal_of(setting: &'static str, name: &str) -> Result<Signal, ConfigError> {
    match name.trim() {
        "memory.available" => Ok(Signal::Memory),
        "nodefs.available" | "imagefs.available" => Ok(Signal::Disk),
        "nodefs.inodesFree" | "imagefs.inodesFree" => Ok(Signal::Inodes),
        "pid.available" => Ok(Signal::Pids),
        other => {
            let why = "is no signal; there are memory.available, nodefs.available, nodefs.inodesFree, imagefs.available, \
                imagefs.inodesFree, pid.available";
            Err(value(setting, other, why))
        }
    }
}

fn least(setting: &'static str, text: &str) -> Result<Least, ConfigError> {
    let Some(percent) = text.strip_suffix('%') else { return size(setting, text).map(Least::Absolute) };
    match percent.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Least::Part(percent / 100.0)),
        _ => Err(value(setting, text, "is no part from 0% to 100%")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Eviction, ShutdownGrace};
    use crate::config::Settings;
    use control::pressure::{Least, Signal, Threshold};
    use std::time::Duration;

    fn eviction(hard: &str, soft: &str, graces: &str) -> Result<Eviction, String> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let settings = Settings {
            eviction_hard: some(hard),
            eviction_soft: some(soft),
            eviction_soft_grace_period: some(graces),
            ..Settings::default()
        };
        Eviction::of(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn thresholds_are_read_in_the_kubelets_syntax_and_replace_the_defaults() {
        let read =
            eviction("memory.available<1Gi, imagefs.available<15%", "pid.available<1000", "pid.available=1m30s").expect("read");
        let threshold = |signal, least, grace_ms| Threshold { signal, least, grace_ms };
        let expected = [
            threshold(Signal::Memory, Least::Absolute(1 << 30), 0),
            threshold(Signal::Disk, Least::Part(0.15), 0),
            threshold(Signal::Pids, Least::Absolute(1000), 90_000),
        ];
        assert_eq!(read.thresholds, expected);
        assert_eq!(read.kept(8 << 30, 1000), (1 << 30, 150));
        assert_eq!(eviction("", "", "").expect("the defaults").kept(8 << 30, 1000), (100 << 20, 100));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refused = |hard: &str, soft: &str, graces: &str, why: &str| {
            let said = eviction(hard, soft, graces).expect_err("refused");
            assert!(said.contains(why), "{said}");
        };
        refused("memory.available>1Gi", "", "", "SIGNAL<AMOUNT");
        refused("memory.free<1Gi", "", "", "memory.available, nodefs.available");
        refused("nodefs.available<101%", "", "", "0% to 100%");
        refused("memory.available<much", "", "", "no size");
        refused("", "memory.available<1Gi", "", "--eviction-soft-grace-period");
        refused("", "memory.available<1Gi", "memory.available", "SIGNAL=TIME");
    }

    #[test]
    fn critical_pods_have_a_part_of_the_shutdown() {
        let of = |total: Option<&str>, critical: Option<&str>| {
            let settings = Settings {
                shutdown_grace_period: total.map(str::to_owned),
                shutdown_grace_period_critical_pods: critical.map(str::to_owned),
                ..Settings::default()
            };
            ShutdownGrace::of(&settings).map(|grace| (grace.total, grace.critical)).map_err(|error| error.to_string())
        };
        let seconds = Duration::from_secs;
        assert_eq!(of(None, None), Ok((seconds(0), seconds(0))), "as the kubelet: nobody waits");
        assert_eq!(of(Some("30s"), Some("10s")), Ok((seconds(30), seconds(10))));
        assert!(of(Some("5s"), Some("6s")).expect_err("refused").contains("more than"));
    }
}
