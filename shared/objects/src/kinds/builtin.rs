//! Pods, nodes and events: their names, and where the rest of them is.

use super::{Definition, Names, anything_may_change, nothing_to_check, nothing_to_complete};
use crate::admission::other_kinds;
use crate::names::dns1123_subdomain;
use crate::{printing, schema};

pub(super) static POD: Definition = Definition {
    names: Names { name: "Pod", api_version: "v1", plural: "pods", singular: "pod", short: &["po"], is_namespaced: true },
    documented_as: "io.k8s.api.core.v1.Pod",
    selectable: &[
        "metadata.name",
        "metadata.namespace",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ],
    fields: &schema::pod::POD,
    columns: printing::pod::COLUMNS,
    cells: printing::pod::cells,
    check_name: dns1123_subdomain,
    // Admission works on the typed pod.
    complete: nothing_to_complete,
    validate: nothing_to_check,
    validate_update: anything_may_change,
    describe: |_, _| {},
};

pub(super) static NODE: Definition = Definition {
    names: Names { name: "Node", api_version: "v1", plural: "nodes", singular: "node", short: &["no"], is_namespaced: false },
    documented_as: "io.k8s.api.core.v1.Node",
    selectable: &["metadata.name", "spec.unschedulable"],
    fields: &schema::node::NODE,
    columns: printing::node::COLUMNS,
    cells: printing::node::cells,
    check_name: dns1123_subdomain,
    complete: other_kinds::complete_node,
    validate: other_kinds::validate_node,
    validate_update: anything_may_change,
    describe: |_, _| {},
};

pub(super) static EVENT: Definition = Definition {
    names: Names { name: "Event", api_version: "v1", plural: "events", singular: "event", short: &["ev"], is_namespaced: true },
    documented_as: "io.k8s.api.core.v1.Event",
    selectable: &[
        "metadata.name",
        "metadata.namespace",
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ],
    fields: &schema::node::EVENT,
    columns: printing::event::COLUMNS,
    cells: printing::event::cells,
    check_name: dns1123_subdomain,
    complete: nothing_to_complete,
    validate: other_kinds::validate_event,
    validate_update: anything_may_change,
    describe: |_, _| {},
};
