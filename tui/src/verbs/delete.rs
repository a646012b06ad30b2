//! `delete`: deletes objects, and waits until they are gone.

use super::context::Context;
use super::failure::Failure;
use super::manifests;
use super::resources::Targets;
use super::watch::{selection, until_gone};
use crate::args::{DryRunArgs, DryRunMode, FileArgs, GoDuration, SelectArgs};
use clap::{ArgAction, Args, ValueEnum};
use objects::{Kind, lookup};
use tokio::time::Instant;
use wire::{DeleteOptions, DeleteRequest, ObjectRef, Propagation, Request, Response};

/// Arguments of `delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// TYPE NAME…, TYPE/NAME…, or TYPE with -l, --field-selector or --all.
    arguments: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    /// Delete everything of the kind in the namespace.
    #[arg(long)]
    all: bool,
    /// Seconds the object has to end; -1 is its own, 0 needs --force.
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    grace_period: i64,
    /// Delete the object at once, whether it has ended or not.
    #[arg(long)]
    force: bool,
    /// Give the object one second.
    #[arg(long)]
    now: bool,
    /// What becomes of the objects that it owns: they go after it, before it, or stay.
    #[arg(long, value_enum, default_value_t = Cascade::Background, num_args = 0..=1, default_missing_value = "background")]
    cascade: Cascade,
    /// Say nothing of objects that do not exist.
    #[arg(long)]
    ignore_not_found: bool,
    /// Wait until the objects are gone.
    #[arg(
        long, default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        action = ArgAction::Set, value_name = "BOOL"
    )]
    wait: bool,
    /// How long to wait, such as 30s; 0 is for ever.
    #[arg(long, default_value = "0s", allow_hyphen_values = true)]
    timeout: GoDuration,
    /// Only -o name: print the objects' names.
    #[arg(short = 'o', long, value_name = "FORMAT")]
    output: Option<String>,
}

/// How objects are deleted.
#[derive(Debug, Clone, Copy)]
pub struct Deletion {
    /// Seconds; nothing is the object's own.
    pub grace_period_seconds: Option<i64>,
    /// What becomes of what they own; nothing is the kind's own way.
    pub propagation: Option<Propagation>,
    /// Whether it is only tried.
    pub mode: DryRunMode,
}

/// What becomes of the objects that a deleted one owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cascade {
    /// They go after it.
    #[value(alias = "true")]
    Background,
    /// They go before it.
    Foreground,
    /// They stay.
    #[value(alias = "false")]
    Orphan,
}

impl Cascade {
    const fn to_wire(self) -> Propagation {
        match self {
            Self::Background => Propagation::Background,
            Self::Foreground => Propagation::Foreground,
            Self::Orphan => Propagation::Orphan,
        }
    }
}

impl DeleteArgs {
    fn is_selecting(&self) -> bool {
        self.all || self.select.selector.is_some() || self.select.field_selector.is_some()
    }

    /// What the flags come to; those that contradict each other are refused.
    fn deletion(&self, context: &mut Context) -> Result<Deletion, Failure> {
        let refuse = |text: &str| Err(Failure::message(text));
        if self.output.as_deref().is_some_and(|output| output != "name") {
            let output = self.output.as_deref().unwrap_or_default();
            return refuse(&format!("unexpected -o output mode: {output}. We only support '-o name'"));
        }
        if self.all && self.select.selector.is_some() {
            return refuse("cannot set --all and --selector at the same time");
        }
        if self.all && self.select.field_selector.is_some() {
            return refuse("cannot set --all and --field-selector at the same time");
        }
        if self.now && self.grace_period != -1 {
            return refuse("--now and --grace-period cannot be specified together");
        }
        let mut seconds = if self.now { 1 } else { self.grace_period };
        if seconds == 0 && !self.force {
            // Without --force nobody meant to lose what is still being written.
            seconds = 1;
        }
        if self.force && seconds < 0 {
            seconds = 0;
        }
        if self.force && seconds > 0 {
            return refuse("--force and --grace-period greater than 0 cannot be specified together");
        }
        if self.force {
            context.note(
                "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The \
                 resource may continue to run on the cluster indefinitely.",
            )?;
        }
        let propagation = Some(self.cascade.to_wire());
        Ok(Deletion { grace_period_seconds: (seconds >= 0).then_some(seconds), propagation, mode: self.dry_run.mode })
    }
}

