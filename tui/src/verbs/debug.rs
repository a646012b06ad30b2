//! `debug`: looks into a pod with tools that its image has not, into a copy of it, or at a node.

mod pods;

use super::attach::{DETACH_KEYS, How};
use super::attend::{announce, attend};
use super::context::Context;
use super::exec::{ended, refusal};
use super::failure::Failure;
use super::resources::Targets;
use super::session::{self, DetachKeys, Ours, Parted};
use super::terminal;
use crate::templates;
use clap::{ArgAction, Args};
use objects::{Kind, lookup};
use serde_json::{Value, json};
use std::time::Duration;
use wire::{CreateRequest, DeleteOptions, DeleteRequest, DryRun, HostExecRequest, ObjectRef, ReplaceRequest, Request, Response};

/// How long a container that was added is waited for: its image may have to be pulled.
const A_WHILE: Duration = Duration::from_secs(60 * 60);

/// Arguments of `debug`.
#[derive(Debug, Args)]
pub struct DebugArgs {
    /// POD, pod/POD or node/NODE.
    object: String,
    /// What is run there, in place of the image's own program or of a shell.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// The image of a container that is added to the pod.
    #[arg(long)]
    image: Option<String>,
    /// When that image is pulled: Always, IfNotPresent, Never.
    #[arg(long, value_name = "POLICY")]
    image_pull_policy: Option<String>,
    /// The name of the container that is added [default: debugger- and five letters].
    #[arg(short = 'c', long)]
    container: Option<String>,
    /// The container whose processes are seen.
    #[arg(long = "target", value_name = "CONTAINER")]
    target_container: Option<String>,
    /// Run a program of the pod's node, with the node's own tools, in the pod's namespaces: for images without a shell.
    #[arg(long, conflicts_with = "image")]
    host_tools: bool,
    /// Make a copy of the pod under this name, and look into that.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    copy_to: String,
    /// In the copy, give a container another image: CONTAINER=IMAGE, `*` is all of them; may be given several times.
    #[arg(long, value_name = "CONTAINER=IMAGE", action = ArgAction::Append, requires = "copy_to")]
    set_image: Vec<String>,
    /// Let the containers of the copy see each other's processes [default: true].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    share_processes: Option<bool>,
    /// Put the copy on the same node.
    #[arg(long, requires = "copy_to")]
    same_node: bool,
    /// Delete the pod that is copied.
    #[arg(long, requires = "copy_to")]
    replace: bool,
    /// Keep the labels in the copy: what they lead to the pod is led to the copy.
    #[arg(long)]
    keep_labels: bool,
    /// Keep the annotations in the copy.
    #[arg(long)]
    keep_annotations: bool,
    /// Keep the liveness probes in the copy.
    #[arg(long)]
    keep_liveness: bool,
    /// Keep the readiness probes in the copy.
    #[arg(long)]
    keep_readiness: bool,
    /// Keep the startup probes in the copy.
    #[arg(long)]
    keep_startup: bool,
    /// Keep the init containers in the copy.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value_t = true, action = ArgAction::Set)]
    keep_init_containers: bool,
    /// A variable of the container that is added: NAME=VALUE; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", action = ArgAction::Append)]
    env: Vec<String>,
    /// Let it read our input, and attach to it.
    #[arg(short = 'i', long)]
    stdin: bool,
    /// Give it a terminal.
    #[arg(short = 't', long)]
    tty: bool,
    /// Attach once the container runs [default: with -i].
    #[arg(long)]
    attach: bool,
    /// Say only what the program says.
    #[arg(short = 'q', long)]
    quiet: bool,
}

