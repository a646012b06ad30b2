//! The kinds of objects there are, with the names that users and URLs have for them.

use crate::kinds::definition;
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
    /// `v1/Namespace`.
    Namespace,
    /// `v1/ConfigMap`.
    ConfigMap,
    /// `v1/Secret`.
    Secret,
    /// `v1/ServiceAccount`.
    ServiceAccount,
    /// `scheduling.k8s.io/v1/PriorityClass`.
    PriorityClass,
    /// `coordination.k8s.io/v1/Lease`.
    Lease,
    /// `v1/Service`.
    Service,
    /// `apps/v1/ReplicaSet`.
    ReplicaSet,
    /// `apps/v1/Deployment`.
    Deployment,
}

impl Kind {
    /// Every kind, in the order lists show them.
    pub const ALL: [Self; 12] = [
        Self::Pod,
        Self::Node,
        Self::Event,
        Self::Namespace,
        Self::ConfigMap,
        Self::Secret,
        Self::ServiceAccount,
        Self::PriorityClass,
        Self::Lease,
        Self::Service,
        Self::ReplicaSet,
        Self::Deployment,
    ];

    /// As in a manifest's `kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        definition(self).names.name
    }

    /// As in a manifest's `apiVersion`.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        definition(self).names.api_version
    }

    /// The group of its API; empty for the core.
    #[must_use]
    pub fn group(self) -> &'static str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// As in a URL and in `pods "x" not found`.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        definition(self).names.plural
    }

    /// The plural with its group, as answers name resources: `leases.coordination.k8s.io`.
    #[must_use]
    pub fn resource(self) -> String {
        qualified(self.plural(), self.group())
    }

    /// The name with its group, as answers name kinds: `Lease.coordination.k8s.io`.
    #[must_use]
    pub fn qualified_name(self) -> String {
        qualified(self.name(), self.group())
    }

    /// As in `pod/kubia created`.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        definition(self).names.singular
    }

    /// The singular with its group, as in `lease.coordination.k8s.io/x created`.
    #[must_use]
    pub fn singular_resource(self) -> String {
        qualified(self.singular(), self.group())
    }

    /// As in `kubectl get po`.
    #[must_use]
    pub const fn short_names(self) -> &'static [&'static str] {
        definition(self).names.short
    }

    /// Whether its objects live in a namespace.
    #[must_use]
    pub const fn is_namespaced(self) -> bool {
        definition(self).names.is_namespaced
    }

    /// Whether its objects have a status that is written apart from them.
    #[must_use]
    pub const fn has_status(self) -> bool {
        matches!(self, Self::Pod | Self::Node | Self::Namespace | Self::Service | Self::ReplicaSet | Self::Deployment)
    }

    /// Whether its objects count how often their specification has changed.
    #[must_use]
    pub const fn counts_generations(self) -> bool {
        matches!(self, Self::Pod | Self::ReplicaSet | Self::Deployment)
    }

    /// Whether its objects make pods of a template.
    #[must_use]
    pub const fn makes_pods(self) -> bool {
        matches!(self, Self::ReplicaSet | Self::Deployment)
    }

    /// Finds a kind by any name a user may type: `po`, `pod`, `pods`, `Pod`, `leases.coordination.k8s.io`.
    #[must_use]
    pub fn from_user(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let is_it = |kind: &Self| word == kind.plural() || word == kind.singular() || kind.short_names().contains(&word.as_str());
        let with_group = |kind: &Self| {
            let (name, rest) = word.split_once('.').unwrap_or((&word, ""));
            let (version, group) = rest.split_once('.').unwrap_or(("", rest));
            let is_group = rest == kind.group() || (version == "v1" && group == kind.group());
            !rest.is_empty() && is_group && (name == kind.plural() || name == kind.singular())
        };
        Self::ALL.into_iter().find(is_it).or_else(|| Self::ALL.into_iter().find(with_group))
    }

    /// Finds a kind by a manifest's `apiVersion` and `kind`.
    #[must_use]
    pub fn from_manifest(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.api_version() == api_version && known.name() == kind)
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn a_kind_is_found_by_every_name_a_user_may_type() {
        for kind in Kind::ALL {
            for word in [kind.name(), kind.plural(), kind.singular()].into_iter().chain(kind.short_names().iter().copied()) {
                assert_eq!(Kind::from_user(word), Some(kind));
            }
            assert_eq!(Kind::from_user(&kind.resource()), Some(kind));
            assert_eq!(Kind::from_manifest(kind.api_version(), kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_user("leases.v1.coordination.k8s.io"), Some(Kind::Lease));
        for word in ["bars", "pods.apps", "leases.v2.coordination.k8s.io", ""] {
            assert_eq!(Kind::from_user(word), None, "{word}");
        }
    }
}
