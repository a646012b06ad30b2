//! Which pods name another object: its config maps, secrets, service account, priority class.

use super::row::{Key, Row};
use super::store::Store;
use objects::Kind;
use objects::lookup::{list, text};
use serde_json::Value;

/// The pods that name the object, in order.
pub fn of(store: &Store, kind: Kind, key: &Key) -> Vec<Key> {
    let is_here = |pod: &Row| key.namespace.is_empty() || pod.key.namespace == key.namespace;
    let pods = store.of(Kind::Pod).iter().map(|(_, pod)| pod).filter(|pod| is_here(pod));
    // Most pods do not have the name anywhere in their text, and reading that is quick.
    let named = pods.filter(|pod| pod.raw.text().contains(&*key.name));
    let mut keys: Vec<Key> = named.filter(|pod| names(&pod.object(), kind, &key.name)).map(|pod| pod.key.clone()).collect();
    keys.sort();
    keys
}

fn names(pod: &Value, kind: Kind, name: &str) -> bool {
    match kind {
        Kind::ServiceAccount => text(pod, "/spec/serviceAccountName") == name,
        Kind::PriorityClass => text(pod, "/spec/priorityClassName") == name,
        Kind::ConfigMap => {
            in_volumes(pod, &["/configMap/name"], "/configMap/name", name)
                || in_containers(pod, "/configMapRef/name", "/valueFrom/configMapKeyRef/name", name)
        }
        Kind::Secret => {
            in_volumes(pod, &["/secret/secretName"], "/secret/name", name)
                || in_containers(pod, "/secretRef/name", "/valueFrom/secretKeyRef/name", name)
                || list(pod, "/spec/imagePullSecrets").iter().any(|secret| text(secret, "/name") == name)
        }
        _ => false,
    }
}

fn in_volumes(pod: &Value, pointers: &[&str], projected: &str, name: &str) -> bool {
    list(pod, "/spec/volumes").iter().any(|volume| {
        pointers.iter().any(|pointer| text(volume, pointer) == name)
            || list(volume, "/projected/sources").iter().any(|source| text(source, projected) == name)
    })
}

fn in_containers(pod: &Value, from: &str, value: &str, name: &str) -> bool {
    let containers = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
    let has =
        |container: &Value, field: &str, pointer: &str| list(container, field).iter().any(|item| text(item, pointer) == name);
    containers.into_iter().any(|container| has(container, "/envFrom", from) || has(container, "/env", value))
}

#[cfg(test)]
mod tests {
    use super::{Key, Kind, Store, of};
    use crate::console::model::project;
    use serde_json::json;

    #[test]
    fn whoever_names_an_object_is_found_wherever_the_name_stands() {
        let mut store = Store::default();
        let pods = [
            ("env", json!({"containers": [{"env": [{"valueFrom": {"configMapKeyRef": {"name": "app", "key": "a"}}}]}]})),
            ("from", json!({"initContainers": [{"envFrom": [{"configMapRef": {"name": "app"}}]}]})),
            ("volume", json!({"volumes": [{"configMap": {"name": "app"}}, {"secret": {"secretName": "app"}}]})),
            ("projected", json!({"volumes": [{"projected": {"sources": [{"secret": {"name": "app"}}]}}]})),
            ("pull", json!({"imagePullSecrets": [{"name": "app"}], "serviceAccountName": "app", "priorityClassName": "app"})),
            ("other", json!({"containers": [{"name": "app", "env": [{"name": "app"}]}]})),
        ];
        for (name, spec) in pods {
            let pod = json!({"metadata": {"name": name, "namespace": "n"}, "spec": spec});
            store.of_mut(Kind::Pod).put(project::row_of(Kind::Pod, &pod).expect("a row"));
        }
        let key = Key { namespace: "n".into(), name: "app".into() };
        let found = |kind| of(&store, kind, &key).iter().map(|key| &*key.name).collect::<Vec<_>>().join(" ");
        assert_eq!(found(Kind::ConfigMap), "env from volume");
        assert_eq!(found(Kind::Secret), "projected pull volume");
        assert_eq!((found(Kind::ServiceAccount).as_str(), found(Kind::PriorityClass).as_str()), ("pull", "pull"));
        assert!(of(&store, Kind::ConfigMap, &Key { namespace: "m".into(), name: "app".into() }).is_empty());
    }
}
