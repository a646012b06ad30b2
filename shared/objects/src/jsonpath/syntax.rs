//! Reads templates into segments of nodes.

use super::quote::unquote;

/// One part of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Segment {
    /// Text outside of braces.
    Text(String),
    /// What stands between braces.
    Expression(Vec<Node>),
}

/// One step of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Field(String),
    Wildcard,
    Recursive,
    Slice(Slice),
    Union(Vec<Vec<Node>>),
    Filter {
        left: Vec<Node>,
        operator: Operator,
        right: Vec<Node>,
    },
    Range,
    End,
    /// A word that means nothing; only evaluating it is a fault.
    Unknown(String),
}

/// `[start:end:step]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) start: Option<i64>,
    pub(super) end: SliceEnd,
    pub(super) step: Option<i64>,
}

/// Where a slice ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SliceEnd {
    /// `[2:]`
    Open,
    /// `[2:4]`
    At(i64),
    /// `[2]`
    OneAfterStart,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operator {
    Exists,
    Less,
    Greater,
    Equal,
    NotEqual,
    LessEqual,
    GreaterEqual,
    Unknown(String),
}

/// The parts of a template, or what is wrong with it.
pub(super) fn parse(template: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let Some(open) = rest.find('{') else {
            segments.push(Segment::Text(rest.to_owned()));
            break;
        };
        if open > 0 {
            segments.push(Segment::Text(rest[..open].to_owned()));
        }
        let mut parser = Parser { rest: &rest[open + 1..], nodes: Vec::new() };
        parser.expression()?;
        segments.push(Segment::Expression(parser.nodes));
        rest = parser.rest;
    }
    Ok(segments)
}

/// The nodes of an expression that stands alone, without braces.
fn parse_inner(expression: &str) -> Result<Vec<Node>, String> {
    let braced = format!("{expression}}}");
    let mut parser = Parser { rest: &braced, nodes: Vec::new() };
    parser.expression()?;
    Ok(parser.nodes)
}

const fn ends_word(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

struct Parser<'a> {
    rest: &'a str,
    nodes: Vec<Node>,
}

