//! Pieces of the picture. They know text, roles and places, and nothing of pods.

pub mod canvas;
pub mod dialog;
pub mod editor;
pub mod form;
pub mod grid;
pub mod pager;
pub mod palette;
pub mod prompt;
pub mod syntax;
