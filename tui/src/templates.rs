//! What pods are made of: the templates that a Deployment had, and the images in them.

use objects::Kind;
use objects::lookup::{flag, list, map, text};
use serde_json::{Map, Value};

/// Where a pod's containers are.
pub const CONTAINERS: [&str; 3] = ["/spec/containers", "/spec/initContainers", "/spec/ephemeralContainers"];
/// The annotation that names the container most people mean.
pub const DEFAULT_CONTAINER: &str = "/metadata/annotations/kubectl.kubernetes.io~1default-container";
/// The number of a template.
pub const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";
/// What whoever changes a template may say about it.
pub const CHANGE_CAUSE: &str = "/metadata/annotations/kubernetes.io~1change-cause";
/// What a Deployment keeps of its own annotations; all others come with the template.
const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// What a pod says of one of its containers.
pub fn container<'p>(pod: &'p Value, name: &str) -> Option<&'p Value> {
    CONTAINERS.iter().flat_map(|pointer| list(pod, pointer)).find(|container| text(container, "/name") == name)
}

/// Those sets that the Deployment controls and that have a revision, with its number, the oldest first.
pub fn revisions(deployment: &Value, sets: impl IntoIterator<Item = Value>) -> Vec<(i64, Value)> {
    let uid = text(deployment, "/metadata/uid");
    let is_own = |set: &Value| {
        let owners = list(set, "/metadata/ownerReferences");
        owners.iter().any(|owner| flag(owner, "/controller") && text(owner, "/uid") == uid)
    };
    let numbered = |set: Value| text(&set, REVISION).parse().ok().map(|number: i64| (number, set));
    let mut own: Vec<(i64, Value)> = sets.into_iter().filter(is_own).filter_map(numbered).collect();
    own.sort_by_key(|(number, _)| *number);
    own
}

/// The template of a set as its Deployment had it.
pub fn template_of(set: &Value) -> Value {
    let mut template = set.pointer("/spec/template").cloned().unwrap_or_default();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    template
}

/// The annotations of a Deployment that goes back to the template of a set.
pub fn annotations_of(deployment: &Value, set: &Value) -> Map<String, Value> {
    let of = |object: &Value| map(object, "/metadata/annotations").cloned().unwrap_or_default();
    let is_own = |key: &str| OWN.contains(&key);
    let own = of(deployment).into_iter().filter(|(key, _)| is_own(key));
    own.chain(of(set).into_iter().filter(|(key, _)| !is_own(key))).collect()
}

/// Where the specification of a pod stands in an object of a kind; `None` where there is none.
pub fn pod_spec(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Pod => Some("/spec"),
        kind if kind.makes_pods() => Some("/spec/template/spec"),
        _ => None,
    }
}

/// The containers of the pod at that place, init containers first, with their images.
pub fn images(object: &Value, pod: &str) -> Vec<(String, String)> {
    let containers = ["initContainers", "containers"].iter().flat_map(|field| list(object, &format!("{pod}/{field}")));
    containers.map(|container| (text(container, "/name").to_owned(), text(container, "/image").to_owned())).collect()
}

/// Gives a container of the pod at that place another image; `*` is all containers.
///
/// # Errors
/// There is no container of that name.
pub fn set_image(object: &mut Value, pod: &str, (container, image): (&str, &str)) -> Result<(), String> {
    let mut is_found = false;
    for field in ["initContainers", "containers"] {
        let containers = object.pointer_mut(&format!("{pod}/{field}")).and_then(Value::as_array_mut);
        for found in containers.into_iter().flatten().filter(|found| container == "*" || found["name"] == container) {
            found["image"] = image.into();
            is_found = true;
        }
    }
    is_found.then_some(()).ok_or_else(|| format!("unable to find container named {container:?}"))
}

#[cfg(test)]
mod tests {
    use super::{annotations_of, images, revisions, set_image, template_of};
    use serde_json::{Value, json};

    #[test]
    fn the_template_of_a_set_is_its_deployments() {
        let set = json!({"spec": {"template": {"metadata": {"labels": {"a": "b", "pod-template-hash": "x"}}}}});
        assert_eq!(template_of(&set), json!({"metadata": {"labels": {"a": "b"}}}));
    }

    #[test]
    fn revisions_are_the_deployments_own_and_in_order() {
        let set = |uid: &str, revision: &str| {
            json!({"metadata": {"ownerReferences": [{"uid": uid, "controller": true}],
                "annotations": {"deployment.kubernetes.io/revision": revision}}})
        };
        let found = revisions(&json!({"metadata": {"uid": "d"}}), [set("d", "10"), set("d", "9"), set("e", "8"), set("d", "")]);
        assert_eq!(found.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [9, 10]);
    }

    #[test]
    fn the_cause_of_a_change_comes_back_with_its_template() {
        let deployment =
            json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": "7", "kubernetes.io/change-cause": "b"}}});
        let set =
            json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": "5", "kubernetes.io/change-cause": "a"}}});
        let expected = json!({"deployment.kubernetes.io/revision": "7", "kubernetes.io/change-cause": "a"});
        assert_eq!(Value::Object(annotations_of(&deployment, &set)), expected);
    }

    #[test]
    fn the_named_container_gets_the_image_and_a_star_is_all() {
        let mut pod = json!({"spec": {"initContainers": [{"name": "a"}], "containers": [{"name": "b"}, {"name": "c"}]}});
        set_image(&mut pod, "/spec", ("b", "x")).expect("it is there");
        assert_eq!(pod["spec"]["containers"], json!([{"name": "b", "image": "x"}, {"name": "c"}]));
        set_image(&mut pod, "/spec", ("*", "y")).expect("there are some");
        assert_eq!(images(&pod, "/spec")[0], ("a".to_owned(), "y".to_owned()));
        let refused = set_image(&mut pod, "/spec", ("d", "x")).expect_err("there is none");
        assert_eq!(refused, "unable to find container named \"d\"");
    }
}
