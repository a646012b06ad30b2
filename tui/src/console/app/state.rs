//! All the console knows.

use super::bookmarks::{Bookmarks, Letter};
use super::columns::Columns;
use super::copying::Copying;
use super::cordoning::Scheduling;
use super::draining::Drain;
use super::forwarding::Forwarding;
use super::images::Pull;
use super::metering::Metering;
use super::overlay::Overlay;
use super::recreating::Recreating;
use super::rights::Rights;
use super::scaling::Change;
use super::session::Session;
use super::theming::ThemeFrom;
use super::travel::{Travel, Wanted};
use super::undoing::Done;
use super::unsaved::Unsaved;
use crate::console::keys::key::Key;
use crate::console::keys::map::Keymap;
use crate::console::keys::own::OwnCommands;
use crate::console::link::Standing;
use crate::console::model::cluster::Cluster;
use crate::console::model::namespaces::Namespaces;
use crate::console::model::row;
use crate::console::model::store::Store;
use crate::console::screen::Screen;
use crate::console::screen::list::{List, Source};
use crate::console::screen::pane::Pane;
use crate::console::theme::load::Theme;
use crate::console::theme::role::Role;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;
use std::collections::HashMap;
use std::time::Duration;

/// The state of the console.
#[derive(Debug)]
pub struct App {
    /// The time of the last message.
    pub now: Timestamp,
    /// The zone that times are told in.
    pub zone: TimeZone,
    /// The window: columns and rows.
    pub size: (u16, u16),
    /// All rows.
    pub store: Store,
    /// The looks.
    pub theme: Theme,
    /// The daemon's address, for messages.
    pub address: String,
    /// How the link stands.
    pub standing: Standing,
    /// Since when it stands so.
    pub standing_since: Timestamp,
    /// The node we are connected to, or were.
    pub node: String,
    /// How long the last question took.
    pub round_trip: Option<Duration>,
    /// The members of the cluster.
    pub cluster: Cluster,
    /// When was asked what is used.
    pub metering: Metering,
    /// Whether lines are printed and nothing is drawn.
    pub prints_lines: bool,
    /// The namespaces that lists begin with.
    pub namespaces: Namespaces,
    /// The screens one went through; the last one is shown.
    pub screens: Vec<Screen>,
    /// The screens one came back from.
    pub later: Vec<Screen>,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// Keys that wait for more keys.
    pub pending: Vec<Key>,
    /// The number typed before a key.
    pub count: Option<usize>,
    /// What was said last, until when.
    pub toast: Option<Toast>,
    /// A session that was cut off and is to be gone on with.
    pub resuming: Option<Session>,
    /// What is kept of text that exists nowhere else.
    pub unsaved: Unsaved,
    /// Where in the past one is.
    pub travel: Option<Travel>,
    /// The columns chosen for each list.
    pub columns: Columns,
    /// What was done and can be taken back.
    pub done: Vec<Done>,
    /// Objects that are made again once they are gone.
    pub returning: Vec<(Kind, row::Key, serde_json::Value)>,
    /// Nodes that are being drained.
    pub drains: Vec<Drain>,
    /// Pulls under way.
    pub pulls: Vec<Pull>,
    /// The port-forwards, the oldest first.
    pub forwards: Vec<Forwarding>,
    /// The programs that have a pane, the oldest first.
    pub panes: Vec<Pane>,
    /// Copies under way.
    pub copies: Vec<Copying>,
    /// Whether the mouse is ours, and not the terminal's.
    pub has_mouse: bool,
    /// Where the mouse was pressed, and how far it was dragged.
    pub pressed: Option<Pressed>,
    /// Objects that are deleted and made again from an edited manifest.
    pub recreating: Vec<Recreating>,
    /// The kinds that are watched.
    pub watched: Vec<Kind>,
    /// The kinds that we may not watch, and why.
    pub refused: Vec<(Kind, String)>,
    /// A command that waits until a kind's objects are known.
    pub waiting: Option<(Kind, String)>,
    /// When the images were asked for last.
    pub images_at: Option<Timestamp>,
    /// What each question was about.
    pub asked: HashMap<u32, Asked>,
    /// Commands typed, the newest last.
    pub commands: Vec<String>,
    /// The number of the last question.
    pub last_id: u32,
    /// What keys do.
    pub keys: Keymap,
    /// Commands of the user's own.
    pub own_commands: OwnCommands,
    /// What this console may do.
    pub rights: Rights,
    /// Screens remembered under letters.
    pub bookmarks: Bookmarks,
    /// What the next letter is for, where it is for something else than an action.
    pub awaits: Option<Letter>,
    /// The user's own themes, by name.
    pub own_themes: Vec<String>,
    /// Who chose the looks.
    pub theme_from: ThemeFrom,
    /// The looks before one began to choose others.
    pub theme_before: Option<Box<Theme>>,
}

/// A button of the mouse that is held, or what was marked with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressed {
    /// The place where it was pressed.
    pub from: (u16, u16),
    /// The place it was dragged to.
    pub to: Option<(u16, u16)>,
}

