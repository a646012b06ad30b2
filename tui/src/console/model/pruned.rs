//! Reads an object without what its row says nothing of. Most of a pod's text is such, and what is not read is not kept for a moment either.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What is left out of a pod: fields by the one that they stand in; lists do not count.
const OF_PODS: &[(&str, &[&str])] = &[
    ("", &["apiVersion", "kind"]),
    ("metadata", &["annotations", "generation", "managedFields", "resourceVersion"]),
    ("spec", &["affinity", "dnsConfig", "hostAliases", "restartPolicy", "securityContext", "tolerations", "volumes"]),
    ("containers", OF_CONTAINERS),
    ("initContainers", OF_CONTAINERS),
    ("status", &["ephemeralContainerStatuses", "hostIP", "hostIPs", "startTime"]),
    ("conditions", &["lastProbeTime", "lastTransitionTime", "message", "observedGeneration"]),
    ("containerStatuses", OF_STATUSES),
    ("initContainerStatuses", OF_STATUSES),
    ("running", &["startedAt"]),
    ("terminated", &["containerID", "message", "startedAt"]),
    ("waiting", &["message"]),
];
const OF_CONTAINERS: &[&str] = &[
    "args",
    "command",
    "env",
    "envFrom",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "securityContext",
    "startupProbe",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "volumeMounts",
];
const OF_STATUSES: &[&str] = &["allocatedResources", "containerID", "image", "imageID", "resources", "user", "volumeMounts"];

/// A pod without those fields that no cell of it is made of.
///
/// # Errors
/// Fails where the text is no JSON.
pub fn pod(raw: &RawValue) -> serde_json::Result<Value> {
    Pruned::inside("").deserialize(&mut serde_json::Deserializer::from_str(raw.get()))
}

/// A value that stands in a field.
#[derive(Clone, Copy)]
struct Pruned {
    left_out: &'static [&'static str],
}

impl Pruned {
    fn inside(field: &str) -> Self {
        Self { left_out: OF_PODS.iter().find(|(inside, _)| *inside == field).map_or(&[], |(_, left_out)| left_out) }
    }
}

impl<'de> DeserializeSeed<'de> for Pruned {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pruned {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(Name(name)) = fields.next_key()? {
            if self.left_out.contains(&&*name) {
                fields.next_value::<IgnoredAny>()?;
            } else {
                let value = fields.next_value_seed(Self::inside(&name))?;
                map.insert(name.into_owned(), value);
            }
        }
        Ok(Value::Object(map))
    }
}

/// The name of a field, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::pod;
    use serde_json::value::to_raw_value;
    use serde_json::{Value, json};

    #[test]
    fn only_what_was_named_is_left_out() {
        let text = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"annotations": {"a": "b"}, "labels": {"env": "prod", "ports": "no"}, "name": "ü\"x", "managedFields": [{"f": 1}]},
            "spec": {
                "containers": [{"name": "a", "env": [{"name": "A"}], "image": "i", "resources": {"requests": {"cpu": 0.5}}}],
                "initContainers": [{"name": "b", "restartPolicy": "Always", "startupProbe": {"exec": {"command": ["x"]}}}],
                "volumes": [], "nodeName": "oak", "priority": -1,
            },
            "status": {
                "hostIPs": [], "conditions": [{"type": "Ready", "status": "True", "message": "m"}],
                "containerStatuses": [{"imageID": "i", "state": {"running": {"startedAt": "t"}}, "ready": true}],
                "nothing": null, "many": 18_446_744_073_709_551_615_u64,
            },
        });
        let read = pod(&to_raw_value(&text).expect("JSON")).expect("JSON");
        let wanted = json!({
            "metadata": {"labels": {"env": "prod", "ports": "no"}, "name": "ü\"x"},
            "spec": {
                "containers": [{"name": "a", "image": "i", "resources": {"requests": {"cpu": 0.5}}}],
                "initContainers": [{"name": "b", "restartPolicy": "Always"}],
                "nodeName": "oak", "priority": -1,
            },
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"state": {"running": {}}, "ready": true}],
                "nothing": null, "many": 18_446_744_073_709_551_615_u64,
            },
        });
        assert_eq!(read, wanted);
    }

    #[test]
    fn what_is_no_object_is_read_as_it_is() {
        for value in [json!(null), json!([1, "a", [], {}]), json!("x"), json!(1.5)] {
            assert_eq!(pod(&to_raw_value(&value).expect("JSON")).expect("JSON"), value);
        }
        assert_eq!(pod(serde_json::value::RawValue::NULL).expect("JSON"), Value::Null);
    }
}
