//! Records and their keys as bytes on disk.
//!
//! A key is `kind 0 namespace 0 name 0 part`, so that a kind's objects are together. A record is a format byte, the version (wall
//! time 8 bytes, counter 4, node's length 2 and name), a tag (0 tombstone, 1 JSON) and the JSON text; numbers are big endian.

use crate::Key;
use control::record::{Body, Part, Record};
use control::version::{NodeId, Version};
use objects::Kind;

const FORMAT: u8 = 1;
const TOMBSTONE: u8 = 0;
const JSON: u8 = 1;

/// A key's bytes.
pub fn encode_key(key: &Key, part: Part) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.namespace.len() + key.name.len() + 12);
    for word in [key.kind.plural(), &key.namespace, &key.name] {
        out.extend_from_slice(word.as_bytes());
        out.push(0);
    }
    out.push(match part {
        Part::Spec => b's',
        Part::Binding => b'b',
        Part::Status => b't',
    });
    out
}

/// A key of bytes; `None` where they are none of ours.
pub fn decode_key(bytes: &[u8]) -> Option<(Key, Part)> {
    let mut words = bytes.splitn(4, |byte| *byte == 0);
    let mut word = || std::str::from_utf8(words.next()?).ok();
    let kind = word()?;
    let kind = Kind::ALL.into_iter().find(|known| known.plural() == kind)?;
    let (namespace, name) = (word()?, word()?);
    let part = match word()? {
        "s" => Part::Spec,
        "b" => Part::Binding,
        "t" => Part::Status,
        _ => return None,
    };
    Some((Key::new(kind, namespace, name), part))
}

/// A record's bytes.
pub fn encode_record(record: &Record) -> Vec<u8> {
    let node = record.version.node.0.as_bytes();
    let json = record.json().map(|json| json.as_bytes());
    let mut out = Vec::with_capacity(16 + node.len() + json.map_or(0, <[u8]>::len));
    out.push(FORMAT);
    out.extend_from_slice(&record.version.wall_ms.to_be_bytes());
    out.extend_from_slice(&record.version.counter.to_be_bytes());
    // Node names are at most 253 bytes.
    out.extend_from_slice(&u16::try_from(node.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(&node[..node.len().min(usize::from(u16::MAX))]);
    out.push(if json.is_some() { JSON } else { TOMBSTONE });
    out.extend_from_slice(json.unwrap_or_default());
    out
}

/// A record of bytes.
pub fn decode_record(bytes: &[u8]) -> Result<Record, &'static str> {
    let (format, rest) = bytes.split_first().ok_or("it is empty")?;
    if *format != FORMAT {
        return Err("it is of another format");
    }
    let cut = "it is cut short";
    let (wall_ms, rest) = rest.split_first_chunk().ok_or(cut)?;
    let (counter, rest) = rest.split_first_chunk().ok_or(cut)?;
    let (length, rest) = rest.split_first_chunk().ok_or(cut)?;
    let (node, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(cut)?;
    let node = NodeId(std::str::from_utf8(node).map_err(|_| "its writer's name is no text")?.to_owned());
    let version = Version { wall_ms: u64::from_be_bytes(*wall_ms), counter: u32::from_be_bytes(*counter), node };
    let (tag, json) = rest.split_first().ok_or(cut)?;
    let body = match *tag {
        TOMBSTONE => Body::Tombstone,
        JSON => Body::Json(std::str::from_utf8(json).map_err(|_| "it is no text")?.into()),
        _ => return Err("it is neither JSON nor a tombstone"),
    };
    Ok(Record { version, body })
}

#[cfg(test)]
mod tests {
    use super::{decode_key, decode_record, encode_key, encode_record};
    use crate::Key;
    use control::record::{Body, Part, Record};
    use control::version::{NodeId, Version};
    use objects::Kind;
    use proptest::prelude::*;

    #[test]
    fn keys_and_records_survive_the_way() {
        for part in [Part::Spec, Part::Binding, Part::Status] {
            for key in [Key::new(Kind::Pod, "default", "kubia"), Key::new(Kind::Node, "", "node1")] {
                assert_eq!(decode_key(&encode_key(&key, part)), Some((key, part)));
            }
        }
        for body in [Body::Tombstone, Body::Json("{}".into())] {
            let record = Record { version: Version { wall_ms: 7, counter: 8, node: NodeId("n".into()) }, body };
            assert_eq!(decode_record(&encode_record(&record)), Ok(record));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode_record(&bytes);
            let _ = decode_key(&bytes);
        }
    }
}