/// Something said at the bottom for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// What.
    pub text: String,
    /// How it is meant.
    pub role: Role,
    /// Until when.
    pub until: Timestamp,
}

/// What a question to the daemon was about.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// The deletion of an object, with what it was.
    Delete(Kind, row::Key, Option<Box<serde_json::Value>>),
    /// An object that is made again.
    Create(Kind, row::Key),
    /// A step of making an object again from an edited manifest.
    Recreate,
    /// The past, and what for.
    Past(Wanted),
    /// The images of a node.
    Images(String),
    /// Something done with images of a node: the node, and what.
    ImageWork(String, String),
    /// The change of something that makes pods.
    Change(Kind, row::Key, Change),
    /// The cordoning of a node.
    Cordon(row::Key, Scheduling),
    /// The members of the cluster.
    Members,
    /// What a node and its pods use, or all of them.
    Usage(Option<String>),
    /// Something that a board wants to know, which knows the number itself.
    Board,
    /// The newer object that a manifest is merged with.
    Newer,
    /// A step of an editor, which knows its number itself.
    Edit,
}

/// How long something is said.
const TOAST: SignedDuration = SignedDuration::from_secs(5);
/// What failed is said longer.
const LONG_TOAST: SignedDuration = SignedDuration::from_secs(10);
/// The most screens one can go back through.
const MAX_SCREENS: usize = 32;

impl App {
    /// The console at its start: the list of pods.
    pub fn new(now: Timestamp, size: (u16, u16), theme: Theme, namespaces: Namespaces, address: String) -> Self {
        let mut list = List::of(Kind::Pod, namespaces.clone());
        list.is_root = true;
        Self {
            now,
            zone: TimeZone::UTC,
            size,
            store: Store::default(),
            theme,
            address,
            standing: Standing::Connecting { error: None },
            standing_since: now,
            node: String::new(),
            round_trip: None,
            cluster: Cluster::default(),
            metering: Metering::default(),
            prints_lines: false,
            namespaces,
            screens: vec![Screen::List(Box::new(list))],
            later: Vec::new(),
            overlay: None,
            pending: Vec::new(),
            count: None,
            toast: None,
            resuming: None,
            unsaved: Unsaved::default(),
            travel: None,
            columns: Columns::new(),
            done: Vec::new(),
            returning: Vec::new(),
            drains: Vec::new(),
            pulls: Vec::new(),
            forwards: Vec::new(),
            has_mouse: false,
            pressed: None,
            recreating: Vec::new(),
            watched: super::kinds::ALWAYS.to_vec(),
            refused: Vec::new(),
            waiting: None,
            copies: Vec::new(),
            panes: Vec::new(),
            images_at: None,
            asked: HashMap::new(),
            commands: Vec::new(),
            last_id: 0,
            keys: Keymap::default(),
            own_commands: OwnCommands::new(),
            rights: Rights::default(),
            bookmarks: Bookmarks::new(),
            awaits: None,
            own_themes: Vec::new(),
            theme_from: ThemeFrom::User,
            theme_before: None,
        }
    }

    /// The screen that is shown.
    pub fn screen(&self) -> &Screen {
        self.screens.last().expect("the first screen is never closed")
    }

    /// The screen that is shown, to change it.
    pub fn screen_mut(&mut self) -> &mut Screen {
        self.screens.last_mut().expect("the first screen is never closed")
    }

    /// The lists of that source are made anew when they are looked at.
    pub fn invalidate(&mut self, source: &Source) {
        for screen in &mut self.screens {
            if let Screen::List(list) = screen
                && list.source == *source
            {
                list.invalidate();
            }
        }
    }

    /// Goes on to another screen. What one came back from before is forgotten, but for manifests nobody saved.
    pub fn push(&mut self, screen: Screen) {
        self.later.clear();
        self.screens.push(screen);
        if self.screens.len() > MAX_SCREENS {
            // An editor is closed by its user and nobody else.
            if let Some(at) = self.screens.iter().position(|screen| !matches!(screen, Screen::Edit(_))) {
                self.screens.remove(at);
            }
        }
    }

    /// Says something at the bottom for a while.
    pub fn say(&mut self, role: Role, text: impl Into<String>) {
        let long = if role == Role::Bad { LONG_TOAST } else { TOAST };
        let text = crate::console::base::text::clean(&text.into().replace('\n', " "));
        self.toast = Some(Toast { text, role, until: self.now.saturating_add(long).unwrap_or(self.now) });
    }

    /// A number for the next question.
    pub fn next_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    /// Whether the daemon tells us of changes at this moment.
    pub fn is_live(&self) -> bool {
        matches!(self.standing, Standing::Live { .. })
    }

    /// The columns and rows between the lines at the top and the bottom.
    pub fn body(&self) -> (u16, u16) {
        (self.size.0, self.size.1.saturating_sub(3))
    }
}
