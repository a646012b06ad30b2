//! ServiceAccounts: whom pods are. Nobody gives them tokens here yet.

use super::{Definition, Names, anything_may_change, nothing_to_check, nothing_to_complete};
use crate::describe::Page;
use crate::lookup::{self, list, text};
use crate::names::dns1123_subdomain;
use crate::schema::Shape::{Bool, List, Struct};
use crate::schema::meta::OBJECT_META;
use crate::schema::node::OBJECT_REFERENCE_FIELDS;
use crate::schema::pod::LOCAL_OBJECT_REFERENCE;
use crate::schema::{TEXT, Type, field, internal, tagged};
use serde_json::Value;

/// As everywhere, but not one piece: the list is told apart by a field of it.
static SECRET_REFERENCE: Type = internal("ObjectReference", OBJECT_REFERENCE_FIELDS);

static FIELDS: Type = tagged(
    "ServiceAccount",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Secrets", "secrets", List(&Struct(&SECRET_REFERENCE))).merge_by("name"),
        field("ImagePullSecrets", "imagePullSecrets", List(&Struct(&LOCAL_OBJECT_REFERENCE))),
        field("AutomountServiceAccountToken", "automountServiceAccountToken", Bool).pointer(),
    ],
);

pub(super) static SERVICE_ACCOUNT: Definition = Definition {
    names: Names {
        name: "ServiceAccount",
        api_version: "v1",
        plural: "serviceaccounts",
        singular: "serviceaccount",
        short: &["sa"],
        is_namespaced: true,
    },
    documented_as: "io.k8s.api.core.v1.ServiceAccount",
    selectable: &["metadata.name", "metadata.namespace"],
    fields: &FIELDS,
    columns: &[("Name", 0), ("Secrets", 0), ("Age", 0)],
    cells: |account, now| {
        let age = crate::duration::since(lookup::time(account, "/metadata/creationTimestamp"), now);
        vec![lookup::name(account).to_owned(), list(account, "/secrets").len().to_string(), age]
    },
    check_name: dns1123_subdomain,
    complete: nothing_to_complete,
    validate: nothing_to_check,
    validate_update: anything_may_change,
    describe,
};

fn describe(account: &Value, page: &mut Page<'_>) {
    for (label, pointer) in [("Image pull secrets", "/imagePullSecrets"), ("Mountable secrets", "/secrets")] {
        let names: Vec<String> = list(account, pointer).iter().map(|secret| text(secret, "/name").to_owned()).collect();
        page.multi_line(label, &names);
    }
    page.multi_line("Tokens", &[]);
}
