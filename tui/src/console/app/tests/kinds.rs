//! The kinds besides pods, nodes and events: watched once one looks, listed, described, deleted; a secret's values are hidden.

use super::{Bench, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::link::Command;
use objects::Kind;
use serde_json::{Value, json};

fn secret() -> Value {
    json!({
        "metadata": {"name": "db", "namespace": "default", "creationTimestamp": "2026-03-01T11:00:00Z",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"stringData\":{\"password\":\"hunter2\"}}"}},
        "type": "Opaque", "data": {"password": "aHVudGVyMg=="},
    })
}

fn watched(bench: &Bench) -> Vec<Kind> {
    let watches = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Link(Command::Watch { kind }) => Some(*kind),
        _ => None,
    });
    watches.collect()
}

fn command(bench: &mut Bench, text: &str) {
    bench.press(":").write(text).press("enter");
}

#[test]
fn a_kind_is_watched_once_somebody_looks_at_it() {
    let mut bench = Bench::new(100, 20);
    assert!(watched(&bench).is_empty());
    command(&mut bench, "cm");
    assert_eq!(watched(&bench), [Kind::ConfigMap]);
    assert!(bench.shows("reading configmaps"), "{}", bench.picture());
    bench.wire(Wire::Rows(Kind::ConfigMap, vec![]));
    assert!(bench.shows("no configmaps"), "{}", bench.picture());
    command(&mut bench, "pods");
    command(&mut bench, "configmaps");
    assert_eq!(watched(&bench), [Kind::ConfigMap], "once");
    for (text, kind) in [("sec", Kind::Secret), ("svc", Kind::Service), ("sa", Kind::ServiceAccount), ("ns", Kind::Namespace)] {
        command(&mut bench, text);
        assert_eq!(watched(&bench).last(), Some(&kind), "{text}");
    }
}

#[test]
fn the_beginning_of_a_long_list_is_shown_while_the_rest_is_read() {
    let mut bench = Bench::new(100, 20);
    command(&mut bench, "cm");
    let map = |name: &str| {
        row(Kind::ConfigMap, &json!({"metadata": {"name": name, "namespace": "default", "uid": name, "creationTimestamp": null}}))
    };
    bench.wire(Wire::Begun(Kind::ConfigMap, vec![map("a"), map("b")]));
    assert!(bench.shows("1/2…"), "{}", bench.picture());
    bench.press("j");
    bench.wire(Wire::Rows(Kind::ConfigMap, ["a", "aa", "b", "c"].map(map).into()));
    assert!(bench.shows("3/4") && !bench.shows("…"), "the cursor stays on its row\n{}", bench.picture());
}

#[test]
fn a_kind_that_may_not_be_watched_says_so_where_its_rows_would_be() {
    let mut bench = Bench::new(100, 20);
    command(&mut bench, "secrets");
    bench.wire(Wire::Refused(Kind::Secret, "secrets is forbidden: the role viewer may not watch them".to_owned()));
    bench.wait(60);
    assert!(bench.shows("the role viewer may not"), "{}", bench.picture());
    assert_eq!(watched(&bench), [Kind::Secret], "a refusal is not asked about again and again");
    command(&mut bench, "pods");
    assert!(bench.shows("CrashLoopBackOff"), "{}", bench.picture());
    assert_eq!(watched(&bench).len(), 1);
    command(&mut bench, "secrets");
    assert_eq!(watched(&bench).len(), 2, "but when one looks again it is");
}

#[test]
fn what_uses_an_object_is_one_key_away() {
    let mut bench = Bench::new(100, 20);
    let mut user = pod("aaa", &json!({"running": {}}), true, 0);
    user["spec"]["volumes"] = json!([{"name": "v", "configMap": {"name": "app"}}]);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &user))));
    command(&mut bench, "cm");
    let map = |name: &str| row(Kind::ConfigMap, &json!({"metadata": {"name": name, "namespace": "default", "uid": name}}));
    bench.wire(Wire::Rows(Kind::ConfigMap, ["app", "other"].map(map).into()));
    bench.press("U");
    assert!(bench.shows("used by") && bench.shows("default/aaa"), "{}", bench.picture());
    bench.press("enter");
    assert!(bench.line(1).contains("aaa describe"), "{}", bench.picture());
    bench.press("esc j U");
    assert!(bench.shows("no pod uses configmap default/other"), "{}", bench.picture());
    command(&mut bench, "nodes");
    bench.press("U");
    assert!(bench.line(1).contains("pods on oak"), "{}", bench.picture());
}

