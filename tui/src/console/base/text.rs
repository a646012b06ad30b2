//! Text measured in terminal columns, and freed of what a terminal would obey.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// The longest beginning of a text that takes at most so many columns, and how many it takes.
pub fn head(text: &str, columns: usize) -> (&str, usize) {
    if text.is_ascii() {
        let end = text.len().min(columns);
        return (&text[..end], end);
    }
    let mut used = 0;
    for (at, letter) in text.char_indices() {
        let next = used + letter.width().unwrap_or(0);
        if next > columns {
            return (&text[..at], used);
        }
        used = next;
    }
    (text, used)
}

/// What is left of a text after its first so many columns. A wide letter on the border is left out whole.
pub fn tail(text: &str, columns: usize) -> &str {
    if columns == 0 {
        return text;
    }
    if text.is_ascii() {
        return text.get(columns..).unwrap_or("");
    }
    let mut used = 0;
    for (at, letter) in text.char_indices() {
        if used >= columns && letter.width().unwrap_or(0) > 0 {
            return &text[at..];
        }
        used += letter.width().unwrap_or(0);
    }
    ""
}

/// What stays of a text that has to leave out its middle to take at most so many columns: its beginning, and its end after the `…`.
/// `None` where it has room whole.
pub fn ends(text: &str, columns: usize) -> Option<(&str, &str)> {
    let whole = width(text);
    if whole <= columns || columns < 3 {
        return None;
    }
    let end = tail(text, whole - columns / 3);
    let (begin, _) = head(text, columns - 1 - width(end));
    Some((begin, end))
}

/// A text in rows of at most so many columns, broken between words where that is possible.
pub fn wrap(value: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut rows = Vec::new();
    for line in value.lines() {
        let mut row = String::new();
        for word in clean(line).split_whitespace() {
            let needed = width(word) + usize::from(!row.is_empty());
            if !row.is_empty() && width(&row) + needed > columns {
                rows.push(std::mem::take(&mut row));
            }
            if !row.is_empty() {
                row.push(' ');
            }
            let mut rest = word;
            while width(rest) > columns {
                let (first, _) = head(rest, columns);
                // A letter wider than the row has to stand somewhere.
                let first = if first.is_empty() { &rest[..rest.chars().next().map_or(0, char::len_utf8)] } else { first };
                rows.push(first.to_owned());
                rest = &rest[first.len()..];
            }
            row.push_str(rest);
        }
        rows.push(row);
    }
    if rows.is_empty() {
        rows.push(String::new());
    }
    rows
}

/// A line as it may be shown: escape sequences and control characters are gone, tabs are spaces up to the next eighth column.
pub fn clean(line: &str) -> String {
    if !line.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == 0xc2) {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len());
    let mut column = 0;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_escape(&mut letters),
            '\t' => {
                let spaces = 8 - column % 8;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            letter if letter.is_control() => {}
            letter => {
                out.push(letter);
                column += letter.width().unwrap_or(0);
            }
        }
    }
    out
}

/// Leaves out one escape sequence: `CSI … final`, `OSC … BEL|ST`, or two characters.
fn skip_escape(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match letters.next() {
        Some('[') => {
            for letter in letters.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&letter) {
                    break;
                }
            }
        }
        Some(']' | 'P' | '_' | '^') => {
            let mut escaped = false;
            for letter in letters.by_ref() {
                if letter == '\u{7}' || (escaped && letter == '\\') {
                    break;
                }
                escaped = letter == '\u{1b}';
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{clean, ends, head, tail, width, wrap};

    #[test]
    fn rows_break_between_words_and_within_those_that_are_too_long() {
        assert_eq!(wrap("a bb ccc\nd", 4), ["a bb", "ccc", "d"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("日本", 1), ["日", "本", ""]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn a_name_that_is_too_long_keeps_both_its_ends() {
        assert_eq!(ends("shop-77cbb75fff-4cxnd", 17), Some(("shop-77cbb7", "4cxnd")));
        assert_eq!(ends("shop-77cbb75fff-4cxnd", 21), None);
        assert_eq!(ends("shop", 2), None);
        let (begin, end) = ends("日本語日本語", 6).expect("it is too long");
        assert!(width(begin) + 1 + width(end) <= 6 && end == "語", "{begin}…{end}");
    }

    #[test]
    fn wide_letters_are_never_cut_in_half() {
        assert_eq!(head("日本語", 5), ("日本", 4));
        assert_eq!(tail("日本語", 1), "本語");
        assert_eq!(tail("日本語", 2), "本語");
        assert_eq!(width("日本語"), 6);
        assert_eq!(tail("abc", 9), "");
    }

    #[test]
    fn nothing_a_terminal_would_obey_is_left() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m plain"), "red plain");
        assert_eq!(clean("\u{1b}]0;title\u{7}x\u{1b}]52;c;aGk=\u{1b}\\y"), "xy");
        assert_eq!(clean("a\tb\r"), "a       b");
        assert_eq!(clean("é\u{9b}31m"), "é31m");
        assert_eq!(clean("\u{1b}["), "");
    }
}
