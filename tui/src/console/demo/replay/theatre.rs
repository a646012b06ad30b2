//! Plays a recording in the terminal: in its own time or another, with pauses, step by step.

use super::Player;
use crate::console::keys::key::Key;
use crate::console::term::guard::Guard;
use crate::console::term::input::{self, Input};
use crate::console::term::painter::Painter;
use anyhow::{Context, anyhow};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// The speeds that there are, in times of the recording's own.
const SPEEDS: [f64; 8] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0];

/// What moves.
struct Theatre {
    player: Player,
    painter: Painter,
    /// Where one is in the recording.
    at: Duration,
    speed: usize,
    is_paused: bool,
}

/// Shows a recording until its end is left or one leaves it.
///
/// # Errors
/// Where there is no terminal, or the recording has what no console can have been told.
pub fn show(player: Player, speed: f64) -> anyhow::Result<()> {
    crate::console::term::caps::check()?;
    let (sender, inputs) = sync_channel(64);
    input::start(move |input| sender.send(input).is_ok()).context("cannot start the thread that reads keys")?;
    let guard = Guard::take().context("cannot take the terminal over")?;
    let at_least = |wanted: f64| SPEEDS.iter().position(|speed| *speed >= wanted).unwrap_or(SPEEDS.len() - 1);
    let mut theatre = Theatre { player, painter: Painter::new(), at: Duration::ZERO, speed: at_least(speed), is_paused: false };
    let shown = theatre.run(&inputs);
    drop(guard);
    shown
}

impl Theatre {
    fn run(&mut self, inputs: &Receiver<Input>) -> anyhow::Result<()> {
        let mut size = crossterm::terminal::size().context("the terminal is gone")?;
        let mut clock = Instant::now();
        loop {
            self.paint(size)?;
            let wait = match self.player.next_at() {
                Some(next) if !self.is_paused => next.saturating_sub(self.at).div_f64(SPEEDS[self.speed]),
                _ => Duration::from_millis(500),
            };
            // A picture a time at most thirty times a second, however much happens.
            let input = inputs.recv_timeout(wait.clamp(Duration::from_millis(33), Duration::from_millis(500)));
            let passed = clock.elapsed().mul_f64(SPEEDS[self.speed]);
            clock = Instant::now();
            if !self.is_paused {
                self.at = (self.at + passed).min(self.player.length);
                self.player.go_to(self.at).map_err(|why| anyhow!(why))?;
            }
            match input {
                Ok(Input::Key(key)) if self.press(&Key::from(key).to_string())? => return Ok(()),
                Ok(Input::Gone) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                _ => {}
            }
            let now = crossterm::terminal::size().context("the terminal is gone")?;
            if now != size {
                size = now;
                self.painter.forget();
            }
        }
    }

    /// Whether one leaves.
    fn press(&mut self, key: &str) -> anyhow::Result<bool> {
        match key {
            "q" | "esc" | "ctrl-c" => return Ok(true),
            "space" => self.is_paused = !self.is_paused,
            "+" | "up" => self.speed = (self.speed + 1).min(SPEEDS.len() - 1),
            "-" | "down" => self.speed = self.speed.saturating_sub(1),
            // One thing at a time, which is what one wants to look at standing still.
            "." | "right" | "enter" => {
                self.is_paused = true;
                self.player.step().map_err(|why| anyhow!(why))?;
                self.at = self.player.at;
            }
            _ => {}
        }
        Ok(false)
    }

    fn paint(&mut self, (columns, rows): (u16, u16)) -> anyhow::Result<()> {
        let (picture, cursor) = self.player.picture();
        let mut shown = Buffer::empty(Rect::new(0, 0, columns, rows));
        let area = picture.area.intersection(shown.area);
        for position in area.positions() {
            if let Some(cell) = shown.cell_mut(position) {
                cell.clone_from(&picture[position]);
            }
        }
        // Below the picture where there is room, else over its last line.
        let line = picture.area.height.min(rows.saturating_sub(1));
        let status = self.status();
        shown.set_stringn(
            0,
            line,
            format!("{status:<width$}", width = usize::from(columns)),
            usize::from(columns),
            Style::new().add_modifier(Modifier::REVERSED),
        );
        let cursor = cursor.filter(|at| area.contains(Position::new(at.x, at.y)) && at.y != line);
        let bytes = self.painter.paint(&mut shown, cursor);
        let mut out = std::io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).context("the terminal is gone")
    }

    fn status(&self) -> String {
        let time = |time: Duration| format!("{}:{:04.1}", time.as_secs() / 60, time.as_secs_f64() % 60.0);
        let state = match (self.player.next_at(), self.is_paused) {
            (None, _) => "the end".to_owned(),
            (_, true) => "paused".to_owned(),
            (_, false) => format!("x{}", SPEEDS[self.speed]),
        };
        format!(" replay {} / {} {state} | space pause  . step  + - speed  q leave", time(self.at), time(self.player.length))
    }
}
