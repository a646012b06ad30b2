//! Linux capabilities by name and number, and sets of them.

use serde::{Deserialize, Serialize};

/// One capability, by the kernel's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Capability(u8);

/// In the kernel's order (`linux/capability.h`): the index is the number.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

macro_rules! capabilities {
    ($($name:ident = $number:literal),* $(,)?) => {
        #[allow(missing_docs)]
        impl Capability { $(pub const $name: Capability = Capability($number);)* }
    };
}

capabilities! {
    CHOWN = 0, DAC_OVERRIDE = 1, DAC_READ_SEARCH = 2, FOWNER = 3, FSETID = 4, KILL = 5, SETGID = 6, SETUID = 7, SETPCAP = 8,
    NET_BIND_SERVICE = 10, NET_ADMIN = 12, NET_RAW = 13, SYS_MODULE = 16, SYS_RAWIO = 17, SYS_CHROOT = 18, SYS_PTRACE = 19,
    SYS_PACCT = 20, SYS_ADMIN = 21, SYS_BOOT = 22, SYS_NICE = 23, SYS_TIME = 25, SYS_TTY_CONFIG = 26, MKNOD = 27,
    AUDIT_WRITE = 29, SETFCAP = 31, SYSLOG = 34, PERFMON = 38, BPF = 39, CHECKPOINT_RESTORE = 40,
}

impl Capability {
    /// One past the highest number known here.
    pub const COUNT: u8 = NAMES.len() as u8;

    /// Parses a name as manifests write it: `NET_ADMIN`, also with the prefix `CAP_` and in lower case.
    pub fn parse(name: &str) -> Option<Capability> {
        let upper = name.to_ascii_uppercase();
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        NAMES.iter().position(|known| *known == bare).map(|number| Capability(number as u8))
    }

    /// Without the prefix `CAP_`.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// The kernel's number.
    pub fn number(self) -> u8 {
        self.0
    }
}

/// A set of capabilities, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CapabilitySet(u64);

impl CapabilitySet {
    /// None at all.
    pub const EMPTY: CapabilitySet = CapabilitySet(0);
    /// All that are known here (`privileged: true`, `add: ["ALL"]`).
    pub const ALL: CapabilitySet = CapabilitySet((1 << Capability::COUNT) - 1);
    /// What a container has unless its manifest says otherwise: the fourteen of the common runtimes, which the images of
    /// the world were made with.
    pub const DEFAULT: CapabilitySet = CapabilitySet::EMPTY
        .with(Capability::CHOWN)
        .with(Capability::DAC_OVERRIDE)
        .with(Capability::FSETID)
        .with(Capability::FOWNER)
        .with(Capability::MKNOD)
        .with(Capability::NET_RAW)
        .with(Capability::SETGID)
        .with(Capability::SETUID)
        .with(Capability::SETFCAP)
        .with(Capability::SETPCAP)
        .with(Capability::NET_BIND_SERVICE)
        .with(Capability::SYS_CHROOT)
        .with(Capability::KILL)
        .with(Capability::AUDIT_WRITE);

    /// This set and `capability`.
    #[must_use]
    pub const fn with(self, capability: Capability) -> CapabilitySet {
        CapabilitySet(self.0 | 1 << capability.0)
    }

    /// This set less `capability`.
    #[must_use]
    pub const fn without(self, capability: Capability) -> CapabilitySet {
        CapabilitySet(self.0 & !(1 << capability.0))
    }

    /// Is it in the set?
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability.0) != 0
    }

    /// The kernel's bit mask.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Those that a manifest leaves: `ALL` is taken first, then single names are added, then dropped, as the kubelet's
    /// runtimes do it. A name that is not known is handed back.
    pub fn adjusted<'a>(self, add: &'a [String], drop: &'a [String]) -> Result<CapabilitySet, &'a str> {
        let is_all = |name: &String| name.eq_ignore_ascii_case("ALL");
        let mut set = self;
        if add.iter().any(is_all) {
            set = CapabilitySet::ALL;
        }
        if drop.iter().any(is_all) {
            set = CapabilitySet::EMPTY;
        }
        for name in add.iter().filter(|name| !is_all(name)) {
            set = set.with(Capability::parse(name).ok_or(name.as_str())?);
        }
        for name in drop.iter().filter(|name| !is_all(name)) {
            set = set.without(Capability::parse(name).ok_or(name.as_str())?);
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_string()).collect()
    }

    #[test]
    fn names_and_numbers_are_those_of_the_kernel() {
        for (name, number) in [("chown", 0), ("CAP_SYS_ADMIN", 21), ("NET_ADMIN", 12), ("CHECKPOINT_RESTORE", 40)] {
            assert_eq!(Capability::parse(name).map(Capability::number), Some(number), "{name}");
        }
        assert_eq!(Capability::parse("NOT_A_CAPABILITY"), None);
        assert_eq!(Capability::SYSLOG.name(), "SYSLOG");
        assert_eq!(Capability::BPF.name(), "BPF");
        assert_eq!(Capability::SYS_TIME.name(), "SYS_TIME");
    }

    #[test]
    fn all_dropped_then_one_added_leaves_that_one() {
        let set = CapabilitySet::DEFAULT.adjusted(&names(&["NET_BIND_SERVICE"]), &names(&["ALL"])).map(CapabilitySet::bits).ok();
        assert_eq!(set, Some(1 << 10));
    }

    #[test]
    fn an_unknown_capability_is_handed_back() {
        let add = names(&["NET_ADMIN", "FLY"]);
        assert_eq!(CapabilitySet::DEFAULT.adjusted(&add, &[]), Err("FLY"));
    }
}
