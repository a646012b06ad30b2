//! The fields of a JSON object as texts: an object is put together of its records without reading what is in them.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

/// One field's name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Name<'j>(#[serde(borrow)] Cow<'j, str>);

impl Borrow<str> for Name<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// By name, as all JSON of objects is ordered; the values are JSON.
#[derive(Debug, Default)]
pub struct Fields<'j>(BTreeMap<Name<'j>, Cow<'j, str>>);

impl<'j> Fields<'j> {
    /// The fields of a JSON object; `None` where it is none.
    pub fn read(json: &'j str) -> Option<Self> {
        let fields: BTreeMap<Name<'j>, &'j RawValue> = serde_json::from_str(json).ok()?;
        Some(Self(fields.into_iter().map(|(name, value)| (name, Cow::Borrowed(value.get()))).collect()))
    }

    /// A field's JSON.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref)
    }

    /// A field's JSON, kept.
    pub fn take(mut self, name: &str) -> Option<Cow<'j, str>> {
        self.0.remove(name)
    }

    /// A field that is a text.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// The fields of a field, none where it is missing or null; `None` where it is something else.
    pub fn child(&self, name: &str) -> Option<Fields<'_>> {
        match self.get(name) {
            None | Some("null") => Some(Fields::default()),
            Some(json) => Fields::read(json),
        }
    }

    /// Puts in a field's JSON.
    pub fn set(&mut self, name: &'static str, json: impl Into<Cow<'j, str>>) {
        self.0.insert(Name(Cow::Borrowed(name)), json.into());
    }

    /// The JSON object, and where in it, in bytes, the value of a field begins; 0 where there is no such field.
    pub fn join(&self, wanted: &str) -> (String, usize) {
        let bytes = self.0.iter().map(|(name, value)| name.0.len() + value.len() + 4).sum::<usize>();
        let (mut out, mut at) = (String::with_capacity(bytes + 2), 0);
        for (name, value) in &self.0 {
            out.push(if out.is_empty() { '{' } else { ',' });
            out.push_str(&quoted(&name.0));
            out.push(':');
            if name.0 == wanted {
                at = out.len();
            }
            out.push_str(value);
        }
        if out.is_empty() {
            out.push('{');
        }
        out.push('}');
        (out, at)
    }
}

/// A text as JSON.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
