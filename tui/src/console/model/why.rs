//! Why a pod is not ready: the steps on its way to readiness, each with how it stands, and what to look at next.
//!
//! The steps are those of a pod's life: accepted, scheduled, its node, its volumes, each container with image, start and
//! probes, readiness gates. The first one that is not as it should be is the reason; what comes after it only waits.

mod container;
mod workload;

pub use container::asks;
pub use workload::of as workload;

use super::row::Tone;
use jiff::Timestamp;
use objects::Kind;
use objects::lookup::{condition, flag, is_true, list, text, time};
use objects::printing::{event_count, event_last_seen};
use serde_json::Value;

/// Where a step leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lead {
    /// The log of a container, or that of its instance before.
    Log {
        /// Which container.
        container: String,
        /// Whether the instance before is meant.
        is_previous: bool,
    },
    /// The events about the pod.
    Events,
    /// What the pod's probes came to.
    Probes,
    /// The pod's manifest.
    Edit,
    /// A node.
    Node(String),
    /// A pod of the same namespace.
    Pod(String),
}

/// Whether one can ask why an object of that kind is not ready.
pub const fn is_asked(kind: Kind) -> bool {
    matches!(kind, Kind::Pod | Kind::Node) || kind.makes_pods()
}

/// One step on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How it stands.
    pub tone: Tone,
    /// What it is: `scheduled`, `image`, `container web`.
    pub what: String,
    /// How it stands, in words.
    pub says: String,
    /// Since when, or when it was.
    pub at: Option<Timestamp>,
    /// More, line by line.
    pub details: Vec<String>,
    /// Where to look.
    pub leads: Vec<Lead>,
}

impl Step {
    /// A step without details.
    pub fn new(tone: Tone, what: impl Into<String>, says: impl Into<String>) -> Self {
        Self { tone, what: what.into(), says: says.into(), at: None, details: Vec::new(), leads: Vec::new() }
    }

    fn at(self, at: Option<Timestamp>) -> Self {
        Self { at, ..self }
    }

    fn detail(mut self, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        if !detail.is_empty() {
            self.details.push(detail);
        }
        self
    }

    fn lead(mut self, lead: Lead) -> Self {
        self.leads.push(lead);
        self
    }

    /// Whether it keeps the pod from being ready.
    pub fn is_cause(&self) -> bool {
        matches!(self.tone, Tone::Bad | Tone::Warn)
    }
}

/// What is known of the node that a pod is on.
#[derive(Debug, Clone, Default)]
pub struct NodeView {
    /// Since when it is not seen from here.
    pub unseen_since: Option<Timestamp>,
    /// Its object, where it is known.
    pub object: Option<Value>,
}

/// The answer to the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// How the pod stands.
    pub tone: Tone,
    /// The answer in one sentence.
    pub verdict: String,
    /// The way, step by step.
    pub steps: Vec<Step>,
}

/// Why a pod is not ready, or that it is.
pub fn pod(pod: &Value, events: &[Value], node: &NodeView) -> Why {
    let mut steps = Vec::new();
    if let Some(deleted) = time(pod, "/metadata/deletionTimestamp") {
        let grace = objects::lookup::number(pod, "/metadata/deletionGracePeriodSeconds");
        let says = format!("it is being deleted; its containers have {grace}s to end");
        let finalizers: Vec<&str> = list(pod, "/metadata/finalizers").iter().filter_map(Value::as_str).collect();
        let held = if finalizers.is_empty() { String::new() } else { format!("held by finalizers: {}", finalizers.join(", ")) };
        steps.push(Step::new(Tone::Warn, "deleted", says).at(Some(deleted)).detail(held).lead(Lead::Events));
    }
    steps.push(Step::new(Tone::Ok, "accepted", "the daemon keeps it").at(time(pod, "/metadata/creationTimestamp")));
    let is_placed = scheduled(pod, events, &mut steps);
    if is_placed {
        node_step(pod, node, &mut steps);
        sandbox(pod, events, &mut steps);
        container::all(pod, events, &mut steps);
        gates(pod, &mut steps);
    }
    if node.unseen_since.is_some() {
        // What was well when the node was seen last is not known to be so now.
        let after = steps.iter().position(|step| step.what == "node").map_or(steps.len(), |at| at + 1);
        for step in &mut steps[after..] {
            step.tone = if step.tone == Tone::Done { Tone::Done } else { Tone::Plain };
        }
    }
    verdict(pod, steps)
}

