//! Demos: scripts that press keys and say what must be on the screen, played in a world of their own or against a daemon.
//!
//! In its own world a demo has its own time as well: it is a test that takes no time, and what is recorded of it has the
//! same bytes every time.

mod cast;
mod font;
mod hook;
pub mod play;
mod raster;
pub mod replay;
pub mod script;
mod stage;
mod svg;
mod world;

#[cfg(test)]
mod tests;
