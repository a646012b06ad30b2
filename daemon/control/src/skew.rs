//! How far this node's wall clock is from that of the cluster, and what versions do about it.
//!
//! One wrong clock must neither pin what it writes nor lose it. So a node that stands apart from most of the others counts in their time:
//! it takes its distance from the clock before it makes a version. Where two halves disagree, the clock that is ahead gives way:
//! a version from the future would be refused ([`crate::version::MAX_AHEAD_MS`]), one from the past only loses more often.

/// A clock that is nearer to the others' than this is left alone, in ms: versions of a hybrid clock do not need more.
const TOLERATED_MS: i64 = 5_000;
/// A correction is changed only for more than this, in ms, so that measurements do not make it tremble.
const STEP_MS: i64 = 1_000;

/// What to take from the wall clock, in ms, given what is taken now and how far the clock of each other node that is seen is ahead of
/// ours (negative: behind).
#[must_use]
pub fn correction_ms(current_ms: i64, others_ahead_ms: &[i64]) -> i64 {
    if others_ahead_ms.is_empty() {
        // Alone there is nothing to learn, and what was learnt stays true.
        return current_ms;
    }
    let mut ahead_ms: Vec<i64> = others_ahead_ms.iter().map(|other| other.saturating_neg()).chain([0]).collect();
    ahead_ms.sort_unstable();
    let middle_ms = ahead_ms[ahead_ms.len() / 2];
    if middle_ms.abs() <= TOLERATED_MS {
        0
    } else if (middle_ms - current_ms).abs() <= STEP_MS {
        current_ms
    } else {
        middle_ms
    }
}

#[cfg(test)]
mod tests {
    use super::correction_ms;

    const HOUR: i64 = 3_600_000;

    /// What each node of a cluster with these clocks takes from its own.
    fn corrections(clocks: &[i64]) -> Vec<i64> {
        let of = |(me, own): (usize, &i64)| {
            let others = clocks.iter().enumerate().filter(|(other, _)| *other != me);
            correction_ms(0, &others.map(|(_, clock)| clock - own).collect::<Vec<_>>())
        };
        clocks.iter().enumerate().map(of).collect()
    }

    #[test]
    fn the_odd_clock_gives_way_to_the_others() {
        assert_eq!(corrections(&[0, 0, HOUR]), [0, 0, HOUR]);
        assert_eq!(corrections(&[0, -HOUR, 0]), [0, -HOUR, 0]);
        assert_eq!(corrections(&[0, HOUR]), [0, HOUR]);
        assert_eq!(corrections(&[0, 0, HOUR, HOUR]), [0, 0, HOUR, HOUR]);
    }

    #[test]
    fn good_clocks_and_lonely_ones_are_left_alone() {
        assert_eq!(corrections(&[0, 40, -300, 4_000]), [0; 4]);
        assert_eq!(correction_ms(HOUR, &[]), HOUR);
    }

    #[test]
    fn a_correction_does_not_tremble_and_ends_with_its_reason() {
        assert_eq!(correction_ms(HOUR, &[-HOUR - 500, -HOUR + 200]), HOUR);
        assert_eq!(correction_ms(HOUR, &[-HOUR - 5_000, -HOUR - 5_000]), HOUR + 5_000);
        assert_eq!(correction_ms(HOUR, &[10, -10]), 0);
        assert_eq!(correction_ms(0, &[i64::MIN, i64::MAX]), 0);
    }

    #[test]
    fn corrected_clocks_are_close_to_each_other_wherever_most_are() {
        for odd in [-HOUR, HOUR, 90_000] {
            for nodes in 3..9_usize {
                let mut clocks: Vec<i64> = (0..nodes).map(|node| i64::try_from(node).expect("few") * 100).collect();
                clocks[nodes / 2] += odd;
                let corrected: Vec<i64> = clocks.iter().zip(corrections(&clocks)).map(|(clock, by)| clock - by).collect();
                let spread = corrected.iter().max().expect("some") - corrected.iter().min().expect("some");
                assert!(spread < 2_000, "{clocks:?} became {corrected:?}");
            }
        }
    }
}