fn verdict(pod: &Value, steps: Vec<Step>) -> Why {
    let is_ready = is_true(pod, "Ready");
    let worst = steps.iter().find(|step| step.tone == Tone::Bad).or_else(|| steps.iter().find(|step| step.is_cause()));
    let waits = steps.iter().find(|step| step.tone == Tone::Busy);
    let (tone, verdict) = match (text(pod, "/status/phase"), worst, waits) {
        ("Succeeded", ..) => (Tone::Done, "It ended well: every container finished with code 0.".to_owned()),
        (_, Some(step), _) => (step.tone, format!("{}: {}", step.what, step.says)),
        (_, None, Some(step)) => (Tone::Busy, format!("It is on its way. {}: {}", step.what, step.says)),
        ("Failed", ..) => (Tone::Bad, format!("It failed. {}", text(pod, "/status/message"))),
        _ if is_ready => (Tone::Ok, "It is ready.".to_owned()),
        _ => (Tone::Busy, "Nothing is known to be wrong; its node has not reported it ready yet.".to_owned()),
    };
    Why { tone, verdict, steps }
}

/// Says whether a node was found.
fn scheduled(pod: &Value, events: &[Value], steps: &mut Vec<Step>) -> bool {
    let node = text(pod, "/spec/nodeName");
    let placed = condition(pod, "PodScheduled");
    let at = placed.and_then(|placed| time(placed, "/lastTransitionTime"));
    if !node.is_empty() {
        steps.push(Step::new(Tone::Ok, "scheduled", format!("to node {node}")).at(at).lead(Lead::Node(node.to_owned())));
        return true;
    }
    let gates: Vec<&str> = list(pod, "/spec/schedulingGates").iter().map(|gate| text(gate, "/name")).collect();
    if !gates.is_empty() {
        let says = format!("held by scheduling gates: {}", gates.join(", "));
        steps.push(
            Step::new(Tone::Warn, "scheduled", says).detail("removing the gates from the spec lets it go").lead(Lead::Edit),
        );
        return false;
    }
    let message = placed.map_or("", |placed| text(placed, "/message"));
    let failed = newest(events, |reason| reason == "FailedScheduling");
    let said = if message.is_empty() { failed.map_or("", |event| text(event, "/message")) } else { message };
    steps.push(if said.is_empty() {
        Step::new(Tone::Busy, "scheduled", "no node has been chosen yet").at(at).lead(Lead::Events)
    } else {
        Step::new(Tone::Bad, "scheduled", format!("no node takes it: {said}")).at(at).lead(Lead::Events).lead(Lead::Edit)
    });
    false
}

fn node_step(pod: &Value, node: &NodeView, steps: &mut Vec<Step>) {
    let name = text(pod, "/spec/nodeName");
    let lead = Lead::Node(name.to_owned());
    if let Some(since) = node.unseen_since {
        let says = format!("{name} is not seen from here; what follows was known then");
        steps.push(Step::new(Tone::Bad, "node", says).at(Some(since)).lead(lead));
        return;
    }
    let Some(object) = &node.object else { return };
    let ready = condition(object, "Ready");
    if ready.is_some_and(|ready| text(ready, "/status") != "True") {
        let why = ready.map_or("", |ready| text(ready, "/message"));
        steps.push(Step::new(Tone::Bad, "node", format!("{name} is not ready")).detail(why).lead(lead));
        return;
    }
    let pressed = list(object, "/status/conditions")
        .iter()
        .filter(|condition| text(condition, "/type").ends_with("Pressure") && text(condition, "/status") == "True");
    let pressed: Vec<&str> = pressed.map(|condition| text(condition, "/type")).collect();
    steps.push(if pressed.is_empty() {
        Step::new(Tone::Ok, "node", format!("{name} is ready")).lead(lead)
    } else {
        Step::new(Tone::Warn, "node", format!("{name} is short of room: {}", pressed.join(", "))).lead(lead)
    });
}

