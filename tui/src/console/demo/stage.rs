//! Where a demo is played: the console's state and painter, with a world and its time, or with a daemon and ours.

use super::world::World;
use crate::console::app::effect::Effect;
use crate::console::app::msg::Msg;
use crate::console::app::state::App;
use crate::console::app::update::{settle, update};
use crate::console::app::view::view;
use crate::console::keys::key::Key;
use crate::console::run::Live;
use crate::console::run::record::{Head, Look, Recorder};
use crate::console::term::caps::Depth;
use crate::console::term::input::Input;
use crate::console::term::painter::Painter;
use jiff::{SignedDuration, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// One picture of a recording.
#[derive(Debug, Clone)]
pub struct Frame {
    /// When it was painted, since the recording began.
    pub at: Duration,
    /// What the terminal is told.
    pub bytes: Vec<u8>,
    /// What it then shows.
    pub picture: Buffer,
    /// Where its cursor is.
    pub cursor: Option<Position>,
}

/// Where what is told comes from.
enum Source {
    World(Box<World>),
    Live(Box<Live>, Instant),
}

/// The stage.
pub struct Stage {
    app: App,
    painter: Painter,
    source: Source,
    now: Timestamp,
    /// Time that was not shown is not in the recording.
    hidden: Duration,
    is_shown: bool,
    /// The pictures so far.
    pub frames: Vec<Frame>,
    /// Whether the console was left.
    pub is_over: bool,
    started: Timestamp,
    picture: Buffer,
    /// What happens is recorded as a session, too.
    session: Option<Recorder>,
}

impl Stage {
    /// A stage with a world.
    pub fn in_world(app: App, world: World) -> Self {
        let start = world.start;
        Self::new(app, Source::World(Box::new(world)), start)
    }

    /// A stage with a daemon.
    pub fn live(app: App, live: Live) -> Self {
        Self::new(app, Source::Live(Box::new(live), Instant::now()), Timestamp::now())
    }

    fn new(mut app: App, source: Source, started: Timestamp) -> Self {
        app.now = started;
        settle(&mut app);
        let picture = Buffer::empty(Rect::ZERO);
        let painter = Painter::new();
        let mut stage = Self {
            app,
            painter,
            source,
            now: started,
            hidden: Duration::ZERO,
            is_shown: true,
            frames: Vec::new(),
            is_over: false,
            started,
            picture,
            session: None,
        };
        stage.paint();
        stage
    }

    /// Records what happens from now on as a session.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn record_session(&mut self, path: &Path) -> std::io::Result<()> {
        let look = Look::new(&self.app.theme.name, Depth::True, true);
        let mut head = Head::new(self.started, self.app.size, &self.app.address, look);
        head.zone = self.app.zone.iana_name().map(str::to_owned);
        self.session = Some(Recorder::create(path, &head)?);
        Ok(())
    }

    /// Ends the session's file, where there is one.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn end_session(&mut self) -> std::io::Result<()> {
        self.session.take().map_or(Ok(()), |session| session.finish().map(drop))
    }

    fn update(&mut self, msg: Msg) -> Vec<Effect> {
        if let Some(session) = &mut self.session {
            session.note(self.now, &msg);
        }
        update(&mut self.app, self.now, msg)
    }

    /// Presses a key.
    pub fn press(&mut self, key: Key) {
        self.take(Msg::Input(Input::Key(key.event())));
    }

    /// Stops recording, or goes on with it.
    pub fn show(&mut self, is_shown: bool) {
        if is_shown && !self.is_shown {
            self.painter.forget();
        }
        self.is_shown = is_shown;
        self.paint();
    }

    /// How long the recording is by now.
    pub fn at(&self) -> Duration {
        let all = Duration::try_from(self.now.duration_since(self.started)).unwrap_or_default();
        all.saturating_sub(self.hidden)
    }

    /// Lets so much time go by.
    pub fn advance(&mut self, time: Duration) {
        let before = self.now;
        let until = self.now + SignedDuration::try_from(time).unwrap_or(SignedDuration::ZERO);
        while !self.is_over && self.now < until {
            self.step(until);
        }
        if !self.is_shown {
            self.hidden += Duration::try_from(self.now.duration_since(before)).unwrap_or_default();
        }
    }

    /// Goes on to the next thing that happens, and not past `until`.
    pub fn step(&mut self, until: Timestamp) {
        let wake = self.app.next_wake().filter(|at| *at > self.now);
        match &mut self.source {
            Source::World(world) => {
                let next = [world.next_at(), wake].into_iter().flatten().min().map_or(until, |at| at.clamp(self.now, until));
                self.now = next;
                let told = world.take(next);
                if told.is_empty() {
                    return self.take(Msg::Time);
                }
                told.into_iter().for_each(|wire| self.take(Msg::Wire(wire)));
            }
            Source::Live(live, begun) => {
                let rest = |at: Timestamp, now| Duration::try_from(at.duration_since(now)).unwrap_or_default();
                let now = self.started + SignedDuration::try_from(begun.elapsed()).unwrap_or_default();
                let wait = rest(wake.unwrap_or(until).min(until), now);
                let msg = live.messages.recv_timeout(wait).unwrap_or(Msg::Time);
                self.now = (self.started + SignedDuration::try_from(begun.elapsed()).unwrap_or_default()).max(self.now);
                match msg {
                    // Somebody ends us. The keys are the script's alone.
                    Msg::Input(Input::Gone) => self.is_over = true,
                    Msg::Input(_) | Msg::Resized(..) => {}
                    msg => self.take(msg),
                }
            }
        }
    }

    /// The time until which one waits that begins to wait now.
    pub fn until(&self, timeout: Duration) -> Timestamp {
        self.now + SignedDuration::try_from(timeout).unwrap_or(SignedDuration::ZERO)
    }

    /// The time it is on the stage.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    fn take(&mut self, msg: Msg) {
        let mut effects = self.update(msg);
        while !effects.is_empty() && !self.is_over {
            let mut more = Vec::new();
            for effect in effects {
                if let Some(msg) = self.perform(effect) {
                    more.extend(self.update(msg));
                }
            }
            effects = more;
        }
        self.paint();
    }

    /// Performs an effect; in a world files are those of the world, and nothing outside of it is touched.
    fn perform(&mut self, effect: Effect) -> Option<Msg> {
        match (&mut self.source, effect) {
            (_, Effect::Quit) => {
                self.is_over = true;
                None
            }
            (
                _,
                Effect::Copy(_)
                | Effect::Keep(..)
                | Effect::KeepUnsaved(_)
                | Effect::Suspend
                | Effect::Run(_)
                | Effect::Program { .. }
                | Effect::Editor(_)
                | Effect::Mouse(_),
            ) => None,
            (_, Effect::Repaint) => {
                self.painter.forget();
                None
            }
            (Source::World(world), Effect::Link(command)) => {
                world.ask(self.now, command);
                None
            }
            (Source::World(world), Effect::Read(path)) => {
                let text = world.read(&path);
                Some(Msg::Read(path, Ok(text)))
            }
            (Source::World(_), Effect::Write(path, _)) => Some(Msg::Written(path, Ok(()))),
            (Source::Live(live, _), effect) => live.perform(effect, &mut self.painter),
        }
    }

    fn paint(&mut self) {
        let (columns, rows) = self.app.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let cursor = view(&self.app, &mut buffer);
        self.picture = buffer.clone();
        if !self.is_shown {
            return;
        }
        let bytes = self.painter.paint(&mut buffer, cursor).to_vec();
        if !bytes.is_empty() {
            if let Source::Live(..) = self.source {
                // Whoever looks on sees it as it happens; one who has gone is no fault of the demo.
                let mut out = std::io::stdout().lock();
                let _ = out.write_all(&bytes).and_then(|()| out.flush());
            }
            self.frames.push(Frame { at: self.at(), bytes, picture: buffer, cursor });
        }
    }

    /// What is on the screen.
    pub fn picture(&self) -> &Buffer {
        &self.picture
    }

    /// What is on the screen, as text.
    pub fn text(&self) -> String {
        let width = usize::from(self.picture.area.width).max(1);
        let line = |cells: &[ratatui::buffer::Cell]| {
            cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
        };
        self.picture.content.chunks(width).map(line).collect::<Vec<_>>().join("\n")
    }
}