impl<'a> Parser<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Everything up to the closing brace.
    fn expression(&mut self) -> Result<(), String> {
        loop {
            let Some(first) = self.rest.chars().next() else { return Err("unclosed action".to_owned()) };
            match first {
                '}' => {
                    self.take(1);
                    return Ok(());
                }
                '\r' | '\n' => return Err("unclosed action".to_owned()),
                ' ' | '@' | '$' => drop(self.take(1)),
                '[' if self.rest.starts_with("[?(") => self.filter()?,
                '[' => self.array()?,
                '.' if self.rest.starts_with("..") => self.recursive()?,
                '.' => {
                    self.take(1);
                    self.field();
                }
                '"' | '\'' => self.quoted(first)?,
                '+' | '-' => self.number()?,
                _ if first.is_numeric() => self.number()?,
                _ if first == '_' || first.is_alphabetic() => self.word(),
                _ => return Err(format!("unrecognized character in action: U+{:04X} '{first}'", u32::from(first))),
            }
        }
    }

    fn recursive(&mut self) -> Result<(), String> {
        if self.nodes.last() == Some(&Node::Recursive) {
            return Err("invalid multiple recursive descent".to_owned());
        }
        self.take(2);
        self.nodes.push(Node::Recursive);
        if self.rest.starts_with(|next: char| next == '_' || next.is_alphanumeric()) {
            self.field();
        }
        Ok(())
    }

    /// A name up to the next sign that a backslash does not stand before.
    fn field(&mut self) {
        let mut is_escaped = false;
        let end = self.rest.find(|character| {
            if is_escaped {
                is_escaped = false;
                return false;
            }
            is_escaped = character == '\\';
            ends_word(character)
        });
        let name = self.take(end.unwrap_or(self.rest.len()));
        self.nodes.push(if name == "*" { Node::Wildcard } else { Node::Field(name.replace('\\', "")) });
    }

    fn word(&mut self) {
        let word = self.take(self.rest.find(ends_word).unwrap_or(self.rest.len()));
        self.nodes.push(match word {
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            "range" => Node::Range,
            "end" => Node::End,
            other => Node::Unknown(other.to_owned()),
        });
    }

    fn number(&mut self) -> Result<(), String> {
        let sign = usize::from(self.rest.starts_with(['+', '-']));
        let digits = self.rest[sign..].find(|character: char| character != '.' && !character.is_numeric());
        let text = self.take(digits.map_or(self.rest.len(), |digits| sign + digits));
        let node = text.parse().ok().map(Node::Int).or_else(|| text.parse().ok().map(Node::Float));
        self.nodes.push(node.ok_or_else(|| format!("cannot parse number {text}"))?);
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), String> {
        let mut before = quote;
        let mut end = None;
        for (index, character) in self.rest.char_indices().skip(1) {
            if character == '\n' {
                break;
            }
            if character == quote && before != '\\' {
                end = Some(index + 1);
                break;
            }
            before = character;
        }
        let text = self.take(end.ok_or("unterminated quoted string")?);
        let content = unquote(text).map_err(|why| format!("unquote string {text} error {why}"))?;
        self.nodes.push(Node::Text(content));
        Ok(())
    }

    fn array(&mut self) -> Result<(), String> {
        let end = self.rest.find([']', '\n']).filter(|end| self.rest[*end..].starts_with(']'));
        let text = self.take(end.ok_or("unterminated array")? + 1);
        let inner = match &text[1..text.len() - 1] {
            "*" => ":",
            inner => inner,
        };
        if inner.contains(',') {
            let parts = inner.split(',').map(|part| parse_inner(&format!("[{}]", part.trim_matches(' '))));
            self.nodes.push(Node::Union(parts.collect::<Result<_, _>>()?));
        } else if let Some(key) = quoted_key(inner) {
            self.nodes.extend(parse_inner(&format!(".{key}"))?);
        } else {
            self.nodes.push(Node::Slice(slice(inner)?));
        }
        Ok(())
    }

    fn filter(&mut self) -> Result<(), String> {
        self.take("[?(".len());
        let mut quote = None;
        let (mut was_closed, mut before, mut end) = (false, '(', None);
        for (index, character) in self.rest.char_indices() {
            match character {
                '\n' => break,
                '"' | '\'' if quote.is_none() => quote = Some(character),
                '"' | '\'' if before != '\\' && quote == Some(character) => was_closed = true,
                ')' if quote.is_some() == was_closed => {
                    end = Some(index);
                    break;
                }
                _ => {}
            }
            before = character;
        }
        let text = self.take(end.ok_or("unterminated filter")?);
        self.take(1);
        if !self.rest.starts_with(']') {
            return Err("unclosed array expect ]".to_owned());
        }
        self.take(1);
        self.nodes.push(filter_of(text)?);
        Ok(())
    }
}

/// The key of `['key']`.
fn quoted_key(inner: &str) -> Option<&str> {
    inner.strip_prefix('\'')?.strip_suffix('\'').filter(|key| !key.contains('\''))
}

fn slice(text: &str) -> Result<Slice, String> {
    let fault = || format!("invalid array index {text}");
    let parts: Vec<&str> = text.split(':').collect();
    let is_bound = |part: &&str| part.strip_prefix('-').unwrap_or(part).bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(is_bound) {
        return Err(fault());
    }
    let bound = |part: &str| match part {
        "" => Ok(None),
        number => number.parse().map(Some).map_err(|_| format!("array index {number} is not a number")),
    };
    let start = bound(parts[0])?;
    let end = match parts.get(1) {
        None => SliceEnd::OneAfterStart,
        Some(part) => bound(part)?.map_or(SliceEnd::Open, SliceEnd::At),
    };
    let step = parts.get(2).map_or(Ok(None), |part| bound(part))?;
    Ok(Slice { start, end, step })
}

fn filter_of(text: &str) -> Result<Node, String> {
    let is_sign = |character: char| matches!(character, '!' | '<' | '>' | '=');
    let parts = text.find(is_sign).filter(|start| *start > 0).and_then(|start| {
        let signs = text[start..].find(|character| !is_sign(character))?;
        Some((&text[..start], &text[start..start + signs], &text[start + signs..]))
    });
    let Some((left, operator, right)) = parts else {
        return Ok(Node::Filter { left: parse_inner(text)?, operator: Operator::Exists, right: Vec::new() });
    };
    let operator = match operator {
        "<" => Operator::Less,
        ">" => Operator::Greater,
        "==" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<=" => Operator::LessEqual,
        ">=" => Operator::GreaterEqual,
        other => Operator::Unknown(other.to_owned()),
    };
    Ok(Node::Filter { left: parse_inner(left)?, operator, right: parse_inner(right)? })
}
