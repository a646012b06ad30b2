//! What asks the daemon to end: signals, of an operator or of a machine that is switched off.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To end, by whoever stops or replaces the daemon, or by a machine that goes down.
    Terminate,
    /// To end, on a terminal.
    Interrupt,
    /// To make ready for the loss of power.
    Power,
}

/// The signals that are listened to.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    power: Signal,
    /// A terminal that closes does not end a daemon.
    _hangup: Signal,
}

impl Signals {
    /// From now on they do not end the process by themselves.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            power: signal(SignalKind::from_raw(nix::sys::signal::Signal::SIGPWR as i32))?,
            _hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns once one has come. May be dropped and called again: none is lost.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Terminate,
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.power.recv() => Asked::Power,
        }
    }
}
