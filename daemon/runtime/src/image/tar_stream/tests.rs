//! Reading tar archives, whole, odd and hostile.

use super::*;

fn header(path: &str, type_byte: u8, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_path(path).unwrap();
    header.set_entry_type(tar::EntryType::new(type_byte));
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(7);
    header.set_uid(1);
    header.set_gid(2);
    header.set_cksum();
    header
}

fn padded(header: &tar::Header, data: &[u8]) -> Vec<u8> {
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

fn pax(type_byte: u8, records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length = (rest..).find(|length| rest + length.to_string().len() == *length).unwrap();
        data.extend_from_slice(format!("{length} {key}=").as_bytes());
        data.extend_from_slice(value);
        data.push(b'\n');
    }
    padded(&header("pax", type_byte, data.len() as u64), &data)
}

fn file(path: &str, data: &[u8]) -> Vec<u8> {
    padded(&header(path, b'0', data.len() as u64), data)
}

fn end() -> Vec<u8> {
    vec![0; 2 * BLOCK]
}

fn read(bytes: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, TarError> {
    let mut stream = TarStream::new(bytes);
    let mut entries = Vec::new();
    while let Some(entry) = stream.next_entry()? {
        let mut data = Vec::new();
        stream.read_to_end(&mut data).map_err(TarError::Read)?;
        if !stream.is_at_end_of_data() {
            return Err(TarError::Truncated("a file"));
        }
        entries.push((entry, data));
    }
    Ok(entries)
}

#[test]
fn names_of_all_dialects_are_put_together() {
    let long = "x/".repeat(300) + "y";
    let gnu = [padded(&header("@LongLink", b'L', 602), format!("{long}\0").as_bytes()), file("cut", b"1")].concat();
    assert_eq!(read(&gnu).unwrap()[0].0.path, long.as_bytes());
    let pax = [
        pax(b'x', &[("path", long.as_bytes()), ("linkpath", b"t"), ("mtime", b"-1.25"), ("uid", b"3000000")]),
        file("cut", b"1"),
    ];
    let (entry, data) = read(&pax.concat()).unwrap().remove(0);
    assert_eq!((entry.path.as_slice(), entry.link.as_slice()), (long.as_bytes(), &b"t"[..]));
    assert_eq!((entry.mtime, entry.uid, entry.gid), ((-2, 750_000_000), 3_000_000, 2));
    assert_eq!(data, b"1");
}

#[test]
fn an_extended_header_holds_for_one_entry_and_a_global_one_for_all() {
    let bytes = [
        pax(b'g', &[("mtime", b"5"), ("comment", b"c")]),
        pax(b'x', &[("mtime", b"6"), ("SCHILY.xattr.user.a", b"\0\n=")]),
        file("a", b""),
        file("b", b""),
        end(),
    ];
    let entries = read(&bytes.concat()).unwrap();
    assert_eq!(entries[0].0.mtime, (6, 0));
    assert_eq!(entries[0].0.xattrs, [("user.a".to_owned(), b"\0\n=".to_vec())]);
    assert_eq!((entries[1].0.mtime, entries[1].0.xattrs.len()), ((5, 0), 0));
}

#[test]
fn the_size_of_the_extended_header_counts() {
    // Go writes files over 8 GiB with a size of zero in the header proper.
    let bytes = [pax(b'x', &[("size", b"3")]), padded(&header("a", b'0', 0), b"abc"), file("b", b"d")].concat();
    let entries = read(&bytes).unwrap();
    assert_eq!((entries[0].1.as_slice(), entries[1].1.as_slice()), (&b"abc"[..], &b"d"[..]));
}

#[test]
fn huge_extended_headers_are_refused_before_they_are_read() {
    for type_byte in [b'L', b'K', b'x', b'g'] {
        let error = read(&padded(&header("a", type_byte, 1 << 33), b"")).unwrap_err();
        assert!(matches!(error, TarError::ExtensionTooLong(_)), "{error}");
    }
    let long_path = vec![b'a'; MAX_PATH_BYTES + 1];
    assert!(matches!(read(&[pax(b'x', &[("path", &long_path)]), file("a", b"")].concat()), Err(TarError::PathTooLong(_))));
}

#[test]
fn what_is_cut_or_broken_is_an_error() {
    let good = file("a", b"abc");
    assert!(matches!(read(&good[..514]), Err(TarError::Truncated(_))));
    assert!(matches!(read(&good[..100]), Err(TarError::Truncated(_))));
    let mut broken = good.clone();
    broken[0] = b'b';
    assert!(matches!(read(&broken), Err(TarError::Header("checksum"))));
    assert!(matches!(read(&[end()[..BLOCK].to_vec(), good].concat()), Err(TarError::Header(_))));
    for records in [&b"5 a=b\n"[..], b"0 a=b\n", b"99 a=b\n", b"6 a_b\n", b"x a=b\n", b"18446744073709551615 a=b\n"] {
        let bytes = padded(&header("pax", b'x', records.len() as u64), records);
        assert!(matches!(read(&bytes), Err(TarError::Header(_))), "{records:?}");
    }
    assert!(matches!(read(&padded(&header("a", b'S', 0), b"")), Err(TarError::Sparse)));
    assert!(matches!(read(&padded(&header("a", b'M', 0), b"")), Err(TarError::UnsupportedType('M'))));
}

#[test]
fn an_archive_may_be_empty_or_end_without_zeros() {
    assert!(read(b"").unwrap().is_empty());
    assert!(read(&end()).unwrap().is_empty());
    assert_eq!(read(&file("a", b"1")).unwrap().len(), 1);
    // What follows the end is no entry.
    assert_eq!(read(&[file("a", b"1"), end(), file("b", b"2")].concat()).unwrap().len(), 1);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..3000), kind in 0u8..128) {
        let _any_answer = read(&bytes);
        // The same behind a header that is right, so that the reader gets further.
        let mut whole = padded(&header("a", kind, bytes.len() as u64), &bytes);
        whole.append(&mut bytes);
        let _any_answer = read(&whole);
    }
}
