//! Events about replicas that met again: changes that lost, and nodes that are back in sight.

use super::{About, Recorder, Reporter, Said};
use control::conflict::{self, Conflict, conflict};
use control::events::Subject;
use control::pod::EventType;
use control::sides::Met;
use store::{LostWrite, Store};
use tracing::warn;

impl Recorder {
    /// Reports changes of this node that lost against others', each about its object, with the lost object in an annotation. Never waits.
    pub fn report_lost(&self, store: &Store, lost: &[LostWrite]) {
        for write in lost {
            let kept = store.record(&write.id);
            if let Some(conflict) = conflict(&write.id, &write.lost, &write.winner, kept.as_ref()) {
                self.report_conflict(conflict);
            }
        }
    }

    fn report_conflict(&self, conflict: Conflict) {
        warn!(
            kind = conflict.kind.name(),
            namespace = conflict.namespace,
            name = conflict.name,
            reason = conflict.reason,
            "a change made on this node was lost"
        );
        let annotations = conflict::annotations(&conflict);
        let Conflict { kind, namespace, name, uid, reason, message, .. } = conflict;
        let subject = Subject { kind: kind.name().to_owned(), namespace, name, uid };
        let about = About { subject, field_path: None };
        self.report_said(Reporter::Replica, about, EventType::Warning, Said { reason, message, annotations });
    }

    /// Reports that nodes are back in sight, about this node. Never waits.
    pub fn report_met(&self, met: &Met) {
        let said = Said { reason: Met::REASON, message: met.message(&self.node_name), annotations: None };
        self.report_said(Reporter::Replica, About::node(&self.node_name), EventType::Normal, said);
    }
}

#[cfg(test)]
mod tests {
    use crate::events;
    use crate::shutdown;
    use control::record::{Body, Part, Record, RecordId, Stamp};
    use control::sides::Met;
    use control::version::{NodeId, Version};
    use objects::Kind;
    use serde_json::{Value, json};
    use store::{Key, Preconditions, Settings, Store};

    fn pod(image: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kubia", "namespace": "default", "uid": "u"},
               "spec": {"containers": [{"name": "main", "image": image}]}})
    }

    #[tokio::test]
    async fn a_lost_change_can_be_read_in_an_event_about_its_object() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (store, writer, _) = Store::open(folder.path(), NodeId::from("n1"), Settings::default()).expect("a store");
        std::thread::spawn(|| writer.run());
        let (recorder, writer) = events::channel("n1", store.clone());
        let key = Key::new(Kind::Pod, "default", "kubia");
        let id = RecordId { object: "pods/default/kubia".into(), part: Part::Spec };
        store.create(key.clone(), pod("kubia:v1")).await.expect("created");
        let first = store.record(&id).expect("a record");
        store.update(key, pod("kubia:v2"), Preconditions::default()).await.expect("changed");
        // Elsewhere it was changed a little later, by somebody who knew of the first version only.
        let ours = store.record(&id).expect("a record").stamp;
        let version = Version { wall_ms: ours.version.wall_ms + 1, counter: 0, node: NodeId::from("n2") };
        let stamp = Stamp { version: version.clone(), ..ours };
        let theirs =
            Record { stamp, ancestry: first.ancestry.with(&version), body: Body::Json(pod("kubia:v3").to_string().into()) };
        let report = store.merge(vec![(id, theirs)]).await.expect("merged");
        assert_eq!(report.lost.len(), 1);

        recorder.report_lost(&store, &report.lost);
        recorder.report_met(&Met { nodes: vec!["n2".into()], apart_ms: 40_000, changed: 1, examples: vec![], lost: 1 });
        let (trigger, shutdown) = shutdown::signal();
        trigger.shut_down();
        writer.run(shutdown).await;
        let written: Vec<Value> =
            store.list(Kind::Event, None).items.iter().map(|event| event.parse().expect("an event")).collect();
        let of = |reason: &str| written.iter().find(|event| event["reason"] == reason).expect("it was written");
        let lost = of("ChangeOverwritten");
        assert_eq!((&lost["involvedObject"]["uid"], &lost["type"]), (&json!("u"), &json!("Warning")));
        let message = lost["message"].as_str().expect("a message");
        assert!(message.contains("spec.containers[0].image was \"kubia:v2\", is \"kubia:v3\""), "{message}");
        let kept = lost["metadata"]["annotations"]["skiff.dev/lost-object"].as_str().expect("an annotation");
        let kept: Value = serde_json::from_str(kept).expect("a manifest");
        assert_eq!((&kept["kind"], &kept["spec"]["containers"][0]["image"]), (&json!("Pod"), &json!("kubia:v2")));
        let met = of("SidesMet");
        assert_eq!((&met["involvedObject"]["kind"], &met["involvedObject"]["name"]), (&json!("Node"), &json!("n1")));
    }
}
