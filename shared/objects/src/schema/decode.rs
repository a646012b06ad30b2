//! Strict decoding: a JSON value against its type, with the API server's words for what does not fit.
//!
//! The texts are those of Go's `encoding/json` and of `sigs.k8s.io/json` (unknown fields); k8s-openapi's own decoding
//! comes afterwards and finds nothing more.

use super::{Field, Shape, Type};
use crate::quantity::Quantity;
use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};
use serde_json::{Number, Value};

/// Something that does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Where: `spec.containers[0].ports[0].containerPort`.
    pub(crate) path: String,
    /// The API server's words.
    pub(crate) message: String,
    /// What a person can do, if that is not in the words.
    pub(crate) advice: Option<String>,
}

/// What strict decoding found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Values of the wrong type. The API server answers with the first.
    pub(crate) misfits: Vec<Misfit>,
    /// The paths of fields that no type has.
    pub(crate) unknown: Vec<String>,
}

/// Compares a value with its type.
pub(crate) fn check(value: &Value, of: &'static Type) -> Findings {
    let mut walk = Walk { findings: Findings::default(), path: String::new(), names: Vec::new() };
    walk.object(value, of, None);
    walk.findings
}

struct Walk {
    findings: Findings,
    path: String,
    /// The names of the fields above, without indices: what Go's messages have.
    names: Vec<&'static str>,
}

/// The struct and field that a value stands in.
type Context = Option<(&'static Type, &'static Field)>;

impl Walk {
    fn object(&mut self, value: &Value, of: &'static Type, context: Context) {
        let fields = match value {
            Value::Object(fields) => fields,
            Value::Null => return,
            other => return self.misfit(describe(other), &format!("v1.{}", of.name), context),
        };
        let length = self.path.len();
        for (name, value) in fields {
            self.step(name);
            match of.field(name) {
                None => self.findings.unknown.push(self.path.clone()),
                Some(field) => {
                    self.names.push(field.name);
                    self.value(value, field.shape, Some((of, field)), &field.type_name());
                    self.names.pop();
                }
            }
            self.path.truncate(length);
        }
    }

    fn value(&mut self, value: &Value, shape: Shape, context: Context, type_name: &str) {
        if value.is_null() {
            return;
        }
        match (shape, value) {
            (Shape::Struct(of), _) => self.object(value, of, context),
            (Shape::List(item), Value::Array(items)) => {
                let length = self.path.len();
                for (index, value) in items.iter().enumerate() {
                    self.path.push_str(&format!("[{index}]"));
                    self.value(value, *item, context, &item.type_name());
                    self.path.truncate(length);
                }
            }
            (Shape::Map(inner), Value::Object(fields)) => {
                let length = self.path.len();
                for (name, value) in fields {
                    self.step(name);
                    self.value(value, *inner, context, &inner.type_name());
                    self.path.truncate(length);
                }
            }
            (Shape::Quantity, Value::String(_) | Value::Number(_)) => self.quantity(value),
            (Shape::Time, Value::String(text)) => self.time(text),
            (Shape::Bytes, Value::String(text)) => self.bytes(text),
            (Shape::IntOrString, Value::Number(number)) if !fits_int32(number) => {
                self.own_words(format!("json: cannot unmarshal number {number} into Go value of type int32"));
            }
            (Shape::IntOrString, Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                self.own_words(format!("json: cannot unmarshal {} into Go value of type int32", describe(value)));
            }
            (Shape::Int32, Value::Number(number)) if !fits_int32(number) => {
                self.misfit(format!("number {number}"), type_name, context)
            }
            (Shape::Int64, Value::Number(number)) if !number.is_i64() => {
                self.misfit(format!("number {number}"), type_name, context)
            }
            (Shape::Text(_), Value::String(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Int32 | Shape::Int64 | Shape::IntOrString, Value::Number(_))
            | (Shape::IntOrString, Value::String(_))
            | (Shape::Any, _) => {}
            _ => self.misfit(describe(value), type_name, context),
        }
        if let (Shape::Text(_), Value::Number(_) | Value::Bool(_)) = (shape, value)
            && let Some(last) = self.findings.misfits.last_mut()
        {
            last.advice = Some("a text is wanted here: put the value in quotes".to_owned());
        } else if let (Shape::Int32 | Shape::Int64 | Shape::Bool, Value::String(_)) = (shape, value)
            && let Some(last) = self.findings.misfits.last_mut()
        {
            let wanted = if matches!(shape, Shape::Bool) { "true or false" } else { "a number" };
            last.advice = Some(format!("{wanted} is wanted here: write it without quotes"));
        }
    }

    fn quantity(&mut self, value: &Value) {
        let text = crate::lookup::scalar(value);
        if let Err(error) = Quantity::parse(&text) {
            self.own_words(error.to_string());
            if let Some(last) = self.findings.misfits.last_mut() {
                last.advice = Some(format!("{text:?} is no amount: write one like 500m, 1.5, 64Mi or 1Gi"));
            }
        }
    }

    fn time(&mut self, text: &str) {
        if text.parse::<jiff::Timestamp>().is_err() {
            let form = "2006-01-02T15:04:05Z07:00";
            self.own_words(format!("parsing time {text:?} as {form:?}: cannot parse {text:?} as \"2006\""));
        }
    }

    fn bytes(&mut self, text: &str) {
        if let Err(error) = STANDARD.decode(text) {
            let place = match error {
                DecodeError::InvalidByte(place, _) | DecodeError::InvalidLastSymbol(place, _) => place,
                // What is missing is missing at the end.
                DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => text.len() - text.len() % 4,
            };
            self.own_words(format!("illegal base64 data at input byte {place}"));
            if let Some(last) = self.findings.misfits.last_mut() {
                last.advice = Some("base64 is wanted here: a Secret's stringData takes plain text".to_owned());
            }
        }
    }

    /// A fault whose text does not name the field.
    fn own_words(&mut self, message: String) {
        self.findings.misfits.push(Misfit { path: self.path.clone(), message, advice: None });
    }

    fn misfit(&mut self, found: impl AsRef<str>, wanted: &str, context: Context) {
        let place = match context {
            Some((of, _)) => format!("Go struct field {}.{}", of.name, self.names.join(".")),
            None => "Go value".to_owned(),
        };
        self.own_words(format!("json: cannot unmarshal {} into {place} of type {wanted}", found.as_ref()));
    }

    fn step(&mut self, name: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(name);
    }
}

fn fits_int32(number: &Number) -> bool {
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
