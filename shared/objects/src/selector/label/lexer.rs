//! Splits a label selector into words and operators.

/// One piece of a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// Symbols that are no operator.
    Unknown,
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    GreaterThan,
    Identifier,
    In,
    LessThan,
    NotEquals,
    NotIn,
    Open,
}

fn token_of(literal: &str) -> Option<Token> {
    Some(match literal {
        ")" => Token::Close,
        "," => Token::Comma,
        "!" => Token::Not,
        "==" => Token::DoubleEquals,
        "=" => Token::Equals,
        ">" => Token::GreaterThan,
        "in" => Token::In,
        "<" => Token::LessThan,
        "!=" => Token::NotEquals,
        "notin" => Token::NotIn,
        "(" => Token::Open,
        _ => return None,
    })
}

const fn is_symbol(character: char) -> bool {
    matches!(character, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

const fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// All pieces of a selector, with [`Token::End`] at their end. A NUL ends the text, as it does in Kubernetes' lexer.
pub(super) fn scan(text: &str) -> Vec<(Token, String)> {
    let text = text.split('\0').next().unwrap_or_default();
    let mut rest = text.trim_start_matches(is_blank);
    let mut pieces = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (piece, length) = if is_symbol(first) { scan_symbol(rest) } else { scan_word(rest) };
        pieces.push(piece);
        rest = rest[length..].trim_start_matches(is_blank);
    }
    pieces.push((Token::End, String::new()));
    pieces
}

fn scan_word(rest: &str) -> ((Token, String), usize) {
    let length = rest.find(|character| is_symbol(character) || is_blank(character)).unwrap_or(rest.len());
    let word = &rest[..length];
    ((token_of(word).unwrap_or(Token::Identifier), word.to_owned()), length)
}

/// The longest operator that the next symbols make. Symbols are ASCII: each is one byte.
fn scan_symbol(rest: &str) -> ((Token, String), usize) {
    let run = rest.find(|character| !is_symbol(character)).unwrap_or(rest.len());
    let mut found = None;
    for length in 1..=run {
        match token_of(&rest[..length]) {
            Some(token) => found = Some(((token, rest[..length].to_owned()), length)),
            None if found.is_some() => break,
            None => {}
        }
    }
    found.unwrap_or_else(|| ((Token::Unknown, format!("error expected: keyword found '{}'", &rest[..run])), run))
}
