//! Cuts a pod down to its row. Pods are what there is most of and what changes most, so their rows are made without a whole object.

use super::{Made, amount, bytes, facts, group, key, of_all, owner, pod_tone, words};
use crate::console::model::columns;
use crate::console::model::packed::Packed;
use crate::console::model::row::{Cell, Resources, Row, Tone};
use objects::json::{Json, condition, list, text};
use objects::printing::{self, PodSummary};
use objects::quantity::Quantity;
use objects::{Kind, describe};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The row of a pod, from its text and as much of it as is to be looked at.
pub(super) fn row<J: Json>(raw: &RawValue, object: &J) -> Option<Row> {
    let pod = Pod {
        object,
        summary: printing::pod_status(object),
        owner: owner(object),
        images: images(object),
        asked: describe::pod_requests(object),
    };
    Some(Row {
        key: key(object)?,
        cells: columns::PODS.iter().map(|column| pod.cell(column)).collect(),
        tone: pod.tone(),
        facts: facts(object, &pod.owner),
        about: None,
        requests: unless_ended(object, &pod.asked),
        limits: limits(object, raw.get()),
        raw: Packed::among(raw, (Kind::Pod, group(object, &pod.owner)), (Kind::Pod, &pod.images)),
    })
}

/// What several cells of a pod are made of.
struct Pod<'o, J> {
    object: &'o J,
    summary: PodSummary,
    owner: String,
    images: String,
    asked: BTreeMap<&'o str, Quantity>,
}

impl<J: Json> Pod<'_, J> {
    fn cell(&self, column: &columns::Column) -> Made<'_> {
        let object = self.object;
        match column.title {
            "NAME" => words(text(object, "/metadata/name")),
            "READY" => words(self.summary.ready_text()),
            "STATUS" => words(&*self.summary.status),
            "IP" => words(printing::pod_ip(object)),
            "NODE" => words(printing::pod_node(object)),
            "GATES" => words(printing::readiness_gates(object)),
            "RESTARTS" => Cell::Restarts(self.summary.restarts, self.summary.last_restart),
            "OWNER" => words(&*self.owner),
            "CPU/R" => self.asked_for("cpu"),
            "MEM/R" => self.asked_for("memory"),
            "QOS" => words(text(object, "/status/qosClass")),
            "ACCOUNT" => words(text(object, "/spec/serviceAccountName")),
            "IMAGES" => words(&*self.images),
            _ => of_all(object, column).unwrap_or_else(|| words("")),
        }
    }

    /// What the pod's containers ask for together: `100m`.
    fn asked_for(&self, resource: &str) -> Made<'static> {
        let Some(asked) = self.asked.get(resource) else { return Cell::Number(0.0, "-".into()) };
        let amount = amount(asked, resource);
        let shown = if resource == "cpu" { format!("{}m", asked.to_milli()) } else { bytes(amount) };
        Cell::Number(amount, shown.into())
    }

    fn tone(&self) -> Tone {
        match pod_tone(&self.summary.status, self.summary.ready >= self.summary.total) {
            Tone::Busy if is_unschedulable(self.object) => Tone::Warn,
            tone => tone,
        }
    }
}

/// What a pod may take at most. Most pods have no limits, which is seen without a look at every container.
fn limits<J: Json>(object: &J, raw: &str) -> Resources {
    if raw.contains("\"limits\"") { unless_ended(object, &describe::pod_limits(object)) } else { Resources::default() }
}

/// Amounts of a pod; nothing once it has ended, as `kubectl describe node` counts.
fn unless_ended<J: Json>(pod: &J, amounts: &BTreeMap<&str, Quantity>) -> Resources {
    if matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
        return Resources::default();
    }
    Resources::of(amounts.get("cpu"), amounts.get("memory"))
}

/// The images without registry and folders.
fn images<J: Json>(pod: &J) -> String {
    let short = |container: &J| text(container, "/image").rsplit('/').next().unwrap_or_default().to_owned();
    list(pod, "/spec/containers").iter().map(short).collect::<Vec<_>>().join(",")
}

/// Whether no node takes the pod: it waits until somebody does something.
fn is_unschedulable<J: Json>(pod: &J) -> bool {
    let placed = condition(pod, "PodScheduled");
    placed.is_some_and(|placed| text(placed, "/status") == "False" && text(placed, "/reason") == "Unschedulable")
}
