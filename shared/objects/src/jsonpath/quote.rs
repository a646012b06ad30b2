//! Texts in quotes, with Go's escapes.

const SYNTAX: &str = "invalid syntax";

/// The content of a text in single or double quotes.
pub(super) fn unquote(text: &str) -> Result<String, &'static str> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or(SYNTAX)?;
    let inner = text[1..].strip_suffix(quote).ok_or(SYNTAX)?;
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '\\' => {
                let (unescaped, length) = escape(rest, quote).ok_or(SYNTAX)?;
                out.push(unescaped);
                rest = &rest[length..];
            }
            '"' | '\'' if character == quote => return Err(SYNTAX),
            other => out.push(other),
        }
    }
    Ok(out)
}

/// The character of an escape whose backslash is read, and how many bytes it takes.
fn escape(rest: &str, quote: char) -> Option<(char, usize)> {
    let simple = match rest.chars().next()? {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        sign @ ('"' | '\'') if sign == quote => sign,
        'x' => return code(rest, 1, 2, 16),
        'u' => return code(rest, 1, 4, 16),
        'U' => return code(rest, 1, 8, 16),
        '0'..='7' => return code(rest, 0, 3, 8).filter(|(character, _)| u32::from(*character) < 256),
        _ => return None,
    };
    Some((simple, 1))
}

fn code(rest: &str, start: usize, digits: usize, radix: u32) -> Option<(char, usize)> {
    let text = rest.get(start..start + digits).filter(|text| text.chars().all(|digit| digit.is_digit(radix)))?;
    Some((char::from_u32(u32::from_str_radix(text, radix).ok()?)?, start + digits))
}
