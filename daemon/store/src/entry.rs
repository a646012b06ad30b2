//! An object's records, and the one JSON text that readers get of them.

use crate::{Key, Object, ResourceVersion};
use control::entry::Entry;
use control::record::{Body, Record};
use serde_json::{Value, json};
use std::sync::Arc;

/// A new object, taken apart.
pub struct Parts {
    pub uid: String,
    pub spec: Value,
    pub status: Option<Value>,
}

impl Parts {
    /// Takes an object apart into what its specification and its status record hold.
    pub fn of(mut object: Value) -> Result<Self, &'static str> {
        let fields = object.as_object_mut().ok_or("it is no JSON object")?;
        let status = fields.remove("status");
        let metadata = fields.get_mut("metadata").and_then(Value::as_object_mut).ok_or("it has no metadata")?;
        metadata.remove("resourceVersion");
        let uid = metadata.get("uid").and_then(Value::as_str).filter(|uid| !uid.is_empty()).ok_or("it has no uid")?.to_owned();
        Ok(Self { uid, spec: object, status })
    }
}

/// The text of a status record. It names the object's uid: the status of an object that is gone is not that of its successor.
pub fn status_body(uid: &str, status: &Value) -> Body {
    text(&json!({"uid": uid, "status": status}))
}

/// Whether an object has this status already.
pub fn same_status(object: &Object, status: &Value) -> bool {
    object.to_value().get("status") == Some(status)
}

/// The text of a binding record.
pub fn binding_body(uid: &str, node: &str) -> Body {
    text(&json!({"uid": uid, "nodeName": node}))
}

/// The text of a specification record.
pub fn text(value: &Value) -> Body {
    Body::Json(value.to_string().into())
}

/// The node that an object is bound to, by its binding record.
pub fn bound_to(entry: &Entry, uid: &str) -> Option<String> {
    let binding = parse(entry.binding.as_ref()?)?;
    (binding["uid"] == uid).then(|| binding["nodeName"].as_str().map(str::to_owned)).flatten()
}

/// Joins the records into one object.
pub fn compose(entry: &Entry, key: &Key, resource_version: ResourceVersion) -> Result<Arc<Object>, &'static str> {
    let mut object = entry.spec.as_ref().and_then(parse).ok_or("its specification is no JSON")?;
    let uid = object["metadata"]["uid"].as_str().ok_or("it has no uid")?.to_owned();
    if let Some(node) = bound_to(entry, &uid) {
        object["spec"]["nodeName"] = node.into();
    }
    let status = entry.status.as_ref().and_then(parse).filter(|status| status["uid"] == uid.as_str());
    if let Some(mut status) = status {
        object["status"] = status["status"].take();
    }
    object["metadata"]["resourceVersion"] = resource_version.to_string().into();
    let json = serde_json::value::to_raw_value(&object).map_err(|_| "it cannot be written as JSON")?;
    Ok(Arc::new(Object { key: key.clone(), uid, resource_version, json }))
}

fn parse(record: &Record) -> Option<Value> {
    serde_json::from_str::<Value>(record.json()?).ok().filter(Value::is_object)
}
