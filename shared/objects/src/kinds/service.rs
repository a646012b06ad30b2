//! Services: names for sets of pods. They are kept and shown; nothing leads to their pods yet, and whoever makes one is told.

use super::{Definition, Names};
use crate::admission::faults::{Faults, Path};
use crate::admission::metadata::labels;
use crate::describe::{Page, pairs};
use crate::lookup::{self, list, map, number, scalar, text};
use crate::names::{dns1123_label, port_name, port_number};
use crate::schema::Shape::{Bool, Int32, IntOrString, List, Map, Struct, Text};
use crate::schema::meta::{CONDITION_FIELDS, OBJECT_META};
use crate::schema::{TEXT, Type, field, internal, tagged};
use serde_json::{Value, json};
use std::collections::BTreeMap;

static SERVICE_PORT: Type = internal(
    "ServicePort",
    &[
        field("Name", "name", TEXT),
        field("Protocol", "protocol", Text("v1.Protocol")),
        field("AppProtocol", "appProtocol", TEXT).pointer(),
        field("Port", "port", Int32).always(),
        field("TargetPort", "targetPort", IntOrString),
        field("NodePort", "nodePort", Int32),
    ],
);

static CLIENT_IP_CONFIG: Type = internal("ClientIPConfig", &[field("TimeoutSeconds", "timeoutSeconds", Int32).pointer()]);

static SESSION_AFFINITY_CONFIG: Type =
    internal("SessionAffinityConfig", &[field("ClientIP", "clientIP", Struct(&CLIENT_IP_CONFIG)).pointer()]);

static SERVICE_SPEC: Type = internal(
    "ServiceSpec",
    &[
        field("Ports", "ports", List(&Struct(&SERVICE_PORT))).merge_by("port").keyed_by(&["port", "protocol"]),
        field("Selector", "selector", Map(&TEXT)).atomic(),
        field("ClusterIP", "clusterIP", TEXT),
        field("ClusterIPs", "clusterIPs", List(&TEXT)),
        field("Type", "type", Text("v1.ServiceType")),
        field("ExternalIPs", "externalIPs", List(&TEXT)),
        field("SessionAffinity", "sessionAffinity", Text("v1.ServiceAffinity")),
        field("LoadBalancerIP", "loadBalancerIP", TEXT),
        field("LoadBalancerSourceRanges", "loadBalancerSourceRanges", List(&TEXT)),
        field("ExternalName", "externalName", TEXT),
        field("ExternalTrafficPolicy", "externalTrafficPolicy", Text("v1.ServiceExternalTrafficPolicy")),
        field("HealthCheckNodePort", "healthCheckNodePort", Int32),
        field("PublishNotReadyAddresses", "publishNotReadyAddresses", Bool),
        field("SessionAffinityConfig", "sessionAffinityConfig", Struct(&SESSION_AFFINITY_CONFIG)).pointer(),
        field("IPFamilies", "ipFamilies", List(&Text("v1.IPFamily"))),
        field("IPFamilyPolicy", "ipFamilyPolicy", Text("v1.IPFamilyPolicy")).pointer(),
        field("AllocateLoadBalancerNodePorts", "allocateLoadBalancerNodePorts", Bool).pointer(),
        field("LoadBalancerClass", "loadBalancerClass", TEXT).pointer(),
        field("InternalTrafficPolicy", "internalTrafficPolicy", Text("v1.ServiceInternalTrafficPolicy")).pointer(),
        field("TrafficDistribution", "trafficDistribution", TEXT).pointer(),
    ],
);

static PORT_STATUS: Type = internal(
    "PortStatus",
    &[
        field("Port", "port", Int32).always(),
        field("Protocol", "protocol", Text("v1.Protocol")).always(),
        field("Error", "error", TEXT).pointer(),
    ],
);

