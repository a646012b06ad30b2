//! Tells that nodes came, went, fell silent and came back. Who tells what is decided by `control::node_events`.

use crate::events::{About, Recorder, Reporter};
use crate::shutdown::Shutdown;
use control::membership::Members;
use control::node_events::{News, NodeEvent, NodeReporter, POD_MESSAGE, POD_REASON, Standing};
use control::pod::EventType;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use objects::Kind;
use std::collections::BTreeSet;
use std::time::Duration;
use store::{ChangeKind, Object, Store};
use tokio::sync::watch;
use tokio::time::Instant;

/// A daemon that starts sees nobody at first; until then it says nothing of the others.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// After a change of members, what the others know is waited for.
const SETTLE: Duration = Duration::from_secs(1);

/// The task. See the module.
pub struct NodeReports {
    store: Store,
    recorder: Recorder,
    members: watch::Receiver<Members>,
    reporter: NodeReporter,
    nodes: BTreeSet<String>,
}

impl NodeReports {
    /// A task over a store, and who is alive as this node sees it.
    pub fn new(store: Store, recorder: Recorder, members: watch::Receiver<Members>) -> Self {
        let reporter = NodeReporter::new(members.borrow().clone());
        Self { store, recorder, members, reporter, nodes: BTreeSet::new() }
    }

    /// Tells until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let (list, mut events) = self.store.list_and_watch(Kind::Event, None);
        for event in &list.items {
            self.hear(event);
        }
        let (list, mut nodes) = self.store.list_and_watch(Kind::Node, None);
        self.take_nodes(&list.items);
        let mut members = self.members.clone();
        let mut not_before = Instant::now() + FIRST_LOOK;
        let mut is_due = true;
        loop {
            // Watchers and the members hold positions, the time stands: nothing is lost when another arm wins.
            tokio::select! {
                    () = shutdown.wait() => return,
                    Ok(()) = members.changed() => {
                        self.reporter.seen(members.borrow_and_update().clone());
                        not_before = not_before.max(Instant::now() + SETTLE);
                        is_due = true;
                    }
                    change = nodes.next() => {
                        is_due = true;
                        match change {
                        Ok(change) if change.kind == ChangeKind::Deleted => {
                            self.nodes.remove(&change.object.key().name);
                            let news = self.reporter.removed(&change.object.key().name);
                            news.iter().for_each(|event| self.tell(event));
                        }
                        Ok(change) => self.add(&change.object),
                        Err(_) => {
                            let (list, again) = self.store.list_and_watch(Kind::Node, None);
                            nodes = again;
                            self.take_nodes(&list.items);
                        }
                        }
                    }
                    change = events.next() => match change {
                        Ok(change) if change.kind != ChangeKind::Deleted => is_due |= self.hear(&change.object),
                        Ok(_) => {}
                        Err(_) => {
                            let (list, again) = self.store.list_and_watch(Kind::Event, None);
                            events = again;
                            for event in &list.items {
                is_due |= self.hear(event);
            }
                        }
                    },
                    () = tokio::time::sleep_until(not_before), if is_due => {
                        is_due = false;
                        self.reporter.due(Timestamp::now()).iter().for_each(|event| self.tell(event));
                    }
                }
        }
    }

    fn take_nodes(&mut self, list: &[std::sync::Arc<Object>]) {
        let here: BTreeSet<String> = list.iter().map(|node| node.key().name.clone()).collect();
        for gone in self.nodes.difference(&here) {
            self.reporter.removed(gone);
        }
        self.nodes.retain(|node| here.contains(node));
        list.iter().for_each(|node| self.add(node));
    }

    fn add(&mut self, object: &Object) {
        let name = &object.key().name;
        if !self.nodes.insert(name.clone()) {
            return;
        }
        let created = object.parse::<Node>().ok().and_then(|node| node.metadata.creation_timestamp).map(|time| time.0);
        let news = self.reporter.added(Timestamp::now(), name, created);
        news.iter().for_each(|event| self.tell(event));
    }

    /// What was said of a node, by whomever; whether it was something.
    fn hear(&mut self, object: &Object) -> bool {
        // Most events are about something else, and are not worth reading.
        let text = object.json().get();
        if !["\"NodeReady\"", "\"NodeNotReady\"", "\"RegisteredNode\""].iter().any(|reason| text.contains(reason)) {
            return false;
        }
        let Ok(event) = object.parse::<Event>() else { return false };
        if event.reason.as_deref().is_some_and(NodeEvent::is_registration) {
            event.involved_object.name.iter().for_each(|name| self.reporter.heard_registered(name));
            return false;
        }
        let standing = event.reason.as_deref().and_then(Standing::parse);
        let (about, at) = (event.involved_object, event.last_timestamp.map(|time| time.0));
        let is_ours = event.reporting_component.as_deref() == Some(Reporter::NodeController.component());
        if let (Some("Node"), Some(name), Some(standing), Some(at)) = (about.kind.as_deref(), about.name, standing, at) {
            // That a node says of itself that it is not ready says nothing about whether it is seen.
            if is_ours || standing == Standing::Ready {
                self.reporter.heard(&name, standing, at);
                return true;
            }
        }
        false
    }

    fn tell(&self, event: &NodeEvent) {
        let report = |about, kind, reason: &str, message: String| {
            self.recorder.report_by(Reporter::NodeController, about, kind, (reason, message));
        };
        report(About::node(&event.node), EventType::Normal, event.reason(), event.message());
        if event.news != News::Standing(Standing::NotReady) {
            return;
        }
        for pod in self.store.pods_on(&event.node).iter().filter_map(|object| object.parse::<Pod>().ok()) {
            report(About::pod(&pod, None), EventType::Warning, POD_REASON, POD_MESSAGE.to_owned());
        }
    }
}
