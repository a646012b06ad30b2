//! Random pictures must look in a terminal emulator as they do in the buffer, whatever was painted before.

use super::Painter;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

/// xorshift64*: the same numbers for the same seed on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }
}

const WORDS: [&str; 9] = ["kubia", "日本語", "Running", "●", "…", "x", "a\u{301}b", "宽", "──"];

fn size(cells: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(cells).expect("a screen has cells")
}

fn style(random: &mut Random) -> Style {
    let colors = [Color::Reset, Color::Red, Color::LightBlue, Color::Indexed(77), Color::Rgb(10, 20, 30)];
    let mut style = Style::default().fg(colors[random.next(5) as usize]).bg(colors[random.next(5) as usize]);
    for modifier in [Modifier::BOLD, Modifier::UNDERLINED, Modifier::REVERSED, Modifier::ITALIC] {
        if random.next(5) == 0 {
            style = style.add_modifier(modifier);
        }
    }
    style
}

/// Changes a picture as programs do: words here and there, a block that scrolls, a cleared row.
fn change(buffer: &mut Buffer, random: &mut Random) {
    let (width, height) = (buffer.area.width, buffer.area.height);
    match random.next(6) {
        0 => {
            let shift = (1 + random.next(3)) as usize * usize::from(width);
            if random.next(2) == 0 { buffer.content.rotate_left(shift) } else { buffer.content.rotate_right(shift) }
        }
        1 => {
            let y = random.next(u64::from(height)) as u16;
            let style = style(random);
            buffer.set_string(0, y, " ".repeat(usize::from(width)), style);
        }
        2 => {}
        _ => {
            for _ in 0..=random.next(8) {
                let (x, y) = (random.next(u64::from(width)) as u16, random.next(u64::from(height)) as u16);
                let word = WORDS[random.next(WORDS.len() as u64) as usize];
                let style = style(random);
                buffer.set_string(x, y, word, style);
            }
        }
    }
}

fn color(color: Color) -> vt100::Color {
    match color {
        Color::Red => vt100::Color::Idx(1),
        Color::LightBlue => vt100::Color::Idx(12),
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        _ => vt100::Color::Default,
    }
}

fn assert_same(screen: &vt100::Screen, buffer: &Buffer, seed: u64, frame: usize) {
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let cell = screen.cell(y, x).expect("inside the screen");
            if cell.is_wide_continuation() {
                continue;
            }
            let wanted = &buffer[(x, y)];
            let shown = if cell.has_contents() { cell.contents() } else { " " };
            let place = format!("seed {seed}, frame {frame}, column {x}, row {y}");
            assert_eq!(shown, wanted.symbol(), "{place}");
            let is_seen = shown != " " || wanted.modifier.intersects(Modifier::UNDERLINED | Modifier::REVERSED);
            assert!(!is_seen || cell.fgcolor() == color(wanted.fg), "{place}: letters");
            assert_eq!(cell.bgcolor(), color(wanted.bg), "{place}: background");
            assert!(!is_seen || cell.bold() == wanted.modifier.contains(Modifier::BOLD), "{place}: bold");
            assert_eq!(cell.inverse(), wanted.modifier.contains(Modifier::REVERSED), "{place}: reverse");
            assert_eq!(cell.underline(), wanted.modifier.contains(Modifier::UNDERLINED), "{place}: underline");
        }
    }
}

#[test]
fn random_pictures_look_in_a_terminal_as_they_do_in_the_buffer() {
    let seed: u64 = std::env::var("SKIFF_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut random = Random(seed.max(1));
    let mut emulator = vt100::Parser::new(size(12), size(40), 0);
    let mut painter = Painter::new();
    let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 12));
    for frame in 0..3_000 {
        change(&mut buffer, &mut random);
        let cursor = (random.next(3) == 0).then(|| Position { x: random.next(40) as u16, y: random.next(12) as u16 });
        emulator.process(painter.paint(&mut buffer, cursor));
        assert_same(emulator.screen(), &buffer, seed, frame);
        assert_eq!(emulator.screen().hide_cursor(), cursor.is_none(), "seed {seed}, frame {frame}");
        if let Some(at) = cursor {
            assert_eq!(emulator.screen().cursor_position(), (at.y, at.x), "seed {seed}, frame {frame}");
        }
        let again = String::from_utf8_lossy(painter.paint(&mut buffer, cursor)).into_owned();
        assert!(again.is_empty(), "seed {seed}, frame {frame}: an unchanged picture costs {again:?}");
    }
}

#[test]
fn scrolling_by_one_row_costs_little_more_than_the_new_row() {
    let picture = |first: usize| {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        for y in 0..40_u16 {
            let line = format!("web-{:06} 1/1 Running 0 {}h 10.88.0.{} node-a", first + usize::from(y), y % 24, y);
            buffer.set_string(0, y, line, Style::default());
        }
        buffer
    };
    let mut painter = Painter::new();
    let whole = painter.paint(&mut picture(0), None).len();
    let scrolled = painter.paint(&mut picture(1), None).len();
    assert!(scrolled < 900 && scrolled * 3 < whole, "{scrolled} bytes to scroll, {whole} to paint");
}

#[test]
fn the_whole_picture_is_painted_again_after_it_was_forgotten() {
    let mut painter = Painter::new();
    let mut buffer = Buffer::with_lines(["kubia", "envoy"]);
    painter.paint(&mut buffer, None);
    painter.forget();
    let bytes = String::from_utf8_lossy(painter.paint(&mut buffer, None)).into_owned();
    assert!(bytes.contains("kubia") && bytes.contains("envoy"));
}
