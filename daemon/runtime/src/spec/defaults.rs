//! What Kubernetes' runtimes give every container: masked and read-only paths, devices, shared memory.

use super::DeviceKind;

/// Hidden in every container that is not privileged.
pub const DEFAULT_MASKED_PATHS: &[&str] = &[
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
    "/sys/fs/selinux",
];

/// Read-only in every container that is not privileged.
pub const DEFAULT_READONLY_PATHS: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Limit of `/dev/shm` unless told otherwise.
pub const DEFAULT_SHM_BYTES: u64 = 64 << 20;

/// A rule of the device control group; without a number it is for every device of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRule {
    /// Character or block.
    pub kind: DeviceKind,
    /// Major number.
    pub major: Option<u32>,
    /// Minor number.
    pub minor: Option<u32>,
    /// Letters of `rwm`: read, write, make a node.
    pub access: &'static str,
}

impl DeviceRule {
    const fn new(kind: DeviceKind, major: Option<u32>, minor: Option<u32>, access: &'static str) -> DeviceRule {
        DeviceRule { kind, major, minor, access }
    }
}

/// As version 1 control groups read it in `devices.allow`: `c 1:3 rwm`.
impl std::fmt::Display for DeviceRule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            DeviceKind::Char => 'c',
            DeviceKind::Block => 'b',
        };
        let number = |number: Option<u32>| number.map_or_else(|| "*".to_string(), |number| number.to_string());
        write!(formatter, "{kind} {}:{} {}", number(self.major), number(self.minor), self.access)
    }
}

/// What a container that is not privileged may use: everything else is denied. Nodes of any kind may be made (opening them
/// stays denied), since programs that unpack archives do so.
pub fn default_devices() -> &'static [DeviceRule] {
    use DeviceKind::{Block, Char};
    const RULES: &[DeviceRule] = &[
        DeviceRule::new(Char, None, None, "m"),
        DeviceRule::new(Block, None, None, "m"),
        DeviceRule::new(Char, Some(1), Some(3), "rwm"),
        DeviceRule::new(Char, Some(1), Some(5), "rwm"),
        DeviceRule::new(Char, Some(1), Some(7), "rwm"),
        DeviceRule::new(Char, Some(1), Some(8), "rwm"),
        DeviceRule::new(Char, Some(1), Some(9), "rwm"),
        DeviceRule::new(Char, Some(5), Some(0), "rwm"),
        DeviceRule::new(Char, Some(5), Some(2), "rwm"),
        DeviceRule::new(Char, Some(136), None, "rwm"),
    ];
    RULES
}

#[cfg(test)]
mod tests {
    #[test]
    fn rules_read_as_the_kernel_wants_them() {
        let rules: Vec<String> = super::default_devices().iter().map(ToString::to_string).collect();
        assert!(rules.contains(&"c 1:3 rwm".to_string()) && rules.contains(&"b *:* m".to_string()));
        assert!(rules.contains(&"c 136:* rwm".to_string()));
    }
}
