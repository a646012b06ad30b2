//! The signals that concern a full-screen program, as messages.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The terminal hung up, or somebody asked us to end.
    End,
    /// The window has another size.
    Resized,
    /// Somebody asked us to stop until continued.
    Suspend,
    /// We run again after somebody stopped us.
    Continued,
}

/// Passes signals on until nobody listens.
///
/// # Errors
/// Where the kernel refuses a handler.
pub async fn pass_on(sink: impl Fn(Notice) -> bool) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut resized = signal(SignalKind::window_change())?;
    let mut suspend = signal(SignalKind::from_raw(nix::libc::SIGTSTP))?;
    let mut continued = signal(SignalKind::from_raw(nix::libc::SIGCONT))?;
    loop {
        // A signal not yet taken is taken in the next round; no arm has work that could be lost.
        let notice = tokio::select! {
            () = next(&mut hangup) => Notice::End,
            () = next(&mut terminate) => Notice::End,
            // Ctrl-C is for the program that has the terminal.
            () = next(&mut interrupt) => match super::pause::is_paused() {
                true => continue,
                false => Notice::End,
            },
            () = next(&mut resized) => Notice::Resized,
            () = next(&mut suspend) => Notice::Suspend,
            () = next(&mut continued) => Notice::Continued,
        };
        if !sink(notice) {
            return Ok(());
        }
    }
}

async fn next(signal: &mut Signal) {
    if signal.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}
