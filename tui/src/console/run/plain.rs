//! The loop of the console that prints lines: one thread reads lines, and each is answered with what is new.

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
use std::io::Write;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// The longest line that is read; a longer one is none.
const MAX_LINE: usize = 64 * 1024;
/// News of the daemon that come together are told together.
const TOGETHER: Duration = Duration::from_millis(200);

/// Opens the console and stays until it is left or its input ends.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let theme = Theme::load("dark", crate::console::term::caps::Depth::Mono, Glyphs::Ascii)?;
    let (commands, messages) = io::start(options.address.clone(), io::Typing::Lines)?;
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
    let mut outside = Outside::new(commands, None, options.address.clone()).with_lines();
    let (mut told, mut painter) = (Told::default(), Painter::new());
    if let Some(command) = &options.command {
        let mut effects = Vec::new();
        plain::take(&mut app, &mut told, &format!(":{command}"), &mut effects);
        if perform(&mut app, &mut outside, &mut painter, effects)? {
            return Ok(());
        }
    }
    let mut is_new = true;
    loop {
        let wait = if is_new { TOGETHER } else { Duration::from_secs(3_600) };
        let msg = match messages.recv_timeout(wait) {
            Ok(msg) => msg,
            Err(RecvTimeoutError::Timeout) => {
                if is_new {
                    print(&plain::tell(&app, &mut told))?;
                }
                is_new = false;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let mut effects = Vec::new();
        match msg {
            Msg::Line(line) => {
                plain::take(&mut app, &mut told, &line, &mut effects);
                // What a line changes is looked at by the state like everything else.
                effects.extend(update(&mut app, Timestamp::now(), Msg::Time));
                admit(&mut app, &mut effects);
            }
            msg => effects = update(&mut app, Timestamp::now(), msg),
        }
        // What a text is, and that the editor opens, is heard before it does.
        let before = effects.len();
        plain::open_editor(&app, &mut told, &mut effects);
        if effects.len() > before {
            print(&plain::tell(&app, &mut told))?;
        }
        is_new = true;
        if perform(&mut app, &mut outside, &mut painter, effects)? {
            return print(&plain::tell(&app, &mut told));
        }
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