/// Does it.
pub async fn run(args: &DebugArgs, context: &mut Context) -> Result<(), Failure> {
    let named = match args.object.contains('/') {
        false => Some((Kind::Pod, args.object.clone())),
        true => match Targets::parse(std::slice::from_ref(&args.object))? {
            Targets::Named(named) => named.into_iter().next(),
            Targets::Kinds(_) => None,
        },
    };
    let Some((kind, name)) = named else { return Err(Failure::message("expected a pod or a node")) };
    match kind {
        Kind::Node if !args.copy_to.is_empty() => Err(Failure::message("--copy-to is for pods: a node has no copy")),
        Kind::Node if args.image.is_some() => with_node_pod(args, context, &name).await,
        Kind::Node => {
            context.get(context.reference(Kind::Node, &name)).await?;
            on_host(args, context, Some(&name), HostExecRequest::default()).await
        }
        Kind::Pod if args.host_tools => {
            let request = HostExecRequest {
                namespace: context.namespace.clone(),
                pod: name,
                container: args.target_container.clone(),
                ..HostExecRequest::default()
            };
            on_host(args, context, None, request).await
        }
        Kind::Pod if !args.copy_to.is_empty() => with_copy(args, context, &name).await,
        Kind::Pod => with_container(args, context, &name).await,
        _ => Err(Failure::message(format!("{} not supported by debug", args.object))),
    }
}

/// Runs a program of a node. Without one, and without a word of streams, a person wants a shell.
async fn on_host(args: &DebugArgs, context: &mut Context, node: Option<&str>, request: HostExecRequest) -> Result<(), Failure> {
    let is_shell = args.command.is_empty() && !args.stdin && !args.tty;
    let is_terminal = context.is_input_terminal;
    let wants_terminal = args.tty && args.stdin || is_shell && is_terminal;
    let has_terminal = session::has_terminal(context, wants_terminal, args.quiet)?;
    let stdin = args.stdin || args.command.is_empty();
    let request = HostExecRequest {
        command: args.command.clone(),
        stdin,
        tty: has_terminal,
        size: if has_terminal { terminal::size() } else { None },
        ..request
    };
    let streams = context.client().await?.host_exec(node, request).await.map_err(refusal)?;
    ended(session::attend(context, streams, Ours { stdin, terminal: has_terminal, detach: None }).await?)
}

/// Makes a pod that sees all of a node, and attaches to it if that is wanted.
async fn with_node_pod(args: &DebugArgs, context: &mut Context, node: &str) -> Result<(), Failure> {
    check_streams(args)?;
    context.get(context.reference(Kind::Node, node)).await?;
    let mut pod = pods::on_node(args, node, args.image.as_deref().unwrap_or_default(), &letters())?;
    let container = lookup::text(&pod, "/spec/containers/0/name").to_owned();
    if !args.quiet {
        let name = lookup::name(&pod);
        context.note(format!("Creating debugging pod {name} with container {container} on node {node}."))?;
    }
    if args.attach {
        announce(&mut pod, &container);
    }
    let pod = make(context, pod).await?;
    attach_to(args, context, lookup::name(&pod), &container).await.map(drop)
}

/// Makes a copy of a pod, and attaches to it if that is wanted.
async fn with_copy(args: &DebugArgs, context: &mut Context, name: &str) -> Result<(), Failure> {
    check_streams(args)?;
    let pod = context.get(context.reference(Kind::Pod, name)).await?;
    let unused = unused_name(&pod);
    let mut made = pods::copy(args, &pod, &unused)?;
    if let Some(container) = made.container.as_ref().filter(|_| args.attach) {
        announce(&mut made.pod, container);
    }
    if made.container.as_ref() == Some(&unused) && !args.quiet {
        context.note(format!("Defaulting debug container name to {unused}."))?;
    }
    if args.replace {
        let object = context.reference(Kind::Pod, name);
        let request = DeleteRequest {
            object,
            grace_period_seconds: Some(0),
            uid: pod["metadata"]["uid"].as_str().map(str::to_owned),
            dry_run: DryRun::No,
            options: DeleteOptions::default(),
        };
        context.client().await?.request(Request::Delete(request)).await?;
    }
    make(context, made.pod).await?;
    match made.container {
        Some(container) => attach_to(args, context, &args.copy_to, &container).await.map(drop),
        None => Ok(()),
    }
}

fn check_streams(args: &DebugArgs) -> Result<(), Failure> {
    if args.tty && !args.stdin {
        return Err(Failure::message("-i/--stdin is required for containers with -t/--tty=true"));
    }
    Ok(())
}