static INGRESS: Type = internal(
    "LoadBalancerIngress",
    &[
        field("IP", "ip", TEXT),
        field("Hostname", "hostname", TEXT),
        field("IPMode", "ipMode", TEXT).pointer(),
        field("Ports", "ports", List(&Struct(&PORT_STATUS))),
    ],
);

static LOAD_BALANCER_STATUS: Type = internal("LoadBalancerStatus", &[field("Ingress", "ingress", List(&Struct(&INGRESS)))]);

static CONDITION: Type = internal("Condition", CONDITION_FIELDS);

static SERVICE_STATUS: Type = internal(
    "ServiceStatus",
    &[
        field("LoadBalancer", "loadBalancer", Struct(&LOAD_BALANCER_STATUS)).always(),
        field("Conditions", "conditions", List(&Struct(&CONDITION))).merge_by("type"),
    ],
);

static FIELDS: Type = tagged(
    "Service",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Spec", "spec", Struct(&SERVICE_SPEC)),
        field("Status", "status", Struct(&SERVICE_STATUS)),
    ],
);

pub(super) static SERVICE: Definition = Definition {
    names: Names {
        name: "Service",
        api_version: "v1",
        plural: "services",
        singular: "service",
        short: &["svc"],
        is_namespaced: true,
    },
    documented_as: "io.k8s.api.core.v1.Service",
    selectable: &["metadata.name", "metadata.namespace", "spec.clusterIP", "spec.type"],
    fields: &FIELDS,
    columns: &[("Name", 0), ("Type", 0), ("Cluster-IP", 0), ("External-IP", 0), ("Port(s)", 0), ("Age", 0), ("Selector", 1)],
    cells: |service, now| {
        vec![
            lookup::name(service).to_owned(),
            text(service, "/spec/type").to_owned(),
            or_none(text(service, "/spec/clusterIP").to_owned()),
            external(service),
            or_none(ports(service)),
            crate::duration::since(lookup::time(service, "/metadata/creationTimestamp"), now),
            or_none(pairs(service, "/spec/selector").join(",")),
        ]
    },
    check_name: dns1123_label,
    complete,
    validate,
    validate_update: |_, _, _| {},
    describe,
};

fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text }
}

fn external(service: &Value) -> String {
    let texts = |pointer: &str| list(service, pointer).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    match text(service, "/spec/type") {
        "ExternalName" => text(service, "/spec/externalName").to_owned(),
        "LoadBalancer" if list(service, "/status/loadBalancer/ingress").is_empty() => "<pending>".to_owned(),
        _ => or_none(texts("/spec/externalIPs")),
    }
}

/// `8080:32163/TCP,80/TCP`
fn ports(service: &Value) -> String {
    let shown = |port: &Value| match number(port, "/nodePort") {
        0 => format!("{}/{}", number(port, "/port"), text(port, "/protocol")),
        node_port => format!("{}:{node_port}/{}", number(port, "/port"), text(port, "/protocol")),
    };
    list(service, "/spec/ports").iter().map(shown).collect::<Vec<_>>().join(",")
}

fn complete(service: &mut Value) {
    if service.get("spec").is_none() {
        service["spec"] = json!({});
    }
    let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) else { return };
    for (field, value) in [("type", "ClusterIP"), ("sessionAffinity", "None")] {
        spec.entry(field).or_insert_with(|| value.into());
    }
    if spec["type"] != "ExternalName" {
        for (field, value) in [
            ("internalTrafficPolicy", json!("Cluster")),
            ("ipFamilies", json!(["IPv4"])),
            ("ipFamilyPolicy", json!("SingleStack")),
        ] {
            spec.entry(field).or_insert(value);
        }
    }
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let number = port.get("port").cloned().unwrap_or_default();
        let Some(fields) = port.as_object_mut() else { continue };
        fields.entry("protocol").or_insert_with(|| "TCP".into());
        if fields.get("targetPort").is_none_or(|target| *target == json!(0) || *target == json!("")) {
            fields.insert("targetPort".to_owned(), number);
        }
    }
    if let Some(fields) = service.as_object_mut() {
        fields.entry("status").or_insert_with(|| json!({"loadBalancer": {}}));
    }
}

