//! Which keys count on which screen, and what a line feed is there.

use super::overlay::Overlay;
use super::state::App;
use crate::console::keys::key::Key;
use crate::console::keys::map::Meaning;
use crate::console::keys::table::Place;
use crate::console::screen::Screen;
use crate::console::screen::board::Topic;
use crate::console::screen::list::Source;
use crate::console::screen::pane::Pane;
use objects::Kind;

impl App {
    /// Where keys count now, the narrowest first.
    pub fn places(&self) -> &'static [Place] {
        match self.screen() {
            Screen::List(list) => match &list.source {
                Source::Kind(Kind::Pod) => &[Place::Pods, Place::Objects, Place::List, Place::Any],
                Source::Kind(Kind::ReplicaSet | Kind::Deployment) => &[Place::Workloads, Place::Objects, Place::List, Place::Any],
                Source::Kind(Kind::Service) => &[Place::Services, Place::Objects, Place::List, Place::Any],
                Source::Kind(Kind::Node) => &[Place::Nodes, Place::Objects, Place::List, Place::Any],
                Source::Kind(Kind::Event) => &[Place::Events, Place::Objects, Place::List, Place::Any],
                Source::Kind(_) => &[Place::Objects, Place::List, Place::Any],
                Source::Containers(_) | Source::Volumes => &[Place::Pods, Place::List, Place::Any],
                Source::Shells => &[Place::Shells, Place::List, Place::Any],
                Source::Forwards => &[Place::Forwards, Place::List, Place::Any],
                Source::Images => &[Place::Images, Place::List, Place::Any],
            },
            Screen::Board(board) if matches!(board.topic, Topic::Map(_)) => &[Place::Board, Place::Any],
            Screen::Board(_) => &[Place::PodBoard, Place::Board, Place::Any],
            Screen::Reader(_) => &[Place::Object, Place::Text, Place::Any],
            Screen::Log(_) => &[Place::Log, Place::Text, Place::Any],
            Screen::Edit(_) => &[Place::Editor],
            Screen::Pane(_) if self.pane().is_some_and(Pane::has_keys) => &[Place::Pane],
            Screen::Pane(_) => &[Place::PaneText, Place::Any],
        }
    }
    /// The key that is meant: what is typed before the terminal is in raw mode comes with line feeds in the place of Enter. Such a
    /// one is Enter where it is no key of the table (or of a keys file), and not the next line of a box to choose from.
    pub fn meant(&self, key: Key) -> Key {
        let is_its_own = || match &self.overlay {
            Some(Overlay::Palette(..)) => true,
            Some(_) => false,
            None => {
                let keys = [self.pending.as_slice(), &[key]].concat();
                self.keys.look_up(self.places(), &keys) != Meaning::Nothing
            }
        };
        if key == Key::LINE_FEED && !is_its_own() { Key::ENTER } else { key }
    }
}
