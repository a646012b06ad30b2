//! What a console begins with: the user's own files, and the session that was cut off.

use super::draft::Draft;
use super::record::Own;
use crate::console::Options;
use crate::console::app::bookmarks;
use crate::console::app::columns;
use crate::console::app::rights::OnMachine;
use crate::console::app::session::{self, Offer};
use crate::console::app::state::App;
use crate::console::keys::file as keys_file;
use crate::console::keys::own as own_commands;
use crate::console::theme::load;
use crate::console::theme::role::Role;
use crate::settings;
use std::path::PathBuf;

/// The texts of the user's own files. Somebody without an account here has none.
fn own_texts(options: &Options) -> Own {
    if options.rights.on_machine == OnMachine::Nothing {
        return Own::default();
    }
    let read = |folder: Option<PathBuf>, name: &str| folder.and_then(|folder| std::fs::read_to_string(folder.join(name)).ok());
    Own {
        keys: read(settings::config_folder(), "keys.toml"),
        columns: read(settings::state_folder(), columns::FILE),
        bookmarks: read(settings::state_folder(), bookmarks::FILE),
        commands: read(settings::config_folder(), "commands.toml"),
    }
}

/// Takes over what the user's own files say. One that is wrong says so, and the console opens all the same.
pub fn take_own(app: &mut App, own: &Own) {
    if let Some(text) = &own.keys {
        let (keymap, problems) = keys_file::read(text);
        app.keys = keymap;
        if let Some(first) = problems.first() {
            app.say(Role::Bad, format!("keys.toml: {first}; `skiff keys check` shows all"));
        }
    }
    if let Some(text) = &own.commands {
        let (commands, problems) = own_commands::read(text);
        app.own_commands = commands;
        if let Some(first) = problems.first() {
            app.say(Role::Bad, format!("commands.toml: {first}; `skiff keys check` shows all"));
        }
    }
    match own.columns.as_deref().map(columns::read) {
        Some(Ok(columns)) => app.columns = columns,
        Some(Err(why)) => app.say(Role::Bad, format!("{}: {why}", columns::FILE)),
        None => {}
    }
    match own.bookmarks.as_deref().map(bookmarks::read) {
        Some(Ok(bookmarks)) => app.bookmarks = bookmarks,
        Some(Err(why)) => app.say(Role::Bad, format!("{}: {why}", bookmarks::FILE)),
        None => {}
    }
}

/// The rights, the user's own files, and the themes among them.
pub fn own_files(app: &mut App, options: &Options) -> Own {
    app.rights = options.rights;
    let own = own_texts(options);
    take_own(app, &own);
    if options.rights.on_machine == OnMachine::Everything {
        app.own_themes = load::own_names();
    }
    own
}

/// Takes over the session that was cut off, where there is one, or the text of one that was killed. The file for the text of this one, and
/// the session that is gone on with.
pub fn take_session(app: &mut App, options: &Options) -> Option<(Draft, Option<String>)> {
    let folder = settings::state_folder().filter(|_| options.rights.on_machine == OnMachine::Everything)?;
    let path = folder.join(session::FILE);
    if let Ok(text) = std::fs::read_to_string(&path) {
        let offer = session::offer(app, &text);
        if offer != Ok(Offer::Other) {
            // It is gone on with once; should this console be cut off as well, it is kept anew.
            let _ = std::fs::remove_file(path);
        }
        match offer {
            Ok(Offer::Taken) => return Some((Draft::new(&folder), Some(text))),
            Ok(Offer::Other) => {}
            Err(why) => app.say(Role::Bad, format!("{}: {why}", session::FILE)),
        }
    }
    let (mut draft, text) = Draft::find(&folder);
    let Some(text) = text else { return Some((draft, None)) };
    match session::offer(app, &text) {
        Ok(Offer::Taken) => {
            app.unsaved.found();
            return Some((draft, Some(text)));
        }
        // Another daemon's is for whoever goes there.
        Ok(Offer::Other) => draft.leave(),
        Err(why) => {
            draft.leave();
            app.say(Role::Bad, format!("a text that was kept cannot be read: {why}"));
        }
    }
    Some((Draft::new(&folder), None))
}