fn validate(service: &Value, faults: &mut Faults) {
    let path = Path::root("spec");
    let of = text(service, "/spec/type");
    let is_headless = text(service, "/spec/clusterIP") == "None";
    let given = list(service, "/spec/ports");
    if given.is_empty() && !is_headless && of != "ExternalName" {
        faults.required(&path.child("ports"), "");
    }
    let (ports, mut names) = (path.child("ports"), Vec::new());
    for (index, port) in given.iter().enumerate() {
        validate_port(port, given.len() > 1, (&ports.index(index), &mut names), faults);
    }
    for (index, port) in given.iter().enumerate() {
        let same = |other: &&Value| other["port"] == port["port"] && other["protocol"] == port["protocol"];
        if given[..index].iter().any(|other| same(&other)) {
            let shown = json!({"protocol": port["protocol"], "port": port["port"]}).to_string();
            faults.duplicate(&ports.index(index), &shown);
        }
    }
    let selector: BTreeMap<String, String> =
        map(service, "/spec/selector").into_iter().flatten().map(|(key, value)| (key.clone(), scalar(value))).collect();
    labels(Some(&selector), &path.child("selector"), faults);
    faults.one_of(&path.child("sessionAffinity"), text(service, "/spec/sessionAffinity"), &["ClientIP", "None"]);
    faults.one_of(&path.child("type"), of, &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
    if of == "ExternalName" {
        match text(service, "/spec/externalName") {
            "" => faults.required(&path.child("externalName"), ""),
            name => faults.invalid_each(&path.child("externalName"), name, crate::names::dns1123_subdomain(name)),
        }
    }
}

fn validate_port<'a>(port: &'a Value, is_named: bool, (path, names): (&Path<'_>, &mut Vec<&'a str>), faults: &mut Faults) {
    match text(port, "/name") {
        "" if is_named => faults.required(&path.child("name"), ""),
        "" => {}
        name => {
            faults.invalid_each(&path.child("name"), name, dns1123_label(name));
            if names.contains(&name) {
                faults.duplicate(&path.child("name"), name);
            }
            names.push(name);
        }
    }
    let number_ = number(port, "/port");
    faults.invalid_each(&path.child("port"), &number_, port_number(number_));
    faults.one_of(&path.child("protocol"), text(port, "/protocol"), &["SCTP", "TCP", "UDP"]);
    match port.get("targetPort") {
        Some(Value::String(name)) => faults.invalid_each(&path.child("targetPort"), name, port_name(name)),
        target => {
            let target = target.and_then(Value::as_i64).unwrap_or_default();
            faults.invalid_each(&path.child("targetPort"), &target, port_number(target));
        }
    }
}

fn describe(service: &Value, page: &mut Page<'_>) {
    page.field(0, "Selector", or_none(pairs(service, "/spec/selector").join(",")));
    page.field(0, "Type", text(service, "/spec/type"));
    page.field(0, "IP Family Policy", or_none(text(service, "/spec/ipFamilyPolicy").to_owned()));
    let families: Vec<&str> = list(service, "/spec/ipFamilies").iter().filter_map(Value::as_str).collect();
    page.field(0, "IP Families", or_none(families.join(",")));
    page.field(0, "IP", text(service, "/spec/clusterIP"));
    for port in list(service, "/spec/ports") {
        let (name, protocol) = (text(port, "/name"), text(port, "/protocol"));
        let name = if name.is_empty() { "<unset>" } else { name };
        page.field(0, "Port", format!("{name}\t{}/{protocol}", number(port, "/port")));
        page.field(0, "TargetPort", format!("{}/{protocol}", scalar(&port["targetPort"])));
    }
    page.field(0, "Session Affinity", text(service, "/spec/sessionAffinity"));
}
