//! The lines of one log or of several, merged by time: times apart from texts, the oldest leave when there are too many, and a filter
//! that hides what one does not look for.

mod fields;
mod filter;
pub mod json;
mod source;

use super::lines::Lines;
use crate::console::base::text;
pub use filter::Filter;
use json::Json;
use source::Source;
use std::borrow::Cow;
use std::collections::VecDeque;

/// The most bytes of text that are kept.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most lines that are kept.
const MAX_LINES: usize = 200_000;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// With its time and a space before it.
    text: Box<str>,
    /// Where the text begins after the time.
    start: u32,
    /// Whose it is.
    source: u16,
}

impl Line {
    fn time(&self) -> &str {
        self.text[..self.start as usize].trim_end()
    }

    fn said(&self) -> &str {
        &self.text[self.start as usize..]
    }
}

/// What is known of a log.
#[derive(Debug, Default)]
pub struct Log {
    lines: VecDeque<Line>,
    bytes: usize,
    sources: Vec<Source>,
    /// Lines that left since the log was opened.
    pub left: usize,
    /// Whether times are shown.
    pub shows_times: bool,
    /// How lines that are JSON are shown.
    pub json: Json,
    filter: Option<Filter>,
    /// The lines that the filter shows, by their place.
    shown: Vec<usize>,
}

impl Log {
    /// A log of several sources, with the names that stand before their lines. One that is alone has none.
    pub fn of(names: Vec<String>) -> Self {
        Self { sources: names.into_iter().map(Source::named).collect(), ..Self::default() }
    }

    /// Takes bytes of a source over; every line begins with a time and a space. Says where the window has to follow: how many of
    /// the lines that are shown came or went before the one at `top`.
    pub fn take(&mut self, source: usize, bytes: &[u8], top: usize) -> i64 {
        let mut moved = 0;
        for line in self.source(source).lines_of(bytes) {
            moved += self.push(source, &line, top);
        }
        moved
    }

    /// Takes the last line over though its end never came.
    pub fn finish(&mut self, source: usize) {
        if let Some(line) = self.source(source).rest() {
            self.push(source, &line, usize::MAX);
        }
    }

    /// Prepares for the same log from its newest line on.
    pub fn resume(&mut self, source: usize) {
        self.source(source).resume();
    }

    /// The time of the newest line of a source as the daemon wrote it, to go on from after an interruption.
    pub fn newest(&self, source: usize) -> Option<&str> {
        self.sources.get(source)?.newest.as_deref()
    }

    fn source(&mut self, source: usize) -> &mut Source {
        while self.sources.len() <= source {
            self.sources.push(Source::default());
        }
        &mut self.sources[source]
    }

    /// Writes a line of our own after all others, so that one sees what came after it.
    pub fn mark(&mut self, words: &str) {
        let line = Line {
            text: format!("──── {words} ────────────────────────").into(), start: 0, source: u16::MAX
        };
        self.bytes += line.text.len();
        self.lines.push_back(line);
        self.show_from(self.lines.len() - 1);
    }

