//! Program, arguments, environment, working folder and user of a container.

use super::{AssembleError, PodContext, hostname, spec_of};
use crate::expansion::expand;
use k8s_openapi::api::core::v1::{Container, PodSpec};
use runtime::image::ImageConfig;
use runtime::spec::{Account, User};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// What containers without a `PATH` of their own get, as the common runtimes have it.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `command` replaces ENTRYPOINT and drops CMD, `args` replaces CMD. `$(VAR)` is expanded with the container's own variables:
/// those of the image are not visible to it.
pub fn arguments(container: &Container, image: &ImageConfig, env: &[(String, String)]) -> Result<Vec<String>, AssembleError> {
    let named: Vec<&str> = container.env.iter().flatten().map(|var| var.name.as_str()).collect();
    let lookup = |name: &str| {
        let is_own = named.contains(&name);
        env.iter().rev().find(|(known, _)| is_own && known == name).map(|(_, value)| value.clone())
    };
    let expanded = |words: &[String]| words.iter().map(|word| expand(word, &lookup)).collect::<Vec<_>>();
    let command = container.command.as_deref().filter(|words| !words.is_empty());
    let args = container.args.as_deref().filter(|words| !words.is_empty());
    let mut argv = command.map_or_else(|| image.entrypoint.clone(), expanded);
    match (args, command) {
        (Some(args), _) => argv.extend(expanded(args)),
        (None, Some(_)) => {}
        (None, None) => argv.extend(image.cmd.iter().cloned()),
    }
    if argv.is_empty() {
        return Err(AssembleError::NoCommand);
    }
    Ok(argv)
}

/// The image's variables, then those of the manifest in their order, the last of a name counting; and `PATH` and `HOSTNAME`,
/// which every container has.
pub fn environment(
    context: &PodContext<'_>,
    container: &Container,
    image: &ImageConfig,
) -> Result<Vec<(String, String)>, AssembleError> {
    let mut env = Environment::default();
    env.set("PATH", DEFAULT_PATH.to_owned());
    if spec_of(context.pod).host_network != Some(true) {
        env.set("HOSTNAME", hostname(context.pod));
    }
    for line in &image.env {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        env.set(name, value.to_owned());
    }
    let mut own: BTreeMap<&str, String> = BTreeMap::new();
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(value), _) => expand(value, &|name| own.get(name).cloned()),
            (None, Some(source)) => match &source.field_ref {
                Some(field) => field_value(context, &field.field_path)?,
                None => return Err(AssembleError::FieldPath("only fieldRef is supported".to_owned())),
            },
            (None, None) => String::new(),
        };
        env.set(&variable.name, value.clone());
        own.insert(&variable.name, value);
    }
    Ok(env.pairs)
}

#[derive(Debug, Default)]
struct Environment {
    pairs: Vec<(String, String)>,
}

impl Environment {
    fn set(&mut self, name: &str, value: String) {
        match self.pairs.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((name.to_owned(), value)),
        }
    }
}

/// The downward API: `pkg/kubelet/kubelet_pods.go`, `podFieldSelectorRuntimeValue`.
fn field_value(context: &PodContext<'_>, path: &str) -> Result<String, AssembleError> {
    let meta = &context.pod.metadata;
    let spec = spec_of(context.pod);
    let all = |ips: &[IpAddr]| ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let text = |value: Option<&String>| value.cloned().unwrap_or_default();
    if let Some(value) = subscript(path, "metadata.labels").map(|key| meta.labels.as_ref().and_then(|map| map.get(key))) {
        return Ok(text(value));
    }
    if let Some(value) = subscript(path, "metadata.annotations").map(|key| meta.annotations.as_ref().and_then(|map| map.get(key)))
    {
        return Ok(text(value));
    }
    Ok(match path {
        "metadata.name" => text(meta.name.as_ref()),
        "metadata.namespace" => text(meta.namespace.as_ref()),
        "metadata.uid" => text(meta.uid.as_ref()),
        "spec.nodeName" => context.node_name.to_owned(),
        "spec.serviceAccountName" => text(spec.service_account_name.as_ref()),
        "status.hostIP" | "status.hostIPs" => context.host_ip.to_string(),
        "status.podIP" => context.pod_ips.first().map(ToString::to_string).unwrap_or_default(),
        "status.podIPs" => all(context.pod_ips),
        _ => return Err(AssembleError::FieldPath(path.to_owned())),
    })
}

/// The key of `metadata.labels['key']`.
fn subscript<'p>(path: &'p str, field: &str) -> Option<&'p str> {
    path.strip_prefix(field)?.strip_prefix("['")?.strip_suffix("']")
}

/// The manifest's, the image's, or the root.
pub fn working_dir(container: &Container, image: &ImageConfig) -> PathBuf {
    let wanted = container.working_dir.as_deref().filter(|dir| !dir.is_empty()).unwrap_or(&image.working_dir);
    // An image may say "app" and mean "/app".
    PathBuf::from("/").join(wanted)
}

/// The container's security context, then the pod's, then the image's `USER`.
pub fn user(spec: &PodSpec, container: &Container, image: &ImageConfig) -> Result<User, AssembleError> {
    let own = container.security_context.as_ref();
    let pods = spec.security_context.as_ref();
    let uid = own.and_then(|context| context.run_as_user).or_else(|| pods.and_then(|context| context.run_as_user));
    let gid = own.and_then(|context| context.run_as_group).or_else(|| pods.and_then(|context| context.run_as_group));
    let (image_user, image_group) = match image.user.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (image.user.as_str(), None),
    };
    let user = match uid {
        Some(uid) => Account::Id(id(uid)?),
        None if image_user.is_empty() => Account::Id(0),
        None => account(image_user),
    };
    let group = match (gid, uid) {
        (Some(gid), _) => Some(Account::Id(id(gid)?)),
        // The image's group belongs to the image's user, not to another one.
        (None, Some(_)) => None,
        (None, None) => image_group.filter(|group| !group.is_empty()).map(account),
    };
    Ok(User { user, group, additional_gids: Vec::new() })
}

fn account(word: &str) -> Account {
    word.parse().map_or_else(|_| Account::Name(word.to_owned()), Account::Id)
}

fn id(number: i64) -> Result<u32, AssembleError> {
    u32::try_from(number).map_err(|_| AssembleError::Id(number))
}
