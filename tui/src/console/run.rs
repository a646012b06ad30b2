//! The loop: waits, takes every message there is, and paints where something changed.

mod draft;
mod echo;
mod effects;
mod io;
mod line;
mod lists;
mod news;
mod own;
mod pace;
mod plain;
pub mod record;

use super::Options;
use super::app::effect::Effect;
use super::app::msg::{Msg, Wire};
use super::app::rights::{OnCluster, OnMachine};
use super::app::session;
use super::app::state::App;
use super::app::theming::ThemeFrom;
use super::app::update::{settle, update};
use super::app::view::view;
use super::base::text;
use super::model::namespaces::Namespaces;
use super::term::caps;
use super::term::guard::{self, Guard};
use super::term::input::{ASK_BACKGROUND, Input};
use super::term::painter::Painter;
use super::theme::glyph::Glyphs;
use super::theme::load::Theme;
use crate::settings::GlyphChoice;
use anyhow::Context;
use echo::Echo;
use effects::{Ended, Outside};
use jiff::Timestamp;
use line::Line;
pub use own::take_own;
use own::{own_files, take_session};
use pace::Pace;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use record::{Head, Look, Own, Recorder};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// So long messages are taken before is looked whether a picture is due: some take a while, as what a program in a pane writes.
const BATCH: Duration = Duration::from_millis(16);

/// Opens the console and stays until it is left.
pub fn run(options: &Options) -> anyhow::Result<()> {
    if options.is_plain {
        return plain::run(options);
    }
    caps::check()?;
    let theme = theme(options)?;
    let size = crossterm::terminal::size().context("cannot ask the terminal for its size")?;
    let (commands, messages) = io::start(options.address.clone(), io::Typing::Keys)?;
    let guard = Guard::take().context("cannot take the terminal over")?;
    let env = |name: &str| std::env::var(name).ok();
    let mut app = App::new(
        now(),
        size,
        theme,
        Namespaces::parse(options.namespace.as_deref().unwrap_or_default()),
        text::clean(&options.address.to_string()),
    );
    app.zone = jiff::tz::TimeZone::system();
    app.has_mouse = options.has_mouse;
    guard::hear_mouse(options.has_mouse).context("the terminal is gone")?;
    let own = own_files(&mut app, options);
    let (draft, session) = take_session(&mut app, options).unzip();
    if options.theme.is_none() && caps::may_be_asked(env) {
        app.theme_from = ThemeFrom::Terminal;
    }
    let recorder = match &options.record {
        Some(path) => Some(record(path, &app, (own, session.flatten()), options)?),
        None => None,
    };
    let mut console = Console {
        app,
        painter: Painter::new(),
        buffer: Buffer::empty(Rect::ZERO),
        outside: Outside::new(commands, Some(guard), options.address.clone()).with_draft(draft),
        messages,
        pace: Pace::new(),
        echo: Echo::default(),
        line: Line::new(caps::is_remote(env)),
        recorder,
    };
    let ended = console.begin(options.command.as_deref());
    if ended.is_err() {
        // The terminal went away while it was written to: the session goes on elsewhere.
        console.keep_session();
    }
    let recorder = console.recorder.take();
    // The terminal is given back first: what was recorded is told on it.
    drop(console);
    match (recorder, &options.record) {
        (Some(recorder), Some(path)) => ended.and(tell_recorded(recorder, path)),
        _ => ended,
    }
}

/// Begins to record, with the state as it is.
fn record(path: &Path, app: &App, (own, session): (Own, Option<String>), options: &Options) -> anyhow::Result<Recorder> {
    let env = |name: &str| std::env::var(name).ok();
    let mut look = Look::new(&app.theme.name, caps::depth(env), app.theme.glyphs == Glyphs::Unicode);
    look.follows = app.theme_from == ThemeFrom::Terminal;
    let mut head = Head::new(app.now, app.size, &app.address, look);
    head.zone = app.zone.iana_name().map(str::to_owned);
    head.namespace.clone_from(&options.namespace);
    head.rights = (options.rights.on_cluster == OnCluster::Read, options.rights.on_machine == OnMachine::Nothing);
    (head.own, head.session) = (own, session);
    Recorder::create(path, &head).with_context(|| format!("cannot record to {}", path.display()))
}