    /// Forgets all lines; what comes next is shown.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.shown.clear();
        (self.bytes, self.left) = (0, 0);
    }

    /// Shows only what the filter lets through.
    pub fn set_filter(&mut self, filter: Option<Filter>) {
        self.filter = filter;
        self.shown.clear();
        self.show_from(0);
    }

    /// The filter.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// All lines there are, shown or not.
    pub fn total(&self) -> usize {
        self.lines.len()
    }

    /// Whose a shown line is, where there are several sources.
    pub fn source_of(&self, at: usize) -> Option<usize> {
        let line = self.shown_line(at)?;
        (self.sources.len() > 1 && line.source != u16::MAX).then_some(usize::from(line.source))
    }

    /// Where a shown line's pieces end: its time, and the name of its source.
    pub fn edges(&self, at: usize) -> (usize, usize) {
        let Some(line) = self.shown_line(at) else { return (0, 0) };
        let time = if self.shows_times { line.start as usize } else { 0 };
        (time, time + self.label(line).len())
    }

    /// The first shown line that was written at a time or later, given as the daemon writes it.
    pub fn first_at(&self, time: &str) -> Option<usize> {
        (0..self.len()).find(|at| self.shown_line(*at).is_some_and(|line| line.source != u16::MAX && line.time() >= time))
    }

    /// The whole log as text, as it is shown.
    pub fn to_text(&self) -> String {
        self.text_of(0..self.len())
    }

    /// Some of the shown lines as text.
    pub fn text_of(&self, range: std::ops::Range<usize>) -> String {
        let mut text = String::new();
        for at in range.start..range.end.min(self.len()) {
            text.push_str(&self.line(at));
            text.push('\n');
        }
        text
    }

    fn shown_line(&self, at: usize) -> Option<&Line> {
        let at = if self.filter.is_some() { *self.shown.get(at)? } else { at };
        self.lines.get(at)
    }

    fn label(&self, line: &Line) -> &str {
        if self.sources.len() < 2 { "" } else { self.sources.get(usize::from(line.source)).map_or("", |source| &source.label) }
    }

    fn push(&mut self, source: usize, line: &str, top: usize) -> i64 {
        let time = line.split(' ').next().filter(|word| source::is_time(word));
        if let Some(time) = time
            && !self.source(source).is_new(time)
        {
            return 0;
        }
        let start = time.map_or(0, |time| (time.len() + 1).min(line.len()));
        let mut kept = String::with_capacity(line.len());
        kept.push_str(&line[..start]);
        kept.push_str(&text::clean(&line[start..]));
        self.bytes += kept.len();
        let line = Line { text: kept.into(), start: start as u32, source: source as u16 };
        // Sources are a little ahead of each other: a line's place is looked for from the end. A line without a time stays where it came.
        let mut at = self.lines.len();
        while line.start > 0 && at > 0 && self.lines[at - 1].start > 0 && self.lines[at - 1].time() > line.time() {
            at -= 1;
        }
        let watched =
            if self.filter.is_some() { self.shown.get(top).copied() } else { Some(top).filter(|top| *top < self.lines.len()) };
        self.lines.insert(at, line);
        // What stands before the new line may have been shown only for what stands after it.
        let from = at.saturating_sub(self.filter.as_ref().map_or(0, |filter| filter.context));
        self.shown.truncate(self.shown.partition_point(|shown| *shown < from));
        self.show_from(from);
        let moved = watched.map_or(0, |watched| {
            let now = watched + usize::from(at <= watched);
            let place = if self.filter.is_some() { self.shown.partition_point(|shown| *shown < now) } else { now };
            place as i64 - top as i64
        });
        moved - self.drop_oldest()
    }

    /// Lets the oldest lines go where there are too many. Says how many of those shown that were.
    fn drop_oldest(&mut self) -> i64 {
        let mut gone = 0;
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            let Some(old) = self.lines.pop_front() else { break };
            self.bytes -= old.text.len();
            self.left += 1;
            gone += 1;
        }
        if gone == 0 || self.filter.is_none() {
            return gone;
        }
        let hidden = self.shown.partition_point(|at| *at < gone as usize);
        self.shown.drain(..hidden);
        self.shown.iter_mut().for_each(|at| *at -= gone as usize);
        hidden as i64
    }

    /// Lets the filter look at the lines from a place on; those before it have been looked at.
    fn show_from(&mut self, from: usize) {
        let Some(filter) = &self.filter else { return };
        // Lines after a match are shown with it, and the match may stand before the place.
        let mut after = 0;
        for at in (from.saturating_sub(filter.context)..from).filter(|at| filter.passes(self.lines[*at].said())) {
            after = filter.context.saturating_sub(from - 1 - at);
        }
        for at in from..self.lines.len() {
            let line = &self.lines[at];
            if line.source == u16::MAX || filter.passes(line.said()) {
                let first = at.saturating_sub(filter.context);
                let known = self.shown.last().map_or(0, |last| last + 1);
                self.shown.extend(known.max(first)..=at);
                after = filter.context;
            } else if after > 0 {
                self.shown.push(at);
                after -= 1;
            }
        }
    }
}

impl Lines for Log {
    fn len(&self) -> usize {
        if self.filter.is_some() { self.shown.len() } else { self.lines.len() }
    }

    fn line(&self, at: usize) -> Cow<'_, str> {
        let Some(line) = self.shown_line(at) else { return Cow::Borrowed("") };
        let label = self.label(line);
        let said = self.json.show(line.said());
        match (self.shows_times, label, &said) {
            (true, "", Cow::Borrowed(_)) => Cow::Borrowed(&line.text),
            (false, "", _) => said,
            (true, ..) => Cow::Owned(format!("{}{label}{said}", &line.text[..line.start as usize])),
            (false, ..) => Cow::Owned(format!("{label}{said}")),
        }
    }
}

#[cfg(test)]
mod tests;
