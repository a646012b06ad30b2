//! When a picture that only the daemon's news asks for is due.

use std::time::{Duration, Instant};

/// The least time between two pictures: thirty a second.
const LEAST: Duration = Duration::from_millis(33);
/// The most: eight a second are as many as anybody can read of what does not pause.
const MOST: Duration = Duration::from_millis(125);

/// Paces pictures: what comes after a pause is shown at once, what never pauses less and less often.
#[derive(Debug)]
pub struct Pace {
    painted_at: Option<Instant>,
    between: Duration,
}

impl Pace {
    /// Nothing was painted yet.
    pub const fn new() -> Self {
        Self { painted_at: None, between: LEAST }
    }

    /// How long the next one must wait.
    pub fn wait(&self, now: Instant) -> Duration {
        self.painted_at.map_or(Duration::ZERO, |at| self.between.saturating_sub(now.duration_since(at)))
    }

    /// A picture was painted.
    pub fn painted(&mut self, now: Instant) {
        let is_without_pause = self.painted_at.is_some_and(|at| now.duration_since(at) < self.between * 2);
        self.between = if is_without_pause { (self.between * 5 / 4).min(MOST) } else { LEAST };
        self.painted_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST, MOST, Pace};
    use std::time::{Duration, Instant};

    #[test]
    fn what_does_not_pause_is_shown_less_often_and_what_comes_after_a_pause_at_once() {
        let mut now = Instant::now();
        let mut pace = Pace::new();
        assert_eq!(pace.wait(now), Duration::ZERO);
        pace.painted(now);
        assert_eq!(pace.wait(now), LEAST);
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(pace.wait(now));
            now += pace.wait(now);
            assert_eq!(pace.wait(now), Duration::ZERO);
            pace.painted(now);
        }
        assert!(waits.is_sorted(), "{waits:?}");
        assert_eq!(pace.wait(now), MOST);
        now += MOST * 3;
        pace.painted(now);
        assert_eq!(pace.wait(now), LEAST);
    }
}
