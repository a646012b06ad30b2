//! Tables of each kind.

use super::{Header, TableOptions, table};
use crate::Kind;
use serde_json::{Value, json};

fn options() -> TableOptions {
    TableOptions::new("2026-01-01T00:05:00Z".parse().expect("a time"))
}

fn pod(name: &str, labels: &Value) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels,
        },
        "spec": {"containers": [{"name": "main"}], "nodeName": "oak"},
        "status": {"phase": "Pending", "podIP": "10.0.0.9"},
    })
}

#[test]
fn pods_are_shown_with_their_five_columns() {
    let text = table(Kind::Pod, &[pod("kubia", &json!({}))], &options()).to_text(Header::Shown);
    assert_eq!(text, "NAME    READY   STATUS    RESTARTS   AGE\nkubia   0/1     Pending   0          5m\n");
}

#[test]
fn a_wide_table_and_labels_add_columns_at_the_right() {
    let mut options = options();
    (options.wide, options.show_namespace, options.show_kind, options.show_labels) = (true, true, true, true);
    options.label_columns = vec!["example.org/tier".to_owned()];
    let pods = [pod("a", &json!({"app": "web", "example.org/tier": "front"})), pod("b", &json!(null))];
    let text = table(Kind::Pod, &pods, &options).to_text(Header::Shown);
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "NAMESPACE NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES TIER LABELS");
    assert_eq!(lines[1], "default pod/a 0/1 Pending 0 5m 10.0.0.9 oak <none> <none> front app=web,example.org/tier=front");
    assert_eq!(lines[2], "default pod/b 0/1 Pending 0 5m 10.0.0.9 oak <none> <none> <none> <none>");
}

#[test]
fn nodes_have_no_namespace_column() {
    let mut options = options();
    options.show_namespace = true;
    let table = table(Kind::Node, &[json!({"metadata": {"name": "oak"}})], &options);
    assert_eq!(table.columns[0].name, "Name");
    assert_eq!(table.rows[0], ["oak", "Unknown", "<none>", "<unknown>", ""]);
}

#[test]
fn anything_at_all_makes_a_row() {
    for kind in Kind::ALL {
        for object in [json!(null), json!([]), json!("x"), json!({"metadata": 3, "spec": [], "status": {"conditions": {}}})] {
            assert_eq!(table(kind, &[object], &options()).rows.len(), 1);
        }
    }
}
