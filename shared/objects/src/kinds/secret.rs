//! Secrets: what is not to be shown, by key, with types whose keys are prescribed.

use super::config_map::{MAX_BYTES, decoded_bytes, immutable};
use super::{Definition, Names};
use crate::admission::faults::{AsJson, Faults, Path};
use crate::describe::Page;
use crate::lookup::{self, map, text};
use crate::names::{config_key, dns1123_subdomain};
use crate::schema::Shape::{Bool, Bytes, Map, Struct, Text};
use crate::schema::meta::OBJECT_META;
use crate::schema::{TEXT, Type, field, tagged};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The annotation that says whose token a secret holds.
const ACCOUNT_ANNOTATION: &str = "kubernetes.io/service-account.name";

static FIELDS: Type = tagged(
    "Secret",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Immutable", "immutable", Bool).pointer(),
        field("Data", "data", Map(&Bytes)),
        field("StringData", "stringData", Map(&TEXT)),
        field("Type", "type", Text("v1.SecretType")),
    ],
);

pub(super) static SECRET: Definition = Definition {
    names: Names { name: "Secret", api_version: "v1", plural: "secrets", singular: "secret", short: &[], is_namespaced: true },
    documented_as: "io.k8s.api.core.v1.Secret",
    selectable: &["metadata.name", "metadata.namespace", "type"],
    fields: &FIELDS,
    columns: &[("Name", 0), ("Type", 0), ("Data", 0), ("Age", 0)],
    cells: |secret, now| {
        let age = crate::duration::since(lookup::time(secret, "/metadata/creationTimestamp"), now);
        let count = map(secret, "/data").map_or(0, serde_json::Map::len);
        vec![lookup::name(secret).to_owned(), text(secret, "/type").to_owned(), count.to_string(), age]
    },
    check_name: dns1123_subdomain,
    complete,
    validate,
    validate_update,
    describe,
};

/// What was written plainly becomes data: `stringData` is never stored.
fn complete(secret: &mut Value) {
    let Some(fields) = secret.as_object_mut() else { return };
    if let Some(Value::Object(plain)) = fields.remove("stringData") {
        let data = fields.entry("data").or_insert_with(|| json!({}));
        for (key, value) in plain {
            data[key] = STANDARD.encode(value.as_str().unwrap_or_default()).into();
        }
    }
    fields.entry("type").or_insert_with(|| "Opaque".into());
}

fn validate(secret: &Value, faults: &mut Faults) {
    let path = Path::root("data");
    let data = map(secret, "/data");
    let mut size_bytes = 0;
    for (key, value) in data.into_iter().flatten() {
        faults.invalid_each(&path.key(key), key, config_key(key));
        size_bytes += decoded_bytes(value);
    }
    if size_bytes > MAX_BYTES {
        faults.too_long(&path, MAX_BYTES);
    }
    let has = |key: &str| data.is_some_and(|data| data.contains_key(key));
    let require = |keys: &[&str], faults: &mut Faults| {
        keys.iter().filter(|key| !has(key)).for_each(|key| faults.required(&path.key(key), ""));
    };
    match text(secret, "/type") {
        "kubernetes.io/service-account-token" => {
            let annotations = map(secret, "/metadata/annotations");
            let account = annotations.and_then(|annotations| annotations.get(ACCOUNT_ANNOTATION)).and_then(Value::as_str);
            if account.unwrap_or_default().is_empty() {
                let path = Path::root("metadata");
                faults.required(&path.child("annotations").key(ACCOUNT_ANNOTATION), "");
            }
        }
        "kubernetes.io/dockercfg" => docker(secret, ".dockercfg", faults),
        "kubernetes.io/dockerconfigjson" => docker(secret, ".dockerconfigjson", faults),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => require(&["username", "password"], faults),
        "kubernetes.io/ssh-auth" if text(secret, "/data/ssh-privatekey").is_empty() => {
            faults.required(&path.key("ssh-privatekey"), "");
        }
        "kubernetes.io/tls" => require(&["tls.crt", "tls.key"], faults),
        _ => {}
    }
}

/// The credentials of registries are JSON.
fn docker(secret: &Value, key: &str, faults: &mut Faults) {
    let path = Path::root("data");
    let Some(encoded) = map(secret, "/data").and_then(|data| data.get(key)).and_then(Value::as_str) else {
        return faults.required(&path.key(key), "");
    };
    let decoded = STANDARD.decode(encoded).unwrap_or_default();
    if let Err(error) = serde_json::from_slice::<serde_json::Map<String, Value>>(&decoded) {
        faults.invalid(&path.key(key), "<secret contents redacted>", &error.to_string());
    }
}

fn validate_update(old: &Value, new: &Value, faults: &mut Faults) {
    if old.get("type") != new.get("type") {
        let shown = AsJson(new.get("type").unwrap_or(&Value::Null).to_string());
        faults.invalid(&Path::root("type"), &shown, "field is immutable");
    }
    immutable(old, new, &["data"], faults);
}

fn describe(secret: &Value, page: &mut Page<'_>) {
    page.line(0, "");
    page.field(0, "Type", text(secret, "/type"));
    page.line(0, "");
    page.line(0, "Data");
    page.line(0, "====");
    for (key, value) in map(secret, "/data").into_iter().flatten() {
        let exact = STANDARD.decode(value.as_str().unwrap_or_default()).map_or(0, |bytes| bytes.len());
        page.line(0, format!("{key}:\t{exact} bytes"));
    }
}
