//! The events about an object.

use super::row::{Key, Row};
use super::store::Store;
use objects::Kind;
use objects::lookup::text;
use serde_json::Value;

/// The events about an object, and not about one of its name in another namespace, or about an earlier one.
pub fn events(store: &Store, kind: Kind, key: &Key) -> Vec<Value> {
    let is_about = |row: &Row| row.about.as_deref().is_some_and(|about| about.is(kind.name(), key));
    // A node is named by its name in the place of the uid (`k8s.io/kubernetes/pkg/kubelet/kubelet.go`).
    let uid = store.of(kind).find(key).filter(|_| kind.is_namespaced()).map(Row::uid).unwrap_or_default();
    let is_its = |event: &Value| {
        let about = text(event, "/involvedObject/uid");
        about.is_empty() || uid.is_empty() || about == uid
    };
    let events = store.of(Kind::Event).iter().filter(|(_, row)| is_about(row)).map(|(_, row)| row.object());
    events.filter(is_its).collect()
}

#[cfg(test)]
mod tests {
    use super::events;
    use crate::console::model::project;
    use crate::console::model::row::Key;
    use crate::console::model::store::Store;
    use objects::Kind;
    use serde_json::{Value, json};

    fn put(store: &mut Store, kind: Kind, object: &Value) {
        store.of_mut(kind).put(project::row_of(kind, object).expect("it has a name"));
    }

    #[test]
    fn events_of_an_earlier_object_and_of_another_namespace_are_not_its() {
        let mut store = Store::default();
        put(&mut store, Kind::Pod, &json!({"metadata": {"name": "web", "namespace": "a", "uid": "new"}}));
        put(&mut store, Kind::Node, &json!({"metadata": {"name": "oak", "uid": "u"}}));
        for (name, kind, namespace, object, uid) in [
            ("1", "Pod", "a", "web", "old"),
            ("2", "Pod", "a", "web", "new"),
            ("3", "Pod", "b", "web", "other"),
            ("4", "Pod", "a", "web", ""),
            ("5", "Node", "", "oak", "oak"),
        ] {
            let about = json!({"kind": kind, "namespace": namespace, "name": object, "uid": uid});
            put(&mut store, Kind::Event, &json!({"metadata": {"name": name, "namespace": "a"}, "involvedObject": about}));
        }
        let found = |kind: Kind, namespace: &str, name: &str| {
            let found = events(&store, kind, &Key { namespace: namespace.into(), name: name.into() });
            let mut names: Vec<String> = found.iter().map(|event| objects::lookup::name(event).to_owned()).collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(found(Kind::Pod, "a", "web"), "2 4");
        assert_eq!(found(Kind::Pod, "b", "web"), "3", "of an object that is gone all there are");
        assert_eq!(found(Kind::Node, "", "oak"), "5");
    }
}
