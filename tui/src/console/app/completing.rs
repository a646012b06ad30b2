//! Completes fields and values in the editor, as the API's schema has them.

use super::overlay::{Choice, Overlay};
use super::state::App;
use crate::console::keys::key::Key;
use crate::console::model::schema::{self, Place};
use crate::console::screen::Screen;
use crate::console::theme::role::Role;
use crate::console::widget::palette::{Entry, Palette};
use crossterm::event::KeyCode;
use objects::explain::FieldDoc;

/// What Tab does: completes what is typed, and indents where nothing is.
pub fn complete_or_indent(app: &mut App) {
    let Screen::Edit(edit) = app.screen_mut() else { return };
    let (row, column) = edit.editor.cursor();
    let line = edit.editor.line(row);
    let before: String = line.chars().take(column).collect();
    let is_typed = !before.trim_start_matches(['-', ' ']).is_empty() && line.chars().skip(column).all(char::is_whitespace);
    if is_typed {
        return complete(app);
    }
    edit.editor.input(Key { code: KeyCode::Tab, ctrl: false, alt: false });
    edit.answer = None;
    edit.check();
}

/// Offers what may stand at the cursor; puts it in where there is one only.
pub fn complete(app: &mut App) {
    let Screen::Edit(edit) = app.screen_mut() else { return };
    let (row, column) = edit.editor.cursor();
    let Some(place) = schema::place(&edit.editor.lines(), row, column) else {
        app.say(Role::Dim, "no kind is known here; begin with apiVersion and kind");
        return;
    };
    let found = place.completions();
    match found.as_slice() {
        [] => app.say(Role::Dim, "nothing known begins like that"),
        [(word, doc)] => {
            let text = rest(&place, word, doc, column);
            insert(app, &text);
        }
        _ => {
            let entry = |(word, doc): &(String, FieldDoc)| Entry {
                keys: word.clone(),
                text: format!(
                    "{}{}  {}",
                    doc.type_name,
                    if doc.is_required { " (required)" } else { "" },
                    first_sentence(&doc.description)
                ),
                group: "",
            };
            let palette = Palette::new("fields", found.iter().map(entry).collect());
            let choices = found.iter().map(|(word, doc)| Choice::Insert(rest(&place, word, doc, column))).collect();
            app.overlay = Some(Overlay::Palette(palette, choices));
        }
    }
}

/// Puts a text in at the end of the line one is on.
pub fn insert(app: &mut App, text: &str) {
    let Screen::Edit(edit) = app.screen_mut() else { return };
    edit.editor.go_to_line_end();
    edit.editor.paste(text);
    edit.answer = None;
    edit.check();
}

/// What is still to be typed of a word, with what has to follow a field.
fn rest(place: &Place, word: &str, doc: &FieldDoc, column: usize) -> String {
    if let Some(value) = &place.value {
        let gap = if value.is_empty() { " " } else { "" };
        return format!("{gap}{}", word.strip_prefix(value.as_str()).unwrap_or(word));
    }
    let typed = word.strip_prefix(place.key.as_str()).unwrap_or(word);
    let indent = " ".repeat(column.saturating_sub(place.key.chars().count()));
    match doc.type_name.as_str() {
        list if list.starts_with("[]") => format!("{typed}:\n{indent}- "),
        map if map.starts_with("map[") || doc.has_children => format!("{typed}:\n{indent}  "),
        _ => format!("{typed}: "),
    }
}

/// The first sentence of a description.
pub fn first_sentence(description: &str) -> &str {
    let line = description.lines().next().unwrap_or_default();
    line.find(". ").map_or(line, |end| &line[..=end])
}
