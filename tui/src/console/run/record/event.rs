//! What happens to the console, as it stands in a recording.

use super::Contents;
use super::redact;
use crate::console::app::msg::{Msg, Wire};
use crate::console::keys::key::Key;
use crate::console::link::{Chunk, Failure, ForwardReport, PaneEnd, PaneNews, Standing};
use crate::console::model::project;
use crate::console::model::row::{self, Row};
use crate::console::term::input::{Input, Mouse, Shade};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use objects::{Kind, Status};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::Duration;
use wire::{PullProgress, Response};

/// One thing that happened.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    Key(String),
    Paste(String),
    Mouse(Mouse),
    Background(bool),
    Size(u16, u16),
    Time,
    Connecting(Option<String>),
    Live(String, String),
    Lost(u64, u32, String),
    RoundTrip(u64),
    Rows(Kind, Vec<Box<RawValue>>),
    /// The first rows of a long list.
    Begun(Kind, Vec<Box<RawValue>>),
    Put(Kind, Box<RawValue>),
    Remove(Kind, String, String),
    Refused(Kind, String),
    Answer(u32, Box<Response>),
    NoAnswer(u32, Unanswered),
    Progress(u32, PullProgress),
    Log(u32, String),
    LogEnd(u32, Option<Unanswered>),
    Forward(u32, ForwardReport),
    Copied(u32, u64),
    CopyEnd(u32, Result<u64, String>),
    PaneBegun(u32),
    PaneOutput(u32, String),
    PaneFull(u32),
    PaneEnd(u32, PaneEnd),
    Read(String, Result<String, String>),
    Written(String, Result<(), String>),
    NotKept(String),
    NotRun(String, String),
    CannotSuspend,
    CannotCopy,
}

/// Why there is no answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unanswered {
    Refused(Box<Status>),
    Link(String),
}

impl From<&Failure> for Unanswered {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Refused(status) => Self::Refused(status.clone()),
            Failure::Link(why) => Self::Link(why.clone()),
        }
    }
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Refused(status) => Self::Refused(status),
            Unanswered::Link(why) => Self::Link(why),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A text without what is secret, and how much that was.
fn text(text: &str) -> (String, u64) {
    let mut clean = text.to_owned();
    let count = redact::text(&mut clean);
    (clean, count)
}

/// Bytes as a recording has them, without what is secret, and how much that was.
fn clean_bytes(bytes: &[u8]) -> (String, u64) {
    match std::str::from_utf8(bytes) {
        Ok(written) => {
            let (clean, count) = text(written);
            (BASE64_STANDARD.encode(clean), count)
        }
        Err(_) => (BASE64_STANDARD.encode(bytes), 0),
    }
}

/// A key's name. Shift is told of keys that are no letters: it means something to a program in a pane.
fn key_name(key: KeyEvent) -> String {
    let is_told = key.modifiers.contains(KeyModifiers::SHIFT) && !matches!(key.code, KeyCode::Char(_) | KeyCode::BackTab);
    format!("{}{}", if is_told { SHIFT } else { "" }, Key::from(key))
}

fn key_of(name: &str) -> Option<KeyEvent> {
    let plain = Key::parse(name).map(Key::event);
    plain.or_else(|| {
        let key = Key::parse(name.strip_prefix(SHIFT)?)?.event();
        Some(KeyEvent { modifiers: key.modifiers | KeyModifiers::SHIFT, ..key })
    })
}

const SHIFT: &str = "shift-";

/// The objects of rows, and how much of them is hidden.
fn all(rows: &[Row]) -> (Vec<Box<RawValue>>, u64) {
    let (objects, counts): (Vec<_>, Vec<u64>) = rows.iter().map(object).unzip();
    (objects, counts.iter().sum())
}

fn object(row: &Row) -> (Box<RawValue>, u64) {
    redact::raw(&row.raw.raw())
}

