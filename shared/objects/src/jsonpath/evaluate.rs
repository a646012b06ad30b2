//! Walks an object along the nodes of a template.

use super::MissingKeys;
use super::syntax::{Node, Operator, Segment, Slice, SliceEnd};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

/// Values of the object, or of the template.
type Found<'a> = Vec<Cow<'a, Value>>;

/// The values of each segment that has any to show; or what the object lacks.
pub(super) fn run<'a>(segments: &[Segment], object: &'a Value, missing: MissingKeys) -> Result<Vec<Found<'a>>, String> {
    let mut groups = Vec::new();
    Evaluator { segments, missing }.block(0, &[Cow::Borrowed(object)], Nesting::Outside, &mut groups)?;
    Ok(groups)
}

/// Whether an `{end}` has something to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Outside,
    InRange,
}

struct Evaluator<'t> {
    segments: &'t [Segment],
    missing: MissingKeys,
}

fn is_range(segment: &Segment) -> bool {
    matches!(segment, Segment::Expression(nodes) if nodes.contains(&Node::Range))
}

fn is_end(segment: &Segment) -> bool {
    matches!(segment, Segment::Expression(nodes) if nodes.contains(&Node::End))
}

impl Evaluator<'_> {
    /// Goes from a segment to the end of its range. Gives the place of that end.
    fn block<'a>(
        &self,
        from: usize,
        current: &[Cow<'a, Value>],
        nesting: Nesting,
        groups: &mut Vec<Found<'a>>,
    ) -> Result<usize, String> {
        let mut place = from;
        while let Some(segment) = self.segments.get(place) {
            if is_end(segment) {
                return match nesting {
                    Nesting::InRange => Ok(place),
                    Nesting::Outside => Err("not in range, nothing to end".to_owned()),
                };
            }
            let results = match segment {
                Segment::Text(text) => vec![Cow::Owned(Value::from(text.as_str()))],
                Segment::Expression(nodes) => self.walk_all(current.to_vec(), nodes)?,
            };
            if is_range(segment) {
                for result in results {
                    self.block(place + 1, &[result], Nesting::InRange, groups)?;
                }
                place = self.end_of_range(place + 1);
            } else {
                groups.push(results);
            }
            place += 1;
        }
        Ok(place)
    }

    /// The place of the `{end}` that closes a range whose body starts here.
    fn end_of_range(&self, body: usize) -> usize {
        let mut depth = 1;
        for (place, segment) in self.segments.iter().enumerate().skip(body) {
            depth += usize::from(is_range(segment));
            depth -= usize::from(is_end(segment));
            if depth == 0 {
                return place;
            }
        }
        self.segments.len()
    }

    fn walk_all<'a>(&self, mut values: Found<'a>, nodes: &[Node]) -> Result<Found<'a>, String> {
        for node in nodes {
            values = self.walk(values, node)?;
        }
        Ok(values)
    }

    fn walk<'a>(&self, values: Found<'a>, node: &Node) -> Result<Found<'a>, String> {
        let constant = |value: Value, values: Found<'a>| Ok(values.iter().map(|_| Cow::Owned(value.clone())).collect());
        match node {
            Node::Text(text) => Ok(vec![Cow::Owned(Value::from(text.as_str()))]),
            Node::Int(number) => constant(Value::from(*number), values),
            Node::Float(number) => constant(Value::from(*number), values),
            Node::Bool(flag) => constant(Value::from(*flag), values),
            Node::Field(name) => self.field(values, name),
            Node::Wildcard => Ok(values.into_iter().flat_map(children).collect()),
            Node::Recursive => {
                let mut all = Vec::new();
                values.into_iter().for_each(|value| descend(value, &mut all));
                Ok(all)
            }
            Node::Slice(slice) => cut_all(values, *slice),
            Node::Union(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.walk_all(values.clone(), part)?);
                }
                Ok(all)
            }
            Node::Filter { left, operator, right } => self.filter(values, left, operator, right),
            Node::Range | Node::End => Ok(values),
            Node::Unknown(word) => Err(format!("unrecognized identifier {word}")),
        }
    }

    fn field<'a>(&self, values: Found<'a>, name: &str) -> Result<Found<'a>, String> {
        if values.is_empty() {
            return Ok(values);
        }
        let found: Found<'a> = values.into_iter().filter_map(|value| member(value, name)).collect();
        if found.is_empty() && self.missing == MissingKeys::Refused {
            return Err(format!("{name} is not found"));
        }
        Ok(found)
    }

    fn filter<'a>(&self, values: Found<'a>, left: &[Node], operator: &Operator, right: &[Node]) -> Result<Found<'a>, String> {
        let mut kept = Vec::new();
        for value in values {
            if !value.is_array() {
                let shown = super::render::go_value(&value);
                return Err(format!("{shown} is not array or slice and cannot be filtered"));
            }
            for element in children(value) {
                let is_kept = match operator {
                    // What cannot be walked does not exist.
                    Operator::Exists => self.walk_all(vec![element.clone()], left).is_ok_and(|found| !found.is_empty()),
                    operator => self.compare(&element, left, operator, right)?,
                };
                if is_kept {
                    kept.push(element);
                }
            }
        }
        Ok(kept)
    }

    fn compare(&self, element: &Value, left: &[Node], operator: &Operator, right: &[Node]) -> Result<bool, String> {
        let one = |nodes: &[Node]| {
            let mut found = self.walk_all(vec![Cow::Borrowed(element)], nodes)?;
            if found.len() > 1 {
                return Err("can only compare one element at a time".to_owned());
            }
            Ok(found.pop())
        };
        let Some(left) = one(left)? else { return Ok(false) };
        let Some(right) = one(right)? else { return Ok(false) };
        if let Operator::Unknown(signs) = operator {
            return Err(format!("unrecognized filter operator {signs}"));
        }
        let order = order_of(&left, &right)?;
        let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        if left.is_boolean() && !is_equality {
            return Err("invalid type for comparison".to_owned());
        }
        Ok(match operator {
            Operator::Less => order.is_lt(),
            Operator::Greater => order.is_gt(),
            Operator::LessEqual => order.is_le(),
            Operator::GreaterEqual => order.is_ge(),
            Operator::NotEqual => order.is_ne(),
            Operator::Equal | Operator::Exists | Operator::Unknown(_) => order.is_eq(),
        })
    }
}

