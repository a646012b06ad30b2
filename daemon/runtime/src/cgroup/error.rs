//! What can go wrong with control groups.

use std::io;
use std::path::PathBuf;

/// Why a control group operation failed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// The list of mounts could not be read.
    #[error("cannot read {path}")]
    Mounts {
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A controller that limits need is in no mounted hierarchy.
    #[error("no mounted control group hierarchy has the controllers: {missing}; mount cgroup2 at /sys/fs/cgroup")]
    Missing {
        /// Their names, with commas.
        missing: String,
    },
    /// The kernel does not offer the controllers below this group.
    #[error("cannot enable the controllers {controllers} in {path}")]
    Enable {
        /// The controllers, as written.
        controllers: String,
        /// The `cgroup.subtree_control` file.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A name that would leave its place in the hierarchy.
    #[error("{name:?} is not usable as the name of a control group")]
    Name {
        /// What was given.
        name: String,
    },
    /// There are no groups of that pod.
    #[error("the pod {uid} has no control groups")]
    UnknownPod {
        /// The pod.
        uid: String,
    },
    /// A group could not be made.
    #[error("cannot make the control group {path}")]
    Create {
        /// The folder.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A limit could not be set.
    #[error("cannot set the {what} of {path}")]
    Limit {
        /// Which limit.
        what: &'static str,
        /// The folder of the group.
        path: PathBuf,
        /// The answer of the kernel, through cgroups-rs.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of a group could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A file of a group could not be written.
    #[error("cannot write {value:?} to {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What was to be written.
        value: String,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The device rules could not be put in force.
    #[error("cannot restrict the devices of {path}")]
    Devices {
        /// The folder of the group.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A group could not be removed.
    #[error("cannot remove the control group {path}")]
    Remove {
        /// The folder.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// Processes that do not die although they were killed: the kernel waits for something, a disk or a network file system.
    #[error("processes of the pod {uid} do not end although they were killed: {pids:?}")]
    StillAlive {
        /// The pod.
        uid: String,
        /// Those that are left.
        pids: Vec<u32>,
    },
}
