//! The terminal: what it can do, its keys, painting on it, its clipboard, and leaving it as it was.

pub mod caps;
pub mod clip;
pub mod guard;
pub mod input;
pub mod painter;
pub mod signals;
mod paint_style;
mod scroll;
