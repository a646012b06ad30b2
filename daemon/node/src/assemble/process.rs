//! Program, arguments, environment, working folder and user of a container.

use super::{AssembleError, PodContext, Variables, downward, hostname, spec_of};
use crate::expansion::expand;
use crate::sources::{Contents, SourceError, SourceKind, Sources};
use k8s_openapi::api::core::v1::{Container, EnvVarSource, PodSpec};
use runtime::image::ImageConfig;
use runtime::spec::{Account, User};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What containers without a `PATH` of their own get, as the common runtimes have it.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `command` replaces ENTRYPOINT and drops CMD, `args` replaces CMD. `$(VAR)` is expanded with the container's own variables:
/// those of the image are not visible to it.
pub fn arguments(container: &Container, image: &ImageConfig, env: &Environment) -> Result<Vec<String>, AssembleError> {
    let lookup = |name: &str| env.own.get(name).cloned();
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

/// A container's variables.
#[derive(Debug, Default)]
pub struct Environment {
    /// All of them, in their order.
    pub pairs: Vec<(String, String)>,
    /// Those that the manifest names.
    own: BTreeMap<String, String>,
}

/// The image's variables, then those of the manifest, `envFrom` before `env` and each in its order, the last of a name counting; and
/// `PATH` and `HOSTNAME`, which every container has (`pkg/kubelet/kubelet_pods.go:makeEnvironmentVariables`).
pub fn environment(context: &PodContext<'_>, container: &Container, image: &ImageConfig) -> Result<Environment, AssembleError> {
    let sources = match context.variables {
        Variables::From(sources) => sources,
        Variables::Kept(pairs) => return Ok(Environment { pairs: pairs.to_vec(), own: BTreeMap::new() }),
    };
    let mut env = Environment::default();
    env.set("PATH", DEFAULT_PATH.to_owned());
    if spec_of(context.pod).host_network != Some(true) {
        env.set("HOSTNAME", hostname(context.pod));
    }
    for line in &image.env {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        env.set(name, value.to_owned());
    }
    for from in container.env_from.iter().flatten() {
        let map = from.config_map_ref.as_ref().map(|map| (SourceKind::ConfigMap, map.name.as_str(), map.optional));
        let secret = from.secret_ref.as_ref().map(|secret| (SourceKind::Secret, secret.name.as_str(), secret.optional));
        let Some((kind, name, optional)) = map.or(secret) else { continue };
        let prefix = from.prefix.as_deref().unwrap_or_default();
        for (key, value) in sources.get(kind, name, optional)?.iter().flat_map(|contents| &contents.data) {
            env.set_own(format!("{prefix}{key}"), text(value));
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(value), _) => Some(expand(value, &|name| env.own.get(name).cloned())),
            (None, Some(source)) => value_from(context, container, source, sources)?,
            (None, None) => Some(String::new()),
        };
        // One that may be missing, and is, is no variable at all.
        if let Some(value) = value {
            env.set_own(variable.name.clone(), value);
        }
    }
    Ok(env)
}

fn value_from(
    context: &PodContext<'_>,
    container: &Container,
    source: &EnvVarSource,
    sources: &Sources,
) -> Result<Option<String>, AssembleError> {
    let namespace = context.pod.metadata.namespace.as_deref().unwrap_or_default();
    let key_of = |kind, name: &str, key: &str, optional: Option<bool>| -> Result<Option<String>, AssembleError> {
        let value = sources.get(kind, name, optional)?.map(|contents: &Contents| contents.data.get(key));
        match value {
            Some(Some(value)) => Ok(Some(text(value))),
            None => Ok(None),
            Some(None) if optional == Some(true) => Ok(None),
            Some(None) => {
                let (namespace, name, key) = (namespace.to_owned(), name.to_owned(), key.to_owned());
                Err(SourceError::NoKey { kind, namespace, name, key }.into())
            }
        }
    };
    if let Some(field) = &source.field_ref {
        return downward::field(context, &field.field_path).map(Some);
    }
    if let Some(resource) = &source.resource_field_ref {
        return downward::resource(context, Some(container), resource).map(Some);
    }
    if let Some(map) = &source.config_map_key_ref {
        return key_of(SourceKind::ConfigMap, &map.name, &map.key, map.optional);
    }
    if let Some(secret) = &source.secret_key_ref {
        return key_of(SourceKind::Secret, &secret.name, &secret.key, secret.optional);
    }
    Err(AssembleError::FieldPath("fileKeyRef is not supported".to_owned()))
}

/// A variable is a text here; what is none is shown as well as it can be.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

impl Environment {
    /// The value of a variable that the manifest names.
    pub fn own(&self, name: &str) -> Option<String> {
        self.own.get(name).cloned()
    }

    fn set_own(&mut self, name: String, value: String) {
        self.set(&name, value.clone());
        self.own.insert(name, value);
    }

    fn set(&mut self, name: &str, value: String) {
        match self.pairs.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((name.to_owned(), value)),
        }
    }
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
