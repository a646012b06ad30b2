//! The one signal that ends the daemon's tasks.

use tokio::sync::watch;

/// Whoever holds this can end the daemon; so does dropping it.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

/// What every task watches.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// Makes the signal.
#[must_use]
pub fn signal() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    /// Ends the daemon.
    pub fn shut_down(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Returns once the daemon is to end. May be dropped and called again.
    pub async fn wait(&mut self) {
        // An error means that the trigger is gone, which is the same.
        let _ = self.0.wait_for(|is_down| *is_down).await;
    }
}
