//! Reads the grammar of label selectors, and says what is wrong in Kubernetes' words.

use super::lexer::{Token, scan};
use super::{Demand, Requirement};
use std::collections::BTreeSet;

const BINARY_OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";
const NAME_FORMAT: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const NAME_RULE: &str =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/// The requirements of a selector, sorted by key; or why it is none.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser { pieces: scan(text), position: 0 };
    let mut requirements = Vec::new();
    loop {
        match parser.peek_value() {
            (Token::Identifier | Token::Not, _) => {}
            (Token::End, _) => break,
            (_, found) => return Err(format!("found '{found}', expected: !, identifier, or 'end of string'")),
        }
        let requirement = parser.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?;
        requirements.push(requirement);
        match parser.take_value() {
            (Token::End, _) => break,
            (Token::Comma, _) => match parser.peek_value() {
                (Token::Identifier | Token::Not, _) => {}
                (_, found) => return Err(format!("found '{found}', expected: identifier after ','")),
            },
            (_, found) => return Err(format!("found '{found}', expected: ',' or 'end of string'")),
        }
    }
    requirements.sort_by(|left, right| left.key.cmp(&right.key));
    Ok(requirements)
}

struct Parser {
    pieces: Vec<(Token, String)>,
    position: usize,
}

impl Parser {
    /// The next piece. Past the end it is the end again.
    fn peek(&self) -> (Token, String) {
        self.pieces.get(self.position).cloned().unwrap_or((Token::End, String::new()))
    }

    /// The next piece where `in` and `notin` are plain words.
    fn peek_value(&self) -> (Token, String) {
        match self.peek() {
            (Token::In | Token::NotIn, word) => (Token::Identifier, word),
            other => other,
        }
    }

    fn take_value(&mut self) -> (Token, String) {
        let piece = self.peek_value();
        self.position += 1;
        piece
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut piece = self.take_value();
        let is_negated = piece.0 == Token::Not;
        if is_negated {
            piece = self.take_value();
        }
        let (Token::Identifier, key) = piece else {
            return Err(format!("found '{}', expected: identifier", piece.1));
        };
        check_key(&key)?;
        let is_last = matches!(self.peek_value().0, Token::End | Token::Comma);
        let demand = match (is_negated, is_last) {
            (true, _) => Demand::DoesNotExist,
            (false, true) => Demand::Exists,
            (false, false) => self.demand(&key)?,
        };
        Ok(Requirement { key, demand })
    }

    fn demand(&mut self, key: &str) -> Result<Demand, String> {
        let (operator, word) = self.peek();
        self.position += 1;
        let values = match operator {
            Token::In | Token::NotIn => self.values()?,
            Token::Equals | Token::DoubleEquals | Token::NotEquals | Token::GreaterThan | Token::LessThan => {
                BTreeSet::from([self.exact_value()?])
            }
            _ => return Err(format!("found '{word}', expected: {BINARY_OPERATORS}")),
        };
        let is_compared = matches!(operator, Token::GreaterThan | Token::LessThan);
        let mut faults = Vec::new();
        for (index, value) in values.iter().enumerate() {
            if is_compared && value.parse::<i64>().is_err() {
                let why = "for 'Gt', 'Lt' operators, the value must be an integer";
                faults.push(format!("values[{index}]: Invalid value: {value:?}: {why}"));
            }
        }
        for (index, value) in values.iter().enumerate() {
            if let Some(why) = value_fault(value) {
                faults.push(format!("values[{index}][{key}]: Invalid value: {value:?}: {why}"));
            }
        }
        match faults.as_slice() {
            [] => {}
            [one] => return Err(one.clone()),
            many => return Err(format!("[{}]", many.join(", "))),
        }
        let bound = || values.first().and_then(|value| value.parse().ok()).unwrap_or_default();
        Ok(match operator {
            Token::GreaterThan => Demand::GreaterThan(bound()),
            Token::LessThan => Demand::LessThan(bound()),
            Token::NotIn | Token::NotEquals => Demand::NotIn(values),
            _ => Demand::In(values),
        })
    }

