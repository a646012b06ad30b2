//! How letters are written: their colours and what else `SGR` sets.

use crate::console::term::caps::Depth;
use crate::console::theme::color;
use ratatui::style::{Color, Modifier, Style};
use vte::Params;

/// A colour that a program asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    /// The terminal's own.
    #[default]
    Default,
    /// One of the 256.
    Index(u8),
    /// Any.
    Rgb(u8, u8, u8),
}

/// What letters are written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pen {
    fg: Wanted,
    bg: Wanted,
    modifier: Modifier,
}

impl Pen {
    /// What blanks are made with: only what is behind letters.
    pub const fn behind(self) -> Self {
        Self { fg: Wanted::Default, bg: self.bg, modifier: Modifier::empty() }
    }

    /// The look, with as many colours as there are.
    pub fn style(self, depth: Depth) -> Style {
        Style::new().fg(reduced(self.fg, depth)).bg(reduced(self.bg, depth)).add_modifier(self.modifier)
    }

    /// What `CSI … m` sets.
    pub fn set(&mut self, params: &Params) {
        let mut params = params.iter();
        while let Some(param) = params.next() {
            match param.first().copied().unwrap_or(0) {
                0 => *self = Self::default(),
                1 => self.modifier |= Modifier::BOLD,
                2 => self.modifier |= Modifier::DIM,
                3 => self.modifier |= Modifier::ITALIC,
                // 4:0 is none, 4:3 a wavy one.
                4 if param.get(1) == Some(&0) => self.modifier -= Modifier::UNDERLINED,
                4 | 21 => self.modifier |= Modifier::UNDERLINED,
                7 => self.modifier |= Modifier::REVERSED,
                22 => self.modifier -= Modifier::BOLD | Modifier::DIM,
                23 => self.modifier -= Modifier::ITALIC,
                24 => self.modifier -= Modifier::UNDERLINED,
                27 => self.modifier -= Modifier::REVERSED,
                number @ 30..=37 => self.fg = Wanted::Index(number as u8 - 30),
                number @ 40..=47 => self.bg = Wanted::Index(number as u8 - 40),
                number @ 90..=97 => self.fg = Wanted::Index(number as u8 - 90 + 8),
                number @ 100..=107 => self.bg = Wanted::Index(number as u8 - 100 + 8),
                39 => self.fg = Wanted::Default,
                49 => self.bg = Wanted::Default,
                // The colour of underlines (58) is read, so that its numbers are not taken for others, and not shown.
                number @ (38 | 48 | 58) => {
                    let wanted = match param.len() {
                        1 => separate(&mut params),
                        _ => joined(&param[1..]),
                    };
                    match (number, wanted) {
                        (38, Some(wanted)) => self.fg = wanted,
                        (48, Some(wanted)) => self.bg = wanted,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }
}

/// `38;5;N` and `38;2;R;G;B`.
fn separate<'p>(params: &mut impl Iterator<Item = &'p [u16]>) -> Option<Wanted> {
    let mut next = || params.next().and_then(|param| param.first()).and_then(|number| u8::try_from(*number).ok());
    match next()? {
        5 => next().map(Wanted::Index),
        2 => Some(Wanted::Rgb(next()?, next()?, next()?)),
        _ => None,
    }
}

/// `38:5:N`, `38:2:R:G:B` and, with the space of colours that nobody has, `38:2::R:G:B`.
fn joined(numbers: &[u16]) -> Option<Wanted> {
    let byte = |at: usize| numbers.get(at).and_then(|number| u8::try_from(*number).ok());
    match (numbers.first()?, numbers.len()) {
        (5, _) => byte(1).map(Wanted::Index),
        (2, 4) => Some(Wanted::Rgb(byte(1)?, byte(2)?, byte(3)?)),
        (2, _) => Some(Wanted::Rgb(byte(2)?, byte(3)?, byte(4)?)),
        _ => None,
    }
}

/// The sixteen are the terminal's own and stay so; of the others the nearest that there is.
fn reduced(wanted: Wanted, depth: Depth) -> Color {
    match (wanted, depth) {
        (Wanted::Default, _) | (_, Depth::Mono) => Color::Reset,
        (Wanted::Index(index @ 0..16), _) => color::ansi(index),
        (Wanted::Index(index), Depth::Indexed | Depth::True) => Color::Indexed(index),
        (Wanted::Index(index), Depth::Sixteen) => {
            let (r, g, b) = color::of_index(index);
            color::ansi(color::nearest_of_sixteen(r, g, b))
        }
        (Wanted::Rgb(r, g, b), Depth::True) => Color::Rgb(r, g, b),
        (Wanted::Rgb(r, g, b), Depth::Indexed) => Color::Indexed(color::nearest(r, g, b)),
        (Wanted::Rgb(r, g, b), Depth::Sixteen) => color::ansi(color::nearest_of_sixteen(r, g, b)),
    }
}
