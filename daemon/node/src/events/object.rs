//! Event objects, as the two recorders of Kubernetes write them.
//!
//! kubelet counts with `count` and `lastTimestamp` (`client-go/tools/record`), the scheduler with `eventTime` and `series`
//! (`client-go/tools/events`).

use super::{Reported, Reporter};
use crate::agent::seconds;
use control::events::Occurrence;
use jiff::Timestamp;
use objects::Kind;
use serde_json::{Value, json};
use uuid::Uuid;

/// A new event.
pub fn new(reported: &Reported, occurrence: &Occurrence, namespace: &str) -> Value {
    let report = &reported.report;
    let (subject, source) = (&report.subject, &report.source);
    let mut involved =
        json!({ "kind": subject.kind, "name": subject.name, "uid": subject.uid, "apiVersion": api_version(&subject.kind) });
    if !subject.namespace.is_empty() {
        involved["namespace"] = json!(subject.namespace);
    }
    if let Some(path) = &report.field_path {
        involved["fieldPath"] = json!(path);
    }
    let mut event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": occurrence.name,
            "namespace": namespace,
            "uid": Uuid::new_v4().to_string(),
            "creationTimestamp": seconds(occurrence.first),
        },
        "involvedObject": involved,
        "reason": report.reason,
        "type": report.kind.as_str(),
        "reportingComponent": source.component,
    });
    match reported.by {
        // Of no node: any of them may have acted.
        Reporter::ReplicaSet | Reporter::Deployment => {
            event["source"] = json!({ "component": source.component });
            event["reportingInstance"] = json!("");
            event["firstTimestamp"] = json!(seconds(occurrence.first));
        }
        Reporter::Kubelet | Reporter::Replica | Reporter::NodeController | Reporter::TaintEviction => {
            event["source"] = json!({ "component": source.component, "host": source.host });
            event["reportingInstance"] = json!(source.host);
            event["firstTimestamp"] = json!(seconds(occurrence.first));
        }
        Reporter::Scheduler => {
            event["source"] = json!({});
            event["reportingInstance"] = json!(format!("{}-{}", source.component, source.host));
            event["action"] = json!(if report.reason == "Scheduled" { "Binding" } else { "Scheduling" });
            event["eventTime"] = json!(micros(occurrence.first));
            event["firstTimestamp"] = Value::Null;
        }
    }
    annotated(counted(event, reported.by, occurrence), reported)
}

/// That of a kind's objects.
fn api_version(kind: &str) -> &'static str {
    Kind::ALL.into_iter().find(|known| known.name() == kind).map_or("v1", Kind::api_version)
}

/// The event with the annotations of its newest report.
pub fn annotated(mut event: Value, reported: &Reported) -> Value {
    if let Some(annotations) = &reported.annotations {
        event["metadata"]["annotations"] = annotations.clone();
    }
    event
}

/// The event with its newest count, time and message.
pub fn counted(mut event: Value, by: Reporter, occurrence: &Occurrence) -> Value {
    event["message"] = json!(occurrence.message);
    match by {
        Reporter::Scheduler => {
            event["lastTimestamp"] = Value::Null;
            if occurrence.count > 1 {
                event["series"] = json!({ "count": occurrence.count, "lastObservedTime": micros(occurrence.last) });
            }
        }
        _ => {
            event["count"] = json!(occurrence.count);
            event["lastTimestamp"] = json!(seconds(occurrence.last));
        }
    }
    event
}

/// `metav1.MicroTime`
fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
