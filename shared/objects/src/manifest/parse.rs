//! The parser's events become values and positions.
//!
//! The events come from granit-parser, which is also what stands under serde-saphyr: with serde only the nodes that a
//! type asks for by `Spanned` have a place, and every field of every document needs one here. Repeated keys, aliases
//! and the limits are therefore handled here too.

use super::scalar;
use super::{Document, Fault, Positions};
use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// More documents than a person or a tool writes into one file.
const MAX_DOCUMENTS: usize = 100;
/// Nodes of one text, aliases counted with all they stand for: what stops a "billion laughs".
const MAX_NODES: usize = 50_000;
/// A Pod's deepest field is at 13.
const MAX_DEPTH: usize = 32;

type Place = (u32, u32);

/// Reads all documents; lists are not taken apart yet.
pub(super) fn parse(text: &str) -> Result<Vec<Document>, Vec<Fault>> {
    let untabbed = without_json_tabs(text);
    let mut builder = Builder::default();
    for event in Parser::new_from_str(untabbed.as_deref().unwrap_or(text)) {
        let step = match event {
            Ok((event, span)) => builder.take(event, &span),
            // The iterator may repeat a fault of syntax for ever: the first is the last.
            Err(error) => Err(syntax_fault(&error)),
        };
        if let Err(fault) = step {
            builder.faults.push(fault);
            break;
        }
    }
    if builder.faults.is_empty() { Ok(builder.documents) } else { Err(builder.faults) }
}

/// JSON may be indented with tabs, YAML may not; inside JSON's strings there are none.
fn without_json_tabs(text: &str) -> Option<String> {
    let is_json = text.trim_start().starts_with(['{', '[']) && text.contains('\t');
    is_json.then(|| text.replace('\t', " "))
}

fn syntax_fault(error: &ScanError) -> Fault {
    let (line, column) = place(error.marker());
    let message = match error.info() {
        // The parser's own limit, which it reaches where it looks ahead.
        message if message.contains("recursion limit") => too_deep(),
        message if message.contains("tab") => format!("{message}: indent with spaces"),
        message => message,
    };
    Fault { line: Some(line), column: Some(column), path: String::new(), message }
}

fn too_deep() -> String {
    format!("nested deeper than {MAX_DEPTH}: no field is that deep")
}

fn place(marker: &Marker) -> Place {
    let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    (number(marker.line()), number(marker.col() + 1))
}

fn fault_at(place: Place, path: &str, message: impl Into<String>) -> Fault {
    Fault { line: Some(place.0), column: Some(place.1), path: path.to_owned(), message: message.into() }
}

/// A list or map whose end was not seen yet.
struct Frame {
    content: Content,
    /// How long the path is without what is inside.
    path_length: usize,
    /// The nodes before it: the difference at its end is its size.
    nodes_before: usize,
    anchor: usize,
}

enum Content {
    List(Vec<Value>),
    Map { fields: Map<String, Value>, key: Option<Key>, merged: Vec<Map<String, Value>> },
}

enum Key {
    /// The next value is this field's.
    Field(String),
    /// The next value's fields are taken over where the map has none of that name.
    Merge,
    /// The key was there before: the next value is read and dropped.
    Repeated,
}

struct Anchored {
    value: Value,
    nodes: usize,
}

#[derive(Default)]
struct Builder {
    documents: Vec<Document>,
    faults: Vec<Fault>,
    nodes: usize,
    stack: Vec<Frame>,
    path: String,
    positions: Positions,
    anchors: HashMap<usize, Anchored>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Fault> {
        let place = place(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, (anchor, tag.as_deref()), place),
            Event::SequenceStart(_, anchor, _) => self.open(Content::List(Vec::new()), anchor, place),
            Event::MappingStart(_, anchor, _) => {
                self.open(Content::Map { fields: Map::new(), key: None, merged: Vec::new() }, anchor, place)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::DocumentStart(..) => self.start_document(place),
            _ => Ok(()),
        }
    }

    fn start_document(&mut self, place: Place) -> Result<(), Fault> {
        if self.documents.len() == MAX_DOCUMENTS {
            return Err(fault_at(place, "", format!("more than {MAX_DOCUMENTS} documents: split the file")));
        }
        self.anchors.clear();
        self.positions = Positions::default();
        Ok(())
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(fault_at(
                place,
                &self.path,
                format!("more than {MAX_NODES} values, counting what aliases stand for: split the file"),
            ));
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, marks: (usize, Option<&Tag>), place: Place) -> Result<(), Fault> {
        let (anchor, tag) = marks;
        self.count(1, place)?;
        let value = scalar::resolve(text, style, tag).map_err(|message| fault_at(place, &self.path, message))?;
        if self.expects_key() {
            let is_merge = text == "<<" && style == ScalarStyle::Plain;
            let key = scalar::key_text(&value).ok_or_else(|| fault_at(place, &self.path, "a key is missing before the colon"))?;
            self.key(key, is_merge, place);
            return Ok(());
        }
        self.step_into_item(place);
        self.anchor(anchor, &value, 1);
        self.put(value, place)
    }