fn tell_recorded(recorder: Recorder, path: &Path) -> anyhow::Result<()> {
    let path = path.display();
    let contents = recorder.finish().with_context(|| format!("the recording {path} is not whole"))?;
    // Nobody is left to be told that nobody listens.
    let _ = writeln!(
        std::io::stderr(),
        "recorded {path}: {contents}\nit holds what you typed, and the names, manifests, logs and output of programs that the console was sent; look at it \
         (skiff replay {path}) before you give it away"
    );
    Ok(())
}

/// The looks that were asked for, or that suit the terminal.
fn theme(options: &Options) -> anyhow::Result<Theme> {
    let env = |name: &str| std::env::var(name).ok();
    let suits = || if caps::is_light(env) { "light".to_owned() } else { "dark".to_owned() };
    let name = options.theme.clone().unwrap_or_else(suits);
    let is_unicode = match options.glyphs {
        GlyphChoice::Auto => caps::is_unicode(env),
        GlyphChoice::Unicode => true,
        GlyphChoice::Ascii => false,
    };
    let glyphs = if is_unicode { Glyphs::Unicode } else { Glyphs::Ascii };
    Ok(Theme::load(&name, caps::depth(env), glyphs)?)
}

/// A daemon, for whoever has keys of its own to press.
pub struct Live {
    /// What happens.
    pub messages: Receiver<Msg>,
    /// What is outside of the state.
    pub outside: Outside,
}

impl Live {
    /// Begins to connect.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn connect(address: client::Address) -> anyhow::Result<Self> {
        let (commands, messages) = io::start(address.clone(), io::Typing::Nothing)?;
        Ok(Self { messages, outside: Outside::new(commands, None, address) })
    }

    /// Performs an effect; what came of it.
    pub fn perform(&self, effect: Effect, painter: &mut Painter) -> Option<Msg> {
        match self.outside.perform(effect, painter) {
            Ok(effects::Outcome::Msg(msg)) => Some(msg),
            _ => None,
        }
    }
}

/// The console while it runs.
struct Console {
    app: App,
    painter: Painter,
    buffer: Buffer,
    outside: Outside,
    messages: Receiver<Msg>,
    pace: Pace,
    echo: Echo,
    line: Line,
    recorder: Option<Recorder>,
}

/// What was taken from the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// Nothing that changes the picture.
    Nothing,
    /// News that may wait a moment for more.
    News,
    /// Something the user did, which is shown at once.
    Input,
}

impl Console {
    fn begin(&mut self, command: Option<&str>) -> anyhow::Result<()> {
        // The frame stands before the daemon has answered.
        settle(&mut self.app);
        if let Some(command) = command {
            let mut keys = format!(":{command}").chars().map(|letter| letter.to_string()).collect::<Vec<_>>();
            keys.push("enter".to_owned());
            for key in keys.iter().map(|name| if name == " " { "space" } else { name.as_str() }) {
                if let Some(key) = super::keys::key::Key::parse(key)
                    && self.handle(Msg::Input(super::term::input::Input::Key(key.event())))? == Some(Ended)
                {
                    return Ok(());
                }
            }
        }
        self.paint()?;
        if self.app.theme_from == ThemeFrom::Terminal {
            write_now(ASK_BACKGROUND)?;
        }
        self.stay()
    }

    fn keep_session(&mut self) {
        if let Some(text) = session::keep(&self.app) {
            // Whoever could be told that this failed is not there any more.
            let _ = self.outside.perform(Effect::Keep(session::FILE, text), &mut self.painter);
        }
    }

