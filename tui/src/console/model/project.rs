//! Cuts an object down to its row. The cells are those of `kubectl get`.

mod pod;

use super::cells::Cells;
use super::packed::Packed;
use super::row::{About, Cell, Facts, Key, Row, Tone};
use super::{columns, pruned, usage, workload};
use jiff::Timestamp;
use objects::json::{self, Json};
use objects::lookup::{is_true, list, scalar, text};
use objects::quantity::Quantity;
use objects::{Kind, printing};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The row of an object; `None` where the text is no object with a name.
pub fn row(kind: Kind, raw: &RawValue) -> Option<Row> {
    if kind == Kind::Pod {
        return pod::row(raw, &pruned::pod(raw).ok()?);
    }
    let object = &serde_json::from_str(raw.get()).ok()?;
    let about = (kind == Kind::Event).then(|| {
        let at = |field: &str| Box::from(text(object, &format!("/involvedObject/{field}")));
        Box::new(About { kind: at("kind"), key: Key { namespace: at("namespace"), name: at("name") } })
    });
    let owner = owner(object);
    // Events of one reason say the same of different objects.
    let alike = if kind == Kind::Event { text(object, "/reason").to_owned() } else { group(object, &owner) };
    Some(Row {
        key: key(object)?,
        cells: cells(kind, object),
        tone: tone(kind, object),
        facts: facts(object, &owner),
        about,
        raw: Packed::among(raw, (kind, alike), kind),
        ..Row::default()
    })
}

/// Which objects resemble this one: those that one controller made, or which somebody made alike.
fn group<J: Json>(object: &J, owner: &str) -> String {
    if owner.is_empty() { pairs(object, "/metadata/labels") } else { owner.to_owned() }
}

fn facts<J: Json>(object: &J, owner: &str) -> Facts {
    let labels = json::fields(object, "/metadata/labels").map(|(key, value)| (key, value.text().unwrap_or_default()));
    Facts::new(json::text(object, "/spec/nodeName"), owner, json::text(object, "/metadata/uid"), labels)
}

/// The same of an object that is no text yet.
pub fn row_of(kind: Kind, object: &Value) -> Option<Row> {
    row(kind, &serde_json::value::to_raw_value(object).ok()?)
}

/// The rows of those objects that have a name.
pub fn rows(kind: Kind, objects: Vec<Box<RawValue>>) -> Vec<Row> {
    objects.into_iter().filter_map(|object| row(kind, &object)).collect()
}

/// A cell as it is made: its text is the object's where it can be.
type Made<'o> = Cell<Cow<'o, str>>;

fn words<'o>(text: impl Into<Cow<'o, str>>) -> Made<'o> {
    Cell::Text(text.into())
}

/// `app=web,tier=db`.
pub fn pairs<J: Json>(object: &J, pointer: &str) -> String {
    let pairs = json::fields(object, pointer).map(|(key, value)| format!("{key}={}", value.text().unwrap_or_default()));
    pairs.collect::<Vec<_>>().join(",")
}

/// `Memory,Disk`, or `none`.
fn pressure(node: &Value) -> String {
    let conditions = list(node, "/status/conditions").iter();
    let pressed = conditions.filter(|condition| text(condition, "/status") == "True");
    let names: Vec<&str> = pressed.filter_map(|condition| text(condition, "/type").strip_suffix("Pressure")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(",") }
}

fn taints(node: &Value) -> String {
    let one = |taint: &Value| match text(taint, "/value") {
        "" => format!("{}:{}", text(taint, "/key"), text(taint, "/effect")),
        value => format!("{}={value}:{}", text(taint, "/key"), text(taint, "/effect")),
    };
    list(node, "/spec/taints").iter().map(one).collect::<Vec<_>>().join(",")
}

/// An object's controller, or else its first owner, as its reference.
pub fn maker<J: Json>(object: &J) -> Option<&J> {
    let owners = json::list(object, "/metadata/ownerReferences");
    owners.iter().find(|owner| json::flag(*owner, "/controller")).or(owners.first())
}

fn owner<J: Json>(object: &J) -> String {
    let maker = maker(object);
    maker.map(|owner| format!("{}/{}", json::text(owner, "/kind").to_lowercase(), json::text(owner, "/name"))).unwrap_or_default()
}

/// Which object it is; `None` for what has no name.
pub fn key<J: Json>(object: &J) -> Option<Key> {
    match json::text(object, "/metadata/name") {
        "" => None,
        name => Some(Key { namespace: Box::from(json::text(object, "/metadata/namespace")), name: Box::from(name) }),
    }
}

