//! Namespaces: what every one has, and the orderly end of those that are deleted.

use super::{Collector, conditions, tell};
use crate::foundation;
use objects::{Kind, lookup};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Durability, Key, Object, Preconditions};
use tracing::warn;

/// The account of pods that name none.
const DEFAULT_ACCOUNT: &str = "default";
/// The certificates of the cluster's authorities, in every namespace (`pkg/controller/certificates/rootcacertpublisher`).
pub(super) const ROOT_CERTIFICATES: &str = "kube-root-ca.crt";
const ABOUT_CERTIFICATES: &str = "The certificates of the authorities that sign the certificates of this cluster's daemons.";

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

    /// Every namespace has an account, and the certificates that the cluster's API is known by, and the first one the service of the API;
    /// whether something is not as it should be yet.
    async fn furnish(&mut self, namespace: &Object) -> bool {
        let name = &namespace.key().name;
        let account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": DEFAULT_ACCOUNT, "namespace": name}});
        let mut is_waiting = self.provide(Key::new(Kind::ServiceAccount, name, DEFAULT_ACCOUNT), account, namespace).await;
        if let Some(authorities) = self.verbs.authorities() {
            let key = Key::new(Kind::ConfigMap, name, ROOT_CERTIFICATES);
            let map = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": ROOT_CERTIFICATES, "namespace": name, "annotations": {"kubernetes.io/description": ABOUT_CERTIFICATES}},
                "data": {"ca.crt": authorities},
            });
            is_waiting |= self.provide(key.clone(), map, namespace).await;
            is_waiting |= self.set_right(&key, &authorities).await;
        }
        // It was made with the first start, as all daemons make it: here only what was deleted is missing.
        let service = foundation::api_service();
        let key = Key::new(Kind::Service, lookup::namespace(&service), lookup::name(&service));
        if key.namespace == *name {
            is_waiting |= self.provide(key, service, namespace).await;
        }
        is_waiting
    }

    /// Makes an object that every namespace has; whether it is not there yet.
    async fn provide(&mut self, key: Key, mut object: Value, namespace: &Object) -> bool {
        if self.store.get(&key).is_some() {
            return false;
        }
        let result = if self.store.was_deleted(&key) {
            // Made again, by one of us: made by several it would be several.
            if !self.is_our_turn(&format!("{key} in {}", key.namespace)) {
                return true;
            }
            object["metadata"]["uid"] = foundation::new_uid().into();
            object["metadata"]["creationTimestamp"] = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
            self.store.create(key.clone(), object).await.map(|_| ())
        } else {
            foundation::establish(&self.store, object, namespace.uid()).await
        };
        if let Err(error) = result {
            warn!(object = %key, namespace = key.namespace, %error, "what a namespace has was not made; it is tried again");
            return true;
        }
        false
    }

    /// Writes the certificates where there are others: the keys were renewed, or somebody changed them. Whether they are not right yet.
    async fn set_right(&mut self, key: &Key, authorities: &str) -> bool {
        let Some(found) = self.store.get(key) else { return false };
        let data = json!({"ca.crt": authorities});
        // The text of the certificates as it stands in JSON.
        if found.json().get().contains(&data["ca.crt"].to_string()) && found.to_value()["data"] == data {
            return false;
        }
        let what = format!("{key} in {} after {}", key.namespace, found.resource_version());
        if self.is_our_turn(&what)
            && let Err(status) = self.change(key, found.uid(), |map| map["data"] = data.clone()).await
        {
            tell(key, &status);
        }
        true
    }

    /// Deletes what is in a namespace that goes, and then the namespace.
    async fn end(&mut self, namespace: &Arc<Object>) {
        let (key, uid) = (namespace.key(), namespace.uid());
        let old = namespace.to_value().get("status").cloned().unwrap_or_default();
        let content = self.content_of(&key.name);
        let status = conditions::status(&content, &old, jiff::Timestamp::now());
        // Whoever is quicker writes that it goes; what is left in it one of us tells.
        let is_first = lookup::text(&old, "/phase") != "Terminating";
        if status != old && (is_first || self.is_our_turn(&format!("status of {key} {}", namespace.resource_version()))) {
            let only_if = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
            let _ = self.store.update_status(key.clone(), status, only_if, Durability::Now).await;
        }
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
