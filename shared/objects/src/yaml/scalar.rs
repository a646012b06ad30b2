//! How a text is written so that a YAML reader gets the same text back, and no number, flag, date or nothing.

/// Texts are folded past this column.
pub(super) const WIDTH: usize = 80;

/// A key longer than this cannot stand plainly before its colon.
const MAX_SIMPLE_KEY: usize = 128;

/// The forms of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

impl Scalar {
    /// The form of a value.
    pub(super) fn of_text(text: &str) -> Self {
        let shape = Shape::of(text);
        if text.contains('\n') {
            return if shape.allows_literal { Self::Literal } else { Self::DoubleQuoted };
        }
        if reads_as_something_else(text) {
            return Self::DoubleQuoted;
        }
        match (shape.allows_plain, shape.allows_single_quotes) {
            (true, _) => Self::Plain,
            (false, true) => Self::SingleQuoted,
            (false, false) => Self::DoubleQuoted,
        }
    }

    /// The form of a key, which stands on one line.
    pub(super) fn of_key(key: &str) -> Self {
        match Self::of_text(key) {
            Self::Literal => Self::DoubleQuoted,
            Self::Plain if key.is_empty() => Self::SingleQuoted,
            Self::Plain if key.len() > MAX_SIMPLE_KEY => Self::DoubleQuoted,
            other => other,
        }
    }
}

/// In which forms a text survives.
struct Shape {
    allows_plain: bool,
    allows_single_quotes: bool,
    allows_literal: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self { allows_plain: true, allows_single_quotes: true, allows_literal: false };
        }
        let has_edge_space = text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']);
        let has_break_before_space = text.contains("\n ");
        let is_unprintable = text.contains(" \n") || !text.chars().all(is_printable);
        Self {
            allows_plain: !has_edge_space && !text.contains('\n') && !is_unprintable && !has_indicator(text),
            allows_single_quotes: !has_break_before_space && !is_unprintable,
            allows_literal: !text.ends_with(' ') && !is_unprintable,
        }
    }
}

/// Whether the text holds what has a meaning outside of quotes in a block.
fn has_indicator(text: &str) -> bool {
    if text.starts_with("---") || text.starts_with("...") {
        return true;
    }
    let characters: Vec<char> = text.chars().collect();
    characters.iter().enumerate().any(|(index, character)| {
        let is_before_blank = characters.get(index + 1).is_none_or(|next| matches!(next, ' ' | '\t' | '\n'));
        let is_after_blank = index == 0 || matches!(characters[index - 1], ' ' | '\t' | '\n');
        match character {
            ':' => is_before_blank,
            '#' => is_after_blank,
            '?' | '-' => index == 0 && is_before_blank,
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => index == 0,
            _ => false,
        }
    })
}

/// The other breaks that YAML knows are written as escapes.
const fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Whether a YAML 1.1 reader takes the plain text for a number, a flag, a date or nothing.
fn reads_as_something_else(text: &str) -> bool {
    is_word(text) || is_number(text) || is_sexagesimal(text) || is_date(text)
}

fn is_word(text: &str) -> bool {
    matches!(
        text,
        "" | "~"
            | "null"
            | "Null"
            | "NULL"
            | "y"
            | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "on"
            | "On"
            | "ON"
            | "off"
            | "Off"
            | "OFF"
            | "true"
            | "True"
            | "TRUE"
            | "false"
            | "False"
            | "FALSE"
            | ".nan"
            | ".NaN"
            | ".NAN"
            | ".inf"
            | ".Inf"
            | ".INF"
            | "+.inf"
            | "+.Inf"
            | "+.INF"
            | "-.inf"
            | "-.Inf"
            | "-.INF"
    )
}

fn is_number(text: &str) -> bool {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return false;
    }
    let plain: String = text.chars().filter(|character| *character != '_').collect();
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    is_decimal(unsigned) || has_radix(unsigned)
}

/// `.5`, `1`, `1.`, `1.5e-3`.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        None => is_digits(mantissa),
        Some(("", fraction)) => is_digits(fraction),
        Some((whole, fraction)) => is_digits(whole) && (fraction.is_empty() || is_digits(fraction)),
    };
    is_mantissa && exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// `0x1f`, `0b101`, `0o17`, as far as they fit in 64 bits.
