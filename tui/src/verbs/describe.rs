//! `describe`: shows objects in detail, with their events.

use super::context::Context;
use super::failure::Failure;
use super::manifests;
use super::resources::Targets;
use super::unseen;
use super::watch::selection;
use crate::args::{FileArgs, SelectArgs};
use clap::{ArgAction, Args};
use objects::{Kind, lookup};
use serde_json::Value;
use wire::{ObjectRef, Selection};

/// Arguments of `describe`.
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// TYPE, TYPE NAME-PREFIX…, or TYPE/NAME….
    arguments: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    select: SelectArgs,
    /// Show the objects' events.
    #[arg(
        long, default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        action = ArgAction::Set, value_name = "BOOL"
    )]
    show_events: bool,
}

/// Does it.
pub async fn run(args: &DescribeArgs, context: &mut Context) -> Result<(), Failure> {
    let (found, failures) = find(args, context).await?;
    if found.is_empty() && failures.is_empty() {
        let place = if args.select.all_namespaces { String::new() } else { format!(" in {} namespace.", context.namespace) };
        context.note(format!("No resources found{place}"))?;
    }
    for (number, (kind, object)) in found.iter().enumerate() {
        let text = describe(args, context, *kind, object).await?;
        if number > 0 {
            context.print("\n\n")?;
        }
        context.print(&text)?;
    }
    for kind in [Kind::Pod, Kind::Node] {
        let shown: Vec<Value> = found.iter().filter(|(own, _)| *own == kind).map(|(_, object)| object.clone()).collect();
        unseen::warn(context, kind, &shown).await?;
    }
    Failure::all(failures)
}

type Found = Vec<(Kind, Value)>;

async fn find(args: &DescribeArgs, context: &mut Context) -> Result<(Found, Vec<Failure>), Failure> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    if !args.files.filenames.is_empty() {
        let manifests = manifests::read(&args.files, context)?;
        failures = manifests.failures;
        for manifest in manifests.found {
            let object = ObjectRef { kind: manifest.kind, namespace: manifest.namespace, name: manifest.name };
            match context.get(object).await {
                Ok(object) => found.push((manifest.kind, object)),
                Err(failure) => failures.push(failure),
            }
        }
        return Ok((found, failures));
    }
    match Targets::parse(&args.arguments)? {
        Targets::Kinds(kinds) if kinds.is_empty() => {
            return Err(Failure::message(
                "You must specify the type of resource to describe. Use \"skiff api-resources\" for a complete list of supported \
                 resources.",
            ));
        }
        Targets::Kinds(kinds) => {
            for kind in kinds {
                let objects = context.list(kind, selection(context, &args.select, kind)).await?;
                found.extend(objects.into_iter().map(|object| (kind, object)));
            }
        }
        Targets::Named(named) => {
            for (kind, name) in named {
                match by_prefix(context, kind, &name).await {
                    Ok(objects) => found.extend(objects.into_iter().map(|object| (kind, object))),
                    Err(failure) if failure.is_link_failure() => return Err(failure),
                    Err(failure) => failures.push(failure),
                }
            }
        }
    }
    Ok((found, failures))
}

/// The object of that name, or else those whose names begin so.
async fn by_prefix(context: &Context, kind: Kind, name: &str) -> Result<Vec<Value>, Failure> {
    let missing = match context.get(context.reference(kind, name)).await {
        Ok(object) => return Ok(vec![object]),
        Err(failure) if failure.is_not_found() => failure,
        Err(failure) => return Err(failure),
    };
    let namespace = kind.is_namespaced().then(|| context.namespace.clone());
    let mut objects = context.list(kind, Selection { namespace, ..Selection::default() }).await?;
    objects.retain(|object| lookup::name(object).starts_with(name));
    if objects.is_empty() { Err(missing) } else { Ok(objects) }
}

async fn describe(args: &DescribeArgs, context: &Context, kind: Kind, object: &Value) -> Result<String, Failure> {
    let events = if args.show_events && kind != Kind::Event { events_about(context, kind, object).await? } else { Vec::new() };
    let now = context.now();
    let text = match kind {
        Kind::Pod => objects::describe::pod(object, &events, &now),
        Kind::Node => {
            let field_selector = Some(format!("spec.nodeName={}", lookup::name(object)));
            let pods = context.list(Kind::Pod, Selection { field_selector, ..Selection::default() }).await?;
            objects::describe::node(object, &pods, &events, &now)
        }
        Kind::Event => objects::describe::event(object),
        other => objects::describe::other(other, object, &events, &now),
    };
    // Without events there is no line that says there are none.
    let without_events = text.rfind("\nEvents:").filter(|_| !args.show_events && kind != Kind::Event);
    Ok(without_events.map_or(text.clone(), |end| text[..=end].to_owned()))
}

/// The events that name an object. Those of a node may name it by its name in the uid's place, as kubelets do.
async fn events_about(context: &Context, kind: Kind, object: &Value) -> Result<Vec<Value>, Failure> {
    let (name, namespace) = (lookup::name(object), lookup::namespace(object));
    let uid = lookup::text(object, "/metadata/uid");
    let mut events = Vec::new();
    let uids = if kind == Kind::Node { vec![uid, name] } else { vec![uid] };
    for uid in uids {
        let mut fields = format!("involvedObject.name={name},involvedObject.uid={uid}");
        if kind.is_namespaced() {
            fields += &format!(",involvedObject.namespace={namespace}");
        }
        let selection = Selection {
            namespace: kind.is_namespaced().then(|| namespace.to_owned()),
            label_selector: None,
            field_selector: Some(fields),
        };
        events.extend(context.list(Kind::Event, selection).await?);
    }
    Ok(events)
}