async fn make(context: &mut Context, pod: Value) -> Result<Value, Failure> {
    let request = CreateRequest { object: pod, namespace: context.namespace.clone(), dry_run: DryRun::No };
    match context.client().await?.request(Request::Create(request)).await? {
        Response::Object { object, warnings, .. } => {
            context.warn(&warnings)?;
            Ok(*object)
        }
        other => Err(Failure::unexpected(&other)),
    }
}

/// Attaches to a container once it runs, where that is wanted.
async fn attach_to(args: &DebugArgs, context: &mut Context, pod: &str, container: &str) -> Result<Option<Parted>, Failure> {
    if !args.attach && !args.stdin {
        return Ok(None);
    }
    let how = How { stdin: args.stdin, tty: args.tty, quiet: args.quiet, keys: DetachKeys::parse(DETACH_KEYS)? };
    let reference = ObjectRef { kind: Kind::Pod, namespace: context.namespace.clone(), name: pod.to_owned() };
    attend(context, &reference, container, &how, A_WHILE).await
}

/// Adds a container to a pod, and attaches to it if that is wanted.
async fn with_container(args: &DebugArgs, context: &mut Context, name: &str) -> Result<(), Failure> {
    let Some(image) = args.image.as_deref().filter(|image| !image.is_empty()) else {
        return Err(Failure::message("you must specify --image, or --host-tools for the tools of the pod's node"));
    };
    check_streams(args)?;
    let mut pod = context.get(context.reference(Kind::Pod, name)).await?;
    let container = match &args.container {
        Some(container) => container.clone(),
        None => {
            let container = unused_name(&pod);
            if !args.quiet {
                context.note(format!("Defaulting debug container name to {container}."))?;
            }
            container
        }
    };
    if templates::container(&pod, &container).is_some() {
        return Err(Failure::message(format!(
            "container {container:?} already exists in pod {name:?}: give another --container"
        )));
    }
    let mut all: Vec<Value> = lookup::list(&pod, "/spec/ephemeralContainers").to_vec();
    all.push(definition(args, &container, image)?);
    pod["spec"]["ephemeralContainers"] = json!(all);
    let request = ReplaceRequest { object: pod, namespace: context.namespace.clone(), dry_run: DryRun::No };
    match context.client().await?.request(Request::EphemeralContainers(request)).await? {
        Response::Object { warnings, .. } => context.warn(&warnings)?,
        other => return Err(Failure::unexpected(&other)),
    }
    match attach_to(args, context, name, &container).await? {
        Some(Parted::Detached) if !args.quiet => context.note(format!(
            "Session ended, the ephemeral container will not be restarted but may be reattached using 'skiff attach {name} -c {container} -i -t' if it is still running"
        )),
        _ => Ok(()),
    }
}

fn definition(args: &DebugArgs, name: &str, image: &str) -> Result<Value, Failure> {
    let mut container = json!({"name": name, "image": image, "stdin": args.stdin, "tty": args.tty});
    if let Some(policy) = &args.image_pull_policy {
        container["imagePullPolicy"] = json!(policy);
    }
    if !args.command.is_empty() {
        container["command"] = json!(args.command);
    }
    if let Some(target) = &args.target_container {
        container["targetContainerName"] = json!(target);
    }
    if !args.env.is_empty() {
        container["env"] = super::run::variables(&args.env)?;
    }
    Ok(container)
}

/// A name that no container of the pod has.
fn unused_name(pod: &Value) -> String {
    loop {
        let name = format!("debugger-{}", letters());
        if templates::container(pod, &name).is_none() {
            return name;
        }
    }
}

/// Five letters or digits by chance.
fn letters() -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    use std::hash::{BuildHasher, Hasher};
    let mut random = std::hash::RandomState::new().build_hasher().finish();
    let mut letters = String::new();
    for _ in 0..5 {
        letters.push(char::from(ALPHABET[usize::try_from(random % 27).unwrap_or(0)]));
        random /= 27;
    }
    letters
}
