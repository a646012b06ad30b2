//! Kubernetes' protobuf bodies: what clients written in Go send of the kinds that they make themselves.
//!
//! A body is `k8s\0`, an envelope that says which kind it is, and the message. Messages become the JSON that the same object has, by
//! tables of their fields' numbers (`generated.proto` of each package); a field that the tables do not have is not lost in silence: the
//! body is refused, and JSON, which every client can send, is the way. Answers are always JSON.

mod fields;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fields::{Field, Shape};
use jiff::Timestamp;
use objects::Status;
use serde_json::{Map, Value};

const MAGIC: &[u8] = b"k8s\0";
/// No message of ours is nested deeper.
const MAX_DEPTH: usize = 16;

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Broken(&'static str),
    Unknown(String),
}

/// Reads a body as the JSON of its object.
///
/// # Errors
/// 400 where it is broken, 415 for a kind or field that is taken as JSON only.
pub fn decode(body: &[u8]) -> Result<Value, Status> {
    read(body).map_err(|fault| match fault {
        Fault::Broken(why) => Status::bad_request(format!("the body is no protobuf of Kubernetes: {why}")),
        Fault::Unknown(what) => crate::refusal::unsupported_media(&format!("application/json, application/yaml ({what})")),
    })
}

fn read(body: &[u8]) -> Result<Value, Fault> {
    let envelope = body.strip_prefix(MAGIC).ok_or(Fault::Broken("its mark is missing"))?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for part in Parts(envelope) {
        match part? {
            (1, Wire::Bytes(meta)) => {
                for part in Parts(meta) {
                    match part? {
                        (1, Wire::Bytes(bytes)) => api_version = text(bytes)?,
                        (2, Wire::Bytes(bytes)) => kind = text(bytes)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            (3, Wire::Bytes(encoding)) if !encoding.is_empty() => return Err(Fault::Unknown("a compressed body".to_owned())),
            _ => {}
        }
    }
    let known = fields::of(&api_version, &kind).ok_or_else(|| Fault::Unknown(format!("{api_version} {kind} as JSON")))?;
    let mut object = message(raw, known, &kind, 0)?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

/// A field's bytes, before it is known what they mean.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message.
struct Parts<'a>(&'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = Result<(u32, Wire<'a>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let part = self.part();
        if part.is_err() {
            self.0 = &[];
        }
        Some(part)
    }
}

impl<'a> Parts<'a> {
    fn part(&mut self) -> Result<(u32, Wire<'a>), Fault> {
        let key = self.number()?;
        let number = u32::try_from(key >> 3).map_err(|_| Fault::Broken("a field's number is too great"))?;
        let wire = match key & 7 {
            0 => Wire::Number(self.number()?),
            1 => Wire::Bytes(self.take(8)?),
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| Fault::Broken("a length is too great"))?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Bytes(self.take(4)?),
            _ => return Err(Fault::Broken("a field of no known form")),
        };
        Ok((number, wire))
    }

    fn number(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Fault::Broken("it ends in a number"))?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Fault::Broken("a number is too long"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Fault::Broken("it ends in a field"))?;
        self.0 = rest;
        Ok(taken)
    }
}

fn text(bytes: &[u8]) -> Result<String, Fault> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Fault::Broken("a text is no UTF-8"))
}

fn message(bytes: &[u8], known: &'static [Field], path: &str, depth: usize) -> Result<Map<String, Value>, Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::Broken("it is nested too deep"));
    }
    let mut object = Map::new();
    for part in Parts(bytes) {
        let (number, wire) = part?;
        let Some(field) = known.iter().find(|field| field.number == number) else {
            return Err(Fault::Unknown(format!("field {number} of {path} as JSON")));
        };
        let path = format!("{path}.{}", field.name);
        match field.shape {
            Shape::List(item) => {
                let item = value(&wire, *item, &path, depth)?;
                let list = object.entry(field.name).or_insert_with(|| Value::Array(Vec::new()));
                if let Some(list) = list.as_array_mut() {
                    list.push(item);
                }
            }
            Shape::Map(of) => {
                let (key, item) = entry(&wire, *of, &path, depth)?;
                let map = object.entry(field.name).or_insert_with(|| Value::Object(Map::new()));
                map.as_object_mut().map(|map| map.insert(key, item));
            }
            shape => {
                let value = value(&wire, shape, &path, depth)?;
                // What is empty was not set: Go's messages have no other way to say so, and JSON leaves it out.
                if !is_empty(&value, shape) {
                    object.insert(field.name.to_owned(), value);
                }
            }
        }
    }
    Ok(object)
}

