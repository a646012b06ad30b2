//! Which columns a list shows: all of them, or those one chose, which are kept.

use super::effect::Effect;
use super::overlay::{Choice, Overlay};
use super::state::App;
use crate::console::model::columns::Shown;
use crate::console::screen::Screen;
use crate::console::theme::role::Role;
use crate::console::widget::palette::{Entry, Palette};
use std::collections::BTreeMap;

/// The file in the state folder.
pub const FILE: &str = "columns.toml";

/// The columns chosen for each list, by the list's name.
pub type Columns = BTreeMap<String, Vec<String>>;

/// The choices of a file.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Columns, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

fn to_text(columns: &Columns) -> String {
    // What JSON writes of names and lists of names is TOML as well.
    let line = |(list, names): (&String, &Vec<String>)| format!("{} = {}\n", serde_json::json!(list), serde_json::json!(names));
    columns.iter().map(line).collect()
}

/// The box in which columns are turned on and off; the cursor stands on the one of that place.
pub fn choose(app: &mut App, cursor: usize) {
    let Screen::List(list) = app.screen() else { return };
    let shown = list.shown_columns();
    let entries = list.columns().iter().map(|column| {
        let sign = if shown.contains(&column.title) { "●" } else { "○" };
        Entry {
            keys: sign.to_owned(),
            text: column.title.to_lowercase(),
            group: match column.shown {
                Shown::Always => "",
                Shown::From(_) => "where there is room",
                Shown::Asked => "wide",
            },
        }
    });
    let entries: Vec<Entry> =
        entries.chain([Entry { keys: " ".to_owned(), text: "as it was at first".to_owned(), group: "" }]).collect();
    let names = list.columns().iter().map(|column| column.title.to_lowercase().replace(' ', "-"));
    let choices = names.chain(["default".to_owned()]).map(|name| Choice::Command(format!("column {name}"))).collect();
    let mut palette = Palette::new("columns", entries);
    palette.cursor = cursor;
    app.overlay = Some(Overlay::Palette(palette, choices));
}

/// `:column node` turns a column on or off; `:column default` forgets the choice.
pub fn turn(app: &mut App, name: &str, out: &mut Vec<Effect>) {
    let Screen::List(list) = app.screen() else { return };
    let known = list.columns();
    let at = known.iter().position(|column| column.title.replace(' ', "-").eq_ignore_ascii_case(name));
    let list_name = list.name();
    if name == "default" {
        app.columns.remove(list_name);
    } else {
        let Some(at) = at else {
            let names: Vec<String> = known.iter().map(|column| column.title.to_lowercase().replace(' ', "-")).collect();
            return app.say(Role::Warn, format!("which column? {}", names.join(", ")));
        };
        let mut shown: Vec<&str> = list.shown_columns();
        let title = known[at].title;
        match shown.iter().position(|column| *column == title) {
            Some(_) if shown.len() == 1 => return app.say(Role::Warn, "a list has at least one column"),
            Some(place) => drop(shown.remove(place)),
            None => shown.push(title),
        }
        app.columns.insert(list_name.to_owned(), shown.into_iter().map(str::to_owned).collect());
    }
    out.push(Effect::Keep(FILE, to_text(&app.columns)));
    let was_open = at.unwrap_or(known.len());
    super::update::settle(app);
    choose(app, was_open);
}

#[cfg(test)]
mod tests {
    use super::{Columns, read, to_text};

    #[test]
    fn a_choice_is_read_as_it_was_written() {
        let columns = Columns::from([("pods".to_owned(), vec!["NAME".to_owned(), "LAST \"SEEN\"".to_owned()])]);
        assert_eq!(read(&to_text(&columns)), Ok(columns));
        assert!(read("x = 1").is_err());
    }
}
