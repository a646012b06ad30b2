//! Selections of objects by labels and by fields.

mod field;
mod label;
mod object;

pub use field::{FieldSelector, fields_of};
pub use label::LabelSelector;
pub use object::{selects, shown};
