//! Namespaces: what every one has, and the orderly end of those that are deleted.

use super::{Collector, tell};
use crate::foundation;
use objects::{Kind, lookup};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Durability, Key, Object, Preconditions};
use tracing::warn;

/// The account of pods that name none.
const DEFAULT_ACCOUNT: &str = "default";

impl Collector {
    /// Furnishes namespaces, and empties those that go; whether something is left to do.
    pub(super) async fn look_at_namespaces(&mut self) -> bool {
        let mut is_waiting = false;
        let namespaces = self.store.list(Kind::Namespace, None).items;
        for namespace in &namespaces {
            // The text has the word in its fields' managers at most.
            let is_leaving = namespace.json().get().contains("deletionTimestamp")
                && namespace.to_value().pointer("/metadata/deletionTimestamp").is_some();
            if is_leaving {
                is_waiting = true;
                self.end(namespace).await;
            } else {
                is_waiting |= self.furnish(namespace).await;
            }
        }
        is_waiting | self.sweep(&namespaces).await
    }

    /// Every namespace has an account; whether it has none yet.
    async fn furnish(&mut self, namespace: &Object) -> bool {
        let name = &namespace.key().name;
        let key = Key::new(Kind::ServiceAccount, name, DEFAULT_ACCOUNT);
        if self.store.get(&key).is_some() {
            return false;
        }
        let account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": DEFAULT_ACCOUNT, "namespace": name}});
        let result = if self.store.was_deleted(&key) {
            // Made again, by one of us: made by several it would be several.
            if !self.is_our_turn(&format!("{key} in {name}")) {
                return true;
            }
            let mut account = account;
            account["metadata"]["uid"] = foundation::new_uid().into();
            account["metadata"]["creationTimestamp"] = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
            self.store.create(key.clone(), account).await.map(|_| ())
        } else {
            foundation::establish(&self.store, account, namespace.uid()).await
        };
        if let Err(error) = result {
            warn!(object = %key, namespace = name, error = %error, "a namespace's account was not made; it is tried again");
            return true;
        }
        false
    }

    /// Deletes what is in a namespace that goes, and then the namespace.
    async fn end(&mut self, namespace: &Arc<Object>) {
        let (key, uid) = (namespace.key(), namespace.uid());
        let value = namespace.to_value();
        if lookup::text(&value, "/status/phase") != "Terminating" {
            let only_if = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
            // Whoever is quicker writes the same.
            let _ = self.store.update_status(key.clone(), json!({"phase": "Terminating"}), only_if, Durability::Now).await;
        }
        let content = self.content_of(&key.name);
        if content.is_empty() {
            if self.is_our_turn(&format!("end of {key} {uid}"))
                && let Err(status) = self.change(key, uid, release).await
            {
                tell(key, &status);
            }
            return;
        }
        self.clear(content).await;
    }

    /// Deletes what is in namespaces that are gone: made elsewhere before that was known there.
    async fn sweep(&mut self, namespaces: &[Arc<Object>]) -> bool {
        let there: BTreeSet<&str> = namespaces.iter().map(|namespace| namespace.key().name.as_str()).collect();
        let mut gone = BTreeSet::new();
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_namespaced()) {
            for object in self.store.list(kind, None).items {
                let namespace = &object.key().namespace;
                if !there.contains(namespace.as_str()) && self.store.was_deleted(&Key::new(Kind::Namespace, "", namespace)) {
                    gone.insert(namespace.clone());
                }
            }
        }
        for namespace in &gone {
            let content = self.content_of(namespace);
            self.clear(content).await;
        }
        !gone.is_empty()
    }

    fn content_of(&self, namespace: &str) -> Vec<Arc<Object>> {
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_namespaced());
        kinds.flat_map(|kind| self.store.list(kind, Some(namespace)).items).collect()
    }

    /// Deletes all of these that are not to be deleted yet.
    async fn clear(&mut self, content: Vec<Arc<Object>>) {
        for object in content {
            let is_marked = object.json().get().contains("deletionTimestamp")
                && object.to_value().pointer("/metadata/deletionTimestamp").is_some();
            if is_marked || !self.is_our_turn(&format!("{} {}", object.key(), object.uid())) {
                continue;
            }
            if let Err(status) = self.delete(object.key(), object.uid(), None).await {
                tell(object.key(), &status);
            }
        }
    }
}

/// Takes off the finalizer that stood for the namespace's content.
fn release(namespace: &mut Value) {
    if let Some(spec) = namespace.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("finalizers");
    }
}
