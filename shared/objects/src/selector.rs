//! Selections of objects by labels and by fields.

mod field;
mod label;

pub use field::{FieldSelector, fields_of};
pub use label::LabelSelector;
