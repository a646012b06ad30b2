//! Giving up rights: user and groups, capabilities, `no_new_privs`, the filter.

use std::io;

use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{
    CapabilitySet as KernelSet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::failure::During;
use super::user::Identity;
use crate::protocol::{Stage, StartFailure};
use crate::spec::{Capability, CapabilitySet, ContainerSpec, Escalation};
use crate::sys::install_filter;

/// The kernel has 64 bits for capabilities.
const CAPABILITY_BITS: u8 = 64;

/// Kills this process when its supervisor ends. A change of user clears it, so it is asked for again afterwards.
pub(super) fn die_with_parent() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)
}

/// Becomes the user, with what rights it is left; afterwards only the filter may be missing.
pub(super) fn become_user(identity: &Identity, capabilities: CapabilitySet) -> Result<(), StartFailure> {
    limit_bounding_set(capabilities).during(Stage::Privileges, || "dropping capabilities")?;
    // The rights that are left are taken away in one step, after the filter.
    set_keep_capabilities(true).during(Stage::Privileges, || "keeping capabilities")?;
    set_ids(identity).during(Stage::User, || format!("becoming user {}:{}", identity.uid, identity.gid))?;
    set_keep_capabilities(false).during(Stage::Privileges, || "keeping capabilities")?;
    die_with_parent().during(Stage::Process, || "asking for the parent's death signal")
}

fn limit_bounding_set(capabilities: CapabilitySet) -> io::Result<()> {
    for number in 0..CAPABILITY_BITS {
        if capabilities.bits() & (1 << number) != 0 {
            continue;
        }
        match remove_capability_from_bounding_set(KernelSet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // Past the last one that this kernel knows.
            Err(rustix::io::Errno::INVAL) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn set_ids(identity: &Identity) -> io::Result<()> {
    use rustix::fs::{Gid, Uid};
    let groups: Vec<Gid> = identity.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    set_thread_groups(&groups)?;
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

/// Takes the last rights and installs the filter. After it this process may do what the container may.
pub(super) fn confine(spec: &ContainerSpec) -> Result<(), StartFailure> {
    let filter = spec.seccomp.as_deref();
    match spec.escalation {
        Escalation::Denied => {
            keep_only(spec.capabilities).during(Stage::Privileges, || "setting capabilities")?;
            set_no_new_privs(true).during(Stage::Privileges, || "setting no_new_privs")?;
            filter.map_or(Ok(()), install_filter).during(Stage::Seccomp, || "installing the seccomp filter")
        }
        Escalation::Allowed => {
            // Without no_new_privs only CAP_SYS_ADMIN may install a filter; it goes right after, which the filter allows.
            let with_admin = spec.capabilities.with(Capability::SYS_ADMIN);
            keep_only(with_admin).during(Stage::Privileges, || "setting capabilities")?;
            filter.map_or(Ok(()), install_filter).during(Stage::Seccomp, || "installing the seccomp filter")?;
            keep_only(spec.capabilities).during(Stage::Privileges, || "setting capabilities")
        }
    }
}

/// Capabilities that this kernel does not know, and those that this machine did not give the supervisor, are left out.
fn keep_only(capabilities: CapabilitySet) -> io::Result<()> {
    let available = rustix::thread::capabilities(None)?.permitted;
    let kept = KernelSet::from_bits_retain(capabilities.bits()) & available;
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: KernelSet::empty() })?;
    clear_ambient_capability_set()?;
    Ok(())
}
