//! Keeps a slow line from filling with old pictures: the next one is painted when the terminal has shown the last.
//!
//! Between us and a terminal behind SSH lie buffers of megabytes. Each picture ends with a question that the terminal answers
//! when it gets there, so that there is at most one on its way, and what is painted next is the newest.

use crate::console::term::input::ASK_SHOWN;
use std::time::{Duration, Instant};

/// A terminal that has not answered for so long is painted on all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// After so many pictures without any answer it is one that does not answer.
const TRIES: u32 = 3;

/// What is known of the line to the terminal.
#[derive(Debug)]
pub struct Line {
    is_asked: bool,
    asked_at: Option<Instant>,
    unanswered: u32,
}

impl Line {
    /// A line; only one that is remote is asked.
    pub fn new(is_remote: bool) -> Self {
        Self { is_asked: is_remote, asked_at: None, unanswered: 0 }
    }

    /// A picture is written; what to write behind it.
    pub fn paint(&mut self, now: Instant) -> &'static [u8] {
        if self.is_asked && self.asked_at.is_some() {
            self.unanswered += 1;
            self.is_asked = self.unanswered < TRIES;
        }
        self.asked_at = self.is_asked.then_some(now);
        if self.is_asked { ASK_SHOWN } else { b"" }
    }

    /// The terminal answered.
    pub fn shown(&mut self) {
        self.asked_at = None;
        self.unanswered = 0;
    }

    /// Whether a picture may be painted.
    pub fn is_free(&self, now: Instant) -> bool {
        self.wait(now).is_zero()
    }

    /// How long to wait at most.
    pub fn wait(&self, now: Instant) -> Duration {
        self.asked_at.map_or(Duration::ZERO, |at| (at + PATIENCE).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, PATIENCE};
    use std::time::{Duration, Instant};

    #[test]
    fn a_slow_line_has_one_picture_on_its_way() {
        let now = Instant::now();
        let mut line = Line::new(true);
        assert!(line.is_free(now));
        assert_eq!(line.paint(now), b"\x1b[6n");
        assert!(!line.is_free(now + Duration::from_millis(500)));
        line.shown();
        assert!(line.is_free(now + Duration::from_millis(500)));
    }

    #[test]
    fn a_terminal_that_never_answers_is_not_waited_for() {
        let mut now = Instant::now();
        let mut line = Line::new(true);
        for _ in 0..4 {
            line.paint(now);
            now += PATIENCE;
            assert!(line.is_free(now));
        }
        assert_eq!(line.paint(now), b"");
        assert!(line.is_free(now));
    }

    #[test]
    fn a_near_terminal_is_not_asked() {
        let mut line = Line::new(false);
        assert_eq!(line.paint(Instant::now()), b"");
        assert!(line.is_free(Instant::now()));
    }
}
