//! The book's manifests, which are not ours, over five nodes that pull their images from a registry in the cluster's network.

use end_to_end::{Cluster, cases, eventually, images, is_skipped};
use std::path::Path;

/// The first machine's address. The port is free there: the network is the cluster's own.
const REGISTRY: &str = "10.99.0.1:5000";

/// Debian's docker-registry on the first machine, which ends with that machine.
fn start_registry(cluster: &Cluster) {
    let (config, storage) = (cluster.folder().join("registry.yaml"), cluster.folder().join("registry"));
    let text = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{REGISTRY}\"}}\n",
        storage.display()
    );
    std::fs::write(&config, text).expect("the registry's configuration");
    let script = "setsid docker-registry serve \"$0\" >/dev/null 2>&1 </dev/null &";
    let _ = cluster.on("n1", &["sh", "-c", script, &config.to_string_lossy()]).ok();
}

fn push(cluster: &Cluster, archive: &Path, name: &str) {
    let (source, target) = (format!("oci-archive:{}", archive.display()), format!("docker://{REGISTRY}/{name}"));
    eventually(&format!("push of {name}"), || {
        let ran = cluster.on("n1", &["skopeo", "copy", "--dest-tls-verify=false", &source, &target]);
        if ran.code == 0 { Ok(()) } else { Err(ran.stderr) }
    });
}

#[test]
fn the_books_pods_spread_over_five_nodes_and_answer_each_other() {
    let name = "the_books_pods_spread_over_five_nodes_and_answer_each_other";
    if is_skipped(name) {
        return;
    }
    let (Some(cases), Some(images)) = (cases(name), images(name)) else { return };
    let cluster = Cluster::with(5, 1, &["--registry-mirror", &format!("docker.io=http://{REGISTRY}")]);
    cluster.wait_whole();
    start_registry(&cluster);
    for (file, image) in [
        ("luksa_kubia_1.0.oci.tar", "luksa/kubia:1.0"),
        ("luksa_kubia-ssl-proxy_1.0.oci.tar", "luksa/kubia-ssl-proxy:1.0"),
        ("luksa_fortune-writer_1.0.oci.tar", "luksa/fortune-writer:1.0"),
        ("nginx_alpine.oci.tar", "library/nginx:alpine"),
    ] {
        push(&cluster, &images.join(file), image);
    }
    let nodes = cluster.nodes();
    let manifests = [
        ("Chapter05/kubia.yaml", "kubia", 8080),
        ("Chapter05/kubia-ssl.yaml", "kubia-ssl", 8080),
        ("Chapter07/fortune.yaml", "fortune", 80),
    ];
    for ((manifest, _, _), through) in manifests.iter().zip(&nodes) {
        let _ = cluster.skiff(through, &["apply", "-f", &cases.join("book").join(manifest).to_string_lossy()]).ok();
    }
    let pods = manifests.map(|(_, pod, port)| (cluster.wait_ready("n5", pod), port));
    let mut places: Vec<&str> = pods.iter().filter_map(|(pod, _)| pod["spec"]["nodeName"].as_str()).collect();
    places.sort_unstable();
    places.dedup();
    assert!(places.len() > 1, "three pods and five nodes: {places:?}");
    for (from, _) in &pods {
        for (to, port) in &pods {
            let url = format!("http://{}:{port}/", to["status"]["podIP"].as_str().expect("an address"));
            let answer = eventually("one pod answers another", || cluster.fetch_from_pod(from, &url));
            assert!(!answer.is_empty(), "{url}");
        }
    }
}
