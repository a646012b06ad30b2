//! The description of a pod.

use super::container::{self, Group};
use super::page::{Page, annotations, pairs};
use super::{event, resources, volume};
use crate::lookup::{condition, flag, list, name, namespace, number, text};
use jiff::Zoned;
use serde_json::Value;

pub(super) fn describe(pod: &Value, events: &[Value], now: &Zoned) -> String {
    let mut page = Page::new(now);
    identity(&mut page, pod);
    phase(&mut page, pod);
    addresses(&mut page, pod);
    if pod.pointer("/spec/resources").is_some() {
        page.line(0, "Resources:");
        resources::requirements(&mut page, &pod["spec"]["resources"], 1);
    }
    for group in [Group::Init, Group::Main, Group::Ephemeral] {
        container::describe_all(&mut page, pod, group);
    }
    conditions(&mut page, pod);
    volume::describe_all(&mut page, pod);
    let qos = text(pod, "/status/qosClass");
    page.field(0, "QoS Class", if qos.is_empty() { "BestEffort" } else { qos });
    page.multi_line("Node-Selectors", &pairs(pod, "/spec/nodeSelector"));
    page.multi_line("Tolerations", &tolerations(pod));
    event::describe_all(&mut page, events);
    page.finish()
}

fn identity(page: &mut Page<'_>, pod: &Value) {
    page.field(0, "Name", name(pod));
    page.field(0, "Namespace", namespace(pod));
    if pod.pointer("/spec/priority").is_some() {
        page.field(0, "Priority", number(pod, "/spec/priority").to_string());
    }
    page.optional(0, "Priority Class Name", text(pod, "/spec/priorityClassName"));
    page.optional(0, "Runtime Class Name", text(pod, "/spec/runtimeClassName"));
    page.optional(0, "Service Account", text(pod, "/spec/serviceAccountName"));
    match text(pod, "/spec/nodeName") {
        "" => page.field(0, "Node", "<none>"),
        node => page.field(0, "Node", format!("{node}/{}", text(pod, "/status/hostIP"))),
    }
    if pod.pointer("/status/startTime").is_some_and(Value::is_string) {
        let started = page.moment(pod, "/status/startTime");
        page.field(0, "Start Time", started);
    }
    page.multi_line("Labels", &pairs(pod, "/metadata/labels"));
    page.multi_line("Annotations", &annotations(pod));
}

fn phase(page: &mut Page<'_>, pod: &Value) {
    let phase = text(pod, "/status/phase");
    let is_deleted = pod.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string);
    if is_deleted && !matches!(phase, "Failed" | "Succeeded") {
        let since = page.age(pod, "/metadata/deletionTimestamp");
        page.field(0, "Status", format!("Terminating (lasts {since})"));
        page.field(0, "Termination Grace Period", format!("{}s", number(pod, "/metadata/deletionGracePeriodSeconds")));
    } else {
        page.field(0, "Status", phase);
    }
    page.optional(0, "Reason", text(pod, "/status/reason"));
    page.optional(0, "Message", text(pod, "/status/message"));
    page.optional(0, "SeccompProfile", text(pod, "/spec/securityContext/seccompProfile/type"));
    page.optional(0, "LocalhostProfile", text(pod, "/spec/securityContext/seccompProfile/localhostProfile"));
}

fn addresses(page: &mut Page<'_>, pod: &Value) {
    page.field(0, "IP", text(pod, "/status/podIP"));
    let ips = list(pod, "/status/podIPs");
    if ips.is_empty() {
        page.field(0, "IPs", "<none>");
    } else {
        page.line(0, "IPs:");
        ips.iter().for_each(|ip| page.field(1, "IP", text(ip, "/ip")));
    }
    if let Some(owner) = list(pod, "/metadata/ownerReferences").iter().find(|owner| flag(owner, "/controller")) {
        page.field(0, "Controlled By", format!("{}/{}", text(owner, "/kind"), text(owner, "/name")));
    }
    page.optional(0, "NominatedNodeName", text(pod, "/status/nominatedNodeName"));
}

fn conditions(page: &mut Page<'_>, pod: &Value) {
    let gates = list(pod, "/spec/readinessGates");
    if !gates.is_empty() {
        page.line(0, "Readiness Gates:");
        page.line(1, "Type\tStatus");
        for gate in gates {
            let kind = text(gate, "/conditionType");
            let status = condition(pod, kind).map_or("<none>", |condition| text(condition, "/status"));
            page.line(1, format!("{kind} \t{status} "));
        }
    }
    let conditions = list(pod, "/status/conditions");
    if !conditions.is_empty() {
        page.line(0, "Conditions:");
        page.line(1, "Type\tStatus");
        for condition in conditions {
            page.line(1, format!("{} \t{} ", text(condition, "/type"), text(condition, "/status")));
        }
    }
}

fn tolerations(pod: &Value) -> Vec<String> {
    let mut tolerations: Vec<&Value> = list(pod, "/spec/tolerations").iter().collect();
    tolerations.sort_by_key(|toleration| text(toleration, "/key"));
    tolerations.into_iter().map(toleration).collect()
}

/// `key=value:effect op=Exists for 300s`.
fn toleration(toleration: &Value) -> String {
    let (key, value, effect) = (text(toleration, "/key"), text(toleration, "/value"), text(toleration, "/effect"));
    let mut line = key.to_owned();
    if !value.is_empty() {
        line += &format!("={value}");
    }
    if !effect.is_empty() {
        line += &format!(":{effect}");
    }
    if text(toleration, "/operator") == "Exists" && value.is_empty() {
        line += if key.is_empty() && effect.is_empty() { "op=Exists" } else { " op=Exists" };
    }
    if toleration.pointer("/tolerationSeconds").is_some_and(Value::is_number) {
        line += &format!(" for {}s", number(toleration, "/tolerationSeconds"));
    }
    line
}
