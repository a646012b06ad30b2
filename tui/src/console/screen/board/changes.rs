//! What changed: one object after the other, field by field, the newest first.

use super::line::Line;
use super::{Known, Page, Target};
use crate::console::base::text;
use crate::console::model::row::{Key, Tone};
use crate::console::screen::list_view::sign;
use crate::console::theme::role::Role;
use jiff::Timestamp;
use objects::Kind;
use wire::WatchEventKind;

/// One change.
#[derive(Debug)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// The object's kind.
    pub kind: Kind,
    /// Which object.
    pub key: Key,
    /// What happened.
    pub what: WatchEventKind,
    /// The object's state afterwards.
    pub tone: Tone,
    /// The fields that differ.
    pub words: Vec<String>,
}

/// The changes as they were told once.
#[derive(Debug)]
pub struct Changes {
    /// Since when.
    pub since: Timestamp,
    /// Of which object alone.
    pub of: Option<(Kind, Key)>,
    /// The oldest first.
    pub told: Vec<Told>,
}

impl Changes {
    /// The changes as lines.
    pub fn page(&self, known: &Known<'_>) -> Page {
        let mut page = Page::default();
        let width = usize::from(known.size.0).saturating_sub(2);
        let clock = |at: Timestamp| at.to_zoned(known.zone.clone()).strftime("%H:%M:%S").to_string();
        let whose = self.of.as_ref().map(|(kind, key)| format!(" OF {}/{}", kind.singular(), key.name)).unwrap_or_default();
        let title = format!("CHANGES{whose} SINCE {}, newest first", clock(self.since));
        page.lines.push(Line::heading(&title, width as u16));
        for told in self.told.iter().rev() {
            let age = page.age(told.at, known.now);
            let (mark, role) = sign(told.tone);
            let (verb, verb_role) = match told.what {
                WatchEventKind::Added => ("created", Role::Ok),
                WatchEventKind::Deleted => ("gone", Role::Warn),
                WatchEventKind::Modified | WatchEventKind::Bookmark => ("changed", Role::Text),
            };
            let name = match &*told.key.namespace {
                "" => told.key.name.to_string(),
                namespace => format!("{namespace}/{}", told.key.name),
            };
            let line =
                Line::of(role, format!("{mark} ")).cell(Role::Dim, &clock(told.at), 9).cell(Role::Dim, &format!("{age} ago"), 10);
            let line = line.cell(verb_role, verb, 9).put(Role::Dim, format!("{} ", told.kind.singular())).put(Role::Text, name);
            page.lines.push(line.to(Target::Then(told.at, told.kind, told.key.clone())));
            // Below what they are about, where they have room there.
            let indent = if width < 100 { 4 } else { 30 };
            for row in told.words.iter().flat_map(|words| text::wrap(words, width.saturating_sub(indent + 4))) {
                page.lines.push(Line::default().pad(indent).put(Role::Dim, row));
            }
        }
        if self.told.is_empty() {
            page.lines.push(Line::of(Role::Dim, "nothing changed"));
        }
        page
    }
}
