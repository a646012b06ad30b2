//! Objects as messages: the JSON that an object has, by the table of its kind.

use super::messages::{self, Field, Presence, Shape};
use super::wire::{put_bytes, put_number};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Writes a message's fields.
pub(super) fn message(place: usize, object: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(object) = object.as_object() {
        put_message(&mut out, place, object);
    }
    out
}

fn put_message(out: &mut Vec<u8>, place: usize, object: &Map<String, Value>) {
    for field in messages::at(place) {
        match (&field.shape, field.presence) {
            (Shape::Message(place), Presence::Inline) => {
                let mut inner = Vec::new();
                put_message(&mut inner, *place, object);
                put_bytes(out, field.number, &inner);
            }
            _ => {
                if let Some(value) = object.get(field.name).filter(|value| !value.is_null()) {
                    put_field(out, field, value);
                }
            }
        }
    }
}

fn put_field(out: &mut Vec<u8>, field: &Field, value: &Value) {
    match &field.shape {
        Shape::List(item) => {
            for value in value.as_array().into_iter().flatten() {
                put(out, field.number, item, value);
            }
        }
        Shape::Map(item) => {
            for (key, value) in value.as_object().into_iter().flatten() {
                let mut entry = Vec::new();
                put_bytes(&mut entry, 1, key.as_bytes());
                put(&mut entry, 2, item, value);
                put_bytes(out, field.number, &entry);
            }
        }
        shape => put(out, field.number, shape, value),
    }
}

/// Writes one value. What is not of its shape is left out: what is stored passed admission.
fn put(out: &mut Vec<u8>, number: u32, shape: &Shape, value: &Value) {
    match shape {
        Shape::Text => put_bytes(out, number, value.as_str().unwrap_or_default().as_bytes()),
        Shape::Base64 => put_bytes(out, number, &STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default()),
        Shape::Number => put_number(out, number, bits(value.as_i64().unwrap_or_default())),
        Shape::Flag => put_number(out, number, u64::from(value.as_bool().unwrap_or_default())),
        Shape::Quantity => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            put_bytes(out, number, &one(text.as_bytes()));
        }
        Shape::NumberOrText => {
            let mut inner = Vec::new();
            match value.as_i64() {
                Some(value) => {
                    put_number(&mut inner, 1, 0);
                    put_number(&mut inner, 2, bits(value));
                }
                None => {
                    put_number(&mut inner, 1, 1);
                    put_bytes(&mut inner, 3, value.as_str().unwrap_or_default().as_bytes());
                }
            }
            put_bytes(out, number, &inner);
        }
        Shape::Json => put_bytes(out, number, &one(value.to_string().as_bytes())),
        Shape::Time(_) => {
            let time = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
            if let Some(time) = time {
                let mut inner = Vec::new();
                put_number(&mut inner, 1, bits(time.as_second()));
                put_number(&mut inner, 2, bits(time.subsec_nanosecond().into()));
                put_bytes(out, number, &inner);
            }
        }
        Shape::Message(place) => put_bytes(out, number, &message(*place, value)),
        // A list in a map is a message of it.
        Shape::List(item) => {
            let mut inner = Vec::new();
            for value in value.as_array().into_iter().flatten() {
                put(&mut inner, 1, item, value);
            }
            put_bytes(out, number, &inner);
        }
        Shape::Map(_) => {}
    }
}

/// A message whose only field has the number 1.
fn one(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, 1, bytes);
    out
}

/// Negative numbers have all 64 bits.
fn bits(value: i64) -> u64 {
    u64::from_ne_bytes(value.to_ne_bytes())
}
