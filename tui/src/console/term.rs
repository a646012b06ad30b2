//! The terminal: what it can do, its keys, painting on it, its clipboard, and leaving it as it was.

pub mod caps;
pub mod clip;
pub mod guard;
pub mod input;
mod paint_style;
pub mod painter;
pub mod pause;
mod scroll;
pub mod signals;
