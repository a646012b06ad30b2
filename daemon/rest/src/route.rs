//! A URL's path: what it names.

use crate::resource::{self, Resource, Subresource};
use percent_encoding::percent_decode_str;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The console's websocket.
    Console,
    /// All paths there are.
    Index,
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz`, and one check of theirs.
    Health {
        /// The path's first word.
        endpoint: Health,
        /// The check's name.
        check: Option<String>,
    },
    /// `/metrics`: counts for Prometheus.
    Metrics,
    /// The core's versions.
    Api,
    /// The other groups.
    Groups,
    /// One group.
    Group(String),
    /// The resources of a group's version; the core's group is empty.
    Resources {
        /// The group.
        group: String,
        /// The version.
        version: String,
    },
    /// `/openapi/v2`.
    OpenApi2,
    /// `/openapi/v3`.
    OpenApi,
    /// The document of a group's version.
    OpenApiOf {
        /// The group.
        group: String,
        /// The version.
        version: String,
    },
    /// Objects, an object, or something below one.
    Object(Target),
}

/// Which state of health is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Both, the old way.
    Healthz,
    /// Whether the daemon lives.
    Livez,
    /// Whether it can serve.
    Readyz,
}

/// Objects, an object, or something below one.
#[derive(Debug, Clone)]
pub struct Target {
    /// Of which resource.
    pub resource: &'static Resource,
    /// In which namespace; none is all, or a resource without.
    pub namespace: Option<String>,
    /// One object; none is all that are selected.
    pub name: Option<String>,
    /// Below the object.
    pub subresource: Option<&'static Subresource>,
    /// What stands behind the subresource, with its slash: for a proxy.
    pub rest: String,
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        let parts = |target: &Self| {
            let below = target.subresource.map(|below| below.name);
            (target.resource.qualified(), below, target.rest.clone())
        };
        parts(self) == parts(other) && (&self.namespace, &self.name) == (&other.namespace, &other.name)
    }
}

impl Eq for Target {}

impl Target {
    /// The namespace; empty where there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

/// Reads a path; none where there is nothing.
#[must_use]
pub fn parse(path: &str) -> Option<Route> {
    let trimmed = path.strip_prefix('/')?;
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    let parts: Vec<String> =
        if trimmed.is_empty() { Vec::new() } else { trimmed.split('/').map(decoded).collect::<Option<_>>()? };
    let words: Vec<&str> = parts.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Some(Route::Index),
        ["v1"] => Some(Route::Console),
        ["version"] => Some(Route::Version),
        ["metrics"] => Some(Route::Metrics),
        ["healthz", check @ ..] => health(Health::Healthz, check),
        ["livez", check @ ..] => health(Health::Livez, check),
        ["readyz", check @ ..] => health(Health::Readyz, check),
        ["openapi", "v2"] => Some(Route::OpenApi2),
        ["openapi", "v3"] => Some(Route::OpenApi),
        ["openapi", "v3", "api", version] => of_group("", version),
        ["openapi", "v3", "apis", group, version] if !group.is_empty() => of_group(group, version),
        ["api"] => Some(Route::Api),
        ["apis"] => Some(Route::Groups),
        ["api", version] => resources("", version),
        ["apis", group] => {
            let is_known = resource::all().iter().any(|known| known.group == *group && !group.is_empty());
            is_known.then(|| Route::Group((*group).to_owned()))
        }
        ["apis", "", ..] => None,
        ["apis", group, version] => resources(group, version),
        ["api", version, rest @ ..] => object(("", version), rest, path),
        ["apis", group, version, rest @ ..] => object((group, version), rest, path),
        _ => None,
    }
}

fn decoded(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(Into::into)
}

fn health(endpoint: Health, check: &[&str]) -> Option<Route> {
    match check {
        [] => Some(Route::Health { endpoint, check: None }),
        [check] => Some(Route::Health { endpoint, check: Some((*check).to_owned()) }),
        _ => None,
    }
}

fn of_group(group: &str, version: &str) -> Option<Route> {
    resources(group, version).map(|_| Route::OpenApiOf { group: group.to_owned(), version: version.to_owned() })
}

fn resources(group: &str, version: &str) -> Option<Route> {
    let is_known = resource::all().iter().any(|known| known.group == group && known.version == version);
    is_known.then(|| Route::Resources { group: group.to_owned(), version: version.to_owned() })
}

fn object((group, version): (&str, &str), rest: &[&str], path: &str) -> Option<Route> {
    let (namespace, rest) = match rest {
        // A namespace's own subresources have the place of its content.
        ["namespaces", _, below] if find_below(group, version, "namespaces", below) => (None, rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
        _ => (None, rest),
    };
    let (plural, rest) = rest.split_first()?;
    let resource = resource::find(group, version, plural)?;
    if resource.is_namespaced != namespace.is_some() && (namespace.is_some() || !rest.is_empty()) {
        return None;
    }
    let target = |name: Option<&str>, subresource, rest: String| Target {
        resource,
        namespace: namespace.clone(),
        name: name.map(str::to_owned),
        subresource,
        rest,
    };
    match rest {
        [] => Some(Route::Object(target(None, None, String::new()))),
        [""] | ["", ..] => None,
        [name] => Some(Route::Object(target(Some(name), None, String::new()))),
        [name, below, behind @ ..] => {
            let below = resource.subresource(below)?;
            if !behind.is_empty() && below.name != "proxy" {
                return None;
            }
            let behind = last(path, behind.len());
            Some(Route::Object(target(Some(name), Some(below), behind)))
        }
    }
}

fn find_below(group: &str, version: &str, plural: &str, below: &str) -> bool {
    resource::find(group, version, plural).is_some_and(|known| known.subresource(below).is_some())
}

/// The last words of a path, with the slash before them and as they were sent: the program that is asked decodes them.
fn last(path: &str, words: usize) -> String {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let start = words.checked_sub(1).and_then(|before| trimmed.rmatch_indices('/').nth(before));
    start.map(|(start, _)| path[start..].to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Health, Route, parse};
    use proptest::prelude::{any, proptest};

    fn shown(path: &str) -> String {
        match parse(path) {
            Some(Route::Object(target)) => {
                let (namespace, name) = (target.namespace.as_deref().unwrap_or("-"), target.name.as_deref().unwrap_or("-"));
                let below = target.subresource.map_or("-", |below| below.name);
                format!("{} {namespace} {name} {below}", target.resource.plural)
            }
            Some(other) => format!("{other:?}"),
            None => "nothing".to_owned(),
        }
    }

    #[test]
    fn a_path_names_objects_one_object_or_something_below_it() {
        assert_eq!(shown("/api/v1/pods"), "pods - - -");
        assert_eq!(shown("/api/v1/namespaces/default/pods"), "pods default - -");
        assert_eq!(shown("/api/v1/namespaces/default/pods/"), "pods default - -");
        assert_eq!(shown("/api/v1/namespaces/default/pods/a%2eb"), "pods default a.b -");
        assert_eq!(shown("/api/v1/namespaces/default/pods/kubia/log"), "pods default kubia log");
        assert_eq!(shown("/api/v1/nodes/oak"), "nodes - oak -");
    }

    #[test]
    fn what_is_asked_of_a_proxy_stays_as_it_was_sent() {
        let rest = |path: &str| match parse(&format!("/api/v1/namespaces/default/pods/{path}")) {
            Some(Route::Object(target)) => target.rest,
            other => panic!("{other:?}"),
        };
        assert_eq!(rest("kubia/proxy"), "");
        assert_eq!(rest("kubia:8080/proxy/"), "");
        assert_eq!(rest("proxy-x/proxy/a%20b/proxy/c/"), "/a%20b/proxy/c/");
    }

    #[test]
    fn other_paths_are_known_too() {
        assert_eq!(parse("/"), Some(Route::Index));
        assert_eq!(parse("/v1"), Some(Route::Console));
        assert_eq!(parse("/readyz"), Some(Route::Health { endpoint: Health::Readyz, check: None }));
        assert_eq!(parse("/api/v1"), Some(Route::Resources { group: String::new(), version: "v1".to_owned() }));
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        for path in [
            "",
            "api",
            "/foo",
            "/apis/foo.io",
            "/apis/foo.io/v1/bars",
            "/api/v2",
            "/api/v1/bars",
            "/api/v1/pods/kubia",
            "/api/v1/namespaces/default/nodes",
            "/api/v1/namespaces/default/pods/kubia/log/more",
            "/api/v1/namespaces/default/pods/kubia/nothing",
            "/api/v1/namespaces/default/pods//log",
            "/api/v1/nodes/%ff",
            "/apis/",
            "/apis//v1/pods",
        ] {
            assert!(matches!(parse(path), None | Some(Route::Groups)), "{path}: {}", shown(path));
        }
    }

    proptest! {
        #[test]
        fn any_path_is_something_or_nothing(path in any::<String>()) {
            let _ = parse(&path);
            let _ = parse(&format!("/api/v1/{path}"));
        }
    }
}
