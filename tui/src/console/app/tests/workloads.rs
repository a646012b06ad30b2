//! Deployments and replica sets: their lists, their pods, other numbers of pods and the way back, restarts, owners.

use super::{Bench, pod, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::Wire;
use crate::console::link::Command;
use objects::Kind;
use serde_json::{Value, json};
use wire::{ReplaceRequest, Request, Response};

fn deployment(replicas: i64) -> Value {
    json!({"metadata": {"name": "kubia", "namespace": "default", "uid": "d", "creationTimestamp": "2026-03-01T11:00:00Z"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "kubia"}},
            "template": {"metadata": {"labels": {"app": "kubia"}}, "spec": {"containers": [{"name": "a", "image": "kubia:1"}]}}},
        "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2}})
}

fn listed() -> Bench {
    let mut bench = Bench::new(110, 20);
    bench.write(":deploy").press("enter");
    bench.wire(Wire::Rows(Kind::Deployment, vec![row(Kind::Deployment, &deployment(3))]));
    bench
}

/// The object that the daemon was asked to keep.
fn replaced(bench: &Bench) -> (u32, Value) {
    match bench.asked() {
        Some((id, Request::Replace(ReplaceRequest { object, .. }))) => (id, object),
        other => panic!("nothing was to be replaced: {other:?}"),
    }
}

fn done(bench: &mut Bench, id: u32) {
    let response = Response::Object { object: Box::new(json!({})), warnings: vec![], outcome: "replaced".into() };
    bench.wire(Wire::Answer(id, Ok(response)));
}

#[test]
fn a_deployment_is_listed_with_kubectls_columns_and_leads_to_its_pods() {
    let mut bench = listed();
    assert!(bench.shows("UP-TO-DATE") && bench.shows("2/3"), "{}", bench.picture());
    let mut own = pod("kubia-1", &json!({"running": {}}), true, 0);
    own["metadata"]["labels"] = json!({"app": "kubia"});
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &own))));
    bench.press("enter");
    assert!(bench.line(1).contains("/-l app=kubia") && bench.shows("kubia-1") && !bench.shows("bravo"), "{}", bench.picture());
}

