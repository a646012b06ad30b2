//! The state of the console, how messages change it, and its picture.

mod boards;
pub mod bookmarks;
mod chrome;
pub mod columns;
mod command;
mod completing;
mod copying;
pub mod cordoning;
mod deleting;
mod draining;
mod editing;
pub mod effect;
mod forms;
mod forwarding;
mod images;
mod input;
mod kinds;
mod logs;
mod members;
mod merging;
mod metering;
mod mouse;
pub mod msg;
mod navigate;
mod path;
mod perform;
mod places;
pub mod plain;
mod programs;
mod recreating;
pub mod rights;
mod route;
pub mod scaling;
pub mod session;
pub mod state;
pub mod theming;
mod travel;
mod undoing;
pub mod unsaved;
pub mod update;
pub mod view;
mod waking;

#[cfg(test)]
mod tests;
