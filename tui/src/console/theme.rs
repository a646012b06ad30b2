//! The looks: roles, theme files that give them colours, signs for terminals that have few.

pub mod builtin;
pub mod color;
mod file;
pub mod glyph;
pub mod load;
pub mod role;
