//! What can go wrong with the pod network, each with what to do about it.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::Cidr;

/// Why a network operation failed.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The address range of the settings is not usable.
    #[error("{text:?} is not usable as a pod network: {why}")]
    Cidr {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The bridge's name in the settings is not usable.
    #[error("{name:?} is not usable as a bridge name: {why}")]
    BridgeName {
        /// What was given.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something else on this machine already routes part of the range.
    #[error("the pod network {cidr} overlaps the route {route} through {interface}; choose another --pod-cidr or --cluster-cidr")]
    RouteConflict {
        /// Our range.
        cidr: Cidr,
        /// The route that is already there.
        route: Cidr,
        /// The interface of that route.
        interface: String,
    },
    /// The interface exists and was not made by this daemon.
    #[error("an interface {name} exists that is not ours ({owner}); remove it or choose another bridge name")]
    BridgeTaken {
        /// The interface.
        name: String,
        /// What is known about it.
        owner: String,
    },
    /// The bridge has an address of an earlier setting, and pods still use it.
    #[error("the bridge {bridge} still serves pods of another network ({address}); stop them before changing to {cidr}")]
    CidrChanged {
        /// The bridge.
        bridge: String,
        /// An address outside of the new range that is in use.
        address: Ipv4Addr,
        /// The new range.
        cidr: Cidr,
    },
    /// A Linux bridge takes 1023 ports.
    #[error("the bridge {bridge} has no free port: a bridge carries 1023 pods at most")]
    BridgeFull {
        /// The bridge.
        bridge: String,
    },
    /// Every address is in use.
    #[error("no free address in {cidr}: all {in_use} are in use")]
    NoFreeAddress {
        /// Our range.
        cidr: Cidr,
        /// How many are in use.
        in_use: usize,
    },
    /// The pod has an address already: release it first.
    #[error("the pod {uid} already has the address {ip}")]
    AlreadyTaken {
        /// The pod.
        uid: String,
        /// Its address.
        ip: Ipv4Addr,
    },
    /// Another pod has the address that is to be adopted.
    #[error("the address {ip} belongs to the pod {owner}")]
    AddressInUse {
        /// The address.
        ip: Ipv4Addr,
        /// The pod that has it.
        owner: String,
    },
    /// An address that is to be adopted is not one of ours.
    #[error("the address {ip} is not a pod address of {cidr}")]
    OutsideCidr {
        /// The address.
        ip: Ipv4Addr,
        /// Our range.
        cidr: Cidr,
    },
    /// A pod's uid that cannot be written down.
    #[error("{uid:?} is not usable as a pod's uid")]
    Uid {
        /// What was given.
        uid: String,
    },
    /// The kernel refused a change of the network.
    #[error("cannot {action}")]
    Netlink {
        /// What was tried.
        action: String,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A network namespace could not be made.
    #[error("cannot make a network namespace")]
    Namespace {
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A file of our state, or of `/proc/sys`, could not be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A firewall program could not be started.
    #[error("cannot run {program}, which the pod network needs; install it (Debian: apt install {package})")]
    ProgramMissing {
        /// The program.
        program: &'static str,
        /// The package that has it on Debian.
        package: &'static str,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A firewall program refused what we asked.
    #[error("{program} refused {action}: {message}")]
    Firewall {
        /// The program.
        program: &'static str,
        /// What was tried.
        action: String,
        /// Its own words.
        message: String,
    },
}

impl NetworkError {
    pub(super) fn netlink(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Netlink { action, source }
    }

    pub(super) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action: "read", path, source }
    }

    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action: "write", path, source }
    }
}
