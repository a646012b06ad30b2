//! The console: a full-screen view of a daemon's objects that one steers with keys.
//!
//! Layers, each of which knows only those below it: `run` (the loop and its effects), `app` (state, update, picture),
//! `screen`, `widget`, `keys`, `theme`, `model` (rows, filters, logs), `link` (the daemon), `term` (the terminal), `base`.
//! Invariants: the state changes only in `app::update`, the picture is a function of the state, and nothing is drawn
//! that did not change. One thread reads keys, one holds the link, one owns the state; they meet in one bounded channel.

mod app;
mod base;
pub mod demo;
pub mod keys;
#[cfg(test)]
mod layers;
mod link;
mod model;
pub mod run;
mod screen;
mod term;
mod theme;
mod widget;

pub use app::rights::Rights;

use crate::settings::GlyphChoice;
use std::path::PathBuf;

/// What the command line says about the console.
#[derive(Debug, Clone)]
pub struct Options {
    /// The daemon's address.
    pub address: client::Address,
    /// The namespace to begin with; `None` shows all of them.
    pub namespace: Option<String>,
    /// A theme by its name or the path of its file; `None` asks the terminal.
    pub theme: Option<String>,
    /// The signs it draws with.
    pub glyphs: GlyphChoice,
    /// Whether it prints lines instead of drawing.
    pub is_plain: bool,
    /// Whether it takes the mouse.
    pub has_mouse: bool,
    /// What it may do.
    pub rights: Rights,
    /// Where to record what happens.
    pub record: Option<PathBuf>,
    /// A command to begin with, as after `:`, such as `nodes`.
    pub command: Option<String>,
}

/// Opens the console and stays until the user leaves or the terminal goes away.
///
/// # Errors
/// Where there is no terminal that can show it, or a theme cannot be read. A daemon that cannot be reached is no
/// error: the console shows that and goes on trying.
pub fn run(options: &Options) -> anyhow::Result<()> {
    run::run(options)
}
