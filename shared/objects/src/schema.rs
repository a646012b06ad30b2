//! The fields of every type: what strict decoding, merging and the API server's own dumps need to know of them.
//!
//! The typed objects of k8s-openapi drop unknown fields, forget which empty values were written, and do not know the
//! API server's internal names and their order, nor the merge keys. These tables do. A row is
//! `field(name in the server, name in JSON, shape)` with what differs from an optional value:
//! `pointer` (an empty value counts as written), `always` (printed when empty), `merge_by` (a list merged by that key),
//! `merge_set` (a list of texts merged as a set), `retain_keys` (a union: setting one member drops the others),
//! `named` (the list or map has a name of its own in error messages). For server-side apply a list with a merge key is told apart by
//! it, a merged set is a set, other lists are one piece; `keyed_by` (a list is told apart by these fields there) and `atomic` (a
//! field, or all of a type, is one piece) say where it is otherwise.
//! A type is `internal` where the server's own form has no JSON names, and `tagged` where it is the same as in JSON.
//! A server name that is empty is not in the server's form; a JSON name that begins with `^` is the parent's field.

mod container;
pub(crate) mod decode;
pub(crate) mod dump;
pub(crate) mod meta;
pub(crate) mod node;
pub(crate) mod normal;
pub(crate) mod pod;
mod status;
mod volume;

use crate::Kind;

/// A type with its fields.
#[derive(Debug)]
pub(crate) struct Type {
    /// The server's name: `ContainerPort`.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
    /// Whether the server's form has JSON's names and leaves out what is empty.
    pub(crate) is_tagged: bool,
    /// Whether server-side apply takes an object of it as one piece.
    is_atomic: bool,
}

