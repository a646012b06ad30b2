//! One object as readers get it: finished JSON, made once a change and shared.

use crate::ResourceVersion;
use objects::Kind;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// What names an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for kinds without.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// A key of these parts.
    #[must_use]
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// As in `pods "kubia"`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.kind.plural(), self.name)
    }
}

/// An object: metadata, spec, binding and status put together, with its `resourceVersion`.
#[derive(Debug)]
pub struct Object {
    pub(crate) key: Key,
    pub(crate) uid: String,
    pub(crate) node: Option<Arc<str>>,
    pub(crate) resource_version: ResourceVersion,
    pub(crate) json: Box<RawValue>,
}

impl Object {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// `metadata.uid`
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The node that it is on: `spec.nodeName` of a pod that is bound; a Node is on itself.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }

    /// `metadata.resourceVersion`
    #[must_use]
    pub fn resource_version(&self) -> ResourceVersion {
        self.resource_version
    }

    /// The same object, shown with other content: of the same version.
    #[must_use]
    pub fn showing(&self, value: &serde_json::Value) -> Self {
        let json = serde_json::value::to_raw_value(value).expect("a value is JSON");
        let (key, uid, node) = (self.key.clone(), self.uid.clone(), self.node.clone());
        Self { key, uid, node, resource_version: self.resource_version, json }
    }

    /// The JSON, to be sent as it is.
    #[must_use]
    pub fn json(&self) -> &RawValue {
        &self.json
    }

    /// The JSON as a value.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(self.json.get()).expect("the text was made from a value")
    }

    /// The JSON as a type.
    ///
    /// # Errors
    /// It does not fit the type: a fault, since admission let it in.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.json.get())
    }
}

/// Objects of one kind at one version.
#[derive(Debug, Clone)]
pub struct List {
    /// Ordered by namespace and name.
    pub items: Vec<Arc<Object>>,
    /// Where a watch goes on from.
    pub resource_version: ResourceVersion,
}
