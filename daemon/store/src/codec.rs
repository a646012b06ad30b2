//! Records and their keys as bytes on disk.
//!
//! A key is `kind 0 namespace 0 name 0 part`, so that a kind's objects are together; kinds that we do not know are kept, too. A
//! record is a format byte, the object's birth and
//! the record's version (each: wall time 8 bytes, counter 4, node's length 2 and name), its ancestry (a byte that counts them, then
//! versions), a tag (0 tombstone, 1 JSON) and the JSON text; numbers are big endian.

use crate::name::Name;
use control::entry::Entry;
use control::record::{Ancestry, Body, Fate, Part, Record, Stamp};
use control::version::Version;

const FORMAT: u8 = 2;
/// Before records had a birth and an ancestry: the version, the tag and the text. Until then a store had no peers.
const FORMAT_WITHOUT_BIRTH: u8 = 1;
const TOMBSTONE: u8 = 0;
const JSON: u8 = 1;

/// A key's bytes.
pub fn encode_key(name: &Name, part: Part) -> Vec<u8> {
    let mut out: Vec<u8> = name.to_object().bytes().map(|byte| if byte == b'/' { 0 } else { byte }).collect();
    out.push(0);
    out.push(match part {
        Part::Spec => b's',
        Part::Binding => b'b',
        Part::Status => b't',
    });
    out
}

/// A key of bytes; `None` where they are none of ours.
pub fn decode_key(bytes: &[u8]) -> Option<(Name, Part)> {
    let (part, rest) = bytes.split_last()?;
    let (0, object) = rest.split_last()? else { return None };
    let object = std::str::from_utf8(object).ok().filter(|object| !object.contains('/'))?;
    let part = match part {
        b's' => Part::Spec,
        b'b' => Part::Binding,
        b't' => Part::Status,
        _ => return None,
    };
    Some((Name::parse(&object.replace('\0', "/")).ok()?, part))
}

/// A record's bytes.
pub fn encode_record(record: &Record) -> Vec<u8> {
    let json = record.json().map(|json| json.as_bytes());
    let mut out = Vec::with_capacity(64 + json.map_or(0, <[u8]>::len));
    out.push(FORMAT);
    put_version(&mut out, &record.stamp.birth);
    put_version(&mut out, &record.stamp.version);
    out.push(u8::try_from(record.ancestry.versions().count()).unwrap_or(u8::MAX));
    record.ancestry.versions().take(usize::from(u8::MAX)).for_each(|version| put_version(&mut out, &version));
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

/// A record as it was on disk.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Whole.
    Record(Record),
    /// One that was written before records had a birth: its object's is to be put in.
    WithoutBirth(Record),
}

/// A record of bytes.
pub fn decode_record(bytes: &[u8]) -> Result<Decoded, &'static str> {
    let (format, mut rest) = bytes.split_first().ok_or("it is empty")?;
    if *format == FORMAT_WITHOUT_BIRTH {
        let version = take_version(&mut rest)?;
        let body = decode_body(rest)?;
        let stamp = Stamp { birth: version.clone(), version, fate: Fate::of(&body) };
        return Ok(Decoded::WithoutBirth(Record { stamp, ancestry: Ancestry::default(), body }));
    }
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
    let body = decode_body(rest)?;
    let stamp = Stamp { birth, version, fate: Fate::of(&body) };
    Ok(Decoded::Record(Record { stamp, ancestry: ancestry.into_iter().collect(), body }))
}

fn decode_body(bytes: &[u8]) -> Result<Body, &'static str> {
    let (tag, json) = bytes.split_first().ok_or(CUT)?;
    match *tag {
        TOMBSTONE => Ok(Body::Tombstone),
        JSON => Ok(Body::Json(std::str::from_utf8(json).map_err(|_| "it is no text")?.into())),
        _ => Err("it is neither JSON nor a tombstone"),
    }
}

/// The records of one object as an entry. Those without a birth get it from the specification: its version then, at which the object
/// begins for the peers that the store may have from now on.
pub fn entry_of(records: Vec<(Part, Decoded)>) -> Entry {
    let old_birth = records.iter().find_map(|(part, decoded)| match (part, decoded) {
        (Part::Spec, Decoded::WithoutBirth(record) | Decoded::Record(record)) => Some(record.stamp.birth.clone()),
        _ => None,
    });
    let mut entry = Entry::default();
    for (part, decoded) in records {
        let record = match decoded {
            Decoded::Record(record) => record,
            Decoded::WithoutBirth(mut record) => {
                record.stamp.birth = old_birth.clone().unwrap_or(record.stamp.birth);
                if part == Part::Spec {
                    record.ancestry = Ancestry::default().with(&record.stamp.version);
                }
                record
            }
        };
        entry.merge(part, record);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::{Decoded, decode_key, decode_record, encode_key, encode_record, entry_of};
    use crate::Key;
    use crate::name::Name;
    use control::record::{Ancestry, Body, Fate, Part, Record, Stamp};
    use control::version::Version;
    use objects::Kind;
    use proptest::prelude::*;

    #[test]
    fn keys_and_records_survive_the_way() {
        for part in Part::ALL {
            let known = [Key::new(Kind::Pod, "default", "kubia"), Key::new(Kind::Node, "", "node1")].map(Name::Known);
            for name in known.into_iter().chain([Name::Unknown("boats/sea/mary".into())]) {
                assert_eq!(decode_key(&encode_key(&name, part)), Some((name, part)));
            }
        }
        for body in [Body::Tombstone, Body::Json("{}".into())] {
            let version = |wall_ms| Version { wall_ms, counter: 8, node: "n".into() };
            let stamp = Stamp { birth: version(6), version: version(7), fate: Fate::of(&body) };
            let record = Record { ancestry: Ancestry::default().with(&stamp.version), stamp, body };
            assert_eq!(decode_record(&encode_record(&record)), Ok(Decoded::Record(record)));
        }
    }

    #[test]
    fn records_of_the_first_format_get_their_objects_birth() {
        let bytes = |wall_ms: u64, text: &[u8]| [&[1], &wall_ms.to_be_bytes()[..], &[0, 0, 0, 3, 0, 2], b"n1", text].concat();
        let status = decode_record(&bytes(5, b"\x01{}")).expect("a record");
        let spec = decode_record(&bytes(7, b"\x01{}")).expect("a record");
        let entry = entry_of(vec![(Part::Status, status), (Part::Spec, spec)]);
        let birth = Version { wall_ms: 7, counter: 3, node: "n1".into() };
        let (spec, status) = (entry.spec.expect("a specification"), entry.status.expect("a status"));
        assert_eq!((&spec.stamp.birth, &spec.stamp.version, &status.stamp.birth), (&birth, &birth, &birth));
        assert!(spec.ancestry.has(&birth) && status.stamp.version.wall_ms == 5);
        let Ok(Decoded::WithoutBirth(gone)) = decode_record(&bytes(9, b"\0")) else { panic!("no tombstone") };
        assert!(gone.is_tombstone());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode_record(&bytes);
            let _ = decode_key(&bytes);
        }
    }
}
