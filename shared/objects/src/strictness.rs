//! What is done about fields that no type has: the API's `fieldValidation`.

use crate::Kind;
use crate::schema::{self, Shape, Type};
use serde_json::Value;

/// What is done about an unknown field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// It is dropped.
    Ignore,
    /// It is dropped, and the user is told.
    Warn,
    /// Admission refuses the object.
    Strict,
}

/// Takes the unknown fields out of an object, unless they are to be refused; what the user is to be told of them.
#[must_use]
pub fn relax(object: &mut Value, kind: Kind, strictness: Strictness) -> Vec<String> {
    if strictness == Strictness::Strict {
        return Vec::new();
    }
    let mut dropped = Vec::new();
    drop_unknown(object, schema::of(kind), &mut String::new(), &mut dropped);
    match strictness {
        Strictness::Warn => dropped.iter().map(|path| format!("unknown field {path:?}")).collect(),
        Strictness::Ignore | Strictness::Strict => Vec::new(),
    }
}

fn drop_unknown(object: &mut Value, of: &'static Type, path: &mut String, dropped: &mut Vec<String>) {
    let Value::Object(fields) = object else { return };
    let length = path.len();
    let step = |path: &mut String, name: &str| {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
    };
    fields.retain(|name, _| {
        let is_known = of.field(name).is_some();
        if !is_known {
            step(path, name);
            dropped.push(path.clone());
            path.truncate(length);
        }
        is_known
    });
    for (name, value) in fields.iter_mut() {
        if let Some(field) = of.field(name) {
            step(path, name);
            within(value, field.shape, path, dropped);
            path.truncate(length);
        }
    }
}

fn within(value: &mut Value, shape: Shape, path: &mut String, dropped: &mut Vec<String>) {
    let length = path.len();
    match (shape, value) {
        (Shape::Struct(of), value) => drop_unknown(value, of, path, dropped),
        (Shape::List(item), Value::Array(items)) => {
            for (index, value) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{index}]"));
                within(value, *item, path, dropped);
                path.truncate(length);
            }
        }
        (Shape::Map(inner), Value::Object(values)) => {
            for (name, value) in values.iter_mut() {
                path.push_str(&format!(".{name}"));
                within(value, *inner, path, dropped);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Strictness, relax};
    use crate::Kind;
    use serde_json::{Value, json};

    fn pod() -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "colour": "red", "metadata": {"name": "a", "labels": {"any": "thing"}},
               "spec": {"containers": [{"name": "a", "imagee": "b", "ports": [{"prt": 1}]}]}})
    }

    #[test]
    fn unknown_fields_go_and_are_told() {
        let mut object = pod();
        let told = relax(&mut object, Kind::Pod, Strictness::Warn);
        let expected = ["colour", "spec.containers[0].imagee", "spec.containers[0].ports[0].prt"];
        assert_eq!(told, expected.map(|path| format!("unknown field {path:?}")));
        assert_eq!(object["spec"]["containers"][0], json!({"name": "a", "ports": [{}]}));
        assert_eq!(object["metadata"]["labels"]["any"], "thing");
        let mut object = pod();
        assert!(relax(&mut object, Kind::Pod, Strictness::Ignore).is_empty());
        assert!(object.get("colour").is_none());
    }

    #[test]
    fn what_is_to_be_refused_stays() {
        let mut object = pod();
        assert!(relax(&mut object, Kind::Pod, Strictness::Strict).is_empty());
        assert_eq!(object, pod());
    }
}