fn has_radix(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('0') else { return false };
    let radix = match rest.chars().next() {
        Some('x' | 'X') => 16,
        Some('b' | 'B') => 2,
        Some('o' | 'O') => 8,
        _ => return false,
    };
    u64::from_str_radix(&rest[1..], radix).is_ok()
}

/// `1:30`, `190:20:30.15`: YAML 1.1 reads them in base 60.
fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, ""), |(whole, fraction)| (whole, fraction));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return false;
    }
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let is_first = first.starts_with(|first: char| first.is_ascii_digit())
        && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let mut rest = parts.peekable();
    is_first
        && rest.peek().is_some()
        && rest.all(|part| match part.as_bytes() {
            [digit] => digit.is_ascii_digit(),
            [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
            _ => false,
        })
}

/// `2026-01-02`, `2026-01-02T03:04:05Z`, `2026-1-2 3:4:5.6`.
fn is_date(text: &str) -> bool {
    let Some((date, time)) = text
        .find(['T', 't', ' '])
        .map_or(Some((text, None)), |place| Some((&text[..place], Some((text.as_bytes()[place], &text[place + 1..])))))
    else {
        return false;
    };
    let numbers: Vec<Option<i16>> = date.split('-').map(short_number).collect();
    let [Some(year), Some(month), Some(day)] = numbers.as_slice() else { return false };
    if date.find('-') != Some(4) {
        return false;
    }
    let (Ok(month), Ok(day)) = (i8::try_from(*month), i8::try_from(*day)) else { return false };
    if jiff::civil::Date::new(*year, month, day).is_err() {
        return false;
    }
    match time {
        None => true,
        Some((b' ', time)) => is_clock(time),
        Some((_, time)) => time.strip_suffix('Z').is_some_and(is_clock) || offset_split(time).is_some_and(is_clock),
    }
}

/// A number of one to four digits and nothing else.
fn short_number(text: &str) -> Option<i16> {
    let is_digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}

/// What stands before an offset such as `+02:00`.
fn offset_split(time: &str) -> Option<&str> {
    let place = time.rfind(['+', '-'])?;
    let (hours, minutes) = time[place + 1..].split_once(':')?;
    let is_two = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_two(hours) && is_two(minutes)).then_some(&time[..place])
}

fn is_clock(time: &str) -> bool {
    let (clock, fraction) = time.split_once('.').map_or((time, "0"), |(clock, fraction)| (clock, fraction));
    let parts: Vec<Option<i16>> = clock.split(':').map(short_number).collect();
    let is_fraction = !fraction.is_empty() && fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts.as_slice(), [Some(0..=23), Some(0..=59), Some(0..=59)]) && is_fraction
}

/// In single quotes, with each quote inside doubled.
pub(super) fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// In double quotes, with escapes for what cannot stand there.
pub(super) fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{a0}' => out.push_str("\\_"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            '\u{feff}' => out.push_str("\\uFEFF"),
            other if is_printable(other) => out.push(other),
            other if u32::from(other) <= 0xff => out.push_str(&format!("\\x{:02X}", u32::from(other))),
            other if u32::from(other) <= 0xffff => out.push_str(&format!("\\u{:04X}", u32::from(other))),
            other => out.push_str(&format!("\\U{:08X}", u32::from(other))),
        }
    }
    out.push('"');
    out
}

/// Where a text of some form may go on on the next line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    Plain,
    SingleQuoted,
    DoubleQuoted,
}

impl Fold {
    /// Whether the space at `index` (quotes included) may become a line break.
    pub(super) fn is_allowed(self, characters: &[char], index: usize) -> bool {
        let is_next_space = characters.get(index + 1) == Some(&' ');
        // Inside quotes the first and the last character stay where they are.
        let is_inside = index > 1 && index + 2 < characters.len();
        match self {
            Self::Plain => !is_next_space,
            Self::SingleQuoted => is_inside && !is_next_space,
            Self::DoubleQuoted => is_inside,
        }
    }
}
