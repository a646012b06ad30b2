//! ConfigMaps: settings by key.

use super::{Definition, Names, nothing_to_complete};
use crate::admission::faults::{Faults, Path};
use crate::describe::Page;
use crate::lookup::{self, map};
use crate::names::{config_key, dns1123_subdomain};
use crate::schema::Shape::{Bool, Bytes, Map, Struct};
use crate::schema::meta::OBJECT_META;
use crate::schema::{TEXT, Type, field, tagged};
use serde_json::Value;

/// All that one ConfigMap or Secret may hold, in bytes.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

static FIELDS: Type = tagged(
    "ConfigMap",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Immutable", "immutable", Bool).pointer(),
        field("Data", "data", Map(&TEXT)),
        field("BinaryData", "binaryData", Map(&Bytes)),
    ],
);

pub(super) static CONFIG_MAP: Definition = Definition {
    names: Names {
        name: "ConfigMap",
        api_version: "v1",
        plural: "configmaps",
        singular: "configmap",
        short: &["cm"],
        is_namespaced: true,
    },
    documented_as: "io.k8s.api.core.v1.ConfigMap",
    selectable: &["metadata.name", "metadata.namespace"],
    fields: &FIELDS,
    columns: &[("Name", 0), ("Data", 0), ("Age", 0)],
    cells: |config_map, now| {
        let count = keys(config_map, "/data") + keys(config_map, "/binaryData");
        let age = crate::duration::since(lookup::time(config_map, "/metadata/creationTimestamp"), now);
        vec![lookup::name(config_map).to_owned(), count.to_string(), age]
    },
    check_name: dns1123_subdomain,
    complete: nothing_to_complete,
    validate,
    validate_update: |old, new, faults| immutable(old, new, &["data", "binaryData"], faults),
    describe,
};

fn keys(object: &Value, pointer: &str) -> usize {
    map(object, pointer).map_or(0, serde_json::Map::len)
}

fn validate(config_map: &Value, faults: &mut Faults) {
    let (data, binary) = (Path::root("data"), Path::root("binaryData"));
    let mut size_bytes = 0;
    for (key, value) in map(config_map, "/data").into_iter().flatten() {
        faults.invalid_each(&data.key(key), key, config_key(key));
        if map(config_map, "/binaryData").is_some_and(|binary| binary.contains_key(key)) {
            faults.invalid(&data.key(key), key, "duplicate of key present in binaryData");
        }
        size_bytes += value.as_str().unwrap_or_default().len();
    }
    for (key, value) in map(config_map, "/binaryData").into_iter().flatten() {
        faults.invalid_each(&binary.key(key), key, config_key(key));
        size_bytes += decoded_bytes(value);
    }
    if size_bytes > MAX_BYTES {
        faults.too_long(&Path::root("[]"), MAX_BYTES);
    }
}

/// How many bytes a base64 text stands for.
pub(super) fn decoded_bytes(value: &Value) -> usize {
    let text = value.as_str().unwrap_or_default();
    text.trim_end_matches('=').len() * 3 / 4
}

/// What is immutable stays so, with these fields.
pub(super) fn immutable(old: &Value, new: &Value, fields: &'static [&'static str], faults: &mut Faults) {
    if !lookup::flag(old, "/immutable") {
        return;
    }
    let why = "field is immutable when `immutable` is set";
    if !lookup::flag(new, "/immutable") {
        faults.forbidden(&Path::root("immutable"), why);
    }
    for field in fields {
        if old.get(field) != new.get(field) {
            faults.forbidden(&Path::root(field), why);
        }
    }
}

fn describe(config_map: &Value, page: &mut Page<'_>) {
    page.line(0, "");
    page.line(0, "Data");
    page.line(0, "====");
    for (key, value) in map(config_map, "/data").into_iter().flatten() {
        page.line(0, format!("{key}:"));
        page.line(0, "----");
        value.as_str().unwrap_or_default().lines().for_each(|line| page.line(0, line));
        page.line(0, "");
    }
    page.line(0, "");
    page.line(0, "BinaryData");
    page.line(0, "====");
    for (key, value) in map(config_map, "/binaryData").into_iter().flatten() {
        page.line(0, format!("{key}: {} bytes", decoded_bytes(value)));
        page.line(0, "");
    }
}