    fn open(&mut self, content: Content, anchor: usize, place: Place) -> Result<(), Fault> {
        self.count(1, place)?;
        if self.expects_key() {
            return Err(fault_at(place, &self.path, "a list or map cannot be a key: write a text before the colon"));
        }
        if self.stack.len() == MAX_DEPTH {
            return Err(fault_at(place, &self.path, too_deep()));
        }
        self.step_into_item(place);
        if self.stack.is_empty() {
            self.positions.root = Some(place);
        }
        self.stack.push(Frame { content, path_length: self.path.len(), nodes_before: self.nodes - 1, anchor });
        Ok(())
    }

    fn close(&mut self, place: Place) -> Result<(), Fault> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        self.path.truncate(frame.path_length);
        let value = match frame.content {
            Content::List(items) => Value::Array(items),
            Content::Map { mut fields, merged, .. } => {
                for (key, value) in merged.into_iter().flatten() {
                    fields.entry(key).or_insert(value);
                }
                Value::Object(fields)
            }
        };
        let nodes = self.nodes - frame.nodes_before;
        self.anchor(frame.anchor, &value, nodes);
        self.put(value, place)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Fault> {
        if self.expects_key() {
            return Err(fault_at(place, &self.path, "an alias cannot be a key: write the text"));
        }
        let Some(nodes) = self.anchors.get(&anchor).map(|anchored| anchored.nodes) else {
            return Err(fault_at(place, &self.path, "the alias stands inside what it stands for"));
        };
        self.count(nodes, place)?;
        let value = self.anchors.get(&anchor).map(|anchored| anchored.value.clone()).unwrap_or_default();
        if self.stack.len() + depth(&value) > MAX_DEPTH {
            return Err(fault_at(place, &self.path, too_deep()));
        }
        self.step_into_item(place);
        self.put(value, place)
    }

    fn anchor(&mut self, anchor: usize, value: &Value, nodes: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { value: value.clone(), nodes });
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { content: Content::Map { key: None, .. }, .. }))
    }

    /// Extends the path by a key and notes its place.
    fn key(&mut self, key: String, is_merge: bool, at: Place) {
        let Some(frame) = self.stack.last_mut() else { return };
        let Content::Map { fields, key: slot, .. } = &mut frame.content else { return };
        self.path.truncate(frame.path_length);
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(&key);
        if is_merge {
            *slot = Some(Key::Merge);
        } else if fields.contains_key(&key) {
            let first = self.positions.places.get(&self.path).map_or(0, |place| place.0);
            let message = format!("duplicate key {key:?}: line {first} has it already; keep one of them");
            self.faults.push(fault_at(at, &self.path, message));
            *slot = Some(Key::Repeated);
        } else {
            self.positions.places.insert(self.path.clone(), at);
            // The value follows; until then the key is taken, so that a repetition is seen.
            fields.insert(key.clone(), Value::Null);
            *slot = Some(Key::Field(key));
        }
    }

    /// Extends the path by a list's index and notes its place.
    fn step_into_item(&mut self, at: Place) {
        let Some(frame) = self.stack.last() else {
            self.positions.root = Some(at);
            return;
        };
        if let Content::List(items) = &frame.content {
            self.path.truncate(frame.path_length);
            self.path.push_str(&format!("[{}]", items.len()));
            self.positions.places.insert(self.path.clone(), at);
        }
    }

    /// Puts a finished value where it belongs.
    fn put(&mut self, value: Value, at: Place) -> Result<(), Fault> {
        let Some(frame) = self.stack.last_mut() else { return self.finish(value, at) };
        self.path.truncate(frame.path_length);
        match &mut frame.content {
            Content::List(items) => items.push(value),
            Content::Map { fields, key, merged } => match key.take() {
                Some(Key::Field(key)) => {
                    fields.insert(key, value);
                }
                Some(Key::Merge) => match value {
                    Value::Object(one) => merged.push(one),
                    Value::Array(many) if many.iter().all(Value::is_object) => {
                        merged.extend(
                            many.into_iter().filter_map(|one| if let Value::Object(one) = one { Some(one) } else { None }),
                        );
                    }
                    _ => return Err(fault_at(at, &self.path, "only maps can be merged with <<")),
                },
                Some(Key::Repeated) | None => {}
            },
        }
        Ok(())
    }

    /// A document is complete.
    fn finish(&mut self, value: Value, at: Place) -> Result<(), Fault> {
        let positions = std::mem::take(&mut self.positions);
        match value {
            // A comment, or nothing between two `---`.
            Value::Null => Ok(()),
            Value::Object(_) => {
                let line = positions.root.unwrap_or(at).0;
                self.documents.push(Document { value, line, positions });
                Ok(())
            }
            other => {
                let found = scalar::type_name(&other);
                let place = positions.root.unwrap_or(at);
                Err(fault_at(place, "", format!("an object is a map of fields (apiVersion, kind, …), this is a {found}")))
            }
        }
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