#[test]
fn keys_that_say_nothing_of_a_kind_are_not_offered_for_it() {
    let mut bench = Bench::new(120, 20);
    command(&mut bench, "cm");
    let map = row(Kind::ConfigMap, &json!({"metadata": {"name": "app", "namespace": "default", "uid": "u"}}));
    bench.wire(Wire::Rows(Kind::ConfigMap, vec![map]));
    assert!(!bench.shows("w why") && bench.shows("d describe"), "{}", bench.picture());
    command(&mut bench, "nodes");
    assert!(bench.shows("w why"), "{}", bench.picture());
}

#[test]
fn who_manages_which_fields_is_shown_in_yaml_where_it_is_asked_for() {
    let mut bench = Bench::new(100, 20);
    let mut managed = pod("aaa", &json!({"running": {}}), true, 0);
    managed["metadata"]["managedFields"] = json!([{"manager": "kubectl", "operation": "Apply"}]);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &managed))));
    bench.press("g g D");
    assert!(!bench.shows("managedFields"), "{}", bench.picture());
    bench.press("M");
    assert!(bench.shows("manager: kubectl"), "{}", bench.picture());
    bench.press("M");
    assert!(!bench.shows("managedFields"), "{}", bench.picture());
}

#[test]
fn a_secrets_values_are_hidden_until_they_are_asked_for() {
    let mut bench = Bench::new(100, 30);
    command(&mut bench, "sec");
    bench.wire(Wire::Rows(Kind::Secret, vec![row(Kind::Secret, &secret())]));
    assert!(bench.shows("db") && bench.shows("Opaque") && bench.shows("60m"), "{}", bench.picture());
    bench.press("D");
    assert!(bench.shows("hidden: 7 bytes") && !bench.shows("aHVudGVyMg") && !bench.shows("hunter2"), "{}", bench.picture());
    bench.press("d");
    assert!(bench.shows("password:  7 bytes") && !bench.shows("hunter2"), "{}", bench.picture());
    bench.press("v");
    assert!(bench.shows("hunter2"), "{}", bench.picture());
    bench.press("D");
    assert!(bench.shows("aHVudGVyMg=="), "{}", bench.picture());
    bench.press("v");
    assert!(!bench.shows("aHVudGVyMg=="), "{}", bench.picture());
}

#[test]
fn a_command_about_an_object_waits_until_its_kind_is_known() {
    let mut bench = Bench::new(100, 30);
    command(&mut bench, "yaml secret default/db");
    assert_eq!(watched(&bench), [Kind::Secret]);
    bench.wire(Wire::Rows(Kind::Secret, vec![row(Kind::Secret, &secret())]));
    assert!(bench.line(1).contains("db yaml"), "{}", bench.picture());
}

#[test]
fn a_service_leads_to_the_pods_it_chooses_and_a_namespace_to_its_pods() {
    let mut bench = Bench::new(110, 20);
    let service = json!({"metadata": {"name": "web", "namespace": "default"},
        "spec": {"type": "ClusterIP", "selector": {"app": "shop"}, "ports": [{"port": 80, "protocol": "TCP"}]}});
    let mut shop = pod("shop-1", &json!({"running": {}}), true, 0);
    shop["metadata"]["labels"] = json!({"app": "shop"});
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &shop))));
    command(&mut bench, "svc");
    bench.wire(Wire::Rows(Kind::Service, vec![row(Kind::Service, &service)]));
    assert!(bench.shows("80/TCP") && bench.shows("app=shop"), "{}", bench.picture());
    bench.press("enter");
    assert!(bench.line(1).contains("/-l app=shop") && bench.shows("shop-1") && !bench.shows("bravo"), "{}", bench.picture());
    command(&mut bench, "ns");
    let namespace = json!({"metadata": {"name": "default"}, "status": {"phase": "Active"}});
    bench.wire(Wire::Rows(Kind::Namespace, vec![row(Kind::Namespace, &namespace)]));
    let pods = bench.app.store.of(Kind::Pod).len();
    assert!(bench.shows("Active") && bench.shows(&format!("{pods}  ")), "{}", bench.picture());
    bench.press("enter");
    assert!(bench.line(1).contains("in default"), "{}", bench.picture());
}

