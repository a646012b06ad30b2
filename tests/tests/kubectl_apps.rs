//! kubectl and Deployments: made, scaled, rolled out, gone back from, paused, restarted and deleted.

use end_to_end::kubectl::{Kubectl, LISTEN, programs};
use end_to_end::{World, is_skipped};
use serde_json::Value;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

/// The same image under another name: another template.
const OTHER: &str = "demo=docker.io/skiff/demo:1.0";

fn world() -> World {
    let world = World::new(&["--listen", LISTEN]);
    world.load_demo_image();
    world
}

fn items(kubectl: &Kubectl<'_>, kind: &str) -> Vec<Value> {
    let list: Value = serde_json::from_str(&kubectl.run(&["get", kind, "-o", "json"]).ok()).expect("JSON");
    list["items"].as_array().cloned().unwrap_or_default()
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn rolled_out(kubectl: &Kubectl<'_>) {
    let told = kubectl.run(&["rollout", "status", "deployment/kubia", "--timeout=90s"]).ok();
    assert!(told.ends_with("deployment \"kubia\" successfully rolled out\n"), "{told}");
}

fn words(text: &str, row: usize) -> Vec<&str> {
    text.lines().nth(row).unwrap_or_default().split_whitespace().collect()
}

/// The revisions that `rollout history` shows.
fn revisions(kubectl: &Kubectl<'_>) -> Vec<String> {
    let history = kubectl.run(&["rollout", "history", "deployment/kubia"]).ok();
    history.lines().skip(2).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn a_deployment_is_made_scaled_rolled_out_and_gone_back_from() {
    if is_skipped("a_deployment_is_made_scaled_rolled_out_and_gone_back_from") {
        return;
    }
    let world = world();
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let ran = |words: &[&str]| kubectl.run(words).ok();
        let created = ran(&["create", "deployment", "kubia", "--image=skiff/demo:1.0", "--replicas=3"]);
        assert_eq!(created, "deployment.apps/kubia created\n", "{program:?}");
        rolled_out(&kubectl);
        let table = ran(&["get", "deployments"]);
        assert_eq!(words(&table, 0), ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]);
        assert_eq!(words(&table, 1)[..4], ["kubia", "3/3", "3", "3"]);
        let wide = ran(&["get", "deploy", "-o", "wide"]);
        assert_eq!(words(&wide, 1)[5..], ["demo", "skiff/demo:1.0", "app=kubia"]);
        let sets = ran(&["get", "rs"]);
        assert_eq!(words(&sets, 0), ["NAME", "DESIRED", "CURRENT", "READY", "AGE"]);
        assert_eq!(words(&sets, 1)[1..4], ["3", "3", "3"]);
        let set = words(&sets, 1)[0].to_owned();
        let described = ran(&["describe", "deployment", "kubia"]);
        for expected in [
            "3 desired | 3 updated | 3 total | 3 available | 0 unavailable",
            "MinimumReplicasAvailable",
            "NewReplicaSetAvailable",
            &format!("NewReplicaSet:   {set} (3/3 replicas created)"),
            &format!("Scaled up replica set {set} from 0 to 3"),
        ] {
            assert!(described.contains(expected), "{expected}: {described}");
        }
        let described = ran(&["describe", "rs", &set]);
        assert!(described.contains("Controlled By:  Deployment/kubia"), "{described}");
        assert!(described.contains(&format!("Created pod: {set}-")), "{described}");
        assert!(ran(&["get", "all"]).contains(&format!("replicaset.apps/{set}")));

        assert_eq!(ran(&["scale", "deployment", "kubia", "--replicas=4"]), "deployment.apps/kubia scaled\n");
        rolled_out(&kubectl);
        assert_eq!(items(&kubectl, "pods").iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).count(), 4);
        let refused = kubectl.run(&["scale", "deployment", "kubia", "--current-replicas=9", "--replicas=1"]).fails();
        assert!(refused.contains("Expected replicas to be 9, was 4"), "{refused}");

        assert_eq!(ran(&["set", "image", "deployment/kubia", OTHER]), "deployment.apps/kubia image updated\n");
        rolled_out(&kubectl);
        assert_eq!(revisions(&kubectl), ["1", "2"]);
        assert_eq!(words(&ran(&["get", "rs", &set]), 1)[1..4], ["0", "0", "0"]);
        let detail = ran(&["rollout", "history", "deployment/kubia", "--revision=2"]);
        assert!(detail.contains("docker.io/skiff/demo:1.0"), "{detail}");
        assert_eq!(ran(&["rollout", "undo", "deployment/kubia"]), "deployment.apps/kubia rolled back\n");
        rolled_out(&kubectl);
        assert_eq!(revisions(&kubectl), ["2", "3"]);
        assert_eq!(words(&ran(&["get", "rs", &set]), 1)[1..4], ["4", "4", "4"]);

        let victim = items(&kubectl, "pods")[0]["metadata"]["name"].as_str().expect("a name").to_owned();
        let _ = ran(&["delete", "pod", &victim, "--grace-period=1"]);
        wait_for("another pod for the one that was deleted", || {
            let pods = items(&kubectl, "pods");
            words(&ran(&["get", "rs", &set]), 1)[3] == "4" && pods.iter().all(|pod| pod["metadata"]["name"] != victim.as_str())
        });
        let _ = ran(&["delete", "deployment", "kubia"]);
        wait_for("what it owned is gone", || items(&kubectl, "rs").is_empty() && items(&kubectl, "pods").is_empty());
    }
}

