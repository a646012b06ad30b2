//! OpenAPI 3: what kubectl explains from, validates by, and merges with. A document a group and version, made once.

pub mod v2;

use crate::metrics;
use crate::resource::{self, Backing, Resource};
use crate::view::View;
use objects::Kind;
use objects::explain::openapi;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Media types of patches that every kind takes.
const PATCHES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

struct Document {
    group: &'static str,
    version: &'static str,
    text: String,
    hash: String,
}

static DOCUMENTS: LazyLock<Vec<Document>> = LazyLock::new(|| {
    let all =
        resource::groups().into_iter().flat_map(|(group, versions)| versions.into_iter().map(move |version| (group, version)));
    all.map(|(group, version)| {
        let text = make(group, version).to_string();
        Document { group, version, hash: hash(&text), text }
    })
    .collect()
});

/// The answer to `/openapi/v3`: where the documents are. Clients keep a document as long as its hash stays.
#[must_use]
pub fn index() -> Value {
    let mut paths = Map::new();
    for document in DOCUMENTS.iter() {
        let place = place(document.group, document.version);
        let url = format!("/openapi/v3/{place}?hash={}", document.hash);
        paths.insert(place, json!({"serverRelativeURL": url}));
    }
    json!({ "paths": paths })
}

/// The document of a group and version, with the hash that names its text; none where there is no such group.
#[must_use]
pub fn document(group: &str, version: &str) -> Option<(&'static str, &'static str)> {
    let found = DOCUMENTS.iter().find(|document| document.group == group && document.version == version)?;
    Some((&found.text, &found.hash))
}

fn place(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// FNV-1a: it only has to differ where the text does.
fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016X}")
}

fn make(group: &str, version: &str) -> Value {
    let known: Vec<&Resource> = resource::all().iter().filter(|known| known.group == group && known.version == version).collect();
    let kinds: Vec<Kind> = known.iter().filter(|known| known.view.is_own()).filter_map(|known| known.objects()).collect();
    let mut paths = Map::new();
    let mut schemas = openapi::schemas(&kinds);
    for resource in known {
        if matches!(resource.backing, Backing::Metrics(_)) {
            schemas.extend(metrics::schemas());
        }
        if resource.view == View::Events {
            schemas.extend(openapi::events_schemas());
        }
        let base = format!("/{}", place(group, version));
        let within = if resource.is_namespaced { format!("{base}/namespaces/{{namespace}}") } else { base.clone() };
        let collection = format!("{within}/{}", resource.plural);
        if resource.verbs.contains(&"get") {
            paths.insert(format!("{collection}/{{name}}"), one(resource));
        }
        paths.insert(collection, many(resource));
        if resource.is_namespaced {
            let everywhere = json!({"get": operation(resource, "list", &[])});
            paths.insert(format!("{base}/{}", resource.plural), everywhere);
        }
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": format!("v1.{}.0", crate::version::MINOR)},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn many(resource: &Resource) -> Value {
    let mut item = json!({"parameters": place_parameters(resource, false)});
    for (method, verb) in [("get", "list"), ("post", "create"), ("delete", "deletecollection")] {
        if resource.verbs.contains(&verb) {
            item[method] = operation(resource, verb, &["application/json", "application/yaml"]);
        }
    }
    item
}

fn one(resource: &Resource) -> Value {
    let mut item = json!({"parameters": place_parameters(resource, true)});
    for (method, verb) in [("get", "get"), ("put", "update"), ("patch", "patch"), ("delete", "delete")] {
        if resource.verbs.contains(&verb) {
            let media: &[&str] = if verb == "patch" { &PATCHES } else { &["application/json", "application/yaml"] };
            item[method] = operation(resource, verb, media);
        }
    }
    item
}

fn parameter(name: &str, place: &str, kind: &str) -> Value {
    json!({"name": name, "in": place, "required": place == "path", "schema": {"type": kind, "uniqueItems": true}})
}

fn place_parameters(resource: &Resource, has_name: bool) -> Value {
    let mut parameters = Vec::new();
    if has_name {
        parameters.push(parameter("name", "path", "string"));
    }
    if resource.is_namespaced {
        parameters.push(parameter("namespace", "path", "string"));
    }
    parameters.push(parameter("pretty", "query", "string"));
    parameters.into()
}

fn operation(resource: &Resource, verb: &str, media: &[&str]) -> Value {
    let action = match verb {
        "create" => "post",
        "update" => "put",
        other => other,
    };
    let query: &[(&str, &str)] = match verb {
        "create" | "update" => &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string")],
        "patch" => &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string"), ("force", "boolean")],
        "delete" => &[("dryRun", "string"), ("gracePeriodSeconds", "integer"), ("propagationPolicy", "string")],
        "list" | "deletecollection" => &[
            ("allowWatchBookmarks", "boolean"),
            ("continue", "string"),
            ("fieldSelector", "string"),
            ("labelSelector", "string"),
            ("limit", "integer"),
            ("resourceVersion", "string"),
            ("resourceVersionMatch", "string"),
            ("sendInitialEvents", "boolean"),
            ("timeoutSeconds", "integer"),
            ("watch", "boolean"),
        ],
        _ => &[],
    };
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let schema = match resource.backing {
        Backing::Objects(_) if resource.view == View::Events => reference(openapi::EVENTS_TYPE),
        Backing::Objects(kind) => reference(openapi::name(kind)),
        Backing::Metrics(of) => reference(&metrics::type_name(of)),
        Backing::Review(_) => json!({"type": "object"}),
    };
    let parameters: Vec<Value> = query.iter().map(|(name, kind)| parameter(name, "query", kind)).collect();
    let mut operation = json!({
        "operationId": format!("{verb}{}{}", resource.version, resource.kind_name),
        "parameters": parameters,
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind":
            {"group": resource.group, "version": resource.version, "kind": resource.kind_name},
    });
    if matches!(verb, "create" | "update" | "patch") {
        let body = |media: &&str| {
            let schema = if verb == "patch" { json!({"type": "object"}) } else { schema.clone() };
            ((*media).to_owned(), json!({ "schema": schema }))
        };
        let content: Map<String, Value> = media.iter().map(body).collect();
        operation["requestBody"] = json!({"content": content, "required": true});
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::{document, index};
    use crate::resource;
    use serde_json::Value;

    #[test]
    fn every_group_has_a_document_where_the_index_says() {
        let index = index();
        for (group, versions) in resource::groups() {
            for version in versions {
                let (text, hash) = document(group, version).expect("a document");
                let place = super::place(group, version);
                assert_eq!(index["paths"][&place]["serverRelativeURL"], format!("/openapi/v3/{place}?hash={hash}"));
                assert!(serde_json::from_str::<Value>(text).is_ok());
            }
        }
        assert!(document("foo.io", "v1").is_none());
    }

    #[test]
    fn kubectl_finds_that_fields_are_validated_by_the_server() {
        let (text, _) = document("", "v1").expect("the core's document");
        let document: Value = serde_json::from_str(text).expect("JSON");
        let patch = &document["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"];
        assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Pod");
        let parameters = patch["parameters"].as_array().expect("a list");
        assert!(parameters.iter().any(|parameter| parameter["name"] == "fieldValidation"));
        assert!(patch["requestBody"]["content"]["application/strategic-merge-patch+json"].is_object());
    }
}
