//! Everything that can happen to the console, in the one order in which it happens.

use crate::console::link::{Failure, ForwardReport, PaneNews, Standing};
use crate::console::model::row::{Key, Row};
use crate::console::term::input::Input;
use objects::Kind;
use std::path::PathBuf;
use std::time::Duration;
use wire::Response;

/// One thing that happened.
#[derive(Debug)]
pub enum Msg {
    /// The user did something.
    Input(Input),
    /// A line was typed at a console that prints lines.
    Line(String),
    /// The window has another size: columns and rows.
    Resized(u16, u16),
    /// The daemon told something.
    Wire(Wire),
    /// A file was read.
    Read(PathBuf, Result<String, String>),
    /// A file was written.
    Written(PathBuf, Result<(), String>),
    /// The user's own editor has ended: the text as it left it, or why there is none.
    Edited(Result<String, String>),
    /// A file of the console's own could not be written.
    NotKept(&'static str, String),
    /// A program of the machine could not be run: which, and why.
    NotRun(String, String),
    /// Somebody asked the program to stop until continued.
    Suspend,
    /// There is no shell that could continue the program.
    CannotSuspend,
    /// There is no terminal that could take a copied text.
    CannotCopy,
    /// Time went by.
    Time,
}

/// What the daemon told, with objects already cut down to rows.
#[derive(Debug)]
pub enum Wire {
    /// The link stands differently.
    Standing(Standing),
    /// How long the last question took.
    RoundTrip(Duration),
    /// All rows of a kind.
    Rows(Kind, Vec<Row>),
    /// The first rows of a kind; all of them follow.
    Begun(Kind, Vec<Row>),
    /// A row that is new or differs.
    Put(Kind, Box<Row>),
    /// A row that is gone.
    Remove(Kind, Key),
    /// A kind we may not watch, and why.
    Refused(Kind, String),
    /// The answer to a question.
    Answer(u32, Result<Response, Failure>),
    /// How far long work is.
    Progress(u32, wire::PullProgress),
    /// Bytes of a log.
    Log(u32, Vec<u8>),
    /// The end of a log.
    LogEnd(u32, Option<Failure>),
    /// How a port-forward stands.
    Forward(u32, ForwardReport),
    /// How far a copy is, in bytes.
    Copied(u32, u64),
    /// The end of a copy: how many bytes there were, or what is missing and why.
    CopyEnd(u32, Result<u64, String>),
    /// News of a program that has a terminal of ours.
    Pane(u32, PaneNews),
    /// What this console may not do, said instead of doing it.
    Denied(&'static str),
}
