//! The machine as a Kubernetes node: what it has, who it is, how short of memory, disk or processes it is.
//!
//! Reading and deciding are apart: [`Machine`] reads files below roots that tests replace, [`Allocatable`] is computed from the values,
//! and whether it is too little is not decided here.

mod address;
mod capacity;
mod identity;
mod read;

use std::path::PathBuf;

pub use address::{Address, AddressKind};
pub use capacity::{Allocatable, Capacity, DEFAULT_PODS, HugePages, Reserved};
pub use identity::{NodeInfo, Versions};
pub use read::{Filesystem, MachineUsage, Reading};

/// Where the machine's files are.
#[derive(Debug, Clone)]
pub struct Roots {
    /// `/proc`
    pub proc: PathBuf,
    /// `/sys`
    pub sys: PathBuf,
    /// `/`, for `etc/os-release` and `etc/machine-id`.
    pub root: PathBuf,
    /// The data folder: its file system is the node's ephemeral storage.
    pub data_dir: PathBuf,
}

impl Roots {
    /// The real ones.
    pub fn of_this_machine(data_dir: impl Into<PathBuf>) -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into(), root: "/".into(), data_dir: data_dir.into() }
    }
}

/// Why the machine could not be read.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file, or the folder whose file system was asked.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: std::io::Error,
    },
    /// A file does not have what it should.
    #[error("{path} has no usable {what}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// The addresses of the interfaces could not be listed.
    #[error("cannot list the machine's addresses")]
    Addresses {
        /// The kernel's answer.
        #[source]
        source: std::io::Error,
    },
}

/// Reads the machine. Cheap: a handful of small files a call; blocks for as long.
#[derive(Debug, Clone)]
pub struct Machine {
    roots: Roots,
}

impl Machine {
    /// A reader of the given files.
    pub fn new(roots: Roots) -> Self {
        Self { roots }
    }

    /// What the machine has.
    pub fn capacity(&self) -> Result<Capacity, MachineError> {
        capacity::read(&self.roots)
    }

    /// What is left of it at this moment.
    pub fn reading(&self) -> Result<Reading, MachineError> {
        read::reading(&self.roots)
    }

    /// What all that runs on it has used and uses.
    pub fn usage(&self) -> Result<MachineUsage, MachineError> {
        read::usage(&self.roots)
    }

    /// Which machine it is and what runs on it.
    pub fn node_info(&self, versions: &Versions) -> Result<NodeInfo, MachineError> {
        identity::read(&self.roots, versions)
    }

    /// The id that the kernel drew at boot.
    pub fn boot_id(&self) -> Result<String, MachineError> {
        identity::boot_id(&self.roots)
    }

    /// The machine's host name.
    pub fn hostname(&self) -> Result<String, MachineError> {
        Ok(read::text(self.roots.proc.join("sys/kernel/hostname"))?.trim().to_owned())
    }

    /// The node's addresses: the configured one, or that of the default route's interface, or the first that is not of this
    /// machine only; then the host name.
    pub fn addresses(&self, configured: Option<std::net::IpAddr>) -> Result<Vec<Address>, MachineError> {
        let internal = match configured {
            Some(address) => Some(address),
            None => address::internal(&self.roots)?,
        };
        let internal = internal.map(|ip| Address { kind: AddressKind::InternalIp, value: ip.to_string() });
        let hostname = Address { kind: AddressKind::Hostname, value: self.hostname()? };
        Ok(internal.into_iter().chain([hostname]).collect())
    }
}
