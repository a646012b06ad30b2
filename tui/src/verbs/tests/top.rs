//! `top` against a daemon that the tests play.

use super::{failed, out, pod};
use crate::verbs::fake_daemon::{Done, FakeDaemon};
use serde_json::{Value, json};

/// A pod of two containers, on a node that answers; the tests' daemon measures both.
fn placed(name: &str, node: &str) -> Value {
    let mut placed = pod(name);
    placed["spec"]["nodeName"] = json!(node);
    placed["metadata"]["uid"] = json!(format!("uid-{name}"));
    placed["spec"]["containers"] = json!([{"name": "main", "image": "x"}, {"name": "side", "image": "x"}]);
    placed
}

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "namespace": ""},
           "status": {"allocatable": {"cpu": "2", "memory": "1Gi"}, "capacity": {"cpu": "4", "memory": "2Gi"}}})
}

#[tokio::test]
async fn what_nodes_use_is_shown_with_its_part_of_what_they_have() {
    let daemon = FakeDaemon::start(vec![node("oak"), node("elm")]);
    let gone = "Warning: node elm cannot be reached from node oak: it was last seen 5s ago\n";
    let table = "NAME   CPU(cores)   CPU(%)      MEMORY(bytes)   MEMORY(%)\n\
        oak    501m         25%         256Mi           25%\n\
        elm    <unknown>    <unknown>   <unknown>       <unknown>\n";
    let done = daemon.run(&["top", "nodes", "--sort-by", "cpu"]).await;
    assert_eq!(done, Done { code: 0, out: table.to_owned(), err: gone.to_owned() });
    let capacity = daemon.run(&["top", "node", "oak", "--show-capacity", "--no-headers"]).await;
    assert_eq!(capacity, out("oak   501m   12%   256Mi   12%\n"));
    let missing = daemon.run(&["top", "node", "none"]).await;
    assert_eq!(missing, failed("Error from server (NotFound): nodes \"none\" not found\n"));
}

#[tokio::test]
async fn what_pods_use_is_shown_by_pod_and_by_container() {
    let mut other = placed("c", "oak");
    other["metadata"]["namespace"] = json!("other");
    let daemon = FakeDaemon::start(vec![placed("a", "oak"), placed("b", ""), other]);
    assert_eq!(daemon.run(&["top", "pod"]).await, out("NAME   CPU(cores)   MEMORY(bytes)\na      6m           30Mi\n"));
    let containers = "POD   NAME   CPU(cores)   MEMORY(bytes)\n\
        a     side   5m           10Mi\n\
        a     main   2m           20Mi\n";
    assert_eq!(daemon.run(&["top", "po", "a", "--containers", "--sort-by=cpu"]).await, out(containers));
    let all = daemon.run(&["top", "pods", "-A", "--no-headers"]).await;
    assert_eq!(all, out("default   a     6m    30Mi\nother     c     6m    30Mi\n"));
    let sum = daemon.run(&["top", "pods", "-A", "--sum", "--no-headers"]).await.out;
    assert!(sum.ends_with("12m        60Mi\n") && sum.contains("________"), "{sum}");
    let unmeasured = daemon.run(&["top", "pod", "b"]).await;
    assert_eq!(unmeasured, failed("error: metrics not available for pod default/b\n"));
    let nothing = daemon.run(&["top", "pod", "-l", "app=none"]).await;
    assert_eq!(nothing, Done { code: 0, out: String::new(), err: "No resources found in default namespace.\n".to_owned() });
}
