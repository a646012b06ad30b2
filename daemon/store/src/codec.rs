//! Records and their keys as bytes on disk.
//!
//! A key is `kind 0 namespace 0 name 0 part`, so that a kind's objects are together. A record is a format byte, the object's birth and
//! the record's version (each: wall time 8 bytes, counter 4, node's length 2 and name), its ancestry (a byte that counts them, then
//! versions), a tag (0 tombstone, 1 JSON) and the JSON text; numbers are big endian.

use crate::Key;
use control::record::{Body, Part, Record, Stamp};
use control::version::Version;
use objects::Kind;

const FORMAT: u8 = 2;
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
    let json = record.json().map(|json| json.as_bytes());
    let mut out = Vec::with_capacity(64 + json.map_or(0, <[u8]>::len));
    out.push(FORMAT);
    put_version(&mut out, &record.stamp.birth);
    put_version(&mut out, &record.stamp.version);
    let writers: Vec<_> = record.ancestry.writers().collect();
    out.push(u8::try_from(writers.len()).unwrap_or(u8::MAX));
    for (node, (wall_ms, counter)) in writers.into_iter().take(usize::from(u8::MAX)) {
        put_version(&mut out, &Version { wall_ms, counter, node: node.clone() });
    }
    out.push(if json.is_some() { JSON } else { TOMBSTONE });
    out.extend_from_slice(json.unwrap_or_default());
    out
}

fn put_version(out: &mut Vec<u8>, version: &Version) {
    // Node names are at most 253 bytes.
    let node = version.node.as_str().as_bytes();
    let node = &node[..node.len().min(usize::from(u16::MAX))];
    out.extend_from_slice(&version.wall_ms.to_be_bytes());
    out.extend_from_slice(&version.counter.to_be_bytes());
    out.extend_from_slice(&u16::try_from(node.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(node);
}

/// What a record that is cut short is called.
const CUT: &str = "it is cut short";

fn take_version<'b>(bytes: &mut &'b [u8]) -> Result<Version, &'static str> {
    let mut take = |length: usize| -> Result<&'b [u8], &'static str> {
        let (head, tail) = bytes.split_at_checked(length).ok_or(CUT)?;
        *bytes = tail;
        Ok(head)
    };
    let wall_ms = u64::from_be_bytes(take(8)?.try_into().map_err(|_| CUT)?);
    let counter = u32::from_be_bytes(take(4)?.try_into().map_err(|_| CUT)?);
    let length = u16::from_be_bytes(take(2)?.try_into().map_err(|_| CUT)?);
    let node = std::str::from_utf8(take(usize::from(length))?).map_err(|_| "its writer's name is no text")?;
    Ok(Version { wall_ms, counter, node: node.into() })
}

/// A record of bytes.
pub fn decode_record(bytes: &[u8]) -> Result<Record, &'static str> {
    let (format, mut rest) = bytes.split_first().ok_or("it is empty")?;
    if *format != FORMAT {
        return Err("it is of another format");
    }
    let (birth, version) = (take_version(&mut rest)?, take_version(&mut rest)?);
    let (writers, mut rest) = rest.split_first().ok_or(CUT)?;
    let mut ancestry = Vec::with_capacity(usize::from(*writers));
    for _ in 0..*writers {
        let Version { wall_ms, counter, node } = take_version(&mut rest)?;
        ancestry.push((node, (wall_ms, counter)));
    }
    let (tag, json) = rest.split_first().ok_or(CUT)?;
    let body = match *tag {
        TOMBSTONE => Body::Tombstone,
        JSON => Body::Json(std::str::from_utf8(json).map_err(|_| "it is no text")?.into()),
        _ => return Err("it is neither JSON nor a tombstone"),
    };
    let stamp = Stamp { birth, version, is_tombstone: body == Body::Tombstone };
    Ok(Record { stamp, ancestry: ancestry.into_iter().collect(), body })
}

#[cfg(test)]
mod tests {
    use super::{decode_key, decode_record, encode_key, encode_record};
    use crate::Key;
    use control::record::{Ancestry, Body, Part, Record, Stamp};
    use control::version::Version;
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
            let version = |wall_ms| Version { wall_ms, counter: 8, node: "n".into() };
            let stamp = Stamp { birth: version(6), version: version(7), is_tombstone: body == Body::Tombstone };
            let record = Record { ancestry: Ancestry::default().with(&stamp.version), stamp, body };
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
