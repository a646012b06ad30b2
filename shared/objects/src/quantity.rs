//! Amounts of cpu, memory and storage as Kubernetes writes them: `500m`, `1.5Gi`, `2e3`.
//!
//! Parsing, rounding and the canonical form follow `apimachinery/pkg/api/resource/quantity.go`. An amount is held
//! exactly in billionths; one that does not fit (past about 10^29) is refused.

use std::fmt;

/// Billionths of a unit in one unit.
const NANO: i128 = 1_000_000_000;

/// Which family of suffixes an amount was written with, and will be printed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `m`, `k`, `M`.
    DecimalSi,
    /// `Ki`, `Mi`.
    BinarySi,
    /// `e3`.
    DecimalExponent,
}

/// An amount.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

/// Why a text is not an amount, in Kubernetes' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not of the form number and suffix.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The number cannot be read, or is too large.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
    /// The suffix is none of the known ones.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// The number and suffix that a text was split into.
struct Parts<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

impl Quantity {
    /// The amount of nothing.
    pub const ZERO: Self = Self { nano: 0, format: Format::DecimalSi };

    /// Reads an amount.
    ///
    /// # Errors
    /// If the text is not an amount, with Kubernetes' own words for what is wrong.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let parts = split(text)?;
        let (base, exponent, mut format) = interpret_suffix(parts.suffix).ok_or(QuantityError::Suffix)?;
        if parts.whole.is_empty() && parts.fraction.is_empty() && !text.contains('0') {
            return Err(QuantityError::Numeric);
        }
        let digits = format!("{}{}", parts.whole, parts.fraction);
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self { nano: 0, format });
        }
        if digits.len() > 38 {
            return Err(QuantityError::Numeric);
        }
        let mut nano: i128 = digits.parse().map_err(|_| QuantityError::Numeric)?;
        let places = i32::try_from(parts.fraction.len()).map_err(|_| QuantityError::Numeric)?;
        if base == 2 {
            nano = nano
                .checked_shl(u32::try_from(exponent).unwrap_or(0))
                .filter(|shifted| shifted >> exponent == nano)
                .ok_or(QuantityError::Numeric)?;
        }
        let power = 9 - places + if base == 10 { exponent } else { 0 };
        nano = scale_up(nano, power).ok_or(QuantityError::Numeric)?;
        if format == Format::BinarySi {
            nano = nano.min(i128::from(i64::MAX) * NANO);
            if nano < NANO {
                format = Format::DecimalSi;
            }
        }
        Ok(Self { nano: if parts.is_negative { -nano } else { nano }, format })
    }

    /// Thousandths, rounded up (away from nothing is what keeps a small request from becoming none).
    #[must_use]
    pub fn to_milli(&self) -> i64 {
        saturate(divide_up(self.nano, NANO / 1000))
    }

    /// Whole units, rounded up: bytes for memory and storage.
    #[must_use]
    pub fn to_bytes(&self) -> i64 {
        saturate(divide_up(self.nano, NANO))
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.nano == 0
    }

    /// Whether it is less than nothing.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.nano < 0
    }

    /// Whether it is a whole number.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.nano % NANO == 0
    }

    /// The sum, written as the first of the two was (a sum with nothing takes the other's form).
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        let format = if self.nano == 0 { other.format } else { self.format };
        Self { nano: self.nano.saturating_add(other.nano), format }
    }

    /// Rounded up to whole thousandths: what admission does to every request and limit.
    #[must_use]
    pub fn rounded_to_milli(&self) -> Self {
        let step = NANO / 1000;
        Self { nano: divide_up(self.nano, step).saturating_mul(step), format: self.format }
    }

    /// The one way to write it: the largest suffix that leaves a whole number.
    #[must_use]
    pub fn canonical(&self) -> String {
        if self.nano == 0 {
            return "0".to_owned();
        }
        let is_small = self.nano.abs() < 1024 * NANO;
        if self.format == Format::BinarySi && !is_small && self.is_whole() {
            return binary(self.nano / NANO);
        }
        decimal(self.nano, self.format == Format::DecimalExponent)
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nano.cmp(&other.nano)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical())
    }
}

impl std::str::FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::parse(text)
    }
}

fn split(text: &str) -> Result<Parts<'_>, QuantityError> {
    if text.is_empty() {
        return Err(QuantityError::Format);
    }
    let (is_negative, rest) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = rest.split_at(digits(rest));
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let letters = suffix.bytes().take_while(|byte| b"eEinumkKMGTP".contains(byte)).count();
    let exponent = suffix[letters..].strip_prefix(['-', '+']).unwrap_or(&suffix[letters..]);
    if !exponent.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(QuantityError::Format);
    }
    Ok(Parts { is_negative, whole, fraction, suffix })
}

fn interpret_suffix(suffix: &str) -> Option<(u8, i32, Format)> {
    let binary = |exponent| Some((2, exponent, Format::BinarySi));
    let decimal = |exponent| Some((10, exponent, Format::DecimalSi));
    match suffix {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let digits = suffix.strip_prefix(['e', 'E'])?;
            Some((10, digits.parse().ok()?, Format::DecimalExponent))
        }
    }
}

/// `value * 10^power`, rounded up where the power is negative; `None` if it does not fit.
fn scale_up(value: i128, power: i32) -> Option<i128> {
    let size = power.unsigned_abs();
    if power >= 0 {
        return 10i128.checked_pow(size).and_then(|factor| value.checked_mul(factor));
    }
    // A value has at most 38 digits: a larger divisor leaves the smallest amount there is.
    Some(10i128.checked_pow(size).map_or(1, |divisor| divide_up(value, divisor)))
}

/// Division that rounds away from nothing.
fn divide_up(value: i128, divisor: i128) -> i128 {
    let quotient = value / divisor;
    if value % divisor == 0 { quotient } else { quotient + value.signum() }
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn binary(mut units: i128) -> String {
    const SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let mut step = 0;
    while step + 1 < SUFFIXES.len() && units % 1024 == 0 {
        units /= 1024;
        step += 1;
    }
    format!("{units}{}", SUFFIXES[step])
}

fn decimal(mut nano: i128, with_exponent: bool) -> String {
    const SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    let mut step = 0;
    while step + 1 < SUFFIXES.len() && nano % 1000 == 0 {
        nano /= 1000;
        step += 1;
    }
    match (with_exponent, step) {
        (false, _) => format!("{nano}{}", SUFFIXES[step]),
        (true, 3) => nano.to_string(),
        (true, step) => format!("{nano}e{}", 3 * i32::try_from(step).unwrap_or(0) - 9),
    }
}

#[cfg(test)]
mod tests;