#[test]
fn a_deployment_is_paused_resumed_and_restarted() {
    if is_skipped("a_deployment_is_paused_resumed_and_restarted") {
        return;
    }
    let world = world();
    let program = programs().pop().expect("there is one");
    let kubectl = Kubectl::new(&world, &program, &[]);
    let ran = |words: &[&str]| kubectl.run(words).ok();
    let _ = ran(&["create", "deployment", "kubia", "--image=skiff/demo:1.0"]);
    rolled_out(&kubectl);
    assert_eq!(ran(&["rollout", "pause", "deployment/kubia"]), "deployment.apps/kubia paused\n");
    let _ = ran(&["set", "image", "deployment/kubia", OTHER]);
    let reason = "jsonpath={.status.conditions[?(@.type==\"Progressing\")].reason}";
    wait_for("it is said to be paused", || ran(&["get", "deploy", "kubia", "-o", reason]) == "DeploymentPaused");
    let refused = kubectl.run(&["rollout", "restart", "deployment/kubia"]).fails();
    assert!(refused.contains("can't restart paused deployment"), "{refused}");
    assert_eq!(items(&kubectl, "rs").len(), 1, "nothing rolls");
    assert_eq!(ran(&["rollout", "resume", "deployment/kubia"]), "deployment.apps/kubia resumed\n");
    rolled_out(&kubectl);
    assert_eq!(items(&kubectl, "rs").len(), 2);
    assert_eq!(ran(&["rollout", "restart", "deployment/kubia"]), "deployment.apps/kubia restarted\n");
    rolled_out(&kubectl);
    assert_eq!(revisions(&kubectl), ["1", "2", "3"]);
    let recreate = r#"{"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}"#;
    let _ = ran(&["patch", "deployment", "kubia", "-p", recreate]);
    let _ = ran(&["set", "image", "deployment/kubia", "demo=skiff/demo:1.0"]);
    rolled_out(&kubectl);
    assert_eq!(words(&ran(&["get", "deploy", "kubia"]), 1)[1..4], ["1/1", "1", "1"]);
    let broken = ran(&["set", "image", "deployment/kubia", "demo=skiff/none:1.0"]);
    assert!(broken.contains("image updated"), "{broken}");
    let _ = ran(&["patch", "deployment", "kubia", "-p", r#"{"spec": {"progressDeadlineSeconds": 3}}"#]);
    wait_for("the rollout failed", || ran(&["get", "deploy", "kubia", "-o", reason]) == "ProgressDeadlineExceeded");
    let told = kubectl.run(&["rollout", "status", "deployment/kubia"]).fails();
    assert!(told.contains("exceeded its progress deadline"), "{told}");
    assert_eq!(ran(&["rollout", "undo", "deployment/kubia"]), "deployment.apps/kubia rolled back\n");
    rolled_out(&kubectl);
}
