//! Reads an object without what its row says nothing of. Most of a pod's text is such, and what is not read is not kept for a moment either.
//! What is read borrows its texts: a row is made of it, and it is gone.

use objects::json::Json;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_json::value::RawValue;
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

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree<'t> {
    /// Nothing.
    Null,
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Cow<'t, str>),
    /// A list.
    List(Vec<Self>),
    /// An object: its fields by their names, in order.
    Fields(Vec<(Cow<'t, str>, Self)>),
}

impl Json for Tree<'_> {
    fn field(&self, name: &str) -> Option<&Self> {
        // They are few.
        let Self::Fields(fields) = self else { return None };
        fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    fn items(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    fn fields(&self) -> Option<impl Iterator<Item = (&str, &Self)> + Clone> {
        let Self::Fields(fields) = self else { return None };
        Some(fields.iter().map(|(name, value)| (&**name, value)))
    }

    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn whole(&self) -> Option<i64> {
        if let Self::Number(number) = self { number.as_i64() } else { None }
    }

    fn flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }

    fn scalar(&self) -> String {
        match self {
            Self::Text(text) => text.clone().into_owned(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            _ => String::new(),
        }
    }

    fn is_map(&self) -> bool {
        matches!(self, Self::Fields(_))
    }
}

/// A pod without those fields that no cell of it is made of.
///
/// # Errors
/// Fails where the text is no JSON.
pub fn pod(raw: &RawValue) -> serde_json::Result<Tree<'_>> {
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
    type Value = Tree<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pruned {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Tree<'de>, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Tree<'de>, E> {
        Ok(Tree::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Tree<'de>, E> {
        Ok(Number::from_f64(number).map_or(Tree::Null, Tree::Number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(text.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Tree<'de>, A::Error> {
        let mut read: Vec<(Cow<'_, str>, Tree<'_>)> = Vec::new();
        while let Some(Name(name)) = fields.next_key()? {
            if self.left_out.contains(&&*name) {
                fields.next_value::<IgnoredAny>()?;
            } else {
                let value = fields.next_value_seed(Self::inside(&name))?;
                read.push((name, value));
            }
        }
        if !read.is_sorted_by(|(one, _), (two, _)| one < two) {
            // Of several with one name the last counts.
            read.reverse();
            read.sort_by(|(one, _), (two, _)| one.cmp(two));
            read.dedup_by(|(one, _), (two, _)| one == two);
        }
        Ok(Tree::Fields(read))
    }
}

/// The name of a field, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::{Tree, pod};
    use serde_json::value::{RawValue, to_raw_value};
    use serde_json::{Value, json};

    /// What was read of it, as a whole value.
    fn read(raw: &RawValue) -> Value {
        fn value(tree: &Tree<'_>) -> Value {
            match tree {
                Tree::Null => Value::Null,
                Tree::Flag(flag) => Value::Bool(*flag),
                Tree::Number(number) => Value::Number(number.clone()),
                Tree::Text(text) => Value::from(&**text),
                Tree::List(items) => items.iter().map(value).collect(),
                Tree::Fields(fields) => fields.iter().map(|(name, inside)| (name.to_string(), value(inside))).collect(),
            }
        }
        value(&pod(raw).expect("JSON"))
    }

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
        assert_eq!(read(&to_raw_value(&text).expect("JSON")), wanted);
    }

    #[test]
    fn what_is_no_object_is_read_as_it_is() {
        for value in [json!(null), json!([1, "a", [], {}]), json!("x"), json!(1.5)] {
            assert_eq!(read(&to_raw_value(&value).expect("JSON")), value);
        }
        assert_eq!(read(RawValue::NULL), Value::Null);
    }

    #[test]
    fn fields_are_in_order_and_of_two_with_one_name_the_last_counts() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        let text = raw(r#"{"metadata":{"b":1,"a":2,"c":{},"a":[3],"b":4}}"#);
        assert_eq!(read(&text), json!({"metadata": {"a": [3], "b": 4, "c": {}}}));
        let text = raw(r#"{"z":1,"y":2,"x\n":3}"#);
        let Tree::Fields(fields) = pod(&text).expect("JSON") else { panic!("an object") };
        assert_eq!(fields.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["x\n", "y", "z"]);
    }
}
