//! Waiting until the nodes of a cluster see what they should.

use super::{Cluster, condition};
use crate::eventually;
use serde_json::Value;

impl Cluster {
    /// Waits until an object is as it should be in the eyes of a node.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn wait(&self, node: &str, object: (&str, &str), what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let (kind, name) = object;
        eventually(&format!("{kind} {name} seen by {node}: {what}"), || {
            let seen = self.get(node, kind, name)?;
            if is_so(&seen) { Ok(seen) } else { Err(seen.to_string()) }
        })
    }

    /// Waits until every node sees all nodes as ready.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn wait_whole(&self) {
        for seen_by in &self.nodes {
            for node in &self.nodes {
                self.wait(seen_by, ("node", node), "ready", |node| condition(node, "Ready") == "True");
            }
        }
    }

    /// Waits until a pod is ready in the eyes of a node, and gives it.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn wait_ready(&self, node: &str, pod: &str) -> Value {
        self.wait(node, ("pod", pod), "ready", |pod| condition(pod, "Ready") == "True")
    }

    /// Waits until an object is gone in the eyes of a node.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn wait_gone(&self, node: &str, kind: &str, name: &str) {
        eventually(&format!("{kind} {name} gone for {node}"), || match self.get(node, kind, name) {
            Ok(seen) => Err(seen.to_string()),
            Err(refusal) if refusal.contains("NotFound") => Ok(()),
            Err(refusal) => Err(refusal),
        });
    }

    /// Waits for an event with a reason about an object, as a node sees it, and gives its message.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn wait_event(&self, node: &str, about: &str, reason: &str) -> String {
        eventually(&format!("event {reason} about {about} seen by {node}"), || {
            let events = self.list(node, "events")?;
            let is_it = |event: &&Value| event["involvedObject"]["name"] == about && event["reason"] == reason;
            let found = events.iter().find(is_it).map(|event| event["message"].as_str().unwrap_or_default().to_owned());
            found.ok_or_else(|| {
                let all = events.iter().map(|event| format!("{} {}", event["involvedObject"]["name"], event["reason"]));
                all.collect::<Vec<_>>().join(", ")
            })
        })
    }

    /// Asks every node until all give the same answer, whatever it is, and gives that.
    ///
    /// # Panics
    /// When patience ends.
    #[track_caller]
    pub fn wait_same<T: PartialEq + std::fmt::Debug>(&self, what: &str, ask: impl Fn(&str) -> Result<T, String>) -> T {
        eventually(&format!("{what} is the same everywhere"), || {
            let mut answers = self.nodes.iter().map(|node| ask(node));
            let first = answers.next().ok_or("no node")??;
            for (answer, node) in answers.zip(&self.nodes[1..]) {
                let answer = answer?;
                if answer != first {
                    return Err(format!("n1: {first:#?}\n{node}: {answer:#?}"));
                }
            }
            Ok(first)
        })
    }
}
