//! Reads a recording, and says what is wrong with one that is none.

use super::event::{self, Event};
use super::{Contents, FORMAT, Head, MAX_BYTES, VERSION};
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// The longest recording that is read: what is written is shorter.
const MOST_BYTES: u64 = MAX_BYTES + 1024 * 1024;

/// A recording.
#[derive(Debug)]
pub struct Recording {
    /// What the console was when it began.
    pub head: Head,
    /// What happened, and when since then.
    pub events: Vec<(Duration, Event)>,
    /// What is in it.
    pub contents: Contents,
    /// Whether it has its end.
    pub whole: Whole,
}

/// Whether a recording has its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// It has.
    Yes,
    /// The console was killed, or it is still running.
    NoEnd,
    /// It was cut off in the middle of this line.
    Cut(usize),
}

/// Reads a recording from a file. One that was cut off is read as far as it goes.
///
/// # Errors
/// What is wrong with it and where.
pub fn read(path: &Path) -> Result<Recording, String> {
    let name = path.display();
    let file = std::fs::File::open(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    let length = file.metadata().map_err(|error| format!("cannot read {name}: {error}"))?.len();
    if length > MOST_BYTES {
        return Err(format!("{name} is no recording of skiff: it is longer than {MOST_BYTES} bytes"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|error| format!("cannot read {name}: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{name} is no recording of skiff: it is not text"))?;
    parse(&text).map_err(|why| format!("{name}{why}"))
}

fn parse(text: &str) -> Result<Recording, String> {
    let mut lines = text.split_inclusive('\n').enumerate().map(|(at, line)| (at + 1, line));
    let (_, first) = lines.next().ok_or(" is empty")?;
    let head = head(first)?;
    let mut recording = Recording { head, events: Vec::new(), contents: Contents::default(), whole: Whole::NoEnd };
    let mut before = Duration::ZERO;
    for (number, line) in lines {
        if !line.ends_with('\n') {
            recording.whole = Whole::Cut(number);
            break;
        }
        let wrong = |why: String| format!(":{number}: {why}; the file was changed, or written by another version of skiff");
        if recording.whole == Whole::Yes {
            return Err(wrong("there is something behind the end".to_owned()));
        }
        let (at, value): (Value, Value) = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        if at == "end" {
            recording.contents = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
            recording.whole = Whole::Yes;
            continue;
        }
        let at = at.as_u64().map(Duration::from_micros).ok_or_else(|| wrong("a line begins with no time".to_owned()))?;
        if at < before {
            return Err(wrong("time goes backwards".to_owned()));
        }
        before = at;
        let event = event::parse(value).map_err(wrong)?;
        recording.events.push((at, event));
    }
    if recording.whole != Whole::Yes {
        let Recording { events, contents, .. } = &mut recording;
        events.iter().for_each(|(_, event)| event.count(contents));
    }
    Ok(recording)
}

fn head(line: &str) -> Result<Head, String> {
    let foreign = || " is no recording of skiff: its first line does not say so (skiff --record FILE makes one)".to_owned();
    let value: Value = serde_json::from_str(line).map_err(|_| foreign())?;
    if value["format"] != FORMAT {
        return Err(foreign());
    }
    match value["version"].as_u64() {
        Some(version) if version == u64::from(VERSION) => {}
        version => {
            let version = version.map_or_else(|| "no".to_owned(), |version| version.to_string());
            return Err(format!(" is a recording of version {version}; this skiff plays version {VERSION}"));
        }
    }
    serde_json::from_value(value).map_err(|error| format!(":1: {error}; the file was changed"))
}

impl Recording {
    /// How long it is.
    pub fn length(&self) -> Duration {
        self.events.last().map_or(Duration::ZERO, |(at, _)| *at)
    }
}
