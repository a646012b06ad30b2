//! One object as readers get it: finished JSON, made once a change and shared.

use crate::ResourceVersion;
use control::record::Key;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::sync::Arc;

/// An object: metadata, spec, binding and status put together, with its `resourceVersion`.
#[derive(Debug)]
pub struct Object {
    pub(crate) key: Key,
    pub(crate) uid: Arc<str>,
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

    /// `metadata.resourceVersion`
    #[must_use]
    pub fn resource_version(&self) -> ResourceVersion {
        self.resource_version
    }

    /// The JSON, to be sent as it is.
    #[must_use]
    pub fn json(&self) -> &RawValue {
        &self.json
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