    fn exact_value(&mut self) -> Result<String, String> {
        if matches!(self.peek_value().0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.take_value() {
            (Token::Identifier, value) => Ok(value),
            (_, found) => Err(format!("found '{found}', expected: identifier")),
        }
    }

    /// A list in parentheses. Nothing between two commas is the empty value.
    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        let (token, found) = self.take_value();
        if token != Token::Open {
            return Err(format!("found '{found}' expected: '('"));
        }
        let first = self.peek_value();
        match first.0 {
            Token::Identifier | Token::Comma => {
                let values = self.identifiers()?;
                match self.take_value().0 {
                    Token::Close => Ok(values),
                    _ => Err(format!("found '{}', expected: ')'", first.1)),
                }
            }
            Token::Close => {
                self.position += 1;
                Ok(BTreeSet::from([String::new()]))
            }
            _ => Err(format!("found '{}', expected: ',', ')' or identifier", first.1)),
        }
    }

    fn identifiers(&mut self) -> Result<BTreeSet<String>, String> {
        let mut values = BTreeSet::new();
        loop {
            match self.take_value() {
                (Token::Identifier, value) => {
                    values.insert(value);
                    match self.peek_value() {
                        (Token::Comma, _) => {}
                        (Token::Close, _) => return Ok(values),
                        (_, found) => return Err(format!("found '{found}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    if values.is_empty() {
                        values.insert(String::new());
                    }
                    match self.peek_value().0 {
                        Token::Close => {
                            values.insert(String::new());
                            return Ok(values);
                        }
                        Token::Comma => {
                            self.position += 1;
                            values.insert(String::new());
                        }
                        _ => {}
                    }
                }
                (_, found) => return Err(format!("found '{found}', expected: ',', or identifier")),
            }
        }
    }
}

/// Whether text is made like the name part of a label's key.
fn is_name(text: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Whether text is a DNS-1123 subdomain, its length apart.
fn is_subdomain(text: &str) -> bool {
    text.split('.').all(|label| {
        let is_edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let bytes = label.as_bytes();
        is_edge(bytes.first())
            && is_edge(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
    })
}

fn check_key(key: &str) -> Result<(), String> {
    let name_rule =
        format!("{NAME_RULE} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{NAME_FORMAT}')");
    let parts: Vec<&str> = key.split('/').collect();
    let mut faults = Vec::new();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            faults.extend(prefix_faults(prefix));
            name
        }
        _ => {
            let why =
                format!("a qualified name {name_rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')");
            return Err(format!("<nil>: Invalid value: {key:?}: {why}"));
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        faults.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_name(name) {
        faults.push(format!("name part {name_rule}"));
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("<nil>: Invalid value: {key:?}: {}", faults.join("; "))) }
}

fn prefix_faults(prefix: &str) -> Vec<String> {
    if prefix.is_empty() {
        return vec!["prefix part must be non-empty".to_owned()];
    }
    let mut faults = Vec::new();
    if prefix.len() > 253 {
        faults.push("prefix part must be no more than 253 bytes".to_owned());
    }
    if !is_subdomain(prefix) {
        let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and \
                    end with an alphanumeric character";
        let format = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
        faults.push(format!("prefix part {rule} (e.g. 'example.com', regex used for validation is '{format}')"));
    }
    faults
}

fn value_fault(value: &str) -> Option<String> {
    let mut faults = Vec::new();
    if value.len() > 63 {
        faults.push("must be no more than 63 bytes".to_owned());
    }
    if !value.is_empty() && !is_name(value) {
        faults.push(format!(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
             an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({NAME_FORMAT})?')"
        ));
    }
    (!faults.is_empty()).then(|| faults.join("; "))
}
