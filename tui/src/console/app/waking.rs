//! When the state is to be looked at though nothing happens: labels that count time, questions that are due, text to be kept.

use super::members;
use super::state::App;
use crate::console::base::age;
use crate::console::link::Standing;
use crate::console::model::row;
use crate::console::screen::Screen;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;

impl App {
    /// When the picture changes though nothing happens; `None` is never.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let after = |seconds: i64| self.now.saturating_add(SignedDuration::from_secs(seconds)).ok();
        let labels = match self.screen() {
            // The past does not grow older.
            _ if self.travel.is_some() => None,
            Screen::List(list) => list.next_change(&self.store, self.now),
            Screen::Reader(reader) => self.next_change_of(reader),
            _ => None,
        };
        let board = match self.screen() {
            Screen::Board(board) => [board.next_wake(), super::boards::next_due(self)].into_iter().flatten().min(),
            _ => None,
        };
        let standing = match self.standing {
            Standing::Lost { .. } => Some(age::next_change(self.standing_since, self.now)),
            _ => None,
        };
        let toast = self.toast.as_ref().map(|toast| toast.until);
        let images = super::images::next_due(self);
        let cluster = self.cluster.next_wake(members::looks_at_nodes(self), self.now).filter(|_| self.is_live());
        let usage = super::metering::next_due(self);
        let unsaved = self.unsaved.next_due();
        [labels.and_then(after), unsaved, board, standing.and_then(after), toast, cluster, usage, images]
            .into_iter()
            .flatten()
            .min()
    }

    /// A description holds the ages of the object's events.
    fn next_change_of(&self, reader: &crate::console::screen::reader::Reader) -> Option<i64> {
        use crate::console::screen::reader::Mode;
        if reader.mode == Mode::Yaml || reader.is_gone {
            return None;
        }
        let about = reader.about();
        let events = self.store.of(Kind::Event).iter().filter(|(_, row)| row.about.as_deref() == Some(&about));
        let times = events.flat_map(|(_, row)| row.cells.iter().filter_map(row::Cell::counts_from));
        times.map(|then| age::next_change(then, self.now)).min()
    }
}
