//! Label selectors: `app=web,tier!=db,env in (a,b),!legacy`.
//!
//! Grammar and errors follow `apimachinery/pkg/labels/selector.go`.

mod lexer;
mod syntax;

use crate::Status;
use serde_json::Value;
use std::collections::BTreeSet;

/// A parsed label selector. The empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// What one term demands of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    demand: Demand,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Demand {
    Exists,
    DoesNotExist,
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    GreaterThan(i64),
    LessThan(i64),
}

impl LabelSelector {
    /// Reads a selector.
    ///
    /// # Errors
    /// 400 `BadRequest` in Kubernetes' words.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let requirements = syntax::parse(text).map_err(Status::bad_request)?;
        Ok(Self { requirements })
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether labels (a JSON object of strings, or nothing) are selected.
    #[must_use]
    pub fn matches(&self, labels: Option<&Value>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels.and_then(|labels| labels.get(&requirement.key)).and_then(Value::as_str);
            requirement.demand.is_met_by(value)
        })
    }

    /// Whether an object is selected by its `metadata.labels`.
    #[must_use]
    pub fn matches_object(&self, object: &Value) -> bool {
        self.matches(crate::lookup::at(object, "/metadata/labels"))
    }
}

impl Demand {
    fn is_met_by(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Self::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Self::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

#[cfg(test)]
mod tests;
