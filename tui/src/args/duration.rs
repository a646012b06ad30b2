//! Durations as Go writes them: `30s`, `1m30s`, `1.5h`, `0`.

use std::str::FromStr;
use std::time::Duration;

/// A duration that may be negative, where that has a meaning (wait for ever).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoDuration {
    /// Nothing, or more.
    Positive(Duration),
    /// Less than nothing.
    Negative,
}

impl GoDuration {
    /// The duration; a negative one is a week, as kubectl takes it where it waits.
    pub const fn or_a_week(self) -> Duration {
        match self {
            Self::Positive(duration) => duration,
            Self::Negative => Duration::from_secs(7 * 24 * 3600),
        }
    }
}

/// As Go prints it: `500ms`, `30s`, `1m30s`, `1h0m0s`.
impl std::fmt::Display for GoDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Positive(duration) = self else { return f.write_str("-1s") };
        let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
        if seconds == 0 && millis > 0 {
            return write!(f, "{millis}ms");
        }
        if seconds >= 3600 {
            write!(f, "{}h", seconds / 3600)?;
        }
        if seconds >= 60 {
            write!(f, "{}m", seconds / 60 % 60)?;
        }
        let fraction = format!("{millis:03}");
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{}{point}{fraction}s", seconds % 60)
    }
}

impl FromStr for GoDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("time: invalid duration {text:?}");
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if unsigned == "0" {
            return Ok(Self::Positive(Duration::ZERO));
        }
        if unsigned.is_empty() {
            return Err(invalid());
        }
        let mut rest = unsigned;
        let mut seconds = 0.0;
        while !rest.is_empty() {
            let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
            let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
            let unit = rest[digits..].find(|character: char| character.is_ascii_digit() || character == '.');
            let unit = &rest[digits..unit.map_or(rest.len(), |unit| digits + unit)];
            seconds += number
                * match unit {
                    "ns" => 1e-9,
                    "us" | "µs" | "μs" => 1e-6,
                    "ms" => 1e-3,
                    "s" => 1.0,
                    "m" => 60.0,
                    "h" => 3600.0,
                    "" => return Err(format!("time: missing unit in duration {text:?}")),
                    other => return Err(format!("time: unknown unit {other:?} in duration {text:?}")),
                };
            rest = &rest[digits + unit.len()..];
        }
        match (is_negative && seconds > 0.0, Duration::try_from_secs_f64(seconds)) {
            (true, _) => Ok(Self::Negative),
            (false, Ok(duration)) => Ok(Self::Positive(duration)),
            (false, Err(_)) => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::GoDuration;
    use std::time::Duration;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        let positive = |millis| Ok(GoDuration::Positive(Duration::from_millis(millis)));
        for (text, expected) in [
            ("0", positive(0)),
            ("30s", positive(30_000)),
            ("1m30s", positive(90_000)),
            ("1.5h", positive(5_400_000)),
            ("100ms", positive(100)),
            ("+2s", positive(2_000)),
            ("-1s", Ok(GoDuration::Negative)),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        let fault = |text: &str| text.parse::<GoDuration>().expect_err("no duration");
        assert_eq!(fault("30"), "time: missing unit in duration \"30\"");
        assert_eq!(fault("5x"), "time: unknown unit \"x\" in duration \"5x\"");
        for text in ["", "-", "s", "1..2s", "99999999999999999999999999h"] {
            fault(text);
        }
    }
}
