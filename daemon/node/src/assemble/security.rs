//! What a container may do: capabilities, privilege, escalation, the system call filter.

use super::AssembleError;
use k8s_openapi::api::core::v1::Container;
use runtime::seccomp;
use runtime::spec::{CapabilitySet, Escalation, Privilege};

/// The settings that follow from a container's security context.
#[derive(Debug)]
pub struct Security {
    pub capabilities: CapabilitySet,
    pub escalation: Escalation,
    pub privilege: Privilege,
    pub seccomp: Option<Vec<u8>>,
    pub is_root_read_only: bool,
}

/// Safe unless the manifest says otherwise: the default capabilities, the RuntimeDefault filter, no raised rights where denied.
pub fn assemble(container: &Container) -> Result<Security, AssembleError> {
    let Some(context) = &container.security_context else {
        return Ok(confined(CapabilitySet::DEFAULT, Escalation::Allowed, false));
    };
    let is_root_read_only = context.read_only_root_filesystem == Some(true);
    if context.privileged == Some(true) {
        return Ok(Security {
            capabilities: CapabilitySet::ALL,
            escalation: Escalation::Allowed,
            privilege: Privilege::Privileged,
            seccomp: None,
            is_root_read_only,
        });
    }
    let (add, drop) = match &context.capabilities {
        Some(wanted) => (wanted.add.as_deref().unwrap_or_default(), wanted.drop.as_deref().unwrap_or_default()),
        None => (&[][..], &[][..]),
    };
    let capabilities = CapabilitySet::DEFAULT.adjusted(add, drop).map_err(|name| AssembleError::Capability(name.to_owned()))?;
    let escalation = match context.allow_privilege_escalation {
        Some(false) => Escalation::Denied,
        _ => Escalation::Allowed,
    };
    Ok(confined(capabilities, escalation, is_root_read_only))
}

fn confined(capabilities: CapabilitySet, escalation: Escalation, is_root_read_only: bool) -> Security {
    let seccomp = Some(seccomp::runtime_default(capabilities));
    Security { capabilities, escalation, privilege: Privilege::Confined, seccomp, is_root_read_only }
}