fn order_of(left: &Value, right: &Value) -> Result<Ordering, String> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Ok(left.cmp(right)),
        (Value::String(left), Value::String(right)) => Ok(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Ok(left.cmp(&right)),
            _ => left.as_f64().partial_cmp(&right.as_f64()).ok_or_else(|| "incompatible types for comparison".to_owned()),
        },
        (Value::Bool(_) | Value::String(_) | Value::Number(_), Value::Bool(_) | Value::String(_) | Value::Number(_)) => {
            Err("incompatible types for comparison".to_owned())
        }
        _ => Err("invalid type for comparison".to_owned()),
    }
}

fn member<'a>(value: Cow<'a, Value>, name: &str) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => value.as_object()?.get(name).map(Cow::Borrowed),
        Cow::Owned(mut value) => value.as_object_mut()?.remove(name).map(Cow::Owned),
    }
}

/// The elements of a list or the values of an object by key.
fn children(value: Cow<'_, Value>) -> Found<'_> {
    match value {
        Cow::Borrowed(Value::Array(list)) => list.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(map)) => map.values().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Array(list)) => list.into_iter().map(Cow::Owned).collect(),
        Cow::Owned(Value::Object(map)) => map.into_iter().map(|(_, value)| Cow::Owned(value)).collect(),
        _ => Vec::new(),
    }
}

/// Every object and list from here on down that holds anything.
fn descend<'a>(value: Cow<'a, Value>, all: &mut Found<'a>) {
    let inner = children(value.clone());
    if !inner.is_empty() {
        all.push(value);
        inner.into_iter().for_each(|child| descend(child, all));
    }
}

fn cut_all(values: Found<'_>, slice: Slice) -> Result<Found<'_>, String> {
    let mut all = Vec::new();
    for value in values {
        match &*value {
            Value::Null => {}
            Value::Array(list) => {
                let Some((start, end, step)) = bounds(slice, list.len())? else { return Ok(all) };
                all.extend(children(value).into_iter().take(end).skip(start).step_by(step));
            }
            other => return Err(format!("{} is not array or slice", super::render::go_type(other))),
        }
    }
    Ok(all)
}

/// Start, end and step of a slice in a list; nothing where it asks for no element.
fn bounds(slice: Slice, length: usize) -> Result<Option<(usize, usize, usize)>, String> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let given = slice.start.unwrap_or(0);
    let start = if given < 0 { given.saturating_add(length) } else { given };
    let end = match slice.end {
        SliceEnd::Open => length,
        SliceEnd::At(end) if end < 0 => end.saturating_add(length),
        SliceEnd::At(end) => end,
        SliceEnd::OneAfterStart => match given.saturating_add(1) {
            end if end <= 0 => end.saturating_add(length),
            end => end,
        },
    };
    if start == end {
        return Ok(None);
    }
    let outside = |index: i64| Err(format!("array index out of bounds: index {index}, length {length}"));
    if start >= length || start < 0 {
        return outside(start);
    }
    if end > length || end < 0 {
        return outside(end.saturating_sub(1));
    }
    if start > end {
        return Err(format!("starting index {start} is greater than ending index {end}"));
    }
    let step = slice.step.unwrap_or(1);
    let (Ok(start), Ok(end), Ok(step @ 1..)) = (usize::try_from(start), usize::try_from(end), usize::try_from(step)) else {
        return Err("step must be > 0".to_owned());
    };
    Ok(Some((start, end, step)))
}
