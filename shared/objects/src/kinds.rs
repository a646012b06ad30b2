//! What there is to say of each kind of object, a file a kind: its names, its type, its validation, its table, its description.
//!
//! A new kind is a file here, a line in [`definition`], and its type's name in `explain`. Pods, nodes and events, which came first and
//! are larger, have their parts in `admission`, `schema`, `printing` and `describe`.

mod builtin;
mod config_map;
mod deployment;
mod lease;
mod namespace;
mod priority_class;
mod replica_set;
mod secret;
mod service;
mod service_account;

use crate::Kind;
use crate::admission::faults::Faults;
use crate::describe::Page;
use crate::schema::Type;
use jiff::Timestamp;
use serde_json::Value;

pub use namespace::{FINALIZER as NAMESPACE_FINALIZER, is_immortal};
pub use priority_class::SYSTEM_CLASSES;
pub(crate) use replica_set::describe_template;

/// Names and priorities of a table's columns.
pub(crate) type Columns = &'static [(&'static str, u8)];

/// Everything about a kind.
pub(crate) struct Definition {
    pub(crate) names: Names,
    /// The name of its type in the API's own documentation.
    pub(crate) documented_as: &'static str,
    /// The fields that its objects can be selected by.
    pub(crate) selectable: &'static [&'static str],
    pub(crate) fields: &'static Type,
    pub(crate) columns: Columns,
    pub(crate) cells: fn(&Value, Timestamp) -> Vec<String>,
    /// What is wrong with a name.
    pub(crate) check_name: fn(&str) -> Vec<String>,
    /// Fills in what was left out of an object in its one form.
    pub(crate) complete: fn(&mut Value),
    /// Checks all but the metadata.
    pub(crate) validate: fn(&Value, &mut Faults),
    /// Checks a change, after `validate`.
    pub(crate) validate_update: fn(&Value, &Value, &mut Faults),
    /// Writes what is between the metadata and the events.
    pub(crate) describe: fn(&Value, &mut Page<'_>),
}

/// What a kind is called.
pub(crate) struct Names {
    pub(crate) name: &'static str,
    pub(crate) api_version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) is_namespaced: bool,
}

/// A kind's definition.
pub(crate) const fn definition(kind: Kind) -> &'static Definition {
    match kind {
        Kind::Pod => &builtin::POD,
        Kind::Node => &builtin::NODE,
        Kind::Event => &builtin::EVENT,
        Kind::Namespace => &namespace::NAMESPACE,
        Kind::ConfigMap => &config_map::CONFIG_MAP,
        Kind::Secret => &secret::SECRET,
        Kind::ServiceAccount => &service_account::SERVICE_ACCOUNT,
        Kind::PriorityClass => &priority_class::PRIORITY_CLASS,
        Kind::Lease => &lease::LEASE,
        Kind::Service => &service::SERVICE,
        Kind::ReplicaSet => &replica_set::REPLICA_SET,
        Kind::Deployment => &deployment::DEPLOYMENT,
    }
}

/// Nothing is left out that has a default.
fn nothing_to_complete(_object: &mut Value) {}

/// Nothing but the metadata can be wrong.
fn nothing_to_check(_object: &Value, _faults: &mut Faults) {}

/// Everything may change.
fn anything_may_change(_old: &Value, _new: &Value, _faults: &mut Faults) {}
