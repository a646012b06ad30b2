//! Finds themes by name or file and makes looks of them, for as many colours as the terminal has.

use super::builtin::{self, MONO};
use super::file::File;
use super::glyph::Glyphs;
use super::role::Role;
use crate::console::term::caps::Depth;
use crate::settings;
use ratatui::style::Style;
use std::path::{Path, PathBuf};

pub use super::builtin::BUILT_IN;

/// A look for every role.
#[derive(Debug, Clone)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: Vec<Style>,
    depth: Depth,
    /// The signs that the terminal understands.
    pub glyphs: Glyphs,
}

/// Why a theme cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// There is no such theme and no such file.
    #[error("no theme \"{name}\": it is neither one of {known}, nor a file that can be read")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The ones there are.
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

impl Theme {
    /// The theme of that name, among the built-in ones or the user's own, or the one in that file.
    ///
    /// # Errors
    /// Names what is missing or what is wrong in the file and where.
    pub fn load(name: &str, depth: Depth, glyphs: Glyphs) -> Result<Self, ThemeError> {
        if depth == Depth::Mono {
            return Self::parse(Path::new("mono"), MONO, depth, glyphs).map(|theme| Self { name: name.to_owned(), ..theme });
        }
        if let Some(text) = builtin::find(name) {
            return Self::parse(Path::new(name), text, depth, glyphs);
        }
        let own = own_file(name).filter(|path| path.is_file());
        let is_own = own.is_some();
        let path = own.unwrap_or_else(|| PathBuf::from(name));
        let known = || BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).chain(own_names()).collect::<Vec<_>>().join(", ");
        let text = std::fs::read_to_string(&path).map_err(|source| ThemeError::Unknown {
            name: name.to_owned(),
            known: known(),
            source,
        })?;
        let theme = Self::parse(&path, &text, depth, glyphs)?;
        // The file's name is what finds it again.
        Ok(if is_own { Self { name: name.to_owned(), ..theme } } else { theme })
    }

    fn parse(path: &Path, text: &str, depth: Depth, glyphs: Glyphs) -> Result<Self, ThemeError> {
        let wrong = |detail: String| ThemeError::Syntax { path: path.to_owned(), detail };
        let file = File::parse(text).map_err(wrong)?;
        let styles = file.styles(depth).map_err(wrong)?;
        Ok(Self { name: file.name, styles, depth, glyphs })
    }

    /// The sentence that a theme says of itself.
    pub fn about(name: &str) -> String {
        let text = builtin::find(name).map(str::to_owned).or_else(|| std::fs::read_to_string(own_file(name)?).ok());
        text.and_then(|text| File::parse(&text).ok()).map(|file| file.about).unwrap_or_default()
    }

    /// The look of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// How many colours it was made for.
    pub fn depth(&self) -> Depth {
        self.depth
    }
}

/// `themes/NAME.toml` in the configuration folder.
fn own_file(name: &str) -> Option<PathBuf> {
    let is_name = !name.is_empty() && !name.contains(['/', '.']);
    settings::config_folder().filter(|_| is_name).map(|folder| folder.join("themes").join(format!("{name}.toml")))
}

/// The names of the user's own themes, in order.
pub fn own_names() -> Vec<String> {
    let Some(entries) = settings::config_folder().and_then(|folder| std::fs::read_dir(folder.join("themes")).ok()) else {
        return Vec::new();
    };
    let files = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let mut names: Vec<String> = files.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.retain(|name| builtin::find(name).is_none());
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, Theme};
    use crate::console::term::caps::Depth;
    use crate::console::theme::glyph::Glyphs;
    use crate::console::theme::role::Role;
    use ratatui::style::{Color, Modifier};
    use std::path::Path;

    fn parse(text: &str) -> Result<Theme, String> {
        Theme::parse(Path::new("x.toml"), text, Depth::Sixteen, Glyphs::Unicode).map_err(|error| error.to_string())
    }

    #[test]
    fn every_theme_has_every_role_at_every_depth() {
        for (name, _) in BUILT_IN {
            for depth in [Depth::True, Depth::Indexed, Depth::Sixteen, Depth::Mono] {
                match Theme::load(name, depth, Glyphs::Unicode) {
                    Ok(theme) => assert_eq!(theme.name, *name),
                    Err(error) => panic!("{name} at {depth:?}: {error}"),
                }
            }
        }
    }

    #[test]
    fn without_colours_the_selection_is_still_to_be_seen() {
        let theme = Theme::load("dark", Depth::Mono, Glyphs::Unicode).expect("it loads");
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
    fn the_terminals_own_colour_is_one() {
        let text = "name = 'x'\ninherit = 'dark'\n[colors]\nbase = 'default'";
        for depth in [Depth::True, Depth::Indexed, Depth::Sixteen] {
            let theme = Theme::parse(Path::new("x.toml"), text, depth, Glyphs::Unicode).expect("it reads");
            assert_eq!(theme.style(Role::Text).bg, Some(Color::Reset), "{depth:?}");
        }
    }

    #[test]
    fn a_theme_that_is_wrong_says_where() {
        let missing = Theme::load("/nonexistent.toml", Depth::True, Glyphs::Unicode).expect_err("no such file");
        assert!(missing.to_string().contains("dark, light"), "{missing}");
        let wrong = |text: &str| parse(text).expect_err("it is wrong");
        assert!(wrong("name = 'x'\n[roles]\ntext = { fgg = 'x' }").contains("line 3"));
        assert!(wrong("name = 'x'\ninherit = 'drak'").contains("the themes to inherit from are dark, light"));
        assert!(wrong("name = 'x'\n[roles]\ntext = {}").contains("is missing; inherit"));
        assert!(wrong("name = 'x'\ninherit = 'dark'\n[colors]\nsea = 'blue'").contains("\"blue\" is not like #a1b2c3"));
        assert!(
            wrong("name = 'x'\ninherit = 'dark'\n[colors]\nnew = '#ffffff'\n[roles]\nok = { fg = 'new' }")
                .contains("[\"#ffffff\"")
        );
    }

    #[test]
    fn a_theme_of_ones_own_needs_to_say_only_what_differs() {
        let theme = parse("name = 'x'\ninherit = 'nord'\n[colors]\nleaf = ['#00ff00', 'bright-green']").expect("a theme");
        assert_eq!(theme.style(Role::Ok).fg, Some(Color::LightGreen));
        assert_eq!(theme.style(Role::Bad).fg, Some(Color::LightRed), "as the theme has it that nord inherits");
    }
}
