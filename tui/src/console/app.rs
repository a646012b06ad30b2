//! The state of the console, how messages change it, and its picture.

mod chrome;
mod command;
mod deleting;
mod editing;
pub mod effect;
mod input;
mod logs;
pub mod msg;
mod navigate;
mod perform;
pub mod state;
pub mod update;
pub mod view;

#[cfg(test)]
mod tests;