/// What has to be there before the first container: the pod's network and its volumes.
fn sandbox(pod: &Value, events: &[Value], steps: &mut Vec<Step>) {
    let statuses = list(pod, "/status/initContainerStatuses").iter().chain(list(pod, "/status/containerStatuses"));
    let mut began = false;
    for status in statuses {
        let waits = matches!(text(status, "/state/waiting/reason"), "" | "ContainerCreating" | "PodInitializing");
        began |= !waits || status.pointer("/state/running").is_some() || status.pointer("/state/terminated").is_some();
    }
    let is_failure =
        |reason: &str| matches!(reason, "FailedMount" | "FailedAttachVolume" | "FailedCreatePodSandBox" | "NetworkNotReady");
    let failed = newest(events, is_failure);
    match failed {
        Some(event) if !began => {
            let what = if text(event, "/reason").contains("Sandbox") { "sandbox" } else { "volumes" };
            let step = Step::new(Tone::Bad, what, text(event, "/message").trim().to_owned()).at(event_last_seen(event));
            steps.push(step.detail(times(event)).lead(Lead::Events).lead(Lead::Edit));
        }
        _ if began => {
            let ip = text(pod, "/status/podIP");
            let says = if ip.is_empty() { "network and volumes are there".to_owned() } else { format!("address {ip}") };
            steps.push(Step::new(Tone::Ok, "sandbox", says));
        }
        _ => {}
    }
}

fn gates(pod: &Value, steps: &mut Vec<Step>) {
    for gate in list(pod, "/spec/readinessGates") {
        let name = text(gate, "/conditionType");
        let status = condition(pod, name).map_or("missing", |condition| text(condition, "/status"));
        let tone = if status == "True" { Tone::Ok } else { Tone::Warn };
        let says = if status == "True" {
            "is met".to_owned()
        } else {
            format!("its condition is {status}; somebody else has to set it")
        };
        steps.push(Step::new(tone, format!("readiness gate {name}"), says));
    }
}

/// The newest event with such a reason.
fn newest(events: &[Value], is_wanted: impl Fn(&str) -> bool) -> Option<&Value> {
    events.iter().filter(|event| is_wanted(text(event, "/reason"))).max_by_key(|event| event_last_seen(event))
}

/// The newest event of a container with such a reason.
fn newest_of<'a>(events: &'a [Value], container: &str, is_wanted: impl Fn(&str) -> bool) -> Option<&'a Value> {
    let is_about = |event: &&Value| text(event, "/involvedObject/fieldPath").ends_with(&format!("{{{container}}}"));
    events.iter().filter(is_about).filter(|event| is_wanted(text(event, "/reason"))).max_by_key(|event| event_last_seen(event))
}

fn times(event: &Value) -> String {
    match event_count(event) {
        1 => String::new(),
        count => format!("told {count} times"),
    }
}

/// Why a node takes no pods, or that it does.
pub fn node(node: &Value, unseen_since: Option<Timestamp>) -> Why {
    let mut steps = Vec::new();
    let name = objects::lookup::name(node).to_owned();
    let seen = match unseen_since {
        Some(since) => Step::new(Tone::Bad, "seen", "it does not answer; what is shown was known then").at(Some(since)),
        None => Step::new(Tone::Ok, "seen", "it answers its peers"),
    };
    steps.push(seen);
    for condition in list(node, "/status/conditions") {
        let (kind, status) = (text(condition, "/type"), text(condition, "/status"));
        let is_good = (kind == "Ready") == (status == "True");
        let tone = match status {
            "Unknown" if kind != "Ready" => Tone::Plain,
            _ if is_good => Tone::Ok,
            _ => Tone::Bad,
        };
        let step = Step::new(tone, kind, status).at(time(condition, "/lastTransitionTime"));
        steps.push(step.detail(if is_good { "" } else { text(condition, "/message") }));
    }
    if flag(node, "/spec/unschedulable") {
        steps.push(Step::new(Tone::Warn, "cordoned", "no new pods come to it; uncordoning (xu) lets them"));
    }
    for taint in list(node, "/spec/taints") {
        let (key, effect) = (text(taint, "/key"), text(taint, "/effect"));
        let what = if effect == "NoExecute" { "are put out" } else { "stay away" };
        steps.push(Step::new(Tone::Warn, "taint", format!("{key}:{effect}; pods without a toleration for it {what}")));
    }
    let worst = steps.iter().find(|step| step.tone == Tone::Bad).or_else(|| steps.iter().find(|step| step.is_cause()));
    let (tone, verdict) = match worst {
        Some(step) => (step.tone, format!("{}: {}", step.what, step.says)),
        None => (Tone::Ok, format!("{name} is ready and takes pods.")),
    };
    Why { tone, verdict, steps }
}

#[cfg(test)]
mod tests;
