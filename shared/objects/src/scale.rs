//! `autoscaling/v1/Scale`: how many pods are wanted of an object that makes them, and how many there are.

use crate::{Cause, Status, StatusDetails, lookup, selector};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;
use serde_json::{Value, json};

/// The scale of a ReplicaSet or Deployment.
#[must_use]
pub fn of(object: &Value) -> Value {
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.pointer(&format!("/metadata/{field}")) {
            metadata[field] = value.clone();
        }
    }
    let selector = object.pointer("/spec/selector").and_then(|selector| LabelSelector::deserialize(selector).ok());
    json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": metadata,
        "spec": { "replicas": lookup::number(object, "/spec/replicas") },
        "status": {
            "replicas": lookup::number(object, "/status/replicas"),
            "selector": selector::shown(&selector.unwrap_or_default()),
        },
    })
}

/// The object with the number that a scale of it asks for, and with the version that it names.
///
/// # Errors
/// 400 for another kind of object or another one of that kind, 422 for a number that cannot be.
pub fn scaled(mut object: Value, scale: &Value) -> Result<Value, Status> {
    let (version, kind) = (lookup::text(scale, "/apiVersion"), lookup::text(scale, "/kind"));
    if kind != "Scale" || version != "autoscaling/v1" {
        return Err(Status::bad_request(format!("a scale is of apiVersion autoscaling/v1 and kind Scale, not {version} {kind}")));
    }
    let (name, own) = (lookup::name(scale), lookup::name(&object));
    if !name.is_empty() && name != own {
        let message = format!("the name of the object ({name}) does not match the name on the URL ({own})");
        return Err(Status::bad_request(message));
    }
    let replicas = match scale.pointer("/spec/replicas") {
        None | Some(Value::Null) => Some(0),
        Some(value) => value.as_i64().and_then(|number| i32::try_from(number).ok()),
    };
    let Some(replicas) = replicas else {
        return Err(Status::bad_request(
            "Scale in version \"autoscaling/v1\" cannot be handled as a Scale: spec.replicas is no int32",
        ));
    };
    if replicas < 0 {
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        let field = "spec.replicas".to_owned();
        let text = format!("Scale.autoscaling {own:?} is invalid: {field}: {message}");
        let causes = vec![Cause { reason: "FieldValueInvalid".to_owned(), message, field }];
        let details = StatusDetails { name: own.to_owned(), group: "autoscaling".to_owned(), kind: "Scale".to_owned(), causes };
        return Err(Status { code: 422, reason: "Invalid".to_owned(), message: text, details: Some(Box::new(details)) });
    }
    object["spec"]["replicas"] = replicas.into();
    match lookup::text(scale, "/metadata/resourceVersion") {
        "" => drop(object.get_mut("metadata").and_then(Value::as_object_mut).map(|fields| fields.remove("resourceVersion"))),
        version => object["metadata"]["resourceVersion"] = version.into(),
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::{of, scaled};
    use serde_json::{Value, json};

    fn set() -> Value {
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "s", "namespace": "n", "resourceVersion": "7"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}}, "status": {"replicas": 1}})
    }

    #[test]
    fn a_scale_tells_and_changes_the_number_alone() {
        let mut scale = of(&set());
        assert_eq!(scale["spec"]["replicas"], 2);
        assert_eq!(scale["status"], json!({"replicas": 1, "selector": "a=b"}));
        scale["spec"]["replicas"] = json!(5);
        let mut wanted = set();
        wanted["spec"]["replicas"] = json!(5);
        assert_eq!(scaled(set(), &scale).expect("it is a scale"), wanted);
    }

    #[test]
    fn what_is_no_scale_of_the_object_is_refused() {
        for (patch, code, words) in [
            (json!({"spec": {"replicas": -1}}), 422, "spec.replicas: Invalid value: -1"),
            (json!({"spec": {"replicas": "many"}}), 400, "no int32"),
            (json!({"spec": {"replicas": 3_000_000_000_u32}}), 400, "no int32"),
            (json!({"kind": "Pod"}), 400, "kind Scale"),
            (json!({"metadata": {"name": "other"}}), 400, "does not match"),
        ] {
            let mut scale = of(&set());
            json_patch::merge(&mut scale, &patch);
            let refused = scaled(set(), &scale).expect_err("it is no scale");
            assert_eq!(refused.code, code, "{patch}");
            assert!(refused.message.contains(words), "{}", refused.message);
        }
    }
}
