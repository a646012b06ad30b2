//! The thread that reads keys: it sleeps until the terminal has something to say, and ends when the terminal is gone.

use crossterm::event::{self, Event, KeyEventKind};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// What a user does at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(event::KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The window has another size: columns and rows.
    Resize(u16, u16),
    /// The terminal is gone.
    Gone,
}

/// Starts the thread. `sink` is called for every input and answers whether anybody still listens.
///
/// The terminal is polled here and only then read by crossterm: crossterm alone would spin on a terminal that is gone.
///
/// # Errors
/// Where no thread can be started.
pub fn start(sink: impl Fn(Input) -> bool + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("keys".to_owned()).stack_size(256 * 1024).spawn(move || read_all(&sink)).map(drop)
}

fn read_all(sink: &impl Fn(Input) -> bool) {
    let stdin = io::stdin();
    loop {
        let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => continue,
            Err(_) => break,
            Ok(_) => {}
        }
        let ready = fds[0].revents().unwrap_or(PollFlags::POLLERR);
        if ready.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
            break;
        }
        match drain(sink) {
            // Readable, and yet nothing to read: that is the end of the file.
            Ok(Drained::Nothing) if is_at_end(&stdin) => break,
            Ok(Drained::Nothing | Drained::Some) => {}
            Ok(Drained::NobodyListens) => return,
            Err(_) => break,
        }
    }
    sink(Input::Gone);
}

enum Drained {
    Nothing,
    Some,
    NobodyListens,
}

fn drain(sink: &impl Fn(Input) -> bool) -> io::Result<Drained> {
    let mut drained = Drained::Nothing;
    while event::poll(Duration::ZERO)? {
        let input = match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => Input::Key(key),
            Event::Paste(text) => Input::Paste(text),
            Event::Resize(columns, rows) => Input::Resize(columns, rows),
            _ => continue,
        };
        drained = Drained::Some;
        if !sink(input) {
            return Ok(Drained::NobodyListens);
        }
    }
    Ok(drained)
}

/// Whether the terminal hung up between the poll and the read.
fn is_at_end(stdin: &io::Stdin) -> bool {
    let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    let waiting = poll(&mut fds, PollTimeout::ZERO).is_ok_and(|count| count > 0);
    waiting && !event::poll(Duration::from_millis(1)).unwrap_or(false)
}
