//! The reader against files that grow, rotate and break.

use super::{Chunk, LogOptions, LogReader, Stream, Streams, with_nine_digits};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

struct Log {
    folder: tempfile::TempDir,
    written: u64,
}

impl Log {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), written: 0 }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("0.log")
    }

    /// Writes entries of the numbers that follow.
    fn write(&mut self, entries: u64) {
        let mut text = String::new();
        for _ in 0..entries {
            let _ = writeln!(text, "2026-01-01T00:00:{:02}.5Z stdout F line {}", self.written % 60, self.written);
            self.written += 1;
        }
        append(&self.path(), &text);
    }

    fn rotate(&self, suffix: &str) {
        std::fs::rename(self.path(), self.folder.path().join(format!("0.log.{suffix}"))).expect("a rename");
    }

    fn reader(&self, options: LogOptions) -> LogReader {
        LogReader::open(&self.path(), options).expect("the log opens")
    }
}

fn append(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("the log opens");
    file.write_all(text.as_bytes()).expect("it can be written");
}

fn read_all(reader: &mut LogReader) -> String {
    let mut out = Vec::new();
    while let Chunk::Bytes(_, bytes) = reader.read_chunk().expect("the log can be read") {
        out.extend(bytes);
    }
    String::from_utf8(out).expect("text")
}

fn lines(range: std::ops::Range<u64>) -> String {
    range.map(|number| format!("line {number}\n")).collect()
}

#[test]
fn rotation_while_following_neither_loses_nor_doubles_a_line() {
    let mut log = Log::new();
    let mut reader = log.reader(LogOptions::default());
    assert_eq!(read_all(&mut reader), "");
    log.write(3);
    assert_eq!(read_all(&mut reader), lines(0..3));
    log.write(2);
    log.rotate("20260101-000001");
    assert_eq!(read_all(&mut reader), lines(3..5));
    log.write(4);
    log.rotate("20260101-000002");
    log.write(1);
    log.rotate("20260101-000003");
    log.write(2);
    assert_eq!(read_all(&mut reader), lines(5..12));
    assert_eq!(read_all(&mut reader), "");
}

#[test]
fn a_reader_that_starts_late_begins_with_the_oldest_file() {
    let mut log = Log::new();
    log.write(3);
    log.rotate("20260101-000001");
    log.write(3);
    assert_eq!(read_all(&mut log.reader(LogOptions::default())), lines(0..6));
}

#[test]
fn a_tail_reaches_back_over_a_rotation() {
    let mut log = Log::new();
    log.write(3);
    log.rotate("20260101-000001");
    log.write(3);
    for (wanted, first) in [(0, 6), (1, 5), (3, 3), (5, 1), (6, 0), (9, 0)] {
        let options = LogOptions { tail_lines: Some(wanted), ..LogOptions::default() };
        assert_eq!(read_all(&mut log.reader(options)), lines(first..6), "tail {wanted}");
    }
}

#[test]
fn since_timestamps_and_limit_are_kept() {
    let mut log = Log::new();
    log.write(4);
    let since = Some("2026-01-01T00:00:02Z".parse().expect("a time"));
    assert_eq!(read_all(&mut log.reader(LogOptions { since, ..LogOptions::default() })), lines(2..4));
    let stamped = LogOptions { timestamps: true, tail_lines: Some(1), ..LogOptions::default() };
    assert_eq!(read_all(&mut log.reader(stamped)), "2026-01-01T00:00:03.500000000Z line 3\n");
    let mut limited = log.reader(LogOptions { limit_bytes: Some(10), ..LogOptions::default() });
    assert_eq!(read_all(&mut limited), "line 0\nlin");
    assert_eq!(limited.read_chunk().expect("readable"), Chunk::LimitReached);
}

/// Entries of both streams, one of which is in parts, and its end is not here yet.
const BOTH: &str = "2026-01-01T00:00:00Z stdout F a\n2026-01-01T00:00:01Z stderr P b\n2026-01-01T00:00:02Z stdout F c\n\
    2026-01-01T00:00:03Z stdout F d\n2026-01-01T00:00:04Z stderr F e\n2026-01-01T00:00:05Z stdout P f\n";

