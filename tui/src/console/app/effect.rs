//! What the state wants done outside of it.

use crate::console::link::Command;
use std::path::PathBuf;

/// One thing to do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ask the daemon.
    Link(Command),
    /// Put a text on the clipboard.
    Copy(String),
    /// Read a file and say what is in it.
    Read(PathBuf),
    /// Write a file and say how that went.
    Write(PathBuf, String),
    /// Write a file of the console's own in its state folder.
    Keep(&'static str, String),
    /// Keep the text that exists nowhere else, or nothing any more.
    KeepUnsaved(Option<String>),
    /// Give the terminal back and stop until continued.
    Suspend,
    /// Give the terminal to this program with these words until it has ended.
    Run(Vec<String>),
    /// Give the terminal to a program of this machine until it has ended.
    Program {
        /// The program and its words.
        words: Vec<String>,
        /// Whether it changes nothing, as whoever gave it a name says.
        only_reads: bool,
        /// Whether its last words are looked at before the console comes back.
        pauses: bool,
    },
    /// Give a text to the user's own editor, and say what became of it.
    Editor(String),
    /// Have the terminal tell what the mouse does, or not.
    Mouse(bool),
    /// Paint everything again.
    Repaint,
    /// End.
    Quit,
}
