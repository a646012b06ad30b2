//! Takes the terminal over and gives it back: at the end, in a panic, and while the program is suspended.

use crossterm::terminal;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Alternate screen, no cursor, no line wrap at the last column, pastes in brackets.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[2J";
/// All of it back, in the other order; the scroll region and the colours too.
const LEAVE: &str = "\x1b[?1002l\x1b[?1006l\x1b[?2026l\x1b[r\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The mouse's buttons, its wheel, and moves with a button held, as numbers of any size.
const MOUSE: &str = "\x1b[?1002h\x1b[?1006h";
/// The mouse is the terminal's again.
const NO_MOUSE: &str = "\x1b[?1002l\x1b[?1006l";

static TAKEN: AtomicBool = AtomicBool::new(false);
static HEARS_MOUSE: AtomicBool = AtomicBool::new(false);

/// Has the terminal tell what the mouse does, or not: now, and whenever it is taken over.
///
/// # Errors
/// Where the terminal is gone.
pub fn hear_mouse(is_ours: bool) -> io::Result<()> {
    HEARS_MOUSE.store(is_ours, Ordering::SeqCst);
    if !TAKEN.load(Ordering::SeqCst) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(if is_ours { MOUSE } else { NO_MOUSE }.as_bytes())?;
    out.flush()
}

/// Holds the terminal; dropping it gives the terminal back.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal over, and makes a panic give it back before it prints.
    ///
    /// # Errors
    /// Where the terminal refuses raw mode or is gone.
    pub fn take() -> io::Result<Self> {
        enter()?;
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            earlier(panic);
        }));
        Ok(Self(()))
    }

    /// Gives the terminal back for as long as `use_it` runs, and takes it again.
    ///
    /// # Errors
    /// What that gave, or where the terminal is gone afterwards.
    pub fn lend(&self, use_it: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        leave();
        let used = use_it();
        enter().and(used)
    }

    /// Gives the terminal back, stops the process until it is continued, and takes the terminal again.
    ///
    /// # Errors
    /// Where the terminal is gone afterwards.
    pub fn suspend(&self) -> io::Result<()> {
        leave();
        // SIGSTOP cannot be caught, so this stops the whole process whatever handles SIGTSTP.
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP).map_err(io::Error::from)?;
        enter()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        leave();
    }
}

/// Whether a shell with job control waits behind us: it gave us a process group of our own. Without one (`ssh -t node skiff`)
/// nobody could continue a stopped program.
pub fn has_shell() -> bool {
    let session = nix::unistd::getsid(None).ok();
    session.is_some() && session != Some(nix::unistd::getpgrp())
}

fn enter() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = io::stdout().lock();
    out.write_all(ENTER.as_bytes())?;
    if HEARS_MOUSE.load(Ordering::SeqCst) {
        out.write_all(MOUSE.as_bytes())?;
    }
    out.flush()
}

/// Whatever fails here fails because the terminal is gone.
fn leave() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(LEAVE.as_bytes());
        let _ = out.flush();
        drop(out);
        let _ = terminal::disable_raw_mode();
    }
}
