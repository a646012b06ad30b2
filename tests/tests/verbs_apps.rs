//! skiff's own verbs for Deployments against a daemon.

use end_to_end::{World, eventually, is_skipped};

/// The same image under another name: another template.
const OTHER: &str = "demo=docker.io/skiff/demo:1.0";

fn words(text: &str, row: usize) -> Vec<&str> {
    text.lines().nth(row).unwrap_or_default().split_whitespace().collect()
}

#[test]
fn a_deployment_is_made_scaled_rolled_out_paused_and_gone_back_from() {
    if is_skipped("a_deployment_is_made_scaled_rolled_out_paused_and_gone_back_from") {
        return;
    }
    let world = World::new(&[]);
    world.load_demo_image();
    let ran = |words: &[&str]| world.skiff(words).ok();
    let rolled_out = || {
        let told = ran(&["rollout", "status", "deployment/kubia", "--timeout=60s"]);
        assert!(told.ends_with("deployment \"kubia\" successfully rolled out\n"), "{told}");
    };
    let printed = ran(&["create", "deployment", "kubia", "--image=skiff/demo:1.0", "--dry-run=client", "-o", "yaml"]);
    assert!(printed.contains("kind: Deployment") && printed.contains("name: demo"), "{printed}");
    let created = ran(&["create", "deployment", "kubia", "--image=skiff/demo:1.0", "--replicas=2"]);
    assert_eq!(created, "deployment.apps/kubia created\n");
    rolled_out();
    let table = ran(&["get", "deploy"]);
    assert_eq!(words(&table, 0), ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]);
    assert_eq!(words(&table, 1)[..4], ["kubia", "2/2", "2", "2"]);
    let set = words(&ran(&["get", "rs"]), 1)[0].to_owned();
    let all = ran(&["get", "all"]);
    assert!(all.contains("deployment.apps/kubia") && all.contains(&format!("replicaset.apps/{set}")), "{all}");

    assert_eq!(ran(&["scale", "deployment/kubia", "--replicas=3"]), "deployment.apps/kubia scaled\n");
    rolled_out();
    assert_eq!(words(&ran(&["get", "rs", &set]), 1)[1..4], ["3", "3", "3"]);
    let refused = world.skiff(&["scale", "deployment/kubia", "--replicas=1", "--current-replicas=7"]).fails();
    assert_eq!(refused, "error: Expected replicas to be 7, was 3\n");
    assert!(world.skiff(&["scale", "deployment/kubia", "--replicas=-1"]).fails().contains("greater than or equal to 0"));
    assert!(world.skiff(&["scale", "service/kubernetes", "--replicas=1"]).fails().contains("no number of pods"));

    assert_eq!(ran(&["set", "image", "deployment/kubia", OTHER]), "deployment.apps/kubia image updated\n");
    rolled_out();
    let history = ran(&["rollout", "history", "deployment/kubia"]);
    assert_eq!(history, "deployment.apps/kubia \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n");
    let detail = ran(&["rollout", "history", "deployment/kubia", "--revision=2"]);
    assert!(detail.starts_with("deployment.apps/kubia with revision #2\nPod Template:\n"), "{detail}");
    assert!(detail.contains("docker.io/skiff/demo:1.0"), "{detail}");
    assert!(
        world
            .skiff(&["set", "image", "deployment/kubia", "other=x"])
            .fails()
            .contains("unable to find container named \"other\"")
    );
    assert_eq!(ran(&["rollout", "undo", "deployment/kubia"]), "deployment.apps/kubia rolled back\n");
    rolled_out();
    let skipped = ran(&["rollout", "undo", "deployment/kubia", "--to-revision=3"]);
    assert!(skipped.contains("skipped rollback (current template already matches revision 3)"), "{skipped}");

    assert_eq!(ran(&["rollout", "pause", "deployment/kubia"]), "deployment.apps/kubia paused\n");
    assert!(world.skiff(&["rollout", "undo", "deployment/kubia"]).fails().contains("cannot rollback a paused deployment"));
    assert!(world.skiff(&["rollout", "restart", "deployment/kubia"]).fails().contains("can't restart paused deployment"));
    assert_eq!(ran(&["rollout", "resume", "deployment/kubia"]), "deployment.apps/kubia resumed\n");
    assert_eq!(ran(&["rollout", "restart", "deployment/kubia"]), "deployment.apps/kubia restarted\n");
    rolled_out();
    assert!(world.skiff(&["rollout", "status", "pod/kubia"]).fails().contains("only deployments are"));
    let refused = world.skiff(&["expose", "deployment", "kubia", "--port=80"]).fails();
    assert!(refused.contains("there are no service addresses yet"), "{refused}");

    let _ = ran(&["delete", "deployment", "kubia"]);
    eventually("what it owned is gone", || {
        let left = ran(&["get", "rs,pods", "-o", "name"]);
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}