/// A cell that objects of all kinds have.
fn of_all<'o, J: Json>(object: &'o J, column: &columns::Column) -> Option<Made<'o>> {
    Some(match column.title {
        "NAMESPACE" => words(json::text(object, "/metadata/namespace")),
        "AGE" => Cell::Age(json::time(object, "/metadata/creationTimestamp")),
        "LABELS" => words(pairs(object, "/metadata/labels")),
        _ if column.is_usage() => usage::unknown(),
        _ => return None,
    })
}

fn cells(kind: Kind, object: &Value) -> Cells {
    let printed = printing::columns(kind);
    // The cells with times in them are made below, so any moment does here.
    let mut texts = printing::cells(kind, object, Timestamp::UNIX_EPOCH);
    let mut take = |source: &str| {
        let at = printed.iter().position(|(name, _)| name.eq_ignore_ascii_case(source));
        at.and_then(|at| texts.get_mut(at)).map(std::mem::take).unwrap_or_default()
    };
    let mut cell = |column: &columns::Column| match (kind, column.title) {
        (Kind::Node, "PRESSURE") => words(pressure(object)),
        (Kind::Node, "TAINTS") => words(taints(object)),
        (Kind::Node, "POD-CIDR") => words(text(object, "/spec/podCIDR")),
        (Kind::Event, "FIRST SEEN") => Cell::Age(printing::event_first_seen(object)),
        (Kind::Event, "LAST SEEN") => Cell::Age(printing::event_last_seen(object)),
        (Kind::Event, "COUNT") => {
            let count = printing::event_count(object);
            Cell::Number(count as f64, count.to_string().into())
        }
        (Kind::Namespace, "PODS") => Cell::Number(0.0, "0".into()),
        (_, "DATA" | "SECRETS" | "VALUE") => {
            let text = take(column.source);
            Cell::Number(text.parse().unwrap_or(0.0), text.into())
        }
        (Kind::Node, "CPU/R") => quantity(object, "cpu", cores),
        (Kind::Node, "MEM/R") => quantity(object, "memory", bytes),
        // What is used of these is filled in where the pods are known, and the members where they are.
        (Kind::Node, "PODS") => quantity(object, "pods", |pods| format!("{pods}")),
        (Kind::Node, "SINCE") => Cell::Age(None),
        (Kind::Node, "RTT") => Cell::Number(0.0, "-".into()),
        (Kind::Node, "MEMBER") => words("-"),
        _ => words(take(column.source)),
    };
    columns::of(kind).iter().map(|column| of_all(object, column).unwrap_or_else(|| cell(column))).collect()
}

fn quantity(node: &Value, resource: &str, show: impl Fn(f64) -> String) -> Made<'static> {
    let text = node.pointer(&format!("/status/allocatable/{resource}")).map(scalar);
    match text.and_then(|text| Quantity::parse(&text).ok()) {
        Some(quantity) => {
            let amount = amount(&quantity, resource);
            Cell::Number(amount, show(amount).into())
        }
        None => Cell::Number(0.0, "-".into()),
    }
}

/// Cores to a thousandth; of everything else whole units.
fn amount(quantity: &Quantity, resource: &str) -> f64 {
    if resource == "cpu" { quantity.to_milli() as f64 / 1000.0 } else { quantity.to_bytes() as f64 }
}

/// Cores for people: `8`, `1.2`.
pub fn cores(amount: f64) -> String {
    if amount < 100.0 && amount.fract() > 0.0 { format!("{amount:.1}") } else { format!("{amount:.0}") }
}

/// Bytes for people: `15.5Gi`.
pub fn bytes(amount: f64) -> String {
    let mut amount = amount;
    for unit in ["", "Ki", "Mi", "Gi"] {
        if amount < 1024.0 {
            // Whole numbers are written many times faster than others, and these are to be rounded anyway.
            let whole = || format!("{}{unit}", amount.round_ties_even());
            return if amount < 10.0 && !unit.is_empty() { format!("{amount:.1}{unit}") } else { whole() };
        }
        amount /= 1024.0;
    }
    format!("{amount:.1}Ti")
}

fn tone(kind: Kind, object: &Value) -> Tone {
    match kind {
        Kind::Node => node_tone(object),
        kind if kind.makes_pods() => workload::tone(kind, object),
        Kind::Event if text(object, "/type") == "Warning" => Tone::Warn,
        Kind::Namespace if text(object, "/status/phase") == "Terminating" => Tone::Done,
        Kind::Namespace => Tone::Ok,
        _ => Tone::Plain,
    }
}

