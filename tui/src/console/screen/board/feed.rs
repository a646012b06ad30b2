//! What topics want to know beyond the objects, and how they take the answers.
//!
//! A topic only asks while its board is shown. It keeps the numbers of its open questions; what is answered after the board is
//! gone finds nobody and is dropped.

use super::{Known, Topic};
use crate::console::link::Failure;
use jiff::Timestamp;
use wire::{LogsRequest, Request, Response};

/// Something a topic wants to know.
#[derive(Debug, Clone)]
pub enum Question {
    /// A question with one answer.
    Ask(Request),
    /// A log.
    Log(LogsRequest),
}

/// Gives numbers to questions.
pub type Numbers<'a> = &'a mut dyn FnMut() -> u32;

impl Topic {
    /// When it wants to ask next; `None` is never.
    pub fn due(&self, known: &Known<'_>) -> Option<Timestamp> {
        match self {
            Self::Why(why) => why.wants_log(known).map(|_| known.now),
            Self::Probes(probes) => probes.due(known),
            Self::Map(map) => map.due(known),
            Self::Timeline(timeline) => timeline.due(known),
            Self::Pulses | Self::Tree(_) | Self::Changes(_) => None,
        }
    }

    /// What it asks now, with the numbers of the questions.
    pub fn questions(&mut self, known: &Known<'_>, numbers: Numbers<'_>) -> Vec<(u32, Question)> {
        match self {
            Self::Why(why) => why.questions(known, numbers),
            Self::Probes(probes) => probes.questions(known, numbers),
            Self::Map(map) => map.questions(known, numbers),
            Self::Timeline(timeline) => timeline.questions(known, numbers),
            Self::Pulses | Self::Tree(_) | Self::Changes(_) => Vec::new(),
        }
    }

    /// Takes an answer; says whether it was its own.
    pub fn answer(&mut self, id: u32, result: &Result<Response, Failure>, now: Timestamp) -> bool {
        match self {
            Self::Probes(probes) => probes.answer(id, result, now),
            Self::Map(map) => map.answer(id, result, now),
            _ => false,
        }
    }

    /// Takes bytes of a log; says whether it was its own.
    pub fn take_log(&mut self, id: u32, bytes: &[u8]) -> bool {
        match self {
            Self::Why(why) => why.take_log(id, bytes),
            Self::Timeline(timeline) => timeline.take_log(id, bytes),
            _ => false,
        }
    }

    /// Takes the end of a log; says whether it was its own.
    pub fn end_log(&mut self, id: u32, failure: Option<&Failure>) -> bool {
        match self {
            Self::Why(why) => why.end_log(id, failure),
            Self::Timeline(timeline) => timeline.end_log(id),
            _ => false,
        }
    }
}
