//! The command that a client asks to be run, as words: quotes as a shell has them, and nothing of a shell beside.

/// Words at most, and bytes of all.
const MAX_WORDS: usize = 256;
const MAX_BYTES: usize = 32 * 1024;

/// Why a command is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Not text.
    #[error("the command is not UTF-8")]
    NotText,
    /// A quote that does not end.
    #[error("a quote is not closed")]
    Unclosed,
    /// Something that a shell would do.
    #[error("{0:?} is for a shell, and there is none here; quote it where it is meant as it is")]
    Shell(char),
    /// Too much.
    #[error("the command is longer than {MAX_BYTES} bytes or {MAX_WORDS} words")]
    Long,
}

/// The words of a command, without the name `skiff` that some put before them.
///
/// # Errors
/// See [`WordsError`].
pub fn split(command: &[u8]) -> Result<Vec<String>, WordsError> {
    if command.len() > MAX_BYTES {
        return Err(WordsError::Long);
    }
    let text = std::str::from_utf8(command).map_err(|_| WordsError::NotText)?;
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match letter {
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => quoted(letter, &mut rest, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(rest.next().ok_or(WordsError::Unclosed)?),
            '|' | '&' | ';' | '<' | '>' | '`' | '$' | '(' | ')' | '\n' | '\0' => return Err(WordsError::Shell(letter)),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    if words.len() > MAX_WORDS {
        return Err(WordsError::Long);
    }
    if words.first().is_some_and(|first| first == "skiff") {
        words.remove(0);
    }
    Ok(words)
}

/// Everything up to the closing quote. In double quotes a backslash takes the meaning of a quote and of itself.
fn quoted(quote: char, rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), WordsError> {
    loop {
        match rest.next().ok_or(WordsError::Unclosed)? {
            letter if letter == quote => return Ok(()),
            '\0' => return Err(WordsError::Shell('\0')),
            '\\' if quote == '"' => match rest.next().ok_or(WordsError::Unclosed)? {
                letter @ ('"' | '\\' | '$' | '`') => word.push(letter),
                letter => word.extend(['\\', letter]),
            },
            letter => word.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{WordsError, split};

    #[test]
    fn quotes_keep_words_together_and_a_shell_is_not_there() {
        let words = |text: &str| split(text.as_bytes());
        assert_eq!(words("skiff get pods -l 'app=a b'"), Ok(["get", "pods", "-l", "app=a b"].map(str::to_owned).to_vec()));
        assert_eq!(words(r#"exec web -- sh -c "echo \"\$x\" \n""#).expect("words")[5], r#"echo "$x" \n"#);
        assert_eq!(words(r"a\ b ''").expect("words"), ["a b", ""]);
        assert_eq!(words("  "), Ok(Vec::new()));
        for (text, letter) in [("get pods; id", ';'), ("get `id`", '`'), ("get $(id)", '$'), ("get > /etc/x", '>')] {
            assert_eq!(words(text), Err(WordsError::Shell(letter)), "{text}");
        }
        assert_eq!(words("get 'pods"), Err(WordsError::Unclosed));
        assert_eq!(split(b"get \xff"), Err(WordsError::NotText));
        assert_eq!(words(&"a ".repeat(300)), Err(WordsError::Long));
    }
}