/// Does it.
pub async fn run(args: &DeleteArgs, context: &mut Context) -> Result<(), Failure> {
    let deletion = args.deletion(context)?;
    let (objects, mut failures) = find(args, context).await?;
    if objects.is_empty() && failures.is_empty() {
        return context.line("No resources found");
    }
    let mut gone = Vec::new();
    for Target { object, origin } in objects {
        let result = delete_one(context, &object, deletion).await;
        match result {
            Ok(uid) => {
                let line = match args.output {
                    Some(_) => format!("{}/{}", object.kind.singular(), object.name),
                    None => told(&object, deletion),
                };
                context.line(line)?;
                gone.push((object, uid));
            }
            Err(failure) if failure.is_not_found() && (args.ignore_not_found || args.is_selecting()) => {}
            Err(failure) => {
                let is_over = failure.is_link_failure();
                failures.push(match origin {
                    Some(origin) if !is_over => failure.about_file("deleting", &origin),
                    _ => failure,
                });
                if is_over {
                    break;
                }
            }
        }
    }
    context.out.flush()?;
    if args.wait && deletion.mode == DryRunMode::None {
        let timeout = args.timeout.or_a_week();
        let timeout = if timeout.is_zero() { GoDuration::Negative.or_a_week() } else { timeout };
        let deadline = Instant::now() + timeout;
        for (object, uid) in &gone {
            failures.extend(until_gone(context, object, uid, deadline).await.err());
        }
    }
    Failure::all(failures)
}

/// An object to delete, and the file that named it.
struct Target {
    object: ObjectRef,
    origin: Option<String>,
}

/// The objects that the arguments name.
async fn find(args: &DeleteArgs, context: &mut Context) -> Result<(Vec<Target>, Vec<Failure>), Failure> {
    if !args.files.filenames.is_empty() {
        if !args.arguments.is_empty() {
            return Err(Failure::message(
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well",
            ));
        }
        let manifests = manifests::read(&args.files, context)?;
        let target = |manifest: manifests::Manifest| Target {
            object: ObjectRef { kind: manifest.kind, namespace: manifest.namespace, name: manifest.name },
            origin: Some(manifest.origin),
        };
        return Ok((manifests.found.into_iter().map(target).collect(), manifests.failures));
    }
    let targets = Targets::parse(&args.arguments)?;
    if targets.is_empty() {
        return Err(Failure::message("You must provide one or more resources by argument or filename."));
    }
    match targets {
        Targets::Named(_) if args.all => Err(Failure::message("name cannot be provided when a selector is specified")),
        Targets::Named(_) if args.is_selecting() => Err(Failure::message("name cannot be provided when a selector is specified")),
        Targets::Named(_) if args.select.all_namespaces => {
            Err(Failure::message("a resource cannot be retrieved by name across all namespaces"))
        }
        Targets::Named(named) => Ok((
            named.iter().map(|(kind, name)| Target { object: context.reference(*kind, name), origin: None }).collect(),
            Vec::new(),
        )),
        Targets::Kinds(_) if !args.is_selecting() => {
            Err(Failure::message("resource(s) were provided, but no name was specified"))
        }
        Targets::Kinds(kinds) => Ok((selected(args, context, &kinds).await?, Vec::new())),
    }
}

async fn selected(args: &DeleteArgs, context: &Context, kinds: &[Kind]) -> Result<Vec<Target>, Failure> {
    let mut found = Vec::new();
    for kind in kinds {
        for object in context.list(*kind, selection(context, &args.select, *kind)).await? {
            let namespace = lookup::namespace(&object).to_owned();
            let object = ObjectRef { kind: *kind, namespace, name: lookup::name(&object).to_owned() };
            found.push(Target { object, origin: None });
        }
    }
    Ok(found)
}

/// Deletes one object; its uid.
pub async fn delete_one(context: &Context, object: &ObjectRef, deletion: Deletion) -> Result<String, Failure> {
    if deletion.mode == DryRunMode::Client {
        return context.get(object.clone()).await.map(|found| lookup::text(&found, "/metadata/uid").to_owned());
    }
    let request = DeleteRequest {
        object: object.clone(),
        grace_period_seconds: deletion.grace_period_seconds,
        uid: None,
        dry_run: deletion.mode.to_wire(),
        options: DeleteOptions { resource_version: None, propagation: deletion.propagation },
    };
    match context.client().await?.request(Request::Delete(request)).await? {
        Response::Object { object, .. } => Ok(lookup::text(&object, "/metadata/uid").to_owned()),
        other => Err(Failure::unexpected(&other)),
    }
}

/// `pod "kubia" deleted from default namespace`.
pub fn told(object: &ObjectRef, deletion: Deletion) -> String {
    let verb = if deletion.grace_period_seconds == Some(0) { "force deleted" } else { "deleted" };
    let place = if object.namespace.is_empty() { String::new() } else { format!(" from {} namespace", object.namespace) };
    format!("{} {:?} {verb}{place}{}", object.kind.singular_resource(), object.name, deletion.mode.suffix())
}