/// A field of a type.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) server_name: &'static str,
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) is_pointer: bool,
    pub(crate) is_always: bool,
    pub(crate) merge: Merge,
    /// The key fields of a list's items in server-side apply, where they differ from `merge`.
    keys: &'static [&'static str],
    is_atomic: bool,
    type_name: &'static str,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A text; with the name of its type.
    Text(&'static str),
    /// Bytes as base64.
    Bytes,
    Bool,
    Int32,
    Int64,
    /// An amount: a text or a number.
    Quantity,
    /// A number or a text: a port.
    IntOrString,
    /// RFC 3339.
    Time,
    /// Whatever it is.
    Any,
    Struct(&'static Type),
    List(&'static Shape),
    Map(&'static Shape),
}

/// How a list or map is merged by `apply`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// A list is replaced whole; a map or struct is merged field by field.
    Default,
    /// Items with the same value of that field are the same item.
    ByKey(&'static str),
    /// As `ByKey`, and an item is a union.
    ByKeyRetaining(&'static str),
    /// Texts that are only added and removed.
    Set,
    /// A struct that is a union.
    Retaining,
}

/// How server-side apply takes a value apart: what of it can have a manager of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Topology {
    /// A plain value.
    Leaf(Shape),
    /// A list, map or struct that is one piece.
    Atomic,
    Struct(&'static Type),
    Map(&'static Shape),
    /// A list of things that these fields tell apart.
    Things(&'static [&'static str], &'static Type),
    /// A list of plain values, each at most once.
    Set,
}

impl Topology {
    pub(crate) fn of(shape: Shape) -> Self {
        match shape {
            Shape::Struct(of) if of.is_atomic => Self::Atomic,
            Shape::Struct(of) => Self::Struct(of),
            Shape::Map(inner) => Self::Map(inner),
            Shape::List(_) | Shape::Any => Self::Atomic,
            plain => Self::Leaf(plain),
        }
    }

    /// That of a field. One that no type has is one piece.
    pub(crate) fn field(self, name: &str) -> Self {
        match self {
            Self::Struct(of) => of.field(name).map_or(Self::Atomic, Field::topology),
            Self::Map(inner) => Self::of(*inner),
            _ => Self::Atomic,
        }
    }

    /// That of an item.
    pub(crate) fn item(self) -> Self {
        match self {
            Self::Things(_, of) => Self::Struct(of),
            _ => Self::Leaf(TEXT),
        }
    }
}

pub(crate) const TEXT: Shape = Shape::Text("string");

pub(crate) const fn field(server_name: &'static str, name: &'static str, shape: Shape) -> Field {
    Field {
        server_name,
        name,
        shape,
        is_pointer: false,
        is_always: false,
        merge: Merge::Default,
        keys: &[],
        is_atomic: false,
        type_name: "",
    }
}

pub(crate) const fn internal(name: &'static str, fields: &'static [Field]) -> Type {
    Type { name, fields, is_tagged: false, is_atomic: false }
}

pub(crate) const fn tagged(name: &'static str, fields: &'static [Field]) -> Type {
    Type { name, fields, is_tagged: true, is_atomic: false }
}

impl Field {
    pub(crate) const fn pointer(mut self) -> Self {
        self.is_pointer = true;
        self
    }

    pub(crate) const fn always(mut self) -> Self {
        self.is_always = true;
        self
    }

    const fn named(mut self, name: &'static str) -> Self {
        self.type_name = name;
        self
    }

    pub(crate) const fn merge_by(mut self, key: &'static str) -> Self {
        self.merge = Merge::ByKey(key);
        self
    }

    const fn merge_set(mut self) -> Self {
        self.merge = Merge::Set;
        self
    }

    pub(crate) const fn retain_keys(mut self) -> Self {
        self.merge = match self.merge {
            Merge::ByKey(key) => Merge::ByKeyRetaining(key),
            _ => Merge::Retaining,
        };
        self
    }

    pub(crate) const fn keyed_by(mut self, keys: &'static [&'static str]) -> Self {
        self.keys = keys;
        self
    }

    pub(crate) const fn atomic(mut self) -> Self {
        self.is_atomic = true;
        self
    }

    /// What server-side apply sees in the field's value.
    pub(crate) fn topology(&'static self) -> Topology {
        match (self.shape, &self.merge) {
            _ if self.is_atomic => Topology::Atomic,
            (Shape::List(Shape::Struct(of)), _) if !self.keys.is_empty() => Topology::Things(self.keys, of),
            (Shape::List(Shape::Struct(of)), Merge::ByKey(key) | Merge::ByKeyRetaining(key)) => {
                Topology::Things(std::slice::from_ref(key), of)
            }
            (Shape::List(_), Merge::Set) => Topology::Set,
            (shape, _) => Topology::of(shape),
        }
    }

    /// The type's name in error messages: `[]v1.Container`.
    pub(crate) fn type_name(&self) -> String {
        if self.type_name.is_empty() { self.shape.type_name() } else { self.type_name.to_owned() }
    }
}

impl Shape {
    pub(crate) fn type_name(self) -> String {
        match self {
            Self::Text(name) => name.to_owned(),
            Self::Bytes => "[]uint8".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Int32 => "int32".to_owned(),
            Self::Int64 => "int64".to_owned(),
            Self::Quantity => "resource.Quantity".to_owned(),
            Self::IntOrString => "intstr.IntOrString".to_owned(),
            Self::Time => "v1.Time".to_owned(),
            Self::Any => "v1.FieldsV1".to_owned(),
            Self::Struct(of) => format!("v1.{}", of.name),
            Self::List(item) => format!("[]{}", item.type_name()),
            Self::Map(value) => format!("map[string]{}", value.type_name()),
        }
    }
}

impl Type {
    pub(crate) const fn atomic(mut self) -> Self {
        self.is_atomic = true;
        self
    }

    /// The field of that JSON name.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The type of the struct at a path: `spec.containers[0].ports[0]`.
    pub(crate) fn at(&'static self, path: &str) -> Option<&'static Type> {
        let mut found = self;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            let name = step.split('[').next().unwrap_or(step);
            let mut shape = found.field(name)?.shape;
            while let Shape::List(item) = shape {
                shape = *item;
            }
            let Shape::Struct(of) = shape else { return None };
            found = of;
        }
        Some(found)
    }
}

/// The type of a kind's objects.
pub(crate) fn of(kind: Kind) -> &'static Type {
    crate::kinds::definition(kind).fields
}

/// The types that the API server's messages print whole.
pub(crate) mod printed {
    pub(crate) use super::container::SECURITY_CONTEXT;
    pub(crate) use super::pod::POD_SPEC;
}

#[cfg(test)]
mod tests;
