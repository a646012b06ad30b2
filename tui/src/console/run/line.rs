//! Keeps a slow line from filling with old pictures: the next one is painted when the terminal has shown the last.
//!
//! Between us and a terminal behind SSH lie buffers of megabytes. Each picture ends with a question that the terminal answers
//! when it gets there, so that there is at most one on its way, and what is painted next is the newest.

use crate::console::term::input::ASK_SHOWN;
use std::time::{Duration, Instant};

/// A terminal that has not answered for so long is painted on all the same; twice as long each time, up to the second of these.
const PATIENCE: Duration = Duration::from_secs(2);
const MOST_PATIENCE: Duration = Duration::from_secs(32);
/// After so many pictures without any answer ever it is one that does not answer.
const TRIES: u32 = 3;

/// What is known of the line to the terminal.
#[derive(Debug)]
pub struct Line {
    is_asked: bool,
    /// Whether it has ever answered: then it is slow where it does not, and not one that cannot.
    answers: bool,
    /// Questions on their way.
    open: u32,
    asked_at: Option<Instant>,
    patience: Duration,
}

impl Line {
    /// A line; only one that is remote is asked.
    pub fn new(is_remote: bool) -> Self {
        Self { is_asked: is_remote, answers: false, open: 0, asked_at: None, patience: PATIENCE }
    }

    /// A picture is written; what to write behind it.
    pub fn paint(&mut self, now: Instant) -> &'static [u8] {
        if self.open > 0 {
            self.patience = (self.patience * 2).min(MOST_PATIENCE);
            self.is_asked &= self.answers || self.open < TRIES;
        }
        if !self.is_asked {
            self.open = 0;
            return b"";
        }
        self.open += 1;
        self.asked_at = Some(now);
        ASK_SHOWN
    }

    /// The terminal answered one question.
    pub fn shown(&mut self) {
        self.answers = true;
        self.open = self.open.saturating_sub(1);
        if self.open == 0 {
            self.patience = PATIENCE;
        }
    }

    /// Whether a picture may be painted.
    pub fn is_free(&self, now: Instant) -> bool {
        self.wait(now).is_zero()
    }

    /// How long to wait at most.
    pub fn wait(&self, now: Instant) -> Duration {
        let until = self.asked_at.filter(|_| self.open > 0).map(|at| at + self.patience);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
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
        for times in [1, 2, 4] {
            assert_eq!(line.paint(now), b"\x1b[6n");
            assert!(!line.is_free(now));
            now += PATIENCE * times;
            assert!(line.is_free(now));
        }
        assert_eq!(line.paint(now), b"");
        assert!(line.is_free(now));
    }

    #[test]
    fn a_line_that_stands_still_gets_a_few_pictures_and_no_backlog() {
        let mut now = Instant::now();
        let mut line = Line::new(true);
        line.paint(now);
        line.shown();
        let (start, mut pictures) = (now, 0);
        while now < start + Duration::from_secs(600) {
            if line.is_free(now) {
                assert_eq!(line.paint(now), b"\x1b[6n", "it is still asked");
                pictures += 1;
            }
            now += Duration::from_millis(100);
        }
        assert!(pictures < 25, "{pictures} pictures in ten minutes");
        // What was on its way is answered; only the last answer says that the newest picture is there.
        for _ in 1..pictures {
            line.shown();
            assert!(!line.is_free(now - Duration::from_millis(100)));
        }
        line.shown();
        assert!(line.is_free(now));
        line.paint(now);
        assert!(line.is_free(now + PATIENCE), "and then it is as patient as in the beginning");
    }

    #[test]
    fn a_near_terminal_is_not_asked() {
        let mut line = Line::new(false);
        assert_eq!(line.paint(Instant::now()), b"");
        assert!(line.is_free(Instant::now()));
    }
}
