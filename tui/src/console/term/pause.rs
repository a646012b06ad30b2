//! While another program has the terminal, nobody here reads from it.

use std::sync::{Condvar, Mutex, PoisonError};

static PAUSED: Mutex<bool> = Mutex::new(false);
static OVER: Condvar = Condvar::new();

/// As long as there is one, keys are somebody else's.
pub struct Paused(());

impl Paused {
    /// Begins.
    pub fn begin() -> Self {
        set(true);
        Self(())
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        set(false);
    }
}

fn set(is_paused: bool) {
    *PAUSED.lock().unwrap_or_else(PoisonError::into_inner) = is_paused;
    OVER.notify_all();
}

/// Whether somebody else has the terminal.
pub fn is_paused() -> bool {
    *PAUSED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the terminal is ours; whether it was not.
pub fn wait_while_paused() -> bool {
    let paused = PAUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let was_paused = *paused;
    drop(OVER.wait_while(paused, |is_paused| *is_paused).unwrap_or_else(PoisonError::into_inner));
    was_paused
}
