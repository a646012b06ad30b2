//! A table of the themes that are part of the program.

/// The name of a theme and its file.
pub type Named = (&'static str, &'static str);

/// All of them, in the order in which they are offered.
pub const BUILT_IN: &[Named] = &[
    ("dark", include_str!("../../../../themes/dark.toml")),
    ("light", include_str!("../../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../../themes/high-contrast.toml")),
    ("high-contrast-light", include_str!("../../../../themes/high-contrast-light.toml")),
    ("color-blind", include_str!("../../../../themes/color-blind.toml")),
    ("color-blind-light", include_str!("../../../../themes/color-blind-light.toml")),
    ("catppuccin", include_str!("../../../../themes/catppuccin.toml")),
    ("dracula", include_str!("../../../../themes/dracula.toml")),
    ("gruvbox", include_str!("../../../../themes/gruvbox.toml")),
    ("nord", include_str!("../../../../themes/nord.toml")),
    ("solarized-dark", include_str!("../../../../themes/solarized-dark.toml")),
    ("solarized-light", include_str!("../../../../themes/solarized-light.toml")),
    ("tokyo-night", include_str!("../../../../themes/tokyo-night.toml")),
];

/// What is used where there are no colours.
pub const MONO: &str = include_str!("../../../../themes/mono.toml");

