//! `drain`: makes a node empty, for a repair or for good (`kubectl/pkg/drain`).
//!
//! The node is cordoned; then each of its pods is deleted with its grace, and waited for. What would be lost for ever is refused
//! without the flag that says so.

use super::context::Context;
use super::cordon::{self, Wanted};
use super::delete::{Deletion, delete_one};
use super::failure::Failure;
use super::watch::until_gone;
use crate::args::{DryRunArgs, DryRunMode, GoDuration};
use clap::Args;
use jiff::Timestamp;
use objects::{Kind, lookup};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::time::Instant;
use wire::{ObjectRef, Selection};

/// Arguments of `drain`.
#[derive(Debug, Args)]
pub struct DrainArgs {
    /// Names of nodes.
    nodes: Vec<String>,
    /// Nodes with these labels.
    #[arg(short = 'l', long, value_name = "SELECTOR", allow_hyphen_values = true)]
    selector: Option<String>,
    /// Only pods with these labels.
    #[arg(long, value_name = "SELECTOR", allow_hyphen_values = true)]
    pod_selector: Option<String>,
    /// Delete pods that nothing makes anew elsewhere, too.
    #[arg(long)]
    force: bool,
    /// Leave pods of DaemonSets where they are.
    #[arg(long)]
    ignore_daemonsets: bool,
    /// Delete pods with an emptyDir, too: what is in it is lost.
    #[arg(long, alias = "delete-local-data")]
    delete_emptydir_data: bool,
    /// Seconds each pod has to end; -1 is its own.
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    grace_period: i64,
    /// How long to wait before giving up, such as 30s; 0 is for ever.
    #[arg(long, default_value = "0s", allow_hyphen_values = true)]
    timeout: GoDuration,
    /// Do not wait for pods that are being deleted for longer than so many seconds; 0 waits for all.
    #[arg(long, default_value_t = 0)]
    skip_wait_for_delete_timeout: i64,
    /// Delete instead of evicting: no disruption budget is asked.
    #[arg(long)]
    disable_eviction: bool,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// What is done with a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Delete,
    /// And said, with the reason.
    DeleteWith(&'static str),
    Leave,
    LeaveWith(&'static str),
    Refuse(&'static str),
}

impl DrainArgs {
    /// The filters of `drain/filters.go`, in their order: the first that does not simply delete has the last word, but a warning goes
    /// on to the next.
    fn judge(&self, pod: &Value, now: Timestamp) -> Verdict {
        let mut verdict = Verdict::Delete;
        for next in [self.of_deleted(pod, now), self.of_owner(pod), Self::of_mirror(pod), self.of_storage(pod), self.of_bare(pod)]
        {
            match next {
                Verdict::Delete => {}
                Verdict::DeleteWith(_) => verdict = next,
                Verdict::Leave | Verdict::LeaveWith(_) | Verdict::Refuse(_) => return next,
            }
        }
        verdict
    }

    fn of_deleted(&self, pod: &Value, now: Timestamp) -> Verdict {
        let marked = lookup::time(pod, "/metadata/deletionTimestamp");
        let is_slow = |marked: Timestamp| now.as_second() - marked.as_second() > self.skip_wait_for_delete_timeout;
        if self.skip_wait_for_delete_timeout > 0 && marked.is_some_and(is_slow) { Verdict::Leave } else { Verdict::Delete }
    }

    fn of_owner(&self, pod: &Value) -> Verdict {
        match controller(pod) {
            Some("DaemonSet") if has_ended(pod) => Verdict::Delete,
            Some("DaemonSet") if self.ignore_daemonsets => Verdict::LeaveWith("ignoring DaemonSet-managed Pods"),
            Some("DaemonSet") => Verdict::Refuse("DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"),
            _ => Verdict::Delete,
        }
    }

    fn of_mirror(pod: &Value) -> Verdict {
        let annotations = lookup::map(pod, "/metadata/annotations");
        let is_mirror = annotations.is_some_and(|annotations| annotations.contains_key("kubernetes.io/config.mirror"));
        if is_mirror { Verdict::Leave } else { Verdict::Delete }
    }

    fn of_storage(&self, pod: &Value) -> Verdict {
        let has_local = lookup::list(pod, "/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some());
        match () {
            () if !has_local || has_ended(pod) => Verdict::Delete,
            () if self.delete_emptydir_data => Verdict::DeleteWith("deleting Pods with local storage"),
            () => Verdict::Refuse("Pods with local storage (use --delete-emptydir-data to override)"),
        }
    }

    fn of_bare(&self, pod: &Value) -> Verdict {
        match () {
            () if has_ended(pod) || controller(pod).is_some() => Verdict::Delete,
            () if self.force => Verdict::DeleteWith("deleting Pods that declare no controller"),
            () => Verdict::Refuse("Pods that declare no controller (use --force to override)"),
        }
    }
}

fn has_ended(pod: &Value) -> bool {
    matches!(lookup::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

fn controller(pod: &Value) -> Option<&str> {
    let owners = lookup::list(pod, "/metadata/ownerReferences");
    owners.iter().find(|owner| lookup::flag(owner, "/controller")).map(|owner| lookup::text(owner, "/kind"))
}

/// Does it.
pub async fn run(args: &DrainArgs, context: &mut Context) -> Result<(), Failure> {
    let nodes = cordon::nodes(context, &args.nodes, args.selector.as_deref(), "drain").await?;
    for node in &nodes {
        cordon::set(context, node, Wanted::Cordoned, args.dry_run.mode).await?;
    }
    let timeout = args.timeout.or_a_week();
    let deadline = Instant::now() + if timeout.is_zero() { GoDuration::Negative.or_a_week() } else { timeout };
    let mut failures = Vec::new();
    let mut pending = Vec::new();
    for node in &nodes {
        match drain(args, context, node, deadline).await {
            Ok(()) => context.line(format!("node/{} drained{}", node.name, args.dry_run.mode.suffix()))?,
            Err(failures_of_node) => {
                let texts: Vec<String> = failures_of_node.iter().map(text_of).collect();
                let why = if let [one] = texts.as_slice() { one.clone() } else { format!("[{}]", texts.join(", ")) };
                context
                    .note(format!("error: unable to drain node {:?} due to error: {why}, continuing command...", node.name))?;
                pending.push(format!(" {}", node.name));
                failures.extend(failures_of_node);
            }
        }
    }
    if !pending.is_empty() {
        context.note(format!("There are pending nodes to be drained:\n{}", pending.join("\n")))?;
    }
    Failure::all(failures)
}

/// What kubectl prints of an error that others are told with.
fn text_of(failure: &Failure) -> String {
    let text = failure.to_text();
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

/// Empties one node.
async fn drain(args: &DrainArgs, context: &mut Context, node: &ObjectRef, deadline: Instant) -> Result<(), Vec<Failure>> {
    let one = |failure: Failure| vec![failure];
    let selection = Selection {
        namespace: None,
        label_selector: args.pod_selector.clone().filter(|selector| !selector.is_empty()),
        field_selector: Some(format!("spec.nodeName={}", node.name)),
    };
    let pods = context.list(Kind::Pod, selection).await.map_err(one)?;
    let chosen = choose(args, context, &pods)?;
    let (verb, done) = if args.disable_eviction { ("deleting", "deleted") } else { ("evicting", "evicted") };
    let mode = args.dry_run.mode;
    let deletion =
        Deletion { grace_period_seconds: (args.grace_period >= 0).then_some(args.grace_period), propagation: None, mode };
    let mut failures = Vec::new();
    let mut gone = Vec::new();
    for pod in chosen {
        context.line(format!("{verb} pod {}/{}{}", pod.namespace, pod.name, mode.suffix())).map_err(one)?;
        match delete_one(context, &pod, deletion).await {
            Ok(uid) => gone.push((pod, uid)),
            Err(failure) if failure.is_not_found() => {}
            Err(failure) if failure.is_link_failure() => return Err(one(failure)),
            Err(failure) => {
                let why = format!("error when {verb} pods/{:?} -n {:?}: {}", pod.name, pod.namespace, text_of(&failure));
                failures.push(Failure::message(why));
            }
        }
    }
    context.print_now("").map_err(one)?;
    if mode != DryRunMode::None {
        return if failures.is_empty() { Ok(()) } else { Err(failures) };
    }
    for (pod, uid) in &gone {
        match until_gone(context, pod, uid, deadline).await {
            Ok(()) => context.print_now(&format!("pod/{} {done}\n", pod.name)).map_err(one)?,
            Err(failure) if Instant::now() >= deadline && !failure.is_link_failure() => {
                return Err(one(Failure::message(format!("drain did not complete within {}", args.timeout))));
            }
            Err(failure) => return Err(one(failure)),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// The pods that go. Those that must not are told together, and then none goes.
fn choose(args: &DrainArgs, context: &mut Context, pods: &[Value]) -> Result<Vec<ObjectRef>, Vec<Failure>> {
    let mut chosen = Vec::new();
    let mut refused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut warned: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for pod in pods {
        let (namespace, name) = (lookup::namespace(pod), lookup::name(pod));
        let full = format!("{namespace}/{name}");
        let verdict = args.judge(pod, context.timestamp());
        match verdict {
            Verdict::DeleteWith(why) | Verdict::LeaveWith(why) => warned.entry(why).or_default().push(full),
            Verdict::Refuse(why) => refused.entry(why).or_default().push(full),
            Verdict::Delete | Verdict::Leave => {}
        }
        if matches!(verdict, Verdict::Delete | Verdict::DeleteWith(_)) {
            chosen.push(ObjectRef { kind: Kind::Pod, namespace: namespace.to_owned(), name: name.to_owned() });
        }
    }
    if !refused.is_empty() {
        let told = refused.iter().map(|(why, pods)| Failure::Plain(format!("cannot delete {why}: {}", pods.join(", "))));
        return Err(told.collect());
    }
    if !warned.is_empty() {
        let told: Vec<String> = warned.iter().map(|(why, pods)| format!("{why}: {}", pods.join(", "))).collect();
        context.note(format!("Warning: {}", told.join("; "))).map_err(|failure| vec![failure])?;
    }
    Ok(chosen)
}