fn is_empty(value: &Value, shape: Shape) -> bool {
    match (shape, value) {
        (_, Value::Null) => true,
        (Shape::Text, Value::String(text)) => text.is_empty(),
        _ => false,
    }
}

fn entry(wire: &Wire<'_>, of: Shape, path: &str, depth: usize) -> Result<(String, Value), Fault> {
    let Wire::Bytes(bytes) = wire else { return Err(Fault::Broken("a map is no message")) };
    let (mut key, mut item) = (String::new(), value(&Wire::Bytes(&[]), of, path, depth)?);
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, wire) => item = value(&wire, of, path, depth)?,
            _ => {}
        }
    }
    Ok((key, item))
}

fn value(wire: &Wire<'_>, shape: Shape, path: &str, depth: usize) -> Result<Value, Fault> {
    Ok(match (shape, wire) {
        (Shape::Text, Wire::Bytes(bytes)) => text(bytes)?.into(),
        (Shape::Base64, Wire::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        // Negative numbers have all 64 bits.
        (Shape::Number, Wire::Number(number)) => i64::from_ne_bytes(number.to_ne_bytes()).into(),
        (Shape::Flag, Wire::Number(number)) => (*number != 0).into(),
        (Shape::Json, Wire::Bytes(bytes)) => json(bytes)?,
        (Shape::Time(digits), Wire::Bytes(bytes)) => time(bytes, digits)?,
        (Shape::Message(known), Wire::Bytes(bytes)) => Value::Object(message(bytes, known, path, depth + 1)?),
        _ => return Err(Fault::Broken("a field has another form than its kind says")),
    })
}

fn json(bytes: &[u8]) -> Result<Value, Fault> {
    for part in Parts(bytes) {
        if let (1, Wire::Bytes(text)) = part? {
            return serde_json::from_slice(text).map_err(|_| Fault::Broken("a field is no JSON"));
        }
    }
    Ok(Value::Null)
}

fn time(bytes: &[u8], digits: u8) -> Result<Value, Fault> {
    let (mut seconds, mut nanos) = (0_i64, 0_i32);
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Number(number)) => seconds = i64::from_ne_bytes(number.to_ne_bytes()),
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

#[cfg(test)]
mod tests {
    use super::decode;
    use proptest::prelude::{any, prop, proptest};
    use serde_json::json;

    /// A field of bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).expect("a short field")];
        out.extend_from_slice(bytes);
        out
    }

    fn number(number: u8, value: u8) -> Vec<u8> {
        vec![number << 3, value]
    }

    fn body(api_version: &str, kind: &str, message: &[u8]) -> Vec<u8> {
        let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), field(1, &meta), field(2, message)].concat()
    }

    #[test]
    fn a_config_map_is_what_it_would_be_in_json() {
        let entry = [field(1, b"key"), field(2, b"value")].concat();
        let metadata = [field(1, b"a"), field(3, b"default"), field(8, &[]), field(11, &entry)].concat();
        let message = [field(1, &metadata), field(2, &entry), field(3, &entry), number(4, 1)].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "immutable": true,
            "metadata": {"name": "a", "namespace": "default", "labels": {"key": "value"}},
            "data": {"key": "value"}, "binaryData": {"key": "dmFsdWU="},
        });
        assert_eq!(decode(&body("v1", "ConfigMap", &message)), Ok(expected));
    }

    #[test]
    fn options_of_a_deletion_keep_a_grace_of_nothing() {
        let message = [number(1, 0), field(2, &field(1, b"u")), field(4, b"Background"), field(5, b"All")].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": {"uid": "u"},
            "propagationPolicy": "Background", "dryRun": ["All"],
        });
        assert_eq!(decode(&body("v1", "DeleteOptions", &message)), Ok(expected));
    }

    #[test]
    fn what_is_not_in_the_tables_is_refused_and_never_dropped() {
        let refused = |body: &[u8]| decode(body).expect_err("refused");
        assert_eq!(refused(&body("apps/v1", "Deployment", &[])).code, 415);
        let unknown = refused(&body("v1", "ConfigMap", &field(15, b"x")));
        assert_eq!(unknown.code, 415);
        assert!(unknown.message.contains("field 15 of ConfigMap"), "{unknown}");
        assert_eq!(refused(b"{}").code, 400);
        assert_eq!(refused(&body("v1", "ConfigMap", &[0x0a, 200])).code, 400);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            for kind in ["ConfigMap", "Secret", "DeleteOptions", "Namespace"] {
                let _ = decode(&[body("v1", kind, &[]), bytes.clone()].concat());
            }
        }
    }
}
