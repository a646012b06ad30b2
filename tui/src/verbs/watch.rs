//! Waits until one object is as somebody wants it.

use super::context::{Context, parse_object};
use super::failure::Failure;
use objects::Kind;
use serde_json::Value;
use tokio::time::Instant;
use wire::{ObjectRef, Selection, WatchEventKind};

/// The selection of one object.
pub fn only(object: &ObjectRef) -> Selection {
    Selection {
        namespace: object.kind.is_namespaced().then(|| object.namespace.clone()),
        label_selector: None,
        field_selector: Some(format!("metadata.name={}", object.name)),
    }
}

/// Watches one object until `is_met` says so of its state (nothing while it does not exist), or until the deadline.
/// Gives the object as it was then.
pub async fn until(
    context: &Context,
    object: &ObjectRef,
    deadline: Instant,
    mut is_met: impl FnMut(Option<&Value>) -> Result<bool, Failure>,
) -> Result<Option<Value>, Failure> {
    let watching = async {
        let mut watch = context.client().await?.watch(object.kind, only(object), None).await?;
        let mut state = None;
        for item in watch.take_snapshot().map(|list| list.items).unwrap_or_default() {
            state = Some(parse_object(item.get())?);
        }
        while !is_met(state.as_ref())? {
            let Some(event) = watch.next().await? else {
                return Err(Failure::message(format!("the watch of {}/{} ended", object.kind.plural(), object.name)));
            };
            match event.kind {
                WatchEventKind::Added | WatchEventKind::Modified => state = Some(parse_object(event.object.get())?),
                WatchEventKind::Deleted => state = None,
                WatchEventKind::Bookmark => {}
            }
        }
        Ok(state)
    };
    // Dropping the watch at the deadline cancels it at the daemon.
    tokio::time::timeout_at(deadline, watching).await.unwrap_or_else(|_| Err(timed_out(object)))
}

/// The object did not become as it should in time.
pub fn timed_out(object: &ObjectRef) -> Failure {
    Failure::message(format!("timed out waiting for the condition on {}/{}", object.kind.plural(), object.name))
}

/// Waits until an object, told apart by its uid, is gone.
pub async fn until_gone(context: &Context, object: &ObjectRef, uid: &str, deadline: Instant) -> Result<(), Failure> {
    let is_gone = |state: Option<&Value>| Ok(state.is_none_or(|state| objects::lookup::text(state, "/metadata/uid") != uid));
    until(context, object, deadline, is_gone).await.map(drop)
}

/// The selection that a command line makes of a kind.
pub fn selection(context: &Context, select: &crate::args::SelectArgs, kind: Kind) -> Selection {
    Selection {
        namespace: (kind.is_namespaced() && !select.all_namespaces).then(|| context.namespace.clone()),
        label_selector: select.selector.clone().filter(|selector| !selector.is_empty()),
        field_selector: select.field_selector.clone().filter(|selector| !selector.is_empty()),
    }
}
