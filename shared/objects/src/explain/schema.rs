//! The API's schema, and ways along it.

use super::{FieldDoc, values};
use crate::Kind;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// Every type that the kinds reach, by its full name.
static TYPES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    generator.subschema_for::<Pod>();
    generator.subschema_for::<Node>();
    generator.subschema_for::<Event>();
    generator.subschema_for::<k8s_openapi::api::events::v1::Event>();
    generator.subschema_for::<Namespace>();
    generator.subschema_for::<ConfigMap>();
    generator.subschema_for::<Secret>();
    generator.subschema_for::<ServiceAccount>();
    generator.subschema_for::<PriorityClass>();
    generator.subschema_for::<Lease>();
    generator.subschema_for::<Service>();
    generator.subschema_for::<ReplicaSet>();
    generator.subschema_for::<Deployment>();
    generator.take_definitions(false)
});

/// No type of the API is nested deeper; a type that holds itself ends here.
const MAX_DEPTH: usize = 24;

/// One place in the schema.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    /// The field it was reached by; nothing for an object itself.
    field: Option<Field>,
    /// The schema as its owner states it: maybe a reference with a description of its own.
    stated: &'static Value,
    /// The name of the type it stands in, or of the kind.
    owner: &'static str,
    depth: usize,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    name: &'static str,
    is_required: bool,
}

/// The type that a reference names, with its name.
fn referred(stated: &Value) -> Option<(&'static str, &'static Value)> {
    let name = stated.get("$ref")?.as_str()?.rsplit('/').next()?;
    TYPES.get_key_value(name).map(|(name, schema)| (name.as_str(), schema))
}

impl Schema {
    /// The schema of a kind.
    pub(super) fn of(kind: Kind) -> Self {
        let owner = crate::kinds::definition(kind).documented_as;
        Self { field: None, stated: TYPES.get(owner).unwrap_or(&Value::Null), owner, depth: 0 }
    }

    /// The place at a path below: `spec.containers[0].image`. Lists and maps are walked through.
    pub(super) fn at(&self, path: &str) -> Option<Self> {
        let mut place = self.clone();
        for part in path.split('.').filter(|_| !path.is_empty()) {
            let name = part.split('[').next().unwrap_or(part);
            place = place.children().into_iter().find(|child| child.field.is_some_and(|field| field.name == name))?;
        }
        Some(place)
    }

    /// The fields below, by name.
    pub(super) fn children(&self) -> Vec<Self> {
        let (owner, schema) = self.innermost();
        let properties = schema.get("properties").and_then(Value::as_object);
        if self.depth >= MAX_DEPTH {
            return Vec::new();
        }
        let mut children: Vec<Self> = properties
            .into_iter()
            .flatten()
            .map(|(name, stated)| {
                let field = Field { name, is_required: is_required(owner, schema, name) };
                Self { field: Some(field), stated, owner, depth: self.depth + 1 }
            })
            .collect();
        children.sort_unstable_by_key(|child| child.field.map(|field| field.name));
        children
    }

    /// The type whose fields are meant: of an object itself, or of what a list or map holds.
    fn innermost(&self) -> (&'static str, &'static Value) {
        let (mut owner, mut schema) = (self.owner, self.stated);
        loop {
            if let Some((name, referred)) = referred(schema) {
                (owner, schema) = (name, referred);
            } else if let Some(held) = held(schema) {
                schema = held;
            } else {
                return (owner, schema);
            }
        }
    }

    /// What is known of the field; nothing for an object itself.
    pub(super) fn doc(&self) -> Option<FieldDoc> {
        let field = self.field?;
        Some(FieldDoc {
            name: field.name.to_owned(),
            type_name: type_name(self.stated),
            is_required: field.is_required,
            description: text(self.stated, "description").to_owned(),
            values: values::of(self.owner, field.name).iter().map(|&value| value.to_owned()).collect(),
            has_children: self.innermost().1.get("properties").is_some(),
        })
    }

    /// The field's description, then those of the types it holds.
    pub(super) fn descriptions(&self) -> Vec<String> {
        let mut descriptions = Vec::new();
        let mut schema = self.stated;
        loop {
            let description = text(schema, "description");
            if !description.is_empty() {
                descriptions.push(description.to_owned());
            }
            match referred(schema).map(|(_, referred)| referred).or_else(|| held(schema)) {
                Some(next) => schema = next,
                None => return descriptions,
            }
        }
    }
}

/// Every type that the kinds reach, by its full name, as it was generated.
pub(super) fn types() -> &'static Map<String, Value> {
    &TYPES
}

/// The full name of a kind's type.
pub(super) fn kind_type(kind: Kind) -> &'static str {
    Schema::of(kind).owner
}

/// What a list or a map holds.
fn held(schema: &Value) -> Option<&Value> {
    schema.get("items").or_else(|| schema.get("additionalProperties")).filter(|held| held.is_object())
}

/// Whether a type names a field as required. The generated types ask for every object's metadata; of our kinds the API does so only
/// for events.
fn is_required(owner: &str, schema: &Value, name: &str) -> bool {
    let is_listed =
        schema.get("required").and_then(Value::as_array).is_some_and(|required| required.contains(&Value::from(name)));
    is_listed && !(name == "metadata" && is_kind(owner) && owner != "io.k8s.api.core.v1.Event")
}

fn is_kind(owner: &str) -> bool {
    Kind::ALL.into_iter().any(|kind| crate::kinds::definition(kind).documented_as == owner)
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A type in kubectl's short form.
fn type_name(stated: &Value) -> String {
    if let Some(items) = stated.get("items") {
        return format!("[]{}", type_name(items));
    }
    if let Some(values) = stated.get("additionalProperties").filter(|values| values.is_object()) {
        return format!("map[string]{}", type_name(values));
    }
    if let Some((name, referred)) = referred(stated) {
        return match text(referred, "type") {
            "" | "object" => name.rsplit('.').next().unwrap_or(name).to_owned(),
            simple => simple.to_owned(),
        };
    }
    match text(stated, "type") {
        "" | "object" => "Object".to_owned(),
        simple => simple.to_owned(),
    }
}
