//! The thread that reads keys: it sleeps until the terminal has something to say, and ends when the terminal is gone.

use crossterm::event::{self, Event, KeyEventKind};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::termios::OptionalActions;
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
            // Readable, and yet not a byte to read: that is the end of the file.
            Ok(Drained::Nothing) if rustix::io::ioctl_fionread(&stdin).unwrap_or(0) == 0 => break,
            Ok(Drained::Nothing) => wake_crossterm(&stdin),
            Ok(Drained::Some) => {}
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

/// Makes crossterm look at the terminal again. It asks the kernel for edges, and loses the terminal's when a change of the window's
/// size comes in the same moment; setting the terminal's attributes, to what they are, makes a new edge.
fn wake_crossterm(stdin: &io::Stdin) {
    let attributes = rustix::termios::tcgetattr(stdin);
    let set = attributes.and_then(|attributes| rustix::termios::tcsetattr(stdin, OptionalActions::Now, &attributes));
    if set.is_err() {
        // The terminal is going: the next poll says so.
        std::thread::sleep(Duration::from_millis(5));
    }
}
