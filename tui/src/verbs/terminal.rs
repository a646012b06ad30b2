//! The terminal of a person while a program elsewhere has it: raw, watched for its size, and given back on every way out.

use crossterm::terminal;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};
use wire::TerminalSize;

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Holds the terminal raw: what is typed goes on as it is, Ctrl-C too. Dropping it gives the terminal back.
pub struct RawTerminal {
    resized: Signal,
    hangup: Signal,
    terminate: Signal,
}

/// What happened to the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It has another size.
    Resized,
    /// We are to end: the signal's number.
    Ended(u8),
}

impl RawTerminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Where it is gone, or no signals can be had.
    pub fn take() -> io::Result<Self> {
        let taken = Self {
            resized: signal(SignalKind::window_change())?,
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
        };
        terminal::enable_raw_mode()?;
        if !TAKEN.swap(true, Ordering::SeqCst) {
            // A panic ends the process where it happens: nothing is dropped then.
            let earlier = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                earlier(panic);
            }));
        }
        Ok(taken)
    }

    /// Waits for the next thing. May be dropped: nothing is lost.
    pub async fn happened(&mut self) -> Happened {
        tokio::select! {
            _ = self.resized.recv() => Happened::Resized,
            _ = self.hangup.recv() => Happened::Ended(1),
            _ = self.terminate.recv() => Happened::Ended(15),
        }
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whatever fails here fails because the terminal is gone.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = terminal::disable_raw_mode();
    }
}

/// The terminal's size; `None` where there is none.
pub fn size() -> Option<TerminalSize> {
    let (columns, rows) = terminal::size().ok()?;
    (columns > 0 && rows > 0).then_some(TerminalSize { columns, rows })
}
