//! What a namespace that is being deleted says of itself: what is still in it, and what that waits for
//! (`pkg/controller/namespace/deletion/status_condition_utils.go`).

use jiff::Timestamp;
use objects::lookup;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Object;

/// The status of a namespace with this content; `old` is the one before.
pub fn status(content: &[Arc<Object>], old: &Value, now: Timestamp) -> Value {
    let remaining = remaining(content);
    let finalizers = finalizers(content);
    let mut conditions = vec![
        ("NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "All resources successfully discovered".to_owned()),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".to_owned(),
        ),
        (
            "NamespaceDeletionContentFailure",
            false,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".to_owned(),
        ),
    ];
    conditions.push(match remaining.is_empty() {
        true => ("NamespaceContentRemaining", false, "ContentRemoved", "All content successfully removed".to_owned()),
        false => {
            let message = format!(
                "Some resources are remaining: {}",
                join(&remaining, |what, count| format!("{what} has {count} resource instances"))
            );
            ("NamespaceContentRemaining", true, "SomeResourcesRemain", message)
        }
    });
    conditions.push(match finalizers.is_empty() {
        true => {
            let message = "All content-preserving finalizers finished".to_owned();
            ("NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers", message)
        }
        false => {
            let list = join(&finalizers, |name, count| format!("{name} in {count} resource instances"));
            let message = format!("Some content in the namespace has finalizers remaining: {list}");
            ("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain", message)
        }
    });
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = |(kind, is_so, reason, message): (&str, bool, &str, String)| {
        let status = if is_so { "True" } else { "False" };
        let before = lookup::list(old, "/conditions").iter().find(|condition| condition["type"] == kind);
        let since = before.filter(|before| before["status"] == status).map(|before| before["lastTransitionTime"].clone());
        json!({"type": kind, "status": status, "lastTransitionTime": since.unwrap_or_else(|| now.clone().into()), "reason": reason, "message": message})
    };
    json!({"phase": "Terminating", "conditions": conditions.into_iter().map(condition).collect::<Vec<_>>()})
}

/// How many there are of each resource.
fn remaining(content: &[Arc<Object>]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for object in content {
        let kind = object.key().kind;
        *counts.entry(format!("{}.{}", kind.plural(), kind.group())).or_default() += 1;
    }
    counts
}

/// How many wait for each finalizer.
fn finalizers(content: &[Arc<Object>]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for object in content.iter().filter(|object| object.json().get().contains("\"finalizers\"")) {
        let value = object.to_value();
        for name in lookup::list(&value, "/metadata/finalizers").iter().filter_map(Value::as_str) {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    counts
}

fn join(counts: &BTreeMap<String, usize>, word: impl Fn(&str, usize) -> String) -> String {
    counts.iter().map(|(name, count)| word(name, *count)).collect::<Vec<_>>().join(", ")
}