#[test]
fn the_logs_of_a_deployments_pods_are_one_key_away() {
    let mut bench = listed();
    bench.press("o");
    assert!(bench.shows("it has no pods whose logs could be read"), "{}", bench.picture());
    for name in ["kubia-1", "kubia-2"] {
        let mut own = pod(name, &json!({"running": {}}), true, 0);
        own["metadata"]["labels"] = json!({"app": "kubia"});
        bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &own))));
    }
    bench.press("o");
    let asked: Vec<String> = bench
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Link(Command::Logs { request, .. }) => {
                Some(format!("{} {}", request.pod, request.container.as_deref().unwrap_or_default()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(asked, ["kubia-1 web", "kubia-1 side", "kubia-2 web", "kubia-2 side"]);
    bench.press("esc d o");
    assert!(matches!(bench.app.screen(), crate::console::screen::Screen::Log(_)), "{}", bench.picture());
}

#[test]
fn a_deployment_gets_another_number_of_pods_and_the_old_one_back() {
    let mut bench = listed();
    bench.press("x s");
    assert!(bench.shows(":scale 3"), "{}", bench.picture());
    bench.press("backspace").write("5").press("enter");
    let (id, object) = replaced(&bench);
    assert_eq!(object["spec"]["replicas"], 5);
    done(&mut bench, id);
    assert!(bench.shows("deployment/default/kubia scaled to 5"), "{}", bench.picture());
    bench.wire(Wire::Put(Kind::Deployment, Box::new(row(Kind::Deployment, &deployment(5)))));
    bench.effects.clear();
    bench.press("z");
    assert!(bench.shows("It has 3 pods again."), "{}", bench.picture());
    bench.press("y");
    assert_eq!(replaced(&bench).1["spec"]["replicas"], 3);
    bench.write(":scale many").press("enter");
    assert!(bench.shows("how many pods? \"many\" is no number"), "{}", bench.picture());
}

#[test]
fn a_deployment_is_restarted_after_asking_and_a_paused_one_is_not() {
    let mut bench = listed();
    bench.press("x r");
    assert!(bench.shows("Restart deployment?") && bench.shows("  default/kubia"), "{}", bench.picture());
    bench.press("y");
    let (id, object) = replaced(&bench);
    let restarted = &object["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"];
    assert!(restarted.as_str().is_some_and(|at| at.ends_with('Z')), "{object}");
    done(&mut bench, id);
    assert!(bench.shows("deployment/default/kubia restarted"), "{}", bench.picture());
    let mut paused = deployment(3);
    paused["spec"]["paused"] = json!(true);
    bench.wire(Wire::Put(Kind::Deployment, Box::new(row(Kind::Deployment, &paused))));
    bench.press("x r");
    assert!(bench.shows("is paused: nothing would roll"), "{}", bench.picture());
}

fn set(revision: &str, image: &str) -> Value {
    json!({"metadata": {"name": format!("kubia-{revision}"), "namespace": "default", "uid": revision,
            "creationTimestamp": "2026-03-01T11:30:00Z", "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"kind": "Deployment", "name": "kubia", "uid": "d", "controller": true}]},
        "spec": {"replicas": 0, "template": {"metadata": {"labels": {"app": "kubia", "pod-template-hash": revision}},
            "spec": {"containers": [{"name": "a", "image": image}]}}}})
}

fn with_revisions() -> Bench {
    let mut bench = listed();
    bench.wire(Wire::Rows(
        Kind::ReplicaSet,
        ["kubia:0", "kubia:1"]
            .iter()
            .zip(["1", "2"])
            .map(|(image, revision)| row(Kind::ReplicaSet, &set(revision, image)))
            .collect(),
    ));
    bench
}

#[test]
fn a_deployment_goes_back_to_an_older_revision_and_to_the_newer_one_again() {
    let mut bench = with_revisions();
    bench.press("x u");
    assert!(bench.shows("back to revision") && bench.shows("kubia:0  made 30m ago"), "{}", bench.picture());
    bench.press("enter");
    assert!(
        bench.shows("Back to revision 1?") && bench.shows("spec.containers[a].image: kubia:1 → kubia:0"),
        "{}",
        bench.picture()
    );
    bench.press("y");
    let (id, object) = replaced(&bench);
    assert_eq!(
        object["spec"]["template"],
        json!({"metadata": {"labels": {"app": "kubia"}}, "spec": {"containers": [{"name": "a", "image": "kubia:0"}]}})
    );
    done(&mut bench, id);
    assert!(bench.shows("deployment/default/kubia rolled back to revision 1"), "{}", bench.picture());
    bench.press("z");
    assert!(bench.shows("It has the template of revision 2 again."), "{}", bench.picture());
    bench.press("y");
    assert_eq!(replaced(&bench).1["spec"]["template"]["spec"]["containers"][0]["image"], "kubia:1");
    bench.write(":rollback 7").press("enter");
    assert!(bench.shows("has no revision 7 any more"), "{}", bench.picture());
    bench.write(":rollback 2").press("enter");
    assert!(bench.shows("has the template of revision 2 already"), "{}", bench.picture());
}

#[test]
fn without_known_replica_sets_a_rollback_waits_for_them() {
    let mut bench = listed();
    bench.press("x u");
    assert!(bench.shows("reading replicasets"), "{}", bench.picture());
    bench.wire(Wire::Rows(Kind::ReplicaSet, vec![row(Kind::ReplicaSet, &set("1", "kubia:1"))]));
    assert!(bench.shows("has no older revision to go back to"), "{}", bench.picture());
}

#[test]
fn containers_get_other_images_and_the_old_ones_back() {
    let mut bench = with_revisions();
    bench.press("x i");
    assert!(bench.shows("Images of deployment/kubia") && bench.shows("kubia:1"), "{}", bench.picture());
    // What older revisions had is proposed.
    bench.press("down enter");
    let (id, object) = replaced(&bench);
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["image"], "kubia:0");
    done(&mut bench, id);
    assert!(bench.shows("deployment/default/kubia runs kubia:0 in a"), "{}", bench.picture());
    bench.press("z");
    assert!(bench.shows("a runs kubia:1 again."), "{}", bench.picture());
    bench.press("esc").write(":set-image kubia:9").press("enter");
    assert_eq!(replaced(&bench).1["spec"]["template"]["spec"]["containers"][0]["image"], "kubia:9");
    bench.write(":set-image b=kubia:9").press("enter");
    assert!(bench.shows("there is no container b"), "{}", bench.picture());
    bench.write(":pods").press("enter").press("x i");
    assert!(bench.shows("Images of pod/alpha") && bench.shows("luksa/kubia:v2"), "{}", bench.picture());
    bench.press("ctrl-u enter");
    assert!(bench.shows("an image of web is missing"), "{}", bench.picture());
}

#[test]
fn a_deployment_is_paused_and_resumed() {
    let mut bench = listed();
    bench.press("x p");
    let (id, object) = replaced(&bench);
    assert_eq!(object["spec"]["paused"], true);
    done(&mut bench, id);
    assert!(bench.shows("deployment/default/kubia paused"), "{}", bench.picture());
    bench.wire(Wire::Put(Kind::Deployment, Box::new(row(Kind::Deployment, &object))));
    assert!(bench.shows("▲ default"), "{}", bench.picture());
    bench.press("x u");
    bench.wire(Wire::Rows(Kind::ReplicaSet, vec![row(Kind::ReplicaSet, &set("1", "a")), row(Kind::ReplicaSet, &set("2", "b"))]));
    bench.press("enter");
    assert!(bench.shows("is paused: nothing would roll"), "{}", bench.picture());
    bench.write(":resume").press("enter");
    assert_eq!(replaced(&bench).1["spec"].get("paused"), None);
}

#[test]
fn why_a_deployment_is_not_done_leads_to_the_pod_that_fails() {
    let mut bench = with_revisions();
    let mut own = pod("kubia-2-x", &json!({"waiting": {"reason": "ImagePullBackOff"}}), false, 0);
    own["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "kubia-2", "uid": "2", "controller": true}]);
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &own))));
    bench.press("w");
    assert!(bench.shows("pod: kubia-2-x: ImagePullBackOff, 0/2 ready"), "{}", bench.picture());
    bench.press("enter");
    assert!(bench.line(1).contains("kubia-2-x why"), "{}", bench.picture());
}