    fn stay(&mut self) -> anyhow::Result<()> {
        // Dirty is what the picture does not show yet; urgent is what must not wait for more.
        let (mut is_dirty, mut is_urgent) = (false, false);
        loop {
            let Some(first) = self.wait(is_dirty) else { return Ok(()) };
            let (mut taken, began) = (Taken::Nothing, Instant::now());
            let mut next = Some(first);
            while let Some(msg) = next {
                let kind = match msg {
                    Msg::Input(Input::Shown) => {
                        self.line.shown();
                        Taken::Nothing
                    }
                    Msg::Input(_) | Msg::Resized(..) | Msg::CannotSuspend | Msg::CannotCopy => Taken::Input,
                    Msg::Time if is_dirty => Taken::Input,
                    // What follows what one typed is its echo, most likely.
                    Msg::Wire(Wire::Pane(..)) if self.echo.is_due(Instant::now()) => Taken::Input,
                    _ => Taken::News,
                };
                self.echo.take(&msg, &self.app, Instant::now());
                if self.handle(msg)? == Some(Ended) {
                    return Ok(());
                }
                taken = if taken == Taken::Input { taken } else { kind };
                next = if began.elapsed() < BATCH { self.messages.try_recv().ok() } else { None };
            }
            let is_due = self.pace.wait(Instant::now()).is_zero();
            is_dirty |= taken != Taken::Nothing;
            is_urgent |= taken == Taken::Input;
            if is_dirty && (is_urgent || is_due) && self.line.is_free(Instant::now()) {
                self.paint()?;
                (is_dirty, is_urgent) = (false, false);
            }
        }
    }

    /// The next message; `Time` when a label changes or a picture is due; `None` when there will be no more.
    fn wait(&self, is_dirty: bool) -> Option<Msg> {
        let until_label = self.app.next_wake().map(|at| {
            let wait = at.duration_since(Timestamp::now());
            Duration::try_from(wait).unwrap_or_default() + Duration::from_millis(1)
        });
        let until_picture = is_dirty.then(|| {
            let now = Instant::now();
            self.pace.wait(now).max(self.line.wait(now))
        });
        let wait = [until_label, until_picture].into_iter().flatten().min();
        match wait {
            None => self.messages.recv().ok(),
            Some(wait) => match self.messages.recv_timeout(wait) {
                Ok(msg) => Some(msg),
                Err(RecvTimeoutError::Timeout) => Some(Msg::Time),
                Err(RecvTimeoutError::Disconnected) => None,
            },
        }
    }

    fn handle(&mut self, msg: Msg) -> anyhow::Result<Option<Ended>> {
        let mut effects = self.update(msg);
        while !effects.is_empty() {
            let mut more = Vec::new();
            for effect in effects {
                match self.outside.perform(effect, &mut self.painter)? {
                    effects::Outcome::Ended => return Ok(Some(Ended)),
                    effects::Outcome::Done => {}
                    effects::Outcome::Msg(msg) => more.extend(self.update(msg)),
                }
            }
            effects = more;
        }
        Ok(None)
    }

    fn update(&mut self, msg: Msg) -> Vec<Effect> {
        let now = now();
        if let Some(recorder) = &mut self.recorder {
            recorder.note(now, &msg);
        }
        update(&mut self.app, now, msg)
    }

    fn paint(&mut self) -> anyhow::Result<()> {
        let (columns, rows) = self.app.size;
        self.buffer.resize(Rect::new(0, 0, columns, rows));
        let cursor = view(&self.app, &mut self.buffer);
        let bytes = self.painter.paint(&mut self.buffer, cursor);
        self.pace.painted(Instant::now());
        if let Some(recorder) = &mut self.recorder {
            recorder.flush();
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let asks = self.line.paint(Instant::now());
        // A terminal that is gone is an end and no error.
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.write_all(asks)).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                self.painter.forget();
                Ok(())
            }
            Err(error) => Err(error).context("the terminal is gone"),
        }
    }
}

/// The time in microseconds, as a recording has it: what is played again happens at the same moment.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

fn write_now(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).context("the terminal is gone")
}
