//! Lines in pieces of any size, long lines, bytes that are no text, rotation.

use std::fs;
use std::path::Path;

use super::*;

const NOW: u64 = 1_767_323_045_000_000_006;

fn spec(dir: &Path, max_bytes: u64, max_files: u32) -> LogSpec {
    LogSpec { path: dir.join("web/0.log"), max_bytes, max_files }
}

/// Tag and text of each line after the bytes were read in pieces of a size.
fn written(bytes: &[u8], piece: usize) -> Vec<(char, Vec<u8>)> {
    let dir = tempfile::tempdir().expect("temporary folder");
    let spec = spec(dir.path(), 0, 1);
    let mut log = ContainerLog::open(&spec).expect("opened");
    let mut lines = Lines::new(StreamName::Stdout);
    for piece in bytes.chunks(piece) {
        log.write(&mut lines, piece, NOW).expect("written");
        assert!(lines.rest.len() <= LINE_LIMIT);
    }
    log.finish(&mut lines, NOW).expect("finished");
    parse(&fs::read(&spec.path).expect("read"))
}

fn parse(file: &[u8]) -> Vec<(char, Vec<u8>)> {
    let lines = file.split_inclusive(|byte| *byte == b'\n');
    lines
        .map(|line| {
            let line = line.strip_suffix(b"\n").expect("whole lines");
            let rest = line.strip_prefix(b"2026-01-02T03:04:05.000000006Z stdout ").expect("time and stream");
            assert_eq!(rest[1], b' ');
            (char::from(rest[0]), rest[2..].to_vec())
        })
        .collect()
}

fn check(bytes: &[u8], expected: &[(char, &[u8])]) {
    for piece in [1, 2, 3, 7, 4096, LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT + 1, 1 << 20] {
        if bytes.len() / piece > 40_000 {
            continue;
        }
        let lines = written(bytes, piece);
        let lines: Vec<(char, &[u8])> = lines.iter().map(|(tag, text)| (*tag, text.as_slice())).collect();
        assert!(lines == expected, "{} bytes in pieces of {piece}: {} lines", bytes.len(), lines.len());
    }
}

#[test]
fn lines_are_whole_however_they_arrive() {
    check(b"", &[]);
    check(b"\n", &[('F', b"")]);
    check(b"one\ntwo\n\nthree\n", &[('F', b"one"), ('F', b"two"), ('F', b""), ('F', b"three")]);
    check(b"one\nunfinished", &[('F', b"one"), ('P', b"unfinished")]);
    check(b"\x00\xff\xfe\r\nb\x1b[31m\n", &[('F', b"\x00\xff\xfe\r"), ('F', b"b\x1b[31m")]);
}

#[test]
fn long_lines_are_written_in_parts() {
    let x = |count: usize| vec![b'x'; count];
    let line = |count: usize| [x(count), b"\n".to_vec()].concat();
    check(&line(LINE_LIMIT), &[('F', &x(LINE_LIMIT))]);
    check(&line(LINE_LIMIT + 1), &[('P', &x(LINE_LIMIT)), ('F', &x(1))]);
    check(&[line(2 * LINE_LIMIT), line(3)].concat(), &[('P', &x(LINE_LIMIT)), ('F', &x(LINE_LIMIT)), ('F', &x(3))]);
    check(&x(2 * LINE_LIMIT + 5), &[('P', &x(LINE_LIMIT)), ('P', &x(LINE_LIMIT)), ('P', &x(5))]);
}

#[test]
fn more_lines_than_one_call_takes_are_all_written() {
    let bytes = b"x\n".repeat(5 * PIECES);
    assert_eq!(written(&bytes, bytes.len()).len(), 5 * PIECES);
}

#[test]
fn a_full_file_is_put_aside_and_the_oldest_go() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let spec = spec(dir.path(), 200, 3);
    let mut log = ContainerLog::open(&spec).expect("opened");
    let mut lines = Lines::new(StreamName::Stdout);
    for number in 0..40 {
        log.write(&mut lines, format!("line {number:02}\n").as_bytes(), NOW).expect("written");
    }
    let mut files: Vec<_> =
        fs::read_dir(dir.path().join("web")).expect("read").map(|entry| entry.expect("entry").path()).collect();
    // The current file's name is a prefix of the others and therefore sorts first.
    files.sort();
    files.rotate_left(1);
    assert_eq!(files.len(), 3);
    let texts = files.iter().flat_map(|file| parse(&fs::read(file).expect("read"))).map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(texts.last().map(Vec::as_slice), Some(b"line 39".as_slice()));
    let numbers: Vec<u32> = texts.iter().map(|text| String::from_utf8_lossy(&text[5..]).parse().expect("number")).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert!(files.iter().all(|file| fs::metadata(file).expect("metadata").len() <= 200));
}

#[test]
fn a_line_larger_than_a_file_may_be_has_a_file_of_its_own() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let spec = spec(dir.path(), 100, 1);
    let mut log = ContainerLog::open(&spec).expect("opened");
    let mut lines = Lines::new(StreamName::Stdout);
    for text in ["small\n".to_string(), format!("{}\n", "x".repeat(500)), "last\n".to_string()] {
        log.write(&mut lines, text.as_bytes(), NOW).expect("written");
    }
    assert_eq!(parse(&fs::read(&spec.path).expect("read")), [('F', b"last".to_vec())]);
    assert_eq!(fs::read_dir(dir.path().join("web")).expect("read").count(), 1);
}

#[test]
fn an_attempt_that_is_opened_again_goes_on_in_its_file() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let spec = spec(dir.path(), 0, 1);
    for text in [b"a\n", b"b\n"] {
        let mut log = ContainerLog::open(&spec).expect("opened");
        log.write(&mut Lines::new(StreamName::Stdout), text, NOW).expect("written");
    }
    assert_eq!(parse(&fs::read(&spec.path).expect("read")).len(), 2);
}

#[test]
fn a_link_in_the_place_of_a_log_is_not_followed() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let spec = spec(dir.path(), 0, 1);
    fs::create_dir(dir.path().join("web")).expect("folder");
    std::os::unix::fs::symlink(dir.path().join("other"), &spec.path).expect("link");
    assert!(ContainerLog::open(&spec).is_err());
    assert!(!dir.path().join("other").exists());
}
