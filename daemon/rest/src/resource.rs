//! The resources there are: each kind of object by its names in URLs, with its subresources and what can be done to it.
//!
//! A table made of [`Kind::ALL`]: a new kind is served without a change here, unless it has subresources.

use crate::metrics::{self, Metrics};
use crate::review::{self, Review};
use crate::view::{self, View};
use objects::Kind;
use std::sync::LazyLock;

/// What can be done to every kind of object.
const OBJECT_VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// A resource.
#[derive(Debug)]
pub struct Resource {
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The group's version.
    pub version: &'static str,
    /// As in URLs.
    pub plural: &'static str,
    /// As in `kubectl get pod`.
    pub singular: &'static str,
    /// As in `kind:`.
    pub kind_name: &'static str,
    /// Whether its objects live in a namespace.
    pub is_namespaced: bool,
    /// As in `kubectl get po`.
    pub short_names: &'static [&'static str],
    /// As in `kubectl get all`.
    pub categories: &'static [&'static str],
    /// What can be done to it, in the order of the alphabet.
    pub verbs: &'static [&'static str],
    /// What is below one of its objects.
    pub subresources: &'static [Subresource],
    /// What is behind it.
    pub backing: Backing,
    /// In which version its objects are shown.
    pub view: View,
}

/// What is behind a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    /// Objects that are kept.
    Objects(Kind),
    /// Questions that are answered.
    Review(Review),
    /// What is measured when it is asked for.
    Metrics(Metrics),
}

/// Something below an object.
#[derive(Debug)]
pub struct Subresource {
    /// As in URLs: `log`.
    pub name: &'static str,
    /// The kind of what is sent or answered.
    pub kind_name: &'static str,
    /// Group and version of that kind where they are not the resource's.
    pub group_version: Option<(&'static str, &'static str)>,
    /// What can be done to it.
    pub verbs: &'static [&'static str],
}

impl Resource {
    /// Group and version as in `apiVersion:`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Group and name, as in `deployments.apps`.
    #[must_use]
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The objects behind it.
    #[must_use]
    pub const fn objects(&self) -> Option<Kind> {
        match self.backing {
            Backing::Objects(kind) => Some(kind),
            Backing::Review(_) | Backing::Metrics(_) => None,
        }
    }

    /// The subresource of that name.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&'static Subresource> {
        self.subresources.iter().find(|known| known.name == name)
    }
}

/// All resources.
#[must_use]
pub fn all() -> &'static [Resource] {
    static ALL: LazyLock<Vec<Resource>> = LazyLock::new(|| {
        let measured = [Metrics::Nodes, Metrics::Pods].map(of_metrics);
        let events = std::iter::once_with(events);
        Kind::ALL.into_iter().map(of_kind).chain(events).chain(review::ALL.into_iter().map(of_review)).chain(measured).collect()
    });
    &ALL
}

/// The resource of these names.
#[must_use]
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    all().iter().find(|known| known.group == group && known.version == version && known.plural == plural)
}

/// Groups with their versions, the core first, in the order of the resources.
#[must_use]
pub fn groups() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for resource in all() {
        match groups.iter_mut().find(|(group, _)| *group == resource.group) {
            Some((_, versions)) if versions.contains(&resource.version) => {}
            Some((_, versions)) => versions.push(resource.version),
            None => groups.push((resource.group, vec![resource.version])),
        }
    }
    groups
}

fn of_kind(kind: Kind) -> Resource {
    let (group, version) = kind.api_version().split_once('/').unwrap_or(("", kind.api_version()));
    Resource {
        group,
        version,
        plural: kind.plural(),
        singular: kind.singular(),
        kind_name: kind.name(),
        is_namespaced: kind.is_namespaced(),
        short_names: kind.short_names(),
        categories: categories(kind.name()),
        verbs: OBJECT_VERBS,
        subresources: subresources(kind.name()),
        backing: Backing::Objects(kind),
        view: View::Own,
    }
}

/// Events in their newer version.
fn events() -> Resource {
    Resource { group: view::EVENTS_GROUP, version: "v1", view: View::Events, ..of_kind(Kind::Event) }
}

fn of_review((review, group, plural, kind_name): (Review, &'static str, &'static str, &'static str)) -> Resource {
    Resource {
        group,
        version: "v1",
        plural,
        singular: plural.strip_suffix('s').unwrap_or(plural),
        kind_name,
        is_namespaced: false,
        short_names: &[],
        categories: &[],
        verbs: &["create"],
        subresources: &[],
        backing: Backing::Review(review),
        view: View::Own,
    }
}

fn of_metrics(of: Metrics) -> Resource {
    Resource {
        group: metrics::GROUP,
        version: metrics::VERSION,
        plural: of.plural(),
        // Who says `pod` means the pod.
        singular: "",
        kind_name: of.kind_name(),
        is_namespaced: of == Metrics::Pods,
        short_names: &[],
        categories: &[],
        verbs: &["get", "list"],
        subresources: &[],
        backing: Backing::Metrics(of),
        view: View::Own,
    }
}

fn categories(kind: &str) -> &'static [&'static str] {
    match kind {
        "Pod" | "Service" | "ReplicaSet" | "Deployment" => &["all"],
        _ => &[],
    }
}

const fn below(name: &'static str, kind_name: &'static str, verbs: &'static [&'static str]) -> Subresource {
    Subresource { name, kind_name, group_version: None, verbs }
}

/// What can be done to a part of an object.
const CHANGED: &[&str] = &["get", "patch", "update"];

/// How many pods are wanted of what makes them.
const SCALE: Subresource =
    Subresource { name: "scale", kind_name: "Scale", group_version: Some(("autoscaling", "v1")), verbs: CHANGED };

const OF_PODS: &[Subresource] = &[
    below("attach", "PodAttachOptions", &["create", "get"]),
    below("binding", "Binding", &["create"]),
    below("ephemeralcontainers", "Pod", CHANGED),
    Subresource { name: "eviction", kind_name: "Eviction", group_version: Some(("policy", "v1")), verbs: &["create"] },
    below("exec", "PodExecOptions", &["create", "get"]),
    below("log", "Pod", &["get"]),
    below("portforward", "PodPortForwardOptions", &["create", "get"]),
    below("proxy", "PodProxyOptions", &["create", "delete", "get", "patch", "update"]),
    below("resize", "Pod", CHANGED),
    below("status", "Pod", CHANGED),
];

fn subresources(kind: &str) -> &'static [Subresource] {
    match kind {
        "Pod" => OF_PODS,
        "Node" => const { &[below("status", "Node", CHANGED)] },
        "Namespace" => const { &[below("status", "Namespace", CHANGED)] },
        "Service" => const { &[below("status", "Service", CHANGED)] },
        "ReplicaSet" => const { &[SCALE, below("status", "ReplicaSet", CHANGED)] },
        "Deployment" => const { &[SCALE, below("status", "Deployment", CHANGED)] },
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::{all, find, groups};

    #[test]
    fn every_kind_is_found_by_its_url_and_by_no_other() {
        for resource in all() {
            let found = find(resource.group, resource.version, resource.plural).expect("it is there");
            assert_eq!(found.kind_name, resource.kind_name);
            assert!(resource.verbs.is_sorted(), "{resource:?}");
        }
        assert!(find("apps", "v1", "pods").is_none());
        assert!(find("", "v2", "pods").is_none());
        assert_eq!(groups()[0], ("", vec!["v1"]));
    }
}
