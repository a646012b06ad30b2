//! The screens: what each of them knows and how it looks. What keys do to them is decided in `app`.

pub mod board;
pub mod edit;
pub mod list;
mod list_marks;
pub mod list_view;
pub mod log;
pub mod pane;
pub mod reader;

/// One screen, with all it knows.
#[derive(Debug)]
pub enum Screen {
    /// Lines made of what is known.
    Board(Box<board::Board>),
    /// Rows of objects.
    List(Box<list::List>),
    /// A text about an object.
    Reader(reader::Reader),
    /// A container's log.
    Log(Box<log::LogScreen>),
    /// A manifest being written.
    Edit(Box<edit::Edit>),
    /// A program on a terminal of its own.
    Pane(pane::PaneView),
}
