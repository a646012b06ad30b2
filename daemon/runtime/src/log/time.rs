//! A moment as text.

/// Length of [`rfc3339`]'s text.
pub(super) const LENGTH: usize = 30;

/// `2026-01-02T03:04:05.000000006Z`: UTC, always nine digits, so that texts sort as times.
pub(super) fn rfc3339(ns: u64) -> [u8; LENGTH] {
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    let date = Date::of(ns / 1_000_000_000);
    put(&mut text[0..4], date.year);
    put(&mut text[5..7], date.month);
    put(&mut text[8..10], date.day);
    put(&mut text[11..13], date.hour);
    put(&mut text[14..16], date.minute);
    put(&mut text[17..19], date.second);
    put(&mut text[20..29], ns % 1_000_000_000);
    text
}

/// `20260102-030405`, as rotated files are named.
pub(super) fn stamp(seconds: u64) -> String {
    let Date { year, month, day, hour, minute, second } = Date::of(seconds);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

/// UTC.
struct Date {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Date {
    /// From seconds since 1970. Years are counted from March, in eras of 400 years (146097 days), so that the leap day
    /// comes last.
    fn of(seconds: u64) -> Date {
        let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Date { year, month, day, hour: rest / 3_600, minute: rest / 60 % 60, second: rest % 60 }
    }
}

/// Writes a number right-aligned into digits that are `0`.
fn put(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_dates() {
        for (seconds, ns, text) in [
            (0, 0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400, 1, "2000-02-29T00:00:00.000000001Z"),
            (1_704_067_199, 999_999_999, "2023-12-31T23:59:59.999999999Z"),
            (4_107_542_400, 120_000_000, "2100-03-01T00:00:00.120000000Z"),
        ] {
            let written = rfc3339(seconds * 1_000_000_000 + ns);
            assert_eq!(std::str::from_utf8(&written), Ok(text));
        }
        assert_eq!(stamp(1_767_323_045), "20260102-030405");
    }
}
