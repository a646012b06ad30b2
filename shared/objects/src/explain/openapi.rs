//! The API's schema in the form of OpenAPI 3, with what clients need to merge: merge keys, kinds of lists.
//!
//! The documentation comes from the generated types, the merge keys from the tables of `schema`: what kubectl computes of this and what
//! the daemon does with it are of one source.

use super::schema::{kind_type, types};
use crate::Kind;
use crate::schema::{self as tables, Field, Merge, Shape, Topology, Type};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Where a reference of the generated types points, and where one of OpenAPI does.
const GENERATED: &str = "#/$defs/";
const REFERENCE: &str = "#/components/schemas/";

/// The schemas of kinds and of all that they hold, by the types' full names.
#[must_use]
pub fn schemas(kinds: &[Kind]) -> Map<String, Value> {
    let mut schemas = Map::new();
    for kind in kinds {
        add(kind_type(*kind), &mut schemas);
    }
    let mut seen = HashSet::new();
    for kind in kinds {
        mark(kind_type(*kind), tables::of(*kind), &mut schemas, &mut seen);
        if let Some(schema) = schemas.get_mut(kind_type(*kind)) {
            let (group, version) = kind.api_version().split_once('/').unwrap_or(("", kind.api_version()));
            schema["x-kubernetes-group-version-kind"] = json!([{"group": group, "version": version, "kind": kind.name()}]);
        }
    }
    schemas
}

/// The full name of the type of events in their newer version.
pub const EVENTS_TYPE: &str = "io.k8s.api.events.v1.Event";

/// The schemas of events in their newer version, `events.k8s.io/v1`.
#[must_use]
pub fn events_schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    add(EVENTS_TYPE, &mut schemas);
    mark(EVENTS_TYPE, tables::of(Kind::Event), &mut schemas, &mut HashSet::new());
    if let Some(schema) = schemas.get_mut(EVENTS_TYPE) {
        schema["x-kubernetes-group-version-kind"] = json!([{"group": "events.k8s.io", "version": "v1", "kind": "Event"}]);
    }
    schemas
}

/// The full name of a kind's type: `io.k8s.api.core.v1.Pod`.
#[must_use]
pub fn name(kind: Kind) -> &'static str {
    kind_type(kind)
}

/// Adds a type and those that it refers to.
fn add(name: &str, schemas: &mut Map<String, Value>) {
    if schemas.contains_key(name) {
        return;
    }
    let Some(schema) = types().get(name) else { return };
    let mut referred = Vec::new();
    schemas.insert(name.to_owned(), rewrite(schema, &mut referred));
    referred.iter().for_each(|name| add(name, schemas));
}

/// The same in OpenAPI's form: a reference has nothing beside it.
fn rewrite(schema: &Value, referred: &mut Vec<String>) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut rewritten = Map::new();
            for (name, value) in fields {
                match (name.as_str(), value.as_str().and_then(|text| text.strip_prefix(GENERATED))) {
                    ("$ref", Some(target)) => {
                        referred.push(target.to_owned());
                        let reference = json!({"$ref": format!("{REFERENCE}{target}")});
                        if fields.len() == 1 {
                            return reference;
                        }
                        rewritten.insert("allOf".to_owned(), json!([reference]));
                    }
                    _ => {
                        rewritten.insert(name.clone(), rewrite(value, referred));
                    }
                }
            }
            Value::Object(rewritten)
        }
        Value::Array(items) => items.iter().map(|item| rewrite(item, referred)).collect(),
        other => other.clone(),
    }
}

/// Marks a type's fields with how they are merged, and goes on with the types that they hold.
fn mark(name: &str, of: &'static Type, schemas: &mut Map<String, Value>, seen: &mut HashSet<String>) {
    if !seen.insert(name.to_owned()) {
        return;
    }
    let mut held = Vec::new();
    let properties = schemas.get_mut(name).and_then(|schema| schema.get_mut("properties"));
    for (field, property) in properties.and_then(Value::as_object_mut).into_iter().flatten() {
        let Some(known) = of.field(field) else { continue };
        mark_field(known, property);
        if let (Some(target), Some(inner)) = (target(property), innermost(known.shape)) {
            held.push((target, inner));
        }
    }
    held.into_iter().for_each(|(target, inner)| mark(&target, inner, schemas, seen));
}

fn mark_field(field: &'static Field, property: &mut Value) {
    let (strategy, key) = match field.merge {
        Merge::Default => (None, None),
        Merge::ByKey(key) => (Some("merge"), Some(key)),
        Merge::ByKeyRetaining(key) => (Some("merge,retainKeys"), Some(key)),
        Merge::Set => (Some("merge"), None),
        Merge::Retaining => (Some("retainKeys"), None),
    };
    if let Some(strategy) = strategy {
        property["x-kubernetes-patch-strategy"] = strategy.into();
    }
    if let Some(key) = key {
        property["x-kubernetes-patch-merge-key"] = key.into();
    }
    if !matches!(field.shape, Shape::List(_)) {
        return;
    }
    let kind = match field.topology() {
        Topology::Things(keys, _) => {
            property["x-kubernetes-list-map-keys"] = json!(keys);
            "map"
        }
        Topology::Set => "set",
        _ => "atomic",
    };
    property["x-kubernetes-list-type"] = kind.into();
}

/// The type that a property holds, however deep: directly, in a list, in a map.
fn target(property: &Value) -> Option<String> {
    let reference = |value: &Value| value.get("$ref")?.as_str()?.strip_prefix(REFERENCE).map(str::to_owned);
    let all_of = || property.get("allOf")?.as_array()?.first().and_then(reference);
    let inner = || property.get("items").or_else(|| property.get("additionalProperties")).and_then(target);
    reference(property).or_else(all_of).or_else(inner)
}

fn innermost(shape: Shape) -> Option<&'static Type> {
    match shape {
        Shape::Struct(of) => Some(of),
        Shape::List(inner) | Shape::Map(inner) => innermost(*inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{name, schemas};
    use crate::Kind;
    use serde_json::{Value, json};

    #[test]
    fn every_kind_has_a_schema_whose_references_all_lead_somewhere() {
        let schemas = schemas(&Kind::ALL);
        for kind in Kind::ALL {
            let known = &schemas[name(kind)]["x-kubernetes-group-version-kind"][0]["kind"];
            assert_eq!(known, kind.name());
        }
        let text = Value::Object(schemas.clone()).to_string();
        assert!(!text.contains("$defs"));
        for part in text.split("\"#/components/schemas/").skip(1) {
            let target = part.split('"').next().expect("a quote");
            assert!(schemas.contains_key(target), "{target}");
        }
    }

    #[test]
    fn lists_say_how_they_are_merged() {
        let schemas = schemas(&[Kind::Pod]);
        let spec = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"];
        assert_eq!(spec["containers"]["x-kubernetes-patch-merge-key"], "name");
        assert_eq!(spec["containers"]["x-kubernetes-patch-strategy"], "merge");
        assert_eq!(spec["volumes"]["x-kubernetes-patch-strategy"], "merge,retainKeys");
        assert_eq!(spec["tolerations"]["x-kubernetes-list-type"], "atomic");
        let container = &schemas["io.k8s.api.core.v1.Container"]["properties"];
        assert_eq!(container["ports"]["x-kubernetes-list-map-keys"], json!(["containerPort", "protocol"]));
        assert_eq!(container["args"]["x-kubernetes-list-type"], "atomic");
    }
}
