//! Sets of fields, as `managedFields` writes them (`FieldsV1`): a tree whose nodes are fields, items and values.
//!
//! The notation is that of `sigs.k8s.io/structured-merge-diff/fieldpath`: `f:name` is a field, `k:{"name":"a"}` the item of a
//! list with that key, `v:"a"` a value of a set, `i:0` an index, and `.` the node itself.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Field(String),
    /// An item by its key fields, as compact JSON.
    Key(String),
    /// A value, as JSON.
    Value(String),
    Index(usize),
}

impl Step {
    fn parse(text: &str) -> Option<Self> {
        let (mark, rest) = text.split_once(':')?;
        match mark {
            "f" => Some(Self::Field(rest.to_owned())),
            // Read and written again, so that one key is one text.
            "k" => serde_json::from_str::<Map<String, Value>>(rest).ok().map(|key| Self::Key(Value::Object(key).to_string())),
            "v" => serde_json::from_str::<Value>(rest).ok().map(|value| Self::Value(value.to_string())),
            "i" => rest.parse().ok().map(Self::Index),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(key) => format!("k:{key}"),
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }
}

/// As in `.spec.containers[name="a"].image`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(key) => {
                let fields: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
                let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "[{}]", fields.join(","))
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A set of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldSet {
    /// Whether the node itself is in the set.
    pub(super) is_member: bool,
    pub(super) below: BTreeMap<Step, FieldSet>,
}

impl FieldSet {
    /// Reads `FieldsV1`; `None` if it is none.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        let mut set = Self::default();
        for (name, value) in value.as_object()? {
            if name == "." {
                set.is_member = true;
                continue;
            }
            let mut below = Self::parse(value)?;
            // A leaf is written as nothing.
            below.is_member |= below.below.is_empty();
            set.below.insert(Step::parse(name)?, below);
        }
        Some(set)
    }

    /// As `FieldsV1`.
    pub(super) fn to_value(&self) -> Value {
        let mut fields = Map::new();
        if self.is_member && !self.below.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        fields.extend(self.below.iter().map(|(step, below)| (step.text(), below.to_value())));
        Value::Object(fields)
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.is_member && self.below.is_empty()
    }

    /// The node at a step, made if it is not there.
    pub(super) fn at(&mut self, step: Step) -> &mut Self {
        self.below.entry(step).or_default()
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        union.is_member |= other.is_member;
        for (step, below) in &other.below {
            let merged = union.below.get(step).map_or_else(|| below.clone(), |own| own.union(below));
            union.below.insert(step.clone(), merged);
        }
        union
    }

    pub(super) fn difference(&self, other: &Self) -> Self {
        self.combined(other, |own, other| own && !other, |own| Some(own.clone()))
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.combined(other, |own, other| own && other, |_| None)
    }

    fn combined(&self, other: &Self, is_member: fn(bool, bool) -> bool, alone: fn(&Self) -> Option<Self>) -> Self {
        let mut combined = Self { is_member: is_member(self.is_member, other.is_member), below: BTreeMap::new() };
        for (step, own) in &self.below {
            let below = match other.below.get(step) {
                Some(other) => Some(own.combined(other, is_member, alone)),
                None => alone(own),
            };
            if let Some(below) = below.filter(|below| !below.is_empty()) {
                combined.below.insert(step.clone(), below);
            }
        }
        combined
    }

    /// The set with every field that leads to a member: where nothing is left of a struct, the struct itself goes.
    pub(super) fn with_fields_above(&self) -> Self {
        let below: BTreeMap<Step, Self> = self.below.iter().map(|(step, set)| (step.clone(), set.with_fields_above())).collect();
        let mut set = Self { is_member: self.is_member, below };
        for (step, below) in &mut set.below {
            below.is_member |= matches!(step, Step::Field(_)) && !below.below.is_empty();
        }
        set
    }

    /// Takes out the node at a path of fields, with all below it.
    pub(super) fn remove(&mut self, path: &[&str]) {
        let [first, rest @ ..] = path else { return };
        let step = Step::Field((*first).to_owned());
        if rest.is_empty() {
            self.below.remove(&step);
        } else if let Some(below) = self.below.get_mut(&step) {
            below.remove(rest);
            if below.is_empty() {
                self.below.remove(&step);
            }
        }
    }

    /// Takes out the field at a path alone.
    pub(super) fn remove_node(&mut self, path: &[&str]) {
        let [first, rest @ ..] = path else {
            self.is_member = false;
            return;
        };
        let step = Step::Field((*first).to_owned());
        if let Some(below) = self.below.get_mut(&step) {
            below.remove_node(rest);
            if below.is_empty() {
                self.below.remove(&step);
            }
        }
    }

    /// The paths of all members.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, path: &str, paths: &mut Vec<String>) {
        if self.is_member {
            paths.push(path.to_owned());
        }
        for (step, below) in &self.below {
            let mut deeper = path.to_owned();
            write!(deeper, "{step}").expect("writing to a String cannot fail");
            below.collect(&deeper, paths);
        }
    }
}
