//! A theme file: named colours, roles that use them, and the theme it inherits what it does not say.

use super::builtin;
use super::color::{named, nearest, rgb};
use super::role::Role;
use crate::console::term::caps::Depth;
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use std::collections::HashMap;

/// How deep files may inherit from one another.
const MAX_DEPTH: usize = 4;

/// What a theme file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The theme's name.
    pub name: String,
    /// A sentence for whoever chooses.
    #[serde(default)]
    pub about: String,
    inherit: Option<String>,
    #[serde(default)]
    colors: HashMap<String, Named>,
    #[serde(default)]
    roles: HashMap<Role, Look>,
}

/// `["#rrggbb", "name of the sixteen"]`; the name alone may be left out where the inherited colour has one.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Named {
    Both(String, String),
    Hex(String),
}

impl Named {
    fn hex(&self) -> &str {
        match self {
            Self::Both(hex, _) | Self::Hex(hex) => hex,
        }
    }

    fn sixteen(&self) -> Option<&str> {
        match self {
            Self::Both(_, name) => Some(name),
            Self::Hex(_) => None,
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
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

impl File {
    /// Reads a file, with what it inherits.
    ///
    /// # Errors
    /// Says what is wrong where.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_nested(text, 0)
    }

    fn parse_nested(text: &str, depth: usize) -> Result<Self, String> {
        let mut file: Self = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
        let Some(parent) = file.inherit.take() else { return Ok(file) };
        let known = || builtin::BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let text = builtin::find(&parent).filter(|_| depth < MAX_DEPTH);
        let text = text.ok_or_else(|| format!("cannot inherit \"{parent}\": the themes to inherit from are {}", known()))?;
        let parent = Self::parse_nested(text, depth + 1)?;
        for (name, inherited) in parent.colors {
            let color = match (file.colors.get(&name), inherited) {
                (None, inherited) => inherited,
                (Some(Named::Hex(hex)), Named::Both(_, sixteen)) => Named::Both(hex.clone(), sixteen),
                (Some(own), _) => own.clone(),
            };
            file.colors.insert(name, color);
        }
        for (role, look) in parent.roles {
            file.roles.entry(role).or_insert(look);
        }
        Ok(file)
    }

    /// The look of every role, in their order.
    ///
    /// # Errors
    /// Names the role that is missing or wrong.
    pub fn styles(&self, depth: Depth) -> Result<Vec<Style>, String> {
        let style = |role: &Role| {
            let look =
                self.roles.get(role).ok_or_else(|| format!("role {role:?} is missing; inherit = \"dark\" fills the gaps"))?;
            self.style(look, depth).map_err(|detail| format!("role {role:?}: {detail}"))
        };
        Role::ALL.iter().map(style).collect()
    }

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
        let color = self.colors.get(name).ok_or_else(|| format!("color \"{name}\" is not under [colors]"))?;
        let hex = color.hex();
        // The terminal's own, behind which its picture may be.
        if hex == "default" {
            return Ok(Color::Reset);
        }
        let (r, g, b) = rgb(hex).ok_or_else(|| format!("color \"{name}\": \"{hex}\" is not like #a1b2c3, nor default"))?;
        match depth {
            Depth::True => Ok(Color::Rgb(r, g, b)),
            Depth::Indexed => Ok(Color::Indexed(nearest(r, g, b))),
            Depth::Sixteen | Depth::Mono => {
                let sixteen = color.sixteen().ok_or_else(|| {
                    format!(
                        "color \"{name}\" has no name among the sixteen for terminals of few colors; write [\"{hex}\", \"blue\"]"
                    )
                })?;
                named(sixteen).ok_or_else(|| format!("color \"{name}\": no color is named \"{sixteen}\""))
            }
        }
    }
}