#[test]
fn several_namespaces_are_shown_together_by_name_and_by_mark() {
    let mut bench = Bench::new(110, 20);
    let pods = ["team-1", "team-2", "team-3"].map(|namespace| {
        let mut pod = pod(&format!("of-{namespace}"), &json!({"running": {}}), true, 0);
        pod["metadata"]["namespace"] = json!(namespace);
        row(Kind::Pod, &pod)
    });
    bench.wire(Wire::Rows(Kind::Pod, pods.into()));
    let shown = |bench: &Bench| ["team-1", "team-2", "team-3"].map(|name| bench.shows(&format!("of-{name}")));
    command(&mut bench, "pods team-1,team-3");
    assert_eq!(shown(&bench), [true, false, true], "{}", bench.picture());
    assert!(bench.line(1).contains("in team-1,team-3") && bench.shows("NAMESPACE"), "{}", bench.picture());
    command(&mut bench, "pods team-2,team-3 /of-team-3");
    assert_eq!(shown(&bench), [false, false, true], "{}", bench.picture());
    command(&mut bench, "pods team-1 team-2 -l app=web");
    assert_eq!(shown(&bench), [true, true, false], "{}", bench.picture());
    command(&mut bench, "pods team-1,team-2 -l app.kubernetes.io/name=none");
    assert_eq!(shown(&bench), [false; 3], "{}", bench.picture());
    // The namespaces that lists begin with are several as well, and 0 is all of them.
    command(&mut bench, "ns team-1,team-2");
    command(&mut bench, "pods");
    assert_eq!(shown(&bench), [true, true, false], "{}", bench.picture());
    assert!(bench.line(0).contains("team-1,team-2"), "{}", bench.picture());
    bench.press("0");
    assert_eq!(shown(&bench), [true; 3], "{}", bench.picture());
    command(&mut bench, "pods team-9,team-8");
    assert!(bench.shows("no pods in namespaces team-9,team-8"), "{}", bench.picture());
    // Marked in their list.
    command(&mut bench, "ns");
    let namespace = |name: &str| row(Kind::Namespace, &json!({"metadata": {"name": name}, "status": {"phase": "Active"}}));
    bench.wire(Wire::Rows(Kind::Namespace, ["team-1", "team-2", "team-3"].map(namespace).into()));
    bench.press("v j v enter");
    assert_eq!(shown(&bench), [true, false, true], "{}", bench.picture());
    // An object is found in any of them; a manifest that names no namespace goes to the first.
    command(&mut bench, "ns team-3,team-2");
    command(&mut bench, "describe pod of-team-2");
    assert!(bench.line(1).contains("of-team-2"), "{}", bench.picture());
    command(&mut bench, "describe pod of-team-1");
    assert!(bench.shows("not found"), "{}", bench.picture());
    command(&mut bench, "new x");
    assert!(bench.shows("namespace: team-3"), "{}", bench.picture());
}

#[test]
fn deleting_says_who_names_the_object_and_a_namespace_wants_its_name() {
    let mut bench = Bench::new(100, 24);
    let mut user = pod("user", &json!({"running": {}}), true, 0);
    user["spec"]["volumes"] = json!([{"name": "v", "secret": {"secretName": "db"}}]);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &user))));
    command(&mut bench, "sec");
    bench.wire(Wire::Rows(Kind::Secret, vec![row(Kind::Secret, &secret())]));
    bench.press("x d");
    assert!(bench.shows("Named by user."), "{}", bench.picture());
    bench.press("esc");
    command(&mut bench, "ns");
    let namespace = json!({"metadata": {"name": "team-1"}, "status": {"phase": "Active"}});
    bench.wire(Wire::Rows(Kind::Namespace, vec![row(Kind::Namespace, &namespace)]));
    bench.press("x d");
    assert!(bench.shows("goes with it") && bench.shows("\"team-1\" is to be typed"), "{}", bench.picture());
}

#[test]
fn a_shell_on_a_node_is_the_nodes_own() {
    let mut bench = Bench::new(100, 20);
    command(&mut bench, "nodes");
    bench.press("x S");
    let ran = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Run(words) => Some(words.join(" ")),
        _ => None,
    });
    assert_eq!(ran.as_deref(), Some("debug -it node/oak"));
}
