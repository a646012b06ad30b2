//! An object's records, and the one JSON text that readers get of them.

use crate::overlay::{Lost, child, cover};
use crate::{Key, Object, ResourceVersion};
use control::entry::Entry;
use control::record::{Body, Part, Record};
use objects::Kind;
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

/// The text of a binding record.
pub fn binding_body(uid: &str, node: &str) -> Body {
    text(&json!({"uid": uid, "nodeName": node}))
}

/// The text of a specification record.
pub fn text(value: &Value) -> Body {
    Body::Json(value.to_string().into())
}

/// The node that a binding record names. One of another object of the name is none.
pub fn bound_to(entry: &Entry, uid: &str) -> Option<String> {
    let binding = entry.binding.as_ref().filter(|record| entry.is_of_the_live(record))?;
    let binding = parse(binding)?;
    (binding["uid"] == uid).then(|| binding["nodeName"].as_str().map(str::to_owned)).flatten()
}

/// An object made of its records, before it has a version.
pub struct Composed {
    value: Value,
    key: Key,
    uid: String,
    /// The node that it is on; for a Node itself.
    pub node: Option<Arc<str>>,
}

impl Composed {
    /// Joins the records.
    pub fn of(entry: &Entry, key: &Key) -> Result<Self, &'static str> {
        let mut value = entry.spec.as_ref().and_then(parse).ok_or("its specification is no JSON")?;
        let uid = value["metadata"]["uid"].as_str().ok_or("it has no uid")?.to_owned();
        if let Some(node) = bound_to(entry, &uid) {
            child(&mut value, "spec").ok_or("its spec is no object")?.insert("nodeName".into(), node.into());
        }
        let node = match key.kind {
            Kind::Node => Some(key.name.as_str()),
            Kind::Pod => value["spec"]["nodeName"].as_str().filter(|node| !node.is_empty()),
            _ => None,
        };
        let node = node.map(Arc::from);
        if let Some(status) = status_of(entry, key.kind, &uid, node.as_deref()) {
            value["status"] = status;
        }
        Ok(Self { value, key: key.clone(), uid, node })
    }

    /// Its status as it is stored.
    pub fn status(&self) -> Option<&Value> {
        self.value.get("status")
    }

    /// Shows it as one of a lost node where it is that.
    #[must_use]
    pub fn covered(mut self, lost: &Lost) -> Self {
        cover(&mut self.value, self.key.kind, self.node.as_deref(), lost);
        self
    }

    /// Gives it a version.
    pub fn finish(&mut self, resource_version: ResourceVersion) -> Result<Arc<Object>, &'static str> {
        child(&mut self.value, "metadata")
            .ok_or("it has no metadata")?
            .insert("resourceVersion".into(), resource_version.to_string().into());
        let json = serde_json::value::to_raw_value(&self.value).map_err(|_| "it cannot be written as JSON")?;
        Ok(Arc::new(Object { key: self.key.clone(), uid: self.uid.clone(), resource_version, json }))
    }

    /// Gives it a version, if it differs from how it was shown before in more than that.
    pub fn finish_if_new(
        &mut self,
        before: Option<&Object>,
        version: ResourceVersion,
    ) -> Result<Option<Arc<Object>>, &'static str> {
        if let Some(before) = before
            && self.finish(before.resource_version)?.json.get() == before.json.get()
        {
            return Ok(None);
        }
        self.finish(version).map(Some)
    }
}

/// The status to be shown. Once a pod is bound only that node says how it is; what was said before, by its creator or the scheduler of
/// another node, is not what the node sees, and neither is what a node says that lost it to another placement.
fn status_of(entry: &Entry, kind: Kind, uid: &str, node: Option<&str>) -> Option<Value> {
    let record = entry.status.as_ref().filter(|record| entry.is_of_the_live(record))?;
    let mut parsed = parse(record).filter(|parsed| parsed["uid"] == uid)?;
    let status = parsed["status"].take();
    match node {
        Some(node) if kind == Kind::Pod && record.stamp.version.node.as_str() != node => {
            let mut pending = json!({"phase": "Pending"});
            // The class follows from the specification, whoever wrote it down.
            if let Some(class) = status.get("qosClass") {
                pending["qosClass"] = class.clone();
            }
            Some(pending)
        }
        _ => Some(status),
    }
}

/// Whether a record can be part of an object of this name; what passes here can be composed.
pub fn check(part: Part, json: &str, key: &Key) -> Result<(), &'static str> {
    let value: Value = serde_json::from_str(json).map_err(|_| "it is no JSON")?;
    let has_text = |value: &Value, field| value[field].as_str().is_some_and(|text| !text.is_empty());
    match part {
        Part::Spec => {
            let metadata = &value["metadata"];
            if !metadata.is_object() || !has_text(metadata, "uid") || !(value["spec"].is_object() || value["spec"].is_null()) {
                return Err("it is no object with metadata, a uid and a spec");
            }
            let is_other = |field, wanted: &str| metadata[field].as_str().is_some_and(|found| found != wanted);
            if is_other("name", &key.name) || is_other("namespace", &key.namespace) {
                return Err("it is of another name");
            }
        }
        Part::Binding if !has_text(&value, "uid") || !has_text(&value, "nodeName") => return Err("it names no uid and node"),
        Part::Status if !has_text(&value, "uid") || value.get("status").is_none() => return Err("it is no status with a uid"),
        Part::Binding | Part::Status => {}
    }
    Ok(())
}

fn parse(record: &Record) -> Option<Value> {
    serde_json::from_str(record.json()?).ok()
}
