//! Ctrl-C while a verb has something to take away before it ends: the verb hears of it itself.

use std::sync::atomic::{AtomicUsize, Ordering};

static HELD: AtomicUsize = AtomicUsize::new(0);

/// As long as there is one, Ctrl-C does not end the program.
pub struct Held(());

impl Held {
    /// Holds it.
    pub fn begin() -> Self {
        HELD.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits for a Ctrl-C that nobody holds.
pub async fn unheld() {
    loop {
        if tokio::signal::ctrl_c().await.is_err() {
            // There are no signals to wait for.
            return std::future::pending().await;
        }
        if HELD.load(Ordering::SeqCst) == 0 {
            return;
        }
    }
}
