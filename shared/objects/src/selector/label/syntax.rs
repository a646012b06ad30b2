//! Reads the grammar of label selectors, and says what is wrong in Kubernetes' words.

use super::lexer::{Token, scan};
use super::{Demand, Requirement};
use crate::names;
use std::collections::BTreeSet;

const BINARY_OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

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

fn check_key(key: &str) -> Result<(), String> {
    let faults = names::qualified_name(key);
    if faults.is_empty() { Ok(()) } else { Err(format!("<nil>: Invalid value: {key:?}: {}", faults.join("; "))) }
}

fn value_fault(value: &str) -> Option<String> {
    let faults = names::label_value(value);
    (!faults.is_empty()).then(|| faults.join("; "))
}