/// The tone of a pod or container by its STATUS cell.
pub fn pod_tone(status: &str, is_ready: bool) -> Tone {
    let is_waiting =
        |word: &str| matches!(word, "Pending" | "ContainerCreating" | "PodInitializing" | "SchedulingGated" | "Waiting");
    match status {
        "Running" if is_ready => Tone::Ok,
        "Running" | "NotReady" | "Unknown" => Tone::Warn,
        "Completed" | "Succeeded" | "Terminating" => Tone::Done,
        word if is_waiting(word) => Tone::Busy,
        word if word
            .strip_prefix("Init:")
            .is_some_and(|rest| rest.chars().all(|letter| letter.is_ascii_digit() || letter == '/')) =>
        {
            Tone::Busy
        }
        _ => Tone::Bad,
    }
}

fn node_tone(node: &Value) -> Tone {
    let is_pressed = list(node, "/status/conditions")
        .iter()
        .any(|condition| text(condition, "/type").ends_with("Pressure") && text(condition, "/status") == "True");
    match () {
        () if !is_true(node, "Ready") => Tone::Bad,
        () if is_pressed || objects::lookup::flag(node, "/spec/unschedulable") => Tone::Warn,
        () => Tone::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, pod_tone, quantity, row};
    use crate::console::model::row::{Cell, Tone};
    use objects::Kind;
    use serde_json::json;
    use serde_json::value::RawValue;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("the case is JSON")
    }

    #[test]
    fn a_pod_becomes_the_cells_of_kubectl() {
        let json = r#"{"metadata":{"name":"kubia","namespace":"default","labels":{"app":"kubia"},"creationTimestamp":"2026-01-01T00:00:00Z"},
            "spec":{"nodeName":"oak","containers":[{"name":"kubia"}]},
            "status":{"phase":"Running","podIP":"10.88.0.2","containerStatuses":[{"name":"kubia","ready":true,"restartCount":0,"state":{"running":{}}}]}}"#;
        let row = row(Kind::Pod, &raw(json)).expect("it has a name");
        let now = "2026-01-01T00:01:00Z".parse().expect("a time");
        let cells: Vec<_> = row.cells.iter().map(|cell| cell.label(now).to_string()).collect();
        assert_eq!(cells[..6], ["default", "kubia", "1/1", "Running", "0", "60s"]);
        assert_eq!(cells[6..12], ["-"; 6], "what is used is not told by the object");
        assert_eq!(cells[12..14], ["10.88.0.2", "oak"]);
        assert_eq!(cells[14..], ["", "-", "-", "", "", "", "<none>", "app=kubia"]);
        assert_eq!(row.labels().collect::<Vec<_>>(), [("app", "kubia")]);
    }

    #[test]
    fn an_object_without_a_name_is_no_row() {
        assert!(row(Kind::Pod, &raw("{}")).is_none());
        assert!(row(Kind::Node, &raw("[1]")).is_none());
    }

    #[test]
    fn what_is_left_out_of_a_pod_makes_no_difference_to_its_row() {
        let state = [
            json!({"running": {"startedAt": "2026-01-01T00:00:01Z"}}),
            json!({"waiting": {"reason": "ImagePullBackOff", "message": "m"}}),
            json!({"waiting": {"reason": "PodInitializing"}}),
            json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": "2026-01-01T00:00:01Z", "finishedAt": "2026-01-01T00:00:02Z"}}),
            json!({"terminated": {"exitCode": 0, "signal": 9, "containerID": "c"}}),
        ];
        let last = json!({"terminated": {"exitCode": 137, "finishedAt": "2026-01-01T00:00:09Z"}});
        let container = |name: &str| {
            json!({"name": name, "image": format!("reg/{name}:1"), "env": [{"name": "A", "value": "b"}], "ports": [{"containerPort": 80}],
                "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}}, "volumeMounts": []})
        };
        let mut seen = std::collections::BTreeSet::new();
        for at in 0_usize..5 * 5 * 4 * 3 {
            let (init, main, more) = (&state[at % 5], &state[at / 5 % 5], at / 100);
            let phase = ["Pending", "Running", "Failed", "Unknown"][at / 25 % 4];
            let status = |name: &str, state: &serde_json::Value| {
                json!({"name": name, "state": state, "ready": at % 2 == 0, "started": at % 3 == 0, "restartCount": at % 4, "lastState": last,
                    "image": "i", "imageID": "i", "containerID": "c"})
            };
            let mut pod = json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "web", "namespace": "default", "uid": "u", "labels": {"app": "web"}, "annotations": {"a": "b"},
                    "creationTimestamp": "2026-01-01T00:00:00Z", "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": true}]},
                "spec": {"nodeName": "oak", "serviceAccountName": "default", "containers": [container("a"), container("b")],
                    "initContainers": [container("i")], "readinessGates": [{"conditionType": "Mine"}], "overhead": {"cpu": "10m"},
                    "volumes": [{"name": "v", "emptyDir": {}}], "tolerations": [], "restartPolicy": "Always"},
                "status": {"phase": phase, "qosClass": "Burstable", "podIPs": [{"ip": "10.88.0.9"}],
                    "conditions": [{"type": "Initialized", "status": if at % 7 == 0 { "False" } else { "True" }, "message": "m"},
                        {"type": "Ready", "status": "True"}, {"type": "Mine", "status": "True"}],
                    "initContainerStatuses": [status("i", init)], "containerStatuses": [status("a", main), status("b", init)]},
            });
            match more {
                1 => pod["spec"]["initContainers"][0]["restartPolicy"] = json!("Always"),
                2 => pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:01:00Z"),
                _ => {}
            }
            let raw = raw(&pod.to_string());
            let (short, whole) = (row(Kind::Pod, &raw).expect("a row"), super::pod::row(&raw, &pod).expect("a row"));
            assert_eq!(format!("{:?}", short.cells), format!("{:?}", whole.cells), "{pod}");
            assert_eq!(
                (short.tone, &short.facts, short.requests, short.limits),
                (whole.tone, &whole.facts, whole.requests, whole.limits)
            );
            assert_eq!(short.object(), pod);
            seen.insert(short.words(super::columns::PODS, "STATUS").to_owned());
        }
        assert!(seen.len() > 8, "{seen:?}");
    }

    #[test]
    fn the_state_of_a_pod_gives_its_tone() {
        let cases = [
            ("Running", true, Tone::Ok),
            ("Running", false, Tone::Warn),
            ("Init:0/2", false, Tone::Busy),
            ("Init:Error", false, Tone::Bad),
            ("CrashLoopBackOff", false, Tone::Bad),
            ("Completed", false, Tone::Done),
        ];
        for (status, is_ready, tone) in cases {
            assert_eq!(pod_tone(status, is_ready), tone, "{status}");
        }
    }

    #[test]
    fn a_pod_that_no_node_takes_is_one_to_look_at() {
        let tone = |status: &str, reason: &str| {
            let placed = json!({"type": "PodScheduled", "status": status, "reason": reason});
            let pod = json!({"metadata": {"name": "a"}, "status": {"phase": "Pending", "conditions": [placed]}});
            row(Kind::Pod, &raw(&pod.to_string())).expect("a row").tone
        };
        assert_eq!(tone("False", "Unschedulable"), Tone::Warn);
        assert_eq!([tone("True", ""), tone("False", "SchedulingGated")], [Tone::Busy; 2]);
    }

    #[test]
    fn quantities_are_numbers_for_sorting_and_short_for_people() {
        let of = |resource: &str, amount: &str| {
            let node = json!({"status": {"allocatable": {resource: amount}}});
            match quantity(&node, resource, |amount| amount.to_string()) {
                Cell::Number(amount, shown) => (amount, shown.into()),
                other => panic!("{other:?}"),
            }
        };
        let cases = [
            (("cpu", "500m"), 0.5, "0.5"),
            (("memory", "2Ki"), 2048.0, "2048"),
            (("memory", "1Pi"), 1_125_899_906_842_624.0, "1125899906842624"),
            (("pods", "11e1"), 110.0, "110"),
            (("memory", "x"), 0.0, "-"),
        ];
        for ((resource, amount), number, shown) in cases {
            assert_eq!(of(resource, amount), (number, String::from(shown)), "{amount} of {resource}");
        }
        assert_eq!(bytes(16_305_016.0 * 1024.0), "16Gi");
        assert_eq!(bytes(1_610_612_736.0), "1.5Gi");
        assert!(matches!(
            row(Kind::Node, &raw(r#"{"metadata":{"name":"oak"}}"#)).expect("named").cells.get(3),
            Some(Cell::Number(..))
        ));
    }
}
