//! Who controls an object: the owner that a controller puts into what it makes or takes in, and takes out again.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::{Kind, lookup};
use serde_json::{Value, json};

/// The reference to a controller of that kind.
#[must_use]
pub fn reference(kind: Kind, controller: &ObjectMeta) -> Value {
    json!({
        "apiVersion": kind.api_version(),
        "kind": kind.name(),
        "name": controller.name,
        "uid": controller.uid,
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// An object with another owner.
#[must_use]
pub fn adopted(mut object: Value, reference: Value) -> Value {
    match object.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut) {
        Some(owners) => owners.push(reference),
        None => object["metadata"]["ownerReferences"] = json!([reference]),
    }
    object
}

/// An object without the owner of that uid.
#[must_use]
pub fn released(mut object: Value, uid: &str) -> Value {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return object };
    let Some(owners) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) else { return object };
    owners.retain(|owner| lookup::text(owner, "/uid") != uid);
    if owners.is_empty() {
        metadata.remove("ownerReferences");
    }
    object
}

#[cfg(test)]
mod tests {
    use super::{adopted, reference, released};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use objects::Kind;
    use serde_json::json;

    #[test]
    fn what_is_adopted_and_released_is_as_before() {
        let meta = ObjectMeta { name: Some("kubia".to_owned()), uid: Some("u".to_owned()), ..ObjectMeta::default() };
        for object in [json!({"metadata": {"name": "a"}}), json!({"metadata": {"ownerReferences": [{"uid": "other"}]}})] {
            let owned = adopted(object.clone(), reference(Kind::ReplicaSet, &meta));
            let owner = owned["metadata"]["ownerReferences"].as_array().and_then(|owners| owners.last()).cloned();
            let expected = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "kubia", "uid": "u", "controller": true,
                "blockOwnerDeletion": true});
            assert_eq!(owner, Some(expected));
            assert_eq!(released(owned, "u"), object);
            assert_eq!(released(object.clone(), "u"), object);
        }
    }
}
