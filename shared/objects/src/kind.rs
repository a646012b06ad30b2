//! The kinds of objects there are, with the names that users and URLs have for them.

use serde::{Deserialize, Serialize};

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// `v1/Pod`.
    Pod,
    /// `v1/Node`.
    Node,
    /// `v1/Event`.
    Event,
}

impl Kind {
    /// Every kind, in the order lists show them.
    pub const ALL: [Self; 3] = [Self::Pod, Self::Node, Self::Event];

    /// As in a manifest's `kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Node => "Node",
            Self::Event => "Event",
        }
    }

    /// As in a manifest's `apiVersion`.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Pod | Self::Node | Self::Event => "v1",
        }
    }

    /// As in a URL and in `pods "x" not found`.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Pod => "pods",
            Self::Node => "nodes",
            Self::Event => "events",
        }
    }

    /// As in `pod/kubia created`.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Node => "node",
            Self::Event => "event",
        }
    }

    /// As in `kubectl get po`.
    #[must_use]
    pub const fn short_names(self) -> &'static [&'static str] {
        match self {
            Self::Pod => &["po"],
            Self::Node => &["no"],
            Self::Event => &["ev"],
        }
    }

    /// Whether its objects live in a namespace.
    #[must_use]
    pub const fn is_namespaced(self) -> bool {
        match self {
            Self::Pod | Self::Event => true,
            Self::Node => false,
        }
    }

    /// Finds a kind by any name a user may type: `po`, `pod`, `pods`, `Pod`.
    #[must_use]
    pub fn from_user(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|kind| word == kind.plural() || word == kind.singular() || kind.short_names().contains(&word.as_str()))
    }

    /// Finds a kind by a manifest's `apiVersion` and `kind`.
    #[must_use]
    pub fn from_manifest(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.api_version() == api_version && known.name() == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn a_kind_is_found_by_every_name_a_user_may_type() {
        for kind in Kind::ALL {
            for word in [kind.name(), kind.plural(), kind.singular(), kind.short_names()[0]] {
                assert_eq!(Kind::from_user(word), Some(kind));
            }
            assert_eq!(Kind::from_manifest(kind.api_version(), kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_user("bars"), None);
    }
}
