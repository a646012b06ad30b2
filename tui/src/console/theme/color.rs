//! Colours by their hexadecimal and their plain names, and the nearest of the 256.

use ratatui::style::Color;

/// The parts of `#rrggbb`.
pub fn rgb(hex: &str) -> Option<(u8, u8, u8)> {
    let digits = hex.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some((byte(0)?, byte(2)?, byte(4)?))
}

/// The names of the sixteen, by their numbers.
const NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// The colour of that name among the sixteen.
pub fn named(name: &str) -> Option<Color> {
    if name == "default" {
        return Some(Color::Reset);
    }
    NAMES.iter().position(|known| *known == name).map(|index| ansi(index as u8))
}

/// The nearest of xterm's cube (16 to 231) and greys (232 to 255). The first sixteen are the user's own and unknown.
pub fn nearest(r: u8, g: u8, b: u8) -> u8 {
    let level = |value: u8| (0..6_u8).min_by_key(|at| LEVELS[usize::from(*at)].abs_diff(value)).unwrap_or(0);
    let cube = [level(r), level(g), level(b)];
    let cube_color = cube.map(|level| LEVELS[usize::from(level)]);
    let average = (u32::from(r) + u32::from(g) + u32::from(b)) / 3;
    let grey = (average.saturating_sub(3) / 10).min(23) as u8;
    let grey_value = 8 + 10 * grey;
    if distance((r, g, b), (grey_value, grey_value, grey_value)) < distance((r, g, b), cube_color.into()) {
        232 + grey
    } else {
        16 + 36 * cube[0] + 6 * cube[1] + cube[2]
    }
}

/// The steps of each part of xterm's cube.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// What xterm makes of the first sixteen, unless its user chose others.
const SIXTEEN: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// The parts of one of the 256.
pub fn of_index(index: u8) -> (u8, u8, u8) {
    match index {
        0..16 => SIXTEEN[usize::from(index)],
        16..232 => {
            let at = usize::from(index - 16);
            (LEVELS[at / 36], LEVELS[at / 6 % 6], LEVELS[at % 6])
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

/// One of the sixteen by its number.
pub const fn ansi(index: u8) -> Color {
    const NAMED: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    NAMED[(index % 16) as usize]
}

/// The nearest of the sixteen, as xterm has them.
pub fn nearest_of_sixteen(r: u8, g: u8, b: u8) -> u8 {
    (0..16_u8).min_by_key(|index| distance((r, g, b), SIXTEEN[usize::from(*index)])).unwrap_or(0)
}

/// How different two colours look, roughly: the eye sees green best.
fn distance((r, g, b): (u8, u8, u8), (cr, cg, cb): (u8, u8, u8)) -> u32 {
    let square = |one: u8, two: u8| u32::from(one.abs_diff(two)).pow(2);
    square(r, cr) * 3 + square(g, cg) * 4 + square(b, cb) * 2
}

#[cfg(test)]
mod tests {
    use super::{ansi, named, nearest, nearest_of_sixteen, of_index};

    #[test]
    fn colours_find_their_nearest_of_256() {
        assert_eq!(nearest(255, 0, 0), 196);
        assert_eq!(nearest(0, 0, 0), 16);
        assert_eq!(nearest(128, 128, 128), 244);
    }
    #[test]
    fn the_sixteen_and_the_256_are_xterms() {
        assert_eq!((of_index(196), of_index(232), of_index(255)), ((255, 0, 0), (8, 8, 8), (238, 238, 238)));
        for index in 16..=255 {
            let (r, g, b) = of_index(index);
            assert_eq!(of_index(nearest(r, g, b)), (r, g, b), "{index}");
        }
        assert_eq!((nearest_of_sixteen(250, 10, 10), nearest_of_sixteen(0, 0, 0)), (9, 0));
        assert_eq!((Some(ansi(1)), Some(ansi(15))), (named("red"), named("bright-white")));
    }
}
