//! The loop of the console that prints lines: one thread reads lines, and each is answered with what is new.
//!
//! A line is taken once what the one before it led to was told, so that a script that writes all of its lines at once is answered as a
//! person is who waits.

use super::effects::{Outcome, Outside};
use super::io;
use crate::console::Options;
use crate::console::app::msg::Msg;
use crate::console::app::plain::{self, Told};
use crate::console::app::state::App;
use crate::console::app::update::{admit, settle, update};
use crate::console::base::text;
use crate::console::model::namespaces::Namespaces;
use crate::console::term::input::{self, Input};
use crate::console::term::painter::Painter;
use crate::console::term::pause;
use crate::console::theme::glyph::Glyphs;
use crate::console::theme::load::Theme;
use jiff::Timestamp;
use nix::poll::PollTimeout;
use std::collections::VecDeque;
use std::io::Write;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// The longest line that is read; a longer one is none.
const MAX_LINE: usize = 64 * 1024;
/// News of the daemon that come together are told together.
const TOGETHER: Duration = Duration::from_millis(200);
/// How long a line waits for what the screen shows: until the daemon has answered, or does not.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the console and stays until it is left or its input ends.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let (commands, messages) = io::start(options.address.clone(), io::Typing::Lines)?;
    let mut app = new_app(options)?;
    let mut outside = Outside::new(commands, None, options.address.clone()).with_lines();
    let (mut told, mut painter) = (Told::default(), Painter::new());
    if let Some(command) = &options.command {
        let mut effects = Vec::new();
        plain::take(&mut app, &mut told, &format!(":{command}"), &mut effects);
        if perform(&mut app, &mut outside, &mut painter, effects)? {
            return Ok(());
        }
    }
    let mut lines = Lines::default();
    // When what is new is told; nothing where nothing is.
    let mut due = Some(Instant::now() + TOGETHER);
    loop {
        let wait = match (due, lines.is_waiting()) {
            (Some(due), _) => due.saturating_duration_since(Instant::now()),
            (None, true) => TOGETHER,
            (None, false) => Duration::from_secs(3_600),
        };
        let msg = match messages.recv_timeout(wait) {
            Ok(Msg::Line(line)) => {
                lines.came(line);
                None
            }
            Ok(Msg::Input(Input::Gone)) => {
                lines.has_ended = true;
                None
            }
            Ok(msg) => Some(msg),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        if due.is_some_and(|due| due <= Instant::now()) {
            print(&plain::tell(&app, &mut told))?;
            due = None;
        }
        let mut effects = Vec::new();
        if let Some(msg) = msg {
            effects = update(&mut app, Timestamp::now(), msg);
        } else if due.is_none() {
            match lines.next(plain::is_answered(&app)) {
                Some(Msg::Line(line)) => {
                    plain::take(&mut app, &mut told, &line, &mut effects);
                    // What a line changes is looked at by the state like everything else.
                    effects.extend(update(&mut app, Timestamp::now(), Msg::Time));
                    admit(&mut app, &mut effects);
                }
                Some(end) => effects = update(&mut app, Timestamp::now(), end),
                None => continue,
            }
        } else {
            continue;
        }
        // What a text is, and that the editor opens, is heard before it does.
        let before = effects.len();
        plain::open_editor(&app, &mut told, &mut effects);
        if effects.len() > before {
            print(&plain::tell(&app, &mut told))?;
        }
        due = due.or_else(|| Some(Instant::now() + TOGETHER));
        if perform(&mut app, &mut outside, &mut painter, effects)? {
            return print(&plain::tell(&app, &mut told));
        }
    }
}

fn new_app(options: &Options) -> anyhow::Result<App> {
    let theme = Theme::load("dark", crate::console::term::caps::Depth::Mono, Glyphs::Ascii)?;
    let mut app = App::new(
        Timestamp::now(),
        plain::SIZE,
        theme,
        Namespaces::parse(options.namespace.as_deref().unwrap_or_default()),
        text::clean(&options.address.to_string()),
    );
    app.prints_lines = true;
    app.zone = jiff::tz::TimeZone::system();
    super::own_files(&mut app, options);
    settle(&mut app);
    Ok(app)
}

/// The lines that were read and not taken yet.
#[derive(Debug, Default)]
struct Lines {
    waiting: VecDeque<String>,
    /// Since when the first of them waits.
    since: Option<Instant>,
    has_ended: bool,
}

impl Lines {
    fn came(&mut self, line: String) {
        self.since.get_or_insert_with(Instant::now);
        self.waiting.push_back(line);
    }

    fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.has_ended
    }

    /// The next line, once what the screen shows has come or nobody waits for it any longer; after the last one the end.
    fn next(&mut self, is_answered: bool) -> Option<Msg> {
        if self.waiting.is_empty() {
            return std::mem::take(&mut self.has_ended).then_some(Msg::Input(Input::Gone));
        }
        if !is_answered && self.since.is_some_and(|since| since.elapsed() < PATIENCE) {
            return None;
        }
        self.since = Some(Instant::now());
        self.waiting.pop_front().map(Msg::Line)
    }
}

/// Performs effects and what follows from them. Says whether the console is left.
fn perform(
    app: &mut App,
    outside: &mut Outside,
    painter: &mut Painter,
    mut effects: Vec<crate::console::app::effect::Effect>,
) -> anyhow::Result<bool> {
    while !effects.is_empty() {
        let mut more = Vec::new();
        for effect in effects {
            match outside.perform(effect, painter)? {
                Outcome::Ended => return Ok(true),
                Outcome::Done => {}
                Outcome::Msg(msg) => more.extend(update(app, Timestamp::now(), msg)),
            }
        }
        effects = more;
    }
    Ok(false)
}

fn print(lines: &[String]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{}", text::clean(line))?;
    }
    Ok(out.flush()?)
}

/// Reads lines until there are no more. While another program has the terminal, what is typed is not ours.
pub fn read_lines(sink: &impl Fn(Msg) -> bool) {
    let stdin = std::io::stdin();
    let (mut bytes, mut rest) = ([0; 4_096], Vec::new());
    while input::wait(&stdin, PollTimeout::NONE).is_some() {
        if pause::wait_while_paused() {
            continue;
        }
        let count = match rustix::io::read(&stdin, &mut bytes) {
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        rest.extend_from_slice(&bytes[..count]);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            if !sink(Msg::Line(String::from_utf8_lossy(&line[..end]).into_owned())) {
                return;
            }
        }
        if rest.len() > MAX_LINE {
            rest.clear();
        }
    }
    if !rest.is_empty() {
        sink(Msg::Line(String::from_utf8_lossy(&rest).into_owned()));
    }
    sink(Msg::Input(Input::Gone));
}
