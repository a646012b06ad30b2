//! Plays a recorded session: the same state and the same picture, without a daemon, and with nothing done outside.

mod theatre;

use super::play;
use super::stage::Frame;
use crate::console::app::effect::Effect;
use crate::console::app::rights::Rights;
use crate::console::app::session;
use crate::console::app::state::App;
use crate::console::app::theming::ThemeFrom;
use crate::console::app::update::{settle, update};
use crate::console::app::view::view;
use crate::console::model::namespaces::Namespaces;
use crate::console::run::record::{Recording, Whole};
use crate::console::run::take_own;
use crate::console::term::painter::Painter;
use crate::console::theme::glyph::Glyphs;
use crate::console::theme::load::Theme;
use crate::console::theme::role::Role;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;
pub use theatre::show;

/// A recording while it is played.
pub struct Player {
    app: App,
    recording: Recording,
    events: VecDeque<(Duration, crate::console::run::record::Event)>,
    at: Duration,
    length: Duration,
    /// Whether the console was left.
    is_over: bool,
}

impl Player {
    /// The console as it was when the recording began.
    ///
    /// # Errors
    /// Where not even the plain theme can be used.
    pub fn new(mut recording: Recording) -> anyhow::Result<Self> {
        let head = &recording.head;
        let glyphs = if head.look.unicode { Glyphs::Unicode } else { Glyphs::Ascii };
        let (depth, size) = (head.look.depth(), (head.size.0.min(1_000), head.size.1.min(500)));
        // A theme of the other's own files is not here.
        let theme = Theme::load(&head.look.theme, depth, glyphs).or_else(|_| Theme::load("dark", depth, glyphs))?;
        let mut app = App::new(
            head.started,
            size,
            theme,
            Namespaces::parse(head.namespace.as_deref().unwrap_or_default()),
            head.address.clone(),
        );
        app.zone = head.zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
        app.rights = Rights::new(head.rights.0, head.rights.1);
        take_own(&mut app, &head.own);
        if let Some(text) = &head.session {
            // What it says is on the screen when it was read, and left out when it was not.
            let _ = session::offer(&mut app, text);
        }
        if head.look.follows {
            app.theme_from = ThemeFrom::Terminal;
        }
        settle(&mut app);
        let length = recording.length();
        let events = std::mem::take(&mut recording.events).into();
        Ok(Self { app, recording, events, at: Duration::ZERO, length, is_over: false })
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<Duration> {
        self.events.front().map(|(at, _)| *at).filter(|_| !self.is_over)
    }

    /// Lets the next thing happen; false at the end.
    ///
    /// # Errors
    /// What the file has that no console can have been told.
    pub fn step(&mut self) -> Result<bool, String> {
        let Some((at, event)) = self.events.pop_front().filter(|_| !self.is_over) else { return Ok(false) };
        self.at = at;
        let now = self.recording.head.started + SignedDuration::try_from(at).unwrap_or_default();
        let msg = event.into_msg().map_err(|why| format!("{:.3}s after the start: {why}", at.as_secs_f64()))?;
        let effects = update(&mut self.app, now, msg);
        // What came of them is recorded.
        self.is_over = effects.iter().any(|effect| matches!(effect, Effect::Quit));
        Ok(true)
    }

    /// Lets everything happen up to a moment.
    ///
    /// # Errors
    /// See [`Player::step`].
    pub fn go_to(&mut self, moment: Duration) -> Result<(), String> {
        while self.next_at().is_some_and(|at| at <= moment) {
            self.step()?;
        }
        self.at = self.at.max(moment.min(self.length));
        Ok(())
    }

    /// The picture, and where the cursor is.
    pub fn picture(&self) -> (Buffer, Option<Position>) {
        let (columns, rows) = self.app.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let cursor = view(&self.app, &mut buffer);
        (buffer, cursor)
    }

    /// The picture as text.
    pub fn text(&self) -> String {
        let (picture, _) = self.picture();
        let line = |cells: &[Cell]| cells.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned();
        let width = usize::from(picture.area.width).max(1);
        picture.content.chunks(width).map(line).collect::<Vec<_>>().join("\n")
    }

    /// What is in the recording, for people.
    pub fn about(&self) -> String {
        let head = &self.recording.head;
        let (columns, rows) = head.size;
        let end = match self.recording.whole {
            Whole::Yes => String::new(),
            Whole::NoEnd => "\nit has no end: the console was killed, or is still open".to_owned(),
            Whole::Cut(line) => format!("\nit was cut off in line {line}"),
        };
        format!(
            "a session of skiff {} with {}, begun {}, {columns}x{rows}, {:.1}s long\n{}{end}",
            head.skiff,
            head.address,
            head.started,
            self.length.as_secs_f64(),
            self.recording.contents
        )
    }

    /// All pictures with their times, as a demo has them.
    ///
    /// # Errors
    /// See [`Player::step`].
    pub fn film(mut self, title: &str) -> Result<play::Recording, String> {
        let (mut painter, mut frames, mut size) = (Painter::new(), Vec::new(), self.app.size);
        loop {
            let (mut picture, cursor) = self.picture();
            size = (size.0.max(picture.area.width), size.1.max(picture.area.height));
            let bytes = painter.paint(&mut picture, cursor).to_vec();
            if !bytes.is_empty() {
                frames.push(Frame { at: self.at, bytes, picture, cursor });
            }
            if !self.step()? {
                break;
            }
        }
        let text = self.app.theme.style(Role::Text);
        Ok(play::Recording {
            size,
            title: title.to_owned(),
            frames,
            markers: Vec::new(),
            length: self.length + Duration::from_secs(3),
            plain: (play::rgb(text.fg, (0xd5, 0xdb, 0xe5)), play::rgb(text.bg, (0x12, 0x16, 0x1e))),
            stills: Vec::new(),
        })
    }
}

/// Reads a recording to be played. One that was cut off in the middle is only played where that is wanted.
///
/// # Errors
/// What is wrong with the file and what to do.
pub fn open(path: &Path, may_be_cut: bool) -> Result<Player, String> {
    let recording = crate::console::run::record::read(path)?;
    if let (Whole::Cut(line), false) = (recording.whole, may_be_cut) {
        let path = path.display();
        return Err(format!(
            "{path}:{line}: the file ends in the middle of a line: get it whole, or play what is there with --partial"
        ));
    }
    Player::new(recording).map_err(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests;
