//! What lies over the screen: questions, lines to type into, forms and boxes to choose from.

use super::cordoning::Scheduling;
use super::forms::Filling;
use super::images::Work;
use super::merging::Side;
use super::scaling::Change;
use crate::console::keys::action::Action;
use crate::console::model::row;
use crate::console::widget::dialog::Dialog;
use crate::console::widget::form::Form;
use crate::console::widget::palette::Palette;
use crate::console::widget::prompt::Field;
use objects::Kind;

/// What lies over the screen.
#[derive(Debug)]
pub enum Overlay {
    /// A question with buttons.
    Dialog(Dialog, Question),
    /// A line to type into.
    Prompt(Prompt),
    /// Lines to fill in.
    Form(Form, Filling),
    /// The keys, or all actions.
    Palette(Palette, Vec<Choice>),
}

/// What a line of a box does when it is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// An action.
    Action(Action),
    /// A command is run.
    Command(String),
    /// A command is begun, and more is typed.
    Begin(String),
    /// A text for the editor.
    Insert(String),
    /// A side of a conflict.
    Side(Side),
    /// A theme; it is shown while one stands on it.
    Theme(String),
}

/// What a dialog asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// Whether to leave the console.
    Quit,
    /// Whether to replace the object with what is in the editor.
    Replace,
    /// Whether to delete an object and make it again from what is in the editor.
    Recreate(Kind, row::Key),
    /// Whether to throw the editor's text away.
    LeaveEditor,
    /// Whether to delete objects, and with which grace period.
    Delete(Kind, Vec<row::Key>, Option<i64>),
    /// Whether to drain nodes.
    Drain(Vec<row::Key>),
    /// Whether to take the action of that place back.
    Undo(usize),
    /// Whether to do something with images.
    Images(Work),
    /// Whether to make the pods of Deployments anew.
    Restart(Vec<row::Key>),
    /// Whether a Deployment goes back to another revision.
    RollBack(row::Key, Box<Change>),
    /// Whether to cordon nodes, or to take that back.
    Cordon(Vec<row::Key>, Scheduling),
}

/// What a line is typed for.
#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    /// A command.
    Command,
    /// A filter; the one before comes back on Esc.
    Filter(String),
    /// A search.
    Find,
    /// A filter of a log's lines; the one before comes back on Esc.
    LogFilter(String),
    /// The name of a file.
    SaveAs,
    /// A word that says that the question is answered with yes.
    Confirm(String, Question),
}

/// A line one types into.
#[derive(Debug)]
pub struct Prompt {
    /// The line.
    pub field: Field,
    /// What for.
    pub purpose: Purpose,
    /// The command before, counted from the newest.
    pub recalled: usize,
}
