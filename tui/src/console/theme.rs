//! Looks: roles in the code, colours in files, and what becomes of them where a terminal has fewer.

pub mod glyph;
pub mod load;
pub mod role;
