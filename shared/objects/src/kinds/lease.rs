//! Leases: who holds something, and until when. Programs that elect a leader among themselves write them.

use super::{Definition, Names, anything_may_change, nothing_to_complete};
use crate::admission::faults::{Faults, Path};
use crate::describe::Page;
use crate::lookup::{self, number, text};
use crate::names::dns1123_subdomain;
use crate::schema::Shape::{Int32, Struct, Text, Time};
use crate::schema::meta::OBJECT_META;
use crate::schema::{TEXT, Type, field, internal, tagged};
use serde_json::Value;

static LEASE_SPEC: Type = internal(
    "LeaseSpec",
    &[
        field("HolderIdentity", "holderIdentity", TEXT).pointer(),
        field("LeaseDurationSeconds", "leaseDurationSeconds", Int32).pointer(),
        field("AcquireTime", "acquireTime", Time).pointer(),
        field("RenewTime", "renewTime", Time).pointer(),
        field("LeaseTransitions", "leaseTransitions", Int32).pointer(),
        field("Strategy", "strategy", Text("v1.CoordinatedLeaseStrategy")).pointer(),
        field("PreferredHolder", "preferredHolder", TEXT).pointer(),
    ],
);

static FIELDS: Type = tagged(
    "Lease",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Spec", "spec", Struct(&LEASE_SPEC)),
    ],
);

pub(super) static LEASE: Definition = Definition {
    names: Names {
        name: "Lease",
        api_version: "coordination.k8s.io/v1",
        plural: "leases",
        singular: "lease",
        short: &[],
        is_namespaced: true,
    },
    documented_as: "io.k8s.api.coordination.v1.Lease",
    selectable: &["metadata.name", "metadata.namespace"],
    fields: &FIELDS,
    columns: &[("Name", 0), ("Holder", 0), ("Age", 0)],
    cells: |lease, now| {
        let age = crate::duration::since(lookup::time(lease, "/metadata/creationTimestamp"), now);
        vec![lookup::name(lease).to_owned(), text(lease, "/spec/holderIdentity").to_owned(), age]
    },
    check_name: dns1123_subdomain,
    complete: nothing_to_complete,
    validate,
    validate_update: anything_may_change,
    describe,
};

fn validate(lease: &Value, faults: &mut Faults) {
    let path = Path::root("spec");
    let given = |field: &str| lease.pointer(&format!("/spec/{field}")).and_then(Value::as_i64);
    if let Some(seconds) = given("leaseDurationSeconds").filter(|seconds| *seconds <= 0) {
        faults.invalid(&path.child("leaseDurationSeconds"), &seconds, "must be greater than 0");
    }
    faults.not_negative(&path.child("leaseTransitions"), given("leaseTransitions").unwrap_or_default());
}

fn describe(lease: &Value, page: &mut Page<'_>) {
    page.line(0, "Spec:");
    for (label, field) in [("Acquire Time", "acquireTime"), ("Holder Identity", "holderIdentity")] {
        page.optional(1, label, text(lease, &format!("/spec/{field}")));
    }
    page.field(1, "Lease Duration Seconds", number(lease, "/spec/leaseDurationSeconds").to_string());
    page.optional(1, "Renew Time", text(lease, "/spec/renewTime"));
}
