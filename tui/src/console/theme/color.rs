//! Colours by their hexadecimal and their plain names, and the nearest of the 256.

use ratatui::style::Color;

/// The parts of `#rrggbb`.
pub fn rgb(hex: &str) -> Option<(u8, u8, u8)> {
    let digits = hex.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some((byte(0)?, byte(2)?, byte(4)?))
}

/// The colour of that name among the sixteen.
pub fn named(name: &str) -> Option<Color> {
    Some(match name {
        "default" => Color::Reset,
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "white" => Color::Gray,
        "bright-black" => Color::DarkGray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        "bright-white" => Color::White,
        _ => return None,
    })
}

/// The nearest of xterm's cube (16 to 231) and greys (232 to 255). The first sixteen are the user's own and unknown.
pub fn nearest(r: u8, g: u8, b: u8) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |value: u8| (0..6_u8).min_by_key(|at| LEVELS[usize::from(*at)].abs_diff(value)).unwrap_or(0);
    let distance = |(cr, cg, cb): (u8, u8, u8)| {
        let square = |one: u8, two: u8| u32::from(one.abs_diff(two)).pow(2);
        square(r, cr) * 3 + square(g, cg) * 4 + square(b, cb) * 2
    };
    let cube = [level(r), level(g), level(b)];
    let cube_color = cube.map(|level| LEVELS[usize::from(level)]);
    let average = (u32::from(r) + u32::from(g) + u32::from(b)) / 3;
    let grey = (average.saturating_sub(3) / 10).min(23) as u8;
    let grey_value = 8 + 10 * grey;
    if distance((grey_value, grey_value, grey_value)) < distance(cube_color.into()) {
        232 + grey
    } else {
        16 + 36 * cube[0] + 6 * cube[1] + cube[2]
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn colours_find_their_nearest_of_256() {
        assert_eq!(nearest(255, 0, 0), 196);
        assert_eq!(nearest(0, 0, 0), 16);
        assert_eq!(nearest(128, 128, 128), 244);
    }
}
