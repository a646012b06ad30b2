//! What the pod's specification says of each of its containers, whichever list it stands in.

use super::container::{Container, Role};
use super::history::RestartPolicy;
use super::{ContainerName, HookKind, PodMachine, ProbeKind, PullPolicy};
use k8s_openapi::api::core::v1::{
    Container as ContainerSpec, EphemeralContainer, LifecycleHandler, Pod, PodSpec, Probe, VolumeMount,
};

impl PodMachine {
    pub(super) fn spec(&self) -> Option<&PodSpec> {
        self.pod.spec.as_ref()
    }

    /// The pod's own policy.
    pub(super) fn policy(&self) -> RestartPolicy {
        RestartPolicy::parse(self.spec().and_then(|spec| spec.restart_policy.as_deref()))
    }

    /// The policy that a container is kept by. An init container that has succeeded is done, whatever the pod's policy.
    pub(super) fn policy_of(&self, role: Role) -> RestartPolicy {
        match (role, self.policy()) {
            (Role::App, policy) => policy,
            (Role::Init, RestartPolicy::Never) | (Role::Ephemeral, _) => RestartPolicy::Never,
            (Role::Init, _) => RestartPolicy::OnFailure,
            (Role::Sidecar, _) => RestartPolicy::Always,
        }
    }

    /// The containers in the order of their starts.
    pub(super) fn members(&self) -> Vec<(&str, Role)> {
        let Some(spec) = self.spec() else { return Vec::new() };
        let init = spec.init_containers.iter().flatten().map(|container| {
            let keeps_running = container.restart_policy.as_deref() == Some("Always");
            (container.name.as_str(), if keeps_running { Role::Sidecar } else { Role::Init })
        });
        let apps = spec.containers.iter().map(|container| (container.name.as_str(), Role::App));
        let ephemeral = ephemeral(&self.pod).map(|container| (container.name.as_str(), Role::Ephemeral));
        init.chain(apps).chain(ephemeral).collect()
    }

    /// Whether the pod has init containers at all.
    pub(super) fn has_init_containers(&self) -> bool {
        self.spec().is_some_and(|spec| spec.init_containers.as_ref().is_some_and(|list| !list.is_empty()))
    }

    /// The definition of an init or app container.
    pub(super) fn container_spec(&self, name: &str) -> Option<&ContainerSpec> {
        let spec = self.spec()?;
        spec.init_containers.iter().flatten().chain(&spec.containers).find(|container| container.name == name)
    }

    /// The mounts of a container, whichever list it stands in.
    pub(super) fn mounts_of(&self, name: &str) -> &[VolumeMount] {
        let own = self.container_spec(name).and_then(|spec| spec.volume_mounts.as_deref());
        let added = || ephemeral(&self.pod).find(|container| container.name == name)?.volume_mounts.as_deref();
        own.or_else(added).unwrap_or_default()
    }

    /// The image that is wanted for a container.
    pub(super) fn image_of(&self, name: &str) -> String {
        image_in(&self.pod, name).cloned().unwrap_or_default()
    }

    pub(super) fn pull_policy(&self, name: &str) -> PullPolicy {
        let own = self.container_spec(name).and_then(|spec| spec.image_pull_policy.as_deref());
        let added = || ephemeral(&self.pod).find(|container| container.name == name)?.image_pull_policy.as_deref();
        match own.or_else(added) {
            Some("Always") => PullPolicy::Always,
            Some("Never") => PullPolicy::Never,
            _ => PullPolicy::IfNotPresent,
        }
    }

    /// A probe of a container; those of a plain init container mean nothing, and it can have none.
    pub(super) fn probe(&self, container: &Container, kind: ProbeKind) -> Option<&Probe> {
        if matches!(container.role, Role::Init | Role::Ephemeral) {
            return None;
        }
        let spec = self.container_spec(&container.name)?;
        match kind {
            ProbeKind::Liveness => spec.liveness_probe.as_ref(),
            ProbeKind::Readiness => spec.readiness_probe.as_ref(),
            ProbeKind::Startup => spec.startup_probe.as_ref(),
        }
    }

    /// A hook of a container.
    pub(super) fn hook(&self, name: &ContainerName, kind: HookKind) -> Option<&LifecycleHandler> {
        let lifecycle = self.container_spec(name)?.lifecycle.as_ref()?;
        match kind {
            HookKind::PostStart => lifecycle.post_start.as_ref(),
            HookKind::PreStop => lifecycle.pre_stop.as_ref(),
        }
    }

    /// As the kubelet names a pod in its messages: `kubia_default(uid)`.
    pub(super) fn full_name(&self) -> String {
        let metadata = &self.pod.metadata;
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        format!("{}_{}({})", text(&metadata.name), text(&metadata.namespace), text(&metadata.uid))
    }
}

fn ephemeral(pod: &Pod) -> impl Iterator<Item = &EphemeralContainer> {
    pod.spec.iter().flat_map(|spec| spec.ephemeral_containers.iter().flatten())
}

/// The image that a pod names for a container.
pub(super) fn image_in<'a>(pod: &'a Pod, name: &str) -> Option<&'a String> {
    let spec = pod.spec.as_ref()?;
    let own = spec.init_containers.iter().flatten().chain(&spec.containers).find(|container| container.name == name);
    own.and_then(|container| container.image.as_ref())
        .or_else(|| ephemeral(pod).find(|container| container.name == name)?.image.as_ref())
}
