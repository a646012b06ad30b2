//! Reads theme files: named colours, roles that use them, and a name of the sixteen for terminals that have no more.

use super::role::Role;
use crate::console::term::caps::Depth;
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::PathBuf;

/// The themes that are part of the program, by name.
pub const BUILT_IN: &[(&str, &str)] =
    &[("dark", include_str!("../../../../themes/dark.toml")), ("light", include_str!("../../../../themes/light.toml"))];
/// What is used where there are no colours.
const MONO: &str = include_str!("../../../../themes/mono.toml");

/// A look for every role.
#[derive(Debug, Clone)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: Vec<Style>,
    depth: Depth,
    /// Whether the terminal understands more than ASCII.
    pub is_unicode: bool,
}

/// Why a theme cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// There is no such theme and no such file.
    #[error("no theme \"{name}\": it is neither one of {known} nor a file that can be read")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The built-in ones.
        known: String,
        /// What the file system says.
        #[source]
        source: std::io::Error,
    },
    /// It is no theme.
    #[error("{path}: {detail}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong where.
        detail: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    colors: HashMap<String, Named>,
    roles: HashMap<Role, Look>,
}

/// `["#rrggbb", "name of the sixteen"]`.
#[derive(Debug, Deserialize)]
struct Named(String, String);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Look {
    fg: Option<String>,
    bg: Option<String>,
    line: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    reverse: bool,
}

impl Theme {
    /// The theme of that name, or in that file.
    ///
    /// # Errors
    /// Names what is missing or what is wrong in the file and where.
    pub fn load(name: &str, depth: Depth, is_unicode: bool) -> Result<Self, ThemeError> {
        if depth == Depth::Mono {
            return Self::parse("mono", MONO, depth, is_unicode).map(|theme| Self { name: name.to_owned(), ..theme });
        }
        if let Some((name, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse(name, text, depth, is_unicode);
        }
        let known = BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let text =
            std::fs::read_to_string(name).map_err(|source| ThemeError::Unknown { name: name.to_owned(), known, source })?;
        Self::parse(name, &text, depth, is_unicode)
    }

    fn parse(path: &str, text: &str, depth: Depth, is_unicode: bool) -> Result<Self, ThemeError> {
        let wrong = |detail: String| ThemeError::Syntax { path: PathBuf::from(path), detail };
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        let mut styles = Vec::with_capacity(Role::ALL.len());
        for role in Role::ALL {
            let style = match file.roles.get(role) {
                Some(look) => file.style(look, depth).map_err(|detail| wrong(format!("role {role:?}: {detail}")))?,
                None => return Err(wrong(format!("role {role:?} is missing"))),
            };
            styles.push(style);
        }
        Ok(Self { name: file.name, styles, depth, is_unicode })
    }

    /// The look of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The same theme family's next member, for trying them out.
    pub fn next_name(&self) -> &'static str {
        let at = BUILT_IN.iter().position(|(name, _)| *name == self.name).map_or(0, |at| at + 1);
        BUILT_IN[at % BUILT_IN.len()].0
    }

    /// How many colours it was made for.
    pub fn depth(&self) -> Depth {
        self.depth
    }
}

impl File {
    fn style(&self, look: &Look, depth: Depth) -> Result<Style, String> {
        let mut style = Style::default();
        if let Some(name) = &look.fg {
            style = style.fg(self.color(name, depth)?);
        }
        if let Some(name) = &look.bg {
            style = style.bg(self.color(name, depth)?);
        }
        // Underlines in colours are beyond what terminals of sixteen colours do.
        if let (Some(name), Depth::True | Depth::Indexed) = (&look.line, depth) {
            style = style.underline_color(self.color(name, depth)?);
        }
        let flags = [
            (look.bold, Modifier::BOLD),
            (look.dim, Modifier::DIM),
            (look.italic, Modifier::ITALIC),
            (look.underline, Modifier::UNDERLINED),
            (look.reverse, Modifier::REVERSED),
        ];
        Ok(flags.into_iter().filter(|(is_set, _)| *is_set).fold(style, |style, (_, modifier)| style.add_modifier(modifier)))
    }

    fn color(&self, name: &str, depth: Depth) -> Result<Color, String> {
        let Named(hex, sixteen) = self.colors.get(name).ok_or_else(|| format!("color \"{name}\" is not under [colors]"))?;
        let (r, g, b) = rgb(hex).ok_or_else(|| format!("color \"{name}\": \"{hex}\" is not like #a1b2c3"))?;
        match depth {
            Depth::True => Ok(Color::Rgb(r, g, b)),
            Depth::Indexed => Ok(Color::Indexed(nearest(r, g, b))),
            Depth::Sixteen | Depth::Mono => {
                named(sixteen).ok_or_else(|| format!("color \"{name}\": no color is named \"{sixteen}\""))
            }
        }
    }
}

fn rgb(hex: &str) -> Option<(u8, u8, u8)> {
    let digits = hex.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some((byte(0)?, byte(2)?, byte(4)?))
}

fn named(name: &str) -> Option<Color> {
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
fn nearest(r: u8, g: u8, b: u8) -> u8 {
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
    use super::{BUILT_IN, Theme, nearest};
    use crate::console::term::caps::Depth;
    use crate::console::theme::role::Role;
    use ratatui::style::{Color, Modifier};

    #[test]
    fn every_theme_has_every_role_at_every_depth() {
        for (name, _) in BUILT_IN {
            for depth in [Depth::True, Depth::Indexed, Depth::Sixteen, Depth::Mono] {
                if let Err(error) = Theme::load(name, depth, true) {
                    panic!("{name} at {depth:?}: {error}");
                }
            }
        }
    }

    #[test]
    fn without_colours_the_selection_is_still_to_be_seen() {
        let theme = Theme::load("dark", Depth::Mono, true).expect("it loads");
        for role in Role::ALL {
            let style = theme.style(*role);
            assert!(
                style.fg.unwrap_or_default() == Color::Reset && style.bg.unwrap_or_default() == Color::Reset,
                "{role:?} has a colour"
            );
        }
        for role in [Role::Selected, Role::MatchHere, Role::ButtonHere] {
            assert!(theme.style(role).add_modifier.intersects(Modifier::REVERSED | Modifier::UNDERLINED), "{role:?}");
        }
    }

    #[test]
    fn a_theme_that_is_wrong_says_where() {
        let missing = Theme::load("/nonexistent.toml", Depth::True, true).expect_err("no such file");
        assert!(missing.to_string().contains("dark, light"), "{missing}");
        let syntax =
            Theme::parse("x.toml", "name = 'x'\n[roles]\ntext = { fgg = 'x' }", Depth::True, true).expect_err("no such key");
        assert!(syntax.to_string().contains("line 3"), "{syntax}");
    }

    #[test]
    fn colours_find_their_nearest_of_256() {
        assert_eq!(nearest(255, 0, 0), 196);
        assert_eq!(nearest(0, 0, 0), 16);
        assert_eq!(nearest(128, 128, 128), 244);
    }
}
