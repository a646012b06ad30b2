//! Changes the looks: by name, to the next one, or by choosing among all while each is shown.

use super::overlay::{Choice, Overlay};
use super::state::App;
use crate::console::term::input::Shade;
use crate::console::theme::load::{BUILT_IN, Theme};
use crate::console::theme::role::Role;
use crate::console::widget::palette::{Entry, Palette};

/// Who chose the looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThemeFrom {
    /// The user, by name.
    User,
    /// Nobody: they are dark or light as the terminal is.
    Terminal,
}

/// Every theme's name, the built-in ones first.
pub fn names(app: &App) -> Vec<String> {
    BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).chain(app.own_themes.iter().cloned()).collect()
}

/// Changes to another theme, and says so.
pub fn set(app: &mut App, name: &str) {
    app.theme_before = None;
    match Theme::load(name, app.theme.depth(), app.theme.glyphs) {
        Ok(theme) => {
            app.say(Role::Ok, format!("theme {0}; theme = \"{0}\" in config.toml keeps it", theme.name));
            (app.theme, app.theme_from) = (theme, ThemeFrom::User);
        }
        Err(error) => app.say(Role::Bad, error.to_string()),
    }
}

/// Takes over what the terminal says of its background, where nobody chose the looks.
pub fn follow(app: &mut App, background: Shade) {
    let name = match background {
        Shade::Dark => "dark",
        Shade::Light => "light",
    };
    // While one chooses, it is the theme to come back to that follows.
    let theme = app.theme_before.as_deref_mut().unwrap_or(&mut app.theme);
    if app.theme_from == ThemeFrom::Terminal
        && theme.name != name
        && let Ok(other) = Theme::load(name, theme.depth(), theme.glyphs)
    {
        *theme = other;
    }
}

/// Changes to the theme after this one.
pub fn next(app: &mut App) {
    let names = names(app);
    let here = names.iter().position(|name| *name == app.theme.name).map_or(0, |at| at + 1);
    set(app, &names[here % names.len()]);
}

/// Opens the box of all themes.
pub fn choose(app: &mut App) {
    let names = names(app);
    let here = names.iter().position(|name| *name == app.theme.name).unwrap_or(0);
    let entry = |name: &String| Entry {
        keys: name.clone(),
        text: Theme::about(name),
        group: if BUILT_IN.iter().any(|(known, _)| known == name) { "" } else { "own" },
    };
    let mut palette = Palette::new("themes", names.iter().map(entry).collect());
    palette.cursor = here;
    app.theme_before = Some(Box::new(app.theme.clone()));
    app.overlay = Some(Overlay::Palette(palette, names.into_iter().map(Choice::Theme).collect()));
}

/// Shows the theme one stands on. A file of the user's own that is wrong says so when it is chosen.
pub fn preview(app: &mut App, choice: Option<&Choice>) {
    if let Some(Choice::Theme(name)) = choice
        && *name != app.theme.name
        && let Ok(theme) = Theme::load(name, app.theme.depth(), app.theme.glyphs)
    {
        app.theme = theme;
    }
}

/// The box is closed without a choice: the looks from before come back.
pub fn leave(app: &mut App) {
    if let Some(before) = app.theme_before.take() {
        app.theme = *before;
    }
}