#[test]
fn what_makes_pods_is_asked_why_by_its_name_too() {
    let mut bench = Bench::new(110, 20);
    bench.write(":why deploy kubia").press("enter");
    assert!(bench.shows("reading deployments"), "{}", bench.picture());
    bench.wire(Wire::Rows(Kind::Deployment, vec![row(Kind::Deployment, &deployment(3))]));
    assert!(bench.line(1).contains("kubia why"), "{}", bench.picture());
    bench.press("esc").write(":why ev e0").press("enter");
    assert!(bench.shows(":why is for pods, nodes and what makes pods"), "{}", bench.picture());
}

#[test]
fn a_pod_leads_to_its_set_and_the_set_to_its_deployment() {
    let mut bench = Bench::new(110, 20);
    let owner = |kind: &str, name: &str| json!([{"kind": kind, "name": name, "uid": "u", "controller": true}]);
    let mut own = pod("aaa", &json!({"running": {}}), true, 0);
    own["metadata"]["ownerReferences"] = owner("ReplicaSet", "kubia-x");
    bench.wire(Wire::Put(Kind::Pod, Box::new(row(Kind::Pod, &own))));
    bench.press("g g J");
    let mut set = deployment(3);
    set["metadata"]["name"] = json!("kubia-x");
    set["metadata"]["ownerReferences"] = owner("Deployment", "kubia");
    bench.wire(Wire::Rows(Kind::ReplicaSet, vec![row(Kind::ReplicaSet, &set)]));
    assert!(bench.line(1).contains("kubia-x describe"), "{}", bench.picture());
    bench.press("J");
    bench.wire(Wire::Rows(Kind::Deployment, vec![row(Kind::Deployment, &deployment(3))]));
    assert!(bench.line(1).contains("kubia describe"), "{}", bench.picture());
    bench.press("J");
    assert!(bench.shows("it has no owner"), "{}", bench.picture());
}