impl Event {
    /// What a message is in a recording, and how many secrets were taken out; `None` for one that is not needed to play it again.
    pub fn of(msg: &Msg) -> Option<(Self, u64)> {
        let plain = |event: Self| Some((event, 0));
        match msg {
            Msg::Input(Input::Key(key)) => plain(Self::Key(key_name(*key))),
            Msg::Input(Input::Mouse(mouse)) => plain(Self::Mouse(*mouse)),
            Msg::Input(Input::Paste(pasted)) => {
                let (clean, count) = text(pasted);
                Some((Self::Paste(clean), count))
            }
            Msg::Input(Input::Background(shade)) => plain(Self::Background(*shade == Shade::Light)),
            // What follows from these is recorded in their place.
            Msg::Input(Input::Shown | Input::Gone) | Msg::Line(_) | Msg::Suspend => None,
            Msg::Resized(columns, rows) => plain(Self::Size(*columns, *rows)),
            Msg::Time => plain(Self::Time),
            Msg::Wire(wire) => Self::of_wire(wire),
            Msg::Read(path, read) => {
                let (read, count) = match read {
                    Ok(read) => {
                        let (clean, count) = text(read);
                        (Ok(clean), count)
                    }
                    Err(why) => (Err(why.clone()), 0),
                };
                Some((Self::Read(path.display().to_string(), read), count))
            }
            // Only a console that prints lines has it, and that one is not recorded.
            Msg::Edited(_) => None,
            Msg::Written(path, written) => plain(Self::Written(path.display().to_string(), written.clone())),
            Msg::NotKept(_, why) => plain(Self::NotKept(why.clone())),
            Msg::NotRun(program, why) => plain(Self::NotRun(program.clone(), why.clone())),
            Msg::CannotSuspend => plain(Self::CannotSuspend),
            Msg::CannotCopy => plain(Self::CannotCopy),
        }
    }

    fn of_wire(wire: &Wire) -> Option<(Self, u64)> {
        let plain = |event: Self| Some((event, 0));
        match wire {
            Wire::Standing(Standing::Connecting { error }) => plain(Self::Connecting(error.clone())),
            Wire::Standing(Standing::Live { node, daemon }) => plain(Self::Live(node.clone(), daemon.clone())),
            Wire::Standing(Standing::Lost { ago, attempt, error }) => plain(Self::Lost(micros(*ago), *attempt, error.clone())),
            Wire::RoundTrip(time) => plain(Self::RoundTrip(micros(*time))),
            Wire::Rows(kind, rows) => {
                let (objects, count) = all(rows);
                Some((Self::Rows(*kind, objects), count))
            }
            Wire::Begun(kind, rows) => {
                let (objects, count) = all(rows);
                Some((Self::Begun(*kind, objects), count))
            }
            Wire::Put(kind, row) => {
                let (object, count) = object(row);
                Some((Self::Put(*kind, object), count))
            }
            Wire::Remove(kind, key) => plain(Self::Remove(*kind, key.namespace.to_string(), key.name.to_string())),
            Wire::Refused(kind, why) => plain(Self::Refused(*kind, why.clone())),
            Wire::Answer(id, Ok(response)) => {
                let mut value = serde_json::to_value(response).ok()?;
                let count = redact::value(&mut value);
                // Redacted, it has still the form of an answer: texts stay texts.
                Some((Self::Answer(*id, Box::new(serde_json::from_value(value).ok()?)), count))
            }
            Wire::Answer(id, Err(failure)) => plain(Self::NoAnswer(*id, failure.into())),
            Wire::Progress(id, step) => plain(Self::Progress(*id, step.clone())),
            Wire::Log(id, bytes) => {
                let (clean, count) = clean_bytes(bytes);
                Some((Self::Log(*id, clean), count))
            }
            Wire::Pane(id, news) => match news {
                PaneNews::Begun => plain(Self::PaneBegun(*id)),
                PaneNews::Output(chunk) => {
                    let (clean, count) = clean_bytes(&chunk.bytes);
                    Some((Self::PaneOutput(*id, clean), count))
                }
                PaneNews::Full => plain(Self::PaneFull(*id)),
                PaneNews::Ended(end) => plain(Self::PaneEnd(*id, end.clone())),
            },
            Wire::LogEnd(id, failure) => plain(Self::LogEnd(*id, failure.as_ref().map(Into::into))),
            Wire::Forward(id, report) => plain(Self::Forward(*id, report.clone())),
            Wire::Copied(id, bytes) => plain(Self::Copied(*id, *bytes)),
            Wire::CopyEnd(id, result) => plain(Self::CopyEnd(*id, result.clone())),
            // It comes of the message before it.
            Wire::Denied(_) => None,
        }
    }

