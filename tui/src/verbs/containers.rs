//! Which pod and which container of it a verb is about.

use super::context::Context;
use super::failure::Failure;
use super::resources::Targets;
use super::watch::selection;
use crate::args::SelectArgs;
use crate::forward::backend::{is_forwarded, selector_of};
use crate::templates::{CONTAINERS, DEFAULT_CONTAINER};
use objects::{Kind, lookup};
use serde_json::Value;

/// The pod that `POD`, `pod/POD`, `deploy/NAME`, `rs/NAME` or `svc/NAME` means: of several the one that most is to be seen of.
#[derive(Debug)]
pub struct Meant {
    /// The pod.
    pub pod: Value,
    /// Of how many it was chosen.
    pub of: usize,
}

/// Finds it.
pub async fn meant(context: &Context, text: &str) -> Result<Meant, Failure> {
    let (kind, name) = named(text)?;
    let object = context.get(context.reference(kind, &name)).await?;
    if kind == Kind::Pod {
        return Ok(Meant { pod: object, of: 1 });
    }
    let Some(selector) = selector_of(kind, &object) else {
        return Err(Failure::message(format!("{text} chooses no pods: it has no selector")));
    };
    let select = SelectArgs { selector: Some(selector), ..SelectArgs::default() };
    let pods = context.list(Kind::Pod, selection(context, &select, Kind::Pod)).await?;
    let of = pods.len();
    let first = pods.into_iter().min_by_key(least_to_see);
    first.map(|pod| Meant { pod, of }).ok_or_else(|| Failure::message(format!("{text} has no pods")))
}

/// The name of that pod.
pub async fn pod_name(context: &Context, text: &str) -> Result<String, Failure> {
    match named(text)? {
        // Whether it is there is said by whoever is asked about it.
        (Kind::Pod, name) => Ok(name),
        _ => meant(context, text).await.map(|meant| lookup::name(&meant.pod).to_owned()),
    }
}

/// `web`, `pod/web`, `deploy/web`, `svc/web`.
pub fn named(text: &str) -> Result<(Kind, String), Failure> {
    if !text.contains('/') {
        return Ok((Kind::Pod, text.to_owned()));
    }
    match Targets::parse(&[text.to_owned()])? {
        Targets::Named(named) => match named.into_iter().next() {
            Some((kind, name)) if is_forwarded(kind) => Ok((kind, name)),
            _ => Err(Failure::message(format!("{text} is no pod, and nothing that chooses pods"))),
        },
        Targets::Kinds(_) => Err(Failure::message("expected a resource")),
    }
}

/// The order of `k8s.io/kubectl/pkg/util/podutils` (`ByLogging`): pods that are placed, that run, that are ready, that were restarted less
/// often, and then the older ones, come first.
fn least_to_see(pod: &Value) -> (bool, u8, bool, i64, String, String) {
    let phase = match lookup::text(pod, "/status/phase") {
        "Running" => 0,
        "Pending" => 2,
        _ => 1,
    };
    let is_ready = lookup::is_true(pod, "Ready");
    let statuses = lookup::list(pod, "/status/containerStatuses").iter();
    let restarts = statuses.map(|status| lookup::number(status, "/restartCount")).max().unwrap_or_default();
    let (created, name) = (lookup::text(pod, "/metadata/creationTimestamp"), lookup::name(pod));
    (lookup::text(pod, "/spec/nodeName").is_empty(), phase, !is_ready, restarts, created.to_owned(), name.to_owned())
}

/// The pod of a target, which has not ended: `verb` says what is to be done with a container of it.
pub async fn unended(context: &mut Context, target: &str, verb: &str) -> Result<(String, Value), Failure> {
    let pod = meant(context, target).await?.pod;
    let phase = lookup::text(&pod, "/status/phase");
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Failure::message(format!("cannot {verb} a container in a completed pod; current phase is {phase}")));
    }
    Ok((lookup::name(&pod).to_owned(), pod))
}

/// The container that is meant where none was named; which one is told a person where there are several.
pub fn default(context: &mut Context, pod: &Value, is_quiet: bool) -> Result<Option<String>, Failure> {
    let every: Vec<String> = CONTAINERS.iter().flat_map(|pointer| names(pod, pointer)).collect();
    let preferred = lookup::text(pod, DEFAULT_CONTAINER).to_owned();
    if every.contains(&preferred) {
        return Ok(Some(preferred));
    }
    if !preferred.is_empty() && !is_quiet {
        context.note(format!("Default container name {preferred:?} not found in pod {}", lookup::name(pod)))?;
    }
    let Some(first) = names(pod, CONTAINERS[0]).into_iter().next() else { return Ok(None) };
    if every.len() > 1 && !is_quiet {
        context.note(format!("Defaulted container {first:?} out of: {}", all_names(pod)))?;
    }
    Ok(Some(first))
}

/// All containers of a pod: `main, side, first (init)`.
pub fn all_names(pod: &Value) -> String {
    let lists = CONTAINERS.iter().zip(MARKS);
    let marked = lists.flat_map(|(pointer, mark)| names(pod, pointer).into_iter().map(move |name| format!("{name}{mark}")));
    marked.collect::<Vec<_>>().join(", ")
}

/// What is written behind the names of those in each list.
const MARKS: [&str; 3] = ["", " (init)", " (ephem)"];

fn names(pod: &Value, pointer: &str) -> Vec<String> {
    lookup::list(pod, pointer).iter().map(|container| lookup::text(container, "/name").to_owned()).collect()
}
