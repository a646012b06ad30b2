//! What the machine has, and what of it is for pods.

use std::fs;

use super::{MachineError, Roots, read};

/// How many pods a node takes, as in Kubernetes.
pub const DEFAULT_PODS: u64 = 110;

/// Huge pages of one size that the operator set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HugePages {
    /// The size of a page, in bytes.
    pub page_bytes: u64,
    /// All of them together, in bytes.
    pub total_bytes: u64,
}

impl HugePages {
    /// The name of the resource: `hugepages-2Mi`.
    pub fn resource_name(&self) -> String {
        match self.page_bytes {
            bytes if bytes >= 1 << 30 && bytes % (1 << 30) == 0 => format!("hugepages-{}Gi", bytes >> 30),
            bytes if bytes >= 1 << 20 && bytes % (1 << 20) == 0 => format!("hugepages-{}Mi", bytes >> 20),
            bytes => format!("hugepages-{}Ki", bytes >> 10),
        }
    }
}

/// What the machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes of the data folder's file system.
    pub ephemeral_storage_bytes: u64,
    /// Huge pages by size, smallest first.
    pub huge_pages: Vec<HugePages>,
    /// How many pods the node takes.
    pub pods: u64,
}

/// What is kept from pods for everything else on the machine. Nothing by default, as in Kubernetes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reserved {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes of the data folder's file system.
    pub ephemeral_storage_bytes: u64,
}

/// What pods may ask for in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocatable {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes of the data folder's file system.
    pub ephemeral_storage_bytes: u64,
    /// How many pods.
    pub pods: u64,
}

impl Allocatable {
    /// Capacity minus what is reserved, which holds what must stay free before pods are evicted; huge pages are not ordinary memory.
    pub fn of(capacity: &Capacity, reserved: &Reserved) -> Self {
        let huge: u64 = capacity.huge_pages.iter().map(|pages| pages.total_bytes).sum();
        Self {
            cpu_milli: capacity.cpu_milli.saturating_sub(reserved.cpu_milli),
            memory_bytes: capacity.memory_bytes.saturating_sub(reserved.memory_bytes.saturating_add(huge)),
            ephemeral_storage_bytes: capacity.ephemeral_storage_bytes.saturating_sub(reserved.ephemeral_storage_bytes),
            pods: capacity.pods,
        }
    }
}

pub(super) fn read(roots: &Roots) -> Result<Capacity, MachineError> {
    let online = roots.sys.join("devices/system/cpu/online");
    let text = read::text(online.clone())?;
    let cpus = count_cpus(text.trim()).ok_or(MachineError::Content { path: online, what: "list of cpus" })?;
    Ok(Capacity {
        cpu_milli: cpus * 1000,
        memory_bytes: read::Meminfo::read(roots)?.total_bytes,
        ephemeral_storage_bytes: read::filesystem(&roots.data_dir)?.capacity_bytes,
        huge_pages: huge_pages(roots)?,
        pods: DEFAULT_PODS,
    })
}

/// `0-3,6` are five; nothing for a text that is not such a list.
fn count_cpus(list: &str) -> Option<u64> {
    let mut count = 0;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        count += last.checked_sub(first)? + 1;
    }
    Some(count)
}

fn huge_pages(roots: &Roots) -> Result<Vec<HugePages>, MachineError> {
    let folder = roots.sys.join("kernel/mm/hugepages");
    // A kernel without huge pages has no such folder.
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let size = name.strip_prefix("hugepages-").and_then(|rest| rest.strip_suffix("kB")?.parse::<u64>().ok());
        let Some(kib) = size else { continue };
        let count = read::number(entry.path().join("nr_hugepages"))?;
        let page_bytes = kib << 10;
        found.push(HugePages { page_bytes, total_bytes: count.saturating_mul(page_bytes) });
    }
    found.sort_by_key(|pages| pages.page_bytes);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_counted() {
        let check = |list: &str, count| assert_eq!(count_cpus(list), count, "{list}");
        check("0", Some(1));
        check("0-1", Some(2));
        check("0-3,6,8-9", Some(7));
        check("", None);
        check("3-1", None);
    }

    #[test]
    fn pods_get_what_is_not_reserved() {
        let capacity = Capacity {
            cpu_milli: 4000,
            memory_bytes: 8 << 30,
            ephemeral_storage_bytes: 100_000,
            huge_pages: vec![HugePages { page_bytes: 2 << 20, total_bytes: 1 << 30 }],
            pods: DEFAULT_PODS,
        };
        let reserved = Reserved { cpu_milli: 500, memory_bytes: 1 << 30, ephemeral_storage_bytes: 1000 };
        let allocatable = Allocatable::of(&capacity, &reserved);
        let expected = Allocatable { cpu_milli: 3500, memory_bytes: 6 << 30, ephemeral_storage_bytes: 99_000, pods: 110 };
        assert_eq!(allocatable, expected);
        let too_much = Reserved { memory_bytes: 9 << 30, ..reserved };
        assert_eq!(Allocatable::of(&capacity, &too_much).memory_bytes, 0);
    }

    #[test]
    fn huge_pages_are_named_as_kubernetes_names_them() {
        let name = |page_bytes| HugePages { page_bytes, total_bytes: 0 }.resource_name();
        assert_eq!((name(2 << 20), name(1 << 30), name(64 << 10)).0, "hugepages-2Mi");
        assert_eq!((name(1 << 30), name(64 << 10)), ("hugepages-1Gi".to_owned(), "hugepages-64Ki".to_owned()));
    }
}
