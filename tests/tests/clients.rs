//! Client libraries that are not ours drive a cluster: the Python client of Kubernetes and kube-rs do the same (`tests/clients/`).

use end_to_end::{Cluster, Driver, is_skipped, manifest};

/// Where the clients run: no daemon that is killed takes them along.
const HOME: &str = "n3";

fn drives_a_cluster(client: &Driver) {
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    cluster.create("n1", &manifest::server("web-far", "n2"));
    let counts = "for i in 0 1 2 3 4 5 6 7; do echo line $i; sleep 0.3; done; trap exit TERM; sleep 86400 & wait";
    cluster.create("n1", &manifest::script("talk-far", "n2", counts));
    let _ = client.run(&cluster, HOME, "objects", &["n1", "n2"]).ok();
    for pod in ["web-far", "talk-far"] {
        cluster.wait_ready("n1", pod);
    }
    let _ = client.run(&cluster, HOME, "streams", &["n1"]).ok();
    goes_on_at_another_node(&cluster, client);
}

fn goes_on_at_another_node(cluster: &Cluster, client: &Driver) {
    cluster.create("n1", &manifest::sleeper("short", "n3"));
    cluster.wait_ready("n2", "short");
    let mut watch = client.begin(cluster, HOME, "watches", &["n1", "n2", "n3"]);
    watch.hear("the first list", |line| line == "listed 1");
    assert!(watch.lines().iter().any(|line| line == "has 1 short"), "{:?}", watch.lines());
    cluster.create("n2", &manifest::sleeper("before", "n3"));
    watch.hear("a change by the first node", |line| line == "applied 1 before");
    cluster.kill("n1");
    // What happens while the client looks for another node is in its next list, or comes after it.
    cluster.create("n2", &manifest::sleeper("meanwhile", "n3"));
    let _ = cluster.skiff("n2", &["delete", "pod", "short", "--grace-period=0", "--force"]).ok();
    let lost = watch.hear("the node's end", |line| line.starts_with("lost 1"));
    let listed = watch.hear("the next list", |line| line == "listed 2");
    assert!(lost < listed, "{:?}", watch.lines());
    watch.hear("what was made meanwhile", |line| line == "has 2 meanwhile" || line == "applied 2 meanwhile");
    watch.hear("what was deleted meanwhile", |line| line == "deleted 2 short");
    cluster.create("n3", &manifest::sleeper("after", "n3"));
    watch.hear("a change by the second node", |line| line == "applied 2 after");
    let _ = cluster.skiff("n2", &["delete", "pod", "after", "--grace-period=0", "--force"]).ok();
    watch.hear("an end by the second node", |line| line == "deleted 2 after");
    // One more: the client's own machine is the last.
    cluster.kill("n2");
    watch.hear("the last list", |line| line == "listed 3");
    let has = |name: &str| watch.lines().iter().any(|line| line == &format!("has 3 {name}"));
    assert!(has("web-far") && has("before") && !has("after"), "{:?}", watch.lines());
}

#[test]
fn the_python_client_drives_a_cluster() {
    if is_skipped("the_python_client_drives_a_cluster") {
        return;
    }
    drives_a_cluster(&Driver::python());
}

#[test]
fn kube_rs_drives_a_cluster() {
    if is_skipped("kube_rs_drives_a_cluster") {
        return;
    }
    drives_a_cluster(&Driver::kube());
}
