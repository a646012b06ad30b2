//! Knows what a program in a pane writes because of a key: it is shown at once, where other output waits for its turn.

use crate::console::app::msg::Msg;
use crate::console::app::state::App;
use crate::console::term::input::Input;
use std::time::{Duration, Instant};

/// What comes later than this after a key is no echo of it.
const LATE: Duration = Duration::from_millis(250);

/// The key that waits for its echo.
#[derive(Debug, Default)]
pub struct Echo {
    typed_at: Option<Instant>,
}

impl Echo {
    /// Looks at a message before it is taken.
    pub fn take(&mut self, msg: &Msg, app: &App, now: Instant) {
        let is_typed = matches!(msg, Msg::Input(Input::Key(_) | Input::Paste(_) | Input::Mouse(_)));
        if is_typed && app.types_text() && app.pane().is_some() {
            self.typed_at = Some(now);
        }
    }

    /// Whether news of a pane are the echo of a key. One is: what a program writes without a pause does not come sooner because one types.
    pub fn is_due(&mut self, now: Instant) -> bool {
        self.typed_at.take().is_some_and(|at| now.duration_since(at) < LATE)
    }
}

#[cfg(test)]
mod tests {
    use super::{Echo, LATE};
    use std::time::Instant;

    #[test]
    fn only_what_follows_a_key_soon_is_its_echo_and_only_once() {
        let now = Instant::now();
        assert!(!Echo::default().is_due(now), "nothing was typed");
        let typed = || Echo { typed_at: Some(now) };
        let mut echo = typed();
        assert!(echo.is_due(now + LATE / 2));
        assert!(!echo.is_due(now + LATE / 2), "what never pauses comes at its own pace");
        assert!(!typed().is_due(now + LATE));
    }
}
