//! `debug`: looks into a pod with tools that its image has not, or at a node.

use super::attach::{DETACH_KEYS, How};
use super::attend::attend;
use super::context::Context;
use super::exec::{ended, refusal};
use super::failure::Failure;
use super::resources::Targets;
use super::session::{self, DetachKeys, Ours, Parted};
use super::{containers, terminal};
use clap::{ArgAction, Args};
use objects::{Kind, lookup};
use serde_json::{Value, json};
use std::time::Duration;
use wire::{DryRun, HostExecRequest, ObjectRef, ReplaceRequest, Request, Response};

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
        Kind::Node if args.image.is_some() => Err(Failure::message(
            "a pod that sees all of a node needs volumes that there are none of yet; without --image its own shell is run",
        )),
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

/// Adds a container to a pod, and attaches to it if that is wanted.
async fn with_container(args: &DebugArgs, context: &mut Context, name: &str) -> Result<(), Failure> {
    let Some(image) = args.image.as_deref().filter(|image| !image.is_empty()) else {
        return Err(Failure::message("you must specify --image, or --host-tools for the tools of the pod's node"));
    };
    if args.tty && !args.stdin {
        return Err(Failure::message("-i/--stdin is required for containers with -t/--tty=true"));
    }
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
    if containers::definition(&pod, &container).is_some() {
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
    if !args.attach && !args.stdin {
        return Ok(());
    }
    let how = How { stdin: args.stdin, tty: args.tty, quiet: args.quiet, keys: DetachKeys::parse(DETACH_KEYS)? };
    let reference = ObjectRef { kind: Kind::Pod, namespace: context.namespace.clone(), name: name.to_owned() };
    match attend(context, &reference, &container, &how, A_WHILE).await? {
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
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    loop {
        use std::hash::{BuildHasher, Hasher};
        let mut random = std::hash::RandomState::new().build_hasher().finish();
        let mut name = String::from("debugger-");
        for _ in 0..5 {
            name.push(char::from(ALPHABET[usize::try_from(random % 27).unwrap_or(0)]));
            random /= 27;
        }
        if containers::definition(pod, &name).is_none() {
            return name;
        }
    }
}
