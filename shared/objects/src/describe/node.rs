//! The description of a node, with what its pods ask for.

use super::event;
use super::page::{Page, amounts, annotations, pairs};
use super::resources::{Amounts, Side, add, of_pod, read};
use crate::lookup::{flag, list, map, name, namespace, text};
use crate::printing::node_roles;
use crate::quantity::Quantity;
use jiff::Zoned;
use serde_json::Value;

pub(super) fn describe(node: &Value, pods: &[Value], events: &[Value], now: &Zoned) -> String {
    let mut page = Page::new(now);
    page.field(0, "Name", name(node));
    page.field(0, "Roles", node_roles(node));
    page.multi_line("Labels", &pairs(node, "/metadata/labels"));
    page.multi_line("Annotations", &annotations(node));
    let created = page.moment(node, "/metadata/creationTimestamp");
    page.field(0, "CreationTimestamp", created);
    page.multi_line("Taints", &taints(node));
    page.field(0, "Unschedulable", flag(node, "/spec/unschedulable").to_string());
    conditions(&mut page, node);
    page.line(0, "Addresses:");
    for address in list(node, "/status/addresses") {
        page.field(1, text(address, "/type"), text(address, "/address"));
    }
    for (label, pointer) in [("Capacity", "/status/capacity"), ("Allocatable", "/status/allocatable")] {
        let amounts = amounts(node, pointer);
        if !amounts.is_empty() {
            page.line(0, format!("{label}:"));
        }
        amounts.iter().for_each(|(name, amount)| page.field(1, name, amount));
    }
    system_info(&mut page, node);
    let alive: Vec<&Value> = pods.iter().filter(|pod| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")).collect();
    let allocatable = allocatable(node);
    describe_pods(&mut page, &alive, &allocatable);
    describe_allocated(&mut page, &alive, &allocatable);
    event::describe_all(&mut page, events);
    page.finish()
}

fn taints(node: &Value) -> Vec<String> {
    let mut taints: Vec<&Value> = list(node, "/spec/taints").iter().collect();
    taints.sort_by_key(|taint| (text(taint, "/effect"), text(taint, "/key")));
    let shown = |taint: &&Value| match (text(taint, "/key"), text(taint, "/value"), text(taint, "/effect")) {
        (key, "", "") => key.to_owned(),
        (key, "", effect) => format!("{key}:{effect}"),
        (key, value, "") => format!("{key}={value}:"),
        (key, value, effect) => format!("{key}={value}:{effect}"),
    };
    taints.iter().map(shown).collect()
}

fn conditions(page: &mut Page<'_>, node: &Value) {
    let conditions = list(node, "/status/conditions");
    if conditions.is_empty() {
        return;
    }
    page.line(0, "Conditions:");
    page.line(1, "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    page.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for condition in conditions {
        let line = format!(
            "{} \t{} \t{} \t{} \t{} \t{}",
            text(condition, "/type"),
            text(condition, "/status"),
            page.moment(condition, "/lastHeartbeatTime"),
            page.moment(condition, "/lastTransitionTime"),
            text(condition, "/reason"),
            text(condition, "/message"),
        );
        page.line(1, line);
    }
}

fn system_info(page: &mut Page<'_>, node: &Value) {
    page.line(0, "System Info:");
    for (label, field) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
    ] {
        page.field(1, label, text(node, &format!("/status/nodeInfo/{field}")));
    }
    page.optional(0, "PodCIDR", text(node, "/spec/podCIDR"));
    let cidrs: Vec<&str> = list(node, "/spec/podCIDRs").iter().filter_map(Value::as_str).collect();
    page.optional(0, "PodCIDRs", &cidrs.join(","));
    page.optional(0, "ProviderID", text(node, "/spec/providerID"));
}

/// What the node can give: its allocatable amounts, or its capacity where it tells none.
fn allocatable(node: &Value) -> Amounts<'_> {
    let has_some = map(node, "/status/allocatable").is_some_and(|map| !map.is_empty());
    read(node, if has_some { "/status/allocatable" } else { "/status/capacity" })
}

/// `250m (12%)`.
fn share(amounts: &Amounts<'_>, allocatable: &Amounts<'_>, name: &str) -> String {
    let amount = amounts.get(name).copied().unwrap_or(Quantity::ZERO);
    let whole = allocatable.get(name).copied().unwrap_or(Quantity::ZERO);
    let percent = i128::from(amount.to_milli()) * 100 / i128::from(whole.to_milli().max(1));
    let percent = if whole.is_zero() { 0 } else { percent };
    format!("{} ({percent}%)", amount.canonical())
}

fn describe_pods(page: &mut Page<'_>, pods: &[&Value], allocatable: &Amounts<'_>) {
    page.field(0, "Non-terminated Pods", format!("({} in total)", pods.len()));
    page.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    page.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    for pod in pods {
        let (requests, limits) = (of_pod(*pod, Side::Requests), of_pod(*pod, Side::Limits));
        let mut cells = vec![namespace(pod).to_owned(), name(pod).to_owned(), String::new()];
        for resource in ["cpu", "memory"] {
            cells.extend([&requests, &limits].map(|amounts| share(amounts, allocatable, resource)));
        }
        cells.push(page.age(pod, "/metadata/creationTimestamp"));
        page.line(1, cells.join("\t"));
    }
}

fn describe_allocated(page: &mut Page<'_>, pods: &[&Value], allocatable: &Amounts<'_>) {
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    for pod in pods {
        add(&mut requests, &of_pod(*pod, Side::Requests));
        add(&mut limits, &of_pod(*pod, Side::Limits));
    }
    page.line(0, "Allocated resources:");
    page.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)");
    page.line(1, "Resource\tRequests\tLimits");
    page.line(1, "--------\t--------\t------");
    let is_huge_page = |name: &&&str| name.starts_with("hugepages-");
    let standard = ["cpu", "memory", "ephemeral-storage"];
    for name in standard.iter().chain(allocatable.keys().filter(is_huge_page)) {
        let line = format!("{name}\t{}\t{}", share(&requests, allocatable, name), share(&limits, allocatable, name));
        page.line(1, line);
    }
    let is_other = |name: &&&str| !is_huge_page(name) && !standard.contains(name) && **name != "pods";
    for name in allocatable.keys().filter(is_other) {
        let held = |amounts: &Amounts<'_>| amounts.get(name).copied().unwrap_or(Quantity::ZERO).canonical();
        page.line(1, format!("{name}\t{}\t{}", held(&requests), held(&limits)));
    }
}
