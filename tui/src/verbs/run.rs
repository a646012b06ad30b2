//! `run`: makes a pod of one container, and maybe attaches to it and takes it away afterwards.

mod attended;
mod manifest;

use super::attach::{DETACH_KEYS, How};
use super::context::Context;
use super::create::{self, Change};
use super::failure::Failure;
use super::format::{OutputArgs, Printer};
use super::interrupts::Held;
use super::session::DetachKeys;
use crate::args::{DryRunArgs, DryRunMode, GoDuration};
use attended::Attended;
use clap::{ArgAction, Args};
pub use manifest::variables;
use objects::printing::Header;
use wire::{CreateRequest, Request, Response};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The pod's name, and its container's.
    name: String,
    /// The container's arguments, or with --command its command.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
    /// The container's image.
    #[arg(long)]
    image: Option<String>,
    /// When the image is pulled: Always, IfNotPresent, Never.
    #[arg(long, value_name = "POLICY")]
    image_pull_policy: Option<String>,
    /// A variable of the container: NAME=VALUE; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", action = ArgAction::Append)]
    env: Vec<String>,
    /// The pod's labels: app=web,tier=front [default: run=NAME].
    #[arg(short = 'l', long, value_name = "LABELS")]
    labels: Option<String>,
    /// An annotation of the pod: NAME=VALUE; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", action = ArgAction::Append)]
    annotations: Vec<String>,
    /// A port that the container serves.
    #[arg(long)]
    port: Option<u16>,
    /// What is given behind -- is the command, not its arguments.
    #[arg(long)]
    command: bool,
    /// Give the container all rights.
    #[arg(long)]
    privileged: bool,
    /// What happens when the container ends: Always, OnFailure, Never.
    #[arg(long, value_name = "POLICY", default_value = "Always")]
    restart: String,
    /// JSON that is merged into the pod.
    #[arg(long, value_name = "JSON")]
    overrides: Option<String>,
    /// Keep the container's input open, and attach with ours.
    #[arg(short = 'i', long)]
    stdin: bool,
    /// Give the container a terminal.
    #[arg(short = 't', long)]
    tty: bool,
    /// Attach once the pod runs [default: with -i].
    #[arg(long)]
    attach: bool,
    /// With -i: keep the input open when we go.
    #[arg(long)]
    leave_stdin_open: bool,
    /// Delete the pod once we part from it.
    #[arg(long)]
    rm: bool,
    /// With --rm: seconds that the pod has to end; -1 is its own, 0 none at all.
    #[arg(long, value_name = "SECONDS", default_value_t = -1, allow_negative_numbers = true)]
    grace_period: i64,
    /// How long to wait for the pod to run: 5s, 2m, 3h.
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    pod_running_timeout: GoDuration,
    /// Say only what the container says.
    #[arg(short = 'q', long)]
    quiet: bool,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl RunArgs {
    fn is_attached(&self) -> bool {
        self.attach || self.stdin
    }

    fn check(&self) -> Result<(), Failure> {
        let refuse = |text: &str| Err(Failure::message(text));
        if self.image.as_deref().unwrap_or_default().is_empty() {
            return refuse("--image is required");
        }
        if self.tty && !self.stdin {
            return refuse("-i/--stdin is required for containers with -t/--tty=true");
        }
        if self.rm && !self.is_attached() {
            return refuse("--rm should only be used for attached containers");
        }
        if self.is_attached() && self.dry_run.mode != DryRunMode::None {
            return refuse(
                "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
            );
        }
        if self.is_attached() && self.output.output.as_deref().is_some_and(|output| !output.is_empty()) {
            return refuse("--output can't be used with attached containers options (--attach, --stdin, or --tty)");
        }
        Ok(())
    }
}

/// Does it.
pub async fn run(args: &RunArgs, context: &mut Context) -> Result<(), Failure> {
    args.check()?;
    let pod = manifest::pod(args, context)?;
    let mode = args.dry_run.mode;
    let mut printer = Printer::new(args.output.format()?, Header::Shown);
    // From here on there is a pod to take away.
    let held = args.rm.then(Held::begin);
    let change = match mode {
        DryRunMode::Client => Change { object: pod, outcome: "created".to_owned() },
        DryRunMode::None | DryRunMode::Server => {
            let request = CreateRequest { object: pod, namespace: context.namespace.clone(), dry_run: mode.to_wire() };
            match context.client().await?.request(Request::Create(request)).await? {
                Response::Object { object, warnings, .. } => {
                    context.warn(&warnings)?;
                    Change { object: *object, outcome: "created".to_owned() }
                }
                other => return Err(Failure::unexpected(&other)),
            }
        }
    };
    if !args.is_attached() {
        return create::show(context, &mut printer, &change, mode);
    }
    let how = How { stdin: args.stdin, tty: args.tty, quiet: args.quiet, keys: DetachKeys::parse(DETACH_KEYS)? };
    let attended = Attended {
        pod: change.object,
        how,
        timeout: args.pod_running_timeout.or_a_week(),
        restart: args.restart.clone(),
        leave_stdin_open: args.leave_stdin_open,
        grace_period_seconds: Some(args.grace_period).filter(|seconds| *seconds >= 0),
    };
    let result = match held {
        None => attended.attend(context).await,
        Some(_) => attended.attend_and_remove(context).await,
    };
    drop(held);
    result
}
