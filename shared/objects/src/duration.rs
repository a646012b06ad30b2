//! Ages as Kubernetes prints them: `46s`, `3m20s`, `5d3h`.

use jiff::Timestamp;
use std::fmt;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// A duration in seconds as `HumanDuration` of `apimachinery/pkg/util/duration` prints it: at most two units, and fewer
/// digits the longer it is. A clock that is up to two seconds off gives `0s`; more gives `<invalid>`.
#[must_use]
pub fn human(seconds: i64) -> String {
    Human(seconds).to_string()
}

/// The same for whoever writes it into a text of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Human(pub i64);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut two = |whole: i64, unit: &str, rest: i64, rest_unit: &str| match rest {
            0 => write!(f, "{whole}{unit}"),
            _ => write!(f, "{whole}{unit}{rest}{rest_unit}"),
        };
        match self.0 {
            i64::MIN..-1 => f.write_str("<invalid>"),
            -1 => f.write_str("0s"),
            seconds @ 0..120 => write!(f, "{seconds}s"),
            seconds @ 120..600 => two(seconds / MINUTE, "m", seconds % MINUTE, "s"),
            seconds @ 600..10_800 => write!(f, "{}m", seconds / MINUTE),
            seconds @ 10_800..28_800 => two(seconds / HOUR, "h", seconds / MINUTE % 60, "m"),
            seconds @ 28_800..172_800 => write!(f, "{}h", seconds / HOUR),
            seconds @ 172_800..691_200 => two(seconds / DAY, "d", seconds / HOUR % 24, "h"),
            seconds @ 691_200..63_072_000 => write!(f, "{}d", seconds / DAY),
            seconds @ 63_072_000..252_288_000 => two(seconds / YEAR, "y", seconds / DAY % 365, "d"),
            seconds => write!(f, "{}y", seconds / YEAR),
        }
    }
}

/// The age of something that happened at `then`; `<unknown>` where nobody knows when.
#[must_use]
pub fn since(then: Option<Timestamp>, now: Timestamp) -> String {
    then.map_or_else(|| "<unknown>".to_owned(), |then| human(now.duration_since(then).as_secs()))
}

#[cfg(test)]
mod tests {
    use super::{human, since};
    use jiff::Timestamp;

    #[test]
    fn the_longer_a_duration_the_fewer_its_digits() {
        let cases = [
            (-5, "<invalid>"),
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (121, "2m1s"),
            (599, "9m59s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (10_860, "3h1m"),
            (28_799, "7h59m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (176_400, "2d1h"),
            (691_199, "7d23h"),
            (691_200, "8d"),
            (63_071_999, "729d"),
            (63_072_000, "2y"),
            (63_158_400, "2y1d"),
            (252_287_999, "7y364d"),
            (252_288_000, "8y"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(human(seconds), expected, "{seconds} seconds");
        }
        assert!(human(i64::MAX).ends_with('y'));
        assert_eq!(human(i64::MIN), "<invalid>");
    }

    #[test]
    fn an_age_without_a_beginning_is_unknown() {
        let now = Timestamp::from_second(1_000).expect("in range");
        assert_eq!(since(None, now), "<unknown>");
        assert_eq!(since(Timestamp::from_second(940).ok(), now), "60s");
    }
}