#[test]
fn one_stream_is_read_alone() {
    let log = Log::new();
    append(&log.path(), BOTH);
    let of = |stream, timestamps| LogOptions { streams: Streams::Only(stream), timestamps, ..LogOptions::default() };
    assert_eq!(read_all(&mut log.reader(LogOptions::default())), "a\nbc\nd\ne\nf");
    assert_eq!(read_all(&mut log.reader(of(Stream::Stdout, false))), "a\nc\nd\nf");
    assert_eq!(read_all(&mut log.reader(of(Stream::Stderr, true))), "2026-01-01T00:00:01.000000000Z be\n");
    let limited = LogOptions { limit_bytes: Some(2), ..of(Stream::Stderr, false) };
    assert_eq!(read_all(&mut log.reader(limited)), "be");
}

#[test]
fn streams_apart_keep_their_order_and_every_byte() {
    let log = Log::new();
    append(&log.path(), BOTH);
    let apart = LogOptions { streams: Streams::Apart, ..LogOptions::default() };
    let mut reader = log.reader(apart.clone());
    let (out, err) = (|text: &str| (Stream::Stdout, text.to_owned()), |text: &str| (Stream::Stderr, text.to_owned()));
    let mut pieces = Vec::new();
    while let Chunk::Bytes(stream, bytes) = reader.read_chunk().expect("the log can be read") {
        pieces.push((stream, String::from_utf8(bytes).expect("text")));
    }
    assert_eq!(pieces, [out("a\n"), err("b"), out("c\nd\n"), err("e\n"), out("f")]);
    let limited = LogOptions { limit_bytes: Some(3), ..apart };
    assert_eq!(read_all(&mut log.reader(limited)), "a\nb");
}

#[test]
fn what_rotation_took_away_unread_is_an_error_to_who_wants_all() {
    let mut log = Log::new();
    log.write(1);
    let (mut all, mut any) =
        (log.reader(LogOptions { streams: Streams::Apart, ..LogOptions::default() }), log.reader(LogOptions::default()));
    assert_eq!((read_all(&mut all), read_all(&mut any)), (lines(0..1), lines(0..1)));
    log.write(1);
    log.rotate("20260101-000001");
    log.write(1);
    assert_eq!(read_all(&mut all), lines(1..3), "nothing is lost by a rotation itself");
    log.rotate("20260101-000002");
    log.write(1);
    for gone in ["20260101-000001", "20260101-000002"] {
        std::fs::remove_file(log.folder.path().join(format!("0.log.{gone}"))).expect("it is there");
    }
    assert!(all.read_chunk().is_err());
    assert_eq!(read_all(&mut any), "line 1\nline 3\n");
}

#[test]
fn parts_are_joined_and_damaged_entries_pass_as_they_are() {
    let log = Log::new();
    append(&log.path(), "2026-01-01T00:00:00Z stdout P ab\n2026-01-01T00:00:00Z stdout F cd\ngarbage\n2026-01-01T00:0");
    let mut reader = log.reader(LogOptions { timestamps: true, ..LogOptions::default() });
    assert_eq!(read_all(&mut reader), "2026-01-01T00:00:00.000000000Z abcd\ngarbage\n");
    // The rest of an entry that was being written.
    append(&log.path(), "0:01Z stderr F ef\n");
    assert_eq!(read_all(&mut reader), "2026-01-01T00:00:01.000000000Z ef\n");
}

#[test]
fn an_entry_torn_by_a_crash_is_shown_before_the_next_file() {
    let mut log = Log::new();
    append(&log.path(), "2026-01-01T00:00:00Z stdout F whole\n2026-01-01T00:00:01Z stdout F to");
    log.rotate("20260101-000001");
    log.write(1);
    assert_eq!(read_all(&mut log.reader(LogOptions::default())), "whole\nto\nline 0\n");
}

#[test]
fn times_get_nine_digits() {
    for (time, expected) in [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000000Z"),
        ("2026-01-01T00:00:00.12+01:00", "2026-01-01T00:00:00.120000000+01:00"),
        ("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456789Z"),
        ("odd", "odd.000000000"),
    ] {
        assert_eq!(with_nine_digits(time), expected);
    }
}
