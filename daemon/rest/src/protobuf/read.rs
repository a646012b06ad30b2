//! Messages as objects: the JSON that the same object has.

use super::messages::{self, Field, Presence, Shape};
use super::wire::{Parts, Wire};
use super::{Fault, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// No message of ours is nested deeper.
const MAX_DEPTH: usize = 16;

/// Where in the body something is.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    depth: usize,
}

/// Reads a message.
pub(super) fn message(bytes: &[u8], place: usize, kind: &str) -> Result<Map<String, Value>, Fault> {
    let mut object = Map::new();
    fill(&mut object, bytes, place, Place { path: kind, depth: 0 })?;
    Ok(object)
}

fn fill(object: &mut Map<String, Value>, bytes: &[u8], place: usize, at: Place<'_>) -> Result<(), Fault> {
    if at.depth > MAX_DEPTH {
        return Err(Fault::Broken("it is nested too deep"));
    }
    for part in Parts(bytes) {
        let (number, wire) = part?;
        let Some(field) = messages::at(place).iter().find(|field| field.number == number) else {
            return Err(Fault::Unknown(format!("field {number} of {} as JSON", at.path)));
        };
        let path = format!("{}.{}", at.path, field.name);
        take(object, field, &wire, Place { path: &path, depth: at.depth })?;
    }
    Ok(())
}

fn take(object: &mut Map<String, Value>, field: &Field, wire: &Wire<'_>, at: Place<'_>) -> Result<(), Fault> {
    match (&field.shape, field.presence, wire) {
        (Shape::Message(inner), Presence::Inline, Wire::Bytes(bytes)) => {
            return fill(object, bytes, *inner, Place { depth: at.depth + 1, ..at });
        }
        (Shape::List(item), ..) => {
            let item = value(wire, item, at)?;
            let list = object.entry(field.name).or_insert_with(|| Value::Array(Vec::new()));
            if let Some(list) = list.as_array_mut() {
                list.push(item);
            }
        }
        (Shape::Map(of), ..) => {
            let (key, item) = entry(wire, of, at)?;
            let map = object.entry(field.name).or_insert_with(|| Value::Object(Map::new()));
            map.as_object_mut().map(|map| map.insert(key, item));
        }
        (shape, presence, wire) => {
            let value = value(wire, shape, at)?;
            if !value.is_null() && (presence == Presence::Said || !is_nothing(&value)) {
                object.insert(field.name.to_owned(), value);
            }
        }
    }
    Ok(())
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        _ => false,
    }
}

fn entry(wire: &Wire<'_>, of: &Shape, at: Place<'_>) -> Result<(String, Value), Fault> {
    let Wire::Bytes(bytes) = wire else { return Err(Fault::Broken("a map is no message")) };
    let (mut key, mut item) = (String::new(), None);
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, wire) => item = Some(value(&wire, of, at)?),
            _ => {}
        }
    }
    let item = item.map_or_else(|| value(&Wire::Bytes(&[]), of, at), Ok)?;
    Ok((key, item))
}

fn value(wire: &Wire<'_>, shape: &Shape, at: Place<'_>) -> Result<Value, Fault> {
    Ok(match (shape, wire) {
        (Shape::Text, Wire::Bytes(bytes)) => text(bytes)?.into(),
        (Shape::Base64, Wire::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        (Shape::Number, Wire::Number(number)) => signed(*number).into(),
        (Shape::Flag, Wire::Number(number)) => (*number != 0).into(),
        (Shape::Quantity, Wire::Bytes(bytes)) => match only(bytes)? {
            Some(bytes) => text(bytes)?.into(),
            None => "0".into(),
        },
        (Shape::NumberOrText, Wire::Bytes(bytes)) => number_or_text(bytes)?,
        (Shape::Json, Wire::Bytes(bytes)) => match only(bytes)? {
            Some(bytes) => serde_json::from_slice(bytes).map_err(|_| Fault::Broken("a field is no JSON"))?,
            None => Value::Null,
        },
        (Shape::Time(digits), Wire::Bytes(bytes)) => time(bytes, *digits)?,
        (Shape::Message(place), Wire::Bytes(bytes)) => {
            let mut object = Map::new();
            fill(&mut object, bytes, *place, Place { depth: at.depth + 1, ..at })?;
            Value::Object(object)
        }
        // A list in a map is a message of it.
        (Shape::List(item), Wire::Bytes(bytes)) => {
            let items = Parts(bytes).map(|part| value(&part?.1, item, at));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        _ => return Err(Fault::Broken("a field has another form than its kind says")),
    })
}

/// Negative numbers have all 64 bits.
fn signed(number: u64) -> i64 {
    i64::from_ne_bytes(number.to_ne_bytes())
}

/// The bytes of a message's field 1.
fn only(bytes: &[u8]) -> Result<Option<&[u8]>, Fault> {
    for part in Parts(bytes) {
        if let (1, Wire::Bytes(bytes)) = part? {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn number_or_text(bytes: &[u8]) -> Result<Value, Fault> {
    let (mut is_text, mut number, mut words) = (false, 0, String::new());
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = signed(value),
            (3, Wire::Bytes(bytes)) => words = text(bytes)?,
            _ => {}
        }
    }
    Ok(if is_text { words.into() } else { number.into() })
}

fn time(bytes: &[u8], digits: u8) -> Result<Value, Fault> {
    let (mut seconds, mut nanos) = (0_i64, 0_i32);
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Number(number)) => seconds = signed(number),
            (2, Wire::Number(number)) => nanos = i32::try_from(number).unwrap_or_default(),
            _ => {}
        }
    }
    // Go's zero time is a time that was not set.
    if (seconds, nanos) == (0, 0) || seconds == -62_135_596_800 {
        return Ok(Value::Null);
    }
    let time = Timestamp::new(seconds, nanos).map_err(|_| Fault::Broken("a time is out of range"))?;
    Ok(match digits {
        0 => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        _ => time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
    }
    .into())
}
