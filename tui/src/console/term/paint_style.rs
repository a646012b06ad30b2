//! Writes the escape sequences that change one cell's look into another's, and no more than that.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use std::io::Write;

/// The look the terminal writes with at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    fg: Color,
    bg: Color,
    underline: Color,
    modifier: Modifier,
}

impl Look {
    /// The terminal's own look, after `SGR 0`.
    pub const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, underline: Color::Reset, modifier: Modifier::empty() };

    /// The look of a cell. Only what a terminal does everywhere is taken over.
    pub fn of(cell: &Cell) -> Self {
        let known = Modifier::BOLD | Modifier::DIM | Modifier::ITALIC | Modifier::UNDERLINED | Modifier::REVERSED;
        Self { fg: cell.fg, bg: cell.bg, underline: cell.underline_color, modifier: cell.modifier & known }
    }

    /// Whether a blank written in this look is seen as one written in the other.
    pub fn shows_blank_as(self, other: Self) -> bool {
        let seen = Modifier::UNDERLINED | Modifier::REVERSED;
        self.bg == other.bg && !self.modifier.intersects(seen) && !other.modifier.intersects(seen)
    }

    /// Makes the terminal write in this look.
    pub fn switch(&mut self, to: Self, out: &mut Vec<u8>) {
        if *self == to {
            return;
        }
        let mut codes = Codes { out, count: 0 };
        let mut from = *self;
        // There is no portable code that ends one attribute alone, and 0 is the shortest.
        if !(from.modifier - to.modifier).is_empty() || (from.underline != to.underline && to.underline == Color::Reset) {
            codes.push(format_args!("0"));
            from = Self::PLAIN;
        }
        for (modifier, code) in
            [(Modifier::BOLD, 1), (Modifier::DIM, 2), (Modifier::ITALIC, 3), (Modifier::UNDERLINED, 4), (Modifier::REVERSED, 7)]
        {
            if (to.modifier - from.modifier).contains(modifier) {
                codes.push(format_args!("{code}"));
            }
        }
        if from.fg != to.fg {
            codes.color(to.fg, 30);
        }
        if from.bg != to.bg {
            codes.color(to.bg, 40);
        }
        if from.underline != to.underline {
            codes.underline(to.underline);
        }
        codes.end();
        *self = to;
    }
}

/// The numbers of one `CSI … m`.
struct Codes<'a> {
    out: &'a mut Vec<u8>,
    count: usize,
}

impl Codes<'_> {
    fn push(&mut self, code: std::fmt::Arguments<'_>) {
        self.out.extend_from_slice(if self.count == 0 { b"\x1b[" } else { b";" });
        self.count += 1;
        self.out.write_fmt(code).expect("a Vec takes every byte");
    }

    /// `base` is 30 for the letters and 40 for what is behind them.
    fn color(&mut self, color: Color, base: u8) {
        match color {
            Color::Reset => self.push(format_args!("{}", base + 9)),
            Color::Rgb(r, g, b) => self.push(format_args!("{};2;{r};{g};{b}", base + 8)),
            Color::Indexed(index) => self.push(format_args!("{};5;{index}", base + 8)),
            named => match ansi(named) {
                low @ 0..8 => self.push(format_args!("{}", base + low)),
                high => self.push(format_args!("{}", base + 60 + high - 8)),
            },
        }
    }

    /// Terminals that know no underline colour skip the sequence; so it stands alone, or it could take others with it.
    fn underline(&mut self, color: Color) {
        self.end();
        match color {
            Color::Rgb(r, g, b) => self.push(format_args!("58:2::{r}:{g}:{b}")),
            Color::Indexed(index) => self.push(format_args!("58:5:{index}")),
            _ => {}
        }
        self.end();
    }

    fn end(&mut self) {
        if self.count > 0 {
            self.out.push(b'm');
            self.count = 0;
        }
    }
}

fn ansi(color: Color) -> u8 {
    match color {
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        _ => 0,
    }
}
