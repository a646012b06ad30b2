//! Discovery: which groups, versions and resources there are, plain and in one document.

use crate::accept::DiscoveryVersion;
use crate::resource::{self, Resource, Subresource};
use serde_json::{Value, json};

/// The answer to `/`: all paths.
#[must_use]
pub fn paths() -> Value {
    let mut paths = vec!["/api".to_owned(), "/apis".to_owned()];
    for (group, versions) in resource::groups() {
        if group.is_empty() {
            paths.extend(versions.iter().map(|version| format!("/api/{version}")));
        } else {
            paths.push(format!("/apis/{group}"));
            paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
        }
    }
    paths.extend(["/healthz", "/livez", "/metrics", "/openapi/v3", "/readyz", "/version"].map(str::to_owned));
    paths.sort_unstable();
    json!({ "paths": paths })
}

/// The answer to `/api`; `address` is where clients reach this server.
#[must_use]
pub fn api_versions(address: &str) -> Value {
    let versions = resource::groups().into_iter().find(|(group, _)| group.is_empty()).map(|(_, versions)| versions);
    json!({
        "kind": "APIVersions",
        "versions": versions.unwrap_or_default(),
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// The answer to `/apis`.
#[must_use]
pub fn groups() -> Value {
    let groups = resource::groups().into_iter().filter(|(group, _)| !group.is_empty());
    let groups: Vec<Value> = groups.map(|(group, versions)| group_of(group, &versions)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// The answer to `/apis/<group>`; none where there is no such group.
#[must_use]
pub fn group(name: &str) -> Option<Value> {
    let (group, versions) = resource::groups().into_iter().find(|(group, _)| !group.is_empty() && *group == name)?;
    let mut document = group_of(group, &versions);
    document["kind"] = "APIGroup".into();
    document["apiVersion"] = "v1".into();
    Some(document)
}

fn group_of(group: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
}

/// The answer to `/api/<version>` and `/apis/<group>/<version>`.
#[must_use]
pub fn resources(group: &str, version: &str) -> Value {
    let mut list = Vec::new();
    for known in resource::all().iter().filter(|known| known.group == group && known.version == version) {
        list.push(plain(known));
        list.extend(known.subresources.iter().map(|below| plain_below(known, below)));
    }
    list.sort_by(|one, other| one["name"].as_str().cmp(&other["name"].as_str()));
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list})
}

fn plain(known: &Resource) -> Value {
    let mut entry = json!({
        "name": known.plural,
        "singularName": known.singular,
        "namespaced": known.is_namespaced,
        "kind": known.kind_name,
        "verbs": known.verbs,
    });
    if !known.short_names.is_empty() {
        entry["shortNames"] = json!(known.short_names);
    }
    if !known.categories.is_empty() {
        entry["categories"] = json!(known.categories);
    }
    entry
}

fn plain_below(known: &Resource, below: &Subresource) -> Value {
    let mut entry = json!({
        "name": format!("{}/{}", known.plural, below.name),
        "singularName": "",
        "namespaced": known.is_namespaced,
        "kind": below.kind_name,
        "verbs": below.verbs,
    });
    if let Some((group, version)) = below.group_version {
        entry["group"] = group.into();
        entry["version"] = version.into();
    }
    entry
}

/// Which part of discovery one document holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `/api`: the core.
    Core,
    /// `/apis`: all others.
    Groups,
}

/// The answer to `/api` and `/apis` where a client takes it in one document.
#[must_use]
pub fn aggregated(part: Part, version: DiscoveryVersion) -> Value {
    let groups = resource::groups().into_iter().filter(|(group, _)| group.is_empty() == (part == Part::Core));
    let items: Vec<Value> = groups.map(|(group, versions)| aggregated_group(group, &versions)).collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{}", version.as_str()),
        "metadata": {},
        "items": items,
    })
}

/// The `Content-Type` of [`aggregated`]: a client that does not find it takes the answer for a plain one.
#[must_use]
pub fn aggregated_type(version: DiscoveryVersion) -> String {
    format!("application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList", version.as_str())
}

fn aggregated_group(group: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| {
        let known = resource::all().iter().filter(|known| known.group == group && known.version == *version);
        let mut resources: Vec<Value> = known.map(aggregated_resource).collect();
        resources.sort_by(|one, other| one["resource"].as_str().cmp(&other["resource"].as_str()));
        json!({"version": version, "resources": resources, "freshness": "Current"})
    };
    let versions: Vec<Value> = versions.iter().map(version).collect();
    let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
    json!({"metadata": metadata, "versions": versions})
}

fn aggregated_resource(known: &'static Resource) -> Value {
    let mut entry = json!({
        "resource": known.plural,
        "responseKind": {"group": known.group, "version": known.version, "kind": known.kind_name},
        "scope": if known.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": known.singular,
        "verbs": known.verbs,
    });
    if !known.short_names.is_empty() {
        entry["shortNames"] = json!(known.short_names);
    }
    if !known.categories.is_empty() {
        entry["categories"] = json!(known.categories);
    }
    let below = |below: &Subresource| {
        let (group, version) = below.group_version.unwrap_or((known.group, known.version));
        let kind = json!({"group": group, "version": version, "kind": below.kind_name});
        json!({"subresource": below.name, "responseKind": kind, "verbs": below.verbs})
    };
    let subresources: Vec<Value> = known.subresources.iter().map(below).collect();
    if !subresources.is_empty() {
        entry["subresources"] = subresources.into();
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::{Part, aggregated, api_versions, group, paths, resources};
    use crate::accept::DiscoveryVersion;

    #[test]
    fn plain_and_aggregated_discovery_tell_of_the_same_pods() {
        let plain = resources("", "v1");
        let names: Vec<&str> =
            plain["resources"].as_array().expect("a list").iter().filter_map(|entry| entry["name"].as_str()).collect();
        assert!(names.is_sorted() && names.contains(&"pods") && names.contains(&"pods/log"), "{names:?}");
        let whole = aggregated(Part::Core, DiscoveryVersion::V2);
        assert_eq!(whole["apiVersion"], "apidiscovery.k8s.io/v2");
        let entries = whole["items"][0]["versions"][0]["resources"].as_array().expect("a list").clone();
        let pods = entries.iter().find(|entry| entry["resource"] == "pods").expect("pods");
        assert_eq!((pods["scope"].as_str(), pods["shortNames"][0].as_str()), (Some("Namespaced"), Some("po")));
        assert_eq!(pods["categories"][0], "all");
        assert!(pods["subresources"].as_array().expect("a list").iter().any(|below| below["subresource"] == "log"));
    }

    #[test]
    fn groups_are_listed_apart_from_the_core() {
        assert_eq!(api_versions("10.0.0.1:6443")["versions"][0], "v1");
        assert!(group("").is_none() && group("foo.io").is_none());
        assert!(paths()["paths"].as_array().expect("a list").contains(&"/api/v1".into()));
    }
}