/// The file of a built-in theme.
pub fn find(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::BUILT_IN;
    use crate::console::term::caps::Depth;
    use crate::console::theme::glyph::Glyphs;
    use crate::console::theme::load::Theme;
    use crate::console::theme::role::Role;
    use ratatui::style::Color;

    type Rgb = [f64; 3];

    /// Between 0 and 1 and linear, as the eye adds light up.
    fn linear(color: Color) -> Rgb {
        let Color::Rgb(r, g, b) = color else { panic!("{color:?} is no true colour") };
        [r, g, b].map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn luminance([r, g, b]: Rgb) -> f64 {
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// The contrast of WCAG 2.2, from 1 to 21.
    fn contrast(one: Rgb, two: Rgb) -> f64 {
        let (one, two) = (luminance(one), luminance(two));
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    fn theme(name: &str) -> Theme {
        Theme::load(name, Depth::True, Glyphs::Unicode).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn pair(theme: &Theme, role: Role) -> (Rgb, Rgb) {
        let style = theme.style(Role::Text).patch(theme.style(role));
        (linear(style.fg.expect("a colour")), linear(style.bg.expect("a background")))
    }

    #[test]
    fn every_theme_can_be_read() {
        use Role::{
            Accent, Bad, Bar, BarDim, Border, Brand, Busy, Button, ButtonHere, Danger, Dim, Done, Faint, Field, Ghost, Gutter,
            Heading, HeadingHere, Hint, Key, Marked, Match, MatchHere, Ok, Popup, Selected, Stale, Text, Warn, YamlComment,
            YamlKey, YamlMark, YamlNumber, YamlText, YamlWord,
        };
        let strong = [
            Text,
            Selected,
            Popup,
            Field,
            ButtonHere,
            MatchHere,
            Match,
            Accent,
            Brand,
            Bar,
            BarDim,
            Ok,
            Busy,
            Warn,
            Bad,
            Key,
            Hint,
            Dim,
            HeadingHere,
            Marked,
            YamlKey,
            YamlText,
            YamlNumber,
            YamlWord,
        ];
        let middle = [Done, Stale, Heading, YamlComment, Button, Danger, Gutter, Ghost];
        // Lines and signs; no words.
        let weak = [Faint, YamlMark, Border];
        for (name, _) in BUILT_IN {
            let (theme, is_high) = (theme(name), name.starts_with("high-contrast"));
            for (roles, least, high) in [(&strong[..], 4.5, 7.0), (&middle[..], 3.5, 7.0), (&weak[..], 2.0, 4.5)] {
                let least = if is_high { high } else { least };
                for role in roles {
                    let (fg, bg) = pair(&theme, *role);
                    assert!(contrast(fg, bg) >= least, "{name}: {role:?} has {:.2}, and {least} is the least", contrast(fg, bg));
                }
            }
            let row = pair(&theme, Selected).1;
            for role in [Ok, Busy, Warn, Bad, Done, Stale] {
                let (fg, _) = pair(&theme, role);
                assert!(contrast(fg, row) >= 2.9, "{name}: {role:?} on the row one stands on has {:.2}", contrast(fg, row));
            }
        }
    }

    /// The sixteen as xterm has them out of the box.
    fn xterm(color: Color) -> Option<Rgb> {
        let [r, g, b] = match color {
            Color::Black => [0, 0, 0],
            Color::Red => [205, 0, 0],
            Color::Green => [0, 205, 0],
            Color::Yellow => [205, 205, 0],
            Color::Blue => [0, 0, 238],
            Color::Magenta => [205, 0, 205],
            Color::Cyan => [0, 205, 205],
            Color::Gray => [229, 229, 229],
            Color::DarkGray => [127, 127, 127],
            Color::LightRed => [255, 0, 0],
            Color::LightGreen => [0, 255, 0],
            Color::LightYellow => [255, 255, 0],
            Color::LightBlue => [92, 92, 255],
            Color::LightMagenta => [255, 0, 255],
            Color::LightCyan => [0, 255, 255],
            Color::White => [255, 255, 255],
            _ => return None,
        };
        Some(linear(Color::Rgb(r, g, b)))
    }

    #[test]
    fn what_has_a_background_of_its_own_can_be_read_in_sixteen_colours() {
        use Role::{ButtonHere, Field, Match, MatchHere, Selected};
        for (name, _) in BUILT_IN {
            let theme = Theme::load(name, Depth::Sixteen, Glyphs::Unicode).unwrap_or_else(|error| panic!("{name}: {error}"));
            for role in [Selected, Match, MatchHere, ButtonHere, Field] {
                let style = theme.style(role);
                let (Some(fg), Some(bg)) = (style.fg.and_then(xterm), style.bg.and_then(xterm)) else { continue };
                assert!(contrast(fg, bg) >= 3.0, "{name}: {role:?} has {:.2}: {style:?}", contrast(fg, bg));
            }
            assert_ne!(theme.style(Match).bg, theme.style(MatchHere).bg, "{name}: the match one stands on is another one");
        }
    }

    /// How someone without one kind of cones sees a colour (Viénot, Brettel and Mollon 1999; linear light).
    const BLINDNESS: [(&str, [[f64; 3]; 3]); 3] = [
        ("protanopia", [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]]),
        ("deuteranopia", [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]),
        ("tritanopia", [[1.0, 0.14461, -0.14461], [0.0, 0.85924, 0.14076], [0.0, 0.85924, 0.14076]]),
    ];

    fn seen(color: Rgb, matrix: &[[f64; 3]; 3]) -> Rgb {
        matrix.map(|row| row.iter().zip(color).map(|(weight, part)| weight * part).sum::<f64>().clamp(0.0, 1.0))
    }

    /// How far two colours are apart for the eye: in Oklab, where black and white are 1 apart.
    fn distance(one: Rgb, two: Rgb) -> f64 {
        let lab = |[r, g, b]: Rgb| {
            let l = (0.412_221 * r + 0.536_333 * g + 0.051_446 * b).cbrt();
            let m = (0.211_903 * r + 0.680_700 * g + 0.107_397 * b).cbrt();
            let s = (0.088_302 * r + 0.281_719 * g + 0.629_979 * b).cbrt();
            [
                0.210_454 * l + 0.793_618 * m - 0.004_072 * s,
                1.977_998 * l - 2.428_592 * m + 0.450_594 * s,
                0.025_904 * l + 0.782_772 * m - 0.808_676 * s,
            ]
        };
        lab(one).into_iter().zip(lab(two)).map(|(one, two)| (one - two).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn states_are_told_apart_without_one_kind_of_cones() {
        for name in ["color-blind", "color-blind-light"] {
            let theme = theme(name);
            for (blindness, matrix) in &BLINDNESS {
                let of = |role| seen(pair(&theme, role).0, matrix);
                for (one, two) in [(Role::Ok, Role::Bad), (Role::Ok, Role::Warn), (Role::Warn, Role::Bad)] {
                    let distance = distance(of(one), of(two));
                    assert!(distance > 0.08, "{name}, {blindness}: {one:?} and {two:?} are {distance:.3} apart");
                }
            }
        }
    }
}
