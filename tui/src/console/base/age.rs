//! When the text of an age changes next, so that nothing wakes up for a label that stays the same.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Seconds from now until the age of something that happened at `then` reads differently.
///
/// Follows the steps of [`objects::duration::human`].
pub fn next_change(then: Timestamp, now: Timestamp) -> i64 {
    let seconds = now.duration_since(then).as_secs();
    let step = match seconds {
        i64::MIN..600 => 1,
        600..28_800 => MINUTE,
        28_800..691_200 => HOUR,
        _ => DAY,
    };
    step - seconds.rem_euclid(step)
}

#[cfg(test)]
mod tests {
    use super::next_change;
    use jiff::Timestamp;
    use objects::duration::human;

    #[test]
    fn an_age_reads_the_same_until_its_next_change_and_never_much_longer() {
        let then = Timestamp::from_second(0).expect("in range");
        for seconds in (0..800_000).step_by(37) {
            let now = Timestamp::from_second(seconds).expect("in range");
            let wait = next_change(then, now);
            assert!(wait >= 1);
            assert_eq!(human(seconds), human(seconds + wait - 1), "at {seconds}");
        }
        let new = Timestamp::from_second(5).expect("in range");
        assert_eq!(next_change(then, new), 1);
    }
}
