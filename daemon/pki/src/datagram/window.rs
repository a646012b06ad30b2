//! Which of a sender's datagrams were here: the last 1,024 counters.

const WIDTH: u64 = 1024;
const WORDS: usize = 16;

/// A sliding window over counters, as IPsec has it (RFC 4303, 3.4.3), kept in a ring.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    highest: u64,
    seen: [u64; WORDS],
}

impl Window {
    /// Whether a counter was not here yet and is not too old to tell.
    pub(super) fn is_new(&self, counter: u64) -> bool {
        if counter > self.highest {
            return true;
        }
        self.highest - counter < WIDTH && self.seen[word(counter)] & bit(counter) == 0
    }

    /// Notes one that was found to be new.
    pub(super) fn note(&mut self, counter: u64) {
        if counter > self.highest {
            let ahead = counter - self.highest;
            if ahead >= WIDTH {
                self.seen = [0; WORDS];
            } else {
                (self.highest + 1..=counter).for_each(|passed| self.seen[word(passed)] &= !bit(passed));
            }
            self.highest = counter;
        }
        self.seen[word(counter)] |= bit(counter);
    }
}

fn word(counter: u64) -> usize {
    usize::try_from(counter % WIDTH / 64).unwrap_or(0)
}

fn bit(counter: u64) -> u64 {
    1 << (counter % 64)
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, Window};

    #[test]
    fn each_counter_passes_once_in_any_order_within_the_window() {
        let mut window = Window::default();
        for counter in [5, 3, 4, 1000, 999, 1028, 5000, 4999, 3977] {
            assert!(window.is_new(counter), "{counter}");
            window.note(counter);
            assert!(!window.is_new(counter), "{counter} again");
        }
        assert!(!window.is_new(5000 - WIDTH), "too old to tell");
        assert!(window.is_new(5000 - WIDTH + 2));
    }

    #[test]
    fn it_agrees_with_a_plain_set() {
        let (mut window, mut seen, mut highest) = (Window::default(), std::collections::HashSet::new(), 0_u64);
        let mut random = 7_u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let counter = (highest + (random >> 33) % 40).saturating_sub((random >> 40) % 1100);
            let expected = (counter > highest || highest - counter < WIDTH) && !seen.contains(&counter);
            assert_eq!(window.is_new(counter), expected, "{counter} of {highest}");
            if expected {
                window.note(counter);
                seen.insert(counter);
                highest = highest.max(counter);
            }
        }
    }
}
