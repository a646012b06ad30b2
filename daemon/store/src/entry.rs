//! An object's records, and the one JSON text that readers get of them.

use crate::fields::{Fields, quoted};
use crate::overlay::{Lost, cover};
use crate::{Key, Object, ResourceVersion};
use control::entry::Entry;
use control::record::{Body, Part, Record};
use objects::Kind;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
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
    let fields = Fields::read(binding.json()?)?;
    (fields.text("uid").as_deref() == Some(uid)).then(|| fields.text("nodeName")).flatten()
}

/// An object made of its records, before it has a version. The texts of the records are put together as they are: most of what comes from
/// other replicas is passed on to readers without a look into it.
pub struct Composed {
    /// Its JSON, with an empty text in place of the version.
    json: String,
    /// Where the version belongs, in bytes.
    version_at: usize,
    key: Key,
    uid: String,
    node: Option<Arc<str>>,
}

impl Composed {
    /// Joins the records.
    pub fn of(entry: &Entry, key: &Key) -> Result<Self, &'static str> {
        let text = entry.spec.as_ref().and_then(Record::json).ok_or("it has no specification")?;
        let mut object = Fields::read(text).ok_or("its specification is no JSON object")?;
        let metadata = object.child("metadata").ok_or("it has no metadata")?;
        let uid = metadata.text("uid").ok_or("it has no uid")?;
        let metadata = without_version(metadata);
        let bound = bound_to(entry, &uid);
        if let Some(node) = &bound {
            let mut spec = object.child("spec").ok_or("its spec is no object")?;
            spec.set("nodeName", quoted(node));
            let spec = spec.join("").0;
            object.set("spec", spec);
        }
        let node = match key.kind {
            Kind::Node => Some(key.name.clone()),
            Kind::Pod => bound.or_else(|| object.child("spec")?.text("nodeName")).filter(|node| !node.is_empty()),
            _ => None,
        };
        if let Some(status) = status_of(entry, key.kind, &uid, node.as_deref()) {
            object.set("status", status);
        }
        let (json, version_at) = join(object, metadata);
        Ok(Self { json, version_at, key: key.clone(), uid, node: node.map(Arc::from) })
    }

    /// Its status as it is stored.
    pub fn status(&self) -> Option<Value> {
        serde_json::from_str(Fields::read(&self.json)?.get("status")?).ok()
    }

    /// Shows it as one of a lost node where it is that.
    pub fn covered(mut self, lost: &Lost) -> Result<Self, &'static str> {
        if self.node.as_deref().is_some_and(|node| lost.contains_key(node)) {
            let mut value = serde_json::from_str(&self.json).map_err(|_| "its specification is no JSON object")?;
            cover(&mut value, self.key.kind, self.node.as_deref(), lost);
            let text = value.to_string();
            let object = Fields::read(&text).ok_or("it is no JSON object")?;
            let metadata = without_version(object.child("metadata").ok_or("it has no metadata")?);
            (self.json, self.version_at) = join(object, metadata);
        }
        Ok(self)
    }

    /// Gives it a version.
    pub fn finish(&self, resource_version: ResourceVersion) -> Result<Arc<Object>, &'static str> {
        let (before, after) = self.json.split_at(self.version_at);
        let json = [before, &resource_version.to_string(), after].concat();
        let json = RawValue::from_string(json).map_err(|_| "it cannot be written as JSON")?;
        Ok(Arc::new(Object { key: self.key.clone(), uid: self.uid.clone(), node: self.node.clone(), resource_version, json }))
    }

    /// Gives it a version, if it differs from how it was shown before in more than that.
    pub fn finish_if_new(&self, before: Option<&Object>, version: ResourceVersion) -> Result<Option<Arc<Object>>, &'static str> {
        if before.is_some_and(|before| self.is_shown_by(before)) { Ok(None) } else { self.finish(version).map(Some) }
    }

    fn is_shown_by(&self, object: &Object) -> bool {
        let (before, after) = self.json.split_at(self.version_at);
        let version = object.resource_version.to_string();
        let rest = object.json.get().strip_prefix(before).and_then(|rest| rest.strip_prefix(version.as_str()));
        rest == Some(after)
    }
}

/// The JSON of an object's metadata with an empty text in place of the version, and where in it that begins.
fn without_version(mut metadata: Fields<'_>) -> (String, usize) {
    metadata.set("resourceVersion", quoted(""));
    metadata.join("resourceVersion")
}

/// The JSON of an object with this metadata, and where in it the version belongs.
fn join(mut object: Fields<'_>, (metadata, version_at): (String, usize)) -> (String, usize) {
    object.set("metadata", metadata);
    let (json, metadata_at) = object.join("metadata");
    // Behind the quotation mark of the empty text.
    (json, metadata_at + version_at + 1)
}

/// The status to be shown. Once a pod is bound only that node says how it is; what was said before, by its creator or the scheduler of
/// another node, is not what the node sees, and neither is what a node says that lost it to another placement.
fn status_of<'e>(entry: &'e Entry, kind: Kind, uid: &str, node: Option<&str>) -> Option<Cow<'e, str>> {
    let record = entry.status.as_ref().filter(|record| entry.is_of_the_live(record))?;
    let fields = Fields::read(record.json()?).filter(|fields| fields.text("uid").as_deref() == Some(uid))?;
    match node {
        Some(node) if kind == Kind::Pod && record.stamp.version.node.as_str() != node => {
            let mut pending = Fields::default();
            pending.set("phase", quoted("Pending"));
            // The class follows from the specification, whoever wrote it down.
            if let Some(class) = fields.child("status").as_ref().and_then(|status| status.get("qosClass")) {
                pending.set("qosClass", class.to_owned());
            }
            Some(pending.join("").0.into())
        }
        _ => fields.take("status"),
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
