//! Validation of security contexts.

use super::Privileged;
use super::container::Context;
use super::faults::{AsJson, Faults, Path};
use super::volume::descending_path;
use crate::names;
use crate::schema::{dump, printed};
use k8s_openapi::api::core::v1::{AppArmorProfile, PodSpec, SeccompProfile, SecurityContext, Sysctl};
use std::collections::BTreeSet;

const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

/// Checks a container's security context.
pub(super) fn validate_container(context: Option<&SecurityContext>, of: &Context<'_>, path: &Path<'_>, faults: &mut Faults) {
    let Some(context) = context else { return };
    let is_privileged = context.privileged == Some(true);
    if is_privileged && of.privileged == Privileged::Refused {
        faults.forbidden(&path.child("privileged"), "disallowed by cluster policy");
    }
    ids(&[("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group)], path, faults);
    if let Some(kind) = context.proc_mount.as_deref() {
        let path = path.child("procMount");
        faults.one_of(&path, kind, &["Default", "Unmasked"]);
        if kind == "Unmasked" && of.spec.host_users != Some(false) {
            faults.invalid(&path, kind, "`hostUsers` must be false to use `Unmasked`");
        }
    }
    seccomp(context.seccomp_profile.as_ref(), &path.child("seccompProfile"), faults);
    if context.allow_privilege_escalation == Some(false) {
        let shown = || AsJson(dump::one_line(&serde_json::to_value(context).unwrap_or_default(), &printed::SECURITY_CONTEXT));
        if is_privileged {
            faults.invalid(path, &shown(), "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
        }
        let added = context.capabilities.iter().flat_map(|capabilities| capabilities.add.iter().flatten());
        for _ in added.filter(|name| *name == "CAP_SYS_ADMIN") {
            faults.invalid(path, &shown(), "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
        }
    }
    app_armor(context.app_armor_profile.as_ref(), &path.child("appArmorProfile"), faults);
}

/// Checks a pod's security context.
pub(super) fn validate_pod(spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let Some(context) = &spec.security_context else { return };
    let numbers = [("fsGroup", context.fs_group), ("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group)];
    ids(&numbers, path, faults);
    let groups = path.child("supplementalGroups");
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        faults.invalid_each(&groups.index(index), group, names::user_id(*group));
    }
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        faults.invalid(&path.child("shareProcessNamespace"), &true, "ShareProcessNamespace and HostPID cannot both be enabled");
    }
    sysctls(context.sysctls.as_deref().unwrap_or_default(), spec, &path.child("sysctls"), faults);
    let choices = [
        ("fsGroupChangePolicy", context.fs_group_change_policy.as_deref(), ["Always", "OnRootMismatch"]),
        ("supplementalGroupsPolicy", context.supplemental_groups_policy.as_deref(), ["Merge", "Strict"]),
        ("seLinuxChangePolicy", context.se_linux_change_policy.as_deref(), ["MountOption", "Recursive"]),
    ];
    let choose = |(field, value, allowed): (&str, Option<&str>, [&str; 2]), faults: &mut Faults| {
        if let Some(value) = value {
            faults.one_of(&path.child(field), value, &allowed);
        }
    };
    let [change, groups, labels] = choices;
    choose(change, faults);
    seccomp(context.seccomp_profile.as_ref(), &path.child("seccompProfile"), faults);
    app_armor(context.app_armor_profile.as_ref(), &path.child("appArmorProfile"), faults);
    choose(groups, faults);
    choose(labels, faults);
}

fn ids(numbers: &[(&str, Option<i64>)], path: &Path<'_>, faults: &mut Faults) {
    for (field, number) in numbers {
        if let Some(number) = number {
            faults.invalid_each(&path.child(field), number, names::user_id(*number));
        }
    }
}

fn sysctls(sysctls: &[Sysctl], spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let mut taken = BTreeSet::new();
    for (index, sysctl) in sysctls.iter().enumerate() {
        let path = path.index(index);
        let path = path.child("name");
        let name = sysctl.name.as_str();
        let segment = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
        if name.is_empty() {
            faults.required(&path, "");
        } else if !is_sysctl(name) {
            faults.invalid(
                &path,
                name,
                &format!("must have at most 253 characters and match regex ^({segment}[\\./])*{segment}$"),
            );
        } else if !taken.insert(name) {
            faults.duplicate(&path, name);
        }
        if spec.host_network == Some(true) && name.starts_with("net.") {
            faults.invalid(&path, name, "may not be specified when 'hostNetwork' is true");
        } else if spec.host_ipc == Some(true)
            && (name.starts_with("kernel.shm")
                || name.starts_with("kernel.msg")
                || name.starts_with("fs.mqueue.")
                || name == "kernel.sem")
        {
            faults.invalid(&path, name, "may not be specified when 'hostIPC' is true");
        }
    }
}

fn is_sysctl(name: &str) -> bool {
    let is_edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_segment = |segment: &str| {
        let bytes = segment.as_bytes();
        let is_inner = |byte: &u8| is_edge(*byte) || matches!(byte, b'-' | b'_');
        bytes.first().copied().is_some_and(is_edge) && bytes.last().copied().is_some_and(is_edge) && bytes.iter().all(is_inner)
    };
    name.len() <= 253 && name.split(['.', '/']).all(is_segment)
}

fn seccomp(profile: Option<&SeccompProfile>, path: &Path<'_>, faults: &mut Faults) {
    let Some(profile) = profile else { return };
    let kind = profile.type_.as_str();
    if kind.is_empty() {
        faults.required(&path.child("type"), "type is required when seccompProfile is set");
    } else {
        faults.one_of(&path.child("type"), kind, &PROFILES);
    }
    let file_path = path.child("localhostProfile");
    match (kind, profile.localhost_profile.as_deref()) {
        ("Localhost", None) => faults.required(&file_path, "must be set when seccomp type is Localhost"),
        ("Localhost", Some(file)) => descending_path(file, &file_path, faults),
        (_, None) => {}
        (_, Some(file)) => {
            let shown = AsJson(serde_json::json!({"Type": kind, "LocalhostProfile": file}).to_string());
            faults.invalid(&file_path, &shown, "can only be set when seccomp type is Localhost");
        }
    }
}

fn app_armor(profile: Option<&AppArmorProfile>, path: &Path<'_>, faults: &mut Faults) {
    let Some(profile) = profile else { return };
    let file_path = path.child("localhostProfile");
    match (profile.type_.as_str(), profile.localhost_profile.as_deref()) {
        ("Localhost", None | Some("")) => faults.required(&file_path, "must be set when AppArmor type is Localhost"),
        ("Localhost", Some(file)) if file.trim() != file => {
            faults.invalid(&file_path, file, "must not be padded with whitespace")
        }
        ("Localhost", Some(_)) | ("RuntimeDefault" | "Unconfined", None) => {}
        ("RuntimeDefault" | "Unconfined", Some(file)) => {
            faults.invalid(&file_path, file, "can only be set when AppArmor type is Localhost")
        }
        ("", _) => faults.required(&path.child("type"), "type is required when appArmorProfile is set"),
        (kind, _) => faults.one_of(&path.child("type"), kind, &PROFILES),
    }
}
