//! The one form of an object: what the API server stores and answers, whatever the user wrote.
//!
//! Empty optional values go, values that are always printed come, amounts get their canonical form. Two objects that
//! mean the same are equal afterwards.

use super::{Field, Shape, Type};
use crate::lookup::scalar;
use crate::quantity::Quantity;
use serde_json::{Map, Value};

/// The object in its one form. It fits its type: decoding came before.
pub(crate) fn normalize(value: Value, of: &'static Type) -> Value {
    let mut fields = match value {
        Value::Object(fields) => fields,
        other => return other,
    };
    let mut normal = Map::new();
    for field in of.fields {
        let value = fields.remove(field.name).unwrap_or_default();
        if let Some(value) = normalize_field(value, field) {
            normal.insert(field.name.to_owned(), value);
        }
    }
    Value::Object(normal)
}

fn normalize_field(value: Value, field: &Field) -> Option<Value> {
    let value = match value {
        Value::Null => {
            return if !field.is_always || field.is_pointer { None } else { zero(field.shape) };
        }
        value => normalize_value(value, field.shape),
    };
    let keeps_empty = field.is_pointer || field.is_always;
    if !keeps_empty && is_empty(&value) && !matches!(field.shape, Shape::IntOrString) { None } else { Some(value) }
}

fn normalize_value(value: Value, shape: Shape) -> Value {
    match (shape, value) {
        // Nothing as an item of a list or map is an empty item.
        (shape, Value::Null) => zero(shape).unwrap_or_default(),
        (Shape::Struct(of), value) => normalize(value, of),
        (Shape::List(item), Value::Array(items)) => {
            Value::Array(items.into_iter().map(|value| normalize_value(value, *item)).collect())
        }
        (Shape::Map(inner), Value::Object(fields)) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, normalize_value(value, *inner))).collect())
        }
        (Shape::Quantity, value) => {
            let text = scalar(&value);
            Quantity::parse(&text).map_or(value, |quantity| Value::String(quantity.canonical()))
        }
        (_, value) => value,
    }
}

/// What is printed for a field that is always printed and was not written.
fn zero(shape: Shape) -> Option<Value> {
    match shape {
        Shape::Text(_) | Shape::Bytes => Some(Value::String(String::new())),
        Shape::Bool => Some(Value::Bool(false)),
        Shape::Int32 | Shape::Int64 | Shape::IntOrString => Some(Value::from(0)),
        Shape::Quantity => Some(Value::from("0")),
        Shape::Struct(of) => Some(normalize(Value::Object(Map::new()), of)),
        Shape::Time | Shape::Any | Shape::List(_) | Shape::Map(_) => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}
