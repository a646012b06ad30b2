//! What a record's object is called, between replicas and here: the one place where `pods/default/kubia` becomes a key and back.

use crate::Key;
use objects::Kind;
use std::sync::Arc;

/// The longest name of an object in a record, in bytes: kind, namespace and name of 253 each.
const MAX_BYTES: usize = 3 * 253 + 2;

/// An object's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// Of a kind that we know.
    Known(Key),
    /// Of a kind that this version does not know. During a rolling upgrade the newer nodes have kinds that the older ones lack: an
    /// older one keeps and passes on their records, since refusing them would make it look behind in every round of anti-entropy,
    /// and a cluster would lose what only older nodes were left to hold. It shows nothing of them.
    Unknown(Arc<str>),
}

impl Name {
    /// Takes the text of a record's id apart.
    pub fn parse(object: &str) -> Result<Self, &'static str> {
        let has_control = object.bytes().any(|byte| byte.is_ascii_control());
        let mut words = object.split('/');
        let (Some(kind), Some(namespace), Some(name), None) = (words.next(), words.next(), words.next(), words.next()) else {
            return Err("its name is not kind/namespace/name");
        };
        if kind.is_empty() || name.is_empty() || has_control || object.len() > MAX_BYTES {
            return Err("its name is empty, too long, or has control characters");
        }
        let Some(kind) = Kind::ALL.into_iter().find(|known| known.plural() == kind) else {
            return Ok(Self::Unknown(object.into()));
        };
        if kind.is_namespaced() == namespace.is_empty() {
            return Err("its kind has no namespace and it has one, or the other way round");
        }
        Ok(Self::Known(Key::new(kind, namespace, name)))
    }

    /// The text of a record's id.
    pub fn to_object(&self) -> Arc<str> {
        match self {
            Self::Known(key) => object_of(key),
            Self::Unknown(object) => object.clone(),
        }
    }

    /// The key, where the kind is known.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Known(key) => Some(key),
            Self::Unknown(_) => None,
        }
    }

    /// The kind, where it is known.
    pub fn kind(&self) -> Option<Kind> {
        self.key().map(|key| key.kind)
    }
}

impl From<&Key> for Name {
    fn from(key: &Key) -> Self {
        Self::Known(key.clone())
    }
}

/// What a key is called in records: `pods/default/kubia`, `nodes//node1`.
pub fn object_of(key: &Key) -> Arc<str> {
    format!("{}/{}/{}", key.kind.plural(), key.namespace, key.name).into()
}

#[cfg(test)]
mod tests {
    use super::Name;
    use crate::Key;
    use objects::Kind;

    #[test]
    fn names_go_to_text_and_back() {
        for key in [Key::new(Kind::Pod, "default", "kubia"), Key::new(Kind::Node, "", "node1")] {
            assert_eq!(Name::parse(&Name::from(&key).to_object()), Ok(Name::Known(key)));
        }
        assert_eq!(Name::parse("boats/sea/mary"), Ok(Name::Unknown("boats/sea/mary".into())));
        let long = format!("pods/default/{}", "x".repeat(900));
        for wrong in ["", "pods", "pods/default", "pods/default/", "/a/b", "pods//a", "nodes/x/a", "a/b/c/d", "pods/a/b\0", &long]
        {
            assert!(Name::parse(wrong).is_err(), "{wrong}");
        }
    }
}