    /// Counts it among what is in the recording.
    pub fn count(&self, contents: &mut Contents) {
        match self {
            Self::Key(_) | Self::Paste(_) | Self::Mouse(_) => contents.keys += 1,
            Self::Size(..) => contents.sizes += 1,
            Self::Rows(_, objects) | Self::Begun(_, objects) => contents.objects += objects.len() as u64,
            Self::Put(..) => contents.objects += 1,
            Self::Answer(..) | Self::NoAnswer(..) => contents.answers += 1,
            Self::Log(_, bytes) | Self::PaneOutput(_, bytes) => contents.log_bytes += bytes.len() as u64 / 4 * 3,
            Self::Read(_, Ok(_)) => contents.files += 1,
            _ => {}
        }
    }

    /// The message again.
    ///
    /// # Errors
    /// What it is not.
    pub fn into_msg(self) -> Result<Msg, String> {
        let wire = match self {
            Self::Key(name) => {
                let key = key_of(&name).ok_or_else(|| format!("{name:?} is no key"))?;
                return Ok(Msg::Input(Input::Key(key)));
            }
            Self::Paste(text) => return Ok(Msg::Input(Input::Paste(text))),
            Self::Mouse(mouse) => return Ok(Msg::Input(Input::Mouse(mouse))),
            Self::Background(is_light) => {
                return Ok(Msg::Input(Input::Background(if is_light { Shade::Light } else { Shade::Dark })));
            }
            Self::Size(columns, rows) => return Ok(Msg::Resized(columns.min(1_000), rows.min(500))),
            Self::Time => return Ok(Msg::Time),
            Self::Read(path, read) => return Ok(Msg::Read(path.into(), read)),
            Self::Written(path, written) => return Ok(Msg::Written(path.into(), written)),
            Self::NotKept(why) => return Ok(Msg::NotKept("a file of its own", why)),
            Self::NotRun(program, why) => return Ok(Msg::NotRun(program, why)),
            Self::CannotSuspend => return Ok(Msg::CannotSuspend),
            Self::CannotCopy => return Ok(Msg::CannotCopy),
            Self::Connecting(error) => Wire::Standing(Standing::Connecting { error }),
            Self::Live(node, daemon) => Wire::Standing(Standing::Live { node, daemon }),
            Self::Lost(ago, attempt, error) => Wire::Standing(Standing::Lost { ago: Duration::from_micros(ago), attempt, error }),
            Self::RoundTrip(time) => Wire::RoundTrip(Duration::from_micros(time)),
            Self::Begun(kind, objects) => Wire::Begun(kind, project::rows(kind, objects)),
            Self::Rows(kind, objects) => Wire::Rows(kind, project::rows(kind, objects)),
            Self::Put(kind, object) => Wire::Put(kind, Box::new(project::row(kind, &object).ok_or("an object without a name")?)),
            Self::Remove(kind, namespace, name) => {
                Wire::Remove(kind, row::Key { namespace: namespace.into(), name: name.into() })
            }
            Self::Refused(kind, why) => Wire::Refused(kind, why),
            Self::Answer(id, response) => Wire::Answer(id, Ok(*response)),
            Self::NoAnswer(id, why) => Wire::Answer(id, Err(why.into())),
            Self::Progress(id, step) => Wire::Progress(id, step),
            Self::Log(id, bytes) => Wire::Log(id, BASE64_STANDARD.decode(bytes).map_err(|error| error.to_string())?),
            Self::Forward(id, report) => Wire::Forward(id, report),
            Self::Copied(id, bytes) => Wire::Copied(id, bytes),
            Self::CopyEnd(id, result) => Wire::CopyEnd(id, result),
            Self::PaneBegun(id) => Wire::Pane(id, PaneNews::Begun),
            Self::PaneOutput(id, bytes) => {
                let bytes = BASE64_STANDARD.decode(bytes).map_err(|error| error.to_string())?;
                Wire::Pane(id, PaneNews::Output(Chunk::new(bytes, None)))
            }
            Self::PaneFull(id) => Wire::Pane(id, PaneNews::Full),
            Self::PaneEnd(id, end) => Wire::Pane(id, PaneNews::Ended(end)),
            Self::LogEnd(id, why) => Wire::LogEnd(id, why.map(Into::into)),
        };
        Ok(Msg::Wire(wire))
    }
}

/// Whether a value is an event, for whoever reads a file.
pub fn parse(value: Value) -> Result<Event, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}
