//! An ephemeral container as one of the others: what both can have.

use k8s_openapi::api::core::v1::{Container, EphemeralContainer};

/// All that an ephemeral container has that the others can have too, but for what it may not use.
#[must_use]
pub fn as_container(ephemeral: &EphemeralContainer) -> Container {
    let ephemeral = ephemeral.clone();
    Container {
        name: ephemeral.name,
        image: ephemeral.image,
        image_pull_policy: ephemeral.image_pull_policy,
        command: ephemeral.command,
        args: ephemeral.args,
        env: ephemeral.env,
        env_from: ephemeral.env_from,
        working_dir: ephemeral.working_dir,
        security_context: ephemeral.security_context,
        volume_mounts: ephemeral.volume_mounts,
        volume_devices: ephemeral.volume_devices,
        stdin: ephemeral.stdin,
        stdin_once: ephemeral.stdin_once,
        tty: ephemeral.tty,
        termination_message_path: ephemeral.termination_message_path,
        termination_message_policy: ephemeral.termination_message_policy,
        ..Container::default()
    }
}
