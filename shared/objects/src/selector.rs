//! Selections of objects by labels and by fields.

mod field;
mod label;

pub use field::FieldSelector;
pub use label::LabelSelector;
