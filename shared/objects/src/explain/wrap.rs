//! Breaks text into lines of a width, and moves lines to the right.

/// Breaks at spaces so that lines have at most `limit` characters; a longer word gets a line of its own.
pub(super) fn wrap(text: &str, limit: usize) -> String {
    let lines = text.split('\n').map(|line| wrap_line(line, limit));
    lines.collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, limit: usize) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let (mut column, mut rest) = (0, line);
    while !rest.is_empty() {
        let spaces = rest.find(|character: char| !character.is_whitespace()).unwrap_or(rest.len());
        let word = rest[spaces..].find(char::is_whitespace).unwrap_or(rest.len() - spaces);
        let (space, text) = (&rest[..spaces], &rest[spaces..spaces + word]);
        let (space_length, length) = (space.chars().count(), text.chars().count());
        if column + space_length + length > limit && column + space_length > 1 && !text.is_empty() {
            out.push('\n');
            column = length;
        } else if text.is_empty() && column + space_length > limit {
            return out;
        } else {
            out.push_str(space);
            column += space_length + length;
        }
        out.push_str(text);
        rest = &rest[spaces + word..];
    }
    out
}

/// Puts spaces before every line, the empty ones too.
pub(super) fn indent(text: &str, by: usize) -> String {
    let margin = " ".repeat(by);
    format!("{margin}{}", text.replace('\n', &format!("\n{margin}")))
}

#[cfg(test)]
mod tests {
    use super::{indent, wrap};

    #[test]
    fn lines_break_at_spaces_and_long_words_stand_alone() {
        assert_eq!(wrap("one two three", 7), "one two\nthree");
        assert_eq!(wrap("one https://example.org two", 8), "one\nhttps://example.org\ntwo");
        assert_eq!(wrap("a\n\nb c ", 3), "a\n\nb c");
        assert_eq!(wrap("", 3), "");
        assert_eq!(indent("a\n\nb", 2), "  a\n  \n  b");
    }
}
